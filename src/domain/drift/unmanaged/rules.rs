//! The table of live objects that are nobody's drift though no source declares them: what the API server, controllers
//! and tools make for themselves, and what somebody marked to be left alone. The shipped rows are
//! `policies/unmanaged.yaml`.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::domain::drift::item::names;
use crate::domain::glob;
use crate::domain::resource::{GroupKind, LiveObject};

names! {
    /// What becomes of an object that a row fits.
    Treatment {
        /// Not worth a word.
        Skipped = "skipped",
        /// Shown among what is ignored, with the reason.
        Ignored = "ignored",
        /// It counts, whatever else would explain it.
        Drift = "drift",
    }
}

/// The rows; the first that fits wins.
#[derive(Debug, Clone, Default)]
pub struct ObjectRules {
    /// In the order in which they are asked.
    pub rows: Vec<ObjectRule>,
}

/// One row: every criterion given must fit, `*` stands for any text.
#[derive(Debug, Clone)]
pub struct ObjectRule {
    /// Kinds, `*` allowed in group and kind; empty for all.
    pub kinds: Vec<GroupKind>,
    /// Namespaces; empty for all.
    pub namespaces: Vec<String>,
    /// Names; empty for all.
    pub names: Vec<String>,
    /// A label that it carries.
    pub label: Option<Mark>,
    /// An annotation that it carries.
    pub annotation: Option<Mark>,
    /// For Secrets: types; empty for all.
    pub types: Vec<String>,
    /// What becomes of it.
    pub treatment: Treatment,
    /// Why, for the report.
    pub reason: Option<String>,
}

/// A label or annotation: its key and, if it matters, its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    key: String,
    value: Option<String>,
}

impl Mark {
    /// Reads `key` or `key=value`.
    pub fn parse(text: &str) -> Self {
        match text.split_once('=') {
            Some((key, value)) => Self { key: key.to_owned(), value: Some(value.to_owned()) },
            None => Self { key: text.to_owned(), value: None },
        }
    }

    fn is_on(&self, object: &Value, part: &str) -> bool {
        let marks = object.pointer(part).and_then(Value::as_object);
        let value_fits = |value: &Value| {
            self.value.as_ref().is_none_or(|wanted| value.as_str().is_some_and(|value| glob::fits(wanted, value)))
        };
        marks.into_iter().flatten().any(|(key, value)| glob::fits(&self.key, key) && value_fits(value))
    }
}

impl ObjectRules {
    /// The row that decides about an object, if any does.
    pub fn of(&self, live: &LiveObject) -> Option<&ObjectRule> {
        self.rows.iter().find(|row| row.fits(live))
    }

    /// Whether no object of a kind can count, so that it need not be listed.
    pub fn skip_kind(&self, kind: &GroupKind) -> bool {
        let of_kind = self.rows.iter().filter(|row| row.fits_kind(kind));
        let decisive = of_kind.into_iter().find(|row| row.is_for_whole_kinds() || row.treatment == Treatment::Drift);
        decisive.is_some_and(|row| row.treatment == Treatment::Skipped)
    }
}

impl ObjectRule {
    fn is_for_whole_kinds(&self) -> bool {
        let unnamed = self.namespaces.is_empty() && self.names.is_empty() && self.types.is_empty();
        unnamed && self.label.is_none() && self.annotation.is_none()
    }

    fn fits_kind(&self, kind: &GroupKind) -> bool {
        let fits = |row: &GroupKind| glob::fits(&row.group, &kind.group) && glob::fits(&row.kind, &kind.kind);
        self.kinds.is_empty() || self.kinds.iter().any(fits)
    }

    fn fits(&self, live: &LiveObject) -> bool {
        let fits =
            |patterns: &[String], text: &str| patterns.is_empty() || patterns.iter().any(|one| glob::fits(one, text));
        let is_marked =
            |mark: &Option<Mark>, part: &str| mark.as_ref().is_none_or(|mark| mark.is_on(&live.object, part));
        let secret_type = live.object.get("type").and_then(Value::as_str).filter(|_| live.id.kind.is_secret());
        self.fits_kind(&live.id.kind)
            && fits(&self.namespaces, live.id.namespace.as_deref().unwrap_or_default())
            && fits(&self.names, &live.id.name)
            && is_marked(&self.label, "/metadata/labels")
            && is_marked(&self.annotation, "/metadata/annotations")
            && fits(&self.types, secret_type.unwrap_or_default())
    }
}
