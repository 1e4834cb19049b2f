//! Sources whose variables a candidate sets anew: they are rendered with the new values, and that the object that sets
//! them changes too is part of what was meant.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Files;
use crate::adapters::render::SourceTree;
use crate::domain::candidates::object_at;
use crate::domain::field_path::FieldPath;
use crate::domain::resource::{Manifest, Origin, ResourceId};
use crate::domain::source::{Source, Variable};

/// A variable that a candidate sets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Renewed {
    origin: Origin,
    path: FieldPath,
    value: String,
}

/// The source with the values that its variables have in `now`, and which of them are new. Whatever else changes in the
/// object that names the source would change what it is made of, which no rendering here shows.
pub(super) fn renewed(
    source: &Source,
    files: &Files,
    before: &SourceTree,
    now: &SourceTree,
) -> Result<(Source, Vec<Renewed>), String> {
    let (mut source, mut new) = (source.clone(), Vec::new());
    let Some(delivered) = &mut source.delivered else { return Ok((source, new)) };
    for variable in delivered.variables.values_mut() {
        let Some((origin, path)) = variable.place.clone().filter(|(origin, _)| files.contains_key(&origin.file)) else {
            continue;
        };
        let value = document(now, &origin).as_ref().and_then(|object| text(path.get(object)?));
        let value = value.ok_or_else(|| format!("{path} in {} would set its variable no more", origin.file))?;
        let value = value.replace('\n', "");
        if value != variable.value {
            variable.value.clone_from(&value);
            new.push(Renewed { origin, path, value });
        }
    }
    if let Some(origin) = delivered.origin.clone().filter(|origin| files.contains_key(&origin.file)) {
        let essential = |tree: &SourceTree| {
            let mut object = document(tree, &origin)?;
            remove(&mut object, &["metadata", "annotations"]);
            remove(&mut object, &["spec", "postBuild", "substitute"]);
            Some(object)
        };
        if essential(before) != essential(now) {
            return Err(format!("it would change what the source {} is made of", source.name));
        }
        let object = document(now, &origin).unwrap_or_default();
        let set = object.pointer("/spec/postBuild/substitute").and_then(Value::as_object).into_iter().flatten();
        for (name, value) in set.filter_map(|(name, value)| Some((name, text(value)?.replace('\n', "")))) {
            if delivered.variables.get(name).is_none_or(|known| known.value != value) {
                let path = FieldPath::fields(["spec", "postBuild", "substitute", name]);
                let place = Some((origin.clone(), path.clone()));
                delivered.variables.insert(name.clone(), Variable { value: value.clone(), place });
                new.push(Renewed { origin: origin.clone(), path, value });
            }
        }
    }
    Ok((source, new))
}

/// What sources render to without and with a candidate.
pub(super) struct Renderings {
    pub(super) before: Vec<Manifest>,
    pub(super) after: Vec<Manifest>,
    pub(super) variables: Vec<Renewed>,
}

impl Renderings {
    /// Takes the objects that set variables out of both sides where they change in these and nothing else. Yields one
    /// line for each variable.
    pub(super) fn without_variables(&mut self, target: &ResourceId) -> Result<Vec<String>, String> {
        let mut setters: BTreeMap<&Origin, Vec<&Renewed>> = BTreeMap::new();
        for variable in &self.variables {
            let set = setters.entry(&variable.origin).or_default();
            // two sources may take it
            if !set.contains(&variable) {
                set.push(variable);
            }
        }
        let mut lines = Vec::new();
        for (origin, variables) in setters {
            let is_setter = |one: &Manifest| one.id != *target && one.origin.as_ref() == Some(origin);
            let Some(old) = self.before.iter().position(is_setter) else { continue };
            let Manifest { id, source, .. } = &self.before[old];
            let is_same = |one: &Manifest| one.id == *id && one.source == *source;
            let Some(new) = self.after.iter().position(is_same) else { continue };
            let (was, is) = (self.before[old].object(), self.after[new].object());
            for Renewed { path, value, .. } in &variables {
                if path.get(&is).and_then(text).as_ref() != Some(value) {
                    return Err(format!("{path} of {id} is set elsewhere too"));
                }
                lines.push(format!("{id} {path}: {} → {value}", path.get(&was).and_then(text).unwrap_or_default()));
            }
            let paths: Vec<_> = variables.iter().map(|variable| &variable.path).collect();
            if without(was, &paths) == without(is, &paths) {
                self.before.remove(old);
                self.after.remove(new);
            }
        }
        Ok(lines)
    }
}

fn document(tree: &SourceTree, origin: &Origin) -> Option<Value> {
    object_at(&tree.read_text(&origin.file).ok().flatten()?, origin)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn without(mut object: Value, paths: &[&FieldPath]) -> Value {
    for path in paths {
        if path.get(&object).is_some() {
            let _ = crate::domain::field_edit::FieldChange::remove((*path).clone()).apply(&mut object);
        }
    }
    object
}

fn remove(object: &mut Value, path: &[&str]) {
    let Some((last, before)) = path.split_last() else { return };
    let parent = before.iter().try_fold(object, |at, name| at.get_mut(*name));
    if let Some(parent) = parent.and_then(Value::as_object_mut) {
        parent.remove(*last);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every variable of a setter has to be set as it is written, and is told; then the setter is out of the proof.
    #[test]
    fn every_variable_of_a_setter_counts() {
        let origin = Origin { file: "vars.yaml".to_owned(), document: 0, line: 1, list_item: None };
        let setter = |size: &str, colour: &str, other: &str| {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "vars"},
                "data": {"size": size, "colour": colour, "other": other}});
            vec![Manifest::new(ResourceId::of(&object).expect("id"), "s", Some(origin.clone()), &object)]
        };
        let renewed = |name: &str, value: &str| {
            let path = FieldPath::fields(["data", name]);
            Renewed { origin: origin.clone(), path, value: value.to_owned() }
        };
        let target = ResourceId::of(&json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}})).expect("id");
        let lines = ["ConfigMap vars data.size: 1 → 2", "ConfigMap vars data.colour: red → blue"];
        let lines = || Ok(lines.map(str::to_owned).to_vec());
        let elsewhere = |path: &str| Err(format!("{path} of ConfigMap vars is set elsewhere too"));
        for (after, told, left) in [
            (setter("2", "blue", "x"), lines(), 0),
            (setter("2", "blue", "y"), lines(), 1),
            (setter("2", "red", "x"), elsewhere("data.colour"), 1),
            (setter("1", "blue", "x"), elsewhere("data.size"), 1),
        ] {
            // two sources take the first one
            let variables = vec![renewed("size", "2"), renewed("colour", "blue"), renewed("size", "2")];
            let mut renderings = Renderings { before: setter("1", "red", "x"), after, variables };
            assert_eq!(renderings.without_variables(&target), told);
            assert_eq!((renderings.before.len(), renderings.after.len()), (left, left));
        }
    }
}
