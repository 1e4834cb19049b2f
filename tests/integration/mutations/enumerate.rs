//! Every change that one field of a declared object allows, by its type alone.

use serde_json::{Map, Value, json};
use trueup::domain::field_path::{FieldPath, Key, Step};
use trueup::domain::schema::{ListKind, MergeKey, Schemas, Shape};

/// What is done to a field.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// Another value.
    Change(Value),
    /// The field goes.
    Remove,
    /// A field or a map's entry that is not declared.
    Add(Value),
    /// An item of a list goes. None for its path: the list is told as a whole.
    RemoveItem(Option<FieldPath>),
    /// One more item for a list, likewise.
    Append(Value, Option<FieldPath>),
}

/// One change, where it is made and where it has to be found.
#[derive(Debug, Clone)]
pub(super) struct Mutation {
    /// The field or, for items, their list.
    pub(super) path: FieldPath,
    /// The same as JSON patches write it; for items, the item.
    pub(super) pointer: String,
    pub(super) what: What,
    /// How many steps lead to the outermost part that is owned as one, if the field is in one.
    pub(super) unit: Option<usize>,
    /// For a map that is to go, the paths of its entries, which are told one by one.
    pub(super) entries: Vec<FieldPath>,
    /// Whether it is an entry of a map whose entries are told one by one.
    pub(super) is_entry: bool,
    /// Whether it is an object or a list: what is below may be filled in again.
    pub(super) is_whole: bool,
    /// Whether the way to it leads through a list, which a merge patch cannot walk.
    pub(super) in_list: bool,
}

/// All changes of an object.
pub(super) fn mutations(object: &Value) -> Vec<Mutation> {
    let text = |name: &str| object[name].as_str().expect("a text");
    let mut walk = Walk { found: Vec::new(), unit: None, in_list: false };
    let shape = Schemas::default().kind(text("apiVersion"), text("kind"));
    walk.value(&shape, "", object, String::new(), &FieldPath::root());
    walk.found
}

struct Walk {
    found: Vec<Mutation>,
    unit: Option<usize>,
    in_list: bool,
}

/// Who and what an object is, and what is no part of what it declares.
const FIXED: &[&str] =
    &["apiVersion", "kind", "status", "name", "namespace", "creationTimestamp", "uid", "generateName"];

impl Walk {
    fn push(&mut self, pointer: &str, path: &FieldPath, what: What) {
        let (pointer, path) = (pointer.to_owned(), path.clone());
        let (unit, in_list) = (self.unit, self.in_list);
        self.found.push(Mutation {
            path,
            pointer,
            what,
            unit,
            entries: Vec::new(),
            is_entry: false,
            is_whole: false,
            in_list,
        });
    }

    fn value(&mut self, shape: &Shape, field: &str, value: &Value, pointer: String, path: &FieldPath) {
        match value {
            Value::Object(fields) => {
                let before = self.unit;
                if is_atomic(shape) {
                    self.unit.get_or_insert(path.steps().len());
                }
                self.fields(shape, fields, &pointer, path);
                self.unit = before;
            }
            Value::Array(items) => self.items(shape, items, &pointer, path),
            Value::Null => {}
            scalar => changed(shape, field, scalar)
                .into_iter()
                .for_each(|value| self.push(&pointer, path, What::Change(value))),
        }
    }

    fn fields(&mut self, shape: &Shape, fields: &Map<String, Value>, pointer: &str, path: &FieldPath) {
        let is_meta = matches!(shape, Shape::Struct(part) if part.name == "meta/v1.ObjectMeta");
        let at_top = path.is_root() || *path == FieldPath::fields(["metadata"]);
        let tells_entries = self.unit.is_none() && matches!(shape, Shape::Map(map) if !map.atomic);
        for (name, value) in fields {
            if (at_top && FIXED.contains(&name.as_str())) || value.is_null() {
                continue;
            }
            let shape = match shape {
                Shape::Struct(part) => part.field(name).map_or(Shape::Any, |field| field.shape.clone()),
                Shape::Map(map) => map.value.clone(),
                _ => Shape::Any,
            };
            // written as text, kept in Base64
            let (path, shape) = match (path.is_root(), name.as_str()) {
                (true, "stringData") => (path.field("data"), shape),
                _ => (path.field(name), shape),
            };
            let pointer = format!("{pointer}/{}", escaped(name));
            self.value(&shape, name, value, pointer.clone(), &path);
            if !at_top {
                self.push(&pointer.replace("/stringData/", "/data/"), &path, What::Remove);
                let removal = self.found.last_mut().expect("just pushed");
                removal.is_entry = tells_entries;
                removal.is_whole = value.is_object() || value.is_array();
                if let (Shape::Map(map), Some(entries), None) = (&shape, value.as_object(), removal.unit)
                    && !map.atomic
                {
                    removal.entries = entries.keys().map(|name| path.field(name)).collect();
                }
            }
        }
        match shape {
            Shape::Map(map) if !pointer.starts_with("/stringData") => {
                let (name, value) = match map.value {
                    Shape::Quantity => ("company.example/thing", json!("1")),
                    Shape::Bytes => ("by-hand", json!("aGFuZA==")),
                    _ => ("by-hand", json!("hand")),
                };
                self.push(&format!("{pointer}/{}", escaped(name)), &path.field(name), What::Add(value));
            }
            Shape::Struct(part) if !is_meta && !path.is_root() => {
                for field in part.fields.iter().filter(|field| !fields.contains_key(&*field.name)) {
                    let value = match field.shape {
                        Shape::Bool => json!(true),
                        Shape::Integer => json!(7),
                        Shape::Text => json!("by-hand"),
                        Shape::Quantity => json!("1Gi"),
                        _ => continue,
                    };
                    let pointer = format!("{pointer}/{}", field.name);
                    self.push(&pointer, &path.field(&field.name), What::Add(value));
                }
            }
            _ => {}
        }
    }

    fn items(&mut self, shape: &Shape, items: &[Value], pointer: &str, path: &FieldPath) {
        let Shape::List(list) = shape else { return };
        let before = (self.unit, self.in_list);
        let step = |item: &Value| match &list.kind {
            ListKind::Keyed(keys) => Some(Step::Item(keys_of(item, keys))),
            ListKind::Set => Key::of(item).map(Step::Member),
            ListKind::Atomic => None,
        };
        self.in_list = true;
        for (index, item) in items.iter().enumerate() {
            let pointer = format!("{pointer}/{index}");
            self.push(&pointer, path, What::RemoveItem(step(item).map(|step| path.join(step))));
            if let ListKind::Set = list.kind {
                continue;
            }
            let inside = path.join(step(item).unwrap_or(Step::Index(index)));
            if let ListKind::Atomic = list.kind {
                self.unit.get_or_insert(path.steps().len());
            }
            let from = self.found.len();
            self.value(&list.item, "", item, pointer.clone(), &inside);
            self.unit = before.0;
            // with another key it is another item
            if let ListKind::Keyed(keys) = &list.kind {
                let is_key =
                    |mutation: &Mutation| keys.iter().any(|key| mutation.pointer == format!("{pointer}/{}", key.name));
                let found: Vec<_> = self.found.drain(from..).filter(|mutation| !is_key(mutation)).collect();
                self.found.extend(found);
            }
        }
        let further = items.last().and_then(|item| another(&list.item, &list.kind, item));
        if let Some(item) = further {
            let told = step(&item).map(|step| path.join(step));
            self.push(&format!("{pointer}/-"), path, What::Append(item, told));
        }
        self.in_list = before.1;
    }
}

/// Whether an object is owned as one.
fn is_atomic(shape: &Shape) -> bool {
    match shape {
        Shape::Struct(part) => part.atomic,
        Shape::Map(map) => map.atomic,
        _ => false,
    }
}

/// An item that is like this one, and yet another.
fn another(shape: &Shape, kind: &ListKind, item: &Value) -> Option<Value> {
    let Value::Object(fields) = item else { return changed(shape, "", item) };
    let mut fields = fields.clone();
    let name = match kind {
        ListKind::Keyed(keys) => keys.first()?.name.to_string(),
        _ => fields.iter().find(|(_, value)| value.is_string() || value.is_number())?.0.clone(),
    };
    let value = changed(&Shape::Any, &name, fields.get(&name)?)?;
    fields.insert(name, value);
    Some(Value::Object(fields))
}

fn keys_of(item: &Value, names: &[MergeKey]) -> Vec<(String, Key)> {
    let key = |name: &MergeKey| {
        let default = || name.default.as_ref().map(|default| Key::Text(default.to_string()));
        Some((name.name.to_string(), item.get(&*name.name).and_then(Key::of).or_else(default)?))
    };
    names.iter().filter_map(key).collect()
}

/// Texts that stand for one of a few: what else they may be.
const OTHER: &[(&str, &str)] = &[
    ("Always", "IfNotPresent"),
    ("TCP", "UDP"),
    ("UDP", "TCP"),
    ("Prefix", "Exact"),
    ("Forbid", "Replace"),
    ("Delete", "Retain"),
    ("ClientIP", "None"),
    ("AlwaysAllow", "IfHealthyBudget"),
    ("FallbackToLogsOnError", "File"),
    ("HostToContainer", "None"),
    ("OnDelete", "RollingUpdate"),
    ("Disabled", "Min"),
    ("Local", "Cluster"),
    ("Directory", "File"),
    ("Exists", "Equal"),
    ("In", "NotIn"),
    ("ScheduleAnyway", "DoNotSchedule"),
    ("FailJob", "Count"),
    ("@daily", "@weekly"),
    ("0 3 * * *", "0 4 * * *"),
    ("Europe/Berlin", "Europe/Paris"),
    ("10.0.0.0/8", "10.0.0.0/9"),
    ("10.1.0.0/16", "10.2.0.0/16"),
    ("192.0.2.10", "192.0.2.11"),
    ("192.0.2.20", "192.0.2.21"),
];

/// Another value of the same type.
fn changed(shape: &Shape, field: &str, value: &Value) -> Option<Value> {
    Some(match value {
        Value::Bool(value) => json!(!value),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| json!(number.as_f64().map(|number| number * 2.0)), |number| json!(number + 1)),
        Value::String(text) if matches!(shape, Shape::Bytes) => {
            if field == ".dockerconfigjson" {
                return None;
            }
            json!(if text.is_empty() { "YQ==" } else { "Y2hhbmdlZA==" })
        }
        Value::String(text)
            if matches!(shape, Shape::Quantity | Shape::IntOrString)
                && text.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            let amount: f64 = text[..end].parse().ok()?;
            json!(format!("{}{}", amount * 2.0, &text[end..]))
        }
        Value::String(text) => match OTHER.iter().find(|(one, _)| one == text) {
            Some((_, other)) => json!(other),
            None => json!(format!("{text}-x")),
        },
        _ => return None,
    })
}

/// A field's name as JSON pointers have it.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
