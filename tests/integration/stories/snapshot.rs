use super::{SETTINGS, WEB};
use crate::support::world::{Setting, World};

/// A snapshot of the cluster yields what the cluster yields, to somebody who cannot reach it.
#[test]
fn a_snapshot_is_scanned_like_its_cluster() {
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS)];
    let world = World::new(&Setting { name: "snapshot", files: &files, ..Setting::default() });
    world.deliver();
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    world.kubectl(&["delete", "configmap", "settings"]);
    let (code, items) = world.scan();
    assert_eq!((code, items.len()), (1, 2));

    world.trueup(&["snapshot", "-o", "cluster.jsonl"]).exits(0);
    world.reach_cluster_at("http://127.0.0.1:1");
    let ran = world.trueup(&["scan", "--live", "cluster.jsonl", "-o", "json"]);
    assert_eq!((ran.items(), ran.code), (items, Some(1)));
}

/// A kind that could not be listed is recorded as such: a scan of the snapshot does not call its objects missing.
#[test]
fn a_snapshot_remembers_what_it_could_not_see() {
    let rules = r#"[{apiGroups: ["", autoscaling], resources: ["*"], verbs: [list]}]"#;
    let setting = Setting { name: "blind-snapshot", files: &[("apps/web.yaml", WEB)], rules, ..Setting::default() };
    let world = World::new(&setting);
    world.deliver();
    let ran = world.trueup(&["snapshot", "-o", "cluster.jsonl"]).exits(3);
    assert!(ran.stderr.contains("listing apps/v1 Deployment is forbidden"), "{}", ran.stderr);
    let ran = world.trueup(&["scan", "--live", "cluster.jsonl", "-o", "json"]);
    assert_eq!((ran.items(), ran.code), (vec![], Some(3)));
    assert!(ran.problems().iter().any(|problem| problem.contains("Deployment")), "{:#?}", ran.problems());
}
