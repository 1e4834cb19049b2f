//! As whom trueup speaks: tokens, GitHub Apps, Enterprise servers.

use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use trueup::adapters::forge::github::{GitHubAccess, GitHubSettings};
use trueup::adapters::forge::{Forge, ForgeError};
use trueup::domain::proposal::Proposal;

use super::{PREFIX, connect, proposal, repository, settings, the_one};
use crate::support::github::{Checks, Fault, GitHub};

/// A forge that speaks as an App.
pub(super) fn as_app(github: &GitHub, tokens_live: SignedDuration, permissions: &[(&str, &str)]) -> Forge {
    let identity = github.app(tokens_live, permissions);
    let access = GitHubAccess::App {
        app: identity.app,
        installation: identity.installation,
        private_key: SecretString::from(identity.private_key),
    };
    connect(GitHubSettings { access, ..settings(github) })
}

/// An App signs, gets its installation's token and works with it; one token serves the whole run.
#[tokio::test]
async fn an_app() {
    let github = GitHub::start();
    let repository = repository(&github);
    let forge = as_app(&github, SignedDuration::from_hours(1), &[]);
    forge.open(&proposal(), "main").await.expect("opened");
    assert_eq!(repository.pull_request(1).author, "trueup[bot]");
    let known = the_one(&forge).await;
    assert!(!forge.update(&known, &proposal()).await.expect("current").changed);
    let token = forge.git_token().await.expect("token").expect("token");
    assert!(token.expose_secret().len() > 400, "tokens are long since 2026");
    assert_eq!(github.tokens_minted(), 1);
    github.finish();
}

/// A token that ran out, or was taken back, is renewed without a word; git gets one that outlives a push.
#[tokio::test]
async fn tokens_are_renewed() {
    let github = GitHub::start();
    repository(&github);
    let forge = as_app(&github, SignedDuration::from_mins(5), &[]);
    assert_eq!(forge.find(PREFIX, &[]).await.expect("found"), []);
    assert_eq!(github.tokens_minted(), 1);
    forge.git_token().await.expect("token");
    assert_eq!(github.tokens_minted(), 2, "five minutes are too short for a push");
    github.fail("pulls/list", Fault::TokenRevoked);
    assert_eq!(forge.find(PREFIX, &[]).await.expect("with a new token"), []);
    assert_eq!(github.tokens_minted(), 3);
    github.finish();
}

/// The key of another App is refused, and so is a key that is none; neither is shown.
#[tokio::test]
async fn wrong_keys() {
    let github = GitHub::start();
    repository(&github);
    let identity = github.app(SignedDuration::from_hours(1), &[]);
    let with_key = |app: u64, key: &str| {
        let access = GitHubAccess::App {
            app,
            installation: identity.installation,
            private_key: SecretString::from(key.to_owned()),
        };
        trueup::adapters::forge::ForgeSettings::GitHub(GitHubSettings { access, ..settings(&github) })
    };
    let forge = Forge::connect(&with_key(54321, &identity.private_key)).expect("a valid key");
    let error = forge.find(PREFIX, &[]).await.expect_err("another App's");
    assert!(matches!(error, ForgeError::Refused(_)), "{error}");
    assert!(error.to_string().contains("credentials were refused"), "{error}");
    let error = Forge::connect(&with_key(12345, "-----BEGIN secret-----")).expect_err("no key");
    assert!(matches!(error, ForgeError::Refused(_)) && !error.to_string().contains("secret"), "{error}");
    github.finish();
}

/// A wrong token, a repository that it does not see and a permission that it lacks are told apart, with what to do.
#[tokio::test]
async fn what_a_token_may_not() {
    let github = GitHub::start();
    repository(&github);
    let with = |token: String| {
        connect(GitHubSettings { access: GitHubAccess::Token(SecretString::from(token)), ..settings(&github) })
    };
    let reader = github.issue_token("rita", &[("metadata", "read"), ("pull_requests", "read")], None);
    let stranger = github.issue_token("eve", &[("metadata", "read"), ("pull_requests", "read")], Some(&[]));
    for (token, expected) in [
        ("ghp_wrong".to_owned(), "the credentials were refused: Bad credentials"),
        (stranger, "the credentials may not see it (404)"),
        (reader, "(it needs pull_requests=write)"),
    ] {
        let error = with(token).open(&proposal(), "main").await.expect_err(expected);
        assert!(matches!(error, ForgeError::Refused(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    github.finish();
}

/// An Enterprise server has its API below /api/v3, GraphQL beside it, and pages whose links name its own address.
#[tokio::test]
async fn enterprise() {
    let github = GitHub::enterprise();
    assert!(github.api_url().ends_with("/api/v3"));
    let repository = repository(&github);
    repository.allow_auto_merge(Checks::Running);
    let forge = super::forge(&github);
    assert!(forge.serves(&repository.git_url()), "its repositories are on the same host");
    let wanted = Proposal { auto_merge: true, ..proposal() };
    let published = forge.open(&wanted, "main").await.expect("opened");
    assert_eq!(published.remarks, Vec::<String>::new());
    assert!(repository.pull_request(1).auto_merge);
    assert!(!forge.update(&the_one(&forge).await, &wanted).await.expect("current").changed);
    github.finish();
}

/// The forge's token goes to repositories on its own host only.
#[tokio::test]
async fn own_repositories() {
    let github = GitHub::start();
    let at = |base_url: &str| connect(GitHubSettings { base_url: base_url.to_owned(), ..settings(&github) });
    for (base_url, url, own) in [
        ("https://api.github.com", "https://github.com/company/ml-config.git", true),
        ("https://api.github.com", "https://github.com.evil.example/company/ml-config.git", false),
        ("https://api.github.com", "http://github.com/company/ml-config.git", false),
        ("https://git.company.example/api/v3", "https://git.company.example/company/ml-config", true),
        ("https://git.company.example/api/v3", "https://git.company.example:8443/company/ml-config", false),
        ("https://api.github.com", "git@github.com:company/ml-config.git", false),
        ("https://api.github.com", "/srv/ml-config.git", false),
    ] {
        assert_eq!(at(base_url).serves(url), own, "{base_url} {url}");
    }
    github.finish();
}
