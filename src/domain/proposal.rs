//! Proposals: what a pull request will be, and what is known of the ones that exist.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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

/// The machine data of a pull request: one HTML comment in its body. A CronJob keeps no other state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The cluster that opened it.
    pub cluster: String,
    /// The source.
    pub source: String,
    /// The resource, as text.
    pub resource: String,
    /// Fingerprints of the items it answers.
    pub fingerprints: Vec<String>,
    /// Which attempt it is.
    pub attempt: u32,
    /// The version of trueup that wrote it.
    pub version: String,
}

const OPENING: &str = "<!-- trueup: ";

impl Marker {
    /// The comment. Angle brackets in names are escaped, so that nothing can end it early.
    pub fn write(&self) -> String {
        let json = serde_json::to_string(self).expect("strings and numbers always serialise");
        format!("{OPENING}{} -->", json.replace('<', "\\u003c").replace('>', "\\u003e"))
    }

    /// Reads it back from a body; none where there is none or a person has changed it beyond recognition.
    /// It stands last: a value that is quoted before it may look like one.
    pub fn read(body: &str) -> Option<Self> {
        let (_, rest) = body.rsplit_once(OPENING)?;
        let (json, _) = rest.split_once(" -->")?;
        serde_json::from_str(json).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A marker survives its body, whatever the names, and what is no marker is none.
    #[test]
    fn markers_are_read_back() {
        let marker = Marker {
            cluster: "a --> b".to_owned(),
            attempt: 2,
            fingerprints: vec!["00ff".to_owned()],
            ..Marker::default()
        };
        let body = format!("text\n{}\nmore", marker.write());
        assert_eq!(body.matches("-->").count(), 1);
        assert_eq!(Marker::read(&body), Some(marker));
        assert_eq!(Marker::read("<!-- trueup: {broken -->"), None);
        assert_eq!(Marker::read("no comment"), None);
    }
}
