//! The program against GitHub: a process of its own, a repository behind HTTP, and what its runs leave there.

use std::process::Stdio;
use std::time::Duration;

use crate::support::cli::{Desk, Ran};
use crate::support::git::{ALICE, MAIN};
use crate::support::github::{Fault, GitHub, Repository};

const WANTED: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: features, namespace: shop}\ndata: {ranking: v2}\n";
const NAME: &str = "company/ml-config";
/// Something of the kind, so that what is missing is known to be.
const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: elsewhere}\n";

struct Scene {
    github: GitHub,
    repository: Repository,
    desk: Desk,
}

impl Scene {
    fn new() -> Self {
        let github = GitHub::start();
        let repository = github.repository(NAME, &[("apps/features.yaml", WANTED), ("README.md", "hello\n")]);
        let desk = Desk::new();
        let config = format!(
            "cluster: {{name: prod}}\nrepository: {{url: \"{}\", cache: cache}}\n\
             sources: [{{name: apps, path: apps, environment: production}}]\n\
             forge: {{github: {{base_url: \"{}\", repository: {NAME}, token_env: TOKEN, write_pause_ms: 0}}}}\n\
             proposals: {{reviewers: [alice], team_reviewers: [platform], labels: [drift]}}\n",
            repository.git_url(),
            github.api_url()
        );
        desk.write("trueup.yaml", &config);
        desk.write("live.yaml", OTHER);
        Self { github, repository, desk }
    }

    /// One run; the token must be in nothing that it says.
    fn run(&self) -> Ran {
        let ran = self.desk.trueup(["run", "--live", "live.yaml"]).env("TOKEN", self.github.token()).run();
        assert!(!ran.everything().contains(self.github.token()), "the token was said: {}", ran.everything());
        ran
    }

    /// A run that is killed after so many milliseconds, if it is not over by then.
    fn run_and_kill(&self, milliseconds: u64) {
        let mut command =
            self.desk.trueup(["run", "--live", "live.yaml"]).env("TOKEN", self.github.token()).into_command();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        std::thread::sleep(Duration::from_millis(milliseconds));
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
    }

    fn branch(&self) -> String {
        let branches = self.repository.bare().branches();
        let ours: Vec<_> = branches.iter().filter(|branch| *branch != MAIN).collect();
        assert_eq!(ours.len(), 1, "{branches:?}");
        ours[0].clone()
    }
}

/// One pull request from the first run, nothing at all from the second, and its end when the drift is gone: closed with a
/// comment, its branch deleted.
#[test]
fn opened_left_alone_and_closed() {
    let scene = Scene::new();
    scene.run().exits(0);
    let pull = scene.repository.pull_request(1);
    assert!(pull.is_open() && pull.author == "trueup-bot", "{pull:?}");
    assert_eq!((pull.head.as_str(), pull.base.as_str()), (&*scene.branch(), MAIN));
    assert_eq!(
        (pull.labels, pull.reviewers, pull.teams),
        (vec!["drift".into()], vec!["alice".into()], vec!["platform".into()])
    );
    let body = pull.body.expect("body");
    assert!(body.contains("features") && body.contains("<!-- trueup: "), "{body}");
    assert_eq!(scene.repository.bare().log(&pull.head).len(), 1);

    let (writes, heads) = (scene.github.writes(), scene.repository.bare().heads());
    scene.run().exits(0);
    assert_eq!((scene.github.writes(), scene.repository.bare().heads()), (writes, heads), "an idle run writes nothing");
    assert_eq!(scene.repository.pull_requests().len(), 1);

    let live = WANTED.replace("namespace: shop", "namespace: shop, annotations: {kept: by-hand}");
    scene.desk.write("live.yaml", &live);
    scene.run().exits(0);
    let pull = scene.repository.pull_request(1);
    assert!(!pull.is_open() && !pull.is_merged() && pull.comments.len() == 1, "{pull:?}");
    assert!(pull.comments[0].1.contains("The drift is gone"), "{pull:?}");
    assert_eq!(scene.repository.bare().branches(), [MAIN]);
    scene.github.finish();
}

/// An answer that is lost on the way leaves one pull request, whichever write it belonged to.
#[test]
fn lost_answers() {
    for operation in ["pulls/create", "pulls/request-reviewers", "issues/add-labels"] {
        for fault in [Fault::BadGatewayAfter, Fault::Dropped] {
            let scene = Scene::new();
            scene.github.fail(operation, fault);
            scene.run();
            scene.run().exits(0);
            assert_eq!(scene.repository.pull_requests().len(), 1, "{operation}");
            let pull = scene.repository.pull_request(1);
            assert_eq!((pull.labels, pull.reviewers), (vec!["drift".into()], vec!["alice".into()]), "{operation}");
            scene.github.finish();
        }
    }
}

/// Killed at any moment, cold and in the middle of its work, a run leaves nothing that the next ones do not complete: one
/// branch with one commit, one pull request with its people and labels. The first of them may still find the server busy
/// with what the killed one had sent.
#[test]
fn killed_at_any_moment() {
    for milliseconds in (5..150).step_by(12) {
        let scene = Scene::new();
        scene.run_and_kill(milliseconds);
        scene.run_and_kill(milliseconds + 60);
        let first = scene.run().exits(0);
        scene.run().exits(0);
        let pulls = scene.repository.pull_requests();
        assert_eq!(pulls.len(), 1, "killed after {milliseconds} ms\n{}", first.everything());
        assert_eq!((&*pulls[0].labels, &*pulls[0].reviewers), (&["drift".to_owned()][..], &["alice".to_owned()][..]));
        assert_eq!(scene.repository.bare().log(&scene.branch()).len(), 1);
        let writes = scene.github.writes();
        scene.run().exits(0);
        assert_eq!(scene.github.writes(), writes, "nothing is left to do");
        scene.github.finish();
    }
}

/// A limit ends the run's writing, and the next run goes on where it stopped.
#[test]
fn a_limit_ends_the_run() {
    let scene = Scene::new();
    // what is added here counts as delivered at once
    let config = std::fs::read_to_string(scene.desk.path("trueup.yaml")).expect("configuration");
    scene.desk.write("trueup.yaml", &(config + "sync_grace_seconds: 0\n"));
    let more = WANTED.replace("features", "limits");
    scene.repository.push_file(MAIN, "apps/limits.yaml", &more, ALICE);
    scene.github.fail("pulls/create", Fault::SecondaryLimit { retry_after: None });
    scene.run();
    let last = scene.github.requests().pop().expect("requests").operation;
    assert_eq!((last.as_str(), scene.github.asked("pulls/create")), ("pulls/create", 1), "nothing was asked after it");
    assert_eq!(scene.repository.pull_requests(), []);
    scene.run().exits(0);
    assert_eq!(scene.repository.pull_requests().len(), 2);
    scene.github.finish();
}

/// A branch that a person has committed to is theirs: neither pushed to, nor closed, nor deleted.
#[test]
fn a_persons_branch() {
    let scene = Scene::new();
    scene.run().exits(0);
    let branch = scene.branch();
    let theirs = scene.repository.push_file(&branch, "apps/features.yaml", &WANTED.replace("v2", "v3"), ALICE);
    let writes = scene.github.writes();
    scene.run().exits(0);
    scene.desk.write("live.yaml", WANTED);
    scene.run();
    assert_eq!(scene.repository.bare().head(&branch), Some(theirs));
    assert!(scene.repository.pull_request(1).is_open());
    assert_eq!(scene.github.writes(), writes);
    scene.github.finish();
}

/// Closed by a person means "not this": it is not opened again. Merged means that the change is on its way.
#[test]
fn a_persons_decision() {
    let scene = Scene::new();
    scene.run().exits(0);
    scene.repository.close(1);
    let writes = scene.github.writes();
    scene.run();
    assert_eq!((scene.repository.pull_requests().len(), scene.github.writes()), (1, writes));

    let scene = Scene::new();
    scene.run().exits(0);
    let branch = scene.branch();
    scene.repository.merge(1);
    scene.repository.delete_branch(&branch);
    let writes = scene.github.writes();
    scene.run();
    assert_eq!((scene.repository.pull_requests().len(), scene.github.writes()), (1, writes));
    assert_eq!(scene.repository.bare().branches(), [MAIN]);
}

/// A push that the server refuses is told with the server's reason, and opens nothing.
#[test]
fn a_push_that_is_refused() {
    let scene = Scene::new();
    scene.repository.refuse_pushes("GH013: Repository rule violations found");
    let ran = scene.run();
    assert!(ran.everything().contains("GH013: Repository rule violations found"), "{}", ran.everything());
    assert_eq!((scene.repository.pull_requests().len(), scene.github.writes().len()), (0, 0));
    scene.github.finish();
}
