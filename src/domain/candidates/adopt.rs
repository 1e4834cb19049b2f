//! Whole manifests: where a new one belongs, and what has to go with one that is taken out.
//!
//! A file beside its siblings, named as they are; below a kustomization with an entry in its `resources`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Files;
use crate::domain::field_path::{FieldPath, Key, Step};
use crate::domain::kustomization::readers::Readers;
use crate::domain::kustomization::{Kustomization, below, folder_of};
use crate::domain::resource::{Manifest, Origin};
use crate::domain::source::{Renderer, Source};
use crate::domain::yaml::documents;
use crate::domain::yaml::edit::{Action, Edit, apply};
use crate::domain::yaml::write::to_yaml;

/// New text of files by path; none for one that goes.
pub type Change = BTreeMap<String, Option<String>>;

/// A manifest that a source is to have.
#[derive(Clone, Copy)]
pub struct Newcomer<'a> {
    /// The object, with its namespace.
    pub object: &'a Value,
    /// Who is to declare it.
    pub source: &'a Source,
    /// What the source declares already.
    pub siblings: &'a [Manifest],
    /// The repository.
    pub files: &'a dyn Files,
}

/// The places for a new manifest, the likeliest first, or why a person has to find one.
pub fn additions(newcomer: &Newcomer<'_>) -> Vec<Result<Change, String>> {
    match newcomer.source.renderer {
        Renderer::Plain => newcomer.variants().iter().map(|object| newcomer.beside_siblings(object)).collect(),
        Renderer::Kustomize => newcomer.variants().iter().map(|object| newcomer.in_kustomization(object)).collect(),
        Renderer::Jinja if newcomer.source.jinja.as_ref().is_none_or(|jinja| !jinja.kustomize) => {
            newcomer.variants().iter().map(|object| newcomer.beside_siblings(object)).collect()
        }
        Renderer::Helm | Renderer::Jinja => {
            vec![Err("a chart or template has to make it; add the manifest there by hand".to_owned())]
        }
    }
}

/// The file in which a person may put a new manifest, and its text.
pub fn proposed_file(newcomer: &Newcomer<'_>) -> (String, String) {
    let folder = match newcomer.source.renderer {
        Renderer::Helm => below(&newcomer.source.path, "templates"),
        _ => newcomer.folder(),
    };
    (below(&folder, &newcomer.file_name(&folder)), manifest_text(newcomer.object))
}

/// The files without the document of a manifest, and without what refers to a file that goes with it.
pub fn withdrawal(origin: &Origin, source: &Source, files: &dyn Files) -> Result<Change, String> {
    let text = files.text(&origin.file)?;
    let refuse = |error: &dyn std::fmt::Display| format!("{}: {error}", origin.file);
    if let Some(index) = origin.list_item {
        let path = FieldPath::fields(["items"]).join(Step::Index(index));
        let edit = Edit { document: origin.document, list_item: None, path, action: Action::Remove };
        let text = apply(&text, &edit).map_err(|error| refuse(&error))?;
        return kept_to_source(Change::from([(origin.file.clone(), Some(text))]), source, files);
    }
    let left = documents::without(&text, origin.document).map_err(|error| refuse(&error))?;
    let goes = left.is_none();
    let mut change = Change::from([(origin.file.clone(), left)]);
    if goes && matches!(source.renderer, Renderer::Kustomize | Renderer::Jinja) {
        change.extend(without_entry(&origin.file, files)?);
    }
    kept_to_source(change, source, files)
}

/// The kustomization nearest above a file that names it, without that entry.
fn without_entry(file: &str, files: &dyn Files) -> Result<Option<(String, Option<String>)>, String> {
    let above = std::iter::successors(Some(folder_of(file)), |folder| (!folder.is_empty()).then(|| folder_of(folder)));
    for folder in above {
        let Some(kustomization) = Kustomization::read(files, folder)? else { continue };
        let resources = kustomization.field("resources");
        let names = resources.as_array().into_iter().flatten().filter_map(Value::as_str);
        let found = names.into_iter().find(|name| kustomization.inside(name).as_deref() == Some(file));
        if let Some(name) = found {
            let text = edited(&kustomization, name, Action::Remove, files)?;
            return Ok(Some((kustomization.file, Some(text))));
        }
    }
    Ok(None)
}

/// The text of a kustomization with an entry of its `resources` set or removed.
fn edited(kustomization: &Kustomization, name: &str, action: Action, files: &dyn Files) -> Result<String, String> {
    let path = FieldPath::fields(["resources"]).join(Step::Member(Key::Text(name.to_owned())));
    let edit = Edit { document: kustomization.document, list_item: None, path, action };
    let text = files.text(&kustomization.file)?;
    apply(&text, &edit).map_err(|error| format!("{}: {error}", kustomization.file))
}

/// Refuses files that another kustomization reads: whoever delivers that gets the change too.
fn kept_to_source(change: Change, source: &Source, files: &dyn Files) -> Result<Change, String> {
    let readers = Readers::of(files)?;
    for file in change.keys().filter(|file| files.text(file).is_ok()) {
        if let Some(other) = readers.other(&source.path, file) {
            let other = if other.is_empty() { "." } else { other };
            return Err(format!("{file} is read by the kustomization in {other} too; edit it by hand"));
        }
    }
    Ok(change)
}

impl Newcomer<'_> {
    /// The object as it may have to be written: without what the source adds to it, and as it is.
    fn variants(&self) -> Vec<Value> {
        let mut bare = self.object.clone();
        let namespace = self.object.pointer("/metadata/namespace").and_then(Value::as_str);
        let has_namespace = |manifest: &&Manifest| manifest.object().pointer("/metadata/namespace").is_some();
        let is_left_to_source = match self.source.renderer {
            Renderer::Kustomize => {
                let own = self.kustomization_field("namespace");
                own.is_some() && own.as_deref() == namespace
            }
            _ => {
                let with = self.siblings.iter().filter(has_namespace).count();
                self.source.namespace.as_deref() == namespace && with * 2 <= self.siblings.len()
            }
        };
        if is_left_to_source && let Some(metadata) = bare.pointer_mut("/metadata").and_then(Value::as_object_mut) {
            metadata.remove("namespace");
        }
        if self.source.renderer == Renderer::Kustomize {
            let name = bare.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            let (prefix, suffix) = (self.kustomization_field("namePrefix"), self.kustomization_field("nameSuffix"));
            let stem = name.strip_prefix(&*prefix.unwrap_or_default()).unwrap_or(name);
            let stem = stem.strip_suffix(&*suffix.unwrap_or_default()).unwrap_or(stem).to_owned();
            if !stem.is_empty() {
                bare["metadata"]["name"] = Value::from(stem);
            }
        }
        let mut variants = vec![bare];
        if variants[0] != *self.object {
            variants.push(self.object.clone());
        }
        variants
    }

    /// A text that the source's own kustomization sets.
    fn kustomization_field(&self, name: &str) -> Option<String> {
        let kustomization = Kustomization::read(self.files, &self.source.path).ok()??;
        kustomization.field(name).as_str().map(str::to_owned)
    }

    fn beside_siblings(&self, object: &Value) -> Result<Change, String> {
        let text = manifest_text(object);
        if self.siblings.iter().any(|one| one.origin.as_ref().is_some_and(|origin| origin.file == self.source.path)) {
            let file = self.files.text(&self.source.path)?;
            return Ok(Change::from([(self.source.path.clone(), Some(documents::with(&file, &text)))]));
        }
        let folder = self.folder();
        Ok(Change::from([(below(&folder, &self.file_name(&folder)), Some(text))]))
    }

    fn in_kustomization(&self, object: &Value) -> Result<Change, String> {
        let kustomization = Kustomization::read(self.files, &self.source.path)?
            .ok_or_else(|| format!("{} has no kustomization to name it in", self.source.path))?;
        let folder = self.folder();
        let file = below(&folder, &self.file_name(&folder));
        let name = file.strip_prefix(&*self.source.path).unwrap_or(&file).trim_start_matches('/').to_owned();
        let text = edited(&kustomization, &name, Action::Set(Value::from(&*name)), self.files)?;
        let change = Change::from([(file, Some(manifest_text(object))), (kustomization.file, Some(text))]);
        kept_to_source(change, self.source, self.files)
    }

    /// The folder of the source with the most siblings, those of the same namespace and kind above others.
    fn folder(&self) -> String {
        let text = |pointer: &str| self.object.pointer(pointer).and_then(Value::as_str);
        let mut votes: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
        for sibling in self.siblings {
            let Some(folder) = sibling.origin.as_ref().and_then(|origin| self.own_folder(&origin.file)) else {
                continue;
            };
            let is_near = sibling.id.namespace.as_deref() == text("/metadata/namespace");
            let is_alike = is_near && Some(&*sibling.id.kind.kind) == text("/kind");
            let vote = votes.entry(folder).or_default();
            *vote = (vote.0 + usize::from(is_near), vote.1 + usize::from(is_alike), vote.2 + 1);
        }
        let most = votes.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.len().cmp(&a.0.len())));
        most.map_or_else(|| self.source.path.clone(), |(folder, _)| folder.to_owned())
    }

    /// The folder of a file, if it lies in the source itself and not in what it shares with others.
    fn own_folder<'f>(&self, file: &'f str) -> Option<&'f str> {
        let folder = folder_of(file);
        let root = &*self.source.path;
        let is_inside = root.is_empty() || folder == root || folder.starts_with(&format!("{root}/"));
        // a folder with a kustomization of its own is named as a whole
        let is_own = || {
            folder == root
                || self.source.renderer != Renderer::Kustomize
                || matches!(Kustomization::read(self.files, folder), Ok(None))
        };
        (is_inside && is_own()).then_some(folder)
    }

    /// A name as the siblings in a folder have them, which no file there has yet.
    fn file_name(&self, folder: &str) -> String {
        let text = |pointer: &str| self.object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (kind, name) = (text("/kind").to_lowercase(), text("/metadata/name"));
        let mut styles: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        for sibling in self.siblings {
            let Some(file) = sibling.origin.as_ref().map(|origin| &*origin.file) else { continue };
            let Some(base) = file.strip_prefix(folder).map(|rest| rest.trim_start_matches('/')) else { continue };
            let Some((stem, ending)) = base.rsplit_once('.').filter(|_| !base.contains('/')) else { continue };
            let own = sibling.id.kind.kind.to_lowercase();
            if let Some(style) = (0..STYLES).find(|style| styled(*style, &own, &sibling.id.name) == stem) {
                *styles.entry((style, if ending == "yml" { "yml" } else { "yaml" })).or_default() += 1;
            }
        }
        let mut ranked: Vec<_> = styles.into_iter().collect();
        ranked.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        let ending = ranked.first().map_or("yaml", |((_, ending), _)| ending);
        let styles = ranked.iter().map(|((style, _), _)| *style).chain([0]);
        let names = styles.map(|style| format!("{}.{ending}", safe(&styled(style, &kind, name))));
        let numbered = (2..100).map(|number| format!("{}-{number}.{ending}", safe(&styled(0, &kind, name))));
        // what cannot be read is there
        let is_free = |file: &String| matches!(self.files.read(&below(folder, file)), Ok(None));
        names.chain(numbered).find(is_free).unwrap_or_else(|| "adopted.yaml".to_owned())
    }
}

/// How many ways there are to name a file.
const STYLES: usize = 7;

fn styled(style: usize, kind: &str, name: &str) -> String {
    match style {
        0 => format!("{name}-{kind}"),
        1 => format!("{kind}-{name}"),
        2 => format!("{name}.{kind}"),
        3 => format!("{kind}.{name}"),
        4 => format!("{name}_{kind}"),
        5 => name.to_owned(),
        _ => kind.to_owned(),
    }
}

/// A file name of ordinary characters: names of roles may have colons.
fn safe(name: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.') { char } else { '-' };
    name.chars().map(plain).collect::<String>().trim_start_matches('.').to_owned()
}

/// An object as people lay it out: what it is first.
fn manifest_text(object: &Value) -> String {
    let first = ["apiVersion", "kind", "metadata"];
    let Some(fields) = object.as_object() else { return to_yaml(object) };
    let rest = fields.keys().map(String::as_str).filter(|name| !first.contains(name));
    let parts = first.into_iter().chain(rest).filter_map(|name| Some((name, fields.get(name)?)));
    parts.map(|(name, value)| to_yaml(&serde_json::json!({ name: value }))).collect()
}

#[cfg(test)]
mod tests;
