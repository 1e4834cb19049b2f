//! The GitHub forge, through trueup's own interface and the real octocrab, against the double.

mod double;
mod failures;
mod identity;
mod lifecycle;
mod people;
mod program;
mod which;

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use trueup::adapters::forge::github::{GitHubAccess, GitHubSettings};
use trueup::adapters::forge::{Forge, ForgeSettings};
use trueup::domain::proposal::{KnownProposal, Proposal};

use crate::support::github::{GitHub, Repository};

const PREFIX: &str = "auto-remediation/prod/";
const BRANCH: &str = "auto-remediation/prod/apps/web-0a1b2c3d";
const NAME: &str = "company/ml-config";

fn settings(github: &GitHub) -> GitHubSettings {
    GitHubSettings {
        base_url: github.api_url(),
        repository: NAME.to_owned(),
        access: GitHubAccess::Token(SecretString::from(github.token())),
        timeout_seconds: 20,
        write_pause: Duration::ZERO,
    }
}

fn connect(settings: GitHubSettings) -> Forge {
    Forge::connect(&ForgeSettings::GitHub(settings)).expect("valid settings")
}

fn forge(github: &GitHub) -> Forge {
    connect(settings(github))
}

/// A repository with one commit on trueup's branch.
fn repository(github: &GitHub) -> Repository {
    let repository = github.repository(NAME, &[("apps/web.yaml", "replicas: 3\n")]);
    push(&repository, BRANCH);
    repository
}

fn push(repository: &Repository, branch: &str) {
    repository.push_file(branch, "apps/web.yaml", "replicas: 5\n", "trueup <trueup@localhost>");
}

fn proposal() -> Proposal {
    Proposal {
        branch: BRANCH.to_owned(),
        title: "web: set replicas to 5".to_owned(),
        body: "The cluster runs 5.\n\n<!-- trueup: {} -->\n".to_owned(),
        message: "web: set replicas to 5".to_owned(),
        files: BTreeMap::new(),
        reviewers: Vec::new(),
        team_reviewers: Vec::new(),
        assignees: Vec::new(),
        labels: vec!["drift".to_owned()],
        draft: false,
        auto_merge: false,
    }
}

/// What the forge knows of the one pull request that is open.
async fn the_one(forge: &Forge) -> KnownProposal {
    let mut known = forge.find(PREFIX, &[]).await.expect("found");
    assert_eq!(known.len(), 1, "{known:#?}");
    known.remove(0)
}
