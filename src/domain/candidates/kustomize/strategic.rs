//! Edits of strategic merge patches: where one sets a field, and what has to be added where it does not.

use serde_json::{Map, Value, json};

use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::yaml::edit::Action;

/// Changes of a patch that names the field already. What is removed may also come from below the patch, which then has to
/// delete it.
pub(super) fn where_set(patch: &Value, change: &FieldChange, object: &Value) -> Vec<FieldChange> {
    let Some(set) = change.path.get(patch) else { return Vec::new() };
    let mut edits = vec![change.clone()];
    match &change.action {
        Action::Remove => edits.extend(deletion(change)),
        Action::Set(value) => {
            let whole = over(change.path.get(object), value);
            if whole != *value && whole != *set {
                edits.push(FieldChange::set(change.path.clone(), whole));
            }
        }
    }
    edits
}

/// What a patch that does not name the field has to say besides; none where a patch of this form cannot say it.
pub(super) fn extension(patch: &Value, change: &FieldChange, object: &Value) -> Option<FieldChange> {
    let change = by_whole_lists(change, object)?;
    if change.path.get(patch).is_some() {
        return None;
    }
    let value = match &change.action {
        Action::Set(value) => over(change.path.get(object), value),
        Action::Remove => Value::Null,
    };
    let change = match (&change.action, change.path.steps().last()?) {
        (Action::Remove, Step::Item(_)) => deletion(&change)?,
        _ => FieldChange::set(change.path.clone(), value),
    };
    let steps = change.path.steps();
    let there = (0..steps.len()).rev().find(|length| {
        let around: FieldPath = steps[..*length].iter().cloned().collect();
        around.get(patch).is_some_and(|value| value.is_object() || value.is_array())
    })?;
    let Action::Set(value) = change.action else { return None };
    let value = steps[there + 1..].iter().rev().try_fold(value, nested)?;
    let value = match &steps[there] {
        Step::Item(keys) => with_keys(keys, value)?,
        _ => value,
    };
    Some(FieldChange::set(steps[..=there].iter().cloned().collect(), value))
}

/// A value as the content of a field or of a list's only item.
fn nested(value: Value, step: &Step) -> Option<Value> {
    match step {
        Step::Field(name) => Some(json!({name: value})),
        Step::Item(keys) => Some(Value::Array(vec![with_keys(keys, value)?])),
        _ => None,
    }
}

fn with_keys(keys: &[(String, crate::domain::field_path::Key)], value: Value) -> Option<Value> {
    let Value::Object(content) = value else { return None };
    let mut item: Map<String, Value> = keys.iter().map(|(name, key)| (name.clone(), key.to_value())).collect();
    item.extend(content);
    Some(Value::Object(item))
}

/// What deletes a field, or an item by its merge keys, from what the patch is applied to.
fn deletion(change: &FieldChange) -> Option<FieldChange> {
    match change.path.steps().last()? {
        Step::Field(_) => Some(FieldChange::set(change.path.clone(), Value::Null)),
        Step::Item(keys) => {
            let item = with_keys(keys, json!({"$patch": "delete"}))?;
            Some(FieldChange::set(change.path.clone(), item))
        }
        _ => None,
    }
}

/// A new value as a patch has to say it: what the old one has and the new one lacks is null.
fn over(old: Option<&Value>, new: &Value) -> Value {
    let (Some(Value::Object(old)), Value::Object(new)) = (old, new) else { return new.clone() };
    let mut map: Map<String, Value> = new.iter().map(|(key, value)| (key.clone(), over(old.get(key), value))).collect();
    map.extend(old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null)));
    Value::Object(map)
}

/// A list without merge keys is replaced by a patch as a whole.
fn by_whole_lists(change: &FieldChange, object: &Value) -> Option<FieldChange> {
    let steps = change.path.steps();
    let Some(first) = steps.iter().position(|step| matches!(step, Step::Index(_) | Step::Member(_))) else {
        return Some(change.clone());
    };
    let list: FieldPath = steps[..first].iter().cloned().collect();
    let mut value = list.get(object).cloned().unwrap_or_else(|| json!([]));
    FieldChange { path: steps[first..].iter().cloned().collect(), action: change.action.clone() }
        .apply(&mut value)
        .ok()?;
    Some(FieldChange::set(list, value))
}
