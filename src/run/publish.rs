//! Stages 8 to 12: forge state, plan, proof, proposals, and what comes of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use tracing::{info, warn};

use super::diffs::diff;
use super::stock::{self, Stock};
use super::{Extent, prefix};
use crate::adapters::forge::{Forge, ForgeError};
use crate::adapters::repository::{Checkout, Push, RemoteBranch, Repository};
use crate::config::Config;
use crate::domain::candidates::adopt::{Newcomer, proposed_file};
use crate::domain::commands::{reapplication, writing};
use crate::domain::drift::Severity;
use crate::domain::other_clusters::delivered_twice;
use crate::domain::outcome::{Outcome, RunReport, UnitResult};
use crate::domain::plan::{self, Unit, Whole};
use crate::domain::policy::ActionType;
use crate::domain::problem::Problem;
use crate::domain::proposal::{KnownProposal, Marker, Proposal, ProposalState};
use crate::domain::pull_request::Story;
use crate::domain::remedy;
use crate::domain::resolved::Seen;
use crate::domain::resource::Manifest;
use crate::domain::settle::Patience;
use crate::domain::source::{DeliveryTool, Source};
use crate::prove::{Proven, Workshop, prove};

/// How many objections of the API server are told.
const OBJECTIONS: usize = 5;

/// Everything the last stages need.
pub(super) struct Stage<'a> {
    pub(super) config: &'a Config,
    pub(super) workshop: Workshop<'a>,
    pub(super) stock: &'a Stock<'a>,
    pub(super) repository: &'a Repository,
    pub(super) checkout: &'a Checkout,
    pub(super) forge: Option<&'a Forge>,
    pub(super) extent: Extent,
    pub(super) now: Timestamp,
}

/// What the forge and the repository know of our branches.
struct Known {
    proposals: Vec<KnownProposal>,
    branches: Vec<RemoteBranch>,
}

/// What this run has asked of the forge.
struct Traffic {
    /// Pull requests that are open, or would be.
    open: usize,
    /// Why nothing more may be asked, once the forge has said so.
    pause: Option<String>,
}

impl Stage<'_> {
    /// Plans, proves and, where the extent allows it, publishes every unit; closes what is no longer needed.
    pub(super) async fn run(&self, report: &mut RunReport) {
        let units = self.units(report);
        let Some(known) = self.known(&units, report).await else { return };
        let open = known.proposals.iter().filter(|proposal| proposal.state == ProposalState::Open).count();
        let mut traffic = Traffic { open, pause: None };
        for mut unit in units.clone() {
            let result = match self.prepare(&mut unit, &known, report, traffic.open).await {
                Err((outcome, reason)) => self.result(&unit, outcome, reason),
                Ok((proposal, diff)) => {
                    let mut result = self.publish(&unit, &proposal, &known, &mut traffic, report).await;
                    result.proposal = Some(proposal);
                    result.diff = diff;
                    result
                }
            };
            info!(unit = %unit.branch, outcome = %result.outcome, "{}", result.reason);
            report.units.push(result);
        }
        if self.extent == Extent::Publish && traffic.pause.is_none() {
            self.close_resolved(&known, &units, report).await;
        }
    }

    /// A forge that cannot be asked freezes everything: a proposal might be there, or have been rejected.
    async fn known(&self, units: &[Unit], report: &mut RunReport) -> Option<Known> {
        let prefix = prefix(self.config);
        let wanted: Vec<_> = units.iter().map(|unit| unit.branch.clone()).collect();
        let proposals = match self.forge {
            Some(forge) => forge.find(&prefix, &wanted).await.map_err(|error| error.to_string()),
            None => Ok(Vec::new()),
        };
        let branches = self.repository.branches(self.checkout, &prefix).await.map_err(|error| error.to_string());
        match (proposals, branches) {
            (Ok(proposals), Ok(branches)) => Some(Known { proposals, branches }),
            (Err(error), _) | (_, Err(error)) => {
                let problem = Problem::error(format!("what pull requests there are could not be read: {error}"));
                report
                    .problems
                    .push(problem.help("nothing is proposed or closed in this run; the next one tries again"));
                None
            }
        }
    }

    fn units(&self, report: &RunReport) -> Vec<Unit> {
        let stock = remedy::Stock {
            declared: &|item| self.stock.manifest(&item.source, &item.resource).map(Manifest::object),
            live: &|item| self.stock.live(&item.resource).map(|live| live.object),
            adoptable: &|item| self.stock.adoptable(item),
        };
        plan::units(&self.config.cluster_name, &report.items, &report.decisions, &self.config.policies, &stock)
    }

    /// Everything up to the proven proposal, or why there is none.
    async fn prepare(
        &self,
        unit: &mut Unit,
        known: &Known,
        report: &RunReport,
        open: usize,
    ) -> Result<(Proposal, String), (Outcome, String)> {
        let settings = &self.config.proposals;
        let policy = &self.config.policies[unit.policy];
        let max_attempts = policy.max_attempts.unwrap_or(settings.max_attempts);
        let mark = report.marks.get(&unit.resource).cloned().unwrap_or_default();
        let patience = Patience { now: self.now, sync_grace: self.config.sync_grace };
        unit.attempt = plan::admit(unit, &report.items, &known.proposals, &mark, max_attempts, &patience)?;
        let is_new = open_proposal(known, &unit.branch).is_none();
        if is_new && open >= settings.open_limit && unit.severity < Severity::Critical {
            let reason =
                format!("{open} pull requests are open (open_limit {}); merge or close one", settings.open_limit);
            return Err((Outcome::Limited, reason));
        }
        let objections = self.stock.objections(unit);
        if !objections.is_empty() {
            let told: Vec<_> = objections.iter().take(OBJECTIONS).map(ToString::to_string).collect();
            stock::offer(unit, &objections);
            return Err((Outcome::CannotApply, format!("the API server would refuse it: {}", told.join("; "))));
        }
        let is_live = |object: &Value| self.stock.is_live(unit, object);
        match prove(unit, &self.workshop, &is_live).await {
            Ok(proven) if policy.action == ActionType::AdoptLive && self.shared(&proven).is_some() => {
                Err((Outcome::NeedsPerson, self.shared(&proven).unwrap_or_default()))
            }
            Ok(proven) => {
                let live = self.stock.live(&unit.resource).map(|live| live.object);
                for (change, reason) in &proven.left_out {
                    unit.leave_out(&change.path, reason, &report.items, live.as_ref());
                }
                self.offer_command(unit);
                Ok(self.proposal(unit, known, report, proven))
            }
            Err(reason) => Err((self.unproven(unit), reason)),
        }
    }

    /// Why what is live in this cluster is not to be written into these files, if they are another cluster's too.
    fn shared(&self, proven: &Proven) -> Option<String> {
        proven.files.keys().find_map(|file| {
            let manifests = self.workshop.rendered.iter().flat_map(|rendered| &rendered.manifests);
            let who = delivered_twice(manifests, file)?;
            Some(format!("{file} is delivered to more than one cluster, by {who}; adopt it by hand where it belongs"))
        })
    }

    /// Where the delivery may leave the live fields as they are, the command that puts them back stands beside the pull
    /// request.
    fn offer_command(&self, unit: &mut Unit) {
        let Some(source) = self.stock.source(&unit.source).filter(|_| unit.reassert) else { return };
        let paused = source.delivered.as_ref().and_then(|delivered| delivered.paused.as_deref());
        let why = match (paused, source.delivery.tool) {
            (Some(paused), _) => paused,
            (None, DeliveryTool::ServerSideApply) => "if the delivery applies without force, it stops with a conflict",
            (None, DeliveryTool::Helm) => "Helm 3 leaves custom kinds, Helm 4 what somebody else has written",
            _ => return,
        };
        if let Some(command) = self.reapplication(unit, source) {
            unit.leftovers.push(format!("{why}: after the merge, this applies the manifest all the same"));
            unit.commands.push(command);
        }
    }

    fn reapplication(&self, unit: &Unit, source: &Source) -> Option<String> {
        let origin = self.stock.manifest(&unit.source, &unit.resource).and_then(|manifest| manifest.origin.as_ref());
        reapplication(source, origin.map(|origin| &*origin.file))
    }

    /// What a person can do where no edit is proven; a manifest that no place is known for needs one in any case.
    fn unproven(&self, unit: &mut Unit) -> Outcome {
        let source = self.stock.source(&unit.source);
        let command = source.filter(|_| unit.reassert).and_then(|source| self.reapplication(unit, source));
        unit.commands.extend(command);
        let Some((Whole::Declared(object), source)) = unit.whole.as_ref().zip(source) else { return Outcome::Unproven };
        let rendered = self.workshop.rendered.iter().flat_map(|rendered| &rendered.manifests);
        let siblings: Vec<_> = rendered.filter(|manifest| manifest.source == source.name).cloned().collect();
        let newcomer = Newcomer { object, source, siblings: &siblings, files: self.workshop.tree };
        let (file, text) = proposed_file(&newcomer);
        unit.commands.push(writing(&file, &text));
        Outcome::NeedsPerson
    }

    fn proposal(&self, unit: &Unit, known: &Known, report: &RunReport, proven: Proven) -> (Proposal, String) {
        let settings = &self.config.proposals;
        let policy = &self.config.policies[unit.policy];
        let source = self.workshop.sources.iter().find(|source| source.name == unit.source);
        // a branch that stays as it is keeps its text too, however the tracked branch moves on
        let pushed = known.branches.iter().find(|branch| branch.name == unit.branch);
        let pushed = pushed.filter(|branch| is_current(branch, &proven.files));
        let story = Story {
            cluster: &self.config.cluster_name,
            unit,
            items: &report.items,
            policy,
            source: source.expect("units are made of items whose source is configured"),
            effects: &self.stock.effects(unit),
            proof: &proven.lines,
            commit: pushed.map_or(&self.checkout.commit, |branch| &branch.base),
            version: env!("CARGO_PKG_VERSION"),
        };
        let no_reviewer = policy.reviewers.is_empty() && policy.team_reviewers.is_empty();
        let only_repair = !unit.items.iter().any(|item| report.items[*item].repository_drift);
        let diff = diff(&self.workshop, unit, &proven);
        let proposal = Proposal {
            branch: unit.branch.clone(),
            title: story.title(),
            body: story.body(),
            message: story.commit_message(),
            reviewers: if no_reviewer { settings.reviewers.clone() } else { policy.reviewers.clone() },
            team_reviewers: if no_reviewer { settings.team_reviewers.clone() } else { policy.team_reviewers.clone() },
            assignees: policy.assignees.clone(),
            labels: settings.labels.iter().chain(&policy.pull_request_labels).cloned().collect(),
            draft: policy.draft,
            auto_merge: settings.allow_auto_merge && !policy.approval_required && only_repair,
            files: proven.files,
        };
        (proposal, diff)
    }

    fn result(&self, unit: &Unit, outcome: Outcome, reason: String) -> UnitResult {
        UnitResult {
            source: unit.source.clone(),
            resource: unit.resource.clone(),
            items: unit.items.clone(),
            outcome,
            reason,
            leftovers: unit.leftovers.clone(),
            commands: unit.commands.clone(),
            proposal: None,
            diff: String::new(),
            url: None,
        }
    }

    async fn publish(
        &self,
        unit: &Unit,
        proposal: &Proposal,
        known: &Known,
        traffic: &mut Traffic,
        report: &mut RunReport,
    ) -> UnitResult {
        let existing = open_proposal(known, &unit.branch);
        traffic.open += usize::from(existing.is_none());
        let branch = known.branches.iter().find(|branch| branch.name == unit.branch);
        if let Some(branch) = branch.filter(|branch| !branch.ours) {
            let reason = format!("a person has committed to {}; it is theirs now", branch.name);
            return UnitResult {
                url: existing.map(|known| known.url.clone()),
                ..self.result(unit, Outcome::EditedByPerson, reason)
            };
        }
        let Some(forge) = self.forge.filter(|_| self.extent == Extent::Publish) else {
            let reason = match (existing, self.forge) {
                (Some(_), _) => "its pull request is open and would be brought up to date",
                (None, Some(_)) => "would be opened",
                (None, None) => "would be opened, if the config named a forge",
            };
            return UnitResult {
                url: existing.map(|known| known.url.clone()),
                ..self.result(unit, Outcome::Planned, reason.to_owned())
            };
        };
        if let Some(pause) = &traffic.pause {
            return self.result(unit, Outcome::Limited, pause.clone());
        }
        let is_current = branch.is_some_and(|branch| is_current(branch, &proposal.files));
        if !is_current {
            let push = Push {
                branch: unit.branch.clone(),
                base: self.checkout.commit.clone(),
                files: proposal.files.clone(),
                message: proposal.message.clone(),
                expected: branch.map(|branch| branch.head.clone()),
            };
            if let Err(error) = self.repository.push(push).await {
                warn!(branch = %unit.branch, %error, "push failed");
                report.problems.push(Problem::error(format!("pushing {} failed: {error}", unit.branch)));
                return self.result(unit, Outcome::Failed, format!("the push failed: {error}"));
            }
        }
        let done = match existing {
            Some(existing) => forge.update(existing, proposal).await,
            None => forge.open(proposal, &self.checkout.branch).await,
        };
        match done {
            Ok(published) => {
                let remarks =
                    published.remarks.iter().map(|remark| Problem::warning(format!("{}: {remark}", published.url)));
                report.problems.extend(remarks);
                let (outcome, reason) = match existing {
                    None => (Outcome::Created, "the pull request was opened"),
                    Some(_) if is_current && !published.changed => {
                        (Outcome::Unchanged, "the pull request is as it should be")
                    }
                    Some(_) => (Outcome::Updated, "the pull request was brought up to date"),
                };
                UnitResult { url: Some(published.url), ..self.result(unit, outcome, reason.to_owned()) }
            }
            Err(error) => {
                report.problems.push(Problem::error(format!("the pull request of {} failed: {error}", unit.branch)));
                let is_pause = matches!(error, ForgeError::Limited(_));
                traffic.pause = is_pause.then(|| error.to_string());
                let outcome = if is_pause { Outcome::Limited } else { Outcome::Failed };
                self.result(unit, outcome, error.to_string())
            }
        }
    }

    /// Closes pull requests whose drift is gone. What could not be read is not gone, and a person's branch stays open.
    async fn close_resolved(&self, known: &Known, units: &[Unit], report: &mut RunReport) {
        let Some(forge) = self.forge else { return };
        let sources = self.workshop.sources.iter().zip(self.workshop.rendered);
        let complete = sources.filter(|(_, rendered)| !rendered.incomplete).map(|(source, _)| source.name.clone());
        let seen = Seen::new(complete, report);
        for proposal in known.proposals.iter().filter(|proposal| proposal.state == ProposalState::Open) {
            if units.iter().any(|unit| unit.branch == proposal.branch) {
                continue;
            }
            let theirs = known.branches.iter().any(|branch| branch.name == proposal.branch && !branch.ours);
            let Some(marker) = Marker::read(&proposal.body).filter(|_| !theirs) else { continue };
            if !seen.is_resolved(&marker) {
                continue;
            }
            let comment = format!(
                "The drift is gone: at commit `{}` the cluster agrees with Git in every field this was about. Closed by trueup.",
                self.checkout.commit.get(..12).unwrap_or(&self.checkout.commit)
            );
            if let Err(error) = forge.close(proposal, &comment).await {
                report.problems.push(Problem::error(format!("{} could not be closed: {error}", proposal.url)));
                continue;
            }
            let head =
                known.branches.iter().find(|branch| branch.name == proposal.branch).map(|branch| branch.head.clone());
            if let Some(head) = head
                && let Err(error) = self.repository.delete(&proposal.branch, &head).await
            {
                report
                    .problems
                    .push(Problem::warning(format!("the branch {} could not be deleted: {error}", proposal.branch)));
            }
            report.closed.push(proposal.url.clone());
        }
    }
}

/// Whether a branch is what would be pushed.
fn is_current(branch: &RemoteBranch, files: &BTreeMap<String, Option<Vec<u8>>>) -> bool {
    branch.single && !branch.behind && branch.files == *files
}

fn open_proposal<'k>(known: &'k Known, branch: &str) -> Option<&'k KnownProposal> {
    known.proposals.iter().find(|proposal| proposal.branch == branch && proposal.state == ProposalState::Open)
}
