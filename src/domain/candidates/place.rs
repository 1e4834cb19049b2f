//! The place of a field: the file and line where Git says what it declares.

use super::values::likeness::names;
use super::{Candidate, Sought, kustomize};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step, has_keys};
use crate::domain::problem::Place;
use crate::domain::resource::Origin;
use crate::domain::source::Renderer;
use crate::domain::yaml::{Content, Node, read_documents};

/// Where the files write a field that the manifest declares; none where nothing does, or it cannot be told.
pub fn place(sought: &Sought<'_>, path: &FieldPath) -> Option<Place> {
    let origin = sought.manifest.origin.as_ref();
    match sought.source.renderer {
        Renderer::Plain => in_document(sought, origin?, path),
        Renderer::Kustomize => in_kustomization(sought, path).or_else(|| in_document(sought, origin?, path)),
        Renderer::Helm | Renderer::Jinja => named_in_template(sought, origin?, path),
    }
}

/// The line of a template, from the one on where the resource begins, that names the field.
pub(super) fn named_in_template(sought: &Sought<'_>, origin: &Origin, path: &FieldPath) -> Option<Place> {
    let name = names(path).pop()?;
    let text = sought.files.text(&origin.file).ok()?;
    let names_it = |line: &str| {
        let key = line.trim_start().trim_start_matches("- ");
        key.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with(':'))
    };
    let mut below = text.lines().enumerate().skip(origin.line.saturating_sub(1));
    let (index, _) = below.find(|(_, line)| names_it(line))?;
    Some(Place::line(&*origin.file, index + 1))
}

/// The document's line with the field; none where it says nothing of it.
fn in_document(sought: &Sought<'_>, origin: &Origin, path: &FieldPath) -> Option<Place> {
    let text = sought.files.text(&origin.file).ok()?;
    let documents = read_documents(&text).ok()?;
    let root = documents.iter().find(|document| document.index == origin.document)?.root.as_ref()?;
    let root = match origin.list_item {
        Some(item) => child(root.get("items")?, &Step::Index(item))?,
        None => root,
    };
    let node = path.steps().iter().take_while(|step| **step != Step::Inside).try_fold(root, child)?;
    Some(Place::line(&*origin.file, node.line))
}

fn child<'n>(node: &'n Node, step: &Step) -> Option<&'n Node> {
    match (step, &node.content) {
        (Step::Field(name), _) => node.get(name),
        (Step::Index(index), Content::List(items)) => items.get(*index),
        (Step::Item(keys), Content::List(items)) => items.iter().find(|item| has_keys(&item.to_json(), keys)),
        (Step::Member(key), Content::List(items)) => items.iter().find(|item| item.to_json() == key.to_value()),
        _ => None,
    }
}

/// The line of a patch, field or generator that another value of the field would be written to.
fn in_kustomization(sought: &Sought<'_>, path: &FieldPath) -> Option<Place> {
    let declared = sought.manifest.object();
    let other = match path.get(&declared)? {
        serde_json::Value::String(text) => format!("{text}0").into(),
        serde_json::Value::Number(number) => number.as_i64()?.checked_add(1)?.into(),
        serde_json::Value::Bool(bool) => (!bool).into(),
        _ => return None,
    };
    let found = kustomize::set_already(sought, &FieldChange::set(path.clone(), other));
    found.into_iter().find_map(|candidate| only_line(sought, &candidate))
}

/// The only line that a candidate changes, where it adds none.
fn only_line(sought: &Sought<'_>, candidate: &Candidate) -> Option<Place> {
    let mut changed = candidate.iter().filter_map(|(file, text)| {
        let old = sought.files.text(file).ok()?;
        let same_length = old.lines().count() == text.lines().count();
        let mut lines = old.lines().zip(text.lines()).enumerate().filter(|(_, (old, new))| old != new);
        let (index, _) = lines.next()?;
        (same_length && lines.next().is_none()).then(|| Place::line(&**file, index + 1))
    });
    changed.next().filter(|_| changed.next().is_none())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::domain::candidates::Files;
    use crate::domain::resource::{Manifest, ResourceId};
    use crate::domain::source::Source;

    /// Files that are read by name alone: hundreds of fields are looked for in one run.
    struct Unlisted(BTreeMap<String, String>);

    impl Files for Unlisted {
        fn read(&self, path: &str) -> Result<Option<String>, String> {
            self.0.read(path)
        }

        fn list(&self) -> Result<Vec<String>, String> {
            panic!("the repository is listed to find one line")
        }

        fn links(&self) -> Vec<String> {
            panic!("the repository is listed to find one line")
        }
    }

    const DEPLOYMENT: &str = "\
# the web server
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: side
        image: side:1
      - name: web
        image: web:1
        args: [a, b]
";

    fn told(source: &Source, file: &str, files: &[(&str, &str)], path: &str) -> Option<String> {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let files = Unlisted(files.collect());
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
            "replicas": 3, "template": {"spec": {"containers": [
                {"name": "side", "image": "side:1"}, {"name": "web", "image": "web:2", "args": ["a", "b"]}]}}}});
        let origin = Origin { file: file.to_owned(), document: 0, line: 2, list_item: None };
        let manifest = Manifest::new(ResourceId::of(&object).expect("id"), "s", Some(origin), &object);
        let sought = Sought { manifest: &manifest, source, files: &files };
        place(&sought, &path.parse().expect("path")).map(|place| place.to_string())
    }

    /// The line of the manifest, or of the part of a kustomization that sets the field; nothing for what Git does not say.
    #[test]
    fn fields_have_places() {
        let container = "spec.template.spec.containers[name=web]";
        let plain = Source::plain("s", "apps");
        let overlay = Source { renderer: Renderer::Kustomize, ..Source::plain("s", "prod") };
        let files = [
            ("apps/web.yaml", DEPLOYMENT),
            ("base/kustomization.yaml", "resources: [web.yaml]\n"),
            ("base/web.yaml", DEPLOYMENT),
            (
                "prod/kustomization.yaml",
                "resources: [../base]\nimages:\n- name: web\n  newTag: '2'\npatches:\n- path: p.yaml\n",
            ),
            ("prod/p.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 3\n"),
        ];
        for (source, file, path, expected) in [
            (&plain, "apps/web.yaml", "spec.replicas".to_owned(), Some("apps/web.yaml:6")),
            (&plain, "apps/web.yaml", format!("{container}.image"), Some("apps/web.yaml:13")),
            (&plain, "apps/web.yaml", format!("{container}.args[1]"), Some("apps/web.yaml:14")),
            (&plain, "apps/web.yaml", "spec.paused".to_owned(), None),
            (&plain, "gone.yaml", "spec.replicas".to_owned(), None),
            (&overlay, "base/web.yaml", "spec.replicas".to_owned(), Some("prod/p.yaml:5")),
            (&overlay, "base/web.yaml", format!("{container}.image"), Some("prod/kustomization.yaml:4")),
            (&overlay, "base/web.yaml", format!("{container}.args"), Some("base/web.yaml:14")),
        ] {
            assert_eq!(told(source, file, &files, &path).as_deref(), expected, "{path} in {file}");
        }
    }
}
