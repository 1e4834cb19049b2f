//! What Git's history says about drift, through the whole program beside a saved live side.

use serde_json::{Value, json};

use crate::support::cli::Desk;
use crate::support::git::{ALICE, Bare, Entry, MAIN, git};

const CONFIG: &str = "\
cluster: {snapshot: live.json}
repository: {url: remote.git, cache: cache}
sources: [{name: apps, path: apps}]
forge: {local: {folder: pull-requests}}
";

fn settings(name: &str, data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\ndata: {{{data}}}\n")
}

/// A live ConfigMap all of which this field manager wrote on the first day of 2026.
fn live(name: &str, manager: &str, data: &Value) -> Value {
    let fields: serde_json::Map<_, _> =
        data.as_object().expect("a map").keys().map(|key| (format!("f:{key}"), json!({}))).collect();
    let entry = json!({"manager": manager, "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:data": fields}});
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data,
        "metadata": {"name": name, "namespace": "shop", "managedFields": [entry]}})
}

/// A config repository and, beside it, a live side.
struct Place {
    desk: Desk,
    remote: Bare,
}

impl Place {
    fn new(config: &str, objects: &[Value]) -> Self {
        let desk = Desk::new();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        desk.write("live.json", &list.to_string());
        desk.write("trueup.yaml", config);
        let remote = Bare::init(desk.path("remote.git"));
        Self { desk, remote }
    }

    /// Commits files of so many minutes ago to `main`.
    fn commit(&self, minutes: i64, files: &[(&str, &str)]) -> String {
        let entries: Vec<_> = files.iter().map(|(path, text)| (*path, Entry::File(text.as_bytes()))).collect();
        self.remote.commit_earlier(MAIN, &entries, ALICE, minutes)
    }

    fn report(&self) -> Value {
        self.desk.trueup(["scan", "-o", "json"]).run().json()
    }

    /// `path verdict, declared by, unsynced since` of every item that is no meaning.
    fn items(&self) -> Vec<String> {
        let report = self.report();
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let told = |item: &Value| {
            let commits = ["declared_by", "unsynced_since"].map(|name| text(&item[name]["commit"]));
            format!("{} {}, {}, {}", text(&item["path"]), text(&item["verdict"]), commits[0], commits[1])
        };
        let mut told: Vec<_> = report["items"].as_array().expect("items").iter().map(told).collect();
        told.sort();
        told
    }
}

/// The commit that set a value is found below later ones that changed the file, other files, or nothing here; a merge is
/// the commit at which the branch changed.
#[test]
fn the_commit_that_set_a_value() {
    let place = Place::new(CONFIG, &[live("a", "kubectl-edit", &json!({"x": "9", "yy": "9", "z": "1"}))]);
    let file = "apps/a.yaml";
    let first = place.commit(900, &[(file, &settings("a", "x: '1', yy: '1', z: '1'")), ("README.md", "")]);
    let second = place.commit(800, &[(file, &settings("a", "x: '2', yy: '1', z: '1'"))]);
    place.commit(700, &[(file, &(settings("a", "x: '2', yy: '1', z: '1'") + "# a comment\n"))]);
    place.commit(600, &[("README.md", "more"), ("apps/b.yaml", &settings("b", "x: '1'"))]);
    assert_eq!(
        place.items(),
        [
            format!(" missing, {}, -", place.remote.head(MAIN).expect("head")),
            format!("data.x cluster_drift, {second}, -"),
            format!("data.yy cluster_drift, {first}, -"),
        ]
    );

    // a branch that leaves main before its last commit, merged by hand
    place.remote.git(&["branch", "change", &format!("{MAIN}~1")]);
    let text = settings("a", "x: '2', yy: '3', z: '1'");
    let entry = [(file, Entry::File(text.as_bytes()))];
    place.remote.commit_earlier("change", &entry, ALICE, 500);
    let tree = place.remote.git(&["merge-tree", "--write-tree", MAIN, "change"]);
    let merge = place.remote.git(&["commit-tree", &tree, "-p", MAIN, "-p", "change", "-m", "merge"]);
    place.remote.git(&["update-ref", "refs/heads/main", &merge]);
    let items = place.items();
    assert!(items.contains(&format!("data.yy cluster_drift, {merge}, -")), "{items:#?}");
    assert!(items.contains(&format!("data.x cluster_drift, {second}, -")), "{items:#?}");
}

/// A resource is followed into the file that declared it before, whether the whole file moved or only its document.
#[test]
fn moved_manifests() {
    let place =
        Place::new(CONFIG, &[live("a", "kubectl-edit", &json!({"x": "9"})), live("b", "gitops", &json!({"x": "1"}))]);
    let (a, b) = (settings("a", "x: '1'"), settings("b", "x: '1'"));
    let first = place.commit(900, &[("apps/all.yaml", &format!("{a}---\n{b}"))]);
    let moved = [
        ("apps/all.yaml", Entry::Gone),
        ("apps/a.yaml", Entry::File(a.as_bytes())),
        ("apps/more.yaml", Entry::File(b.as_bytes())),
        ("apps/.old/a.yaml", Entry::File(b"kind: [")),
    ];
    place.remote.commit_earlier(MAIN, &moved, ALICE, 800);
    let renamed = [("apps/deep/a.yaml", Entry::MovedFrom("apps/a.yaml"))];
    place.remote.commit_earlier(MAIN, &renamed, ALICE, 700);
    let second = place.commit(5, &[("apps/more.yaml", &settings("b", "x: '2'"))]);
    assert_eq!(
        place.items(),
        [format!("data.x cluster_drift, {first}, -"), format!("data.x unsynced, {second}, {second}")]
    );
}

/// A manifest that was not readable for a while says nothing, and what was before it is not asked.
#[test]
fn an_unreadable_past() {
    let place = Place::new(CONFIG, &[live("a", "gitops", &json!({"x": "1"}))]);
    place.commit(900, &[("apps/a.yaml", &settings("a", "x: '1'"))]);
    place.commit(7, &[("apps/a.yaml", "kind: [\n")]);
    place.commit(6, &[("apps/a.yaml", &settings("a", "x: '2'"))]);
    assert_eq!(place.items(), ["data.x cluster_drift, -, -"]);
    let commit = place.commit(5, &[("apps/a.yaml", &settings("a", "x: '3'"))]);
    assert_eq!(place.items(), [format!("data.x cluster_drift, {commit}, -")]);
}

/// Kustomize sources are rendered as they were: an overlay, a base that it shares, and a folder that was not there.
#[test]
fn kustomize_sources() {
    let config = CONFIG.replace("path: apps", "path: prod, renderer: kustomize");
    let place = Place::new(&config, &[live("a", "gitops", &json!({"x": "1", "yy": "1"}))]);
    let base = "resources: [a.yaml]\n";
    let overlay = |y: &str| format!("resources: [../base]\npatches:\n- patch: '{}'\n", patch(y));
    let of_base = |x: &str| settings("a", &format!("x: '{x}', yy: '0'"));
    let first = place.commit(900, &[("base/kustomization.yaml", base), ("base/a.yaml", &of_base("1"))]);
    let made = place.commit(800, &[("prod/kustomization.yaml", &overlay("1"))]);
    place.commit(700, &[("other/x.yaml", "a: 1")]);
    assert_eq!(place.items(), [""; 0]);
    let x = place.commit(9, &[("base/a.yaml", &of_base("2"))]);
    place.commit(8, &[("base/unused.yaml", "a: 1")]);
    assert_eq!(place.items(), [format!("data.x unsynced, {x}, {x}")]);
    let y = place.commit(7, &[("prod/kustomization.yaml", &overlay("2"))]);
    assert_eq!(place.items(), [format!("data.x unsynced, {x}, {x}"), format!("data.yy unsynced, {y}, {y}")]);

    place.desk.write(
        "live.json",
        &json!({"apiVersion": "v1", "kind": "List", "items": [live("b", "gitops", &json!({}))]}).to_string(),
    );
    assert_eq!(place.items(), [format!(" missing, {made}, -")], "and not {first}, which rendered nothing");
}

/// A source is not built more often than is bearable; what would have been found further back is left out.
#[test]
fn a_long_history_of_a_kustomization() {
    let config = CONFIG.replace("path: apps", "path: apps, renderer: kustomize");
    let place = Place::new(&config, &[live("a", "kubectl-edit", &json!({"x": "9", "yy": "9"}))]);
    let of = |x: &str, yy: &str| settings("a", &format!("x: '{x}', yy: '{yy}'"));
    place.commit(900, &[("apps/kustomization.yaml", "resources: [a.yaml]\n"), ("apps/a.yaml", &of("1", "1"))]);
    for number in 0..16 {
        place.commit(800, &[("apps/README.md", &number.to_string())]);
    }
    let near = place.commit(700, &[("apps/a.yaml", &of("2", "1"))]);
    let items = [format!("data.x cluster_drift, {near}, -"), "data.yy cluster_drift, -, -".to_owned()];
    assert_eq!(place.items(), items, "the first commit is one too far");
    assert_eq!(place.report()["problems"], json!([]));
}

fn patch(y: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}, "data": {"yy": y}})
        .to_string()
}

/// A long history is followed to the commit that matters, in a moment.
#[test]
fn a_deep_history() {
    let place = Place::new(CONFIG, &[live("a", "kubectl-edit", &json!({"x": "9"}))]);
    let first = place.commit(900, &[("apps/a.yaml", &settings("a", "x: '1'"))]);
    let mut stream = format!("reset refs/heads/main\nfrom {first}\n\n");
    for number in 0..1500 {
        let text = settings("b", &format!("x: '{number}'"));
        stream.push_str(&format!(
            "commit refs/heads/main\ncommitter {ALICE} {} +0000\ndata 1\nc\n",
            1_700_000_000 + number
        ));
        stream.push_str(&format!("M 100644 inline apps/b{}.yaml\ndata {}\n{text}\n", number % 50, text.len()));
    }
    place.remote.git_with_input(&["fast-import", "--quiet", "--force"], stream.as_bytes());
    let items = place.items();
    assert_eq!(
        items.iter().find(|item| item.starts_with("data.x")),
        Some(&format!("data.x cluster_drift, {first}, -"))
    );
}

/// Where the history is cut off, nothing is said that it does not tell: no first commit is made of the last one that is
/// there, and a warning says what that means.
#[test]
fn a_shallow_repository() {
    let objects = [live("a", "gitops", &json!({"x": "1", "yy": "9"}))];
    let place = Place::new(&CONFIG.replace("remote.git", "shallow.git"), &objects);
    for (minutes, x) in [(900, "1"), (8, "2"), (7, "3")] {
        place.commit(minutes, &[("apps/a.yaml", &settings("a", &format!("x: '{x}', yy: '1'")))]);
    }
    let (from, to) = (format!("file://{}", place.desk.path("remote.git").display()), place.desk.path("shallow.git"));
    let made = git().args(["clone", "--quiet", "--bare", "--depth", "2", &from]).arg(to).status().expect("git");
    assert!(made.success());
    let report = place.report();
    let head = place.remote.head(MAIN).expect("head");
    assert_eq!(place.items(), [format!("data.x cluster_drift, {head}, -"), "data.yy cluster_drift, -, -".to_owned()]);
    let problem = &report["problems"][0];
    assert_eq!((&problem["level"], report["problems"].as_array().map(Vec::len)), (&json!("warning"), Some(1)));
    assert!(problem["message"].as_str().is_some_and(|text| text.contains("the history ends at")), "{problem}");
}
