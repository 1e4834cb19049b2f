//! Git over ssh: the system's `ssh` runs `git-upload-pack` or `git-receive-pack` on the host. Unknown or changed host
//! keys are refused, and nothing is ever asked at a terminal.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};

use super::Access;

/// As much of what ssh complains about as goes into an error.
const COMPLAINT: u64 = 2_000;

/// Where an ssh address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::adapters::repository) struct Address {
    user: Option<String>,
    host: String,
    port: Option<u16>,
    path: String,
}

impl Address {
    /// Reads `ssh://user@host:port/path` and `user@host:path`. None for anything else, and for names that ssh or the
    /// shell behind it would take for options.
    pub(in crate::adapters::repository) fn parse(url: &str) -> Option<Self> {
        let (login, port, path) = if let Some(rest) = url.strip_prefix("ssh://") {
            let (login, path) = rest.split_once('/')?;
            let (login, port) = match login.rsplit_once(':') {
                Some((login, port)) => (login, Some(port.parse().ok()?)),
                None => (login, None),
            };
            // `/~user/…` is how git writes a path below a home
            (login, port, if path.starts_with('~') { path.to_owned() } else { format!("/{path}") })
        } else {
            // `scheme://…` and `helper::…` are other kinds of address
            let (login, path) =
                url.split_once(':').filter(|(_, path)| !path.starts_with("//") && !path.starts_with(':'))?;
            (login, None, path.to_owned())
        };
        let (user, host) = match login.rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host.to_owned()),
            None => (None, login.to_owned()),
        };
        let is_plain = |name: &str| {
            !name.is_empty()
                && !name.starts_with('-')
                && name.chars().all(|char| char.is_alphanumeric() || "._-".contains(char))
        };
        let harmless =
            is_plain(&host) && user.as_deref().is_none_or(is_plain) && !path.starts_with('-') && !path.is_empty();
        harmless.then_some(Self { user, host, port, path })
    }
}

/// One remote.
pub(super) struct Ssh {
    address: Address,
    access: Access,
}

impl Ssh {
    pub(super) fn new(url: &str, access: Access) -> Result<Self, git2::Error> {
        let address = Address::parse(url).ok_or_else(|| git2::Error::from_str("the ssh address cannot be read"))?;
        Ok(Self { address, access })
    }

    fn command(&self, service: &str) -> Command {
        let mut command = Command::new("ssh");
        let seconds = self.access.timeout.as_secs().max(1);
        command.arg("-T");
        for option in [
            "BatchMode=yes".to_owned(),
            "StrictHostKeyChecking=yes".to_owned(),
            format!("ConnectTimeout={seconds}"),
            format!("ServerAliveInterval={}", seconds.div_ceil(3)),
            "ServerAliveCountMax=3".to_owned(),
        ] {
            command.arg("-o").arg(option);
        }
        let file = |name: &str, path: &PathBuf| format!("{name}={}", path.display());
        if let Some(known_hosts) = &self.access.known_hosts {
            command.arg("-o").arg(file("UserKnownHostsFile", known_hosts));
        }
        if let Some(key) = &self.access.ssh_key {
            command.arg("-o").arg("IdentitiesOnly=yes").arg("-o").arg(file("IdentityFile", key));
        }
        if let Some(port) = self.address.port {
            command.arg("-p").arg(port.to_string());
        }
        if let Some(user) = &self.address.user {
            command.arg("-l").arg(user);
        }
        command.arg(&self.address.host).arg(format!("{service} {}", quoted(&self.address.path)));
        command
    }
}

/// For the shell on the other side.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''").replace('!', r"'\!'"))
}

impl SmartSubtransport for Ssh {
    fn action(&self, _: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let service = match service {
            Service::UploadPackLs | Service::UploadPack => "git-upload-pack",
            Service::ReceivePackLs | Service::ReceivePack => "git-receive-pack",
        };
        let session = Session::start(self.command(service));
        session.map(|session| Box::new(session) as _).map_err(|error| git2::Error::from_str(&error.to_string()))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

struct Session {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
    complaint: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

impl Session {
    fn start(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|error| io::Error::other(format!("`ssh` could not be started ({error}); install OpenSSH")))?;
        let (Some(input), Some(output), Some(mut errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("`ssh` has no pipes"));
        };
        let complaint = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&complaint);
        let listener = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = errors.by_ref().take(COMPLAINT).read_to_end(&mut text);
            heard.lock().unwrap_or_else(PoisonError::into_inner).push_str(&String::from_utf8_lossy(&text));
            let _ = io::copy(&mut errors, &mut io::sink());
        });
        Ok(Self { child, input, output, complaint, listener: Some(listener) })
    }

    /// The connection ended: why, if ssh or git said that it went wrong.
    fn ended(&mut self) -> io::Result<usize> {
        let status = self.child.wait()?;
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        if status.success() {
            return Ok(0);
        }
        let complaint = self.complaint.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<_> = complaint.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Err(io::Error::other(format!("ssh: {}", lines.join("; "))))
    }
}

impl Read for Session {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.output.read(buffer)? {
            0 if !buffer.is_empty() => self.ended(),
            count => Ok(count),
        }
    }
}

impl Write for Session {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.input.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.ended().and(Err(error)),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.flush()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways of writing an address lead to the same command; what ssh would take for an option is refused.
    #[test]
    fn addresses() {
        for (url, expected) in [
            ("ssh://git@host:2222/team/repo.git", Some("-p 2222 -l git host git-upload-pack '/team/repo.git'")),
            ("ssh://host/~/repo.git", Some("host git-upload-pack '~/repo.git'")),
            ("git@github.com:team/it's.git", Some(r"-l git github.com git-upload-pack 'team/it'\''s.git'")),
            ("ssh://-oProxyCommand=touch%20x/repo", None),
            ("ssh://git@host:many/repo", None),
            ("git@-oProxyCommand:repo", None),
            ("git@host:", None),
            ("git://host/repo", None),
            ("ext::sh -c touch% x", None),
            ("git@host:--upload-pack=x", None),
        ] {
            let command = Address::parse(url).map(|address| {
                let command = Ssh { address, access: Access::default() }.command("git-upload-pack");
                let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
                words.join(" ").split("ServerAliveCountMax=3 ").last().unwrap_or_default().to_owned()
            });
            assert_eq!(command.as_deref(), expected, "{url}");
        }
    }

    /// Host keys are always checked and nothing is asked at a terminal.
    #[test]
    fn strict() {
        let address = Address::parse("git@host:repo").expect("address");
        let access =
            Access { ssh_key: Some("/keys/id".into()), known_hosts: Some("/keys/hosts".into()), ..Access::default() };
        let words: Vec<_> = Ssh { address, access }
            .command("git-upload-pack")
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        for option in [
            "BatchMode=yes",
            "StrictHostKeyChecking=yes",
            "UserKnownHostsFile=/keys/hosts",
            "IdentitiesOnly=yes",
            "IdentityFile=/keys/id",
        ] {
            assert!(words.iter().any(|word| word == option), "{option} is missing in {words:?}");
        }
    }
}
