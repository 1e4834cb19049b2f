//! Which part of a configuration a field belongs to: `drift_type` in policies.

use crate::domain::drift::Aspect;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::resource::GroupKind;

/// The aspect of a field, by the field's own name first, then by what it lies in, then by the kind.
pub fn aspect_of(kind: &GroupKind, path: &FieldPath) -> Aspect {
    if path.is_root() {
        return Aspect::Presence;
    }
    let names: Vec<&str> = path.steps().iter().filter_map(field_name).collect();
    match names[..] {
        ["metadata", "labels", ..] => return Aspect::Labels,
        ["metadata", "annotations", ..] => return Aspect::Annotations,
        _ => {}
    }
    if let Some(aspect) = of_kind(kind, &names) {
        return aspect;
    }
    // a whole container, init container or the like came or went
    if matches!(path.steps().last(), Some(Step::Item(_)))
        && names.last().is_some_and(|name| name.ends_with("ontainers"))
    {
        return Aspect::Presence;
    }
    names.iter().rev().find_map(|name| of_name(name)).unwrap_or(Aspect::Other)
}

fn field_name(step: &Step) -> Option<&str> {
    match step {
        Step::Field(name) => Some(name),
        _ => None,
    }
}

fn of_kind(kind: &GroupKind, names: &[&str]) -> Option<Aspect> {
    let first = names.first().copied().unwrap_or_default();
    Some(match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "ConfigMap") if matches!(first, "data" | "binaryData") => Aspect::ConfigData,
        ("", "Secret") if matches!(first, "data" | "stringData") => Aspect::Secret,
        ("autoscaling", "HorizontalPodAutoscaler") if first == "spec" => Aspect::Replicas,
        ("policy", "PodDisruptionBudget") if first == "spec" => Aspect::Replicas,
        ("", "ResourceQuota" | "LimitRange") if first == "spec" => Aspect::ResourceLimits,
        ("rbac.authorization.k8s.io", _) | ("", "ServiceAccount") => Aspect::Rbac,
        ("networking.k8s.io" | "gateway.networking.k8s.io", _) | ("", "Service" | "Endpoints") => Aspect::Network,
        ("storage.k8s.io", _) | ("", "PersistentVolume" | "PersistentVolumeClaim") => Aspect::Storage,
        ("cert-manager.io", _) => Aspect::Certificate,
        _ => return None,
    })
}

fn of_name(name: &str) -> Option<Aspect> {
    Some(match name {
        "resources" => Aspect::ResourceLimits,
        "securityContext" | "hostNetwork" | "hostPID" | "hostIPC" | "hostUsers" | "privileged" => {
            Aspect::SecurityContext
        }
        "image" | "imagePullPolicy" | "imagePullSecrets" => Aspect::ImagePolicy,
        "replicas" | "minReplicas" | "maxReplicas" => Aspect::Replicas,
        "labels" | "matchLabels" => Aspect::Labels,
        "annotations" => Aspect::Annotations,
        "env" | "envFrom" => Aspect::Environment,
        "ports" | "hostAliases" | "dnsPolicy" | "dnsConfig" | "hostname" | "subdomain" => Aspect::Network,
        "volumes" | "volumeMounts" | "volumeDevices" | "volumeClaimTemplates" => Aspect::Storage,
        "serviceAccountName" | "serviceAccount" | "automountServiceAccountToken" => Aspect::Rbac,
        "livenessProbe" | "readinessProbe" | "startupProbe" => Aspect::Probes,
        "nodeSelector"
        | "affinity"
        | "tolerations"
        | "topologySpreadConstraints"
        | "priorityClassName"
        | "schedulerName"
        | "nodeName"
        | "schedule"
        | "suspend" => Aspect::Scheduling,
        "caBundle" | "tls" => Aspect::Certificate,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields get the aspect that policies would name.
    #[test]
    fn fields_have_aspects() {
        for (group, kind, path, aspect) in [
            (
                "apps",
                "Deployment",
                "spec.template.spec.containers[name=web].resources.limits.memory",
                Aspect::ResourceLimits,
            ),
            (
                "apps",
                "Deployment",
                "spec.template.spec.containers[name=web].resources.limits[\"nvidia.com/gpu\"]",
                Aspect::ResourceLimits,
            ),
            (
                "apps",
                "Deployment",
                "spec.template.spec.containers[name=web].securityContext.privileged",
                Aspect::SecurityContext,
            ),
            ("apps", "Deployment", "spec.template.spec.hostNetwork", Aspect::SecurityContext),
            ("apps", "Deployment", "spec.template.spec.containers[name=web].image", Aspect::ImagePolicy),
            ("apps", "Deployment", "spec.template.spec.containers[name=web].env[name=A].value", Aspect::Environment),
            ("apps", "Deployment", "spec.template.spec.containers[name=debug]", Aspect::Presence),
            ("apps", "Deployment", "spec.replicas", Aspect::Replicas),
            ("apps", "Deployment", "spec.template.metadata.labels.app", Aspect::Labels),
            ("apps", "Deployment", "metadata.annotations[\"a/b\"]", Aspect::Annotations),
            ("apps", "Deployment", "", Aspect::Presence),
            ("apps", "Deployment", "spec.minReadySeconds", Aspect::Other),
            ("", "ConfigMap", "data.LEARNING_RATE", Aspect::ConfigData),
            ("", "Secret", "data.password", Aspect::Secret),
            ("", "Service", "spec.type", Aspect::Network),
            ("rbac.authorization.k8s.io", "Role", "rules", Aspect::Rbac),
        ] {
            let path = path.parse().expect(path);
            assert_eq!(aspect_of(&GroupKind::new(group, kind), &path), aspect, "{kind} {path}");
        }
    }
}
