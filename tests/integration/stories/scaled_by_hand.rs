use super::{SETTINGS, WEB};
use crate::support::world::{Setting, World};

/// From `kubectl scale` to a merged pull request and back to a clean cluster, with every second run writing nothing.
#[test]
fn a_scaled_deployment_is_restored_through_git() {
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS)];
    let world = World::new(&Setting { name: "scaled", files: &files, ..Setting::default() });
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
    assert_eq!(world.run(), [] as [&str; 0]);
    assert_eq!(world.pull_requests(), []);

    world.kubectl(&["scale", "deployment/web", "--replicas=5"]);
    let drift = vec!["Deployment/web spec.replicas cluster_drift by kubectl (person)".to_owned()];
    assert_eq!(world.scan(), (1, drift));
    assert_eq!(world.run(), ["Deployment/web created"]);

    let branch = world.remote.branches().remove(0);
    assert!(branch.starts_with(&format!("auto-remediation/{}/apps/deployment-", world.namespace)), "{branch}");
    assert_eq!((world.remote.branches().len(), world.remote.commits(&branch)), (1, 1));
    let unit = branch.rsplit('/').next().expect("unit");
    let added = ["+  annotations:".to_owned(), format!("+    trueup.dev/restore: {unit}.1")];
    assert_eq!(world.remote.changed_lines(&branch), added);
    assert!(world.remote.added_by(&branch).starts_with("trueup <trueup@localhost>\n"));
    let restored = world.remote.file(&branch, "apps/web.yaml");
    assert!(restored.contains("replicas: 2 # one for each zone"), "{restored}");

    let (_, text) = world.pull_requests().remove(0);
    for line in ["state: open", "reviewers: ada", "team_reviewers: platform", "labels: drift, prod", "base: main"] {
        assert!(text.lines().any(|known| known == line), "no `{line}` in {text}");
    }
    assert!(text.contains(&format!("branch: {branch}\n")) && text.contains("spec.replicas"), "{text}");

    let before = world.footprint();
    assert_eq!(world.run(), ["Deployment/web unchanged"]);
    assert_eq!(world.footprint(), before);

    world.remote.merge(&branch);
    world.set_state(1, "merged");
    assert_eq!(world.run(), ["Deployment/web waiting_for_sync"]);
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
    let before = world.footprint();
    assert_eq!(world.run(), [] as [&str; 0]);
    assert_eq!(world.footprint(), before);

    // it comes back: a second attempt, counted
    world.kubectl(&["scale", "deployment/web", "--replicas=5"]);
    assert_eq!(world.run(), ["Deployment/web created"]);
    assert_eq!(
        world.remote.changed_lines(&branch),
        [format!("-    trueup.dev/restore: {unit}.1"), format!("+    trueup.dev/restore: {unit}.2")]
    );
}
