//! The one reader: text → documents, values resolved as kubectl (go-yaml, YAML 1.1) resolves them.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

pub use crate::domain::yaml::locate::YamlError;
use crate::domain::yaml::locate::{DocumentSyntax, Shape, Syntax, locate};
use crate::domain::yaml::scalar::{self, Tag};

/// How deep values may be nested, aliases followed; serde_json stops reading at 128.
const DEPTH: usize = 100;
/// How much may come out of aliases in one text: one per value and one more per 32 bytes.
const ALIAS_BUDGET: usize = 400_000;

/// One YAML document of a file.
#[derive(Debug, Clone)]
pub struct Document {
    /// Position in the file, counted from 0, empty documents included.
    pub index: usize,
    /// Line of the first node (or of the document's start where it is empty), from 1.
    pub line: usize,
    /// Its content; none for an empty document (nothing, comments only, or `null`).
    pub root: Option<Node>,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub content: Content,
    /// Line at which it starts, from 1.
    pub line: usize,
    /// Column at which it starts, from 1.
    pub column: usize,
}

/// What a [`Node`] holds, after aliases and merge keys are resolved.
#[derive(Debug, Clone)]
pub enum Content {
    /// null, bool, number or text, resolved by YAML 1.1 rules.
    Scalar(Value),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key as text, as kubectl makes one of it (`yes:` is `true`).
    pub key: String,
    /// Line of the key, from 1.
    pub line: usize,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value without places.
    pub fn to_json(&self) -> Value {
        match &self.content {
            Content::Scalar(value) => value.clone(),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Map(entries) => {
                Value::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect())
            }
        }
    }

    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }
}

/// Reads every document of a file. The first thing that is no YAML ends the reading with its line.
pub fn read_documents(text: &str) -> Result<Vec<Document>, YamlError> {
    resolve(&locate(text)?)
}

/// Resolves the documents of a file.
pub(super) fn resolve(documents: &[DocumentSyntax<'_>]) -> Result<Vec<Document>, YamlError> {
    let mut left = ALIAS_BUDGET;
    documents.iter().enumerate().map(|(index, document)| read_document(index, document, &mut left)).collect()
}

/// Answers `!include FILE`: what is to stand in its place, or why that cannot be had.
pub type Include<'i> = dyn FnMut(&str) -> Result<Content, String> + 'i;

/// Reads a values file, one document whose numbers stay as they are written; none where it is empty.
pub fn read_values(text: &str, include: &mut Include<'_>) -> Result<Option<Node>, YamlError> {
    let documents = locate(text)?;
    if let Some(second) = documents.get(1) {
        let message = "a values file has one document, and here a second begins".to_owned();
        return Err(YamlError { message, line: second.line });
    }
    let Some(document) = documents.first() else { return Ok(None) };
    let mut resolver = Resolver { include: Some(include), ..Resolver::new(document, ALIAS_BUDGET) };
    let root = resolver.node(&document.root, 0)?;
    Ok((!matches!(root.content, Content::Scalar(Value::Null))).then_some(root))
}

/// Keys that stand in one mapping twice, each with the line of the second. kubectl lets the last one win without a word;
/// who writes a file for people may want to know.
pub fn repeated_keys(text: &str) -> Result<Vec<(String, usize)>, YamlError> {
    let documents = locate(text)?;
    let mut repeated = Vec::new();
    let mut nodes: Vec<&Syntax<'_>> = documents.iter().map(|document| &document.root).collect();
    while let Some(node) = nodes.pop() {
        nodes.extend(node.children());
        let Shape::Map { entries, .. } = &node.shape else { continue };
        let mut seen = HashSet::new();
        for pair in entries.iter().filter(|pair| !pair.key.is_merge_key()) {
            if let Some(key) = key_text(&pair.key)
                && !seen.insert(key.clone())
            {
                repeated.push((key, pair.key.line));
            }
        }
    }
    repeated.sort_by_key(|(_, line)| *line);
    Ok(repeated)
}

fn read_document(index: usize, document: &DocumentSyntax<'_>, left: &mut usize) -> Result<Document, YamlError> {
    let mut resolver = Resolver::new(document, *left);
    let root = resolver.node(&document.root, 0)?;
    *left = resolver.left;
    let empty = matches!(root.content, Content::Scalar(Value::Null));
    Ok(Document { index, line: document.line, root: (!empty).then_some(root) })
}

/// The text of a key, as [`Entry::key`] gives it; none where it is no scalar.
pub(super) fn key_text(key: &Syntax<'_>) -> Option<String> {
    let Shape::Scalar { text, .. } = &key.shape else { return None };
    scalar::key(text, key.is_plain(), key.tag).ok()
}

/// Follows aliases and merge keys of one document, and includes where there are any.
struct Resolver<'d, 't, 'i> {
    anchors: HashMap<usize, &'d Syntax<'t>>,
    /// The aliases that are being followed.
    open: Vec<usize>,
    left: usize,
    /// Only for values files.
    include: Option<&'i mut Include<'i>>,
}

impl<'d, 't, 'i> Resolver<'d, 't, 'i> {
    fn new(document: &'d DocumentSyntax<'t>, left: usize) -> Self {
        let mut anchors = HashMap::new();
        if !document.aliased.is_empty() {
            let mut nodes = vec![&document.root];
            while let Some(node) = nodes.pop() {
                if node.anchor != 0 {
                    anchors.insert(node.anchor, node);
                }
                nodes.extend(node.children());
            }
        }
        Self { anchors, open: Vec::new(), left, include: None }
    }

    fn node(&mut self, syntax: &'d Syntax<'t>, depth: usize) -> Result<Node, YamlError> {
        if depth > DEPTH {
            return Err(refuse(syntax, "the value is nested too deep"));
        }
        if !self.open.is_empty() {
            self.spend(syntax)?;
        }
        let content = match &syntax.shape {
            Shape::Missing => Content::Scalar(self.scalar(syntax, "", true)?),
            Shape::Scalar { text, .. } => match (&mut self.include, syntax.tag) {
                (Some(include), Some(Tag::Include)) => include(text).map_err(|message| refuse(syntax, &message))?,
                _ => Content::Scalar(self.scalar(syntax, text, syntax.is_plain())?),
            },
            Shape::Alias(anchor) => self.follow(syntax, *anchor, depth)?.content,
            Shape::List { items, .. } => {
                Content::List(items.iter().map(|item| self.node(&item.value, depth + 1)).collect::<Result<_, _>>()?)
            }
            Shape::Map { entries, .. } => {
                let mut map = MapBuilder::default();
                for pair in entries {
                    if pair.key.is_merge_key() {
                        self.merge(&pair.value, depth, &mut map)?;
                    } else {
                        let key = self.key(&pair.key)?;
                        let value = self.node(&pair.value, depth + 1)?;
                        map.put(Entry { key, line: pair.key.line, value });
                    }
                }
                Content::Map(map.entries)
            }
        };
        Ok(Node { content, line: syntax.line, column: syntax.column + 1 })
    }

    fn scalar(&self, syntax: &Syntax<'_>, text: &str, plain: bool) -> Result<Value, YamlError> {
        let value = if self.include.is_some() { scalar::value_as_written } else { scalar::value };
        value(text, plain, syntax.tag).map_err(|message| refuse(syntax, message))
    }

    fn spend(&mut self, syntax: &Syntax<'_>) -> Result<(), YamlError> {
        let length = if let Shape::Scalar { text, .. } = &syntax.shape { text.len() } else { 0 };
        self.left = self
            .left
            .checked_sub(1 + length / 32)
            .ok_or_else(|| refuse(syntax, "the aliases of this file expand to too much"))?;
        Ok(())
    }

    fn target(&self, alias: &Syntax<'_>, anchor: usize) -> Result<&'d Syntax<'t>, YamlError> {
        if self.open.contains(&anchor) {
            return Err(refuse(alias, "an anchor contains itself"));
        }
        self.anchors.get(&anchor).copied().ok_or_else(|| refuse(alias, "an alias refers to no anchor"))
    }

    fn follow(&mut self, alias: &Syntax<'_>, anchor: usize, depth: usize) -> Result<Node, YamlError> {
        let target = self.target(alias, anchor)?;
        self.open.push(anchor);
        let node = self.node(target, depth);
        self.open.pop();
        node
    }

    fn key(&mut self, key: &'d Syntax<'t>) -> Result<String, YamlError> {
        match &key.shape {
            Shape::Scalar { text, .. } if self.include.is_some() && scalar::is_letter_of_bool(text) => {
                Ok(text.clone().into_owned())
            }
            Shape::Scalar { text, .. } => {
                scalar::key(text, key.is_plain(), key.tag).map_err(|message| refuse(key, message))
            }
            Shape::Missing => Err(refuse(key, "a key is empty, quote it or give it a name")),
            Shape::Alias(anchor) => {
                let target = self.target(key, *anchor)?;
                self.spend(target)?;
                key_text(target).ok_or_else(|| refuse(key, "a key is no text"))
            }
            Shape::List { .. } | Shape::Map { .. } => Err(refuse(key, "a list or map cannot be a key")),
        }
    }

    /// Merges as go-yaml v2 does: in the order of the file, so that a merge after a key overrules it; in a list of
    /// maps the first wins.
    fn merge(&mut self, value: &'d Syntax<'t>, depth: usize, map: &mut MapBuilder) -> Result<(), YamlError> {
        let merged = match &value.shape {
            Shape::List { items, .. } => {
                items.iter().rev().map(|item| self.node(&item.value, depth + 1)).collect::<Result<Vec<_>, _>>()?
            }
            _ => vec![self.node(value, depth + 1)?],
        };
        for node in merged {
            let Content::Map(entries) = node.content else {
                return Err(refuse(value, "a merge key `<<` takes a map or a list of maps"));
            };
            entries.into_iter().for_each(|entry| map.put(entry));
        }
        Ok(())
    }
}

/// Entries in the order of the file, of which the last of a name wins.
#[derive(Default)]
struct MapBuilder {
    entries: Vec<Entry>,
    /// Places by key, once there are many.
    places: HashMap<String, usize>,
}

impl MapBuilder {
    const FEW: usize = 16;

    fn put(&mut self, entry: Entry) {
        let place = if self.entries.len() < Self::FEW {
            self.entries.iter().position(|other| other.key == entry.key)
        } else {
            if self.places.is_empty() {
                self.places.extend(self.entries.iter().enumerate().map(|(place, other)| (other.key.clone(), place)));
            }
            self.places.get(&entry.key).copied()
        };
        if let Some(place) = place {
            self.entries[place] = entry;
            return;
        }
        if !self.places.is_empty() {
            self.places.insert(entry.key.clone(), self.entries.len());
        }
        self.entries.push(entry);
    }
}

fn refuse(syntax: &Syntax<'_>, message: &str) -> YamlError {
    YamlError { message: message.to_owned(), line: syntax.line }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(text: &str) -> Vec<Value> {
        let documents = read_documents(text).unwrap_or_else(|error| panic!("line {}: {error}", error.line));
        documents.iter().map(|document| document.root.as_ref().map_or(Value::Null, Node::to_json)).collect()
    }

    /// Whole documents mean what kubectl makes of them.
    #[test]
    fn documents_mean_what_kubectl_reads() {
        for (text, expected) in [
            ("a: 0644\nyes: on\n1.10: 1.0\n", json!({"a": 420, "true": true, "1.1": 1})),
            ("b: 1\n<<: {b: 2, c: 3}\nc: 4\n", json!({"b": 2, "c": 4})),
            ("m: {b: 5, <<: [{b: 6, z: 1}, {b: 7, x: 2}]}", json!({"m": {"b": 6, "z": 1, "x": 2}})),
            (
                "a: &x {k: 1}\nb: *x\nc:\n  <<: *x\n  q: 2\n",
                json!({"a": {"k": 1}, "b": {"k": 1}, "c": {"k": 1, "q": 2}}),
            ),
            ("a: &x 1\nb: &x 2\nc: *x\n", json!({"a": 1, "b": 2, "c": 2})),
            ("&k a: 1\nb: {*k : 2}\n", json!({"a": 1, "b": {"a": 2}})),
            ("\"<<\": {a: 1}\n", json!({"<<": {"a": 1}})),
            ("!!merge <<: {a: 1}\n", json!({"a": 1})),
            ("d: 1\nd: 2\n", json!({"d": 2})),
            ("a:\nb: ~\nc: ''\nd: !!str\n", json!({"a": null, "b": null, "c": "", "d": ""})),
            (
                "b: !!binary aGVsbG8=\ns: !!str 5\ni: !!int \"5\"\nm: !x {a: !y 1}\n",
                json!({"b": "hello", "s": "5", "i": 5, "m": {"a": "1"}}),
            ),
            ("\u{feff}a: 1\r\nb: |\r\n  x\r\n  y\r\n", json!({"a": 1, "b": "x\ny\n"})),
            ("{\n\t\"a\"\t: \"x\\/y\\u00e9\",\n\t\"b\": [1.50, 1e3]\n}\n", json!({"a": "x/yé", "b": [1.5, 1000]})),
            ("a: 1 # c\rb: 2\r# d\r", json!({"a": 1, "b": 2})),
            ("a: # b\r- c # d\r- e\r", json!({"a": ["c", "e"]})),
            ("b: |\n  text", json!({"b": "text\n"})),
            ("b: >-\n  some\n  text\n\n  more\n", json!({"b": "some text\nmore"})),
            ("%YAML 1.1\n---\na: ! 12\n", json!({"a": "12"})),
        ] {
            assert_eq!(values(text), [expected], "{text}");
        }
    }

    /// Every document counts, empty ones too, and knows its line.
    #[test]
    fn documents_are_counted() {
        let text = "# header\n---\na: 1\n---\n---\n# only a comment\n---\nnull\n...\n---\n# c\nb: 2\n";
        let documents = read_documents(text).unwrap();
        let seen: Vec<_> = documents.iter().map(|d| (d.index, d.line, d.root.is_some())).collect();
        assert_eq!(seen, [(0, 3, true), (1, 4, false), (2, 5, false), (3, 8, false), (4, 12, true)]);
        assert!(read_documents("").unwrap().is_empty());
        assert!(read_documents("# nothing\n").unwrap().iter().all(|document| document.root.is_none()));
    }

    /// Lines and columns are those of the text.
    #[test]
    fn places_are_those_of_the_text() {
        let text = "spec:\n  list:\n  # c - d\n  - name: x\n    text: |\n      a\n  -\n    b: &a\n      c: 1\n  flow: {k: [1, zz]}\n";
        let documents = read_documents(text).unwrap();
        let spec = documents[0].root.as_ref().unwrap().get("spec").unwrap();
        let list = spec.get("list").unwrap();
        let Content::List(items) = &list.content else { panic!() };
        let Content::List(flow) = &spec.get("flow").unwrap().get("k").unwrap().content else { panic!() };
        let places = [list, &items[0], items[0].get("text").unwrap(), &items[1], items[1].get("b").unwrap(), &flow[1]];
        let places = places.map(|node| (node.line, node.column));
        assert_eq!(places, [(4, 3), (4, 5), (5, 11), (8, 5), (9, 7), (10, 17)]);
        let Content::Map(entries) = &spec.content else { panic!() };
        assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [2, 10]);
    }

    /// What is no YAML, and what would take too much, is refused with its line and without its content.
    #[test]
    fn refusals_have_a_line() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..9 {
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(","));
        }
        let wide = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(100_000), ["*a"; 1000].join(","));
        let mut chain = "a0: &a0 {x: 1}\n".to_owned();
        for level in 1..5000 {
            chain += &format!("a{level}: &a{level} {{x: *a{}}}\n", level - 1);
        }
        for (text, line, message) in [
            ("a: 1\nb: [1\nc: hunter2\n", 3, "':'"),
            ("a: 1\n\tb: hunter2\n", 1, ""),
            ("a: .inf\n", 1, "infinity"),
            ("a:\n  ? [x]\n  : 1\n", 2, "key"),
            ("~: 1\n", 1, "key"),
            ("a: *hunter2\n", 1, "unknown anchor"),
            ("a: 1\nx: &a [*a]\n", 2, "itself"),
            ("a: 1\n<<: 5\n", 2, "merge"),
            ("a: 1\nb: !!int hunter2\n", 2, "tag"),
            (&bomb, 1, "too much"),
            (&wide, 1, "too much"),
            (&chain, 1, "deep"),
            (&chain.replace("{x: *", "{<<: *"), 1, "deep"),
            (&"[".repeat(5000), 1, "limit"),
            (&"- ".repeat(5000), 1, "limit"),
        ] {
            let error = read_documents(text).expect_err(&text[..text.len().min(40)]);
            assert!(error.message.contains(message), "{text:.40}: {error}");
            assert!(error.line == line || text.len() > 1000, "{text:.40}: line {}", error.line);
            assert!(!error.message.contains("hunter2"), "{error}");
        }
    }
}
