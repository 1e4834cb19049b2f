//! The program as a user meets it: the real binary, its exit codes, what it prints and what it never prints.

mod demo;
mod diff;
mod edit;
mod exit_codes;
mod help;
mod report;
mod secrets;
mod silence;

use std::path::Path;

use crate::support::cli::Desk;

const COMMANDS: [&str; 9] = ["demo", "scan", "plan", "run", "daemon", "diff", "snapshot", "edit", "completions"];

/// A ConfigMap, as Git has it and as kubectl prints it.
fn config_map(value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: ml}}\ndata: {{mode: {value}}}\n")
}

/// A bare repository at `remote.git` whose branch `main` holds these files.
fn remote(desk: &Desk, files: &[(&str, &str)]) {
    let options = &mut git2::RepositoryInitOptions::new();
    let options = options.bare(true).initial_head("main");
    let repository = git2::Repository::init_opts(desk.path("remote.git"), options).expect("repository");
    let empty = repository.find_tree(repository.treebuilder(None).expect("tree").write().expect("tree")).expect("tree");
    let mut update = git2::build::TreeUpdateBuilder::new();
    for (file, text) in files {
        update.upsert(*file, repository.blob(text.as_bytes()).expect("blob"), git2::FileMode::Blob);
    }
    let tree = update.create_updated(&repository, &empty).expect("tree");
    let tree = repository.find_tree(tree).expect("tree");
    let author = git2::Signature::new("Ada", "ada@company.example", &git2::Time::new(0, 0)).expect("author");
    repository.commit(Some("refs/heads/main"), &author, &author, "all", &tree, &[]).expect("commit");
}

/// A repository of one ConfigMap, and a live side that holds it with this value.
fn one_config_map(live: &str) -> Desk {
    let desk = Desk::new();
    remote(&desk, &[("apps/settings.yaml", &config_map("calm"))]);
    desk.write("live.yaml", &config_map(live));
    desk.write("trueup.yaml", CONFIG);
    desk
}

const CONFIG: &str = "\
cluster: {snapshot: live.yaml}
repository: {url: remote.git, cache: cache}
sources: [{name: apps, path: apps}]
forge: {local: {folder: prs}}
";

/// Every file below a folder with its content; empty where there is no folder.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read(&path).expect("file")));
        }
    }
    found.sort();
    found
}
