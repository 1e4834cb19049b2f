//! Would it apply? A manifest as Git would have it, held against the schema of its kind and against what no object of
//! the kind may change once it exists.
//!
//! What the API server would refuse is not proposed: merged, it would stop the delivery, and with it everything else that
//! the delivery brings. In doubt it is taken to apply.

pub mod fixed;
mod types;

use std::fmt;

use serde_json::Value;

use crate::domain::drift::compare::{Rules, compare};
use crate::domain::drift::{Change, Confidence, Difference, ManagerClass};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::resource::{LiveObject, VersionedKind};
use crate::domain::schema::{Demand, Shape};
use fixed::{Case, find};

/// A manifest on its way to the cluster.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// As Git would have it.
    pub declared: &'a Value,
    /// The fields that would be changed in Git.
    pub changes: &'a [FieldChange],
    /// The object that is there; none where the manifest would make one.
    pub live: Option<&'a LiveObject>,
    /// What comparing the two needs.
    pub rules: Rules<'a>,
    /// Whether the delivery applies server-side, and so takes away what it does not declare in a part owned as one.
    pub server_side: bool,
    /// Whether Secrets on the two sides were masked under different keys, so that their contents say nothing.
    pub foreign_masks: bool,
}

/// Why the API server would refuse a manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct Objection {
    /// The field.
    pub path: FieldPath,
    /// What is wrong with it.
    pub reason: String,
    /// What Git and the cluster have there, where they differ and may be shown.
    pub sides: Option<(Option<Value>, Option<Value>)>,
}

impl Objection {
    /// Whether taking the live value into Git would settle it.
    pub fn is_between_sides(&self) -> bool {
        self.sides.is_some()
    }
}

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.reason)?;
        match &self.sides {
            Some((None, None)) | None => Ok(()),
            Some((declared, live)) => {
                write!(f, "; Git has {}, the cluster has {}", shown(declared.as_ref()), shown(live.as_ref()))
            }
        }
    }
}

/// What the API server would refuse of a manifest; nothing where it would be taken, as far as one can tell.
pub fn objections(trial: &Trial<'_>) -> Vec<Objection> {
    let text = |name: &str| trial.declared.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = VersionedKind::new(text("apiVersion"), text("kind"));
    let shape = trial.rules.schemas.kind(&kind.api_version, &kind.kind);
    let demands = trial.rules.schemas.demands(&kind);
    let mut found: Vec<_> =
        trial.changes.iter().flat_map(|change| types::objections(&shape, demands, trial.declared, change)).collect();
    let Some(live) = trial.live else { return found };
    let is_secret = kind.group_kind().is_secret();
    for difference in compare(trial.declared, live, &trial.rules).differences {
        let is_masked = is_secret && matches!(difference.path.steps(), [Step::Field(data), ..] if data == "data");
        if (is_masked && trial.foreign_masks) || !takes_effect(&difference, &shape, trial.server_side) {
            continue;
        }
        let case = Case { declared: trial.declared, live: &live.object, difference: &difference };
        let by_table = find(&kind.group_kind(), &difference.path).and_then(|row| row.refuses(&case));
        let by_schema = || {
            let is_fixed = demands
                .iter()
                .any(|(pattern, demand)| matches!(demand, Demand::Fixed) && pattern.covers(&difference.path));
            (is_fixed && difference.change == Change::Changed)
                .then_some("cannot be changed once it is set, says the schema of its kind")
        };
        if let Some(reason) = by_table.or_else(by_schema) {
            let sides = if is_masked { (None, None) } else { (difference.declared, difference.live) };
            found.push(Objection { path: difference.path, reason: reason.to_owned(), sides: Some(sides) });
        }
    }
    found
}

/// Whether applying the manifest would change the field: what Git does not declare stays, unless the delivery itself had
/// declared it before, or it lies in a part that is replaced as a whole.
fn takes_effect(difference: &Difference, shape: &Shape, server_side: bool) -> bool {
    if difference.change != Change::Added {
        return true;
    }
    let is_withdrawn = difference.changed_by.as_ref().is_some_and(|by| by.class == ManagerClass::Delivery);
    if is_withdrawn && difference.confidence == Confidence::Confirmed {
        return true;
    }
    let in_list = difference.path.steps().iter().any(|step| matches!(step, Step::Index(_)));
    in_list || (server_side && is_in_unit(shape, &difference.path))
}

/// Whether a field lies in a map that is owned as one.
fn is_in_unit(shape: &Shape, path: &FieldPath) -> bool {
    let mut at = shape.clone();
    path.steps().iter().any(|step| {
        let is_unit = match &at {
            Shape::Struct(part) => part.atomic,
            Shape::Map(map) => map.atomic,
            _ => false,
        };
        at = types::below(&at, step).unwrap_or(Shape::Any);
        is_unit
    })
}

fn shown(value: Option<&Value>) -> String {
    const LONGEST: usize = 120;
    let text = match value {
        None => return "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() { format!("{short} …") } else { short }
}

#[cfg(test)]
mod tests;
