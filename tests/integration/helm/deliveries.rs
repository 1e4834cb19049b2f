//! The shop in the real cluster: delivered in every way it is clean, and drift made by hand comes back into Git or is
//! put back by it.

use super::{rendered, shop, sources};
use crate::support::cluster::Way;
use crate::support::world::{LIST_EVERYTHING, Setting, World};

fn world(name: &str, more: &str) -> World {
    let config = format!("{}{more}", sources("NAMESPACE"));
    // what a chart brings of its own kinds is outside of namespaces
    let setting = Setting { name, config: &config, rules: LIST_EVERYTHING, everywhere: true, ..Setting::default() };
    let world = World::new(&setting);
    world.remote.commit_bytes(&shop());
    world
}

/// What a pipeline does: renders both environments and applies them, the new kinds first.
fn deliver(world: &World, way: Way) {
    let folder = tempfile::tempdir().expect("folder");
    let checkout = folder.path();
    world.remote.check_out(checkout);
    let crd = std::fs::read_to_string(checkout.join("charts/shop/crds/discounts.yaml")).expect("CRD");
    world.cluster.deliver(Way::ServerSide("kubectl"), &world.namespace, &crd);
    world.kubectl(&["wait", "--for=condition=Established", "crd/discounts.shop.company.example", "--timeout=60s"]);
    for name in ["blue", "green"] {
        let text = rendered(checkout, name, &world.namespace);
        let of_namespace: Vec<_> =
            text.split("\n---\n").filter(|document| !document.contains("kind: CustomResource")).collect();
        world.cluster.deliver(way, &world.namespace, &of_namespace.join("\n---\n"));
    }
}

/// Defaults, random values, hooks that are gone and what depends on the cluster's version are no drift, however it was
/// delivered.
#[test]
fn a_delivered_chart_is_clean() {
    for (name, way) in
        [("helm-apply", Way::ClientSide), ("helm-create", Way::Create), ("helm-ssa", Way::ServerSide("kubectl"))]
    {
        let world = world(name, "");
        deliver(&world, way);
        assert_eq!(world.scan(), (0, vec![]), "{name}");
    }
}

/// A release that helm itself installed is clean too.
#[test]
fn an_installed_release_is_clean() {
    let world = world("helm-install", "");
    world.configure(|config| {
        config
            .replace("include_crds: true", "include_crds: false")
            .replace("environment: blue,", "environment: blue, delivery: {tool: helm},")
    });
    let checkout = tempfile::tempdir().expect("folder");
    world.remote.check_out(checkout.path());
    for name in ["blue", "green"] {
        let folder = checkout.path().display();
        let values = format!("--values {folder}/envs/common.yaml --values {folder}/envs/{name}.yaml");
        world
            .cluster
            .shell(&format!("helm install {name} {folder}/charts/shop -n {} {values} >/dev/null", world.namespace));
    }
    assert_eq!(world.scan(), (0, vec![]));
}

/// Somebody scales by hand: the values mark the object, the merge makes the pipeline apply it, and the drift is gone.
#[test]
fn drift_is_put_back_by_the_values() {
    let world = world("helm-drift", "");
    deliver(&world, Way::ClientSide);
    world.kubectl(&["scale", "deployment/blue-shop", "--replicas=9"]);
    assert_eq!(
        world.scan(),
        (1, vec!["Deployment/blue-shop spec.replicas cluster_drift by kubectl (person)".to_owned()])
    );
    assert_eq!(world.run(), ["Deployment/blue-shop created"]);
    let branch = world.remote.branches().remove(0);
    let lines = world.remote.changed_lines(&branch);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0] == "+annotations:" && lines[1].starts_with("+  trueup.dev/restore: "), "{lines:?}");
    assert!(
        world.remote.file(&branch, "envs/blue.yaml").starts_with("# blue\nreplicaCount: 3 # two zones and a spare\n")
    );
    world.remote.merge(&branch);
    world.set_state(1, "merged");
    deliver(&world, Way::ClientSide);
    assert_eq!(world.scan(), (0, vec![]));
    assert_eq!(world.kubectl(&["get", "deployment/blue-shop", "-o", "jsonpath={.spec.replicas}"]), "3");
}

/// Git leaves what was approved: the key of the values goes back, and nothing else moves.
#[test]
fn what_was_approved_comes_back_into_the_values() {
    let world = world("helm-approved", "baselines: baselines.yaml\n");
    let baseline = "match: {kind: Deployment, name: blue-shop}\nexpect:\n  spec:\n    replicas: 5\n";
    std::fs::write(world.path("baselines.yaml"), baseline).expect("write");
    deliver(&world, Way::ClientSide);
    assert_eq!(world.scan(), (1, vec!["Deployment/blue-shop spec.replicas repository_drift".to_owned()]));
    assert_eq!(world.run(), ["Deployment/blue-shop created"]);
    let branch = world.remote.branches().remove(0);
    let lines = ["-replicaCount: 3 # two zones and a spare", "+replicaCount: 5 # two zones and a spare"];
    assert_eq!(world.remote.changed_lines(&branch), lines);
    world.remote.merge(&branch);
    deliver(&world, Way::ClientSide);
    assert_eq!(world.scan(), (0, vec![]));
}

/// Where no key can mark an object, the report has the command that applies the chart again.
#[test]
fn without_a_key_the_command_is_told() {
    let world = world("helm-command", "");
    deliver(&world, Way::ClientSide);
    world.kubectl(&["patch", "configmap", "blue-cache", "-p", r#"{"data":{"memory":"1Mi"}}"#]);
    let planned = world.trueup(&["plan", "-o", "json"]).exits(1).json();
    let unit = &planned["units"][0];
    assert_eq!(unit["outcome"], "unproven", "{planned:#}");
    let command = format!(
        "helm template blue ./charts/shop -n {0} -f envs/common.yaml -f envs/blue.yaml | kubectl apply -n {0} -f -",
        world.namespace
    );
    assert_eq!(unit["commands"][0], command.as_str(), "{unit:#}");
}
