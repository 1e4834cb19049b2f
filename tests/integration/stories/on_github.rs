use super::WEB;
use crate::support::cli::Ran;
use crate::support::cluster::Way;
use crate::support::git::MAIN;
use crate::support::github::{Fault, GitHub, Repository};
use crate::support::world::{Setting, World};

const NAME: &str = "company/ml-config";

/// A world whose config repository is on GitHub.
struct Scene {
    github: GitHub,
    repository: Repository,
    world: World,
}

impl Scene {
    fn new(name: &str) -> Self {
        let github = GitHub::start();
        let repository = github.repository(NAME, &[("apps/web.yaml", WEB)]);
        let world = World::new(&Setting { name, ..Setting::default() });
        let forge = format!(
            "{{github: {{base_url: \"{}\", repository: {NAME}, token_env: GITHUB_TOKEN, write_pause_ms: 0}}}}",
            github.api_url()
        );
        world.configure(|config| {
            config
                .replace("{local: {folder: pull-requests}}", &forge)
                .replace(
                    "url: remote.git, cache: cache, token_env: CONFIG_TOKEN",
                    &format!("url: \"{}\", cache: cache", repository.git_url()),
                )
                .replace("[ada]", "[alice]")
        });
        let scene = Self { github, repository, world };
        scene.deliver();
        scene
    }

    /// Applies what `main` declares, as the pipeline does after a merge.
    fn deliver(&self) {
        let manifest = self.repository.bare().file(MAIN, "apps/web.yaml").expect("the file is there");
        self.world.cluster.deliver(Way::ClientSide, &self.world.namespace, &manifest);
    }

    fn trueup(&self, args: &[&str]) -> Ran {
        let ran = self.world.invocation(args).env("GITHUB_TOKEN", self.github.token()).run();
        assert!(!ran.everything().contains(self.github.token()), "the token was said");
        self.world.heard(&ran.everything());
        ran
    }
}

/// The whole way round: applied and clean, edited by hand, proposed with its author to the right people, left alone by
/// the next run, merged, applied, clean again, and nothing more to do.
#[test]
fn from_an_edit_to_the_merge() {
    let scene = Scene::new("github");
    scene.trueup(&["scan"]).exits(0);
    scene.world.cluster.edit(&scene.world.namespace, "deployment/web", "s/memory: 512Mi/memory: 2Gi/");
    let path = "spec.template.spec.containers[name=web].resources.limits.memory";
    let found = scene.trueup(&["scan", "-o", "json"]).exits(1);
    assert_eq!(found.items(), [format!("Deployment/web {path} cluster_drift by kubectl-edit (person)")]);

    scene.trueup(&["run"]).exits(0);
    let pull = scene.repository.pull_request(1);
    assert_eq!((pull.reviewers, pull.teams), (vec!["alice".to_owned()], vec!["platform".to_owned()]));
    assert_eq!(pull.labels, ["drift", "prod"]);
    let body = pull.body.expect("a body");
    for told in ["`512Mi`", "`2Gi`", "`kubectl-edit` (person", path, "### If you merge", "### If you close"] {
        assert!(body.contains(told), "{told} is missing in\n{body}");
    }
    let proposed = scene.repository.bare().file(&pull.head, "apps/web.yaml").expect("the file is there");
    let added: Vec<_> = proposed.lines().filter(|line| !WEB.lines().any(|old| old == *line)).collect();
    assert_eq!((proposed.lines().count(), added.len()), (WEB.lines().count() + 2, 2), "{added:?}");
    assert!(added[0].trim() == "annotations:" && added[1].trim().starts_with("trueup.dev/restore: "), "{added:?}");

    let (writes, heads) = (scene.github.writes(), scene.repository.bare().heads());
    scene.trueup(&["run"]).exits(0);
    assert_eq!((scene.github.writes(), scene.repository.bare().heads()), (writes, heads), "an idle run writes nothing");

    scene.repository.merge(1);
    let waiting = scene.trueup(&["run", "-o", "json"]).exits(0);
    assert_eq!(waiting.outcomes(), ["Deployment/web waiting_for_sync"]);
    scene.deliver();
    scene.trueup(&["scan"]).exits(0);
    scene.trueup(&["run"]).exits(0);
    assert_eq!(scene.repository.pull_requests().len(), 1);
    scene.github.finish();
}

/// What cannot be read is not gone: with the API server away the pull request stays as it is.
#[test]
fn an_outage_closes_nothing() {
    let scene = Scene::new("outage");
    scene.world.kubectl(&["scale", "deployment/web", "--replicas=9"]);
    scene.trueup(&["run"]).exits(0);
    let writes = scene.github.writes();
    scene.world.reach_cluster_at("http://127.0.0.1:1");
    let ran = scene.trueup(&["run", "-o", "json"]).exits(0);
    assert!(ran.problems().iter().any(|problem| problem.contains("refused")), "{:?}", ran.problems());
    assert!(scene.repository.pull_request(1).is_open());
    assert_eq!(scene.github.writes(), writes);
    scene.github.finish();
}

/// With the forge away nothing is pushed, the report says so, and the next run makes up for it.
#[test]
fn a_forge_that_is_down_is_told() {
    let scene = Scene::new("forge");
    scene.world.kubectl(&["scale", "deployment/web", "--replicas=9"]);
    // reads are tried three times
    for _ in 0..3 {
        scene.github.fail("pulls/list", Fault::BadGatewayBefore);
    }
    let ran = scene.trueup(&["run", "-o", "json"]).exits(0);
    assert!(ran.problems().iter().any(|problem| problem.contains("could not be read")), "{:?}", ran.problems());
    assert_eq!(
        (scene.repository.pull_requests().len(), scene.repository.bare().branches()),
        (0, vec![MAIN.to_owned()])
    );
    scene.trueup(&["run"]).exits(0);
    assert_eq!(scene.repository.pull_requests().len(), 1);
    scene.github.finish();
}
