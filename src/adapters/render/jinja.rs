//! Jinja sources: `*.yaml.j2` (and `.yml.j2`, `.json.j2`) rendered in this process with values files, and the plain
//! manifests beside them; or a kustomization whose files may be templates.

mod builtins;
mod engine;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use self::engine::{Engine, Text};
use super::Rendered;
use super::kept::Kept;
use super::kustomization::look_through;
use super::kustomize::built;
use super::objects::{Declared, read_objects};
use super::plain::{Reader, rendered};
use super::tree::{SourceTree, is_manifest};
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::Manifest;
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;
use crate::domain::yaml::repeated_keys;

/// What names a template.
const ENDING: &str = ".j2";

/// Renders a source. A template that cannot be rendered is a problem, the others are rendered all the same; values that
/// cannot be read make the whole source incomplete, and so does one broken file of a kustomization.
pub(super) fn render(
    tree: &SourceTree,
    source: &Source,
    key: &MaskKey,
    heard: &(dyn Fn(&Manifest) + Sync),
) -> Rendered {
    let settings = source.jinja.clone().unwrap_or_default();
    let values = values::load(tree, &settings.values);
    let mut reads: Vec<String> = values.reads.iter().cloned().collect();
    reads.push(source.path.clone());
    if !values.problems.is_empty() {
        return Rendered { problems: values.problems, incomplete: true, reads, ..Rendered::default() };
    }
    let engine = match Engine::new(tree, &source.path, &settings, values::map(&values.root)) {
        Ok(engine) => engine,
        Err(problem) => return Rendered { problems: vec![problem], incomplete: true, reads, ..Rendered::default() },
    };
    let mut result = if settings.kustomize {
        kustomized(tree, source, key, heard, &engine)
    } else {
        let folder = Folder { tree, source, key, heard, engine: &engine, values: &values.reads };
        folder.render()
    };
    result.reads.extend(reads);
    result.reads.extend(engine.loaded());
    result
}

/// A folder of templates and manifests.
struct Folder<'f> {
    tree: &'f SourceTree,
    source: &'f Source,
    key: &'f MaskKey,
    heard: &'f (dyn Fn(&Manifest) + Sync),
    engine: &'f Engine,
    values: &'f BTreeSet<String>,
}

impl Folder<'_> {
    fn render(&self) -> Rendered {
        let listing = self.tree.files(&self.source.path);
        let files = listing.files.par_iter().filter(|file| !self.values.contains(*file));
        let read: Vec<(Declared, Vec<Problem>)> = files.filter_map(|file| self.file(file)).collect();
        let mut all = Declared { problems: listing.problems, ..Declared::default() };
        let mut warnings = Vec::new();
        for (declared, warned) in read {
            all.extend(declared);
            warnings.extend(warned);
        }
        let mut rendered = rendered(all);
        rendered.problems.extend(warnings);
        rendered
    }

    /// What a file declares, and what to warn of; none for a file of another kind.
    fn file(&self, file: &str) -> Option<(Declared, Vec<Problem>)> {
        let (source, namespace) = (&*self.source.name, self.source.namespace.as_deref());
        if is_manifest(file) {
            // what is kept belongs to plain sources
            let kept = Kept::default();
            let reader = Reader { source, namespace, key: self.key, heard: self.heard, kept: &kept };
            return Some((self.told(reader.file(self.tree, file, file)), Vec::new()));
        }
        let name = file.rsplit('/').next().unwrap_or(file);
        let is_template = name.strip_suffix(ENDING).is_some_and(is_manifest) && !name.starts_with('_');
        if !is_template {
            return None;
        }
        Some(match self.engine.render(file) {
            Err(problem) => (Declared::problem(problem), Vec::new()),
            Ok(text) => {
                let mut objects = read_objects(file, &text.text, namespace);
                objects.led_back(&|place| trace(place, &text));
                (self.told(objects.masked(source, self.key)), repeated(&text))
            }
        })
    }

    fn told(&self, declared: Declared) -> Declared {
        declared.manifests.iter().for_each(|(manifest, _)| (self.heard)(manifest));
        declared
    }
}

/// A key that a template writes twice is likely a mistake, and would hide an edit that adds it once more.
fn repeated(text: &Text) -> Vec<Problem> {
    let keys = repeated_keys(&text.text).unwrap_or_default();
    let warn = |(key, line): (String, usize)| {
        let message = format!("`{key}` is written twice in one mapping, and the last counts");
        Problem::warning(message).at(text.place(line)).help("write it once")
    };
    keys.into_iter().map(warn).collect()
}

/// From a place in a rendered text to the template's.
fn trace(place: &mut Place, text: &Text) {
    if let Some(line) = place.line {
        *place = text.place(line);
    }
}

/// Builds a kustomization. What it names and is not there is rendered from the template of that name, if there is one.
fn kustomized(
    tree: &SourceTree,
    source: &Source,
    key: &MaskKey,
    heard: &(dyn Fn(&Manifest) + Sync),
    engine: &Engine,
) -> Rendered {
    let mut with_texts = tree.clone();
    let mut texts: BTreeMap<String, Text> = BTreeMap::new();
    let mut problems = Vec::new();
    loop {
        let seen = look_through(&with_texts, &source.path);
        let is_template = |path: &&String| matches!(tree.read(&format!("{path}{ENDING}")), Ok(Some(_)));
        let new: Vec<_> = seen.missing.iter().filter(|path| !texts.contains_key(*path)).filter(is_template).collect();
        if new.is_empty() {
            let back = |place: &mut Place| {
                if let Some(text) = texts.get(&place.file) {
                    trace(place, text);
                }
            };
            return built(&with_texts, source, key, heard, seen, &back);
        }
        for path in new {
            match engine.render(&format!("{path}{ENDING}")) {
                Ok(text) => {
                    with_texts.overlay.insert(path.clone(), Some(text.text.clone().into_bytes()));
                    texts.insert(path.clone(), text);
                }
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            let reads = seen.folders.into_iter().collect();
            return Rendered { problems, incomplete: true, reads, ..Rendered::default() };
        }
    }
}

#[cfg(test)]
mod tests;
