//! Objects of every built-in kind, as their types allow them: quantities, numbers or texts, keyed lists, nulls, zeros.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use trueup::domain::schema::{ListKind, MergeKey, Schemas, Shape, Struct};

use crate::tape::Tape;

/// `apiVersion` and kind of all that is compiled in.
pub(crate) static KINDS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let table =
        include_str!("../../src/domain/schema/generated.rs").lines().skip_while(|line| !line.contains("static KINDS"));
    let rows = table.skip(1).take_while(|line| line.starts_with("    (\""));
    let kinds: Vec<_> = rows
        .filter_map(|row| {
            let mut texts = row.split('"').skip(1).step_by(2).map(str::to_owned);
            Some((texts.next()?, texts.next()?))
        })
        .collect();
    assert!(kinds.len() > 50 && kinds.iter().all(|(version, kind)| Schemas::is_built_in(version, kind)), "{kinds:?}");
    kinds
});

/// How many fields an object may have.
const FIELDS: usize = 80;

/// An object of some built-in kind.
pub(crate) fn object(tape: &mut Tape) -> Value {
    let (api_version, kind) = &KINDS[tape.below(KINDS.len())];
    let shape = Schemas::default().kind(api_version, kind);
    let mut generator = Generator { left: FIELDS };
    let mut object = generator.value(&shape, tape, 0);
    object["apiVersion"] = json!(api_version);
    object["kind"] = json!(kind);
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"]["name"] = json!("any");
    object
}

struct Generator {
    left: usize,
}

const TEXTS: &[&str] = &[
    "a", "web", "", "true", "1", "1000m", "$(A)", "x y", "a.b/c", "日本", "null", "1h", "\"q\"\n", "v1", "default", "%",
];
const QUANTITIES: &[&str] =
    &["1", "0", "100m", "1Gi", "1.5", "0.5Gi", "1e3", "128974848", "129M", "1500m", "2k", "-1", "+2Gi", "1n"];
const NAMES: &[&str] = &["a", "b", "web", "a.b/c", "A", "x-y", "é", "[0]", "a=b"];

impl Generator {
    fn value(&mut self, shape: &Shape, tape: &mut Tape, depth: usize) -> Value {
        match shape {
            Shape::Any => self.any(tape, depth),
            Shape::Text => json!(tape.of(TEXTS)),
            Shape::Bool => json!(tape.once_in(2)),
            Shape::Integer => json!([1, 0, 3, -1, 80, 420, i64::from(i32::MAX), i64::MAX][tape.below(8)]),
            Shape::Number => [json!(1), json!(0), json!(0.5), json!(2.0), json!(-1e30)][tape.below(5)].clone(),
            Shape::Quantity if tape.once_in(4) => [json!(1), json!(0.5), json!(1024)][tape.below(3)].clone(),
            Shape::Quantity => json!(tape.of(QUANTITIES)),
            Shape::IntOrString => [json!(80), json!("25%"), json!(0), json!("http"), json!("")][tape.below(5)].clone(),
            Shape::Bytes => json!(tape.of(&["YQ==", "aGVsbG8=", "", "AAECAwQFBgcICQoLDA0ODw=="])),
            Shape::Time => json!(tape.of(&["2024-01-01T00:00:00Z", "2025-06-30T12:34:56Z"])),
            Shape::Duration => json!(tape.of(&["1h0m0s", "90s", "0s", "1.5h"])),
            Shape::Struct(part) => self.structure(part, tape, depth),
            Shape::Map(map) => {
                let entries =
                    (0..tape.below(4)).map(|_| ((*tape.of(NAMES)).to_owned(), self.nullable(&map.value, tape, depth)));
                Value::Object(entries.collect())
            }
            Shape::List(list) => self.list(&list.kind, &list.item, tape, depth),
        }
    }

    fn nullable(&mut self, shape: &Shape, tape: &mut Tape, depth: usize) -> Value {
        if tape.once_in(16) { Value::Null } else { self.value(shape, tape, depth + 1) }
    }

    fn any(&mut self, tape: &mut Tape, depth: usize) -> Value {
        match tape.below(if depth > 8 { 4 } else { 6 }) {
            0 => json!(tape.of(TEXTS)),
            1 => json!(tape.below(3)),
            2 => json!(tape.once_in(2)),
            3 => json!(1.5),
            4 => (0..tape.below(4)).map(|_| self.any(tape, depth + 1)).collect(),
            _ => Value::Object(
                (0..tape.below(4)).map(|_| ((*tape.of(NAMES)).to_owned(), self.any(tape, depth + 1))).collect(),
            ),
        }
    }

    fn structure(&mut self, part: &Struct, tape: &mut Tape, depth: usize) -> Value {
        let mut fields = Map::new();
        // the first levels lead to what is interesting; further down, fewer fields are chosen from more
        let one_in = if depth < 3 { 2 } else { 5 };
        for field in part.fields.iter() {
            if self.left > 0 && depth < 14 && tape.once_in(one_in) {
                self.left -= 1;
                fields.insert(field.name.to_string(), self.nullable(&field.shape, tape, depth));
            }
        }
        Value::Object(fields)
    }

    fn list(&mut self, kind: &ListKind, item: &Shape, tape: &mut Tape, depth: usize) -> Value {
        let mut items: Vec<Value> = Vec::new();
        for _ in 0..tape.below(4) {
            let mut value = self.value(item, tape, depth + 1);
            match kind {
                ListKind::Atomic => {}
                ListKind::Set if items.contains(&value) => continue,
                ListKind::Set => {}
                ListKind::Keyed(names) => {
                    if !self.keyed(&mut value, names, item, tape)
                        || items.iter().any(|other| same_keys(other, &value, names))
                    {
                        continue;
                    }
                }
            }
            items.push(value);
        }
        Value::Array(items)
    }

    /// Gives an item its merge keys; one that has a default may be left out. False where the item is no object.
    fn keyed(&mut self, item: &mut Value, names: &[MergeKey], shape: &Shape, tape: &mut Tape) -> bool {
        let (Some(fields), Shape::Struct(part)) = (item.as_object_mut(), shape) else { return false };
        for name in names {
            if name.default.is_some() && tape.once_in(2) {
                fields.remove(&*name.name);
            } else {
                let shape = part.field(&name.name).map_or(Shape::Text, |field| field.shape.clone());
                let key = match name.default.as_deref() {
                    Some(default) => json!(tape.of(&[default, "UDP"])),
                    None if matches!(shape, Shape::Integer) => json!([80, 443, 53][tape.below(3)]),
                    None => json!(tape.of(&["a", "b", "web", "/data", "80", "a=b", "true"])),
                };
                fields.insert(name.name.to_string(), key);
            }
        }
        true
    }
}

fn same_keys(a: &Value, b: &Value, names: &[MergeKey]) -> bool {
    let key = |item: &Value, name: &MergeKey| {
        item.get(&*name.name).cloned().or_else(|| name.default.as_deref().map(Value::from))
    };
    names.iter().all(|name| key(a, name) == key(b, name))
}
