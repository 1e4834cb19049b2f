//! Which objects a rule is for, in the two ways in which the tools say it.

use regex::Regex;
use serde_json::Value;

use crate::domain::resource::{ResourceId, split_api_version};
use crate::domain::selector::Selector;

/// What a rule is for; a criterion that is not given fits everything.
#[derive(Debug, Clone, Default)]
pub(super) struct Target {
    group: Option<Regex>,
    version: Option<Regex>,
    kind: Option<Regex>,
    namespace: Option<Regex>,
    name: Option<Regex>,
    labels: Option<Selector>,
    annotations: Option<Selector>,
}

impl Target {
    /// Argo CD: group and kind with wildcards, name and namespace as they are; an absent group is the core group.
    pub(super) fn argo_cd(
        group: &str,
        kind: &str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Result<Self, String> {
        let exact = |text: Option<&str>| {
            text.filter(|text| !text.is_empty()).map(|text| whole(&regex::escape(text))).transpose()
        };
        Ok(Self {
            group: Some(wildcards(group)?),
            kind: Some(wildcards(kind)?),
            namespace: exact(namespace)?,
            name: exact(name)?,
            ..Self::default()
        })
    }

    /// Flux: regular expressions for the whole of a field, selectors for labels and annotations.
    pub(super) fn flux(target: Option<&Value>) -> Result<Self, String> {
        let text = |name: &str| target?.get(name)?.as_str().filter(|text| !text.is_empty());
        let expression = |name: &str| {
            let built = text(name).map(whole).transpose();
            built.map_err(|message| format!("target.{name}: {message}"))
        };
        let selector = |name: &str| {
            let parsed = text(name).map(str::parse).transpose();
            parsed.map_err(|message: String| format!("target.{name}: {message}"))
        };
        Ok(Self {
            group: expression("group")?,
            version: expression("version")?,
            kind: expression("kind")?,
            namespace: expression("namespace")?,
            name: expression("name")?,
            labels: selector("labelSelector")?,
            annotations: selector("annotationSelector")?,
        })
    }

    /// Whether it is this object; `object` as it is declared, which is what the tools look at.
    pub(super) fn fits(&self, id: &ResourceId, object: &Value) -> bool {
        let fits = |pattern: &Option<Regex>, text: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
        let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        let selected = |selector: &Option<Selector>, field: &str| {
            let entries = object.get("metadata").and_then(|metadata| metadata.get(field));
            let entry = |key: &str| Some(entries?.get(key)?.as_str()?.to_owned());
            selector.as_ref().is_none_or(|selector| selector.matches(entry))
        };
        fits(&self.group, &id.kind.group)
            && fits(&self.version, split_api_version(api_version).1)
            && fits(&self.kind, &id.kind.kind)
            && fits(&self.namespace, id.namespace.as_deref().unwrap_or_default())
            && fits(&self.name, &id.name)
            && selected(&self.labels, "labels")
            && selected(&self.annotations, "annotations")
    }
}

/// A regular expression for the whole of a text, of a size that a rule may have.
fn whole(pattern: &str) -> Result<Regex, String> {
    let built = regex::RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 20).build();
    built.map_err(|_| "is no regular expression".to_owned())
}

/// Wildcards as Argo CD's library has them: `*`, `?`, `[a-z]`, `[!a-z]`, `{a,b}`, and `\` before one of these.
pub(super) fn wildcards(pattern: &str) -> Result<Regex, String> {
    let mut expression = String::new();
    let (mut alternatives, mut class) = (0_usize, false);
    let mut chars = pattern.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' => expression.push_str(&regex::escape(&chars.next().map(String::from).unwrap_or_default())),
            ']' if class => {
                class = false;
                expression.push(']');
            }
            _ if class => {
                if matches!(char, '[' | '&' | '~' | '^') {
                    expression.push('\\');
                }
                expression.push(char);
            }
            '[' => {
                class = true;
                expression.push('[');
                if chars.next_if_eq(&'!').is_some() {
                    expression.push('^');
                }
            }
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '{' => {
                alternatives += 1;
                expression.push_str("(?:");
            }
            '}' if alternatives > 0 => {
                alternatives -= 1;
                expression.push(')');
            }
            ',' if alternatives > 0 => expression.push('|'),
            other => expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    whole(&expression).map_err(|_| format!("`{pattern}` is no pattern"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::resource::GroupKind;

    fn deployment() -> (ResourceId, Value) {
        let id = ResourceId::new(GroupKind::new("apps", "Deployment"), Some("shop"), "web");
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "labels": {"env": "prod"}, "annotations": {"team": "ml"}}});
        (id, object)
    }

    /// Wildcards in group and kind, the rest as it is, an empty group for the core group.
    #[test]
    fn argo_cd_names_objects() {
        let (id, object) = deployment();
        for (group, kind, namespace, name, expected) in [
            ("apps", "Deployment", None, None, true),
            ("*", "*", None, None, true),
            ("a??s", "Deploy*", Some("shop"), Some("web"), true),
            ("{apps,batch}", "[A-D]*", None, None, true),
            ("[!a]pps", "*", None, None, false),
            ("", "Deployment", None, None, false),
            ("apps", "StatefulSet", None, None, false),
            ("apps", "Deployment", Some("sh*"), None, false),
            ("apps", "Deployment", Some(""), Some(""), true),
            ("apps", "Deployment", None, Some("webapp"), false),
            ("a.ps", "*", None, None, false),
        ] {
            let target = Target::argo_cd(group, kind, namespace, name).expect("target");
            assert_eq!(target.fits(&id, &object), expected, "{group} {kind} {namespace:?} {name:?}");
        }
        assert!(Target::argo_cd("[", "*", None, None).is_err());
    }

    /// Every criterion of the documentation, each for the whole of its field.
    #[test]
    fn flux_names_objects() {
        let (id, object) = deployment();
        for (target, expected) in [
            (json!(null), true),
            (json!({"kind": "Deployment"}), true),
            (json!({"kind": "Deploy"}), false),
            (json!({"kind": "(Deployment|StatefulSet)", "group": "ap.*", "version": r"v[\d]"}), true),
            (json!({"version": "v1beta1"}), false),
            (json!({"name": "we.*", "namespace": ".*op"}), true),
            (json!({"namespace": "default"}), false),
            (json!({"labelSelector": "env=prod"}), true),
            (json!({"labelSelector": "env notin (prod)"}), false),
            (json!({"annotationSelector": "team in (ml, web)"}), true),
            (json!({"annotationSelector": "!team"}), false),
        ] {
            assert_eq!(Target::flux(Some(&target)).expect("target").fits(&id, &object), expected, "{target}");
        }
        for target in [json!({"kind": "("}), json!({"labelSelector": "a b"})] {
            assert!(Target::flux(Some(&target)).is_err(), "{target}");
        }
    }
}
