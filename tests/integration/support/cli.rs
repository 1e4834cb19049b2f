//! The program as a user starts it: the real binary in a folder of its own, with an environment that holds nothing but
//! what a test gives it (no kubeconfig, no Git settings, no token, no `TRUEUP_…` of the machine that runs the tests).

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::servers::tools;

/// A command that takes longer than this hangs.
const LIMIT: Duration = Duration::from_secs(300);

/// A folder of its own with a home folder beside it: what one test works in.
pub(crate) struct Desk {
    folder: TempDir,
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("trueup-test-").tempdir().expect("folder");
        for name in ["work", "home", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).expect("folder");
        }
        Self { folder }
    }

    /// The working folder, or a path in it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// Writes a file below the working folder, with the folders it needs.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        std::fs::write(&path, text).expect("write");
        path
    }

    /// `trueup` with these arguments, ready for more of them, for variables, and to run.
    pub(crate) fn trueup<I: IntoIterator<Item: AsRef<OsStr>>>(&self, args: I) -> Invocation {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trueup"));
        command
            .args(args)
            .current_dir(self.path(""))
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", tools().display()))
            .env("HOME", self.folder.path().join("home"))
            .env("TMPDIR", self.folder.path().join("tmp"))
            .stdin(Stdio::null());
        Invocation { command }
    }
}

/// A command that has not been started.
pub(crate) struct Invocation {
    command: Command,
}

impl Invocation {
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// For tests that hold a running program (`daemon`): the scrubbed command itself.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    /// Runs it to its end; one that hangs is killed and fails the test.
    pub(crate) fn run(self) -> Ran {
        let mut command = self.into_command();
        let (out, err) = (tempfile::NamedTempFile::new().expect("file"), tempfile::NamedTempFile::new().expect("file"));
        command.stdout(out.reopen().expect("file")).stderr(err.reopen().expect("file"));
        let started = Instant::now();
        let mut child = command.spawn().expect("the program starts");
        let status = loop {
            if let Some(status) = child.try_wait().expect("the program can be waited for") {
                break status;
            }
            if started.elapsed() > LIMIT {
                child.kill().expect("the program can be killed");
                panic!("{command:?} hangs");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let took = started.elapsed();
        let text = |file: &Path| std::fs::read_to_string(file).expect("what the program writes is UTF-8");
        Ran { code: status.code(), stdout: text(out.path()), stderr: text(err.path()), took }
    }
}

impl Ran {
    /// Demands an exit code, and shows everything where it is another.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }

    /// Everything that was written, for tests that look for what must not be there.
    pub(crate) fn everything(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}
