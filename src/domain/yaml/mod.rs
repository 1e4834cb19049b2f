//! YAML as kubectl reads it, with the place of every value, and edits that touch only the bytes they mean.

pub mod documents;
pub mod edit;
mod lines;
pub mod locate;
pub mod read;
mod scalar;
mod splice;
pub mod write;

pub use read::{Content, Document, Entry, Include, Node, YamlError, read_documents, read_values, repeated_keys};
