use std::time::Duration;

use crate::support::cluster::{Way, cluster};
use crate::support::eventually;
use crate::support::proxy::{Fault, Proxy};
use crate::support::world::{Setting, World};

const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backups.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Backup, plural: backups}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
";

/// A world that declares an object, and has the canary delivered.
fn world(name: &str, manifest: &str) -> World {
    let world = World::new(&Setting { name, files: &[("apps/a.yaml", manifest)], ..Setting::default() });
    world.cluster.deliver(Way::ClientSide, &world.namespace, &world.remote.file("main", "apps/canary.yaml"));
    world
}

/// A kind of which the API server has no version at all has no objects: what is declared of it is missing, and the
/// result is complete.
#[test]
fn objects_of_a_kind_without_its_crd_are_missing() {
    let absent = "apiVersion: absent.example.com/v1\nkind: Backup\nmetadata: {name: nightly}\n";
    let world = world("no-crd", absent);
    let expected = ["Backup/nightly  missing"];
    let ran = world.trueup(&["scan", "-o", "json"]).exits(1);
    assert_eq!(ran.items(), expected);
    assert_eq!(ran.problems(), ["the API server knows no kind absent.example.com/v1 Backup"]);
    assert_eq!(ran.json()["summary"]["complete"], true);

    world.trueup(&["snapshot", "-o", "cluster.jsonl"]).exits(0);
    assert_eq!(world.trueup(&["scan", "--live", "cluster.jsonl", "-o", "json"]).exits(1).items(), expected);
}

/// A version that is no longer served, a kind that was once built in, and one whose own server does not answer may be
/// there: they are unknown.
#[test]
fn objects_that_may_be_at_another_place_are_unknown() {
    let group = "served.example.com";
    cluster().kubectl_with(&["apply", "-f", "-"], &CRD.replace("GROUP", group), &[]);
    cluster().kubectl(&["wait", "--for=condition=established", &format!("crd/backups.{group}")]);
    eventually(|| cluster().kubectl(&["get", "--raw", "/apis"]).contains(group).then_some(()));
    let of =
        |api_version: &str, kind: &str| format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\n");
    for (manifest, problem) in [
        (of("served.example.com/v1beta1", "Backup"), "does not serve served.example.com/v1beta1 Backup"),
        (of("extensions/v1beta1", "Ingress"), "does not serve extensions/v1beta1 Ingress"),
        (of("policy/v1beta1", "PodSecurityPolicy"), "does not serve policy/v1beta1 PodSecurityPolicy"),
        (of("batch/v1beta1", "CronJob"), "does not serve batch/v1beta1 CronJob"),
    ] {
        let world = world("unserved", &manifest);
        let ran = world.trueup(&["scan", "-o", "json"]).exits(3);
        assert_eq!((ran.items(), ran.problems().len()), (vec![], 1), "{manifest}");
        assert!(ran.problems()[0].contains(problem), "{:?}", ran.problems());
        let help = ran.json()["problems"][0]["help"].as_str().expect("help").to_owned();
        let other = manifest.contains("v1beta1\nkind: Backup").then_some("declare it at served.example.com/v1;");
        assert!(help.starts_with(other.unwrap_or("declare it at ")), "{help}");
    }
    // as the aggregator answers for a server that is down
    let down = move |address: &str| {
        let is_its_own = address.starts_with("/apis/served.example.com/v1");
        if is_its_own { Fault::Refuse(503, "ServiceUnavailable") } else { Fault::None }
    };
    for version in ["v1", "v2"] {
        let world = world("down", &of(&format!("{group}/{version}"), "Backup"));
        let proxy = Proxy::start(world.cluster, down);
        world.reach_cluster_at(&proxy.address);
        let ran = world.trueup(&["scan", "-o", "json"]).exits(3);
        assert_eq!((ran.items(), ran.problems().len()), (vec![], 1), "{version}");
        assert!(ran.took < Duration::from_secs(60), "{:?}", ran.took);
    }
}
