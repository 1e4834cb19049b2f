//! Remediation policies: which drift is answered how.

pub mod decide;

use std::fmt;

use serde::Serialize;

use crate::domain::drift::item::names;
use crate::domain::drift::{Aspect, Category, DriftKind, ManagerClass, Severity, Verdict};
use crate::domain::field_path::PathPattern;

names! {
    /// What a policy asks for.
    ActionType {
        /// Bring back what was approved.
        RestoreFromBaseline = "restore_from_baseline",
        /// Write the policy's standard value into Git.
        UpdateToStandard = "update_to_standard",
        /// Alert channels and the report; no branch.
        AlertAndTrack = "alert_and_track",
        /// Write the live value into Git.
        AdoptLive = "adopt_live",
        /// Do nothing, on purpose.
        Ignore = "ignore",
    }
}

/// When a policy applies: every criterion that is given must fit, and a list fits if any of its entries does.
#[derive(Debug, Clone, Default)]
pub struct MatchCriteria {
    /// Kinds, any case: `deployment`.
    pub resource_type: Vec<String>,
    /// `drift_type`.
    pub aspect: Vec<Aspect>,
    /// Severities.
    pub severity: Vec<Severity>,
    /// Namespaces, `*` allowed.
    pub namespace: Vec<String>,
    /// Names, `*` allowed.
    pub name: Vec<String>,
    /// Labels that the declared object must carry.
    pub labels: Vec<(String, String)>,
    /// Environments of the source.
    pub environment: Vec<String>,
    /// Services of the source.
    pub service: Vec<String>,
    /// Field paths.
    pub path: Vec<PathPattern>,
    /// structural, value, semantic.
    pub drift: Vec<DriftKind>,
    /// Verdicts.
    pub verdict: Vec<Verdict>,
    /// Categories.
    pub category: Vec<Category>,
    /// Classes of the manager that changed it.
    pub changed_by: Vec<ManagerClass>,
    /// Minutes since the drift was first seen; an unknown age never fits.
    pub min_age_minutes: Option<u64>,
}

/// One policy as validated.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its name, as decisions and pull requests quote it.
    pub name: String,
    /// When it applies.
    pub criteria: MatchCriteria,
    /// What it asks for.
    pub action: ActionType,
    /// Whether a person has to approve (merge); `false` asks for auto-merge, which only the operator can allow.
    pub approval_required: bool,
    /// After how many merged attempts that did not hold to stop; none for the default.
    pub max_attempts: Option<u32>,
    /// For [`ActionType::UpdateToStandard`]: field (as written, snake_case or camelCase) → value.
    pub standard_value: Option<serde_json::Value>,
    /// Names of the channels to alert.
    pub alert_channels: Vec<String>,
    /// Users to ask for a review.
    pub reviewers: Vec<String>,
    /// Teams to ask for a review, by slug.
    pub team_reviewers: Vec<String>,
    /// Users to assign.
    pub assignees: Vec<String>,
    /// Labels for the pull request.
    pub pull_request_labels: Vec<String>,
    /// Whether the pull request is opened as a draft.
    pub draft: bool,
}
