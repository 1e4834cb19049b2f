use serde_json::json;

use super::*;
use crate::domain::ownership::ManagerClasses;
use crate::domain::resource::ResourceId;
use crate::domain::schema::Schemas;

fn told(schemas: &Schemas, declared: &Value, live: &Value, changes: &[FieldChange], server_side: bool) -> Vec<String> {
    let managers = ManagerClasses::default();
    let rules = Rules { schemas, managers: &managers, delivery_manager: None };
    let id = ResourceId::of(live).expect("named");
    let live = LiveObject { id, object: live.clone(), managed_fields: None };
    let trial = Trial { declared, changes, live: Some(&live), rules, server_side, foreign_masks: false };
    objections(&trial).iter().map(ToString::to_string).collect()
}

fn object(api_version: &str, kind: &str, rest: Value) -> Value {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", "namespace": "n"}});
    let rest = rest.as_object().expect("a map").clone();
    object.as_object_mut().expect("a map").extend(rest);
    object
}

/// What differs where nothing may change is refused, what only the cluster has stays as it is, and what may change may.
#[test]
fn what_is_fixed_is_refused() {
    let claim = |size: &str| json!({"spec": {"resources": {"requests": {"storage": size}}}});
    let bound = |size: &str| json!({"spec": {"resources": {"requests": {"storage": size}}, "volumeName": "v"}});
    for (kind, declared, live, expected) in [
        ("apps/v1 Deployment", json!({"spec": {"replicas": 1}}), json!({"spec": {"replicas": 2}}), None),
        (
            "apps/v1 Deployment",
            json!({"spec": {"selector": {"matchLabels": {"app": "a"}}}}),
            json!({"spec": {"selector": {"matchLabels": {"app": "b"}}}}),
            Some(
                "spec.selector.matchLabels.app cannot be changed once the object exists; Git has a, the cluster has b",
            ),
        ),
        (
            "v1 PersistentVolumeClaim",
            claim("1Gi"),
            bound("2Gi"),
            Some("cannot shrink: a claim only grows; Git has 1Gi"),
        ),
        ("v1 PersistentVolumeClaim", claim("3Gi"), bound("2Gi"), None),
        ("v1 PersistentVolumeClaim", claim("2048Mi"), bound("2Gi"), None),
        ("v1 PersistentVolumeClaim", claim("3Gi"), claim("2Gi"), Some("before the claim is bound")),
        (
            "v1 ConfigMap",
            json!({"data": {"a": "1"}}),
            json!({"data": {"a": "2"}, "immutable": true}),
            Some("data.a cannot be changed: the object is `immutable`, for good; Git has 1, the cluster has 2"),
        ),
        ("v1 ConfigMap", json!({"data": {"a": "1"}}), json!({"data": {"a": "2"}}), None),
        ("v1 ConfigMap", json!({"data": {"a": "1"}}), json!({"data": {"a": "1", "b": "2"}, "immutable": true}), None),
        ("v1 ConfigMap", json!({"immutable": false}), json!({"immutable": true}), Some("immutable cannot be changed")),
        (
            "v1 Service",
            json!({"spec": {"clusterIP": "None"}}),
            json!({"spec": {"clusterIP": "10.0.0.1"}}),
            Some("spec.clusterIP"),
        ),
        (
            "v1 Service",
            json!({"spec": {"clusterIP": "None"}}),
            json!({"spec": {"clusterIP": "10.0.0.1", "type": "ExternalName"}}),
            None,
        ),
        ("v1 Service", json!({"spec": {"clusterIP": ""}}), json!({"spec": {"clusterIP": "10.0.0.1"}}), None),
        ("v1 Pod", json!({"spec": {"activeDeadlineSeconds": 5}}), json!({"spec": {"activeDeadlineSeconds": 9}}), None),
        (
            "v1 Pod",
            json!({"spec": {"activeDeadlineSeconds": 9}}),
            json!({"spec": {"activeDeadlineSeconds": 5}}),
            Some("can only be lowered"),
        ),
    ] {
        let (api_version, kind) = kind.split_once(' ').expect("version and kind");
        let (declared, live) = (object(api_version, kind, declared), object(api_version, kind, live));
        let told = told(&Schemas::default(), &declared, &live, &[], false);
        match expected {
            Some(part) => assert!(told.len() == 1 && told[0].contains(part), "{declared} {live}: {told:?}"),
            None => assert_eq!(told, [] as [&str; 0], "{declared} {live}"),
        }
    }
}

/// A label that only the live selector has is taken away by who owns the selector as one, and by nobody else.
#[test]
fn a_part_owned_as_one_is_replaced_server_side() {
    let of = |labels: Value| object("apps/v1", "Deployment", json!({"spec": {"selector": {"matchLabels": labels}}}));
    let (declared, live) = (of(json!({"app": "a"})), of(json!({"app": "a", "x": "y"})));
    assert_eq!(told(&Schemas::default(), &declared, &live, &[], false), [] as [&str; 0]);
    assert_eq!(
        told(&Schemas::default(), &declared, &live, &[], true),
        ["spec.selector.matchLabels.x cannot be changed once the object exists; Git has nothing, the cluster has y"]
    );
}

/// A Secret's content is in no reason.
#[test]
fn secrets_are_not_told() {
    let of = |data: &str| object("v1", "Secret", json!({"data": {"a": data}, "immutable": true}));
    let told = told(&Schemas::default(), &of("masked-1"), &of("masked-2"), &[], false);
    assert_eq!(told, ["data.a cannot be changed: the object is `immutable`, for good"]);
}

/// Changes of another type than the schema's, of unknown fields, and against what a custom kind demands.
#[test]
fn values_fit_their_types() {
    let mut schemas = Schemas::default();
    let crd = json!({"spec": {"group": "example.com", "names": {"kind": "Widget"}, "versions": [{"name": "v1",
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object",
            "required": ["mode"], "properties": {
                "mode": {"type": "string", "enum": ["fast", "slow"]},
                "size": {"type": "integer", "minimum": 1, "maximum": 9},
                "class": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}}}}}}}]}});
    schemas.add_crd(&crd).expect("a CRD");
    let pod = object("apps/v1", "Deployment", json!({"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}}));
    let widget = object("example.com/v1", "Widget", json!({"spec": {"mode": "fast", "class": "a"}}));
    let in_pod = |path: &str| format!("spec.template.spec.{path}");
    for (declared, path, value, expected) in [
        (&pod, in_pod("securityContext.runAsUser"), json!(1000), None),
        (
            &pod,
            in_pod("securityContext.runAsUser"),
            json!("1000"),
            Some("has to be a whole number, and would be a text"),
        ),
        (
            &pod,
            in_pod("securityContext.runAsNonroot"),
            json!(true),
            Some("runAsNonroot is not a field that its kind has"),
        ),
        (
            &pod,
            in_pod("containers[name=a].resources"),
            json!({"limits": {"cpu": "lots"}}),
            Some("limits.cpu has to be a quantity"),
        ),
        (&pod, in_pod("containers[name=a].resources"), json!({"limits": {"cpu": 1}}), None),
        (
            &pod,
            in_pod("containers[name=b]"),
            json!({"name": "b", "ports": [{"containerPort": "http"}]}),
            Some("ports[0].containerPort has to be a whole number"),
        ),
        (&pod, "metadata.annotations.a".to_owned(), json!(true), Some("has to be a text")),
        (&widget, "spec.mode".to_owned(), json!("slow"), None),
        (&widget, "spec.mode".to_owned(), json!("warp"), Some("spec.mode has to be one of \"fast\", \"slow\"")),
        (&widget, "spec.size".to_owned(), json!(10), Some("has to be at most 9")),
        (&widget, "spec.size".to_owned(), json!(0), Some("has to be at least 1")),
        (&widget, "spec".to_owned(), json!({"size": 1}), Some("spec needs the field mode")),
        (&widget, "spec.mode".to_owned(), Value::Null, Some("spec.mode is needed and cannot be removed")),
    ] {
        let path: FieldPath = path.parse().expect("path");
        let change = if value.is_null() { FieldChange::remove(path) } else { FieldChange::set(path, value) };
        let told = told(&schemas, declared, declared, std::slice::from_ref(&change), false);
        match expected {
            Some(part) => assert!(told.len() == 1 && told[0].contains(part), "{change:?}: {told:?}"),
            None => assert_eq!(told, [] as [&str; 0], "{change:?}"),
        }
    }
    let live = object("example.com/v1", "Widget", json!({"spec": {"mode": "fast", "class": "b"}}));
    assert!(told(&schemas, &widget, &live, &[], false)[0].contains("spec.class cannot be changed once it is set"));
}
