//! What the schema of a custom kind demands besides types: choices, bounds, needed fields, and values that stay.

use serde_json::Value;

use crate::domain::field_path::{FieldPath, PathPattern};

/// How deep a schema is looked into.
const MAX_DEPTH: usize = 64;
/// How many demands are kept of one kind: more than any hand has written.
const MOST: usize = 4_000;

/// One demand on the values at some place.
#[derive(Debug, Clone, PartialEq)]
pub enum Demand {
    /// One of these (`enum`).
    OneOf(Vec<Value>),
    /// Not less (`minimum`).
    AtLeast(f64),
    /// Not more (`maximum`).
    AtMost(f64),
    /// A map has these fields (`required`), those with a default left out.
    Required(Vec<String>),
    /// Once set it stays (`self == oldSelf` among `x-kubernetes-validations`).
    Fixed,
}

/// Reads the demands of a schema for whole objects. Metadata and status are left out: the API server has its own rules
/// for them.
pub(super) fn demands(schema: &Value) -> Vec<(PathPattern, Demand)> {
    let mut found = Vec::new();
    read(schema, "", 0, &mut found);
    found
}

fn read(schema: &Value, at: &str, depth: usize, found: &mut Vec<(PathPattern, Demand)>) {
    if depth > MAX_DEPTH || found.len() >= MOST {
        return;
    }
    let mut add = |at: &str, demand: Demand| found.extend(at.parse().ok().map(|pattern| (pattern, demand)));
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        add(at, Demand::OneOf(choices.clone()));
    }
    let number = |name: &str| schema.get(name).and_then(Value::as_f64);
    if let Some(least) = number("minimum") {
        add(at, Demand::AtLeast(least));
    }
    if let Some(most) = number("maximum") {
        add(at, Demand::AtMost(most));
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let has_default =
        |name: &str| properties.is_some_and(|all| all.get(name).is_some_and(|one| one.get("default").is_some()));
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let required: Vec<_> = required.filter(|name| !has_default(name)).map(str::to_owned).collect();
    if !required.is_empty() {
        add(at, Demand::Required(required));
    }
    for rule in schema.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten() {
        if rule.get("optionalOldSelf") == Some(&Value::Bool(true)) {
            continue;
        }
        for below in rule.get("rule").and_then(Value::as_str).map(kept_by).unwrap_or_default() {
            let joined = below.iter().fold(at.to_owned(), |at, name| under(&at, name));
            add(&joined, Demand::Fixed);
        }
    }
    for (name, schema) in properties.into_iter().flatten() {
        if depth > 0 || !matches!(name.as_str(), "metadata" | "status" | "apiVersion" | "kind") {
            read(schema, &under(at, name), depth + 1, found);
        }
    }
    if let Some(items) = schema.get("items") {
        read(items, &format!("{at}[*]"), depth + 1, found);
    }
    if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
        read(values, &format!("{at}.*"), depth + 1, found);
    }
}

fn under(at: &str, name: &str) -> String {
    let name = FieldPath::fields([name]).to_string();
    if at.is_empty() || name.starts_with('[') { format!("{at}{name}") } else { format!("{at}.{name}") }
}

/// The fields below `self` that a rule keeps as they were: `self.a == oldSelf.a && self.b == oldSelf.b`. What holds only
/// under a condition keeps nothing for certain.
fn kept_by(rule: &str) -> Vec<Vec<String>> {
    if rule.contains("||") || rule.contains('?') || rule.contains('!') || rule.contains('"') || rule.contains('\'') {
        return Vec::new();
    }
    rule.split("&&").filter_map(kept_by_one).collect()
}

fn kept_by_one(rule: &str) -> Option<Vec<String>> {
    let bare = rule.trim().trim_start_matches('(').trim_end_matches(')');
    let (one, other) = bare.split_once("==")?;
    let below = |text: &str, root: &str| {
        let rest = text.trim().strip_prefix(root)?.to_owned();
        let is_path = rest.is_empty() || rest.starts_with('.');
        let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.');
        (is_path && rest.chars().all(is_name)).then_some(rest)
    };
    let (new, old) = match (below(one, "self"), below(other, "oldSelf")) {
        (Some(new), Some(old)) => (new, old),
        _ => (below(other, "self")?, below(one, "oldSelf")?),
    };
    (new == old).then(|| new.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Only what has to stay whatever else holds is kept.
    #[test]
    fn rules_that_keep_are_read() {
        for (rule, kept) in [
            ("self == oldSelf", vec![vec![]]),
            ("oldSelf == self", vec![vec![]]),
            ("(self==oldSelf)", vec![vec![]]),
            ("self.a.b == oldSelf.a.b && self.c == oldSelf.c", vec![vec!["a", "b"], vec!["c"]]),
            ("self.size >= oldSelf.size && self.name == oldSelf.name", vec![vec!["name"]]),
            ("self.a == oldSelf.b", vec![]),
            ("!has(oldSelf.a) || self.a == oldSelf.a", vec![]),
            ("self.mode == 'x' ? self == oldSelf : true", vec![]),
            ("self != oldSelf", vec![]),
            ("self.all(x, x == oldSelf)", vec![]),
            ("selfish == oldSelfish", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(kept_by(rule), kept, "{rule}");
        }
    }

    /// Demands come with the place that they are for, in lists and maps too.
    #[test]
    fn demands_have_places() {
        let schema = json!({"type": "object", "required": ["spec"], "properties": {
            "metadata": {"required": ["name"]},
            "spec": {"required": ["mode", "class"], "properties": {
                "mode": {"enum": ["a", "b"]}, "class": {"default": "x"},
                "a.b": {"minimum": 1, "maximum": 3},
                "items": {"items": {"properties": {"id": {"x-kubernetes-validations": [{"rule": "self == oldSelf"}]}}}},
                "map": {"additionalProperties": {"enum": [1]}}}}}});
        let told: Vec<_> = demands(&schema).iter().map(|(at, demand)| format!("{at} {demand:?}")).collect();
        assert_eq!(
            told,
            [
                " Required([\"spec\"])",
                "spec Required([\"mode\"])",
                "spec[\"a.b\"] AtLeast(1.0)",
                "spec[\"a.b\"] AtMost(3.0)",
                "spec.items.*.id Fixed",
                "spec.map.* OneOf([Number(1)])",
                "spec.mode OneOf([String(\"a\"), String(\"b\")])",
            ]
        );
    }
}
