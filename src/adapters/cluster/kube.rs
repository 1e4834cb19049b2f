//! The Kubernetes API: paged lists, item by item. Needs the verb `list` and nothing else; the names of resources come
//! from discovery and the schemas of custom kinds from `/openapi/v3`, both open to every authenticated user.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kube::client::Body;
use kube::config::KubeConfigOptions;
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OnceCell};
use tracing::debug;

use super::list::Ahead;
use super::schemas::Index;
use super::{ClusterSettings, ListError};
use crate::domain::resource::{GroupKind, VersionedKind, split_api_version};
use crate::domain::schema::Schemas;
use crate::domain::secret::MaskKey;

/// How often one page is asked for before the list is given up.
const ATTEMPTS: u32 = 4;
/// A page that is larger is refused: 500 objects of the largest size that etcd stores.
const LARGEST_PAGE: u64 = 1024 * 1024 * 1024;

/// A cluster.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    pub(super) settings: Arc<ClusterSettings>,
    /// The API server's address.
    pub(super) server: String,
    /// Only objects of this name, so that a right on that one object is enough.
    only: Option<String>,
    pub(super) key: MaskKey,
    discovered: Arc<Discovered>,
    contact: Arc<Contact>,
    pub(super) ahead: Arc<Ahead>,
    pub(super) openapi: Arc<OnceCell<Index>>,
}

/// The resources of each group and version that was asked for, once.
type Discovered = Mutex<HashMap<String, Arc<OnceCell<Vec<ApiResource>>>>>;

/// Whether the API server has ever answered. One that never did is given up for all kinds after the patience for one:
/// with a timeout for each attempt at each kind, a cycle would not end before the next one.
#[derive(Default)]
struct Contact {
    answered: AtomicBool,
    given_up: OnceLock<String>,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Why there is no connection to a cluster.
#[derive(Debug, thiserror::Error)]
#[error("no cluster to connect to: {0}; name a kubeconfig and context, or run inside a cluster")]
pub struct ConnectError(String);

#[derive(Debug, Clone, Deserialize)]
struct ApiResource {
    name: String,
    kind: String,
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize)]
struct ApiGroupList {
    groups: Vec<ApiGroup>,
}

#[derive(Deserialize)]
struct ApiResourceList {
    resources: Vec<ApiResource>,
}

/// A group as discovery describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiGroup {
    name: String,
    versions: Vec<GroupVersion>,
    preferred_version: GroupVersion,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersion {
    group_version: String,
}

/// An answer that is no success.
struct Refusal {
    status: u16,
    message: String,
    retry_after: Option<Duration>,
}

impl Cluster {
    /// Reads the kubeconfig (or the pod's own account) and prepares a client; nothing is asked yet.
    pub async fn connect(settings: &ClusterSettings, key: &MaskKey) -> Result<Self, ConnectError> {
        let options = KubeConfigOptions { context: settings.context.clone(), ..KubeConfigOptions::default() };
        let wrong = |error: &dyn std::fmt::Display| ConnectError(error.to_string());
        let mut config = match &settings.kubeconfig {
            Some(file) => {
                let kubeconfig = kube::config::Kubeconfig::read_from(file).map_err(|error| wrong(&error))?;
                kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| wrong(&error))?
            }
            None if settings.context.is_some() => {
                kube::Config::from_kubeconfig(&options).await.map_err(|error| wrong(&error))?
            }
            None => kube::Config::infer().await.map_err(|error| wrong(&error))?,
        };
        let timeout = Duration::from_secs(settings.timeout_seconds);
        config.connect_timeout = Some(timeout.min(Duration::from_secs(30)));
        // the time of a whole page is kept in `get`, which says it in better words
        config.read_timeout = None;
        config.default_retry = false;
        let server = config.cluster_url.to_string();
        let client = kube::Client::try_from(config).map_err(|error| wrong(&error))?;
        Ok(Self {
            client,
            server,
            settings: Arc::new(settings.clone()),
            only: None,
            key: key.clone(),
            discovered: Arc::default(),
            contact: Arc::default(),
            ahead: Arc::new(Ahead::new(Handle::current())),
            openapi: Arc::default(),
        })
    }

    /// The same cluster, seen through other lists: without the label selector, in these namespaces (empty for all), and
    /// only the objects of this name, if one is given.
    pub(super) fn seen_through(&self, namespaces: &[String], only: Option<&str>) -> Self {
        let own = ClusterSettings::clone(&self.settings);
        let settings = Arc::new(ClusterSettings { namespaces: namespaces.to_vec(), label_selector: None, ..own });
        let ahead = Arc::new(Ahead::new(Handle::current()));
        Self { settings, only: only.map(str::to_owned), ahead, ..self.clone() }
    }

    /// Which of these kinds belong to a group that the API server serves, at the version that it prefers.
    pub(super) async fn versions(&self, kinds: &[GroupKind]) -> Result<Vec<VersionedKind>, ListError> {
        let all = VersionedKind::new("/apis", "APIGroupList");
        let bytes = self.fetch(&all, "/apis", false).await?.unwrap_or_default();
        let list: ApiGroupList = serde_json::from_slice(&bytes)
            .map_err(|_| ListError::Failed { kind: all, message: "the list of groups cannot be read".to_owned() })?;
        let version = |kind: &GroupKind| {
            let group = list.groups.iter().find(|group| group.name == kind.group)?;
            Some(VersionedKind::new(&*group.preferred_version.group_version, &*kind.kind))
        };
        Ok(kinds.iter().filter_map(version).collect())
    }

    /// Where the objects of a kind are: one address, or one for each namespace of the config.
    pub(super) async fn paths(&self, kind: &VersionedKind) -> Result<Vec<String>, ListError> {
        let resource = match self.resource(kind).await {
            Err(ListError::NotServed { .. }) => return Err(self.why_not_served(kind).await),
            found => found?,
        };
        let base = base_path(&kind.api_version);
        match (&self.settings.namespaces[..], resource.namespaced) {
            ([], _) => Ok(vec![format!("{base}/{}", resource.name)]),
            (namespaces, true) => {
                let path = |namespace| format!("{base}/namespaces/{namespace}/{}", resource.name);
                Ok(namespaces.iter().map(path).collect())
            }
            (_, false) => {
                let message = "the kind has no namespaces, and the config names the namespaces to read".to_owned();
                Err(ListError::Failed { kind: kind.clone(), message })
            }
        }
    }

    /// One page; none where the token of an earlier page has expired (410).
    pub(super) async fn page(
        &self,
        kind: &VersionedKind,
        path: &str,
        next: Option<&str>,
    ) -> Result<Option<Vec<u8>>, ListError> {
        let mut query = vec![("limit", self.settings.page_size.to_string())];
        query.extend(self.settings.label_selector.clone().map(|selector| ("labelSelector", selector)));
        query.extend(self.only.as_ref().map(|name| ("fieldSelector", format!("metadata.name={name}"))));
        query.extend(next.map(|next| ("continue", next.to_owned())));
        let query: Vec<_> = query.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        self.fetch(kind, &format!("{path}?{}", query.join("&")), next.is_some()).await
    }

    /// Asks until there is an answer that is final; none for an expired token where `may_expire`.
    pub(super) async fn fetch(
        &self,
        kind: &VersionedKind,
        address: &str,
        may_expire: bool,
    ) -> Result<Option<Vec<u8>>, ListError> {
        let failed = |message: String| ListError::Failed { kind: kind.clone(), message };
        let mut attempt = 0;
        loop {
            if let Some(message) = self.contact.given_up.get() {
                return Err(failed(message.clone()));
            }
            attempt += 1;
            let pause = match self.get(address).await {
                Ok(Ok(bytes)) => return Ok(Some(bytes)),
                Ok(Err(refusal)) => match refusal.status {
                    401 => return Err(ListError::Unauthorized { message: refusal.message }),
                    403 => return Err(ListError::Forbidden { kind: kind.clone(), message: refusal.message }),
                    404 => return Err(not_served(kind)),
                    410 if may_expire => return Ok(None),
                    429 | 500.. if attempt < ATTEMPTS => refusal.retry_after,
                    status => return Err(failed(format!("{} ({status})", refusal.message))),
                },
                Err(message) if attempt < ATTEMPTS => {
                    debug!(%kind, attempt, message, "asking again");
                    None
                }
                Err(message) => {
                    if !self.contact.answered.load(Ordering::Relaxed) {
                        let _ = self.contact.given_up.set(message.clone());
                    }
                    return Err(failed(message));
                }
            };
            let backoff = Duration::from_millis(200 << attempt);
            tokio::time::sleep(pause.unwrap_or(backoff).min(Duration::from_secs(30))).await;
        }
    }

    /// One request: the body, what the server refused, or why there was no answer.
    async fn get(&self, address: &str) -> Result<Result<Vec<u8>, Refusal>, String> {
        let request = http::Request::get(address)
            .header("Accept", "application/json")
            .header("User-Agent", concat!("trueup/", env!("CARGO_PKG_VERSION")))
            .body(Body::empty())
            .map_err(|error| error.to_string())?;
        let answer = async {
            let response = self.client.send(request).await.map_err(|error| chain(&error))?;
            self.contact.answered.store(true, Ordering::Relaxed);
            let status = response.status();
            let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            let length =
                response.headers().get("content-length").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
            if length.is_some_and(|length| length > LARGEST_PAGE) {
                return Err("the page is too large; lower page_size".to_owned());
            }
            let bytes = response.into_body().collect_bytes().await.map_err(|error| chain(&error))?;
            if status.is_success() {
                return Ok(Ok(bytes.into()));
            }
            let message = serde_json::from_slice::<Value>(&bytes).ok();
            let message = message.as_ref().and_then(|body| body.get("message")?.as_str()).unwrap_or("no reason given");
            let retry_after = retry_after.map(Duration::from_secs);
            Ok(Err(Refusal { status: status.as_u16(), message: message.to_owned(), retry_after }))
        };
        let limit = Duration::from_secs(self.settings.timeout_seconds);
        tokio::time::timeout(limit, answer)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {} s", limit.as_secs())))
    }

    /// Lets the connection be there by the time the first list needs it. What goes wrong is told by the lists.
    pub(super) async fn warm_up(&self) {
        if let Ok(Ok(bytes)) = self.get(&base_path("v1")).await
            && let Ok(list) = serde_json::from_slice::<ApiResourceList>(&bytes)
        {
            self.discovered.lock().await.insert("v1".to_owned(), Arc::new(OnceCell::new_with(Some(list.resources))));
        }
    }

    async fn resource(&self, kind: &VersionedKind) -> Result<ApiResource, ListError> {
        let discovered = Arc::clone(self.discovered.lock().await.entry(kind.api_version.clone()).or_default());
        let resources = discovered.get_or_try_init(|| self.discover(kind)).await?;
        let found = resources.iter().find(|resource| resource.kind == kind.kind && !resource.name.contains('/'));
        found.cloned().ok_or_else(|| not_served(kind))
    }

    /// The version at which a kind is served and can be listed, the preferred one if there are several; none where the
    /// API server has no such kind. An error where a version could not be asked: the kind may be there.
    pub(super) async fn served(&self, kind: &GroupKind) -> Result<Option<VersionedKind>, ListError> {
        let mut failure = None;
        for version in self.group_versions(kind).await? {
            let kind = VersionedKind::new(version, &*kind.kind);
            match self.resource(&kind).await {
                Ok(resource) if resource.verbs.iter().any(|verb| verb == "list") => return Ok(Some(kind)),
                Ok(_) | Err(ListError::NotServed { .. }) => {}
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }

    /// The versions of a kind's group, the preferred one first; none where the API server has no such group. A group
    /// whose own server is down is named all the same.
    async fn group_versions(&self, kind: &GroupKind) -> Result<Vec<String>, ListError> {
        if kind.group.is_empty() {
            return Ok(vec!["v1".to_owned()]);
        }
        let sought = VersionedKind::new(&*kind.group, &*kind.kind);
        let bytes = match self.fetch(&sought, &format!("/apis/{}", kind.group), false).await {
            Ok(Some(bytes)) => bytes,
            Err(ListError::NotServed { .. }) | Ok(None) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let group: ApiGroup = serde_json::from_slice(&bytes).map_err(|_| ListError::Failed {
            kind: sought,
            message: format!("the discovery of {} cannot be read", kind.group),
        })?;
        let preferred = group.preferred_version.group_version;
        let others = group.versions.into_iter().map(|version| version.group_version);
        let others: Vec<_> = others.filter(|version| *version != preferred).collect();
        Ok(std::iter::once(preferred).chain(others).collect())
    }

    /// Tells a kind that is served at another version, or was once built in, from one that is not there at all.
    async fn why_not_served(&self, kind: &VersionedKind) -> ListError {
        let group_kind = kind.group_kind();
        match self.served(&group_kind).await {
            Ok(None) if !Schemas::is_built_in_group(&group_kind.group) => ListError::NoSuchKind { kind: kind.clone() },
            Ok(other) => {
                ListError::NotServed { kind: kind.clone(), other_version: other.map(|other| other.api_version) }
            }
            Err(error) => error,
        }
    }

    /// The resources of a group and version; none where the API server does not serve it.
    async fn discover(&self, kind: &VersionedKind) -> Result<Vec<ApiResource>, ListError> {
        let bytes = match self.fetch(kind, &base_path(&kind.api_version), false).await {
            Ok(Some(bytes)) => bytes,
            Err(ListError::NotServed { .. }) | Ok(None) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let list: ApiResourceList = serde_json::from_slice(&bytes).map_err(|_| ListError::Failed {
            kind: kind.clone(),
            message: format!("the discovery of {} cannot be read", kind.api_version),
        })?;
        Ok(list.resources)
    }
}

fn not_served(kind: &VersionedKind) -> ListError {
    ListError::NotServed { kind: kind.clone(), other_version: None }
}

fn base_path(api_version: &str) -> String {
    match split_api_version(api_version) {
        ("", version) => format!("/api/{version}"),
        (group, version) => format!("/apis/{group}/{version}"),
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    text.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// An error with its causes, which say more than it does itself.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
