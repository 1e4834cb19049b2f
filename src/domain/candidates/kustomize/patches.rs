//! The patches of a kustomization: where each is written, what it is for, and what may be changed in it.

use serde_json::Value;

use super::{Place, Search, edited, json6902, strategic};
use crate::domain::candidates::Candidate;
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::kustomization::{Kustomization, is_yaml};
use crate::domain::resource::GroupKind;
use crate::domain::selector::Selector;
use crate::domain::yaml::read_documents;

/// One patch, in the order of the last one that is applied first.
struct Patch<'l> {
    level: &'l Kustomization,
    /// Its file, or the field of the kustomization that it is written in.
    written: Result<String, FieldPath>,
    text: String,
    /// Which resources it is for; null where it names one itself.
    target: Value,
    /// The documents as they are read.
    documents: Vec<Value>,
}

/// Changes of patches that set the field already.
pub(super) fn places(search: &Search<'_>, level: &Kustomization, change: &FieldChange) -> Vec<Place> {
    let mut places = Vec::new();
    for patch in patches(search, level) {
        for (document, content) in patch.documents.iter().enumerate().rev() {
            let edits = match content {
                Value::Array(operations) if patch.selects(search, None) => {
                    json6902::where_set(operations, change, &search.object)
                }
                Value::Object(_) if patch.selects(search, Some(content)) => {
                    strategic::where_set(content, change, &search.object)
                }
                _ => Vec::new(),
            };
            places.extend(edits.iter().map(|edit| patch.changed(search, document, std::slice::from_ref(edit))));
        }
    }
    places
}

/// Additions to patches that are for this very resource.
pub(super) fn extensions(search: &Search<'_>, level: &Kustomization, change: &FieldChange) -> Vec<Place> {
    let mut places = Vec::new();
    for patch in patches(search, level) {
        for (document, content) in patch.documents.iter().enumerate() {
            let named =
                if patch.target.is_null() { content.pointer("/metadata/name") } else { patch.target.get("name") };
            if !search.is_called(named) {
                continue;
            }
            let edits = match content {
                Value::Array(operations) if patch.selects(search, None) => {
                    json6902::extension(operations, change, &search.object)
                }
                Value::Object(_) if patch.selects(search, Some(content)) => {
                    strategic::extension(content, change, &search.object).map(|edit| vec![edit])
                }
                _ => None,
            };
            places.extend(edits.map(|edits| patch.changed(search, document, &edits)));
        }
    }
    places
}

/// The patches of a kustomization, those that are applied last before those that they overrule. What cannot be read is
/// left out: kustomize cannot read it either.
fn patches<'l>(search: &Search<'_>, level: &'l Kustomization) -> Vec<Patch<'l>> {
    let mut patches = Vec::new();
    for field in ["patchesJson6902", "patches", "patchesStrategicMerge"] {
        let Value::Array(items) = level.field(field) else { continue };
        for (index, item) in items.into_iter().enumerate().rev() {
            let at = FieldPath::fields([field]).join(Step::Index(index));
            let target = item.get("target").cloned().unwrap_or_default();
            let written = match (&item, item.get("path"), item.get("patch")) {
                (Value::String(text), ..) if is_yaml(text) => Err((at, text.clone())),
                (Value::String(path), ..) | (_, Some(Value::String(path)), _) => Ok(path.clone()),
                (_, _, Some(Value::String(text))) => Err((at.field("patch"), text.clone())),
                _ => continue,
            };
            let read = match written {
                Err((at, text)) => Some((Err(at), text)),
                Ok(path) => level.inside(&path).and_then(|file| {
                    let text = search.sought.files.text(&file).ok()?;
                    Some((Ok(file), text))
                }),
            };
            let Some((written, text)) = read else { continue };
            let Ok(documents) = read_documents(&text) else { continue };
            let value = |root: Option<&crate::domain::yaml::Node>| root.map(|root| root.to_json()).unwrap_or_default();
            let documents = documents.iter().map(|document| value(document.root.as_ref())).collect();
            patches.push(Patch { level, written, text, target, documents });
        }
    }
    patches
}

impl Patch<'_> {
    /// The patch with edits made in one of its documents.
    fn changed(&self, search: &Search<'_>, document: usize, edits: &[FieldChange]) -> Place {
        let refuse = |error: String| {
            let place = self.written.as_ref().unwrap_or(&self.level.file);
            format!("{place}: {error}")
        };
        let mut all = edits.iter();
        let text = all.try_fold(self.text.clone(), |text, edit| edited(&text, document, edit)).map_err(refuse)?;
        match &self.written {
            Ok(file) => Ok(Candidate::from([(file.clone(), text)])),
            Err(at) => search.in_kustomization(self.level, &FieldChange::set(at.clone(), Value::from(text))),
        }
    }

    /// Whether it may be for the resource: by its target, else by what a document says itself.
    fn selects(&self, search: &Search<'_>, document: Option<&Value>) -> bool {
        let id = &search.sought.manifest.id;
        let text = |name: &str| self.target.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if self.target.is_null() {
            return document.is_some_and(|document| {
                let of = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
                GroupKind::of(of("apiVersion"), of("kind")) == id.kind
                    && search.is_called(document.pointer("/metadata/name"))
            });
        }
        let label =
            |field: &str, key: &str| Some(search.object.get("metadata")?.get(field)?.get(key)?.as_str()?.to_owned());
        let carries = |selector: &str, field: &str| {
            let selector = text(selector).and_then(|text| text.parse::<Selector>().ok());
            selector.is_none_or(|selector| selector.matches(|key| label(field, key)))
        };
        text("group").is_none_or(|group| fits(group, &id.kind.group))
            && text("kind").is_none_or(|kind| fits(kind, &id.kind.kind))
            && text("name").is_none_or(|name| search.names.iter().any(|own| fits(name, own)))
            && carries("labelSelector", "labels")
            && carries("annotationSelector", "annotations")
    }
}

/// Whether a pattern of a selector, which is a regular expression, fits a text as a whole.
fn fits(pattern: &str, text: &str) -> bool {
    pattern == text || regex::Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(text))
}
