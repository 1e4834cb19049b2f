//! The config repository of a story, and what people do with it: commit, review, merge.

use std::path::Path;

use super::git::{ALICE, Bare, Entry, MAIN};

/// A bare repository whose manifests are below `apps`.
pub(crate) struct Remote {
    bare: Bare,
}

impl Remote {
    /// Makes `remote.git` in a folder, with these files on `main`.
    pub(crate) fn new(folder: &Path, files: &[(&str, &str)]) -> Self {
        let remote = Self { bare: Bare::init(folder.join("remote.git")) };
        remote.commit(MAIN, files);
        remote
    }

    /// Adds a commit of a person to a branch.
    pub(crate) fn commit(&self, branch: &str, files: &[(&str, &str)]) {
        self.bare.commit(branch, files, ALICE);
    }

    /// Adds a commit of a person to `main`, made so many minutes ago.
    pub(crate) fn commit_earlier(&self, files: &[(&str, &str)], minutes: i64) {
        let entries: Vec<_> = files.iter().map(|(path, text)| (*path, Entry::File(text.as_bytes()))).collect();
        self.bare.commit_earlier(MAIN, &entries, ALICE, minutes);
    }

    /// Merges a branch into `main` and deletes it, as the button of a forge does.
    pub(crate) fn merge(&self, branch: &str) {
        let tree = self.bare.git(&["merge-tree", "--write-tree", MAIN, branch]);
        let merged = self.bare.git(&["commit-tree", &tree, "-p", MAIN, "-p", branch, "-m", "merge"]);
        self.bare.git(&["update-ref", &format!("refs/heads/{MAIN}"), &merged]);
        self.bare.git(&["branch", "--quiet", "-D", branch]);
    }

    /// Every ref with the commit it is at.
    pub(crate) fn refs(&self) -> String {
        self.bare.git(&["for-each-ref", "--format=%(objectname) %(refname)"]) + "\n"
    }

    /// The branches of trueup.
    pub(crate) fn branches(&self) -> Vec<String> {
        let all = self.bare.branches();
        all.into_iter().filter(|branch| branch.starts_with("auto-remediation/")).collect()
    }

    /// Authors, messages and changed lines of what a branch adds to `main`.
    pub(crate) fn added_by(&self, branch: &str) -> String {
        self.bare.git(&["log", "-p", "--unified=0", "--format=%an <%ae>%n%B", &format!("{MAIN}..{branch}")])
    }

    /// How many commits a branch adds to `main`.
    pub(crate) fn commits(&self, branch: &str) -> usize {
        self.bare.log(branch).len()
    }

    /// The lines that a branch changes: `-old`, `+new`.
    pub(crate) fn changed_lines(&self, branch: &str) -> Vec<String> {
        let diff = self.bare.git(&["diff", "--unified=0", &format!("{MAIN}...{branch}")]);
        let is_head = |line: &str| line.starts_with("--- ") || line.starts_with("+++ ");
        let is_change = |line: &&str| line.starts_with(['+', '-']) && !is_head(line);
        diff.lines().filter(is_change).map(str::to_owned).collect()
    }

    /// A file as a branch has it.
    pub(crate) fn file(&self, branch: &str, path: &str) -> String {
        self.bare.file(branch, path).unwrap_or_else(|| panic!("{path} is not on {branch}"))
    }

    /// The manifests on `main`, one stream for kubectl.
    pub(crate) fn manifests(&self) -> String {
        let files = self.bare.git(&["ls-tree", "-r", "--name-only", MAIN, "apps"]);
        files.lines().map(|path| format!("{}\n---\n", self.file(MAIN, path))).collect()
    }

    /// Takes the repository away, and yields how to put it back.
    pub(crate) fn vanish(&self) -> impl FnOnce() + use<> {
        let (here, away) = (self.bare.path().to_path_buf(), self.bare.path().with_extension("away"));
        std::fs::rename(&here, &away).expect("rename");
        move || std::fs::rename(away, here).expect("rename")
    }
}
