//! Where a change is made in kustomizations: a base with three overlays beside a recorded cluster in which one field of
//! one object differs, and a policy that adopts it. Every edit is proven by the real kustomize, and held against what
//! the other overlays come to.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::cli::Desk;
use crate::support::git::{ALICE, Bare, Entry, MAIN};
use crate::support::servers::tools;

const ADOPT: &str = "remediation_policies:\n- {name: adopt, match_criteria: {severity: [info, low, medium, high, critical]}, action_type: adopt_live, approval_required: true}\n";
const CONFIG: &str = "cluster: {name: test, snapshot: live.json}\nrepository: {url: remote.git, cache: cache}\npolicies: [policies.yaml]\nforge: {local: {folder: pull-requests}}\nsources:\n- {name: prod, path: shop/prod, renderer: kustomize}\n";
const BASE: &str =
    "resources: [web.yaml, sets.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [COLOUR=blue]\n";
const WEB: &str = "\
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
      - name: web
        image: registry.example/web:1.4
        args: [--port, \"80\"]
        envFrom: [{configMapRef: {name: settings}}]
        ports: [{containerPort: 80, protocol: TCP}]
      - name: copy
        image: registry.example/web:1.4
";
/// A kind that kustomize knows nothing of: its lists have no merge keys.
const SETS: &str = "\
apiVersion: shop.example/v1
kind: Set
metadata: {name: set}
spec:
  members:
  - {name: a, weight: 1}
  - {name: b, weight: 2}
";
const OTHER: &str = "resources: [../base]\nnamePrefix: other-\nnamespace: other\n";

/// The repository, the live objects as they were rendered, and what is planned.
struct Shop {
    desk: Desk,
}

impl Shop {
    /// The shop with this overlay in production, and more files.
    fn new(overlay: &str, more: &[(&str, &str)]) -> Self {
        let desk = Desk::new();
        let mut files = vec![
            ("shop/base/kustomization.yaml", BASE),
            ("shop/base/web.yaml", WEB),
            ("shop/base/sets.yaml", SETS),
            ("shop/prod/kustomization.yaml", overlay),
        ];
        files.extend(more);
        if !more.iter().any(|(path, _)| path.starts_with("shop/dev/")) {
            files.extend([("shop/dev/kustomization.yaml", OTHER), ("shop/staging/kustomization.yml", OTHER)]);
        }
        files.retain(|(_, text)| !text.is_empty());
        let entries: Vec<_> = files.iter().map(|(path, text)| (*path, entry(text))).collect();
        Bare::init(desk.path("remote.git")).commit_entries(MAIN, &entries, ALICE);
        for (path, text) in files.iter().filter(|(_, text)| matches!(entry(text), Entry::File(_))) {
            desk.write(&format!("people/{path}"), text);
        }
        desk.write("policies.yaml", ADOPT);
        desk.write("trueup.yaml", CONFIG);
        Self { desk }
    }

    fn build(&self, overlay: &str) -> String {
        build(&self.desk.path("people"), &format!("shop/{overlay}"))
    }

    /// `trueup plan` after a change of one live object: its only unit.
    fn plan(&self, kind: &str, change: impl FnOnce(&mut Value)) -> Value {
        self.planned(|live| {
            let found = live.iter_mut().find(|live| live["kind"] == kind);
            change(found.unwrap_or_else(|| panic!("{kind} is not live")));
        })
    }

    /// `trueup plan` where another object of this kind is live, and not the one that is declared.
    fn plan_without(&self, kind: &str) -> Value {
        self.planned(|live| {
            let found = live.iter_mut().find(|live| live["kind"] == kind);
            found.unwrap_or_else(|| panic!("{kind} is not live"))["metadata"]["name"] = json!("another");
        })
    }

    fn planned(&self, change: impl FnOnce(&mut Vec<Value>)) -> Value {
        let built = self.build("prod");
        let documents = serde_yaml::Deserializer::from_str(&built);
        let mut live: Vec<Value> =
            documents.map(|one| <Value as serde::Deserialize>::deserialize(one).expect("YAML")).collect();
        change(&mut live);
        live.push(json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "o", "namespace": "o"},
            "spec": {"maxReplicas": 2, "minReplicas": 1, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "o"}}}));
        self.desk.write("live.json", &json!({"apiVersion": "v1", "kind": "List", "items": live}).to_string());
        let report = self.desk.trueup(["plan", "-o", "json", "--all"]).run().json();
        let units = report["units"].as_array().expect("units");
        assert_eq!(units.len(), 1, "{report:#}");
        units[0].clone()
    }

    /// Makes the planned edit in the checkout of the people.
    fn accept(&self, unit: &Value) {
        let diff = unit["diff"].as_str().expect("diff");
        self.desk.write("edit.diff", diff);
        let (folder, diff) = (self.desk.path("people"), self.desk.path("edit.diff"));
        let done = Command::new("git")
            .args(["apply", "--unsafe-paths", "-p1"])
            .arg(diff)
            .current_dir(folder)
            .output()
            .expect("git");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// A file, or a link where the text says so: `-> target`.
fn entry(text: &str) -> Entry<'_> {
    text.strip_prefix("-> ").map_or(Entry::File(text.as_bytes()), Entry::Link)
}

/// What the real kustomize makes of a folder.
fn build(checkout: &Path, folder: &str) -> String {
    let run = Command::new(tools().join("kustomize")).args(["build", folder]).current_dir(checkout).output();
    let run = run.expect("kustomize starts");
    assert!(run.status.success(), "{folder}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("UTF-8")
}

/// The lines that a diff changes.
fn changed(unit: &Value) -> Vec<String> {
    let diff = unit["diff"].as_str().unwrap_or_default();
    let is_change = |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---");
    diff.lines().filter(is_change).map(|line| line.trim_end().to_owned()).collect()
}

const HEAD: &str = "resources: [../base]\nnamespace: shop\nnamePrefix: prod-\n";
const MERGE: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 4 # as agreed\n";
const OPERATIONS: &str = "# ports\n- op: replace\n  path: /spec/template/spec/containers/0/args/1 # second\n  value: \"81\"\n- {op: add, path: /metadata/annotations, value: {a/b: c}}\n- {op: add, path: /metadata/annotations/x~1y, value: z}\n";
const INLINE: &str = "patches:\n  - patch: |-\n        # as agreed\n        - op: replace\n          path: /spec/replicas # c\n          value: 4\n    target: {kind: Deployment, name: web}\n";
const COMPONENT: &str =
    "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nreplicas: [{name: web, count: 4}]\n";

/// Files by path.
type Texts = &'static [(&'static str, &'static str)];
/// What production says, more files, the kind and field that differ live, the live value, and the lines of the edit.
type Case = (&'static str, Texts, &'static str, &'static str, Value, &'static [&'static str]);

#[rustfmt::skip]
fn set_by_production() -> Vec<Case> {
    vec![
        ("replicas:\n- name: web\n  count: 4 # as agreed\n", &[], "Deployment", "/spec/replicas", json!(5), &["-  count: 4 # as agreed", "+  count: 5 # as agreed"]),
        ("patches:\n- path: p.yaml\n", &[("shop/prod/p.yaml", MERGE)], "Deployment", "/spec/replicas", json!(5), &["-  replicas: 4 # as agreed", "+  replicas: 5 # as agreed"]),
        ("patchesStrategicMerge: [p.yaml]\n", &[("shop/prod/p.yaml", MERGE)], "Deployment", "/spec/replicas", json!(5), &["-  replicas: 4 # as agreed", "+  replicas: 5 # as agreed"]),
        (INLINE, &[], "Deployment", "/spec/replicas", json!(5), &["-          value: 4", "+          value: 5"]),
        ("patches:\n- path: p.yaml\n  target: {kind: Deploy.*, name: w.b}\n", &[("shop/prod/p.yaml", OPERATIONS)], "Deployment", "/spec/template/spec/containers/0/args/1", json!("82"), &["-  value: \"81\"", "+  value: \"82\""]),
        ("patchesJson6902:\n- path: p.yaml\n  target: {group: apps, version: v1, kind: Deployment, name: web}\n", &[("shop/prod/p.yaml", OPERATIONS)], "Deployment", "/metadata/annotations/x~1y", json!("new"), &["-- {op: add, path: /metadata/annotations/x~1y, value: z}", "+- {op: add, path: /metadata/annotations/x~1y, value: new}"]),
        ("components: [../more]\n", &[("shop/more/kustomization.yaml", COMPONENT)], "Deployment", "/spec/replicas", json!(5), &["-replicas: [{name: web, count: 4}]", "+replicas: [{name: web, count: 5}]"]),
        ("configMapGenerator:\n- name: settings\n  behavior: merge\n  literals:\n  - COLOUR=red # now\n", &[], "ConfigMap", "/data/COLOUR", json!("green"), &["-  - COLOUR=red # now", "+  - COLOUR=green # now"]),
        ("configMapGenerator:\n- name: settings\n  behavior: merge\n  envs: [e.env]\n", &[("shop/prod/e.env", "# c\nCOLOUR=red\nX=y\n")], "ConfigMap", "/data/COLOUR", json!("green"), &["-COLOUR=red", "+COLOUR=green"]),
        ("configMapGenerator:\n- name: settings\n  behavior: merge\n  files: [a.ini=f.txt]\n", &[("shop/prod/f.txt", "a=1\nb=2\n")], "ConfigMap", "/data/a.ini", json!("a=1\nb=3\n"), &["-b=2", "+b=3"]),
    ]
}

/// Each change of production is made where production sets the field, and no other environment moves.
#[test]
fn each_change_finds_its_place() {
    for (overlay, more, kind, pointer, value, lines) in set_by_production() {
        let shop = Shop::new(&format!("{HEAD}{overlay}"), more);
        let others = [shop.build("dev"), shop.build("staging")];
        let unit = shop.plan(kind, |live| *live.pointer_mut(pointer).expect("field") = value.clone());
        assert_eq!(unit["outcome"], "planned", "{overlay}: {unit:#}");
        assert_eq!(changed(&unit), lines, "{overlay}");
        shop.accept(&unit);
        assert_eq!([shop.build("dev"), shop.build("staging")], others, "{overlay}");
    }
}

/// Two containers of one image move together at the one entry of `images`.
#[test]
fn an_image_of_two_containers_has_one_place() {
    let shop = Shop::new("resources: [../base]\nimages:\n- name: registry.example/web\n  newTag: 1.5.0\n", &[]);
    let unit = shop.plan("Deployment", |live| {
        for container in containers(live) {
            container["image"] = json!("registry.example/web:1.6.0");
        }
    });
    assert_eq!(
        (unit["outcome"].as_str(), changed(&unit)),
        (Some("planned"), vec!["-  newTag: 1.5.0".to_owned(), "+  newTag: 1.6.0".to_owned()]),
        "{unit:#}"
    );
}

/// The kind, what is changed live, what is patched, and the lines of the patch after its head.
type Unsaid = (&'static str, fn(&mut Value), &'static str, &'static [&'static str]);

#[rustfmt::skip]
fn not_set_by_production() -> Vec<Unsaid> {
    vec![
        ("Deployment", |live| live["spec"]["replicas"] = json!(5), "web", &["+spec:", "+  replicas: 5"]),
        ("Deployment", |live| containers(live)[0]["image"] = json!("x:2"), "web", &["+spec:", "+  template:", "+    spec:", "+      containers:", "+      - name: web", "+        image: x:2"]),
        ("Deployment", |live| containers(live)[0]["args"] = json!(["--port", "81"]), "web", &["+spec:", "+  template:", "+    spec:", "+      containers:", "+      - name: web", "+        args:", "+        - --port", "+        - \"81\""]),
        ("Deployment", |live| drop(containers(live).pop()), "web", &["+spec:", "+  template:", "+    spec:", "+      containers:", "+      - name: copy", "+        $patch: delete"]),
        ("Deployment", |live| drop(containers(live)[0].as_object_mut().map(|map| map.remove("args"))), "web", &["+spec:", "+  template:", "+    spec:", "+      containers:", "+      - name: web", "+        args: null"]),
        ("Deployment", |live| containers(live)[0]["env"] = json!([{"name": "A", "value": "yes"}]), "web", &["+spec:", "+  template:", "+    spec:", "+      containers:", "+      - name: web", "+        env:", "+        - name: A", "+          value: \"yes\""]),
        ("ConfigMap", |live| live["data"]["COLOUR"] = json!("red"), "settings", &["+data:", "+  COLOUR: red"]),
        // kustomize knows no merge keys of this kind
        ("Set", |live| live["spec"]["members"][1]["weight"] = json!(9), "set-operations", &["+- op: test", "+  path: /spec/members/1/name", "+  value: b", "+- op: replace", "+  path: /spec/members/1/weight", "+  value: 9"]),
    ]
}

fn containers(live: &mut Value) -> &mut Vec<Value> {
    live.pointer_mut("/spec/template/spec/containers").and_then(Value::as_array_mut).expect("containers")
}

/// Where production says nothing of the field yet, it gets a patch that says this and no more; kustomize accepts it for
/// every form of change, and no other environment moves.
#[test]
fn a_new_patch_overlays_what_others_share() {
    for (kind, change, patch, lines) in not_set_by_production() {
        let overlay = "# production\r\nresources: [../base] # shared\r\nnamePrefix: prod-\r\nnamespace: shop\r\n";
        let shop = Shop::new(overlay, &[]);
        let others = [shop.build("dev"), shop.build("staging")];
        let unit = shop.plan(kind, change);
        assert_eq!(unit["outcome"], "planned", "{kind}: {unit:#}");
        let changed = changed(&unit);
        let entry = format!("+  - path: trueup-{}-{patch}.yaml", kind.to_lowercase());
        assert_eq!(changed[..2], ["+patches:".to_owned(), entry], "{kind}");
        assert_eq!(changed[changed.len() - lines.len()..], *lines, "{kind}");
        shop.accept(&unit);
        assert_eq!([shop.build("dev"), shop.build("staging")], others);
        // everything else of the kustomization stays, line ends included
        let written = std::fs::read_to_string(shop.desk.path("people/shop/prod/kustomization.yaml")).expect("text");
        assert!(written.starts_with(overlay) && !written.replace("\r\n", "").contains('\n'), "{written:?}");
    }
}

/// A changed literal renames the ConfigMap and what refers to it, which is one change of one resource.
#[test]
fn a_changed_literal_changes_the_name() {
    let shop = Shop::new("resources: [../base]\nnamespace: shop\n", &[("shop/dev/kustomization.yaml", "")]);
    let unit = shop.plan("ConfigMap", |live| live["data"]["COLOUR"] = json!("red"));
    assert_eq!(changed(&unit), ["-  literals: [COLOUR=blue]", "+  literals: [COLOUR=red]"], "{unit:#}");
    let name = |text: &str| text.lines().find(|line| line.starts_with("  name: settings-")).map(str::to_owned);
    let old = name(&shop.build("prod")).expect("a name with a hash");
    shop.accept(&unit);
    let built = shop.build("prod");
    assert_ne!(name(&built), Some(old.clone()));
    assert!(!built.contains(old.trim_start_matches("  name: ")), "{built}");
}

/// Nothing is edited outside of the repository, through a link or below `.github`, whatever a kustomization names.
#[test]
fn hostile_places_are_left_alone() {
    let patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 4}\n";
    let overlay = "resources: [../base]\ncomponents: [../../.github/more]\n";
    let more = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: p.yaml}]\n";
    let shop = Shop::new(overlay, &[(".github/more/kustomization.yaml", more), (".github/more/p.yaml", patch)]);
    let unit = shop.plan("Deployment", |live| live["spec"]["replicas"] = json!(5));
    assert_eq!(unit["outcome"], "planned", "{unit:#}");
    let files = unit["proposal"]["files"].as_array().expect("files");
    assert!(files.iter().all(|file| file.as_str().is_some_and(|file| file.starts_with("shop/prod/"))), "{files:?}");
}

/// Links are not followed, so that a kustomization that names one may read anything: the base is left alone.
#[test]
fn what_a_link_may_lead_to_is_shared() {
    let linked = ("shop/linked/kustomization.yaml", "resources: [base]\n");
    for (more, file) in [
        (vec![("shop/dev/kustomization.yaml", "")], "shop/base/web.yaml"),
        (
            vec![("shop/dev/kustomization.yaml", ""), linked, ("shop/linked/base", "-> ../base")],
            "shop/prod/kustomization.yaml",
        ),
        (
            vec![
                ("shop/dev/kustomization.yaml", ""),
                ("shop/linked/kustomization.yaml", "-> ../prod/kustomization.yaml"),
            ],
            "shop/prod/kustomization.yaml",
        ),
    ] {
        let shop = Shop::new("resources: [../base]\n", &more);
        let unit = shop.plan("Deployment", |live| live["spec"]["replicas"] = json!(5));
        assert_eq!(unit["outcome"], "planned", "{unit:#}");
        assert_eq!(unit["proposal"]["files"][0], file);
    }
}

/// What is not in the cluster and is to go is deleted by a patch of production where others have it too.
#[test]
fn what_is_to_go_goes_from_one_environment() {
    let without = |shop: &Shop| shop.plan_without("Set");
    let shop = Shop::new(HEAD, &[]);
    let others = [shop.build("dev"), shop.build("staging")];
    let unit = without(&shop);
    assert_eq!(unit["outcome"], "planned", "{unit:#}");
    assert_eq!(changed(&unit).last().map(String::as_str), Some("+$patch: delete"));
    shop.accept(&unit);
    assert_eq!([shop.build("dev"), shop.build("staging")], others);
    assert!(!shop.build("prod").contains("kind: Set"));
    let alone = Shop::new(HEAD, &[("shop/dev/kustomization.yaml", "")]);
    let files = without(&alone)["proposal"]["files"].clone();
    assert_eq!(files, json!(["shop/base/kustomization.yaml", "shop/base/sets.yaml"]));
}

/// What a kustomization holds of Secrets is in no report, however near an edit it stands.
#[test]
fn secrets_beside_an_edit_are_not_shown() {
    let generator = "secretGenerator:\n- name: login\n  literals: [password=canary-of-a-generator]\n";
    let overlay = format!("resources: [../base]\nreplicas:\n- name: web\n  count: 4\n{generator}");
    let shop = Shop::new(&overlay, &[]);
    let unit = shop.plan("Deployment", |live| live["spec"]["replicas"] = json!(5));
    assert_eq!(changed(&unit), ["-  count: 4", "+  count: 5"]);
    assert!(!unit.to_string().contains("canary-of-a-generator"), "{unit:#}");
}
