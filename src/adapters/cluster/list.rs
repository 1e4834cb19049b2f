//! One list of one kind: pages fetched ahead, each read and folded meanwhile, started again where its token expired.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tracing::debug;

use super::kube::Cluster;
use super::object::{Item, Reader};
use super::{Fold, ListError};
use crate::domain::resource::VersionedKind;

/// How often a list whose token expired is started again.
const RESTARTS: u32 = 3;
/// How many first pages may wait for their lists: enough to keep the API server busy, few enough for the memory.
const PAGES_AHEAD: usize = 4;

type FirstPage = JoinHandle<Result<Option<Vec<u8>>, ListError>>;

/// First pages of kinds that will be listed.
#[derive(Debug)]
pub(super) struct Ahead {
    runtime: Handle,
    pages: Mutex<HashMap<VersionedKind, Option<FirstPage>>>,
}

impl Ahead {
    pub(super) fn new(runtime: Handle) -> Self {
        Self { runtime, pages: Mutex::default() }
    }

    fn take(&self, kind: &VersionedKind) -> Option<FirstPage> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).get_mut(kind)?.take()
    }
}

impl Cluster {
    /// Fetches the first page of a kind that will be listed, unless that has begun or enough are waiting. From any
    /// thread.
    pub(super) fn expect(&self, kind: &VersionedKind, wanted: impl FnOnce() -> bool) {
        let mut pages = self.ahead.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = pages.values().filter(|page| page.is_some()).count();
        if waiting >= PAGES_AHEAD || pages.contains_key(kind) || !wanted() {
            return;
        }
        let (cluster, own) = (self.clone(), kind.clone());
        let fetch = self.ahead.runtime.spawn(async move {
            let paths = cluster.paths(&own).await?;
            match paths.first() {
                Some(path) => cluster.page(&own, path, None).await,
                None => Ok(None),
            }
        });
        pages.insert(kind.clone(), Some(fetch));
    }

    /// Lists a kind; see [`super::Live::list`].
    pub(super) async fn list<S>(&self, kind: &VersionedKind, fold: Fold<'_, S>) -> Result<S, ListError> {
        let paths = self.paths(kind).await?;
        let mut first = self.ahead.take(kind);
        for restarts in 0..=RESTARTS {
            if let Some(state) = self.attempt(kind, &paths, first.take(), fold).await? {
                return Ok(state);
            }
            debug!(%kind, restarts, "the list expired, starting again");
        }
        let message = format!("the list expired {} times; raise page_size", RESTARTS + 1);
        Err(ListError::Failed { kind: kind.clone(), message })
    }

    /// One list from its beginning; none where it expired on the way. While a page is read, the next one is fetched.
    async fn attempt<S>(
        &self,
        kind: &VersionedKind,
        paths: &[String],
        mut first: Option<FirstPage>,
        fold: Fold<'_, S>,
    ) -> Result<Option<S>, ListError> {
        let failed = |message: String| ListError::Failed { kind: kind.clone(), message };
        let broke_off = |error: tokio::task::JoinError| failed(format!("fetching it broke off: {error}"));
        let mut state = (fold.start)();
        for path in paths {
            let mut page = match first.take() {
                Some(first) => first.await.map_err(broke_off)??,
                None => self.page(kind, path, None).await?,
            };
            loop {
                let Some(bytes) = page else { return Ok(None) };
                // dropping it ends what it does
                let mut next = JoinSet::new();
                let fetch_next = |token: String| {
                    let (cluster, kind, path) = (self.clone(), kind.clone(), path.clone());
                    let fetch = async move { cluster.page(&kind, &path, Some(&token)).await };
                    next.spawn_on(fetch, &self.ahead.runtime);
                };
                self.read(kind, &bytes, &mut state, fold, fetch_next).map_err(|error| {
                    failed(format!("the answer cannot be read (line {} column {})", error.line(), error.column()))
                })?;
                self.bodies.reuse(bytes);
                page = match next.join_next().await {
                    Some(fetched) => fetched.map_err(broke_off)??,
                    None => break,
                };
            }
        }
        Ok(Some(state))
    }

    /// Reads a page and folds its objects one by one, which is quicker than the API server makes the next page.
    fn read<S>(
        &self,
        kind: &VersionedKind,
        bytes: &[u8],
        state: &mut S,
        fold: Fold<'_, S>,
        next: impl FnOnce(String),
    ) -> Result<(), serde_json::Error> {
        let each = |item: Item| {
            if let Some(live) = item.into_live(kind, &self.key) {
                (fold.observe)(state, live);
            }
        };
        Reader { wanted: fold.wanted, revisions: fold.revisions }.page(bytes, each, next)
    }
}
