//! managedFields, decoded lazily by the product and plainly here: both have to say the same.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use trueup::domain::field_path::{FieldPath, Key, Step};
use trueup::domain::ownership::{ManagerClasses, Owners};
use trueup::domain::schema::{ListKind, Shape};

use crate::generate;
use crate::tape::Tape;

/// The set of fields that somebody owns who wrote what stands at `path`, in the form of managedFields.
pub(crate) fn managed_fields(shape: &Shape, object: &Value, path: &FieldPath) -> Value {
    set(shape, object, path.steps())
}

fn set(shape: &Shape, value: &Value, steps: &[Step]) -> Value {
    let is_unit = match shape {
        Shape::Struct(part) => part.atomic,
        Shape::Map(map) => map.atomic,
        Shape::List(list) => matches!(list.kind, ListKind::Atomic),
        Shape::Any => !value.is_object(),
        _ => true,
    };
    let Some((step, rest)) = steps.split_first().filter(|_| !is_unit) else { return all(shape, value) };
    let (name, below, value) = match (step, shape) {
        (Step::Field(name), Shape::Struct(part)) => {
            (format!("f:{name}"), part.field(name).map_or(Shape::Any, |field| field.shape.clone()), value.get(name))
        }
        (Step::Field(name), Shape::Map(map)) => (format!("f:{name}"), map.value.clone(), value.get(name)),
        (Step::Field(name), _) => (format!("f:{name}"), Shape::Any, value.get(name)),
        (Step::Item(keys), Shape::List(list)) => {
            let item = value.as_array().into_iter().flatten().find(|item| {
                keys.iter().all(|(name, key)| item.get(name).is_none_or(|value| *value == key.to_value()))
            });
            (item_name(keys), list.item.clone(), item)
        }
        (Step::Member(key), _) => return json!({format!("v:{}", key.to_value()): {}}),
        _ => return json!({}),
    };
    json!({name: set(&below, value.unwrap_or(&Value::Null), rest)})
}

/// Everything from here on.
fn all(shape: &Shape, value: &Value) -> Value {
    let mut fields = Map::new();
    match (shape, value) {
        (Shape::Struct(part), Value::Object(values)) if !part.atomic => {
            for (name, value) in values {
                let shape = part.field(name).map_or(&Shape::Any, |field| &field.shape);
                fields.insert(format!("f:{name}"), all(shape, value));
            }
        }
        (Shape::Map(map), Value::Object(values)) if !map.atomic => {
            fields.insert(".".to_owned(), json!({}));
            fields.extend(values.iter().map(|(name, value)| (format!("f:{name}"), all(&map.value, value))));
        }
        (Shape::List(list), Value::Array(values)) if matches!(list.kind, ListKind::Set) => {
            fields.insert(".".to_owned(), json!({}));
            fields.extend(values.iter().map(|value| (format!("v:{value}"), json!({}))));
        }
        _ => {}
    }
    Value::Object(fields)
}

fn item_name(keys: &[(String, Key)]) -> String {
    let keys: Map<_, _> = keys.iter().map(|(name, key)| (name.clone(), key.to_value())).collect();
    format!("k:{}", Value::Object(keys))
}

fn step(tape: &mut Tape) -> (String, Step) {
    let name = (*tape.of(&["a", "b", "spec", "a.b/c", "f:x", ".", "", "é", "k:{}"])).to_owned();
    let key = match tape.below(4) {
        0 => Key::Number(tape.below(3) as i64),
        1 => Key::Bool(tape.once_in(2)),
        _ => Key::Text(name.clone()),
    };
    match tape.below(8) {
        0 => {
            let keys = match tape.below(2) {
                0 => vec![("name".to_owned(), key)],
                _ => vec![("port".to_owned(), Key::Number(80)), ("protocol".to_owned(), key)],
            };
            (item_name(&keys), Step::Item(keys))
        }
        1 => (format!("v:{}", key.to_value()), Step::Member(key)),
        2 => {
            let index = tape.below(3);
            (format!("i:{index}"), Step::Index(index))
        }
        _ => (format!("f:{name}"), Step::Field(name)),
    }
}

/// A random set, and all paths that are in it.
fn fields(tape: &mut Tape, path: &mut Vec<Step>, owned: &mut BTreeSet<Vec<Step>>) -> Value {
    let mut set = Map::new();
    if tape.once_in(3) {
        set.insert(".".to_owned(), json!({}));
    }
    for _ in 0..tape.below(if path.len() < 4 { 4 } else { 1 }) {
        let (name, step) = step(tape);
        if !set.contains_key(&name) {
            path.push(step);
            owned.insert(path.clone());
            set.insert(name, fields(tape, path, owned));
            path.pop();
        }
    }
    Value::Object(set)
}

proptest! {
    /// `owners().of(path)` names exactly those whose sets hold the path.
    #[test]
    fn the_decoder_agrees_with_a_plain_one(mut tape in Tape::strategy(300)) {
        let mut sets = Vec::new();
        let entries: Vec<_> = (0..3).map(|index| {
            let mut owned = BTreeSet::new();
            let fields = fields(&mut tape, &mut Vec::new(), &mut owned);
            sets.push(owned);
            json!({"manager": index.to_string(), "operation": "Update", "fieldsV1": fields})
        }).collect();
        let raw = serde_json::value::to_raw_value(&entries).expect("JSON");
        let classes = ManagerClasses::default();
        let owners = Owners::read(Some(&raw), &classes, None);
        let mut probes: Vec<Vec<Step>> = sets.iter().flatten().cloned().collect();
        probes.extend((0..40).map(|_| (0..1 + tape.below(4)).map(|_| step(&mut tape).1).collect()));
        for path in probes {
            let expected: Vec<_> = (0..3).filter(|index| sets[*index].contains(&path)).map(|index| index.to_string()).collect();
            let found: Vec<_> = owners.of(&path, None).iter().map(|entry| entry.manager().to_owned()).collect();
            prop_assert_eq!(&found, &expected, "{}", path.iter().cloned().collect::<FieldPath>());
            // below a unit, its owner owns everything
            let mut below = path.clone();
            below.push(Step::Field("below".to_owned()));
            let found: Vec<_> = owners.of(&below, Some(path.len())).iter().map(|entry| entry.manager().to_owned()).collect();
            prop_assert_eq!(&found, &expected);
        }
    }

    /// What a person is said to own by the encoder of these tests is what the product reads out of it.
    #[test]
    fn sets_of_real_objects_are_read(mut tape in Tape::strategy(300)) {
        let object = generate::object(&mut tape);
        let shape = trueup::domain::schema::Schemas::default().kind(object["apiVersion"].as_str().expect("text"), object["kind"].as_str().expect("text"));
        for place in crate::respell::places(&shape, &object) {
            let path: FieldPath = place.path.iter().cloned().collect();
            let entry = json!([{"manager": "m", "operation": "Apply", "fieldsV1": managed_fields(&shape, &object, &path)}]);
            let raw = serde_json::value::to_raw_value(&entry).expect("JSON");
            let classes = ManagerClasses::default();
            prop_assert_eq!(Owners::read(Some(&raw), &classes, None).of(path.steps(), place.unit).len(), 1, "{}", path);
        }
    }
}
