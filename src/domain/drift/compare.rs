//! Compares one declared and one live object, field by field.

use serde_json::Value;

use crate::domain::drift::Difference;
use crate::domain::drift::unknown_field::UnknownField;
use crate::domain::drift::walk::Walker;
use crate::domain::field_path::FieldPath;
use crate::domain::ownership::ManagerClasses;
use crate::domain::resource::LiveObject;
use crate::domain::schema::Schemas;

/// What a comparison needs besides the two objects.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Types of fields, list keys, native defaults.
    pub schemas: &'a Schemas,
    /// Which field manager is what.
    pub managers: &'a ManagerClasses,
    /// The source's own field manager, `argocd-controller`; none if the config names none.
    pub delivery_manager: Option<&'a str>,
}

/// A live-only field that is no drift, and why; shown on request.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// Which field.
    pub path: FieldPath,
    /// Its live value.
    pub live: Value,
    /// Why it is no drift, `injected by the API server or an admission webhook`.
    pub reason: String,
}

/// What differs between a declared and a live object.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// Drift.
    pub differences: Vec<Difference>,
    /// Live-only fields that something explains.
    pub explained: Vec<Explained>,
    /// Declared fields that the schema does not know and the live object does not have.
    pub unknown: Vec<UnknownField>,
}

/// Compares a declared object (secrets masked) with the live one.
pub fn compare(declared: &Value, live: &LiveObject, rules: &Rules<'_>) -> Comparison {
    Walker::new(declared, live, rules).run(&live.object)
}

#[cfg(test)]
mod tests;
