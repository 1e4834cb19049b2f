//! Which pull requests are ours: many others, forks, renamed repositories.

use trueup::adapters::forge::github::GitHubSettings;
use trueup::domain::proposal::ProposalState;

use super::{BRANCH, NAME, PREFIX, connect, forge, proposal, push, repository, settings, the_one};
use crate::support::github::GitHub;

/// Ours is found among more open pull requests than GitHub shows on one page, and the others are not ours.
#[tokio::test]
async fn among_many() {
    let github = GitHub::start();
    let repository = repository(&github);
    let forge = forge(&github);
    forge.open(&proposal(), "main").await.expect("opened");
    let head = repository.bare().head(BRANCH).expect("pushed");
    for number in 0..130 {
        let branch = format!("feature/{number}");
        repository.bare().git(&["update-ref", &format!("refs/heads/{branch}"), &head]);
        repository.open_by_person("alice", &repository, &branch);
    }
    assert_eq!(the_one(&forge).await.number, 1);
    let pages = github.requests().into_iter().filter(|request| request.operation == "pulls/list").count();
    assert_eq!(pages, 2);
    github.finish();
}

/// A fork that names its branch as ours would be is a stranger's: neither found, nor updated, nor a reason not to open.
#[tokio::test]
async fn a_fork_with_our_name() {
    let github = GitHub::start();
    let repository = repository(&github);
    let fork = github.fork(&repository, "mallory");
    fork.push_file(BRANCH, "apps/web.yaml", "replicas: 666\n", "Mallory <m@example.com>");
    repository.open_by_person("mallory", &fork, BRANCH);
    let forge = forge(&github);
    assert_eq!(forge.find(PREFIX, &[BRANCH.to_owned()]).await.expect("found"), []);
    let published = forge.open(&proposal(), "main").await.expect("opened");
    assert_eq!((published.number, the_one(&forge).await.number), (2, 2));
    github.finish();
}

/// Branches of other clusters and of people in the same repository are left alone.
#[tokio::test]
async fn only_below_the_prefix() {
    let github = GitHub::start();
    let repository = repository(&github);
    for branch in ["auto-remediation/staging/apps/web-0a1b2c3d", "auto-remediation/prod2/x", "feature"] {
        push(&repository, branch);
        repository.open_by_person("alice", &repository, branch);
    }
    assert_eq!(forge(&github).find(PREFIX, &[]).await.expect("found"), []);
    github.finish();
}

/// Under its old name a repository is read by GitHub's redirect and written under its new one.
#[tokio::test]
async fn renamed() {
    let github = GitHub::start();
    let repository = repository(&github);
    repository.rename("company/platform-config");
    let forge = connect(GitHubSettings { repository: NAME.to_owned(), ..settings(&github) });
    forge.open(&proposal(), "main").await.expect("opened");
    let known = the_one(&forge).await;
    assert_eq!(known.state, ProposalState::Open);
    forge.close(&known, "gone").await.expect("closed");
    assert!(!repository.pull_request(1).is_open());
    let refused = github.requests().into_iter().filter(|request| request.status == 307).count();
    assert_eq!(refused, 0, "no write went to the old name");
    github.finish();
}

/// The proposal's history is asked branch by branch, and each branch's is its own.
#[tokio::test]
async fn history_of_each_branch() {
    let github = GitHub::start();
    let repository = repository(&github);
    let second = "auto-remediation/prod/apps/api-44ee55ff";
    push(&repository, second);
    let forge = forge(&github);
    for branch in [BRANCH, second] {
        let wanted = trueup::domain::proposal::Proposal { branch: branch.to_owned(), ..proposal() };
        forge.open(&wanted, "main").await.expect("opened");
    }
    repository.close(1);
    repository.close(2);
    let known = forge.find(PREFIX, &[second.to_owned()]).await.expect("found");
    assert_eq!(known.iter().map(|known| known.branch.as_str()).collect::<Vec<_>>(), [second]);
    github.finish();
}
