//! Typed access to a YAML mapping that collects every problem with its line: wrong types, unknown keys, missing ones.

use std::cell::{Cell, RefCell};

use serde_json::Value;
use similar::TextDiff;

use crate::domain::problem::{Place, Problem};
use crate::domain::yaml::{Content, Entry, Node};

/// Where the problems of one file are collected.
#[derive(Debug)]
pub(super) struct Sink {
    file: String,
    problems: RefCell<Vec<Problem>>,
}

impl Sink {
    pub(super) fn new(file: impl Into<String>) -> Self {
        Self { file: file.into(), problems: RefCell::default() }
    }

    pub(super) fn error(&self, line: usize, message: impl Into<String>, help: impl Into<String>) {
        let problem = Problem::error(message).at(Place::line(&*self.file, line));
        let help = help.into();
        self.push(if help.is_empty() { problem } else { problem.help(help) });
    }

    pub(super) fn push(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// One mapping. Keys that no accessor asked for are unknown when it is dropped.
pub(super) struct Fields<'n, 's> {
    entries: &'n [Entry],
    /// Where it starts.
    pub(super) line: usize,
    at: String,
    known: RefCell<Vec<&'static str>>,
    open: Cell<bool>,
    /// Where its problems go.
    pub(super) sink: &'s Sink,
}

impl Drop for Fields<'_, '_> {
    fn drop(&mut self) {
        if self.open.get() {
            return;
        }
        let known = self.known.borrow();
        for entry in self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let message = format!("unknown key `{}`{}", entry.key, self.within());
            self.sink.error(entry.line, message, suggestion(&entry.key, known.iter().copied()));
        }
    }
}

/// "did you mean `x`?", or the list of what there is.
pub(super) fn suggestion<'k>(wrong: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    let likeness = |known: &str| TextDiff::from_chars(wrong, known).ratio();
    let nearest = known.clone().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    match nearest.filter(|nearest| likeness(nearest) > 0.6) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("known are {}", known.map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ")),
    }
}

impl<'n, 's> Fields<'n, 's> {
    /// The mapping at the top of a file; an empty file is an empty mapping.
    pub(super) fn top(root: Option<&'n Node>, sink: &'s Sink) -> Self {
        match root {
            Some(node) => Self::of(node, String::new(), sink),
            None => Self::build(&[], 1, String::new(), sink),
        }
    }

    /// A node that has to be a mapping; where it is none, that is a problem and the mapping is empty.
    pub(super) fn of(node: &'n Node, at: String, sink: &'s Sink) -> Self {
        match &node.content {
            Content::Map(entries) => Self::build(entries, node.line, at, sink),
            other => {
                let name = if at.is_empty() { "the file".to_owned() } else { format!("`{at}`") };
                sink.error(node.line, format!("{name} has to be a mapping, not {}", kind_of(other)), "");
                Self::build(&[], node.line, at, sink)
            }
        }
    }

    fn build(entries: &'n [Entry], line: usize, at: String, sink: &'s Sink) -> Self {
        Self { entries, line, at, known: RefCell::default(), open: Cell::new(false), sink }
    }

    fn within(&self) -> String {
        if self.at.is_empty() { String::new() } else { format!(" in `{}`", self.at) }
    }

    fn path(&self, key: &str) -> String {
        if self.at.is_empty() { key.to_owned() } else { format!("{}.{key}", self.at) }
    }

    /// Accepts keys that no accessor asks for, where names are free.
    pub(super) fn entries(&self) -> &'n [Entry] {
        self.open.set(true);
        self.entries
    }

    /// The node of a key; `null` counts as not given.
    pub(super) fn node(&self, key: &'static str) -> Option<&'n Node> {
        self.know(key);
        let entry = self.entries.iter().rev().find(|entry| entry.key == key)?;
        (!matches!(entry.value.content, Content::Scalar(Value::Null))).then_some(&entry.value)
    }

    fn know(&self, key: &'static str) {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
    }

    /// Whether a key is given.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.know(key);
        self.entries.iter().any(|entry| entry.key == key)
    }

    fn wrong(&self, key: &str, node: &Node, wanted: &str) {
        let message = format!("`{}` has to be {wanted}, not {}", self.path(key), kind_of(&node.content));
        self.sink.error(node.line, message, "");
    }

    /// A problem at the value of a key.
    pub(super) fn refuse(&self, key: &str, message: impl std::fmt::Display, help: impl Into<String>) {
        let line = self.entries.iter().find(|entry| entry.key == key).map_or(self.line, |entry| entry.value.line);
        self.sink.error(line, format!("`{}`: {message}", self.path(key)), help);
    }

    /// A text; numbers and bools are taken as they would be written, since `name: 1` means the name 1.
    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        let node = self.node(key)?;
        let text = text_of(node);
        if text.is_none() {
            self.wrong(key, node, "a text");
        }
        text
    }

    /// A text that has to be given.
    pub(super) fn required(&self, key: &'static str) -> Option<String> {
        let missing = self.node(key).is_none();
        if missing {
            self.sink.error(self.line, format!("`{}` is missing", self.path(key)), "");
            return None;
        }
        self.text(key).filter(|text| {
            if text.is_empty() {
                self.refuse(key, "is empty", "");
            }
            !text.is_empty()
        })
    }

    /// One text or a list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Vec<String> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let nodes = match &node.content {
            Content::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        let mut texts = Vec::new();
        for node in nodes {
            match text_of(node) {
                Some(text) => texts.push(text),
                None => self.wrong(key, node, "a text or a list of texts"),
            }
        }
        texts
    }

    /// Labels of pull requests. GitHub takes none over 50 characters, and would refuse it in every run.
    pub(super) fn labels(&self, key: &'static str) -> Vec<String> {
        const LONGEST: usize = 50;
        let labels = self.texts(key);
        for label in labels.iter().filter(|label| label.chars().count() > LONGEST) {
            self.refuse(key, format!("`{label}` is longer than {LONGEST} characters"), "shorten it");
        }
        labels
    }

    /// One name of a closed list, or a list of them.
    pub(super) fn names<T: Copy>(&self, key: &'static str, all: &[T], name: impl Fn(T) -> &'static str) -> Vec<T> {
        let mut found = Vec::new();
        for text in self.texts(key) {
            match all.iter().copied().find(|value| name(*value) == text) {
                Some(value) => found.push(value),
                None => {
                    let names = all.iter().map(|value| name(*value)).collect::<Vec<_>>();
                    self.refuse(
                        key,
                        format!("`{text}` is none of its values"),
                        suggestion(&text, names.iter().copied()),
                    );
                }
            }
        }
        found
    }

    /// A bool.
    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        let node = self.node(key)?;
        let flag = if let Content::Scalar(Value::Bool(flag)) = node.content { Some(flag) } else { None };
        if flag.is_none() {
            self.wrong(key, node, "true or false");
        }
        flag
    }

    /// A whole number within bounds.
    pub(super) fn whole(&self, key: &'static str, bounds: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let node = self.node(key)?;
        let Content::Scalar(Value::Number(number)) = &node.content else {
            self.wrong(key, node, "a whole number");
            return None;
        };
        let number = number.as_u64().filter(|number| bounds.contains(number));
        if number.is_none() {
            self.refuse(key, format!("has to be a whole number from {} to {}", bounds.start(), bounds.end()), "");
        }
        number
    }

    /// Free names with a text each, such as labels.
    pub(super) fn text_map(&self, key: &'static str) -> Vec<(String, String)> {
        let Some(fields) = self.map(key) else { return Vec::new() };
        let mut texts = Vec::new();
        for entry in fields.entries() {
            match text_of(&entry.value) {
                Some(text) => texts.push((entry.key.clone(), text)),
                None => fields.wrong(&entry.key, &entry.value, "a text"),
            }
        }
        texts
    }

    /// A mapping.
    pub(super) fn map(&self, key: &'static str) -> Option<Self> {
        self.node(key).map(|node| Self::of(node, self.path(key), self.sink))
    }

    /// A list of mappings.
    pub(super) fn maps(&self, key: &'static str) -> Vec<Self> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let Content::List(items) = &node.content else {
            self.wrong(key, node, "a list");
            return Vec::new();
        };
        let at = |index: usize| format!("{}[{index}]", self.path(key));
        items.iter().enumerate().map(|(index, node)| Self::of(node, at(index), self.sink)).collect()
    }
}

/// A scalar as text.
pub(super) fn text_of(node: &Node) -> Option<String> {
    match &node.content {
        Content::Scalar(Value::String(text)) => Some(text.clone()),
        Content::Scalar(scalar @ (Value::Number(_) | Value::Bool(_))) => Some(scalar.to_string()),
        _ => None,
    }
}

fn kind_of(content: &Content) -> &'static str {
    match content {
        Content::Scalar(Value::Null) => "empty",
        Content::Scalar(Value::Bool(_)) => "a bool",
        Content::Scalar(Value::Number(_)) => "a number",
        Content::Scalar(_) => "a text",
        Content::List(_) => "a list",
        Content::Map(_) => "a mapping",
    }
}
