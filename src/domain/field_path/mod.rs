//! Field paths as people of this field write them, and patterns over them.
//!
//! `spec.template.spec.containers[name=web].resources.limits.memory`, `metadata.annotations["a.b/c"]`,
//! `ports[containerPort=80,protocol=TCP]`, `finalizers[="a/b"]` (an item of a set), `args[0]`, and
//! `data["app.yaml"]::server.port` for what is inside a text. Printing and parsing are inverse.
//! A pattern adds `*` (any one step) and `**` (any number of steps).

mod pattern;
mod syntax;

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use serde_json::Value;

pub use pattern::PathPattern;
use syntax::{PatternStep, is_plain_key, parse, write_quoted, write_steps};

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A field of a struct or a key of a map.
    Field(String),
    /// The item of a list that has these merge keys.
    Item(Vec<(String, Key)>),
    /// An item of a set, by its value.
    Member(Key),
    /// An item of an atomic list, counted from 0.
    Index(usize),
    /// From here on inside the text of the field before, parsed (`data["app.yaml"]::server.port`).
    Inside,
}

/// The value of a merge key: `name=web` or `containerPort=80`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// True or false.
    Bool(bool),
}

impl Key {
    /// The key a JSON scalar makes; none for lists, maps, null and fractions.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => number.as_i64().map(Self::Number),
            Value::Bool(bool) => Some(Self::Bool(*bool)),
            _ => None,
        }
    }

    /// The JSON scalar that this key stands for.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Text(text) => Value::from(text.clone()),
            Self::Number(number) => Value::from(*number),
            Self::Bool(bool) => Value::from(*bool),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) if is_plain_key(text) => f.write_str(text),
            Self::Text(text) => write_quoted(f, text),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(bool) => write!(f, "{bool}"),
        }
    }
}

/// Where in an object a field is. The empty path is the object itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Step>);

impl FieldPath {
    /// The object itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of plain fields, `FieldPath::fields(["spec", "replicas"])`.
    pub fn fields<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().map(|name| Step::Field(name.to_owned())).collect())
    }

    /// The steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether it is the object itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// This path and one step more.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// This path and one field more.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        self.join(Step::Field(name.to_owned()))
    }

    /// The path without its last step; none for the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_last().map(|(_, before)| Self(before.to_vec()))
    }

    /// Adds a step in place, for walkers that go up and down one path.
    pub fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// Takes the last step off in place.
    pub fn pop(&mut self) -> Option<Step> {
        self.0.pop()
    }

    /// Whether this path is `other` or lies below it.
    pub fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }

    /// The value at this path of `object`: items by their merge keys, `None` where any step is missing.
    /// A merge key that the item leaves out matches only if it is the protocol `TCP`, the one key with a default.
    pub fn get<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(object, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Index(index) => value.get(index),
            Step::Item(keys) => value.as_array()?.iter().find(|item| has_keys(item, keys)),
            Step::Member(key) => value.as_array()?.iter().find(|item| **item == key.to_value()),
            Step::Inside => None,
        })
    }
}

/// Whether a list item has these merge keys.
pub fn has_keys(item: &Value, keys: &[(String, Key)]) -> bool {
    keys.iter().all(|(name, key)| match item.get(name) {
        Some(value) => *value == key.to_value(),
        None => name == "protocol" && *key == Key::Text("TCP".to_owned()),
    })
}

impl FromIterator<Step> for FieldPath {
    fn from_iter<T: IntoIterator<Item = Step>>(steps: T) -> Self {
        Self(steps.into_iter().collect())
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_steps(f, self.0.iter().map(PatternStep::from))
    }
}

impl Serialize for FieldPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no field path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at column {column} of the field path `{text}`")]
pub struct PathError {
    text: String,
    column: usize,
    message: &'static str,
}

impl PathError {
    fn new(text: &str, column: usize, message: &'static str) -> Self {
        Self { text: text.to_owned(), column, message }
    }
}

impl FromStr for FieldPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let steps = parse(text)?;
        let exact = steps.into_iter().map(|step| match step {
            PatternStep::Exact(step) => Some(step),
            PatternStep::Any | PatternStep::AnyDepth => None,
        });
        exact.collect::<Option<Vec<_>>>().map(Self).ok_or_else(|| {
            let message = "a `*` belongs into a pattern, quote it if the name has one";
            PathError::new(text, text.find('*').unwrap_or(0) + 1, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// The spellings of the documentation print as they were parsed.
    #[test]
    fn spellings_round_trip() {
        for text in [
            "spec.template.spec.containers[name=web].resources.limits.memory",
            "metadata.annotations[\"a.b/c\"]",
            "spec.ports[containerPort=80,protocol=TCP]",
            "metadata.finalizers[=kubernetes.io/pvc-protection]",
            "spec.template.spec.containers[name=web].args[0]",
            "data[\"application.yaml\"]::server.port",
            "spec.containers[name=\"80\"]",
        ] {
            assert_eq!(text.parse::<FieldPath>().expect(text).to_string(), text);
        }
    }

    /// Mistakes are named with their column.
    #[test]
    fn mistakes_are_named() {
        for (text, column) in [("spec..x", 6), ("a[", 3), ("a[name]", 7), ("a[\"x]", 3), ("a.*", 3), ("a b", 2)] {
            assert_eq!(text.parse::<FieldPath>().expect_err(text).column, column, "{text}");
        }
    }

    /// Values are found by merge key, with the one defaulted key left out.
    #[test]
    fn values_are_found() {
        let object = json!({"ports": [{"containerPort": 80, "name": "a"}, {"containerPort": 80, "protocol": "UDP", "name": "b"}]});
        let path: FieldPath = "ports[containerPort=80,protocol=TCP].name".parse().expect("path");
        assert_eq!(path.get(&object), Some(&json!("a")));
    }

    fn step() -> impl Strategy<Value = Step> {
        let key = prop_oneof![
            any::<String>().prop_map(Key::Text),
            any::<i64>().prop_map(Key::Number),
            any::<bool>().prop_map(Key::Bool)
        ];
        prop_oneof![
            any::<String>().prop_map(Step::Field),
            "[a-z]{1,5}".prop_map(Step::Field),
            proptest::collection::vec(("[a-zA-Z]{1,6}", key.clone()), 1..3).prop_map(Step::Item),
            key.prop_map(Step::Member),
            (0..9999_usize).prop_map(Step::Index),
            Just(Step::Inside),
        ]
    }

    proptest! {
        /// Printing and parsing are inverse, whatever the names.
        #[test]
        fn print_and_parse_are_inverse(steps in proptest::collection::vec(step(), 0..8)) {
            let path: FieldPath = steps.into_iter().collect();
            prop_assert_eq!(path.to_string().parse::<FieldPath>().expect("parses"), path);
        }
    }
}
