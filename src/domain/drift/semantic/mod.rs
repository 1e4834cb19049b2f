//! What changes mean: facts are derived from both sides and the facts are compared. One rule, one file.
//!
//! A rule sees a declared and a live object that differ, and names the differences that cause what it found, so that a
//! reader sees one story and not five rows. Rules that need other objects (an HPA) run at the end of the scan.

mod image_registry;
mod image_tag;
pub mod pod;
mod qos_class;
pub mod replicas;
mod security_context;

use serde_json::Value;

use crate::domain::drift::{Aspect, Difference};
use crate::domain::field_path::FieldPath;
use crate::domain::resource::ResourceId;

pub use security_context::weakens;

/// A declared and a live object that differ.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// Which object.
    pub resource: &'a ResourceId,
    /// As declared.
    pub declared: &'a Value,
    /// As it lives.
    pub live: &'a Value,
    /// What differs.
    pub differences: &'a [Difference],
}

impl Pair<'_> {
    /// The paths of the differences at, above or below `path`.
    fn causes(&self, path: &FieldPath) -> Vec<FieldPath> {
        let related = self.differences.iter().map(|difference| &difference.path);
        related.filter(|cause| cause.starts_with(path) || path.starts_with(cause)).cloned().collect()
    }
}

/// What some differences mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Meaning {
    /// The rule's name.
    pub rule: &'static str,
    /// The part of the object it is about.
    pub path: FieldPath,
    /// Which part of a configuration that is.
    pub aspect: Aspect,
    /// The fact on the declared side.
    pub declared: Option<Value>,
    /// The fact on the live side.
    pub live: Option<Value>,
    /// In one sentence.
    pub sentence: String,
    /// The differences that cause it; never empty.
    pub caused_by: Vec<FieldPath>,
}

type Rule = fn(&Pair<'_>) -> Vec<Meaning>;

const RULES: &[Rule] = &[security_context::check, image_registry::check, image_tag::check, qos_class::check];

/// Asks every rule that needs no other object. A finding without a cause among the differences is no finding.
pub fn meanings(pair: &Pair<'_>) -> Vec<Meaning> {
    let found = RULES.iter().flat_map(|rule| rule(pair));
    found.filter(|meaning| !meaning.caused_by.is_empty()).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::drift::{Change, Confidence};
    use crate::domain::resource::GroupKind;

    /// A Deployment with this pod spec.
    pub(crate) fn deployment(pod_spec: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"template": {"spec": pod_spec}}})
    }

    /// Runs every rule over two pod specs that differ at these paths; yields `rule: sentence` lines.
    pub(crate) fn check(declared: &Value, live: &Value, paths: &[&str]) -> Vec<String> {
        let differences: Vec<_> = paths
            .iter()
            .map(|path| Difference {
                path: format!("spec.template.spec.{path}").parse().expect("path"),
                change: Change::Changed,
                declared: None,
                live: None,
                magnitude: 1.0,
                is_amount: false,
                confidence: Confidence::Confirmed,
                changed_by: None,
                native_default: None,
            })
            .collect();
        let resource = ResourceId::new(GroupKind::new("apps", "Deployment"), Some("shop"), "web");
        let (declared, live) = (deployment(declared), deployment(live));
        let pair = Pair { resource: &resource, declared: &declared, live: &live, differences: &differences };
        meanings(&pair).into_iter().map(|meaning| format!("{}: {}", meaning.rule, meaning.sentence)).collect()
    }
}
