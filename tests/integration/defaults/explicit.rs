//! Each default declared as what it is, and as nothing (zero, false, ""), in dry runs of a create and of a server-side
//! apply: what the API server makes of it is no drift. Where it keeps a zero that is not the default, that zero is found
//! in an object of which Git says nothing there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trueup::domain::drift::compare::{Rules, compare};
use trueup::domain::normalize::defaults::find;
use trueup::domain::ownership::ManagerClasses;
use trueup::domain::resource::{LiveObject, ResourceId};
use trueup::domain::schema::Schemas;
use trueup::domain::secret::{MaskKey, mask_object};

use super::as_sent;
use super::filled::{Filled, filled};
use crate::pairs::files;
use crate::support::cluster::{Way, cluster_without_controllers};
use crate::support::world::{Setting, World};

/// What is safe in a dry run alone: everybody's discovery and everybody's Services would feel these.
const DRY: &str = "\
apiVersion: networking.k8s.io/v1
kind: ServiceCIDR
metadata: {name: further}
spec: {cidrs: [192.168.0.0/24]}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.nobody.company.example}
spec: {group: nobody.company.example, version: v1, groupPriorityMinimum: 1000, versionPriority: 10, insecureSkipTLSVerify: true, service: {namespace: nowhere, name: nobody}}
";

/// Kinds that nobody keeps in Git: written by the cluster itself, or answers to a question.
const NOBODYS: &[&str] = &[
    "Binding",
    "CSINode",
    "CertificateSigningRequest",
    "ComponentStatus",
    "ControllerRevision",
    "Event",
    "IPAddress",
    "Node",
    "ResourceSlice",
    "VolumeAttachment",
];

/// Objects that others name, and that are made before.
const NAMED: &[&str] = &["puller", "sandboxed-explicit"];

const DELIVERY: &str = "gitops";

/// How an object is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sent {
    Created,
    Applied,
}

/// Sends objects without keeping them.
struct Server {
    client: kube::Client,
    /// Path of a kind's objects by apiVersion and kind.
    paths: BTreeMap<(String, String), String>,
}

impl Server {
    async fn new(world: &World) -> Self {
        let rules = r#"[{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}, {nonResourceURLs: ["*"], verbs: ["*"]}]"#;
        let token = world.cluster.account(&world.namespace, "dry", rules, true).token;
        let kubeconfig = serde_yaml::from_str(&world.cluster.kubeconfig(&token)).expect("kubeconfig");
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default()).await;
        Self { client: kube::Client::try_from(config.expect("config")).expect("client"), paths: BTreeMap::new() }
    }

    /// Learns where a kind's objects are.
    fn learn(&mut self, world: &World, api_version: &str) {
        let start = if api_version.contains('/') { "/apis" } else { "/api" };
        let base = format!("{start}/{api_version}");
        let list: Value = serde_json::from_str(&world.cluster.kubectl(&["get", "--raw", &base])).expect("JSON");
        for resource in list["resources"].as_array().expect("resources") {
            let text = |name: &str| resource[name].as_str().expect("a text");
            if text("name").contains('/') {
                continue;
            }
            let scope =
                if resource["namespaced"] == true { format!("/namespaces/{}", world.namespace) } else { String::new() };
            let path = format!("{base}{scope}/{}", text("name"));
            self.paths.insert((api_version.to_owned(), text("kind").to_owned()), path);
        }
    }

    async fn send(&self, object: &Value, how: Sent, manager: &str) -> Result<Value, String> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let path = &self.paths[&(text(&object["apiVersion"]), text(&object["kind"]))];
        let body = object.to_string().into_bytes();
        let request = match how {
            Sent::Created => http::Request::post(format!("{path}?dryRun=All&fieldManager={manager}"))
                .header("Content-Type", "application/json"),
            Sent::Applied => {
                let name = text(&object["metadata"]["name"]);
                http::Request::patch(format!("{path}/{name}?dryRun=All&fieldManager={manager}&force=true"))
                    .header("Content-Type", "application/apply-patch+yaml")
            }
        };
        let request = request.body(body).expect("a request");
        self.client.request::<Value>(request).await.map_err(|error| error.to_string())
    }
}

/// The differences of a pair, as `change path`.
fn differences(sent: &Value, back: &Value) -> Vec<String> {
    let key = MaskKey::for_this_run(b"defaults");
    let (mut sent, mut back) = (sent.clone(), back.clone());
    let managed = back["metadata"].as_object_mut().expect("metadata").remove("managedFields");
    mask_object(&mut sent, &key);
    mask_object(&mut back, &key);
    let managed_fields = managed.map(|managed| serde_json::value::to_raw_value(&managed).expect("JSON"));
    let live = LiveObject { id: ResourceId::of(&back).expect("named"), object: back, managed_fields };
    let (schemas, managers) = (Schemas::default(), ManagerClasses::default());
    let rules = Rules { schemas: &schemas, managers: &managers, delivery_manager: Some(DELIVERY) };
    let found = compare(&sent, &live, &rules).differences;
    found
        .iter()
        .map(|found| format!("{} {} ({:?} → {:?})", found.change, found.path, found.declared, found.live))
        .collect()
}

/// An object with another value in a place that it may not have yet.
fn with(object: &Value, pointer: &str, value: &Value) -> Value {
    let mut object = object.clone();
    let mut place = &mut object;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        place = match place {
            Value::Array(items) => &mut items[step.parse::<usize>().expect("an index")],
            other => {
                if other.is_null() {
                    *other = json!({});
                }
                &mut other[step]
            }
        };
    }
    *place = value.clone();
    object
}

fn nothing(value: &Value) -> Value {
    match value {
        Value::Bool(_) => json!(false),
        Value::Number(_) => json!(0),
        Value::String(_) => json!(""),
        Value::Array(_) => json!([]),
        _ => json!({}),
    }
}

#[derive(Default)]
struct Counts {
    explicit: usize,
    zeros: usize,
    refused: usize,
    kept: usize,
    wrong: Vec<String>,
    rows: BTreeSet<(String, String)>,
}

/// Each row once for each kind: declared as its default, and as nothing.
async fn check(server: &Server, object: &Value, tried: &mut BTreeSet<(String, String, String)>, counts: &mut Counts) {
    let name = format!("{} {}", object["kind"], object["metadata"]["name"]);
    for how in [Sent::Created, Sent::Applied] {
        let back = server.send(object, how, DELIVERY).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let wrong = differences(object, &back);
        counts.wrong.extend(wrong.iter().map(|wrong| format!("{name} as it is, {how:?}: {wrong}")));
        let found = filled(object, &back);
        counts.wrong.extend(found.unexplained.iter().map(|what| format!("{name}: {what}")));
        let is_value = |filled: &&Filled| {
            let row = find(&filled.part, &filled.field);
            row.is_some_and(|row| !matches!(row, trueup::domain::normalize::defaults::Default::Allocated))
        };
        let by_table: Vec<_> = found.by_table.iter().filter(is_value).collect();
        let explicit =
            by_table.iter().fold(object.clone(), |object, filled| with(&object, &filled.pointer, &filled.value));
        match server.send(&explicit, how, DELIVERY).await {
            Err(error) => counts.wrong.push(format!("{name} with every default declared is refused: {error}")),
            Ok(with_defaults) => {
                counts.explicit += by_table.len();
                for (sent, back) in [(&explicit, &with_defaults), (&explicit, &back), (object, &with_defaults)] {
                    // with server-side apply, what the delivery applied and Git does not declare is drift by design
                    if how == Sent::Created || std::ptr::eq(sent, &explicit) {
                        let wrong = differences(sent, back);
                        counts.wrong.extend(
                            wrong.iter().map(|wrong| format!("{name} with defaults declared, {how:?}: {wrong}")),
                        );
                    }
                }
            }
        }
        for filled in by_table {
            let (part, field) = (filled.part.clone(), filled.field.clone());
            counts.rows.insert((part.clone(), field.clone()));
            if tried.insert((part, field, format!("{how:?} {}", object["kind"]))) {
                zero(server, object, filled, how, &name, counts).await;
            }
        }
    }
}

async fn zero(server: &Server, object: &Value, filled: &Filled, how: Sent, name: &str, counts: &mut Counts) {
    let zero = nothing(&filled.value);
    let declared = with(object, &filled.pointer, &zero);
    let Ok(back) = server.send(&declared, how, DELIVERY).await else {
        counts.refused += 1;
        return;
    };
    counts.zeros += 1;
    let what = format!("{name} with {}.{} = {zero}, {how:?}", filled.part, filled.field);
    counts.wrong.extend(differences(&declared, &back).iter().map(|wrong| format!("{what}: {wrong}")));
    let kept = back.pointer(&filled.pointer) == Some(&zero) && zero != filled.value;
    if kept && how == Sent::Applied && !zero.is_object() {
        // the same by somebody else's hand, where Git leaves the field out
        let by_hand = server.send(&declared, how, "somebody").await.expect("as before");
        let found = differences(object, &by_hand);
        counts.kept += 1;
        if !found.iter().any(|found| found.contains(&filled.field)) {
            counts.wrong.push(format!("{what}: kept, and not found where Git says nothing: {found:?}"));
        }
    }
}

/// Every row, in every kind that meets it.
#[test]
#[allow(clippy::print_stderr, reason = "the counts are what this test is for")]
fn declared_defaults_and_zeros_do_not_drift() {
    let world = World::new(&Setting {
        name: "explicit",
        in_cluster: Some(cluster_without_controllers()),
        ..Setting::default()
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    let manifests = files().into_iter().filter(|(stem, _)| stem != "custom").map(|(_, text)| text);
    let manifests: Vec<_> = manifests.chain([DRY.to_owned()]).map(|text| text.replace("WAY", "explicit")).collect();
    let objects: Vec<_> = manifests.iter().flat_map(|text| as_sent(world.cluster, &world.namespace, text)).collect();
    // what Pods name has to be there
    let (named, objects): (Vec<_>, Vec<_>) =
        objects.into_iter().partition(|object| NAMED.iter().any(|name| object["metadata"]["name"] == *name));
    named.iter().for_each(|object| world.cluster.deliver(Way::ClientSide, &world.namespace, &object.to_string()));
    let mut server = runtime.block_on(Server::new(&world));
    let versions: BTreeSet<_> =
        objects.iter().map(|object| object["apiVersion"].as_str().expect("a version")).collect();
    versions.iter().for_each(|version| server.learn(&world, version));

    let is_sent = |kind: &String| objects.iter().any(|object| object["kind"] == kind.as_str());
    let kinds =
        server.paths.keys().map(|(_, kind)| kind).filter(|kind| !is_sent(kind) && !NOBODYS.contains(&kind.as_str()));
    assert_eq!(kinds.collect::<Vec<_>>(), Vec::<&String>::new(), "kinds of which no object is sent");

    let mut counts = Counts::default();
    let mut tried = BTreeSet::new();
    for object in &objects {
        runtime.block_on(check(&server, object, &mut tried, &mut counts));
    }
    eprintln!(
        "{} rows in {} objects: {} defaults declared, {} zeros ({} refused, {} kept and found)",
        counts.rows.len(),
        objects.len(),
        counts.explicit,
        counts.zeros,
        counts.refused,
        counts.kept
    );
    assert!(counts.wrong.is_empty(), "{}", counts.wrong.join("\n"));
    assert!(counts.rows.len() >= 130 && counts.zeros >= 200 && counts.kept >= 20);
}
