//! From decisions to units of work: what belongs into one pull request, in which order, and what must not be done now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::commands::removal;
use crate::domain::drift::scan::RestoreMark;
use crate::domain::drift::{Change, DriftItem, Severity, Verdict};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::FieldPath;
use crate::domain::outcome::Outcome;
use crate::domain::policy::decide::Decision;
use crate::domain::policy::{ActionType, Policy};
use crate::domain::proposal::{KnownProposal, Marker, ProposalState};
use crate::domain::remedy::{Remedy, Stock, attempt_of, cures, reassertion, remedies, restore_mark};
use crate::domain::resource::ResourceId;
use crate::domain::settle::Patience;

/// Everything trueup pushes is below this.
pub const BRANCH_ROOT: &str = "auto-remediation";

/// What becomes of a manifest as a whole.
#[derive(Debug, Clone, PartialEq)]
pub enum Whole {
    /// This object is to be declared.
    Declared(Value),
    /// The object is to be declared no longer.
    Withdrawn,
}

/// What is to be done about one resource: one branch, one pull request.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The source that declares it.
    pub source: String,
    /// The resource.
    pub resource: ResourceId,
    /// Indexes of the items it answers, the most severe first.
    pub items: Vec<usize>,
    /// Index of the policy that asked for the most severe of them.
    pub policy: usize,
    /// The fields to change.
    pub changes: Vec<FieldChange>,
    /// Whether the delivery has to apply the manifest again though Git is right.
    pub reassert: bool,
    /// What becomes of the manifest as a whole, if anything does.
    pub whole: Option<Whole>,
    /// What Git cannot do, in words.
    pub leftovers: Vec<String>,
    /// Commands for it.
    pub commands: Vec<String>,
    /// The branch.
    pub branch: String,
    /// `<unit>-<hash>`, the last part of the branch; names the unit in the restore annotation.
    pub slug: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The severity of the most severe item.
    pub severity: Severity,
}

impl Unit {
    /// The fields to change, with the restore annotation where the delivery has to apply again.
    pub fn intended(&self) -> Vec<FieldChange> {
        let reassertion = self.reassert.then(|| reassertion(&self.slug, self.attempt));
        self.changes.iter().cloned().chain(reassertion).collect()
    }

    /// Leaves a change to a person, for which no place was proven. The mark is not missed beside a change that was: a commit
    /// that changes the manifest makes the delivery apply it, too. `live` is the live object, where it is at hand.
    pub fn leave_out(&mut self, path: &FieldPath, reason: &str, items: &[DriftItem], live: Option<&Value>) {
        if *path == restore_mark() {
            self.reassert = false;
            return;
        }
        self.changes.retain(|change| change.path != *path);
        self.leftovers.push(format!("{path}: {reason}"));
        let mut answered = self.items.iter().map(|item| &items[*item]);
        let added = answered.find(|item| item.path == *path && item.change == Change::Added);
        self.commands.extend(added.and_then(|item| removal(item, live)));
    }
}

/// The branch prefix of a cluster: only what lies below it is this cluster's to update or close.
pub fn branch_prefix(cluster: &str) -> String {
    format!("{BRANCH_ROOT}/{}/", slug(cluster))
}

/// Groups the items that a policy acts on by resource, ranked by severity, score and name.
pub fn units(
    cluster: &str,
    items: &[DriftItem],
    decisions: &[Decision],
    policies: &[Policy],
    stock: &Stock<'_>,
) -> Vec<Unit> {
    let mut units: BTreeMap<(&str, &ResourceId), Unit> = BTreeMap::new();
    for (index, (item, decision)) in items.iter().zip(decisions).enumerate() {
        let Some(policy) = decision.policy.filter(|policy| acts(policies[*policy].action)) else { continue };
        let manifest = (stock.declared)(item).or_else(|| item.is_undeclared().then_some(Value::Null));
        let Some(manifest) = manifest else { continue };
        let unit = units.entry((&item.source, &item.resource)).or_insert_with(|| start(cluster, item, policy));
        if item.severity > unit.severity {
            (unit.severity, unit.policy) = (item.severity, policy);
        }
        answer(unit, index, item, remedies(item, &policies[policy], &manifest, stock));
        if item.caused_by.is_empty() {
            continue;
        }
        // a policy that asks to mend what a semantic item means asks it for each of its causes
        for (index, cause) in items.iter().enumerate().filter(|(_, cause)| is_cause(cause, item)) {
            answer(unit, index, cause, cures(cause, &policies[policy], &manifest, stock));
        }
    }
    let mut units: Vec<_> = units.into_values().collect();
    for unit in &mut units {
        unit.items.sort_by(|a, b| items[*b].score.total_cmp(&items[*a].score).then(a.cmp(b)));
    }
    let score = |unit: &Unit| unit.items.first().map_or(0.0, |item| items[*item].score);
    units.sort_by(|a, b| b.severity.cmp(&a.severity).then(score(b).total_cmp(&score(a))).then(a.branch.cmp(&b.branch)));
    units
}

fn answer(unit: &mut Unit, index: usize, item: &DriftItem, remedies: Vec<Remedy>) {
    if !unit.items.contains(&index) {
        unit.items.push(index);
    }
    for remedy in remedies {
        add(unit, item, remedy);
    }
}

fn acts(action: ActionType) -> bool {
    !matches!(action, ActionType::AlertAndTrack | ActionType::Ignore)
}

fn is_cause(cause: &DriftItem, item: &DriftItem) -> bool {
    cause.resource == item.resource && cause.rule.is_none() && item.caused_by.contains(&cause.path)
}

fn start(cluster: &str, item: &DriftItem, policy: usize) -> Unit {
    let resource = &item.resource;
    let mut hash = Sha256::new();
    for part in [cluster, &item.source, &resource.kind.group, &resource.to_string()] {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    let hash: String = hash.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    let slug_of_unit = format!("{}-{hash}", slug(&resource.to_string()));
    Unit {
        source: item.source.clone(),
        resource: resource.clone(),
        items: Vec::new(),
        policy,
        changes: Vec::new(),
        reassert: false,
        whole: None,
        leftovers: Vec::new(),
        commands: Vec::new(),
        branch: format!("{}{}/{slug_of_unit}", branch_prefix(cluster), slug(&item.source)),
        slug: slug_of_unit,
        attempt: 1,
        severity: item.severity,
    }
}

/// Small letters, digits and single hyphens, at most 50: fit for a branch name on every forge.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for char in text.chars().flat_map(char::to_lowercase) {
        if char.is_ascii_alphanumeric() {
            slug.push(char);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.truncate(50);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "unnamed".to_owned() } else { slug.to_owned() }
}

fn add(unit: &mut Unit, item: &DriftItem, remedy: Remedy) {
    match remedy {
        Remedy::Change(changes) => {
            for change in changes {
                if !unit.changes.iter().any(|known| known.path == change.path) {
                    unit.changes.push(change);
                }
            }
        }
        Remedy::Reassert => unit.reassert = true,
        Remedy::Declare(manifest) => unit.whole = Some(Whole::Declared(manifest)),
        Remedy::Withdraw => unit.whole = Some(Whole::Withdrawn),
        Remedy::Person { reason, command } => {
            let leftover = format!(
                "{}: {reason}",
                if item.path.is_root() { item.resource.to_string() } else { item.path.to_string() }
            );
            if !unit.leftovers.contains(&leftover) {
                unit.leftovers.push(leftover);
                unit.commands.extend(command);
            }
        }
    }
}

/// What keeps a unit from being proposed now, if anything; otherwise the attempt it would be. As long as the delivery is
/// patiently waited for, the same drift does not count as one that did not hold.
pub fn admit(
    unit: &Unit,
    items: &[DriftItem],
    known: &[KnownProposal],
    mark: &RestoreMark,
    max_attempts: u32,
    patience: &Patience,
) -> Result<u32, (Outcome, String)> {
    if unit.changes.is_empty() && !unit.reassert && unit.whole.is_none() {
        return Err((Outcome::NeedsPerson, "no edit of Git can do it".to_owned()));
    }
    if let Some(waiting) = items.iter().find(|item| is_unsynced(item, unit)) {
        let commit =
            waiting.unsynced_since.as_ref().map(|commit| format!(" in {}", commit.short())).unwrap_or_default();
        let reason = format!("Git has changed it{commit} and the delivery has not applied that yet");
        return Err((Outcome::WaitingForSync, reason));
    }
    let mut history = known.iter().filter(|proposal| proposal.branch == unit.branch);
    let attempt = mark.declared.as_deref().and_then(|mark| attempt_of(mark, &unit.slug)).map_or(1, |last| last + 1);
    if history.clone().any(|proposal| proposal.state == ProposalState::Open) {
        return Ok(attempt);
    }
    let fingerprints: Vec<_> = unit.items.iter().map(|item| items[*item].fingerprint.as_str()).collect();
    let covers = |proposal: &KnownProposal| {
        let marker = Marker::read(&proposal.body).unwrap_or_default();
        fingerprints.iter().all(|fingerprint| marker.fingerprints.iter().any(|known| known == fingerprint))
    };
    let rejected = |proposal: &&KnownProposal| {
        proposal.state == ProposalState::Closed && !proposal.closed_by_us && covers(proposal)
    };
    if let Some(rejected) = history.clone().find(rejected) {
        let reason = format!(
            "{} proposed exactly this and was closed; reopen it or delete its text to be asked again",
            rejected.url
        );
        return Err((Outcome::RejectedByReviewer, reason));
    }
    let merged = |proposal: &&KnownProposal| proposal.state == ProposalState::Merged;
    let on_its_way = attempt > 1 && !is_missing(unit, items) && mark.live != mark.declared;
    let last_merge = history
        .clone()
        .filter(merged)
        .filter_map(|proposal| proposal.closed_at.as_deref()?.parse::<Timestamp>().ok())
        .max();
    let fresh = last_merge.is_some_and(|at| patience.now.duration_since(at) < patience.sync_grace);
    if on_its_way || (fresh && (!unit.changes.is_empty() || is_missing(unit, items))) {
        return Err((Outcome::WaitingForSync, "a fix was merged and the delivery has not applied it yet".to_owned()));
    }
    let failed =
        u32::try_from(history.by_ref().filter(merged).filter(|proposal| covers(proposal)).count()).unwrap_or(u32::MAX);
    if failed >= max_attempts {
        let reason = format!(
            "{failed} merged attempts did not hold (max_attempts {max_attempts}); something keeps changing it back"
        );
        return Err((Outcome::AttemptsExhausted, reason));
    }
    Ok(attempt)
}

fn is_unsynced(item: &DriftItem, unit: &Unit) -> bool {
    item.verdict == Verdict::Unsynced && item.source == unit.source && item.resource == unit.resource
}

fn is_missing(unit: &Unit, items: &[DriftItem]) -> bool {
    unit.items.iter().any(|item| items[*item].path.is_root())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::domain::drift::{Aspect, Change, DriftKind};
    use crate::domain::remedy::tests::{STOCK, item, policy};

    fn decided(policy: usize) -> Decision {
        Decision { action: None, policy: Some(policy), policy_name: None, reason: String::new() }
    }

    fn units_of(items: &[DriftItem], action: ActionType) -> Vec<Unit> {
        let decisions: Vec<_> = items.iter().map(|_| decided(0)).collect();
        units("prod EU", items, &decisions, &[policy(action)], &STOCK)
    }

    /// One resource is one unit with a stable branch; tracking alone makes none.
    #[test]
    fn resources_are_units() {
        let items = [
            item("spec.replicas", Change::Changed, json!(3), json!(1)),
            item("spec.paused", Change::Added, Value::Null, json!(true)),
        ];
        let units = units_of(&items, ActionType::RestoreFromBaseline);
        assert_eq!(units.len(), 1);
        assert_eq!(units[0].branch, "auto-remediation/prod-eu/apps/deployment-shop-web-7813e51a");
        assert_eq!((units[0].items.len(), units[0].reassert, units[0].leftovers.len()), (2, true, 1));
        assert!(units_of(&items, ActionType::AlertAndTrack).is_empty());
    }

    /// A standard answers what a change means; its cause, told before it, is answered once and by what it needs itself.
    #[test]
    fn a_cause_is_answered_with_what_it_means() {
        let container = "spec.template.spec.containers[name=debug]";
        let cause = item(container, Change::Added, Value::Null, json!({"name": "debug"}));
        let mut meaning = item("spec.template.spec", Change::Changed, json!("a"), json!("b"));
        (meaning.rule, meaning.drift) = (Some("security-context-weakened"), DriftKind::Semantic);
        (meaning.aspect, meaning.caused_by) = (Aspect::SecurityContext, vec![cause.path.clone()]);
        let mut standard = policy(ActionType::UpdateToStandard);
        standard.standard_value = Some(json!({"run_as_non_root": true}));
        let decisions = [decided(1), decided(0)];
        let policies = [standard, policy(ActionType::RestoreFromBaseline)];
        let units = units("c", &[cause, meaning], &decisions, &policies, &STOCK);
        assert_eq!(units.len(), 1);
        assert_eq!(units[0].items, [0, 1]);
        let changed: Vec<_> = units[0].changes.iter().map(|change| change.path.to_string()).collect();
        assert_eq!(changed, ["spec.template.spec.securityContext.runAsNonRoot"]);
        assert_eq!((units[0].leftovers.len(), units[0].commands.len()), (1, 1));
    }

    /// An object that no source declares is a unit of its own that no edit of Git answers.
    #[test]
    fn undeclared_objects_are_units_for_a_person() {
        let added = item("", Change::Added, Value::Null, json!("present"));
        for action in [ActionType::RestoreFromBaseline, ActionType::UpdateToStandard] {
            let units = units("c", std::slice::from_ref(&added), &[decided(0)], &[policy(action)], &STOCK);
            assert_eq!((units.len(), units[0].commands.len()), (1, 1), "{action}");
            let patience = patience("2026-01-02T00:00:00Z");
            let admitted = admit(&units[0], std::slice::from_ref(&added), &[], &RestoreMark::default(), 3, &patience);
            assert_eq!(admitted.map_err(|(outcome, _)| outcome), Err(Outcome::NeedsPerson), "{action}");
        }
    }

    /// What cannot be proven goes to a person, with the command where there is one; a mark is not missed.
    #[test]
    fn what_is_not_proven_is_left_out() {
        let mut added = item("spec.template.spec.hostNetwork", Change::Added, Value::Null, json!(true));
        added.native_default = Some(json!(false));
        let items = [added, item("spec.replicas", Change::Changed, json!(3), json!(1))];
        let mut unit = units_of(&items, ActionType::RestoreFromBaseline).remove(0);
        unit.leave_out(&items[0].path, "no key sets it", &items, None);
        assert_eq!(unit.leftovers, ["spec.template.spec.hostNetwork: no key sets it"]);
        assert!(unit.commands.len() == 1 && unit.commands[0].contains(r#""hostNetwork":null"#), "{:?}", unit.commands);
        assert_eq!(unit.intended().len(), 1);
        unit.leave_out(&restore_mark(), "no key sets it", &items, None);
        assert_eq!((unit.intended().len(), unit.leftovers.len()), (0, 1));
    }

    fn known(unit: &Unit, state: ProposalState, fingerprint: &str, closed_at: &str) -> KnownProposal {
        let marker = Marker { fingerprints: vec![fingerprint.to_owned()], ..Marker::default() };
        KnownProposal {
            number: 1,
            url: "pull/1".to_owned(),
            branch: unit.branch.clone(),
            state,
            title: String::new(),
            body: marker.write(),
            labels: Vec::new(),
            closed_at: Some(closed_at.to_owned()),
            closed_by_us: false,
        }
    }

    fn patience(now: &str) -> Patience {
        Patience { now: now.parse().expect("time"), sync_grace: SignedDuration::from_mins(15) }
    }

    /// What a person closed stays closed, what did not hold is given up, what is on its way is waited for.
    #[test]
    fn history_decides_what_is_admitted() {
        let items = [item("spec.replicas", Change::Changed, json!(3), json!(1))];
        let unit = units_of(&items, ActionType::RestoreFromBaseline).remove(0);
        let patience = patience("2026-01-02T00:00:00Z");
        let (long_ago, same, other) = ("2026-01-01T00:00:00Z", "fp-spec.replicas", "fp-other");
        let mark = |declared: u32, live: Option<u32>| RestoreMark {
            declared: Some(format!("{}.{declared}", unit.slug)),
            live: live.map(|live| format!("{}.{live}", unit.slug)),
        };
        let no_mark = RestoreMark::default();
        for (name, proposals, mark, expected) in [
            ("first", vec![], &no_mark, Ok(1)),
            ("open", vec![known(&unit, ProposalState::Open, same, long_ago)], &no_mark, Ok(1)),
            (
                "rejected",
                vec![known(&unit, ProposalState::Closed, same, long_ago)],
                &no_mark,
                Err(Outcome::RejectedByReviewer),
            ),
            ("rejected other values", vec![known(&unit, ProposalState::Closed, other, long_ago)], &no_mark, Ok(1)),
            ("not applied yet", vec![], &mark(1, None), Err(Outcome::WaitingForSync)),
            ("came back", vec![], &mark(1, Some(1)), Ok(2)),
            (
                "did not hold",
                vec![known(&unit, ProposalState::Merged, same, long_ago); 3],
                &mark(3, Some(3)),
                Err(Outcome::AttemptsExhausted),
            ),
        ] {
            let admitted = admit(&unit, &items, &proposals, mark, 3, &patience).map_err(|(outcome, _)| outcome);
            assert_eq!(admitted, expected, "{name}");
        }
    }

    /// A resource to which a delivery is on its way is left alone, an open pull request of ours too.
    #[test]
    fn a_delivery_is_waited_for() {
        let drifted = item("spec.replicas", Change::Changed, json!(3), json!(1));
        let mut waiting = item("spec.paused", Change::Changed, json!(false), json!(true));
        waiting.verdict = Verdict::Unsynced;
        let units = units_of(std::slice::from_ref(&drifted), ActionType::RestoreFromBaseline);
        let open = [known(&units[0], ProposalState::Open, "fp-spec.replicas", "2026-01-01T00:00:00Z")];
        let (mark, patience) = (RestoreMark::default(), patience("2026-01-02T00:00:00Z"));
        let admitted =
            |items: &[DriftItem]| admit(&units[0], items, &open, &mark, 3, &patience).map_err(|(outcome, _)| outcome);
        assert_eq!(admitted(&[drifted.clone(), waiting.clone()]), Err(Outcome::WaitingForSync));
        waiting.resource.name = "other".to_owned();
        assert_eq!(admitted(&[drifted, waiting]), Ok(1));
    }

    /// A resource that is missing is waited for as long as a merge is fresh, and no longer.
    #[test]
    fn a_missing_resource_is_waited_for() {
        let items = [item("", Change::Removed, json!("present"), Value::Null)];
        let unit = units_of(&items, ActionType::RestoreFromBaseline).remove(0);
        let merged = [known(&unit, ProposalState::Merged, "fp-", "2026-01-01T00:00:00Z")];
        let mark = RestoreMark { declared: Some(format!("{}.1", unit.slug)), live: None };
        for (now, expected) in [("2026-01-01T00:10:00Z", Err(Outcome::WaitingForSync)), ("2026-01-01T02:00:00Z", Ok(2))]
        {
            let admitted = admit(&unit, &items, &merged, &mark, 3, &patience(now));
            assert_eq!(admitted.map_err(|(outcome, _)| outcome), expected, "{now}");
        }
    }
}
