use super::{SETTINGS, WEB};
use crate::support::world::{Setting, World};

/// A file that is no YAML is a problem with its place; the other files are compared, nothing it declared is called
/// missing, and no pull request is opened over it or closed because of it.
#[test]
fn a_broken_file_freezes_what_it_may_declare() {
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS)];
    let world = World::new(&Setting { name: "broken", files: &files, ..Setting::default() });
    world.deliver();
    world.kubectl(&["patch", "configmap", "settings", "-p", r#"{"data":{"currency":"USD"}}"#]);
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    assert_eq!(world.run().len(), 2);
    let before = world.footprint();

    let broken = format!("{WEB}  - not: [closed\n");
    world.remote.commit("main", &[("apps/web.yaml", &broken)]);
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!(ran.code, Some(3));
    let drift = ["ConfigMap/settings data.currency cluster_drift by kubectl-patch (person)"];
    assert_eq!(ran.items(), drift);
    let problems = ran.problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].starts_with("apps/web.yaml:2"), "{problems:#?}");
    let place: usize = problems[0].split(':').nth(1).and_then(|line| line.parse().ok()).expect("a line");
    assert!((20..=23).contains(&place), "{problems:#?}");

    assert_eq!(world.run(), ["ConfigMap/settings unchanged"]);
    let main =
        |footprint: String| footprint.lines().filter(|line| !line.ends_with("refs/heads/main")).collect::<String>();
    assert_eq!(main(world.footprint()), main(before));
}
