//! `docs/report.md` is true: every key that real runs write stands there with its type, and every key that stands there
//! is written by one of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::Value;
use trueup::domain::drift::{Aspect, Category, Change, Confidence, DriftKind, ManagerClass, Severity, Verdict};
use trueup::domain::outcome::Outcome;
use trueup::domain::policy::ActionType;

use super::remote;
use crate::support::cli::Desk;
use crate::support::git::{ALICE, Bare, MAIN};

fn page() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.md")).expect("docs/report.md")
}

/// One row of a table: its type, and whether the field is always there.
struct Field {
    kind: String,
    always: bool,
}

/// The tables of the page by heading, and what of them was seen.
struct Page {
    sections: BTreeMap<String, BTreeMap<String, Field>>,
    seen: BTreeSet<(String, String)>,
}

impl Page {
    fn read() -> Self {
        let mut sections = BTreeMap::new();
        let mut heading = String::new();
        for line in page().lines() {
            if let Some(title) = line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")) {
                heading = title.replace('`', "");
            }
            let Some(row) = line.strip_prefix("| `") else { continue };
            let (name, rest) = row.split_once("` | ").expect("a row has a name");
            let columns: Vec<_> = rest.split(" | ").collect();
            let field = Field { kind: columns[0].to_owned(), always: columns[1] == "always" };
            let section: &mut BTreeMap<_, _> = sections.entry(heading.clone()).or_default();
            assert!(section.insert(name.to_owned(), field).is_none(), "{heading} names {name} twice");
        }
        Self { sections, seen: BTreeSet::new() }
    }

    /// Holds an object against the table of a section, and what is in it against theirs.
    fn check(&mut self, section: &str, object: &Value) {
        let fields = self.sections.get(section).unwrap_or_else(|| panic!("the page has no section {section}"));
        let object = object.as_object().unwrap_or_else(|| panic!("{section} is no object: {object}"));
        for (name, field) in fields {
            assert!(!field.always || object.contains_key(name), "{section}: `{name}` is not there: {object:?}");
        }
        let mut inner = Vec::new();
        for (name, value) in object {
            let field = fields.get(name).unwrap_or_else(|| panic!("{section}: `{name}` is not on the page"));
            assert!(is_a(&field.kind, value), "{section}: `{name}` is no {}: {value}", field.kind);
            self.seen.insert((section.to_owned(), name.clone()));
            if let Some(section) = section_of(section, name) {
                match value {
                    Value::Array(items) => inner.extend(items.iter().map(|item| (section, item))),
                    single => inner.push((section, single)),
                }
            }
        }
        for (section, value) in inner {
            self.check(section, value);
        }
    }

    /// What the page names and no run wrote.
    fn unseen(&self) -> Vec<String> {
        let all = self.sections.iter().flat_map(|(section, fields)| fields.keys().map(move |name| (section, name)));
        let unseen = all.filter(|(section, name)| !self.seen.contains(&((*section).clone(), (*name).clone())));
        unseen.map(|(section, name)| format!("{section}: {name}")).collect()
    }
}

/// The section that describes what is under a field.
fn section_of(section: &str, field: &str) -> Option<&'static str> {
    Some(match (section, field) {
        ("trueup.alert/v1", "summary") => "summary of an alert",
        ("trueup.alert/v1", "items") => "items[] of an alert",
        ("trueup.report/v1", "summary") => "summary",
        ("trueup.report/v1", "problems") => "problems[]",
        ("trueup.report/v1", "items" | "tolerated") => "items[]",
        ("trueup.report/v1", "units") => "units[]",
        ("trueup.report/v1", "ignored") => "ignored[]",
        ("trueup.report/v1", "sources") => "sources[]",
        ("trueup.report/v1", "opaque") => "opaque[]",
        ("sources[]", "by") => "resource",
        ("trueup.snapshot/v1", "kinds") => "kinds[]",
        (_, "resource") => "resource",
        (_, "origin") => "origin",
        (_, "changed_by") => "changed_by",
        (_, "declared_by" | "unsynced_since") => "commit",
        (_, "decision") => "decision",
        (_, "ignore_rule") => "ignore_rule",
        (_, "proposal") => "proposal",
        _ => return None,
    })
}

fn is_a(kind: &str, value: &Value) -> bool {
    let all = |fits: fn(&Value) -> bool| value.as_array().is_some_and(|items| items.iter().all(fits));
    match kind {
        "any" => true,
        "text" => value.is_string(),
        "time" => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        "true or false" => value.is_boolean(),
        "count" => value.is_u64(),
        "whole number" => value.as_u64().is_some_and(|number| number > 0),
        "number 0 to 1" => value.as_f64().is_some_and(|number| {
            (0.0..=1.0).contains(&number) && ((number * 10_000.0).round() - number * 10_000.0).abs() < 1e-6
        }),
        "object" => value.is_object(),
        "object of counts" => value.as_object().is_some_and(|object| object.values().all(Value::is_u64)),
        "list" => value.is_array(),
        "list of texts" => all(Value::is_string),
        "list of counts" => all(Value::is_u64),
        other => panic!("the page names a type that the test does not know: {other}"),
    }
}

const LIST: &str = "\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Namespace
    metadata: {name: ml, labels: {team: a}}
  - apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, namespace: ml}
    spec:
      replicas: 3
      selector: {matchLabels: {app: web}}
      template:
        metadata: {labels: {app: web}}
        spec: {containers: [{name: web, image: 'r.example/web:1', resources: {limits: {memory: 1000Mi}}}]}
";

/// A repository and a live side in which everything occurs that the demo lacks: a problem in a file, an amount within
/// its threshold, a baseline that Git has left, a commit that has not been delivered, items of a list, a kind that could not be read.
fn desk() -> Desk {
    let desk = Desk::new();
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: ml}\nspec: {ports: [{port: 80}]}\n";
    let before = LIST.replace("team: a", "team: b");
    remote(&desk, &[("apps/list.yaml", &before), ("apps/broken.yaml", "kind: [\n"), ("apps/web.yaml", service)]);
    Bare::at(desk.path("remote.git")).commit(MAIN, &[("apps/list.yaml", LIST)], ALICE);
    let live = LIST.replace("1000Mi", "1050Mi").replace("replicas: 3", "replicas: 9").replace("team: a", "team: b");
    desk.write("live.yaml", &live);
    desk.write("baselines/web.yaml", "match: {kind: Deployment, name: web}\nexpect: {spec: {template: {spec: {containers: [{name: web, image: 'r.example/web:0'}]}}}}\n");
    desk.write("trueup.yaml", "cluster: {snapshot: live.yaml}\nrepository: {url: remote.git, cache: cache}\nsources: [{name: apps, path: apps, environment: production}]\nforge: {local: {folder: prs}}\nbaselines: baselines\n");
    desk
}

/// A source that a live Application names, with a Secret that is encrypted in Git.
fn discovering() -> Desk {
    let desk = Desk::new();
    let sealed = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: ml}\ndata: {a: ENC}\nsops: {mac: ENC}\n";
    remote(&desk, &[("apps/secret.yaml", sealed)]);
    let application = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: ml, namespace: argocd}}\nspec:\n  \
         source: {{repoURL: {}, path: apps}}\n  destination: {{name: in-cluster, namespace: ml}}\nstatus: {{sync: {{revision: c0ffee}}}}\n",
        desk.path("remote.git").display()
    );
    desk.write("live.yaml", &application);
    desk.write(
        "trueup.yaml",
        "cluster: {snapshot: live.yaml}\nrepository: {url: remote.git, cache: cache}\ndiscover: {tools: [argo_cd]}\n",
    );
    desk
}

/// The report: from the demo, from `plan`, `scan` and `diff`, whole and broken.
#[test]
fn reports() {
    let mut page = Page::read();
    let demo = Desk::new();
    let desk = desk();
    desk.write("declared/list.yaml", LIST);
    for report in [
        demo.trueup(["demo", "--keep", "demo", "-o", "json", "--all"]).run().exits(0).json(),
        demo.trueup(["plan", "-c", "demo/trueup.yaml", "-o", "json"]).run().exits(1).json(),
        desk.trueup(["scan", "-o", "json"]).run().exits(3).json(),
        desk.trueup(["plan", "-o", "json", "--all"]).run().exits(3).json(),
        discovering().trueup(["scan", "-o", "json"]).run().exits(0).json(),
        desk.trueup(["diff", "--declared", "declared", "--live", "live.yaml", "-o", "json"]).run().exits(1).json(),
    ] {
        assert_eq!(report["schema"], "trueup.report/v1");
        page.check("trueup.report/v1", &report);
    }
    let other_form = |line: &String| {
        line.starts_with("trueup.") && !line.starts_with("trueup.report")
            || line.contains("of an alert")
            || line.starts_with("kinds[]")
    };
    assert_eq!(page.unseen().into_iter().filter(|line| !other_form(line)).collect::<Vec<_>>(), [""; 0]);
}

/// The header of a snapshot, with a kind that could not be read, and that its lines are masked objects.
#[test]
fn snapshots() {
    let mut page = Page::read();
    let desk = desk();
    desk.trueup(["snapshot", "-o", "saved.jsonl"]).run().exits(3);
    let text = std::fs::read_to_string(desk.path("saved.jsonl")).expect("a snapshot");
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let header = lines.next().expect("a header");
    assert_eq!(header["schema"], "trueup.snapshot/v1");
    page.check("trueup.snapshot/v1", &header);
    let objects: Vec<_> = lines.collect();
    assert_eq!(objects.len(), 2);
    assert!(objects.iter().all(|object| object["apiVersion"].is_string() && object["kind"].is_string()));
    let snapshot = |line: &String| line.starts_with("trueup.snapshot") || line.starts_with("kinds[]");
    // schemas come from a cluster: stories/custom_schema.rs
    assert_eq!(page.unseen().into_iter().filter(snapshot).collect::<Vec<_>>(), ["trueup.snapshot/v1: schemas"]);
}

/// The alert, as a receiver gets it: one POST for the cycle.
#[test]
fn alerts() {
    let mut page = Page::read();
    let demo = Desk::new();
    demo.trueup(["demo", "--keep", "demo"]).run().exits(0);
    let receiver = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/hook", receiver.local_addr().expect("address"));
    let received = std::thread::spawn(move || {
        let (mut connection, _) = receiver.accept().expect("a connection");
        let mut text = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let count = connection.read(&mut buffer).expect("readable");
            text.extend_from_slice(&buffer[..count]);
            let whole = String::from_utf8_lossy(&text).into_owned();
            let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
            if count == 0 || length.is_some_and(|length| length.parse::<usize>().expect("a number") <= body.len()) {
                connection.write_all(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n").expect("writable");
                return (head.to_owned(), body.to_owned());
            }
        }
    });
    let ran =
        demo.trueup(["run", "-c", "demo/trueup.yaml", "-o", "json"]).env("ALERT_WEBHOOK_URL", &address).run().exits(0);
    assert_eq!(ran.json()["problems"], serde_json::json!([]), "the alert was delivered");
    let (head, body) = received.join().expect("an alert");
    assert!(
        head.starts_with("POST /hook ") && head.to_lowercase().contains("content-type: application/json"),
        "{head}"
    );
    let alert: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(alert["schema"], "trueup.alert/v1");
    page.check("trueup.alert/v1", &alert);
    let of_alert = |line: &String| line.starts_with("trueup.alert") || line.contains("of an alert");
    assert_eq!(page.unseen().into_iter().filter(of_alert).collect::<Vec<_>>(), [""; 0]);
}

/// Every value of a closed list stands on the page.
#[test]
fn closed_lists() {
    let page = page();
    fn names<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
        all.iter().map(|value| name(*value)).collect()
    }
    let all = [
        names(DriftKind::ALL, DriftKind::as_str),
        names(Verdict::ALL, Verdict::as_str),
        names(Aspect::ALL, Aspect::as_str),
        names(Category::ALL, Category::as_str),
        names(Severity::ALL, Severity::as_str),
        names(Confidence::ALL, Confidence::as_str),
        names(ManagerClass::ALL, ManagerClass::as_str),
        names(Change::ALL, Change::as_str),
        names(Outcome::ALL, Outcome::as_str),
        names(ActionType::ALL, ActionType::as_str),
    ];
    for name in all.concat() {
        assert!(page.contains(&format!("`{name}`")), "docs/report.md does not name {name}");
    }
}
