//! Values files of templates: the keys that hold what the field is declared to be. Which of them moves exactly this field
//! is for the proof to say.

use serde_json::Value;

use crate::domain::candidates::{Candidate, Sought};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::repository_path::inside;
use crate::domain::yaml::edit::{Action, Edit, apply};
use crate::domain::yaml::{Content, read_values};

/// Keys that are tried.
const MOST: usize = 20;
/// Files that are looked into.
const FILES: usize = 100;

/// The values files with the change made at a key, the last file and the likeliest key first.
pub(super) fn candidates(sought: &Sought<'_>, change: &FieldChange) -> Vec<Candidate> {
    let object = sought.manifest.object();
    let (Some(old), Action::Set(new)) = (change.path.get(&object).filter(|old| is_scalar(old)), &change.action) else {
        return Vec::new();
    };
    let mut candidates = Vec::new();
    for (file, text, content) in files(sought) {
        let mut keys = Vec::new();
        collect(&content, &mut FieldPath::root(), &mut |key, value| {
            if is_same(old, value) {
                keys.push((key.clone(), in_form_of(value, new)));
            }
        });
        // a key that is named like the field is the likeliest
        keys.sort_by_key(|(key, _)| key.steps().last() != change.path.steps().last());
        for (path, value) in keys {
            let edit = Edit { document: 0, list_item: None, path, action: Action::Set(value) };
            if let Ok(edited) = apply(&text, &edit) {
                candidates.push(Candidate::from([(file.clone(), edited)]));
            }
        }
    }
    candidates.truncate(MOST);
    candidates
}

/// The values files, the last first, each followed by what it includes. One that cannot be read has no keys.
fn files(sought: &Sought<'_>) -> Vec<(String, String, Content)> {
    let settings = sought.source.jinja.iter();
    let mut waiting: Vec<String> = settings.flat_map(|settings| settings.values.clone()).collect();
    let mut read: Vec<(String, String, Content)> = Vec::new();
    while let Some(file) = waiting.pop() {
        if read.len() >= FILES || read.iter().any(|(other, ..)| *other == file) {
            continue;
        }
        let Ok(text) = sought.files.text(&file) else { continue };
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let root = read_values(&text, &mut |named| {
            waiting.extend(inside(folder, named));
            Ok(Content::Scalar(Value::Null))
        });
        if let Ok(Some(root)) = root {
            read.push((file, text, root.content));
        }
    }
    read
}

fn collect(content: &Content, path: &mut FieldPath, found: &mut dyn FnMut(&FieldPath, &Value)) {
    let mut below = |step: Step, content: &Content| {
        path.push(step);
        collect(content, path, found);
        path.pop();
    };
    match content {
        Content::Map(entries) => {
            entries.iter().for_each(|entry| below(Step::Field(entry.key.clone()), &entry.value.content));
        }
        Content::List(items) => {
            items.iter().enumerate().for_each(|(index, item)| below(Step::Index(index), &item.content));
        }
        Content::Scalar(value) => found(path, value),
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_))
}

/// Whether a key may have come to a field: a template makes text of everything.
fn is_same(field: &Value, value: &Value) -> bool {
    field == value || (is_scalar(value) && text_of(field) == text_of(value))
}

/// The new value as text where the old one was written as text.
fn in_form_of(old: &Value, new: &Value) -> Value {
    if old.is_string() && is_scalar(new) { Value::from(text_of(new)) } else { new.clone() }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
