//! What Argo CD ignores: `spec.ignoreDifferences` of an Application, the customizations of the ConfigMap `argocd-cm`,
//! and annotations of the objects themselves.

use serde_json::Value;

use super::jq::PathExpression;
use super::pointer::WrittenPointer;
use super::target::Target;
use super::{FieldRule, Owner, Reading, Tool, What, annotation, label, text_at, texts};
use crate::domain::resource::ResourceId;
use crate::domain::source::Source;
use crate::domain::yaml::read_documents;

/// Names the Application that an object belongs to: `shop:apps/Deployment:default/web`.
const TRACKING: &str = "argocd.argoproj.io/tracking-id";
/// The label that does so where Argo CD tracks by label, unless its settings name another.
pub(super) const INSTANCE: &str = "app.kubernetes.io/instance";
const IGNORE_DIFFERENCES: &str = "argocd.argoproj.io/ignore-differences";
const HOOK: &str = "argocd.argoproj.io/hook";

/// An Application: which objects are its own, and what it ignores in them.
#[derive(Debug, Clone)]
pub(super) struct Application {
    namespace: Option<String>,
    name: String,
    /// Folders of the config repository that it delivers.
    folders: Vec<String>,
}

impl Application {
    /// Reads an Application; `repository` is the address of the config repository.
    pub(super) fn read(id: &ResourceId, object: &Value, repository: &str, reading: &mut Reading<'_>) -> Owner {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let sources = spec.get("sources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let sources = spec.get("source").into_iter().chain(sources);
        let is_ours = |source: &&Value| text_at(source, "repoURL").is_some_and(|url| same_repository(url, repository));
        let folders = sources.filter(is_ours).filter_map(|source| text_at(source, "path")).map(normal_folder).collect();
        let mut rules = Vec::new();
        let differences = spec.get("ignoreDifferences").and_then(Value::as_array).into_iter().flatten();
        for (at, rule) in differences.enumerate() {
            let place = format!("spec.ignoreDifferences[{at}]");
            let Some(kind) = text_at(rule, "kind") else {
                reading.warn(&place, "has no `kind`");
                continue;
            };
            let group = text_at(rule, "group").unwrap_or_default();
            match Target::argo_cd(group, kind, text_at(rule, "namespace"), text_at(rule, "name")) {
                Ok(target) => rules.extend(reading.fields(&place, rule, &target)),
                Err(message) => reading.warn(&place, message),
            }
        }
        let application = Self { namespace: id.namespace.clone(), name: id.name.clone(), folders };
        Owner::Application(application, rules)
    }

    /// Whether an object is delivered by this Application: by its tracking mark, or, where it has none and Argo CD is
    /// known to deliver it, by the folder that it is declared in.
    pub(super) fn owns(&self, marked: Option<&str>, source: Option<&Source>, file: Option<&str>) -> bool {
        match marked {
            Some(marked) => {
                let in_namespace = self.namespace.as_ref().map(|namespace| format!("{namespace}_{}", self.name));
                marked == self.name || in_namespace.is_some_and(|name| name == marked)
            }
            None => source.is_some_and(|source| {
                let is_below = |path: &str, folder: &str| {
                    path.strip_prefix(folder)
                        .is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
                };
                let covers =
                    |folder: &String| is_below(&source.path, folder) || file.is_some_and(|file| is_below(file, folder));
                self.folders.iter().any(covers)
            }),
        }
    }
}

/// The name of the Application that a live object says it belongs to.
pub(super) fn mark<'v>(live: &'v Value, label_key: Option<&str>) -> Option<&'v str> {
    let by_annotation = annotation(live, TRACKING).and_then(|id| id.split(':').next());
    by_annotation.or_else(|| label(live, label_key.unwrap_or(INSTANCE)))
}

/// Whether Argo CD marked this object beyond doubt; other tools set the label too.
pub(super) fn is_marked(live: &Value) -> bool {
    annotation(live, TRACKING).is_some()
}

/// The settings in `argocd-cm`: rules for all Applications, and the label that it tracks by.
pub(super) fn settings(object: &Value, reading: &mut Reading<'_>) -> (Vec<FieldRule>, Option<String>) {
    const KEY: &str = "resource.customizations.ignoreDifferences.";
    let mut rules = Vec::new();
    let data = object.get("data").and_then(Value::as_object).into_iter().flatten();
    for (key, value) in data {
        let Some(text) = value.as_str() else { continue };
        let place = format!("data[{key:?}]");
        if let Some(target) = key.strip_prefix(KEY) {
            // `_` stands between group and kind, since a key of a ConfigMap cannot hold a slash
            let (group, kind) =
                if target == "all" { ("*", "*") } else { target.split_once('_').unwrap_or(("", target)) };
            rules.extend(reading.override_text(&place, text, group, kind));
        } else if key == "resource.customizations" {
            let Some(customizations) = reading.yaml(&place, text) else { continue };
            for (target, customization) in customizations.as_object().into_iter().flatten() {
                let (group, kind) = target.split_once('/').unwrap_or(("", target));
                if let Some(text) = text_at(customization, "ignoreDifferences") {
                    rules.extend(reading.override_text(&format!("{place} {target}"), text, group, kind));
                }
            }
        }
    }
    let label = object.get("data").and_then(|data| text_at(data, "application.instanceLabelKey"));
    (rules, label.map(str::to_owned))
}

/// Rules that a declared object brings along; `jsonPointers` and `jqPathExpressions` in YAML, or pointers with commas.
pub(super) fn own_rules(id: &ResourceId, declared: &Value, reading: &mut Reading<'_>) -> Vec<FieldRule> {
    let Some(text) = annotation(declared, IGNORE_DIFFERENCES) else { return Vec::new() };
    let place = format!("annotation {IGNORE_DIFFERENCES}");
    let Ok(target) = Target::argo_cd(&id.kind.group, &id.kind.kind, None, None) else { return Vec::new() };
    if text.trim_start().starts_with('/') {
        let pointers: Vec<_> = text.split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
        return reading.fields(&place, &serde_json::json!({"jsonPointers": pointers}), &target);
    }
    let Some(rule) = reading.yaml(&place, text) else { return Vec::new() };
    reading.fields(&place, &rule, &target)
}

/// Why Argo CD compares nothing of an object, where it does not.
pub(super) fn whole(declared: &Value) -> Option<String> {
    annotation(declared, HOOK).map(|_| format!("Argo CD runs it as a hook and does not compare it: annotation {HOOK}"))
}

impl Reading<'_> {
    fn override_text(&mut self, place: &str, text: &str, group: &str, kind: &str) -> Vec<FieldRule> {
        let Some(rule) = self.yaml(place, text) else { return Vec::new() };
        match Target::argo_cd(group, kind, None, None) {
            Ok(target) => self.fields(place, &rule, &target),
            Err(message) => {
                self.warn(place, message);
                Vec::new()
            }
        }
    }

    /// A document inside a text; nothing where it is broken or empty.
    fn yaml(&mut self, place: &str, text: &str) -> Option<Value> {
        match read_documents(text) {
            Ok(documents) => documents.first().and_then(|document| document.root.as_ref()).map(|root| root.to_json()),
            Err(error) => {
                self.warn(place, format!("line {}: {}", error.line, error.message));
                None
            }
        }
    }

    /// The three ways in which a rule names fields.
    fn fields(&mut self, place: &str, rule: &Value, target: &Target) -> Vec<FieldRule> {
        let mut rules = Vec::new();
        for (at, text) in texts(rule, "jsonPointers") {
            let place = format!("{place}.jsonPointers[{at}]");
            match text.parse::<WrittenPointer>() {
                Ok(pointer) if pointer.is_root() => self.warn(&place, "points at the whole object"),
                Ok(pointer) => rules.push(self.rule(Tool::ArgoCd, &place, target, What::Pointer(pointer))),
                Err(message) => self.warn(&place, message),
            }
        }
        for (at, text) in texts(rule, "jqPathExpressions") {
            let place = format!("{place}.jqPathExpressions[{at}]");
            match PathExpression::parse(text) {
                Ok(expression) => rules.push(self.rule(Tool::ArgoCd, &place, target, What::Expression(expression))),
                Err(message) => self.warn(&place, message),
            }
        }
        for (at, manager) in texts(rule, "managedFieldsManagers") {
            let place = format!("{place}.managedFieldsManagers[{at}]");
            rules.push(self.rule(Tool::ArgoCd, &place, target, What::Manager(manager.to_owned())));
        }
        rules
    }
}

/// A folder as sources name it: no `./`, no `/` at the end, empty for the whole repository.
pub(super) fn normal_folder(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_matches('/');
    if path == "." { String::new() } else { path.to_owned() }
}

/// Whether two addresses are of one repository, whatever the protocol, the user and the ending.
pub(super) fn same_repository(one: &str, other: &str) -> bool {
    let normal = |url: &str| {
        let url = url.trim().trim_end_matches('/').trim_end_matches(".git");
        let (is_scp, url) = url.split_once("://").map_or((true, url), |(_, rest)| (false, rest));
        let (host, path) = match url.split_once(if is_scp { ':' } else { '/' }) {
            Some(parts) => parts,
            None => return (String::new(), url.to_owned()),
        };
        let host = host.rsplit('@').next().unwrap_or(host);
        let host = host.split(':').next().unwrap_or(host);
        (host.to_lowercase(), path.trim_matches('/').to_lowercase())
    };
    normal(one) == normal(other)
}
