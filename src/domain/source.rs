//! Sources: the parts of the config repository that are rendered and delivered to the cluster.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::drift::item::names;
use crate::domain::field_path::FieldPath;
use crate::domain::glob;
use crate::domain::resource::{GroupKind, LiveObject, Origin, ResourceId};
use crate::domain::selector::Selector;

names! {
    /// How a source's files become manifests.
    Renderer {
        /// YAML and JSON manifests as they lie in the folder, subfolders included.
        Plain = "plain",
        /// The folder's kustomization, built by the real kustomize.
        Kustomize = "kustomize",
        /// The folder's chart, rendered by the real helm.
        Helm = "helm",
        /// The folder's Jinja templates, rendered here, and the manifests beside them.
        Jinja = "jinja",
    }
}

names! {
    /// Who applies a source to the cluster; decides what ownership means and what a merge does.
    DeliveryTool {
        /// Not known: nothing is assumed.
        Unknown = "unknown",
        /// `kubectl apply`, client-side.
        KubectlApply = "kubectl_apply",
        /// `kubectl apply --server-side`.
        ServerSideApply = "server_side_apply",
        /// An Argo CD Application.
        ArgoCd = "argo_cd",
        /// A Flux Kustomization.
        Flux = "flux",
        /// A Helm 3 release.
        Helm = "helm",
    }
}

/// Who applies a source, under which field manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The tool.
    pub tool: DeliveryTool,
    /// Its field manager; none for the tool's usual one.
    pub manager: Option<String>,
}

impl Delivery {
    /// The field manager under which the delivery writes, if it can be told.
    pub fn field_manager(&self) -> Option<&str> {
        self.manager.as_deref().or(match self.tool {
            DeliveryTool::Unknown => None,
            DeliveryTool::KubectlApply => Some("kubectl-client-side-apply"),
            DeliveryTool::ServerSideApply => Some("kubectl"),
            DeliveryTool::ArgoCd => Some("argocd-controller"),
            DeliveryTool::Flux => Some("kustomize-controller"),
            DeliveryTool::Helm => Some("helm"),
        })
    }
}

/// How a chart is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelmRelease {
    /// `.Release.Name`.
    pub name: String,
    /// Values files relative to the repository, the later ones win.
    pub values: Vec<String>,
    /// `.Capabilities.KubeVersion`; none for the cluster's where it is known, else helm's own.
    pub kube_version: Option<String>,
    /// What `.Capabilities.APIVersions` has besides helm's own; the cluster's are added where they are known.
    pub api_versions: Vec<String>,
    /// Whether the delivery applies what lies in the chart's `crds/`.
    pub include_crds: bool,
    /// Values as YAML, after those of the files; the later ones win.
    pub inline: Vec<String>,
    /// Single values as `helm --set` takes them (`true` for `--set-string`), after all others.
    pub set: Vec<(String, bool)>,
}

/// How Jinja templates are rendered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JinjaTemplates {
    /// Values files relative to the repository, the later ones win.
    pub values: Vec<String>,
    /// Whether the folder is a kustomization whose files may be templates.
    pub kustomize: bool,
    /// Whether the first newline after a block is removed, as `trim_blocks` does.
    pub trim_blocks: bool,
    /// Whether blanks before a block are removed, as `lstrip_blocks` does.
    pub lstrip_blocks: bool,
}

/// What the object of a delivery tool says about the source that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The object.
    pub by: ResourceId,
    /// Where it is declared; none for one that was read from the cluster alone.
    pub origin: Option<Origin>,
    /// Why nothing is applied until a person does something, in words.
    pub paused: Option<String>,
    /// What the tool says it has applied.
    pub revision: Option<String>,
    /// What it writes into the folder's kustomization, by field.
    pub kustomization: Map<String, Value>,
    /// Whether a folder without a kustomization gets one that takes in every manifest.
    pub generates: bool,
    /// Variables that are replaced after the build; where there are none, nothing is replaced.
    pub variables: BTreeMap<String, Variable>,
    /// Whether more variables may come from a Secret.
    pub hides_variables: bool,
    /// Labels and annotations of every object.
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// Which files of a folder of plain manifests count; none for all.
    pub directory: Option<Directory>,
}

impl Delivered {
    /// By an object of which nothing else is known.
    pub fn by(by: ResourceId, origin: Option<Origin>) -> Self {
        Self {
            by,
            origin,
            paused: None,
            revision: None,
            kustomization: Map::new(),
            generates: false,
            variables: BTreeMap::new(),
            hides_variables: false,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            directory: None,
        }
    }
}

impl Delivered {
    /// The files that its object and its variables are declared in.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let variables = self.variables.values().filter_map(|variable| variable.place.as_ref());
        self.origin.iter().chain(variables.map(|(origin, _)| origin)).map(|origin| &*origin.file)
    }
}

/// A variable of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its value.
    pub value: String,
    /// The document and field that sets it, where that is in the repository.
    pub place: Option<(Origin, FieldPath)>,
}

/// Which files of a folder an Argo CD Application takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// Whether subfolders count.
    pub recurse: bool,
    /// Patterns of Argo CD, one of which has to fit the path below the folder; empty for any.
    pub include: String,
    /// Patterns of which none may.
    pub exclude: String,
}

/// What of the cluster belongs to a source: a live object in it that no source declares is drift.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owns {
    /// Namespaces, `*` allowed; empty for all. They say nothing of objects without a namespace.
    pub namespaces: Vec<String>,
    /// Labels that an object has to carry. Objects without a namespace belong to a source by these alone.
    pub selector: Option<Selector>,
    /// Kinds; empty for those that the source declares.
    pub kinds: Vec<GroupKind>,
}

impl Owns {
    /// Whether a live object of a kind that is owned belongs to the source.
    pub fn holds(&self, live: &LiveObject) -> bool {
        let label = |key: &str| Some(live.object.pointer("/metadata/labels")?.get(key)?.as_str()?.to_owned());
        let is_selected = self.selector.as_ref().map(|selector| selector.matches(label));
        match &live.id.namespace {
            Some(namespace) => {
                let in_namespace = |pattern: &String| glob::fits(pattern, namespace);
                let is_near = self.namespaces.is_empty() || self.namespaces.iter().any(in_namespace);
                is_near && is_selected.unwrap_or(!self.namespaces.is_empty())
            }
            None => is_selected.unwrap_or(false),
        }
    }
}

/// One source, as the config or an object of a delivery tool names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, unique in the config; part of branch names.
    pub name: String,
    /// Folder (or file) in the repository, with `/`, without a leading `./`; empty for the whole repository.
    pub path: String,
    /// How its files become manifests.
    pub renderer: Renderer,
    /// How its chart is rendered; only for [`Renderer::Helm`].
    pub helm: Option<HelmRelease>,
    /// How its templates are rendered; only for [`Renderer::Jinja`].
    pub jinja: Option<JinjaTemplates>,
    /// Namespace for manifests that name none (and whose kind has namespaces).
    pub namespace: Option<String>,
    /// Environment, `production`; weighs and routes.
    pub environment: Option<String>,
    /// Service; routes.
    pub service: Option<String>,
    /// Who applies it.
    pub delivery: Delivery,
    /// What of the cluster is its own; none where it claims nothing beyond what it declares.
    pub owns: Option<Owns>,
    /// The object of the delivery tool that names it; none for a source of the config.
    pub delivered: Option<Delivered>,
}

impl Source {
    /// A source of plain manifests of which nothing else is known.
    pub fn plain(name: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            renderer: Renderer::Plain,
            helm: None,
            jinja: None,
            namespace: None,
            environment: None,
            service: None,
            delivery: Delivery { tool: DeliveryTool::Unknown, manager: None },
            owns: None,
            delivered: None,
        }
    }

    /// Whether it lies in a folder of the repository, or is that.
    pub fn is_below(&self, folder: &str) -> bool {
        let rest = self.path.strip_prefix(folder);
        rest.is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }
}
