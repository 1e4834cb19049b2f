//! Forges: where pull requests live. The interface speaks of proposals, not of HTTP.

pub mod github;
pub mod local;

use std::path::PathBuf;

use secrecy::SecretString;

use crate::domain::proposal::{KnownProposal, Proposal};

/// Which forge.
#[derive(Debug, Clone)]
pub enum ForgeSettings {
    /// The branch is pushed and the pull request is written as a Markdown file.
    Local(LocalSettings),
    /// GitHub or GitHub Enterprise.
    GitHub(github::GitHubSettings),
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
    /// Files.
    Local(local::Local),
    /// GitHub.
    GitHub(Box<github::GitHub>),
}

/// Why the forge did not do something: one variant for each thing the caller decides differently.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The forge could not be reached or failed; nothing is known about the outcome.
    #[error("the forge could not be reached or failed: {0}")]
    Unavailable(String),
    /// It said no, and would say so again.
    #[error("the forge refused it: {0}")]
    Refused(String),
    /// It asks for a pause; nothing more is asked of it in this run.
    #[error("the forge asks for a pause: {0}")]
    Limited(String),
}

/// What opening or updating a proposal came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Number of the pull request.
    pub number: u64,
    /// Where a person finds it: a URL, or a file for `local`.
    pub url: String,
    /// Whether anything was written.
    pub changed: bool,
    /// What was asked for and could not be had (a reviewer who is no collaborator), one sentence each.
    pub remarks: Vec<String>,
}

impl Forge {
    /// Makes a forge ready to use.
    pub fn connect(settings: &ForgeSettings) -> Result<Self, ForgeError> {
        Ok(match settings {
            ForgeSettings::Local(settings) => Self::Local(local::Local::new(settings)),
            ForgeSettings::GitHub(settings) => Self::GitHub(Box::new(github::GitHub::new(settings)?)),
        })
    }

    /// Whether a repository address is on this forge's own host; its token is sent to no other.
    pub fn serves(&self, url: &str) -> bool {
        match self {
            Self::Local(_) => false,
            Self::GitHub(forge) => forge.serves(url),
        }
    }

    /// The token with which git may use the repository behind this forge; none for `local`.
    pub async fn git_token(&self) -> Result<Option<SecretString>, ForgeError> {
        match self {
            Self::Local(_) => Ok(None),
            Self::GitHub(forge) => forge.git_token().await.map(Some),
        }
    }

    /// The open proposals of this cluster (branches under `prefix`), and those of `branches` that were merged or closed;
    /// newest first.
    pub async fn find(&self, prefix: &str, branches: &[String]) -> Result<Vec<KnownProposal>, ForgeError> {
        match self {
            Self::Local(forge) => forge.find(prefix),
            Self::GitHub(forge) => forge.find(prefix, branches).await,
        }
    }

    /// Opens the pull request of a branch that has been pushed; if it is there already, returns that one.
    pub async fn open(&self, proposal: &Proposal, base: &str) -> Result<Published, ForgeError> {
        match self {
            Self::Local(forge) => forge.open(proposal, base),
            Self::GitHub(forge) => forge.open(proposal, base).await,
        }
    }

    /// Brings title, body and labels up to date, and asks for reviews where opening was cut off before that; writes nothing
    /// that is as it should be.
    pub async fn update(&self, known: &KnownProposal, proposal: &Proposal) -> Result<Published, ForgeError> {
        match self {
            Self::Local(forge) => forge.update(known, proposal),
            Self::GitHub(forge) => forge.update(known, proposal).await,
        }
    }

    /// Closes a proposal that is no longer needed, with a comment that says why.
    pub async fn close(&self, known: &KnownProposal, comment: &str) -> Result<(), ForgeError> {
        match self {
            Self::Local(forge) => forge.close(known, comment),
            Self::GitHub(forge) => forge.close(known, comment).await,
        }
    }
}
