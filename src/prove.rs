//! Candidate edits → rendered again → proven or not: the one loop of pure and impure.
//!
//! For a unit the candidates are tried nearest first; each is applied to a tree in memory, everything that shares the
//! touched files is rendered again, and it is accepted only if exactly the intended fields change.

mod renewal;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::adapters::render::{Rendered, SourceTree, render, unheard};
use crate::domain::candidates::adopt::{self, Newcomer, additions};
use crate::domain::candidates::{Candidate, Sought, candidates, withdrawals};
use crate::domain::field_edit::FieldChange;
use crate::domain::plan::{Unit, Whole};
use crate::domain::problem::Problem;
use crate::domain::proof::{self, Target, prove_addition, prove_withdrawal};
use crate::domain::resource::{Manifest, ManifestIndex};
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;
use renewal::{Renderings, renewed};

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

/// Proves a unit as far as it can be, or says why nothing of it could. `is_live` says whether a new manifest declares what
/// is live.
pub async fn prove(
    unit: &Unit,
    workshop: &Workshop<'_>,
    is_live: &(dyn Fn(&Value) -> Result<(), String> + Sync),
) -> Result<Proven, String> {
    let sources = workshop.sources.iter().zip(workshop.rendered);
    let (source, rendered) =
        sources.into_iter().find(|(source, _)| source.name == unit.source).ok_or("its source is not in the config")?;
    if let Some(Whole::Declared(object)) = &unit.whole {
        let newcomer = Newcomer { object, source, siblings: &rendered.manifests, files: workshop.tree };
        let target = Target { source: &unit.source, id: &unit.resource };
        let proof = |before: &[Manifest], after: &[Manifest]| prove_addition(before, after, target, is_live);
        return workshop.first_whole(additions(&newcomer), proof).await;
    }
    let manifest = ManifestIndex::new(&rendered.manifests)
        .of(&unit.source, &unit.resource)
        .ok_or("its manifest was not rendered")?;
    let target = Target { source: &unit.source, id: &manifest.id };
    if unit.whole == Some(Whole::Withdrawn) {
        let sought = Sought { manifest, source, files: workshop.tree };
        let proof = |before: &[Manifest], after: &[Manifest]| prove_withdrawal(before, after, target);
        return workshop.first_whole(withdrawals(&sought), proof).await;
    }
    let intended = unit.intended();
    let bench = Bench { workshop, manifest, source, target };
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
    target: Target<'a>,
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
        let tree = self.workshop.with(files);
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
        files.extend(candidate?.into_iter().map(|(file, text)| (file, Some(text.into_bytes()))));
        let mut rendered = self.workshop.rendered_with(&files).await?;
        let variables = rendered.without_variables(self.target.id)?;
        let mut lines = proof::prove(&rendered.before, &rendered.after, self.target, intended)?;
        lines.extend(variables);
        Ok(Proven { files, lines, left_out: Vec::new() })
    }
}

impl Workshop<'_> {
    /// The first change of files after which a whole manifest has come or gone, and nothing else; else why the nearest one
    /// is none.
    async fn first_whole(
        &self,
        changes: Vec<Result<adopt::Change, String>>,
        proof: impl Fn(&[Manifest], &[Manifest]) -> Result<Vec<String>, String>,
    ) -> Result<Proven, String> {
        let mut reason = None;
        for change in changes {
            let files = change.map(|change| {
                let bytes = |(file, text): (String, Option<String>)| (file, text.map(String::into_bytes));
                change.into_iter().map(bytes).collect::<Files>()
            });
            let rendered = match files {
                Ok(files) => self.rendered_with(&files).await.map(|rendered| (files, rendered)),
                Err(refused) => Err(refused),
            };
            match rendered.and_then(|(files, rendered)| Ok((proof(&rendered.before, &rendered.after)?, files))) {
                Ok((lines, files)) => return Ok(Proven { files, lines, left_out: Vec::new() }),
                Err(refused) => reason = reason.or(Some(refused)),
            }
        }
        Err(reason.unwrap_or_else(|| "no place in its source is known for it".to_owned()))
    }

    fn with(&self, files: &Files) -> SourceTree {
        let mut overlay = self.tree.overlay.clone();
        overlay.extend(files.clone());
        SourceTree { overlay, ..self.tree.clone() }
    }

    /// What everything that may depend on these files renders to without and with them.
    async fn rendered_with(&self, files: &Files) -> Result<Renderings, String> {
        if files.keys().any(|file| file.starts_with(".github/")) {
            return Err("files below .github/ are never edited".to_owned());
        }
        let tree = self.with(files);
        let mut before = Vec::new();
        let mut after = Vec::new();
        let mut variables = Vec::new();
        for (source, was) in self.sources.iter().zip(self.rendered) {
            if !files.keys().any(|file| was.reads(file)) {
                continue;
            }
            let (source, new) = renewed(source, files, self.tree, &tree)?;
            variables.extend(new);
            let now = render(&tree, &source, self.key, &unheard()).await;
            if let Some(other) = other_problem(&was.problems, &now.problems, files) {
                return Err(other.map_or_else(
                    || format!("the source {} renders with other problems", source.name),
                    ToString::to_string,
                ));
            }
            if let Some(other) = other_beside(was, &now) {
                return Err(format!("{other} would change too"));
            }
            before.extend(was.manifests.iter().cloned());
            after.extend(now.manifests);
        }
        Ok(Renderings { before, after, variables })
    }
}

/// What a source declares otherwise than before, or one time more or less, beside its manifests.
fn other_beside(was: &Rendered, now: &Rendered) -> Option<String> {
    let (was, now) = (was.besides(), now.besides());
    let differing = was.iter().find(|(beside, times)| now.get(*beside) != Some(*times));
    let differing = differing.or_else(|| now.iter().find(|(beside, times)| was.get(*beside) != Some(*times)));
    differing.map(|((name, _), _)| name.clone())
}

/// Whether other problems are told than before, and the first that is new. In the edited files lines may have moved.
fn other_problem<'p>(was: &[Problem], now: &'p [Problem], files: &Files) -> Option<Option<&'p Problem>> {
    let lines_aside = |problem: &Problem| {
        let mut problem = problem.clone();
        if let Some(place) = problem.place.as_mut().filter(|place| files.contains_key(&place.file)) {
            place.line = None;
        }
        problem
    };
    let mut known: Vec<_> = was.iter().map(lines_aside).collect();
    for problem in now {
        match known.iter().position(|known| *known == lines_aside(problem)) {
            Some(position) => drop(known.swap_remove(position)),
            None => return Some(Some(problem)),
        }
    }
    (!known.is_empty()).then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::problem::Place;

    /// A warning that stood below an edited line is no new one; a second of its kind is, and so is one elsewhere.
    #[test]
    fn lines_move_and_problems_do_not_change() {
        let at = |file: &str, line: usize| Problem::warning("odd").at(Place::line(file, line));
        let files = Files::from([("a".to_owned(), None)]);
        let was = [at("a", 3), at("b", 3)];
        for (now, expected) in [
            (vec![at("b", 3), at("a", 5)], None),
            (vec![at("a", 3), at("b", 4)], Some(Some(at("b", 4)))),
            (vec![at("a", 3), at("b", 3), at("a", 9)], Some(Some(at("a", 9)))),
            (vec![at("a", 3)], Some(None)),
        ] {
            assert_eq!(other_problem(&was, &now, &files), expected.as_ref().map(Option::as_ref));
        }
    }
}
