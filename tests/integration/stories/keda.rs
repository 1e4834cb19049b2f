use serde_json::Value;

use super::WEB;
use crate::support::cluster::cluster_without_controllers;
use crate::support::eventually;
use crate::support::world::{Setting, World};

/// The kinds that the story needs: KEDA's, and one of a company's own that can be scaled.
const KINDS: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: scaledobjects.keda.sh}
spec:
  group: keda.sh
  scope: Namespaced
  names: {kind: ScaledObject, plural: scaledobjects, singular: scaledobject}
  versions:
    - name: v1alpha1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: workers.company.example}
spec:
  group: company.example
  scope: Namespaced
  names: {kind: Worker, plural: workers, singular: worker}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec: {type: object, properties: {replicas: {type: integer}, queue: {type: string}}}
            status: {type: object, properties: {replicas: {type: integer}}}
";

const WORKER: &str =
    "apiVersion: company.example/v1\nkind: Worker\nmetadata: {name: mail}\nspec: {replicas: 2, queue: mail}\n";

fn scaled_object(name: &str, target: &str, bounds: &str) -> String {
    format!(
        "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: {name}}}\n\
         spec: {{scaleTargetRef: {target}, {bounds}triggers: [{{type: cron, metadata: {{}}}}]}}\n"
    )
}

/// A world in the cluster of its own, since KEDA's kinds would be unreadable for the accounts of other tests.
fn world(name: &str, rules: &str) -> World {
    let files = [("apps/web.yaml", WEB), ("apps/worker.yaml", WORKER)];
    let world = World::new(&Setting {
        name,
        files: &files,
        rules,
        in_cluster: Some(cluster_without_controllers()),
        ..Setting::default()
    });
    world.cluster.kubectl_with(&["apply", "--server-side", "-f", "-"], KINDS, &[]);
    let kinds = ["crd/scaledobjects.keda.sh", "crd/workers.company.example"];
    world.cluster.kubectl(&[&["wait", "--for=condition=Established", "--timeout=120s"], &kinds[..]].concat());
    let groups = || world.cluster.kubectl(&["get", "--raw", "/apis"]);
    eventually(|| (groups().contains("keda.sh") && groups().contains("\"company.example\"")).then_some(()));
    world.deliver();
    world
}

/// Within the bounds of a ScaledObject the replicas are KEDA's business, down to zero and past the HPA that KEDA makes
/// for itself; beyond them they are drift, of custom kinds too. A snapshot knows all of that.
#[test]
fn replicas_belong_to_keda() {
    let world = world("keda", crate::support::world::LIST_EVERYTHING);
    let apply =
        |manifest: &str| world.cluster.deliver(crate::support::cluster::Way::ClientSide, &world.namespace, manifest);
    let scale = |object: &str, count: u32| drop(world.kubectl(&["scale", object, &format!("--replicas={count}")]));
    assert_eq!(world.scan(), (0, vec![]));
    scale("worker/mail", 5);
    scale("deployment/web", 7);
    let by_hand = |object: &str| format!("{object} spec.replicas cluster_drift by kubectl (person)");
    assert_eq!(world.scan(), (1, vec![by_hand("Deployment/web"), by_hand("Worker/mail")]));

    apply(&scaled_object("web", "{name: web}", "maxReplicaCount: 10, "));
    apply(&scaled_object("mail", "{apiVersion: company.example/v1, kind: Worker, name: mail}", ""));
    assert_eq!(world.scan(), (0, vec![]));
    let ignored = world.trueup(&["scan", "--all", "-o", "json"]).json()["ignored"].to_string();
    assert!(ignored.contains("the ScaledObject decides it, within its bounds"), "{ignored}");

    world.kubectl(&["autoscale", "deployment/web", "--name=keda-hpa-web", "--min=1", "--max=10", "--cpu=70%"]);
    scale("deployment/web", 0);
    scale("worker/mail", 0);
    assert_eq!(world.scan(), (0, vec![]));
    // the API server records no owner of a zero, nor of what comes after it
    let by_somebody = || "Deployment/web spec.replicas cluster_drift".to_owned();
    scale("deployment/web", 11);
    assert_eq!(world.scan(), (1, vec![by_somebody()]));
    world.kubectl(&["delete", "hpa", "keda-hpa-web"]);

    apply(&scaled_object("web", "{name: web}", "minReplicaCount: 4, idleReplicaCount: 0, "));
    scale("deployment/web", 0);
    assert_eq!(world.scan(), (0, vec![]));
    scale("deployment/web", 3);
    let below = "Deployment/web spec.replicas [replicas-below-hpa-minimum]".to_owned();
    let found = vec![below, by_somebody()];
    assert_eq!(world.scan(), (1, found.clone()));

    world.trueup(&["snapshot", "-o", "cluster.jsonl"]).exits(0);
    let recorded = std::fs::read_to_string(world.path("cluster.jsonl")).expect("the snapshot");
    let header: Value = serde_json::from_str(recorded.lines().next().expect("a header")).expect("JSON");
    assert!(header["kinds"].to_string().contains("ScaledObject"), "{header}");
    world.configure(|config| {
        let start = config.find("cluster:\n").expect("cluster");
        let end = config.find("repository:").expect("repository");
        config
            .replace(&config[start..end], &format!("cluster: {{name: {}, snapshot: cluster.jsonl}}\n", world.namespace))
    });
    assert_eq!(world.scan(), (1, found));
}

/// Where ScaledObjects are served and may not be listed, nothing is said about replicas.
#[test]
fn without_scaled_objects_replicas_are_unknown() {
    let rules = r#"[{apiGroups: ["", apps, autoscaling, company.example], resources: ["*"], verbs: [list]}]"#;
    let world = world("no-keda", rules);
    world.kubectl(&["scale", "deployment/web", "--replicas=7"]);
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(3), vec![]));
    let problems = ran.problems();
    assert!(problems.len() == 1 && problems[0].contains("ScaledObject is forbidden"), "{problems:#?}");
}
