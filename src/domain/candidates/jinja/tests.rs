use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::domain::candidates::Files;
use crate::domain::resource::{Manifest, Origin, ResourceId};
use crate::domain::source::{JinjaTemplates, Renderer, Source};

impl Files for BTreeMap<&str, &str> {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        Ok(self.get(path).map(|text| (*text).to_owned()))
    }

    fn list(&self) -> Result<Vec<String>, String> {
        Ok(self.keys().map(|path| (*path).to_owned()).collect())
    }

    fn links(&self) -> Vec<String> {
        Vec::new()
    }
}

const TEMPLATE: &str = "\
kind: Service
metadata: {name: web}
---
kind: Deployment # of {{ team }}
metadata:
  name: {{ prefix }}-web
  {% if team %}
  labels: {{ labels | to_json }}
  {% endif %}
spec:
  replicas: {{ replicas }}
  paused: false
  strategy:
    {{ strategy }}
  containers:
  - name: {{ main }}
    image: web:1
  {% for side in sides %}
  - name: {{ side }}
    image: side:1
  {% endfor %}
";

fn changed(changes: &[FieldChange]) -> Vec<String> {
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a-web", "labels": {"a": "b"}},
        "spec": {"replicas": 3, "paused": false, "strategy": {"type": "Recreate"},
            "containers": [{"name": "web", "image": "web:1"}, {"name": "s", "image": "side:1"}]}});
    let origin = Origin { file: "t/a.yaml.j2".to_owned(), document: 7, line: 4, list_item: None };
    let id = ResourceId::of(&object).expect("id");
    let manifest = Manifest::new(id, "s", Some(origin), &object);
    let source = Source {
        renderer: Renderer::Jinja,
        jinja: Some(JinjaTemplates { values: vec!["v/a.yaml".to_owned()], ..JinjaTemplates::default() }),
        ..Source::plain("s", "t")
    };
    let files = BTreeMap::from([
        ("t/a.yaml.j2", TEMPLATE),
        ("v/a.yaml", "other: 3\nreplicas: 3\nin: !include in.yaml\nin2: !include in.yaml\n"),
        ("v/in.yaml", "count: '3'\nback: !include a.yaml\n"),
    ]);
    let sought = Sought { manifest: &manifest, source: &source, files: &files };
    let show = |candidate: Result<Candidate, String>| match candidate {
        Err(reason) => reason,
        Ok(candidate) => {
            let (file, text) = candidate.first_key_value().expect("a file");
            let before: Vec<_> = files[&**file].lines().collect();
            let lines = text.lines().filter(|line| !before.contains(line)).map(str::trim).collect::<Vec<_>>();
            format!("{file}: {}", lines.join(" | "))
        }
    };
    let mut shown: Vec<_> = candidates(&sought, changes).into_iter().map(show).collect();
    let by_hand = shown.pop().expect("what a person can do");
    assert!(
        by_hand.starts_with("no key of the values makes exactly this change; edit the template t/a.yaml.j2:"),
        "{by_hand}"
    );
    shown
}

/// What is literal is changed in the template, what is a value at the keys that hold it, and nothing else is tried.
#[test]
fn places_are_found() {
    let by_code = "is written by code of the template, edit it by hand";
    for (path, value, expected) in [
        ("spec.paused", json!(true), vec!["t/a.yaml.j2: paused: true".to_owned()]),
        ("metadata.annotations[\"a/b\"]", json!("x"), vec!["t/a.yaml.j2: annotations: | a/b: x".to_owned()]),
        (
            "metadata.labels.a",
            json!("x"),
            vec![format!("t/a.yaml.j2: metadata.labels.a: {by_code}"), "v/a.yaml: labels: | a: x".to_owned()],
        ),
        (
            "metadata.labels.new",
            json!("x"),
            vec![format!("t/a.yaml.j2: metadata.labels.new: {by_code}"), "v/a.yaml: labels: | new: x".to_owned()],
        ),
        (
            "spec.strategy.type",
            json!("x"),
            vec![format!("t/a.yaml.j2: spec.strategy.type: {by_code}"), "v/a.yaml: strategy: | type: x".to_owned()],
        ),
        ("spec.containers[name=web].image", json!("web:2"), vec!["t/a.yaml.j2: image: web:2".to_owned()]),
        (
            "spec.paused",
            json!("{{ x }}"),
            vec!["t/a.yaml.j2: the value would be read as code of the template, edit it by hand".to_owned()],
        ),
        (
            "spec.replicas",
            json!(5),
            vec![
                format!("t/a.yaml.j2: spec.replicas: {by_code}"),
                "v/a.yaml: replicas: 5".to_owned(),
                "v/in.yaml: count: '5'".to_owned(),
                "v/a.yaml: other: 5".to_owned(),
            ],
        ),
    ] {
        assert_eq!(changed(&[FieldChange::set(path.parse().expect("path"), value)]), expected, "{path}");
    }
    let both = [
        FieldChange::set("spec.paused".parse().expect("path"), json!(true)),
        FieldChange::set("metadata.annotations.a".parse().expect("path"), json!("b")),
    ];
    assert_eq!(changed(&both), ["t/a.yaml.j2: annotations: | a: b | paused: true"]);
}
