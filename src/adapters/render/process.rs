//! Runs a renderer that is a program of its own, with limits and without anything of our environment: no credentials to
//! read, no `git` to call, no way to the network through a proxy of ours.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// How long a program may take.
const TIME: Duration = Duration::from_secs(60);
/// How much it may write.
const OUTPUT: u64 = 256 << 20;
/// How much of its complaints is read.
const COMPLAINT: u64 = 64 << 10;
/// How much memory it may ask for, in KiB.
const MEMORY: u64 = 4 << 20;
/// Go programs ask this address for whatever lies outside of the machine, and nobody answers there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// Why a program yielded nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    /// It could not be started.
    #[error("could not be started: {0}")]
    NotStarted(std::io::Error),
    /// It took too long.
    #[error("was stopped after {} s", TIME.as_secs())]
    TooSlow,
    /// It wrote too much.
    #[error("was stopped after {} MiB of output", OUTPUT >> 20)]
    TooLarge,
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
    // the limit is set by a shell, since a process that is not started yet can only be limited by unsafe code
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &format!("ulimit -v {MEMORY}; exec \"$@\""), "sh"]).arg(program).args(args);
    command.env_clear().env("HOME", folder).env("TMPDIR", folder).env("PATH", "");
    command.env("HTTP_PROXY", NOWHERE).env("HTTPS_PROXY", NOWHERE).envs(env.iter().copied());
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(ProcessError::NotStarted)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (output, complaint) = futures::try_join!(read(stdout), async { Ok(hear(stderr).await) })?;
        let status = child.wait().await.map_err(ProcessError::NotStarted)?;
        judge(status, output, &complaint)
    };
    tokio::time::timeout(TIME, work).await.unwrap_or(Err(ProcessError::TooSlow))
}

fn judge(status: ExitStatus, output: Vec<u8>, complaint: &[u8]) -> Result<Vec<u8>, ProcessError> {
    if status.success() {
        return Ok(output);
    }
    let complaint = String::from_utf8_lossy(complaint).trim().to_owned();
    Err(ProcessError::Failed(if complaint.is_empty() { status.to_string() } else { complaint }))
}

/// Reads to the end; a pipe that breaks ends there, and the exit status tells whether that was all.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, ProcessError> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let _ = pipe.take(OUTPUT + 1).read_to_end(&mut bytes).await;
    }
    if bytes.len() as u64 > OUTPUT { Err(ProcessError::TooLarge) } else { Ok(bytes) }
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
