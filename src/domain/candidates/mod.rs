//! Candidates: the places in the files of a source where changes of a manifest may be made, nearest first.
//!
//! Whether a place makes the changes and no other is not known here: `src/prove.rs` renders each candidate and compares.
//! One renderer, one file.

pub mod adopt;
mod document;
mod jinja;
mod kustomize;
pub mod place;
mod values;
mod variables;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::Step;
use crate::domain::resource::{Manifest, Origin};
use crate::domain::source::{Renderer, Source};
use crate::domain::yaml::read_documents;

/// The files of a repository.
pub trait Files {
    /// The text of a file, none if there is no such file, or why it cannot be had.
    fn read(&self, path: &str) -> Result<Option<String>, String>;

    /// The paths of all files.
    fn list(&self) -> Result<Vec<String>, String>;

    /// The paths of links and submodules, which are not followed.
    fn links(&self) -> Vec<String>;

    /// The text of a file that has to be there.
    fn text(&self, path: &str) -> Result<String, String> {
        self.read(path)?.ok_or_else(|| format!("{path} is not there"))
    }
}

/// The manifest whose place is looked for.
#[derive(Clone, Copy)]
pub struct Sought<'a> {
    /// The manifest as it was rendered.
    pub manifest: &'a Manifest,
    /// Its source.
    pub source: &'a Source,
    /// The repository.
    pub files: &'a dyn Files,
}

/// One place with the changes made: the new text of each file, by path.
pub type Candidate = BTreeMap<String, String>;

/// The object that stands at a place of a text; none where nothing does.
pub fn object_at(text: &str, origin: &Origin) -> Option<Value> {
    let documents = read_documents(text).ok()?;
    let root = documents.iter().find(|document| document.index == origin.document)?.root.as_ref()?.to_json();
    match origin.list_item {
        Some(item) => root.get("items")?.get(item).cloned(),
        None => Some(root),
    }
}

/// Every place that can be named, the nearest first, or why a change could not be made there. Never empty.
pub fn candidates(sought: &Sought<'_>, changes: &[FieldChange]) -> Vec<Result<Candidate, String>> {
    let is_content = |change: &FieldChange| change.path.steps().first() != Some(&Step::Field("metadata".to_owned()));
    if sought.manifest.id.kind.is_secret() && changes.iter().any(is_content) {
        return vec![Err("the content of a Secret is never written into Git; edit it by hand".to_owned())];
    }
    let mut all: Vec<_> = variables::candidate(sought, changes).into_iter().collect();
    all.extend(match sought.source.renderer {
        Renderer::Plain => vec![document::candidate(sought, changes)],
        Renderer::Kustomize => kustomize::candidates(sought, changes),
        Renderer::Helm => values::candidates(sought, changes),
        Renderer::Jinja => jinja::candidates(sought, changes),
    });
    all
}

/// The changes that take a whole manifest out, the nearest first, or why it cannot be taken out there. Never empty.
pub fn withdrawals(sought: &Sought<'_>) -> Vec<Result<adopt::Change, String>> {
    match sought.source.renderer {
        Renderer::Kustomize => kustomize::withdrawals(sought),
        Renderer::Plain | Renderer::Helm | Renderer::Jinja => vec![withdrawn(sought)],
    }
}

/// The files without the document that declares the resource.
fn withdrawn(sought: &Sought<'_>) -> Result<adopt::Change, String> {
    let origin = sought.manifest.origin.as_ref();
    let origin = origin.ok_or("the file that declares it is not known; edit it by hand")?;
    adopt::withdrawal(origin, sought.source, sought.files)
}
