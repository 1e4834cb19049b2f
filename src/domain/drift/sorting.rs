//! Which findings count: what an autoscaler decides, what is ignored, what is within tolerance.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::domain::drift::category::category_of;
use crate::domain::drift::findings::Findings;
use crate::domain::drift::fingerprint::fingerprint;
use crate::domain::drift::scan::{ScanContext, ScanResult};
use crate::domain::drift::semantic::replicas::{Autoscaler, UnderAutoscaler, judge};
use crate::domain::drift::threshold::threshold_for;
use crate::domain::drift::{Aspect, DriftItem, DriftKind};
use crate::domain::field_path::FieldPath;
use crate::domain::outcome::SetAside;
use crate::domain::resource::ResourceId;

impl Findings {
    /// Adds what was found elsewhere.
    pub fn extend(&mut self, other: Self) {
        self.items.extend(other.items);
        self.ignored.extend(other.ignored);
        self.marks.extend(other.marks);
        self.lives.extend(other.lives);
        self.problems.extend(other.problems);
    }

    /// Adds what no comparison found.
    pub fn add(&mut self, items: Vec<DriftItem>, ignored: Vec<SetAside>) {
        self.items.extend(items);
        self.ignored.extend(ignored);
    }

    /// Drops everything about resources of which nothing can be said after all.
    pub fn forget(&mut self, unknown: &BTreeSet<ResourceId>) {
        let is_unknown =
            |id: &ResourceId| unknown.iter().any(|unknown| unknown.kind == id.kind && unknown.name == id.name);
        if !unknown.is_empty() {
            self.items.retain(|item| !is_unknown(&item.resource));
            self.ignored.retain(|aside| !is_unknown(&aside.resource));
            self.problems.retain(|(resource, _)| !is_unknown(resource));
        }
    }

    /// Decides about replica counts: within the bounds of an autoscaler they are its business; where the autoscalers are
    /// not known, nothing can be said.
    pub fn settle_replicas(&mut self, autoscalers: &[Autoscaler], known: bool) {
        let path = FieldPath::fields(["spec", "replicas"]);
        let mut kept = Vec::new();
        for item in std::mem::take(&mut self.items) {
            if item.path != path || item.drift == DriftKind::Semantic {
                kept.push(item);
                continue;
            }
            if !known {
                self.ignored.push(set_aside(&item, "unknown: the autoscalers could not be read"));
                continue;
            }
            let count = item.live.as_ref().and_then(Value::as_i64);
            let all = autoscalers.iter().filter(|autoscaler| autoscaler.target == item.resource);
            let judged: Vec<_> = all.filter_map(|one| Some((one, judge(one, count?)))).collect();
            let find = |wanted| judged.iter().find(|(_, judged)| *judged == wanted).map(|(autoscaler, _)| *autoscaler);
            if let Some(autoscaler) = find(UnderAutoscaler::Within) {
                let reason = format!("the {} decides it, within its bounds", autoscaler.kind);
                self.ignored.push(set_aside(&item, &reason));
                continue;
            }
            kept.extend(find(UnderAutoscaler::Below).map(|autoscaler| below_minimum(&item, autoscaler)));
            kept.push(item);
        }
        self.items = kept;
    }

    /// Sorts everything into what counts, what is tolerated and what is ignored.
    pub fn sort(self, context: &ScanContext<'_>, result: &mut ScanResult) {
        result.ignored.extend(self.ignored);
        let (semantic, plain): (Vec<_>, Vec<_>) =
            self.items.into_iter().partition(|item| item.drift == DriftKind::Semantic);
        for mut item in plain {
            item.category = category_of(item.aspect, &item.path, &context.rules.categories);
            item.fingerprint = fingerprint(&item, context.stable_masks);
            if context.foreign_masks && item.aspect == Aspect::Secret {
                result.ignored.push(set_aside(&item, "unknown: the snapshot was masked under another key"));
            } else if let Some(rule) = context.rules.ignore.iter().find(|rule| rule.applies(&item)) {
                result.ignored.push(set_aside(&item, rule.told()));
            } else if item.is_amount && item.magnitude <= threshold_for(context.rules, &item.path) {
                result.tolerated.push(item);
            } else {
                result.items.push(item);
            }
        }
        // a meaning counts as much as its causes do
        let has_cause = |items: &[DriftItem], meaning: &DriftItem| {
            items.iter().any(|item| item.resource == meaning.resource && meaning.caused_by.contains(&item.path))
        };
        let mut counting = Vec::new();
        for mut item in semantic {
            item.category = category_of(item.aspect, &item.path, &context.rules.categories);
            item.fingerprint = fingerprint(&item, context.stable_masks);
            let ignored = context.rules.ignore.iter().find(|rule| rule.applies(&item));
            if let Some(rule) = ignored {
                result.ignored.push(set_aside(&item, rule.told()));
            } else if has_cause(&result.items, &item) {
                counting.push(item);
            } else if has_cause(&result.tolerated, &item) {
                result.tolerated.push(item);
            }
        }
        result.items.extend(counting);
        result.marks = self.marks;
        let told: BTreeSet<_> = result.items.iter().map(|item| &item.resource).collect();
        result.lives = self.lives.into_iter().filter(|(resource, _)| told.contains(resource)).collect();
        let mut problems: Vec<_> = self.problems.into_iter().map(|(_, problem)| problem).collect();
        problems.sort();
        result.problems.extend(problems);
    }
}

fn below_minimum(item: &DriftItem, autoscaler: &Autoscaler) -> DriftItem {
    DriftItem {
        drift: DriftKind::Semantic,
        is_amount: false,
        magnitude: 1.0,
        rule: Some("replicas-below-hpa-minimum"),
        meaning: Some(format!("fewer replicas than the {} that its {} guarantees", autoscaler.min, autoscaler.kind)),
        declared: Some(json!(autoscaler.min)),
        caused_by: vec![item.path.clone()],
        ..item.clone()
    }
}

fn set_aside(item: &DriftItem, reason: &str) -> SetAside {
    SetAside { resource: item.resource.clone(), path: item.path.to_string(), reason: reason.to_owned() }
}
