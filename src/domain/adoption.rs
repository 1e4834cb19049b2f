//! Adoption: what is live as a person would have written it into Git.
//!
//! The comparison already knows what a live object has of its own (defaults, allocated fields, what controllers, tools and
//! admission write): that is no drift, and so no part of a manifest. A manifest is grown from nothing but its name by
//! declaring, step by step, whatever the comparison still misses.

use serde_json::{Value, json};

use crate::domain::drift::compare::{Rules, compare};
use crate::domain::drift::{Change, Difference};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::resource::LiveObject;
use crate::domain::schema::Shape;

/// How many times something may be declared further down: deeper than any object.
const ROUNDS: usize = 100;

/// The manifest of a live object, or why there can be none.
pub fn manifest_of(live: &LiveObject, api_version: &str, rules: &Rules<'_>) -> Result<Value, String> {
    if live.id.kind.is_secret() {
        return Err("the content of a Secret is never written into Git; seal or encrypt it".to_owned());
    }
    let metadata = |name: &str| live.object.pointer("/metadata").and_then(|metadata| metadata.get(name));
    if metadata("ownerReferences").and_then(Value::as_array).is_some_and(|owners| !owners.is_empty()) {
        return Err("another object owns it and makes it; adopt that one".to_owned());
    }
    if metadata("deletionTimestamp").is_some() {
        return Err("it is being deleted".to_owned());
    }
    let mut start = json!({"apiVersion": api_version, "kind": live.id.kind.kind, "metadata": {"name": live.id.name}});
    if let Some(namespace) = &live.id.namespace {
        start["metadata"]["namespace"] = Value::from(&**namespace);
    }
    let grown = grown(start, live, &FieldPath::root(), rules);
    if let Some(name) = credential(&grown) {
        return Err(format!("{name} looks like a credential; put it into a Secret first"));
    }
    match first_difference(&grown, live, rules) {
        None => Ok(grown),
        Some(difference) => Err(format!("no manifest says what is live at {}", difference.path)),
    }
}

/// What a manifest would have to have at `path` for the live value there, or why it is not taken over.
pub fn value_of(declared: &Value, live: &LiveObject, path: &FieldPath, rules: &Rules<'_>) -> Result<Value, String> {
    let untold = || "what is live there cannot be told".to_owned();
    let there = path.get(&live.object).ok_or_else(untold)?;
    let mut start = declared.clone();
    if path.get(declared).is_some() {
        // an order that counts, or a list that is one value: taken over as it is
        let shell = skeleton(there, path.steps().last());
        FieldChange::set(path.clone(), shell).apply(&mut start).map_err(|_| untold())?;
    }
    let value = path.get(&grown(start, live, path, rules)).cloned().ok_or_else(untold)?;
    // the value alone does not say what it is the value of
    let holder = path.parent().and_then(|parent| parent.get(&live.object)?.get("name").cloned());
    let named = match path.steps() {
        [.., Step::Field(field)] if field == "value" => json!({"name": holder, "value": value}),
        [.., Step::Field(field)] => json!({field: value}),
        _ => value.clone(),
    };
    match credential(&named) {
        Some(name) => Err(format!("{name} looks like a credential; put it into a Secret")),
        None => Ok(value),
    }
}

/// The name of a variable or field that looks like a credential written out, if there is one; what says where one is
/// found is none.
fn credential(value: &Value) -> Option<&str> {
    match value {
        Value::Array(items) => items.iter().find_map(credential),
        Value::Object(fields) => {
            let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            if let (Some(name), Some(_)) = (text("name"), text("value"))
                && is_credential(name)
            {
                return Some(name);
            }
            fields.iter().find_map(|(name, value)| match value {
                Value::String(text) => (!text.is_empty() && is_credential(name)).then_some(name.as_str()),
                value => credential(value),
            })
        }
        _ => None,
    }
}

/// Whether what has this name is a credential: not where one is found, and not a number of tokens.
fn is_credential(name: &str) -> bool {
    let name = name.to_lowercase().replace(['-', '.'], "_");
    let words = [
        "token",
        "secret",
        "secret_key",
        "api_key",
        "apikey",
        "private_key",
        "access_key",
        "credential",
        "credentials",
    ];
    let is_last = |word: &&str| name.strip_suffix(*word).is_some_and(|rest| rest.is_empty() || rest.ends_with('_'));
    name.ends_with("password") || name.ends_with("passwd") || words.iter().any(is_last)
}

/// Declares whatever is live at or below `within` and not declared, until nothing is missing.
fn grown(mut manifest: Value, live: &LiveObject, within: &FieldPath, rules: &Rules<'_>) -> Value {
    let mut before = Vec::new();
    for _ in 0..ROUNDS {
        let differences = compare(&manifest, live, rules).differences;
        let is_new = |one: &Difference| is_missing(one, within) && !is_other_name(&one.path, &live.object);
        let missing: Vec<_> = differences.into_iter().filter(is_new).collect();
        if missing.is_empty() {
            break;
        }
        // where an empty shell tells nothing, the whole is taken over
        let is_stuck = missing == before;
        for one in &missing {
            let Some(value) = &one.live else { continue };
            let value = if is_stuck { value.clone() } else { skeleton(value, one.path.steps().last()) };
            // a field whose parents are no maps is told by the comparison that follows
            let _ = FieldChange::set(one.path.clone(), value).apply(&mut manifest);
        }
        before = missing;
    }
    let text = |name: &str| manifest.get(name).and_then(Value::as_str).unwrap_or_default();
    let shape = rules.schemas.kind(text("apiVersion"), text("kind"));
    keep_empties(&shape, &mut manifest, &live.object);
    manifest
}

/// Takes over what is there and empty beside what is declared: it differs from nothing by no rule, and yet may be all that
/// is meant (`emptyDir: {}`, `subresources: {status: {}}`).
fn keep_empties(shape: &Shape, declared: &mut Value, live: &Value) {
    let below = |name: &str| match shape {
        Shape::Struct(part) => part.field(name).map_or(Shape::Any, |field| field.shape.clone()),
        Shape::Map(map) => map.value.clone(),
        _ => Shape::Any,
    };
    match (declared, live) {
        (Value::Object(declared), Value::Object(live)) => {
            for (name, value) in live.iter().filter(|(_, value)| is_empty(value)) {
                if !declared.contains_key(name) && !is_written_empty(shape, name) {
                    declared.insert(name.clone(), value.clone());
                }
            }
            for (name, value) in declared {
                if let Some(live) = live.get(name) {
                    keep_empties(&below(name), value, live);
                }
            }
        }
        (Value::Array(declared), Value::Array(live)) if declared.len() == live.len() => {
            let item = if let Shape::List(list) = shape { list.item.clone() } else { Shape::Any };
            declared.iter_mut().zip(live).for_each(|(declared, live)| keep_empties(&item, declared, live));
        }
        _ => {}
    }
}

/// Whether there is nothing in it but maps in which there is nothing.
fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(|fields| fields.values().all(is_empty))
}

/// Whether the API server writes the field where nobody does, with nothing in it.
fn is_written_empty(shape: &Shape, field: &str) -> bool {
    let Shape::Struct(part) = shape else { return false };
    matches!(
        (&*part.name, field),
        ("core/v1.PodSpec", "securityContext") | ("core/v1.Container", "resources") | (_, "metadata" | "status")
    )
}

fn is_missing(difference: &Difference, within: &FieldPath) -> bool {
    let counts = difference.change == Change::Added || difference.change == Change::Changed;
    counts && difference.path.starts_with(within) && !is_left_out(&difference.path)
}

/// Whether the API server fills the field from another one, which says the same.
fn is_other_name(path: &FieldPath, live: &Value) -> bool {
    let Some((Step::Field(name), parent)) = path.steps().last().zip(path.parent()) else { return false };
    let other = match &**name {
        "serviceAccount" => "serviceAccountName",
        "dataSource" => "dataSourceRef",
        _ => return false,
    };
    parent.get(live).is_some_and(|parent| parent.get(other) == parent.get(name))
}

/// A value without what is in its maps, so that the next comparison tells what of that is no default. Items of a keyed
/// list keep their keys.
fn skeleton(value: &Value, step: Option<&Step>) -> Value {
    let keys = |step: Option<&Step>| match step {
        Some(Step::Item(keys)) => {
            let key = |(name, _): &(String, _)| Some((name.clone(), value.get(name)?.clone()));
            Value::Object(keys.iter().filter_map(key).collect())
        }
        _ => json!({}),
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => keys(step),
        Value::Array(items) => {
            items.iter().map(|item| if item.is_object() { named(item) } else { item.clone() }).collect()
        }
        other => other.clone(),
    }
}

/// An item of a list with its name alone, if it has one: it may be what tells the items apart.
fn named(item: &Value) -> Value {
    item.get("name").map_or_else(|| json!({}), |name| json!({ "name": name }))
}

/// What is live and no part of a manifest although a person's tool wrote it: when pods were last restarted.
pub fn is_left_out(path: &FieldPath) -> bool {
    matches!(path.steps().last(), Some(Step::Field(name)) if name == "kubectl.kubernetes.io/restartedAt")
}

/// What tells a manifest from the live object, if anything does.
pub fn first_difference(manifest: &Value, live: &LiveObject, rules: &Rules<'_>) -> Option<Difference> {
    let comparison = compare(manifest, live, rules);
    let unknown = comparison.unknown.into_iter().map(|field| field.into_removal());
    comparison.differences.into_iter().chain(unknown).find(|difference| !is_left_out(&difference.path))
}

#[cfg(test)]
mod tests;
