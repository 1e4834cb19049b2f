//! Live objects in a source's scope that no source declares, one by one: which of them count, and as what items.
//!
//! The scan of a kind asks about every live object that it has no manifest for. Nothing is kept of one but the item
//! that tells it, and of those no more than [`MOST`]: memory does not follow the cluster.

mod estate;
mod rules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use serde_json::json;

pub use estate::Estate;
pub use rules::{Mark, ObjectRule, ObjectRules, Treatment};

use crate::domain::drift::findings::labels;
use crate::domain::drift::scan::ScanContext;
use crate::domain::drift::{Aspect, Category, Change, Confidence, DriftItem, DriftKind, Severity, Verdict};
use crate::domain::field_path::FieldPath;
use crate::domain::outcome::SetAside;
use crate::domain::ownership::Owners;
use crate::domain::problem::Problem;
use crate::domain::resource::{LiveObject, ResourceId};
use crate::domain::source::Source;
use estate::{Explanation, claim_of, claims, is_stateful_set, owners_of};

/// How many objects of one kind are told for one source, and how many are shown as ignored. More than that is a scope
/// that was drawn too wide, and nobody reads it.
pub const MOST: usize = 200;
/// How many owners of an object are looked at: few have more than one.
const OWNERS: usize = 8;

/// Looks for what nobody declares among the live objects of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    estate: &'a Estate<'a>,
    context: ScanContext<'a>,
}

/// What was found in one kind.
#[derive(Debug, Default)]
pub struct Found {
    /// At most [`MOST`] for each source.
    items: Vec<Told>,
    /// How many there are, by source.
    counts: BTreeMap<String, usize>,
    /// At most [`MOST`].
    ignored: Vec<SetAside>,
}

#[derive(Debug)]
struct Told {
    item: DriftItem,
    /// For a StatefulSet the claims that it makes; for a claim what it is called without its number.
    claims: Vec<String>,
    /// The objects that it goes with.
    owners: Vec<ResourceId>,
}

impl<'a> Search<'a> {
    /// A search by these rules.
    pub fn new(estate: &'a Estate<'a>, context: ScanContext<'a>) -> Self {
        Self { estate, context }
    }

    /// Judges one live object that the scan has no manifest for.
    pub fn observe(&self, live: &LiveObject, found: &mut Found) {
        let Some(source) = self.estate.owner(live).filter(|_| !self.estate.declares(live)) else { return };
        let aside =
            |reason: &str| SetAside { resource: live.id.clone(), path: String::new(), reason: reason.to_owned() };
        let rules = &self.context.rules;
        let row = rules.unmanaged.of(live);
        let treatment = row.map(|row| row.treatment);
        let explained = self.estate.explanation(live).filter(|_| treatment != Some(Treatment::Drift));
        match (treatment, explained) {
            (Some(Treatment::Skipped), _) | (_, Some(Explanation::Dependent)) => return,
            (_, Some(Explanation::Leaving)) => return found.ignore(aside("it is being deleted")),
            (_, Some(Explanation::EarlierGeneration)) => {
                return found.ignore(aside("an earlier generation of one that a source declares"));
            }
            (_, Some(Explanation::Opaque(by))) => {
                return found.ignore(aside(&format!("{by} delivers it, and what it declares is not rendered here")));
            }
            (_, None) => {}
        }
        let delivery = source.delivery.field_manager();
        let owners = Owners::read(live.managed_fields.as_deref(), &rules.managers, delivery);
        if owners.is_made_by_controllers() && treatment != Some(Treatment::Drift) {
            return;
        }
        if let Some(row) = row.filter(|row| row.treatment == Treatment::Ignored) {
            return found.ignore(aside(row.reason.as_deref().unwrap_or("a row of the table of unmanaged objects")));
        }
        let item = item(live, source, &owners);
        match rules.ignore.iter().find(|rule| rule.applies(&item)) {
            Some(rule) => found.ignore(aside(rule.reason.as_deref().unwrap_or("an ignore rule of the config"))),
            None => found.tell(Told { item, claims: claims_of(live), owners: owners_of(live).take(OWNERS).collect() }),
        }
    }
}

/// What tells an object. Of what is in it nothing is said.
fn item(live: &LiveObject, source: &Source, owners: &Owners<'_>) -> DriftItem {
    DriftItem {
        source: source.name.clone(),
        resource: live.id.clone(),
        labels: labels(&live.object),
        origin: None,
        path: FieldPath::root(),
        drift: DriftKind::Structural,
        change: Change::Added,
        verdict: Verdict::LiveOnly,
        repository_drift: false,
        aspect: Aspect::Presence,
        category: Category::Infrastructure,
        severity: Severity::Info,
        score: 0.0,
        score_reasons: Vec::new(),
        baseline: None,
        declared: None,
        live: Some(json!("present")),
        magnitude: 1.0,
        is_amount: false,
        confidence: if owners.is_empty() { Confidence::Potential } else { Confidence::Confirmed },
        changed_by: owners.creator(),
        declared_by: None,
        declared_at: None,
        unsynced_since: None,
        native_default: None,
        rule: None,
        meaning: None,
        caused_by: Vec::new(),
        fingerprint: String::new(),
    }
}

fn claims_of(live: &LiveObject) -> Vec<String> {
    if is_stateful_set(&live.id.kind) {
        claims(&live.object, &live.id.name).collect()
    } else {
        claim_of(live).into_iter().collect()
    }
}

impl Found {
    fn tell(&mut self, told: Told) {
        let count = self.counts.entry(told.item.source.clone()).or_default();
        *count += 1;
        if *count <= MOST {
            self.items.push(told);
        }
    }

    fn ignore(&mut self, aside: SetAside) {
        if self.ignored.len() < MOST {
            self.ignored.push(aside);
        }
    }

    /// Joins what was found in all kinds: the items, what is ignored, and a warning for each kind that was cut off.
    pub fn settle(all: Vec<Self>) -> (Vec<DriftItem>, Vec<SetAside>, Vec<Problem>) {
        let (mut told, mut ignored, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        for found in all {
            let kind = found.items.first().map(|told| told.item.resource.kind.to_string()).unwrap_or_default();
            for (source, count) in found.counts.into_iter().filter(|(_, count)| *count > MOST) {
                let more = count - MOST;
                let message = format!("{more} more of {kind} in the scope of {source} are declared by no source");
                let help = format!("the first {MOST} are told; narrow `owns`, or add rows to the table `unmanaged`");
                problems.push(Problem::warning(message).help(help));
            }
            told.extend(found.items);
            ignored.extend(found.ignored);
        }
        let items = without_dependents(told);
        (items, ignored, problems)
    }
}

/// Leaves out what goes with an object that is told itself: its dependents, and the claims of a StatefulSet. Objects
/// that name each other as owners stay.
fn without_dependents(told: Vec<Told>) -> Vec<DriftItem> {
    let (mut tops, mut claims) = (HashSet::new(), HashSet::new());
    let names: HashSet<_> = told.iter().map(|told| &told.item.resource).collect();
    for one in &told {
        let id = &one.item.resource;
        if !one.owners.iter().any(|owner| owner != id && names.contains(owner)) {
            tops.insert(id.clone());
        }
        if is_stateful_set(&id.kind) {
            claims.extend(one.claims.iter().map(|claim| (id.namespace.clone(), claim.clone())));
        }
    }
    let is_dependent = |one: &Told| {
        let id = &one.item.resource;
        let is_claimed = one.claims.iter().any(|claim| claims.contains(&(id.namespace.clone(), claim.clone())));
        let is_claim = is_claimed && !is_stateful_set(&id.kind);
        is_claim || one.owners.iter().any(|owner| owner != id && tops.contains(owner))
    };
    told.into_iter().filter(|one| !is_dependent(one)).map(|one| one.item).collect()
}
