//! Remedies: what has to change in Git to answer an item as its policy asks, or why Git cannot do it.

use serde_json::{Map, Value};

use crate::domain::drift::semantic::{pod, weakens};
use crate::domain::drift::{Aspect, Change, DriftItem, DriftKind};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::normalize::RESTORE_ANNOTATION;
use crate::domain::policy::{ActionType, Policy};
use crate::domain::source::{DeliveryTool, Source};

/// What answers one item.
#[derive(Debug, Clone, PartialEq)]
pub enum Remedy {
    /// These fields of the manifest change.
    Change(Vec<FieldChange>),
    /// Git is right; a new commit makes the delivery apply it again.
    Reassert,
    /// No edit of Git can do it: why, and the command that can, if there is one.
    Person { reason: String, command: Option<String> },
}

/// The change by which a merged pull request makes the delivery apply a manifest again.
pub fn reassertion(unit: &str, attempt: u32) -> FieldChange {
    FieldChange::set(restore_mark(), Value::from(format!("{unit}.{attempt}")))
}

/// Where the mark stands that [`reassertion`] makes.
pub fn restore_mark() -> FieldPath {
    FieldPath::fields(["metadata", "annotations", RESTORE_ANNOTATION])
}

/// The attempt that a mark made by [`reassertion`] counts for this unit; none for another unit's or a person's text.
pub fn attempt_of(mark: &str, unit: &str) -> Option<u32> {
    mark.strip_prefix(unit)?.strip_prefix('.')?.parse().ok()
}

/// Finds what `policy` asks to be done about an item, whose manifest is `declared`.
/// A semantic item is answered by its causes, each of which gets the same policy.
pub fn remedies(item: &DriftItem, policy: &Policy, declared: &Value) -> Vec<Remedy> {
    let is_meaning = item.drift == DriftKind::Semantic;
    match policy.action {
        ActionType::AlertAndTrack | ActionType::Ignore => Vec::new(),
        _ if item.is_undeclared() => vec![undeclared(item)],
        ActionType::RestoreFromBaseline if !is_meaning => vec![restore(item, declared)],
        ActionType::AdoptLive if !is_meaning => vec![adopt(item)],
        ActionType::UpdateToStandard if is_meaning => vec![standard(item, policy, declared)],
        // a pod-level standard does not cure a container's own setting, so the item itself is restored too
        ActionType::UpdateToStandard if item.aspect == Aspect::SecurityContext || item.change == Change::Added => {
            vec![standard(item, policy, declared), restore(item, declared)]
        }
        ActionType::UpdateToStandard => vec![standard(item, policy, declared)],
        _ => Vec::new(),
    }
}

/// Finds what has to be done about the cause of a semantic item that `policy` answers. A standard is written for the
/// semantic item itself, so that its causes only have to go back to what Git says.
pub fn cures(cause: &DriftItem, policy: &Policy, declared: &Value) -> Vec<Remedy> {
    match policy.action {
        ActionType::UpdateToStandard => vec![restore(cause, declared)],
        _ => remedies(cause, policy, declared),
    }
}

/// No manifest says anything about the object, so that there is no file to edit.
fn undeclared(item: &DriftItem) -> Remedy {
    let id = &item.resource;
    let (kind, name) = (id.kind.to_string().to_lowercase(), quoted(&id.name));
    let namespace = id.namespace.as_ref().map(|name| format!(" -n {}", quoted(name))).unwrap_or_default();
    Remedy::Person {
        reason: "no source declares it; to keep it, add its manifest to Git, which adopts it; else delete it"
            .to_owned(),
        command: Some(format!("kubectl delete {} {name}{namespace}", quoted(&kind))),
    }
}

fn restore(item: &DriftItem, declared: &Value) -> Remedy {
    if item.repository_drift {
        return match &item.baseline {
            Some(baseline) => Remedy::Change(vec![FieldChange::set(item.path.clone(), baseline.clone())]),
            None => Remedy::Change(vec![FieldChange::remove(item.path.clone())]),
        };
    }
    if item.change != Change::Added {
        return Remedy::Reassert;
    }
    match &item.native_default {
        Some(default) if !is_weaker(item, default, declared) => {
            Remedy::Change(vec![FieldChange::set(item.path.clone(), default.clone())])
        }
        Some(_) => Remedy::Person {
            reason: "the default is weaker than what is live; adopt the live value or declare another one".to_owned(),
            command: None,
        },
        None => Remedy::Person {
            reason: "no declaration in Git removes what Git never declared".to_owned(),
            command: removal(item),
        },
    }
}

/// Whether writing the default would weaken what is live, by the Pod Security Standards and two more switches.
fn is_weaker(item: &DriftItem, default: &Value, declared: &Value) -> bool {
    let hardening = ["readOnlyRootFilesystem", "automountServiceAccountToken"];
    if let Some(Step::Field(name)) = item.path.steps().last() {
        let safe = Value::from(name == "readOnlyRootFilesystem");
        if hardening.contains(&name.as_str()) && item.live.as_ref() == Some(&safe) {
            return true;
        }
    }
    let with = |value: &Value| {
        let mut object = declared.clone();
        let _ = FieldChange::set(item.path.clone(), value.clone()).apply(&mut object);
        object
    };
    item.live.as_ref().is_some_and(|live| weakens(&item.resource.kind, &with(live), &with(default)))
}

/// A standard for the security context is written into the pod's; every other standard into the item's own field.
/// A map's snake_case names become the manifest's camelCase. Where Git has the standard already, it is applied again.
fn standard(item: &DriftItem, policy: &Policy, declared: &Value) -> Remedy {
    let Some(value) = &policy.standard_value else {
        return Remedy::Person { reason: format!("the policy {} gives no standard value", policy.name), command: None };
    };
    let pod = pod::pod_spec_path(&item.resource.kind).filter(|_| item.aspect == Aspect::SecurityContext);
    let wanted = match (pod, value) {
        (Some(pod), Value::Object(fields)) => {
            let at = pod.field("securityContext");
            fields.iter().map(|(name, value)| (at.field(&camel_case(name)), camel_cased(value))).collect()
        }
        (None, value) if !item.path.is_root() && item.rule.is_none() => vec![(item.path.clone(), value.clone())],
        _ => return unfit(policy),
    };
    let differs = |(path, value): &(FieldPath, Value)| path.get(declared) != Some(value);
    let changes: Vec<_> =
        wanted.into_iter().filter(differs).map(|(path, value)| FieldChange::set(path, value)).collect();
    if changes.is_empty() { Remedy::Reassert } else { Remedy::Change(changes) }
}

fn unfit(policy: &Policy) -> Remedy {
    Remedy::Person {
        reason: format!("the standard value of the policy {} does not fit this item", policy.name),
        command: None,
    }
}

fn adopt(item: &DriftItem) -> Remedy {
    if item.aspect == Aspect::Secret {
        return Remedy::Person {
            reason: "the content of a Secret is never written into Git".to_owned(),
            command: None,
        };
    }
    if item.path.is_root() {
        let reason = "it is not in the cluster; to agree with that, take its manifest out of Git".to_owned();
        return Remedy::Person { reason, command: None };
    }
    match &item.live {
        Some(live) => Remedy::Change(vec![FieldChange::set(item.path.clone(), live.clone())]),
        None => Remedy::Change(vec![FieldChange::remove(item.path.clone())]),
    }
}

/// `run_as_non_root` → `runAsNonRoot`; names without `_` stay as they are.
fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut chars = part.chars();
        text.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(chars.as_str());
    }
    text
}

fn camel_cased(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, value)| (camel_case(name), camel_cased(value))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// The kubectl command that removes a live-only field or list item: a strategic merge patch that names nothing else.
/// None where no patch can name it (a member of a set, an item of an atomic list).
pub fn removal(item: &DriftItem) -> Option<String> {
    let mut patch: Option<Value> = None;
    for step in item.path.steps().iter().rev() {
        patch = Some(match (step, patch) {
            (Step::Field(name), inner) => Value::Object(Map::from_iter([(name.clone(), inner.unwrap_or(Value::Null))])),
            (Step::Item(keys), inner) => {
                let mut object = keys.iter().map(|(name, key)| (name.clone(), key.to_value())).collect::<Map<_, _>>();
                match inner {
                    Some(Value::Object(inner)) => object.extend(inner),
                    _ => drop(object.insert("$patch".to_owned(), Value::from("delete"))),
                }
                Value::Array(vec![Value::Object(object)])
            }
            _ => return None,
        });
    }
    let namespace = item.resource.namespace.as_ref().map(|name| format!(" -n {}", quoted(name))).unwrap_or_default();
    Some(format!(
        "kubectl{namespace} patch {} -p {}",
        quoted(&item.resource.kubectl_name()),
        quoted(&patch?.to_string())
    ))
}

/// The command line that applies a chart again, from the root of the repository: what re-asserts a manifest that no key of
/// the values can mark. None for other sources, whose manifests can be marked themselves.
pub fn reapplication(source: &Source) -> Option<String> {
    let release = source.helm.as_ref()?;
    let namespace = source.namespace.as_ref().map(|name| format!(" -n {}", quoted(name))).unwrap_or_default();
    let chart = if source.path.is_empty() { "." } else { &source.path };
    let values: String = release.values.iter().map(|file| format!(" -f {}", quoted(file))).collect();
    let how = match source.delivery.tool {
        DeliveryTool::ServerSideApply | DeliveryTool::Flux | DeliveryTool::Helm => {
            let manager = source.delivery.field_manager().unwrap_or("kubectl");
            format!(" --server-side --force-conflicts --field-manager={}", quoted(manager))
        }
        _ => String::new(),
    };
    let template =
        format!("helm template {} {}{namespace}{values}", quoted(&release.name), quoted(&format!("./{chart}")));
    Some(format!("{template} | kubectl apply{namespace}{how} -f -"))
}

/// Quotes for a POSIX shell: nothing in it is read as anything but itself.
fn quoted(text: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | ':');
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('-') {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::drift::{Category, Confidence, Severity, Verdict};
    use crate::domain::policy::MatchCriteria;
    use crate::domain::resource::{GroupKind, ResourceId};

    /// An item of the Deployment `shop/web`.
    pub(crate) fn item(path: &str, change: Change, declared: Value, live: Value) -> DriftItem {
        let present = |value: Value| (!value.is_null()).then_some(value);
        DriftItem {
            source: "apps".to_owned(),
            resource: ResourceId::new(GroupKind::new("apps", "Deployment"), Some("shop"), "web"),
            labels: Vec::new(),
            origin: None,
            path: path.parse().expect("path"),
            drift: if change == Change::Changed { DriftKind::Value } else { DriftKind::Structural },
            change,
            verdict: Verdict::ClusterDrift,
            repository_drift: false,
            aspect: Aspect::Other,
            category: Category::Infrastructure,
            severity: Severity::High,
            score: 0.7,
            score_reasons: Vec::new(),
            baseline: None,
            declared: present(declared),
            live: present(live),
            magnitude: 1.0,
            is_amount: false,
            confidence: Confidence::Confirmed,
            changed_by: None,
            declared_by: None,
            unsynced_since: None,
            native_default: None,
            rule: None,
            meaning: None,
            caused_by: Vec::new(),
            fingerprint: format!("fp-{path}"),
        }
    }

    /// A policy that asks for this.
    pub(crate) fn policy(action: ActionType) -> Policy {
        Policy {
            name: "p".to_owned(),
            criteria: MatchCriteria::default(),
            action,
            approval_required: true,
            max_attempts: None,
            standard_value: None,
            alert_channels: Vec::new(),
            reviewers: Vec::new(),
            team_reviewers: Vec::new(),
            assignees: Vec::new(),
            pull_request_labels: Vec::new(),
            draft: false,
        }
    }

    fn restored(item: &DriftItem) -> Vec<Remedy> {
        let declared = json!({"spec": {"template": {"spec": {"containers": [{"name": "web"}]}}}});
        remedies(item, &policy(ActionType::RestoreFromBaseline), &declared)
    }

    /// Git's own values are applied again, a baseline is written back, an added scalar is declared with its default.
    #[test]
    fn restoring_depends_on_what_moved() {
        let changed = item("spec.replicas", Change::Changed, json!(3), json!(1));
        assert_eq!(restored(&changed), [Remedy::Reassert]);

        let mut moved = changed.clone();
        (moved.repository_drift, moved.baseline) = (true, Some(json!(5)));
        assert_eq!(restored(&moved), [Remedy::Change(vec![FieldChange::set(moved.path.clone(), json!(5))])]);

        let mut added = item("spec.template.spec.hostNetwork", Change::Added, Value::Null, json!(true));
        added.native_default = Some(json!(false));
        assert_eq!(restored(&added), [Remedy::Change(vec![FieldChange::set(added.path.clone(), json!(false))])]);
    }

    /// A default that is weaker than what is live is never declared.
    #[test]
    fn hardening_is_not_undone() {
        for (field, live, default) in [
            ("spec.template.spec.containers[name=web].securityContext.runAsNonRoot", json!(true), json!(false)),
            (
                "spec.template.spec.containers[name=web].securityContext.readOnlyRootFilesystem",
                json!(true),
                json!(false),
            ),
            ("spec.template.spec.automountServiceAccountToken", json!(false), json!(true)),
        ] {
            let mut added = item(field, Change::Added, Value::Null, live);
            added.native_default = Some(default);
            assert!(matches!(restored(&added)[..], [Remedy::Person { command: None, .. }]), "{field}");
        }
    }

    /// What no declaration removes comes as a command whose quoting survives a hostile name.
    #[test]
    fn additions_come_as_commands() {
        for (path, expected) in [
            (
                "spec.template.spec.containers[name=debug]",
                r#"kubectl -n shop patch deployment.apps/web -p '{"spec":{"template":{"spec":{"containers":[{"$patch":"delete","name":"debug"}]}}}}'"#,
            ),
            (
                "metadata.labels[\"a'b\"]",
                r#"kubectl -n shop patch deployment.apps/web -p '{"metadata":{"labels":{"a'\''b":null}}}'"#,
            ),
        ] {
            let added = item(path, Change::Added, Value::Null, json!("x"));
            assert_eq!(removal(&added).as_deref(), Some(expected));
        }
        assert_eq!(removal(&item("metadata.finalizers[=x]", Change::Added, Value::Null, json!("x"))), None);
    }

    /// The given standard in snake_case goes into the pod's security context, and the container's own setting is cured.
    #[test]
    fn standards_are_written_and_cure() {
        let mut added = item(
            "spec.template.spec.containers[name=web].securityContext.privileged",
            Change::Added,
            Value::Null,
            json!(true),
        );
        (added.aspect, added.native_default) = (Aspect::SecurityContext, Some(json!(false)));
        let mut policy = policy(ActionType::UpdateToStandard);
        policy.standard_value = Some(json!({"run_as_non_root": true, "fs_group": 2000}));
        let declared = json!({"spec": {"template": {"spec": {"securityContext": {"fsGroup": 2000}, "containers": [{"name": "web"}]}}}});
        let pod = |field: &str| FieldPath::fields(["spec", "template", "spec", "securityContext", field]);
        assert_eq!(
            remedies(&added, &policy, &declared),
            [
                Remedy::Change(vec![FieldChange::set(pod("runAsNonRoot"), json!(true))]),
                Remedy::Change(vec![FieldChange::set(added.path.clone(), json!(false))]),
            ]
        );
    }

    /// A Secret's content is never adopted.
    #[test]
    fn secrets_are_not_adopted() {
        let mut secret = item("data.password", Change::Changed, json!("masked:1"), json!("masked:2"));
        secret.aspect = Aspect::Secret;
        let adopted = remedies(&secret, &policy(ActionType::AdoptLive), &Value::Null);
        assert!(matches!(adopted[..], [Remedy::Person { .. }]));
    }

    /// An object that nobody declares comes as the command that deletes it, whatever a policy asks for; where it only
    /// asks to be told, nothing comes.
    #[test]
    fn undeclared_objects_need_a_person() {
        let mut added = item("", Change::Added, Value::Null, json!("present"));
        for (kind, namespace, name, expected) in [
            (GroupKind::new("apps", "Deployment"), Some("shop"), "web", "kubectl delete deployment.apps web -n shop"),
            (GroupKind::new("", "ConfigMap"), Some("shop"), "a", "kubectl delete configmap a -n shop"),
            (
                GroupKind::new("rbac.authorization.k8s.io", "ClusterRole"),
                None,
                "a:b's",
                r"kubectl delete clusterrole.rbac.authorization.k8s.io 'a:b'\''s'",
            ),
        ] {
            added.resource = ResourceId::new(kind, namespace, name);
            for action in ActionType::ALL {
                let mut policy = policy(*action);
                policy.standard_value = Some(json!({"run_as_non_root": true}));
                let commands: Vec<_> = remedies(&added, &policy, &Value::Null)
                    .into_iter()
                    .map(|remedy| match remedy {
                        Remedy::Person { reason, command } if reason.contains("add its manifest to Git") => command,
                        other => panic!("{other:?}"),
                    })
                    .collect();
                let acts = !matches!(action, ActionType::AlertAndTrack | ActionType::Ignore);
                let expected = acts.then(|| Some(expected.to_owned()));
                assert_eq!(commands, expected.into_iter().collect::<Vec<_>>(), "{action}");
            }
        }
    }

    /// A mark counts only for the unit that made it.
    #[test]
    fn attempts_are_counted_by_unit() {
        assert_eq!(attempt_of("web-00ff.2", "web-00ff"), Some(2));
        assert_eq!(attempt_of("web-00ff.2", "web-00f"), None);
        assert_eq!(attempt_of("by hand", "web-00ff"), None);
    }
}
