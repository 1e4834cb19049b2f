//! Where everything stands in a YAML text: a tree of nodes with byte spans, from parser events.
//! Values are not resolved and aliases not followed here; `read` and `edit` do that on top of this tree.

use std::borrow::Cow;
use std::collections::HashSet;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, StructureStyle, options};

use crate::domain::yaml::lines::{line_end, line_start, next_line, skip_blanks};
use crate::domain::yaml::scalar::Tag;

const LOST: &str = "the items of a list cannot be told apart, put each on a line of its own";
/// How deep block or flow collections may be nested in a text.
const NESTING: usize = 128;

/// Text that is no YAML: what is wrong and at which line. Never quotes the file's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// What is wrong.
    pub message: String,
    /// Line, from 1.
    pub line: usize,
}

/// One document of a text.
#[derive(Debug)]
pub(super) struct DocumentSyntax<'t> {
    /// Line of its root, or of its start where it has none.
    pub(super) line: usize,
    /// Its root; `Shape::Missing` for an empty document.
    pub(super) root: Syntax<'t>,
    /// The anchors that an alias refers to.
    pub(super) aliased: HashSet<usize>,
}

/// A node and where it stands.
#[derive(Debug)]
pub(super) struct Syntax<'t> {
    pub(super) shape: Shape<'t>,
    /// First byte of the content, after anchor and tag.
    pub(super) start: usize,
    /// Byte after the content; trailing line ends and comments are not part of it.
    pub(super) end: usize,
    /// Line, from 1.
    pub(super) line: usize,
    /// Column in characters, from 0.
    pub(super) column: usize,
    /// Identity of its anchor; 0 for none.
    pub(super) anchor: usize,
    pub(super) tag: Option<Tag>,
    /// First byte of anchor and tag, if it has any.
    pub(super) properties: Option<usize>,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Shape<'t> {
    /// Nothing: what stands between `key:` and the end of the line. Its span is the place for a value.
    Missing,
    Scalar {
        text: Cow<'t, str>,
        style: ScalarStyle,
    },
    /// A reference to an anchor.
    Alias(usize),
    List {
        flow: bool,
        items: Vec<Item<'t>>,
    },
    Map {
        flow: bool,
        entries: Vec<Pair<'t>>,
    },
}

/// An item of a list.
#[derive(Debug)]
pub(super) struct Item<'t> {
    /// Byte of its dash; in flow style the first byte of the item.
    pub(super) dash: usize,
    pub(super) value: Syntax<'t>,
}

/// An entry of a map.
#[derive(Debug)]
pub(super) struct Pair<'t> {
    /// First byte, the `?` of an explicit key included.
    pub(super) start: usize,
    pub(super) key: Syntax<'t>,
    /// Byte after the colon (after the key where there is none).
    pub(super) after_colon: usize,
    pub(super) value: Syntax<'t>,
}

impl Pair<'_> {
    /// The byte after it.
    pub(super) fn end(&self) -> usize {
        self.value.end.max(self.after_colon)
    }
}

impl Syntax<'_> {
    /// First byte, anchor and tag included.
    pub(super) fn outset(&self) -> usize {
        self.properties.map_or(self.start, |properties| properties.min(self.start))
    }

    /// Whether it is a plain scalar without a tag.
    pub(super) fn is_plain(&self) -> bool {
        self.tag.is_none() && matches!(self.shape, Shape::Scalar { style: ScalarStyle::Plain, .. })
    }

    /// Whether it is the key `<<`.
    pub(super) fn is_merge_key(&self) -> bool {
        let may_be = self.is_plain() || self.tag == Some(Tag::Merge);
        may_be && matches!(&self.shape, Shape::Scalar { text, .. } if text == "<<")
    }

    /// Whether it is a list or map in flow style.
    pub(super) fn is_flow(&self) -> bool {
        matches!(self.shape, Shape::List { flow: true, .. } | Shape::Map { flow: true, .. })
    }

    /// The nodes directly below.
    pub(super) fn children(&self) -> Vec<&Self> {
        match &self.shape {
            Shape::List { items, .. } => items.iter().map(|item| &item.value).collect(),
            Shape::Map { entries, .. } => entries.iter().flat_map(|pair| [&pair.key, &pair.value]).collect(),
            _ => Vec::new(),
        }
    }
}

/// Reads the structure of every document of a text.
pub(super) fn locate(text: &str) -> Result<Vec<DocumentSyntax<'_>>, YamlError> {
    let options = options! {
        emit_anchor_events: true,
        emit_comments: false,
        flow_nesting_limit: NESTING,
        block_nesting_limit: NESTING,
    };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { text, parser, aliased: HashSet::new() };
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.take()? {
        let Event::DocumentStart(explicit, _) = event else { continue };
        let (start, end) = bytes(&span);
        let from = if explicit { end } else { start };
        let root = match reader.peek()? {
            None | Some(Event::DocumentEnd) => {
                Syntax { shape: Shape::Missing, end: from, ..Syntax::at(from, &span, &Event::DocumentEnd) }
            }
            Some(_) => reader.node(from)?,
        };
        let empty = matches!(root.shape, Shape::Missing);
        let line = if empty { span.start.line() } else { root.line };
        documents.push(DocumentSyntax { line, root, aliased: std::mem::take(&mut reader.aliased) });
    }
    Ok(documents)
}

fn bytes(span: &Span) -> (usize, usize) {
    span.byte_range().map_or((0, 0), |range| (range.start, range.end))
}

impl<'t> Syntax<'t> {
    fn at(from: usize, span: &Span, event: &Event<'t>) -> Self {
        let (start, end) = span.byte_range().map_or((from, from), |range| (range.start, range.end));
        let tag = event.tag().map(|tag| Tag::named(&format!("{}{}", tag.handle(), tag.suffix())));
        Self {
            shape: Shape::Missing,
            start,
            end,
            line: span.start.line(),
            column: span.start.col(),
            anchor: 0,
            tag,
            properties: None,
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    aliased: HashSet<usize>,
}

impl<'t> Reader<'t> {
    fn take(&mut self) -> Result<Option<(Event<'t>, Span)>, YamlError> {
        self.parser.next().transpose().map_err(|error| refusal(&error))
    }

    fn peek(&mut self) -> Result<Option<&Event<'t>>, YamlError> {
        match self.parser.peek() {
            None => Ok(None),
            Some(Ok((event, _))) => Ok(Some(event)),
            Some(Err(error)) => Err(refusal(&error)),
        }
    }

    /// Reads one node; `from` is a byte before it with nothing but blanks, comments, anchor and tag between.
    fn node(&mut self, from: usize) -> Result<Syntax<'t>, YamlError> {
        let Some((event, span)) = self.take()? else { return Err(ended(self.text)) };
        let mut node = Syntax::at(from, &span, &event);
        let after = self.properties(&mut node, &span, from)?;
        match event {
            Event::Alias(anchor) => {
                self.aliased.insert(anchor);
                node.shape = Shape::Alias(anchor);
            }
            Event::Scalar(text, style, anchor, _) => {
                node.anchor = anchor;
                self.scalar(&mut node, text, style, after);
            }
            Event::SequenceStart(style, anchor, _) => {
                node.anchor = anchor;
                self.list(&mut node, style == StructureStyle::Flow, after)?;
            }
            Event::MappingStart(style, anchor, _) => {
                node.anchor = anchor;
                self.map(&mut node, style == StructureStyle::Flow, after)?;
            }
            _ => return Err(YamlError { message: "the text ends in the middle".to_owned(), line: span.start.line() }),
        }
        Ok(node)
    }

    /// Notes anchor and tag, and gives the byte after them.
    fn properties(&mut self, node: &mut Syntax<'t>, span: &Span, from: usize) -> Result<usize, YamlError> {
        let mut spans: Vec<(usize, usize)> = span.tag_span().map(|tag| bytes(&tag)).into_iter().collect();
        if matches!(self.peek()?, Some(Event::Anchor(..)))
            && let Some((_, anchor)) = self.take()?
        {
            spans.push(bytes(&anchor));
        }
        node.properties = spans.iter().map(|span| span.0).min();
        Ok(spans.iter().map(|span| span.1).max().unwrap_or(from).max(from))
    }

    fn scalar(&self, node: &mut Syntax<'t>, text: Cow<'t, str>, style: ScalarStyle, after: usize) {
        if style == ScalarStyle::Plain && node.start == node.end {
            // the parser places a missing value at the next token; an edit wants it where the value would stand
            (node.start, node.end) = (after, after);
            return;
        }
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            // the parser's span begins after the header and runs up to the next token
            let header = skip_blanks(self.text, after);
            node.end = block_scalar_end(self.text, header, (node.start, node.end), node.column);
            node.line = line_before(self.text, header, node.start, node.line);
            node.start = header;
            node.column = column(self.text, header);
        }
        node.shape = Shape::Scalar { text, style };
    }

    fn list(&mut self, node: &mut Syntax<'t>, flow: bool, after: usize) -> Result<(), YamlError> {
        let mut items: Vec<Item<'t>> = Vec::new();
        let mut end = if flow { node.end } else { after };
        loop {
            if matches!(self.peek()?, Some(Event::SequenceEnd)) {
                if let (Some((_, span)), true) = (self.take()?, flow) {
                    end = bytes(&span).1;
                }
                break;
            }
            let dash = skip_blanks(self.text, end);
            if !flow && self.text.as_bytes().get(dash) != Some(&b'-') {
                return Err(YamlError { message: LOST.to_owned(), line: node.line });
            }
            let value = self.node(if flow { dash } else { dash + 1 })?;
            end = value.end;
            let dash = if flow { value.outset() } else { dash };
            items.push(Item { dash, value });
            if flow {
                end = after_comma(self.text, end);
            }
        }
        if !flow && let Some(first) = items.first() {
            node.start = first.dash;
            node.column = column(self.text, first.dash);
            node.line = line_before(self.text, first.dash, first.value.start, first.value.line);
        }
        node.end = end;
        node.shape = Shape::List { flow, items };
        Ok(())
    }

    fn map(&mut self, node: &mut Syntax<'t>, flow: bool, after: usize) -> Result<(), YamlError> {
        let mut entries: Vec<Pair<'t>> = Vec::new();
        let mut end = if flow { node.end } else { after };
        loop {
            if matches!(self.peek()?, Some(Event::MappingEnd)) {
                if let (Some((_, span)), true) = (self.take()?, flow) {
                    end = bytes(&span).1;
                }
                break;
            }
            let mut from = skip_blanks(self.text, end);
            let mut start = None;
            // an explicit key, `? key`
            if self.text.as_bytes().get(from) == Some(&b'?')
                && matches!(self.text.as_bytes().get(from + 1), Some(b' ' | b'\t' | b'\r' | b'\n'))
            {
                start = Some(from);
                from += 1;
            }
            let key = self.node(from)?;
            let start = start.unwrap_or_else(|| key.outset());
            let colon = skip_blanks(self.text, key.end);
            let has_colon = self.text.as_bytes().get(colon) == Some(&b':');
            let after_colon = if has_colon { colon + 1 } else { key.end };
            let value = self.node(after_colon)?;
            end = if flow { after_comma(self.text, value.end) } else { value.end };
            entries.push(Pair { start, key, after_colon, value });
        }
        if !flow && let Some(first) = entries.first() {
            node.column = column(self.text, first.start);
        }
        node.end = end;
        node.shape = Shape::Map { flow, entries };
        Ok(())
    }
}

fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].chars().count()
}

/// The line of `at`, which lies before `known` on line `line`.
fn line_before(text: &str, at: usize, known: usize, line: usize) -> usize {
    let mut between = 0;
    let mut at = at;
    while at < known && next_line(text, at) <= known {
        at = next_line(text, at);
        between += 1;
    }
    line.saturating_sub(between).max(1)
}

/// The byte after a comma, if the next thing is one.
fn after_comma(text: &str, at: usize) -> usize {
    let next = skip_blanks(text, at);
    if text.as_bytes().get(next) == Some(&b',') { next + 1 } else { at }
}

/// The end of a block scalar: of its last line with content, or of its last line where it keeps blank lines.
/// `indent` is the column of its content, at which its span begins.
fn block_scalar_end(text: &str, header: usize, (start, end): (usize, usize), indent: usize) -> usize {
    let indicators = text[header..].find(|char: char| !matches!(char, '|' | '>' | '+' | '-' | '0'..='9')).unwrap_or(0);
    let keeps = text[header..header + indicators].contains('+');
    let mut last = header + indicators;
    let mut at = start.max(last);
    while at < end {
        let line = line_end(text, at).min(end);
        let complete = line < end || end == text.len();
        let has_content = line - line_start(text, at) > indent || !text[at..line].trim().is_empty();
        if has_content || keeps && complete {
            last = line;
        }
        at = next_line(text, at);
    }
    last
}

fn refusal(error: &ScanError) -> YamlError {
    YamlError { message: error.kind().to_string().to_lowercase(), line: error.marker().line() }
}

fn ended(text: &str) -> YamlError {
    YamlError { message: "the text ends in the middle".to_owned(), line: text.lines().count().max(1) }
}
