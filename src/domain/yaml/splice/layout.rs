//! How a document is laid out, so that what is added looks like what stands around it.

use std::collections::HashMap;

use crate::domain::yaml::locate::{Shape, Syntax};
use crate::domain::yaml::write::Layout;

/// The layout that most of a document has: its line ends, its indentation, how far its lists are indented.
pub(super) fn layout_of(text: &str, root: &Syntax<'_>) -> Layout {
    let mut indents = HashMap::new();
    let mut list_indents = HashMap::new();
    let mut nodes = vec![root];
    while let Some(node) = nodes.pop() {
        if let Shape::Map { flow: false, entries } = &node.shape {
            for pair in entries {
                match &pair.value.shape {
                    Shape::Map { flow: false, .. } if pair.value.column > pair.key.column => {
                        *indents.entry(pair.value.column - pair.key.column).or_insert(0_usize) += 1;
                    }
                    Shape::List { flow: false, .. } => {
                        *list_indents.entry(pair.value.column.saturating_sub(pair.key.column)).or_insert(0) += 1;
                    }
                    _ => {}
                }
            }
        }
        nodes.extend(node.children());
    }
    let most = |counts: &HashMap<usize, usize>| {
        counts.iter().max_by_key(|(indent, count)| (**count, usize::MAX - **indent)).map(|(indent, _)| *indent)
    };
    let indent = most(&indents).or_else(|| flow_indent(root)).unwrap_or(2);
    let crlf = text.find('\n').is_some_and(|newline| text[..newline].ends_with('\r'));
    Layout {
        eol: if crlf { "\r\n" } else { "\n" },
        indent,
        list_indent: most(&list_indents).unwrap_or(2),
        ..Layout::default()
    }
}

/// The indentation of JSON over several lines.
fn flow_indent(root: &Syntax<'_>) -> Option<usize> {
    match &root.shape {
        Shape::Map { flow: true, entries } => entries.first(),
        _ => None,
    }
    .filter(|first| first.key.line > root.line && first.key.column > root.column)
    .map(|first| first.key.column - root.column)
}
