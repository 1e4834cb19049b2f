//! Git over ssh, with the system's client and a real server: only hosts that are known are spoken to.

use std::path::Path;
use std::time::{Duration, Instant};

use trueup::adapters::repository::{Repository, RepositoryError, RepositorySettings};

use super::sshd::Sshd;
use super::{BRANCH, change, folder, paths, settings};
use crate::support::git::{ALICE, Bare, MAIN};

fn open(server: &Sshd, path: &Path, key: &str, host: Option<&str>, cache: &Path) -> Repository {
    let settings = RepositorySettings {
        ssh_key: Some(server.key(key)),
        known_hosts: Some(server.known_hosts(host)),
        ..settings(server.url(path), cache)
    };
    super::open(settings).expect("open")
}

/// With a host key that is known: clone, fetch, push and delete; the path may hold what a shell would take amiss.
#[tokio::test]
async fn a_known_host() {
    let folder = folder();
    let Some(server) = Sshd::start(folder.path()) else { return };
    let origin = Bare::init(folder.path().join("it's $(touch evil) here!.git"));
    origin.commit(MAIN, &[("apps/web.yaml", "replicas: 3\n")], ALICE);
    let repository = open(&server, origin.path(), "id", Some("host"), folder.path());
    let (checkout, _) = repository.update().await.expect("cloned");
    assert_eq!(paths(&checkout.root), ["apps/web.yaml"]);
    let commit = origin.commit(MAIN, &[("apps/new.yaml", "a: 1\n")], ALICE);
    let (checkout, _) = repository.update().await.expect("fetched");
    assert_eq!(checkout.commit, commit);
    let head = repository.push(change(&commit, "replicas: 5\n", None)).await.expect("pushed");
    assert_eq!(origin.head(BRANCH).as_deref(), Some(head.as_str()));
    repository.delete(BRANCH, &head).await.expect("deleted");
    assert_eq!(origin.branches(), ["main"]);
}

/// A host that is not known and one whose key has changed are refused, nothing is learnt, and nobody is asked.
#[tokio::test]
async fn unknown_and_changed_hosts() {
    let folder = folder();
    let Some(server) = Sshd::start(folder.path()) else { return };
    let origin = Bare::with(&[("apps/web.yaml", "replicas: 3\n")]);
    for host in [None, Some("stranger")] {
        let repository = open(&server, origin.path(), "id", host, folder.path());
        let known = server.known_hosts(host);
        let before = std::fs::read_to_string(&known).expect("known_hosts");
        let error = repository.update().await.expect_err("refused");
        assert!(matches!(error, RepositoryError::Git(_)), "{error}");
        assert!(error.to_string().contains("Host key verification failed"), "{host:?}: {error}");
        assert_eq!(std::fs::read_to_string(&known).expect("known_hosts"), before, "{host:?}");
    }
}

/// A key that is not let in is one clear error without a question at the terminal; so are a repository that is not there
/// and a push that a hook refuses.
#[tokio::test]
async fn refusals() {
    let folder = folder();
    let Some(server) = Sshd::start(folder.path()) else { return };
    let origin = Bare::with(&[("apps/web.yaml", "replicas: 3\n")]);
    let started = Instant::now();
    let error =
        open(&server, origin.path(), "stranger", Some("host"), folder.path()).update().await.expect_err("not let in");
    assert!(error.to_string().contains("Permission denied"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
    let absent = folder.path().join("absent.git");
    let error = open(&server, &absent, "id", Some("host"), folder.path()).update().await.expect_err("not there");
    assert!(error.to_string().contains("does not appear to be a git repository"), "{error}");
    let repository = open(&server, origin.path(), "id", Some("host"), folder.path());
    let (checkout, _) = repository.update().await.expect("cloned");
    origin.hook("pre-receive", "#!/bin/sh\necho 'not on a Friday' >&2\nexit 1\n");
    let error = repository.push(change(&checkout.commit, "replicas: 5\n", None)).await.expect_err("refused");
    assert!(matches!(error, RepositoryError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("not on a Friday"), "{error}");
    assert_eq!(origin.head(BRANCH), None);
}
