//! What the API server makes of untouched manifests is no drift: defaults, allocations, admission, other spellings.
//! The manifests in `tests/data/manifests` are delivered in several ways and read back through the program.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::cluster::Way;
use crate::support::eventually;
use crate::support::git::MAIN;
use crate::support::world::{Setting, World};

/// The files, those of CRDs first: a kind has to be served before an object of it can be made.
fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/manifests");
    let paths = std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .map(|path| {
            let stem = path.file_stem().expect("name").to_string_lossy().into_owned();
            (stem, std::fs::read_to_string(&path).expect("text"))
        })
        .collect();
    files.sort_by_key(|(stem, _)| (!stem.starts_with("crd"), stem.clone()));
    files
}

/// How many objects a file holds: as its first line says, else a kind each.
fn objects(text: &str) -> usize {
    let said = text.lines().next().and_then(|line| line.strip_prefix("# objects: "));
    said.map_or_else(|| text.matches("\nkind: ").count(), |count| count.parse().expect("a number"))
}

/// Delivers every file into a namespace of its own, in these ways one after the other, and demands that a scan of all of them finds nothing.
fn check(name: &str, ways: &[Way]) {
    let by_server = ways.iter().any(|way| matches!(way, Way::ServerSide(_)));
    let is_told = |line: &&str| !(by_server && line.ends_with("# refused by server-side apply"));
    let told = |text: &str| text.split_inclusive('\n').filter(|line| is_told(&line.trim_end())).collect::<String>();
    let files: Vec<_> = files().into_iter().map(|(stem, text)| (stem, told(&text.replace("WAY", name)))).collect();
    let in_git: Vec<_> = files.iter().map(|(stem, text)| (format!("{stem}/all.yaml"), text.clone())).collect();
    let in_git: Vec<_> = in_git.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let everywhere = Setting { name, files: &in_git, everywhere: true, ..Setting::default() };
    let world = World::new(&everywhere);
    let mut sources = String::from("sources:\n");
    let mut delivered = Vec::new();
    for (stem, text) in &files {
        let namespace = world.cluster.namespace(&format!("{name}-{stem}"));
        ways.iter().for_each(|way| world.cluster.deliver(*way, &namespace, text));
        let _ = writeln!(sources, "  - {{name: {stem}, path: {stem}, namespace: {namespace}}}");
        delivered.push((format!("{stem}/all.yaml"), namespace, text));
        if stem.starts_with("crd") {
            let plural = if stem == "crd" { "backups" } else { "tricks" };
            let group = format!("{name}.company.example");
            let crd = format!("crd/{plural}.{group}");
            world.cluster.kubectl(&["wait", "--for=condition=Established", "--timeout=120s", &crd]);
            let kinds = ["get", "--raw", &format!("/apis/{group}/v1")];
            eventually(|| world.cluster.try_kubectl(&kinds, "", &[]).ok()?.contains(plural).then_some(()));
        }
    }
    world.configure(|config| {
        let usual = config.lines().find(|line| line.starts_with("sources:")).expect("sources").to_owned();
        config.replace(&format!("{usual}\n"), &sources)
    });
    // the controllers write their part
    let bound = || world.cluster.kubectl(&["get", "persistentvolumeclaims", "-A"]).contains(&format!("volume-{name} "));
    eventually(|| bound().then_some(()));

    let documents: usize = files.iter().map(|(_, text)| objects(text)).sum();
    assert!(documents >= 120, "{documents} documents");
    nothing_drifts(&world, documents);

    // and what `kubectl get` exports, with all that the server wrote into it, may stand in Git as it is
    let export = |namespace: &str, text: &str| {
        let args = ["-n", namespace, "get", "-f", "-", "-o", "yaml", "--show-managed-fields"];
        world.cluster.kubectl_with(&args, text, &[])
    };
    let exported: Vec<_> =
        delivered.iter().map(|(path, namespace, text)| (path.as_str(), export(namespace, text))).collect();
    let exported: Vec<_> = exported.iter().map(|(path, text)| (*path, text.as_str())).collect();
    assert!(exported.iter().all(|(_, text)| text.contains("resourceVersion: ") && text.contains("managedFields:")));
    world.remote.commit(MAIN, &exported);
    nothing_drifts(&world, documents);
}

/// A scan compares so many objects and has nothing to say about any of them.
fn nothing_drifts(world: &World, documents: usize) {
    let ran = world.trueup(&["scan", "--all", "-o", "json"]);
    assert_eq!((ran.items(), ran.problems()), (vec![], vec![]), "{}", details(&ran.json()));
    let report = ran.json();
    let count = |name: &str| report["summary"][name].as_u64().expect("a number");
    assert_eq!((count("declared"), count("compared"), count("unknown")), (documents as u64, documents as u64, 0));
    assert_eq!(ran.code, Some(0));
}

fn details(report: &serde_json::Value) -> String {
    let items = report["items"].as_array().expect("items").iter();
    items
        .map(|item| format!("{} {}: {} → {}\n", item["resource"], item["path"], item["declared"], item["live"]))
        .collect()
}

/// `kubectl create`: the creator owns every default.
#[test]
fn created_objects_do_not_drift() {
    check("create", &[Way::Create]);
}

/// `kubectl apply`: as above, with the last applied configuration as an annotation.
#[test]
fn applied_objects_do_not_drift() {
    check("client", &[Way::ClientSide]);
}

/// `kubectl apply --server-side`: nobody owns a default.
#[test]
fn server_side_applied_objects_do_not_drift() {
    check("server", &[Way::ServerSide("argocd-controller")]);
}

/// From one delivery to another: `kubectl apply`, the same on the server's side, then Argo CD. Each of them owns a part.
#[test]
fn objects_that_changed_their_delivery_do_not_drift() {
    check("migrated", &[Way::ClientSide, Way::ServerSide("kubectl"), Way::ServerSide("argocd-controller")]);
}
