//! The table of immutable and one-way fields: what the API server refuses to change in an object that exists.
//!
//! No schema says so; the rows are what the validation of each kind refuses, and `tests/integration/fixed_fields.rs` holds
//! every one of them against a real API server. The first row that covers a field decides, so exceptions stand first.

use serde_json::Value;

use crate::domain::drift::{Change, Difference};
use crate::domain::field_path::{FieldPath, PathPattern};
use crate::domain::quantity::Quantity;
use crate::domain::resource::GroupKind;

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// API group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// The field, with all that is below it.
    pub path: &'static str,
    /// What may become of it.
    pub rule: Rule,
}

/// What may become of a field of an object that exists.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    /// Anything: an exception from a row further down.
    Free,
    /// Nothing.
    Fixed,
    /// It may be set where it was not.
    SetOnce,
    /// It depends: why it cannot be changed, if it cannot.
    Judged(fn(&Case<'_>) -> Option<&'static str>),
}

/// A change of one field that would be applied.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The manifest as it would be applied.
    pub declared: &'a Value,
    /// The live object.
    pub live: &'a Value,
    /// In what they differ.
    pub difference: &'a Difference,
}

/// Why a field that is simply fixed cannot be changed.
const FIXED: &str = "cannot be changed once the object exists";

use Rule::{Fixed, Free, Judged, SetOnce};

const fn row(group: &'static str, kind: &'static str, path: &'static str, rule: Rule) -> Row {
    Row { group, kind, path, rule }
}

/// Every row, for tests that hold the table against an API server.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter()
}

/// The row that decides about a field of a kind.
pub fn find(kind: &GroupKind, path: &FieldPath) -> Option<&'static Row> {
    let of_kind = TABLE.iter().filter(|row| row.group == kind.group && row.kind == kind.kind);
    of_kind.into_iter().find(|row| row.covers(path))
}

impl Row {
    /// Whether the row is about this field.
    fn covers(&self, path: &FieldPath) -> bool {
        self.path.parse::<PathPattern>().is_ok_and(|pattern| pattern.covers(path))
    }

    /// Why the API server would refuse the change, if it would.
    pub fn refuses(&self, case: &Case<'_>) -> Option<&'static str> {
        match self.rule {
            Free => None,
            Fixed => Some(FIXED),
            SetOnce => (case.difference.change != Change::Removed).then_some("cannot be changed once it is set"),
            Judged(judge) => judge(case),
        }
    }
}

impl<'a> Case<'a> {
    fn live_text(&self, pointer: &str) -> &'a str {
        self.live.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    fn declared_text(&self, pointer: &str) -> &'a str {
        self.declared.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The type of a Service on both sides; Git may leave it to its default.
    fn service_types(&self) -> (&'a str, &'a str) {
        let or_default = |text: &'a str| if text.is_empty() { "ClusterIP" } else { text };
        (or_default(self.declared_text("/spec/type")), or_default(self.live_text("/spec/type")))
    }
}

fn sealed(case: &Case<'_>) -> Option<&'static str> {
    let is_sealed = case.live.get("immutable") == Some(&Value::Bool(true));
    is_sealed.then_some("cannot be changed: the object is `immutable`, for good")
}

/// A claim grows once it is bound. (Back down it goes only where growing had failed; nobody plans for that.)
fn claim_size(case: &Case<'_>) -> Option<&'static str> {
    let amount = |value: &Option<Value>| value.as_ref().and_then(Quantity::of);
    let (declared, live) = (amount(&case.difference.declared)?, amount(&case.difference.live)?);
    if case.live_text("/spec/volumeName").is_empty() {
        return Some("cannot be changed before the claim is bound");
    }
    (declared < live).then_some("cannot shrink: a claim only grows")
}

/// The addresses of a Service stay as long as it has any.
fn service_address(case: &Case<'_>) -> Option<&'static str> {
    let (declared, live) = case.service_types();
    let first = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => items.first().cloned(),
        other => other.cloned(),
    };
    let is_secondary = matches!(case.difference.path.steps().last(), Some(crate::domain::field_path::Step::Index(1..)));
    let is_same = first(case.difference.declared.as_ref()) == first(case.difference.live.as_ref());
    let has_address = declared != "ExternalName" && live != "ExternalName";
    (has_address && !is_secondary && !is_same).then_some(FIXED)
}

fn balancer_class(case: &Case<'_>) -> Option<&'static str> {
    (case.service_types() == ("LoadBalancer", "LoadBalancer")).then_some("cannot be changed while it is a LoadBalancer")
}

/// An elastic Job: completions follow parallelism.
fn completions(case: &Case<'_>) -> Option<&'static str> {
    let declared = |field: &str| case.declared.pointer(field).and_then(Value::as_i64);
    let is_elastic = case.live_text("/spec/completionMode") == "Indexed"
        && declared("/spec/completions") == declared("/spec/parallelism");
    (!is_elastic).then_some("cannot be changed, unless the Job is Indexed and parallelism changes with it")
}

/// Where a Job is suspended, some parts of its template may change before it has started; which ones differs by version.
fn job_template(case: &Case<'_>) -> Option<&'static str> {
    (case.live.pointer("/spec/suspend") != Some(&Value::Bool(true))).then_some(FIXED)
}

fn deadline(case: &Case<'_>) -> Option<&'static str> {
    let seconds = |value: &Option<Value>| value.as_ref().and_then(Value::as_i64);
    let grows = seconds(&case.difference.declared)? > seconds(&case.difference.live)?;
    grows.then_some("can only be lowered")
}

/// Tolerations of a Pod may be added.
fn pod_tolerations(case: &Case<'_>) -> Option<&'static str> {
    let all =
        |side: &'_ Value| side.pointer("/spec/tolerations").and_then(Value::as_array).cloned().unwrap_or_default();
    let declared = all(case.declared);
    let is_given = |one: &Value| crate::domain::normalize::written::is_given_toleration(one);
    let loses = all(case.live).iter().any(|one| !is_given(one) && !declared.contains(one));
    loses.then_some("can only be added to")
}

const APPS: &str = "apps";
const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";
const CRDS: &str = "apiextensions.k8s.io";

#[rustfmt::skip]
static TABLE: &[Row] = &[
    row(APPS, "Deployment", "spec.selector", Fixed),
    row(APPS, "DaemonSet", "spec.selector", Fixed),
    row(APPS, "ReplicaSet", "spec.selector", Fixed),
    row(APPS, "StatefulSet", "spec.replicas", Free),
    row(APPS, "StatefulSet", "spec.ordinals", Free),
    row(APPS, "StatefulSet", "spec.template", Free),
    row(APPS, "StatefulSet", "spec.updateStrategy", Free),
    row(APPS, "StatefulSet", "spec.revisionHistoryLimit", Free),
    row(APPS, "StatefulSet", "spec.persistentVolumeClaimRetentionPolicy", Free),
    row(APPS, "StatefulSet", "spec.minReadySeconds", Free),
    row(APPS, "StatefulSet", "spec", Fixed),
    row(APPS, "ControllerRevision", "data", Fixed),
    row("batch", "Job", "spec.selector", Fixed),
    row("batch", "Job", "spec.template", Judged(job_template)),
    row("batch", "Job", "spec.completions", Judged(completions)),
    row("batch", "Job", "spec.completionMode", Fixed),
    row("batch", "Job", "spec.podFailurePolicy", Fixed),
    row("batch", "Job", "spec.successPolicy", Fixed),
    row("batch", "Job", "spec.backoffLimitPerIndex", Fixed),
    row("batch", "Job", "spec.managedBy", Fixed),
    row("", "Pod", "spec.containers[*].image", Free),
    row("", "Pod", "spec.initContainers[*].image", Free),
    row("", "Pod", "spec.activeDeadlineSeconds", Judged(deadline)),
    row("", "Pod", "spec.tolerations", Judged(pod_tolerations)),
    row("", "Pod", "spec", Fixed),
    row("", "Service", "spec.clusterIP", Judged(service_address)),
    row("", "Service", "spec.clusterIPs", Judged(service_address)),
    row("", "Service", "spec.ipFamilies", Judged(service_address)),
    row("", "Service", "spec.loadBalancerClass", Judged(balancer_class)),
    row("", "PersistentVolumeClaim", "spec.resources.requests.storage", Judged(claim_size)),
    row("", "PersistentVolumeClaim", "spec.volumeAttributesClassName", Free),
    row("", "PersistentVolumeClaim", "spec.volumeName", SetOnce),
    row("", "PersistentVolumeClaim", "spec.storageClassName", SetOnce),
    row("", "PersistentVolumeClaim", "spec", Fixed),
    row("", "PersistentVolume", "spec.csi.controllerExpandSecretRef", Free),
    row("", "PersistentVolume", "spec.csi", Fixed),
    row("", "PersistentVolume", "spec.fc", Fixed),
    row("", "PersistentVolume", "spec.hostPath", Fixed),
    row("", "PersistentVolume", "spec.iscsi", Fixed),
    row("", "PersistentVolume", "spec.local", Fixed),
    row("", "PersistentVolume", "spec.nfs", Fixed),
    row("", "PersistentVolume", "spec.nodeAffinity", SetOnce),
    row("", "PersistentVolume", "spec.volumeMode", Fixed),
    row("", "ConfigMap", "data", Judged(sealed)),
    row("", "ConfigMap", "binaryData", Judged(sealed)),
    row("", "ConfigMap", "immutable", Judged(sealed)),
    row("", "Secret", "data", Judged(sealed)),
    row("", "Secret", "immutable", Judged(sealed)),
    row("", "Secret", "type", Fixed),
    row("", "ResourceQuota", "spec.scopes", Fixed),
    row("discovery.k8s.io", "EndpointSlice", "addressType", Fixed),
    row("networking.k8s.io", "IngressClass", "spec.controller", Fixed),
    row("node.k8s.io", "RuntimeClass", "handler", Fixed),
    row("scheduling.k8s.io", "PriorityClass", "value", Fixed),
    row("scheduling.k8s.io", "PriorityClass", "preemptionPolicy", Fixed),
    row("resource.k8s.io", "ResourceClaim", "spec", Fixed),
    row("resource.k8s.io", "ResourceClaimTemplate", "spec", Fixed),
    row(RBAC, "RoleBinding", "roleRef", Fixed),
    row(RBAC, "ClusterRoleBinding", "roleRef", Fixed),
    row(STORAGE, "StorageClass", "provisioner", Fixed),
    row(STORAGE, "StorageClass", "parameters", Fixed),
    row(STORAGE, "StorageClass", "reclaimPolicy", Fixed),
    row(STORAGE, "StorageClass", "volumeBindingMode", Fixed),
    row(STORAGE, "VolumeAttributesClass", "driverName", Fixed),
    row(STORAGE, "VolumeAttributesClass", "parameters", Fixed),
    row(STORAGE, "CSIDriver", "spec.attachRequired", Fixed),
    row(STORAGE, "CSIDriver", "spec.volumeLifecycleModes", Fixed),
    row(STORAGE, "VolumeAttachment", "spec", Fixed),
    row(CRDS, "CustomResourceDefinition", "spec.group", Fixed),
    row(CRDS, "CustomResourceDefinition", "spec.scope", Fixed),
    row(CRDS, "CustomResourceDefinition", "spec.names.kind", Fixed),
    row(CRDS, "CustomResourceDefinition", "spec.names.plural", Fixed),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Every path is a pattern, no row stands behind one that takes all it is for, and the kinds are built in.
    #[test]
    fn the_table_is_sound() {
        for (index, row) in TABLE.iter().enumerate() {
            let path: FieldPath = row.path.replace("[*]", "[name=x]").parse().expect("a path");
            let kind = GroupKind::new(row.group, row.kind);
            let found = find(&kind, &path).expect("it covers itself");
            assert!(std::ptr::eq(found, row), "{} {} is behind {}", row.kind, row.path, found.path);
            assert!(TABLE[..index].iter().all(|other| (other.kind, other.path) != (row.kind, row.path)));
            assert!(crate::domain::schema::Schemas::groups_of(row.kind).contains(&row.group), "{kind}");
        }
    }
}
