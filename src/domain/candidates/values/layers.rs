//! The values of a source in layers, and what they come to together: a chart's own below, the values files above them, and
//! above each file what it includes.

use serde_json::{Map, Value};

use crate::domain::candidates::Sought;
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::kustomization::folder_of;
use crate::domain::repository_path::inside;
use crate::domain::yaml::edit::{Action, Edit, apply};
use crate::domain::yaml::write::to_yaml;
use crate::domain::yaml::{Content, read_documents, read_values};

/// Values that are looked at.
const MOST_NODES: usize = 20_000;
/// Maps in maps after which no more are looked into.
const DEEPEST: usize = 32;
/// Layers that are read.
const MOST_LAYERS: usize = 100;
/// How deep files include each other.
const DEEPEST_INCLUDE: usize = 8;

/// The values of a source, the later layers win.
#[derive(Debug)]
pub(super) struct Layers {
    layers: Vec<Layer>,
    /// From this one on they are the source's own, to be edited.
    own: usize,
    /// The one that has the last word on every key.
    last: usize,
    /// What all of them come to.
    merged: Value,
}

#[derive(Debug)]
struct Layer {
    file: String,
    /// Where in the values its content stands.
    at: FieldPath,
    /// The values with this content alone.
    data: Value,
}

impl Layer {
    fn new(file: String, at: FieldPath, content: Value) -> Self {
        let data = at.steps().iter().rev().fold(content, |inner, step| match step {
            Step::Field(name) => Value::Object(Map::from_iter([(name.clone(), inner)])),
            _ => inner,
        });
        Self { file, at, data }
    }
}

/// One value, at any depth.
#[derive(Debug, Clone)]
pub(super) struct Node<'v> {
    /// Where it is in the values.
    pub(super) path: FieldPath,
    /// What it comes to.
    pub(super) value: &'v Value,
}

/// A change of one value in one file, or why it cannot be made there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Write {
    /// The values file.
    pub(super) file: String,
    /// The change.
    pub(super) change: FieldChange,
}

impl Layers {
    /// Reads the values of a source. A file that cannot be read counts as empty: the proof decides.
    pub(super) fn read(sought: &Sought<'_>) -> Self {
        let mut layers = Vec::new();
        let mut own = 0;
        let mut last = 0;
        if let Some(release) = &sought.source.helm {
            charts(sought, &mut layers);
            // a chart's own values are edited only where there is no other place for them
            own = if release.values.is_empty() { layers.len() - 1 } else { layers.len() };
            layers.extend(release.values.iter().map(|file| read(sought, file, FieldPath::root())));
            last = layers.len() - 1;
        }
        for file in sought.source.jinja.iter().flat_map(|templates| &templates.values) {
            last = layers.len();
            with_includes(sought, &[file], FieldPath::root(), &mut layers);
        }
        let mut merged = Value::Object(Map::new());
        for layer in &layers {
            lay_over(&mut merged, &layer.data, DEEPEST);
        }
        Self { layers, own, last, merged }
    }

    /// Every value, the outer ones before what is in them.
    pub(super) fn nodes(&self) -> Vec<Node<'_>> {
        let mut nodes = Vec::new();
        collect(&self.merged, &mut FieldPath::root(), DEEPEST, &mut nodes);
        nodes
    }

    /// Whether there is a value, be it empty.
    pub(super) fn has(&self, path: &FieldPath) -> bool {
        path.get(&self.merged).is_some()
    }

    /// How a change of the values can be written, the nearest place first: where the value stands now if that file is the
    /// source's own, else (and for a file that others read too) in the last file.
    pub(super) fn writes(&self, change: &FieldChange) -> Vec<Write> {
        let key = key_of(&change.path);
        let layers = self.layers.iter().skip(self.own).rev();
        let owner = layers.filter(|layer| key.get(&layer.data).is_some()).find(|layer| key.starts_with(&layer.at));
        let over = self.over(change, &key);
        let mut writes = Vec::new();
        let mut add = |layer: &Layer, change: &FieldChange| {
            let path: FieldPath = change.path.steps().iter().skip(layer.at.steps().len()).cloned().collect();
            let change = FieldChange { path, action: change.action.clone() };
            let write = Write { file: layer.file.clone(), change };
            if !write.change.path.is_root() && !writes.contains(&write) {
                writes.push(write);
            }
        };
        if let Some(owner) = owner {
            add(owner, change);
        }
        if let Some(over) = &over {
            if let (Some(owner), Action::Remove) = (owner, &change.action) {
                add(owner, over);
            }
            // what the last file includes stands in the place of its own keys
            let is_included = self.layers.iter().skip(self.last + 1).any(|layer| key.starts_with(&layer.at));
            if let Some(last) = self.layers.get(self.last).filter(|_| !is_included) {
                add(last, over);
            }
        }
        writes
    }

    /// The change as a file that does not hold the value yet has to say it: a list is written as a whole, and what has to
    /// go is null.
    fn over(&self, change: &FieldChange, key: &FieldPath) -> Option<FieldChange> {
        if change.path == *key {
            return Some(match &change.action {
                Action::Remove => FieldChange::set(key.clone(), Value::Null),
                Action::Set(_) => change.clone(),
            });
        }
        let mut list = key.get(&self.merged)?.clone();
        let steps = change.path.steps().iter().skip(key.steps().len()).cloned();
        FieldChange { path: steps.collect(), action: change.action.clone() }.apply(&mut list).ok()?;
        Some(FieldChange::set(key.clone(), list))
    }
}

/// Makes a change in the text of a values file.
pub(super) fn written(text: &str, change: &FieldChange) -> Result<String, String> {
    let is_empty = read_documents(text).is_ok_and(|documents| documents.iter().all(|document| document.root.is_none()));
    if is_empty {
        let mut data = Value::Null;
        change.apply(&mut data)?;
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Ok(format!("{text}{gap}{}", to_yaml(&data)));
    }
    let edit = Edit { document: 0, list_item: None, path: change.path.clone(), action: change.action.clone() };
    apply(text, &edit).map_err(|error| error.to_string())
}

/// The layers of a chart and of those that it depends on.
fn charts(sought: &Sought<'_>, layers: &mut Vec<Layer>) {
    let chart = &sought.source.path;
    let below = |name: &str| if chart.is_empty() { name.to_owned() } else { format!("{chart}/{name}") };
    let about = sought.files.text(&below("Chart.yaml")).ok().and_then(|text| first_document(&text));
    for (name, key) in subcharts(&about.unwrap_or_default()) {
        let at = FieldPath::fields([key.as_str()]);
        layers.push(read(sought, &below(&format!("charts/{name}/values.yaml")), at));
    }
    layers.push(read(sought, &below("values.yaml"), FieldPath::root()));
}

fn read(sought: &Sought<'_>, file: &str, at: FieldPath) -> Layer {
    let content = sought.files.text(file).ok().and_then(|text| first_document(&text));
    Layer::new(file.to_owned(), at, content.unwrap_or_default())
}

/// The layer of a values file of templates, the last of those that include each other, and those of what it includes by
/// `!include`.
fn with_includes(sought: &Sought<'_>, open: &[&String], at: FieldPath, layers: &mut Vec<Layer>) {
    let Some((file, outer)) = open.split_last() else { return };
    if layers.len() >= MOST_LAYERS || open.len() > DEEPEST_INCLUDE || outer.contains(file) {
        return;
    }
    let folder = folder_of(file);
    let text = sought.files.text(file).unwrap_or_default();
    let mut included = Vec::new();
    let root = read_values(&text, &mut |named| {
        included.push(inside(folder, named));
        // no scalar of YAML is a list: it marks the place of what is included
        Ok(Content::Scalar(Value::from(vec![included.len() - 1])))
    });
    let mut root = root.ok().flatten();
    let mut places = vec![None; included.len()];
    if let Some(root) = &mut root {
        take_marks(&mut root.content, &mut at.clone(), &mut places);
    }
    layers.push(Layer::new(String::clone(file), at, root.map(|root| root.to_json()).unwrap_or_default()));
    for (file, place) in included.iter().zip(places) {
        if let (Some(file), Some(place)) = (file, place) {
            with_includes(sought, &[open, &[file]].concat(), place, layers);
        }
    }
}

/// Takes the marks of included files out of a values file, and notes where they stood. What stands in a list is not merged
/// and has no layer.
fn take_marks(content: &mut Content, path: &mut FieldPath, places: &mut [Option<FieldPath>]) {
    match content {
        Content::Map(entries) => {
            for entry in entries {
                path.push(Step::Field(entry.key.clone()));
                take_marks(&mut entry.value.content, path, places);
                path.pop();
            }
        }
        Content::Scalar(Value::Array(mark)) => {
            let place =
                mark.first().and_then(Value::as_u64).and_then(|number| places.get_mut(usize::try_from(number).ok()?));
            if let Some(place) = place {
                *place = Some(path.clone());
            }
            *content = Content::Scalar(Value::Null);
        }
        Content::List(items) => {
            items.iter_mut().for_each(|item| take_marks(&mut item.content, &mut FieldPath::root(), &mut []))
        }
        Content::Scalar(_) => {}
    }
}

fn first_document(text: &str) -> Option<Value> {
    read_documents(text).ok()?.first()?.root.as_ref().map(|root| root.to_json())
}

/// The charts that a chart depends on: their names, and the keys under which it has values for them.
fn subcharts(chart: &Value) -> Vec<(String, String)> {
    let dependencies = chart.get("dependencies").and_then(Value::as_array);
    let named = |dependency: &Value| {
        let text = |name: &str| dependency.get(name).and_then(Value::as_str).map(str::to_owned);
        let name = text("name").filter(|name| !name.contains('/'))?;
        let key = text("alias").unwrap_or_else(|| name.clone());
        Some((name, key))
    };
    dependencies.into_iter().flatten().filter_map(named).collect()
}

/// As helm does it: maps are merged, everything else is replaced, and null takes a key away.
fn lay_over(below: &mut Value, above: &Value, depth: usize) {
    let (Value::Object(below), Value::Object(above)) = (below, above) else { return };
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(_), Value::Null) => drop(below.remove(key)),
            (Some(under @ Value::Object(_)), Value::Object(_)) if depth > 0 => lay_over(under, value, depth - 1),
            _ => drop(below.insert(key.clone(), value.clone())),
        }
    }
}

fn collect<'v>(value: &'v Value, path: &mut FieldPath, depth: usize, nodes: &mut Vec<Node<'v>>) {
    let steps: Vec<(Step, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Step::Field(key.clone()), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, value)| (Step::Index(index), value)).collect(),
        _ => Vec::new(),
    };
    for (step, value) in steps {
        if nodes.len() >= MOST_NODES || depth == 0 {
            return;
        }
        path.push(step);
        nodes.push(Node { path: path.clone(), value });
        collect(value, path, depth - 1, nodes);
        path.pop();
    }
}

/// The part of a path that is made of keys: what lies in a list is not merged.
fn key_of(path: &FieldPath) -> FieldPath {
    path.steps().iter().take_while(|step| matches!(step, Step::Field(_))).cloned().collect()
}
