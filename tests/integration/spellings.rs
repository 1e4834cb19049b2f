//! Manifests as public repositories write them, in `tests/data/spellings`: helm's output with its blanks, lists, JSON,
//! anchors, zeros and nulls, custom resources with every trick of a structural schema. Delivered in each way and read
//! back, they do not drift; nor does what `kubectl get` exports of them, with all that the server wrote into it.

use std::fmt::Write as _;
use std::path::Path;

use crate::support::cluster::Way;
use crate::support::eventually;
use crate::support::git::MAIN;
use crate::support::world::{Setting, World};

/// The files in the order of their delivery: what a custom resource is has to be known before one is made.
const FILES: [&str; 4] = ["crd", "custom", "workloads", "others"];

/// The text of a file, as it can be delivered in this way.
fn text(file: &str, name: &str, way: Way) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/spellings");
    let text = std::fs::read_to_string(folder.join(format!("{file}.yaml"))).expect("text").replace("WAY", name);
    let is_refused = |line: &str| line.trim_end().ends_with("# refused by server-side apply");
    let by_server = matches!(way, Way::ServerSide(_));
    text.split_inclusive('\n').filter(|line| !(by_server && is_refused(line))).collect()
}

/// Delivers every file into a namespace of its own; a scan of all of them finds nothing, and finds nothing again once Git
/// holds what the cluster exports.
fn check(name: &str, way: Way) {
    let texts = FILES.map(|file| (format!("{file}/all.yaml"), text(file, name, way)));
    let in_git = texts.each_ref().map(|(path, text)| (path.as_str(), text.as_str()));
    let world = World::new(&Setting { name, files: &in_git, everywhere: true, ..Setting::default() });
    let (mut sources, mut exports, mut objects) = (String::from("sources:\n"), Vec::new(), 0);
    for (file, (path, text)) in FILES.iter().zip(&texts) {
        let namespace = world.cluster.namespace(&format!("{name}-{file}"));
        world.cluster.deliver(way, &namespace, text);
        let _ = writeln!(sources, "  - {{name: {file}, path: {file}, namespace: {namespace}}}");
        if *file == "crd" {
            let kinds = ["get", "--raw", &format!("/apis/{name}.company.example/v1")];
            eventually(|| world.cluster.try_kubectl(&kinds, "", &[]).ok()?.contains("tricks").then_some(()));
        }
        let said = text.lines().next().and_then(|line| line.strip_prefix("# objects: "));
        objects += said.and_then(|count| count.parse::<usize>().ok()).expect("the first line says how many objects");
        exports.push((path.as_str(), namespace, text));
    }
    world.configure(|config| {
        let usual = config.lines().find(|line| line.starts_with("sources:")).expect("sources").to_owned();
        config.replace(&format!("{usual}\n"), &sources)
    });
    nothing_drifts(&world, objects);

    let export = |namespace: &str, text: &str| {
        let args = ["-n", namespace, "get", "-f", "-", "-o", "yaml", "--show-managed-fields"];
        let text = world.cluster.kubectl_with(&args, text, &[]);
        assert!(["resourceVersion: ", "uid: ", "managedFields:"].iter().all(|field| text.contains(field)), "{text}");
        text
    };
    let exports: Vec<_> = exports.iter().map(|(path, namespace, text)| (*path, export(namespace, text))).collect();
    let exports: Vec<_> = exports.iter().map(|(path, text)| (*path, text.as_str())).collect();
    world.remote.commit(MAIN, &exports);
    nothing_drifts(&world, objects);
}

/// A scan compares so many objects and has nothing to say about any of them.
fn nothing_drifts(world: &World, objects: usize) {
    let ran = world.trueup(&["scan", "--all", "-o", "json"]);
    let report = ran.json();
    assert_eq!((ran.items(), ran.problems()), (vec![], vec![]), "{:#}", report["items"]);
    let summary = &report["summary"];
    assert_eq!((&summary["declared"], &summary["compared"]), (&objects.into(), &objects.into()), "{summary}");
    assert_eq!((&summary["unknown"], ran.code), (&0.into(), Some(0)), "{summary}");
}

/// `kubectl create`.
#[test]
fn created_spellings_do_not_drift() {
    check("spelled-create", Way::Create);
}

/// `kubectl apply`.
#[test]
fn applied_spellings_do_not_drift() {
    check("spelled-client", Way::ClientSide);
}

/// `kubectl apply --server-side`.
#[test]
fn server_side_applied_spellings_do_not_drift() {
    check("spelled-server", Way::ServerSide("argocd-controller"));
}
