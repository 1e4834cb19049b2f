use serde_json::{Value, json};

use super::{DEPLOYMENT, desk, items, live_deployment, no_autoscaler, opaque, problems, report, sources, units};

const ROOT: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: root, namespace: argocd}
spec:
  project: default
  source: {repoURL: REMOTE, path: argocd}
  destination: {name: in-cluster, namespace: argocd}
  syncPolicy: {automated: {}}
";
const WEB: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: web, namespace: argocd}
spec:
  project: default
  source:
    repoURL: REMOTE
    path: web
    kustomize: {namePrefix: prod-, images: [\"registry.example/web:2\"]}
  destination: {server: \"https://kubernetes.default.svc\", namespace: shop}
";
const CHART: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: cache, namespace: argocd}
spec:
  project: default
  source:
    repoURL: REMOTE
    path: chart
    helm: {valueFiles: [prod.yaml], parameters: [{name: b, value: \"2\"}]}
  destination: {server: \"https://kubernetes.default.svc\", namespace: shop}
  syncPolicy: {automated: {selfHeal: true}}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: redis, namespace: argocd}
spec:
  project: default
  source: {repoURL: \"https://charts.example\", chart: redis, targetRevision: 1.0.0}
  destination: {server: \"https://kubernetes.default.svc\", namespace: shop}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: far, namespace: argocd}
spec:
  project: default
  source: {repoURL: REMOTE, path: web}
  destination: {server: \"https://far.example\", namespace: shop}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: all, namespace: argocd}
spec: {generators: [], template: {}}
";

const FILES: [(&str, &str); 9] = [
    ("argocd/root.yaml", ROOT),
    ("argocd/web.yaml", WEB),
    ("argocd/others.yaml", CHART),
    ("web/kustomization.yaml", "resources: [web.yaml]\n"),
    ("web/web.yaml", DEPLOYMENT),
    ("chart/Chart.yaml", "apiVersion: v2\nname: cache\nversion: 1.0.0\n"),
    ("chart/values.yaml", "a: 0\nb: 0\n"),
    ("chart/prod.yaml", "a: 1 # production\n"),
    (
        "chart/templates/c.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"{{ .Release.Name }}\", namespace: \"{{ .Release.Namespace }}\"}\ndata: {a: \"{{ .Values.a }}\", b: \"{{ .Values.b }}\"}\n",
    ),
];

fn live(a: &str) -> Vec<Value> {
    let tracked = |id: &str| json!({"argocd.argoproj.io/tracking-id": id});
    let mut web = live_deployment("prod-web", "shop", 3);
    web["metadata"]["annotations"] = tracked("web:apps/Deployment:shop/prod-web");
    web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/web:2");
    let config_map = |name: &str, id: &str, data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop", "annotations": tracked(id)}, "data": data});
    let mut all = vec![
        web,
        no_autoscaler(),
        config_map("cache", "cache:/ConfigMap:shop/cache", json!({"a": a, "b": "2"})),
        config_map("redis", "redis:/ConfigMap:shop/redis", json!({})),
        config_map("left-over", "cache:/ConfigMap:shop/left-over", json!({})),
    ];
    for text in [ROOT, WEB, CHART] {
        all.extend(text.split("---\n").map(|one| serde_yaml::from_str::<Value>(one).expect("YAML")));
    }
    all
}

/// The live side with the address of the desk's repository in it.
fn app_of_apps(a: &str) -> crate::support::cli::Desk {
    let desk = desk(&FILES, "{from: [repository], folders: [argocd], owns: {namespaces: [shop]}}", &[]);
    let remote = desk.path("remote.git").display().to_string();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": live(a)});
    desk.write("live.json", &list.to_string().replace("REMOTE", &remote));
    desk
}

/// An app of apps is followed, each Application rendered as Argo CD does it; what comes from elsewhere is opaque, its
/// objects are not undeclared, and what an Application has left behind is.
#[test]
fn an_app_of_apps_is_rendered() {
    let found = report(&app_of_apps("1"), "scan", 1);
    assert_eq!(problems(&found), Vec::<String>::new());
    assert_eq!(items(&found), ["ConfigMap shop/left-over  live_only"]);
    assert_eq!(
        sources(&found),
        [
            "application-argocd-cache helm chart",
            "application-argocd-root plain argocd",
            "application-argocd-web kustomize web: Application argocd/web is synced by hand",
        ]
    );
    assert_eq!(
        opaque(&found),
        [
            "Application argocd/far (argocd/others.yaml): it delivers to another cluster (spec.destination)",
            "Application argocd/redis (argocd/others.yaml): its chart is in a registry",
            "ApplicationSet argocd/all (argocd/others.yaml): it makes Applications, which is not evaluated here",
        ]
    );
}

/// A live value is adopted at the key of the values file that the Application names; what is synced by hand, and what
/// syncs it, is told.
#[test]
fn values_of_an_application_are_changed_in_its_files() {
    let desk = app_of_apps("9");
    desk.write(
        "policies.yaml",
        "remediation_policies:\n- {name: adopt, match_criteria: {}, action_type: adopt_live}\n",
    );
    let config = std::fs::read_to_string(desk.path("trueup.yaml")).expect("configuration");
    desk.write("trueup.yaml", &format!("{config}policies: policies.yaml\n"));
    let planned = units(&report(&desk, "plan", 1));
    assert!(planned.contains(&r#"ConfigMap shop/cache planned ["chart/prod.yaml"]"#.to_owned()), "{planned:?}");

    let desk = app_of_apps("1");
    let live = std::fs::read_to_string(desk.path("live.json")).expect("live");
    desk.write("live.json", &live.replace(r#""replicas":3"#, r#""replicas":1"#));
    let found = report(&desk, "plan", 1);
    let web = found["units"].as_array().expect("units").iter().find(|unit| unit["resource"]["name"] == "prod-web");
    let web = web.expect("a unit");
    assert_eq!(web["proposal"]["files"], json!(["web/web.yaml"]), "{web}");
    assert_eq!(web["commands"], json!(["argocd app sync argocd/web"]), "{web}");
}
