//! Masking: a Secret's content is replaced by a keyed hash as soon as an object is built, so that nothing after the
//! reader ever holds it. Equal contents have equal masks under one key, and nothing else can be learned from a mask.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// How every mask begins.
pub const MASK: &str = "masked:";
/// The fields of a Secret that hold no content.
const OPEN: [&str; 5] = ["apiVersion", "kind", "metadata", "type", "immutable"];

/// The key under which Secret values are hashed.
#[derive(Clone)]
pub struct MaskKey {
    key: Vec<u8>,
    operator: bool,
}

impl std::fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MaskKey(…)")
    }
}

impl MaskKey {
    /// The operator's own key: masks made under it may be compared between runs.
    pub fn operator(key: &[u8]) -> Self {
        Self { key: key.to_vec(), operator: true }
    }

    /// A key made for this run: masks made under it mean nothing to any other run.
    pub fn for_this_run(key: &[u8]) -> Self {
        Self { key: key.to_vec(), operator: false }
    }

    /// Whether masks outlive the run, and so may enter a fingerprint.
    pub fn is_stable(&self) -> bool {
        self.operator
    }

    /// A public name of the key, to tell snapshots masked under another key.
    pub fn id(&self) -> String {
        hex(&self.digest(b"trueup mask key id")[..8])
    }

    /// The mask of one value.
    pub fn mask(&self, content: &[u8]) -> String {
        format!("{MASK}{}", hex(&self.digest(content)[..16]))
    }

    fn digest(&self, content: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(content);
        mac.finalize().into_bytes().to_vec()
    }
}

/// Whether a text is a mask made by [`MaskKey::mask`].
pub fn is_masked(text: &str) -> bool {
    text.strip_prefix(MASK).is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Masks an object in place: a Secret's `data` and `stringData` (merged into `data`, where it wins) and whatever field a
/// Secret does not have; for every kind it takes away the `last-applied-configuration` annotation, which may quote a
/// Secret.
/// Objects of kind `List` are masked item by item. Masking twice changes nothing.
pub fn mask_object(object: &mut Value, key: &MaskKey) {
    let annotations = object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    if let Some(items) = object.get_mut("items").and_then(Value::as_array_mut) {
        for item in items {
            mask_object(item, key);
        }
    }
    if object.get("kind").and_then(Value::as_str) == Some("Secret")
        && object.get("apiVersion").and_then(Value::as_str) == Some("v1")
    {
        mask_secret(object, key);
    }
}

fn mask_secret(secret: &mut Value, key: &MaskKey) {
    let Some(fields) = secret.as_object_mut() else { return };
    let mut masked = Map::new();
    for (name, value) in take_map(fields, "data") {
        let content =
            value.as_str().map(|text| if is_masked(text) { text.to_owned() } else { key.mask(&decode(text)) });
        // a value that is no text is a mistake the API server refuses; its content stays out of sight all the same
        masked.insert(name, Value::String(content.unwrap_or_else(|| key.mask(plain(&value).as_bytes()))));
    }
    for (name, value) in take_map(fields, "stringData") {
        masked.insert(name, Value::String(key.mask(plain(&value).as_bytes())));
    }
    // what a Secret does not have is most often one of the two misspelt
    for (name, value) in fields.iter_mut().filter(|(name, _)| !OPEN.contains(&name.as_str())) {
        let says_nothing = value.is_null() || value.as_str().is_some_and(is_masked);
        if !says_nothing {
            *value = Value::String(key.mask(format!("{name}={}", plain(value)).as_bytes()));
        }
    }
    if !masked.is_empty() {
        fields.insert("data".to_owned(), Value::Object(masked));
    }
}

fn take_map(fields: &mut Map<String, Value>, name: &str) -> Map<String, Value> {
    match fields.remove(name) {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Decodes base64 as the API server does: blanks and line ends are no part of it.
fn decode(text: &str) -> Vec<u8> {
    let packed: String = text.chars().filter(|char| !char.is_whitespace()).collect();
    STANDARD.decode(&packed).unwrap_or_else(|_| packed.into_bytes())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `stringData` wins over `data`, base64 spellings do not matter, and no content is left.
    #[test]
    fn equal_contents_have_equal_masks() {
        let key = MaskKey::for_this_run(b"k");
        let mut declared = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"},
            "stringData": {"password": "hunter2"}, "data": {"password": "b2xk", "user": "YWRt\naW4="}});
        let mut live = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "annotations": {LAST_APPLIED: "hunter2"}},
            "data": {"password": "aHVudGVyMg==", "user": "YWRtaW4="}});
        mask_object(&mut declared, &key);
        mask_object(&mut live, &key);
        assert_eq!(declared["data"], live["data"]);
        assert!(!live.to_string().contains("hunter2") && !declared.to_string().contains("hunter2"));
        let once = live.clone();
        mask_object(&mut live, &key);
        assert_eq!(once, live);
    }

    /// A misspelt field of a Secret hides its content too; what tells nothing stays.
    #[test]
    fn misspelt_fields_are_masked() {
        let key = MaskKey::for_this_run(b"k");
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque",
            "immutable": true, "stringdata": {"password": "hunter2"}, "Data": "hunter2"});
        mask_object(&mut secret, &key);
        assert!(!secret.to_string().contains("hunter2"), "{secret}");
        assert_eq!((&secret["type"], &secret["immutable"]), (&json!("Opaque"), &json!(true)));
        let once = secret.clone();
        mask_object(&mut secret, &key);
        assert_eq!(once, secret);
    }
}
