//! A real OpenSSH server on a free port of 127.0.0.1: the one that is installed, else Debian's package unpacked into the
//! user's cache.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// As root, sshd wants a user and a folder for its unprivileged half. Both are made where only it sees them.
const AS_ROOT: &str = r#"set -e
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
(grep -v '^sshd:' /etc/passwd; echo 'sshd:x:64999:65534::/run/sshd:/bin/false') > /run/passwd
mount --bind /run/passwd /etc/passwd
exec "$@"
"#;

/// The server; it ends with this.
pub(super) struct Sshd {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Sshd {
    /// Starts one that keeps its keys in `folder`. None where none can be had; why is printed.
    #[expect(clippy::print_stderr, reason = "a test that does nothing says so")]
    pub(super) fn start(folder: &Path) -> Option<Self> {
        let started = program().as_ref().map_err(Clone::clone).and_then(|program| Self::try_start(program, folder));
        started.map_err(|reason| eprintln!("nothing was tested over ssh: {reason}")).ok()
    }

    fn try_start(program: &Path, folder: &Path) -> Result<Self, String> {
        for key in ["host", "id", "stranger"] {
            run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(folder.join(key)))?;
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
        let mut command = if run(Command::new("id").arg("-u"))? == "0" {
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", AS_ROOT, "sh"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let shown = |name: &str| folder.join(name).display().to_string();
        for option in [
            "ListenAddress=127.0.0.1".to_owned(),
            format!("AuthorizedKeysFile={}", shown("id.pub")),
            "StrictModes=no".to_owned(),
            "PasswordAuthentication=no".to_owned(),
            "KbdInteractiveAuthentication=no".to_owned(),
            "UsePAM=no".to_owned(),
            "PidFile=none".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command.args(["-D", "-f", "/dev/null", "-p", &port.to_string(), "-h", &shown("host"), "-E", &shown("log")]);
        command.env("LD_LIBRARY_PATH", libraries(program)).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        let mut server = Self { child, port, folder: folder.to_path_buf() };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if started.elapsed() > Duration::from_secs(10) || server.child.try_wait().is_ok_and(|ended| ended.is_some())
            {
                let mut said = String::new();
                let _ = std::io::Read::read_to_string(&mut server.child.stderr.take().expect("stderr"), &mut said);
                let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
                return Err(format!("sshd did not start: {said}{log}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// The address of a repository behind it.
    pub(super) fn url(&self, path: &Path) -> String {
        let user = run(Command::new("id").arg("-un")).expect("id");
        format!("ssh://{user}@127.0.0.1:{}{}", self.port, path.display())
    }

    /// A key: `id` is let in, `stranger` is not.
    pub(super) fn key(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A known_hosts file that has this key for the server, or nothing.
    pub(super) fn known_hosts(&self, key: Option<&str>) -> PathBuf {
        let path = self.folder.join(format!("known_hosts-{}", key.unwrap_or("empty")));
        let line = key.map(|key| {
            let key = std::fs::read_to_string(self.folder.join(format!("{key}.pub"))).expect("key");
            format!("[127.0.0.1]:{} {key}", self.port)
        });
        std::fs::write(&path, line.unwrap_or_default()).expect("known_hosts");
        path
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

/// Where sshd is; it wants to be called by its whole path.
fn program() -> &'static Result<PathBuf, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
        match folders.map(|folder| folder.join("sshd")).find(|program| program.is_file()) {
            Some(installed) => Ok(installed),
            None => unpacked(),
        }
    })
}

/// Debian's package, unpacked once; nothing is installed.
fn unpacked() -> Result<PathBuf, String> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = cache.ok_or("there is no sshd, and neither XDG_CACHE_HOME nor HOME to unpack one in")?.join("trueup");
    let program = cache.join("sshd/usr/sbin/sshd");
    if program.is_file() {
        return Ok(program);
    }
    std::fs::create_dir_all(&cache).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir_in(&cache).map_err(|error| error.to_string())?;
    run(Command::new("apt-get").args(["download", "openssh-server", "libwrap0"]).current_dir(&folder))?;
    for package in std::fs::read_dir(&folder).map_err(|error| error.to_string())?.flatten() {
        run(Command::new("dpkg").arg("-x").arg(package.path()).arg(folder.path().join("sshd")))?;
    }
    // another run may have been faster
    let _ = std::fs::rename(folder.path().join("sshd"), cache.join("sshd"));
    if program.is_file() { Ok(program) } else { Err("the package holds no sshd".to_owned()) }
}

/// The libraries that were unpacked beside it.
fn libraries(program: &Path) -> std::ffi::OsString {
    let root = program.ancestors().nth(3).unwrap_or(Path::new("/"));
    let folders = ["usr/lib", "lib"].map(|folder| root.join(folder)).into_iter();
    let found =
        folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten().map(|entry| entry.path());
    let linux = found.filter(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    std::env::join_paths(linux).unwrap_or_default()
}
