//! Git over HTTP and HTTPS: tokens that are right, wrong, missing or not for this server.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use secrecy::SecretString;
use trueup::adapters::repository::{Repository, RepositoryError, RepositorySettings};

use super::{BRANCH, change, complaint, folder, paths, plan, settings};
use crate::support::github::{GitHub, Request};

const FILES: &[(&str, &str)] = &[("apps/web.yaml", "replicas: 3\n")];
const MANIFEST: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\n";
const NAME: &str = "company/ml-config";

fn with_token(url: String, cache: &tempfile::TempDir, token: &str) -> Repository {
    let token = (!token.is_empty()).then(|| SecretString::from(token));
    Repository::open(RepositorySettings { token, ..settings(url, cache.path()) }).expect("open")
}

fn git_requests(github: &GitHub) -> Vec<Request> {
    github.requests().into_iter().filter(|request| request.operation.starts_with("git-")).collect()
}

/// A private repository is cloned, and pushed to, with the token in every request and in no file.
#[tokio::test]
async fn a_token() {
    let github = GitHub::start();
    let origin = github.repository(NAME, FILES);
    let cache = folder();
    let repository = with_token(origin.git_url(), &cache, github.token());
    let (checkout, _) = repository.update().await.expect("cloned");
    assert_eq!(paths(&checkout.root), ["apps/web.yaml"]);
    let commit = repository.push(change(&checkout.commit, "replicas: 5\n", None)).await.expect("pushed");
    assert_eq!(origin.bare().head(BRANCH), Some(commit));
    assert!(git_requests(&github).iter().all(|request| request.authorized && request.status == 200));
    let config = std::fs::read_to_string(cache.path().join("cache/repository.git/config")).expect("config");
    assert!(!config.contains(github.token()), "{config}");
    github.finish();
}

/// A public repository needs no token to be read, and says that it needs one to be written.
#[tokio::test]
async fn no_token() {
    let github = GitHub::start();
    let origin = github.repository(NAME, FILES);
    let cache = folder();
    let repository = with_token(origin.git_url(), &cache, "");
    let error = repository.update().await.expect_err("private");
    assert_eq!(error.to_string(), "git: 127.0.0.1: it asks for a token, and none is configured");
    origin.make_public();
    let (checkout, _) = repository.update().await.expect("cloned");
    let error = repository.push(change(&checkout.commit, "replicas: 5\n", None)).await.expect_err("anonymous");
    assert_eq!(error.to_string(), "git: 127.0.0.1: it asks for a token, and none is configured");
    github.finish();
}

/// A wrong token is one request and one clear error, not fifteen logins; so is a missing permission or repository.
#[tokio::test]
async fn refused_tokens() {
    for (token, path, expected) in [
        ("ghp_wrong", NAME, "git: 127.0.0.1: it refused the token (401)"),
        ("", NAME, "git: 127.0.0.1: it asks for a token, and none is configured"),
        ("right", "company/absent", "git: 127.0.0.1: there is no such repository, or the token may not see it (404)"),
    ] {
        let github = GitHub::start();
        github.repository(NAME, FILES);
        let token = if token == "right" { github.token() } else { token };
        let cache = folder();
        let error =
            with_token(format!("{}/{path}.git", github.api_url()), &cache, token).update().await.expect_err(expected);
        assert_eq!(error.to_string(), expected);
        assert_eq!(git_requests(&github).len(), 1, "{expected}");
        github.finish();
    }
}

/// A token that may only read says so when it is pushed with.
#[tokio::test]
async fn a_token_that_may_only_read() {
    let github = GitHub::start();
    let origin = github.repository(NAME, FILES);
    let reader = github.issue_token("rita", &[("metadata", "read"), ("contents", "read")], None);
    let cache = folder();
    let repository = with_token(origin.git_url(), &cache, &reader);
    let (checkout, _) = repository.update().await.expect("cloned");
    let error = repository.push(change(&checkout.commit, "replicas: 5\n", None)).await.expect_err("read only");
    assert_eq!(error.to_string(), "git: 127.0.0.1: the token may not do this (403)");
    assert_eq!(origin.bare().head(BRANCH), None);
    github.finish();
}

/// A renamed repository is read and written under its old address: the token goes along, since the host is the same.
#[tokio::test]
async fn renamed() {
    let github = GitHub::start();
    let origin = github.repository(NAME, FILES);
    let old = origin.git_url();
    origin.rename("company/platform-config");
    let cache = folder();
    let repository = with_token(old, &cache, github.token());
    let (checkout, _) = repository.update().await.expect("cloned");
    repository.push(change(&checkout.commit, "replicas: 5\n", None)).await.expect("pushed");
    let requests = git_requests(&github);
    assert!(requests.iter().any(|request| request.status == 301), "{requests:#?}");
    assert!(requests.iter().all(|request| request.authorized), "{requests:#?}");
    github.finish();
}

/// Sent to another host, or to another port of it, trueup goes without the token.
#[tokio::test]
async fn sent_elsewhere() {
    for host in ["localhost", "127.0.0.1"] {
        let (github, other) = (GitHub::start(), GitHub::start());
        github.repository(NAME, FILES);
        let theirs = other.repository("mallory/config", FILES);
        let url = theirs.git_url().replace("127.0.0.1", host);
        github.send_git_elsewhere(NAME, &url);
        let cache = folder();
        let repository = with_token(format!("{}/{NAME}.git", github.api_url()), &cache, github.token());
        let error = repository.update().await.expect_err("a stranger asks for the token");
        assert!(matches!(error, RepositoryError::Git(_)), "{error}");
        assert!(error.to_string().contains(&format!("{host}: it asks for a token")), "{error}");
        let seen = git_requests(&other);
        assert!(!seen.is_empty() && seen.iter().all(|request| !request.authorized), "{host}: {seen:#?}");
        // without a token it may be read there
        theirs.make_public();
        repository.update().await.expect("cloned");
        assert!(git_requests(&other).iter().all(|request| !request.authorized), "{host}");
        github.finish();
        other.finish();
    }
}

/// A page for people where a repository was expected is told as such, and a silent server is given up in time.
#[tokio::test]
async fn no_git_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("address");
    std::thread::spawn(move || {
        let (mut first, _) = listener.accept().expect("a client");
        let mut request = [0; 4096];
        let _ = first.read(&mut request);
        let page = "<html>hello</html>";
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n", page.len());
        first.write_all(format!("{head}{page}").as_bytes()).expect("answered");
        let _silent = listener.accept().expect("a client");
        std::thread::sleep(Duration::from_secs(30));
    });
    let cache = folder();
    let url = format!("http://{address}/repo.git");
    let patient =
        Repository::open(RepositorySettings { timeout_seconds: 1, ..settings(&url, cache.path()) }).expect("open");
    let error = patient.update().await.expect_err("no git");
    assert_eq!(error.to_string(), "git: 127.0.0.1: it is no git server (it sent \"text/html\")");
    let started = Instant::now();
    let error = patient.update().await.expect_err("silent");
    assert!(started.elapsed() < Duration::from_secs(10), "{error}");
    assert!(error.to_string().contains("timeout"), "{error}");
}

/// HTTPS with a certificate that SSL_CERT_FILE names, for Git and for the API; without it the server is not believed, and
/// the token not sent.
#[test]
fn https() {
    let github = GitHub::start_with_tls();
    let origin = github.repository(NAME, &[("apps/web.yaml", MANIFEST)]);
    let folder = folder();
    let url = format!("  url: {}\n  token_env: GIT_TOKEN", origin.git_url());
    let forge = format!(
        "forge: {{github: {{repository: {NAME}, base_url: \"{}\", token_env: GIT_TOKEN}}}}\n",
        github.api_url()
    );
    let token = ("GIT_TOKEN", github.token());
    let output = plan(folder.path(), &url, &forge, &[token]);
    assert_eq!(output.status.code(), Some(2), "{}", complaint(&output));
    assert!(complaint(&output).to_lowercase().contains("certificate"), "{}", complaint(&output));
    assert_eq!(github.requests(), []);
    let certificate = github.certificate().display().to_string();
    let output = plan(folder.path(), &url, &forge, &[token, ("SSL_CERT_FILE", &certificate)]);
    assert_eq!(output.status.code(), Some(1), "the declared object is missing: {}", complaint(&output));
    assert!(github.requests().iter().all(|request| request.authorized && request.status == 200));
    assert!(github.asked("pulls/list") > 0);
    github.finish();
}

/// The user's git configuration has no say: an `insteadOf` there would send the token to another address.
#[test]
fn the_users_git_configuration() {
    let (github, other) = (GitHub::start(), GitHub::start());
    let origin = github.repository(NAME, &[("apps/web.yaml", MANIFEST)]);
    let folder = folder();
    let config = format!(
        "[url \"{}/\"]\n\tinsteadOf = {}/\n[http]\n\tproxy = {}\n\textraHeader = \"X-Mine: 1\"\n",
        other.api_url(),
        github.api_url(),
        other.api_url()
    );
    std::fs::write(folder.path().join(".gitconfig"), config).expect("written");
    let url = format!("  url: {}\n  token_env: GIT_TOKEN", origin.git_url());
    let output = plan(folder.path(), &url, "", &[("GIT_TOKEN", github.token())]);
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
    assert!(!git_requests(&github).is_empty() && other.requests().is_empty());
    github.finish();
    other.finish();
}
