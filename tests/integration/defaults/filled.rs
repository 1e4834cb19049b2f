//! What an API server filled into an object that was sent: found by types and list keys alone, without the comparison
//! that is under test.

use serde_json::{Map, Value, json};
use trueup::domain::field_path::Key;
use trueup::domain::normalize::defaults::{self, Default, Site};
use trueup::domain::normalize::written::{is_given_toleration, is_tool_annotation, is_tool_item, is_tool_label};
use trueup::domain::normalize::{is_nothing, is_skipped, scalar};
use trueup::domain::schema::{ListKind, MergeKey, Schemas, Shape, Struct};

/// A field that was not sent and came back.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) part: String,
    pub(super) field: String,
    pub(super) value: Value,
    /// Where it belongs in what was sent, as a JSON pointer.
    pub(super) pointer: String,
}

/// All that is to be said of one object.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What a row of the table explains.
    pub(super) by_table: Vec<Filled>,
    /// Rows that depend on other fields and, here, fill in nothing.
    pub(super) left_out: Vec<(String, String)>,
    /// Maps whose entries follow from other fields.
    pub(super) entries: Vec<(String, String)>,
    /// What nothing explains: the rule that is missing.
    pub(super) unexplained: Vec<String>,
}

/// Holds what came back against what was sent.
pub(super) fn filled(sent: &Value, back: &Value) -> Found {
    let text = |name: &str| sent[name].as_str().expect("a text");
    let schemas = Schemas::default();
    let mut walk = Walk { root: sent, back, found: Found::default() };
    walk.value(&schemas.kind(text("apiVersion"), text("kind")), sent, back, String::new(), ("", ""));
    walk.found
}

struct Walk<'v> {
    root: &'v Value,
    back: &'v Value,
    found: Found,
}

impl Walk<'_> {
    fn value(&mut self, shape: &Shape, sent: &Value, back: &Value, pointer: String, holder: (&str, &str)) {
        match (shape, back) {
            (Shape::Struct(part), Value::Object(fields)) => {
                let none = Map::new();
                let sent = sent.as_object().unwrap_or(&none);
                self.fields(part, sent, fields, &pointer);
                self.unknown_fields(part, sent, fields, &pointer);
            }
            (Shape::Map(map), Value::Object(entries)) => {
                for (key, value) in entries {
                    let pointer = format!("{pointer}/{}", escaped(key));
                    match sent.get(key) {
                        // some ways of writing keep it as ""
                        Some(Value::Null) => {}
                        // `stringData` is sent there
                        None if holder == ("core/v1.Secret", "data") => {}
                        Some(sent) => self.value(&map.value, sent, value, pointer, ("", "")),
                        None => self.entry(holder, key, value, sent),
                    }
                }
            }
            (Shape::List(list), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let at = position(&list.kind, sent, items, index);
                    match at.and_then(|at| Some((at, sent.get(at)?))) {
                        Some((at, sent)) => self.value(&list.item, sent, item, format!("{pointer}/{at}"), ("", "")),
                        None => self.item(holder, item, &pointer),
                    }
                }
            }
            _ => {}
        }
    }

    fn fields(&mut self, part: &Struct, sent: &Map<String, Value>, back: &Map<String, Value>, pointer: &str) {
        let site = Site { root: self.root, declared: Some(sent) };
        for field in &*part.fields {
            let name = &*field.name;
            if is_skipped(&part.name, name, pointer.is_empty(), Some(sent)) {
                continue;
            }
            let was_sent = sent.get(name).filter(|value| !value.is_null());
            let row = defaults::find(&part.name, name);
            let Some(value) = back.get(name).filter(|value| !value.is_null()) else {
                let depends = matches!(row, Some(Default::Computed(_) | Default::UnsetComputed(_)));
                if depends && was_sent.is_none() && row.and_then(|row| row.value(&site)).is_none() {
                    self.found.left_out.push((part.name.to_string(), name.to_owned()));
                }
                continue;
            };
            let below = format!("{pointer}/{}", escaped(name));
            let replaced = |sent: &Value| sent != value && row.is_some_and(|row| row.is_unset_by(sent));
            match was_sent.filter(|sent| !replaced(sent)) {
                Some(sent) => self.value(&field.shape, sent, value, below, (&part.name, name)),
                None => self.filled(part, name, &field.shape, value, below, row, &site),
            }
        }
    }

    /// Fields that no schema has, such as the status of what is never declared with one.
    fn unknown_fields(&mut self, part: &Struct, sent: &Map<String, Value>, back: &Map<String, Value>, pointer: &str) {
        let is_new = |name: &String| part.field(name).is_none() && !sent.contains_key(name);
        for (name, value) in back.iter().filter(|(name, _)| is_new(name)) {
            if let Some(Default::Allocated) = defaults::find(&part.name, name) {
                let (pointer, value) = (format!("{pointer}/{name}"), value.clone());
                self.found.by_table.push(Filled { part: part.name.to_string(), field: name.clone(), value, pointer });
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one field, with all that is known of it")]
    fn filled(
        &mut self,
        part: &Struct,
        name: &str,
        shape: &Shape,
        value: &Value,
        pointer: String,
        row: Option<Default>,
        site: &Site<'_>,
    ) {
        let is_default = row.and_then(|row| row.value(site)).is_some_and(|is| scalar::same(shape, false, &is, value));
        if matches!(row, Some(Default::Allocated)) || is_default {
            let (part, field) = (part.name.to_string(), name.to_owned());
            self.found.by_table.push(Filled { part, field, value: value.clone(), pointer });
        } else if is_nothing(shape, value) || self.is_limit(&part.name) {
        } else if matches!(shape, Shape::Struct(_) | Shape::Map(_) | Shape::List(_)) {
            self.value(shape, &json!({}), value, pointer, (&part.name, name));
        } else {
            let says = row.map_or("has no row", |_| "has another row");
            self.found.unexplained.push(format!("{}.{name} = {value} {says} ({pointer})", part.name));
        }
    }

    /// Whether LimitRanger gave a Pod its requests and limits, as it says in an annotation.
    fn is_limit(&self, part: &str) -> bool {
        let annotation = self.back.pointer("/metadata/annotations/kubernetes.io~1limit-ranger");
        part == "core/v1.ResourceRequirements" && annotation.is_some()
    }

    fn entry(&mut self, (part, field): (&str, &str), key: &str, value: &Value, sent: &Value) {
        let holder = self.root.pointer("/metadata").filter(|_| part == "meta/v1.ObjectMeta");
        let is_known = match field {
            "annotations" => is_tool_annotation(key),
            "labels" => is_tool_label(key, value) || entry_of(self.root, holder, (part, field), key, value),
            _ => self.is_limit(part) || self.follows((part, field), key, value),
        };
        if field == "labels" && !is_tool_label(key, value) || !matches!(field, "annotations" | "labels") {
            self.found.entries.push((part.to_owned(), field.to_owned()));
        }
        if !is_known {
            self.found.unexplained.push(format!("{part}.{field}[{key:?}] = {value} follows from nothing ({sent})"));
        }
    }

    /// Whether an entry is what another field of any part of this type says.
    fn follows(&self, (part, field): (&str, &str), key: &str, value: &Value) -> bool {
        let mut objects = vec![self.root];
        while let Some(object) = objects.pop() {
            if entry_of(self.root, Some(object), (part, field), key, value) {
                return true;
            }
            objects.extend(object.as_object().into_iter().flat_map(Map::values));
            objects.extend(object.as_array().into_iter().flatten());
        }
        false
    }

    fn item(&mut self, (part, field): (&str, &str), item: &Value, pointer: &str) {
        let is_finalizer = (part, field) == ("meta/v1.ObjectMeta", "finalizers");
        if !is_tool_item(part, field, item) && !is_given_toleration(item) && !is_finalizer {
            self.found.unexplained.push(format!("{part}.{field} has an item of its own: {item} ({pointer})"));
        }
    }
}

fn entry_of(root: &Value, holder: Option<&Value>, (part, field): (&str, &str), key: &str, value: &Value) -> bool {
    let site = Site { root, declared: holder.and_then(Value::as_object) };
    defaults::entry(part, field, key, &site).is_some_and(|entry| scalar::same(&Shape::Quantity, false, entry, value))
}

/// Which of the items that were sent this one was.
fn position(kind: &ListKind, sent: &Value, back: &[Value], index: usize) -> Option<usize> {
    let sent = sent.as_array()?;
    match kind {
        ListKind::Keyed(names) => sent.iter().position(|item| keys(item, names) == keys(&back[index], names)),
        ListKind::Set => sent.iter().position(|item| *item == back[index]),
        ListKind::Atomic if sent.len() == back.len() => Some(index),
        ListKind::Atomic => sent.iter().position(|item| *item == back[index]),
    }
}

fn keys(item: &Value, names: &[MergeKey]) -> Vec<Option<Key>> {
    let default = |name: &MergeKey| name.default.as_ref().map(|default| Key::Text(default.to_string()));
    names.iter().map(|name| item.get(&*name.name).and_then(Key::of).or_else(|| default(name))).collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
