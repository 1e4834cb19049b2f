//! Which object something is about: kinds, identities, manifests and live objects.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Group and kind, without the version: `autoscaling/v1` and `autoscaling/v2` name one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct GroupKind {
    /// API group; empty for the core group.
    pub group: String,
    /// Kind as manifests write it, `Deployment`.
    pub kind: String,
}

impl GroupKind {
    /// Builds a group and kind.
    pub fn new(group: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { group: group.into(), kind: kind.into() }
    }

    /// Takes the group from an `apiVersion` such as `apps/v1` or `v1`.
    pub fn of(api_version: &str, kind: impl Into<String>) -> Self {
        Self::new(split_api_version(api_version).0, kind)
    }

    /// Whether this is the core `Secret`.
    pub fn is_secret(&self) -> bool {
        self.group.is_empty() && self.kind == "Secret"
    }
}

impl fmt::Display for GroupKind {
    /// `Deployment.apps`, and `ConfigMap` for the core group, as kubectl writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

/// Splits `apps/v1` into group and version; the core group is empty.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.rsplit_once('/').unwrap_or(("", api_version))
}

/// A kind at the version in which it is declared, so that it is listed at that version too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct VersionedKind {
    /// As manifests write it, `apps/v1`.
    pub api_version: String,
    /// As manifests write it, `Deployment`.
    pub kind: String,
}

impl VersionedKind {
    /// Builds a kind at a version.
    pub fn new(api_version: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { api_version: api_version.into(), kind: kind.into() }
    }

    /// The kind without its version.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::of(&self.api_version, &*self.kind)
    }
}

impl fmt::Display for VersionedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.api_version, self.kind)
    }
}

/// Which object: group, kind, namespace and name. The version is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ResourceId {
    /// Group and kind.
    #[serde(flatten)]
    pub kind: GroupKind,
    /// Namespace; none for cluster-scoped kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

impl ResourceId {
    /// Builds an identity.
    pub fn new(kind: GroupKind, namespace: Option<&str>, name: impl Into<String>) -> Self {
        Self { kind, namespace: namespace.map(str::to_owned), name: name.into() }
    }

    /// Reads the identity from an object's `apiVersion`, `kind` and `metadata`; none where one of them is missing.
    pub fn of(object: &Value) -> Option<Self> {
        fn text<'v>(part: &'v Value, name: &str) -> Option<&'v str> {
            part.get(name)?.as_str().filter(|text| !text.is_empty())
        }
        let kind = GroupKind::of(text(object, "apiVersion")?, text(object, "kind")?);
        let metadata = object.get("metadata")?;
        Some(Self::new(kind, text(metadata, "namespace"), text(metadata, "name")?))
    }

    /// The argument that names it to kubectl: `deployment.apps/web`.
    pub fn kubectl_name(&self) -> String {
        format!("{}/{}", self.kind.to_string().to_lowercase(), self.name)
    }
}

impl fmt::Display for ResourceId {
    /// `Deployment payments/web`; the group is left out because a reader seldom needs it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

/// Where a manifest came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Origin {
    /// Path relative to the repository (or as given on the command line), with `/`.
    pub file: String,
    /// Which YAML document of the file, counted from 0 as kubectl and kustomize count them (empty ones included).
    pub document: usize,
    /// Line at which the document's first key stands, counted from 1.
    pub line: usize,
    /// For an item of a `kind: List`, its index in `items`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_item: Option<usize>,
}

/// A declared object as the renderer saw it, kept as compact JSON (a parsed tree costs ten times as much memory).
/// Secret values are masked before one is built.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Which object it declares.
    pub id: ResourceId,
    /// `apiVersion` as declared.
    pub api_version: String,
    /// The source (as named in the config) that rendered it.
    pub source: String,
    /// Where a person would edit it; none for what a generator made.
    pub origin: Option<Origin>,
    /// The name without its hash, where the renderer named it by its content: with another content it is the same
    /// resource under another name.
    pub stem: Option<String>,
    body: Bytes,
    /// The object as a second rendering of the same files has it, where that is not the same.
    again: Option<Bytes>,
}

impl Manifest {
    /// Keeps `object`, whose secrets the caller has masked (see [`crate::domain::secret`]).
    pub fn new(id: ResourceId, source: &str, origin: Option<Origin>, object: &Value) -> Self {
        let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default().to_owned();
        // boxed, so that no more is kept than is used
        let body = serde_json::to_vec(object).expect("a Value always serialises").into_boxed_slice();
        Self { id, api_version, source: source.to_owned(), origin, stem: None, body: body.into(), again: None }
    }

    /// Remembers the name without its hash, if it has one.
    #[must_use]
    pub fn named_by_content(self, stem: Option<String>) -> Self {
        Self { stem, ..self }
    }

    /// Remembers what a second rendering of the same files came to (`randAlphaNum`, `genCA`, `now`): where the two differ,
    /// nothing is declared.
    #[must_use]
    pub fn rendered_again(mut self, other: &Self) -> Self {
        self.again = (self.body != other.body).then(|| other.body.clone());
        self
    }

    /// The object of the second rendering, where that is not the same.
    pub fn other_object(&self) -> Option<Value> {
        self.again.as_deref().map(|body| serde_json::from_slice(body).expect("the body was written from a Value"))
    }

    /// Whether it declares the same as another manifest, what differs between renderings left out.
    pub fn declares_as(&self, other: &Self) -> bool {
        let are_settled = self.again.is_none() && other.again.is_none();
        if are_settled { self.body == other.body } else { self.settled() == other.settled() }
    }

    /// The object without what differs between its two renderings.
    pub fn settled(&self) -> Value {
        match self.other_object() {
            Some(other) => common(self.object(), &other).unwrap_or_default(),
            None => self.object(),
        }
    }

    /// Takes back what [`Manifest::json`] gave.
    pub fn from_json(id: ResourceId, api_version: &str, source: &str, origin: Option<Origin>, body: Bytes) -> Self {
        Self {
            id,
            api_version: api_version.to_owned(),
            source: source.to_owned(),
            origin,
            stem: None,
            body,
            again: None,
        }
    }

    /// The object.
    pub fn object(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body was written from a Value")
    }

    /// The kind at its declared version.
    pub fn versioned_kind(&self) -> VersionedKind {
        VersionedKind::new(&*self.api_version, &*self.id.kind.kind)
    }

    /// The object as compact JSON.
    pub fn json(&self) -> &[u8] {
        &self.body
    }
}

/// Manifests by source and resource.
#[derive(Debug)]
pub struct ManifestIndex<'m>(HashMap<(&'m str, &'m ResourceId), &'m Manifest>);

impl<'m> ManifestIndex<'m> {
    /// Indexes manifests; of two that declare one resource in one source, the later counts.
    pub fn new(manifests: impl IntoIterator<Item = &'m Manifest>) -> Self {
        Self(manifests.into_iter().map(|manifest| ((&*manifest.source, &manifest.id), manifest)).collect())
    }

    /// The manifest of a live object in a source: its own, else one of that name without a namespace.
    pub fn of(&self, source: &str, resource: &ResourceId) -> Option<&'m Manifest> {
        let without_namespace = ResourceId { namespace: None, ..resource.clone() };
        self.0.get(&(source, resource)).or_else(|| self.0.get(&(source, &without_namespace))).copied()
    }
}

/// What two values have in common: members of maps, items of lists of one length; none where they differ as a whole.
fn common(one: Value, other: &Value) -> Option<Value> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let shared =
                one.into_iter().filter_map(|(key, value)| Some((key.clone(), common(value, other.get(&key)?)?)));
            Some(Value::Object(shared.collect()))
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let shared = one.into_iter().zip(other).map(|(one, other)| common(one, other).unwrap_or_default());
            Some(Value::Array(shared.collect()))
        }
        (one, other) => (one == *other).then_some(one),
    }
}

/// A live object as the cluster (or a snapshot) gave it, secrets masked, `apiVersion` and `kind` filled in.
#[derive(Debug)]
pub struct LiveObject {
    /// Which object it is.
    pub id: ResourceId,
    /// The object without `metadata.managedFields`.
    pub object: Value,
    /// `metadata.managedFields` as JSON text, decoded only where a field differs; none where the object has none.
    pub managed_fields: Option<Box<RawValue>>,
}

impl LiveObject {
    /// A compact copy for a stage that comes after the scan.
    pub fn keep(&self) -> KeptObject {
        let body = serde_json::to_vec(&self.object).expect("a Value always serialises");
        KeptObject { body: body.into(), managed_fields: self.managed_fields.clone() }
    }
}

/// A live object that drifted and is looked at once more, kept as compact JSON.
#[derive(Debug, Clone)]
pub struct KeptObject {
    body: Box<[u8]>,
    managed_fields: Option<Box<RawValue>>,
}

impl KeptObject {
    /// The object again, whose identity the caller knows.
    pub fn live(&self, id: ResourceId) -> LiveObject {
        let object = serde_json::from_slice(&self.body).expect("the body was written from a Value");
        LiveObject { id, object, managed_fields: self.managed_fields.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What two renderings have in common is what is declared.
    #[test]
    fn only_what_stays_is_settled() {
        let of =
            |object: &Value| Manifest::new(ResourceId::new(GroupKind::new("", "Secret"), None, "a"), "s", None, object);
        let one = json!({"data": {"a": "x", "b": "1"}, "list": ["x", {"k": 1}], "short": [1], "same": [1, 2]});
        let other = json!({"data": {"a": "y", "b": "1"}, "list": ["y", {"k": 1}], "short": [1, 2], "same": [1, 2]});
        let expected = json!({"data": {"b": "1"}, "list": [null, {"k": 1}], "same": [1, 2]});
        assert_eq!(of(&one).rendered_again(&of(&other)).settled(), expected);
        assert_eq!(of(&one).rendered_again(&of(&one)).other_object(), None);
    }

    /// A live object is that of the manifest with its namespace, where there is one, and not of another's.
    #[test]
    fn the_own_manifest_comes_first() {
        let id = |namespace: Option<&str>| ResourceId::new(GroupKind::new("apps", "Deployment"), namespace, "web");
        let manifest = |namespace: Option<&str>| Manifest::new(id(namespace), "s", None, &json!({}));
        let manifests = [manifest(None), manifest(Some("b"))];
        let index = ManifestIndex::new(&manifests);
        for (live, expected) in [("b", Some("b")), ("a", None)] {
            let found = index.of("s", &id(Some(live))).map(|manifest| manifest.id.namespace.as_deref());
            assert_eq!(found, Some(expected), "{live}");
        }
        assert!(index.of("other", &id(Some("b"))).is_none());
    }
}
