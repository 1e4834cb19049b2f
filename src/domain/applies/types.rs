//! Values held against the types and demands of a kind's schema.

use serde_json::Value;

use super::Objection;
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, PathPattern, Step};
use crate::domain::quantity::Quantity;
use crate::domain::schema::{Demand, Shape};
use crate::domain::yaml::edit::Action;

/// How deep a value is looked into.
const MAX_DEPTH: usize = 64;

/// What is wrong with a change by the schema; nothing where nothing is known of the field.
pub(super) fn objections(
    shape: &Shape,
    demands: &[(PathPattern, Demand)],
    declared: &Value,
    change: &FieldChange,
) -> Vec<Objection> {
    let mut found = Vec::new();
    let mut at = shape.clone();
    let mut here = FieldPath::root();
    for step in change.path.steps() {
        here.push(step.clone());
        at = match below(&at, step) {
            Some(next) => next,
            None => return vec![objection(&here, "is not a field that its kind has".to_owned())],
        };
    }
    let mut judge = Judge { demands, found: &mut found };
    match &change.action {
        Action::Set(value) => judge.value(&at, value, &mut here),
        Action::Remove => judge.removal(declared, &change.path),
    }
    found
}

/// The type one step below another; none where a closed type has no such field.
pub(super) fn below(shape: &Shape, step: &Step) -> Option<Shape> {
    match (shape, step) {
        (Shape::Struct(part), Step::Field(name)) => match part.field(name) {
            Some(field) => Some(field.shape.clone()),
            None if part.open
                || part.name.is_empty() && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") =>
            {
                Some(Shape::Any)
            }
            None if matches!(name.as_str(), "apiVersion" | "kind" | "status") => Some(Shape::Any),
            None => None,
        },
        (Shape::Map(map), Step::Field(_)) => Some(map.value.clone()),
        (Shape::List(list), Step::Item(_) | Step::Member(_) | Step::Index(_)) => Some(list.item.clone()),
        _ => Some(Shape::Any),
    }
}

struct Judge<'a> {
    demands: &'a [(PathPattern, Demand)],
    found: &'a mut Vec<Objection>,
}

impl Judge<'_> {
    fn value(&mut self, shape: &Shape, value: &Value, path: &mut FieldPath) {
        if value.is_null() || path.steps().len() > MAX_DEPTH {
            return;
        }
        if let Some(wanted) = misfit(shape, value) {
            self.found.push(objection(path, format!("has to be {wanted}, and would be {}", named(value))));
            return;
        }
        self.demanded(value, path);
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let step = Step::Field(name.clone());
                    let next = below(shape, &step);
                    path.push(step);
                    match next {
                        Some(next) => self.value(&next, value, path),
                        None => self.found.push(objection(path, "is not a field that its kind has".to_owned())),
                    }
                    path.pop();
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    let step = Step::Index(index);
                    let next = below(shape, &step).unwrap_or(Shape::Any);
                    path.push(step);
                    self.value(&next, value, path);
                    path.pop();
                }
            }
            _ => {}
        }
    }

    fn demanded(&mut self, value: &Value, path: &FieldPath) {
        for (_, demand) in self.demands.iter().filter(|(pattern, _)| pattern.matches(path)) {
            let wrong = match demand {
                Demand::OneOf(choices) if !choices.contains(value) => {
                    let choices: Vec<_> = choices.iter().map(ToString::to_string).collect();
                    Some(format!("has to be one of {}", choices.join(", ")))
                }
                Demand::AtLeast(least) if value.as_f64().is_some_and(|value| value < *least) => {
                    Some(format!("has to be at least {least}"))
                }
                Demand::AtMost(most) if value.as_f64().is_some_and(|value| value > *most) => {
                    Some(format!("has to be at most {most}"))
                }
                Demand::Required(names) => {
                    let lacks = |name: &&String| value.is_object() && value.get(name.as_str()).is_none();
                    names.iter().find(lacks).map(|name| format!("needs the field {name}"))
                }
                _ => None,
            };
            self.found.extend(wrong.map(|reason| objection(path, reason)));
        }
    }

    /// What its parent needs cannot go while the parent stays.
    fn removal(&mut self, declared: &Value, path: &FieldPath) {
        let (Some(parent), Some(Step::Field(name))) = (path.parent(), path.steps().last()) else { return };
        let needs = |(pattern, demand): &(PathPattern, Demand)| {
            matches!(demand, Demand::Required(names) if names.contains(name)) && pattern.matches(&parent)
        };
        if parent.get(declared).is_some() && self.demands.iter().any(needs) {
            self.found.push(objection(path, "is needed and cannot be removed".to_owned()));
        }
    }
}

fn objection(path: &FieldPath, reason: String) -> Objection {
    Objection { path: path.clone(), reason, sides: None }
}

/// What a value should have been, if it is of another type.
fn misfit(shape: &Shape, value: &Value) -> Option<&'static str> {
    let is_whole = |value: &Value| value.as_i64().is_some() || value.as_u64().is_some();
    let (fits, wanted) = match shape {
        Shape::Any => return None,
        Shape::Text | Shape::Bytes | Shape::Time | Shape::Duration => (value.is_string(), "a text"),
        Shape::Bool => (value.is_boolean(), "true or false"),
        Shape::Integer => (is_whole(value), "a whole number"),
        Shape::Number => (value.is_number(), "a number"),
        Shape::Quantity => (Quantity::of(value).is_some(), "a quantity"),
        Shape::IntOrString => (value.is_string() || is_whole(value), "a whole number or a text"),
        Shape::Struct(_) | Shape::Map(_) => (value.is_object(), "a map"),
        Shape::List(_) => (value.is_array(), "a list"),
    };
    (!fits).then_some(wanted)
}

fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
