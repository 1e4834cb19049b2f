//! Reviewers, teams, assignees and auto-merge: what cannot be had is a remark, never a failure.

use trueup::domain::proposal::Proposal;

use super::{forge, proposal, repository, the_one};
use crate::support::github::{Checks, Fault, GitHub, Repository};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn asking(reviewers: &[&str], teams: &[&str], assignees: &[&str]) -> Proposal {
    Proposal {
        reviewers: names(reviewers),
        team_reviewers: names(teams),
        assignees: names(assignees),
        labels: Vec::new(),
        ..proposal()
    }
}

/// Everybody who can be asked is asked, in as few requests as there are kinds of them.
#[tokio::test]
async fn asked() {
    let github = GitHub::start();
    let repository = repository(&github);
    let published =
        forge(&github).open(&asking(&["alice", "bob"], &["platform"], &["alice"]), "main").await.expect("opened");
    assert_eq!(published.remarks, Vec::<String>::new());
    let pull = repository.pull_request(1);
    assert_eq!(
        (pull.reviewers, pull.teams, pull.assignees),
        (names(&["alice", "bob"]), names(&["platform"]), names(&["alice"]))
    );
    assert_eq!(github.asked("pulls/request-reviewers"), 2);
    github.finish();
}

/// GitHub refuses a whole request for one name; the others are asked all the same.
#[tokio::test]
async fn one_unknown_name_spoils_nothing() {
    let github = GitHub::start();
    let repository = repository(&github);
    let wanted = asking(&["alice", "mallory", "trueup-bot"], &["ghosts"], &["bob", "mallory"]);
    let published = forge(&github).open(&wanted, "main").await.expect("opened");
    let pull = repository.pull_request(1);
    assert_eq!((pull.reviewers, pull.teams, pull.assignees), (names(&["alice"]), names(&[]), names(&["bob"])));
    let remarks = published.remarks;
    let about: Vec<_> = remarks.iter().filter_map(|remark| remark.split(' ').next()).collect();
    assert_eq!(about, ["mallory", "trueup-bot", "ghosts", "mallory"], "{remarks:#?}");
    assert!(remarks[0].contains("is not a collaborator of the company/ml-config repository"), "{remarks:#?}");
    assert!(remarks[1].contains("Review cannot be requested from pull request author"), "{remarks:#?}");
    github.finish();
}

/// An App needs Members: read for teams; without it GitHub's words are in the remark.
#[tokio::test]
async fn teams_and_apps() {
    for (permissions, remarks) in [(&[][..], 1), (&[("members", "read")][..], 0)] {
        let github = GitHub::start();
        let repository = repository(&github);
        let forge = super::identity::as_app(&github, jiff::SignedDuration::from_hours(1), permissions);
        let published = forge.open(&asking(&[], &["platform"], &[]), "main").await.expect("opened");
        assert_eq!(published.remarks.len(), remarks, "{:?}", published.remarks);
        assert!(published.remarks.iter().all(|remark| remark.contains("Could not resolve to a node")));
        assert_eq!(repository.pull_request(1).teams.len(), 1 - remarks);
        github.finish();
    }
}

/// Who was taken off the list or has reviewed already is not asked again by the next run.
#[tokio::test]
async fn nobody_is_asked_twice() {
    let github = GitHub::start();
    let repository = repository(&github);
    let forge = forge(&github);
    let wanted = asking(&["alice"], &[], &[]);
    forge.open(&wanted, "main").await.expect("opened");
    repository.review(1, "alice");
    let published = forge.update(&the_one(&forge).await, &wanted).await.expect("current");
    assert!(!published.changed);
    assert_eq!(repository.pull_request(1).reviewers, names(&[]));
    assert_eq!(github.asked("pulls/request-reviewers"), 1);
    github.finish();
}

/// Whom a person took off the list stays off.
#[tokio::test]
async fn a_person_needs_no_review() {
    let github = GitHub::start();
    let repository = repository(&github);
    let forge = forge(&github);
    let wanted = asking(&["alice", "bob"], &[], &[]);
    forge.open(&wanted, "main").await.expect("opened");
    repository.dismiss_reviewers(1);
    forge.update(&the_one(&forge).await, &wanted).await.expect("current");
    assert_eq!(repository.pull_request(1).reviewers, names(&[]));
    github.finish();
}

/// Opening that a limit cut off in the middle is completed by the next run.
#[tokio::test]
async fn completed_by_the_next_run() {
    for operation in ["pulls/request-reviewers", "issues/add-assignees", "issues/add-labels"] {
        let github = GitHub::start();
        let repository = repository(&github);
        let forge = forge(&github);
        let wanted = Proposal { labels: names(&["drift"]), ..asking(&["alice"], &["platform"], &["bob"]) };
        github.fail(operation, Fault::SecondaryLimit { retry_after: None });
        forge.open(&wanted, "main").await.expect_err("limited");
        assert!(forge.update(&the_one(&forge).await, &wanted).await.expect("completed").changed);
        let pull = repository.pull_request(1);
        assert_eq!((pull.reviewers, pull.labels), (names(&["alice"]), names(&["drift"])), "{operation}");
        assert_eq!((pull.teams, pull.assignees), (names(&["platform"]), names(&["bob"])), "{operation}");
        github.finish();
    }
}

/// An idle run asks nobody and assigns nobody, even where some names were refused.
#[tokio::test]
async fn idle_with_refused_names() {
    let github = GitHub::start();
    repository(&github);
    let forge = forge(&github);
    let wanted = asking(&["mallory"], &["ghosts"], &["mallory", "bob"]);
    forge.open(&wanted, "main").await.expect("opened");
    let writes = github.writes();
    let published = forge.update(&the_one(&forge).await, &wanted).await.expect("current");
    assert!(!published.changed);
    assert_eq!(github.writes(), writes, "the second run writes nothing");
    github.finish();
}

/// Auto-merge is asked for where policy and operator allow it, and nowhere else.
#[tokio::test]
async fn auto_merge_when_allowed() {
    for wanted in [false, true] {
        let github = GitHub::start();
        let repository = repository(&github);
        repository.allow_auto_merge(Checks::Running);
        let asked = Proposal { auto_merge: wanted, ..proposal() };
        let published = forge(&github).open(&asked, "main").await.expect("opened");
        assert_eq!(published.remarks, Vec::<String>::new());
        assert_eq!((repository.pull_request(1).auto_merge, github.asked("graphql")), (wanted, usize::from(wanted)));
        github.finish();
    }
}

/// GitHub's reasons against auto-merge are remarks; the pull request is open.
#[tokio::test]
async fn auto_merge_that_is_refused() {
    type Setting = fn(&Repository);
    let settings: [(Setting, &str); 3] = [
        (|_| {}, "Auto merge is not allowed for this repository"),
        (|repository| repository.allow_auto_merge(Checks::Passed), "clean status"),
        (|repository| repository.allow_auto_merge_only(), "Protected branch rules not configured"),
    ];
    for (set, reason) in settings {
        let github = GitHub::start();
        let repository = repository(&github);
        set(&repository);
        let asked = Proposal { auto_merge: true, ..proposal() };
        let published = forge(&github).open(&asked, "main").await.expect("opened");
        assert_eq!(published.remarks.len(), 1, "{:?}", published.remarks);
        assert!(published.remarks[0].contains(reason), "{:?}", published.remarks);
        assert!(!repository.pull_request(1).auto_merge);
        github.finish();
    }
}
