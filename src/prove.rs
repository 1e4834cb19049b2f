//! Candidate edits → rendered again → proven or not: the one loop of pure and impure.
//!
//! For a unit the candidates are tried nearest first; each is applied to a tree in memory, everything that shares the
//! touched files is rendered again, and it is accepted only if exactly the intended fields change.

use std::collections::BTreeMap;

use crate::adapters::render::{Rendered, SourceTree, render, unheard};
use crate::domain::field_edit::FieldChange;
use crate::domain::plan::Unit;
use crate::domain::proof;
use crate::domain::resource::{Manifest, Origin};
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;
use crate::domain::yaml::edit::{Edit, apply};

/// What proving needs besides the unit.
#[derive(Debug, Clone, Copy)]
pub struct Workshop<'a> {
    /// The checkout.
    pub tree: &'a SourceTree,
    /// Every source.
    pub sources: &'a [Source],
    /// What every source renders to, in the same order.
    pub rendered: &'a [Rendered],
    /// Masks Secret values.
    pub key: &'a MaskKey,
}

/// An edit that changes exactly what was meant.
#[derive(Debug, Clone)]
pub struct Proven {
    /// New content of the files by path.
    pub files: BTreeMap<String, Option<Vec<u8>>>,
    /// One line for each field that changes after rendering.
    pub lines: Vec<String>,
}

/// Proves a unit, or says why no candidate could be proven.
pub async fn prove(unit: &Unit, workshop: &Workshop<'_>) -> Result<Proven, String> {
    let intended = unit.intended();
    let manifest = workshop.rendered.iter().flat_map(|rendered| &rendered.manifests).find(|manifest| {
        manifest.source == unit.source
            && manifest.id.kind == unit.resource.kind
            && manifest.id.name == unit.resource.name
            && (manifest.id.namespace.is_none() || manifest.id.namespace == unit.resource.namespace)
    });
    let manifest = manifest.ok_or("its manifest was not rendered")?;
    let origin = manifest.origin.as_ref().ok_or("the file that declares it is not known; edit it by hand")?;
    let files = edited(workshop.tree, origin, &intended)?;
    let lines = rendered_proof(workshop, manifest, &files, &intended).await?;
    Ok(Proven { files, lines })
}

/// The resource's own file with every change made.
fn edited(
    tree: &SourceTree,
    origin: &Origin,
    intended: &[FieldChange],
) -> Result<BTreeMap<String, Option<Vec<u8>>>, String> {
    if origin.file.starts_with(".github/") {
        return Err("files below .github/ are never edited".to_owned());
    }
    let text = tree.read_text(&origin.file).map_err(|problem| problem.to_string())?;
    let mut text = text.ok_or_else(|| format!("{} is not there", origin.file))?;
    for change in intended {
        let edit = Edit {
            document: origin.document,
            list_item: origin.list_item,
            path: change.path.clone(),
            action: change.action.clone(),
        };
        text = apply(&text, &edit).map_err(|error| format!("{}: {}: {error}", origin.file, change.path))?;
    }
    Ok(BTreeMap::from([(origin.file.clone(), Some(text.into_bytes()))]))
}

async fn rendered_proof(
    workshop: &Workshop<'_>,
    target: &Manifest,
    files: &BTreeMap<String, Option<Vec<u8>>>,
    intended: &[FieldChange],
) -> Result<Vec<String>, String> {
    let mut overlay = workshop.tree.overlay.clone();
    overlay.extend(files.clone());
    let tree = SourceTree { overlay, ..workshop.tree.clone() };
    let mut before = Vec::new();
    let mut after = Vec::new();
    for (source, was) in workshop.sources.iter().zip(workshop.rendered) {
        if !files.keys().any(|file| was.reads(file)) {
            continue;
        }
        let now = render(&tree, source, workshop.key, &unheard()).await;
        if now.problems != was.problems {
            let new = now.problems.iter().find(|problem| !was.problems.contains(problem));
            return Err(new.map_or_else(
                || format!("the source {} renders with other problems", source.name),
                ToString::to_string,
            ));
        }
        before.extend(was.manifests.iter().cloned());
        after.extend(now.manifests);
    }
    proof::prove(&before, &after, &target.id, intended)
}
