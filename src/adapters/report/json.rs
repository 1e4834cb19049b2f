//! The report as JSON: `trueup.report/v1`, described in docs/report.md.
//! What is absent is left out; nothing is ever null but a value that is null.

use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::{Options, is_complete, story};
use crate::domain::drift::ignore::IgnoreRule;
use crate::domain::drift::{
    Aspect, Category, Change, ChangedBy, Commit, Confidence, DriftItem, DriftKind, Severity, Verdict,
};
use crate::domain::field_path::FieldPath;
use crate::domain::opaque::Opaque;
use crate::domain::outcome::{Counts, FoundSource, Outcome, RunReport, SetAside, UnitResult};
use crate::domain::policy::ActionType;
use crate::domain::printable::is_hidden;
use crate::domain::problem::{Level, Place, Problem};
use crate::domain::resource::{Origin, ResourceId};

const SCHEMA: &str = "trueup.report/v1";

#[derive(Serialize)]
struct Document<'r> {
    schema: &'static str,
    cluster: &'r str,
    started_at: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'r str>,
    summary: Summary,
    problems: Vec<ProblemEntry<'r>>,
    items: Vec<Item<'r>>,
    units: Vec<Unit<'r>>,
    closed: &'r [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    sources: &'r [FoundSource],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    opaque: Vec<OpaqueEntry<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tolerated: Option<Vec<Item<'r>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<&'r [SetAside]>,
}

#[derive(Serialize)]
struct Summary {
    complete: bool,
    score: f64,
    #[serde(flatten)]
    counts: Counts,
    items: usize,
    unsynced: usize,
    resources: usize,
    tolerated: usize,
    ignored: usize,
    errors: usize,
    warnings: usize,
    severities: BTreeMap<&'static str, usize>,
    outcomes: BTreeMap<&'static str, usize>,
}

#[derive(Serialize)]
struct ProblemEntry<'r> {
    level: Level,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    message: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'r str>,
}

#[derive(Serialize)]
struct OpaqueEntry<'r> {
    resource: &'r ResourceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    reason: &'r str,
    help: &'r str,
}

#[derive(Serialize)]
struct Item<'r> {
    resource: &'r ResourceId,
    path: &'r FieldPath,
    drift: DriftKind,
    change: Change,
    verdict: Verdict,
    drift_type: Aspect,
    category: Category,
    severity: Severity,
    score: f64,
    score_reasons: &'r [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<&'r Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared: Option<&'r Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'r Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    magnitude: Option<f64>,
    confidence: Confidence,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by: Option<&'r ChangedBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared_by: Option<&'r Commit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared_at: Option<&'r Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsynced_since: Option<&'r Commit>,
    fingerprint: &'r str,
    source: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'r Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'r str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    caused_by: &'r [FieldPath],
    ignore_rule: IgnoreRule,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<DecisionEntry<'r>>,
}

#[derive(Serialize)]
struct DecisionEntry<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<ActionType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'r str>,
    reason: &'r str,
}

#[derive(Serialize)]
struct Unit<'r> {
    source: &'r str,
    resource: &'r ResourceId,
    items: &'r [usize],
    outcome: Outcome,
    reason: &'r str,
    leftovers: &'r [String],
    commands: &'r [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<ProposalEntry<'r>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    diff: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'r str>,
}

#[derive(Serialize)]
struct ProposalEntry<'r> {
    branch: &'r str,
    title: &'r str,
    files: Vec<&'r str>,
    reviewers: &'r [String],
    team_reviewers: &'r [String],
    assignees: &'r [String],
    labels: &'r [String],
    draft: bool,
    auto_merge: bool,
}

/// Writes the JSON report, indented by two.
pub(super) fn render(report: &RunReport, options: &Options) -> String {
    let document = Document {
        schema: SCHEMA,
        cluster: &report.cluster,
        started_at: &report.started_at,
        commit: report.commit.as_deref(),
        summary: summary(report),
        problems: report.problems.iter().map(problem).collect(),
        items: report.items.iter().enumerate().map(|(index, entry)| item(entry, decision(report, index))).collect(),
        units: report.units.iter().map(unit).collect(),
        closed: &report.closed,
        sources: &report.sources,
        opaque: report.opaque.iter().map(opaque).collect(),
        tolerated: options.all.then(|| report.tolerated.iter().map(|entry| item(entry, None)).collect()),
        ignored: options.all.then_some(&*report.ignored),
    };
    let mut text =
        serde_json::to_string_pretty(&document).expect("every key is text and every number is finite or null");
    text = spell_out_hidden(&text);
    text.push('\n');
    text
}

/// JSON leaves some characters raw that steer terminals; outside of strings none of them occurs.
fn spell_out_hidden(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for char in json.chars() {
        if char == '\n' || !is_hidden(char) {
            out.push(char);
            continue;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

fn summary(report: &RunReport) -> Summary {
    let level = |wanted| report.problems.iter().filter(|problem| problem.level == wanted).count();
    let mut outcomes = BTreeMap::new();
    for unit in &report.units {
        *outcomes.entry(unit.outcome.as_str()).or_insert(0) += 1;
    }
    let found: BTreeMap<Severity, usize> = story::by_severity(&report.items).into_iter().collect();
    Summary {
        complete: is_complete(report),
        score: rounded(report.score),
        counts: report.counts,
        items: report.items.len(),
        unsynced: report.items.len() - report.drift().count(),
        resources: story::groups(&report.items).len(),
        tolerated: report.tolerated.len(),
        ignored: report.ignored.len(),
        errors: level(Level::Error),
        warnings: level(Level::Warning),
        severities: Severity::ALL.iter().map(|s| (s.as_str(), found.get(s).copied().unwrap_or(0))).collect(),
        outcomes,
    }
}

fn rounded(score: f64) -> f64 {
    (score * 10_000.0).round() / 10_000.0
}

fn problem(problem: &Problem) -> ProblemEntry<'_> {
    ProblemEntry {
        level: problem.level,
        file: problem.place.as_ref().map(|place| &*place.file),
        line: problem.place.as_ref().and_then(|place| place.line),
        message: &problem.message,
        help: problem.help.as_deref(),
    }
}

fn opaque(opaque: &Opaque) -> OpaqueEntry<'_> {
    OpaqueEntry {
        resource: &opaque.resource,
        file: opaque.place.as_ref().map(|place| &*place.file),
        line: opaque.place.as_ref().and_then(|place| place.line),
        reason: &opaque.reason,
        help: &opaque.help,
    }
}

fn decision(report: &RunReport, item: usize) -> Option<DecisionEntry<'_>> {
    report.decisions.get(item).map(|decision| DecisionEntry {
        action: decision.action,
        policy: decision.policy_name.as_deref(),
        reason: &decision.reason,
    })
}

fn item<'r>(item: &'r DriftItem, decision: Option<DecisionEntry<'r>>) -> Item<'r> {
    Item {
        resource: &item.resource,
        path: &item.path,
        drift: item.drift,
        change: item.change,
        verdict: item.verdict,
        drift_type: item.aspect,
        category: item.category,
        severity: item.severity,
        score: rounded(item.score),
        score_reasons: &item.score_reasons,
        baseline: item.baseline.as_ref(),
        declared: item.declared.as_ref(),
        live: item.live.as_ref(),
        magnitude: item.is_amount.then(|| rounded(item.magnitude)),
        confidence: item.confidence,
        changed_by: item.changed_by.as_ref(),
        declared_by: item.declared_by.as_ref(),
        declared_at: item.declared_at.as_ref(),
        unsynced_since: item.unsynced_since.as_ref(),
        fingerprint: &item.fingerprint,
        source: &item.source,
        origin: item.origin.as_ref(),
        rule: item.rule,
        meaning: item.meaning.as_deref(),
        caused_by: &item.caused_by,
        ignore_rule: IgnoreRule::exactly(item),
        decision,
    }
}

fn unit(unit: &UnitResult) -> Unit<'_> {
    Unit {
        source: &unit.source,
        resource: &unit.resource,
        items: &unit.items,
        outcome: unit.outcome,
        reason: &unit.reason,
        leftovers: &unit.leftovers,
        commands: &unit.commands,
        proposal: unit.proposal.as_ref().map(|proposal| ProposalEntry {
            branch: &proposal.branch,
            title: &proposal.title,
            files: proposal.files.keys().map(String::as_str).collect(),
            reviewers: &proposal.reviewers,
            team_reviewers: &proposal.team_reviewers,
            assignees: &proposal.assignees,
            labels: &proposal.labels,
            draft: proposal.draft,
            auto_merge: proposal.auto_merge,
        }),
        diff: &unit.diff,
        url: unit.url.as_deref(),
    }
}
