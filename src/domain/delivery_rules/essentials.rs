//! What a snapshot keeps of an object that steers a delivery tool.

use serde_json::{Map, Value, json};

/// The annotation of an object whose values are not in the snapshot.
pub const WITHHELD: &str = "trueup.dev/withheld";

/// Fields of `spec`, of every kind.
const SPEC: [&str; 35] = [
    "ignoreDifferences",
    "source",
    "sources",
    "sourceHydrator",
    "destination",
    "syncPolicy",
    "ignore",
    "path",
    "sourceRef",
    "driftDetection",
    "releaseName",
    "targetNamespace",
    "namePrefix",
    "nameSuffix",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "images",
    "components",
    "ignoreMissingComponents",
    "commonMetadata",
    "postBuild",
    "kubeConfig",
    "suspend",
    "chart",
    "chartRef",
    "valuesFrom",
    "postRenderers",
    "upgrade",
    "url",
    "ref",
    "include",
    "serviceAccountName",
    "prune",
    "force",
];
/// Fields of a source of an Application.
const SOURCE: [&str; 9] =
    ["repoURL", "path", "targetRevision", "chart", "ref", "directory", "kustomize", "plugin", "helm"];
/// Fields of a chart's options that hold no values.
const HELM: [&str; 8] = [
    "valueFiles",
    "ignoreMissingValueFiles",
    "releaseName",
    "skipCrds",
    "namespace",
    "kubeVersion",
    "apiVersions",
    "version",
];
/// Fields that hold values of a chart.
const VALUES: [&str; 4] = ["values", "valuesObject", "parameters", "fileParameters"];

/// The part of such an object that rules and sources are read from. A chart's values may hold secrets and are left out;
/// the object says then that they are missing.
pub fn essentials(object: &Value) -> Value {
    let mut is_withheld = has_values(object.get("spec"));
    let mut spec = picked(object.get("spec"), &SPEC);
    if let Some(url) = spec.get_mut("url") {
        *url = Value::from(without_user(url.as_str().unwrap_or_default()));
    }
    let sources = spec.get_mut("sources").and_then(Value::as_array_mut).into_iter().flatten();
    let mut delivered = |source: &mut Value| {
        is_withheld |= has_values(source.get("helm"));
        *source = self::source(source);
    };
    sources.for_each(&mut delivered);
    spec.get_mut("source").into_iter().for_each(&mut delivered);
    let mut essentials = picked(Some(object), &["apiVersion", "kind"]);
    essentials["metadata"] = picked(object.get("metadata"), &["name", "namespace"]);
    let annotations = object.get("metadata").and_then(|metadata| metadata.get("annotations"));
    let mut annotations = picked(annotations, &["argocd.argoproj.io/skip-reconcile"]);
    if is_withheld {
        annotations[WITHHELD] = Value::from("values");
    }
    if annotations != json!({}) {
        essentials["metadata"]["annotations"] = annotations;
    }
    essentials["spec"] = spec;
    let mut status = picked(object.get("status"), &["lastAppliedRevision", "lastAttemptedRevision", "sync"]);
    if let Some(sync) = status.get_mut("sync") {
        *sync = picked(Some(sync), &["revision", "revisions"]);
    }
    if status != json!({}) {
        essentials["status"] = status;
    }
    essentials
}

fn has_values(options: Option<&Value>) -> bool {
    options.is_some_and(|options| VALUES.iter().any(|name| options.get(name).is_some_and(|values| !values.is_null())))
}

fn source(source: &Value) -> Value {
    let mut kept = picked(Some(source), &SOURCE);
    if let Some(url) = kept.get_mut("repoURL") {
        *url = Value::from(without_user(url.as_str().unwrap_or_default()));
    }
    if let Some(helm) = kept.get_mut("helm") {
        *helm = picked(Some(helm), &HELM);
    }
    if let Some(plugin) = kept.get_mut("plugin") {
        *plugin = picked(Some(plugin), &["name"]);
    }
    kept
}

fn picked(from: Option<&Value>, names: &[&str]) -> Value {
    let entry = |name: &&str| Some(((*name).to_owned(), from?.get(*name)?.clone()));
    Value::Object(names.iter().filter_map(entry).collect::<Map<_, _>>())
}

/// An address without who uses it.
fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{scheme}://{}{path}", host.rsplit('@').next().unwrap_or(host))
}
