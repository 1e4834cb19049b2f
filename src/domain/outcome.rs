//! What a run came to: the one value that reports, alerts and metrics see.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use crate::domain::drift::item::names;
use crate::domain::drift::scan::RestoreMark;
use crate::domain::drift::{DriftItem, Verdict};
use crate::domain::opaque::Opaque;
use crate::domain::policy::decide::Decision;
use crate::domain::problem::Problem;
use crate::domain::proposal::Proposal;
use crate::domain::resource::{Origin, ResourceId};
use crate::domain::source::{Renderer, Source};

names! {
    /// What came of a proposal, or why there is none.
    Outcome {
        /// The pull request was opened.
        Created = "created",
        /// The pull request was brought up to date.
        Updated = "updated",
        /// The pull request is as it should be.
        Unchanged = "unchanged",
        /// It would be opened; the run was dry, or only a plan.
        Planned = "planned",
        /// The drift is gone and its pull request was closed.
        ClosedResolved = "closed_resolved",
        /// As many pull requests are open as the config allows.
        Limited = "limited",
        /// A person closed this very proposal.
        RejectedByReviewer = "rejected_by_reviewer",
        /// A person has committed to the branch; it is theirs now.
        EditedByPerson = "edited_by_person",
        /// As many merged attempts as allowed did not hold.
        AttemptsExhausted = "attempts_exhausted",
        /// No edit could be proven to change exactly what was meant.
        Unproven = "unproven",
        /// The API server would refuse the manifest, however Git is edited for it.
        CannotApply = "cannot_apply",
        /// No edit of Git can do it; the report carries the command that can.
        NeedsPerson = "needs_person",
        /// An attempt was merged and the cluster has not been synced to it yet.
        WaitingForSync = "waiting_for_sync",
        /// Something it depends on could not be read.
        Frozen = "frozen",
        /// The forge or the push failed; the next run tries again.
        Failed = "failed",
    }
}

/// One unit of work: what was to be done about a resource, and what came of it.
#[derive(Debug, Clone)]
pub struct UnitResult {
    /// The source of the resource.
    pub source: String,
    /// The resource.
    pub resource: ResourceId,
    /// Indexes into [`RunReport::items`] of the items it is about.
    pub items: Vec<usize>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, in words.
    pub reason: String,
    /// What no edit of Git can do, in words.
    pub leftovers: Vec<String>,
    /// Commands a person can run for it.
    pub commands: Vec<String>,
    /// The proposal, where one was proven.
    pub proposal: Option<Proposal>,
    /// Unified diff of the proposal's files, secrets left out.
    pub diff: String,
    /// Where the pull request is, if there is one.
    pub url: Option<String>,
}

/// A difference that does not count, and why.
#[derive(Debug, Clone, Serialize)]
pub struct SetAside {
    /// The resource.
    pub resource: ResourceId,
    /// The field, as text.
    pub path: String,
    /// Why it does not count.
    pub reason: String,
}

/// A source that an object of a delivery tool names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundSource {
    /// Its name.
    pub name: String,
    /// The object that names it.
    pub by: ResourceId,
    /// Its folder.
    pub path: String,
    /// How it is rendered.
    pub renderer: Renderer,
    /// What the tool says it has applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// Why nothing is applied until a person does something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
}

impl FoundSource {
    /// What the report says of a source; none for one of the config.
    pub fn of(source: &Source) -> Option<Self> {
        let delivered = source.delivered.as_ref()?;
        Some(Self {
            name: source.name.clone(),
            by: delivered.by.clone(),
            path: source.path.clone(),
            renderer: source.renderer,
            revision: delivered.revision.clone(),
            paused: delivered.paused.clone(),
        })
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Manifests that the sources declare.
    pub declared: usize,
    /// Live objects that were read.
    pub live: usize,
    /// Declared resources that were found and compared.
    pub compared: usize,
    /// Declared resources of which nothing can be said.
    pub unknown: usize,
}

/// Everything a run found and did.
#[derive(Debug, Clone, Default)]
pub struct RunReport {
    /// Name of the cluster, as the config has it.
    pub cluster: String,
    /// When the run started, RFC 3339.
    pub started_at: String,
    /// The commit that was compared; none where no repository is involved.
    pub commit: Option<String>,
    /// How much was looked at.
    pub counts: Counts,
    /// What counts, the most severe first.
    pub items: Vec<DriftItem>,
    /// One for each item, in the same order; empty where no policies were asked (`scan`, `diff`).
    pub decisions: Vec<Decision>,
    /// Within tolerance: counted, never acted on.
    pub tolerated: Vec<DriftItem>,
    /// Differences that something explains or a rule ignores.
    pub ignored: Vec<SetAside>,
    /// Sources that objects of delivery tools name.
    pub sources: Vec<FoundSource>,
    /// What is delivered and cannot be rendered here.
    pub opaque: Vec<Opaque>,
    /// What could not be read or done.
    pub problems: Vec<Problem>,
    /// What was done, or would be; empty for `scan` and `diff`.
    pub units: Vec<UnitResult>,
    /// Pull requests that were closed because their drift is gone.
    pub closed: Vec<String>,
    /// Resources of which nothing can be said.
    pub unknown: BTreeSet<ResourceId>,
    /// Marks of merged restores, for the resources that have items.
    pub marks: BTreeMap<ResourceId, RestoreMark>,
    /// All scores together: `1 − Π(1 − score)`.
    pub score: f64,
}

impl RunReport {
    /// Where an item is declared.
    pub fn origin(&self, item: usize) -> Option<&Origin> {
        self.items[item].origin.as_ref()
    }

    /// Puts the most severe items first. Decisions and units refer to items by position: rank before they are made.
    pub fn rank(&mut self) {
        self.items.sort_by(|a, b| {
            let worse = b.severity.cmp(&a.severity).then(b.score.total_cmp(&a.score));
            worse.then(a.resource.cmp(&b.resource)).then(a.path.cmp(&b.path))
        });
    }

    /// The items that count as drift: all but those that wait for their delivery.
    pub fn drift(&self) -> impl Iterator<Item = &DriftItem> {
        self.items.iter().filter(|item| item.verdict != Verdict::Unsynced)
    }

    /// Whether anything that counts was found.
    pub fn has_drift(&self) -> bool {
        self.drift().next().is_some()
    }
}
