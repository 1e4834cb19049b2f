//! What a chart would have helm fetch or read from outside of it: references in the schemas of its values. Archives of
//! charts are unpacked in memory for that, up to what helm itself takes.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::tree::SourceTree;
use crate::domain::problem::{Place, Problem};

/// How much an archive may unpack to; helm takes no more.
const UNPACKED: u64 = 100 << 20;
/// How deep a schema is looked into.
const DEPTH: usize = 64;
/// Keys whose text is an address that is loaded.
const LOADED: [&str; 4] = ["$ref", "$dynamicRef", "$recursiveRef", "$schema"];

/// What stands against a file of a chart.
pub(super) fn problem(tree: &SourceTree, path: &str) -> Option<Problem> {
    let is_archive = path.ends_with(".tgz") || path.ends_with(".tar.gz");
    let is_schema = path.rsplit('/').next() == Some("values.schema.json");
    if !is_archive && !is_schema {
        return None;
    }
    let content = match tree.read(path) {
        Ok(content) => content?,
        Err(problem) => return Some(problem),
    };
    let refuse = |message: String| Problem::error(message).at(Place::file(path));
    if is_schema {
        let reference = foreign(&serde_json::from_slice(&content).ok()?)?;
        let problem = refuse(format!("the schema of the values refers to `{reference}`, which is not fetched"));
        return Some(problem.help("write it into the schema's `$defs` and refer to `#/$defs/…`"));
    }
    let mut unpacked = Vec::new();
    // an archive that is none is helm's to tell
    let _ = GzDecoder::new(&*content).take(UNPACKED + 1).read_to_end(&mut unpacked);
    if unpacked.len() as u64 > UNPACKED {
        let problem = refuse(format!("the archive unpacks to more than {} MiB", UNPACKED >> 20));
        return Some(problem.help("vendor the chart that is meant"));
    }
    let schemas = entries(&unpacked).filter(|(name, _)| name.ends_with("/values.schema.json"));
    let reference = schemas.filter_map(|(_, content)| foreign(&serde_json::from_slice(content).ok()?)).next()?;
    let problem = refuse(format!("a schema in the archive refers to `{reference}`, which is not fetched"));
    Some(problem.help("unpack it into charts/ and write what it refers to into the schema"))
}

/// The first reference of a schema that leads out of it.
fn foreign(schema: &Value) -> Option<String> {
    let own = schema["$id"].as_str().unwrap_or_default().trim_end_matches('#');
    within(schema, own, DEPTH)
}

fn within(part: &Value, own: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    match part {
        Value::Array(items) => items.iter().find_map(|item| within(item, own, depth)),
        Value::Object(map) => map.iter().find_map(|(key, value)| match value {
            Value::String(text) if LOADED.contains(&&**key) => {
                leads_out(text, own).then(|| text.chars().take(200).collect())
            }
            value => within(value, own, depth),
        }),
        _ => None,
    }
}

/// Whether a reference is to something else than the schema itself and the drafts of JSON Schema, which helm has.
fn leads_out(reference: &str, own: &str) -> bool {
    let (address, _) = reference.split_once('#').unwrap_or((reference, ""));
    let draft = address.trim_start_matches("http://").trim_start_matches("https://").starts_with("json-schema.org/");
    !address.is_empty() && address != own && !draft
}

/// The files of a tar archive: name and content.
fn entries(mut archive: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    const BLOCK: usize = 512;
    std::iter::from_fn(move || {
        let (header, rest) = archive.split_at_checked(BLOCK)?;
        let field = |from: usize, to: usize| {
            let text = String::from_utf8_lossy(&header[from..to]).into_owned();
            text.split('\0').next().unwrap_or_default().trim().to_owned()
        };
        let size = usize::from_str_radix(&field(124, 136), 8).ok()?;
        let content = rest.get(..size)?;
        archive = rest.get(size.next_multiple_of(BLOCK)..).unwrap_or_default();
        Some((field(0, 100), content))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What a schema says of itself and of its draft stays inside; addresses and files do not.
    #[test]
    fn references_lead_out_or_not() {
        for (schema, expected) in [
            (
                json!({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}}),
                None,
            ),
            (
                json!({"$id": "https://example.com/x.json", "items": [{"$ref": "https://example.com/x.json#/$defs/a"}]}),
                None,
            ),
            (json!({"properties": {"$ref": {"type": "string"}, "url": {"default": "https://example.com"}}}), None),
            (json!({"$ref": "https://json-schema.org/draft/2020-12/schema"}), None),
            (
                json!({"properties": {"a": {"$ref": "https://example.com/y.json#/a"}}}),
                Some("https://example.com/y.json#/a"),
            ),
            (json!({"anyOf": [{"$ref": "file:///etc/passwd"}]}), Some("file:///etc/passwd")),
            (json!({"$ref": "other.json"}), Some("other.json")),
            (json!({"$schema": "https://example.com/meta.json"}), Some("https://example.com/meta.json")),
        ] {
            assert_eq!(foreign(&schema).as_deref(), expected, "{schema}");
        }
    }
}
