//! The config repository: clone, fetch, a tree on disk, and pushes that are known to have happened.

mod export;
mod git;
mod history;
mod transport;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use history::{History, HistoryStep, Revision};
use secrecy::SecretString;

use crate::domain::problem::Problem;

/// Where the repository is and how to get in.
#[derive(Debug, Clone)]
pub struct RepositorySettings {
    /// `https://…`, `ssh://…`, `git@host:owner/name.git`, `file://…` or a local path.
    pub url: String,
    /// The tracked branch; none for the remote's default.
    pub branch: Option<String>,
    /// Folder for the bare clone and the exported tree, kept between runs where it can be.
    pub cache: PathBuf,
    /// For https: user name, `x-access-token` by default.
    pub username: Option<String>,
    /// For https: token or password.
    pub token: Option<SecretString>,
    /// For ssh: private key file; none for what OpenSSH finds itself.
    pub ssh_key: Option<PathBuf>,
    /// For ssh: known_hosts file; none for the user's. Unknown hosts are always refused.
    pub known_hosts: Option<PathBuf>,
    /// Seconds after which a silent server is given up.
    pub timeout_seconds: u64,
    /// Name of author and committer of what trueup commits.
    pub author_name: String,
    /// Mail address of author and committer; tells trueup's commits from a person's.
    pub author_email: String,
}

/// The tracked branch at one commit, exported to disk without hooks, filters or symlinks.
#[derive(Debug, Clone)]
pub struct Checkout {
    /// The folder that holds the files.
    pub root: PathBuf,
    /// The commit, 40 hex digits.
    pub commit: String,
    /// The branch that was followed.
    pub branch: String,
    /// The id of each file's content, by path.
    pub blobs: Arc<BTreeMap<String, [u8; 20]>>,
    /// Paths that were refused, and so are not on disk: links, submodules, names that lead out of the folder.
    pub links: Arc<BTreeSet<String>>,
    /// A folder beside the clone for what is made of the files and may be lost.
    pub kept: PathBuf,
}

/// A remote branch under `auto-remediation/` as the last fetch saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteBranch {
    /// Its name without `refs/heads/`.
    pub name: String,
    /// Its head commit.
    pub head: String,
    /// The commit at which it leaves the tracked branch.
    pub base: String,
    /// Whether every commit since then was made by trueup (author and committer mail).
    pub ours: bool,
    /// Whether it is exactly one commit.
    pub single: bool,
    /// Content of the files it changes against `base`; none for a deleted file.
    pub files: BTreeMap<String, Option<Vec<u8>>>,
    /// Whether the tracked branch has changed any of these files since `base`.
    pub behind: bool,
}

/// What to push.
#[derive(Debug, Clone)]
pub struct Push {
    /// `auto-remediation/…`; anything else is refused.
    pub branch: String,
    /// The commit it stands on.
    pub base: String,
    /// New content by path; none deletes the file.
    pub files: BTreeMap<String, Option<Vec<u8>>>,
    /// The commit message.
    pub message: String,
    /// The head that the branch had when it was looked at; the push is refused if it has moved. None: must not exist.
    pub expected: Option<String>,
}

/// Why the repository could not be read or pushed to.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The address is of no kind that git here can reach.
    #[error("{0} is no address of https, ssh, git@host:path, file or a local path")]
    Unsupported(String),
    /// Another process works in the cache.
    #[error("another trueup works in {0}; wait for it, or give each its own repository.cache")]
    Busy(PathBuf),
    /// The branch to follow is not there.
    #[error("the branch {0} is not in the repository; set repository.branch")]
    NoBranch(String),
    /// The cache folder cannot be used.
    #[error("the cache {path} cannot be used: {source}")]
    Cache { path: PathBuf, source: std::io::Error },
    /// The branch has moved since it was looked at.
    #[error("the branch {0} has moved meanwhile; the next run looks again")]
    Moved(String),
    /// The branch is not one of trueup's.
    #[error("{0} is not below auto-remediation/ and is never written")]
    NotOurs(String),
    /// The server refused the ref.
    #[error("the server refused {branch}: {refusal}")]
    Refused { branch: String, refusal: String },
    /// The clone lacks what came before.
    #[error("the history ends at {0}, the commits before it are not in the repository")]
    HistoryEnds(String),
    /// Anything else that git says.
    #[error("git: {0}")]
    Git(String),
}

impl From<git2::Error> for RepositoryError {
    fn from(error: git2::Error) -> Self {
        Self::Git(error.message().to_owned())
    }
}

/// A repository that is ready to use; its cache is locked as long as it lives. Its work blocks, and so runs on threads
/// that may.
#[derive(Debug, Clone)]
pub struct Repository {
    settings: Arc<RepositorySettings>,
    _lock: Arc<File>,
}

impl Repository {
    /// Checks the address and takes the cache; nothing is asked yet.
    pub fn open(settings: RepositorySettings) -> Result<Self, RepositoryError> {
        let url = &settings.url;
        let is_local = url.starts_with("file://") || std::path::Path::new(url).is_absolute();
        let is_http = url.starts_with("https://") || url.starts_with("http://");
        if !is_local && !is_http && transport::SshAddress::parse(url).is_none() {
            return Err(RepositoryError::Unsupported(settings.url));
        }
        let access = transport::Access {
            username: settings.username.clone(),
            token: settings.token.clone(),
            ssh_key: settings.ssh_key.clone(),
            known_hosts: settings.known_hosts.clone(),
            timeout: Duration::from_secs(settings.timeout_seconds),
        };
        transport::allow(url, access)?;
        let lock = lock(&settings.cache)?;
        git::unlock(&settings.cache)?;
        Ok(Self { settings: Arc::new(settings), _lock: Arc::new(lock) })
    }

    /// Fetches, and exports the tracked branch. Problems are names and links that were refused.
    pub async fn update(&self) -> Result<(Checkout, Vec<Problem>), RepositoryError> {
        self.blocking(|settings| {
            let repository = git::open(settings)?;
            let (branch, commit) = git::fetch(&repository, settings)?;
            let root = settings.cache.join("tree");
            let (blobs, problems) = export::export(&repository, commit, &root)?;
            let (blobs, kept) = (Arc::new(blobs), settings.cache.join("manifests"));
            let refused = problems.iter().filter_map(|problem| Some(problem.place.as_ref()?.file.clone()));
            let links = Arc::new(refused.collect());
            Ok((Checkout { root, commit: commit.to_string(), branch, blobs, links, kept }, problems))
        })
        .await
    }

    /// The history of a checkout, for threads that may block.
    pub fn history(&self, checkout: &Checkout) -> Result<History, RepositoryError> {
        Ok(History::new(git::open(&self.settings)?, git2::Oid::from_str(&checkout.commit)?))
    }

    /// The branches below `prefix`, as the last [`Repository::update`] saw them.
    pub async fn branches(&self, checkout: &Checkout, prefix: &str) -> Result<Vec<RemoteBranch>, RepositoryError> {
        let (tracked, prefix) = (checkout.commit.clone(), prefix.to_owned());
        self.blocking(move |settings| {
            git::branches(&git::open(settings)?, settings, git2::Oid::from_str(&tracked)?, &prefix)
        })
        .await
    }

    /// Commits and pushes; yields the commit once the server has said that the branch is there.
    pub async fn push(&self, push: Push) -> Result<String, RepositoryError> {
        self.blocking(move |settings| git::push(&git::open(settings)?, settings, &push)).await
    }

    /// Deletes a branch that is still at `head`.
    pub async fn delete(&self, branch: &str, head: &str) -> Result<(), RepositoryError> {
        let (branch, head) = (branch.to_owned(), head.to_owned());
        self.blocking(move |settings| git::delete(&git::open(settings)?, &branch, &head)).await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&RepositorySettings) -> Result<T, RepositoryError> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        let settings = Arc::clone(&self.settings);
        let done = tokio::task::spawn_blocking(move || work(&settings)).await;
        done.unwrap_or_else(|error| Err(RepositoryError::Git(error.to_string())))
    }
}

fn lock(cache: &std::path::Path) -> Result<File, RepositoryError> {
    let wrong = |source| RepositoryError::Cache { path: cache.to_path_buf(), source };
    std::fs::create_dir_all(cache).map_err(wrong)?;
    let file = File::options().create(true).append(true).open(cache.join("lock")).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RepositoryError::Busy(cache.to_path_buf())),
        Err(TryLockError::Error(source)) => Err(wrong(source)),
    }
}
