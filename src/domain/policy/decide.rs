//! Items and policies in, one decision each out, with the reason for it.

use crate::domain::drift::{DriftItem, Severity, Verdict};
use crate::domain::glob;
use crate::domain::policy::{ActionType, MatchCriteria, Policy};
use crate::domain::source::Source;

/// What is to be done about one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// What; none where no policy applies.
    pub action: Option<ActionType>,
    /// The policy that asked, by its index into the list given.
    pub policy: Option<usize>,
    /// Its name.
    pub policy_name: Option<String>,
    /// Why, in words: "no applicable action" names the nearest policy and the criterion that did not fit.
    pub reason: String,
}

/// Decides about one item: the first policy whose every criterion fits.
/// `age_minutes` is the time since the drift was first seen; an unknown age holds back every policy that asks for one.
pub fn decide(policies: &[Policy], item: &DriftItem, source: Option<&Source>, age_minutes: Option<u64>) -> Decision {
    let nothing = |reason: String| Decision { action: None, policy: None, policy_name: None, reason };
    if item.verdict == Verdict::Unsynced {
        return nothing("waits: the delivery has not applied yet what Git says".to_owned());
    }
    if item.severity == Severity::Info {
        return nothing("told, never acted on: its severity is info".to_owned());
    }
    if item.verdict == Verdict::Unknown {
        return nothing("frozen: what it depends on could not be read".to_owned());
    }
    let mut nearest: Option<(usize, String)> = None;
    for (index, policy) in policies.iter().enumerate() {
        let misses = misses(&policy.criteria, item, source, age_minutes);
        if misses.is_empty() {
            return Decision {
                action: Some(policy.action),
                policy: Some(index),
                policy_name: Some(policy.name.clone()),
                reason: format!("the first policy that fits is {}", policy.name),
            };
        }
        if nearest.as_ref().is_none_or(|(count, _)| misses.len() < *count) {
            nearest = Some((misses.len(), format!("{} does not fit: {}", policy.name, misses.join(", "))));
        }
    }
    nothing(match nearest {
        Some((_, nearest)) => format!("no applicable action; nearest, {nearest}"),
        None => "no applicable action; there are no policies".to_owned(),
    })
}

/// The criteria that do not fit, each with what the item has instead.
fn misses(
    criteria: &MatchCriteria,
    item: &DriftItem,
    source: Option<&Source>,
    age_minutes: Option<u64>,
) -> Vec<String> {
    let mut misses = Vec::new();
    let mut ask = |name: &str, fits: bool, has: &str| {
        if !fits {
            misses.push(format!("{name} is {has}"));
        }
    };
    let kind = &item.resource.kind;
    let is_kind =
        |wanted: &String| wanted.eq_ignore_ascii_case(&kind.kind) || wanted.eq_ignore_ascii_case(&kind.to_string());
    ask("resource_type", any(&criteria.resource_type, is_kind), &kind.kind);
    ask("drift_type", any(&criteria.aspect, |aspect| *aspect == item.aspect), item.aspect.as_str());
    ask("severity", any(&criteria.severity, |severity| *severity == item.severity), item.severity.as_str());
    let namespace = item.resource.namespace.as_deref().unwrap_or_default();
    ask("namespace", any(&criteria.namespace, |pattern| glob::fits(pattern, namespace)), namespace);
    ask("name", any(&criteria.name, |pattern| glob::fits(pattern, &item.resource.name)), &item.resource.name);
    let has_labels = criteria.labels.iter().all(|label| item.labels.contains(label));
    ask("labels", has_labels, "another");
    let environment = source.and_then(|source| source.environment.as_deref()).unwrap_or("not set");
    ask("environment", any(&criteria.environment, |name| name == environment), environment);
    let service = source.and_then(|source| source.service.as_deref()).unwrap_or("not set");
    ask("service", any(&criteria.service, |name| name == service), service);
    ask("path", any(&criteria.path, |pattern| pattern.covers(&item.path)), &item.path.to_string());
    ask("kind", any(&criteria.drift, |drift| *drift == item.drift), item.drift.as_str());
    ask("verdict", any(&criteria.verdict, |verdict| *verdict == item.verdict), item.verdict.as_str());
    ask("category", any(&criteria.category, |category| *category == item.category), item.category.as_str());
    let class = item.changed_by.as_ref().map(|by| by.class);
    let class_name = class.map_or("not recorded", |class| class.as_str());
    ask("changed_by", any(&criteria.changed_by, |wanted| Some(*wanted) == class), class_name);
    let old_enough = criteria.min_age_minutes.is_none_or(|least| age_minutes.is_some_and(|age| age >= least));
    ask("min_age_minutes", old_enough, "not reached, or the age is unknown");
    misses
}

/// A criterion that is not given fits everything.
fn any<T>(wanted: &[T], fits: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::drift::{Aspect, Change};
    use crate::domain::remedy::tests::{item, policy};

    /// The first policy that fits decides; a miss names the nearest one and what did not fit.
    #[test]
    fn the_first_that_fits_decides() {
        let mut limits = policy(ActionType::RestoreFromBaseline);
        limits.name = "limits".to_owned();
        limits.criteria.resource_type = vec!["deployment".to_owned()];
        limits.criteria.aspect = vec![Aspect::ResourceLimits];
        limits.criteria.severity = vec![Severity::Medium, Severity::High];
        let mut rest = policy(ActionType::AlertAndTrack);
        rest.criteria.namespace = vec!["team-*".to_owned()];
        let policies = [limits, rest];

        let mut drifted = item("spec.replicas", Change::Changed, json!(3), json!(1));
        let told = |item: &DriftItem| decide(&policies, item, None, None);
        assert_eq!(told(&drifted).reason, "no applicable action; nearest, limits does not fit: drift_type is other");
        drifted.aspect = Aspect::ResourceLimits;
        assert_eq!(told(&drifted).policy_name.as_deref(), Some("limits"));
        drifted.severity = Severity::Critical;
        assert_eq!(told(&drifted).reason, "no applicable action; nearest, limits does not fit: severity is critical");
        drifted.resource.namespace = Some("team-a".to_owned());
        assert_eq!(told(&drifted).action, Some(ActionType::AlertAndTrack));
        let waiting = DriftItem { verdict: Verdict::Unsynced, ..drifted.clone() };
        assert_eq!(told(&waiting).action, None);
        drifted.severity = Severity::Info;
        assert_eq!(told(&drifted).action, None);
    }

    /// An unknown age is never old enough.
    #[test]
    fn an_unknown_age_holds_back() {
        let mut old = policy(ActionType::RestoreFromBaseline);
        old.criteria.min_age_minutes = Some(60);
        let drifted = item("spec.replicas", Change::Changed, json!(3), json!(1));
        for (age, acts) in [(None, false), (Some(59), false), (Some(60), true)] {
            assert_eq!(decide(&[old.clone()], &drifted, None, age).action.is_some(), acts, "{age:?}");
        }
    }
}
