//! Where pods are described in the kinds that make them, and what rules read there.

use serde_json::Value;

use crate::domain::field_path::{FieldPath, Key, Step};
use crate::domain::resource::GroupKind;

/// The path of the pod spec in an object of this kind; none for kinds that make no pods.
pub fn pod_spec_path(kind: &GroupKind) -> Option<FieldPath> {
    let steps: &[&str] = match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Pod") => &["spec"],
        ("", "ReplicationController" | "PodTemplate")
        | ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job") => &["spec", "template", "spec"],
        ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => return None,
    };
    Some(FieldPath::fields(steps.iter().copied()))
}

/// A container and where it is.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its path in the object.
    pub path: FieldPath,
    /// The container.
    pub spec: &'a Value,
}

impl Container<'_> {
    /// The image it runs; empty where it names none.
    pub fn image(&self) -> &str {
        self.spec.get("image").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Every container of a pod spec: init, regular and ephemeral.
pub fn containers<'a>(pod_spec: &'a Value, pod_path: &FieldPath) -> Vec<Container<'a>> {
    let mut found = Vec::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for spec in pod_spec.get(list).and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = spec.get("name").and_then(Value::as_str) else { continue };
            let item = Step::Item(vec![("name".to_owned(), Key::Text(name.to_owned()))]);
            found.push(Container { name, path: pod_path.field(list).join(item), spec });
        }
    }
    found
}

/// Pairs each live container with the declared one at the same path.
pub fn paired<'a>(
    declared: &'a Value,
    live: &'a Value,
    kind: &GroupKind,
) -> Vec<(Option<Container<'a>>, Container<'a>)> {
    let Some(path) = pod_spec_path(kind) else { return Vec::new() };
    let of = |object: &'a Value| path.get(object).map(|spec| containers(spec, &path)).unwrap_or_default();
    let declared = of(declared);
    let pair = |live: Container<'a>| (declared.iter().find(|container| container.path == live.path).cloned(), live);
    of(live).into_iter().map(pair).collect()
}

/// An image reference taken apart, by the rules of the distribution specification:
/// the first part is a registry if it has a dot or a port, or is `localhost`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image<'a> {
    /// Registry host; `docker.io` where none is written.
    pub registry: &'a str,
    /// Repository below the registry.
    pub repository: &'a str,
    /// Tag, if written.
    pub tag: Option<&'a str>,
    /// Digest, if written.
    pub digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Takes a reference apart; never fails, since the kubelet is the judge of what is valid.
    pub fn parse(reference: &'a str) -> Self {
        let (name, digest) = match reference.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (reference, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            _ => ("docker.io", name),
        };
        Self { registry, repository, tag, digest }
    }

    /// Whether the same reference may be another image tomorrow: no digest, and a tag that is made to move.
    pub fn is_mutable(&self) -> bool {
        let moving = ["latest", "main", "master", "dev", "develop", "edge", "nightly", "stable", "staging"];
        self.digest.is_none() && self.tag.is_none_or(|tag| moving.contains(&tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ports, hosts without dots, tags and digests are told apart.
    #[test]
    fn images_are_taken_apart() {
        for (reference, registry, repository, tag, mutable) in [
            ("nginx", "docker.io", "nginx", None, true),
            ("library/nginx:1.25", "docker.io", "library/nginx", Some("1.25"), false),
            ("localhost/a:latest", "localhost", "a", Some("latest"), true),
            ("registry:5000/a/b", "registry:5000", "a/b", None, true),
            ("gcr.io/company-ml/train:v1@sha256:00", "gcr.io", "company-ml/train", Some("v1"), false),
            ("gcr.io/company-ml/train@sha256:00", "gcr.io", "company-ml/train", None, false),
        ] {
            let image = Image::parse(reference);
            assert_eq!((image.registry, image.repository, image.tag), (registry, repository, tag), "{reference}");
            assert_eq!(image.is_mutable(), mutable, "{reference}");
        }
    }
}
