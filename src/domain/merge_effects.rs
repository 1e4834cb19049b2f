//! What merging does to the cluster, in words: who applies it and what it takes, which pods restart, which hooks run.

use serde_json::Value;

use crate::domain::drift::{Change, Difference};
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::markdown;
use crate::domain::resource::{Manifest, ResourceId};
use crate::domain::source::DeliveryTool;

/// How many hooks are named.
const HOOKS: usize = 5;

/// What the delivery does with a merge that changes what is live.
pub fn delivery(tool: DeliveryTool) -> &'static str {
    match tool {
        DeliveryTool::Unknown => {
            "The tool that delivers this source applies the manifest again. The config does not name it; if it compares \
             releases and not the live state, or is paused, sync it by hand."
        }
        DeliveryTool::ArgoCd => {
            "Argo CD sees a new commit and syncs once, which puts the live fields back. If auto-sync is off, a sync is needed: \
             `argocd app sync` with the name of the Application."
        }
        DeliveryTool::KubectlApply => "The pipeline's next `kubectl apply` puts the live fields back.",
        DeliveryTool::ServerSideApply => {
            "The pipeline's next `kubectl apply --server-side --force-conflicts` puts the live fields back. Without force it \
             stops with a conflict (409) and nothing is restored; the command is below."
        }
        DeliveryTool::Flux => {
            "Flux applies the new revision and puts the live fields back. It does so by itself at every interval, too: drift that \
             outlived that is suspended (`flux resume kustomization` with its name), ignored, or something keeps writing it."
        }
        DeliveryTool::Helm => {
            "The next `helm upgrade` applies the chart. Helm 3 puts built-in kinds back, and leaves a field of a custom kind \
             that is the same in both releases; Helm 4 applies server-side and stops with a conflict where somebody else has \
             written. The command is below."
        }
    }
}

/// What becomes of pods when a manifest is applied to a live object that differs from it so; nothing where they go on. What
/// is named by its content gets another name with it.
pub fn on_pods(
    id: &ResourceId,
    declared: &Value,
    differences: &[Difference],
    is_named_by_content: bool,
) -> Option<String> {
    let below = |path: &FieldPath, names: &[&str]| {
        let mut steps = path.steps().iter();
        names.iter().all(|name| matches!(steps.next(), Some(Step::Field(field)) if field == name))
    };
    let applied = || differences.iter().filter(|difference| difference.change != Change::Added);
    let template_changes = applied().any(|difference| below(&difference.path, &["spec", "template"]));
    let text = |pointer: &str| declared.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let strategy = text(if id.kind.kind == "Deployment" { "/spec/strategy/type" } else { "/spec/updateStrategy/type" });
    let told = match (&*id.kind.group, &*id.kind.kind) {
        ("apps", "Deployment") if template_changes && declared.pointer("/spec/paused") == Some(&Value::Bool(true)) => {
            "The pod template changes, but the Deployment is paused: no pod restarts until it is resumed."
        }
        ("apps", "Deployment") if template_changes && strategy == "Recreate" => {
            "**Pods restart**, because their template changes: all of them stop before new ones start (`Recreate`)."
        }
        ("apps", "StatefulSet" | "DaemonSet") if template_changes && strategy == "OnDelete" => {
            "The pod template changes; a pod takes it on when somebody deletes it (`OnDelete`)."
        }
        ("apps", "StatefulSet") if template_changes => {
            "**Pods restart** one by one from the last to the first, because their template changes."
        }
        ("apps", "Deployment" | "DaemonSet") if template_changes => {
            "**Pods restart** step by step, because their template changes."
        }
        ("apps", "ReplicaSet") | ("", "ReplicationController") if template_changes => {
            "The pod template changes; pods that run stay as they are."
        }
        ("batch", "CronJob") if applied().any(|difference| below(&difference.path, &["spec", "jobTemplate"])) => {
            "The Jobs that it makes from then on are made so; what runs goes on."
        }
        ("", "ConfigMap" | "Secret") if is_named_by_content && applied().next().is_some() => {
            "It is named by its content: where that changes, its name does, and **pods restart** that use it."
        }
        ("", "ConfigMap" | "Secret") if applied().next().is_some() => {
            "No pod restarts by it: files in volumes follow after a while, environment variables only when a pod is made anew."
        }
        _ => "",
    };
    let scales = applied().any(|difference| below(&difference.path, &["spec", "replicas"]));
    let scaling = if scales { "Pods are started or stopped to the number of replicas." } else { "" };
    let both: Vec<_> = [told, scaling].into_iter().filter(|text| !text.is_empty()).collect();
    (!both.is_empty()).then(|| both.join(" "))
}

/// The hooks among a source's manifests that its delivery runs with every sync or upgrade.
pub fn hooks(manifests: &[Manifest], tool: DeliveryTool) -> Vec<String> {
    let (by_argo, by_helm) = match tool {
        DeliveryTool::ArgoCd | DeliveryTool::Unknown => (true, true),
        DeliveryTool::Helm => (false, true),
        DeliveryTool::KubectlApply | DeliveryTool::ServerSideApply | DeliveryTool::Flux => (false, false),
    };
    let runs = |object: &Value| {
        let of = |name: &str| object.pointer("/metadata/annotations")?.get(name)?.as_str().map(str::to_owned);
        let any = |text: Option<String>, of: &[&str]| {
            text.is_some_and(|text| text.split(',').any(|phase| of.contains(&phase.trim())))
        };
        let phases: &[&str] = if tool == DeliveryTool::ArgoCd {
            &["pre-install", "pre-upgrade", "post-install", "post-upgrade"]
        } else {
            &["pre-upgrade", "post-upgrade"]
        };
        by_argo && any(of("argocd.argoproj.io/hook"), &["PreSync", "Sync", "PostSync"])
            || by_helm && any(of("helm.sh/hook"), phases)
    };
    if !by_argo && !by_helm {
        return Vec::new();
    }
    let hooks = manifests.iter().filter(|manifest| runs(&manifest.object()));
    hooks.map(|manifest| manifest.id.to_string()).collect()
}

/// A sentence that names hooks; nothing where there are none.
pub fn on_hooks(hooks: &[String]) -> Option<String> {
    let more = hooks.len().checked_sub(HOOKS).filter(|more| *more > 0);
    let more = more.map(|more| format!(" and {more} more")).unwrap_or_default();
    let named: Vec<_> = hooks.iter().take(HOOKS).map(|hook| markdown::code(hook)).collect();
    (!hooks.is_empty()).then(|| format!("**Hooks run**: {}{more}.", named.join(", ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::drift::Confidence;
    use crate::domain::resource::GroupKind;

    fn difference(path: &str, change: Change) -> Difference {
        Difference {
            path: path.parse().expect("path"),
            change,
            declared: None,
            live: None,
            magnitude: 1.0,
            is_amount: false,
            confidence: Confidence::Confirmed,
            changed_by: None,
            native_default: None,
        }
    }

    /// Only what changes a template restarts pods, and the strategy says how.
    #[test]
    fn restarts_are_told() {
        let image = "spec.template.spec.containers[name=a].image";
        let pods = "spec.jobTemplate.spec.template.spec.containers[name=a].image";
        let strategy = |kind: &str, name: &str| json!({"spec": {kind: {"type": name}}});
        for (kind, declared, path, expected) in [
            ("apps/v1 Deployment", json!({}), image, "**Pods restart** step by step"),
            ("apps/v1 Deployment", strategy("strategy", "Recreate"), image, "all of them stop"),
            ("apps/v1 Deployment", json!({"spec": {"paused": true}}), image, "until it is resumed"),
            ("apps/v1 Deployment", json!({}), "spec.replicas", "started or stopped"),
            ("apps/v1 Deployment", json!({}), "spec.strategy.type", ""),
            ("apps/v1 StatefulSet", json!({}), image, "from the last to the first"),
            ("apps/v1 StatefulSet", strategy("updateStrategy", "OnDelete"), image, "somebody deletes it"),
            ("apps/v1 DaemonSet", strategy("updateStrategy", "RollingUpdate"), image, "step by step"),
            ("apps/v1 ReplicaSet", json!({}), image, "stay as they are"),
            ("batch/v1 CronJob", json!({}), pods, "from then on"),
            ("batch/v1 CronJob", json!({}), "spec.suspend", ""),
            ("v1 ConfigMap", json!({}), "data.a", "No pod restarts"),
            ("v1 Service", json!({}), "spec.type", ""),
        ] {
            let (api_version, name) = kind.split_once(' ').expect("version and kind");
            let id = ResourceId::new(GroupKind::of(api_version, name), None, "a");
            let told = on_pods(&id, &declared, &[difference(path, Change::Changed)], false).unwrap_or_default();
            assert!(told.contains(expected) && told.is_empty() == expected.is_empty(), "{kind} {path}: {told}");
            assert_eq!(
                on_pods(&id, &declared, &[difference(path, Change::Added)], false),
                None,
                "what only the cluster has stays"
            );
        }
    }

    /// A generated ConfigMap takes its pods with it.
    #[test]
    fn generated_names_restart_pods() {
        let id = ResourceId::new(GroupKind::new("", "ConfigMap"), None, "a-7h2b");
        let told = on_pods(&id, &json!({}), &[difference("data.a", Change::Changed)], true);
        assert!(told.is_some_and(|told| told.contains("**pods restart**")));
    }

    /// Hooks are those that run again, by the tool that runs them.
    #[test]
    fn hooks_are_told() {
        let hook = |name: &str, key: &str, value: &str| {
            let object = json!({"metadata": {"annotations": {key: value}}});
            Manifest::new(ResourceId::new(GroupKind::new("batch", "Job"), None, name), "s", None, &object)
        };
        let manifests = [
            hook("a", "argocd.argoproj.io/hook", "PreSync"),
            hook("b", "argocd.argoproj.io/hook", "Skip"),
            hook("c", "helm.sh/hook", "post-install, pre-upgrade"),
            hook("d", "helm.sh/hook", "test"),
            hook("e", "helm.sh/hook", "pre-install"),
        ];
        for (tool, expected) in [
            (DeliveryTool::ArgoCd, vec!["Job a", "Job c", "Job e"]),
            (DeliveryTool::Helm, vec!["Job c"]),
            (DeliveryTool::Unknown, vec!["Job a", "Job c"]),
            (DeliveryTool::Flux, vec![]),
        ] {
            assert_eq!(hooks(&manifests, tool), expected, "{tool}");
        }
        assert_eq!(on_hooks(&["Job a".to_owned()]).as_deref(), Some("**Hooks run**: `Job a`."));
        assert!(on_hooks(&vec!["x".to_owned(); 9]).expect("told").ends_with("and 4 more."));
        assert_eq!(on_hooks(&[]), None);
    }
}
