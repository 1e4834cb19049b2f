use super::{SETTINGS, WEB};
use crate::support::world::{Setting, World};

/// A limit raised in `kubectl edit` is found with what it means; put back by hand, its pull request is closed and its
/// branch deleted.
#[test]
fn an_edited_limit_is_proposed_and_withdrawn() {
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS)];
    let world = World::new(&Setting { name: "edited", files: &files, ..Setting::default() });
    world.deliver();
    world.cluster.edit(&world.namespace, "deployment/web", "s/memory: 512Mi/memory: 2Gi/");
    let path = "spec.template.spec.containers[name=web].resources.limits.memory";
    let drift = vec![format!("Deployment/web {path} cluster_drift by kubectl-edit (person)")];
    assert_eq!(world.scan(), (1, drift));

    let planned = world.trueup(&["run", "--dry-run", "-o", "json"]);
    assert_eq!((planned.code, planned.outcomes()), (Some(0), vec!["Deployment/web planned".to_owned()]));
    assert_eq!((world.remote.branches(), world.pull_requests()), (vec![], vec![]));

    assert_eq!(world.run(), ["Deployment/web created"]);
    world.cluster.edit(&world.namespace, "deployment/web", "s/memory: 2Gi/memory: 512Mi/");
    assert_eq!(world.scan(), (0, vec![]));
    assert_eq!(world.run(), [] as [&str; 0]);
    let (_, text) = world.pull_requests().remove(0);
    assert!(text.contains("\nstate: closed\n") && text.contains(" - autoclosed\n"), "{text}");
    assert_eq!(world.remote.branches(), [] as [&str; 0]);

    // what trueup closed itself is no rejection
    world.cluster.edit(&world.namespace, "deployment/web", "s/memory: 512Mi/memory: 2Gi/");
    assert_eq!(world.run(), ["Deployment/web created"]);
    assert_eq!(world.pull_requests().len(), 2);
}

/// A value changed in a ConfigMap is one drift, and the pull request changes one file.
#[test]
fn an_edited_setting_is_restored() {
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS)];
    let world = World::new(&Setting { name: "setting", files: &files, ..Setting::default() });
    world.deliver();
    world.kubectl(&["patch", "configmap", "settings", "-p", r#"{"data":{"currency":"USD"}}"#]);
    let drift = vec!["ConfigMap/settings data.currency cluster_drift by kubectl-patch (person)".to_owned()];
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(1), drift));
    let item = &ran.json()["items"][0];
    assert_eq!((item["declared"].as_str(), item["live"].as_str()), (Some("EUR"), Some("USD")));
    assert_eq!(item["origin"]["file"], "apps/settings.yaml");
}
