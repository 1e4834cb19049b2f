//! Fields that a variable sets after the build: the place that sets the variable, or that may.

use serde_json::Value;

use super::{Candidate, Sought, object_at};
use crate::domain::discovery::substitution::only_variable;
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::FieldPath;
use crate::domain::opaque::kustomization;
use crate::domain::resource::Origin;
use crate::domain::yaml::edit::{Action, Edit, apply};

/// The changes made where the variables are set; none where any of the fields is set by none. A variable that only its
/// default sets is given a value in the Kustomization itself: others may share the default.
pub(super) fn candidate(sought: &Sought<'_>, changes: &[FieldChange]) -> Option<Result<Candidate, String>> {
    sought.source.delivered.as_ref().filter(|one| !one.variables.is_empty() || one.hides_variables)?;
    let origin = sought.manifest.origin.as_ref()?;
    let declared = object_at(&sought.files.text(&origin.file).ok()?, origin)?;
    let edits: Option<Vec<_>> = changes.iter().map(|change| edit(sought, &declared, change)).collect();
    let edits = edits.filter(|edits| !edits.is_empty())?;
    let made = || {
        let mut candidate = Candidate::new();
        for (file, edit) in edits {
            let text = match candidate.get(&file) {
                Some(text) => text.clone(),
                None => sought.files.text(&file)?,
            };
            let text = apply(&text, &edit).map_err(|error| format!("{file}: {}: {error}", edit.path))?;
            candidate.insert(file, text);
        }
        Ok(candidate)
    };
    Some(made())
}

/// The file and the edit that gives a field's variable its value.
fn edit(sought: &Sought<'_>, declared: &Value, change: &FieldChange) -> Option<(String, Edit)> {
    let Action::Set(value) = &change.action else { return None };
    let name = only_variable(change.path.get(declared)?.as_str()?)?;
    let delivered = sought.source.delivered.as_ref()?;
    let (Origin { file, document, list_item, .. }, path) = match delivered.variables.get(name) {
        Some(variable) => variable.place.clone()?,
        None => {
            let origin = delivered.origin.clone().filter(|_| delivered.by.kind == kustomization())?;
            (origin, FieldPath::fields(["spec", "postBuild", "substitute", name]))
        }
    };
    Some((file, Edit { document, list_item, path, action: Action::Set(Value::from(scalar(value)?)) }))
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
                    _ => "kind: X\nspec:\n  a: ${size}\n  b: ${m:=1} # one\n  c: x${size}\n",
                }
                .to_owned(),
            ))
        }

        fn list(&self) -> Result<Vec<String>, String> {
            Ok(vec!["apps.yaml".to_owned(), "x.yaml".to_owned()])
        }

        fn links(&self) -> Vec<String> {
            Vec::new()
        }
    }

    /// A field that is a variable is changed where that is set, or where it may be; any other is left to others.
    #[test]
    fn variables_are_set_where_they_are_set() {
        let origin = |file: &str| Origin { file: file.to_owned(), document: 0, line: 1, list_item: None };
        let id = ResourceId::new(GroupKind::new("", "X"), None, "x");
        let manifest = Manifest::new(id.clone(), "s", Some(origin("x.yaml")), &json!({}));
        let by = ResourceId::new(kustomization(), None, "apps");
        let mut delivered = Delivered::by(by, Some(origin("apps.yaml")));
        let path = "spec.postBuild.substitute.size".parse().expect("path");
        let place = Some((origin("apps.yaml"), path));
        delivered.variables.insert("size".to_owned(), Variable { value: "3".to_owned(), place });
        let source = Source { delivered: Some(delivered), ..Source::plain("s", "") };
        let sought = Sought { manifest: &manifest, source: &source, files: &Two };
        let made = |path: &str, value: Value| {
            let change = FieldChange::set(path.parse().expect("path"), value);
            candidate(&sought, &[change]).map(|made| made.expect("a candidate"))
        };
        let set = |path: &str| made(path, json!(5)).and_then(|made| made.into_values().next()).unwrap_or_default();
        assert!(set("spec.a").contains("      size: \"5\" # three\n"), "{}", set("spec.a"));
        assert!(set("spec.b").contains("      size: \"3\" # three\n      m: \"5\"\n"), "{}", set("spec.b"));
        assert_eq!(made("spec.c", json!("y")), None);
        assert_eq!(made("spec.a", json!({"no": "scalar"})), None);
    }
}
