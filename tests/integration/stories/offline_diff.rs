use super::{SETTINGS, WEB};
use crate::support::world::{Setting, World};

/// `trueup diff` over what kubectl printed finds what a scan of the cluster finds, with the same authors.
#[test]
fn a_dump_of_kubectl_is_as_good_as_the_cluster() {
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS)];
    let world = World::new(&Setting { name: "dump", files: &files, ..Setting::default() });
    world.deliver();
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    world.kubectl(&["set", "env", "deployment/web", "DEBUG=1"]);
    world.kubectl(&[
        "patch",
        "configmap",
        "settings",
        "--type=json",
        "-p",
        r#"[{"op":"remove","path":"/data/currency"}]"#,
    ]);
    let (code, items) = world.scan();
    assert_eq!((code, items.len()), (1, 3));

    std::fs::write(world.path("manifests.yaml"), format!("{WEB}---\n{SETTINGS}")).expect("write");
    for (form, flag, finds_authors) in
        [("yaml", "--show-managed-fields=true", true), ("json", "--show-managed-fields=false", false)]
    {
        let dump = world.kubectl(&["get", "deployment,configmap", "-o", form, flag]);
        std::fs::write(world.path("live"), dump).expect("write");
        let arguments =
            ["diff", "--declared", "manifests.yaml", "--live", "live", "-n", &world.namespace, "-o", "json"];
        let ran = world.trueup(&arguments).exits(1);
        if finds_authors {
            assert_eq!(ran.items(), items);
            continue;
        }
        // without managedFields nobody can tell who added it, nor that somebody did
        let report = ran.json();
        let added = report["items"].as_array().expect("items").iter().find(|item| item["verdict"] == "live_only");
        let added = added.expect("the added variable");
        assert_eq!((added["confidence"].as_str(), added.get("changed_by")), (Some("potential"), None));
        assert_eq!(ran.items().len(), 3);
    }
}
