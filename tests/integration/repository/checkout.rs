//! Cloning, fetching and the tree on disk: complete the first time, only what changed later.

use std::os::unix::fs::MetadataExt as _;

use secrecy::SecretString;
use trueup::adapters::repository::{Repository, RepositoryError, RepositorySettings};

use super::{complaint, folder, paths, plan, settings, tree, update};
use crate::support::eventually;
use crate::support::git::{ALICE, Bare, Entry, MAIN};
use crate::support::github::GitHub;

/// By path and by file:// address: the files, the commit and the branch are those of the repository.
#[tokio::test]
async fn local_repositories() {
    let origin = Bare::with(&[("apps/web.yaml", "replicas: 3\n"), ("README.md", "hello\n")]);
    let path = origin.path().display().to_string();
    for url in [format!("file://{path}"), path] {
        let cache = folder();
        let (checkout, problems) = update(settings(&url, cache.path())).await.expect(&url);
        assert_eq!(problems, []);
        assert_eq!(Some(checkout.commit), origin.head(MAIN));
        assert_eq!(checkout.branch, "main");
        let expected = [("README.md", "hello\n"), ("apps/web.yaml", "replicas: 3\n")];
        assert_eq!(tree(&checkout.root), expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    }
}

/// What a killed run left behind stands in nobody's way: a clone that was only begun, locks in one that is complete.
#[tokio::test]
async fn leftovers_of_a_killed_run() {
    let origin = Bare::with(&[("apps/web.yaml", "replicas: 3\n")]);
    let cache = folder();
    let settings = settings(origin.path().display().to_string(), cache.path());
    let clone = settings.cache.join("repository.git");
    std::fs::create_dir_all(clone.join("refs/heads")).expect("folder");
    std::fs::write(clone.join("HEAD.lock"), "").expect("write");
    update(settings.clone()).await.expect("a clone that was only begun is made anew");

    let moved = origin.commit(MAIN, &[("apps/web.yaml", "replicas: 4\n")], ALICE);
    for lock in ["HEAD.lock", "config.lock", "packed-refs.lock", "refs/remotes/origin/main.lock"] {
        std::fs::write(clone.join(lock), "").expect(lock);
    }
    let (checkout, _) = update(settings).await.expect("locks of nobody are taken away");
    assert_eq!(checkout.commit, moved);
}

/// The default branch is the one the server names, whatever it is called; a configured one wins; one that is not there is
/// named.
#[tokio::test]
async fn which_branch() {
    let origin = Bare::with(&[("a", "main\n")]);
    origin.commit("trunk", &[("a", "trunk\n")], ALICE);
    origin.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    let cache = folder();
    let with = |branch: Option<&str>| RepositorySettings {
        branch: branch.map(str::to_owned),
        ..settings(origin.path().display().to_string(), cache.path())
    };
    let (checkout, _) = update(with(None)).await.expect("default");
    assert_eq!((checkout.branch.as_str(), tree(&checkout.root)[0].1.as_str()), ("trunk", "trunk\n"));
    let (checkout, _) = update(with(Some("main"))).await.expect("configured");
    assert_eq!((checkout.branch.as_str(), tree(&checkout.root)[0].1.as_str()), ("main", "main\n"));
    let error = update(with(Some("absent"))).await.expect_err("no such branch");
    assert!(matches!(&error, RepositoryError::NoBranch(branch) if branch == "absent"), "{error}");
}

/// A repository without a commit has no branch to follow, and says so.
#[tokio::test]
async fn an_empty_repository() {
    let (cache, origin) = (folder(), folder());
    let origin = Bare::init(origin.path().join("empty.git"));
    let error = update(settings(origin.path().display().to_string(), cache.path())).await.expect_err("nothing there");
    assert!(matches!(error, RepositoryError::NoBranch(_) | RepositoryError::Git(_)), "{error}");
}

/// Later fetches carry only what is new, and touch only the files that changed: removed, renamed, a folder where a file
/// was and the other way round.
#[tokio::test]
async fn only_what_changed() {
    let github = GitHub::start();
    let repository = github.repository("company/ml-config", &[]);
    let noise: String = (0..40_000u64).map(|n| format!("{:x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect();
    let files = [
        ("big.txt", &*noise),
        ("stays.yaml", "a: 1\n"),
        ("changes.yaml", "b: 1\n"),
        ("goes.yaml", "c: 1\n"),
        ("old/name.yaml", "d: 1\n"),
        ("file", "e\n"),
        ("folder/inner.yaml", "f: 1\n"),
    ];
    repository.bare().commit(MAIN, &files, ALICE);
    let cache = folder();
    let token = Some(SecretString::from(github.token()));
    let handle = Repository::open(RepositorySettings { token, ..settings(repository.git_url(), cache.path()) });
    let handle = handle.expect("open");
    let (checkout, _) = handle.update().await.expect("cloned");
    assert_eq!(paths(&checkout.root).len(), 7);
    let inode =
        |path: &str| checkout.root.join(path).metadata().map(|metadata| (metadata.ino(), metadata.mtime_nsec()));
    let before = inode("stays.yaml").expect("there");

    let entries = [
        ("changes.yaml", Entry::File(b"b: 2\n")),
        ("goes.yaml", Entry::Gone),
        ("new/name.yaml", Entry::MovedFrom("old/name.yaml")),
        ("file", Entry::Gone),
        ("file/now/a-folder.yaml", Entry::File(b"g: 1\n")),
        ("folder", Entry::Gone),
        ("folder", Entry::File(b"now a file\n")),
    ];
    let commit = repository.bare().commit_entries(MAIN, &entries, ALICE);
    let (after, _) = handle.update().await.expect("fetched");
    assert_eq!(after.commit, commit);
    let texts: Vec<_> = tree(&after.root).into_iter().filter(|(path, _)| path != "big.txt").collect();
    let expected = [
        ("changes.yaml", "b: 2\n"),
        ("file/now/a-folder.yaml", "g: 1\n"),
        ("folder", "now a file\n"),
        ("new/name.yaml", "d: 1\n"),
        ("stays.yaml", "a: 1\n"),
    ];
    assert_eq!(texts, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
    assert!(!after.root.join("old").exists(), "an empty folder is left behind");
    assert_eq!(inode("stays.yaml").expect("there"), before, "a file that did not change was written");
    let packs: Vec<_> = github
        .requests()
        .into_iter()
        .filter(|request| request.operation == "git-upload-pack" && request.method == "POST")
        .map(|request| request.bytes)
        .collect();
    assert!(packs[0] > 100_000, "{packs:?}");
    assert!(packs[1..].iter().sum::<usize>() < 5_000, "{packs:?}");

    handle.update().await.expect("nothing new");
    let requests = github.requests();
    assert_eq!(requests.last().map(|request| request.method.as_str()), Some("GET"), "an idle fetch asks for no pack");
    github.finish();
}

/// A history that was rewritten is followed; what is in the tree is what the branch has now.
#[tokio::test]
async fn a_rewritten_branch() {
    let origin = Bare::with(&[("a", "1\n")]);
    let first = origin.head(MAIN).expect("first");
    origin.commit(MAIN, &[("b", "2\n")], ALICE);
    let cache = folder();
    let handle = Repository::open(settings(origin.path().display().to_string(), cache.path())).expect("open");
    handle.update().await.expect("cloned");
    origin.git(&["update-ref", "refs/heads/main", &first]);
    origin.commit(MAIN, &[("c", "3\n")], ALICE);
    let (checkout, _) = handle.update().await.expect("followed");
    assert_eq!(paths(&checkout.root), ["a", "c"]);
}

/// A tree that a killed run left half written is made anew, and the cache of another address is not used.
#[tokio::test]
async fn a_cache_that_is_not_trusted() {
    let origin = Bare::with(&[("a", "1\n")]);
    let cache = folder();
    let (checkout, _) = update(settings(origin.path().display().to_string(), cache.path())).await.expect("cloned");
    std::fs::write(checkout.root.join("half"), "written\n").expect("written");
    std::fs::remove_file(checkout.root.with_extension("commit")).expect("the mark is there");
    let (checkout, _) = update(settings(origin.path().display().to_string(), cache.path())).await.expect("made anew");
    assert_eq!(paths(&checkout.root), ["a"]);
    let other = Bare::with(&[("b", "1\n")]);
    let (checkout, _) = update(settings(other.path().display().to_string(), cache.path())).await.expect("another");
    assert_eq!(paths(&checkout.root), ["b"]);
}

/// Only one process works in a cache; the other one says which folder it is about, and works once the first is done.
#[tokio::test]
async fn a_cache_that_is_taken() {
    let origin =
        Bare::with(&[("apps/web.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n")]);
    let folder = folder();
    let url = format!("  url: {}", origin.path().display());
    let handle = Repository::open(settings(origin.path().display().to_string(), folder.path())).expect("open");
    let output = plan(folder.path(), &url, "", &[]);
    assert_eq!(output.status.code(), Some(2), "{}", complaint(&output));
    assert!(complaint(&output).contains("another trueup works in"), "{}", complaint(&output));
    assert!(complaint(&output).contains("/cache"), "{}", complaint(&output));
    drop(handle);
    // a process that another test is starting may hold the lock until it has started
    let output = eventually(|| {
        let output = plan(folder.path(), &url, "", &[]);
        (!complaint(&output).contains("another trueup works in")).then_some(output)
    });
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
}

/// Addresses of other kinds are refused before anything is asked.
#[tokio::test]
async fn other_addresses() {
    for url in ["git://host/repo.git", "ftp://host/repo", "relative/path", "ext::sh -c touch% x", "-oProxyCommand=x:y"]
    {
        let cache = folder();
        let error = update(settings(url, cache.path())).await.expect_err(url);
        assert!(matches!(error, RepositoryError::Unsupported(_)), "{url}: {error}");
        assert!(!cache.path().join("cache").exists(), "{url}");
    }
}
