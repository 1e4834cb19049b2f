//! The table of native defaults, row by row, against a real API server. What `pairs.rs` delivered is read back: each row
//! has to have filled something in, and whatever was filled in has to have a row, so that a newer API server tells by
//! name which one is missing. Here each default is also declared, and declared as nothing.

mod explicit;
mod filled;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use trueup::domain::normalize::defaults::{Default, rows};

use self::filled::{Filled, filled};
use crate::support::cluster::Cluster;

/// Rows that nothing here can meet, and why.
const UNMET: &[(&str, &str, &str)] = &[
    (
        "apiregistration/v1.APIServiceSpec",
        "caBundle",
        "an APIService that nobody answers for breaks everybody's discovery",
    ),
    ("apiregistration/v1.ServiceReference", "port", "the same; `explicit.rs` meets it in a dry run"),
    ("apps/v1.RollingUpdateStatefulSetStrategy", "maxUnavailable", "the feature gate MaxUnavailableStatefulSet is off"),
];

/// What a controller has to write.
const WITH_CONTROLLERS: &[(&str, &str)] = &[
    ("core/v1.PersistentVolumeClaimSpec", "volumeName"),
    ("core/v1.PersistentVolumeSpec", "claimRef"),
    ("meta/v1.ObjectMeta", "ownerReferences"),
];

/// What admission picks in the cluster without controllers, which has classes to pick.
const WITHOUT_CONTROLLERS: &[(&str, &str)] = &[
    ("core/v1.PersistentVolumeClaimSpec", "storageClassName"),
    ("core/v1.PodSpec", "priorityClassName"),
    ("networking/v1.IngressSpec", "ingressClassName"),
];

/// The maps whose entries follow from other fields.
const ENTRIES: &[(&str, &str)] = &[
    ("core/v1.LimitRangeItem", "default"),
    ("core/v1.LimitRangeItem", "defaultRequest"),
    ("core/v1.ResourceRequirements", "requests"),
    ("meta/v1.ObjectMeta", "labels"),
];

/// What each row that depends on other fields can come to; null where it fills in nothing.
fn branches() -> BTreeMap<(&'static str, &'static str), Vec<Value>> {
    let pull = || vec![json!("Always"), json!("IfNotPresent")];
    let account = |both: [&str; 3]| both.iter().map(|name| json!(name)).collect();
    let source = || {
        vec![json!({"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "yesterday"}), Value::Null]
    };
    BTreeMap::from([
        (
            ("apiextensions/v1.CustomResourceDefinitionNames", "listKind"),
            vec![json!("BackupList"), json!("ConvertedList")],
        ),
        (("apiextensions/v1.CustomResourceDefinitionNames", "singular"), vec![json!("backup"), json!("converted")]),
        (("batch/v1.JobSpec", "backoffLimit"), vec![json!(6), json!(i32::MAX)]),
        (("batch/v1.JobSpec", "completions"), vec![json!(1), Value::Null]),
        (("batch/v1.JobSpec", "podReplacementPolicy"), vec![json!("TerminatingOrFailed"), json!("Failed")]),
        (("core/v1.Container", "imagePullPolicy"), pull()),
        (("core/v1.ContainerPort", "hostPort"), vec![json!(80), Value::Null]),
        (("core/v1.ImageVolumeSource", "pullPolicy"), pull()),
        (("core/v1.PersistentVolumeClaimSpec", "dataSource"), source()),
        (("core/v1.PersistentVolumeClaimSpec", "dataSourceRef"), source()),
        (("core/v1.PodSpec", "serviceAccount"), account(["default", "builder", "default"])),
        (("core/v1.PodSpec", "serviceAccountName"), account(["default", "builder", "puller"])),
        (("core/v1.ReplicationControllerSpec", "selector"), vec![json!({"app": "old"})]),
        (
            ("core/v1.SecurityContext", "appArmorProfile"),
            vec![
                json!({"type": "RuntimeDefault"}),
                json!({"type": "Unconfined"}),
                json!({"type": "Localhost", "localhostProfile": "strict"}),
                Value::Null,
            ],
        ),
        (("core/v1.ServicePort", "targetPort"), vec![json!(80), json!(53), json!(443)]),
        (
            ("core/v1.ServiceSpec", "sessionAffinityConfig"),
            vec![json!({"clientIP": {"timeoutSeconds": 10800}}), Value::Null],
        ),
        (("networking/v1.NetworkPolicySpec", "policyTypes"), vec![json!(["Ingress"]), json!(["Ingress", "Egress"])]),
        (("rbac/v1.Subject", "apiGroup"), vec![json!("rbac.authorization.k8s.io"), Value::Null]),
        (("resource/v1.DeviceSubRequest", "count"), vec![json!(1)]),
        (("resource/v1.ExactDeviceRequest", "count"), vec![json!(1), Value::Null]),
    ])
}

/// What others than the API server write into objects that were delivered into `namespace`: bundles of certificates, and
/// the node of a Pod.
pub(crate) fn let_others_write(cluster: &Cluster, name: &str, namespace: &str) {
    let authority = STANDARD.encode(std::fs::read(cluster.authority()).expect("the certificate"));
    let hook = "/webhooks/0/clientConfig/caBundle";
    let conversion = format!("customresourcedefinition/converted.hooks.{name}.company.example");
    for (object, path) in [
        (&*format!("validatingwebhookconfiguration/minimal-{name}"), hook),
        (&*format!("mutatingwebhookconfiguration/least-{name}"), hook),
        (&*conversion, "/spec/conversion/webhook/clientConfig/caBundle"),
    ] {
        let patch = json!([{"op": "add", "path": path, "value": authority}]).to_string();
        cluster.kubectl(&["patch", object, "--type=json", "--field-manager=cert-manager-cainjector", "-p", &patch]);
    }
    let node = format!("apiVersion: v1\nkind: Node\nmetadata: {{name: node-{name}}}\n");
    cluster.kubectl_with(&["create", "-f", "-"], &node, &[]);
    let binding = json!({"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "pulled"}, "target": {"kind": "Node", "name": format!("node-{name}")}});
    let path = format!("/api/v1/namespaces/{namespace}/pods/pulled/binding");
    cluster.kubectl_with(&["create", "--raw", &path, "-f", "-"], &binding.to_string(), &[]);
}

/// Objects as kubectl sends them.
fn as_sent(cluster: &Cluster, namespace: &str, manifests: &str) -> Vec<Value> {
    let args = ["-n", namespace, "create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-"];
    let printed = cluster.kubectl_with(&args, manifests, &[]);
    let read = serde_json::Deserializer::from_str(&printed).into_iter::<Value>().map(|object| object.expect("JSON"));
    let flat = read.flat_map(|object| object["items"].as_array().cloned().unwrap_or_else(|| vec![object]));
    let without_namespace = |mut object: Value| {
        object["metadata"].as_object_mut().expect("metadata").remove("namespace");
        object
    };
    flat.map(without_namespace).collect()
}

/// Reads back what was delivered (namespace and manifests) and holds it against the table.
pub(crate) fn hold_table_against(cluster: &Cluster, delivered: &[(String, String)], controllers: bool) {
    let mut seen: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    let (mut entries, mut unexplained) = (BTreeSet::new(), Vec::new());
    for (namespace, manifests) in delivered {
        let back = cluster.kubectl_with(&["-n", namespace, "get", "-o", "json", "-f", "-"], manifests, &[]);
        let back: Value = serde_json::from_str(&back).expect("JSON");
        let back = back["items"].as_array().cloned().unwrap_or_else(|| vec![back.clone()]);
        let sent = as_sent(cluster, namespace, manifests);
        assert_eq!(sent.len(), back.len());
        for (sent, back) in sent.iter().zip(&back) {
            let name = format!("{}/{}", sent["kind"], sent["metadata"]["name"]);
            assert_eq!(name, format!("{}/{}", back["kind"], back["metadata"]["name"]));
            let found = filled(sent, back);
            unexplained.extend(found.unexplained.iter().map(|what| format!("{name}: {what}")));
            entries.extend(found.entries);
            for Filled { part, field, value, .. } in found.by_table {
                seen.entry((part, field)).or_default().push(value);
            }
            for row in found.left_out {
                seen.entry(row).or_default().push(Value::Null);
            }
        }
    }
    assert!(unexplained.is_empty(), "filled in without a rule:\n{}", unexplained.join("\n"));

    let others = if controllers { WITHOUT_CONTROLLERS } else { WITH_CONTROLLERS };
    let may_be_unmet = |part: &str, field: &str| {
        UNMET.iter().any(|unmet| (unmet.0, unmet.1) == (part, field)) || others.contains(&(part, field))
    };
    let met = |part: &str, field: &str| seen.get(&(part.to_owned(), field.to_owned()));
    let has_filled = |values: &Vec<Value>| values.iter().any(|value| !value.is_null());
    let unproven: Vec<_> = rows()
        .filter(|(part, field, _)| {
            met(part, field).is_none_or(|values| !has_filled(values)) != may_be_unmet(part, field)
        })
        .map(|(part, field, _)| format!("{part}.{field}"))
        .collect();
    assert!(
        unproven.is_empty(),
        "rows that no object met, or that one met although they cannot be:\n{}",
        unproven.join("\n")
    );
    let mut branches = branches();
    for (part, field, _) in rows().filter(|row| matches!(row.2, Default::Computed(_) | Default::UnsetComputed(_))) {
        let values = met(part, field).expect("it was met");
        let expected = branches.remove(&(part, field)).unwrap_or_default();
        assert!(!expected.is_empty(), "nobody says what {part}.{field} can come to");
        let lost: Vec<_> = expected.iter().filter(|value| !values.contains(value)).collect();
        assert!(lost.is_empty(), "no object met {part}.{field} = {lost:?}, but {values:?}");
    }
    assert!(branches.is_empty(), "no such rows: {branches:?}");
    let lost: Vec<_> =
        ENTRIES.iter().filter(|(part, field)| !entries.contains(&(part.to_string(), field.to_string()))).collect();
    assert!(lost.is_empty(), "no object met {lost:?}");
}
