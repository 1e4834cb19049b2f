//! What trueup needs of a cluster: the verb `list`, and the role that `deploy/` grants.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::cluster::Way;
use crate::support::eventually;
use crate::support::world::{Setting, World};

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The rules of the first ClusterRole in a file of `deploy/`.
fn rules(path: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(root(path)).expect(path);
    let first = text.split("\n---").next().expect("a document");
    let role: Value = serde_yaml::from_str(first).expect("YAML");
    role["rules"].as_array().expect("rules").clone()
}

/// The demo's manifests, which hold the kinds of an ML platform.
fn demo() -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root("src/demo/repository/apps")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root("src/demo/repository")).expect("below").display().to_string();
                files.push((name, std::fs::read_to_string(&path).expect("text")));
            }
        }
    }
    files
}

/// The demo's repository in the real cluster, seen with these rules. Its namespaces get this ending.
fn demo_world(ending: &str, rules: &[Value]) -> World {
    let renamed = |text: &str| {
        ["ml-serving", "ml-training"]
            .iter()
            .fold(text.to_owned(), |text, name| text.replace(name, &format!("{name}-{ending}")))
    };
    let files: Vec<_> = demo().into_iter().map(|(path, text)| (path, renamed(&text))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let rules = serde_json::to_string(rules).expect("JSON");
    let setting = Setting { name: ending, files: &files, rules: &rules, everywhere: true, ..Setting::default() };
    let world = World::new(&setting);
    for name in ["ml-serving", "ml-training"] {
        world.cluster.create_namespace(&format!("{name}-{ending}"));
    }
    // these name their namespaces, and would be refused in another; the world's own Secret does not
    for (_, text) in files {
        world.cluster.kubectl_with(&["apply", "-f", "-"], text, &[]);
    }
    world.cluster.deliver(Way::ClientSide, &world.namespace, &world.remote.file("main", "apps/canary.yaml"));
    world
}

/// The API server takes every folder of `deploy/` as it is, and lets its pods run in their restricted namespace.
/// The account in it is enough for a whole run over the demo's kinds, and by the API server's own audit log it asked for
/// nothing but `list`, discovery and schemas.
#[test]
fn the_deployed_account_is_enough_and_only_lists() {
    let mut world = demo_world("audited", &[]);
    let cluster = world.cluster;
    let apply = |flag: &str, path: &str| cluster.kubectl(&["apply", flag, &root(path).display().to_string()]);
    cluster.namespaces_of_the_deployment();
    for folder in ["deploy/base", "deploy/overlays/daemon", "deploy/overlays/tenant"] {
        apply("-k", folder);
    }
    for component in ["secrets", "delivery-rules"] {
        apply("-f", &format!("deploy/components/{component}/cluster-role.yaml"));
    }
    cluster.kubectl(&["-n", "trueup", "create", "job", "--from=cronjob/trueup", "once"]);
    for owner in ["ReplicaSet", "Job"] {
        let template = "{range .items[*]}{.metadata.ownerReferences[0].kind} {end}";
        let owners = || cluster.kubectl(&["-n", "trueup", "get", "pods", "-o", &format!("jsonpath={template}")]);
        eventually(|| owners().contains(owner).then_some(()));
    }

    world.become_account(cluster.account_of("trueup", "trueup"));
    assert_eq!(world.scan(), (0, vec![]));
    let namespace = "ml-serving-audited";
    world.cluster.kubectl(&["-n", namespace, "scale", "deployment/batch-scorer", "--replicas=9"]);
    world.cluster.kubectl(&[
        "-n",
        namespace,
        "patch",
        "configmap",
        "recommender-config",
        "-p",
        r#"{"data":{"ADDED":"1"}}"#,
    ]);
    assert_eq!(world.scan().0, 1);
    assert!(world.run().contains(&"Deployment/batch-scorer created".to_owned()));
    world.trueup(&["snapshot", "-o", "cluster.jsonl"]).exits(0);

    let entries = world.cluster.audit(&world.account.user);
    let mut listed = BTreeSet::new();
    for entry in &entries {
        let (verb, uri) = (entry["verb"].as_str().expect("verb"), entry["requestURI"].as_str().expect("uri"));
        // a kind that only some clusters serve is looked for in this one
        let code = if uri.starts_with("/apis/keda.sh") { 404 } else { 200 };
        assert_eq!(entry["responseStatus"]["code"], code, "{entry}");
        if entry["objectRef"].is_null() {
            assert!(
                verb == "get" && ["/api", "/openapi/v3"].iter().any(|start| uri.starts_with(start)),
                "{verb} {uri}"
            );
        } else {
            // Argo CD's settings are listed by their name, so that a right on that one ConfigMap is enough
            let name = entry["objectRef"]["name"].as_str();
            assert!(verb == "list" && name.is_none_or(|name| name == "argocd-cm"), "{verb} {uri}");
            listed.insert(entry["objectRef"]["resource"].as_str().expect("a resource"));
        }
    }
    for resource in [
        "deployments",
        "services",
        "configmaps",
        "secrets",
        "cronjobs",
        "horizontalpodautoscalers",
        "poddisruptionbudgets",
    ] {
        assert!(listed.contains(resource), "{resource} is not among {listed:?}");
    }
}

/// Without the component for Secrets they are unknown, with the reason; everything else is scanned.
#[test]
fn secrets_are_left_out_on_purpose() {
    let world = demo_world("no-secrets", &rules("deploy/base/cluster-role.yaml"));
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(3), vec![]));
    let problems = ran.problems();
    assert!(problems.len() == 1 && problems[0].contains("listing v1 Secret is forbidden"), "{problems:#?}");
}

/// Less than `list` is not enough, and more is not needed: an account that may only get and watch sees nothing.
#[test]
fn other_verbs_do_not_help() {
    let rules = r#"[{apiGroups: ["*"], resources: ["*"], verbs: [get, watch]}]"#;
    let world = World::new(&Setting { name: "no-list", rules, ..Setting::default() });
    world.deliver();
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(3), vec![]));
}
