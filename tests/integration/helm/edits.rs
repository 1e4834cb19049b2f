//! Where a change is made in the values: the shop of two environments, beside a recorded cluster in which one field of
//! one object differs, and a policy that adopts it.

use serde_json::{Value, json};

use super::{lay_out, problems, rendered, shop, sources};
use crate::support::cli::Desk;
use crate::support::git::{ALICE, Bare, Entry, MAIN};

const ADOPT: &str = "remediation_policies:\n- {name: adopt, match_criteria: {severity: [info, low, medium, high, critical]}, action_type: adopt_live, approval_required: true}\n";

/// One of another namespace, so that the kind is known to be read.
fn autoscaler() -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "o", "namespace": "o"},
                "spec": {"maxReplicas": 2, "minReplicas": 1, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "o"}}})
}

/// The shop's repository and both environments as they are live, `change` made in them.
struct Shop {
    desk: Desk,
    live: Vec<Value>,
}

impl Shop {
    fn new() -> Self {
        let desk = Desk::new();
        let files = shop();
        lay_out(&files, &desk.path("people"));
        let entries: Vec<_> = files.iter().map(|(path, content)| (path.as_str(), Entry::File(content))).collect();
        Bare::init(desk.path("remote.git")).commit_entries(MAIN, &entries, ALICE);
        let mut live = vec![
            autoscaler(),
            // as kubectl lists them: the kind is known to be read, and what hooks leave behind is gone
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "o", "namespace": "o"}}),
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "o", "namespace": "o"}}),
        ];
        for name in ["blue", "green"] {
            for document in serde_yaml::Deserializer::from_str(&rendered(&desk.path("people"), name, "shop")) {
                let mut object = <Value as serde::Deserialize>::deserialize(document).expect("YAML");
                if object["kind"] != "CustomResourceDefinition" {
                    object["metadata"]["namespace"] = json!("shop");
                }
                if !live.contains(&object) {
                    live.push(object);
                }
            }
        }
        desk.write("policies.yaml", ADOPT);
        let config = format!(
            "cluster: {{name: test, snapshot: live.json}}\nrepository: {{url: remote.git, cache: cache}}\n\
             policies: [policies.yaml]\nforge: {{local: {{folder: pull-requests}}}}\n{}",
            sources("shop")
        );
        desk.write("trueup.yaml", &config);
        Self { desk, live }
    }

    /// `trueup plan` after a change of one live object.
    fn plan(&self, object: &str, change: impl FnOnce(&mut Value), code: i32) -> Value {
        let mut live = self.live.clone();
        let (kind, name) = object.split_once('/').expect("kind/name");
        let found = live.iter_mut().find(|live| live["kind"] == kind && live["metadata"]["name"] == name);
        change(found.unwrap_or_else(|| panic!("{object} is not live")));
        let list = json!({"apiVersion": "v1", "kind": "List", "items": live});
        self.desk.write("live.json", &list.to_string());
        self.desk.trueup(["plan", "-o", "json", "--all"]).run().exits(code).json()
    }
}

/// The lines that a diff changes.
fn changed(unit: &Value) -> Vec<String> {
    let diff = unit["diff"].as_str().unwrap_or_default();
    let is_change = |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
    diff.lines().filter(is_change).map(str::to_owned).collect()
}

/// Nothing differs: defaults, names, hooks and what is random are all as they were rendered.
#[test]
fn what_was_rendered_is_no_drift() {
    let report = Shop::new().plan("Deployment/blue-shop", |_| {}, 0);
    assert_eq!((problems(&report), &report["items"]), (vec![], &json!([])), "{report}");
    let aside = |path: &str| {
        let reason = "differs from one rendering to the next";
        report["ignored"].as_array().expect("ignored").iter().any(|one| one["path"] == path && one["reason"] == reason)
    };
    for path in ["data.session", "data.rendered", "spec.template.metadata.annotations[\"checksum/secret\"]"] {
        assert!(aside(path), "{path}: {}", report["ignored"]);
    }
}

/// Each change is made at the one key that moves exactly this field, in the file of the one environment.
#[test]
fn each_change_finds_its_key() {
    let shop = Shop::new();
    let deployment = "Deployment/blue-shop";
    let container = "/spec/template/spec/containers/0";
    let at = |pointer: &str| format!("{container}{pointer}");
    for (object, pointer, value, lines) in [
        (
            deployment,
            "/spec/replicas".to_owned(),
            json!(6),
            &["-replicaCount: 3 # two zones and a spare", "+replicaCount: 6 # two zones and a spare"][..],
        ),
        (deployment, at("/resources/limits/memory"), json!("1Gi"), &["+resources:", "+  limits:", "+    memory: 1Gi"]),
        (deployment, at("/image"), json!("registry.company.example/shop/web:1.5.0"), &["+image:", "+  tag: 1.5.0"]),
        (
            deployment,
            at("/image"),
            json!("mirror.company.example/shop/web:1.5.0"),
            &["+image:", "+  registry: mirror.company.example", "+  tag: 1.5.0"],
        ),
        (deployment, at("/env/1/value"), json!("debug"), &["+env:", "+  LOG_LEVEL: debug"]),
        (deployment, "/spec/template/spec/terminationGracePeriodSeconds".to_owned(), json!(90), &["+gracePeriod: 90"]),
        (deployment, "/spec/template/spec/priorityClassName".to_owned(), json!("high"), &["+priorityClassName: high"]),
        (
            deployment,
            "/spec/template/spec/securityContext".to_owned(),
            json!({"runAsNonRoot": true}),
            &["+podSecurityContext:", "+  runAsNonRoot: true"],
        ),
        (
            deployment,
            at("/env/2"),
            json!({"name": "DEBUG", "value": "1"}),
            &["+extraEnv:", "+  - name: DEBUG", "+    value: \"1\""],
        ),
        // both environments have it from one file, which the other one must not lose
        ("ConfigMap/blue-shop-settings", "/data/theme".to_owned(), json!("light"), &["+settings:", "+  theme: light"]),
        (
            "ConfigMap/blue-shop-settings",
            "/data/app.yaml".to_owned(),
            json!("currency: EUR\npool:\n  size: 25\n"),
            &["+settings:", "+  poolSize: 25"],
        ),
        // charts that it depends on, the last one an archive under another name
        ("ConfigMap/blue-cache", "/data/memory".to_owned(), json!("128Mi"), &["+cache:", "+  memory: 128Mi"]),
        ("ConfigMap/blue-cache", "/data/threads".to_owned(), json!("8"), &["+cache:", "+  threads: 8"]),
        ("ConfigMap/blue-metrics", "/data/interval".to_owned(), json!("45s"), &["+observed:", "+  interval: 45s"]),
    ] {
        let change = |object: &mut Value| match object.pointer_mut(&pointer) {
            Some(place) => *place = value.clone(),
            None => {
                let (parent, last) = pointer.rsplit_once('/').expect("pointer");
                match object.pointer_mut(parent).expect("parent") {
                    Value::Array(items) => items.push(value.clone()),
                    parent => parent[last] = value.clone(),
                }
            }
        };
        let report = shop.plan(object, change, 1);
        let unit = &report["units"][0];
        assert_eq!(unit["outcome"], "planned", "{pointer}: {report:#}");
        assert_eq!(unit["proposal"]["files"], json!(["envs/blue.yaml"]), "{pointer}: {unit:#}");
        assert_eq!(changed(unit), lines, "{pointer}: {unit:#}");
    }
}

/// What no key moves alone is not proposed, and the words say where a person can edit it.
#[test]
fn what_no_key_moves_is_unproven() {
    let shop = Shop::new();
    for (pointer, value, expected) in [
        ("/spec/revisionHistoryLimit", json!(7), "edit the template charts/shop/templates/deployment.yaml:13 by hand"),
        (
            "/spec/template/spec/containers/0/env/0/value",
            json!("USD"),
            "ConfigMap shop/blue-shop-settings would change too",
        ),
    ] {
        let change = |object: &mut Value| *object.pointer_mut(pointer).expect("field") = value.clone();
        let report = shop.plan("Deployment/blue-shop", change, 1);
        let unit = &report["units"][0];
        assert_eq!(unit["outcome"], "unproven", "{report:#}");
        let reason = unit["reason"].as_str().expect("reason");
        assert!(reason.contains(expected), "{reason}");
    }
}

/// What gets its name from the API server changes with nothing else either; what is random in it holds nothing back.
#[test]
fn objects_without_a_name_stay_as_they_are() {
    const JOB: &str = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: migrate-, annotations: {run: '{{ randAlphaNum 8 }}'}}\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: migrate, image: '{{ .Values.tag }}'}]\n";
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec:\n  replicas: {{ .Values.replicas }}\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers: [{name: web, image: '{{ .Values.tag }}'}]\n";
    let files = [
        ("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("web/values.yaml", "tag: web:1.4.0\nreplicas: 2\n"),
        ("web/templates/web.yaml", deployment),
        ("web/templates/migrate.yaml", JOB),
    ];
    let desk = Desk::new();
    let entries = files.map(|(path, text)| (path, Entry::File(text.as_bytes())));
    Bare::init(desk.path("remote.git")).commit_entries(MAIN, &entries, ALICE);
    desk.write("policies.yaml", ADOPT);
    desk.write(
        "trueup.yaml",
        "cluster: {name: test, snapshot: live.json}\nrepository: {url: remote.git, cache: cache}\npolicies: [policies.yaml]\n\
         forge: {local: {folder: pull-requests}}\nsources:\n- {name: web, path: web, renderer: helm, namespace: shop}\n",
    );
    let live = deployment.replace("{{ .Values.replicas }}", "2").replace("{{ .Values.tag }}", "web:1.4.0");
    let live: Value = serde_yaml::from_str(&live).expect("YAML");
    for (pointer, value, expected) in [
        ("/spec/replicas", json!(3), json!("planned")),
        ("/spec/template/spec/containers/0/image", json!("web:1.5.0"), json!("unproven")),
    ] {
        let mut live = live.clone();
        *live.pointer_mut(pointer).expect("field") = value;
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [live, autoscaler()]});
        desk.write("live.json", &list.to_string());
        let report = desk.trueup(["plan", "-o", "json", "--all"]).run().exits(1).json();
        let unit = &report["units"][0];
        assert_eq!(unit["outcome"], expected, "{report:#}");
        if expected == "unproven" {
            let reason = unit["reason"].as_str().expect("reason");
            assert!(reason.contains("Job shop/migrate- (generateName) would change too"), "{reason}");
        }
    }
}
