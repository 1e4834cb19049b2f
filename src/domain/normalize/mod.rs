//! What is the same although it is written differently: empty and absent, other spellings of a value, defaults and
//! fields that the API server or a tool fills in. Decided by the type of a field, never by its name alone.

pub mod defaults;
pub mod scalar;
pub mod written;

use serde_json::Value;

use crate::domain::schema::Shape;

/// The annotation that a restoring pull request sets; no drift on either side.
pub const RESTORE_ANNOTATION: &str = "trueup.dev/restore";

/// Whether a value says no more than its absence would.
///
/// An empty label selector selects everything while an absent one selects nothing, the entries of a map count by
/// their key alone, and a few optional fields mean something at zero too.
pub fn is_nothing(shape: &Shape, value: &Value) -> bool {
    match (value, shape) {
        (Value::Null, _) => true,
        (Value::Bool(value), _) => !value,
        (Value::Number(number), _) => number.as_f64() == Some(0.0),
        (Value::String(text), _) => text.is_empty(),
        (Value::Array(items), _) => items.is_empty(),
        (Value::Object(fields), Shape::Struct(part)) => {
            part.name != "meta/v1.LabelSelector"
                && fields.iter().all(|(name, value)| {
                    let shape = part.field(name).map_or(&Shape::Any, |field| &field.shape);
                    is_nothing(shape, value) && (value.is_null() || !zero_matters(&part.name, name))
                })
        }
        (Value::Object(fields), Shape::Map(_)) => fields.values().all(Value::is_null),
        (Value::Object(fields), _) => fields.values().all(|value| is_nothing(&Shape::Any, value)),
    }
}

/// Whether a field is optional in such a way that zero, false or "" means something else than its absence.
pub fn zero_matters(part: &str, field: &str) -> bool {
    match part {
        "core/v1.PodSpec" => matches!(field, "automountServiceAccountToken" | "hostUsers"),
        "core/v1.ServiceAccount" => field == "automountServiceAccountToken",
        "core/v1.SecurityContext" => {
            matches!(field, "allowPrivilegeEscalation" | "runAsUser" | "runAsGroup" | "runAsNonRoot")
        }
        "core/v1.PodSecurityContext" => matches!(field, "runAsUser" | "runAsGroup" | "fsGroup"),
        "core/v1.Toleration" => field == "tolerationSeconds",
        "core/v1.PersistentVolumeClaimSpec" => field == "storageClassName",
        "batch/v1.JobSpec" => matches!(field, "ttlSecondsAfterFinished" | "backoffLimitPerIndex" | "maxFailedIndexes"),
        "policy/v1.PodDisruptionBudgetSpec" => matches!(field, "minAvailable" | "maxUnavailable"),
        "autoscaling/v2.HPAScalingRules" => field == "stabilizationWindowSeconds",
        _ => false,
    }
}

/// Whether a field takes no part in the comparison, on either side.
pub fn is_skipped(part: &str, field: &str, is_root: bool, declared: Option<&serde_json::Map<String, Value>>) -> bool {
    if is_root {
        return matches!(field, "apiVersion" | "kind" | "status") || is_aggregated(part, field, declared);
    }
    // a StatefulSet's claim templates are whole claims
    if part == "core/v1.PersistentVolumeClaim" && field == "status" {
        return true;
    }
    part == "meta/v1.ObjectMeta"
        && matches!(
            field,
            "creationTimestamp"
                | "deletionGracePeriodSeconds"
                | "deletionTimestamp"
                | "generateName"
                | "generation"
                | "managedFields"
                | "resourceVersion"
                | "selfLink"
                | "uid"
        )
}

/// Whether operators of any name write a field, so that an unknown manager is most likely one of them.
pub fn may_be_written_by_any(part: &str, field: &str) -> bool {
    field == "caBundle" || (part == "meta/v1.ObjectMeta" && matches!(field, "finalizers" | "ownerReferences"))
}

/// The rules of an aggregated ClusterRole are written by a controller alone.
fn is_aggregated(part: &str, field: &str, declared: Option<&serde_json::Map<String, Value>>) -> bool {
    part == "rbac/v1.ClusterRole"
        && field == "rules"
        && declared.and_then(|role| role.get("aggregationRule")).is_some_and(|rule| !rule.is_null())
}

/// Whether the order of an atomic list means nothing, so that a reordered one is the same.
pub fn is_unordered(part: &str, field: &str) -> bool {
    match part {
        "core/v1.Capabilities" | "rbac/v1.PolicyRule" => true,
        "rbac/v1.Role" | "rbac/v1.ClusterRole" => field == "rules",
        "rbac/v1.RoleBinding" | "rbac/v1.ClusterRoleBinding" => field == "subjects",
        "core/v1.PodSpec" => field == "tolerations",
        "core/v1.PodSecurityContext" => field == "supplementalGroups",
        "core/v1.PersistentVolumeClaimSpec" | "core/v1.PersistentVolumeSpec" => {
            matches!(field, "accessModes" | "mountOptions")
        }
        "core/v1.ServiceSpec" => matches!(field, "externalIPs" | "loadBalancerSourceRanges"),
        "core/v1.ServiceAccount" => field == "imagePullSecrets",
        "core/v1.NodeSelectorTerm" | "meta/v1.LabelSelector" => field == "matchExpressions",
        "core/v1.NodeSelectorRequirement" | "meta/v1.LabelSelectorRequirement" => field == "values",
        "networking/v1.NetworkPolicySpec" | "networking/v1.NetworkPolicyIngressRule" => true,
        "networking/v1.NetworkPolicyEgressRule" | "networking/v1.IPBlock" => true,
        "admissionregistration/v1.RuleWithOperations" | "admissionregistration/v1.NamedRuleWithOperations" => true,
        "apiextensions/v1.CustomResourceDefinitionNames" => true,
        "autoscaling/v2.HorizontalPodAutoscalerSpec" => field == "metrics",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::schema::Schemas;

    /// Empty and absent are the same, except where the difference means something.
    #[test]
    fn nothing_is_told_from_something() {
        let schemas = Schemas::default();
        for (kind, path, value, nothing) in [
            ("Pod", "spec", json!({"hostNetwork": false, "nodeSelector": {}, "volumes": []}), true),
            ("Pod", "spec", json!({"securityContext": {"runAsUser": 0}}), false),
            ("Pod", "spec", json!({"securityContext": {"runAsNonRoot": false}}), true),
            ("Pod", "spec", json!({"automountServiceAccountToken": false}), false),
            ("Pod", "spec", json!({"automountServiceAccountToken": null}), true),
            ("Pod", "metadata", json!({"labels": {"a": ""}}), false),
            ("Pod", "metadata", json!({"labels": {"a": null}, "creationTimestamp": null}), true),
        ] {
            let Shape::Struct(part) = schemas.kind("v1", kind) else { panic!("{kind} is no struct") };
            let shape = part.field(path).map(|field| field.shape.clone()).expect("it has the field");
            assert_eq!(is_nothing(&shape, &value), nothing, "{value}");
        }
    }
}
