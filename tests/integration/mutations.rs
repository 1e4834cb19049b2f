//! One field changed at a time, for every field of many objects, by a person's tool: each change is found, at its path,
//! with its author, and nothing else is found. The objects are those of `tests/data/manifests`, the changes follow from
//! the fields' types alone ([`enumerate`]), and what is to be found from what the API server makes of each.

mod enumerate;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use futures::StreamExt as _;
use serde_json::{Value, json};
use trueup::domain::field_path::FieldPath;

use self::enumerate::{Mutation, What, mutations};
use crate::support::cluster::Way;
use crate::support::world::{Setting, World};

/// The files whose objects live in a namespace and allow copies of themselves. (A second `limits.yaml` would change
/// what is admitted, the objects of the others are the cluster's own.)
const FILES: &[&str] =
    &["autoscaling", "batch", "core", "networking", "pods", "policy", "rbac", "storage", "workloads"];

/// The tools that people use.
const MANAGERS: &[&str] = &["kubectl-patch", "kubectl-edit", "k9s"];

/// Changes whose result is right although it is another than the rule says: kind (or all), end of the path, the verdict
/// in place of the usual one (none: nothing is told of an addition), why.
const EXCEPTIONS: &[(&str, &str, Option<&str>, &str)] = &[
    ("", "template.spec.enableServiceLinks", None, "true is what it is where nobody says so, so nothing changes"),
    ("Deployment", "livenessProbe.periodSeconds", Some("live_only"), "declared as 0, which is as good as absent"),
    ("Service", "[port=53,protocol=TCP].targetPort", Some("live_only"), "declared as 0, which is as good as absent"),
];

/// A mutation with its object, and what has to be found.
struct Case {
    object: Value,
    name: String,
    mutation: Mutation,
    manager: &'static str,
    expected: Vec<String>,
}

#[derive(Default)]
struct Count {
    refused: usize,
    without_effect: usize,
    /// The API server changed another field with it.
    spread: usize,
    excepted: usize,
    kinds: BTreeSet<String>,
}

/// As kubectl reads them, without those that have no namespace.
fn objects(world: &World) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/manifests");
    let namespaced = |object: &Value| {
        ![
            "Namespace",
            "ClusterRole",
            "ClusterRoleBinding",
            "IngressClass",
            "StorageClass",
            "CSIDriver",
            "PersistentVolume",
            "FlowSchema",
        ]
        .contains(&object["kind"].as_str().expect("a kind"))
    };
    let mut objects = Vec::new();
    for file in FILES {
        let text = std::fs::read_to_string(folder.join(format!("{file}.yaml"))).expect("text");
        let read = world.cluster.kubectl_with(
            &["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-"],
            &text.replace("WAY", "mutations"),
            &[],
        );
        let read = serde_json::Deserializer::from_str(&read).into_iter::<Value>().map(|object| object.expect("JSON"));
        let read = read.flat_map(|object| match object["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![object],
        });
        objects.extend(read.filter(namespaced).map(|mut object| {
            object["metadata"].as_object_mut().expect("metadata").remove("namespace");
            object
        }));
    }
    objects
}

/// The API server's address of an object.
fn address(namespace: &str, object: &Value, name: &str) -> String {
    let text = |name: &str| object[name].as_str().expect("a text");
    let (version, kind) = (text("apiVersion"), text("kind").to_lowercase());
    let plural = match kind.strip_suffix('y') {
        Some(start) => format!("{start}ies"),
        None if kind.ends_with('s') => format!("{kind}es"),
        None => format!("{kind}s"),
    };
    let start = if version.contains('/') { "apis" } else { "api" };
    format!("/{start}/{version}/namespaces/{namespace}/{plural}/{name}")
}

/// A client of an account that may do everything in the namespace.
async fn client(world: &World) -> kube::Client {
    let rules = r#"[{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]"#;
    let token = world.cluster.account(&world.namespace, "person", rules, false).token;
    let kubeconfig = serde_yaml::from_str(&world.cluster.kubeconfig(&token)).expect("kubeconfig");
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default()).await;
    kube::Client::try_from(config.expect("config")).expect("client")
}

/// Sends a mutation; the object as it is then, or why not.
async fn send(
    client: &kube::Client,
    address: &str,
    mutation: &Mutation,
    manager: &str,
    dry: bool,
) -> Result<Value, String> {
    let (operation, value) = match &mutation.what {
        What::Change(value) => ("replace", Some(value)),
        What::Add(value) | What::Append(value, _) => ("add", Some(value)),
        What::Remove | What::RemoveItem(_) => ("remove", None),
    };
    // `stringData` is written only, so nothing is there to be replaced
    let operation = if mutation.pointer.starts_with("/stringData") { "add" } else { operation };
    let merges = !mutation.in_list && (manager == "k9s" || mutation.pointer.starts_with("/stringData"));
    let (form, patch) = if merges {
        let steps = mutation.pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
        let steps: Vec<_> = steps.collect();
        let patch = steps.iter().rev().fold(value.cloned().unwrap_or(Value::Null), |patch, step| json!({step: patch}));
        ("merge-patch", patch)
    } else {
        let mut step = json!({"op": operation, "path": mutation.pointer});
        if let Some(value) = value {
            step["value"] = value.clone();
        }
        ("json-patch", json!([step]))
    };
    let request =
        http::Request::patch(format!("{address}?fieldManager={manager}{}", if dry { "&dryRun=All" } else { "" }))
            .header("Content-Type", format!("application/{form}+json"))
            .body(patch.to_string().into_bytes())
            .expect("a request");
    client.request::<Value>(request).await.map_err(|error| error.to_string())
}

/// Every field with its pointer, without what each write changes.
fn leaves(value: &Value, pointer: &str, into: &mut BTreeMap<String, Value>) {
    let own = ["/status", "/metadata/managedFields", "/metadata/resourceVersion", "/metadata/generation"];
    if own.contains(&pointer) || pointer.starts_with("/metadata/annotations/deployment.kubernetes.io") {
        return;
    }
    let step = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| leaves(value, &step(name), into)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| leaves(value, &step(&at.to_string()), into))
        }
        scalar => drop(into.insert(pointer.to_owned(), scalar.clone())),
    }
}

/// What a scan has to say, from what the API server made of it. None where that is nothing that can be told.
fn expected(
    mutation: &Mutation,
    manager: &str,
    before: &Value,
    after: &Value,
    count: &mut Count,
) -> Option<Vec<String>> {
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    leaves(before, "", &mut old);
    leaves(after, "", &mut new);
    let differing: Vec<_> = old
        .iter()
        .filter(|pair| new.get(pair.0) != Some(pair.1))
        .chain(new.iter().filter(|pair| !old.contains_key(pair.0)))
        .collect();
    let list = mutation.pointer.rsplit_once('/').map_or("", |(list, _)| list);
    let is_item = matches!(mutation.what, What::RemoveItem(_) | What::Append(..));
    let place = if is_item { list.to_owned() } else { mutation.pointer.replace("/stringData/", "/data/") };
    let inside = |pointer: &str| pointer == place || pointer.starts_with(&format!("{place}/"));
    if differing.is_empty() && old.len() == new.len() {
        count.without_effect += 1;
        return None;
    }
    if differing.iter().any(|(pointer, _)| !inside(pointer)) {
        count.spread += 1;
        return None;
    }
    let by = format!(" by {manager} (person)");
    let path = &mutation.path;
    let is_there = |pointer: &str| after.pointer(pointer).is_some_and(|value| !value.is_null());
    if matches!(mutation.what, What::Remove) && mutation.is_whole && is_there(&place) {
        count.spread += 1;
        return None;
    }
    // what is below the unit was left out by whoever wrote the unit; else a removal has no author
    let missing = |path: &FieldPath| {
        let is_inside = mutation.unit.is_some_and(|unit| unit < path.steps().len());
        format!("{path} missing{}", if is_inside { &by } else { "" })
    };
    let gone = || {
        // with its last entry the whole goes
        let (mut path, mut place) = (path.clone(), place.as_str());
        while let (Some(parent), Some((above, _))) = (path.parent(), place.rsplit_once('/'))
            && !is_there(above)
            && !parent.is_root()
            && !mutation.is_entry
        {
            (path, place) = (parent, above);
        }
        match mutation.entries.is_empty() {
            true => vec![missing(&path)],
            false => mutation.entries.iter().map(missing).collect(),
        }
    };
    Some(match &mutation.what {
        What::Change(_) => vec![format!("{path} cluster_drift{by}")],
        What::Add(_) => vec![format!("{path} live_only{by}")],
        What::Remove if is_there(&place) => vec![format!("{path} cluster_drift{by}")],
        What::Remove => gone(),
        What::RemoveItem(_) if !is_there(&place) => gone(),
        What::RemoveItem(Some(item)) => vec![missing(item)],
        What::Append(_, Some(item)) => vec![format!("{item} live_only{by}")],
        What::RemoveItem(None) | What::Append(_, None) => vec![format!("{path} cluster_drift{by}")],
    })
}

/// Tries every mutation on the object itself, dry, and keeps those that do something.
async fn cases(client: &kube::Client, world: &World, objects: &[Value], count: &mut Count) -> Vec<Case> {
    let mut tries = Vec::new();
    for object in objects {
        let address = address(&world.namespace, object, object["metadata"]["name"].as_str().expect("a name"));
        let request = http::Request::get(&address).body(Vec::new()).expect("a request");
        let before = client.request::<Value>(request).await.expect("the object");
        for (number, mutation) in mutations(object).into_iter().enumerate() {
            let name = format!("{}-m{number}", object["metadata"]["name"].as_str().expect("a name"));
            let place = mutation.path.to_string();
            let manager = match MANAGERS[number % MANAGERS.len()] {
                "kubectl-edit" if place.starts_with("metadata.labels") => "kubectl-label",
                "kubectl-edit" if place.starts_with("metadata.annotations") => "kubectl-annotate",
                usual => usual,
            };
            tries.push((object, name, address.clone(), before.clone(), mutation, manager));
        }
    }
    let tried: Vec<_> = futures::stream::iter(tries)
        .map(|(object, name, address, before, mutation, manager)| async move {
            let after = send(client, &address, &mutation, manager, true).await;
            (object, name, before, mutation, manager, after)
        })
        .buffered(8)
        .collect()
        .await;
    let mut cases = Vec::new();
    for (object, name, before, mutation, manager, after) in tried {
        let Ok(after) = after else {
            count.refused += 1;
            continue;
        };
        let kind = object["kind"].as_str().expect("a kind");
        let Some(mut expected) = expected(&mutation, manager, &before, &after, count) else { continue };
        let exception = EXCEPTIONS.iter().find(|(of, end, verdict, _)| {
            let fits = (of.is_empty() || *of == kind) && mutation.path.to_string().ends_with(end);
            fits && (verdict.is_some() || matches!(mutation.what, What::Add(_)))
        });
        if let Some((_, _, verdict, _)) = exception {
            count.excepted += 1;
            expected = verdict.iter().map(|verdict| expected[0].replace("cluster_drift", verdict)).collect();
        }
        count.kinds.insert(kind.to_owned());
        let expected = expected.iter().map(|expected| format!("{kind}/{name} {expected}")).collect();
        cases.push(Case { object: object.clone(), name, mutation, manager, expected });
    }
    cases
}

/// Delivers a copy of its object for each mutation, makes them all, and holds one scan against what each should yield.
#[allow(clippy::print_stderr, reason = "the counts are what this test is for")]
fn check(name: &str, way: Way, delivery: &str) {
    let config = format!(
        "sources: [{{name: apps, path: apps, namespace: NAMESPACE, delivery: {{tool: {delivery}}}}}]\nthresholds: {{default: 0}}\n"
    );
    let world = World::new(&Setting { name, config: &config, ..Setting::default() });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    let objects = objects(&world);
    let as_text = |objects: &[Value]| objects.iter().map(|object| format!("{object}\n---\n")).collect::<String>();
    world.cluster.deliver(way, &world.namespace, &as_text(&objects));

    let client = runtime.block_on(client(&world));
    let mut count = Count::default();
    let cases = runtime.block_on(cases(&client, &world, &objects, &mut count));
    let copies: Vec<_> = cases
        .iter()
        .map(|case| {
            let mut copy = case.object.clone();
            copy["metadata"]["name"] = json!(case.name);
            copy
        })
        .collect();
    world.remote.commit("main", &[("apps/all.yaml", &as_text(&copies))]);
    world.cluster.deliver(way, &world.namespace, &world.remote.manifests());
    assert_eq!(world.scan(), (0, vec![]));

    let refused = runtime.block_on(
        futures::stream::iter(&cases)
            .map(|case| (case, address(&world.namespace, &case.object, &case.name), &client))
            .map(|(case, address, client)| async move {
                send(client, &address, &case.mutation, case.manager, false).await.err().map(|error| (case, error))
            })
            .buffer_unordered(8)
            .filter_map(std::future::ready)
            .collect::<Vec<_>>(),
    );
    let refused_late: BTreeSet<_> = refused.iter().flat_map(|(case, _)| &case.expected).collect();
    let (_, found) = world.scan();
    // what a policy says of the same field is another test's
    let found: BTreeSet<_> = found.into_iter().filter(|item| !item.ends_with(']')).collect();
    let expected: BTreeSet<_> =
        cases.iter().flat_map(|case| case.expected.clone()).filter(|item| !refused_late.contains(item)).collect();
    let missed: Vec<_> = expected.difference(&found).collect();
    let extra: Vec<_> = found.difference(&expected).collect();
    let counts = format!(
        "{name}: {} mutations of {} kinds, found {}, missed {}, false {}; refused {} (and {} at last), without effect {}, more than one field {}, excepted {}",
        expected.len(),
        count.kinds.len(),
        expected.len() - missed.len(),
        missed.len(),
        extra.len(),
        count.refused,
        refused.len(),
        count.without_effect,
        count.spread,
        count.excepted,
    );
    eprintln!("{counts}");
    assert!(missed.is_empty() && extra.is_empty(), "{counts}\nmissed: {missed:#?}\nfalse: {extra:#?}");
    assert!(expected.len() >= 700 && count.kinds.len() >= 20, "{counts}");
    // what a dry run does not try: a node port out of range
    let shown: Vec<_> = refused.iter().map(|(case, error)| (&case.expected, error)).collect();
    assert!(refused.len() <= 4, "{shown:#?}");
}

/// Delivered by `kubectl apply`, which owns every default.
#[test]
fn every_changed_field_is_found_after_a_client_side_apply() {
    check("mutated", Way::ClientSide, "kubectl_apply");
}

/// Delivered by server-side apply under Argo CD's name.
#[test]
fn every_changed_field_is_found_after_a_server_side_apply() {
    check("mutated-server", Way::ServerSide("argocd-controller"), "argo_cd");
}
