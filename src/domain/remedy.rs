//! Remedies: what has to change in Git to answer an item as its policy asks, or why Git cannot do it.

use serde_json::Value;

use crate::domain::commands::{deletion, removal};
use crate::domain::drift::semantic::weakens;
use crate::domain::drift::{Aspect, Change, DriftItem, DriftKind};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::normalize::RESTORE_ANNOTATION;
use crate::domain::policy::{ActionType, Policy};
use crate::domain::standard::changes_to;

/// What answers one item.
#[derive(Debug, Clone, PartialEq)]
pub enum Remedy {
    /// These fields of the manifest change.
    Change(Vec<FieldChange>),
    /// Git is right; a new commit makes the delivery apply it again.
    Reassert,
    /// Git is to declare this object.
    Declare(Value),
    /// Git is to declare the object no longer.
    Withdraw,
    /// No edit of Git can do it: why, and the command that can, if there is one.
    Person { reason: String, command: Option<String> },
}

/// What remedies are made from besides the items.
#[derive(Clone, Copy)]
pub struct Stock<'a> {
    /// The manifest of an item's resource; an object that no source declares has none.
    pub declared: &'a dyn Fn(&DriftItem) -> Option<Value>,
    /// The live object of an item, where it is at hand.
    pub live: &'a dyn Fn(&DriftItem) -> Option<Value>,
    /// What is live, as it would stand in Git: the value of a field, the manifest of an object that no source declares; or
    /// why it cannot.
    pub adoptable: &'a dyn Fn(&DriftItem) -> Result<Value, String>,
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
pub fn remedies(item: &DriftItem, policy: &Policy, declared: &Value, stock: &Stock<'_>) -> Vec<Remedy> {
    let is_meaning = item.drift == DriftKind::Semantic;
    match policy.action {
        ActionType::AlertAndTrack | ActionType::Ignore => Vec::new(),
        ActionType::AdoptLive if !is_meaning => vec![adopt(item, stock)],
        _ if item.is_undeclared() => vec![undeclared(item, None)],
        ActionType::RestoreFromBaseline if !is_meaning => vec![restore(item, declared, stock)],
        ActionType::UpdateToStandard if is_meaning => vec![standard(item, policy, declared)],
        // a pod-level standard does not cure a container's own setting, so the item itself is restored too
        ActionType::UpdateToStandard if item.aspect == Aspect::SecurityContext || item.change == Change::Added => {
            vec![standard(item, policy, declared), restore(item, declared, stock)]
        }
        ActionType::UpdateToStandard => vec![standard(item, policy, declared)],
        _ => Vec::new(),
    }
}

/// Finds what has to be done about the cause of a semantic item that `policy` answers. A standard is written for the
/// semantic item itself, so that its causes only have to go back to what Git says.
pub fn cures(cause: &DriftItem, policy: &Policy, declared: &Value, stock: &Stock<'_>) -> Vec<Remedy> {
    match policy.action {
        ActionType::UpdateToStandard => vec![restore(cause, declared, stock)],
        _ => remedies(cause, policy, declared, stock),
    }
}

/// No manifest says anything about the object, so that there is no file to edit.
fn undeclared(item: &DriftItem, why_not_adopted: Option<String>) -> Remedy {
    let reason = match why_not_adopted {
        Some(why) => format!("no source declares it, and it cannot be adopted: {why}"),
        None => {
            "no source declares it; to keep it, add its manifest to Git, which adopts it; else delete it".to_owned()
        }
    };
    Remedy::Person { reason, command: Some(deletion(&item.resource)) }
}

fn restore(item: &DriftItem, declared: &Value, stock: &Stock<'_>) -> Remedy {
    if item.repository_drift {
        return match &item.baseline {
            _ if item.aspect == Aspect::Secret => never_written(),
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
            command: removal(item, (stock.live)(item).as_ref()),
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

/// The standard of a policy, written into Git. Where Git has it already, it is applied again.
fn standard(item: &DriftItem, policy: &Policy, declared: &Value) -> Remedy {
    let Some(value) = &policy.standard_value else {
        return Remedy::Person { reason: format!("the policy {} gives no standard value", policy.name), command: None };
    };
    if item.aspect == Aspect::Secret {
        return never_written();
    }
    match changes_to(item, value, declared) {
        None => unfit(policy),
        Some(changes) if changes.is_empty() => Remedy::Reassert,
        Some(changes) => Remedy::Change(changes),
    }
}

fn unfit(policy: &Policy) -> Remedy {
    Remedy::Person {
        reason: format!("the standard value of the policy {} does not fit this item", policy.name),
        command: None,
    }
}

fn never_written() -> Remedy {
    Remedy::Person { reason: "the content of a Secret is never written into Git".to_owned(), command: None }
}

fn adopt(item: &DriftItem, stock: &Stock<'_>) -> Remedy {
    if item.is_undeclared() {
        return match (stock.adoptable)(item) {
            Ok(manifest) => Remedy::Declare(manifest),
            Err(why) => undeclared(item, Some(why)),
        };
    }
    if item.path.is_root() {
        return Remedy::Withdraw;
    }
    if item.aspect == Aspect::Secret {
        return never_written();
    }
    if item.live.is_none() {
        return Remedy::Change(vec![FieldChange::remove(item.path.clone())]);
    }
    match (stock.adoptable)(item) {
        Ok(live) => Remedy::Change(vec![FieldChange::set(item.path.clone(), live)]),
        Err(reason) => Remedy::Person { reason, command: None },
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
            declared_at: None,
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

    /// A stock in which every manifest is this one, and a live value is adopted as it is.
    pub(crate) const STOCK: Stock<'static> = Stock {
        declared: &|item| (!item.is_undeclared()).then(|| json!({})),
        live: &|_| None,
        adoptable: &|item| item.live.clone().ok_or_else(|| "it is gone".to_owned()),
    };

    fn restored(item: &DriftItem) -> Vec<Remedy> {
        let declared = json!({"spec": {"template": {"spec": {"containers": [{"name": "web"}]}}}});
        remedies(item, &policy(ActionType::RestoreFromBaseline), &declared, &STOCK)
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
            remedies(&added, &policy, &declared, &STOCK),
            [
                Remedy::Change(vec![FieldChange::set(pod("runAsNonRoot"), json!(true))]),
                Remedy::Change(vec![FieldChange::set(added.path.clone(), json!(false))]),
            ]
        );
    }

    /// A Secret's content is never written, whatever a policy asks for and whatever was approved.
    #[test]
    fn secrets_are_not_written() {
        let mut secret = item("data.password", Change::Changed, json!("masked:1"), json!("masked:2"));
        secret.aspect = Aspect::Secret;
        let mut moved = secret.clone();
        (moved.repository_drift, moved.baseline) = (true, Some(json!("masked:3")));
        let mut standard = policy(ActionType::UpdateToStandard);
        standard.standard_value = Some(json!("x"));
        for (item, policy) in [
            (&secret, policy(ActionType::AdoptLive)),
            (&moved, policy(ActionType::RestoreFromBaseline)),
            (&secret, standard),
        ] {
            let remedies = remedies(item, &policy, &Value::Null, &STOCK);
            assert!(matches!(remedies[..], [Remedy::Person { .. }]), "{remedies:?}");
        }
    }

    /// An object that nobody declares comes as the command that deletes it, whatever a policy asks for; where it only
    /// asks to be told, nothing comes.
    #[test]
    fn undeclared_objects_need_a_person() {
        let mut added = item("", Change::Added, Value::Null, json!("present"));
        for (kind, namespace, name, expected) in [
            (GroupKind::new("apps", "Deployment"), Some("shop"), "web", "kubectl -n shop delete deployment.apps/web"),
            (GroupKind::new("", "ConfigMap"), Some("shop"), "a", "kubectl -n shop delete configmap/a"),
            (
                GroupKind::new("rbac.authorization.k8s.io", "ClusterRole"),
                None,
                "a:b's",
                r"kubectl delete 'clusterrole.rbac.authorization.k8s.io/a:b'\''s'",
            ),
        ] {
            added.resource = ResourceId::new(kind, namespace, name);
            for action in ActionType::ALL.iter().filter(|action| **action != ActionType::AdoptLive) {
                let mut policy = policy(*action);
                policy.standard_value = Some(json!({"run_as_non_root": true}));
                let commands: Vec<_> = remedies(&added, &policy, &Value::Null, &STOCK)
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

    /// An object that no source declares is declared, one that is not there is declared no longer, and what cannot be
    /// adopted says why.
    #[test]
    fn whole_resources_are_adopted() {
        let adopted = |item: &DriftItem, stock: &Stock<'_>| {
            remedies(item, &policy(ActionType::AdoptLive), &Value::Null, stock).remove(0)
        };
        let added = item("", Change::Added, Value::Null, json!("present"));
        assert_eq!(adopted(&added, &STOCK), Remedy::Declare(json!("present")));
        assert_eq!(adopted(&item("", Change::Removed, json!("present"), Value::Null), &STOCK), Remedy::Withdraw);
        let gone = Stock { adoptable: &|_| Err("it is gone".to_owned()), ..STOCK };
        let Remedy::Person { reason, command: Some(command) } = adopted(&added, &gone) else { panic!("{added:?}") };
        assert!(reason.ends_with("it is gone") && command.contains(" delete "), "{reason} {command}");
    }

    /// A mark counts only for the unit that made it.
    #[test]
    fn attempts_are_counted_by_unit() {
        assert_eq!(attempt_of("web-00ff.2", "web-00ff"), Some(2));
        assert_eq!(attempt_of("web-00ff.2", "web-00f"), None);
        assert_eq!(attempt_of("by hand", "web-00ff"), None);
    }
}
