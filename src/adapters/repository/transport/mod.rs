//! How bytes travel to a remote: libgit2 is built without TLS and SSH, so https goes over ureq with rustls and ssh over
//! the system's OpenSSH, both as libgit2 "smart subtransports". libgit2 calls its transports by address only, so what is
//! needed to get in waits here under the address.

mod http;
mod ssh;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::Duration;

use git2::transport::{Transport, register};
use secrecy::SecretString;

pub(super) use ssh::Address as SshAddress;

/// What is needed to get in.
#[derive(Debug, Clone, Default)]
pub(super) struct Access {
    pub(super) username: Option<String>,
    pub(super) token: Option<SecretString>,
    pub(super) ssh_key: Option<PathBuf>,
    pub(super) known_hosts: Option<PathBuf>,
    pub(super) timeout: Duration,
}

static ACCESS: RwLock<BTreeMap<String, Access>> = RwLock::new(BTreeMap::new());
static READY: OnceLock<Result<(), String>> = OnceLock::new();

/// Lets the next connection to `url` use this access.
pub(super) fn allow(url: &str, access: Access) -> Result<(), git2::Error> {
    let ready = READY.get_or_init(|| prepare().map_err(|error| error.message().to_owned()));
    ready.as_ref().map_err(|message| git2::Error::from_str(message))?;
    ACCESS.write().unwrap_or_else(PoisonError::into_inner).insert(url.to_owned(), access);
    Ok(())
}

fn access(url: &str) -> Access {
    ACCESS.read().unwrap_or_else(PoisonError::into_inner).get(url).cloned().unwrap_or_default()
}

/// Registers the transports and takes the user's git configuration out of play: an `insteadOf` there would send the
/// token to another address.
#[allow(unsafe_code, reason = "libgit2's global settings; made once, before any repository is opened")]
fn prepare() -> Result<(), git2::Error> {
    use git2::ConfigLevel::{Global, ProgramData, System, XDG};
    let http = |remote: &git2::Remote<'_>| {
        let url = remote.url()?;
        Transport::smart(remote, true, http::Http::new(url, &access(url)))
    };
    // SAFETY: the OnceLock lets one thread in, and every use of libgit2 in this process comes after it.
    unsafe {
        for level in [System, Global, XDG, ProgramData] {
            git2::opts::set_search_path(level, "/nonexistent")?;
        }
        register("https", http)?;
        register("http", http)?;
        register("ssh", |remote| {
            let url = remote.url()?;
            Transport::smart(remote, false, ssh::Ssh::new(url, access(url))?)
        })
    }
}
