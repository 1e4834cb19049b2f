use crate::support::world::{Setting, World};

const CREDENTIALS: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: credentials}
stringData:
  user: shop
  url: postgres://shop:first@db/shop
";

/// A Secret that was changed by hand is told with its key, never with a value: not in any form of the report, not in
/// a snapshot, not in a pull request.
#[test]
fn a_changed_secret_is_told_without_its_value() {
    let policies = "policies: [policies.yaml]\n";
    let setting = Setting {
        name: "secret",
        files: &[("apps/credentials.yaml", CREDENTIALS)],
        config: policies,
        ..Setting::default()
    };
    let mut world = World::new(&setting);
    let policy = "remediation_policies:\n  - {name: all, match_criteria: {}, action_type: restore_from_baseline}\n";
    std::fs::write(world.path("policies.yaml"), policy).expect("write");
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));

    let rotated = world.canary("rotated");
    let patch = format!(r#"{{"stringData":{{"url":"{rotated}"}}}}"#);
    world.kubectl(&["patch", "secret", "credentials", "-p", &patch]);
    let drift = vec!["Secret/credentials data.url cluster_drift by kubectl-patch (person)".to_owned()];
    assert_eq!(world.scan(), (1, drift.clone()));
    for form in ["table", "json", "markdown"] {
        assert_eq!(world.trueup(&["plan", "--all", "-o", form, "-vv"]).code, Some(1));
    }
    assert_eq!(world.run(), ["Secret/credentials created"]);
    let changed = world.remote.changed_lines(&world.remote.branches()[0]);
    assert!(changed.iter().all(|line| !line.contains("postgres")), "{changed:#?}");

    assert_eq!(world.trueup(&["snapshot", "-o", "snapshot.jsonl"]).code, Some(0));
    assert!(world.path("snapshot.jsonl").exists());
}
