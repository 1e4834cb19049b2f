use std::time::Duration;

use serde_json::{Value, json};

use crate::support::cluster::cluster;
use crate::support::proxy::{Fault, Proxy};
use crate::support::world::{Setting, World};

/// A kind with what only its schema tells: list keys with a default, a quantity, a default inside a list.
const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gateways.GROUP}
spec:
  group: GROUP
  scope: Namespaced
  names: {kind: Gateway, plural: gateways}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                listeners:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [port, protocol]
                  items:
                    type: object
                    required: [port]
                    properties:
                      port: {type: integer}
                      protocol: {type: string, default: TCP}
                      mode: {type: string, default: fast}
";

const GATEWAY: &str = "\
apiVersion: GROUP/v1
kind: Gateway
metadata: {name: edge}
spec:
  listeners: [{port: 80}, {port: 53, protocol: UDP}]
";

/// Waits until the address of a group's document is another one than before, and says it: documents come a moment after
/// their kinds.
fn published_after(group: &str, before: &str) -> String {
    loop {
        let index: Value = cluster().kubectl(&["get", "--raw", "/openapi/v3"]).parse().expect("JSON");
        let address = index["paths"][format!("apis/{group}/v1")]["serverRelativeURL"].to_string();
        if address != before {
            return address;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A world with a Gateway whose listeners a person has put in another order and changed: without the schema that would be
/// several items.
fn world(name: &str) -> (World, String) {
    let group = format!("{name}.example.com");
    let crd = CRD.replace("GROUP", &group);
    cluster().kubectl_with(&["apply", "-f", "-"], &crd, &[]);
    cluster().kubectl(&["wait", "--for=condition=established", &format!("crd/gateways.{group}")]);
    published_after(&group, "null");
    let gateway = GATEWAY.replace("GROUP", &group);
    let world = World::new(&Setting { name, files: &[("apps/edge.yaml", &gateway)], ..Setting::default() });
    world.deliver();
    let listeners = r#"{"spec":{"listeners":[{"port":53,"protocol":"UDP","mode":"slow"},{"port":80,"protocol":"TCP","mode":"fast"}]}}"#;
    world.kubectl(&["patch", &format!("gateways.{group}"), "edge", "--type=merge", "-p", listeners]);
    (world, group)
}

const DRIFT: &str = "Gateway/edge spec.listeners[port=53,protocol=UDP].mode live_only by kubectl-patch (person)";

/// A cluster's own schema says what is drift; it is fetched once and read from the cache after that, until its content
/// changes, and a snapshot takes it along.
#[test]
fn the_schema_of_the_cluster_is_used_and_kept() {
    let (world, group) = world("schema-kept");
    let proxy = Proxy::start(world.cluster, |_| Fault::None);
    world.reach_cluster_at(&proxy.address);
    let document = format!("/openapi/v3/apis/{group}/v1");
    for _ in 0..2 {
        assert_eq!(world.scan(), (1, vec![DRIFT.to_owned()]));
        assert_eq!(proxy.asked(&document), 1);
    }
    let before = published_after(&group, "null");
    let default =
        "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/listeners/items/properties/mode/default";
    let patch = json!([{"op": "replace", "path": default, "value": "slow"}]).to_string();
    cluster().kubectl(&["patch", "crd", &format!("gateways.{group}"), "--type=json", "-p", &patch]);
    published_after(&group, &before);
    let other_default =
        "Gateway/edge spec.listeners[port=80,protocol=TCP].mode live_only by kubectl-client-side-apply (delivery)";
    assert_eq!(world.scan(), (1, vec![other_default.to_owned()]));
    assert_eq!(proxy.asked(&document), 2);

    world.trueup(&["snapshot", "-o", "cluster.jsonl"]).exits(0);
    world.reach_cluster_at("http://127.0.0.1:1");
    let ran = world.trueup(&["scan", "--live", "cluster.jsonl", "-o", "json"]);
    assert_eq!((ran.items(), ran.code), (vec![other_default.to_owned()], Some(1)));
}

/// Where the schema cannot be read, the kind is unknown: without list keys every listener would look changed.
#[test]
fn a_schema_that_cannot_be_read_freezes_its_kind() {
    let (world, group) = world("schema-lost");
    for fault in [Fault::Refuse(403, "Forbidden"), Fault::Half] {
        let document = format!("/openapi/v3/apis/{group}/v1");
        let proxy =
            Proxy::start(world.cluster, move |address| if address.contains(&document) { fault } else { Fault::None });
        world.reach_cluster_at(&proxy.address);
        let ran = world.trueup(&["scan", "-o", "json"]);
        assert_eq!((ran.code, ran.items()), (Some(3), vec![]));
        let problem = format!("the schema of {group}/v1 Gateway could not be read: ");
        assert!(ran.problems().len() == 1 && ran.problems()[0].contains(&problem), "{:#?}", ran.problems());
    }
}
