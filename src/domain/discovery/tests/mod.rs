mod argo_cd;

use serde_json::json;

use super::*;
use crate::domain::source::Delivered;

const REPOSITORY: &str = "https://github.com/company/config.git";

/// A repository of these files.
struct Tree(Vec<(&'static str, &'static str)>);

impl RepositoryFiles for Tree {
    fn text(&self, file: &str) -> Option<String> {
        self.0.iter().find(|(path, _)| *path == file).map(|(_, text)| (*text).to_owned())
    }

    fn has_folder(&self, folder: &str) -> bool {
        !self.below(folder).is_empty()
    }

    fn below(&self, folder: &str) -> Vec<String> {
        let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        self.0.iter().filter(|(path, _)| path.starts_with(&start)).map(|(path, _)| (*path).to_owned()).collect()
    }
}

fn tree() -> Tree {
    Tree(vec![
        ("apps/web.yaml", ""),
        ("apps/more/db.yaml", ""),
        ("chart/Chart.yaml", ""),
        ("chart/values.yaml", ""),
        ("chart/prod.yaml", ""),
        ("overlay/kustomization.yml", ""),
        ("parts/kustomization.yaml", ""),
        ("sonnet/a.jsonnet", ""),
        ("skipped/a.yaml", "# +argocd:skip-file-rendering"),
        ("image/kustomization.yaml", ""),
        ("image/.argocd-source.yaml", "path: /etc\nkustomize: {images: [\"web:2\"]}"),
        ("image/.argocd-source-shop.yaml", "kustomize: {namePrefix: p-}"),
        ("ignoring/a.yaml", ""),
        ("ignoring/.sourceignore", "x"),
    ])
}

fn known(pairs: Vec<(&str, Known)>) -> BTreeMap<ResourceId, Known> {
    let id = |name: &str| {
        let kind = if name.starts_with("git") { git_repository() } else { GroupKind::new("", "ConfigMap") };
        ResourceId::new(kind, Some("flux-system"), name)
    };
    pairs.into_iter().map(|(name, known)| (id(name), known)).collect()
}

fn repository(spec: Value) -> Known {
    let mut object = json!({"spec": {"url": "ssh://git@github.com/company/config", "ref": {"branch": "main"}}});
    spec.as_object().into_iter().flatten().for_each(|(name, value)| object["spec"][name] = value.clone());
    Known::Found(object, None)
}

fn objects() -> BTreeMap<ResourceId, Known> {
    let origin = Origin { file: "clusters/vars.yaml".to_owned(), document: 0, line: 1, list_item: None };
    known(vec![
        ("git", repository(json!({}))),
        ("git-paused", repository(json!({"suspend": true}))),
        ("git-other", repository(json!({"url": "https://github.com/company/other"}))),
        ("git-tag", repository(json!({"ref": {"tag": "v1"}}))),
        ("git-master", repository(json!({"ref": null}))),
        ("git-commit", repository(json!({"ref": {"commit": "c0ffee"}}))),
        ("git-name", repository(json!({"ref": {"name": "refs/heads/main"}}))),
        ("git-ignore", repository(json!({"ignore": "/*"}))),
        ("git-include", repository(json!({"include": [{"repository": {"name": "x"}}]}))),
        ("git-unread", Known::Unread),
        ("vars", Known::Found(json!({"data": {"region": "eu\n", "size": "3", "values.yaml": "a: 1"}}), Some(origin))),
        ("gone", Known::Absent),
        ("unread", Known::Unread),
        ("unasked", Known::Unasked),
    ])
}

fn found(object: Value) -> Found {
    let objects = objects();
    let tree = tree();
    let around = Surroundings {
        repository: REPOSITORY,
        branch: "main",
        commit: "c0ffee",
        destinations: &["prod".to_owned()],
        files: &tree,
        objects: &objects,
    };
    let id = ResourceId::of(&object).expect("named");
    let origin = Some(Origin { file: "clusters/apps.yaml".to_owned(), document: 1, line: 5, list_item: None });
    read(&DeliveryObject { id, object, origin, live: None }, &around)
}

fn kustomization(spec: Value) -> Value {
    let mut object = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"},
        "spec": {"path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "git"}}});
    spec.as_object().into_iter().flatten().for_each(|(name, value)| object["spec"][name] = value.clone());
    object
}

/// Reasons, or what the one source is, in short.
fn told(found: &Found) -> String {
    let source = |source: &Source| {
        let delivered = source.delivered.as_ref().expect("delivered");
        let paused = delivered.paused.as_ref().map(|paused| format!(" ({paused})")).unwrap_or_default();
        format!("{} {:?} {}{paused}", source.renderer, source.path, Value::Object(delivered.kustomization.clone()))
    };
    let mut told: Vec<String> = found.sources.iter().map(source).collect();
    told.extend(found.opaque.iter().map(|opaque| format!("! {}", opaque.reason)));
    told.join("; ")
}

/// Where a Kustomization comes from and goes to decides whether it is a source of this cluster.
#[test]
fn kustomizations_are_sources_or_opaque() {
    let from = |name: &str| json!({"sourceRef": {"kind": "GitRepository", "name": name}});
    let other = |kind: &str| json!({"sourceRef": {"kind": kind, "name": "x"}});
    for (spec, expected) in [
        (json!({}), r#"kustomize "apps" {}"#),
        (json!({"path": "/apps/"}), r#"kustomize "apps" {}"#),
        (json!({"path": null}), r#"! it takes every manifest of a folder, and what Git files"#),
        (json!({"path": "overlay"}), r#"kustomize "overlay" {}"#),
        (json!({"path": "ignoring"}), "! it takes every manifest of a folder"),
        (json!({"path": "../../etc"}), r#"! its path "../../etc" leaves the repository"#),
        (json!({"path": "/../etc"}), r#"! its path "/../etc" leaves the repository"#),
        (json!({"path": "a\\b"}), "! its path"),
        (json!({"kubeConfig": {"secretRef": {"name": "x"}}}), "! it delivers to another cluster"),
        (other("OCIRepository"), "! it is delivered from a OCIRepository"),
        (other("Bucket"), "! it is delivered from a Bucket"),
        (from("git-other"), "! GitRepository flux-system/git-other is another repository"),
        (from("git-tag"), "! GitRepository flux-system/git-tag follows tags (ref.tag)"),
        (from("git-master"), "! GitRepository flux-system/git-master follows the branch master"),
        (from("git-commit"), r#"kustomize "apps" {}"#),
        (from("git-name"), r#"kustomize "apps" {}"#),
        (from("git-ignore"), "! it takes every manifest of a folder"),
        (from("git-include"), "! GitRepository flux-system/git-include includes other repositories"),
        (from("git-unread"), "! GitRepository flux-system/git-unread may not be read"),
        (from("git-nowhere"), "! GitRepository flux-system/git-nowhere is not there"),
        (from("git-paused"), r#"kustomize "apps" {} (GitRepository flux-system/git-paused is suspended)"#),
        (json!({"suspend": true}), r#"kustomize "apps" {} (Kustomization flux-system/apps is suspended)"#),
        (
            json!({"targetNamespace": "shop", "namePrefix": "p-", "images": [{"name": "a", "newTag": "1"}],
                "patches": [{"patch": "x"}], "patchesStrategicMerge": [{"kind": "X"}]}),
            r#"kustomize "apps" {"images":[{"name":"a","newTag":"1"}],"namePrefix":"p-","namespace":"shop","patches":[{"patch":"x"}],"patchesStrategicMerge":["{\"kind\":\"X\"}"]}"#,
        ),
        (json!({"components": ["../parts"]}), r#"kustomize "apps" {"components":["../parts"]}"#),
        (json!({"components": ["../../x"]}), r#"! its component "../../x" is no folder"#),
        (json!({"components": ["https://x/y"]}), r#"! its component "https://x/y" is no folder"#),
        (json!({"components": ["../gone"], "ignoreMissingComponents": true}), r#"kustomize "apps" {}"#),
        (
            json!({"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "unasked", "optional": true}]}}),
            "! it takes values from ConfigMap flux-system/unasked, which Git does not declare",
        ),
        (
            json!({"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "gone"}]}}),
            "! it takes values from ConfigMap flux-system/gone, which is not there",
        ),
        (
            json!({"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "unread", "optional": true}]}}),
            "! it takes values from ConfigMap flux-system/unread, which may not be read",
        ),
        (json!({"postBuild": {"substitute": {"no-name": "1"}}}), r#"! "no-name" is no name of a variable"#),
        (json!("nonsense"), r#"kustomize "apps" {}"#),
    ] {
        let found = told(&found(kustomization(spec.clone())));
        assert!(found.starts_with(expected), "{spec}: {found}");
    }
}

/// Later variables win, a Secret makes uncertain what came before it, and every variable knows its place.
#[test]
fn variables_know_their_places() {
    let delivered = |build: Value| -> Delivered {
        let mut found = found(kustomization(json!({"postBuild": build})));
        found.sources.pop().expect("a source").delivered.expect("delivered")
    };
    let from = |names: &[(&str, &str)]| -> Value {
        names.iter().map(|(kind, name)| json!({"kind": kind, "name": name, "optional": true})).collect()
    };
    let shown = |delivered: &Delivered| -> Vec<String> {
        let variables = delivered.variables.iter().filter(|(name, _)| !name.contains('.'));
        let place = |place: &(Origin, crate::domain::field_path::FieldPath)| format!("{} {}", place.0.file, place.1);
        let shown = variables
            .map(|(name, one)| format!("{name}={} {}", one.value, one.place.as_ref().map(place).unwrap_or_default()));
        shown.collect()
    };
    let substitute = "clusters/apps.yaml spec.postBuild.substitute.size";
    let both = |secret_first: bool| {
        let mut names = vec![("ConfigMap", "numbers"), ("ConfigMap", "gone"), ("Secret", "s")];
        if secret_first {
            names.reverse();
        }
        from(&names)
    };
    // a key that is no name of a variable is refused, as by Flux
    assert_eq!(
        told(&found(kustomization(json!({"postBuild": {"substituteFrom": from(&[("ConfigMap", "vars")])}})))),
        r#"! "values.yaml" is no name of a variable"#
    );
    let inline = delivered(json!({"substitute": {"size": 5, "on": true, "text": "a\nb"}}));
    assert_eq!(shown(&inline)[1], format!("size=5 {substitute}"));
    assert_eq!(inline.variables["text"].value, "ab");
    assert!(!inline.hides_variables);
    let mut objects = objects();
    objects.extend(known(vec![("numbers", Known::Found(json!({"data": {"size": "3", "region": "eu"}}), None))]));
    for (secret_first, expected) in [(true, vec!["region=eu ", "size=3 "]), (false, vec![])] {
        let object = kustomization(json!({"postBuild": {"substituteFrom": both(secret_first)}}));
        let tree = tree();
        let around = Surroundings {
            repository: REPOSITORY,
            branch: "main",
            commit: "c0ffee",
            destinations: &[],
            files: &tree,
            objects: &objects,
        };
        let it = DeliveryObject { id: ResourceId::of(&object).expect("named"), object, origin: None, live: None };
        assert_eq!(needs(&it).len(), 3);
        let delivered = read(&it, &around).sources.pop().expect("a source").delivered.expect("delivered");
        assert_eq!(
            (shown(&delivered), delivered.hides_variables),
            (expected.into_iter().map(str::to_owned).collect(), true)
        );
    }
}

/// Whether something is suspended, and what was applied, is asked of the cluster.
#[test]
fn the_cluster_says_what_is_suspended() {
    let (objects, tree) = (objects(), tree());
    let around = Surroundings {
        repository: REPOSITORY,
        branch: "main",
        commit: "c0ffee",
        destinations: &[],
        files: &tree,
        objects: &objects,
    };
    let object = kustomization(json!({}));
    let mut live = kustomization(json!({"suspend": true, "path": "./elsewhere"}));
    live["status"] = json!({"lastAppliedRevision": "main@sha1:c0ffee"});
    let it = DeliveryObject { id: ResourceId::of(&object).expect("named"), object, origin: None, live: Some(live) };
    let source = read(&it, &around).sources.pop().expect("a source");
    let delivered = source.delivered.expect("delivered");
    assert_eq!(source.path, "apps");
    assert_eq!(delivered.paused.as_deref(), Some("Kustomization flux-system/apps is suspended"));
    assert_eq!(delivered.revision.as_deref(), Some("main@sha1:c0ffee"));
}

/// Only charts of the config repository are rendered, and only with values that are known.
#[test]
fn releases_are_sources_or_opaque() {
    let release = |spec: Value| {
        let mut object = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "web", "namespace": "flux-system"},
            "spec": {"chart": {"spec": {"chart": "./chart", "sourceRef": {"kind": "GitRepository", "name": "git"}}}}});
        spec.as_object().into_iter().flatten().for_each(|(name, value)| object["spec"][name] = value.clone());
        found(object)
    };
    let chart = |spec: Value| {
        let mut chart = json!({"chart": "chart", "sourceRef": {"kind": "GitRepository", "name": "git"}});
        spec.as_object().into_iter().flatten().for_each(|(name, value)| chart[name] = value.clone());
        json!({"chart": {"spec": chart}})
    };
    for (spec, expected) in [
        (
            json!({"chartRef": {"kind": "OCIRepository", "name": "x"}, "chart": null}),
            "! its chart is not in the config repository",
        ),
        (
            chart(json!({"sourceRef": {"kind": "HelmRepository", "name": "x"}})),
            "! it is delivered from a HelmRepository",
        ),
        (chart(json!({"chart": "../x"})), "! its path"),
        (chart(json!({"valuesFiles": ["chart/prod.yaml"]})), "! its values files stand in"),
        (json!({"postRenderers": [{}]}), "! what it does after rendering"),
        (json!({"valuesFrom": [{"kind": "Secret", "name": "x"}]}), "! it takes values from a Secret"),
        (
            json!({"valuesFrom": [{"kind": "ConfigMap", "name": "vars", "valuesKey": "none"}]}),
            "! it takes values from a key",
        ),
        (
            json!({"valuesFrom": [{"kind": "ConfigMap", "name": "vars", "targetPath": "a.b"}]}),
            "! it takes a single value",
        ),
        (json!({"kubeConfig": {"secretRef": {"name": "x"}}}), "! it delivers to another cluster"),
        (json!({"releaseName": "x".repeat(54)}), "! the name of its release"),
    ] {
        let found = told(&release(spec.clone()));
        assert!(found.starts_with(expected), "{spec}: {found}");
    }
    let spec =
        json!({"targetNamespace": "shop", "values": {"b": 2}, "valuesFrom": [{"kind": "ConfigMap", "name": "vars"}]});
    let source = release(spec).sources.pop().expect("a source");
    let helm = source.helm.expect("a release");
    assert_eq!((&*helm.name, source.namespace.as_deref(), &*source.path), ("shop-web", Some("shop"), "chart"));
    assert_eq!(helm.inline, ["a: 1", r#"{"b":2}"#]);
    assert!(!helm.include_crds);
    let files = release(chart(json!({"valuesFiles": ["./chart/values.yaml", "chart/prod.yaml"]})));
    assert_eq!(files.sources[0].helm.as_ref().expect("a release").values, ["chart/values.yaml", "chart/prod.yaml"]);
}

/// A manifest that leaves its namespace to the delivery refers to objects of any.
#[test]
fn namespaces_may_be_left_open() {
    let mut object = kustomization(json!({}));
    object["metadata"] = json!({"name": "apps"});
    let found = found(object);
    assert_eq!((&*told(&found), &*found.sources[0].name), (r#"kustomize "apps" {}"#, "kustomization-apps"));
}
