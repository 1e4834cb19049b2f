use std::time::Duration;

use super::WEB;
use crate::support::proxy::{Fault, Proxy};
use crate::support::world::{Setting, World};

/// An API server that cannot be reached: said once for each kind, `scan` ends with 3, `run` completes its cycle and
/// closes and proposes nothing.
#[test]
fn an_unreachable_server_changes_nothing() {
    let world = World::new(&Setting { name: "down", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    assert_eq!(world.run(), ["Deployment/web created"]);
    let before = world.footprint();
    world.kubectl(&["scale", "deployment/web", "--replicas=2"]);

    world.reach_cluster_at("http://127.0.0.1:1");
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(3), vec![]));
    let problems = ran.problems();
    assert_eq!(problems.len(), 3, "Deployments, Secrets and HPAs: {problems:#?}");
    assert!(problems.iter().all(|problem| problem.contains("refused")), "{problems:#?}");
    let report = ran.json();
    assert_eq!(report["summary"]["unknown"], 2);

    assert_eq!(world.run(), [] as [&str; 0]);
    assert_eq!(world.footprint(), before);

    world.reach_cluster_at("https://127.0.0.1:1");
    assert_eq!(world.scan(), (3, vec![]));
}

/// One of each of seven groups of the API, each of which is asked for by itself.
const MANY_KINDS: &str = "\
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Service, metadata: {name: a}}
  - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: a}}
  - {apiVersion: batch/v1, kind: CronJob, metadata: {name: a}}
  - {apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}}
  - {apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: a}}
  - {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: a}}
  - {apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: a}}
";

/// An API server that never answers costs the patience for one kind, not for each of them.
#[test]
fn an_unreachable_server_is_given_up_once() {
    let files = [("apps/many.yaml", MANY_KINDS)];
    let setting = Setting { name: "silent", files: &files, cluster: "timeout_seconds: 1", ..Setting::default() };
    let world = World::new(&setting);
    let proxy = Proxy::start(world.cluster, |_| Fault::Silence);
    for (address, message) in [("http://127.0.0.1:1", "refused"), (&*proxy.address, "no answer within 1 s")] {
        world.reach_cluster_at(address);
        let ran = world.trueup(&["scan", "-o", "json"]);
        assert_eq!((ran.code, ran.items()), (Some(3), vec![]));
        let problems = ran.problems();
        assert!(problems.len() == 8 && problems.iter().all(|problem| problem.contains(message)), "{problems:#?}");
        assert!(ran.took < Duration::from_secs(15), "{:?}", ran.took);
    }
}

/// Credentials that the API server does not accept are said as such.
#[test]
fn refused_credentials_are_told() {
    let world = World::new(&Setting { name: "token", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    std::fs::write(world.path("kubeconfig"), world.cluster.kubeconfig("no-token-of-anybody")).expect("write");
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(3), vec![]));
    let problems = ran.problems();
    assert!(problems.iter().all(|problem| problem.contains("refused the credentials")), "{problems:#?}");
}

/// A repository that is gone leaves nothing to say: exit code 2 for both, and an error that names it.
#[test]
fn a_repository_that_is_gone_is_an_error() {
    let world = World::new(&Setting { name: "gone", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    let bring_back = world.remote.vanish();
    for command in ["scan", "run"] {
        let ran = world.trueup(&[command, "-o", "json"]);
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("error: repository: "), "{}", ran.stderr);
    }
    bring_back();
    assert_eq!(world.scan(), (0, vec![]));
}
