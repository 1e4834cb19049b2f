use serde_json::json;

use super::{DEPLOYMENT, desk, items, live_deployment, no_autoscaler, opaque, problems, report, sources, units};

/// What `flux bootstrap` writes.
const SYNC: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 1m
  ref: {branch: main}
  url: REMOTE
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec:
  path: ./clusters/production
  sourceRef: {kind: GitRepository, name: flux-system}
";
const INFRASTRUCTURE: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: infrastructure, namespace: flux-system}
spec:
  path: ./infrastructure
  sourceRef: {kind: GitRepository, name: flux-system}
";
const REMOTE: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: remote, namespace: flux-system}
spec:
  path: ./remote
  sourceRef: {kind: GitRepository, name: flux-system}
";
const APPS: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec:
  path: ./apps/production
  sourceRef: {kind: GitRepository, name: flux-system}
  targetNamespace: shop
  images: [{name: registry.example/web, newTag: \"2\"}]
  commonMetadata: {labels: {team: ml}}
  patches:
  - patch: |
      - {op: add, path: /spec/template/spec/priorityClassName, value: high}
    target: {kind: Deployment}
  postBuild:
    substitute:
      replicas: \"3\" # two zones and a spare
      region: eu
    substituteFrom:
    - {kind: ConfigMap, name: cluster-vars}
";
const RELEASE: &str = "\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: redis, namespace: shop}
spec:
  chart: {spec: {chart: redis, sourceRef: {kind: HelmRepository, name: bitnami}}}
";
const LOCAL_RELEASE: &str = "\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cache, namespace: shop}
spec:
  chart: {spec: {chart: ./charts/cache, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}}
  values: {size: 5}
";
const CONFIG_MAP: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME, namespace: flux-system}
data: {zone: a}
";
const WITH_VARIABLES: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data:
  region: ${region}
  zone: ${zone:=none}
  other: ${unset:=x}
  literal: $${region}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: script, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}
data: {run.sh: \"echo ${BASH_SOURCE[0]}\"}
---
apiVersion: v1
kind: Secret
metadata: {name: token}
data: {token: \"ENC[AES256_GCM,data:x]\"}
sops: {mac: \"ENC[AES256_GCM,data:y]\"}
";

/// The layout of Flux's own example: a cluster's folder names infrastructure and apps, which name releases.
fn files() -> Vec<(&'static str, String)> {
    let web = DEPLOYMENT.replace("replicas: 3 # two zones and a spare", "replicas: ${replicas}");
    vec![
        ("clusters/production/flux-system/gotk-sync.yaml", SYNC.to_owned()),
        ("clusters/production/flux-system/kustomization.yaml", "resources: [gotk-sync.yaml]\npatches: [{path: sync-patch.yaml}]\n".to_owned()),
        // a part of an object, and none itself
        (
            "clusters/production/flux-system/sync-patch.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: flux-system, namespace: flux-system}\nspec: {path: ./clusters/production}\n".to_owned(),
        ),
        ("clusters/production/infrastructure.yaml", INFRASTRUCTURE.to_owned()),
        ("clusters/production/apps.yaml", APPS.to_owned()),
        ("infrastructure/vars.yaml", CONFIG_MAP.replace("NAME", "cluster-vars")),
        ("infrastructure/more/release.yml", RELEASE.to_owned()),
        ("apps/base/kustomization.yaml", "resources: [web.yaml, settings.yaml, cache.yaml]\n".to_owned()),
        ("apps/base/web.yaml", web),
        ("apps/base/settings.yaml", WITH_VARIABLES.to_owned()),
        ("apps/base/cache.yaml", LOCAL_RELEASE.to_owned()),
        (
            "apps/production/kustomization.yaml",
            "# production\nresources: [../base, ../../shared/extra.yaml]\nimages: [{name: other, newTag: \"9\"}]\n"
                .to_owned(),
        ),
        ("shared/extra.yaml", CONFIG_MAP.replace("NAME", "extra")),
        ("clusters/production/remote.yaml", REMOTE.to_owned()),
        ("remote/kustomization.yaml", "resources:\n- https://example.com/crds.yaml\n".to_owned()),
        ("charts/cache/Chart.yaml", "apiVersion: v2\nname: cache\nversion: 1.0.0\n".to_owned()),
        ("charts/cache/values.yaml", "size: 1\n".to_owned()),
        (
            "charts/cache/templates/c.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cache}\ndata: {size: \"{{ .Values.size }}\"}\n"
                .to_owned(),
        ),
    ]
}

const FOLDERS: &str = "{from: [repository], folders: [clusters/production]}";

fn live(replicas: u32) -> Vec<serde_json::Value> {
    let mut web = live_deployment("web", "shop", replicas);
    web["metadata"]["labels"] = json!({"team": "ml", "kustomize.toolkit.fluxcd.io/name": "apps"});
    web["spec"]["template"]["spec"]["priorityClassName"] = json!("high");
    web["spec"]["template"]["spec"]["containers"][0]["image"] = json!("registry.example/web:2");
    let config_map = |name: &str, namespace: &str, labels, data| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace, "labels": labels}, "data": data});
    let ml = json!({"team": "ml"});
    let mut script = config_map("script", "shop", ml.clone(), json!({"run.sh": "echo ${BASH_SOURCE[0]}"}));
    script["metadata"]["annotations"] = json!({"kustomize.toolkit.fluxcd.io/substitute": "disabled"});
    let mut all = vec![
        web,
        no_autoscaler(),
        config_map("settings", "shop", ml, json!({"region": "eu", "zone": "a", "other": "x", "literal": "${region}"})),
        script,
        config_map("extra", "shop", json!({"team": "ml"}), json!({"zone": "a"})),
        config_map("cluster-vars", "flux-system", json!({}), json!({"zone": "a"})),
        config_map("cache", "shop", json!({"helm.toolkit.fluxcd.io/name": "cache"}), json!({"size": "5"})),
    ];
    // the objects of Flux itself, as they are in Git
    for text in [
        SYNC,
        INFRASTRUCTURE,
        REMOTE,
        APPS,
        RELEASE,
        &LOCAL_RELEASE.replace("namespace: shop", "namespace: shop, labels: {team: ml}"),
    ] {
        all.extend(text.split("---\n").map(|one| finished(serde_yaml::from_str(one).expect("YAML"))));
    }
    all
}

/// An object of Flux with what its controllers add to it.
fn finished(mut object: serde_json::Value) -> serde_json::Value {
    let finalizer = "finalizers.fluxcd.io";
    let controller = if object["kind"] == "GitRepository" { "source-controller" } else { "kustomize-controller" };
    let spec = object["spec"].as_object().expect("spec").keys().map(|name| (format!("f:{name}"), json!({})));
    let applied = json!({"f:spec": spec.collect::<serde_json::Map<_, _>>()});
    let added = json!({"f:metadata": {"f:finalizers": {".": {}, (format!("v:\"{finalizer}\"")): {}}}});
    let entry = |manager: &str, operation: &str, fields| json!({"manager": manager, "operation": operation, "fieldsV1": fields});
    object["metadata"]["finalizers"] = json!([finalizer]);
    object["metadata"]["managedFields"] =
        json!([entry("kustomize-controller", "Apply", applied), entry(controller, "Update", added)]);
    object
}

fn layout(replicas: u32) -> crate::support::cli::Desk {
    let files = files();
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let desk = desk(&files, FOLDERS, &[]);
    let remote = desk.path("remote.git").display().to_string();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": live(replicas)});
    desk.write("live.json", &list.to_string().replace("REMOTE", &remote));
    desk
}

/// Every Kustomization and release of the layout is found, rendered as Flux does it, and agrees with the cluster; the
/// chart of a registry is opaque.
#[test]
fn a_layout_of_flux_is_rendered() {
    let found = report(&layout(3), "scan", 0);
    assert_eq!(problems(&found), Vec::<String>::new());
    assert_eq!(items(&found), Vec::<String>::new());
    assert_eq!(
        sources(&found),
        [
            "helmrelease-shop-cache helm charts/cache",
            "kustomization-flux-system-apps kustomize apps/production",
            "kustomization-flux-system-flux-system kustomize clusters/production",
            "kustomization-flux-system-infrastructure kustomize infrastructure",
        ]
    );
    assert_eq!(
        opaque(&found),
        [
            "Secret shop/token (apps/base/settings.yaml): it is encrypted in Git (SOPS)",
            "HelmRelease shop/redis (infrastructure/more/release.yml): it is delivered from a HelmRepository",
            "Kustomization flux-system/remote (remote/kustomization.yaml): `https://example.com/crds.yaml` is not in the repository",
        ]
    );
    assert_eq!(found["summary"]["compared"], 13, "{found}");
}

/// Drift of a field that a variable sets is restored: the manifest is asserted again where it is declared, in the base
/// that the Kustomization reaches, and proven by rendering as Flux does.
#[test]
fn drift_behind_a_variable_is_restored() {
    let found = report(&layout(1), "plan", 1);
    assert_eq!(items(&found), ["Deployment shop/web spec.replicas cluster_drift"]);
    assert_eq!(units(&found), [r#"Deployment shop/web planned ["apps/base/web.yaml"]"#]);
}

const POLICIES: &str = "\
remediation_policies:
- name: adopt
  match_criteria: {}
  action_type: adopt_live
";

/// What the object that names a source says of it is not changed by a proven edit: no rendering would show what that does.
#[test]
fn what_a_source_is_made_of_is_left_to_people() {
    let desk = layout(3);
    desk.write("policies.yaml", POLICIES);
    let config = std::fs::read_to_string(desk.path("trueup.yaml")).expect("configuration");
    desk.write("trueup.yaml", &format!("{config}policies: policies.yaml\n"));
    let live = std::fs::read_to_string(desk.path("live.json")).expect("live");
    desk.write("live.json", &live.replace("./apps/production", "./apps/base"));
    let found = report(&desk, "plan", 1);
    assert_eq!(items(&found), ["Kustomization flux-system/apps spec.path cluster_drift"]);
    assert!(sources(&found).contains(&"kustomization-flux-system-apps kustomize apps/production".to_owned()));
    let reason = found["units"][0]["reason"].as_str().expect("reason");
    assert!(reason.contains("would change what the source kustomization-flux-system-apps is made of"), "{reason}");
}

/// A live value is adopted where the variable is set, not in the base that other clusters may share.
#[test]
fn a_value_is_adopted_where_its_variable_is_set() {
    let desk = layout(5);
    desk.write("policies.yaml", POLICIES);
    let config = std::fs::read_to_string(desk.path("trueup.yaml")).expect("configuration");
    desk.write("trueup.yaml", &format!("{config}policies: policies.yaml\n"));
    let found = report(&desk, "plan", 1);
    assert_eq!(units(&found), [r#"Deployment shop/web planned ["clusters/production/apps.yaml"]"#], "{found}");
    let diff = found["units"][0]["diff"].as_str().expect("diff");
    assert!(
        diff.contains(
            "-      replicas: \"3\" # two zones and a spare\n+      replicas: \"5\" # two zones and a spare\n"
        ),
        "{diff}"
    );
}
