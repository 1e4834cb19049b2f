//! The one reader: text → documents, values resolved as kubectl (go-yaml, YAML 1.1) resolves them.

use serde_json::Value;

/// One YAML document of a file.
#[derive(Debug, Clone)]
pub struct Document {
    /// Position in the file, counted from 0, empty documents included.
    pub index: usize,
    /// Line of the first node (or of the document's start where it is empty), from 1.
    pub line: usize,
    /// Its content; none for an empty document (nothing, comments only, or `null`).
    pub root: Option<Node>,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub content: Content,
    /// Line at which it starts, from 1.
    pub line: usize,
    /// Column at which it starts, from 1.
    pub column: usize,
}

/// What a [`Node`] holds, after aliases and merge keys are resolved.
#[derive(Debug, Clone)]
pub enum Content {
    /// null, bool, number or text, resolved by YAML 1.1 rules.
    Scalar(Value),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key as text, as kubectl makes one of it (`yes:` is `true`).
    pub key: String,
    /// Line of the key, from 1.
    pub line: usize,
    /// The value.
    pub value: Node,
}

/// Text that is no YAML: what is wrong and at which line. Never quotes the file's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// What is wrong.
    pub message: String,
    /// Line, from 1.
    pub line: usize,
}

impl Node {
    /// The value without places.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect())
            }
        }
    }

    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }
}

/// Reads every document of a file. The first thing that is no YAML ends the reading with its line.
pub fn read_documents(_text: &str) -> Result<Vec<Document>, YamlError> {
    todo!()
}
