//! Runs a renderer that is a program of its own, with limits and without anything of our environment: no credentials to
//! read, no `git` to call, no way to the network through a proxy of ours.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// What a program may use.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// How long it may take.
    time: Duration,
    /// How many bytes it may write.
    output: u64,
    /// How much memory it may ask for, in KiB.
    memory: u64,
}

const LIMITS: Limits = Limits { time: Duration::from_secs(60), output: 256 << 20, memory: 4 << 20 };
/// How much of its complaints is read.
const COMPLAINT: u64 = 64 << 10;
/// Go programs ask this address for whatever lies outside of the machine, and nobody answers there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Why a program yielded nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    /// It could not be started.
    #[error("could not be started: {0}")]
    NotStarted(std::io::Error),
    /// It took longer than this.
    #[error("was stopped after {} s", .0.as_secs())]
    TooSlow(Duration),
    /// It wrote more bytes than this.
    #[error("was stopped after {} MiB of output", .0 >> 20)]
    TooLarge(u64),
    /// It wanted more memory than this, in KiB.
    #[error("was stopped when it wanted more than {} MiB of memory", .0 >> 10)]
    TooMuchMemory(u64),
    /// It failed, and said this about it.
    #[error("failed: {0}")]
    Failed(String),
}

/// The first program of these names on the PATH.
pub(super) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// Runs a program to its end and yields what it wrote. Its home and temporary folder are its working directory; `env` is
/// all that it has besides.
pub(super) async fn run(
    program: &Path,
    args: &[String],
    env: &[(&str, &str)],
    folder: &Path,
) -> Result<Vec<u8>, ProcessError> {
    run_within(LIMITS, program, args, env, folder).await
}

async fn run_within(
    limits: Limits,
    program: &Path,
    args: &[String],
    env: &[(&str, &str)],
    folder: &Path,
) -> Result<Vec<u8>, ProcessError> {
    // the limit is set by a shell, since a process that is not started yet can only be limited by unsafe code
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("ulimit -v {}; exec \"$@\"", limits.memory), "sh"]).arg(program).args(args);
    command.env_clear().env("HOME", folder).env("TMPDIR", folder).env("PATH", "");
    command.env("HTTP_PROXY", NOWHERE).env("HTTPS_PROXY", NOWHERE).envs(env.iter().copied());
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.process_group(0).kill_on_drop(true).spawn().map_err(ProcessError::NotStarted)?;
    let mut family = Family(child.id());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (output, complaint) = futures::try_join!(read(stdout, limits.output), async { Ok(hear(stderr).await) })?;
        let status = child.wait().await.map_err(ProcessError::NotStarted)?;
        family.0 = None;
        judge(status, output, &complaint, limits)
    };
    tokio::time::timeout(limits.time, work).await.unwrap_or(Err(ProcessError::TooSlow(limits.time)))
}

/// The group of a program that has not ended: what it started ends with it, where the program on the PATH is a script
/// around another.
struct Family(Option<u32>);

impl Drop for Family {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // the program is not waited for yet, so that its number is still its own
            let kill = ["-c".to_owned(), format!("kill -KILL -{group}")];
            let _ = std::process::Command::new("/bin/sh").args(kill).stderr(Stdio::null()).status();
        }
    }
}

fn judge(status: ExitStatus, output: Vec<u8>, complaint: &[u8], limits: Limits) -> Result<Vec<u8>, ProcessError> {
    if status.success() {
        return Ok(output);
    }
    let complaint = String::from_utf8_lossy(complaint).trim().to_owned();
    // as the runtime of Go says it
    let of_runtime = |line: &str| line.starts_with("fatal error: ") || line.starts_with("runtime: ");
    let lacks = |line: &str| line.contains("out of memory") || line.contains("cannot allocate memory");
    if complaint.lines().any(|line| of_runtime(line) && lacks(line)) {
        return Err(ProcessError::TooMuchMemory(limits.memory));
    }
    Err(ProcessError::Failed(if complaint.is_empty() { status.to_string() } else { complaint }))
}

/// Reads to the end; a pipe that breaks ends there, and the exit status tells whether that was all.
async fn read(pipe: Option<impl AsyncRead + Unpin>, limit: u64) -> Result<Vec<u8>, ProcessError> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let _ = pipe.take(limit + 1).read_to_end(&mut bytes).await;
    }
    if bytes.len() as u64 > limit { Err(ProcessError::TooLarge(limit)) } else { Ok(bytes) }
}

/// Keeps the beginning and takes the rest off the program, so that it is not stuck with it.
async fn hear(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(COMPLAINT).read_to_end(&mut bytes).await;
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { time: Duration::from_secs(2), output: 1 << 20, memory: 1 << 20 };

    /// Runs a script in a folder of its own.
    async fn script(text: &str) -> (Result<String, String>, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("folder");
        let args = ["-c".to_owned(), text.to_owned()];
        let ran = run_within(SMALL, Path::new("/bin/sh"), &args, &[("TZ", "UTC")], folder.path()).await;
        let ran = ran.map(|output| String::from_utf8(output).expect("a text")).map_err(|error| error.to_string());
        (ran, folder)
    }

    /// Whether a process of this number runs; one that has ended and is not waited for does not.
    fn runs(process: &str) -> bool {
        let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        !state.is_empty() && !state.contains(") Z ")
    }

    /// What takes too long, writes too much or fails ends as one error, soon.
    #[tokio::test]
    async fn limits_are_kept() {
        for (text, expected) in [
            ("echo fine", Ok("fine\n")),
            ("read line; echo fine", Ok("fine\n")),
            ("while :; do :; done", Err("was stopped after 2 s")),
            (
                "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
                Err("was stopped after 1 MiB of output"),
            ),
            ("echo no >&2; exit 3", Err("failed: no")),
            ("exit 3", Err("failed: exit status: 3")),
            ("kill -SEGV $$", Err("failed: signal: 11 (SIGSEGV)")),
            (
                "echo 'fatal error: runtime: out of memory' >&2; exit 2",
                Err("was stopped when it wanted more than 1024 MiB of memory"),
            ),
            ("ulimit -v", Ok("1048576\n")),
        ] {
            let (ran, _) = script(text).await;
            let ran = ran.as_deref().map_err(String::as_str);
            assert!(
                matches!((ran, expected), (Ok(ran), Ok(expected)) if ran == expected)
                    || matches!((ran, expected), (Err(ran), Err(expected)) if ran.starts_with(expected)),
                "{text}: {ran:?}"
            );
        }
    }

    /// A program sees its folder and what it is given, and nothing of who started trueup.
    #[tokio::test]
    async fn nothing_is_inherited() {
        let (ran, folder) = script("export -p; pwd; echo \"$PATH\"").await;
        let ran = ran.expect("runs");
        let mut names: Vec<_> =
            ran.lines().filter_map(|line| line.strip_prefix("export ")?.split('=').next()).collect();
        names.sort_unstable();
        assert_eq!(names, ["HOME", "HTTPS_PROXY", "HTTP_PROXY", "PATH", "PWD", "TMPDIR", "TZ"], "{ran}");
        let own = folder.path().canonicalize().expect("folder").display().to_string();
        assert!(ran.contains(&format!("HOME='{own}'")) && ran.contains(&format!("\n{own}\n")), "{ran}");
    }

    /// What a program has started ends with it, and so does all of it where nobody waits for the answer any more.
    #[tokio::test]
    async fn nothing_goes_on() {
        let folder = tempfile::tempdir().expect("folder");
        let args = ["-c".to_owned(), "while :; do :; done & echo $! > child; echo $$ > own; wait".to_owned()];
        let patience = [Duration::from_secs(60), Duration::from_millis(500)];
        for patience in patience {
            let run = run_within(SMALL, Path::new("/bin/sh"), &args, &[], folder.path());
            assert!(!matches!(tokio::time::timeout(patience, run).await, Ok(Ok(_))));
            for name in ["child", "own"] {
                let process = std::fs::read_to_string(folder.path().join(name)).expect("a number");
                let begun = std::time::Instant::now();
                while runs(process.trim()) && begun.elapsed() < Duration::from_secs(20) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                assert!(!runs(process.trim()), "the {name} process runs on");
            }
        }
    }
}
