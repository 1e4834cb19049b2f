//! Edits of YAML text that touch only the bytes they mean, each one proved by reading the result again.

use serde_json::Value;

use crate::domain::field_path::FieldPath;

/// What to do at a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Set the value; missing parents (maps only) are added.
    Set(Value),
    /// Remove the field or list item.
    Remove,
}

/// One edit of one document of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// Which document of the file, from 0.
    pub document: usize,
    /// For an item of a `kind: List`, its index; the path then starts at that item.
    pub list_item: Option<usize>,
    /// Where in the document. List items are found by their merge keys.
    pub path: FieldPath,
    /// What to do there.
    pub action: Action,
}

/// Why an edit was not made. The text was left as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is no YAML.
    #[error("line {line}: {message}")]
    Unreadable { line: usize, message: String },
    /// The document or a part of the path is not there.
    #[error("{0}")]
    NotFound(String),
    /// The place is shared through an anchor or an alias, so that an edit would change other places too.
    #[error("{0}")]
    Shared(String),
    /// The result, read again, would not be what was meant.
    #[error("{0}")]
    Unverified(String),
}

/// Applies one edit and returns the new text. The result is read again and must equal the old data with only this
/// change; otherwise nothing is returned but the reason.
pub fn apply(_text: &str, _edit: &Edit) -> Result<String, EditError> {
    todo!()
}
