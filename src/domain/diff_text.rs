//! Unified diffs for people to read.

use similar::TextDiff;

/// The unified diff of one file with this many lines of context; empty where nothing changes.
pub fn unified(file: &str, old: &str, new: &str, context: usize) -> String {
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(context).header(&format!("a/{file}"), &format!("b/{file}")).to_string()
}
