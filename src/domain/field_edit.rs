//! Changes of one field in a parsed object: what an edit of its text is meant to come to.

use serde_json::{Map, Value};

use crate::domain::field_path::{FieldPath, Step, has_keys};
use crate::domain::yaml::edit::Action;

/// One intended change of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// Which field.
    pub path: FieldPath,
    /// What to do there.
    pub action: Action,
}

impl FieldChange {
    /// Sets a field.
    pub fn set(path: FieldPath, value: Value) -> Self {
        Self { path, action: Action::Set(value) }
    }

    /// Removes a field or list item.
    pub fn remove(path: FieldPath) -> Self {
        Self { path, action: Action::Remove }
    }

    /// Makes the change in `object`: maps that are missing on the way are added, and so is the list of an item that is set;
    /// list items on the way are not.
    pub fn apply(&self, object: &mut Value) -> Result<(), String> {
        let missing = || format!("{} is not there", self.path);
        let (last, before) = self.path.steps().split_last().ok_or("the object itself cannot be changed")?;
        let mut at = object;
        for step in before {
            at = child(at, step, matches!(self.action, Action::Set(_))).ok_or_else(missing)?;
        }
        match &self.action {
            Action::Set(value) => set(at, last, value).ok_or_else(missing)?,
            Action::Remove => remove(at, last).ok_or_else(missing)?,
        }
        Ok(())
    }
}

fn child<'v>(value: &'v mut Value, step: &Step, create: bool) -> Option<&'v mut Value> {
    match step {
        Step::Field(name) => {
            if create && value.is_null() {
                *value = Value::Object(Map::new());
            }
            let map = value.as_object_mut()?;
            if create { Some(map.entry(name.clone()).or_insert(Value::Null)) } else { map.get_mut(name) }
        }
        Step::Index(index) => value.get_mut(index),
        Step::Item(keys) => value.as_array_mut()?.iter_mut().find(|item| has_keys(item, keys)),
        Step::Member(key) => value.as_array_mut()?.iter_mut().find(|item| **item == key.to_value()),
        Step::Inside => None,
    }
}

fn set(value: &mut Value, step: &Step, new: &Value) -> Option<()> {
    if let Step::Field(_) | Step::Inside = step {
        *child(value, step, true)? = new.clone();
        return Some(());
    }
    if value.is_null() {
        *value = Value::Array(Vec::new());
    }
    let items = value.as_array_mut()?;
    match (position(items, step), step) {
        (Some(position), _) => items[position] = new.clone(),
        (None, Step::Index(index)) if *index != items.len() => return None,
        (None, _) => items.push(new.clone()),
    }
    Some(())
}

fn remove(value: &mut Value, step: &Step) -> Option<()> {
    if let Step::Field(name) = step {
        return value.as_object_mut()?.remove(name).map(drop);
    }
    let items = value.as_array_mut()?;
    let position = position(items, step)?;
    items.remove(position);
    Some(())
}

fn position(items: &[Value], step: &Step) -> Option<usize> {
    match step {
        Step::Index(index) => (*index < items.len()).then_some(*index),
        Step::Item(keys) => items.iter().position(|item| has_keys(item, keys)),
        Step::Member(key) => items.iter().position(|item| *item == key.to_value()),
        Step::Field(_) | Step::Inside => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Parents are added, items are found by key, and what is not there is an error.
    #[test]
    fn changes_are_made() {
        let object = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "web", "image": "a"}]}});
        for (change, expected) in [
            (
                FieldChange::set("metadata.annotations[\"a/b\"]".parse().expect("path"), json!("1")),
                Some(("/metadata/annotations/a~1b", json!("1"))),
            ),
            (
                FieldChange::set("spec.containers[name=web].image".parse().expect("path"), json!("b")),
                Some(("/spec/containers/0/image", json!("b"))),
            ),
            (
                FieldChange::set("spec.containers[name=new]".parse().expect("path"), json!({"name": "new"})),
                Some(("/spec/containers/1/name", json!("new"))),
            ),
            (
                FieldChange::set("spec.containers[name=web].env[name=A]".parse().expect("path"), json!({"name": "A"})),
                Some(("/spec/containers/0/env/0/name", json!("A"))),
            ),
            (
                FieldChange::set("metadata.finalizers[=x]".parse().expect("path"), json!("x")),
                Some(("/metadata/finalizers", json!(["x"]))),
            ),
            (FieldChange::set("spec.containers[3]".parse().expect("path"), json!({})), None),
            (
                FieldChange::remove("spec.containers[name=web].image".parse().expect("path")),
                Some(("/spec/containers/0", json!({"name": "web"}))),
            ),
            (
                FieldChange::set("spec.containers[name=web].env[name=A]".parse().expect("path"), json!({"name": "A"})),
                Some(("/spec/containers/0/env", json!([{"name": "A"}]))),
            ),
            (
                FieldChange::set("metadata.finalizers[=\"a/b\"]".parse().expect("path"), json!("a/b")),
                Some(("/metadata/finalizers", json!(["a/b"]))),
            ),
            (FieldChange::remove("spec.replicas".parse().expect("path")), None),
            (FieldChange::set("spec.containers[name=no].image".parse().expect("path"), json!("b")), None),
        ] {
            let mut after = object.clone();
            let done = change.apply(&mut after);
            match expected {
                Some((pointer, value)) => assert_eq!(after.pointer(pointer), Some(&value), "{}", change.path),
                None => assert!(done.is_err(), "{}", change.path),
            }
        }
    }
}
