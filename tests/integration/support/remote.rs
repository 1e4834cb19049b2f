//! The config repository of a story: a bare remote, and a person who works on it with git.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A bare repository with a clone beside it.
pub(crate) struct Remote {
    bare: PathBuf,
    clone: PathBuf,
}

impl Remote {
    /// Makes `remote.git` in a folder, with these files on `main`.
    pub(crate) fn new(folder: &Path, files: &[(String, String)]) -> Self {
        let remote = Self { bare: folder.join("remote.git"), clone: folder.join("clone-of-ada") };
        run(folder, &["init", "--quiet", "--bare", "--initial-branch=main", "remote.git"]);
        run(folder, &["clone", "--quiet", "remote.git", "clone-of-ada"]);
        remote.commit(files, "the first manifests");
        remote
    }

    /// Commits files to `main` and pushes.
    pub(crate) fn commit(&self, files: &[(String, String)], message: &str) {
        self.write(files);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["push", "--quiet", "origin", "HEAD:main"]);
    }

    /// Adds a commit of a person to a branch.
    pub(crate) fn commit_on(&self, branch: &str, files: &[(String, String)]) {
        self.git(&["fetch", "--quiet", "origin"]);
        self.git(&["checkout", "--quiet", "-B", "review", &format!("origin/{branch}")]);
        self.write(files);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "-m", "a reviewer's own idea"]);
        self.git(&["push", "--quiet", "origin", &format!("HEAD:{branch}")]);
        self.git(&["checkout", "--quiet", "main"]);
    }

    /// Merges a branch into `main` and deletes it, as the button of a forge does.
    pub(crate) fn merge(&self, branch: &str) {
        self.git(&["fetch", "--quiet", "--prune", "origin"]);
        self.git(&["merge", "--quiet", "--no-ff", "-m", "merge", &format!("origin/{branch}")]);
        self.git(&["push", "--quiet", "origin", "HEAD:main", &format!(":{branch}")]);
    }

    /// Every ref with the commit it is at.
    pub(crate) fn refs(&self) -> String {
        run(&self.bare, &["for-each-ref", "--format=%(objectname) %(refname)"])
    }

    /// The branches of trueup.
    pub(crate) fn branches(&self) -> Vec<String> {
        let names = run(&self.bare, &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/auto-remediation"]);
        names.lines().map(str::to_owned).collect()
    }

    /// What a branch adds to `main`: authors, messages, changed lines.
    pub(crate) fn added_by(&self, branch: &str) -> String {
        run(&self.bare, &["log", "-p", "--unified=0", "--format=%an <%ae>%n%B", &format!("main..{branch}")])
    }

    /// How many commits a branch adds to `main`.
    pub(crate) fn commits(&self, branch: &str) -> usize {
        let count = run(&self.bare, &["rev-list", "--count", &format!("main..{branch}")]);
        count.trim().parse().expect("a number")
    }

    /// The lines that a branch changes in each file: `-old`, `+new`.
    pub(crate) fn changed_lines(&self, branch: &str) -> Vec<String> {
        let diff = run(&self.bare, &["diff", "--unified=0", &format!("main...{branch}")]);
        let is_head = |line: &str| line.starts_with("--- ") || line.starts_with("+++ ");
        let is_change = |line: &&str| line.starts_with(['+', '-']) && !is_head(line);
        diff.lines().filter(is_change).map(str::to_owned).collect()
    }

    /// A file as a branch has it.
    pub(crate) fn file(&self, branch: &str, path: &str) -> String {
        run(&self.bare, &["show", &format!("{branch}:{path}")])
    }

    /// The manifests on `main`, one stream for kubectl.
    pub(crate) fn manifests(&self) -> String {
        let files = run(&self.bare, &["ls-tree", "-r", "--name-only", "main", "apps"]);
        files.lines().map(|path| format!("{}\n---\n", self.file("main", path))).collect()
    }

    /// Takes the repository away, and yields how to put it back.
    pub(crate) fn vanish(&self) -> impl FnOnce() + use<> {
        let (here, away) = (self.bare.clone(), self.bare.with_extension("away"));
        std::fs::rename(&here, &away).expect("rename");
        move || std::fs::rename(away, here).expect("rename")
    }

    fn write(&self, files: &[(String, String)]) {
        for (path, text) in files {
            let path = self.clone.join(path);
            std::fs::create_dir_all(path.parent().expect("below the clone")).expect("folder");
            std::fs::write(path, text).expect("write");
        }
    }

    fn git(&self, args: &[&str]) -> String {
        run(&self.clone, args)
    }
}

/// git without the settings of whoever runs the tests.
fn run(folder: &Path, args: &[&str]) -> String {
    let done = Command::new("git")
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([("GIT_CONFIG_NOSYSTEM", "1"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_TERMINAL_PROMPT", "0")])
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@company.example")])
        .envs([("GIT_COMMITTER_NAME", "Ada"), ("GIT_COMMITTER_EMAIL", "ada@company.example")])
        .output()
        .expect("git starts");
    assert!(done.status.success(), "git {}: {}", args.join(" "), String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8")
}
