use super::WEB;
use crate::support::eventually;
use crate::support::world::{Setting, World};

const SCALER: &str = "\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 3
  maxReplicas: 9
  metrics:
    - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}
";

/// What the real autoscaler decides is no drift, nor is a person's number within its bounds; below its minimum it is.
#[test]
fn replicas_belong_to_the_autoscaler() {
    let files = [("apps/web.yaml", WEB), ("apps/scaler.yaml", SCALER)];
    let world = World::new(&Setting { name: "scaler", files: &files, ..Setting::default() });
    world.deliver();
    let replicas = || world.cluster.get(&world.namespace, "deployment/web")["spec"]["replicas"].as_u64();
    eventually(|| (replicas() == Some(3)).then_some(()));
    assert_eq!(world.scan(), (0, vec![]));
    let ignored = world.trueup(&["scan", "--all", "-o", "json"]).json()["ignored"].to_string();
    assert!(ignored.contains("the HorizontalPodAutoscaler decides it"), "{ignored}");

    world.kubectl(&["scale", "deployment/web", "--replicas=7"]);
    assert_eq!(world.scan(), (0, vec![]));

    // at zero the autoscaler is switched off, so it stays; the API server records no owner of a zero
    world.kubectl(&["scale", "deployment/web", "--replicas=0"]);
    let drift = vec![
        "Deployment/web spec.replicas [replicas-below-hpa-minimum]".to_owned(),
        "Deployment/web spec.replicas cluster_drift".to_owned(),
    ];
    assert_eq!(world.scan(), (1, drift));
}

/// An autoscaler that Git does not declare counts too: somebody made it, and the replicas are its business.
#[test]
fn an_undeclared_autoscaler_counts() {
    let world = World::new(&Setting { name: "hand-scaler", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    world.kubectl(&["scale", "deployment/web", "--replicas=7"]);
    assert_eq!(world.scan().0, 1);
    world.kubectl(&["autoscale", "deployment/web", "--min=3", "--max=9", "--cpu=70%"]);
    assert_eq!(world.scan(), (0, vec![]));
}
