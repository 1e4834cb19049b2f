//! Taking an entry or item out of a text, with its own comments and no others.

use crate::domain::yaml::locate::{Shape, Syntax, line_end, line_start, next_line, origin, skip_blanks};

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
            Shape::Map { entries, .. } => entries
                .iter()
                .map(|pair| Part { start: pair.key.outset(), end: pair.value.end.max(pair.after_colon) })
                .collect(),
            Shape::List { items, .. } => {
                items.iter().map(|item| Part { start: item.dash, end: item.value.end.max(item.dash) }).collect()
            }
            _ => Vec::new(),
        };
        if parent.is_flow() {
            return Ok(self.remove_in_flow(&parts, index));
        }
        if parts.len() == 1 {
            return self.empty(parent, parts[0]);
        }
        let part = parts[index];
        let first_of_line = self.text[line_start(self.text, part.start)..part.start].trim().is_empty();
        match parts.get(index + 1) {
            _ if first_of_line => Ok(self.remove_lines(part, index == 0 && self.way.is_empty())),
            Some(next) => Ok(self.remove_up_to(part, *next)),
            None => Err(Refusal::Unwritable("shares its line with something else")),
        }
    }

    /// Takes whole lines out; `keep_header` leaves the comments above, which belong to the file.
    fn remove_lines(&self, part: Part, keep_header: bool) -> Vec<Splice> {
        let text = self.text;
        let first = line_start(text, part.start);
        let start = if keep_header { first } else { comments_above(text, first, part.start - first) };
        let end = next_line(text, part.end);
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

    fn remove_in_flow(&self, parts: &[Part], index: usize) -> Vec<Splice> {
        let text = self.text;
        let part = parts[index];
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
