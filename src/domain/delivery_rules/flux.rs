//! What Flux ignores: `spec.ignore` of a Kustomization, `spec.driftDetection.ignore` of a HelmRelease, and annotations
//! (or labels, which Flux takes as well) of the objects themselves.

use serde_json::Value;

use super::argo_cd::normal_folder;
use super::pointer::WrittenPointer;
use super::target::Target;
use super::{FieldRule, Owner, Reading, Tool, What, annotation, label, text_at, texts};
use crate::domain::resource::ResourceId;
use crate::domain::source::Source;

const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const HELM: &str = "helm.toolkit.fluxcd.io";

/// A Kustomization: which objects are its own.
#[derive(Debug, Clone)]
pub(super) struct Kustomization {
    namespace: Option<String>,
    name: String,
    /// The folder that it delivers, if it comes from Git.
    folder: Option<String>,
}

/// A HelmRelease: which objects are its own.
#[derive(Debug, Clone)]
pub(super) struct HelmRelease {
    namespace: Option<String>,
    name: String,
    /// Name and namespace of the release, as Helm itself marks its objects.
    release: (String, Option<String>),
}

impl Kustomization {
    pub(super) fn read(id: &ResourceId, object: &Value, reading: &mut Reading<'_>) -> Owner {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let from_git = spec.get("sourceRef").is_none_or(|source| text_at(source, "kind") == Some("GitRepository"));
        let kustomization = Self {
            namespace: id.namespace.clone(),
            name: id.name.clone(),
            folder: from_git.then(|| normal_folder(text_at(spec, "path").unwrap_or_default())),
        };
        let rules = ignore_rules(spec.get("ignore"), "spec.ignore", Tool::Kustomization, reading);
        Owner::Kustomization(kustomization, rules)
    }

    /// Whether an object is delivered by this Kustomization: by the labels that Flux gives it, or, where it has none and
    /// Flux is known to deliver it, by its source's folder.
    pub(super) fn owns(&self, live: &Value, source: Option<&Source>) -> bool {
        match owner(live, KUSTOMIZE) {
            Some((name, namespace)) => name == self.name && is_in(namespace, self.namespace.as_deref()),
            None => source.is_some_and(|source| self.folder.as_ref() == Some(&source.path)),
        }
    }
}

impl HelmRelease {
    pub(super) fn read(id: &ResourceId, object: &Value, reading: &mut Reading<'_>) -> Owner {
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let target = text_at(spec, "targetNamespace");
        let usual = target.map_or_else(|| id.name.clone(), |target| format!("{target}-{}", id.name));
        let name = text_at(spec, "releaseName").map_or(usual, str::to_owned);
        let release = Self {
            namespace: id.namespace.clone(),
            name: id.name.clone(),
            release: (name, target.map(str::to_owned).or_else(|| id.namespace.clone())),
        };
        let ignore = spec.get("driftDetection").and_then(|detection| detection.get("ignore"));
        let rules = ignore_rules(ignore, "spec.driftDetection.ignore", Tool::HelmRelease, reading);
        Owner::HelmRelease(release, rules)
    }

    /// Whether an object belongs to this release, by the labels of Flux or the annotations of Helm.
    pub(super) fn owns(&self, live: &Value) -> bool {
        if let Some((name, namespace)) = owner(live, HELM) {
            return name == self.name && is_in(namespace, self.namespace.as_deref());
        }
        let by_helm = |name: &str| annotation(live, &format!("meta.helm.sh/release-{name}"));
        by_helm("name") == Some(&*self.release.0) && is_in(by_helm("namespace"), self.release.1.as_deref())
    }
}

/// Whether Flux marked this object as delivered by this tool.
pub(super) fn is_marked(live: &Value, tool: Tool) -> bool {
    owner(live, if tool == Tool::HelmRelease { HELM } else { KUSTOMIZE }).is_some()
}

fn owner<'v>(live: &'v Value, group: &str) -> Option<(&'v str, Option<&'v str>)> {
    Some((label(live, &format!("{group}/name"))?, label(live, &format!("{group}/namespace"))))
}

/// Where one side does not say it, it may be.
fn is_in(marked: Option<&str>, namespace: Option<&str>) -> bool {
    marked.zip(namespace).is_none_or(|(marked, namespace)| marked == namespace)
}

fn ignore_rules(ignore: Option<&Value>, field: &str, tool: Tool, reading: &mut Reading<'_>) -> Vec<FieldRule> {
    let mut rules = Vec::new();
    for (at, rule) in ignore.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let place = format!("{field}[{at}]");
        let target = match Target::flux(rule.get("target")) {
            Ok(target) => target,
            Err(message) => {
                reading.warn(&place, message);
                continue;
            }
        };
        for (at, text) in texts(rule, "paths") {
            let place = format!("{place}.paths[{at}]");
            match text.parse::<WrittenPointer>() {
                Ok(pointer) if pointer.is_root() => rules.push(reading.rule(tool, &place, &target, What::Whole)),
                Ok(pointer) => rules.push(reading.rule(tool, &place, &target, What::Pointer(pointer))),
                Err(message) => reading.warn(&place, message),
            }
        }
    }
    rules
}

/// What the marks of one object tell Flux to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    /// Nothing is applied, whether the object is there or not.
    LeftAlone(&'static str),
    /// It is created where it is missing, and then left alone.
    OnlyCreated(&'static str),
    /// What others added to it stays.
    Merged(&'static str),
}

/// The marks that kustomize-controller heeds. Where both sides are asked, the live one may carry what a person set.
pub(super) fn kustomize_marks(declared: &Value, live: Option<&Value>) -> Option<Marks> {
    let either = |key: &str, value: &str| says(declared, key, value) || live.is_some_and(|live| says(live, key, value));
    let (reconcile, ssa) = (format!("{KUSTOMIZE}/reconcile"), format!("{KUSTOMIZE}/ssa"));
    if either(&reconcile, "disabled") {
        Some(Marks::LeftAlone("kustomize.toolkit.fluxcd.io/reconcile: disabled"))
    } else if either(&ssa, "Ignore") {
        Some(Marks::LeftAlone("kustomize.toolkit.fluxcd.io/ssa: Ignore"))
    } else if says(declared, &ssa, "IfNotPresent") {
        Some(Marks::OnlyCreated("kustomize.toolkit.fluxcd.io/ssa: IfNotPresent"))
    } else if either(&ssa, "Merge") {
        Some(Marks::Merged("kustomize.toolkit.fluxcd.io/ssa: Merge"))
    } else {
        None
    }
}

/// The mark that helm-controller heeds, in the manifest alone.
pub(super) fn helm_marks(declared: &Value) -> Option<Marks> {
    says(declared, &format!("{HELM}/driftDetection"), "disabled")
        .then_some(Marks::LeftAlone("helm.toolkit.fluxcd.io/driftDetection: disabled"))
}

/// Whether an annotation or label has this value, in any case.
fn says(object: &Value, key: &str, value: &str) -> bool {
    let given = |text: Option<&str>| text.is_some_and(|text| text.eq_ignore_ascii_case(value));
    given(annotation(object, key)) || given(label(object, key))
}
