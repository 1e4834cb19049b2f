//! `trueup diff`: two sides of any form that kubectl prints, without cluster, repository or configuration.

use serde_json::Value;

use super::config_map;
use crate::support::cli::Desk;

/// The paths that differ, and the report.
fn diff(desk: &Desk, args: &[&str]) -> (Vec<String>, Value) {
    let ran = desk.trueup(["diff", "-o", "json", "--declared"].iter().chain(args)).run();
    let report = ran.json();
    assert_eq!(ran.code, Some(i32::from(report["summary"]["items"] != 0)), "{report:#}");
    let items = report["items"].as_array().expect("items").iter();
    (items.map(|item| item["path"].as_str().expect("path").to_owned()).collect(), report)
}

fn service(namespace: &str, app: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: web{namespace}}}\nspec: {{selector: {{app: {app}}}, ports: [{{port: 80}}]}}\n"
    )
}

/// Whatever form the two sides have, the same drift is found.
#[test]
fn every_form_of_both_sides() {
    let desk = Desk::new();
    let (calm, wild) = (config_map("calm"), config_map("wild"));
    let (web, other) = (service(", namespace: ml", "web"), service(", namespace: ml", "other"));
    desk.write("declared/apps/settings.yaml", &calm);
    desk.write("declared/web.yml", &web);
    desk.write("declared/notes.txt", "no manifest");
    desk.write("declared.yaml", &format!("{calm}---\n{web}"));
    let json = |yaml: &str| {
        let documents = trueup::domain::yaml::read_documents(yaml).expect("YAML");
        documents[0].root.as_ref().expect("an object").to_json()
    };
    let list = |items: &[&str]| {
        serde_json::json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""},
            "items": items.iter().map(|item| json(item)).collect::<Vec<_>>()})
    };
    desk.write("declared.json", &list(&[&calm, &web]).to_string());
    desk.write("live/settings.yaml", &wild);
    desk.write("live/web.json", &json(&other).to_string());
    desk.write("live.yaml", &format!("---\n{wild}---\n{other}...\n"));
    desk.write("live.json", &serde_json::to_string_pretty(&list(&[&wild, &other])).expect("JSON"));
    let mut yaml_list = String::from("apiVersion: v1\nitems:\n");
    for item in [&wild, &other] {
        let lines: Vec<_> = item.lines().map(|line| format!("  {line}\n")).collect();
        yaml_list
            .push_str(&format!("-{}", lines.concat().trim_start_matches(' ').replacen("apiVersion", " apiVersion", 1)));
    }
    desk.write("list.yaml", &format!("{yaml_list}kind: List\n"));
    for declared in ["declared", "declared.yaml", "declared.json"] {
        for live in ["live", "live.yaml", "live.json", "list.yaml"] {
            let (paths, report) = diff(&desk, &[declared, "--live", live]);
            assert_eq!(paths.len(), 2, "{declared} {live}: {report:#}");
            assert!(paths.contains(&"data.mode".to_owned()) && paths.contains(&"spec.selector.app".to_owned()));
            assert_eq!((&report["summary"]["declared"], &report["summary"]["live"]), (&2.into(), &2.into()));
        }
    }
}

/// A manifest without a namespace gets `-n`; without that it is held against the only live object of its name.
#[test]
fn namespaces() {
    let desk = Desk::new();
    desk.write("web.yaml", &service("", "web"));
    desk.write("one.yaml", &service(", namespace: a", "other"));
    desk.write("two.yaml", &format!("{}---\n{}", service(", namespace: a", "other"), service(", namespace: b", "web")));
    assert_eq!(diff(&desk, &["web.yaml", "--live", "one.yaml"]).0.len(), 1);
    assert_eq!(diff(&desk, &["web.yaml", "--live", "two.yaml", "-n", "a"]).0.len(), 1);
    assert_eq!(diff(&desk, &["web.yaml", "--live", "two.yaml", "--namespace", "b"]).0.len(), 0);
    let (paths, report) = diff(&desk, &["web.yaml", "--live", "one.yaml", "-n", "c"]);
    assert_eq!(paths, [""]);
    assert_eq!(
        (&report["items"][0]["verdict"], &report["items"][0]["resource"]["namespace"]),
        (&"missing".into(), &"c".into())
    );
    let ran = desk.trueup(["diff", "--declared", "web.yaml", "--live", "two.yaml"]).run().exits(3);
    assert!(ran.stdout.contains("namespace"), "{}", ran.stdout);
}

/// With managedFields an addition is confirmed and has an author; without, it is only potential.
#[test]
fn ownership() {
    let desk = Desk::new();
    desk.write("settings.yaml", &config_map("calm"));
    let added = config_map("calm").replace("{mode: calm}", "{mode: calm, extra: \"1\"}");
    let managed = "{name: settings, namespace: ml, managedFields: [{manager: argocd-controller, operation: Apply, apiVersion: v1, fieldsType: FieldsV1, fieldsV1: {\"f:data\": {\"f:mode\": {}}}}, {manager: kubectl-edit, operation: Update, apiVersion: v1, time: \"2026-11-24T01:00:00Z\", fieldsType: FieldsV1, fieldsV1: {\"f:data\": {\"f:extra\": {}}}}]}";
    desk.write("owned.yaml", &added.replace("{name: settings, namespace: ml}", managed));
    desk.write("bare.yaml", &added);
    let (_, owned) = diff(&desk, &["settings.yaml", "--live", "owned.yaml"]);
    let item = &owned["items"][0];
    assert_eq!((&item["path"], &item["confidence"]), (&"data.extra".into(), &"confirmed".into()));
    assert_eq!(
        item["changed_by"],
        serde_json::json!({"manager": "kubectl-edit", "class": "person", "operation": "Update", "at": "2026-11-24T01:00:00Z"})
    );
    let (_, bare) = diff(&desk, &["settings.yaml", "--live", "bare.yaml"]);
    assert_eq!(bare["items"][0]["confidence"], "potential");
    assert!(bare["items"][0].get("changed_by").is_none());
}

const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: pools.ml.example}
spec:
  group: ml.example
  names: {kind: Pool, plural: pools}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: {type: integer, default: 1}
                workers:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [id]
                  items: {type: object, properties: {id: {type: string}, gpus: {type: integer}}}
";

fn pool(workers: &str) -> String {
    format!(
        "apiVersion: ml.example/v1\nkind: Pool\nmetadata: {{name: gpu, namespace: ml}}\nspec: {{workers: [{workers}]}}\n"
    )
}

/// A custom kind is compared by its schema, from a file or a folder, of CRDs, a List of them, or an OpenAPI document.
#[test]
fn schemas() {
    let desk = Desk::new();
    desk.write("pool.yaml", &pool("{id: a, gpus: 1}, {id: b, gpus: 2}"));
    desk.write("live.yaml", &pool("{id: b, gpus: 4}, {id: a, gpus: 1}"));
    let (unknown, _) = diff(&desk, &["pool.yaml", "--live", "live.yaml"]);
    assert_eq!(unknown.len(), 4, "without a schema a list is compared by position: {unknown:?}");

    desk.write("crd.yaml", CRD);
    desk.write("crds/nested/pool.yaml", CRD);
    desk.write("crds/README.md", "no schema");
    desk.write("crds/values.yaml", "just: values\n");
    let crd = trueup::domain::yaml::read_documents(CRD).expect("YAML")[0].root.as_ref().expect("a CRD").to_json();
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [crd]});
    desk.write("list.json", &list.to_string());
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut described = schema.clone();
    described["x-kubernetes-group-version-kind"] =
        serde_json::json!([{"group": "ml.example", "version": "v1", "kind": "Pool"}]);
    let openapi = serde_json::json!({
        "openapi": "3.0.0",
        "paths": {"/apis/ml.example/v1/namespaces/{namespace}/pools": {"post": {
            "x-kubernetes-action": "post",
            "x-kubernetes-group-version-kind": {"group": "ml.example", "version": "v1", "kind": "Pool"},
        }}},
        "components": {"schemas": {"example.ml.v1.Pool": described}},
    });
    desk.write("openapi.json", &openapi.to_string());
    for schemas in ["crd.yaml", "crds", "list.json", "openapi.json"] {
        let (paths, report) = diff(&desk, &["pool.yaml", "--live", "live.yaml", "--schemas", schemas]);
        assert_eq!(paths, ["spec.workers[id=b].gpus"], "{schemas}");
        assert_eq!(report["problems"], serde_json::json!([]), "{schemas}");
    }
}

/// Schemas that are none are wrong usage, not silence.
#[test]
fn schemas_that_are_none() {
    let desk = Desk::new();
    desk.write("pool.yaml", &pool(""));
    desk.write("empty/README.md", "nothing");
    desk.write("broken/crd.yaml", "kind: [\n");
    for (schemas, complaint) in [
        ("nowhere", "the schemas nowhere cannot be read"),
        ("empty", "empty holds no CustomResourceDefinition and no OpenAPI document"),
        ("pool.yaml", "pool.yaml holds no CustomResourceDefinition and no OpenAPI document"),
        ("broken", "broken/crd.yaml:1: "),
    ] {
        let ran = desk.trueup(["diff", "--declared", "pool.yaml", "--live", "pool.yaml", "--schemas", schemas]);
        let ran = ran.run().exits(2);
        assert!(ran.stderr.contains(complaint), "{schemas}: {}", ran.stderr);
    }
}

/// Both sides may be pipes, as `<(kubectl get …)` makes them: what does not fit into one buffer is read whole.
#[test]
fn pipes() {
    let desk = Desk::new();
    let named = |number: u32| config_map("calm").replace("settings", &format!("settings-{number}"));
    let many: String = (0..400).map(|number| format!("{}---\n", named(number))).collect();
    assert!(many.len() > 20_000);
    desk.write("many.yaml", &many);
    for sides in [
        "--declared many.yaml --live <(cat many.yaml)",
        "--declared <(cat many.yaml) --live many.yaml",
        "--declared many.yaml --live /dev/stdin <many.yaml",
    ] {
        let line = format!("{} diff {sides}", env!("CARGO_BIN_EXE_trueup"));
        let bash =
            std::process::Command::new("bash").args(["-c", &line]).env_clear().current_dir(desk.path("")).output();
        let ran = bash.expect("bash");
        let said = String::from_utf8_lossy(&ran.stdout);
        let expected = "no drift found, 400 of 400 declared resources compared with 400 live objects";
        assert_eq!(said.trim(), expected, "{sides}: {}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(ran.status.code(), Some(0));
    }
}

/// A field that no schema knows is told once where it stands, with what was meant; it is no drift and changes no exit code.
#[test]
fn unknown_fields() {
    let desk = Desk::new();
    let named = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n";
    let rest = "template: {spec: {containers: [{name: web, image: \"a:1\"}]";
    desk.write(
        "web.yaml",
        &format!("# ours\n{named}spec: {{replicas: 2, {rest}, contaners: [{{name: hunter2}}]}}}}}}\n"),
    );
    desk.write("same.yaml", &format!("{named}spec: {{replicas: 2, {rest}}}}}}}\n"));
    desk.write("other.yaml", &format!("{named}spec: {{replicas: 1, {rest}}}}}}}\n"));
    desk.write("none.yaml", "");
    for (live, expected) in [("same.yaml", vec![]), ("other.yaml", vec!["spec.replicas"]), ("none.yaml", vec![""])] {
        let (paths, report) = diff(&desk, &["web.yaml", "--live", live]);
        assert_eq!(paths, expected, "{live}: {report:#}");
        let problems = serde_json::json!([{
            "level": "warning",
            "file": "web.yaml",
            "line": 2,
            "message": "unknown field spec.template.spec.contaners in Deployment shop/web",
            "help": "not known to trueup's schema of Kubernetes 1.36: unless the cluster is newer, the API server refuses it or drops it silently; did you mean `containers`?",
        }]);
        assert_eq!((&report["problems"], &report["summary"]["complete"]), (&problems, &true.into()), "{live}");
    }
    let table = desk.trueup(["diff", "--declared", "web.yaml", "--live", "same.yaml"]).run().exits(0).stdout;
    assert!(table.contains("unknown field spec.template.spec.contaners") && !table.contains("hunter2"), "{table}");
}
