//! Stage 5: drifted resources are followed back through Git's history, for the commit that set a value and for what the
//! delivery has not applied yet.
//!
//! One walk over the commits serves all of them. A commit is looked at more closely only if it changed what a drifted
//! resource is made of: the file of a plain source, everything that is read for any other. A resource that moved to
//! another file is followed there. Everything is counted and bounded; where it ends before an answer, there is none.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use tracing::debug;

use crate::adapters::render::plain::{self, takes_in};
use crate::adapters::render::{SourceTree, render, unheard};
use crate::adapters::repository::{Checkout, History, HistoryStep, Repository, RepositoryError, Revision};
use crate::config::Config;
use crate::domain::drift::compare::Rules;
use crate::domain::drift::scan::ScanResult;
use crate::domain::problem::Problem;
use crate::domain::resource::{Manifest, ManifestIndex, ResourceId};
use crate::domain::schema::Schemas;
use crate::domain::settle::{Case, Patience, settle_meanings};
use crate::domain::source::{Renderer, Source};
use crate::prove::Workshop;

/// Commits that are walked through; looking at what one of them changed takes far less than a millisecond.
const MAX_COMMITS: usize = 2_000;
/// Versions of one file that are read, and of all files together.
const MAX_VERSIONS: usize = 500;
const MAX_FILES_READ: usize = 20_000;
/// Times that a program is run to render an older state of one source.
const MAX_RENDERS: usize = 16;
/// Files of one commit in which a resource is looked for that is not in its own before it.
const MAX_MOVES: usize = 200;

/// What the stage needs.
pub(super) struct Stage<'a> {
    pub(super) config: &'a Config,
    pub(super) workshop: Workshop<'a>,
    pub(super) repository: &'a Repository,
    pub(super) checkout: &'a Checkout,
    pub(super) schemas: &'a Schemas,
    pub(super) now: Timestamp,
}

/// A resource that drifted.
struct Drifted<'a> {
    id: &'a ResourceId,
    case: Case<'a>,
}

/// What some drifted resources are made of, on its way back.
struct Trail<'a> {
    source: &'a Source,
    /// One file of a plain source, else files and folders.
    reads: Vec<String>,
    /// How many more states may be rendered.
    left: usize,
    /// Indexes of the resources.
    drifted: Vec<usize>,
}

/// The walk through the history.
struct Walk<'w, 'a> {
    stage: &'a Stage<'a>,
    history: &'w History,
    drifted: &'w mut [Drifted<'a>],
    files_read: usize,
}

impl<'a> Stage<'a> {
    /// Tells since when Git declares what the items are about, and which of them wait for the delivery. Blocks, and so
    /// needs tokio's multi-thread runtime.
    pub(super) fn run(&'a self, scan: &mut ScanResult) {
        let (mut drifted, trails) = self.set_out(scan);
        if let Err(error) = tokio::task::block_in_place(|| self.walk(&mut drifted, trails)) {
            let problem = Problem::warning(format!("the history of the config repository cannot be read: {error}"));
            scan.problems.push(problem.help(
                "since when Git declares a value stays unknown, and what waits for its delivery is told as drift: give the \
                 repository its whole history",
            ));
        }
        for one in drifted {
            one.case.answer(&mut scan.items);
        }
        settle_meanings(&mut scan.items);
    }

    /// The drifted resources and, for those whose place in Git is known, where to look for them.
    fn set_out(&'a self, scan: &mut ScanResult) -> (Vec<Drifted<'a>>, Vec<Trail<'a>>) {
        let patience = Patience { now: self.now, sync_grace: self.config.sync_grace };
        let manifests = ManifestIndex::new(self.workshop.rendered.iter().flat_map(|rendered| &rendered.manifests));
        let mut items: BTreeMap<(&str, &ResourceId), Vec<usize>> = BTreeMap::new();
        for (index, item) in scan.items.iter().enumerate() {
            items.entry((&item.source, &item.resource)).or_default().push(index);
        }
        let (mut drifted, mut trails) = (Vec::new(), BTreeMap::<(&str, &str), Trail<'a>>::new());
        for ((source, resource), items) in items {
            let manifest = manifests.of(source, resource);
            let sources = self.workshop.sources.iter().zip(self.workshop.rendered);
            let (Some(manifest), Some((source, rendered))) =
                (manifest, sources.into_iter().find(|(known, _)| known.name == source))
            else {
                continue;
            };
            let file = match source.renderer {
                Renderer::Plain => match &manifest.origin {
                    Some(origin) => &*origin.file,
                    None => continue,
                },
                Renderer::Kustomize | Renderer::Helm | Renderer::Jinja => "",
            };
            let trail = trails.entry((&source.name, file)).or_insert_with(|| match source.renderer {
                Renderer::Plain => Trail::of_file(source, file),
                Renderer::Kustomize | Renderer::Helm | Renderer::Jinja => {
                    Trail { source, reads: rendered.reads.clone(), left: MAX_RENDERS, drifted: Vec::new() }
                }
            });
            trail.drifted.push(drifted.len());
            let live = scan.lives.get(resource).map(|kept| kept.live(resource.clone()));
            let rules = Rules {
                schemas: self.schemas,
                managers: &self.config.scan.managers,
                delivery_manager: source.delivery.field_manager(),
            };
            let items = items.into_iter().map(|index| (index, &scan.items[index]));
            drifted
                .push(Drifted { id: &manifest.id, case: Case::new(manifest.object(), live, items, rules, patience) });
        }
        (drifted, trails.into_values().collect())
    }

    fn walk(&'a self, drifted: &mut [Drifted<'a>], mut trails: Vec<Trail<'a>>) -> Result<(), RepositoryError> {
        let history = self.repository.history(self.checkout)?;
        let mut walk = Walk { stage: self, history: &history, drifted, files_read: 0 };
        for step in history.steps().take(MAX_COMMITS) {
            trails.retain_mut(|trail| walk.is_open(trail));
            if trails.is_empty() {
                return Ok(());
            }
            let step = step?;
            let mut further = Vec::new();
            for trail in trails {
                if step.touches(&trail.reads) {
                    further.extend(walk.back(trail, &step)?);
                } else {
                    further.push(trail);
                }
            }
            trails = further;
        }
        debug!(open = trails.len(), "the history was followed as far as it is");
        Ok(())
    }
}

impl<'a> Trail<'a> {
    fn of_file(source: &'a Source, file: &str) -> Self {
        Self { source, reads: vec![file.to_owned()], left: MAX_VERSIONS, drifted: Vec::new() }
    }
}

impl<'a> Walk<'_, 'a> {
    /// Whether a trail still leads to answers; forgets the resources that need no more.
    fn is_open(&self, trail: &mut Trail<'a>) -> bool {
        trail.drifted.retain(|index| self.drifted[*index].case.is_open());
        !trail.drifted.is_empty()
    }

    /// Goes back by one commit that changed what a trail is about. Yields where it leads on.
    fn back(&mut self, mut trail: Trail<'a>, step: &HistoryStep) -> Result<Vec<Trail<'a>>, RepositoryError> {
        let Some(at) = step.before else {
            for index in trail.drifted {
                self.drifted[index].case.begin(&step.commit);
            }
            return Ok(Vec::new());
        };
        if trail.left == 0 || self.files_read >= MAX_FILES_READ {
            debug!(source = trail.source.name, "the history is longer than is looked through");
            return Ok(Vec::new());
        }
        trail.left -= 1;
        match trail.source.renderer {
            Renderer::Plain => self.back_in_file(trail, step, at),
            Renderer::Kustomize | Renderer::Helm | Renderer::Jinja => self.back_in_source(trail, step, at),
        }
    }

    /// The whole source is rendered as it was.
    fn back_in_source(
        &mut self,
        mut trail: Trail<'a>,
        step: &HistoryStep,
        at: Revision,
    ) -> Result<Vec<Trail<'a>>, RepositoryError> {
        let tree = SourceTree {
            root: self.stage.workshop.tree.root.clone(),
            overlay: self.history.overlay(at)?,
            ..SourceTree::default()
        };
        let runtime = tokio::runtime::Handle::current();
        let rendered = runtime.block_on(render(&tree, trail.source, self.stage.workshop.key, &unheard()));
        let was_there = !tree.files(&trail.source.path).files.is_empty();
        if rendered.incomplete && was_there {
            return Ok(Vec::new());
        }
        for index in self.tell_found(&mut trail, step, &rendered.manifests) {
            self.drifted[index].case.step(&step.commit, None);
        }
        trail.reads = rendered.reads;
        Ok(vec![trail])
    }

    /// One file is read as it was. What was not in it may have been in another file that the commit changed too.
    fn back_in_file(
        &mut self,
        mut trail: Trail<'a>,
        step: &HistoryStep,
        at: Revision,
    ) -> Result<Vec<Trail<'a>>, RepositoryError> {
        let Some(before) = self.read(trail.source, &trail.reads[0], at)? else { return Ok(Vec::new()) };
        let mut elsewhere = self.tell_found(&mut trail, step, &before);
        let (source, own) = (trail.source, trail.reads[0].clone());
        let mut trails = vec![trail];
        if elsewhere.is_empty() {
            return Ok(trails);
        }
        let mut others: Vec<_> =
            step.changed.iter().filter(|file| **file != own && takes_in(&source.path, file)).collect();
        // a file that moves mostly keeps its name
        others.sort_by_key(|file| name(file) != name(&own));
        let mut is_unknown = others.len() > MAX_MOVES;
        for file in others.into_iter().take(MAX_MOVES) {
            if elsewhere.is_empty() {
                break;
            }
            let mut moved = Trail { drifted: elsewhere, ..Trail::of_file(source, file) };
            match self.read(source, file, at)? {
                Some(before) => elsewhere = self.tell_found(&mut moved, step, &before),
                None => {
                    is_unknown = true;
                    elsewhere = std::mem::take(&mut moved.drifted);
                }
            }
            trails.push(moved);
        }
        for index in elsewhere.into_iter().filter(|_| !is_unknown) {
            self.drifted[index].case.step(&step.commit, None);
        }
        Ok(trails)
    }

    /// Tells the resources of a trail what was declared before a commit, and yields those that are not among it.
    fn tell_found(&mut self, trail: &mut Trail<'a>, step: &HistoryStep, before: &[Manifest]) -> Vec<usize> {
        let before: HashMap<_, _> = before.iter().map(|manifest| (&manifest.id, manifest)).collect();
        let all = std::mem::take(&mut trail.drifted);
        let is_found = |index: &usize| before.contains_key(self.drifted[*index].id);
        let (found, lost): (Vec<_>, Vec<_>) = all.into_iter().partition(is_found);
        for index in &found {
            let declared = before.get(self.drifted[*index].id).map(|manifest| manifest.object());
            self.drifted[*index].case.step(&step.commit, declared);
        }
        trail.drifted = found;
        lost
    }

    /// What a file declared; none where it could not be read then.
    fn read(&mut self, source: &Source, file: &str, at: Revision) -> Result<Option<Vec<Manifest>>, RepositoryError> {
        self.files_read += 1;
        let Some(content) = self.history.file(at, file)? else { return Ok(Some(Vec::new())) };
        let Ok(text) = String::from_utf8(content) else { return Ok(None) };
        let rendered = plain::render_text(file, &text, source, self.stage.workshop.key);
        Ok((!rendered.incomplete).then_some(rendered.manifests))
    }
}

/// The last part of a path.
fn name(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}
