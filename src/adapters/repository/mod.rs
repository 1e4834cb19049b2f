//! The config repository: clone, fetch, a tree on disk, and pushes that are known to have happened.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;

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
    /// For https: PEM file of a private CA, besides the public ones.
    pub ca_file: Option<PathBuf>,
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
