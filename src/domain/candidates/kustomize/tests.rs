use std::collections::BTreeMap;

use serde_json::json;
use similar::{ChangeTag, TextDiff};

use super::*;
use crate::domain::resource::{GroupKind, Manifest, Origin, ResourceId};
use crate::domain::source::{Renderer, Source};

/// A base with an overlay; another overlay shares the base where it is there.
const BASE: [(&str, &str); 3] = [
    ("base/kustomization.yaml", "resources: [web.yaml]\n"),
    (
        "base/web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n  template:\n    spec:\n      containers:\n        - name: web\n          image: shop/web:1.4\n",
    ),
    ("dev/kustomization.yaml", "resources: [../base]\n"),
];
const PATCH: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2 # two zones\n";

fn deployment() -> Manifest {
    let spec = json!({"replicas": 2, "template": {"spec": {"containers": [
        {"name": "log", "image": "shop/log:1"}, {"name": "web", "image": "shop/web:1.4", "args": ["a", "b"], "ports": [{"containerPort": 80, "protocol": "TCP"}]}]}}});
    let metadata = json!({"name": "prod-web", "annotations": {"a/b": "c"}, "labels": {"app": "web"}});
    let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec});
    let origin = Origin { file: "base/web.yaml".to_owned(), document: 0, line: 1, list_item: None };
    Manifest::new(
        ResourceId::new(GroupKind::new("apps", "Deployment"), None, "prod-web"),
        "prod",
        Some(origin),
        &object,
    )
}

fn settings() -> Manifest {
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prod-settings-7h2b"}, "data": {"COLOUR": "blue", "app.ini": "a=1\r\n"}});
    let id = ResourceId::new(GroupKind::new("", "ConfigMap"), None, "prod-settings-7h2b");
    Manifest::new(id, "prod", None, &object).named_by_content(Some("prod-settings".to_owned()))
}

/// What the candidates write, each as `file: -line +line`, and the reasons of those that are none.
fn tried(manifest: &Manifest, files: &[(&str, &str)], changes: &[FieldChange]) -> (Vec<String>, Vec<String>) {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let source = Source { renderer: Renderer::Kustomize, ..Source::plain("prod", "prod") };
    let sought = Sought { manifest, source: &source, files: &files };
    let told = |candidate: Candidate| {
        let file = |(file, new): (&String, &String)| {
            let diff = TextDiff::from_lines(files.get(file.as_str()).copied().unwrap_or_default(), new);
            let lines = diff.iter_all_changes().filter(|change| change.tag() != ChangeTag::Equal);
            let lines: Vec<_> = lines.map(|change| format!("{}{}", change.tag(), change.value().trim())).collect();
            format!("{file}: {}", lines.join(" "))
        };
        candidate.iter().map(file).collect::<Vec<_>>().join("; ")
    };
    let (mut places, mut reasons) = (Vec::new(), Vec::new());
    for candidate in crate::domain::candidates::candidates(&sought, changes) {
        match candidate {
            Ok(candidate) => places.push(told(candidate)),
            Err(reason) => reasons.push(reason),
        }
    }
    (places, reasons)
}

fn set(path: &str, value: Value) -> FieldChange {
    FieldChange::set(path.parse().expect("path"), value)
}

fn remove(path: &str) -> FieldChange {
    FieldChange::remove(path.parse().expect("path"))
}

/// The places before the new patch, in an overlay over a base that another one shares.
fn places(kustomization: &str, more: &[(&str, &str)], change: &FieldChange) -> Vec<String> {
    let overlay = format!("resources: [../base]\nnamePrefix: prod-\n{kustomization}");
    let files: Vec<_> =
        BASE.iter().chain(more).copied().chain([("prod/kustomization.yaml", overlay.as_str())]).collect();
    let (mut places, _) = tried(&deployment(), &files, std::slice::from_ref(change));
    places.retain(|place| !place.contains("trueup-"));
    places
}

const INLINE: &str = "patches:\n- patch: |-\n    # why\n    - op: replace\n      path: /spec/replicas # c\n      value: 2\n    - {op: add, path: /metadata/annotations/a~1b, value: c}\n  target: {kind: Deployment, name: w.b}\n";
const OTHER: &str = "patches:\n- patch: |-\n    - {op: replace, path: /spec/replicas, value: 2}\n  target: {kind: Deployment, name: other}\n";
const OLD_OPERATIONS: &str = "patchesJson6902:\n- path: p.yaml\n  target: {version: v1, kind: Deployment, name: web}\n";

/// What the overlay says, more files, the change, and the places.
type Case = (&'static str, &'static [(&'static str, &'static str)], FieldChange, &'static [&'static str]);

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let replicas = || set("spec.replicas", json!(3));
    let image = |new: &str| set("spec.template.spec.containers[name=web].image", json!(new));
    vec![
        ("images:\n- name: shop/web\n  newTag: '1.4' # now\n", &[], image("shop/web:1.5"), &["prod/kustomization.yaml: -newTag: '1.4' # now +newTag: '1.5' # now"]),
        ("images: [{name: web, newName: shop/web, newTag: '1.4'}]\n", &[], image("other/web:1.4"), &["prod/kustomization.yaml: -images: [{name: web, newName: shop/web, newTag: '1.4'}] +images: [{name: web, newName: other/web, newTag: '1.4'}]"]),
        ("imageTags:\n- name: shop/web\n  newTag: 1.4\n", &[], image("shop/web@sha256:ab"), &["prod/kustomization.yaml: -newTag: 1.4 +digest: sha256:ab"]),
        ("images: [{name: shop/log, newTag: x}]\n", &[], image("shop/web:1.5"), &[]),
        ("replicas:\n- name: web\n  count: 2\n", &[], replicas(), &["prod/kustomization.yaml: -count: 2 +count: 3"]),
        ("replicas: [{name: other, count: 2}]\n", &[], replicas(), &[]),
        ("patches:\n- path: p.yaml\n", &[("prod/p.yaml", PATCH)], replicas(), &["prod/p.yaml: -replicas: 2 # two zones +replicas: 3 # two zones"]),
        ("patchesStrategicMerge: [p.yaml]\n", &[("prod/p.yaml", PATCH)], replicas(), &["prod/p.yaml: -replicas: 2 # two zones +replicas: 3 # two zones"]),
        ("patches:\n- path: p.yaml\n", &[("prod/p.yaml", PATCH)], remove("spec.replicas"), &["prod/p.yaml: -spec: -replicas: 2 # two zones +spec: {}", "prod/p.yaml: -replicas: 2 # two zones +replicas: null # two zones"]),
        (INLINE, &[], replicas(), &["prod/kustomization.yaml: -value: 2 +value: 3"]),
        (INLINE, &[], set("metadata.annotations[\"a/b\"]", json!("d")), &["prod/kustomization.yaml: -- {op: add, path: /metadata/annotations/a~1b, value: c} +- {op: add, path: /metadata/annotations/a~1b, value: d}"]),
        (OTHER, &[], replicas(), &[]),
        (OLD_OPERATIONS, &[("prod/p.yaml", "- {op: replace, path: /spec/template/spec/containers/1/image, value: a}\n")], image("b"), &["prod/p.yaml: -- {op: replace, path: /spec/template/spec/containers/1/image, value: a} +- {op: replace, path: /spec/template/spec/containers/1/image, value: b}"]),
        (OLD_OPERATIONS, &[("prod/p.yaml", "- {op: add, path: /spec/template/spec/containers/0/args, value: [a, b]}\n")], set("spec.template.spec.containers[name=web].args[1]", json!("c")), &["prod/p.yaml: +- {op: test, path: /spec/template/spec/containers/1/name, value: web} +- {op: replace, path: /spec/template/spec/containers/1/args/1, value: c}"]),
        (OLD_OPERATIONS, &[("prod/p.yaml", "- {op: add, path: /spec/template/spec/containers/1/args, value: [a, b]}\n")], set("spec.template.spec.containers[name=web].args[1]", json!("c")), &["prod/p.yaml: -- {op: add, path: /spec/template/spec/containers/1/args, value: [a, b]} +- {op: add, path: /spec/template/spec/containers/1/args, value: [a, c]}"]),
        (OLD_OPERATIONS, &[("prod/p.yaml", "- {op: add, path: /spec/template/spec/containers/-, value: {name: web, image: a}}\n")], image("b"), &["prod/p.yaml: -- {op: add, path: /spec/template/spec/containers/-, value: {name: web, image: a}} +- {op: add, path: /spec/template/spec/containers/-, value: {name: web, image: b}}"]),
        ("commonAnnotations: {a/b: c}\n", &[], set("metadata.annotations[\"a/b\"]", json!("d")), &["prod/kustomization.yaml: -commonAnnotations: {a/b: c} +commonAnnotations: {a/b: d}"]),
        ("labels:\n- pairs: {app: web}\n", &[], remove("metadata.labels.app"), &["prod/kustomization.yaml: -- pairs: {app: web} +- pairs: {}"]),
    ]
}

/// Every field of an overlay that sets the value, with nothing else of it touched.
#[test]
fn fields_and_patches_that_set_it() {
    for (kustomization, more, change, expected) in cases() {
        assert_eq!(places(kustomization, more, &change), expected, "{kustomization} {}", change.path);
    }
}

/// Line ends and comments of a kustomization stay when a patch in it changes.
#[test]
fn patches_written_in_place_keep_their_style() {
    let overlay = "# prod\r\nresources: [../base]\r\npatches:\r\n  - patch: |\r\n        # why\r\n        kind: Deployment\r\n        apiVersion: apps/v1\r\n        metadata: {name: web}\r\n        spec:\r\n          replicas: 2 # two\r\n    # end\r\n";
    let files: Vec<_> = BASE.iter().copied().chain([("prod/kustomization.yaml", overlay)]).collect();
    let files: BTreeMap<&str, &str> = files.into_iter().collect();
    let source = Source { renderer: Renderer::Kustomize, ..Source::plain("prod", "prod") };
    let sought = Sought { manifest: &deployment(), source: &source, files: &files };
    let first = crate::domain::candidates::candidates(&sought, &[set("spec.replicas", json!(3))])
        .swap_remove(0)
        .expect("a place");
    assert_eq!(first["prod/kustomization.yaml"], overlay.replace("replicas: 2", "replicas: 3"));
}

/// A base of one's own is edited itself; one that others read is overlaid: by what is there for the resource, else by a
/// new patch, which says no more than it must.
#[test]
fn what_others_read_is_overlaid() {
    let overlay = ("prod/kustomization.yaml", "resources: [../base]\nnamePrefix: prod-\n");
    let mark = set("metadata.annotations[\"trueup.dev/restore\"]", json!("u.1"));
    let (own, _) = tried(&deployment(), &[BASE[0], BASE[1], overlay], std::slice::from_ref(&mark));
    assert_eq!(own[0], "base/web.yaml: +annotations: +trueup.dev/restore: u.1");
    let shared: Vec<_> = BASE.iter().copied().chain([overlay]).collect();
    let (places, reasons) = tried(&deployment(), &shared, std::slice::from_ref(&mark));
    let entry =
        "prod/kustomization.yaml: +patches: +- path: trueup-deployment-web.yaml; prod/trueup-deployment-web.yaml: ";
    let patch = "+apiVersion: apps/v1 +kind: Deployment +metadata: +name: web ";
    assert_eq!(places[0], format!("{entry}{patch}+annotations: +trueup.dev/restore: u.1"));
    assert_eq!(reasons, ["base/web.yaml is read by the kustomization of dev too, which is not to change"]);
    let existing = ("prod/kustomization.yaml", "resources: [../base]\npatches:\n- path: p.yaml\n");
    let shared: Vec<_> = BASE.iter().copied().chain([existing, ("prod/p.yaml", PATCH)]).collect();
    let (places, _) = tried(&deployment(), &shared, &[mark]);
    assert_eq!(places[0], "prod/p.yaml: +annotations: +trueup.dev/restore: u.1");
}

/// New patches for every form of change: merges where they can say it, operations on what they are sure of else.
#[test]
fn new_patches_say_what_is_meant() {
    let operations = "prod/trueup-deployment-web-operations.yaml: ";
    let merge = "+apiVersion: apps/v1 +kind: Deployment +metadata: +name: web +spec: ";
    for (change, expected) in [
        (set("spec.replicas", json!(3)), vec![format!("{merge}+replicas: 3"), "+- op: replace +path: /spec/replicas +value: 3".to_owned()]),
        (
            set("spec.template.spec.containers[name=web].image", json!("x")),
            vec![
                format!("{merge}+template: +spec: +containers: +- name: web +image: x"),
                "+- op: test +path: /spec/template/spec/containers/1/name +value: web +- op: replace +path: /spec/template/spec/containers/1/image +value: x".to_owned(),
            ],
        ),
        (
            remove("spec.template.spec.containers[name=log]"),
            vec![
                format!("{merge}+template: +spec: +containers: +- name: log +$patch: delete"),
                "+- op: test +path: /spec/template/spec/containers/0/name +value: log +- op: remove +path: /spec/template/spec/containers/0".to_owned(),
            ],
        ),
        (
            set("spec.template.spec.containers[name=web].args[1]", json!("c")),
            vec![
                format!("{merge}+template: +spec: +containers: +- name: web +args: +- a +- c"),
                "+- op: test +path: /spec/template/spec/containers/1/name +value: web +- op: replace +path: /spec/template/spec/containers/1/args/1 +value: c".to_owned(),
            ],
        ),
        (remove("metadata.labels.app"), vec!["+apiVersion: apps/v1 +kind: Deployment +metadata: +name: web +labels: +app: null".to_owned(), "+- op: remove +path: /metadata/labels/app".to_owned()]),
        (
            set("spec.strategy.type", json!("Recreate")),
            vec![format!("{merge}+strategy: +type: Recreate"), "+- op: add +path: /spec/strategy +value: +type: Recreate".to_owned()],
        ),
    ] {
        let overlay = ("prod/kustomization.yaml", "resources: [../base]\n");
        let shared: Vec<_> = BASE.iter().copied().chain([overlay]).collect();
        let (places, _) = tried(&deployment(), &shared, std::slice::from_ref(&change));
        let patches: Vec<_> = places.iter().take(2).map(|place| place.split("yaml: ").last().unwrap_or_default()).collect();
        assert_eq!(patches, expected, "{}", change.path);
        assert!(places[1].contains(operations), "{places:?}");
    }
}

/// What a generated ConfigMap is made of is edited where it is written, in the form in which it is written.
#[test]
fn generators_are_edited() {
    let generator =
        |rest: &str| format!("resources: [../base]\nnamePrefix: prod-\nconfigMapGenerator:\n- name: settings\n{rest}");
    let files = [("prod/app.ini", "a=1\r\n"), ("prod/e.env", "# colours\r\nCOLOUR=blue\r\nX=y")];
    let colour = || set("data.COLOUR", json!("red"));
    for (rest, change, expected) in [
        (
            "  literals:\n  - COLOUR=blue # c\n",
            colour(),
            "prod/kustomization.yaml: -- COLOUR=blue # c +- COLOUR=red # c",
        ),
        (
            "  literals: [A=b, COLOUR=blue]\n",
            remove("data.COLOUR"),
            "prod/kustomization.yaml: -literals: [A=b, COLOUR=blue] +literals: [A=b]",
        ),
        ("  literals:\n  - A=b\n", set("data.NEW", json!("x")), "prod/kustomization.yaml: +- NEW=x"),
        ("  envs: [e.env]\n", colour(), "prod/e.env: -COLOUR=blue +COLOUR=red"),
        ("  env: e.env\n", remove("data.COLOUR"), "prod/e.env: -COLOUR=blue"),
        ("  files: [app.ini]\n", set("data[\"app.ini\"]", json!("a=2\r\n")), "prod/app.ini: -a=1 +a=2"),
        ("  files: [other.ini=app.ini]\n", set("data[\"app.ini\"]", json!("a=2\r\n")), ""),
        (
            "  literals: [A=b]\n",
            set("metadata.annotations[\"a/b\"]", json!("c")),
            "prod/kustomization.yaml: +options: +annotations: +a/b: c",
        ),
    ] {
        let overlay = generator(rest);
        let files: Vec<_> =
            BASE.iter().chain(&files).copied().chain([("prod/kustomization.yaml", &*overlay)]).collect();
        let (mut places, _) = tried(&settings(), &files, &[change]);
        places.retain(|place| !place.contains("trueup-"));
        assert_eq!(places.first().map_or("", String::as_str), expected, "{rest}");
    }
}

/// Several changes go each to its own place, and two containers of one image to one.
#[test]
fn several_changes_have_a_place_each() {
    let overlay = (
        "prod/kustomization.yaml",
        "resources: [../base]\nimages:\n- name: shop/web\n  newTag: '1.4'\npatches:\n- path: p.yaml\n",
    );
    let files: Vec<_> = BASE.iter().copied().chain([overlay, ("prod/p.yaml", PATCH)]).collect();
    let changes =
        [set("spec.template.spec.containers[name=web].image", json!("shop/web:1.5")), set("spec.replicas", json!(3))];
    let (places, _) = tried(&deployment(), &files, &changes);
    assert_eq!(
        places[0],
        "prod/kustomization.yaml: -newTag: '1.4' +newTag: '1.5'; prod/p.yaml: -replicas: 2 # two zones +replicas: 3 # two zones"
    );
}

/// A repository in which the kustomization of another environment is a link.
struct Linked(BTreeMap<&'static str, &'static str>);

impl Files for Linked {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        self.0.read(path)
    }

    fn list(&self) -> Result<Vec<String>, String> {
        self.0.list()
    }

    fn links(&self) -> Vec<String> {
        vec!["dev/kustomization.yaml".to_owned()]
    }
}

/// What a link may read has no place, for several changes as for one.
#[test]
fn links_may_read_what_several_changes_edit() {
    let files = Linked([BASE[0], BASE[1], ("prod/kustomization.yaml", "resources: [../base]\n")].into());
    let (manifest, source) = (deployment(), Source { renderer: Renderer::Kustomize, ..Source::plain("prod", "prod") });
    let sought = Sought { manifest: &manifest, source: &source, files: &files };
    let changes = [set("spec.replicas", json!(3)), set("spec.paused", json!(true))];
    for changes in [&changes[..1], &changes] {
        let places: Vec<_> = candidates(&sought, changes).into_iter().flatten().collect();
        assert!(!places.is_empty());
        assert!(places.iter().flatten().all(|(file, _)| file.starts_with("prod/")), "{places:#?}");
    }
}

/// The content of a Secret has no place; a mark on it has.
#[test]
fn secrets_are_never_written() {
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "settings"}, "data": {"A": "mask"}});
    let secret = Manifest::new(ResourceId::new(GroupKind::new("", "Secret"), None, "settings"), "prod", None, &object);
    let files = [("prod/kustomization.yaml", "secretGenerator:\n- name: settings\n  literals: [A=b]\n")];
    let (places, reasons) = tried(&secret, &files, &[set("data.A", json!("x"))]);
    assert_eq!((places.len(), reasons.len()), (0, 1));
    let (places, _) = tried(&secret, &files, &[set("metadata.annotations.a", json!("x"))]);
    assert_eq!(places[0], "prod/kustomization.yaml: +options: +annotations: +a: x");
    // a line with the content would be shown as changed
    let files = [("prod/kustomization.yaml", "secretGenerator: [{name: settings, literals: [A=b]}]\n")];
    let (places, _) = tried(&secret, &files, &[set("metadata.annotations.a", json!("x"))]);
    assert!(places[0].starts_with("prod/kustomization.yaml: +patches: "), "{places:?}");
}
