//! What goes wrong on the way: lost answers, broken servers, limits. Nothing is opened twice, and a limit ends the asking.

use std::time::Duration;

use trueup::adapters::forge::ForgeError;
use trueup::domain::proposal::Proposal;

use super::{BRANCH, PREFIX, connect, forge, proposal, repository, settings, the_one};
use crate::support::github::{Fault, GitHub};

/// The answer to "create" is lost, by a 502, a broken connection or silence, but the pull request is there: it is found
/// and completed, not opened again.
#[tokio::test]
async fn a_lost_answer_makes_no_second_pull_request() {
    for fault in [Fault::BadGatewayAfter, Fault::Dropped, Fault::Silent(Duration::from_secs(4))] {
        let github = GitHub::start();
        let repository = repository(&github);
        github.fail("pulls/create", fault.clone());
        let forge =
            connect(trueup::adapters::forge::github::GitHubSettings { timeout_seconds: 1, ..settings(&github) });
        let published = forge.open(&proposal(), "main").await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!((published.number, github.asked("pulls/create")), (1, 1), "{fault:?}");
        assert_eq!(repository.pull_requests().len(), 1, "{fault:?}");
        assert_eq!(repository.pull_request(1).labels, ["drift"], "{fault:?}");
        github.finish();
    }
}

/// A 502 before anything was done: looked up, not there, tried once more. A second one is an error, not a third try.
#[tokio::test]
async fn a_refusing_gateway_is_tried_once_more() {
    let github = GitHub::start();
    let repository = repository(&github);
    github.fail("pulls/create", Fault::BadGatewayBefore);
    forge(&github).open(&proposal(), "main").await.expect("opened by the second try");
    assert_eq!((repository.pull_requests().len(), github.asked("pulls/create")), (1, 2));
    github.finish();

    let github = GitHub::start();
    let repository = super::repository(&github);
    for _ in 0..2 {
        github.fail("pulls/create", Fault::BadGatewayBefore);
    }
    let error = forge(&github).open(&proposal(), "main").await.expect_err("the gateway fails");
    assert!(matches!(error, ForgeError::Unavailable(_)), "{error}");
    assert_eq!((repository.pull_requests().len(), github.asked("pulls/create")), (0, 2));
    github.finish();
}

/// "Already exists" means that another run was faster: its pull request is the one.
#[tokio::test]
async fn already_there() {
    let github = GitHub::start();
    let repository = repository(&github);
    let number = repository.open_by_person("alice", &repository, BRANCH);
    let published = forge(&github).open(&proposal(), "main").await.expect("found");
    assert_eq!((published.number, repository.pull_requests().len()), (number, 1));
    github.finish();
}

/// Every form of a limit is one, and after it nothing more is asked.
#[tokio::test]
async fn limits_end_the_asking() {
    for fault in [
        Fault::PrimaryLimit,
        Fault::SecondaryLimit { retry_after: Some(60) },
        // https://github.com/gofri/go-github-ratelimit/issues/38
        Fault::SecondaryLimit { retry_after: None },
    ] {
        for operation in ["pulls/create", "pulls/list", "issues/add-labels"] {
            let github = GitHub::start();
            repository(&github);
            github.fail(operation, fault.clone());
            let forge = forge(&github);
            let error = match operation {
                "pulls/list" => forge.find(PREFIX, &[]).await.expect_err("limited"),
                _ => forge.open(&proposal(), "main").await.expect_err("limited"),
            };
            assert!(matches!(error, ForgeError::Limited(_)), "{operation} {fault:?}: {error}");
            let last = github.requests().pop().expect("request").operation;
            assert_eq!((last.as_str(), github.asked(operation)), (operation, 1), "{fault:?}");
            github.finish();
        }
    }
}

/// Reads do no harm and are tried again.
#[tokio::test]
async fn reads_are_tried_again() {
    let github = GitHub::start();
    repository(&github);
    for fault in [Fault::BadGatewayBefore, Fault::Dropped] {
        github.fail("pulls/list", fault);
    }
    github.fail("repos/get", Fault::BadGatewayBefore);
    assert_eq!(forge(&github).find(PREFIX, &[]).await.expect("the third try"), []);
    assert_eq!((github.asked("repos/get"), github.asked("pulls/list")), (2, 3));
    github.finish();
}

/// A server that stays broken is an error after three tries.
#[tokio::test]
async fn reads_are_given_up() {
    let github = GitHub::start();
    repository(&github);
    for _ in 0..3 {
        github.fail("pulls/list", Fault::BadGatewayBefore);
    }
    let error = forge(&github).find(PREFIX, &[]).await.expect_err("broken");
    assert!(matches!(error, ForgeError::Unavailable(_)), "{error}");
    assert_eq!(github.asked("pulls/list"), 3);
    github.finish();
}

/// A close whose answer is lost is no failure of the next run: what is closed stays closed, by us.
#[tokio::test]
async fn a_lost_answer_to_close() {
    let github = GitHub::start();
    let repository = repository(&github);
    let forge = forge(&github);
    forge.open(&proposal(), "main").await.expect("opened");
    github.fail("pulls/update", Fault::BadGatewayAfter);
    let error = forge.close(&the_one(&forge).await, "gone").await.expect_err("nothing is known about the outcome");
    assert!(matches!(error, ForgeError::Unavailable(_)), "{error}");
    assert_eq!(github.asked("pulls/update"), 1);
    let known = forge.find(PREFIX, &[BRANCH.to_owned()]).await.expect("found");
    assert!(known[0].closed_by_us && !repository.pull_request(1).is_open());
    github.finish();
}

/// Labels that GitHub does not take are a remark, and the pull request is open all the same.
#[tokio::test]
async fn labels_that_are_refused() {
    let github = GitHub::start();
    let repository = repository(&github);
    let long = "l".repeat(51);
    let wanted = Proposal { labels: vec![long], ..proposal() };
    let published = forge(&github).open(&wanted, "main").await.expect("opened");
    assert_eq!(published.remarks.len(), 1, "{:?}", published.remarks);
    assert!(published.remarks[0].contains("label"), "{:?}", published.remarks);
    assert!(repository.pull_request(1).is_open());
    github.finish();
}

/// What GitHub says no to is told in its words.
#[tokio::test]
async fn refusals_are_told() {
    let github = GitHub::start();
    let repository = repository(&github);
    repository.delete_branch(BRANCH);
    let error = forge(&github).open(&proposal(), "main").await.expect_err("no such branch");
    assert_eq!(error.to_string(), "the forge refused it: Validation Failed: PullRequest head is invalid");
    assert_eq!(github.asked("pulls/create"), 1, "a refusal is final");
    github.finish();
}

/// A label that GitHub would refuse in every run is refused when the configuration is read, wherever it stands.
#[test]
fn labels_are_checked_early() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("trueup.yaml");
    let load = |label: &str| {
        let policy = format!("remediation_policies: [{{name: p, action_type: ignore, labels: [{label}]}}]\n");
        std::fs::write(folder.path().join("policies.yaml"), policy).expect("written");
        let text = format!(
            "repository: {{url: /repo}}\nsources: [{{name: apps}}]\nproposals: {{labels: [{label}]}}\n\
             policies: policies.yaml\n"
        );
        std::fs::write(&file, text).expect("written");
        let locations = trueup::config::Locations { file: Some(file.clone()), ..Default::default() };
        let problems = trueup::config::load(&locations, &|_| None).err().unwrap_or_default();
        let about_labels = problems.iter().filter(|problem| problem.to_string().contains("longer than 50 characters"));
        about_labels.count()
    };
    assert_eq!((load(&"é".repeat(50)), load(&"é".repeat(51))), (0, 2));
}
