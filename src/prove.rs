//! Candidate edits → rendered again → proven or not: the one loop of pure and impure.
//!
//! For a unit the candidates are tried nearest first; each is applied to a tree in memory, everything that shares the
//! touched files is rendered again, and it is accepted only if exactly the intended fields change.

mod renewal;

use std::collections::BTreeMap;

use crate::adapters::render::{Rendered, SourceTree, render, unheard};
use crate::domain::candidates::{Candidate, Sought, candidates};
use crate::domain::field_edit::FieldChange;
use crate::domain::plan::Unit;
use crate::domain::proof;
use crate::domain::resource::Manifest;
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;

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
#[derive(Debug, Clone, Default)]
pub struct Proven {
    /// New content of the files by path.
    pub files: Files,
    /// One line for each field that changes after rendering.
    pub lines: Vec<String>,
    /// Changes for which no place was proven, each with the reason.
    pub left_out: Vec<(FieldChange, String)>,
}

/// Proves a unit as far as it can be, or says why nothing of it could.
pub async fn prove(unit: &Unit, workshop: &Workshop<'_>) -> Result<Proven, String> {
    let intended = unit.intended();
    let manifest = workshop.rendered.iter().flat_map(|rendered| &rendered.manifests).find(|manifest| {
        manifest.source == unit.source
            && manifest.id.kind == unit.resource.kind
            && manifest.id.name == unit.resource.name
            && (manifest.id.namespace.is_none() || manifest.id.namespace == unit.resource.namespace)
    });
    let manifest = manifest.ok_or("its manifest was not rendered")?;
    let source = workshop.sources.iter().find(|source| source.name == unit.source);
    let bench = Bench { workshop, manifest, source: source.ok_or("its source is not in the config")? };
    let together = bench.first_proven(&Files::new(), &intended, &intended).await;
    if together.is_ok() || intended.len() == 1 {
        return together;
    }
    // the changes may belong to different places, and some to none
    let mut proven = Proven::default();
    let mut intended_so_far = Vec::new();
    for change in &intended {
        intended_so_far.push(change.clone());
        match bench.first_proven(&proven.files, std::slice::from_ref(change), &intended_so_far).await {
            Ok(next) => proven = Proven { left_out: proven.left_out, ..next },
            Err(reason) => {
                intended_so_far.pop();
                proven.left_out.push((change.clone(), reason));
            }
        }
    }
    if intended_so_far.is_empty() { together } else { Ok(proven) }
}

/// New content of files by path; none for one that goes.
pub type Files = BTreeMap<String, Option<Vec<u8>>>;

/// Where candidates for one manifest are tried.
struct Bench<'a> {
    workshop: &'a Workshop<'a>,
    manifest: &'a Manifest,
    source: &'a Source,
}

impl Bench<'_> {
    /// The first candidate for some changes on top of `files` after which exactly the intended fields differ; else why the
    /// nearest one is none.
    async fn first_proven(
        &self,
        files: &Files,
        changes: &[FieldChange],
        intended: &[FieldChange],
    ) -> Result<Proven, String> {
        let tree = self.with(files);
        let sought = Sought { manifest: self.manifest, source: self.source, files: &tree };
        let mut reason = None;
        for candidate in candidates(&sought, changes) {
            match self.tried(files, candidate, intended).await {
                Ok(proven) => return Ok(proven),
                Err(refused) => reason = reason.or(Some(refused)),
            }
        }
        Err(reason.unwrap_or_else(|| "no place in its source is known for it".to_owned()))
    }

    async fn tried(
        &self,
        files: &Files,
        candidate: Result<Candidate, String>,
        intended: &[FieldChange],
    ) -> Result<Proven, String> {
        let mut files = files.clone();
        for (file, text) in candidate? {
            if file.starts_with(".github/") {
                return Err("files below .github/ are never edited".to_owned());
            }
            files.insert(file, Some(text.into_bytes()));
        }
        let lines = self.rendered_proof(&files, intended).await?;
        Ok(Proven { files, lines, left_out: Vec::new() })
    }

    fn with(&self, files: &Files) -> SourceTree {
        let mut overlay = self.workshop.tree.overlay.clone();
        overlay.extend(files.clone());
        SourceTree { overlay, ..self.workshop.tree.clone() }
    }

    async fn rendered_proof(&self, files: &Files, intended: &[FieldChange]) -> Result<Vec<String>, String> {
        let tree = self.with(files);
        let mut before = Vec::new();
        let mut after = Vec::new();
        let mut variables = Vec::new();
        for (source, was) in self.workshop.sources.iter().zip(self.workshop.rendered) {
            if !files.keys().any(|file| was.reads(file)) {
                continue;
            }
            let (source, new) = renewal::renewed(source, files, self.workshop.tree, &tree)?;
            variables.extend(new);
            let now = render(&tree, &source, self.workshop.key, &unheard()).await;
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
        let set = renewal::set_aside(&variables, &self.manifest.id, &mut before, &mut after)?;
        let mut lines = proof::prove(&before, &after, &self.manifest.id, intended)?;
        lines.extend(set);
        Ok(lines)
    }
}
