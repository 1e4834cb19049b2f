//! Baselines: what was approved.

/// Every baseline document that was loaded.
#[derive(Debug, Clone, Default)]
pub struct Baselines {}
