//! Ignore rules: which differences are set aside, and for each item the rule that would set aside exactly it.

use std::fmt::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::domain::drift::unknown_field::UnknownField;
use crate::domain::drift::{DriftItem, DriftKind, ManagerClass};
use crate::domain::field_path::{FieldPath, PathPattern};
use crate::domain::glob;
use crate::domain::resource::{GroupKind, ResourceId};

/// One rule that sets differences aside: every criterion given must fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct IgnoreRule {
    /// Which kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<KindName>,
    /// Namespace, `*` allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name, `*` allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Which part of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Part>,
    /// Only the meaning that this semantic rule found, or [`UNKNOWN_FIELD`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Class of the manager that changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_by: Option<ManagerClass>,
    /// Why, for the report.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The name by which `rule` means warnings about fields that no schema knows.
pub const UNKNOWN_FIELD: &str = "unknown_field";

/// How the core group is called where a group has to be named.
const CORE: &str = "core";

/// A kind as rules name it, any case: `Deployment` of any group, `Deployment.apps`, `Service.core`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindName(String);

impl KindName {
    /// Takes the name as written.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn exactly(kind: &GroupKind) -> Self {
        let group = if kind.group.is_empty() { CORE } else { &kind.group };
        Self(format!("{}.{group}", kind.kind))
    }

    fn fits(&self, kind: &GroupKind) -> bool {
        match self.0.split_once('.') {
            None => self.0.eq_ignore_ascii_case(&kind.kind),
            Some((name, CORE)) => name.eq_ignore_ascii_case(&kind.kind) && kind.group.is_empty(),
            Some((name, group)) => name.eq_ignore_ascii_case(&kind.kind) && group.eq_ignore_ascii_case(&kind.group),
        }
    }
}

impl Serialize for KindName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Which part of a resource a rule is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// The resource as a whole: that it is missing, or should not be there. Written `.`.
    Whole,
    /// Fields, and what is below them.
    Field(PathPattern),
}

impl Part {
    fn of(path: &FieldPath) -> Self {
        if path.is_root() { Self::Whole } else { Self::Field(PathPattern::from(path)) }
    }

    fn covers(&self, path: &FieldPath) -> bool {
        match self {
            Self::Whole => path.is_root(),
            Self::Field(pattern) => pattern.covers(path),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("."),
            Self::Field(pattern) => pattern.fmt(f),
        }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl IgnoreRule {
    /// The rule that sets aside this field of this resource (or, for a semantic item, this meaning) and nothing else,
    /// whatever its values.
    pub fn exactly(item: &DriftItem) -> Self {
        Self {
            kind: Some(KindName::exactly(&item.resource.kind)),
            namespace: item.resource.namespace.clone(),
            name: Some(item.resource.name.clone()),
            path: Some(Part::of(&item.path)),
            rule: item.rule.map(str::to_owned),
            ..Self::default()
        }
    }

    /// Whether an item is set aside. A rule that names no meaning is about fields, and a meaning goes with the fields
    /// that cause it.
    pub fn applies(&self, item: &DriftItem) -> bool {
        let is_meant = match (&self.rule, item.drift) {
            (Some(rule), DriftKind::Semantic) => item.rule == Some(rule),
            (None, DriftKind::Semantic) | (Some(_), _) => false,
            (None, _) => true,
        };
        let by_class = |class| item.changed_by.as_ref().is_some_and(|by| by.class == class);
        is_meant && self.is_about(&item.resource, &item.path) && self.changed_by.is_none_or(by_class)
    }

    /// Whether the warning about an unknown field is not to be told; only a rule that says so does that, since what it
    /// warns of is a mistake in Git and no drift.
    pub fn silences(&self, resource: &ResourceId, field: &UnknownField) -> bool {
        self.rule.as_deref() == Some(UNKNOWN_FIELD) && self.is_about(resource, &field.path)
    }

    fn is_about(&self, resource: &ResourceId, path: &FieldPath) -> bool {
        let fits =
            |pattern: &Option<String>, text: &str| pattern.as_ref().is_none_or(|pattern| glob::fits(pattern, text));
        self.kind.as_ref().is_none_or(|kind| kind.fits(&resource.kind))
            && fits(&self.namespace, resource.namespace.as_deref().unwrap_or_default())
            && fits(&self.name, &resource.name)
            && self.path.as_ref().is_none_or(|part| part.covers(path))
    }

    /// Why it sets something aside, for the report.
    pub fn told(&self) -> &str {
        self.reason.as_deref().unwrap_or("an ignore rule of the config")
    }

    /// The rule as an entry of the config's `ignore` list, each line indented by two and ended.
    pub fn to_yaml(&self) -> String {
        let Ok(Value::Object(criteria)) = serde_json::to_value(self) else { return String::new() };
        let mut entry = String::new();
        for (position, (name, criterion)) in criteria.iter().enumerate() {
            // JSON is YAML, and a JSON string is one on a single line, whatever it holds
            let _ = writeln!(entry, "  {} {name}: {criterion}", if position == 0 { "-" } else { " " });
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::drift::Change;
    use crate::domain::remedy::tests::item;

    fn items() -> Vec<DriftItem> {
        let plain = |path: &str| item(path, Change::Changed, json!("a"), json!("b"));
        let mut all = vec![
            plain(""),
            plain("spec.replicas"),
            plain(r#"metadata.annotations["a.b/c *"]"#),
            plain("spec.template.spec.containers[name=web]"),
            plain("spec.template.spec.containers[name=web].image"),
            plain("spec.template.spec.containers[name=web].ports[containerPort=80,protocol=TCP]"),
            plain("spec.template.spec.containers[name=web].ports[containerPort=80,protocol=UDP]"),
        ];
        let meaning = |path: &str, rule| DriftItem { drift: DriftKind::Semantic, rule: Some(rule), ..plain(path) };
        all.push(meaning("spec.template.spec.containers[name=web]", "privileged-container"));
        all.push(meaning("spec.template.spec.containers[name=web]", "qos-class"));
        for at in 0..all.len() {
            let mut elsewhere = all[at].clone();
            elsewhere.resource.namespace = Some("other".to_owned());
            let mut of_other_group = all[at].clone();
            of_other_group.resource.kind.group = String::new();
            all.extend([elsewhere, of_other_group]);
        }
        all
    }

    /// Each item's own rule sets it aside, and no other item but those below it.
    #[test]
    fn the_rule_of_an_item_is_exact() {
        let items = items();
        for item in &items {
            let rule = IgnoreRule::exactly(item);
            for other in &items {
                let is_below = !item.path.is_root()
                    && item.drift != DriftKind::Semantic
                    && other.drift != DriftKind::Semantic
                    && item.resource == other.resource
                    && other.path.steps().starts_with(item.path.steps());
                let same = item.resource == other.resource && item.path == other.path && item.rule == other.rule;
                assert_eq!(rule.applies(other), same || is_below, "{} {} {:?}", other.resource, other.path, other.rule);
            }
        }
    }

    /// A kind may name its group, and only a rule that says so silences a warning.
    #[test]
    fn kinds_and_warnings() {
        let kind = |group: &str| GroupKind::new(group, "Service");
        for (name, core, other) in [
            ("service", true, true),
            ("Service.core", true, false),
            ("Service.serving.knative.dev", false, true),
            ("Services", false, false),
        ] {
            let name = KindName::new(name);
            assert_eq!((name.fits(&kind("")), name.fits(&kind("serving.knative.dev"))), (core, other), "{name:?}");
        }
        let field = UnknownField { path: FieldPath::fields(["sepc"]), declared: json!(1), near: None };
        let resource = ResourceId::new(kind(""), None, "web");
        let rule = |rule: Option<&str>| IgnoreRule {
            path: Some(Part::Field("sepc".parse().expect("pattern"))),
            rule: rule.map(str::to_owned),
            ..IgnoreRule::default()
        };
        assert!(rule(Some(UNKNOWN_FIELD)).silences(&resource, &field) && !rule(None).silences(&resource, &field));
    }

    /// Whatever a name holds, the entry is YAML that reads back as it was meant.
    #[test]
    fn the_entry_is_yaml() {
        let mut item = item(r#"metadata.annotations["a: b/c\n# \"x\""]"#, Change::Changed, json!(1), json!(2));
        item.resource.name = "web: 'a'".to_owned();
        let rule = IgnoreRule::exactly(&item);
        let read: Value = serde_yaml::from_str(&rule.to_yaml()).expect("YAML");
        assert_eq!(read[0], serde_json::to_value(&rule).expect("JSON"));
        assert_eq!(rule.to_yaml().lines().count(), 4);
    }
}
