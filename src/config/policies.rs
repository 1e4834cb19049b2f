//! Policy files: the form of the source document, read into the domain's policies.

use std::path::Path;

use super::fields::{Fields, Sink};
use super::load::document;
use super::rules::from_file;
use crate::domain::drift::{Aspect, Category, DriftKind, ManagerClass, Severity, Verdict};
use crate::domain::field_path::PathPattern;
use crate::domain::policy::{ActionType, MatchCriteria, Policy};
use crate::domain::problem::Problem;

/// What decides where the config names no policies: the three given ones first, then the general ones.
const SHIPPED: &[(&str, &str)] = &[
    ("policies/ml-platform.yaml", include_str!("../../policies/ml-platform.yaml")),
    ("policies/default.yaml", include_str!("../../policies/default.yaml")),
];

/// The policies of the files that the config names, in order, or the shipped ones.
pub(super) fn policies(top: &Fields<'_, '_>, folder: &Path, problems: &mut Vec<Problem>) -> Vec<Policy> {
    let files = top.texts("policies");
    let mut policies: Vec<Policy> = Vec::new();
    if !top.has("policies") {
        for (name, text) in SHIPPED {
            let sink = Sink::new(*name);
            let root = document(text, &sink).ok().flatten();
            of_file(&Fields::top(root.as_ref(), &sink), &mut policies);
            problems.extend(sink.into_problems());
        }
    }
    for file in files {
        from_file(&folder.join(file), problems, |top| of_file(top, &mut policies));
    }
    policies
}

fn of_file(top: &Fields<'_, '_>, policies: &mut Vec<Policy>) {
    if !top.has("remediation_policies") {
        top.sink.error(top.line, "`remediation_policies` is missing", "a policy file holds one list of this name");
    }
    for fields in top.maps("remediation_policies") {
        let Some(policy) = policy(&fields) else { continue };
        if policies.iter().any(|earlier| earlier.name == policy.name) {
            let help = "decisions are told by name: rename one of them";
            fields.refuse("name", format!("`{}` names another policy already", policy.name), help);
        }
        policies.push(policy);
    }
}

fn policy(fields: &Fields<'_, '_>) -> Option<Policy> {
    let name = fields.required("name");
    let action = fields.names("action_type", ActionType::ALL, ActionType::as_str).pop();
    if !fields.has("action_type") {
        fields.sink.error(
            fields.line,
            "`action_type` is missing",
            "restore_from_baseline, update_to_standard, adopt_live, alert_and_track or ignore",
        );
    }
    let standard_value = fields.node("standard_value").map(crate::domain::yaml::Node::to_json);
    if action == Some(ActionType::UpdateToStandard) && standard_value.is_none() {
        fields.sink.error(fields.line, "update_to_standard needs `standard_value`", "");
    }
    if standard_value.as_ref().is_some_and(|value| !value.is_object()) {
        fields.refuse("standard_value", "has to be a mapping of fields and their values", "");
    }
    let max_attempts = fields.whole("max_attempts", 1..=100).and_then(|attempts| u32::try_from(attempts).ok());
    Some(Policy {
        criteria: fields.map("match_criteria").map(|criteria| criteria_of(&criteria)).unwrap_or_default(),
        approval_required: fields.flag("approval_required").unwrap_or(true),
        max_attempts,
        standard_value,
        alert_channels: fields.texts("alert_channels"),
        reviewers: fields.texts("reviewers"),
        team_reviewers: fields.texts("team_reviewers"),
        assignees: fields.texts("assignees"),
        pull_request_labels: fields.labels("labels"),
        draft: fields.flag("draft").unwrap_or(false),
        name: name?,
        action: action?,
    })
}

fn criteria_of(fields: &Fields<'_, '_>) -> MatchCriteria {
    let mut paths = Vec::new();
    for path in fields.texts("path") {
        match path.parse::<PathPattern>() {
            Ok(pattern) => paths.push(pattern),
            Err(error) => fields.refuse("path", error, ""),
        }
    }
    MatchCriteria {
        resource_type: fields.texts("resource_type"),
        aspect: fields.names("drift_type", Aspect::ALL, Aspect::as_str),
        severity: fields.names("severity", Severity::ALL, Severity::as_str),
        namespace: fields.texts("namespace"),
        name: fields.texts("name"),
        labels: fields.text_map("labels"),
        environment: fields.texts("environment"),
        service: fields.texts("service"),
        path: paths,
        drift: fields.names("kind", DriftKind::ALL, DriftKind::as_str),
        verdict: fields.names("verdict", Verdict::ALL, Verdict::as_str),
        category: fields.names("category", Category::ALL, Category::as_str),
        changed_by: fields.names("changed_by", ManagerClass::ALL, ManagerClass::as_str),
        min_age_minutes: fields.whole("min_age_minutes", 0..=10_000_000),
    }
}
