//! How much an item matters: weight × magnitude × environment, with the reasons in words. The numbers are data.

use crate::domain::drift::{Aspect, DriftItem, Severity, Verdict};
use crate::domain::field_path::PathPattern;

/// The numbers behind scores; the defaults are in `policies/scoring.yaml`.
#[derive(Debug, Clone, Default)]
pub struct Scoring {
    /// Weight by aspect, 0..=1.
    pub aspects: Vec<(Aspect, f64)>,
    /// Weight by semantic rule, 0..=1.
    pub rules: Vec<(String, f64)>,
    /// Multiplier by environment.
    pub environments: Vec<(String, f64)>,
    /// Least score of each severity above low, ascending.
    pub severities: Vec<(Severity, f64)>,
    /// Fields that are worth telling and never acted on.
    pub info: Vec<PathPattern>,
}

/// A change of an amount counts at least half of its weight: it has passed its threshold already.
const LEAST_MAGNITUDE_FACTOR: f64 = 0.5;
const DEFAULT_WEIGHT: f64 = 0.3;

/// Sets score, severity and the reasons for them.
pub fn score(item: &mut DriftItem, scoring: &Scoring, environment: Option<&str>) {
    if scoring.info.iter().any(|pattern| pattern.covers(&item.path)) {
        (item.score, item.severity) = (0.0, Severity::Info);
        item.score_reasons = vec![format!("{} is worth telling and never acted on", item.path)];
        return;
    }
    if item.verdict == Verdict::Unsynced {
        (item.score, item.severity) = (0.0, Severity::Info);
        item.score_reasons = vec!["Git has moved and the delivery has not applied it yet: no drift".to_owned()];
        return;
    }
    let (weight, why) = weight(item, scoring);
    let magnitude =
        if item.is_amount { LEAST_MAGNITUDE_FACTOR + (1.0 - LEAST_MAGNITUDE_FACTOR) * item.magnitude } else { 1.0 };
    let factor = environment.and_then(|name| scoring.environments.iter().find(|(known, _)| known == name));
    let factor = factor.map_or(1.0, |(_, factor)| *factor);
    item.score = (weight * magnitude * factor).clamp(0.0, 1.0);
    item.severity = severity(item.score, scoring);
    item.score_reasons = vec![format!("{why} weighs {weight:.2}")];
    if item.is_amount {
        item.score_reasons.push(format!("it differs by {:.0} %: × {magnitude:.2}", item.magnitude * 100.0));
    }
    if let Some(environment) = environment.filter(|_| (factor - 1.0).abs() > f64::EPSILON) {
        item.score_reasons.push(format!("environment {environment}: × {factor:.2}"));
    }
}

/// All scores together: `1 − Π(1 − score)`, so that more drift never scores less.
pub fn combine(scores: impl IntoIterator<Item = f64>) -> f64 {
    1.0 - scores.into_iter().map(|score| 1.0 - score.clamp(0.0, 1.0)).product::<f64>()
}

fn weight(item: &DriftItem, scoring: &Scoring) -> (f64, String) {
    if let Some(rule) = item.rule
        && let Some((_, weight)) = scoring.rules.iter().find(|(name, _)| name == rule)
    {
        return (*weight, format!("the rule {rule}"));
    }
    let known = scoring.aspects.iter().find(|(aspect, _)| *aspect == item.aspect);
    (known.map_or(DEFAULT_WEIGHT, |(_, weight)| *weight), format!("{} drift", item.aspect))
}

fn severity(score: f64, scoring: &Scoring) -> Severity {
    let reached = scoring.severities.iter().filter(|(_, least)| score >= *least);
    reached.map(|(severity, _)| *severity).max().unwrap_or(Severity::Low)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// More drift never scores less, and never more than 1.
        #[test]
        fn more_drift_never_scores_less(scores in proptest::collection::vec(0.0..=1.0_f64, 0..20), more in 0.0..=1.0_f64) {
            let before = combine(scores.iter().copied());
            let after = combine(scores.into_iter().chain([more]));
            prop_assert!(after >= before - 1e-12 && after <= 1.0);
        }
    }
}
