//! How much an item matters: weight × magnitude × environment, with the reasons in words. The numbers are data.

use crate::domain::drift::{Aspect, Severity};

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
}
