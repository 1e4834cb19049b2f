//! Whether a file of the repository is delivered to more than one cluster, as far as Argo CD's Applications and Flux's
//! Kustomizations in the repository tell: what is live in one of them is not to be written for all.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::resource::Manifest;

/// Where a file goes, if it goes to more than one cluster: the objects that deliver it, for a person to read.
pub fn delivered_twice<'m>(manifests: impl IntoIterator<Item = &'m Manifest>, file: &str) -> Option<String> {
    let mut clusters = BTreeSet::new();
    let mut names = BTreeSet::new();
    for manifest in manifests {
        let of = match (&*manifest.id.kind.group, &*manifest.id.kind.kind) {
            ("argoproj.io", "Application") => application,
            ("kustomize.toolkit.fluxcd.io", "Kustomization") => kustomization,
            _ => continue,
        };
        for (path, cluster) in of(&manifest.object()) {
            if covers(&path, file) {
                clusters.insert(cluster);
                names.insert(manifest.id.to_string());
            }
        }
    }
    (clusters.len() > 1).then(|| names.into_iter().collect::<Vec<_>>().join(" and "))
}

/// Paths and the cluster that they go to.
type Delivered = Vec<(String, String)>;

fn application(object: &Value) -> Delivered {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let in_cluster = "https://kubernetes.default.svc";
    let cluster = match (text("/spec/destination/server"), text("/spec/destination/name")) {
        ("", "" | "in-cluster") => in_cluster,
        ("", name) => name,
        (server, _) => server,
    };
    let one = object.pointer("/spec/source").into_iter();
    let sources = one.chain(object.pointer("/spec/sources").and_then(Value::as_array).into_iter().flatten());
    let paths = sources.filter_map(|source| source.get("path")?.as_str());
    paths.map(|path| (path.to_owned(), cluster.to_owned())).collect()
}

fn kustomization(object: &Value) -> Delivered {
    let kubeconfig = object.pointer("/spec/kubeConfig").map(Value::to_string).unwrap_or_default();
    let path = object.pointer("/spec/path").and_then(Value::as_str).unwrap_or_default();
    vec![(path.to_owned(), kubeconfig)]
}

fn covers(path: &str, file: &str) -> bool {
    let path = path.trim_start_matches("./").trim_matches('/');
    let is_root = path.is_empty() || path == ".";
    is_root || file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::resource::ResourceId;

    fn manifest(object: &Value) -> Manifest {
        Manifest::new(ResourceId::of(object).expect("named"), "s", None, object)
    }

    /// Two clusters count, two deliveries to one cluster do not, nor does what lies elsewhere.
    #[test]
    fn files_of_two_clusters_are_known() {
        let application = |name: &str, path: &str, destination: Value| {
            manifest(&json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": name},
                "spec": {"source": {"path": path}, "destination": destination}}))
        };
        let flux = |name: &str, path: &str, kubeconfig: Value| {
            manifest(&json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
                "metadata": {"name": name}, "spec": {"path": path, "kubeConfig": kubeconfig}}))
        };
        let here = application("a", "apps", json!({"server": "https://kubernetes.default.svc"}));
        let named = application("b", "./apps/web", json!({"name": "in-cluster"}));
        let there = application("c", "apps/web/", json!({"server": "https://other.example"}));
        let told = |manifests: &[&Manifest], file: &str| delivered_twice(manifests.iter().copied(), file);
        assert_eq!(told(&[&here, &named], "apps/web/a.yaml"), None);
        let both = told(&[&here, &there], "apps/web/a.yaml");
        assert_eq!(both.as_deref(), Some("Application a and Application c"));
        assert_eq!(told(&[&here, &there], "apps/website/a.yaml"), None);
        let (own, other) = (flux("d", "", json!(null)), flux("e", "./", json!({"secretRef": {"name": "x"}})));
        assert!(told(&[&own, &other], "any.yaml").is_some());
        assert_eq!(told(&[&own], "any.yaml"), None);
    }
}
