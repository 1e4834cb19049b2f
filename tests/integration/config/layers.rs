//! Baselines lie in layers: where a file lies says for what it is, and the later layer wins.

use serde_json::{Value, json};
use trueup::domain::baseline::Baselines;
use trueup::domain::resource::{GroupKind, ResourceId};

use super::{LEAST, load};

fn loaded(files: &[(&str, &str)]) -> Baselines {
    let folder = tempfile::tempdir().expect("folder");
    let config = format!("{LEAST}baselines: b\n");
    let files: Vec<_> = files.iter().copied().chain([("trueup.yaml", &*config)]).collect();
    let loaded = load(folder.path(), &files, &[]).unwrap_or_else(|problems| panic!("{problems:#?}"));
    loaded.config.baselines
}

/// A baseline of Deployments that approves this many replicas.
fn replicas(count: u32) -> String {
    format!("match: {{kind: Deployment}}\nexpect: {{spec: {{replicas: {count}}}}}\n")
}

fn approved(baselines: &Baselines, name: &str, environment: &str, service: &str, cluster: &str) -> Option<Value> {
    let id = ResourceId::new(GroupKind::new("apps", "Deployment"), Some("shop"), name);
    Some(baselines.effective(&id, &[], Some(environment), Some(service), cluster)?["spec"]["replicas"].clone())
}

/// Global, environment, service, instance: each only where it belongs, as a file or as a folder, and in this order.
#[test]
fn where_a_file_lies() {
    let all = [replicas(1), replicas(2), replicas(3), replicas(4), replicas(5), replicas(6)];
    let baselines = loaded(&[
        ("b/teams/all.yaml", &all[0]),
        ("b/environments/staging.yaml", &all[1]),
        ("b/environments/production/web.yml", &all[2]),
        ("b/services/search.yaml", &all[3]),
        ("b/services/checkout/deployments.yaml", &all[4]),
        ("b/instances/eu/shop/web.yaml", &all[5]),
    ]);
    for (name, environment, service, cluster, expected) in [
        ("web", "none", "none", "us", 1),
        ("web", "staging", "none", "us", 2),
        ("web", "production", "none", "us", 3),
        ("web", "staging", "search", "us", 4),
        ("web", "production", "checkout", "us", 5),
        ("web", "production", "checkout", "eu", 6),
        ("api", "production", "checkout", "eu", 5),
    ] {
        let found = approved(&baselines, name, environment, service, cluster);
        assert_eq!(found, Some(json!(expected)), "{name} {environment} {service} {cluster}");
    }
}

/// A mounted ConfigMap keeps its files behind links into hidden folders; each is read once.
#[cfg(unix)]
#[test]
fn a_mounted_config_map() {
    let folder = tempfile::tempdir().expect("folder");
    let mount = folder.path().join("b");
    std::fs::create_dir_all(mount.join("..2026_11_24")).expect("folder");
    std::fs::write(mount.join("..2026_11_24/all.yaml"), replicas(3)).expect("write");
    std::os::unix::fs::symlink("..2026_11_24", mount.join("..data")).expect("link");
    std::os::unix::fs::symlink("..data/all.yaml", mount.join("all.yaml")).expect("link");
    let config = format!("{LEAST}baselines: b\n");
    let loaded = load(folder.path(), &[("trueup.yaml", &config)], &[]).expect("valid");
    assert_eq!(loaded.config.baselines.documents.len(), 1);
}

/// A whole manifest is the baseline of the object that it names, and of no other.
#[test]
fn a_manifest() {
    let manifest =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {replicas: 7}\n";
    let baselines = loaded(&[("b/web.yaml", manifest)]);
    assert_eq!(approved(&baselines, "web", "x", "x", "x"), Some(json!(7)));
    assert_eq!(approved(&baselines, "api", "x", "x", "x"), None);
}
