//! A proposal's change as text: what of it a report may show.

use similar::{ChangeTag, TextDiff};

use crate::domain::diff_text::unified;
use crate::domain::plan::Unit;
use crate::domain::source::Renderer;
use crate::prove::{Proven, Workshop};

/// The change as text. Of a file that holds a Secret, or may feed one, no more is shown than the edit itself, and
/// nothing where that could show another value.
pub(super) fn diff(workshop: &Workshop<'_>, unit: &Unit, proven: &Proven) -> String {
    let mut text = String::new();
    for (file, new) in &proven.files {
        let old = workshop.tree.read(file).ok().flatten().unwrap_or_default();
        let (old, edited) =
            (String::from_utf8_lossy(&old), String::from_utf8_lossy(new.as_deref().unwrap_or_default()));
        let exposure = exposure_of(workshop, file);
        let is_whole = new.is_none() || unit.resource.kind.is_secret();
        text.push_str(&match exposure {
            Exposure::None => unified(file, &old, &edited, 3),
            _ if is_whole || shows_more(&old, &edited, exposure) => {
                format!("--- a/{file}\n+++ b/{file}\n(not shown: the lines may hold a Secret)\n")
            }
            _ => unified(file, &old, &edited, 0),
        });
    }
    text
}

fn exposure_of(workshop: &Workshop<'_>, file: &str) -> Exposure {
    let mut exposure = Exposure::None;
    for (source, rendered) in workshop.sources.iter().zip(workshop.rendered) {
        let mut secrets = rendered.manifests.iter().filter(|manifest| manifest.id.kind.is_secret()).peekable();
        // values, literals, patches and variables may be those of a Secret
        let feeds = source.renderer != Renderer::Plain || source.delivered.is_some();
        if secrets.peek().is_some() && feeds && rendered.reads(file) {
            exposure = exposure.max(Exposure::MayFeed);
        }
        if secrets.any(|manifest| manifest.origin.as_ref().is_some_and(|origin| origin.file == file)) {
            exposure = Exposure::Holds;
        }
    }
    exposure
}

/// What a file has to do with Secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Exposure {
    /// Nothing.
    None,
    /// A Secret may be made of it.
    MayFeed,
    /// A Secret stands in it.
    Holds,
}

/// Whether the lines that go would show more than the value that is edited: those of a Secret's own file always, others
/// where several values stand on one, or more go than come.
fn shows_more(old: &str, new: &str, exposure: Exposure) -> bool {
    let gone = TextDiff::from_lines(old, new);
    let (mut come, mut go) = (0, Vec::new());
    for change in gone.iter_all_changes() {
        match change.tag() {
            ChangeTag::Insert => come += 1,
            ChangeTag::Delete => go.push(change.value()),
            ChangeTag::Equal => {}
        }
    }
    let has_several = |line: &&str| line.contains(['{', '[']);
    !go.is_empty() && (exposure == Exposure::Holds || go.len() > come || go.iter().any(has_several))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An edited line may be shown where it holds the edited value alone.
    #[test]
    fn old_lines_may_show_more() {
        for (old, new, exposure, expected) in [
            ("a: 1\nb: 2\n", "a: 1\nb: 3\n", Exposure::MayFeed, false),
            ("a: 1\nb: 2\n", "a: 1\nb: 3\n", Exposure::Holds, true),
            ("a: 1\n", "a: 1\nb: 3\n", Exposure::Holds, false),
            ("{a: 1, b: 2}\n", "{a: 1, b: 3}\n", Exposure::MayFeed, true),
            ("a: 1\nb: |\n  x\n  y\n", "a: 1\nb: z\n", Exposure::MayFeed, true),
        ] {
            assert_eq!(shows_more(old, new, exposure), expected, "{old} {new}");
        }
    }
}
