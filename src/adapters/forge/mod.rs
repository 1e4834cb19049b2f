//! Forges: where pull requests live. The interface speaks of proposals, not of HTTP.

pub mod local;

use std::path::PathBuf;

use crate::domain::proposal::{KnownProposal, Proposal};

/// Which forge.
#[derive(Debug, Clone)]
pub enum ForgeSettings {
    /// The branch is pushed and the pull request is written as a Markdown file.
    Local(LocalSettings),
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
}

/// Why the forge did not do something: one variant for each thing the caller decides differently.
#[derive(Debug, thiserror::Error)]
pub enum ForgeError {
    /// The forge could not be reached or failed; nothing is known about the outcome.
    #[error("the forge could not be reached or failed: {0}")]
    Unavailable(String),
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
    pub fn connect(settings: &ForgeSettings) -> Self {
        let ForgeSettings::Local(settings) = settings;
        Self::Local(local::Local::new(settings))
    }

    /// Every proposal that this cluster opened (branch under `prefix`), open, merged or closed, newest first.
    pub fn find(&self, prefix: &str) -> Result<Vec<KnownProposal>, ForgeError> {
        let Self::Local(forge) = self;
        forge.find(prefix)
    }

    /// Opens the pull request of a branch that has been pushed; if it is there already, returns that one.
    pub fn open(&self, proposal: &Proposal, base: &str) -> Result<Published, ForgeError> {
        let Self::Local(forge) = self;
        forge.open(proposal, base)
    }

    /// Brings title, body, reviewers and labels up to date; writes nothing that is as it should be.
    pub fn update(&self, known: &KnownProposal, proposal: &Proposal) -> Result<Published, ForgeError> {
        let Self::Local(forge) = self;
        forge.update(known, proposal)
    }

    /// Closes a proposal that is no longer needed, with a comment that says why.
    pub fn close(&self, known: &KnownProposal, comment: &str) -> Result<(), ForgeError> {
        let Self::Local(forge) = self;
        forge.close(known, comment)
    }
}
