//! The fold over live objects: one [`KindScan`] for each kind, drift items at the end.

use crate::domain::drift::{Aspect, Category};
use crate::domain::field_path::PathPattern;
use crate::domain::ownership::ManagerClasses;

/// What decides which differences count.
#[derive(Debug, Clone, Default)]
pub struct ScanRules {
    /// Which field manager is what.
    pub managers: ManagerClasses,
    /// Thresholds for amounts; the most specific pattern wins.
    pub thresholds: Vec<(PathPattern, f64)>,
    /// Threshold where no pattern fits.
    pub default_threshold: f64,
    /// Differences that are set aside.
    pub ignore: Vec<IgnoreRule>,
    /// Which category a field belongs to; first match wins.
    pub categories: Vec<CategoryRule>,
}

/// One rule that sets differences aside: every criterion given must fit.
#[derive(Debug, Clone, Default)]
pub struct IgnoreRule {
    /// Kinds, any case.
    pub kind: Option<String>,
    /// Namespace, `*` allowed.
    pub namespace: Option<String>,
    /// Name, `*` allowed.
    pub name: Option<String>,
    /// Field; covers what is below it too.
    pub path: Option<PathPattern>,
    /// Class of the manager that changed it.
    pub changed_by: Option<crate::domain::drift::ManagerClass>,
    /// Why, for the report.
    pub reason: Option<String>,
}

/// One rule that gives fields a category.
#[derive(Debug, Clone)]
pub struct CategoryRule {
    /// Fits the path as text or, for environment variables and config data, their name (a regular expression).
    pub pattern: regex::Regex,
    /// Only fields of this aspect.
    pub aspect: Option<Aspect>,
    /// The category.
    pub category: Category,
}
