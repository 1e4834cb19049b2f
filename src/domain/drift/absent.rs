//! Which declared objects may be absent from the cluster with nothing wrong: their own tool, or the cluster, deletes
//! them when they have done their work.

use serde_json::Value;

use crate::domain::resource::ResourceId;
use crate::domain::source::DeliveryTool;

/// Annotations of objects that a delivery runs at certain moments and deletes before, after or between them.
const HOOKS: [&str; 3] = ["helm.sh/hook", "argocd.argoproj.io/hook", "kluctl.io/hook"];
/// What says when a hook is deleted; with it an object announces its own end, whatever else it says.
const DELETE_POLICIES: [&str; 3] =
    ["helm.sh/hook-delete-policy", "argocd.argoproj.io/hook-delete-policy", "kluctl.io/hook-delete-policy"];

/// Why it is no drift that the cluster lacks this object; none where it has to be there.
///
/// What keeps a delivery from deleting (`Prune=false`, `Delete=false`, `helm.sh/resource-policy: keep`) is no such
/// reason: such an object has to be there all the more.
pub fn excuse(id: &ResourceId, declared: &Value, delivery: DeliveryTool) -> Option<&'static str> {
    let annotation = |name: &str| declared.pointer("/metadata/annotations")?.get(name)?.as_str();
    let is_hook = |name: &&str| annotation(name).is_some_and(|value| !is_regular(value, delivery));
    if HOOKS.iter().any(is_hook) || DELETE_POLICIES.iter().any(|name| annotation(name).is_some()) {
        return Some("a hook or test: its delivery makes and deletes it");
    }
    let of_spec = |field: &str| declared.get("spec").and_then(|spec| spec.get(field));
    match (&*id.kind.group, &*id.kind.kind) {
        ("batch", "Job") if of_spec("ttlSecondsAfterFinished").is_some_and(Value::is_number) => {
            Some("a Job that is deleted once it has finished (ttlSecondsAfterFinished)")
        }
        ("", "Pod") if of_spec("restartPolicy").is_some_and(|policy| policy == "Never" || policy == "OnFailure") => {
            Some("a Pod that runs once: it may have finished and been collected")
        }
        _ => None,
    }
}

/// Argo CD takes what Helm 2 called `crd-install` for an ordinary object.
fn is_regular(hook: &str, delivery: DeliveryTool) -> bool {
    delivery == DeliveryTool::ArgoCd && hook == "crd-install"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Hooks, tests and what ends by itself may be absent; nothing else may, whatever it says about pruning.
    #[test]
    fn what_ends_by_itself_may_be_absent() {
        use DeliveryTool::{ArgoCd, Helm, Unknown};
        let annotated = |name: &str, value: &str| json!({"metadata": {"annotations": {name: value}}});
        let spec = |spec: Value| json!({"spec": spec});
        for (kind, declared, delivery, excused) in [
            ("v1 Pod", annotated("helm.sh/hook", "test"), Unknown, true),
            ("v1 Pod", annotated("helm.sh/hook", "test-success"), Helm, true),
            ("batch/v1 Job", annotated("helm.sh/hook", "pre-install,pre-upgrade"), ArgoCd, true),
            ("x.io/v1 Any", annotated("helm.sh/hook", "crd-install"), Helm, true),
            ("x.io/v1 Any", annotated("helm.sh/hook", "crd-install"), ArgoCd, false),
            ("batch/v1 Job", annotated("argocd.argoproj.io/hook", "PreSync"), ArgoCd, true),
            ("v1 ConfigMap", annotated("argocd.argoproj.io/hook", "Skip"), Unknown, true),
            ("batch/v1 Job", annotated("argocd.argoproj.io/hook-delete-policy", "HookSucceeded"), ArgoCd, true),
            ("batch/v1 Job", annotated("helm.sh/hook-delete-policy", "before-hook-creation"), Unknown, true),
            ("batch/v1 Job", annotated("kluctl.io/hook", "post-deploy"), Unknown, true),
            ("v1 ConfigMap", annotated("argocd.argoproj.io/sync-options", "Delete=false,Prune=false"), ArgoCd, false),
            ("v1 ConfigMap", annotated("argocd.argoproj.io/compare-options", "IgnoreExtraneous"), ArgoCd, false),
            ("v1 ConfigMap", annotated("helm.sh/resource-policy", "keep"), Helm, false),
            ("v1 ConfigMap", annotated("helm.sh/hook-weight", "1"), Helm, false),
            ("batch/v1 Job", spec(json!({"ttlSecondsAfterFinished": 0})), Unknown, true),
            ("batch/v1 Job", spec(json!({"ttlSecondsAfterFinished": null})), Unknown, false),
            ("batch/v1 Job", spec(json!({})), Unknown, false),
            ("x.io/v1 Job", spec(json!({"ttlSecondsAfterFinished": 60})), Unknown, false),
            ("v1 Pod", spec(json!({"restartPolicy": "Never"})), Unknown, true),
            ("v1 Pod", spec(json!({"restartPolicy": "Always"})), Unknown, false),
            ("v1 Pod", spec(json!({})), Unknown, false),
            ("v1 Pod", json!({"metadata": {"annotations": "none"}, "spec": []}), Unknown, false),
        ] {
            let (api_version, name) = kind.split_once(' ').expect("version and kind");
            let id = ResourceId::new(crate::domain::resource::GroupKind::of(api_version, name), Some("shop"), "a");
            assert_eq!(excuse(&id, &declared, delivery).is_some(), excused, "{kind} {declared} {delivery}");
        }
    }
}
