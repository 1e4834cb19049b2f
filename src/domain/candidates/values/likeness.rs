//! How much a key of the values looks like a field of a manifest: only an order in which to try, the proof decides.

use crate::domain::field_path::{FieldPath, Step};
use crate::domain::resource::ResourceId;

/// What one name that nothing answers to costs.
const STRANGE: f64 = 0.15;

/// The names on the way to a field, those of its resource first.
pub(super) fn names_of(resource: &ResourceId, path: &FieldPath) -> Vec<String> {
    let own = resource.name.split(['-', '.']).chain([resource.kind.kind.as_str()]).map(str::to_owned);
    own.chain(names(path)).collect()
}

/// The names in a path: fields, and the values of merge keys.
pub(in crate::domain::candidates) fn names(path: &FieldPath) -> Vec<String> {
    let of_step = |step: &Step| match step {
        Step::Field(name) => vec![name.clone()],
        Step::Item(keys) => keys.iter().map(|(_, key)| plain(key)).collect(),
        Step::Member(key) => vec![plain(key)],
        Step::Index(_) | Step::Inside => Vec::new(),
    };
    path.steps().iter().flat_map(of_step).collect()
}

fn plain(key: &crate::domain::field_path::Key) -> String {
    key.to_value().as_str().map_or_else(|| key.to_string(), str::to_owned)
}

/// How alike the names of a field and those of a key are: in their order, the last ones counting most.
pub(super) fn likeness(field: &[String], key: &[String]) -> f64 {
    let mut best = vec![0.0_f64; field.len() + 1];
    for name in key {
        let mut diagonal = 0.0;
        for (index, other) in field.iter().enumerate() {
            let together = diagonal + alike(name, other);
            diagonal = best[index + 1];
            best[index + 1] = best[index + 1].max(best[index]).max(together);
        }
    }
    let matched = best[field.len()];
    let last = key.last().zip(field.last()).map_or(0.0, |(name, other)| alike(name, other));
    #[allow(clippy::cast_precision_loss, reason = "a path has few steps")]
    let strange = key.len() as f64 - matched;
    matched + 2.0 * last - STRANGE * strange
}

/// How alike two names are, from 0 to 1: `replicas` and `replicaCount`, `annotations` and `podAnnotations`.
pub(super) fn alike(one: &str, other: &str) -> f64 {
    let (one, other) = (letters(one), letters(other));
    let common = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let shorter = one.len().min(other.len());
    if one == other {
        1.0
    } else if shorter >= 3 && (one.ends_with(&other) || other.ends_with(&one)) {
        0.8
    } else if common >= 4 || (shorter >= 3 && common == shorter) || (shorter >= 5 && holds(&one, &other)) {
        0.6
    } else {
        0.0
    }
}

fn holds(one: &str, other: &str) -> bool {
    one.contains(other) || other.contains(one)
}

fn letters(name: &str) -> String {
    name.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Among keys that hold the same value, the one that is named like the field comes first.
    #[test]
    fn the_nearest_name_wins() {
        for (field, better, worse) in [
            ("spec.replicas", "replicaCount", "maxUnavailable"),
            ("spec.replicas", "api.replicas", "worker.replicas"),
            (
                "spec.template.spec.containers[name=api].resources.limits.memory",
                "resources.limits.memory",
                "resources.requests.memory",
            ),
            ("spec.template.spec.containers[name=api].env[name=LEVEL].value", "env.LEVEL", "env.OTHER"),
            ("metadata.annotations", "commonAnnotations", "commonLabels"),
            ("spec.ports[port=80].port", "service.port", "service.targetPort"),
        ] {
            let resource =
                ResourceId::new(crate::domain::resource::GroupKind::new("apps", "Deployment"), None, "prod-api");
            let field = names_of(&resource, &field.parse().expect("path"));
            let of = |key: &str| likeness(&field, &names(&key.parse().expect("path")));
            assert!(of(better) > of(worse), "{better} {} {worse} {}", of(better), of(worse));
        }
    }
}
