//! How far an amount may move before it counts.

use crate::domain::drift::scan::ScanRules;
use crate::domain::field_path::FieldPath;

/// The threshold of a field: the most specific pattern that fits, the later of two alike, else the default.
pub fn threshold_for(rules: &ScanRules, path: &FieldPath) -> f64 {
    let fitting = rules.thresholds.iter().filter(|(pattern, _)| pattern.covers(path));
    let best = fitting.max_by_key(|(pattern, _)| pattern.specificity());
    best.map_or(rules.default_threshold, |(_, threshold)| *threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most specific pattern wins, whatever the order.
    #[test]
    fn the_most_specific_wins() {
        let threshold = |pattern: &str, share: f64| (pattern.parse().expect("pattern"), share);
        let rules = ScanRules {
            thresholds: vec![
                threshold("spec.template.spec.containers[name=web].resources.limits.memory", 0.5),
                threshold("**.resources.**", 0.2),
                threshold("spec.replicas", 0.0),
            ],
            default_threshold: 0.1,
            ..ScanRules::default()
        };
        for (path, share) in [
            ("spec.template.spec.containers[name=web].resources.limits.memory", 0.5),
            ("spec.template.spec.containers[name=web].resources.limits.cpu", 0.2),
            ("spec.replicas", 0.0),
            ("spec.minReadySeconds", 0.1),
        ] {
            assert!((threshold_for(&rules, &path.parse().expect("path")) - share).abs() < 1e-9, "{path}");
        }
    }
}
