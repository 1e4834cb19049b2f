//! The same object written in another way, and every place of an object at which something can be changed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use trueup::domain::field_path::{Key, Step};
use trueup::domain::normalize::{defaults, is_skipped, is_unordered, zero_matters};
use trueup::domain::schema::{ListKind, MergeKey, Shape};

use crate::tape::Tape;

/// Whether the order of this keyed list means something.
fn is_ordered(field: &str, items: &[Value]) -> bool {
    let refers = |item: &Value| item["value"].as_str().is_some_and(|value| value.contains("$("));
    field == "initContainers" || field == "env" && items.iter().any(refers)
}

/// Keyed lists, sets and lists without order in another order.
pub(crate) fn permuted(shape: &Shape, (part, field): (&str, &str), value: &Value, tape: &mut Tape) -> Value {
    match (shape, value) {
        (Shape::Struct(inner), Value::Object(fields)) => {
            let permute = |(name, value): (&String, &Value), tape: &mut Tape| {
                let shape = inner.field(name).map_or(&Shape::Any, |field| &field.shape);
                (name.clone(), permuted(shape, (&inner.name, name), value, tape))
            };
            Value::Object(fields.iter().map(|entry| permute(entry, tape)).collect())
        }
        (Shape::Map(map), Value::Object(entries)) => {
            let permute = |(name, value): (&String, &Value), tape: &mut Tape| {
                (name.clone(), permuted(&map.value, ("", name), value, tape))
            };
            Value::Object(entries.iter().map(|entry| permute(entry, tape)).collect())
        }
        (Shape::List(list), Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| permuted(&list.item, ("", ""), item, tape)).collect();
            let free = match &list.kind {
                ListKind::Keyed(_) => !is_ordered(field, &items),
                ListKind::Set => true,
                ListKind::Atomic => is_unordered(part, field),
            };
            Value::Array(if free { tape.shuffled(items) } else { items })
        }
        _ => value.clone(),
    }
}

/// Other spellings of the same values, with nulls and zeros where a field is absent.
pub(crate) fn respelled(shape: &Shape, value: &Value, tape: &mut Tape) -> Value {
    match (shape, value) {
        (Shape::Struct(part), Value::Object(fields)) => {
            let mut respelled_fields = Map::new();
            for field in part.fields.iter() {
                match fields.get(&*field.name) {
                    Some(value) => {
                        drop(respelled_fields.insert(field.name.to_string(), respelled(&field.shape, value, tape)))
                    }
                    None if tape.once_in(8) => drop(respelled_fields.insert(field.name.to_string(), Value::Null)),
                    None if tape.once_in(8) => {
                        let zero = zero(&field.shape).filter(|_| zero_is_nothing(&part.name, &field.name));
                        respelled_fields.extend(zero.map(|zero| (field.name.to_string(), zero)));
                    }
                    None => {}
                }
            }
            // what the type does not know: the header of the whole object
            for (name, value) in fields.iter().filter(|(name, _)| part.field(name).is_none()) {
                respelled_fields.insert(name.clone(), value.clone());
            }
            Value::Object(respelled_fields)
        }
        (Shape::Map(map), Value::Object(entries)) => Value::Object(
            entries.iter().map(|(name, value)| (name.clone(), respelled(&map.value, value, tape))).collect(),
        ),
        (Shape::List(list), Value::Array(items)) => {
            items.iter().map(|item| respelled_item(&list.kind, &list.item, item, tape)).collect()
        }
        (Shape::Quantity, _) => quantity(value, tape),
        (Shape::Bytes, Value::String(text)) if !text.is_empty() && tape.once_in(2) => json!(format!("{text}\n")),
        (Shape::Time, Value::String(text)) if tape.once_in(2) => {
            json!(text.replace("00Z", "00.000Z").replace('Z', "+00:00"))
        }
        (Shape::Duration, Value::String(text)) if tape.once_in(2) => {
            json!(match text.as_str() {
                "1h0m0s" => "60m",
                "90s" => "1m30s",
                "0s" => "0",
                _ => "90m",
            })
        }
        (Shape::Number | Shape::Any, Value::Number(number)) if number.as_i64() == Some(1) => json!(1.0),
        _ => value.clone(),
    }
}

fn respelled_item(kind: &ListKind, shape: &Shape, item: &Value, tape: &mut Tape) -> Value {
    // members of a set are values, and the order of equal-looking numbers is not what is meant here
    let ListKind::Keyed(names) = kind else {
        return if matches!(kind, ListKind::Set) { item.clone() } else { respelled(shape, item, tape) };
    };
    let mut respelled = respelled(shape, item, tape);
    for MergeKey { name, default } in names.iter() {
        let Some(fields) = respelled.as_object_mut() else { continue };
        // the keys as they were; the one with a default may come and go
        match item.get(&**name) {
            Some(value) => drop(fields.insert(name.to_string(), value.clone())),
            None => drop(fields.remove(&**name)),
        }
        let Some(default) = default.as_deref().filter(|_| tape.once_in(2)) else { continue };
        if fields.get(&**name).is_none() {
            fields.insert(name.to_string(), json!(default));
        } else if fields[&**name] == default {
            fields.remove(&**name);
        }
    }
    respelled
}

/// The same amount in another unit.
fn quantity(value: &Value, tape: &mut Tape) -> Value {
    let same: &[&str] = match value {
        Value::String(text) => match text.as_str() {
            "1" => &["1000m", "1.0", "1e0", "1000000000n", "0.001k"],
            "0" => &["0Gi", "0m", "0.0"],
            "100m" => &["0.1", ".1", "100000u", "1e-1"],
            "1Gi" => &["1024Mi", "1073741824", "1048576Ki"],
            "1.5" => &["1500m", "15e-1", "+1.5"],
            "0.5Gi" => &["512Mi", "536870912"],
            "1e3" => &["1k", "1000", "1E3"],
            "129M" => &["129000000", "129000k", "0.129G"],
            "2k" => &["2000", "2e3"],
            "-1" => &["-1000m", "-1.0"],
            "1n" => &["0.001u", "1e-9", "0.5n"],
            _ => &[],
        },
        Value::Number(number) if number.as_i64() == Some(1) => &["1", "1000m"],
        Value::Number(number) if number.as_f64() == Some(0.5) => &["500m", ".5"],
        _ => &[],
    };
    if same.is_empty() { value.clone() } else { json!(tape.of(same)) }
}

fn zero(shape: &Shape) -> Option<Value> {
    Some(match shape {
        Shape::Text => json!(""),
        Shape::Bool => json!(false),
        Shape::Integer => json!(0),
        Shape::Map(_) => json!({}),
        Shape::List(_) => json!([]),
        _ => return None,
    })
}

fn zero_is_nothing(part: &str, field: &str) -> bool {
    defaults::find(part, field).is_none() && !zero_matters(part, field)
}

/// A place of an object.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// As trueup names it.
    pub(crate) path: Vec<Step>,
    /// As JSON names it.
    pub(crate) pointer: String,
    /// The type and field that hold it.
    pub(crate) holder: (String, String),
    pub(crate) shape: Shape,
    /// How many steps lead to the outermost part that is owned as one.
    pub(crate) unit: Option<usize>,
    /// Whether it is a merge key or the member of a set, by which its item is told apart.
    pub(crate) is_identity: bool,
}

/// Every place at which there is something that is compared, from the outside to the inside.
pub(crate) fn places(shape: &Shape, object: &Value) -> Vec<Place> {
    let root = Place {
        path: Vec::new(),
        pointer: String::new(),
        holder: (String::new(), String::new()),
        shape: shape.clone(),
        unit: None,
        is_identity: false,
    };
    let mut places = Vec::new();
    below(&root, object, object, &mut places);
    places
}

fn below(place: &Place, value: &Value, root: &Value, places: &mut Vec<Place>) {
    let mut unit = place.unit;
    let mut go = |step: Step, name: &str, holder: (&str, &str), shape: &Shape, unit, is_identity, value: &Value| {
        let mut path = place.path.clone();
        path.push(step);
        let pointer = format!("{}/{}", place.pointer, name.replace('~', "~0").replace('/', "~1"));
        let holder = (holder.0.to_owned(), holder.1.to_owned());
        let next = Place { path, pointer, holder, shape: shape.clone(), unit, is_identity };
        if !value.is_null() {
            places.push(next.clone());
            below(&next, value, root, places);
        }
    };
    match value {
        Value::Object(fields) => {
            let atomic = matches!(&place.shape, Shape::Struct(part) if part.atomic)
                || matches!(&place.shape, Shape::Map(map) if map.atomic);
            if atomic {
                unit = unit.or(Some(place.path.len()));
            }
            for (name, value) in fields {
                let (part, shape) = match &place.shape {
                    Shape::Struct(part) => (&*part.name, part.field(name).map(|field| field.shape.clone())),
                    Shape::Map(map) => ("", Some(map.value.clone())),
                    _ => ("", None),
                };
                if !is_skipped(part, name, place.path.is_empty(), root.as_object()) {
                    let shape = shape.unwrap_or(Shape::Any);
                    go(Step::Field(name.clone()), name, (part, name), &shape, unit, false, value);
                }
            }
        }
        Value::Array(items) => {
            let item_shape = if let Shape::List(list) = &place.shape { list.item.clone() } else { Shape::Any };
            for (index, value) in items.iter().enumerate() {
                let (step, unit) = match &place.shape {
                    Shape::List(list) => match &list.kind {
                        ListKind::Keyed(names) => (Step::Item(keys(value, names)), unit),
                        ListKind::Set => (Step::Member(Key::of(value).expect("a scalar")), unit),
                        ListKind::Atomic => (Step::Index(index), unit.or(Some(place.path.len()))),
                    },
                    _ => (Step::Index(index), unit.or(Some(place.path.len()))),
                };
                let is_set = matches!(&place.shape, Shape::List(list) if matches!(list.kind, ListKind::Set));
                go(step, &index.to_string(), ("", ""), &item_shape, unit, is_set, value);
            }
        }
        _ => {}
    }
}

fn keys(item: &Value, names: &[MergeKey]) -> Vec<(String, Key)> {
    let key = |name: &MergeKey| {
        let value = item.get(&*name.name).cloned().or_else(|| name.default.as_deref().map(Value::from));
        Some((name.name.to_string(), Key::of(&value?)?))
    };
    names.iter().filter_map(key).collect()
}

/// Whether the place is one of the merge keys of the item that holds it.
pub(crate) fn is_merge_key(place: &Place) -> bool {
    let [.., Step::Item(keys), Step::Field(name)] = &place.path[..] else { return false };
    keys.iter().any(|(key, _)| key == name)
}

/// Another value of this type, which no other spelling of the old one is.
pub(crate) fn changed(shape: &Shape, value: &Value) -> Option<Value> {
    let other = match (shape, value) {
        (Shape::Quantity, _) => json!("7777Ki"),
        (Shape::Bytes, _) => json!(STANDARD.encode("changed")),
        (Shape::Time, _) => json!("2026-02-03T04:05:06Z"),
        (Shape::Duration, _) => json!("7777h0m0s"),
        (_, Value::String(_)) => json!("changed"),
        (_, Value::Number(_)) => json!(7777),
        (_, Value::Bool(value)) => json!(!value),
        _ => return None,
    };
    (other != *value).then_some(other)
}
