//! What the API server knows of a kind: the types of its fields, its list keys and its scope.
//!
//! The built-in kinds are compiled in (`generated.rs` is written by `tests/schema/generate.py`, nothing is parsed at
//! start); custom kinds are added from CRD manifests or from OpenAPI v3 documents.

mod custom;
mod demands;
#[rustfmt::skip]
mod generated;
mod table;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;

use serde_json::Value;

pub use custom::SchemaError;
pub use demands::Demand;

use crate::domain::field_path::PathPattern;
use crate::domain::resource::{VersionedKind, split_api_version};

/// The Kubernetes whose kinds are compiled in.
pub const KUBERNETES: &str = "1.36";

/// The type of a value.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Nothing is known: compared by structure.
    Any,
    /// A text.
    Text,
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A Kubernetes quantity, `500m`, `1Gi`.
    Quantity,
    /// A number or a text, `80`, `25%`.
    IntOrString,
    /// Base64 text.
    Bytes,
    /// A point in time.
    Time,
    /// A Go duration, `1h30m`.
    Duration,
    /// An object with known fields.
    Struct(Link<Struct>),
    /// An object with free keys.
    Map(Link<Map>),
    /// A list.
    List(Link<List>),
}

/// An object with known fields.
#[derive(Debug, Clone)]
pub struct Struct {
    /// Group, version and type as in `core/v1.PodSpec`; empty for types of custom kinds.
    pub name: Cow<'static, str>,
    /// Its fields, sorted by name.
    pub fields: Cow<'static, [Field]>,
    /// Whether it is owned as one unit (`x-kubernetes-map-type: atomic`).
    pub atomic: bool,
    /// Whether the server keeps fields that are not in the schema.
    pub open: bool,
}

impl Struct {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.binary_search_by(|field| (*field.name).cmp(name)).ok().map(|index| &self.fields[index])
    }
}

/// A field of a [`Struct`].
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its type.
    pub shape: Shape,
    /// The default that a custom kind's schema gives; those of built-in kinds are in [`crate::domain::normalize`].
    pub default: Option<Box<Value>>,
}

/// An object with free keys.
#[derive(Debug, Clone)]
pub struct Map {
    /// The type of its values.
    pub value: Shape,
    /// Whether it is owned as one unit.
    pub atomic: bool,
}

/// A list.
#[derive(Debug, Clone)]
pub struct List {
    /// How its items are told apart.
    pub kind: ListKind,
    /// The type of its items.
    pub item: Shape,
}

/// How the items of a list are told apart.
#[derive(Debug, Clone)]
pub enum ListKind {
    /// By position; owned as one unit.
    Atomic,
    /// By value.
    Set,
    /// By these fields (`x-kubernetes-list-map-keys`).
    Keyed(Cow<'static, [MergeKey]>),
}

/// A field that tells list items apart.
#[derive(Debug, Clone)]
pub struct MergeKey {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it is where an item leaves it out (`protocol`: `TCP`).
    pub default: Option<Cow<'static, str>>,
}

/// A part of a schema: compiled in or loaded.
#[derive(Debug)]
pub enum Link<T: 'static> {
    /// Compiled in.
    Static(&'static T),
    /// Loaded.
    Loaded(Arc<T>),
}

impl<T> Clone for Link<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Static(part) => Self::Static(part),
            Self::Loaded(part) => Self::Loaded(Arc::clone(part)),
        }
    }
}

impl<T> Deref for Link<T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Static(part) => part,
            Self::Loaded(part) => part,
        }
    }
}

/// Schemas of built-in kinds (compiled in) and of the custom kinds that were loaded.
#[derive(Debug, Default)]
pub struct Schemas {
    loaded: HashMap<(String, String), Kind>,
}

/// What every kind has, for those of which nothing else is known.
static UNKNOWN: Struct = Struct {
    name: Cow::Borrowed(""),
    fields: Cow::Borrowed(&[Field {
        name: Cow::Borrowed("metadata"),
        shape: Shape::Struct(Link::Static(&generated::META_V1_OBJECTMETA)),
        default: None,
    }]),
    atomic: false,
    open: true,
};

#[derive(Debug)]
struct Kind {
    shape: Shape,
    namespaced: Option<bool>,
    demands: Vec<(PathPattern, Demand)>,
}

impl Schemas {
    /// The type of a kind's objects; for a kind that is neither built in nor loaded, no more than its metadata.
    pub fn kind(&self, api_version: &str, kind: &str) -> Shape {
        if let Some((shape, _)) = built_in(api_version, kind) {
            return shape;
        }
        let loaded = self.loaded.get(&(api_version.to_owned(), kind.to_owned()));
        loaded.map_or(Shape::Struct(Link::Static(&UNKNOWN)), |kind| kind.shape.clone())
    }

    /// Whether the kind's types are known: built in or loaded.
    pub fn knows(&self, kind: &VersionedKind) -> bool {
        built_in(&kind.api_version, &kind.kind).is_some()
            || self.loaded.contains_key(&(kind.api_version.clone(), kind.kind.clone()))
    }

    /// What the schema of a custom kind demands besides types, each with the place that it is for.
    pub fn demands(&self, kind: &VersionedKind) -> &[(PathPattern, Demand)] {
        let loaded = self.loaded.get(&(kind.api_version.clone(), kind.kind.clone()));
        loaded.map_or(&[], |kind| &kind.demands)
    }

    /// Whether a kind is compiled in.
    pub fn is_built_in(api_version: &str, kind: &str) -> bool {
        built_in(api_version, kind).is_some()
    }

    /// Whether kinds of a group come with the API server, or once did: the groups of custom kinds have a dot.
    pub fn is_built_in_group(group: &str) -> bool {
        !group.contains('.') || generated::KINDS.iter().any(|row| split_api_version(row.0).0 == group)
    }

    /// The groups that have a built-in kind of this name, each once.
    pub fn groups_of(kind: &str) -> Vec<&'static str> {
        let rows = generated::KINDS.iter().filter(|row| row.1 == kind);
        let mut groups: Vec<_> = rows.map(|row| split_api_version(row.0).0).collect();
        groups.dedup();
        groups
    }

    /// The type of `metadata`, which every kind shares.
    pub fn object_meta() -> Shape {
        built_in_type("meta/v1.ObjectMeta").map_or(Shape::Any, |part| Shape::Struct(Link::Static(part)))
    }

    /// Whether objects of a kind live in a namespace; none where nothing tells.
    pub fn is_namespaced(&self, kind: &VersionedKind) -> Option<bool> {
        if let Some((_, namespaced)) = built_in(&kind.api_version, &kind.kind) {
            return Some(namespaced);
        }
        self.loaded.get(&(kind.api_version.clone(), kind.kind.clone())).and_then(|kind| kind.namespaced)
    }
}

fn built_in(api_version: &str, kind: &str) -> Option<(Shape, bool)> {
    let index = generated::KINDS.binary_search_by(|row| (row.0, row.1).cmp(&(api_version, kind))).ok()?;
    let (_, _, schema, namespaced) = generated::KINDS[index];
    Some((Shape::Struct(Link::Static(schema)), namespaced))
}

/// The compiled-in type of this name, for documents that refer to one.
fn built_in_type(name: &str) -> Option<&'static Struct> {
    generated::TYPES.binary_search_by(|part| (*part.name).cmp(name)).ok().map(|index| generated::TYPES[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The compiled-in tables are sorted as the look-ups need, and know scopes, list keys and their defaults.
    #[test]
    fn built_in_kinds_are_found() {
        assert!(generated::KINDS.is_sorted_by_key(|row| (row.0, row.1)));
        assert!(generated::TYPES.is_sorted_by_key(|part| &*part.name));
        for part in generated::TYPES {
            assert!(part.fields.is_sorted_by_key(|field| &*field.name), "{} is not sorted", part.name);
        }
        let header = include_str!("generated.rs").lines().next().expect("a header");
        assert!(header.contains(&format!("Kubernetes v{KUBERNETES}.")), "{header}");
        let schemas = Schemas::default();
        let scope = |api_version: &str, kind: &str| schemas.is_namespaced(&VersionedKind::new(api_version, kind));
        assert_eq!(scope("apps/v1", "Deployment"), Some(true));
        assert_eq!(scope("v1", "Namespace"), Some(false));
        assert_eq!(scope("example.com/v1", "Widget"), None);
        let port =
            built_in_type("core/v1.ServiceSpec").and_then(|part| part.field("ports")).expect("a Service has ports");
        let Shape::List(list) = &port.shape else { panic!("ports is no list") };
        let ListKind::Keyed(keys) = &list.kind else { panic!("ports has no keys") };
        assert_eq!(keys.iter().map(|key| &*key.name).collect::<Vec<_>>(), ["port", "protocol"]);
        assert_eq!(keys[1].default.as_deref(), Some("TCP"));
    }
}
