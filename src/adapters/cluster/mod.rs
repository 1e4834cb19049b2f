//! The live side: a cluster through `list` and nothing else, or a snapshot of one. Objects are masked and handed on one
//! by one; nothing is kept.

pub mod kube;
mod object;
pub mod snapshot;

pub use snapshot::Completeness;

use std::path::{Path, PathBuf};

use crate::domain::problem::Problem;
use crate::domain::resource::{LiveObject, VersionedKind};
use crate::domain::secret::MaskKey;

/// Where the live state comes from.
#[derive(Debug, Clone)]
pub enum LiveSettings {
    /// The Kubernetes API.
    Cluster(ClusterSettings),
    /// A file that `trueup snapshot` wrote, or what `kubectl get -o json|yaml` printed.
    Snapshot(PathBuf),
}

/// Which cluster, and how much of it.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// Kubeconfig file; none for `KUBECONFIG`, `~/.kube/config`, then the pod's own account.
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; none for the current one.
    pub context: Option<String>,
    /// Namespaces to list; empty for all. With namespaces, a Role in each is enough and cluster-scoped kinds are not read.
    pub namespaces: Vec<String>,
    /// Label selector for every list of declared kinds, `drift-monitoring=enabled`.
    pub label_selector: Option<String>,
    /// Objects in one page.
    pub page_size: u32,
    /// Seconds for one page.
    pub timeout_seconds: u64,
}

/// The live side, ready to be listed.
#[derive(Debug)]
pub enum Live {
    /// The Kubernetes API.
    Cluster(kube::Cluster),
    /// A recorded snapshot.
    Snapshot(snapshot::Snapshot),
}

/// Why a kind could not be listed. All of them make the kind unknown; none means that its objects are gone.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ListError {
    /// RBAC refused.
    #[error("listing {kind} is forbidden: {message}")]
    Forbidden { kind: VersionedKind, message: String },
    /// The API server does not know the kind at this version.
    #[error("the API server does not serve {kind}")]
    NotServed { kind: VersionedKind },
    /// The credentials are wrong or expired.
    #[error("the API server refused the credentials: {message}")]
    Unauthorized { message: String },
    /// The list failed, or broke off and could not be started again.
    #[error("listing {kind} failed: {message}")]
    Failed { kind: VersionedKind, message: String },
}

impl Live {
    /// Prepares the live side: a cluster is connected to, a snapshot is read. A cluster that does not answer is no error
    /// here; its lists will fail.
    pub async fn connect(settings: &LiveSettings, key: &MaskKey) -> anyhow::Result<Self> {
        Ok(match settings {
            LiveSettings::Cluster(settings) => {
                let cluster = kube::Cluster::connect(settings, key).await?;
                cluster.warm_up().await;
                Self::Cluster(cluster)
            }
            LiveSettings::Snapshot(path) => Self::open(path, Completeness::AsRecorded, key)?,
        })
    }

    /// Reads a snapshot, or what kubectl printed.
    pub fn open(path: &Path, completeness: Completeness, key: &MaskKey) -> anyhow::Result<Self> {
        Ok(Self::Snapshot(snapshot::Snapshot::open(path, completeness, key)?))
    }

    /// What could not be read of a snapshot.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Cluster(_) => &[],
            Self::Snapshot(snapshot) => snapshot.problems(),
        }
    }

    /// Whether Secrets were masked under another key than this run's.
    pub fn has_foreign_masks(&self) -> bool {
        matches!(self, Self::Snapshot(snapshot) if snapshot.foreign_mask())
    }

    /// The OpenAPI v3 document that describes a custom kind, where there is one.
    pub async fn custom_schema(&self, kind: &VersionedKind) -> Option<serde_json::Value> {
        match self {
            Self::Cluster(cluster) => cluster.custom_schema(kind).await,
            Self::Snapshot(_) => None,
        }
    }

    /// Lists every object of a kind, folding each into a state that `start` makes.
    /// A list that breaks off is started again with a fresh state; one that fails drops its state whole, so that half a
    /// list is never taken for all of it. Objects that a namespace list cannot see are not reported as absent.
    pub async fn list<S>(
        &self,
        kind: &VersionedKind,
        start: impl Fn() -> S,
        observe: impl Fn(&mut S, LiveObject),
    ) -> Result<S, ListError> {
        match self {
            Self::Cluster(cluster) => cluster.list(kind, start, observe).await,
            Self::Snapshot(snapshot) => snapshot.list(kind, start, observe),
        }
    }
}
