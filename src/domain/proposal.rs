//! Proposals: what a pull request will be, and what is known of the ones that exist.

use std::collections::BTreeMap;

/// A pull request to open or to bring up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// `auto-remediation/<cluster>/<source>/<unit>-<hash>`.
    pub branch: String,
    /// Title, one line.
    pub title: String,
    /// Body in Markdown, with the machine data in one HTML comment; at most 65,536 characters.
    pub body: String,
    /// Commit message.
    pub message: String,
    /// New content of the files by path; none deletes one.
    pub files: BTreeMap<String, Option<Vec<u8>>>,
    /// Users to ask for a review.
    pub reviewers: Vec<String>,
    /// Teams to ask for a review, by slug without the organisation.
    pub team_reviewers: Vec<String>,
    /// Users to assign.
    pub assignees: Vec<String>,
    /// Labels.
    pub labels: Vec<String>,
    /// Whether it is opened as a draft.
    pub draft: bool,
    /// Whether to ask the forge for auto-merge once its checks pass: policy and operator both allowed it.
    pub auto_merge: bool,
}

/// Whether a pull request is open, and if not, how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalState {
    /// Waiting for a person.
    Open,
    /// Merged.
    Merged,
    /// Closed without merging: "ignore exactly this".
    Closed,
}

/// A pull request that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownProposal {
    /// Its number.
    pub number: u64,
    /// Where a person finds it.
    pub url: String,
    /// Its branch.
    pub branch: String,
    /// Whether it is open.
    pub state: ProposalState,
    /// Title as the forge has it.
    pub title: String,
    /// Body as the forge has it; untrusted.
    pub body: String,
    /// Labels it carries.
    pub labels: Vec<String>,
    /// When it was closed or merged, RFC 3339.
    pub closed_at: Option<String>,
    /// Whether trueup closed it itself (the drift was gone), which is no rejection.
    pub closed_by_us: bool,
}
