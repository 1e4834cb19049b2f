//! Real Git repositories in temporary folders, made with the `git` program and untouched by the user's configuration.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

/// A person who commits.
pub(crate) const ALICE: &str = "Alice <alice@company.example>";
/// The branch that repositories are made with.
pub(crate) const MAIN: &str = "main";

/// `git` with no configuration but its own.
pub(crate) fn git() -> Command {
    let mut command = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"] {
        command.env_remove(variable);
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "GitHub").env(format!("GIT_{role}_EMAIL"), "noreply@github.com");
    }
    command
}

/// One path of a commit.
pub(crate) enum Entry<'e> {
    /// A file with its content.
    File(&'e [u8]),
    /// A symbolic link and where it leads.
    Link(&'e str),
    /// A submodule at a commit.
    Submodule(&'e str),
    /// The path is removed.
    Gone,
    /// The file of another path is moved here.
    MovedFrom(&'e str),
}

/// A bare repository.
#[derive(Debug, Clone)]
pub(crate) struct Bare {
    path: PathBuf,
    /// The folder it lives in, if it is its own.
    _folder: Option<Arc<TempDir>>,
}

impl Bare {
    /// A new one at `path`, empty, whose default branch will be `main`.
    pub(crate) fn init(path: PathBuf) -> Self {
        let made =
            git().args(["init", "--quiet", "--bare", "--initial-branch", MAIN]).arg(&path).status().expect("git");
        assert!(made.success(), "git init {}", path.display());
        Self { path, _folder: None }
    }

    /// One that is there already.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, _folder: None }
    }

    /// A new one in a folder of its own, with these files as its first commit.
    pub(crate) fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let mut bare = Self::init(folder.path().join("origin.git"));
        bare._folder = Some(Arc::new(folder));
        bare.commit(MAIN, files, ALICE);
        bare
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs git in it; None where git fails.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Option<String> {
        let output = git().arg("--git-dir").arg(&self.path).args(arguments).output().expect("git");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// Runs git in it, which has to succeed.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.ask(arguments).unwrap_or_else(|| panic!("git {arguments:?} failed in {}", self.path.display()))
    }

    /// Runs git in it with something to read.
    pub(crate) fn git_with_input(&self, arguments: &[&str], input: &[u8]) -> String {
        let mut command = git();
        command.arg("--git-dir").arg(&self.path).args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git");
        child.stdin.take().expect("stdin").write_all(input).expect("written");
        let output = child.wait_with_output().expect("git");
        assert!(output.status.success(), "git {arguments:?}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Commits files to a branch, which starts at the default branch if it is new. Yields the commit.
    pub(crate) fn commit(&self, branch: &str, files: &[(&str, &str)], author: &str) -> String {
        let entries: Vec<_> = files.iter().map(|(path, text)| (*path, Entry::File(text.as_bytes()))).collect();
        self.commit_entries(branch, &entries, author)
    }

    /// Commits entries of any kind to a branch, in one process: https://git-scm.com/docs/git-fast-import.
    pub(crate) fn commit_entries(&self, branch: &str, entries: &[(&str, Entry<'_>)], author: &str) -> String {
        self.commit_earlier(branch, entries, author, 0)
    }

    /// Commits entries with a time so many minutes ago.
    pub(crate) fn commit_earlier(
        &self,
        branch: &str,
        entries: &[(&str, Entry<'_>)],
        author: &str,
        minutes: i64,
    ) -> String {
        let mut stream = Vec::new();
        let seconds = jiff::Timestamp::now().as_second() - minutes * 60;
        let message = format!("change {}", entries.iter().map(|(path, _)| *path).collect::<Vec<_>>().join(", "));
        let start = self.head(branch).or_else(|| self.head(MAIN));
        write!(stream, "commit refs/heads/{branch}\ncommitter {author} {seconds} +0000\n").expect("memory");
        data(&mut stream, message.as_bytes());
        if let Some(start) = start {
            writeln!(stream, "from {start}").expect("memory");
        }
        for (path, entry) in entries {
            match entry {
                Entry::File(content) => {
                    writeln!(stream, "M 100644 inline {path}").expect("memory");
                    data(&mut stream, content);
                }
                Entry::Link(target) => {
                    writeln!(stream, "M 120000 inline {path}").expect("memory");
                    data(&mut stream, target.as_bytes());
                }
                Entry::Submodule(commit) => writeln!(stream, "M 160000 {commit} {path}").expect("memory"),
                Entry::Gone => writeln!(stream, "D {path}").expect("memory"),
                Entry::MovedFrom(old) => writeln!(stream, "R {old} {path}").expect("memory"),
            }
        }
        self.git_with_input(&["fast-import", "--quiet"], &stream);
        self.head(branch).expect("the branch was just written")
    }

    /// The commit of a branch.
    pub(crate) fn head(&self, branch: &str) -> Option<String> {
        self.ask(&["rev-parse", "--quiet", "--verify", &format!("refs/heads/{branch}")])
    }

    /// Branches by name with their commits.
    pub(crate) fn heads(&self) -> std::collections::BTreeMap<String, String> {
        let listed = self.git(&["for-each-ref", "--format=%(refname:lstrip=2) %(objectname)", "refs/heads"]);
        listed
            .lines()
            .filter_map(|line| line.rsplit_once(' '))
            .map(|(name, head)| (name.to_owned(), head.to_owned()))
            .collect()
    }

    /// Names of the branches.
    pub(crate) fn branches(&self) -> Vec<String> {
        self.heads().into_keys().collect()
    }

    /// The content of a file on a branch.
    pub(crate) fn file(&self, branch: &str, path: &str) -> Option<String> {
        let output =
            git().arg("--git-dir").arg(&self.path).args(["show", &format!("refs/heads/{branch}:{path}")]).output();
        let output = output.expect("git");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Author, committer and subject of a branch's commits since the default branch, newest first.
    pub(crate) fn log(&self, branch: &str) -> Vec<String> {
        let range = format!("refs/heads/{MAIN}..refs/heads/{branch}");
        self.git(&["log", "--format=%an <%ae>, %cn <%ce>: %s", &range]).lines().map(str::to_owned).collect()
    }

    /// Puts a hook in place.
    pub(crate) fn hook(&self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.path.join("hooks").join(name);
        std::fs::create_dir_all(path.parent().expect("folder")).expect("hooks");
        std::fs::write(&path, script).expect("hook");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("hook");
    }
}

fn data(stream: &mut Vec<u8>, content: &[u8]) {
    writeln!(stream, "data {}", content.len()).expect("memory");
    stream.extend_from_slice(content);
    stream.push(b'\n');
}
