//! What the API server makes of untouched manifests is no drift: defaults, allocations, admission, other spellings.
//! The manifests in `tests/data/manifests` are delivered in several ways and read back through the program.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::cluster::{Way, cluster_without_controllers};
use crate::support::eventually;
use crate::support::world::{Setting, World};
use crate::{adoption, defaults};

/// The files, `crd.yaml` first: its kind has to be served before an object of it can be made.
pub(crate) fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/manifests");
    let paths = std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .map(|path| {
            let stem = path.file_stem().expect("name").to_string_lossy().into_owned();
            (stem, std::fs::read_to_string(&path).expect("text"))
        })
        .collect();
    files.sort_by_key(|(stem, _)| (stem != "crd", stem.clone()));
    files
}

/// Delivers every file into a namespace of its own, in these ways one after the other, and demands that a scan of all of
/// them finds nothing, and that each row of the table of defaults was needed for that.
fn check(name: &str, ways: &[Way], controllers: bool) {
    let files: Vec<_> = files().into_iter().map(|(stem, text)| (stem, text.replace("WAY", name))).collect();
    let in_git: Vec<_> = files.iter().map(|(stem, text)| (format!("{stem}/all.yaml"), text.clone())).collect();
    let in_git: Vec<_> = in_git.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let in_cluster = (!controllers).then(cluster_without_controllers);
    let everywhere = Setting { name, files: &in_git, everywhere: true, in_cluster, ..Setting::default() };
    let world = World::new(&everywhere);
    let mut sources = String::from("sources:\n");
    let mut delivered = Vec::new();
    for (stem, text) in &files {
        let namespace = world.cluster.namespace(&format!("{name}-{stem}"));
        ways.iter().for_each(|way| world.cluster.deliver(*way, &namespace, text));
        let _ = writeln!(sources, "  - {{name: {stem}, path: {stem}, namespace: {namespace}}}");
        delivered.push((namespace.clone(), text.clone()));
        if stem == "defaults" {
            defaults::let_others_write(world.cluster, name, &namespace);
        }
        if stem == "crd" {
            let group = format!("{name}.company.example");
            world.cluster.kubectl(&[
                "wait",
                "--for=condition=Established",
                "--timeout=120s",
                &format!("crd/backups.{group}"),
            ]);
            let served = || world.cluster.kubectl(&["get", "--raw", "/apis"]).contains(&group).then_some(());
            eventually(served);
        }
    }
    world.configure(|config| {
        let usual = config.lines().find(|line| line.starts_with("sources:")).expect("sources").to_owned();
        config.replace(&format!("{usual}\n"), &sources)
    });
    // the controllers write their part
    let bound = || world.cluster.kubectl(&["get", "persistentvolumeclaims", "-A"]).contains(&format!("volume-{name} "));
    let adopted = || {
        let pods = world.cluster.kubectl(&["get", "pods", "-A", "-o", OWNERS]);
        // the other ways of writing have one of that name too
        pods.split(' ').any(|pod| pod.starts_with(&format!("{name}-")) && pod.ends_with("/adopted=adopts"))
    };
    if controllers {
        eventually(|| (bound() && adopted()).then_some(()));
    }

    let ran = world.trueup(&["scan", "--all", "-o", "json"]);
    assert_eq!((ran.items(), ran.problems()), (vec![], vec![]), "{}", details(&ran.json()));
    let report = ran.json();
    let count = |name: &str| report["summary"][name].as_u64().expect("a number");
    let documents: usize = files.iter().map(|(_, text)| text.matches("\nkind: ").count()).sum();
    assert_eq!((count("declared"), count("compared"), count("unknown")), (documents as u64, documents as u64, 0));
    assert!(documents >= 60, "{documents} documents");
    assert_eq!(ran.code, Some(0));
    defaults::hold_table_against(world.cluster, &delivered, controllers);
    if let [Way::Create | Way::ClientSide] = ways
        && controllers
    {
        adoption::hold_against(world.cluster, &delivered);
    }
}

/// Pods with what owns them, as `kubectl -o` takes it.
const OWNERS: &str =
    "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}={.metadata.ownerReferences[0].name} {end}";

fn details(report: &serde_json::Value) -> String {
    let items = report["items"].as_array().expect("items").iter();
    items
        .map(|item| format!("{} {}: {} → {}\n", item["resource"], item["path"], item["declared"], item["live"]))
        .collect()
}

/// `kubectl create`: the creator owns every default.
#[test]
fn created_objects_do_not_drift() {
    check("create", &[Way::Create], true);
}

/// `kubectl apply`: as above, with the last applied configuration as an annotation.
#[test]
fn applied_objects_do_not_drift() {
    check("client", &[Way::ClientSide], true);
}

/// `kubectl apply --server-side`: nobody owns a default.
#[test]
fn server_side_applied_objects_do_not_drift() {
    check("server", &[Way::ServerSide("argocd-controller")], true);
}

/// From one delivery to another: `kubectl apply`, the same on the server's side, then Argo CD. Each of them owns a part.
#[test]
fn objects_that_changed_their_delivery_do_not_drift() {
    check("migrated", &[Way::ClientSide, Way::ServerSide("kubectl"), Way::ServerSide("argocd-controller")], true);
}

/// The same without controllers, where admission picks classes for what declares none.
#[test]
fn objects_of_a_cluster_without_controllers_do_not_drift() {
    check("bare-create", &[Way::Create], false);
    check("bare-client", &[Way::ClientSide], false);
    check("bare-server", &[Way::ServerSide("argocd-controller")], false);
}
