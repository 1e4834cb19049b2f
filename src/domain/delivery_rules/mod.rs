//! What the delivery tools ignore: read from the objects that steer them, and applied to what was found in a pair.
//!
//! Argo CD and Flux can be told to leave fields alone. Drift there is nothing that a pull request could mend, so it is
//! set aside and shown with the rule that says so. `docs/delivery.md` says what each form means; `argo_cd` and `flux`
//! read them, `sift` applies them.

mod argo_cd;
mod essentials;
mod flux;
mod jq;
mod pointer;
mod sift;
mod target;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::domain::drift::item::names;
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::{GroupKind, Origin, ResourceId};
use crate::domain::source::{DeliveryTool, Source};

pub use essentials::{WITHHELD, essentials};
pub use sift::{Sifted, Subject};

use argo_cd::Application;
use flux::{HelmRelease, Kustomization};
use jq::PathExpression;
use pointer::WrittenPointer;
use target::Target;

/// The name of the ConfigMap that holds Argo CD's settings.
pub const ARGO_CD_SETTINGS: &str = "argocd-cm";

names! {
    /// Where rules are read.
    RuleOrigin {
        /// The live objects, which need a right of their own.
        Cluster = "cluster",
        /// The manifests of the sources, and folders beside them.
        Repository = "repository",
    }
}

/// A tool that takes rules, as far as the objects that hold them differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// Argo CD: Applications and `argocd-cm`.
    ArgoCd,
    /// Flux's kustomize-controller: Kustomizations.
    Kustomization,
    /// Flux's helm-controller: HelmReleases.
    HelmRelease,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 3] = [Self::ArgoCd, Self::Kustomization, Self::HelmRelease];

    /// The kind of the objects that hold its rules.
    pub fn kind(self) -> GroupKind {
        match self {
            Self::ArgoCd => GroupKind::new("argoproj.io", "Application"),
            Self::Kustomization => GroupKind::new("kustomize.toolkit.fluxcd.io", "Kustomization"),
            Self::HelmRelease => GroupKind::new("helm.toolkit.fluxcd.io", "HelmRelease"),
        }
    }

    /// The tools whose rules may apply to a source's objects.
    pub fn of(source: Option<&Source>) -> &'static [Self] {
        match source.map_or(DeliveryTool::Unknown, |source| source.delivery.tool) {
            DeliveryTool::Unknown => &Self::ALL,
            DeliveryTool::ArgoCd => &[Self::ArgoCd],
            DeliveryTool::Flux => &[Self::Kustomization, Self::HelmRelease],
            DeliveryTool::Helm => &[Self::HelmRelease],
            DeliveryTool::KubectlApply | DeliveryTool::ServerSideApply => &[],
        }
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::ArgoCd { "Argo CD" } else { "Flux" })
    }
}

/// An object that may hold rules.
#[derive(Debug)]
pub struct RuleObject {
    /// Which one.
    pub id: ResourceId,
    /// The object.
    pub object: Value,
    /// Where it is declared; none for one that was read from the cluster.
    pub origin: Option<Origin>,
}

/// Whether an object may hold rules.
pub fn may_hold_rules(id: &ResourceId) -> bool {
    Tool::ALL.iter().any(|tool| tool.kind() == id.kind) || is_settings(id)
}

/// Whether two addresses are of one repository, whatever the protocol, the user and the ending.
pub fn same_repository(one: &str, other: &str) -> bool {
    argo_cd::same_repository(one, other)
}

/// A pattern as Argo CD writes them, as a regular expression for the whole of a text.
pub fn wildcards(pattern: &str) -> Result<regex::Regex, String> {
    target::wildcards(pattern)
}

fn is_settings(id: &ResourceId) -> bool {
    id.kind == GroupKind::new("", "ConfigMap") && id.name == ARGO_CD_SETTINGS
}

/// Every rule that was found.
#[derive(Debug, Default)]
pub struct DeliveryRules {
    owners: Vec<Owner>,
    /// Rules of `argocd-cm`, for all Applications.
    settings: Vec<FieldRule>,
    /// The label that Argo CD tracks by, where its settings name one.
    instance_label: Option<String>,
    /// Tools whose objects are there and could not be read.
    unread: BTreeSet<Tool>,
}

/// An object that delivers others, with its rules.
#[derive(Debug)]
enum Owner {
    Application(Application, Vec<FieldRule>),
    Kustomization(Kustomization, Vec<FieldRule>),
    HelmRelease(HelmRelease, Vec<FieldRule>),
}

/// One rule: for which objects, and what of them is ignored.
#[derive(Debug, Clone)]
struct FieldRule {
    /// Who ignores it and where that is said, for the report.
    source: String,
    target: Target,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// The whole object.
    Whole,
    Pointer(WrittenPointer),
    Expression(PathExpression),
    /// What this field manager owns.
    Manager(String),
}

impl DeliveryRules {
    /// Reads rules. `repository` is the address of the config repository, `unread` are tools whose objects are there and
    /// could not be read. Of an object that is in the cluster and in the repository, the one in the cluster counts: it is
    /// what the tool acts on. A rule that cannot be read is a warning, and the others count.
    pub fn read(objects: &[RuleObject], repository: &str, unread: BTreeSet<Tool>) -> (Self, Vec<Problem>) {
        let (mut rules, mut problems) = (Self { unread, ..Self::default() }, Vec::new());
        let is_same = |one: &ResourceId, other: &ResourceId| {
            let same_namespace =
                one.namespace.is_none() || other.namespace.is_none() || one.namespace == other.namespace;
            one.kind == other.kind && one.name == other.name && same_namespace
        };
        for RuleObject { id, object, origin } in objects {
            let in_cluster = |other: &RuleObject| other.origin.is_none() && is_same(id, &other.id);
            if origin.is_some() && objects.iter().any(in_cluster) {
                continue;
            }
            let mut reading = Reading { name: id.to_string(), origin: origin.as_ref(), problems: &mut problems };
            match Tool::ALL.into_iter().find(|tool| tool.kind() == id.kind) {
                Some(Tool::ArgoCd) => rules.owners.push(Application::read(id, object, repository, &mut reading)),
                Some(Tool::Kustomization) => rules.owners.push(Kustomization::read(id, object, &mut reading)),
                Some(Tool::HelmRelease) => rules.owners.push(HelmRelease::read(id, object, &mut reading)),
                None if is_settings(id) => {
                    let (settings, label) = argo_cd::settings(object, &mut reading);
                    rules.settings.extend(settings);
                    rules.instance_label = rules.instance_label.take().or(label);
                }
                None => {}
            }
        }
        (rules, problems)
    }
}

/// The object that is being read, for the words about it.
struct Reading<'r> {
    /// As the report names it; empty where the rule is an annotation of the object that it is about.
    name: String,
    origin: Option<&'r Origin>,
    problems: &'r mut Vec<Problem>,
}

impl Reading<'_> {
    fn at(&self, place: &str) -> String {
        let file = self.origin.map(|origin| format!(" ({}:{})", origin.file, origin.line)).unwrap_or_default();
        if self.name.is_empty() { place.to_owned() } else { format!("{}{file}, {place}", self.name) }
    }

    fn rule(&self, tool: Tool, place: &str, target: &Target, what: What) -> FieldRule {
        FieldRule { source: format!("{tool} ignores it: {}", self.at(place)), target: target.clone(), what }
    }

    fn warn(&mut self, place: &str, message: impl fmt::Display) {
        let subject = if self.name.is_empty() { place.to_owned() } else { format!("{}, {place}", self.name) };
        let problem = Problem::warning(format!("{subject}: {message}")).help("the rule is left out; the others count");
        self.problems.push(match self.origin {
            Some(origin) => problem.at(Place::line(&*origin.file, origin.line)),
            None => problem,
        });
    }
}

fn text_at<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

/// The texts of a list, with their positions.
fn texts<'v>(rule: &'v Value, name: &str) -> impl Iterator<Item = (usize, &'v str)> + use<'v> {
    let list = rule.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().enumerate().filter_map(|(at, text)| Some((at, text.as_str()?)))
}

fn annotation<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

fn label<'v>(object: &'v Value, name: &str) -> Option<&'v str> {
    object.get("metadata")?.get("labels")?.get(name)?.as_str()
}

#[cfg(test)]
mod tests;
