//! The values of a source in layers: the charts' own below, the values files above them, and what they come to together.

use serde_json::{Map, Value};

use crate::domain::candidates::Sought;
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::yaml::edit::{Action, Edit, apply};
use crate::domain::yaml::read_documents;
use crate::domain::yaml::write::to_yaml;

/// Values that are looked at.
const MOST_NODES: usize = 20_000;
/// Maps in maps after which no more are looked into.
const DEEPEST: usize = 32;

/// The values of a source, the later layers win.
#[derive(Debug)]
pub(super) struct Layers {
    layers: Vec<Layer>,
    /// From this one on they are the source's own, to be edited.
    own: usize,
    /// What all of them come to.
    merged: Value,
}

#[derive(Debug)]
struct Layer {
    file: String,
    data: Value,
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
    /// Reads the values of a chart and its subcharts, and the values files. A file that cannot be read counts as empty:
    /// the proof decides.
    pub(super) fn read(sought: &Sought<'_>) -> Self {
        let chart = &sought.source.path;
        let below = |name: &str| if chart.is_empty() { name.to_owned() } else { format!("{chart}/{name}") };
        let data = |file: &str| sought.files.text(file).ok().and_then(|text| first_document(&text)).unwrap_or_default();
        let mut layers: Vec<Layer> = Vec::new();
        for (name, key) in subcharts(&data(&below("Chart.yaml"))) {
            let file = below(&format!("charts/{name}/values.yaml"));
            let values = Value::Object(Map::from_iter([(key, data(&file))]));
            layers.push(Layer { file, data: values });
        }
        let file = below("values.yaml");
        layers.push(Layer { data: data(&file), file });
        let files = sought.source.helm.iter().flat_map(|release| &release.values);
        layers.extend(files.map(|file| Layer { file: file.clone(), data: data(file) }));
        let charts = layers.len() - sought.source.helm.as_ref().map_or(0, |release| release.values.len());
        let mut merged = Value::Object(Map::new());
        for layer in &layers {
            lay_over(&mut merged, &layer.data, DEEPEST);
        }
        // a chart's own values are edited only where there is no other place for them
        let own = if layers.len() > charts { charts } else { charts - 1 };
        Self { layers, own, merged }
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
        let last = self.layers.len() - 1;
        let owners: Vec<_> =
            (self.own..=last).rev().filter(|layer| key.get(&self.layers[*layer].data).is_some()).collect();
        let mut writes = Vec::new();
        let mut add = |layer: usize, change: FieldChange| {
            let write = Write { file: self.layers[layer].file.clone(), change };
            if !writes.contains(&write) {
                writes.push(write);
            }
        };
        if let Some(owner) = owners.first().copied() {
            add(owner, change.clone());
        }
        if let Some(over) = self.over(change, &key) {
            if let (Some(owner), Action::Remove) = (owners.first().copied(), &change.action) {
                add(owner, over.clone());
            }
            add(last, over);
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
