use super::{SETTINGS, WEB};
use crate::support::world::{Setting, World};

const PROBE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: probe}\ndata: {every: 10s}\n";

/// A push that has not been delivered yet is shown and waited for: no exit code, no pull request, until it has arrived.
#[test]
fn a_push_is_waited_for() {
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS)];
    let world = World::new(&Setting { name: "unsynced", files: &files, ..Setting::default() });
    world.deliver();
    let (web, settings) = (WEB.replace("replicas: 2", "replicas: 4"), SETTINGS.replace("EUR", "CHF"));
    world.remote.commit("main", &[("apps/web.yaml", &web), ("apps/settings.yaml", &settings)]);
    world.remote.commit("main", &[("apps/probe.yaml", PROBE)]);
    let by = "by kubectl-client-side-apply (delivery)";
    let waiting = vec![
        "ConfigMap/probe  unsynced".to_owned(),
        format!("ConfigMap/settings data.currency unsynced {by}"),
        format!("Deployment/web spec.replicas unsynced {by}"),
    ];
    assert_eq!(world.scan(), (0, waiting));
    let table = world.trueup(&["scan"]).exits(0).stdout;
    assert!(
        table.contains("3 items wait for their delivery") && table.contains("waits for the delivery of "),
        "{table}"
    );
    assert_eq!(world.run(), [] as [&str; 0]);
    assert_eq!(world.pull_requests(), []);
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
}

/// A person who puts back what Git declared a moment ago has changed the cluster: `kubectl rollout undo` is recorded under
/// a manager of its own, and so is an edit.
#[test]
fn an_old_value_put_back_by_hand_is_drift() {
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS)];
    let world = World::new(&Setting { name: "undone", files: &files, ..Setting::default() });
    let (web, settings) = (WEB.replace("web:1.4.2", "web:1.5.0"), SETTINGS.replace("EUR", "CHF"));
    world.remote.commit("main", &[("apps/web.yaml", &web), ("apps/settings.yaml", &settings)]);
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
    let undo = r#"{"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "registry.company.example/web:1.4.2"}]}}}}"#;
    world.kubectl(&["patch", "deployment/web", "--field-manager=kubectl-rollout", "-p", undo]);
    world.cluster.edit(&world.namespace, "configmap/settings", "s/CHF/EUR/");
    let image =
        "Deployment/web spec.template.spec.containers[name=web].image cluster_drift by kubectl-rollout (person)";
    let (code, items) = world.scan();
    assert_eq!(code, 1);
    assert!(items.contains(&image.to_owned()), "{items:#?}");
    assert!(
        items.contains(&"ConfigMap/settings data.currency cluster_drift by kubectl-edit (person)".to_owned()),
        "{items:#?}"
    );
    let outcomes = world.run();
    assert!(outcomes.contains(&"Deployment/web created".to_owned()), "{outcomes:#?}");
}

/// After the grace it is drift like any other, which says since when the delivery is stuck; and so does the pull request.
#[test]
fn a_stuck_delivery_is_told() {
    let world = World::new(&Setting { name: "stuck", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    let web = WEB.replace("replicas: 2", "replicas: 4");
    world.remote.commit_earlier(&[("apps/web.yaml", &web)], 20);
    let drift = "Deployment/web spec.replicas cluster_drift by kubectl-client-side-apply (delivery)".to_owned();
    assert_eq!(world.scan(), (1, vec![drift.clone()]));
    let report = world.trueup(&["scan", "-o", "json"]).exits(1).json();
    assert_eq!(report["items"][0]["unsynced_since"], report["items"][0]["declared_by"]);
    assert_eq!(report["items"][0]["unsynced_since"]["author"], "Alice");
    assert_eq!(world.run(), ["Deployment/web created"]);
    let (_, text) = world.pull_requests().remove(0);
    assert!(text.contains("declared so since commit `") && text.contains("by Alice, 2"), "{text}");
    assert!(text.contains("**the delivery has not caught up**; what is live"), "{text}");
    let before = world.footprint();
    assert_eq!(world.run(), ["Deployment/web unchanged"]);
    assert_eq!(world.footprint(), before);

    world.configure(|config| config + "sync_grace_seconds: 3600\n");
    assert_eq!(world.scan(), (0, vec![drift.replace("cluster_drift", "unsynced")]));
}

/// While a push is on its way to a resource, its open pull request stays as it is: neither rebuilt nor closed.
#[test]
fn an_open_pull_request_waits_too() {
    let world =
        World::new(&Setting { name: "waits", files: &[("apps/settings.yaml", SETTINGS)], ..Setting::default() });
    world.deliver();
    world.kubectl(&["patch", "configmap/settings", "-p", r#"{"data": {"checkout": "off"}}"#]);
    assert_eq!(world.run(), ["ConfigMap/settings created"]);

    world.remote.commit("main", &[("apps/settings.yaml", &SETTINGS.replace("EUR", "CHF"))]);
    let before = world.footprint();
    assert_eq!(world.run(), ["ConfigMap/settings waiting_for_sync"]);
    assert_eq!(world.footprint(), before);
    world.kubectl(&["patch", "configmap/settings", "-p", r#"{"data": {"checkout": "on"}}"#]);
    assert_eq!(world.run(), [] as [&str; 0]);
    assert_eq!(world.footprint(), before);

    world.deliver();
    let closed = world.trueup(&["run", "-o", "json"]).exits(0).json();
    assert_eq!(closed["closed"].as_array().map(Vec::len), Some(1), "{closed}");
}
