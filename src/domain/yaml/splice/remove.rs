//! Taking an entry or item out of a text, with its own comments and no others.

use crate::domain::yaml::lines::{line_end, line_start, next_line, origin, skip_blanks};
use crate::domain::yaml::locate::{Pair, Shape, Syntax};
use crate::domain::yaml::read::key_text;

use super::{Refusal, Splice, Writer};

/// An entry or item: its first byte and the byte after it.
#[derive(Clone, Copy)]
struct Part {
    start: usize,
    end: usize,
}

impl Writer<'_, '_> {
    pub(super) fn remove(&mut self, _node: &Syntax<'_>) -> Result<Vec<Splice>, Refusal> {
        let Some((parent, index)) = self.way.pop() else {
            return Err(Refusal::Unwritable("is the whole document"));
        };
        let parts: Vec<Part> = match &parent.shape {
            Shape::Map { entries, .. } => {
                if is_repeated(entries, index) {
                    return Err(Refusal::Unwritable("is written twice in its map"));
                }
                entries.iter().map(|pair| Part { start: pair.start, end: pair.end() }).collect()
            }
            Shape::List { items, .. } => {
                items.iter().map(|item| Part { start: item.dash, end: item.value.end.max(item.dash) }).collect()
            }
            _ => Vec::new(),
        };
        if parent.is_flow() {
            return Ok(self.remove_in_flow(parent, &parts, index));
        }
        if parts.len() == 1 {
            return self.empty(parent, parts[0]);
        }
        let part = parts[index];
        let first_of_line = self.text[line_start(self.text, part.start)..part.start].trim().is_empty();
        match parts.get(index + 1) {
            _ if first_of_line => {
                let before = index.checked_sub(1).map(|before| parts[before]);
                Ok(self.remove_lines(part, before))
            }
            Some(next) => Ok(self.remove_up_to(part, *next)),
            None => Err(Refusal::Unwritable("shares its line with something else")),
        }
    }

    /// Takes whole lines out, and of the blank lines around them those that would be too many. The comments above the
    /// first entry of a file belong to the file.
    fn remove_lines(&self, part: Part, before: Option<Part>) -> Vec<Splice> {
        let text = self.text;
        let first = line_start(text, part.start);
        let keep_header = before.is_none() && self.way.is_empty();
        let mut start = if keep_header { first } else { comments_above(text, first, part.start - first) };
        let mut end = next_line(text, part.end);
        let after = skip_blank_lines(text, end);
        if after == text.len() {
            // blank lines that a text above keeps are its own
            let least = before.map_or(start, |before| next_line(text, before.end).min(start));
            start = least + text[least..start].trim_end_matches([' ', '\t', '\r', '\n']).len();
            start = if start > least { next_line(text, start) } else { least };
        } else if before.is_none() && !keep_header || start == origin(text) || is_blank_above(text, start) {
            end = after;
        }
        if end == text.len() && !text.ends_with('\n') && start > origin(text) {
            // the line end before goes instead of the one that is not there
            let before = &text[..start];
            let before = before.strip_suffix("\r\n").or_else(|| before.strip_suffix('\n')).map_or(start, str::len);
            return Splice::replace(before, end, String::new());
        }
        Splice::replace(start, end, String::new())
    }

    /// Takes the first of several out that begin on a dash's line; comments of the next one stay.
    fn remove_up_to(&self, part: Part, next: Part) -> Vec<Splice> {
        let text = self.text;
        let rest = next_line(text, part.end);
        let from = if text.get(rest..next.start).is_some_and(|between| between.contains('#')) {
            rest + text[rest..].len() - text[rest..].trim_start().len()
        } else {
            next.start
        };
        Splice::replace(part.start, from, String::new())
    }

    /// Leaves an empty list or map where the last entry goes.
    fn empty(&mut self, parent: &Syntax<'_>, part: Part) -> Result<Vec<Splice>, Refusal> {
        let owner = self.owner().ok_or(Refusal::Unwritable("is all there is in its document"))?;
        let text = self.text;
        let written = if matches!(parent.shape, Shape::Map { .. }) { " {}" } else { " []" };
        let line = line_end(text, owner.after);
        let end = line_end(text, part.end);
        if line < part.start {
            // what stands on the key's line, a comment or an anchor, stays
            let mut splices = Splice::insert(anchor_end(text, owner.after, line), written.to_owned());
            splices.extend(Splice::replace(line, end, String::new()));
            return Ok(splices);
        }
        Ok(Splice::replace(owner.after, end, written.to_owned()))
    }

    fn remove_in_flow(&self, parent: &Syntax<'_>, parts: &[Part], index: usize) -> Vec<Splice> {
        let text = self.text;
        let part = parts[index];
        let (inside, closing) = (parent.start + 1, parent.end - 1);
        if parts.len() == 1 && !text[inside..part.start].contains('#') && !text[part.end..closing].contains('#') {
            return Splice::replace(inside, closing, String::new());
        }
        let next = skip_blanks(text, part.end);
        let comma = text[next..].starts_with(',').then_some(next);
        let after = comma.map_or(part.end, |comma| comma + 1);
        let rest = text[after..line_end(text, after)].trim_start();
        let first = line_start(text, part.start);
        let own_lines = text[first..part.start].trim().is_empty() && (rest.is_empty() || rest.starts_with('#'));
        if own_lines && next_line(text, after) < text.len() {
            let start = comments_above(text, first, part.start - first);
            let mut splices = Splice::replace(start, next_line(text, after), String::new());
            if comma.is_none() && index > 0 {
                // the one before is the last now and needs no comma
                let before = skip_blanks(text, parts[index - 1].end);
                splices.extend(Splice::replace(before, before + 1, String::new()));
            }
            return splices;
        }
        match (parts.get(index + 1), index.checked_sub(1).map(|before| parts[before])) {
            (Some(next), _) => Splice::replace(part.start, next.start, String::new()),
            (None, Some(before)) => Splice::replace(before.end, part.end, String::new()),
            (None, None) => Splice::replace(part.start, after, String::new()),
        }
    }
}

/// Whether a map has the key of an entry once more.
fn is_repeated(entries: &[Pair<'_>], index: usize) -> bool {
    let name = key_text(&entries[index].key);
    let alike = entries.iter().filter(|pair| !pair.key.is_merge_key() && key_text(&pair.key) == name);
    alike.count() > 1
}

/// The first byte of the next line that has anything on it.
fn skip_blank_lines(text: &str, mut line: usize) -> usize {
    while line < text.len() && text[line..line_end(text, line)].trim().is_empty() {
        line = next_line(text, line);
    }
    line
}

/// Whether the line above is blank.
fn is_blank_above(text: &str, line: usize) -> bool {
    line > origin(text) && text[line_start(text, line - 1)..line].trim().is_empty()
}

/// Where a value goes on the line of `key: &anchor # comment`: after the anchor.
fn anchor_end(text: &str, after: usize, line: usize) -> usize {
    let comment = text[after..line].find('#').map_or(line, |at| after + at);
    after + text[after..comment].trim_end().len()
}

/// The start of the comment lines directly above a line, at the same column.
fn comments_above(text: &str, mut line: usize, column: usize) -> usize {
    while line > origin(text) {
        let above = line_start(text, line - 1);
        let content = text[above..line].trim_start_matches(' ');
        if !content.starts_with('#') || line - above - content.len() != column {
            break;
        }
        line = above;
    }
    line
}
