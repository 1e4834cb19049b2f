//! Places of a JSON value as RFC 6901 writes them, and taking them out.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::domain::field_path::{FieldPath, Step, has_keys};

/// One step of a [`Pointer`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Token {
    /// A field.
    Key(String),
    /// An item of a list, counted from 0.
    Index(usize),
}

/// A place in one JSON value. Unlike a field path it counts the items of every list, so it means something for one
/// object only.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pointer(pub(super) Vec<Token>);

/// A pointer as it is written, before it is known what is a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WrittenPointer(Vec<String>);

impl FromStr for WrittenPointer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let rest = text.strip_prefix('/').ok_or("is no JSON pointer: it has to begin with `/`")?;
        Ok(Self(rest.split('/').map(|token| token.replace("~1", "/").replace("~0", "~")).collect()))
    }
}

impl fmt::Display for WrittenPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1")))
    }
}

impl WrittenPointer {
    /// Whether it points at the whole object.
    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The place in `object`; none where there is nothing. As the tools' own library has it, a negative index counts
    /// from the end.
    pub(super) fn place(&self, object: &Value) -> Option<Pointer> {
        let mut here = object;
        let mut place = Vec::new();
        for token in &self.0 {
            let step = match here {
                Value::Object(_) => Token::Key(token.clone()),
                Value::Array(items) => {
                    let at: isize = token.parse().ok()?;
                    let from_end = at.unsigned_abs();
                    Token::Index(if at < 0 { items.len().checked_sub(from_end)? } else { from_end })
                }
                _ => return None,
            };
            here = child(here, &step)?;
            place.push(step);
        }
        Some(Pointer(place))
    }
}

fn child<'v>(value: &'v Value, step: &Token) -> Option<&'v Value> {
    match step {
        Token::Key(name) => value.as_object()?.get(name),
        Token::Index(at) => value.as_array()?.get(*at),
    }
}

impl Pointer {
    /// The value there.
    pub(super) fn get<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(object, child)
    }

    /// Where a field path leads in `object`; none where there is nothing.
    pub(super) fn of(path: &[Step], object: &Value) -> Option<Self> {
        let mut here = object;
        let mut place = Vec::new();
        for step in path {
            let position = |fits: &dyn Fn(&Value) -> bool| here.as_array()?.iter().position(fits).map(Token::Index);
            let token = match step {
                Step::Field(name) => Token::Key(name.clone()),
                Step::Index(at) => Token::Index(*at),
                Step::Item(keys) => position(&|item| has_keys(item, keys))?,
                Step::Member(key) => position(&|item| *item == key.to_value())?,
                // what is inside a text goes with the text
                Step::Inside => break,
            };
            here = child(here, &token)?;
            place.push(token);
        }
        Some(Self(place))
    }

    fn starts_with(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

/// An object and what was taken out of it.
#[derive(Debug)]
pub(super) struct Reduced {
    /// What is left.
    pub object: Value,
    /// The places that are gone, in terms of the whole object; among them parts that nothing was left in.
    gone: BTreeSet<Pointer>,
}

impl Reduced {
    /// Takes these places out. What is empty then goes too, as Argo CD and a server-side apply have it.
    pub(super) fn new(whole: &Value, places: impl IntoIterator<Item = Pointer>) -> Self {
        let mut reduced = Self { object: whole.clone(), gone: BTreeSet::new() };
        let places: BTreeSet<_> = places.into_iter().filter(|place| place.get(whole).is_some()).collect();
        // from the end, so that what is left to do keeps its place
        for mut place in places.into_iter().rev() {
            while let Some(last) = place.0.last().cloned() {
                let parent = Pointer(place.0[..place.0.len() - 1].to_vec());
                let Some(holder) = get_mut(&mut reduced.object, &parent) else { break };
                remove(holder, &last);
                reduced.gone.insert(place);
                if parent.0.is_empty() || !is_empty(holder) {
                    break;
                }
                place = parent;
            }
        }
        reduced
    }

    /// Whether a place of the whole object is gone, by itself or with what it is in.
    pub(super) fn lacks(&self, place: &Pointer) -> bool {
        self.gone.iter().any(|gone| place.starts_with(gone))
    }

    /// Whether an item of the list at this path is gone, so that the items after it have other numbers.
    pub(super) fn lost_items(&self, list: &[Step], whole: &Value) -> bool {
        Pointer::of(list, whole).is_some_and(|list| {
            let is_item = |gone: &Pointer| {
                gone.0.len() == list.0.len() + 1
                    && gone.starts_with(&list)
                    && matches!(gone.0.last(), Some(Token::Index(_)))
            };
            self.gone.iter().any(is_item)
        })
    }
}

/// Whether something of the value at `path` may be gone from an object: the path is at, above or below one of these.
pub(super) fn touches(places: &[Pointer], path: &FieldPath, object: &Value) -> bool {
    Pointer::of(path.steps(), object)
        .is_some_and(|here| places.iter().any(|place| place.starts_with(&here) || here.starts_with(place)))
}

fn get_mut<'v>(object: &'v mut Value, place: &Pointer) -> Option<&'v mut Value> {
    place.0.iter().try_fold(object, |value, step| match step {
        Token::Key(name) => value.as_object_mut()?.get_mut(name),
        Token::Index(at) => value.as_array_mut()?.get_mut(*at),
    })
}

fn remove(holder: &mut Value, token: &Token) {
    match (holder, token) {
        (Value::Object(fields), Token::Key(name)) => drop(fields.remove(name)),
        (Value::Array(items), Token::Index(at)) if *at < items.len() => drop(items.remove(*at)),
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}
