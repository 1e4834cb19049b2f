//! One change of one document as splices of bytes, in the style of what stands around it.
//! Whether the result means what it should is not decided here; `edit` reads it again.

use std::collections::HashMap;

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use crate::domain::yaml::lines::line_end;
use crate::domain::yaml::locate::{DocumentSyntax, Shape, Syntax};
use crate::domain::yaml::read::key_text;
use crate::domain::yaml::scalar::Tag;
use crate::domain::yaml::write::{
    Flow, Layout, after_dash, after_key, block_scalar, flow, is_block, is_nested, scalar,
};

use layout::layout_of;

mod add;
mod layout;
mod remove;

/// One step down in data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spot {
    /// The entry of a map.
    Key(String),
    /// The item of a list; its length for a new item.
    At(usize),
}

/// Why a change cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Other places would change too.
    Shared(&'static str),
    /// There is no way to write it that this module knows.
    Unwritable(&'static str),
}

/// Bytes to replace.
struct Splice {
    start: usize,
    end: usize,
    text: String,
}

impl Splice {
    fn insert(at: usize, text: String) -> Vec<Self> {
        vec![Self { start: at, end: at, text }]
    }

    fn replace(start: usize, end: usize, text: String) -> Vec<Self> {
        vec![Self { start, end, text }]
    }
}

/// Sets the value at `spots` of a document, or removes it where there is none. The first `present` spots are there in
/// the data, written out or by a merge key. Without `blocks` texts of several lines are quoted.
pub(super) fn change(
    text: &str,
    document: &DocumentSyntax<'_>,
    spots: &[Spot],
    present: usize,
    value: Option<&Value>,
    blocks: bool,
) -> Result<String, Refusal> {
    let layout = Layout { blocks, ..layout_of(text, &document.root) };
    let mut writer = Writer { text, document, layout, way: Vec::new() };
    let mut splices = writer.change(spots, present, value)?;
    splices.sort_by_key(|splice| splice.start);
    let mut result = text.to_owned();
    for splice in splices.iter().rev() {
        result.replace_range(splice.start..splice.end, &splice.text);
    }
    Ok(result)
}

struct Writer<'s, 't> {
    text: &'t str,
    document: &'s DocumentSyntax<'t>,
    layout: Layout,
    /// The way from the root: each node and which of its children comes next.
    way: Vec<(&'s Syntax<'t>, usize)>,
}

/// What a value hangs on: `key:` or a dash.
struct Owner {
    /// Column of the key or dash.
    column: usize,
    /// Byte after the colon or dash.
    after: usize,
    /// For an item of a list, the column of its content counted from the dash.
    width: Option<usize>,
}

impl<'s, 't> Writer<'s, 't> {
    fn change(&mut self, spots: &[Spot], present: usize, value: Option<&Value>) -> Result<Vec<Splice>, Refusal> {
        let document = self.document;
        let mut node = &document.root;
        for (depth, spot) in spots.iter().enumerate() {
            self.check_own(node)?;
            let Some((index, child)) = child(node, spot) else {
                if depth < present && (depth + 1 < spots.len() || value.is_none()) {
                    return Err(Refusal::Shared("comes through a merge key `<<`"));
                }
                let Some(value) = value else { return Err(Refusal::Unwritable("is not written there")) };
                return self.add(node, spot, &nested(&spots[depth + 1..], value)?);
            };
            self.way.push((node, index));
            node = child;
        }
        self.check_anchors(node)?;
        match value {
            Some(value) => self.set(node, value),
            None => self.remove(node),
        }
    }

    /// Refuses to go into what other places refer to.
    fn check_own(&self, node: &Syntax<'_>) -> Result<(), Refusal> {
        if matches!(node.shape, Shape::Alias(_)) {
            return Err(Refusal::Shared("comes through an alias"));
        }
        if self.document.aliased.contains(&node.anchor) {
            return Err(Refusal::Shared("is part of an anchor that other places use"));
        }
        Ok(())
    }

    /// Refuses to take away an anchor that is used outside of `node`.
    fn check_anchors(&self, node: &Syntax<'_>) -> Result<(), Refusal> {
        if self.document.aliased.is_empty() {
            return Ok(());
        }
        let (anchors, inside) = anchors_and_aliases(node);
        let (_, everywhere) = anchors_and_aliases(&self.document.root);
        if anchors.iter().any(|anchor| everywhere.get(anchor) != inside.get(anchor)) {
            return Err(Refusal::Shared("holds an anchor that other places use"));
        }
        Ok(())
    }

    fn in_flow(&self) -> bool {
        self.way.iter().any(|(parent, _)| parent.is_flow())
    }

    /// How flow style is written at `node`: as JSON where its neighbours are quoted.
    fn flow_style(&self, node: &Syntax<'_>) -> Flow {
        let quoted = |node: &Syntax<'_>| matches!(node.shape, Shape::Scalar { style: ScalarStyle::DoubleQuoted, .. });
        let parents = self.way.iter().rev().map(|(parent, _)| *parent);
        for node in std::iter::once(node).chain(parents) {
            match &node.shape {
                Shape::Map { flow: true, entries } if !entries.is_empty() => {
                    return if quoted(&entries[0].key) { Flow::Json } else { Flow::Yaml };
                }
                Shape::List { flow: true, items } if items.first().is_some_and(|item| quoted(&item.value)) => {
                    return Flow::Json;
                }
                _ => {}
            }
        }
        Flow::Yaml
    }

    fn owner(&self) -> Option<Owner> {
        let (parent, index) = self.way.last()?;
        Some(match &parent.shape {
            Shape::Map { entries, .. } => {
                let pair = &entries[*index];
                Owner { column: parent.column, after: pair.after_colon, width: None }
            }
            Shape::List { items, .. } => {
                let item = &items[*index];
                let width =
                    if item.value.line == parent.line { item.value.column.saturating_sub(parent.column) } else { 2 };
                Owner { column: parent.column, after: item.dash + 1, width: Some(width.max(2)) }
            }
            _ => return None,
        })
    }

    fn set(&self, node: &Syntax<'_>, value: &Value) -> Result<Vec<Splice>, Refusal> {
        let owner = self.owner().ok_or(match node.shape {
            Shape::Missing => Refusal::Unwritable("is in a document that holds nothing"),
            _ => Refusal::Unwritable("is the whole document"),
        })?;
        let in_flow = self.in_flow();
        match &node.shape {
            Shape::Missing if in_flow || !is_nested(value) => {
                let colon = if self.text[..owner.after].ends_with([':', '-']) { "" } else { ":" };
                let text =
                    if is_nested(value) { flow(value, self.flow_style(node)) } else { scalar(value, None, in_flow) };
                Ok(Splice::insert(node.end, format!("{colon} {text}")))
            }
            Shape::Scalar { style, .. } if !is_nested(value) => Ok(self.set_scalar(node, *style, value, &owner)),
            Shape::Alias(_) if !is_nested(value) => {
                Ok(Splice::replace(node.start, node.end, scalar(value, None, in_flow)))
            }
            _ if in_flow || node.is_flow() && !is_empty(node) => {
                Ok(Splice::replace(node.outset(), node.end, flow(value, self.flow_style(node))))
            }
            _ => Ok(self.set_block(node, value, &owner)),
        }
    }

    fn set_scalar(&self, node: &Syntax<'_>, style: ScalarStyle, value: &Value, owner: &Owner) -> Vec<Splice> {
        let in_flow = self.in_flow();
        let was_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let text = value.as_str().filter(|text| self.layout.blocks && is_block(text) && !in_flow);
        let lines = text.is_some_and(|text| text.trim_end_matches('\n').contains('\n'));
        let free = self.text[node.end..line_end(self.text, node.end)].trim().is_empty();
        if let Some(text) = text
            && (was_block || style == ScalarStyle::Plain && lines && free)
        {
            let mark = if style == ScalarStyle::Folded && !lines { '>' } else { '|' };
            let own = was_block.then(|| block_column(&self.text[node.start..node.end])).flatten();
            let column = own.filter(|own| *own > owner.column).unwrap_or(owner.column + self.layout.indent);
            let (header, body) = block_scalar(text, mark, column, &self.layout);
            let comment = if was_block {
                self.text[node.start..line_end(self.text, node.start).min(node.end)].find(" #")
            } else {
                None
            };
            let comment = comment.map_or("", |at| &self.text[node.start + at..line_end(self.text, node.start)]);
            return Splice::replace(node.start, node.end, format!("{header}{comment}{body}"));
        }
        let keeps_tag = node.tag.is_none() || node.tag == Some(Tag::Str) && value.is_string();
        let start = if keeps_tag { node.start } else { node.outset() };
        Splice::replace(start, node.end, scalar(value, Some(style), in_flow))
    }

    /// Writes a value below (or after) its key or dash in block style; a comment on the key's line stays there.
    fn set_block(&self, node: &Syntax<'_>, value: &Value, owner: &Owner) -> Vec<Splice> {
        if let (Some(width), true) = (owner.width, is_nested(value)) {
            let written = after_dash(value, owner.column, width, &self.layout);
            let line = line_end(self.text, node.end);
            let comment = self.text[node.end..line].trim_end();
            let first = written.find(self.layout.eol).unwrap_or(written.len());
            let (head, tail) = written.split_at(first);
            return Splice::replace(owner.after, node.end + comment.len(), format!("{head}{comment}{tail}"));
        }
        let one_line = !self.text[owner.after..node.end].contains('\n');
        let (comment_from, end) = if one_line {
            (node.end, line_end(self.text, node.end))
        } else {
            let rest = skip_line_blanks(self.text, owner.after);
            let has_comment = self.text[rest..].starts_with('#');
            let from = if has_comment { owner.after } else { line_end(self.text, owner.after) };
            (from, line_end(self.text, node.end))
        };
        let comment = self.text[comment_from..line_end(self.text, comment_from)].trim_end();
        let written = after_key(value, owner.column, &self.layout);
        let written = if is_nested(value) { format!("{comment}{written}") } else { format!("{written}{comment}") };
        Splice::replace(owner.after, end, written)
    }
}

/// The column at which the text of a block scalar stands; none where its header says so itself, or nothing is in it.
fn block_column(scalar: &str) -> Option<usize> {
    let mut lines = scalar.lines();
    let header = lines.next()?.split('#').next()?;
    let first =
        lines.find(|line| !line.trim().is_empty()).filter(|_| !header.contains(|char: char| char.is_ascii_digit()))?;
    Some(first.len() - first.trim_start_matches(' ').len())
}

fn skip_line_blanks(text: &str, at: usize) -> usize {
    at + text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len()
}

fn child<'s, 't>(node: &'s Syntax<'t>, spot: &Spot) -> Option<(usize, &'s Syntax<'t>)> {
    match (&node.shape, spot) {
        (Shape::Map { entries, .. }, Spot::Key(name)) => {
            // the last of a name is the one that counts
            let index = entries
                .iter()
                .rposition(|pair| !pair.key.is_merge_key() && key_text(&pair.key).is_some_and(|key| key == *name))?;
            Some((index, &entries[index].value))
        }
        (Shape::List { items, .. }, Spot::At(index)) => items.get(*index).map(|item| (*index, &item.value)),
        _ => None,
    }
}

/// Whether there is nothing in a node that a new list or map would overwrite.
fn is_empty(node: &Syntax<'_>) -> bool {
    match &node.shape {
        Shape::Missing => true,
        Shape::Scalar { text, .. } => node.is_plain() && matches!(&**text, "~" | "null" | "Null" | "NULL"),
        Shape::Alias(_) => false,
        Shape::List { items, .. } => items.is_empty(),
        Shape::Map { entries, .. } => entries.is_empty(),
    }
}

fn single(spot: &Spot, value: Value) -> Value {
    match spot {
        Spot::Key(name) => Value::Object(Map::from_iter([(name.clone(), value)])),
        Spot::At(_) => Value::Array(vec![value]),
    }
}

fn nested(spots: &[Spot], value: &Value) -> Result<Value, Refusal> {
    spots.iter().rev().try_fold(value.clone(), |value, spot| match spot {
        Spot::At(index) if *index > 0 => Err(Refusal::Unwritable("is an item of a list that is not there")),
        spot => Ok(single(spot, value)),
    })
}

/// The anchors in a tree, and how often each is referred to in it.
fn anchors_and_aliases(root: &Syntax<'_>) -> (Vec<usize>, HashMap<usize, usize>) {
    let mut anchors = Vec::new();
    let mut aliases = HashMap::new();
    let mut nodes = vec![root];
    while let Some(node) = nodes.pop() {
        if node.anchor != 0 {
            anchors.push(node.anchor);
        }
        if let Shape::Alias(anchor) = node.shape {
            *aliases.entry(anchor).or_insert(0) += 1;
        }
        nodes.extend(node.children());
    }
    (anchors, aliases)
}
