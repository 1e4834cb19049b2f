//! Fields that a variable sets after the build: the place that sets the variable, or the default that stands for it.

use serde_json::Value;

use super::{Candidate, Sought, object_at};
use crate::domain::discovery::substitution::only_variable;
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::FieldPath;
use crate::domain::resource::Origin;
use crate::domain::yaml::edit::{Action, Edit, apply};

/// The changes made where the variables are set, and the others in the resource's own document; none where no variable
/// sets any of the fields.
pub(super) fn candidate(sought: &Sought<'_>, changes: &[FieldChange]) -> Option<Result<Candidate, String>> {
    let delivered = sought.source.delivered.as_ref()?;
    if delivered.variables.is_empty() && !delivered.hides_variables {
        return None;
    }
    let origin = sought.manifest.origin.as_ref()?;
    let text = sought.files.text(&origin.file).ok()?;
    let declared = object_at(&text, origin)?;
    let edits: Vec<_> = changes.iter().map(|change| edit(sought, origin, &declared, change)).collect();
    edits.iter().any(|(_, _, is_variable)| *is_variable).then(|| {
        let mut candidate = Candidate::new();
        for (file, edit, _) in edits {
            let text = match candidate.get(&file) {
                Some(text) => text.clone(),
                None => sought.files.text(&file)?,
            };
            let text = apply(&text, &edit).map_err(|error| format!("{file}: {}: {error}", edit.path))?;
            candidate.insert(file, text);
        }
        Ok(candidate)
    })
}

/// The file, the edit, and whether it is that of a variable.
fn edit(sought: &Sought<'_>, origin: &Origin, declared: &Value, change: &FieldChange) -> (String, Edit, bool) {
    let at = |origin: &Origin, path: FieldPath, action: Action| {
        (origin.file.clone(), Edit { document: origin.document, list_item: origin.list_item, path, action })
    };
    let written = change.path.get(declared).and_then(Value::as_str);
    let name = written.and_then(only_variable);
    if let (Some(written), Some(name), Action::Set(value)) = (written, name, &change.action)
        && let Some(text) = scalar(value)
    {
        let known = sought.source.delivered.as_ref().and_then(|delivered| delivered.variables.get(name));
        let default = written.split_once(['=', '-']).map(|(before, _)| before);
        match (known.map(|variable| &variable.place), default) {
            (Some(Some((place, path))), _) => {
                let (file, edit) = at(place, path.clone(), Action::Set(Value::from(text)));
                return (file, edit, true);
            }
            (None, Some(before)) => {
                let operator = &written[before.len()..=before.len()];
                let text = format!("{before}{operator}{text}}}");
                let (file, edit) = at(origin, change.path.clone(), Action::Set(Value::from(text)));
                return (file, edit, true);
            }
            _ => {}
        }
    }
    let (file, edit) = at(origin, change.path.clone(), change.action.clone());
    (file, edit, false)
}

/// What a variable may hold.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.contains(['\n', '$', '}']) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::candidates::Files;
    use crate::domain::resource::{GroupKind, Manifest, ResourceId};
    use crate::domain::source::{Delivered, Source, Variable};

    struct Two;

    impl Files for Two {
        fn read(&self, path: &str) -> Result<Option<String>, String> {
            Ok(Some(
                match path {
                    "apps.yaml" => "spec:\n  postBuild:\n    substitute:\n      size: \"3\" # three\n",
                    _ => "kind: X\nspec:\n  a: ${size}\n  b: ${m:=1} # one\n  c: x${size}\n  d: ${secret}\n",
                }
                .to_owned(),
            ))
        }

        fn list(&self) -> Result<Vec<String>, String> {
            Ok(vec!["apps.yaml".to_owned(), "x.yaml".to_owned()])
        }
    }

    /// A field that is a variable is changed where that is set, one with a default in its default, any other in place.
    #[test]
    fn variables_are_set_where_they_are_set() {
        let origin = |file: &str| Origin { file: file.to_owned(), document: 0, line: 1, list_item: None };
        let id = ResourceId::new(GroupKind::new("", "X"), None, "x");
        let manifest = Manifest::new(id.clone(), "s", Some(origin("x.yaml")), &json!({}));
        let mut delivered = Delivered::by(id, None);
        let path = "spec.postBuild.substitute.size".parse().expect("path");
        let place = Some((origin("apps.yaml"), path));
        delivered.variables.insert("size".to_owned(), Variable { value: "3".to_owned(), place });
        let source = Source { delivered: Some(delivered), ..Source::plain("s", "") };
        let sought = Sought { manifest: &manifest, source: &source, files: &Two };
        let made = |path: &str, value: Value| {
            let change = FieldChange::set(path.parse().expect("path"), value);
            candidate(&sought, &[change]).map(|made| made.expect("a candidate"))
        };
        let only = |made: Option<Candidate>| made.and_then(|made| made.into_values().next()).unwrap_or_default();
        let set = |path: &str| only(made(path, json!(5)));
        assert!(set("spec.a").contains("      size: \"5\" # three\n"), "{}", set("spec.a"));
        assert!(set("spec.b").contains("  b: ${m:=5} # one\n"), "{}", set("spec.b"));
        assert_eq!(made("spec.c", json!("y")), None);
        assert_eq!(made("spec.d", json!("y")), None);
        assert_eq!(made("spec.a", json!({"no": "scalar"})), None);
    }
}
