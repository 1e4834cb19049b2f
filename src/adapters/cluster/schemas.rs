//! Schemas of custom kinds: the API server's OpenAPI v3 documents, one for each group and version, kept between runs.
//!
//! An index names the hash of each document's content, so that one which was read before is not fetched again.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tracing::debug;

use super::ListError;
use super::kube::Cluster;
use crate::domain::resource::{VersionedKind, split_api_version};

/// The documents of a cluster by path, `apis/apps/v1`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Index {
    paths: HashMap<String, Document>,
}

/// Where a document is; the address ends with the hash of its content.
#[derive(Debug, Clone, Deserialize)]
struct Document {
    #[serde(rename = "serverRelativeURL")]
    address: String,
}

impl Cluster {
    /// The document that describes a kind; none where the API server has none.
    pub(super) async fn schema(&self, kind: &VersionedKind) -> Result<Option<Value>, ListError> {
        let index = self.openapi.get_or_try_init(|| self.index(kind)).await?;
        let path = match split_api_version(&kind.api_version) {
            ("", version) => format!("api/{version}"),
            (group, version) => format!("apis/{group}/{version}"),
        };
        let Some(Document { address }) = index.paths.get(&path) else { return Ok(None) };
        let cache = self.settings.cache.as_deref().map(|folder| Cached::new(folder, &self.server, &path, address));
        if let Some(kept) = cache.as_ref().and_then(Cached::read) {
            return Ok(Some(kept));
        }
        let Some(bytes) = self.document(kind, address).await? else { return Ok(None) };
        let document = serde_json::from_slice(&bytes).map_err(|error| unreadable(kind, error))?;
        if let Some(Err(error)) = cache.map(|cache| cache.keep(&bytes)) {
            debug!(%kind, %error, "its schema is not kept");
        }
        Ok(Some(document))
    }

    async fn index(&self, kind: &VersionedKind) -> Result<Index, ListError> {
        let Some(bytes) = self.document(kind, "/openapi/v3").await? else { return Ok(Index::default()) };
        serde_json::from_slice(&bytes).map_err(|error| unreadable(kind, error))
    }

    /// A body; none where there is nothing at the address.
    async fn document(&self, kind: &VersionedKind, address: &str) -> Result<Option<Vec<u8>>, ListError> {
        match self.fetch(kind, address, false).await {
            Err(ListError::NotServed { .. }) => Ok(None),
            Err(ListError::Failed { message, .. }) => Err(unreadable(kind, message)),
            Err(ListError::Forbidden { message, .. }) => Err(unreadable(kind, format!("forbidden: {message}"))),
            fetched => fetched,
        }
    }
}

fn unreadable(kind: &VersionedKind, why: impl std::fmt::Display) -> ListError {
    ListError::Schema { kind: kind.clone(), message: why.to_string() }
}

/// The place of a document in the cache. Its name tells cluster and path, and after that the content, so that the
/// document's earlier versions can be told.
struct Cached<'c> {
    folder: &'c Path,
    place: String,
    content: String,
}

impl<'c> Cached<'c> {
    fn new(folder: &'c Path, server: &str, path: &str, address: &str) -> Self {
        // what a server says is hashed: it becomes the name of a file
        let short = |text: String| Sha256::digest(text)[..12].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { folder, place: short(format!("{server}\n{path}")), content: short(address.to_owned()) }
    }

    fn file(&self) -> PathBuf {
        self.folder.join(format!("{}-{}.json", self.place, self.content))
    }

    /// The document, if it is there and whole.
    fn read(&self) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(self.file()).ok()?).ok()
    }

    /// Keeps a document in place of its earlier versions.
    fn keep(&self, bytes: &[u8]) -> std::io::Result<()> {
        std::fs::create_dir_all(self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(self.folder)?;
        file.write_all(bytes)?;
        for entry in std::fs::read_dir(self.folder)?.flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&self.place)) {
                std::fs::remove_file(entry.path())?;
            }
        }
        file.persist(self.file())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A document is found under its own hash alone, replaces its earlier version, and half of one is none.
    #[test]
    fn documents_are_kept_by_content() {
        let folder = tempfile::tempdir().expect("folder");
        let folder = folder.path().join("schemas");
        let cached = |server: &str, hash: &str| Cached::new(&folder, server, "apis/a/v1", hash).read();
        let old = Cached::new(&folder, "s", "apis/a/v1", "?hash=1");
        assert_eq!(old.read(), None);
        old.keep(b"{\"a\": 1}").expect("kept");
        Cached::new(&folder, "other", "apis/a/v1", "?hash=1").keep(b"{\"a\": 3}").expect("kept");
        assert_eq!((cached("s", "?hash=1"), cached("s", "?hash=2")), (Some(json!({"a": 1})), None));
        Cached::new(&folder, "s", "apis/a/v1", "?hash=2").keep(b"{\"a\": 2}").expect("kept");
        assert_eq!((cached("s", "?hash=1"), cached("s", "?hash=2")), (None, Some(json!({"a": 2}))));
        assert_eq!(cached("other", "?hash=1"), Some(json!({"a": 3})));
        std::fs::write(Cached::new(&folder, "s", "apis/a/v1", "?hash=2").file(), "{\"a\":").expect("write");
        assert_eq!(cached("s", "?hash=2"), None);
    }
}
