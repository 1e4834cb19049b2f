//! Templates: the place in a Jinja template where a field is written literally, else a key of its values.
//!
//! Where code writes the field, or decides over the item that it lies in, the template has no such place.

mod skeleton;

use serde_json::Value;

use self::skeleton::Skeleton;
use super::{Candidate, Sought, values};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Key, Step, has_keys};
use crate::domain::yaml::edit::{Action, Edit, apply};
use crate::domain::yaml::{Document, read_documents};

/// Documents of a template that are tried.
const MOST: usize = 5;

/// The template with every change made, once for each document that may be meant, the likeliest first; then the values
/// files.
pub(super) fn candidates(sought: &Sought<'_>, changes: &[FieldChange]) -> Vec<Result<Candidate, String>> {
    let mut candidates = match Template::read(sought, changes) {
        Ok(template) => template.documents.iter().map(|document| template.changed(*document, changes)).collect(),
        Err(reason) => vec![Err(reason)],
    };
    candidates.extend(values::candidates(sought, changes));
    candidates
}

/// A template, and what it was rendered to.
struct Template<'s> {
    sought: &'s Sought<'s>,
    file: &'s str,
    object: Value,
    list_item: Option<usize>,
    skeleton: Skeleton,
    /// The documents that may be meant.
    documents: Vec<usize>,
}

impl<'s> Template<'s> {
    fn read(sought: &'s Sought<'s>, changes: &[FieldChange]) -> Result<Self, String> {
        let origin = sought.manifest.origin.as_ref();
        let origin = origin.ok_or("the file that declares it is not known; edit it by hand")?;
        let text = sought.files.text(&origin.file)?;
        let new = |change: &FieldChange| match &change.action {
            Action::Set(value) => value.to_string(),
            Action::Remove => String::new(),
        };
        let foreign: String = changes.iter().map(new).collect();
        let refuse = |reason: &str| format!("{}: {reason}, edit it by hand", origin.file);
        let skeleton = Skeleton::of(&text, &foreign).map_err(|reason| refuse(&reason))?;
        let read = read_documents(&skeleton.text).map_err(|_| refuse("without its code the template is no YAML"))?;
        let list_item = origin.list_item;
        let mut documents: Vec<(usize, usize)> = read
            .iter()
            .filter(|document| may_declare(document, list_item, sought, &skeleton))
            .map(|document| (skeleton.line_in_template(document.line).abs_diff(origin.line), document.index))
            .collect();
        documents.sort_unstable();
        documents.truncate(MOST);
        if documents.is_empty() {
            return Err(refuse("the template does not write this resource literally"));
        }
        let documents = documents.into_iter().map(|(_, index)| index).collect();
        let object = sought.manifest.object();
        Ok(Self { sought, file: &origin.file, object, list_item, skeleton, documents })
    }

    /// The template with every change made in one of its documents.
    fn changed(&self, document: usize, changes: &[FieldChange]) -> Result<Candidate, String> {
        let mut text = self.skeleton.text.clone();
        for change in changes {
            let refuse = |reason: String| format!("{}: {}: {reason}, edit it by hand", self.file, change.path);
            let read = read_documents(&text).map_err(|error| refuse(error.message))?;
            let literal =
                read.get(document).and_then(|document| declared(document, self.list_item)).unwrap_or_default();
            let path = self.literal_path(&change.path, &literal).map_err(refuse)?;
            let edit = Edit { document, list_item: self.list_item, path, action: change.action.clone() };
            text = apply(&text, &edit).map_err(|error| format!("{}: {error}", self.file))?;
        }
        let text =
            self.skeleton.restored(&text).map_err(|reason| format!("{}: {reason}, edit it by hand", self.file))?;
        if self.sought.files.text(self.file)? == text {
            return Err(format!("{}: the template says so already", self.file));
        }
        Ok(Candidate::from([(self.file.to_owned(), text)]))
    }

    /// The path as it goes through what the template writes literally. Everything on it that was rendered has to be
    /// there, else code writes it, and an edit would write it once more.
    fn literal_path(&self, path: &FieldPath, literal: &Value) -> Result<FieldPath, String> {
        let by_code = || "is written by code of the template".to_owned();
        let mut steps = Vec::new();
        let (mut rendered, mut literal) = (&self.object, literal);
        for step in path.steps() {
            let (found, step) = match step {
                Step::Field(name) => (rendered.get(name), step.clone()),
                Step::Item(keys) => {
                    let items = rendered.as_array().map(Vec::as_slice).unwrap_or_default();
                    let place = items.iter().position(|item| has_keys(item, keys));
                    let step = place.and_then(|place| item(keys, place, rendered, literal)).unwrap_or(step.clone());
                    (place.map(|place| &items[place]), step)
                }
                Step::Index(place) => (rendered.get(place), item(&[], *place, rendered, literal).ok_or_else(by_code)?),
                Step::Member(key) => {
                    let items = rendered.as_array().map(Vec::as_slice).unwrap_or_default();
                    (items.iter().find(|item| **item == key.to_value()), step.clone())
                }
                Step::Inside => return Err("is inside a text".to_owned()),
            };
            if rendered.is_object() != literal.is_object() || rendered.is_array() != literal.is_array() {
                return Err(by_code());
            }
            let there = FieldPath::from_iter([step.clone()]);
            steps.push(step);
            match (found, there.get(literal)) {
                (Some(found), Some(next)) => (rendered, literal) = (found, next),
                // it is added, with whatever lies on the way to it
                (None, None) => {
                    steps.extend_from_slice(&path.steps()[steps.len()..]);
                    return Ok(FieldPath::from_iter(steps));
                }
                (Some(_), None) | (None, Some(_)) => return Err(by_code()),
            }
        }
        if self.skeleton.has_code(&literal.to_string()) { Err(by_code()) } else { Ok(FieldPath::from_iter(steps)) }
    }
}

/// How an item of a list is found in the template: by its keys, else by its place where no item comes from code.
fn item(keys: &[(String, Key)], place: usize, rendered: &Value, literal: &Value) -> Option<Step> {
    let items = literal.as_array()?;
    if !keys.is_empty() && items.iter().any(|item| has_keys(item, keys)) {
        return Some(Step::Item(keys.to_vec()));
    }
    (rendered.as_array()?.len() == items.len()).then_some(Step::Index(place))
}

/// The object of a document, or the item of its list.
fn declared(document: &Document, list_item: Option<usize>) -> Option<Value> {
    let object = document.root.as_ref()?.to_json();
    match list_item {
        Some(index) => object.get("items")?.get(index).cloned(),
        None => Some(object),
    }
}

/// Whether a document may be the one that declares the resource, as far as it says its kind and name literally.
fn may_declare(document: &Document, list_item: Option<usize>, sought: &Sought<'_>, skeleton: &Skeleton) -> bool {
    let Some(object) = declared(document, list_item) else { return false };
    let fits = |value: Option<&Value>, name: &str| {
        value.and_then(Value::as_str).is_some_and(|text| text == name || skeleton.has_code(text))
    };
    let id = &sought.manifest.id;
    let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
    // kustomize may have put something before or behind it
    let named = name.and_then(Value::as_str).is_some_and(|name| skeleton.has_code(name) || id.name.contains(name));
    fits(object.get("kind"), &id.kind.kind) && named
}

#[cfg(test)]
mod tests;
