//! Small forms of Argo CD: patterns for files, images, replicas, parameters, and files that override an Application.

use serde_json::{Map, Value, json};

use super::argo_cd::document;
use super::{Refused, RepositoryFiles};
use crate::domain::delivery_rules::wildcards;
use crate::domain::source::Directory;

/// What a file says that Argo CD passes over.
pub(super) const SKIPS: &str = "+argocd:skip-file-rendering";
/// What a file may not override.
const FIXED: [&str; 5] = ["repoURL", "path", "targetRevision", "chart", "ref"];

/// Refuses patterns that are none.
pub(super) fn check(directory: &Directory) -> Result<(), Refused> {
    for pattern in [&directory.include, &directory.exclude] {
        wildcards(pattern).map_err(|message| (format!("directory: {message}"), "correct the pattern"))?;
    }
    Ok(())
}

/// Whether a file of a folder is one that Argo CD takes.
pub fn takes(directory: &Directory, folder: &str, file: &str) -> bool {
    let below =
        if folder.is_empty() { Some(file) } else { file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) };
    let Some(below) = below else { return file == folder };
    let is_manifest = ["yaml", "yml", "json", "jsonnet"].iter().any(|ending| below.rsplit('.').next() == Some(*ending));
    let fits = |pattern: &str| wildcards(pattern).is_ok_and(|pattern| pattern.is_match(below));
    is_manifest
        && (directory.recurse || !below.contains('/'))
        && (directory.exclude.is_empty() || !fits(&directory.exclude))
        && (directory.include.is_empty() || fits(&directory.include))
}

/// An image as `kustomize edit set image` takes it: `name=new:tag`, `name=new@digest`, `name:tag`.
pub(super) fn image(text: &str) -> Value {
    let (name, rest) = text.split_once('=').map_or((None, text), |(name, rest)| (Some(name), rest));
    let mut image = Map::new();
    let new = if let Some((new, digest)) = rest.split_once('@') {
        image.insert("digest".to_owned(), json!(digest));
        new
    } else {
        let tag_at = rest.rfind(':').filter(|at| !rest[*at..].contains('/'));
        if let Some(at) = tag_at {
            image.insert("newTag".to_owned(), json!(&rest[at + 1..]));
        }
        &rest[..tag_at.unwrap_or(rest.len())]
    };
    image.insert("name".to_owned(), json!(name.unwrap_or(new)));
    if name.is_some_and(|name| name != new) && new != "*" {
        image.insert("newName".to_owned(), json!(new));
    }
    Value::Object(image)
}

/// Replicas, whose count may be written as a text.
pub(super) fn replicas(item: &Value) -> Option<Value> {
    let count = item.get("count")?;
    let count = count.as_i64().or_else(|| count.as_str()?.parse().ok())?;
    Some(json!({"name": item.get("name")?, "count": count}))
}

/// A parameter's value as Argo CD gives it to helm: commas are no separators, but in a list.
pub(super) fn escaped(value: &str) -> String {
    if value.starts_with('{') && value.ends_with('}') {
        return value.to_owned();
    }
    let mut escaped = String::new();
    let mut before = None;
    for char in value.chars() {
        if char == ',' && before != Some('\\') {
            escaped.push('\\');
        }
        escaped.push(char);
        before = Some(char);
    }
    escaped
}

/// A source with what `.argocd-source.yaml` and the file of the Application's own name lay over it.
pub(super) fn overridden(
    source: &Value,
    folder: &str,
    application: &str,
    files: &dyn RepositoryFiles,
) -> Result<Value, Refused> {
    let mut source = source.clone();
    for name in [".argocd-source.yaml".to_owned(), format!(".argocd-source-{application}.yaml")] {
        let file = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        let Some(text) = files.text(&file) else { continue };
        let Some(Value::Object(mut patch)) = document(&text) else {
            return Err((format!("{file} is no mapping"), "correct the YAML"));
        };
        FIXED.iter().for_each(|field| drop(patch.remove(*field)));
        lay_over(&mut source, Value::Object(patch));
    }
    Ok(source)
}

/// A JSON merge patch (RFC 7386).
fn lay_over(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if value.is_null() {
            let _ = target.as_object_mut().and_then(|entries| entries.remove(&name));
        } else {
            lay_over(&mut target[name.as_str()], value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files are taken by folder, ending and patterns.
    #[test]
    fn files_are_taken() {
        let directory = |recurse, include: &str, exclude: &str| Directory {
            recurse,
            include: include.to_owned(),
            exclude: exclude.to_owned(),
        };
        for (directory, file, expected) in [
            (directory(false, "", ""), "apps/a.yaml", true),
            (directory(false, "", ""), "apps/a.yml", true),
            (directory(false, "", ""), "apps/a.json", true),
            (directory(false, "", ""), "apps/a.jsonnet", true),
            (directory(false, "", ""), "apps/a.md", false),
            (directory(false, "", ""), "apps/x/a.yaml", false),
            (directory(false, "", ""), "other/a.yaml", false),
            (directory(true, "", ""), "apps/x/a.yaml", true),
            (directory(true, "*.yaml", ""), "apps/x/a.yaml", true),
            (directory(true, "{b,x/*}.yaml", ""), "apps/x/a.yaml", true),
            (directory(true, "b.yaml", ""), "apps/x/a.yaml", false),
            (directory(true, "", "x/*"), "apps/x/a.yaml", false),
            (directory(true, "*", "{*.json,x/*}"), "apps/b.yaml", true),
        ] {
            assert_eq!(takes(&directory, "apps", file), expected, "{directory:?} {file}");
        }
        assert!(check(&directory(true, "{", "[")).is_err());
    }

    /// Images and parameters in the forms of `kustomize edit` and `helm --set`.
    #[test]
    fn small_forms_are_read() {
        for (text, expected) in [
            ("web:2", json!({"name": "web", "newTag": "2"})),
            ("r.example:5000/web:2", json!({"name": "r.example:5000/web", "newTag": "2"})),
            ("web=r.example:5000/shop", json!({"name": "web", "newName": "r.example:5000/shop"})),
            ("web=r.example/shop:2", json!({"name": "web", "newName": "r.example/shop", "newTag": "2"})),
            (
                "web=r.example/shop@sha256:00",
                json!({"name": "web", "newName": "r.example/shop", "digest": "sha256:00"}),
            ),
            ("web=*:3", json!({"name": "web", "newTag": "3"})),
        ] {
            assert_eq!(image(text), expected, "{text}");
        }
        for (text, expected) in [("a,b", r"a\,b"), (r"a\,b", r"a\,b"), ("{a,b}", "{a,b}"), ("", "")] {
            assert_eq!(escaped(text), expected);
        }
        assert_eq!(replicas(&json!({"name": "web", "count": "3"})), Some(json!({"name": "web", "count": 3})));
        assert_eq!(replicas(&json!({"name": "web", "count": "x"})), None);
    }
}
