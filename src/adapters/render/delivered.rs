//! What Flux and Argo CD add to the rendering of a source that an object of theirs names: fields of its kustomization,
//! variables replaced after the build, labels and annotations of every object.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::kustomization::{Kustomizations, look_through};
use super::objects::{Objects, read_objects};
use super::tree::SourceTree;
use crate::domain::discovery::merge::{merged, resources};
use crate::domain::discovery::substitution::{Budget, Refusal, Variable, replace};
use crate::domain::kustomization::{NAMES, below};
use crate::domain::problem::{Place, Problem};
use crate::domain::source::{Delivered, Source};
use crate::domain::yaml::{Document, read_documents};

/// Label and annotation of objects in which Flux replaces nothing.
const MARK: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// The tree in which the kustomization is as the delivery tool leaves it, and what it takes in.
pub(super) struct Prepared {
    pub(super) tree: SourceTree,
    pub(super) seen: Kustomizations,
    /// The file that was made, and where its lines come from.
    made: Option<(String, Place)>,
}

impl Prepared {
    /// Leads a place in the file that was made to where a person finds it.
    pub(super) fn back(&self, place: &mut Place) {
        if let Some((file, source)) = self.made.as_ref().filter(|(file, _)| *file == place.file) {
            *place = if source.file == *file { Place::file(&**file) } else { source.clone() };
        }
    }
}

/// Prepares a source for the build. Problems of what stands in the folder are told at their own lines.
pub(super) fn prepared(tree: &SourceTree, source: &Source) -> Prepared {
    let as_it_is = || Prepared { tree: tree.clone(), seen: look_through(tree, &source.path), made: None };
    let Some(delivered) = &source.delivered else { return as_it_is() };
    let path = |name: &str| below(&source.path, name);
    let own = NAMES.iter().map(|name| path(name)).find(|file| !matches!(tree.read(file), Ok(None)));
    let mut fields = delivered.kustomization.clone();
    if own.is_some() || !delivered.generates || !tree.is_folder(&source.path) {
        let plain = as_it_is();
        if fields.is_empty() || own.is_none() || !plain.seen.problems.is_empty() {
            return plain;
        }
    } else {
        let listing = tree.files(&source.path);
        if !listing.problems.is_empty() {
            return Prepared {
                seen: Kustomizations { problems: listing.problems, ..Kustomizations::default() },
                ..as_it_is()
            };
        }
        let resources = resources(&source.path, &listing.files);
        if resources.is_empty() {
            fields.entry("namespace").or_insert_with(|| Value::from("none"));
        }
        fields.insert("resources".to_owned(), Value::from(resources));
    }
    let place = match (&own, &delivered.origin) {
        (Some(file), _) => Place::file(&**file),
        (None, Some(origin)) => Place::line(&*origin.file, origin.line),
        (None, None) => Place::file(&*source.path),
    };
    let file = own.clone().unwrap_or_else(|| path(NAMES[0]));
    let text = own.and_then(|file| tree.read_text(&file).ok().flatten()).unwrap_or_default();
    let before = read_documents(&text).ok().and_then(|documents| documents.into_iter().find_map(|one| one.root));
    let kustomization = merged(before.map(|root| root.to_json()), &fields).to_string();
    let mut tree = tree.clone();
    tree.overlay.insert(file.clone(), Some(kustomization.into_bytes()));
    let mut prepared = Prepared { seen: look_through(&tree, &source.path), tree, made: Some((file, place)) };
    let mut problems = std::mem::take(&mut prepared.seen.problems);
    problems.iter_mut().filter_map(|problem| problem.place.as_mut()).for_each(|place| prepared.back(place));
    prepared.seen.problems = problems;
    prepared
}

/// What was built, with its variables replaced; and the documents of which that is not to be known.
pub(super) fn substituted(source: &Source, text: String) -> Result<(String, String), Problem> {
    let delivered = source.delivered.as_ref();
    let Some(delivered) = delivered.filter(|one| !one.variables.is_empty() || one.hides_variables) else {
        return Ok((text, String::new()));
    };
    let variable = |name: &str| match delivered.variables.get(name) {
        Some(variable) => Variable::Known(&variable.value),
        None if delivered.hides_variables => Variable::Hidden,
        None => Variable::Unset,
    };
    let (mut known, mut hidden) = (String::with_capacity(text.len()), String::new());
    let mut budget = Budget::default();
    for document in text.split("\n---\n") {
        let add = |to: &mut String, text: &str| {
            to.push_str(text.trim_end_matches('\n'));
            to.push_str("\n---\n");
        };
        if document.contains(MARK) && is_marked(document) {
            add(&mut known, document);
            continue;
        }
        match replace(document, &variable, &mut budget) {
            Ok(made) => add(&mut known, &made),
            Err(Refusal::Hidden) => add(&mut hidden, document),
            Err(Refusal::Broken(reason)) => {
                let help = format!(
                    "Flux refuses it too: write `$${{…}}` for what is no variable, or annotate it with {MARK}: disabled"
                );
                return Err(unreplaced(delivered, document, reason).help(help));
            }
            Err(Refusal::TooLarge) => {
                let reason = "what comes of all variables of the source is too large, or takes too long to match";
                let help = format!(
                    "give the variables shorter values, use them less often, split the source, or annotate what needs \
                     no variables with {MARK}: disabled"
                );
                return Err(unreplaced(delivered, document, reason).help(help));
            }
        }
    }
    Ok((known, hidden))
}

fn unreplaced(delivered: &Delivered, document: &str, reason: &str) -> Problem {
    let objects = read_objects("", document, None).found;
    let name = objects.first().map_or_else(|| "an object".to_owned(), |found| found.id.to_string());
    let problem = Problem::error(format!("the variables in {name} cannot be replaced: {reason}"));
    match &delivered.origin {
        Some(origin) => problem.at(Place::line(&*origin.file, origin.line)),
        None => problem,
    }
}

fn is_marked(document: &str) -> bool {
    let root = |document: &Document| document.root.as_ref().map(|root| root.to_json());
    let objects = read_documents(document).map(|documents| documents.iter().filter_map(root).collect::<Vec<_>>());
    objects.unwrap_or_default().iter().any(|object| {
        let says = |field: &str| object.pointer(&format!("/metadata/{field}"))?.get(MARK)?.as_str();
        says("labels") == Some("disabled") || says("annotations") == Some("disabled")
    })
}

/// Gives every object the labels and annotations that the delivery tool gives it.
pub(super) fn complete(source: &Source, objects: &mut Objects) {
    let Some(delivered) = &source.delivered else { return };
    for (field, entries) in [("labels", &delivered.labels), ("annotations", &delivered.annotations)] {
        if !entries.is_empty() {
            objects.found.iter_mut().for_each(|found| join(&mut found.object, field, entries));
        }
    }
}

fn join(object: &mut Value, field: &str, entries: &BTreeMap<String, String>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let all = metadata.entry(field).or_insert_with(|| Value::Object(Map::new()));
    if !all.is_object() {
        *all = Value::Object(Map::new());
    }
    if let Some(all) = all.as_object_mut() {
        all.extend(entries.iter().map(|(name, value)| (name.clone(), Value::from(&**value))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::opaque;
    use crate::domain::resource::ResourceId;
    use crate::domain::source;

    /// Documents that are small enough one by one may be too much together: one problem that says what to do.
    #[test]
    fn documents_share_what_variables_may_cost() {
        let mut delivered = Delivered::by(ResourceId::new(opaque::kustomization(), Some("flux"), "apps"), None);
        let large = source::Variable { value: "x".repeat(1 << 20), place: None };
        delivered.variables = BTreeMap::from([("a".to_owned(), large)]);
        let source = Source { delivered: Some(delivered), ..Source::plain("apps", "apps") };
        let document = |name: &str| {
            let values = "${a}".repeat(40);
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: {values}\n")
        };
        assert!(substituted(&source, document("one")).is_ok());
        let problem = substituted(&source, [document("one"), document("two")].join("---\n")).map(drop).unwrap_err();
        assert!(problem.message.contains("two") && problem.message.contains("too large"), "{}", problem.message);
        assert!(problem.help.is_some_and(|help| help.contains("split the source")));
    }
}
