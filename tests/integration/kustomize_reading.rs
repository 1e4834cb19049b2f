//! What comes out of kustomize means to trueup what it means to kubectl: the spellings of `yaml_reading` once more, this
//! time through the real kustomize, which resolves some of them by rules of its own (`y`, dates); then a kustomization
//! full of them on the real API server.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::cli::Desk;
use crate::support::cluster::{Way, cluster};
use crate::support::git::{ALICE, Bare, MAIN};
use crate::support::servers::tools;
use crate::support::world::{Setting, World};
use crate::yaml_reading::{CONSTRUCTS, KEYS, VALUES};

/// What kustomize makes of a folder.
fn build(folder: &Path) -> Result<String, String> {
    let done = Command::new(tools().join("kustomize")).arg("build").arg(folder).output().expect("kustomize starts");
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    Ok(String::from_utf8(done.stdout).expect("UTF-8"))
}

/// The texts that kustomize builds and kubectl reads, each as an object of a kind that no schema knows.
fn readable() -> Vec<String> {
    let values = VALUES.iter().map(|value| format!("  v: {value}\n"));
    let keys = KEYS.iter().map(|key| format!("  {key}: v\n"));
    let lines: Vec<_> = values.chain(keys).chain(CONSTRUCTS.iter().map(|lines| (*lines).to_owned())).collect();
    let folder = tempfile::tempdir().expect("folder");
    std::fs::write(folder.path().join("kustomization.yaml"), "resources: [object.yaml]\n").expect("write");
    let object = |(number, lines): (usize, &String)| {
        let object = format!(
            "apiVersion: example.com/v1\nkind: Free\nmetadata: {{name: x{number}, namespace: n}}\nspec:\n{lines}"
        );
        std::fs::write(folder.path().join("object.yaml"), &object).expect("write");
        let built = build(folder.path()).ok()?;
        by_kubectl(&built).is_ok().then_some(object)
    };
    lines.iter().enumerate().filter_map(object).collect()
}

/// kubectl knows no kind of ours, so it is told that they are ConfigMaps.
fn by_kubectl(built: &str) -> Result<Vec<Value>, String> {
    let input = built.replace("apiVersion: example.com/v1\nkind: Free\n", "apiVersion: v1\nkind: ConfigMap\n");
    let args = ["create", "--dry-run=client", "-o", "json", "--validate=false", "-f", "-"];
    let said = cluster().try_kubectl(&args, &input, &[])?;
    let objects = serde_json::Deserializer::from_str(&said).into_iter::<Value>().map(|object| object.expect("JSON"));
    let items = objects.flat_map(|object| match object.get("items") {
        Some(items) => items.as_array().expect("items").clone(),
        None => vec![object],
    });
    Ok(items
        .map(|mut object| {
            object["apiVersion"] = "example.com/v1".into();
            object["kind"] = "Free".into();
            object
        })
        .collect())
}

/// Every text shows no drift against what `kustomize build | kubectl` makes of it, and does against anything else.
#[test]
fn spellings_are_what_kustomize_and_kubectl_make_of_them() {
    let objects = readable();
    assert!(objects.len() > 250, "{}", objects.len());
    let names: Vec<_> = (0..objects.len()).map(|number| format!("apps/{number}.yaml")).collect();
    let resources: String = (0..objects.len()).map(|number| format!("- {number}.yaml\n")).collect();
    let kustomization = format!("resources:\n{resources}");
    let mut files = vec![("apps/kustomization.yaml", kustomization.as_str())];
    files.extend(names.iter().map(String::as_str).zip(objects.iter().map(String::as_str)));
    let desk = Desk::new();
    Bare::init(desk.path("remote.git")).commit(MAIN, &files, ALICE);
    for (name, text) in &files {
        desk.write(name, text);
    }
    let mut live = by_kubectl(&build(&desk.path("apps")).expect("it builds")).expect("kubectl reads it");
    assert_eq!(live.len(), objects.len());
    let config = "cluster: {name: test, snapshot: live.json}\nrepository: {url: remote.git, cache: cache}\n\
                  sources: [{name: apps, path: apps, renderer: kustomize}]\nforge: {local: {folder: pull-requests}}\n";
    desk.write("trueup.yaml", config);
    let scan = |live: &[Value]| {
        desk.write("live.json", &serde_json::json!({"apiVersion": "v1", "kind": "List", "items": live}).to_string());
        let report = desk.trueup(["scan", "-o", "json"]).run().json();
        assert_eq!(report["summary"]["compared"], objects.len(), "{report:#}");
        let items = report["items"].as_array().expect("items").iter();
        items
            .map(|item| {
                format!("{} {}: {} → {}", item["resource"]["name"], item["path"], item["declared"], item["live"])
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(scan(&live), Vec::<String>::new());
    for object in &mut live {
        object["spec"] = serde_json::json!({"other": "value"});
    }
    let others = scan(&live);
    assert!(others.len() >= objects.len(), "{} of {}", others.len(), objects.len());
}

const KUSTOMIZATION: &str = "\
resources: [objects.yaml]
namePrefix: k-
labels: [{pairs: {app.kubernetes.io/part-of: \"1.10\"}, includeSelectors: false}]
commonAnnotations: {note: \"yes\", date: \"2024-01-01\", big: \"12345678901234567890\"}
configMapGenerator:
- name: literals
  literals: [Y=y, ON=on, NO=no, OCTAL=0644, EXP=1e3, BIG=12345678901234567890, EMPTY=, NIL=~, DATE=2024-01-01, 'QUOTED=\"x\"', \"LINES=a\\nb\\n\"]
- name: from-env
  envs: [settings.env]
- name: from-files
  files: [run.sh, blob.bin]
  options: {labels: {\"yes\": \"no\"}, annotations: {\"on\": \"off\"}, disableNameSuffixHash: true}
secretGenerator:
- name: generated
  type: Opaque
  literals: [token=0x10, flag=off, empty=]
patches:
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec: {replicas: 0x2, template: {metadata: {annotations: {patched: \"on\"}}}}
- target: {kind: Deployment}
  patch: |-
    - {op: add, path: /spec/template/spec/containers/0/env/-, value: {name: ADDED, value: \"1e3\"}}
";

const OBJECTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {empty: \"\", multi: \"a\\nb\\n\", octal: \"0755\", \"y\": \"n\"}}
spec:
  replicas: 1
  selector: {matchLabels: {app: \"on\", release: \"2024-01-01\"}}
  template:
    metadata: {labels: {app: \"on\", release: \"2024-01-01\"}, annotations: }
    spec:
      terminationGracePeriodSeconds: 1_0
      containers:
      - name: web
        image: registry.example/web:1.10
        command: []
        args: [\"y\", 'no', \"0644\", \"1e3\", \"~\", \"\"]
        env:
        - {name: \"Y\", value: \"y\"}
        - {name: NUMBER, value: \"1_000\"}
        - {name: SEXAGESIMAL, value: \"190:20:30\"}
        - {name: NONE, value: ~}
        resources: {requests: {cpu: .5, memory: 1e9}, limits: {cpu: 1.50, memory: 2147483648}}
        livenessProbe: {tcpSocket: {port: 0x50}, initialDelaySeconds: 0}
        volumeMounts: [{name: literals, mountPath: /a}]
      volumes:
      - {name: literals, configMap: {name: literals, defaultMode: 0644, items: [{key: \"Y\", path: y, mode: 0o400}]}}
      - {name: secret, secret: {secretName: generated, defaultMode: 0400}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: plain}
data:
  \"y\": \"n\"
  \"1.0\": \"1.10\"
  \"0644\": \"0755\"
  date: \"2024-01-01\"
  text: |
    a: y
    # b

    c
  folded: >-
    one
    two
  spaces: \"  x  \"
  tab: \"a\\tb \"
  unicode: \"\\u00e9 \\U0001F600\"
binaryData:
  x: |
    AAEC
    AwQF
---
apiVersion: v1
kind: Secret
metadata: {name: written}
data:
  certificate: |
    LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t
    Ck1JSQo=
stringData: {\"on\": \"off\", number: \"10\"}
";

/// A kustomization of such spellings, delivered in each way, shows no drift on the real API server.
#[test]
fn a_delivered_kustomization_does_not_drift() {
    for way in [Way::Create, Way::ClientSide, Way::ServerSide("kustomize-controller")] {
        let files = [
            ("apps/kustomization.yaml", KUSTOMIZATION),
            ("apps/objects.yaml", OBJECTS),
            ("apps/settings.env", "# comment\nA=y\nB=0644\nC=\nD=1e3 # no comment\n"),
            ("apps/run.sh", "#!/bin/sh\nset -eu\n\techo \"$(date)\"  \n"),
            ("apps/blob.bin", "a\u{0}b\u{1}\u{e9}"),
        ];
        let config = "sources: [{name: apps, path: apps, namespace: NAMESPACE, renderer: kustomize}]\n";
        let world = World::new(&Setting { name: "kustomized", files: &files, config, ..Setting::default() });
        let folder = tempfile::tempdir().expect("folder");
        std::fs::create_dir(folder.path().join("apps")).expect("folder");
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).expect("write");
        }
        let built = build(&folder.path().join("apps")).expect("it builds");
        world.cluster.deliver(way, &world.namespace, &built);
        let ran = world.trueup(&["scan", "--all", "-o", "json"]);
        assert_eq!((ran.items(), ran.problems()), (vec![], vec![]), "{way:?} {:#}", ran.json()["items"]);
        assert_eq!(ran.json()["summary"]["compared"], built.matches("\nkind: ").count(), "{way:?}");
    }
}
