//! Sources: the parts of the config repository that are rendered and delivered to the cluster.

use crate::domain::drift::item::names;
use serde::Serialize;
use std::fmt;

names! {
    /// How a source's files become manifests.
    Renderer {
        /// YAML and JSON manifests as they lie in the folder, subfolders included.
        Plain = "plain",
        /// The folder's kustomization, built by the real kustomize.
        Kustomize = "kustomize",
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

/// One source, as the config names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, unique in the config; part of branch names.
    pub name: String,
    /// Folder (or file) in the repository, with `/`, without a leading `./`; empty for the whole repository.
    pub path: String,
    /// How its files become manifests.
    pub renderer: Renderer,
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
}
