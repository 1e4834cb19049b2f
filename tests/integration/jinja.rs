//! Jinja sources: the source document's own template and values, shared templates, and the way from drift to clean on the
//! real API server.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use trueup::adapters::render::{Rendered, SourceTree, render, unheard};
use trueup::domain::secret::MaskKey;
use trueup::domain::source::{JinjaTemplates, Renderer, Source};
use trueup::domain::yaml::write::to_yaml;

use crate::support::cli::Desk;
use crate::support::cluster::Way;
use crate::support::git::{ALICE, Bare, MAIN};
use crate::support::world::{Setting, World};

/// The files of docs/examples/jinja, by their paths there.
fn example() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/jinja");
    let mut files = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("below").to_string_lossy().into_owned();
                files.insert(name, std::fs::read_to_string(&path).expect("text"));
            }
        }
    }
    files
}

fn source(path: &str, values: &[&str], kustomize: bool) -> Source {
    let values = values.iter().map(|file| (*file).to_owned()).collect();
    Source {
        renderer: Renderer::Jinja,
        jinja: Some(JinjaTemplates { values, kustomize, ..JinjaTemplates::default() }),
        ..Source::plain("ml-training", path)
    }
}

fn rendered(files: &BTreeMap<String, String>, source: &Source) -> Rendered {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join("checkout");
    for (name, text) in files {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(path, text).expect("file");
    }
    let tree = SourceTree { root, ..SourceTree::default() };
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    runtime.block_on(render(&tree, source, &MaskKey::for_this_run(b"k"), &unheard()))
}

fn manifests(rendered: &Rendered) -> BTreeMap<String, Value> {
    assert_eq!(rendered.problems, []);
    rendered.manifests.iter().map(|manifest| (manifest.id.to_string(), manifest.object())).collect()
}

const VALUES: &str = "config/environments/production/values.yaml";

/// The source document's template and values, byte for byte, come to what the document means.
#[test]
fn the_documents_own_template_renders() {
    let found = rendered(&example(), &source("config/base", &[VALUES], false));
    let origin = found.manifests.iter().find(|m| m.id.kind.kind == "Deployment").and_then(|m| m.origin.clone());
    let origin = origin.expect("origin");
    assert_eq!((&*origin.file, origin.line), ("config/base/ml-training-service.yaml.j2", 1));
    let deployment = &manifests(&found)["Deployment ml-training-service"];
    assert_eq!(
        deployment["metadata"]["labels"],
        json!({"app": "ml-training-service", "environment": "production", "team": "ml-platform"})
    );
    assert_eq!(deployment["spec"]["replicas"], 3);
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(container["image"], "gcr.io/company-ml/ml-training:v1.2.3");
    assert_eq!(
        container["resources"],
        json!({"requests": {"cpu": 2, "memory": "4Gi", "nvidia.com/gpu": 2}, "limits": {"cpu": 4, "memory": "8Gi", "nvidia.com/gpu": 2}})
    );
    assert_eq!(
        container["env"],
        json!([
            {"name": "ENVIRONMENT", "value": "production"},
            {"name": "LOG_LEVEL", "value": "WARN"},
            {"name": "MODEL_REGISTRY_URL", "value": "https://model-registry.company.com"},
            {"name": "DATA_SOURCE_URL", "valueFrom": {"secretKeyRef": {"name": "data-source-credentials", "key": "url"}}},
            {"name": "BATCH_SIZE", "value": "128"},
            {"name": "MAX_EPOCHS", "value": "100"},
            {"name": "LEARNING_RATE", "value": "0.001"},
        ])
    );
    assert_eq!(
        container["volumeMounts"][2],
        json!({"name": "security-policies", "mountPath": "/etc/security", "readOnly": true})
    );
    assert_eq!(pod["volumes"][1], json!({"name": "data-cache", "emptyDir": {"sizeLimit": "10Gi"}}));
    assert_eq!(pod["volumes"][2], json!({"name": "security-policies", "configMap": {"name": "security-policies"}}));
}

/// Templates feed kustomize: the corrected overlay takes in what is rendered, and every place is a template's.
#[test]
fn templates_feed_kustomize() {
    let found = rendered(&example(), &source("config/overlays/production", &[VALUES], true));
    let place = |kind: &str| {
        let manifest = found.manifests.iter().find(|manifest| manifest.id.kind.kind == kind).expect(kind);
        manifest.origin.as_ref().map(|origin| format!("{}:{}", origin.file, origin.line))
    };
    assert_eq!(place("Deployment").as_deref(), Some("config/base/ml-training-service.yaml.j2:1"));
    assert_eq!(place("HorizontalPodAutoscaler").as_deref(), Some("config/base/ml-training-hpa.yaml.j2:1"));
    assert_eq!(place("PersistentVolumeClaim").as_deref(), Some("config/base/ml-training-pvc.yaml:1"));
    let objects = manifests(&found);
    let deployment = &objects["Deployment ml-training-prod/ml-training-service"];
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(
        (&pod["terminationGracePeriodSeconds"], &pod["containers"][0]["image"]),
        (&json!(120), &json!("gcr.io/company-ml/ml-training:v1.2.3"))
    );
    let secret = objects.iter().find(|(name, _)| name.starts_with("Secret ")).map(|(_, secret)| secret.to_string());
    assert!(secret.is_some_and(|secret| secret.contains("masked:") && !secret.contains("postgresql")));
    assert!(
        objects.keys().any(|name| name.starts_with("ConfigMap ml-training-prod/ml-training-config-")),
        "{:?}",
        objects.keys()
    );
    for file in
        [VALUES, "config/environments/profiles/high_availability.yaml", "config/base/ml-training-service.yaml.j2"]
    {
        assert!(found.reads(file), "{file}");
    }

    // an error is told at the template's line
    let mut broken = example();
    let template = broken.get_mut("config/base/ml-training-hpa.yaml.j2").expect("template");
    *template = template.replace("scaling.max_replicas", "scaling.most");
    let found = rendered(&broken, &source("config/overlays/production", &[VALUES], true));
    let told: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
    assert!(found.incomplete && told.len() == 1, "{told:?}");
    assert!(
        told[0].starts_with("config/base/ml-training-hpa.yaml.j2:11: `resource_profile.scaling.most` is undefined"),
        "{told:?}"
    );
}

/// What is rendered is delivered and clean; drift made by hand is proposed in the template, and clean again after it is
/// merged and delivered.
#[test]
fn drift_is_restored_in_the_template() {
    let files: Vec<_> = example()
        .into_iter()
        .filter(|(name, _)| name.starts_with("config/"))
        .map(|(name, text)| {
            let text = text.replace("ml-training-prod", "NAMESPACE");
            let secret = text.find("secretGenerator:").zip(text.find("patches:"));
            (name, secret.map_or(text.clone(), |(from, to)| text[..from].to_owned() + &text[to..]))
        })
        .collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let config = format!(
        "sources:\n- name: ml-training\n  path: config/overlays/production\n  renderer: jinja\n  environment: production\n  jinja: {{kustomize: true, values: [{VALUES}]}}\n"
    );
    let world = World::new(&Setting { name: "jinja", files: &files, config: &config, ..Setting::default() });
    let deliver = || {
        let now = files.iter().map(|(name, _)| ((*name).to_owned(), world.remote.file(MAIN, name))).collect();
        let found = rendered(&now, &source("config/overlays/production", &[VALUES], true));
        let text: String = manifests(&found).values().map(|object| format!("{}---\n", to_yaml(object))).collect();
        world.cluster.deliver(Way::ClientSide, &world.namespace, &text);
    };
    deliver();
    assert_eq!(world.scan(), (0, vec![]));

    world.cluster.edit(&world.namespace, "deployment/ml-training-service", "s/memory: 8Gi/memory: 16Gi/");
    let drift = "Deployment/ml-training-service spec.template.spec.containers[name=training-container].resources.limits.memory cluster_drift by kubectl-edit (person)";
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(1), vec![drift.to_owned()]));
    assert_eq!(ran.json()["items"][0]["origin"]["file"], "config/base/ml-training-service.yaml.j2");
    assert_eq!(world.run(), ["Deployment/ml-training-service created"]);
    let branch = world.remote.branches().remove(0);
    let changed = world.remote.changed_lines(&branch);
    assert!(changed.len() == 2 && changed[1].contains("trueup.dev/restore: "), "{changed:?}");

    world.remote.merge(&branch);
    world.set_state(1, "merged");
    deliver();
    assert_eq!(world.scan(), (0, vec![]));
}

const SHARED: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ prefix }}-web, namespace: shop}
spec:
  replicas: {{ replicas }}
  paused: false
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: \"registry.example/web:1\"}
";

/// Two environments that share a template, of which one differs from the cluster in these fields; what is planned.
fn planned_for_shared(spec: Value, action: &str) -> Value {
    let live = |name: &str, replicas: u32, spec: &Value| {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]}}}});
        for (key, value) in spec.as_object().expect("fields") {
            object["spec"][key] = value.clone();
        }
        object
    };
    let other = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "other", "namespace": "other"},
        "spec": {"maxReplicas": 2, "minReplicas": 1, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}}});
    let items = json!([live("a-web", 2, &spec), live("b-web", 3, &json!({})), other]);
    let desk = Desk::new();
    let files = [
        ("t/web.yaml.j2", SHARED),
        ("v/a.yaml", "prefix: a\nreplicas: 2 # one for each zone\nsurge: 2\n"),
        ("v/b.yaml", "prefix: b\nreplicas: 3\n"),
    ];
    Bare::init(desk.path("remote.git")).commit(MAIN, &files, ALICE);
    desk.write("live.json", &json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string());
    desk.write(
        "policy.yaml",
        &format!("remediation_policies:\n- name: p\n  match_criteria: {{}}\n  action_type: {action}\n"),
    );
    let source =
        |name: &str| format!("- {{name: {name}, path: t, renderer: jinja, jinja: {{values: [v/{name}.yaml]}}}}\n");
    let config = format!(
        "cluster: {{name: test, snapshot: live.json}}\nrepository: {{url: remote.git, cache: cache}}\nsources:\n{}{}\
         policies: [policy.yaml]\nforge: {{local: {{folder: pull-requests}}}}\n",
        source("a"),
        source("b")
    );
    desk.write("trueup.yaml", &config);
    let report = desk.trueup(["plan", "-o", "json"]).run().exits(1).json();
    assert_eq!(report["units"].as_array().map(Vec::len), Some(1), "{report}");
    report["units"][0].clone()
}

/// Restoring one environment in the shared template would touch the other: that is not proven.
#[test]
fn a_shared_template_is_left_alone() {
    let unit = planned_for_shared(json!({"paused": true}), "restore_from_baseline");
    assert_eq!(unit["outcome"], "unproven", "{unit}");
    assert!(unit["reason"].as_str().is_some_and(|reason| reason.contains("b-web would change too")), "{unit}");
    let unit = planned_for_shared(json!({"paused": true}), "adopt_live");
    assert_eq!(unit["outcome"], "unproven", "{unit}");
}

/// A value of that environment alone is changed at the one key that moves exactly this field, and keeps its comment.
#[test]
fn a_key_of_the_values_is_proven() {
    let unit = planned_for_shared(json!({"replicas": 5}), "adopt_live");
    assert_eq!((&unit["outcome"], &unit["proposal"]["files"]), (&json!("planned"), &json!(["v/a.yaml"])), "{unit}");
    let diff = unit["diff"].as_str().expect("diff");
    assert!(diff.contains("-replicas: 2 # one for each zone\n+replicas: 5 # one for each zone\n"), "{diff}");
}

/// Broken templates and values are told with their place; nothing of what they hide is called missing, what was read is
/// compared.
#[test]
fn errors_hide_only_what_they_must() {
    let desk = Desk::new();
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\n");
    let files = [
        ("a/bad.yaml.j2", "apiVersion: v1\nkind: {{ nobody }}\n"),
        ("a/good.yaml", &*map("good")),
        ("b/any.yaml", &*map("any")),
        ("v.yaml", "a: !include ../../etc/passwd\n"),
    ];
    Bare::init(desk.path("remote.git")).commit(MAIN, &files, ALICE);
    desk.write("live.json", r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "x"}}]}"#);
    desk.write(
        "trueup.yaml",
        "cluster: {name: test, snapshot: live.json}\nrepository: {url: remote.git, cache: cache}\nsources:\n\
         - {name: a, path: a, renderer: jinja}\n- {name: b, path: b, renderer: jinja, jinja: {values: [v.yaml]}}\n",
    );
    let report = desk.trueup(["scan", "-o", "json"]).run().exits(3).json();
    let told: Vec<_> = report["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .map(|problem| {
            format!(
                "{}:{}: {}",
                problem["file"].as_str().unwrap_or_default(),
                problem["line"],
                problem["message"].as_str().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        told,
        ["a/bad.yaml.j2:2: `nobody` is undefined", "v.yaml:1: the included file lies outside of the repository"]
    );
    let items = report["items"].as_array().expect("items").iter();
    let missing: Vec<_> = items.map(|item| (&item["resource"]["name"], &item["verdict"])).collect();
    assert_eq!(missing, [(&json!("good"), &json!("missing"))], "{report}");
}
