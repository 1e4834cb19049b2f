//! A GitHub that refuses what the real one refuses: REST, GraphQL and Git over HTTP on real repositories. Every request
//! and every reply is held against GitHub's own description; a breach fails the test in [`GitHub::finish`], whatever the
//! program made of the answer. It listens on 127.0.0.1 and serves other processes as well.

mod app;
mod contract;
mod faults;
mod graphql;
mod issues;
mod json;
mod person;
mod pulls;
mod reply;
mod rest;
mod server;
mod state;
mod transport;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::support::git::{ALICE, Bare, MAIN};
use crate::support::listen::{self, Certificate, Serving};
use app::App;
use contract::contract;
use server::{Shared, handle};
use state::{Repo, Token};

pub(crate) use faults::Fault;
pub(crate) use person::Repository;
pub(crate) use state::{Checks, Request};

/// The permissions that trueup's documentation asks for.
const LEAST: [(&str, &str); 3] = [("metadata", "read"), ("contents", "write"), ("pull_requests", "write")];

/// The double.
pub(crate) struct GitHub {
    shared: Arc<Shared>,
    token: String,
    certificate: Option<PathBuf>,
    finished: bool,
    _serving: Serving,
}

/// Who an App is.
pub(crate) struct AppIdentity {
    pub(crate) app: u64,
    pub(crate) installation: u64,
    /// PEM, PKCS#1, as GitHub hands it out.
    pub(crate) private_key: String,
}

impl GitHub {
    /// github.com.
    pub(crate) fn start() -> Self {
        Self::start_as("", None)
    }

    /// An Enterprise server: its API is at `/api/v3`, GraphQL at `/api/graphql`.
    pub(crate) fn enterprise() -> Self {
        Self::start_as("/api/v3", None)
    }

    /// github.com behind TLS; clients trust it through [`GitHub::certificate`].
    pub(crate) fn start_with_tls() -> Self {
        Self::start_as("", Some(&Certificate::new()))
    }

    fn start_as(prefix: &'static str, certificate: Option<&Certificate>) -> Self {
        let (listener, port) = listen::bind();
        let scheme = if certificate.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared::new(format!("{scheme}://127.0.0.1:{port}"), prefix));
        let router = axum::Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let serving = listen::serve(listener, certificate, router);
        let certificate =
            certificate.map(|certificate| certificate.write_to(shared.folder.path().join("certificate.pem")));
        let mut github = Self { shared, token: String::new(), certificate, finished: false, _serving: serving };
        github.token = github.issue_token("trueup-bot", &LEAST, None);
        github
    }

    /// What `forge.github.base_url` is set to.
    pub(crate) fn api_url(&self) -> String {
        self.shared.api()
    }

    /// A machine user's token with the permissions that the documentation asks for.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The certificate's file, to be named by SSL_CERT_FILE.
    pub(crate) fn certificate(&self) -> &PathBuf {
        self.certificate.as_ref().expect("started with TLS")
    }

    /// A token with these permissions; it sees these private repositories, or all.
    pub(crate) fn issue_token(&self, login: &str, permissions: &[(&str, &str)], sees: Option<&[&str]>) -> String {
        let mut world = self.shared.world();
        let text = format!("ghp_{:0>36}", world.tokens.len() + 1);
        let permissions = permissions.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect();
        let repositories = sees.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        world.tokens.insert(text.clone(), Token { login: login.to_owned(), permissions, repositories, expires: None });
        text
    }

    /// Registers a GitHub App whose installation tokens live so long.
    pub(crate) fn app(&self, tokens_live: SignedDuration, more_permissions: &[(&str, &str)]) -> AppIdentity {
        let permissions: BTreeMap<_, _> = LEAST
            .iter()
            .chain(more_permissions)
            .map(|(name, level)| ((*name).to_owned(), (*level).to_owned()))
            .collect();
        let (id, installation) = (12345, 100);
        self.shared.world().app = Some(App { id, installation, permissions, tokens_live, minted: 0 });
        AppIdentity { app: id, installation, private_key: app::keys().private.clone() }
    }

    /// How many installation tokens the App was given.
    pub(crate) fn tokens_minted(&self) -> u64 {
        self.shared.world().app.as_ref().map_or(0, |app| app.minted)
    }

    /// A private repository with these files on `main`.
    pub(crate) fn repository(&self, name: &str, files: &[(&str, &str)]) -> Repository {
        let repository = self.add(name, Bare::init);
        repository.bare().commit(MAIN, files, ALICE);
        repository
    }

    fn add(&self, name: &str, make: impl FnOnce(PathBuf) -> Bare) -> Repository {
        let mut world = self.shared.world();
        assert!(world.repository(name).is_none(), "{name} is there already");
        let id = 1000 + world.repositories.len() as u64;
        let bare = make(self.shared.folder.path().join(format!("{id}.git")));
        bare.git(&["config", "http.receivepack", "true"]);
        bare.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
        bare.hook("pre-receive", transport::PRE_RECEIVE);
        world.repositories.push(Repo {
            id,
            name: name.to_owned(),
            bare: bare.clone(),
            private: true,
            drafts: true,
            allow_auto_merge: false,
            protected: BTreeMap::new(),
            collaborators: ["alice".to_owned(), "bob".to_owned()].into(),
            teams: ["platform".to_owned()].into(),
            pulls: Vec::new(),
        });
        drop(world);
        Repository::new(Arc::clone(&self.shared), id, bare)
    }

    /// Somebody's fork of a repository, `owner` being who forks.
    pub(crate) fn fork(&self, of: &Repository, owner: &str) -> Repository {
        let name = of.name();
        let name = name.split('/').next_back().expect("owner/name");
        let origin = of.bare().path().to_path_buf();
        self.add(&format!("{owner}/{name}"), |path| {
            let bare = Bare::init(path);
            bare.git(&["fetch", "--quiet", &origin.display().to_string(), "+refs/heads/*:refs/heads/*"]);
            bare
        })
    }

    /// Git and its first request for `name` are sent to another server.
    pub(crate) fn send_git_elsewhere(&self, name: &str, url: &str) {
        self.shared.world().moved.insert(name.to_owned(), url.to_owned());
    }

    /// Lets the next request of an operation go wrong: `pulls/create`, `graphql`.
    pub(crate) fn fail(&self, operation: &str, fault: Fault) {
        let known = operation == "graphql" || contract().operations.iter().any(|each| each.id == operation);
        assert!(known, "{operation} is no operation of the double");
        self.shared.world().faults.push_back((operation.to_owned(), fault));
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.world().requests.clone()
    }

    /// How often an operation was asked for.
    pub(crate) fn asked(&self, operation: &str) -> usize {
        self.requests().iter().filter(|request| request.operation == operation).count()
    }

    /// Requests of the API that are meant to change something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let requests = self.requests().into_iter();
        let of_git = |request: &Request| request.operation.starts_with("git-");
        requests
            .filter(|request| request.method != "GET" && !of_git(request) && !request.operation.starts_with("apps/"))
            .map(|request| request.operation)
            .collect()
    }

    /// Takes the breaches so far: for tests of the double itself.
    pub(crate) fn take_breaches(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.world().breaches)
    }

    /// Fails the test if something unexpected is left: a breach of the description, a fault that nobody met.
    pub(crate) fn finish(mut self) {
        self.finished = true;
        self.check();
    }

    fn check(&self) {
        let world = self.shared.world();
        let (breaches, faults) = (world.breaches.clone(), world.faults.clone());
        drop(world);
        assert!(breaches.is_empty(), "GitHub would not have taken this: {breaches:#?}");
        assert!(faults.is_empty(), "nobody met these faults: {faults:?}");
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        if !self.finished && !std::thread::panicking() {
            self.check();
        }
    }
}
