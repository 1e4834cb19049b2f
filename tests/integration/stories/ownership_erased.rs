use super::WEB;
use crate::support::world::{Setting, World};

/// Where somebody erased managedFields the table of defaults decides alone: nothing drifts falsely, what was added is
/// still found, as potential and without an author.
#[test]
fn without_owners_the_table_decides() {
    let world = World::new(&Setting { name: "erased", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    let erase = r#"[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]"#;
    world.kubectl(&["patch", "deployment", "web", "--type=json", "-p", erase]);
    assert_eq!(world.scan(), (0, vec![]));
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    world.kubectl(&["set", "env", "deployment/web", "DEBUG=1"]);
    world.kubectl(&["patch", "deployment", "web", "--type=json", "-p", erase]);
    let app = "spec.template.spec.containers[name=web]";
    let ran = world.trueup(&["scan", "-o", "json"]);
    let found = [
        "Deployment/web spec.replicas cluster_drift".to_owned(),
        format!("Deployment/web {app}.env[name=DEBUG] live_only"),
    ];
    assert_eq!(ran.items(), found);
    let report = ran.json();
    let added = report["items"].as_array().expect("items").iter().find(|item| item["verdict"] == "live_only");
    assert_eq!(added.expect("the variable")["confidence"], "potential");
}
