//! Names with the hash of their content: kustomize gives ConfigMaps and Secrets such a name, so that a change of the
//! content is another object and what refers to it is rolled out anew.
//!
//! A name is not guessed to have a hash by its looks: the hash is computed, as kustomize's `api/hasher` does.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Letters of a hash.
const LENGTH: usize = 10;

/// The name without its hash, for an object whose name ends with the hash of its content. Secrets must not be masked yet.
pub fn stem(object: &Value) -> Option<String> {
    let metadata = object.get("metadata")?;
    let name = metadata.get("name")?.as_str()?;
    let (stem, hash) = name.rsplit_once('-').filter(|(_, hash)| hash.len() == LENGTH)?;
    if object.get("apiVersion")? != "v1" {
        return None;
    }
    // what is not there counts as an empty text
    let field = |name: &str| object.get(name).cloned().unwrap_or_else(|| json!(""));
    let (kind, extra) = match object.get("kind")?.as_str()? {
        "ConfigMap" => ("ConfigMap", "binaryData"),
        "Secret" => ("Secret", "stringData"),
        _ => return None,
    };
    // the name does not count, though a place is kept for it
    let mut hashed = json!({"kind": kind, "name": "", "data": field("data")});
    if kind == "Secret" {
        hashed["type"] = field("type");
    }
    if let Some(map) = object.get(extra).filter(|extra| extra.is_object()) {
        hashed[extra] = map.clone();
    }
    (hash_of(&as_go_writes(&hashed)) == hash).then(|| stem.to_owned())
}

/// The first digits of the SHA-256, those that could form words replaced.
fn hash_of(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let digits: String = digest[..LENGTH / 2].iter().map(|byte| format!("{byte:02x}")).collect();
    let spelled = |digit| match digit {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    };
    digits.chars().map(spelled).collect()
}

/// JSON as Go's encoder writes it: keys in order, and what HTML or JavaScript would trip over as escapes. All of it can
/// only stand inside of texts.
fn as_go_writes(value: &Value) -> String {
    let mut text = sorted(value).to_string();
    for (char, escape) in
        [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")]
    {
        text = text.replace(char, escape);
    }
    text
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<_> = map.keys().collect();
            keys.sort();
            Value::Object(keys.into_iter().map(|key| (key.clone(), sorted(&map[key]))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(kind: &str, name: &str, content: &Value) -> Value {
        let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
        for (field, value) in content.as_object().expect("fields") {
            object[field] = value.clone();
        }
        object
    }

    /// The hashes are kustomize's own (5.8); a name that only looks like one has none.
    #[test]
    fn names_end_with_the_hash_of_their_content() {
        let data = json!({"data": {"A": "b", "Q/r": "9", "X": "<y>&z"}});
        for (kind, name, content, expected) in [
            ("ConfigMap", "prod-settings-6844g6cbbk", &data, Some("prod-settings")),
            ("ConfigMap", "prod-settings-6844g6cbbm", &data, None),
            ("ConfigMap", "6844g6cbbk", &data, None),
            ("Secret", "prod-settings-6844g6cbbk", &data, None),
            ("ConfigMap", "web-frontend-backendabc", &data, None),
            ("ConfigMap", "bin-mc6tt9kf9h", &json!({"binaryData": {"x.bin": "//4="}}), Some("bin")),
            ("ConfigMap", "empty-6ct58987ht", &json!({}), Some("empty")),
            ("Secret", "a-6ftc5d8475", &json!({"data": {"A": "Yg=="}, "type": "Opaque"}), Some("a")),
            (
                "Secret",
                "tls-gmg4h9954m",
                &json!({"data": {"tls.crt": "Yg=="}, "type": "kubernetes.io/tls"}),
                Some("tls"),
            ),
        ] {
            assert_eq!(stem(&named(kind, name, content)).as_deref(), expected, "{name}");
        }
    }
}
