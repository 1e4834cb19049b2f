//! The identity of a drift: what "ignore exactly this" means.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::domain::drift::{Aspect, DriftItem};

/// Hashes resource, path, kind of drift and the values: 16 hex digits, with nothing in it that changes by itself.
/// Values of Secrets enter only as masks under the operator's key; without one they stay out.
pub fn fingerprint(item: &DriftItem, stable_masks: bool) -> String {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    };
    add(&item.resource.kind.to_string());
    add(item.resource.namespace.as_deref().unwrap_or_default());
    add(&item.resource.name);
    add(&item.path.to_string());
    add(item.drift.as_str());
    add(item.change.as_str());
    add(item.rule.unwrap_or_default());
    if item.aspect != Aspect::Secret || stable_masks {
        for value in [&item.baseline, &item.declared, &item.live] {
            add(&value.as_ref().map(canonical).unwrap_or_default());
        }
    }
    let digest = hash.finalize();
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// JSON with sorted keys, so that the order of a map does not matter.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| key.as_str());
            let parts: Vec<_> = entries
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}
