//! Pairs of a declared and a live object; the tables are beside this file, by theme.

mod catalogue;
mod empties;
mod filled;
mod lists;
mod owned;
mod scalars;

use serde_json::json;

use super::*;
use crate::domain::drift::ManagerClass;
use crate::domain::ownership::ManagerRule;
use crate::domain::resource::ResourceId;

fn managers() -> ManagerClasses {
    let rule = |manager: &str, class| ManagerRule { manager: manager.to_owned(), subresource: None, class };
    ManagerClasses {
        rules: vec![
            rule("kubectl-client-side-apply", ManagerClass::Delivery),
            rule("kubectl-*", ManagerClass::Person),
            rule("*-controller-manager", ManagerClass::Controller),
        ],
    }
}

/// Yields `change path: declared → live by manager` for each difference.
fn check(declared: &Value, live: &Value) -> Vec<String> {
    let mut object = live.clone();
    let managed =
        object.pointer_mut("/metadata").and_then(|metadata| metadata.as_object_mut()?.remove("managedFields"));
    let managed_fields = managed.map(|managed| serde_json::value::to_raw_value(&managed).expect("JSON"));
    let live = LiveObject { id: ResourceId::of(&object).expect("named"), object, managed_fields };
    let (schemas, managers) = (Schemas::default(), managers());
    let rules = Rules { schemas: &schemas, managers: &managers, delivery_manager: Some("gitops") };
    let text = |value: Option<Value>| value.map_or("-".to_owned(), |value| value.to_string());
    let told = compare(declared, &live, &rules).differences.into_iter().map(|difference| {
        let by = difference.changed_by.map(|by| format!(" by {}", by.manager)).unwrap_or_default();
        let (change, path) = (difference.change, difference.path);
        format!("{change} {path}: {} → {}{by}", text(difference.declared), text(difference.live))
    });
    told.collect()
}

fn pod(spec: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": spec}}})
}

fn web(container: &Value) -> Value {
    let mut web = json!({"name": "web", "image": "a:1"});
    web.as_object_mut().expect("map").extend(container.as_object().expect("map").clone());
    pod(&json!({"containers": [web]}))
}

/// Other spellings, defaults, order of map lists, allocated and tool-written fields are no drift.
#[test]
fn what_is_the_same_is_no_drift() {
    for (declared, live) in [
        (
            web(&json!({"resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}}})),
            web(&json!({"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}})),
        ),
        (
            web(&json!({})),
            web(
                &json!({"imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log", "resources": {}}),
            ),
        ),
        (
            web(&json!({"ports": [{"containerPort": 80}]})),
            web(&json!({"ports": [{"containerPort": 80, "protocol": "TCP"}]})),
        ),
        (
            web(&json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}]})),
            web(&json!({"env": [{"name": "B"}, {"name": "A", "value": "1"}]})),
        ),
        (
            pod(&json!({"hostNetwork": false, "nodeSelector": {}, "containers": []})),
            pod(
                &json!({"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "securityContext": {}, "terminationGracePeriodSeconds": 30}),
            ),
        ),
        (
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "creationTimestamp": null}, "spec": {"ports": [{"port": 80}]}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "uid": "1", "namespace": "d"},
                "spec": {"type": "ClusterIP", "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "sessionAffinity": "None",
                    "internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
                    "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}]}}),
        ),
    ] {
        assert_eq!(check(&declared, &live), Vec::<String>::new());
        assert_eq!(check(&declared, &declared), Vec::<String>::new());
    }
}

/// An explicit zero that the API server keeps is not the same as the default it fills in.
#[test]
fn a_zero_that_counts_is_no_default() {
    let job = |limit: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"}, "spec": {"backoffLimit": limit}});
    assert_eq!(check(&job(json!(0)), &job(json!(6))), ["changed spec.backoffLimit: 0 → 6"]);
    let scaler = |down: Value| {
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "a"},
        "spec": {"maxReplicas": 3, "behavior": {"scaleDown": down}}})
    };
    let (declared, live) = (scaler(json!({"stabilizationWindowSeconds": 0})), scaler(json!({"selectPolicy": "Max"})));
    assert_eq!(check(&declared, &live), ["removed spec.behavior.scaleDown.stabilizationWindowSeconds: 0 → -"]);
}

/// Node and priority are picked for a Pod; in a template somebody wrote them.
#[test]
fn a_template_is_not_scheduled() {
    let owned = json!([{"manager": "k9s", "operation": "Update", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:nodeName": {}}}}}}]);
    let mut live = pod(&json!({"nodeName": "node-1"}));
    live["metadata"]["managedFields"] = owned;
    assert_eq!(check(&pod(&json!({})), &live), [r#"added spec.template.spec.nodeName: - → "node-1" by k9s"#]);
    let of = |spec: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec});
    assert_eq!(check(&of(json!({"containers": []})), &of(json!({"nodeName": "node-1"}))), Vec::<String>::new());
}

/// Changed, removed and added fields and items are found at their paths.
#[test]
fn what_differs_is_found() {
    for (declared, live, expected) in [
        (
            web(&json!({"resources": {"limits": {"memory": "1Gi"}}})),
            web(&json!({"resources": {"limits": {"memory": "2Gi"}}})),
            "changed spec.template.spec.containers[name=web].resources.limits.memory: \"1Gi\" → \"2Gi\"",
        ),
        (
            web(&json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})),
            web(&json!({"env": [{"name": "B", "value": "2"}]})),
            "removed spec.template.spec.containers[name=web].env[name=A]: {\"name\":\"A\",\"value\":\"1\"} → -",
        ),
        (
            web(&json!({})),
            web(&json!({"securityContext": {"privileged": true}})),
            "added spec.template.spec.containers[name=web].securityContext.privileged: - → true",
        ),
        (
            web(&json!({"ports": [{"containerPort": 53}]})),
            web(
                &json!({"ports": [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]}),
            ),
            "added spec.template.spec.containers[name=web].ports[containerPort=53,protocol=UDP]: - → {\"containerPort\":53,\"protocol\":\"UDP\"}",
        ),
        (
            web(&json!({"args": ["a", "b"]})),
            web(&json!({"args": ["a", "c"]})),
            "changed spec.template.spec.containers[name=web].args[1]: \"b\" → \"c\"",
        ),
        (
            pod(&json!({"containers": []})),
            pod(&json!({"containers": [], "terminationGracePeriodSeconds": 1})),
            "added spec.template.spec.terminationGracePeriodSeconds: - → 1",
        ),
    ] {
        assert_eq!(check(&declared, &live), [expected]);
    }
}

/// What the API server derives from other fields, and a declared null that it keeps as an empty value, are no drift.
#[test]
fn what_follows_from_other_fields_is_no_drift() {
    let pod = |spec: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec});
    let app = |fields: Value| {
        let mut app = json!({"name": "a", "image": "a:1"});
        app.as_object_mut().expect("map").extend(fields.as_object().expect("map").clone());
        app
    };
    let limits = |item: Value| json!({"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": [item]}});
    let settings =
        |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data});
    for (declared, live) in [
        (
            pod(json!({"containers": [app(json!({"resources": {"limits": {"cpu": "1.5"}}}))]})),
            pod(
                json!({"containers": [app(json!({"resources": {"limits": {"cpu": "1500m"}, "requests": {"cpu": "1500m"}}}))]}),
            ),
        ),
        (
            pod(json!({"hostNetwork": true, "containers": [app(json!({"ports": [{"containerPort": 80}]}))]})),
            pod(
                json!({"hostNetwork": true, "containers": [app(json!({"ports": [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]}))]}),
            ),
        ),
        (
            limits(json!({"type": "Container", "default": {"memory": "1Gi"}})),
            limits(json!({"type": "Container", "default": {"memory": "1Gi"}, "defaultRequest": {"memory": "1Gi"}})),
        ),
        (settings(json!({"a": null})), settings(json!({"a": ""}))),
    ] {
        assert_eq!(check(&declared, &live), Vec::<String>::new());
    }
    let on_its_own = pod(json!({"containers": [app(json!({"ports": [{"containerPort": 80, "hostPort": 80}]}))]}));
    let declared = pod(json!({"containers": [app(json!({"ports": [{"containerPort": 80}]}))]}));
    assert_eq!(check(&declared, &on_its_own).len(), 1, "a port of the host is drift without the host's network");
}

/// A zero counts where the API server would have filled in something else.
#[test]
fn telling_zeros_are_found() {
    let spec = |fields: Value| json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": fields});
    let live = spec(json!({"replicas": 0, "revisionHistoryLimit": 0, "minReadySeconds": 0, "paused": false}));
    let found = ["added spec.replicas: - → 0", "added spec.revisionHistoryLimit: - → 0"];
    assert_eq!(check(&spec(json!({})), &live), found);
}

/// Of a map, each entry that is lost is told, whether others are left or not.
#[test]
fn lost_entries_are_told_one_by_one() {
    let settings =
        |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data});
    let (a, b) = ("removed data.a: \"1\" → -", "removed data.b: \"2\" → -");
    let declared = settings(json!({"a": "1", "b": "2"}));
    assert_eq!(check(&declared, &settings(json!({"b": "2"}))), [a]);
    assert_eq!(check(&declared, &settings(Value::Null)), [a, b]);
}

/// Of live-only fields, what nobody or a controller owns is explained; what a person owns is drift.
#[test]
fn ownership_decides_about_additions() {
    let live = |manager: &str, subresource: &str, fields: Value| {
        let mut live = pod(&json!({"containers": [], "hostNetwork": true}));
        live["metadata"]["managedFields"] = json!([{"manager": manager, "operation": "Update", "subresource": subresource,
            "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": fields}]);
        live
    };
    let declared = pod(&json!({"containers": []}));
    let owned = || json!({"f:spec": {"f:template": {"f:spec": {"f:hostNetwork": {}}}}});
    let found = "added spec.template.spec.hostNetwork: - → true by kubectl-edit";
    assert_eq!(check(&declared, &live("kubectl-edit", "", owned())), [found]);
    assert_eq!(
        check(&declared, &live("kubectl-edit", "", json!({"f:spec": {"f:replicas": {}}}))),
        Vec::<String>::new()
    );
    assert_eq!(check(&declared, &live("kube-controller-manager", "", owned())), Vec::<String>::new());
}
