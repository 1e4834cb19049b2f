//! A new patch of the resource: in the kustomization nearest to it that nobody else reads, and in the source's own.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{Place, Search, generator, json6902, strategic};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::kustomization::{Kustomization, below, named};
use crate::domain::yaml::write::to_yaml;

/// Kustomizations in which a new patch is tried.
const MOST_LEVELS: usize = 3;
/// Files of one name and a number.
const MOST_FILES: usize = 9;

/// New patches: a strategic merge where it can say the change, and else single operations.
pub(super) fn places(search: &Search<'_>, change: &FieldChange) -> Vec<Place> {
    new_patches(search, |patch| [patch.strategic(change), patch.operations(change)].into_iter().flatten().collect())
}

/// New patches that take the resource out of what a kustomization comes to.
pub(super) fn deletions(search: &Search<'_>) -> Vec<Place> {
    new_patches(search, |patch| {
        let mut deletion = patch.head();
        deletion["$patch"] = Value::from("delete");
        vec![patch.place("", &deletion, None)]
    })
}

/// What `make` says for each kustomization and name.
fn new_patches(search: &Search<'_>, make: impl Fn(&New<'_>) -> Vec<Place>) -> Vec<Place> {
    let mut levels = levels(search);
    levels.retain(|level| search.unshared([(level.file.clone(), ())].into()).is_ok());
    levels.truncate(MOST_LEVELS);
    let names = names(search);
    let each = levels.iter().flat_map(|level| names.iter().map(move |name| (level, name)));
    each.flat_map(|(level, name)| make(&New { search, level, name })).collect()
}

/// What the resource may be called in a patch: as it is declared, else as it was called last.
fn names(search: &Search<'_>) -> Vec<String> {
    let manifest = search.sought.manifest;
    let declared = search.declared.as_ref().and_then(super::name_of).map(str::to_owned);
    let mut others: Vec<_> = search.names.iter().filter(|name| Some(*name) != declared.as_ref()).cloned().collect();
    others.sort_by_key(String::len);
    others.retain(|name| *name != manifest.id.name || search.names.len() == 1);
    let mut names: Vec<_> = declared.into_iter().chain(others).collect();
    names.truncate(2);
    names
}

/// The kustomizations that the resource comes through, the nearest to it first.
fn levels<'s>(search: &'s Search<'_>) -> Vec<&'s Kustomization> {
    let origin = search.sought.manifest.origin.as_ref();
    let takes = |level: &Kustomization, what: &dyn Fn(&str) -> bool| {
        named(&level.root).iter().filter_map(|(_, path)| level.inside(path)).any(|path| what(&path))
    };
    let is_home = |level: &&Kustomization| match origin {
        Some(origin) => takes(level, &|path| path == origin.file),
        None => !generator::of_resource(search, level).is_empty(),
    };
    let mut levels: Vec<_> = search.levels.iter().filter(is_home).collect();
    let mut seen: BTreeSet<&str> = levels.iter().map(|level| &*level.folder).collect();
    let mut at = 0;
    while let Some(inner) = levels.get(at).map(|level| level.folder.clone()) {
        for level in &search.levels {
            if takes(level, &|path| path == inner) && seen.insert(&level.folder) {
                levels.push(level);
            }
        }
        at += 1;
    }
    levels
}

/// A patch that is not there yet.
struct New<'n> {
    search: &'n Search<'n>,
    level: &'n Kustomization,
    name: &'n str,
}

impl New<'_> {
    /// What names the resource in a strategic merge.
    fn head(&self) -> Value {
        let manifest = self.search.sought.manifest;
        let mut metadata = json!({"name": self.name});
        let namespace = self.search.declared.as_ref().and_then(|declared| declared.pointer("/metadata/namespace"));
        if let Some(namespace) = namespace {
            metadata["namespace"] = namespace.clone();
        }
        json!({"apiVersion": manifest.api_version, "kind": manifest.id.kind.kind, "metadata": metadata})
    }

    fn strategic(&self, change: &FieldChange) -> Option<Place> {
        let mut patch = self.head();
        let edit = strategic::extension(&patch, change, &self.search.object)?;
        let made = edit.apply(&mut patch);
        Some(made.and_then(|()| self.place("", &patch, None)))
    }

    fn operations(&self, change: &FieldChange) -> Option<Place> {
        let operations = json6902::operations(change, &self.search.object)?;
        let id = &self.search.sought.manifest.id;
        let mut target = json!({"kind": id.kind.kind, "name": regex::escape(self.name)});
        if !id.kind.group.is_empty() {
            target["group"] = Value::from(&*id.kind.group);
        }
        Some(self.place("-operations", &Value::Array(operations), Some(target)))
    }

    /// The new file and its entry in the kustomization.
    fn place(&self, suffix: &str, patch: &Value, target: Option<Value>) -> Place {
        let files = self.search.sought.files;
        let readable = |char: char| if char.is_ascii_alphanumeric() || matches!(char, '-' | '.') { char } else { '-' };
        let kind = &self.search.sought.manifest.id.kind.kind;
        let stem: String =
            format!("trueup-{kind}-{}{suffix}", self.name).to_lowercase().chars().map(readable).collect();
        let numbered =
            |number: usize| if number == 1 { format!("{stem}.yaml") } else { format!("{stem}-{number}.yaml") };
        let is_free = |name: &String| matches!(files.read(&below(&self.level.folder, name)), Ok(None));
        let name = (1..=MOST_FILES).map(numbered).find(is_free).ok_or("there are too many patches of it already")?;
        let mut entry = json!({"path": name});
        if let Some(target) = target {
            entry["target"] = target;
        }
        let patches = FieldPath::fields(["patches"]);
        let change = match self.level.field("patches").as_array().map_or(0, Vec::len) {
            0 => FieldChange::set(patches, Value::Array(vec![entry])),
            end => FieldChange::set(patches.join(Step::Index(end)), entry),
        };
        let mut place = self.search.in_kustomization(self.level, &change)?;
        let text = laid_out(patch);
        let has_crlf = files.text(&self.level.file)?.contains("\r\n");
        place.insert(below(&self.level.folder, &name), if has_crlf { text.replace('\n', "\r\n") } else { text });
        Ok(place)
    }
}

/// A patch as people write it: what it is for comes first.
fn laid_out(patch: &Value) -> String {
    let Value::Object(fields) = patch else { return to_yaml(patch) };
    let is_head = |name: &str| matches!(name, "apiVersion" | "kind" | "metadata");
    let (head, rest): (Map<_, _>, Map<_, _>) = fields.clone().into_iter().partition(|(name, _)| is_head(name));
    let rest = if rest.is_empty() { String::new() } else { to_yaml(&Value::Object(rest)) };
    to_yaml(&Value::Object(head)) + &rest
}
