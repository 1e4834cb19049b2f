//! Forges: where pull requests live. The interface speaks of proposals, not of HTTP.

pub mod github;
pub mod local;

use std::path::PathBuf;

use secrecy::SecretString;

use crate::domain::proposal::{KnownProposal, Proposal};

/// Which forge, and how to get in.
#[derive(Debug, Clone)]
pub enum ForgeSettings {
    /// GitHub or GitHub Enterprise.
    GitHub(GitHubSettings),
    /// The branch is pushed and the pull request is written as a Markdown file.
    Local(LocalSettings),
}

/// How to reach a GitHub repository.
#[derive(Debug, Clone)]
pub struct GitHubSettings {
    /// API address: `https://api.github.com`, or `https://HOST/api/v3` for Enterprise.
    pub base_url: String,
    /// `owner/name`.
    pub repository: String,
    /// Who calls.
    pub auth: GitHubAuth,
    /// PEM file of a private CA, besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// Seconds for one request.
    pub timeout_seconds: u64,
}

/// GitHub credentials.
#[derive(Debug, Clone)]
pub enum GitHubAuth {
    /// A personal or installation token.
    Token(SecretString),
    /// A GitHub App: its tokens are fetched and renewed.
    App { app_id: u64, private_key: SecretString, installation_id: u64 },
}

/// Where the `local` forge keeps its pull requests.
#[derive(Debug, Clone)]
pub struct LocalSettings {
    /// Folder of the Markdown files, one for each pull request.
    pub folder: PathBuf,
}

/// A forge that is ready to use.
#[derive(Debug)]
pub enum Forge {
    /// GitHub.
    GitHub(github::GitHub),
    /// Files.
    Local(local::Local),
}

/// Why the forge did not do something: one variant for each thing the caller decides differently.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// Credentials are wrong or expired.
    #[error("the forge refused the credentials: {0}")]
    Unauthorized(String),
    /// A permission is missing, or the repository cannot be seen.
    #[error("the forge did not permit it: {0}")]
    Forbidden(String),
    /// A rate limit; stop writing for this run.
    #[error("the forge's rate limit is reached, try again in {retry_after_seconds} s")]
    RateLimited { retry_after_seconds: u64 },
    /// The forge could not be reached or failed; nothing is known about the outcome.
    #[error("the forge could not be reached or failed: {0}")]
    Unavailable(String),
    /// The forge understood and refused.
    #[error("the forge refused it: {0}")]
    Refused(String),
}

/// What opening or updating a proposal came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Number of the pull request.
    pub number: u64,
    /// Where a person finds it: a URL, or a file for `local`.
    pub url: String,
    /// What was asked for and could not be had (a reviewer who is no collaborator), one sentence each.
    pub remarks: Vec<String>,
}

impl Forge {
    /// Every proposal that this cluster opened (branch under `prefix`), open, merged or closed, newest first.
    pub async fn find(&self, prefix: &str) -> Result<Vec<KnownProposal>, ForgeError> {
        match self {
            Self::GitHub(forge) => forge.find(prefix).await,
            Self::Local(forge) => forge.find(prefix).await,
        }
    }

    /// Opens the pull request of a branch that has been pushed; if it is there already, returns that one.
    pub async fn open(&self, proposal: &Proposal, base: &str) -> Result<Published, ForgeError> {
        match self {
            Self::GitHub(forge) => forge.open(proposal, base).await,
            Self::Local(forge) => forge.open(proposal, base).await,
        }
    }

    /// Brings title, body, reviewers and labels up to date; writes nothing that is as it should be.
    pub async fn update(&self, known: &KnownProposal, proposal: &Proposal) -> Result<Published, ForgeError> {
        match self {
            Self::GitHub(forge) => forge.update(known, proposal).await,
            Self::Local(forge) => forge.update(known, proposal).await,
        }
    }

    /// Closes a proposal that is no longer needed, with a comment that says why.
    pub async fn close(&self, known: &KnownProposal, comment: &str) -> Result<(), ForgeError> {
        match self {
            Self::GitHub(forge) => forge.close(known, comment).await,
            Self::Local(forge) => forge.close(known, comment).await,
        }
    }
}
