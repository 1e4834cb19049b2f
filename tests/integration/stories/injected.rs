use serde_json::{Value, json};

use super::WEB;
use crate::support::cluster::Way;
use crate::support::eventually;
use crate::support::webhook::{Mutate, Webhook};
use crate::support::world::{Setting, World};

const WAYS: [(&str, Way, &str); 3] = [
    ("injected-create", Way::Create, "kubectl_apply, manager: kubectl-create"),
    ("injected-client", Way::ClientSide, "kubectl_apply"),
    ("injected-server", Way::ServerSide("argocd-controller"), "argo_cd"),
];

/// A world whose Deployments go through a webhook before they are delivered in one of the ways.
fn delivered(name: &str, way: Way, delivery: &str, mutate: Mutate) -> (World, Webhook) {
    let config =
        format!("sources: [{{name: apps, path: apps, namespace: NAMESPACE, delivery: {{tool: {delivery}}}}}]\n");
    let world = World::new(&Setting { name, files: &[("apps/web.yaml", WEB)], config: &config, ..Setting::default() });
    let webhook = Webhook::start(world.cluster, &world.namespace, mutate);
    // the API server needs a moment to hear of it
    let probe = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: probe}\n\
        spec: {selector: {matchLabels: {app: probe}}, template: {metadata: {labels: {app: probe}}, \
        spec: {containers: [{name: a, image: \"registry.company.example/a:1\", env: [{name: A, value: a}]}]}}}\n";
    let args = ["-n", &world.namespace, "create", "--dry-run=server", "-o", "json", "-f", "-"];
    eventually(|| {
        let made: Value = serde_json::from_str(&world.cluster.kubectl_with(&args, probe, &[])).expect("JSON");
        made["metadata"]["annotations"]["injected.company.example/by"].is_string().then_some(())
    });
    world.cluster.deliver(way, &world.namespace, &world.remote.manifests());
    (world, webhook)
}

/// The mark that tells that the webhook is at work.
fn mark(object: &Value) -> Value {
    let annotations = &object["metadata"]["annotations"];
    let path = "/metadata/annotations";
    if annotations.is_object() {
        json!({"op": "add", "path": format!("{path}/injected.company.example~1by"), "value": "hook"})
    } else {
        json!({"op": "add", "path": path, "value": {"injected.company.example/by": "hook"}})
    }
}

/// A sidecar, a variable and an annotation that a webhook adds are nobody's change by hand, however the object is
/// delivered; on request they are told as injected. What a person then adds is found as ever.
#[test]
fn what_a_webhook_adds_is_no_drift() {
    let inject: Mutate = |object| {
        let containers = object["spec"]["template"]["spec"]["containers"].as_array().expect("containers");
        let mut patch = vec![mark(object)];
        if containers.iter().all(|container| container["name"] != "proxy") {
            let sidecar = json!({"name": "proxy", "image": "registry.company.example/proxy:1", "imagePullPolicy": "IfNotPresent",
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"});
            let list = "/spec/template/spec/containers";
            patch.push(json!({"op": "add", "path": format!("{list}/-"), "value": sidecar}));
            patch.push(
                json!({"op": "add", "path": format!("{list}/0/env/-"), "value": {"name": "PROXY", "value": "on"}}),
            );
        }
        Value::from(patch)
    };
    for (name, way, delivery) in WAYS {
        let (world, _webhook) = delivered(name, way, delivery, inject);
        assert_eq!(world.scan(), (0, vec![]), "{name}");
        let ignored = world.trueup(&["scan", "--all", "-o", "json"]).json()["ignored"].to_string();
        for told in
            ["containers[name=proxy]", "env[name=PROXY]", "injected.company.example/by", "injected: nobody owns it"]
        {
            assert!(ignored.contains(told), "{name}: no {told} in {ignored}");
        }
        world.kubectl(&["set", "env", "deployment/web", "-c", "web", "DEBUG=1"]);
        let by_hand =
            "Deployment/web spec.template.spec.containers[name=web].env[name=DEBUG] live_only by kubectl-set (person)";
        assert_eq!(world.scan(), (1, vec![by_hand.to_owned()]), "{name}");
    }
}

/// A declared value that a webhook rewrites is told: the cluster does not run what Git says.
#[test]
fn what_a_webhook_rewrites_is_drift() {
    let mirror: Mutate = |object| {
        let image = "/spec/template/spec/containers/0/image";
        let name = object.pointer(image).and_then(Value::as_str).expect("an image").replace("registry.", "mirror.");
        json!([mark(object), {"op": "replace", "path": image, "value": name}])
    };
    for (name, way, delivery) in WAYS {
        let (world, _webhook) = delivered(&name.replace("injected", "rewritten"), way, delivery, mirror);
        let (code, items) = world.scan();
        let changed = "Deployment/web spec.template.spec.containers[name=web].image cluster_drift";
        assert_eq!(code, 1);
        assert!(items.iter().any(|item| item.starts_with(changed)), "{name}: {items:?}");
        assert!(items.iter().all(|item| item.contains("containers[name=web].image ")), "{name}: {items:?}");
    }
}
