//! The live side: a cluster through `list` and nothing else, or a snapshot of one. Objects are masked and handed on one
//! by one; nothing is kept.

mod body;
mod capabilities;
pub mod kube;
mod list;
mod object;
mod schemas;
pub mod snapshot;

pub use capabilities::Capabilities;
pub use snapshot::Completeness;

use std::path::{Path, PathBuf};

use crate::domain::problem::Problem;
use crate::domain::resource::{GroupKind, LiveObject, VersionedKind};
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
    /// Where schemas of custom kinds are kept between runs; none to read them anew each time.
    pub cache: Option<PathBuf>,
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
    /// The API server does not know the kind at this version; its objects may live at another one.
    #[error("the API server does not serve {kind}")]
    NotServed { kind: VersionedKind, other_version: Option<String> },
    /// The API server knows no such custom kind at any version, and said so for all of them: nothing of it is there.
    #[error("the API server knows no kind {kind}")]
    NoSuchKind { kind: VersionedKind },
    /// The credentials are wrong or expired.
    #[error("the API server refused the credentials: {message}")]
    Unauthorized { message: String },
    /// There is a schema of the kind, but it could not be read.
    #[error("the schema of {kind} could not be read: {message}")]
    Schema { kind: VersionedKind, message: String },
    /// The list failed, or broke off and could not be started again.
    #[error("listing {kind} failed: {message}")]
    Failed { kind: VersionedKind, message: String },
}

impl Live {
    /// Prepares the live side: a snapshot is read, a cluster is not asked yet.
    pub async fn connect(settings: &LiveSettings, key: &MaskKey) -> anyhow::Result<Self> {
        Ok(match settings {
            LiveSettings::Cluster(settings) => Self::Cluster(kube::Cluster::connect(settings, key).await?),
            LiveSettings::Snapshot(path) => Self::open(path, Completeness::AsRecorded, key)?,
        })
    }

    /// Lets the connection be there by the time it is needed. One that does not come about is no error here; the lists
    /// will fail.
    pub async fn warm_up(&self) {
        if let Self::Cluster(cluster) = self {
            cluster.warm_up().await;
        }
    }

    /// Says that a kind will be listed, if `wanted`, so that fetching it can begin. From any thread, as often as one
    /// likes.
    pub fn expect(&self, kind: &VersionedKind, wanted: impl FnOnce() -> bool) {
        if let Self::Cluster(cluster) = self {
            cluster.expect(kind, wanted);
        }
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

    /// What charts may ask of the cluster, or why it could not be read; none for a snapshot.
    pub async fn capabilities(&self) -> Option<Result<Capabilities, String>> {
        match self {
            Self::Cluster(cluster) => Some(cluster.capabilities().await),
            Self::Snapshot(_) => None,
        }
    }

    /// The OpenAPI v3 document that describes a kind and its siblings; none where there is none.
    pub async fn schema(&self, kind: &VersionedKind) -> Result<Option<serde_json::Value>, ListError> {
        match self {
            Self::Cluster(cluster) => cluster.schema(kind).await,
            Self::Snapshot(snapshot) => Ok(snapshot.schema(&kind.api_version)),
        }
    }

    /// Which of these kinds can be listed here, each at the version to list it at.
    pub async fn versions(&self, kinds: &[GroupKind]) -> Result<Vec<VersionedKind>, ListError> {
        match self {
            Self::Cluster(cluster) => cluster.versions(kinds).await,
            Self::Snapshot(snapshot) => Ok(kinds.iter().filter_map(|kind| snapshot.version(kind)).collect()),
        }
    }

    /// Every object of a kind, whatever the configuration says of namespaces and labels: in these namespaces (empty for
    /// all), and only those of this name, if one is given.
    pub async fn objects(
        &self,
        kind: &VersionedKind,
        namespaces: &[String],
        only: Option<&str>,
    ) -> Result<Vec<LiveObject>, ListError> {
        let observe = |found: &mut Vec<LiveObject>, live: LiveObject| {
            let in_namespaces =
                namespaces.is_empty() || live.id.namespace.as_ref().is_some_and(|own| namespaces.contains(own));
            if in_namespaces && only.is_none_or(|name| name == live.id.name) {
                found.push(live);
            }
        };
        let fold = Fold { start: &Vec::new, wanted: &|_, _| true, observe: &observe, revisions: true };
        match self {
            Self::Cluster(cluster) => cluster.seen_through(namespaces, only).list(kind, fold).await,
            Self::Snapshot(snapshot) => snapshot.list(kind, fold),
        }
    }

    /// Whether a kind is served. Where nobody can tell it is taken to be, and its list says why not.
    pub async fn serves(&self, kind: &VersionedKind) -> bool {
        match self {
            Self::Cluster(cluster) => {
                !matches!(cluster.paths(kind).await, Err(ListError::NotServed { .. } | ListError::NoSuchKind { .. }))
            }
            Self::Snapshot(snapshot) => snapshot.serves(kind),
        }
    }

    /// The version at which a kind is served and can be listed; none where there is none.
    pub async fn served(&self, kind: &GroupKind) -> Result<Option<VersionedKind>, ListError> {
        match self {
            Self::Cluster(cluster) => cluster.served(kind).await,
            Self::Snapshot(snapshot) => snapshot.served(kind),
        }
    }

    /// Lists every object of a kind, folding them into a state.
    /// A list that breaks off is started again with a fresh state; one that fails drops its state whole, so that half a
    /// list is never taken for all of it. Objects that a namespace list cannot see are not reported as absent.
    pub async fn list<S>(&self, kind: &VersionedKind, fold: Fold<'_, S>) -> Result<S, ListError> {
        match self {
            Self::Cluster(cluster) => cluster.list(kind, fold).await,
            Self::Snapshot(snapshot) => snapshot.list(kind, fold),
        }
    }
}

/// What becomes of the objects of a list: a state takes them in one by one, in the order of the list.
pub struct Fold<'f, S> {
    /// An empty state; again where the list is started again.
    pub start: &'f (dyn Fn() -> S + Sync),
    /// Whether more than the metadata of an object is looked at, by namespace and name.
    pub wanted: &'f (dyn Fn(Option<&str>, &str) -> bool + Sync),
    /// Takes in one object.
    pub observe: &'f (dyn Fn(&mut S, LiveObject) + Sync),
    /// Whether what a delivery tool says that it has applied is kept of an object's `status`.
    pub revisions: bool,
}

impl<S> Clone for Fold<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Fold<'_, S> {}
