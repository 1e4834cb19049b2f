use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::domain::resource::ResourceId;

type Tree = BTreeMap<String, String>;

fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn object(kind: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "data": {"a": "yes"}})
}

fn sibling(kind: &str, name: &str, file: &str) -> Manifest {
    let object = object(kind, name);
    let origin = Origin { file: file.to_owned(), document: 0, line: 1, list_item: None };
    Manifest::new(ResourceId::of(&object).expect("named"), "apps", Some(origin), &object)
}

fn places(source: &Source, siblings: &[Manifest], files: &Tree, object: &Value) -> Vec<String> {
    let newcomer = Newcomer { object, source, siblings, files };
    let told = additions(&newcomer).into_iter().map(|change| match change {
        Ok(change) => change.keys().cloned().collect::<Vec<_>>().join(" "),
        Err(reason) => reason,
    });
    told.collect()
}

/// A new file lies beside its siblings and is named as they are, and no file is written over.
#[test]
fn files_are_named_as_their_siblings() {
    let source = Source::plain("apps", "apps");
    let new = object("ConfigMap", "mine");
    for (siblings, files, expected) in [
        (vec![], tree(&[]), "apps/mine-configmap.yaml"),
        (vec![("Service", "web", "apps/web-service.yml")], tree(&[]), "apps/mine-configmap.yml"),
        (vec![("Service", "web", "apps/service-web.yaml")], tree(&[]), "apps/configmap-mine.yaml"),
        (vec![("Service", "web", "apps/web.yaml")], tree(&[("apps/mine.yaml", "")]), "apps/mine-configmap.yaml"),
        (vec![("Service", "web", "apps/web/service.yaml")], tree(&[]), "apps/web/configmap.yaml"),
        (
            vec![
                ("ConfigMap", "a", "apps/maps/a.yaml"),
                ("Service", "b", "apps/b.yaml"),
                ("Service", "c", "apps/c.yaml"),
            ],
            tree(&[]),
            "apps/mine.yaml",
        ),
    ] {
        let siblings: Vec<_> = siblings.iter().map(|(kind, name, file)| sibling(kind, name, file)).collect();
        assert_eq!(places(&source, &siblings, &files, &new), [expected], "{siblings:?}");
    }
    let odd = object("ConfigMap", "a:b/../c");
    assert_eq!(places(&source, &[], &tree(&[]), &odd), ["apps/a-b-..-c-configmap.yaml"]);
}

/// A source that is one file gets another document.
#[test]
fn one_file_gets_a_document() {
    let source = Source::plain("apps", "all.yaml");
    let files = tree(&[("all.yaml", "a: 1\n")]);
    let siblings = [sibling("Service", "web", "all.yaml")];
    let object = object("ConfigMap", "mine");
    let newcomer = Newcomer { object: &object, source: &source, siblings: &siblings, files: &files };
    let change = additions(&newcomer).remove(0).expect("a place");
    insta::assert_snapshot!(change["all.yaml"].as_deref().expect("a text"), @r#"
    a: 1
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: mine
      namespace: shop
    data:
      a: "yes"
    "#);
}

/// A kustomization names its new file, and what it adds itself is left out of the manifest first.
#[test]
fn a_kustomization_names_its_files() {
    let source = Source { renderer: Renderer::Kustomize, ..Source::plain("apps", "env/prod") };
    let files = tree(&[
        ("env/prod/kustomization.yaml", "namespace: shop\nnamePrefix: prod-\nresources:\n  - ../../base # shared\n"),
        ("base/kustomization.yaml", "resources: [web-service.yaml]\n"),
    ]);
    let siblings = [sibling("Service", "prod-web", "base/web-service.yaml")];
    let object = object("ConfigMap", "prod-mine");
    let newcomer = Newcomer { object: &object, source: &source, siblings: &siblings, files: &files };
    let change = additions(&newcomer).remove(0).expect("a place");
    let text = |path: &str| change[path].as_deref().expect("a text");
    assert_eq!(
        text("env/prod/kustomization.yaml"),
        "namespace: shop\nnamePrefix: prod-\nresources:\n  - ../../base # shared\n  - prod-mine-configmap.yaml\n"
    );
    assert_eq!(
        text("env/prod/prod-mine-configmap.yaml"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: mine\ndata:\n  a: \"yes\"\n"
    );
    assert_eq!(additions(&newcomer).len(), 2);
}

/// A chart has no place of its own, but a person is told where to begin.
#[test]
fn charts_need_a_person() {
    let source = Source { renderer: Renderer::Helm, ..Source::plain("apps", "chart") };
    let object = object("ConfigMap", "mine");
    let files = tree(&[]);
    let newcomer = Newcomer { object: &object, source: &source, siblings: &[], files: &files };
    assert!(additions(&newcomer)[0].is_err());
    assert_eq!(proposed_file(&newcomer).0, "chart/templates/mine-configmap.yaml");
}

/// With the last document of a file goes the file and its entry, with one of several only that one.
#[test]
fn a_manifest_is_withdrawn() {
    let source = Source { renderer: Renderer::Kustomize, ..Source::plain("apps", "base") };
    let origin = |file: &str, document: usize, list_item: Option<usize>| Origin {
        file: file.to_owned(),
        document,
        line: 1,
        list_item,
    };
    let files = tree(&[
        ("base/kustomization.yaml", "resources:\n  - ./parts/a.yaml\n  - b.yaml\n"),
        ("base/parts/a.yaml", "kind: A\n"),
        ("base/b.yaml", "kind: B\n---\n# c\nkind: C\n"),
        ("base/list.yaml", "kind: List\nitems:\n  - kind: D\n  - kind: E\n"),
    ]);
    for (origin, expected) in [
        (
            origin("base/parts/a.yaml", 0, None),
            vec![("base/kustomization.yaml", Some("resources:\n  - b.yaml\n")), ("base/parts/a.yaml", None)],
        ),
        (origin("base/b.yaml", 0, None), vec![("base/b.yaml", Some("---\n# c\nkind: C\n"))]),
        (origin("base/list.yaml", 0, Some(0)), vec![("base/list.yaml", Some("kind: List\nitems:\n  - kind: E\n"))]),
    ] {
        let change = withdrawal(&origin, &source, &files).expect("a change");
        let told: Vec<_> = change.iter().map(|(path, text)| (path.as_str(), text.as_deref())).collect();
        assert_eq!(told, expected);
    }
    assert!(withdrawal(&origin("base/no.yaml", 0, None), &source, &files).is_err());
    let mut shared = files;
    shared.insert("other/kustomization.yaml".to_owned(), "resources: [../base/b.yaml]\n".to_owned());
    let refused = withdrawal(&origin("base/b.yaml", 0, None), &source, &shared).expect_err("another one reads it");
    assert_eq!(refused, "base/b.yaml is read by the kustomization in other too; edit it by hand");
}
