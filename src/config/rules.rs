//! Thresholds, ignore rules, categories, field managers and the numbers behind scores.

use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::Value;

use super::fields::{Fields, Sink, text_of};
use super::load::document;
use super::sections::Place;
use super::unmanaged::rows;
use crate::domain::drift::ignore::{IgnoreRule, KindName, Part, UNKNOWN_FIELD};
use crate::domain::drift::scan::{CategoryRule, ScanRules};
use crate::domain::drift::unmanaged::ObjectRules;
use crate::domain::drift::{Aspect, Category, ManagerClass, Severity};
use crate::domain::field_path::PathPattern;
use crate::domain::ownership::{ManagerClasses, ManagerRule};
use crate::domain::problem::{Place as FilePlace, Problem};
use crate::domain::score::Scoring;
use crate::domain::yaml::{Content, Entry};

const MANAGERS: &str = include_str!("../../policies/managers.yaml");
const CATEGORIES: &str = include_str!("../../policies/categories.yaml");
const SCORING: &str = include_str!("../../policies/scoring.yaml");
const UNMANAGED: &str = include_str!("../../policies/unmanaged.yaml");
/// An amount may move by this share before it counts.
const DEFAULT_THRESHOLD: f64 = 0.1;

/// What ships, with no thresholds but the default and no ignore rules.
pub(super) fn shipped() -> ScanRules {
    ScanRules {
        managers: ManagerClasses { rules: built_in(MANAGERS, managers) },
        thresholds: Vec::new(),
        default_threshold: DEFAULT_THRESHOLD,
        ignore: Vec::new(),
        categories: built_in(CATEGORIES, categories),
        unmanaged: ObjectRules { rows: built_in(UNMANAGED, rows) },
    }
}

/// The shipped numbers.
pub(super) fn shipped_scoring() -> Scoring {
    built_in(SCORING, scores)
}

/// Reads a compiled-in file; `tests/integration/config/shipped.rs` shows that each one reads without a problem.
fn built_in<T>(text: &str, read: impl FnOnce(&Fields<'_, '_>) -> T) -> T {
    let sink = Sink::new("policies");
    let root = document(text, &sink).ok().flatten();
    read(&Fields::top(root.as_ref(), &sink))
}

/// Everything that decides which differences count.
pub(super) fn scan_rules(top: &Fields<'_, '_>, place: &Place<'_>, problems: &mut Vec<Problem>) -> ScanRules {
    let mut rules = shipped();
    if let Some(own) = top.text("managers").and_then(|file| from_file(&place.folder.join(file), problems, managers)) {
        rules.managers.rules.splice(0..0, own);
    }
    if let Some(own) = top.text("categories").and_then(|file| from_file(&place.folder.join(file), problems, categories))
    {
        rules.categories.splice(0..0, own);
    }
    if let Some(own) = top.text("unmanaged").and_then(|file| from_file(&place.folder.join(file), problems, rows)) {
        rules.unmanaged.rows.splice(0..0, own);
    }
    let file = match top.node("thresholds").map(|node| &node.content) {
        Some(Content::Map(_)) => {
            thresholds(&top.map("thresholds").expect("it is a mapping"), &mut rules);
            None
        }
        Some(_) => top.text("thresholds").map(|file| place.folder.join(file)),
        None => (place.env)("DRIFT_THRESHOLDS_PATH").filter(|path| !path.is_empty()).map(PathBuf::from),
    };
    if let Some(file) = file {
        from_file(&file, problems, |fields| {
            // the flat form of the source document, or under `thresholds`
            match fields.map("thresholds") {
                Some(inner) => thresholds(&inner, &mut rules),
                None => thresholds(fields, &mut rules),
            }
        });
    }
    rules.ignore = top.maps("ignore").iter().map(ignore_rule).collect();
    rules
}

/// The numbers behind scores.
pub(super) fn scoring(top: &Fields<'_, '_>, place: &Place<'_>, problems: &mut Vec<Problem>) -> Scoring {
    let own = top.text("scoring").and_then(|file| from_file(&place.folder.join(file), problems, scores));
    own.unwrap_or_else(shipped_scoring)
}

/// Reads one more file; what is wrong with it goes to the problems under its own name.
pub(super) fn from_file<T>(
    path: &Path,
    problems: &mut Vec<Problem>,
    read: impl FnOnce(&Fields<'_, '_>) -> T,
) -> Option<T> {
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(Problem::error(format!("cannot be read: {}", error.kind())).at(FilePlace::file(name)));
            return None;
        }
    };
    let sink = Sink::new(name);
    let value = document(&text, &sink).ok().map(|root| read(&Fields::top(root.as_ref(), &sink)));
    problems.extend(sink.into_problems());
    value
}

fn thresholds(fields: &Fields<'_, '_>, rules: &mut ScanRules) {
    for entry in fields.entries() {
        let share = match &entry.value.content {
            Content::Scalar(Value::Number(number)) => number.as_f64().filter(|share| (0.0..=1.0).contains(share)),
            _ => None,
        };
        let Some(share) = share else {
            fields.sink.error(
                entry.line,
                format!("the threshold of `{}` has to be a number from 0 to 1", entry.key),
                "",
            );
            continue;
        };
        if entry.key == "default" {
            rules.default_threshold = share;
            continue;
        }
        match entry.key.parse::<PathPattern>() {
            Ok(pattern) => rules.thresholds.push((pattern, share)),
            Err(error) => fields.sink.error(entry.line, error.to_string(), ""),
        }
    }
}

fn ignore_rule(fields: &Fields<'_, '_>) -> IgnoreRule {
    let path = fields.text("path").and_then(|path| match path.as_str() {
        "." => Some(Part::Whole),
        _ => path.parse().map(Part::Field).map_err(|error| fields.refuse("path", error, "")).ok(),
    });
    let rule = IgnoreRule {
        kind: fields.text("kind").map(KindName::new),
        namespace: fields.text("namespace"),
        name: fields.text("name"),
        path,
        rule: fields.text("rule"),
        changed_by: fields.names("changed_by", ManagerClass::ALL, ManagerClass::as_str).pop(),
        reason: fields.text("reason"),
    };
    // every rule that ships has its weight there
    let known: Vec<_> = shipped_scoring().rules.into_iter().map(|(name, _)| name).collect();
    if rule.rule.as_ref().is_some_and(|name| name != UNKNOWN_FIELD && !known.contains(name)) {
        fields.refuse("rule", "is the name of no rule", format!("known are {}, {UNKNOWN_FIELD}", known.join(", ")));
    }
    if !["kind", "namespace", "name", "path", "rule", "changed_by"].into_iter().any(|key| fields.has(key)) {
        fields.sink.error(
            fields.line,
            "an ignore rule without a criterion would ignore everything",
            "give kind, namespace, name, path, rule or changed_by",
        );
    }
    rule
}

fn managers(top: &Fields<'_, '_>) -> Vec<ManagerRule> {
    let mut rules = Vec::new();
    for fields in top.maps("managers") {
        let class = fields.names("class", ManagerClass::ALL, ManagerClass::as_str).pop();
        if class.is_none() && !fields.has("class") {
            fields.sink.error(fields.line, "`class` is missing", "person, delivery, controller or unknown");
        }
        let manager = fields.required("manager");
        let subresource = fields.text("subresource");
        if let (Some(manager), Some(class)) = (manager, class) {
            rules.push(ManagerRule { manager, subresource, class });
        }
    }
    rules
}

fn categories(top: &Fields<'_, '_>) -> Vec<CategoryRule> {
    let mut rules = Vec::new();
    for fields in top.maps("categories") {
        let category = fields.names("category", Category::ALL, Category::as_str).pop();
        if !fields.has("category") {
            fields.sink.error(fields.line, "`category` is missing", "infrastructure, application, model or data");
        }
        let aspect = fields.names("aspect", Aspect::ALL, Aspect::as_str).pop();
        let pattern = fields.required("pattern").map(|pattern| Regex::new(&pattern));
        if let Some(Err(_)) = &pattern {
            fields.refuse("pattern", "is no regular expression", "");
        }
        if let (Some(category), Some(Ok(pattern))) = (category, pattern) {
            rules.push(CategoryRule { pattern, aspect, category });
        }
    }
    rules
}

fn scores(top: &Fields<'_, '_>) -> Scoring {
    let mut scoring = Scoring::default();
    let named = |key: &'static str| -> Vec<(&Entry, f64)> {
        let Some(fields) = top.map(key) else { return Vec::new() };
        let number = |entry| {
            let share = share(entry);
            if share.is_none() {
                fields.sink.error(entry.line, format!("`{}` has to be a number from 0 to 10", entry.key), "");
            }
            Some((entry, share?))
        };
        fields.entries().iter().filter_map(number).collect()
    };
    for (entry, weight) in named("aspects") {
        match Aspect::parse(&entry.key) {
            Some(aspect) => scoring.aspects.push((aspect, weight)),
            None => top.sink.error(entry.line, format!("`{}` is no drift type", entry.key), ""),
        }
    }
    scoring.rules = named("rules").into_iter().map(|(entry, weight)| (entry.key.clone(), weight)).collect();
    scoring.environments =
        named("environments").into_iter().map(|(entry, factor)| (entry.key.clone(), factor)).collect();
    for (entry, least) in named("severities") {
        match Severity::parse(&entry.key) {
            Some(severity) => scoring.severities.push((severity, least)),
            None => top.sink.error(entry.line, format!("`{}` is no severity", entry.key), ""),
        }
    }
    scoring.severities.sort_by(|a, b| a.1.total_cmp(&b.1));
    if let Some(fields) = top.map("info") {
        for path in fields.texts("paths") {
            match path.parse() {
                Ok(pattern) => scoring.info.push(pattern),
                Err(error) => fields.refuse("paths", error, ""),
            }
        }
    }
    scoring
}

fn share(entry: &Entry) -> Option<f64> {
    text_of(&entry.value)?.parse::<f64>().ok().filter(|share| (0.0..=10.0).contains(share))
}
