//! Baseline files: `{global,environments/<env>,services/<service>,instances/<cluster>/<namespace>/<name>}`, later
//! layers win. A plain manifest works too: it is the baseline of the object that it names.

use std::path::{Path, PathBuf};

use super::fields::{Fields, Sink};
use crate::domain::baseline::{Baseline, Baselines, Layer, Match};
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::GroupKind;
use crate::domain::yaml::{Document, read_documents};

/// Files at the top of a folder that are no baselines.
const BESIDE: &[&str] = &["thresholds.yaml", "kustomization.yaml"];

/// Reads a baseline file or every YAML file below a folder.
pub(super) fn load(path: &Path, problems: &mut Vec<Problem>) -> Baselines {
    let mut files = Vec::new();
    collect(path, &mut files, problems);
    // a folder may hold what it is mounted with, and the thresholds that belong to it
    files.retain(|file| file == path || !BESIDE.iter().any(|name| file == &path.join(name)));
    files.sort();
    let mut baselines = Baselines::default();
    for file in files {
        let name = file.display().to_string();
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) => {
                problems.push(Problem::error(format!("cannot be read: {}", error.kind())).at(Place::file(name)));
                continue;
            }
        };
        let documents = match read_documents(&text) {
            Ok(documents) => documents,
            Err(error) => {
                problems.push(Problem::error(error.message).at(Place::line(name, error.line)));
                continue;
            }
        };
        let layer = layer_of(file.strip_prefix(path).unwrap_or(&file));
        for document in documents {
            let sink = Sink::new(&*name);
            baselines.documents.extend(baseline(&document, &layer, &sink));
            problems.extend(sink.into_problems());
        }
    }
    baselines
}

fn collect(path: &Path, files: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return;
    }
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            let problem = Problem::error(format!("cannot be read: {}", error.kind()));
            problems.push(problem.at(Place::file(path.display().to_string())));
            return;
        }
    };
    for entry in entries.flatten().map(|entry| entry.path()) {
        // a mounted ConfigMap keeps its versions in folders that start with two dots
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_yaml = entry.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        if !hidden && (entry.is_dir() || is_yaml) {
            collect(&entry, files, problems);
        }
    }
}

fn layer_of(relative: &Path) -> Layer {
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let stem = |part: &String| part.trim_end_matches(".yaml").trim_end_matches(".yml").to_owned();
    match &parts[..] {
        [first, second, ..] if first == "environments" => Layer::Environment(stem(second)),
        [first, second, ..] if first == "services" => Layer::Service(stem(second)),
        [first, cluster, namespace, name] if first == "instances" => {
            Layer::Instance { cluster: cluster.clone(), namespace: namespace.clone(), name: stem(name) }
        }
        _ => Layer::Global,
    }
}

fn baseline(document: &Document, layer: &Layer, sink: &Sink) -> Option<Baseline> {
    let root = document.root.as_ref()?;
    if root.get("apiVersion").is_some() && root.get("kind").is_some() {
        let object = root.to_json();
        let text = |pointer: &str| object.pointer(pointer).and_then(serde_json::Value::as_str).map(str::to_owned);
        let Some(name) = text("/metadata/name") else {
            let help = "name it, or say with `match` which objects it is for and put the rest under `expect`";
            sink.error(root.line, "a manifest without `metadata.name` is the baseline of no object", help);
            return None;
        };
        let criteria = Match {
            kind: Some(GroupKind::of(&text("/apiVersion")?, text("/kind")?)),
            namespace: text("/metadata/namespace"),
            name: Some(name),
            ..Match::default()
        };
        if criteria.kind.as_ref().is_some_and(GroupKind::is_secret) {
            let help = "take the Secret out of the baselines; its labels and annotations can be named with `match` and `expect`";
            sink.error(root.line, "the content of a Secret is no baseline", help);
            return None;
        }
        return Some(Baseline { layer: layer.clone(), criteria, expect: object });
    }
    let fields = Fields::of(root, String::new(), sink);
    let Some(matching) = fields.map("match") else {
        sink.error(
            root.line,
            "`match` is missing",
            "say which objects it is for; an empty `match` would be for all of them",
        );
        let _ = fields.node("expect");
        return None;
    };
    let criteria = Match {
        kind: matching.text("kind").map(|kind| match kind.split_once('.') {
            Some((kind, group)) => GroupKind::new(group, kind),
            None => GroupKind::new("*", kind),
        }),
        namespace: matching.text("namespace"),
        name: matching.text("name"),
        labels: matching.text_map("labels"),
        environment: matching.text("environment"),
        service: matching.text("service"),
    };
    if criteria == Match::default() {
        sink.error(
            matching.line,
            "`match` names nothing",
            "give kind, namespace, name, labels, environment or service",
        );
    }
    let expect = fields.node("expect").map(crate::domain::yaml::Node::to_json);
    let help = "give the part of the object that was approved";
    match &expect {
        None => sink.error(root.line, "`expect` is missing", help),
        Some(expect) if !expect.is_object() => fields.refuse("expect", "has to be a mapping", help),
        Some(_) => {}
    }
    Some(Baseline { layer: layer.clone(), criteria, expect: expect? })
}
