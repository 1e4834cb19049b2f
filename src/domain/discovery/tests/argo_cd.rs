use serde_json::json;

use super::*;
use crate::domain::source::Renderer;

fn application(change: impl FnOnce(&mut Value)) -> Found {
    let mut object = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd"}, "spec": {
            "source": {"repoURL": "git@github.com:company/config.git", "path": "apps"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": {"automated": {}}}});
    change(&mut object["spec"]);
    found(object)
}

/// Where an Application comes from and goes to decides whether it is a source of this cluster.
#[test]
fn applications_are_sources_or_opaque() {
    let source = |more: Value| {
        move |spec: &mut Value| {
            more.as_object().into_iter().flatten().for_each(|(name, value)| spec["source"][name] = value.clone());
        }
    };
    type Change = Box<dyn FnOnce(&mut Value)>;
    let cases: Vec<(Change, &str)> = vec![
        (Box::new(|_| {}), r#"plain "apps" {}"#),
        (Box::new(|spec| spec["destination"] = json!({"name": "in-cluster"})), r#"plain "apps" {}"#),
        (Box::new(|spec| spec["destination"] = json!({"name": "prod"})), r#"plain "apps" {}"#),
        (
            Box::new(|spec| spec["destination"]["server"] = json!("https://10.0.0.1")),
            "! it delivers to another cluster",
        ),
        (Box::new(|spec| spec["destination"] = json!(null)), "! it delivers to another cluster"),
        (
            Box::new(|spec| spec["syncPolicy"] = json!(null)),
            r#"plain "apps" {} (Application argocd/shop is synced by hand)"#,
        ),
        (
            Box::new(|spec| spec["syncPolicy"]["automated"]["enabled"] = json!(false)),
            r#"plain "apps" {} (Application argocd/shop is synced by hand)"#,
        ),
        (
            Box::new(|spec| spec["sourceHydrator"] = json!({"drySource": {}})),
            r#"plain "apps" {}; ! its manifests are rendered into a branch"#,
        ),
        (
            Box::new(source(json!({"repoURL": "https://github.com/company/other"}))),
            "! it comes from another repository",
        ),
        (Box::new(source(json!({"chart": "redis"}))), "! its chart is in a registry"),
        (Box::new(source(json!({"path": "../x"}))), "! its path"),
    ];
    for (index, (change, expected)) in cases.into_iter().enumerate() {
        let found = told(&application(change));
        assert!(found.starts_with(expected), "{index} {expected}: {found}");
    }
}

/// The revision, the files of its folder and its own options decide how a source of an Application is rendered.
#[test]
fn options_decide_how_a_source_is_rendered() {
    for (more, expected) in [
        (json!({"targetRevision": "main"}), r#"plain "apps" {}"#),
        (json!({"targetRevision": "refs/heads/main"}), r#"plain "apps" {}"#),
        (json!({"targetRevision": "c0ffee"}), r#"plain "apps" {}"#),
        (json!({"targetRevision": "v1.2"}), r#"! it follows "v1.2""#),
        (json!({"plugin": {"name": "x"}}), "! it is rendered by a plugin"),
        (json!({"path": "chart"}), r#"helm "chart" {}"#),
        (json!({"path": "overlay"}), r#"kustomize "overlay" {}"#),
        (json!({"path": "overlay", "directory": {"recurse": true}}), r#"plain "overlay" {}"#),
        (json!({"path": "sonnet"}), "! sonnet/a.jsonnet is Jsonnet"),
        (json!({"path": "sonnet", "directory": {"exclude": "*.jsonnet"}}), r#"plain "sonnet" {}"#),
        (json!({"path": "skipped"}), "! skipped/a.yaml says +argocd:skip-file-rendering"),
        (json!({"directory": {"include": "["}}), "! directory: `[` is no pattern"),
        (
            json!({"path": "overlay", "kustomize": {"images": ["web=r.example/web:2"], "replicas": [{"name": "web", "count": 2}], "commonLabels": {"a": "b"}}}),
            r#"kustomize "overlay" {"commonLabels":{"a":"b"},"images":[{"name":"web","newName":"r.example/web","newTag":"2"}],"replicas":[{"count":2,"name":"web"}]}"#,
        ),
        (
            json!({"path": "overlay", "kustomize": {"commonLabels": {"a": "b"}, "labelWithoutSelector": true}}),
            r#"kustomize "overlay" {"labels":[{"includeTemplates":false,"pairs":{"a":"b"}}]}"#,
        ),
        (
            json!({"path": "overlay", "kustomize": {"images": ["web:${ARGOCD_APP_REVISION}"]}}),
            "! its images have variables of the build",
        ),
        (
            json!({"path": "image", "kustomize": {"images": ["web:1"]}}),
            r#"kustomize "image" {"images":[{"name":"web","newTag":"2"}],"namePrefix":"p-"}"#,
        ),
        (
            json!({"path": "chart", "helm": {"fileParameters": [{"name": "a", "path": "b"}]}}),
            "! it takes values from whole files",
        ),
        (json!({"path": "chart", "helm": {"valueFiles": ["https://x/y.yaml"]}}), "! its values file"),
        (json!({"path": "chart", "helm": {"valueFiles": ["../../x.yaml"]}}), "! its values file"),
        (
            json!({"path": "chart", "helm": {"valueFiles": ["$values/x.yaml"]}}),
            r#"! its values file "$values/x.yaml" names no source"#,
        ),
        (
            json!({"path": "chart", "helm": {"parameters": [{"name": "a", "value": "$ARGOCD_APP_NAME"}]}}),
            "! its parameter",
        ),
    ] {
        let found = told(&application(|spec| {
            more.as_object().into_iter().flatten().for_each(|(name, value)| spec["source"][name] = value.clone());
        }));
        assert!(found.starts_with(expected), "{more}: {found}");
    }
}

/// Values of a chart come from files of the chart, of the repository and of another source, then from the Application.
#[test]
fn values_of_applications_are_found() {
    let found = application(|spec| {
        spec["sources"] = json!([
            {"repoURL": REPOSITORY, "path": "chart", "helm": {
                "valueFiles": ["values.yaml", "/chart/prod.yaml", "$values/apps/web.yaml", "gone.yaml"],
                "ignoreMissingValueFiles": true, "valuesObject": {"a": 1}, "values": "b: 2", "releaseName": "web",
                "parameters": [{"name": "c", "value": "x,y"}, {"name": "d", "value": "1", "forceString": true}]}},
            {"repoURL": REPOSITORY, "ref": "values"},
            {"repoURL": REPOSITORY, "path": "apps"},
            {"repoURL": "https://charts.example", "chart": "redis"},
        ]);
    });
    let names: Vec<_> = found.sources.iter().map(|source| &*source.name).collect();
    assert_eq!(names, ["application-argocd-shop", "application-argocd-shop-3"]);
    assert_eq!(found.opaque[0].reason, "its chart is in a registry");
    let helm = found.sources[0].helm.as_ref().expect("a release");
    assert_eq!(found.sources[0].renderer, Renderer::Helm);
    assert_eq!(helm.values, ["chart/values.yaml", "chart/prod.yaml", "apps/web.yaml"]);
    assert_eq!(helm.inline, [r#"{"a":1}"#]);
    assert_eq!(helm.set, [(r"c=x\,y".to_owned(), false), ("d=1".to_owned(), true)]);
}
