use super::{SETTINGS, WEB};
use crate::support::world::{Setting, World};

/// A kind that may not be listed is unknown: told with the kind's name, nothing of it missing or closed, the others
/// compared.
#[test]
fn a_forbidden_kind_is_unknown() {
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS)];
    let world = World::new(&Setting { name: "forbidden", files: &files, ..Setting::default() });
    world.deliver();
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    world.kubectl(&["patch", "configmap", "settings", "-p", r#"{"data":{"currency":"USD"}}"#]);
    assert_eq!(world.run().len(), 2);
    let before = world.footprint();

    // everything but Deployments
    let role = format!("{}-trueup", world.namespace);
    let rules = r#"[{"op":"replace","path":"/rules","value":[
        {"apiGroups":[""],"resources":["configmaps","secrets"],"verbs":["list"]},
        {"apiGroups":["autoscaling"],"resources":["horizontalpodautoscalers"],"verbs":["list"]}]}]"#;
    world.kubectl(&["patch", "role", &role, "--type=json", "-p", rules]);
    world.kubectl(&["delete", "deployment", "web"]);
    let drift = vec!["ConfigMap/settings data.currency cluster_drift by kubectl-patch (person)".to_owned()];
    let ran = crate::support::eventually(|| {
        let ran = world.trueup(&["scan", "-o", "json"]);
        (ran.code == Some(3)).then_some(ran)
    });
    assert_eq!(ran.items(), drift);
    let problems = ran.problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(problems[0].contains("listing apps/v1 Deployment is forbidden"), "{problems:#?}");
    let report = ran.json();
    assert_eq!(
        (report["summary"]["unknown"].as_u64(), report["summary"]["complete"].as_bool()),
        (Some(1), Some(false))
    );

    assert_eq!(world.run(), ["ConfigMap/settings unchanged"]);
    assert_eq!(world.footprint(), before);
}

/// Where the HPAs may not be listed nothing is said about replicas, because they may be an HPA's business.
#[test]
fn without_autoscalers_replicas_are_unknown() {
    let rules = r#"[{apiGroups: ["", apps], resources: [secrets, deployments], verbs: [list]}]"#;
    let setting = Setting { name: "no-hpa", files: &[("apps/web.yaml", WEB)], rules, ..Setting::default() };
    let world = World::new(&setting);
    world.deliver();
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(3), vec![]));
    let problems = ran.problems();
    assert!(problems[0].contains("HorizontalPodAutoscaler is forbidden"), "{problems:#?}");
}
