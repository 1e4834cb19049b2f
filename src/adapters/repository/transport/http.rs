//! Git's smart protocol over HTTP(S): <https://git-scm.com/docs/http-protocol>.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream};
use secrecy::{ExposeSecret as _, SecretString};
use ureq::http::{Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};

use super::Access;

/// Servers send a page for people to anything that does not call itself git.
const USER_AGENT: &str = concat!("git/2.0 (trueup/", env!("CARGO_PKG_VERSION"), ")");

const MAX_REDIRECTS: usize = 5;

/// One remote.
pub(super) struct Http(Arc<Shared>);

struct Shared {
    agent: ureq::Agent,
    authorization: Option<SecretString>,
    /// The address as configured.
    url: String,
    /// Where the server sent the first request, if elsewhere: a renamed repository.
    moved: Mutex<Option<String>>,
}

impl Http {
    pub(super) fn new(url: &str, access: &Access) -> Self {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .https_only(url.starts_with("https://"))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(USER_AGENT)
            .timeout_connect(Some(access.timeout))
            .timeout_recv_response(Some(access.timeout))
            .timeout_per_read(Some(access.timeout))
            .timeout_per_write(Some(access.timeout))
            .build()
            .into();
        let authorization = access.token.as_ref().map(|token| {
            let username = access.username.as_deref().unwrap_or("x-access-token");
            let pair = BASE64_STANDARD.encode(format!("{username}:{}", token.expose_secret()));
            SecretString::from(format!("Basic {pair}"))
        });
        let url = url.trim_end_matches('/').to_owned();
        Self(Arc::new(Shared { agent, authorization, url, moved: Mutex::new(None) }))
    }
}

impl SmartSubtransport for Http {
    fn action(&self, _: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let (service, advertises) = match service {
            Service::UploadPackLs => ("git-upload-pack", true),
            Service::UploadPack => ("git-upload-pack", false),
            Service::ReceivePackLs => ("git-receive-pack", true),
            Service::ReceivePack => ("git-receive-pack", false),
        };
        Ok(Box::new(Exchange { shared: Arc::clone(&self.0), service, advertises, request: Vec::new(), answer: None }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer: libgit2 writes the whole request before it reads.
struct Exchange {
    shared: Arc<Shared>,
    service: &'static str,
    advertises: bool,
    request: Vec<u8>,
    answer: Option<Box<dyn Read + Send>>,
}

impl Exchange {
    /// The first request may be sent elsewhere, as for a renamed repository, and the ones that follow go there.
    fn send(&mut self) -> io::Result<Box<dyn Read + Send>> {
        let shared = Arc::clone(&self.shared);
        let moved = shared.moved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut base = moved.unwrap_or_else(|| shared.url.clone());
        let mut response = self.ask(&base)?;
        for _ in 0..MAX_REDIRECTS {
            let Some(next) = redirection(&base, &response).filter(|_| self.advertises) else { break };
            base = next;
            response = self.ask(&base)?;
        }
        self.check(&base, &response)?;
        if base != shared.url {
            *shared.moved.lock().unwrap_or_else(PoisonError::into_inner) = Some(base);
        }
        Ok(Box::new(response.into_body().into_reader()))
    }

    fn ask(&mut self, base: &str) -> io::Result<Response<ureq::Body>> {
        let agent = &self.shared.agent;
        let response = if self.advertises {
            let mut request = agent.get(format!("{base}/info/refs?service={}", self.service));
            if let Some(value) = self.authorization(base) {
                request = request.header("Authorization", value.expose_secret());
            }
            request.call()
        } else {
            let mut request = agent
                .post(format!("{base}/{}", self.service))
                .header("Content-Type", format!("application/x-{}-request", self.service))
                .header("Accept", format!("application/x-{}-result", self.service));
            if let Some(value) = self.authorization(base) {
                request = request.header("Authorization", value.expose_secret());
            }
            request.send(&std::mem::take(&mut self.request)[..])
        };
        response.map_err(|error| io::Error::other(error.to_string()))
    }

    /// The token is for the configured host and port only.
    fn authorization(&self, base: &str) -> Option<&SecretString> {
        self.shared.authorization.as_ref().filter(|_| authority(base) == authority(&self.shared.url))
    }

    fn check(&self, base: &str, response: &Response<ureq::Body>) -> io::Result<()> {
        let status = response.status().as_u16();
        let reason = match status {
            200 => None,
            401 if self.shared.authorization.is_none() => {
                Some("it asks for a token, and none is configured".to_owned())
            }
            401 if self.authorization(base).is_none() => {
                Some(format!("it asks for a token, and the configured one is for {} only", host(&self.shared.url)))
            }
            401 => Some("it refused the token (401)".to_owned()),
            403 => Some("the token may not do this (403)".to_owned()),
            404 => Some("there is no such repository, or the token may not see it (404)".to_owned()),
            other => Some(format!("it answered with status {other}")),
        };
        let kind = if self.advertises { "advertisement" } else { "result" };
        let wanted = format!("application/x-{}-{kind}", self.service);
        let got = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let reason = reason.or_else(|| (got != wanted).then(|| format!("it is no git server (it sent {got:?})")));
        match reason {
            Some(reason) => Err(io::Error::other(format!("{}: {reason}", host(base)))),
            None => Ok(()),
        }
    }
}

/// Where an answer sends the first request: as git does it, the path has to end as the one that was asked for.
fn redirection(base: &str, response: &Response<ureq::Body>) -> Option<String> {
    let location = response.headers().get("location").filter(|_| response.status().is_redirection())?.to_str().ok()?;
    let (next, _) = location.split_once("/info/refs?")?;
    if !next.starts_with('/') {
        return Some(next.to_owned());
    }
    let here: Uri = base.parse().ok()?;
    Some(format!("{}://{}{next}", here.scheme_str()?, here.authority()?))
}

fn authority(url: &str) -> String {
    url.parse::<Uri>().map(|uri| format!("{:?} {:?}", uri.scheme(), uri.authority())).unwrap_or_default()
}

fn host(url: &str) -> String {
    url.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_else(|| "the server".to_owned())
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.answer.is_none() {
            self.answer = Some(self.send()?);
        }
        self.answer.as_mut().map_or(Ok(0), |answer| answer.read(buffer))
    }
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.request.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
