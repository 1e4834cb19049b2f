use super::{SETTINGS, WEB};
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

/// The API server keeps ten writers and sums up the older ones: what those added is found all the same, without a name
/// that would be a guess, and as potential.
#[test]
fn writers_that_were_summed_up_are_not_named() {
    let world =
        World::new(&Setting { name: "summed", files: &[("apps/settings.yaml", SETTINGS)], ..Setting::default() });
    world.deliver();
    for number in 0..13 {
        let patch = format!(r#"{{"data":{{"by-{number:02}":"hand"}}}}"#);
        world.kubectl(&[
            "patch",
            "configmap",
            "settings",
            "--field-manager",
            &format!("tool-{number:02}"),
            "-p",
            &patch,
        ]);
    }
    let ran = world.trueup(&["scan", "-o", "json"]);
    let (sum, tools): (Vec<_>, Vec<_>) = ran.items().into_iter().partition(|item| item.contains("ancient-changes"));
    assert!(sum.len() >= 2 && tools.len() >= 8 && sum.len() + tools.len() == 13, "{sum:#?} {tools:#?}");
    assert_eq!(sum[0], "ConfigMap/settings data.by-00 live_only by ancient-changes (unknown)");
    assert_eq!(tools[tools.len() - 1], "ConfigMap/settings data.by-12 live_only by tool-12 (unknown)");
    let report = ran.json();
    for item in report["items"].as_array().expect("items") {
        let expected = if item["changed_by"]["manager"] == "ancient-changes" { "potential" } else { "confirmed" };
        assert_eq!(item["confidence"], expected, "{item}");
    }
}
