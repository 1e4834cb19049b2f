//! One object of a list, read without what nobody compares: `status` is skipped as it is parsed, and managedFields
//! stay text until a field differs.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::domain::resource::{LiveObject, ResourceId, VersionedKind};
use crate::domain::secret::{MaskKey, mask_object};

/// An object without `status`, its managedFields apart.
#[derive(Debug)]
pub(super) struct Item {
    /// The object.
    pub(super) object: Map<String, Value>,
    /// managedFields as they came.
    pub(super) managed_fields: Option<Box<RawValue>>,
}

impl Item {
    /// The kind that the object names itself, if it does; built-in kinds do not inside a list.
    pub(super) fn kind(&self) -> Option<VersionedKind> {
        let text = |name: &str| self.object.get(name).and_then(Value::as_str);
        Some(VersionedKind::new(text("apiVersion")?, text("kind")?))
    }

    /// Names the kind, masks secrets and yields the object; none where it has no name.
    pub(super) fn into_live(self, kind: &VersionedKind, key: &MaskKey) -> Option<LiveObject> {
        let mut object = Value::Object(self.object);
        object["apiVersion"] = Value::from(&*kind.api_version);
        object["kind"] = Value::from(&*kind.kind);
        mask_object(&mut object, key);
        let id = ResourceId::of(&object)?;
        Some(LiveObject { id, object, managed_fields: self.managed_fields })
    }
}

/// Reads items; what follows the metadata of one that is not `wanted`, by namespace and name, is passed over.
#[derive(Clone, Copy)]
pub(super) struct Reader<'w> {
    pub(super) wanted: &'w (dyn Fn(Option<&str>, &str) -> bool + Sync),
    /// Whether what a delivery tool says that it has applied is kept of `status`.
    pub(super) revisions: bool,
}

impl Reader<'_> {
    /// Reads one item.
    pub(super) fn item(self, text: &str) -> Result<Item, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let item = self.deserialize(&mut deserializer)?;
        deserializer.end().map(|()| item)
    }

    /// Reads one page of a list: each item is handed on as it is parsed, the token of the next page as soon as it is
    /// seen, which is before the items.
    pub(super) fn page(
        self,
        bytes: &[u8],
        each: impl FnMut(Item),
        next: impl FnOnce(String),
    ) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        deserializer.deserialize_map(Page { reader: self, each, next })?;
        deserializer.end()
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Item;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Item, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Item;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Kubernetes object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
        let mut item = Item { object: Map::new(), managed_fields: None };
        let mut wanted = true;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metadata" => {
                    let Metadata { fields, managed_fields } = map.next_value()?;
                    let text = |name: &str| fields.get(name).and_then(Value::as_str);
                    wanted = (self.wanted)(text("namespace"), text("name").unwrap_or_default());
                    item.managed_fields = managed_fields.filter(|_| wanted);
                    item.object.insert(key, Value::Object(fields));
                }
                "status" if self.revisions => drop(item.object.insert(key, revisions(map.next_value()?))),
                "status" => drop(map.next_value::<IgnoredAny>()?),
                _ if !wanted => drop(map.next_value::<IgnoredAny>()?),
                _ => drop(item.object.insert(key, map.next_value()?)),
            }
        }
        Ok(item)
    }
}

/// What a delivery tool says that it has applied.
fn revisions(status: Value) -> Value {
    let Value::Object(mut status) = status else { return Value::Null };
    status.retain(|name, _| matches!(name.as_str(), "lastAppliedRevision" | "lastAttemptedRevision" | "sync"));
    if let Some(Value::Object(sync)) = status.get_mut("sync") {
        sync.retain(|name, _| matches!(name.as_str(), "revision" | "revisions"));
    }
    Value::Object(status)
}

struct Metadata {
    fields: Map<String, Value>,
    managed_fields: Option<Box<RawValue>>,
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MetadataVisitor;
        impl<'de> Visitor<'de> for MetadataVisitor {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("metadata")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut metadata = Metadata { fields: Map::new(), managed_fields: None };
                while let Some(key) = map.next_key::<String>()? {
                    if key == "managedFields" {
                        let raw: Box<RawValue> = map.next_value()?;
                        metadata.managed_fields = Some(raw).filter(|raw| !matches!(raw.get(), "null" | "[]"));
                    } else {
                        metadata.fields.insert(key, map.next_value()?);
                    }
                }
                Ok(metadata)
            }
        }
        deserializer.deserialize_map(MetadataVisitor)
    }
}

struct Page<'w, F, N> {
    reader: Reader<'w>,
    each: F,
    next: N,
}

impl<'de, F: FnMut(Item), N: FnOnce(String)> Visitor<'de> for Page<'_, F, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of Kubernetes objects")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        #[derive(Deserialize, Default)]
        struct ListMeta {
            #[serde(rename = "continue", default)]
            next: Option<String>,
        }
        let mut on_next = Some(self.next);
        let mut has_items = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "items" => {
                    has_items = true;
                    map.next_value_seed(Items { reader: self.reader, each: &mut self.each })?;
                }
                "metadata" => {
                    let token = map.next_value::<Option<ListMeta>>()?.unwrap_or_default().next;
                    if let (Some(token), Some(on_next)) = (token.filter(|token| !token.is_empty()), on_next.take()) {
                        on_next(token);
                    }
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        // an answer without items is no list at all: an empty one says so
        if has_items { Ok(()) } else { Err(de::Error::custom("the answer is no list")) }
    }
}

struct Items<'w, 'f, F> {
    reader: Reader<'w>,
    each: &'f mut F,
}

impl<'de, F: FnMut(Item)> DeserializeSeed<'de> for Items<'_, '_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Item)> Visitor<'de> for Items<'_, '_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of Kubernetes objects")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element_seed(self.reader)? {
            (self.each)(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(Vec<String>, Option<String>), serde_json::Error> {
        let (mut names, mut next) = (Vec::new(), None);
        let key = MaskKey::for_this_run(b"k");
        let reader = Reader { wanted: &|_, name| name != "other", revisions: false };
        let each = |item: Item| {
            let live = item.into_live(&VersionedKind::new("v1", "Secret"), &key).expect("named");
            let managed = live.managed_fields.map_or(String::new(), |raw| raw.to_string());
            names.push(format!("{} {} {managed}", live.id, live.object));
        };
        reader.page(text.as_bytes(), each, |token| next = Some(token))?;
        Ok((names, next))
    }

    /// Items keep what is compared, secrets are masked, of what nobody wants only the metadata is kept, `items: null` is an
    /// empty list, and the token is found.
    #[test]
    fn pages_are_read() {
        let (names, next) = read(r#"{"kind":"SecretList","metadata":{"continue":"abc"},"items":[{"metadata":{"name":"s","managedFields":[{"manager":"m"}]},"data":{"p":"aHVudGVyMg=="},"status":{"x":1}}]}"#).expect("page");
        assert_eq!(next.as_deref(), Some("abc"));
        assert!(names[0].starts_with("Secret s {") && names[0].contains(r#"[{"manager":"m"}]"#));
        assert!(!names[0].contains("aHVudGVyMg") && !names[0].contains("status"));
        let (names, _) = read(r#"{"items":[{"metadata":{"name":"other","labels":{"a":"b"},"managedFields":[{}]},"data":{"p":"aHVudGVyMg=="}}]}"#).expect("page");
        assert_eq!(
            names,
            [r#"Secret other {"apiVersion":"v1","kind":"Secret","metadata":{"labels":{"a":"b"},"name":"other"}} "#]
        );
        assert_eq!(read(r#"{"items":null,"metadata":{}}"#).expect("page"), (vec![], None));
    }

    /// Half a body, something else than a list, and trailing text are errors, never an empty list.
    #[test]
    fn half_a_page_is_an_error() {
        for text in
            [r#"{"items":[{"metadata":{"name":"s"}}"#, r#"{"kind":"Status","code":200}"#, r#"{"items":[]} x"#, ""]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
