//! The config repository, through trueup's own interface and on real Git: local, over HTTP behind the GitHub double, over
//! TLS, over ssh.

mod checkout;
mod hostile;
mod http;
mod pushes;
mod ssh;
mod sshd;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use trueup::adapters::repository::{Checkout, Push, Repository, RepositoryError, RepositorySettings};
use trueup::domain::problem::Problem;

use crate::support::eventually;

const BRANCH: &str = "auto-remediation/prod/apps/web-0a1b2c3d";
const OURS: &str = "trueup <trueup@localhost>";

fn settings(url: impl Into<String>, cache: &Path) -> RepositorySettings {
    RepositorySettings {
        url: url.into(),
        branch: None,
        cache: cache.join("cache"),
        username: None,
        token: None,
        ssh_key: None,
        known_hosts: None,
        timeout_seconds: 20,
        author_name: "trueup".to_owned(),
        author_email: "trueup@localhost".to_owned(),
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("folder")
}

/// Opens a repository whose cache was just given up: a process that another test is starting holds on to the lock until
/// it has started.
fn open(settings: RepositorySettings) -> Result<Repository, RepositoryError> {
    eventually(|| match Repository::open(settings.clone()) {
        Err(RepositoryError::Busy(_)) => None,
        opened => Some(opened),
    })
}

async fn update(settings: RepositorySettings) -> Result<(Checkout, Vec<Problem>), RepositoryError> {
    open(settings)?.update().await
}

/// Content by path of everything below a folder, links as what they are.
fn tree(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("folder") {
            let path = entry.expect("entry").path();
            let shown = path.strip_prefix(root).expect("below").display().to_string();
            match path.symlink_metadata().expect("metadata") {
                kind if kind.is_dir() => folders.push(path),
                kind if kind.is_symlink() => found.push((shown, "a symbolic link".to_owned())),
                _ => found.push((shown, String::from_utf8_lossy(&std::fs::read(&path).expect("file")).into_owned())),
            }
        }
    }
    found.sort();
    found
}

fn paths(root: &Path) -> Vec<String> {
    tree(root).into_iter().map(|(path, _)| path).collect()
}

fn change(base: &str, text: &str, expected: Option<&str>) -> Push {
    Push {
        branch: BRANCH.to_owned(),
        base: base.to_owned(),
        files: [("apps/web.yaml".to_owned(), Some(text.as_bytes().to_vec()))].into(),
        message: "web: set replicas".to_owned(),
        expected: expected.map(str::to_owned),
    }
}

/// `trueup plan` of a repository against a cluster that holds something else, in a process of its own with nothing of the
/// user's environment. `more` is further YAML of the configuration.
fn plan(folder: &Path, repository: &str, more: &str, environment: &[(&str, &str)]) -> Output {
    let live = folder.join("live.yaml");
    std::fs::write(&live, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: b}\n").expect("written");
    let config: PathBuf = folder.join("trueup.yaml");
    let text = format!(
        "cluster: {{name: prod}}\nrepository:\n  cache: {}\n{repository}\nsources: [{{name: apps, path: apps}}]\n{more}",
        folder.join("cache").display()
    );
    std::fs::write(&config, text).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", folder);
    command.envs(environment.iter().copied()).arg("plan").arg("--config").arg(config).arg("--live").arg(live);
    command.output().expect("trueup")
}

/// What a program complained about.
fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
