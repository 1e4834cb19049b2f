//! Edits of JSON 6902 patches: which operation writes a field, and the operations that write it anew.

use serde_json::{Value, json};

use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Key, Step, has_keys};
use crate::domain::yaml::edit::Action;

/// Changes of the operations that write the field or something around it, the last one first.
pub(super) fn where_set(operations: &[Value], change: &FieldChange, object: &Value) -> Vec<FieldChange> {
    let mut edits = Vec::new();
    for (index, operation) in operations.iter().enumerate().rev() {
        let text = |name: &str| operation.get(name).and_then(Value::as_str).unwrap_or_default();
        let Some(rest) = written_by(text("path"), operation.get("value"), &change.path, object) else { continue };
        let own = FieldPath::root().join(Step::Index(index));
        let value = FieldPath::from_iter(own.field("value").steps().iter().chain(rest).cloned());
        let without = FieldChange::remove(own.clone());
        match (text("op"), &change.action) {
            ("add" | "replace", Action::Set(_)) => edits.push(FieldChange { path: value, ..change.clone() }),
            ("add" | "replace", Action::Remove) if rest.is_empty() => {
                let removal = json!({"op": "remove", "path": text("path")});
                edits.extend([without, FieldChange::set(own, removal)]);
            }
            ("add" | "replace", Action::Remove) => edits.push(FieldChange::remove(value)),
            // what is there without it may be what is wanted
            ("remove", Action::Set(new)) if rest.is_empty() => {
                let addition = json!({"op": "add", "path": text("path"), "value": new});
                edits.extend([without, FieldChange::set(own, addition)]);
            }
            _ => {}
        }
    }
    edits
}

/// The operations that a patch needs besides; none where one of its own writes the field.
pub(super) fn extension(known: &[Value], change: &FieldChange, object: &Value) -> Option<Vec<FieldChange>> {
    if !where_set(known, change, object).is_empty() {
        return None;
    }
    let new = operations(change, object)?.into_iter().enumerate();
    let at = |index| FieldPath::root().join(Step::Index(known.len() + index));
    Some(new.map(|(index, operation)| FieldChange::set(at(index), operation)).collect())
}

/// Operations that make a change of an object. Items of lists are found by their place; where they have names, a test of
/// the name comes first, so that the patch never changes another item.
pub(super) fn operations(change: &FieldChange, object: &Value) -> Option<Vec<Value>> {
    let mut pointer = String::new();
    let mut tests = Vec::new();
    let mut here = Some(object);
    let steps = change.path.steps();
    for (depth, step) in steps.iter().enumerate() {
        let is_last = depth + 1 == steps.len();
        let token = match step {
            Step::Field(name) => escaped(name),
            step => match here?.as_array()?.iter().position(|item| is_item(item, step)) {
                Some(index) => index.to_string(),
                None => match step {
                    Step::Index(index) if *index < here?.as_array()?.len() => index.to_string(),
                    _ if is_last => "-".to_owned(),
                    _ => return None,
                },
            },
        };
        let next = here.and_then(|value| FieldPath::root().join(step.clone()).get(value));
        pointer = format!("{pointer}/{token}");
        if let (Step::Item(keys), Some(_)) = (step, next) {
            let test = |(name, key): &(String, Key)| json!({"op": "test", "path": format!("{pointer}/{}", escaped(name)), "value": key.to_value()});
            // the protocol may be left out
            tests.extend(keys.iter().filter(|(name, _)| next.is_some_and(|item| item.get(name).is_some())).map(test));
        }
        if next.is_none() && !is_last {
            // the parents that are missing are added with it
            let Action::Set(value) = &change.action else { return None };
            let value = steps[depth + 1..].iter().rev().try_fold(value.clone(), |value, step| match step {
                Step::Field(name) => Some(json!({name: value})),
                Step::Item(_) | Step::Member(_) => Some(json!([value])),
                _ => None,
            })?;
            tests.push(json!({"op": "add", "path": pointer, "value": value}));
            return Some(tests);
        }
        here = next;
    }
    let operation = match (&change.action, here) {
        (Action::Set(value), Some(_)) => json!({"op": "replace", "path": pointer, "value": value}),
        (Action::Set(value), None) => json!({"op": "add", "path": pointer, "value": value}),
        (Action::Remove, _) => json!({"op": "remove", "path": pointer}),
    };
    tests.push(operation);
    Some(tests)
}

/// Whether an operation at `pointer` writes the field or something around it; yields the way from there to the field.
fn written_by<'p>(pointer: &str, value: Option<&Value>, path: &'p FieldPath, object: &Value) -> Option<&'p [Step]> {
    let tokens: Vec<_> =
        pointer.strip_prefix('/')?.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
    let steps = path.steps();
    if tokens.len() > steps.len() {
        return None;
    }
    let mut here = Some(object);
    for (depth, (token, step)) in tokens.iter().zip(steps).enumerate() {
        let fits = match step {
            Step::Field(name) => name == token,
            step => {
                let items = here.and_then(Value::as_array);
                let place = items.and_then(|items| items.iter().position(|item| is_item(item, step)));
                let is_number = token.parse::<usize>().is_ok();
                // the list may have been shorter when the operation added its item
                let adds_it = depth + 1 == tokens.len() && (is_number || token == "-");
                place.is_some_and(|place| place.to_string() == *token)
                    || matches!(step, Step::Index(index) if index.to_string() == *token)
                    || adds_it && value.is_some_and(|value| is_item(value, step))
            }
        };
        if !fits {
            return None;
        }
        here = here.and_then(|value| FieldPath::root().join(step.clone()).get(value));
    }
    Some(&steps[tokens.len()..])
}

fn is_item(item: &Value, step: &Step) -> bool {
    match step {
        Step::Item(keys) => has_keys(item, keys),
        Step::Member(key) => *item == key.to_value(),
        _ => false,
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
