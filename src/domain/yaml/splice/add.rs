//! Putting an entry or item into a text that is not there yet: at the end of its map or list, as its neighbours stand.

use serde_json::Value;

use super::{Refusal, Splice, Spot, Writer, is_empty, single};
use crate::domain::yaml::lines::{line_end, line_start, next_line, skip_blanks};
use crate::domain::yaml::locate::{Shape, Syntax};
use crate::domain::yaml::write::{Flow, after_dash, blanks, entry, flow, is_nested, json_lines, key};

impl Writer<'_, '_> {
    /// Adds what is not there yet below `node`.
    pub(super) fn add(&self, node: &Syntax<'_>, spot: &Spot, value: &Value) -> Result<Vec<Splice>, Refusal> {
        match (&node.shape, spot) {
            (Shape::Map { flow: false, entries }, Spot::Key(name)) if !entries.is_empty() => {
                let line = entry(name, value, node.column, &self.layout);
                Ok(self.insert_line(entries[entries.len() - 1].end(), node.column, &line))
            }
            (Shape::List { flow: false, items }, Spot::At(_)) if !items.is_empty() => {
                let last = &items[items.len() - 1];
                let line = format!("{}-{}", blanks(node.column), self.after_dash_like(&last.value, node, value));
                Ok(self.insert_line(last.value.end, node.column, &line))
            }
            (Shape::Map { flow: true, entries }, Spot::Key(name)) if !entries.is_empty() => {
                let style = self.flow_style(node);
                let last = &entries[entries.len() - 1];
                let (starts, end) = ((entries[0].start, last.start), last.end());
                Ok(self.add_in_flow(node, starts, end, |indent| {
                    let name = key(name, Some(style));
                    format!("{name}: {}", self.flow_value(value, style, indent))
                }))
            }
            (Shape::List { flow: true, items }, Spot::At(_)) if !items.is_empty() => {
                let style = self.flow_style(node);
                let last = &items[items.len() - 1];
                let (starts, end) = ((items[0].dash, last.dash), last.value.end);
                Ok(self.add_in_flow(node, starts, end, |indent| self.flow_value(value, style, indent)))
            }
            _ if is_empty(node) => self.set(node, &single(spot, value.clone())),
            _ => Err(Refusal::Unwritable("does not fit what stands there")),
        }
    }

    /// What follows the dash of a new item after `last`: as far from the dash, and in flow style after one of that.
    fn after_dash_like(&self, last: &Syntax<'_>, list: &Syntax<'_>, value: &Value) -> String {
        let is_alike = match &last.shape {
            Shape::Map { flow: true, entries } => value.is_object() && !entries.is_empty(),
            Shape::List { flow: true, items } => value.is_array() && !items.is_empty(),
            _ => false,
        };
        if is_alike && is_nested(value) {
            let style = self.flow_style(last);
            let text = flow(value, style);
            if !text.contains("\\n") {
                return format!(" {text}");
            }
        }
        let is_map = matches!(last.shape, Shape::Map { flow: false, .. });
        let width = if is_map && last.column > list.column { last.column - list.column } else { 2 };
        after_dash(value, list.column, width, &self.layout)
    }

    /// Adds an entry at the end of a flow list or map, on a line of its own where the last one has its own.
    fn add_in_flow(
        &self,
        node: &Syntax<'_>,
        (first, last): (usize, usize),
        end: usize,
        entry: impl Fn(Option<&str>) -> String,
    ) -> Vec<Splice> {
        let text = self.text;
        let next = skip_blanks(text, end);
        let comma = text[next..].starts_with(',').then_some(next);
        let own_lines = text[line_start(text, last)..last].trim().is_empty() && last > line_end(text, node.start);
        let after = comma.map_or(end, |comma| comma + 1);
        let closes_below = text[after..node.end].contains('\n');
        let before_first = &text[line_start(text, first)..first];
        // below an entry that stands after the bracket there is nothing to copy but its column
        let aligned = blanks(before_first.chars().count());
        let indent = if before_first.trim().is_empty() { before_first } else { &aligned };
        if own_lines && closes_below {
            let mut splices = if comma.is_none() { Splice::insert(end, ",".to_owned()) } else { Vec::new() };
            let trailing = if comma.is_some() { "," } else { "" };
            let line = format!("{indent}{}{trailing}{}", entry(Some(indent)), self.layout.eol);
            splices.extend(Splice::insert(next_line(text, after), line));
            return splices;
        }
        let comma = if comma.is_some() { "" } else { "," };
        if own_lines {
            let line = format!("{comma}{}{indent}{}", self.layout.eol, entry(Some(indent)));
            return Splice::insert(after, line);
        }
        Splice::insert(after, format!("{comma} {}", entry(None)))
    }

    /// A value in flow style; JSON with an entry per line gets its new parts over several lines too.
    fn flow_value(&self, value: &Value, style: Flow, indent: Option<&str>) -> String {
        match indent {
            Some(indent) if style == Flow::Json => json_lines(value, indent, &self.layout),
            _ => flow(value, style),
        }
    }

    /// Puts a line of some column below the one that holds `after`, and below comments of what stands there.
    fn insert_line(&self, after: usize, column: usize, line: &str) -> Vec<Splice> {
        let text = self.text;
        let mut at = next_line(text, after);
        while at < text.len() && is_comment_beyond(&text[at..line_end(text, at)], column) {
            at = next_line(text, at);
        }
        let eol = self.layout.eol;
        let closed = text[..at].ends_with(['\n', '\r']);
        Splice::insert(at, if closed { format!("{line}{eol}") } else { format!("{eol}{line}") })
    }
}

/// Whether a line is a comment that begins right of a column.
fn is_comment_beyond(line: &str, column: usize) -> bool {
    let comment = line.trim_start_matches(' ');
    comment.starts_with('#') && line.len() - comment.len() > column
}
