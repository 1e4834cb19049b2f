//! Schemas of custom kinds, read from CRD manifests and from the API server's OpenAPI v3 documents.
//! Both are untrusted: references may run in circles and nesting is limited.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map as Object, Value};

use super::demands::demands;
use super::{
    Field, Kind, Link, List, ListKind, Map, MergeKey, Schemas, Shape, Struct, UNKNOWN, built_in, built_in_type,
};
use crate::domain::resource::VersionedKind;

const MAX_DEPTH: usize = 64;
/// How the pattern of every quantity field begins, as controller-gen writes it.
const QUANTITY_PATTERN: &str = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)";

/// A document that holds no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(String);

fn missing(what: &str) -> SchemaError {
    SchemaError(format!("the document has no {what}, so no schema can be read from it"))
}

impl Schemas {
    /// Adds every version of the kind that a CustomResourceDefinition (`apiextensions.k8s.io/v1`) defines; says which.
    pub fn add_crd(&mut self, crd: &Value) -> Result<Vec<VersionedKind>, SchemaError> {
        let text = |pointer: &str| crd.pointer(pointer).and_then(Value::as_str);
        let group = text("/spec/group").ok_or_else(|| missing("`spec.group`"))?;
        let kind = text("/spec/names/kind").ok_or_else(|| missing("`spec.names.kind`"))?;
        let versions = crd.pointer("/spec/versions").and_then(Value::as_array);
        let namespaced = text("/spec/scope").map(|scope| scope == "Namespaced");
        let mut added = Vec::new();
        for version in versions.ok_or_else(|| missing("`spec.versions`"))? {
            let Some(name) = version.get("name").and_then(Value::as_str) else { continue };
            let mut reader = Reader::default();
            let (shape, demands) = match version.pointer("/schema/openAPIV3Schema") {
                Some(schema) => (reader.root(schema), demands(schema)),
                None => (Shape::Struct(Link::Static(&UNKNOWN)), Vec::new()),
            };
            let kind = VersionedKind::new(format!("{group}/{name}"), kind);
            added.extend(self.add(kind, Kind { shape, namespaced, demands }));
        }
        Ok(added)
    }

    /// Adds the kinds of an OpenAPI v3 document that are not built in; says which.
    pub fn add_openapi(&mut self, document: &Value) -> Result<Vec<VersionedKind>, SchemaError> {
        let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
        let schemas = schemas.ok_or_else(|| missing("`components.schemas`"))?;
        let scopes = scopes(document);
        let mut reader = Reader { schemas: Some(schemas), ..Reader::default() };
        let mut added = Vec::new();
        for schema in schemas.values() {
            for kind in schema.get("x-kubernetes-group-version-kind").and_then(Value::as_array).into_iter().flatten() {
                // option types such as DeleteOptions carry every group; only what can be created is a kind
                let Some(kind) = versioned(kind) else { continue };
                let Some(namespaced) = scopes.get(&kind) else { continue };
                let (shape, namespaced) = (reader.root(schema), Some(*namespaced));
                added.extend(self.add(kind, Kind { shape, namespaced, demands: demands(schema) }));
            }
        }
        Ok(added)
    }

    fn add(&mut self, kind: VersionedKind, known: Kind) -> Option<VersionedKind> {
        if built_in(&kind.api_version, &kind.kind).is_some() {
            return None;
        }
        self.loaded.insert((kind.api_version.clone(), kind.kind.clone()), known);
        Some(kind)
    }
}

fn versioned(kind: &Value) -> Option<VersionedKind> {
    let text = |name: &str| kind.get(name).and_then(Value::as_str);
    let (group, version) = (text("group")?, text("version")?);
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(VersionedKind::new(api_version, text("kind")?))
}

/// The kinds that can be created, and whether in a namespace.
fn scopes(document: &Value) -> HashMap<VersionedKind, bool> {
    let mut scopes = HashMap::new();
    for (path, operations) in document.get("paths").and_then(Value::as_object).into_iter().flatten() {
        let kind = operations.pointer("/post/x-kubernetes-group-version-kind").and_then(versioned);
        if let Some(kind) = kind.filter(|_| !path.contains("{name}")) {
            *scopes.entry(kind).or_insert(false) |= path.contains("/namespaces/{namespace}/");
        }
    }
    scopes
}

#[derive(Default)]
struct Reader<'d> {
    /// The document's own types; none for a CRD, which has no references.
    schemas: Option<&'d Object<String, Value>>,
    /// Types that were read; `Any` while one is being read, so that circles end.
    known: HashMap<&'d str, Shape>,
}

impl<'d> Reader<'d> {
    /// The type of a whole object: `metadata` is what it is everywhere, `status` is never compared.
    fn root(&mut self, schema: &'d Value) -> Shape {
        let Shape::Struct(link) = self.shape(schema, 0) else { return Shape::Struct(Link::Static(&UNKNOWN)) };
        let mut root = (*link).clone();
        let mut fields = root.fields.into_owned();
        fields.retain(|field| !matches!(&*field.name, "metadata" | "status"));
        if let Some(metadata) = built_in_type("meta/v1.ObjectMeta") {
            let shape = Shape::Struct(Link::Static(metadata));
            fields.push(Field { name: Cow::Borrowed("metadata"), shape, default: None });
        }
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        root.fields = Cow::Owned(fields);
        Shape::Struct(Link::Loaded(Arc::new(root)))
    }

    fn shape(&mut self, schema: &'d Value, depth: usize) -> Shape {
        if depth > MAX_DEPTH {
            return Shape::Any;
        }
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self.reference(name, depth);
        }
        if let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
            && schema.get("properties").is_none()
            && schema.get("type").is_none()
        {
            return self.shape(only, depth + 1);
        }
        let flag = |name: &str| schema.get(name).and_then(Value::as_bool) == Some(true);
        let text = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default();
        if flag("x-kubernetes-int-or-string") || text("format") == "int-or-string" {
            let quantity = text("pattern").starts_with(QUANTITY_PATTERN);
            return if quantity { Shape::Quantity } else { Shape::IntOrString };
        }
        match text("type") {
            "string" => match text("format") {
                "byte" => Shape::Bytes,
                "date-time" => Shape::Time,
                "duration" => Shape::Duration,
                _ => Shape::Text,
            },
            "boolean" => Shape::Bool,
            "integer" => Shape::Integer,
            "number" => Shape::Number,
            "array" => self.list(schema, depth),
            "object" => self.object(schema, depth),
            _ if schema.get("properties").is_some() => self.object(schema, depth),
            _ => Shape::Any,
        }
    }

    fn reference(&mut self, name: &'d str, depth: usize) -> Shape {
        let name = name.rsplit('/').next().unwrap_or(name);
        let short = short_name(name);
        match &*short {
            "resource.Quantity" => return Shape::Quantity,
            "intstr.IntOrString" => return Shape::IntOrString,
            "meta/v1.Time" | "meta/v1.MicroTime" => return Shape::Time,
            "meta/v1.Duration" => return Shape::Duration,
            _ => {}
        }
        if let Some(part) = built_in_type(&short) {
            return Shape::Struct(Link::Static(part));
        }
        if let Some(shape) = self.known.get(name) {
            return shape.clone();
        }
        let Some(schema) = self.schemas.and_then(|schemas| schemas.get(name)) else { return Shape::Any };
        self.known.insert(name, Shape::Any);
        let shape = self.shape(schema, depth + 1);
        self.known.insert(name, shape.clone());
        shape
    }

    fn list(&mut self, schema: &'d Value, depth: usize) -> Shape {
        let item_schema = schema.get("items");
        let item = item_schema.map_or(Shape::Any, |items| self.shape(items, depth + 1));
        let kind = match schema.get("x-kubernetes-list-type").and_then(Value::as_str) {
            Some("set") => ListKind::Set,
            Some("map") => {
                let names = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array).into_iter().flatten();
                let keys: Vec<MergeKey> = names.filter_map(Value::as_str).map(|name| merge_key(name, &item)).collect();
                if keys.is_empty() { ListKind::Atomic } else { ListKind::Keyed(Cow::Owned(keys)) }
            }
            _ => ListKind::Atomic,
        };
        Shape::List(Link::Loaded(Arc::new(List { kind, item })))
    }

    fn object(&mut self, schema: &'d Value, depth: usize) -> Shape {
        let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
        let keeps_unknown = schema.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool) == Some(true);
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let mut fields: Vec<Field> =
                properties.iter().map(|(name, field)| self.field(name, field, depth)).collect();
            fields.sort_by(|a, b| a.name.cmp(&b.name));
            let open = keeps_unknown || schema.get("additionalProperties").is_some_and(|value| *value != false);
            let part = Struct { name: Cow::Borrowed(""), fields: Cow::Owned(fields), atomic, open };
            return Shape::Struct(Link::Loaded(Arc::new(part)));
        }
        match schema.get("additionalProperties") {
            Some(value @ Value::Object(_)) => {
                Shape::Map(Link::Loaded(Arc::new(Map { value: self.shape(value, depth + 1), atomic })))
            }
            _ => Shape::Any,
        }
    }

    fn field(&mut self, name: &str, schema: &'d Value, depth: usize) -> Field {
        let default = schema.get("default").filter(|default| !default.is_null()).cloned().map(Box::new);
        Field { name: Cow::Owned(name.to_owned()), shape: self.shape(schema, depth + 1), default }
    }
}

fn merge_key(name: &str, item: &Shape) -> MergeKey {
    let default = match item {
        Shape::Struct(part) => part.field(name).and_then(|field| field.default.as_ref()),
        _ => None,
    };
    let default = default.and_then(|value| value.as_str()).map(|text| Cow::Owned(text.to_owned()));
    MergeKey { name: Cow::Owned(name.to_owned()), default }
}

/// `io.k8s.api.core.v1.PodSpec` → `core/v1.PodSpec`, the names that the compiled-in table uses.
fn short_name(name: &str) -> String {
    let mut parts = name.rsplit('.');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(kind), Some(version), Some(group)) if is_version(version) => format!("{group}/{version}.{kind}"),
        (Some(kind), Some(package), _) => format!("{package}.{kind}"),
        _ => name.to_owned(),
    }
}

fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|rest| rest.starts_with(|char: char| char.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn crd() -> Value {
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget"},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "metadata": {"type": "object"}, "status": {"type": "object"},
                "spec": {"type": "object", "properties": {
                    "size": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}],
                        "pattern": r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"},
                    "port": {"x-kubernetes-int-or-string": true},
                    "mode": {"type": "string", "default": "fast"},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"],
                        "items": {"type": "object", "properties": {"port": {"type": "integer"},
                            "protocol": {"type": "string", "default": "TCP"}}}}}}}}}}]}})
    }

    fn field(shape: &Shape, name: &str) -> Field {
        let Shape::Struct(part) = shape else { panic!("{shape:?} is no struct") };
        part.field(name).unwrap_or_else(|| panic!("no field {name}")).clone()
    }

    /// A CRD tells types, list keys with their defaults, defaults and scope.
    #[test]
    fn a_crd_is_read() {
        let mut schemas = Schemas::default();
        let kind = VersionedKind::new("example.com/v1", "Widget");
        assert_eq!(schemas.add_crd(&crd()).unwrap(), vec![kind.clone()]);
        assert_eq!(schemas.is_namespaced(&kind), Some(true));
        let spec = field(&schemas.kind("example.com/v1", "Widget"), "spec").shape;
        assert!(matches!(field(&spec, "size").shape, Shape::Quantity));
        assert!(matches!(field(&spec, "port").shape, Shape::IntOrString));
        assert!(matches!(field(&spec, "free").shape, Shape::Any));
        assert_eq!(field(&spec, "mode").default, Some(Box::new(json!("fast"))));
        let Shape::List(list) = field(&spec, "ports").shape else { panic!("ports is no list") };
        let ListKind::Keyed(keys) = &list.kind else { panic!("ports has no keys") };
        assert_eq!(keys[1].default.as_deref(), Some("TCP"));
    }

    /// References that run in circles end, built-in types are linked, and only kinds that can be created are added.
    #[test]
    fn an_openapi_document_is_read() {
        let document = json!({"paths": {"/apis/example.com/v1/trees": {"post": {
                "x-kubernetes-group-version-kind": {"group": "example.com", "version": "v1", "kind": "Tree"}}}},
            "components": {"schemas": {"com.example.v1.Tree": {"type": "object",
                "x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Tree"}],
                "properties": {"child": {"allOf": [{"$ref": "#/components/schemas/com.example.v1.Node"}]},
                    "pod": {"$ref": "#/components/schemas/io.k8s.api.core.v1.PodSpec"}}},
                "com.example.v1.Node": {"type": "object", "properties": {
                    "next": {"$ref": "#/components/schemas/com.example.v1.Node"}}}}}});
        let mut schemas = Schemas::default();
        let kind = VersionedKind::new("example.com/v1", "Tree");
        assert_eq!(schemas.add_openapi(&document).unwrap(), vec![kind.clone()]);
        assert_eq!(schemas.is_namespaced(&kind), Some(false));
        let tree = schemas.kind("example.com/v1", "Tree");
        assert!(matches!(field(&field(&tree, "child").shape, "next").shape, Shape::Any));
        let Shape::Struct(pod) = field(&tree, "pod").shape else { panic!("pod is no struct") };
        assert_eq!(pod.name, "core/v1.PodSpec");
    }

    /// Documents that are nothing of the kind, and nesting without end, are errors or `Any`, never a panic.
    #[test]
    fn bad_documents_are_refused() {
        let mut schemas = Schemas::default();
        for bad in [json!(null), json!([]), json!({"spec": {"group": "a"}}), json!({"components": 3})] {
            assert!(schemas.add_crd(&bad).is_err());
            assert!(schemas.add_openapi(&bad).is_err());
        }
        let mut deep = json!({"type": "string"});
        for _ in 0..100 {
            deep = json!({"type": "object", "properties": {"a": deep}});
        }
        let crd = json!({"spec": {"group": "g", "names": {"kind": "K"}, "versions": [{"name": "v1", "schema": {"openAPIV3Schema": deep}}]}});
        assert_eq!(schemas.add_crd(&crd).unwrap().len(), 1);
    }
}
