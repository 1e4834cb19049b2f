//! Sources whose variables a candidate sets anew: they are rendered with the new values, and that the object that sets
//! them changes too is part of what was meant.

use serde_json::Value;

use super::Files;
use crate::adapters::render::SourceTree;
use crate::domain::candidates::object_at;
use crate::domain::field_path::FieldPath;
use crate::domain::resource::{Manifest, Origin, ResourceId};
use crate::domain::source::Source;

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
    if let Some(origin) = delivered.origin.as_ref().filter(|origin| files.contains_key(&origin.file)) {
        let essential = |tree: &SourceTree| {
            let mut object = document(tree, origin)?;
            remove(&mut object, &["metadata", "annotations"]);
            remove(&mut object, &["spec", "postBuild", "substitute"]);
            Some(object)
        };
        if essential(before) != essential(now) {
            return Err(format!("it would change what the source {} is made of", source.name));
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
    /// Takes the objects that set variables out of both sides where they change in that and nothing else. Yields one line
    /// for each.
    pub(super) fn without_variables(&mut self, target: &ResourceId) -> Result<Vec<String>, String> {
        let mut lines = Vec::new();
        for Renewed { origin, path, value } in &self.variables {
            let is_setter = |one: &Manifest| one.id != *target && one.origin.as_ref() == Some(origin);
            let Some(old) = self.before.iter().position(is_setter) else { continue };
            let Manifest { id, source, .. } = &self.before[old];
            let is_same = |one: &Manifest| one.id == *id && one.source == *source;
            let Some(new) = self.after.iter().position(is_same) else { continue };
            let (was, is) = (self.before[old].object(), self.after[new].object());
            if path.get(&is).and_then(text).as_ref() != Some(value) {
                return Err(format!("{path} of {id} is set elsewhere too"));
            }
            let others: Vec<_> =
                self.variables.iter().filter(|one| one.origin == *origin).map(|one| &one.path).collect();
            lines.push(format!("{id} {path}: {} → {value}", path.get(&was).and_then(text).unwrap_or_default()));
            if without(was, &others) == without(is, &others) {
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
