//! The files of a checkout with edits laid over them, so that a candidate can be rendered without writing it anywhere.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A folder on disk and the files that differ from it.
#[derive(Debug, Clone, Default)]
pub struct SourceTree {
    /// The checkout's root (or any folder).
    pub root: PathBuf,
    /// New content by path relative to the root, with `/`; none for a deleted file.
    pub overlay: BTreeMap<String, Option<Vec<u8>>>,
}
