//! Labels, annotations and list items that tools and controllers add to what was declared.

use serde_json::Value;

/// Whether a live-only annotation was written by a controller or a delivery tool.
pub fn is_tool_annotation(name: &str) -> bool {
    let exact = matches!(
        name,
        "kubectl.kubernetes.io/last-applied-configuration"
            | "deployment.kubernetes.io/revision"
            | "deployment.kubernetes.io/desired-replicas"
            | "deployment.kubernetes.io/max-replicas"
            | "rollout.argoproj.io/desired-replicas"
            | "rollout.argoproj.io/revision"
            | "deprecated.daemonset.template.generation"
            | "volume.kubernetes.io/storage-provisioner"
            | "volume.beta.kubernetes.io/storage-provisioner"
            | "volume.kubernetes.io/selected-node"
            | "kubernetes.io/limit-ranger"
            | "kubernetes.io/change-cause"
            | "endpoints.kubernetes.io/last-change-trigger-time"
            | "control-plane.alpha.kubernetes.io/leader"
            | "cluster-autoscaler.kubernetes.io/last-updated"
            | "notified.notifications.argoproj.io"
            | "config.kubernetes.io/origin"
            | "k8s.v1.cni.cncf.io/network-status"
            | "apf.kubernetes.io/autoupdate-spec"
    );
    let prefixes = [
        "pv.kubernetes.io/",
        "autoscaling.alpha.kubernetes.io/",
        "argocd.argoproj.io/tracking-id",
        "argocd.argoproj.io/installation-id",
        "argocd.argoproj.io/refresh",
        "meta.helm.sh/",
        "objectset.rio.cattle.io/",
        "field.cattle.io/",
        "openshift.io/",
        "autopilot.gke.io/",
        "cloud.google.com/neg",
        "reconcile.fluxcd.io/",
        "reloader.stakater.com/last-reloaded-from",
        "cni.projectcalico.org/",
    ];
    exact || prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a live-only label was written by a controller or a delivery tool.
pub fn is_tool_label(name: &str, value: &Value) -> bool {
    match name {
        "kubernetes.io/metadata.name" | "controller-uid" | "job-name" => true,
        "batch.kubernetes.io/controller-uid" | "batch.kubernetes.io/job-name" => true,
        "app.kubernetes.io/instance" => true,
        "app.kubernetes.io/managed-by" => *value == "Helm",
        _ => {
            let prefixes = ["kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "objectset.rio.cattle.io/"];
            prefixes.iter().any(|prefix| name.starts_with(prefix))
        }
    }
}

/// Whether a live-only list item was written by the API server or a tool, by the item and the list it is in.
pub fn is_tool_item(part: &str, field: &str, item: &Value) -> bool {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    match (part, field) {
        ("core/v1.ServiceAccount", "secrets") => {
            text("name").contains("-token-") || text("name").contains("-dockercfg-")
        }
        ("core/v1.ServiceAccount", "imagePullSecrets") => text("name").contains("-dockercfg-"),
        ("core/v1.Container", "env") => text("name").starts_with("STAKATER_"),
        ("core/v1.Container", "volumeMounts") => text("mountPath") == "/var/run/secrets/kubernetes.io/serviceaccount",
        ("core/v1.PodSpec", "volumes") => text("name").starts_with("kube-api-access-"),
        _ => false,
    }
}

/// Whether a toleration is one of the two that every Pod is given.
pub fn is_given_toleration(toleration: &Value) -> bool {
    let text = |name: &str| toleration.get(name).and_then(Value::as_str).unwrap_or_default();
    matches!(text("key"), "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable")
        && text("operator") == "Exists"
        && text("effect") == "NoExecute"
        && toleration.get("tolerationSeconds").and_then(Value::as_i64) == Some(300)
}
