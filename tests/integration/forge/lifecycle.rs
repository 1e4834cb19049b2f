//! From opening to the end: found again, brought up to date, closed, and never written without need.

use trueup::adapters::forge::Published;
use trueup::domain::proposal::ProposalState;

use super::{BRANCH, PREFIX, forge, proposal, repository, the_one};
use crate::support::github::GitHub;

/// What is opened is what was proposed, on the branch that was pushed.
#[tokio::test]
async fn opened_as_proposed() {
    let github = GitHub::start();
    let repository = repository(&github);
    let published = forge(&github).open(&proposal(), "main").await.expect("opened");
    let url = format!("{}/company/ml-config/pull/1", github.api_url());
    assert_eq!(published, Published { number: 1, url, changed: true, remarks: Vec::new() });
    let pull = repository.pull_request(1);
    assert_eq!((pull.head.as_str(), pull.base.as_str()), (BRANCH, "main"));
    assert_eq!(pull.title, proposal().title);
    assert_eq!(pull.body, Some(proposal().body));
    assert_eq!(pull.labels, ["drift"]);
    assert!(!pull.draft && !pull.auto_merge);
    github.finish();
}

/// The second run finds what the first one opened, and writes nothing.
#[tokio::test]
async fn an_idle_run_writes_nothing() {
    let github = GitHub::start();
    let repository = repository(&github);
    forge(&github).open(&proposal(), "main").await.expect("opened");
    let writes = github.writes();
    let forge = forge(&github);
    let known = the_one(&forge).await;
    assert_eq!(
        (known.branch.as_str(), known.state, known.body.as_str()),
        (BRANCH, ProposalState::Open, &*proposal().body)
    );
    let published = forge.update(&known, &proposal()).await.expect("current");
    assert!(!published.changed);
    assert_eq!(github.writes(), writes);
    assert_eq!(repository.pull_requests().len(), 1);
    github.finish();
}

/// Title, body and labels follow the proposal; labels that people added stay.
#[tokio::test]
async fn brought_up_to_date() {
    let github = GitHub::start();
    let repository = repository(&github);
    let forge = forge(&github);
    forge.open(&proposal(), "main").await.expect("opened");
    let newer = trueup::domain::proposal::Proposal {
        title: "web: set replicas to 7".to_owned(),
        labels: vec!["Drift".to_owned(), "urgent".to_owned()],
        ..proposal()
    };
    let published = forge.update(&the_one(&forge).await, &newer).await.expect("updated");
    assert!(published.changed);
    let pull = repository.pull_request(1);
    assert_eq!(pull.title, "web: set replicas to 7");
    assert_eq!(pull.labels, ["drift", "urgent"], "labels are told apart without case, as GitHub does");
    assert_eq!(github.asked("pulls/update"), 1);
    github.finish();
}

/// A body that only differs by the line ends of a browser's form is the same body.
#[tokio::test]
async fn line_ends_of_a_browser_are_no_change() {
    let github = GitHub::start();
    let repository = repository(&github);
    let forge = forge(&github);
    forge.open(&proposal(), "main").await.expect("opened");
    repository.edit(1, &proposal().title, &proposal().body);
    assert!(repository.pull_request(1).body.expect("body").contains("\r\n"));
    let known = the_one(&forge).await;
    assert_eq!(known.body, proposal().body);
    assert!(!forge.update(&known, &proposal()).await.expect("current").changed);
    assert_eq!(github.asked("pulls/update"), 0);
    github.finish();
}

/// Closing says why and leaves a mark, by which it is told from a person's "no" in later runs.
#[tokio::test]
async fn closed_by_us_and_by_a_person() {
    let github = GitHub::start();
    let repository = repository(&github);
    let forge = forge(&github);
    let branches = [BRANCH.to_owned()];
    forge.open(&proposal(), "main").await.expect("opened");
    repository.close(1);
    let known = forge.find(PREFIX, &branches).await.expect("found");
    assert_eq!((known[0].state, known[0].closed_by_us), (ProposalState::Closed, false));
    assert!(known[0].closed_at.is_some());

    forge.open(&proposal(), "main").await.expect("opened again");
    let known = the_one(&forge).await;
    assert_eq!(known.number, 2);
    forge.close(&known, "The drift is gone.").await.expect("closed");
    let pull = repository.pull_request(2);
    assert!(!pull.is_open());
    assert_eq!(pull.comments, [("trueup-bot".to_owned(), "The drift is gone.".to_owned())]);
    let known = forge.find(PREFIX, &branches).await.expect("found");
    let seen: Vec<_> = known.iter().map(|known| (known.number, known.state, known.closed_by_us)).collect();
    assert_eq!(seen, [(2, ProposalState::Closed, true), (1, ProposalState::Closed, false)]);
    assert_eq!(forge.find(PREFIX, &[]).await.expect("found"), [], "nothing is open");
    github.finish();
}

/// A merge is told from a close, and has its time.
#[tokio::test]
async fn merged_by_a_person() {
    let github = GitHub::start();
    let repository = repository(&github);
    let forge = forge(&github);
    forge.open(&proposal(), "main").await.expect("opened");
    repository.merge(1);
    repository.delete_branch(BRANCH);
    assert_eq!(repository.bare().file("main", "apps/web.yaml").as_deref(), Some("replicas: 5\n"));
    let known = forge.find(PREFIX, &[BRANCH.to_owned()]).await.expect("found");
    assert_eq!((known.len(), known[0].state, known[0].closed_by_us), (1, ProposalState::Merged, false));
    assert_eq!(known[0].closed_at, repository.pull_request(1).merged_at);
    github.finish();
}

/// A draft is opened as one; where drafts are not to be had, it is opened ready for review and says so.
#[tokio::test]
async fn drafts() {
    for refused in [false, true] {
        let github = GitHub::start();
        let repository = repository(&github);
        if refused {
            repository.refuse_drafts();
        }
        let draft = trueup::domain::proposal::Proposal { draft: true, ..proposal() };
        let published = forge(&github).open(&draft, "main").await.expect("opened");
        assert_eq!(repository.pull_request(1).draft, !refused);
        assert_eq!(published.remarks.len(), usize::from(refused), "{:?}", published.remarks);
        github.finish();
    }
}
