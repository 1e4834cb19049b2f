//! Kustomize sources through the real kustomize: what is rendered, where it comes from, what is refused.

use serde_json::{Value, json};

use crate::support::cli::Desk;
use crate::support::git::{ALICE, Bare, MAIN};
use crate::support::servers::tools;

/// A web server.
pub(crate) const DEPLOYMENT: &str = "\
# the web server
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3 # two zones and a spare
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: \"registry.example/web:1\"}
";
const OVERLAY: &str = "\
resources: [../../base]
namespace: shop
namePrefix: prod-
configMapGenerator:
- name: settings
  literals: [COLOUR=blue]
";

/// A config repository of these files, tracked by a configuration of these sources, beside these live objects.
fn desk(files: &[(&str, &str)], sources: &str, live: &[Value]) -> Desk {
    let desk = Desk::new();
    Bare::init(desk.path("remote.git")).commit(MAIN, files, ALICE);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": live});
    desk.write("live.json", &list.to_string());
    let config = format!(
        "cluster: {{name: test, snapshot: live.json}}\nrepository: {{url: remote.git, cache: cache}}\nsources:\n{sources}\
         forge: {{local: {{folder: pull-requests}}}}\n"
    );
    desk.write("trueup.yaml", &config);
    desk
}

fn report(desk: &Desk, command: &str, code: i32) -> Value {
    desk.trueup([command, "-o", "json"]).run().exits(code).json()
}

fn live_deployment(name: &str, replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]}}}})
}

/// A snapshot of kubectl's holds no HPA unless there is one.
fn no_autoscaler() -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "other", "namespace": "other"},
        "spec": {"maxReplicas": 2, "minReplicas": 1, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}}})
}

fn problems(report: &Value) -> Vec<String> {
    let text = |problem: &Value, name: &str| match &problem[name] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let problems = report["problems"].as_array().expect("problems").iter();
    problems
        .map(|problem| format!("{}:{}: {}", text(problem, "file"), text(problem, "line"), text(problem, "message")))
        .collect()
}

/// An overlay is built, drift is told at the base's own file, and the edit is made there and proven by building again.
#[test]
fn drift_of_an_overlay_is_restored_in_its_base() {
    let desk = desk(
        &[
            ("base/kustomization.yaml", "resources: [web.yaml]\n"),
            ("base/web.yaml", DEPLOYMENT),
            ("overlays/prod/kustomization.yaml", OVERLAY),
        ],
        "- {name: prod, path: overlays/prod, renderer: kustomize}\n",
        &[
            live_deployment("prod-web", 1),
            no_autoscaler(),
            json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "prod-settings-5dhb468ddh", "namespace": "shop"}, "data": {"COLOUR": "blue"}}),
        ],
    );
    let found = report(&desk, "plan", 1);
    let item =
        found["items"].as_array().expect("items").iter().find(|item| item["path"] == "spec.replicas").expect("drift");
    assert_eq!(item["resource"]["name"], "prod-web");
    assert_eq!(found["summary"]["items"], 1, "{found}");
    assert_eq!(item["origin"], json!({"file": "base/web.yaml", "document": 0, "line": 2}));
    let unit = found["units"]
        .as_array()
        .expect("units")
        .iter()
        .find(|unit| unit["resource"]["name"] == "prod-web")
        .expect("unit");
    assert_eq!(unit["outcome"], "planned", "{unit}");
    assert_eq!(unit["proposal"]["files"], json!(["base/web.yaml"]));
    assert!(unit["diff"].as_str().expect("diff").contains("trueup.dev/restore: deployment-shop-prod-web-"), "{unit}");
}

/// A base that two sources share is not edited for one of them, which gets a patch of its own.
#[test]
fn a_shared_base_is_left_alone() {
    let overlay = |prefix: &str| format!("resources: [../../base]\nnamespace: shop\nnamePrefix: {prefix}-\n");
    let desk = desk(
        &[
            ("base/kustomization.yaml", "resources: [web.yaml]\n"),
            ("base/web.yaml", DEPLOYMENT),
            ("overlays/a/kustomization.yaml", &overlay("a")),
            ("overlays/b/kustomization.yaml", &overlay("b")),
        ],
        "- {name: a, path: overlays/a, renderer: kustomize}\n- {name: b, path: overlays/b, renderer: kustomize}\n",
        &[live_deployment("a-web", 1), live_deployment("b-web", 3), no_autoscaler()],
    );
    let found = report(&desk, "plan", 1);
    assert_eq!(found["units"].as_array().expect("units").len(), 1);
    let unit = &found["units"][0];
    assert_eq!(unit["outcome"], "planned", "{unit}");
    let files = ["overlays/a/kustomization.yaml", "overlays/a/trueup-deployment-web.yaml"];
    assert_eq!(unit["proposal"]["files"], json!(files));
}

/// A broken file is told with its line; nothing of its source is called missing, and other sources go on.
#[test]
fn a_broken_file_hides_only_its_source() {
    let desk = desk(
        &[
            ("a/kustomization.yaml", "resources: [good.yaml, bad.yaml]\n"),
            ("a/good.yaml", &DEPLOYMENT.replace("name: web}\nspec", "name: gone, namespace: shop}\nspec")),
            ("a/bad.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x\ndata: {}\n"),
            ("b/kustomization.yaml", "namespace: shop\nresources: [web.yaml]\n"),
            ("b/web.yaml", DEPLOYMENT),
        ],
        "- {name: a, path: a, renderer: kustomize}\n- {name: b, path: b, renderer: kustomize}\n",
        &[live_deployment("web", 1), no_autoscaler()],
    );
    let found = report(&desk, "scan", 3);
    let told = problems(&found);
    assert!(told.len() == 1 && told[0].starts_with("a/bad.yaml:4: "), "{told:?}");
    let drifted: Vec<_> =
        found["items"].as_array().expect("items").iter().map(|item| &item["resource"]["name"]).collect();
    assert_eq!(drifted, ["web"]);
}

/// Nothing is fetched: a remote base is refused at its line, and what kustomize itself says is passed on.
#[test]
fn what_cannot_be_built_is_told() {
    for (kustomization, expected) in [
        (
            "resources:\n- https://127.0.0.1:1/x.yaml\n",
            "a/kustomization.yaml:2: `https://127.0.0.1:1/x.yaml` is not in the repository",
        ),
        (
            "resources: [web.yaml]\npatches: [{path: patch.yaml}]\n",
            "a:: kustomize: no resource matches strategic merge patch",
        ),
        ("no_such_field: 1\n", "a:: kustomize: "),
    ] {
        let desk = desk(
            &[
                ("a/kustomization.yaml", kustomization),
                ("a/web.yaml", DEPLOYMENT),
                ("a/patch.yaml", &DEPLOYMENT.replace("web", "other")),
            ],
            "- {name: a, path: a, renderer: kustomize}\n",
            &[no_autoscaler()],
        );
        let told = problems(&report(&desk, "scan", 3));
        assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?}");
    }
}

/// `kubectl kustomize` serves where there is no kustomize.
#[test]
fn kubectl_will_do() {
    let desk = desk(
        &[("a/kustomization.yaml", "namespace: shop\nresources: [web.yaml]\n"), ("a/web.yaml", DEPLOYMENT)],
        "- {name: a, path: a, renderer: kustomize}\n",
        &[live_deployment("web", 3), no_autoscaler()],
    );
    let folder = desk.path("tools");
    std::fs::create_dir(&folder).expect("folder");
    std::os::unix::fs::symlink(tools().join("kubectl"), folder.join("kubectl")).expect("link");
    let report = desk.trueup(["scan", "-o", "json"]).env("PATH", &folder).run().exits(0).json();
    assert_eq!(report["summary"]["compared"], 1);
}

/// Without kustomize on the PATH the source is unknown, and the problem says what to do.
#[test]
fn without_kustomize_nothing_is_said() {
    let desk = desk(
        &[("a/kustomization.yaml", "resources: [web.yaml]\n"), ("a/web.yaml", DEPLOYMENT)],
        "- {name: a, path: a, renderer: kustomize}\n",
        &[],
    );
    let ran = desk.trueup(["scan", "-o", "json"]).env("PATH", "/nonexistent").run().exits(3);
    assert_eq!(problems(&ran.json()), ["a:: kustomize is not installed"]);
    assert_eq!(ran.json()["items"], json!([]));
}

/// What a generator makes is applied again by an annotation of its options, which leaves the name as it is.
#[test]
fn what_is_generated_is_marked_in_its_generator() {
    let name = "settings-5dhb468ddh";
    let settings = |colour: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": {"COLOUR": colour}});
    let kustomization = "namespace: shop\nconfigMapGenerator:\n- name: settings\n  literals: [COLOUR=blue] # ours\n";
    let sources = "- {name: prod, path: prod, renderer: kustomize}\n";
    let desk = desk(&[("prod/kustomization.yaml", kustomization)], sources, &[settings("red"), no_autoscaler()]);
    let found = report(&desk, "plan", 1);
    let unit = &found["units"][0];
    assert_eq!((&unit["outcome"], &unit["resource"]["name"]), (&json!("planned"), &json!(name)), "{unit:#}");
    let diff = unit["diff"].as_str().expect("diff");
    assert!(
        diff.contains("+  options:\n+    annotations:\n+      trueup.dev/restore: configmap-shop-settings-"),
        "{diff}"
    );
}
