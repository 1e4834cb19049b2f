//! Pushes: they count when the server said so, move a branch only from where it was seen, and go nowhere but below
//! auto-remediation/.

use secrecy::SecretString;
use trueup::adapters::repository::{Push, Repository, RepositoryError, RepositorySettings};

use super::{BRANCH, OURS, change, folder, settings};
use crate::support::git::{ALICE, Bare, MAIN};
use crate::support::github::GitHub;

fn origin() -> Bare {
    Bare::with(&[("apps/web.yaml", "replicas: 3\n"), ("apps/old.yaml", "a: 1\n"), ("README.md", "hello\n")])
}

fn open(origin: &Bare, cache: &tempfile::TempDir) -> Repository {
    Repository::open(settings(format!("file://{}", origin.path().display()), cache.path())).expect("open")
}

/// One commit by trueup on the commit that was read: what was asked for, and nothing else.
#[tokio::test]
async fn a_new_branch() {
    let (origin, cache) = (origin(), folder());
    let repository = open(&origin, &cache);
    let (checkout, _) = repository.update().await.expect("cloned");
    let mut push = change(&checkout.commit, "replicas: 5\n", None);
    push.files.insert("apps/old.yaml".to_owned(), None);
    push.files.insert("apps/deep/new.yaml".to_owned(), Some(b"b: 1\n".to_vec()));
    let commit = repository.push(push).await.expect("pushed");
    assert_eq!(origin.head(BRANCH), Some(commit));
    assert_eq!(origin.log(BRANCH), [format!("{OURS}, {OURS}: web: set replicas")]);
    let changed = origin.git(&["diff", "--name-status", "main", BRANCH]);
    assert_eq!(changed.lines().collect::<Vec<_>>(), ["A\tapps/deep/new.yaml", "D\tapps/old.yaml", "M\tapps/web.yaml"]);
    assert_eq!(origin.head(MAIN), Some(checkout.commit), "the tracked branch is never written");
}

/// A branch moves by force, but only from where it was seen; a branch that should be new must not be there.
#[tokio::test]
async fn only_from_where_it_was_seen() {
    let (origin, cache) = (origin(), folder());
    let repository = open(&origin, &cache);
    let (checkout, _) = repository.update().await.expect("cloned");
    let first = repository.push(change(&checkout.commit, "replicas: 5\n", None)).await.expect("pushed");
    let error = repository.push(change(&checkout.commit, "replicas: 6\n", None)).await.expect_err("it is there");
    assert!(matches!(error, RepositoryError::Moved(_)), "{error}");
    let second = repository.push(change(&checkout.commit, "replicas: 7\n", Some(&first))).await.expect("forced");
    assert_eq!(origin.log(BRANCH).len(), 1, "the first commit is replaced, not followed");
    let theirs = origin.commit(BRANCH, &[("apps/web.yaml", "replicas: 9\n")], ALICE);
    for expected in [None, Some(first.as_str()), Some(second.as_str())] {
        let error = repository.push(change(&checkout.commit, "replicas: 8\n", expected)).await.expect_err("it moved");
        assert!(matches!(error, RepositoryError::Moved(_)), "{error}");
    }
    let error = repository.delete(BRANCH, &second).await.expect_err("it moved");
    assert!(matches!(error, RepositoryError::Moved(_)), "{error}");
    assert_eq!(origin.head(BRANCH), Some(theirs), "a person's commit is never lost");
}

/// Nothing outside auto-remediation/ is written or deleted, however it is spelt.
#[tokio::test]
async fn nowhere_else() {
    let (origin, cache) = (origin(), folder());
    let repository = open(&origin, &cache);
    let (checkout, _) = repository.update().await.expect("cloned");
    let before = origin.heads();
    for branch in ["main", "auto-remediation", "auto-remediation-x/y", "feature/x", "", "refs/heads/main"] {
        let push = Push { branch: branch.to_owned(), ..change(&checkout.commit, "replicas: 5\n", None) };
        for error in [
            repository.push(push).await.map(|_| ()).expect_err(branch),
            repository.delete(branch, &checkout.commit).await.expect_err(branch),
        ] {
            assert!(!matches!(error, RepositoryError::Moved(_)), "{branch}: {error}");
        }
    }
    for branch in
        ["auto-remediation/../main", "auto-remediation/a:refs/heads/main", "auto-remediation/", "auto-remediation/*"]
    {
        let push = Push { branch: branch.to_owned(), ..change(&checkout.commit, "replicas: 5\n", None) };
        repository.push(push).await.map(|_| ()).expect_err(branch);
        repository.delete(branch, &checkout.commit).await.expect_err(branch);
    }
    assert_eq!(origin.heads(), before);
}

/// A branch is deleted where it was seen.
#[tokio::test]
async fn deleted() {
    let (origin, cache) = (origin(), folder());
    let repository = open(&origin, &cache);
    let (checkout, _) = repository.update().await.expect("cloned");
    let head = repository.push(change(&checkout.commit, "replicas: 5\n", None)).await.expect("pushed");
    repository.delete(BRANCH, &head).await.expect("deleted");
    assert_eq!(origin.branches(), ["main"]);
    let (checkout, _) = repository.update().await.expect("fetched");
    assert_eq!(
        repository.branches(&checkout, "auto-remediation/").await.expect("listed"),
        [],
        "it is forgotten here too"
    );

    repository.push(change(&checkout.commit, "replicas: 6\n", None)).await.expect("pushed again");
    origin.git(&["update-ref", "-d", &format!("refs/heads/{BRANCH}")]);
    let (checkout, _) = repository.update().await.expect("fetched");
    assert_eq!(repository.branches(&checkout, "auto-remediation/").await.expect("listed"), [], "a person deleted it");
}

/// What a branch holds and whose it is: ours, with one commit; a person's, by author or by committer; behind, when the
/// tracked branch changed the same file.
#[tokio::test]
async fn whose_a_branch_is() {
    let (origin, cache) = (origin(), folder());
    let repository = open(&origin, &cache);
    let (checkout, _) = repository.update().await.expect("cloned");
    let head = repository.push(change(&checkout.commit, "replicas: 5\n", None)).await.expect("pushed");
    let look = async || {
        let (checkout, _) = repository.update().await.expect("fetched");
        let mut branches = repository.branches(&checkout, "auto-remediation/prod/").await.expect("listed");
        assert_eq!(branches.len(), 1);
        branches.remove(0)
    };
    let seen = look().await;
    assert_eq!((seen.name.as_str(), &seen.head, &seen.base), (BRANCH, &head, &checkout.commit));
    assert!(seen.ours && seen.single && !seen.behind);
    assert_eq!(seen.files, change("", "replicas: 5\n", None).files);

    origin.commit(MAIN, &[("README.md", "hello again\n")], ALICE);
    assert!(!look().await.behind, "another file changed");
    origin.commit(MAIN, &[("apps/web.yaml", "replicas: 4\n")], ALICE);
    assert!(look().await.behind);

    origin.commit(BRANCH, &[("apps/web.yaml", "replicas: 6\n")], ALICE);
    let seen = look().await;
    assert!(!seen.ours && !seen.single);

    // amended by a person: the author is still trueup
    let tree = origin.git(&["rev-parse", &format!("{head}^{{tree}}")]);
    let raw = format!(
        "tree {tree}\nparent {}\nauthor {OURS} 1700000000 +0000\ncommitter {ALICE} 1700000000 +0000\n\namended\n",
        checkout.commit
    );
    let amended = origin.git_with_input(&["hash-object", "-w", "-t", "commit", "--stdin"], raw.as_bytes());
    origin.git(&["update-ref", &format!("refs/heads/{BRANCH}"), &amended]);
    let seen = look().await;
    assert!(!seen.ours && seen.single);
}

/// A server that refuses a ref says so only in its report, where libgit2 sees success: it is an error, with the reason.
#[tokio::test]
async fn refused_by_the_server() {
    let github = GitHub::start();
    let origin = github.repository("company/ml-config", &[("apps/web.yaml", "replicas: 3\n")]);
    let cache = folder();
    let token = Some(SecretString::from(github.token()));
    let repository =
        Repository::open(RepositorySettings { token, ..settings(origin.git_url(), cache.path()) }).expect("open");
    let (checkout, _) = repository.update().await.expect("cloned");
    let head = repository.push(change(&checkout.commit, "replicas: 5\n", None)).await.expect("pushed");
    origin.refuse_pushes("GH013: Repository rule violations found");
    for refused in [
        repository.push(change(&checkout.commit, "replicas: 6\n", Some(&head))).await.map(|_| ()),
        repository.delete(BRANCH, &head).await,
    ] {
        let error = refused.expect_err("refused");
        assert!(matches!(error, RepositoryError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("pre-receive hook declined"), "{error}");
        assert!(error.to_string().contains("GH013: Repository rule violations found"), "{error}");
    }
    assert_eq!(origin.bare().head(BRANCH), Some(head));
    github.finish();
}

/// An App may not write workflow files without a permission of their own.
#[tokio::test]
async fn workflow_files() {
    let github = GitHub::start();
    let origin = github.repository("company/ml-config", &[("apps/web.yaml", "replicas: 3\n")]);
    let forge = {
        use trueup::adapters::forge::github::{GitHubAccess, GitHubSettings};
        use trueup::adapters::forge::{Forge, ForgeSettings};
        let identity = github.app(jiff::SignedDuration::from_hours(1), &[]);
        Forge::connect(&ForgeSettings::GitHub(GitHubSettings {
            base_url: github.api_url(),
            repository: origin.name(),
            access: GitHubAccess::App {
                app: identity.app,
                installation: identity.installation,
                private_key: SecretString::from(identity.private_key),
            },
            timeout_seconds: 20,
            write_pause: std::time::Duration::ZERO,
        }))
        .expect("valid settings")
    };
    let cache = folder();
    let token = forge.git_token().await.expect("token");
    let repository =
        Repository::open(RepositorySettings { token, ..settings(origin.git_url(), cache.path()) }).expect("open");
    let (checkout, _) = repository.update().await.expect("cloned with an App's token");
    let mut push = change(&checkout.commit, "replicas: 5\n", None);
    push.files.insert(".github/workflows/ci.yml".to_owned(), Some(b"on: push\n".to_vec()));
    let error = repository.push(push).await.expect_err("refused");
    assert!(error.to_string().contains("without `workflows` permission"), "{error}");
    repository.push(change(&checkout.commit, "replicas: 5\n", None)).await.expect("pushed with an App's token");
    github.finish();
}
