use super::{SETTINGS, WEB};
use crate::support::world::{Setting, World};

const SHARED: &str = "\
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: tenants-never-see-this}
value: 10
";

/// A tenant with a Role in its namespace scans its namespace; what has no namespace is unknown to it, never missing.
#[test]
fn a_role_in_the_namespace_is_enough() {
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS), ("platform/shared.yaml", SHARED)];
    let rules = r#"[{apiGroups: ["", apps, autoscaling], resources: [configmaps, secrets, deployments, horizontalpodautoscalers], verbs: [list]}]"#;
    let world = World::new(&Setting { name: "tenant", files: &files, rules, ..Setting::default() });
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
    world.kubectl(&["delete", "configmap", "settings"]);
    assert_eq!(world.scan(), (1, vec!["ConfigMap/settings  missing".to_owned()]));

    world.remote.commit("main", &[("apps/shared.yaml", SHARED)]);
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(3), vec!["ConfigMap/settings  missing".to_owned()]));
    let problems = ran.problems();
    assert!(problems.len() == 1 && problems[0].contains("PriorityClass"), "{problems:#?}");
}

/// The same account, looking at the whole cluster, is refused and says so; it takes nothing for gone.
#[test]
fn a_role_is_not_enough_for_the_whole_cluster() {
    let world = World::new(&Setting { name: "too-much", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    world.configure(|config| config.replace(&format!("namespaces: [{}]", world.namespace), ""));
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(3), vec![]));
    assert!(ran.problems().iter().all(|problem| problem.contains("is forbidden")), "{:#?}", ran.problems());
}
