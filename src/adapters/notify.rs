//! Alerts: one POST for each cycle that found high or critical drift. A failed alert is a problem of the run, never its
//! end, and the address (which is a secret by itself) reaches no log and no error.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};

use crate::domain::drift::{Aspect, ChangedBy, DriftItem, DriftKind, Severity, Verdict};
use crate::domain::outcome::{Outcome, RunReport};
use crate::domain::policy::{ActionType, Policy};
use crate::domain::printable;
use crate::domain::problem::{Level, Problem};
use crate::domain::resource::ResourceId;

/// Items in one alert; the rest is counted.
const ITEMS: usize = 50;
/// Columns that a text from outside may take in an alert.
const TEXT: usize = 300;
/// Time for the whole exchange.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What an alert says; its JSON is `trueup.alert/v1`.
#[derive(Debug, Clone, Serialize)]
pub struct Alert {
    schema: &'static str,
    /// One sentence, so that chat webhooks show something; it quotes nothing from manifests or the cluster.
    text: String,
    cluster: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    /// The same as long as the same drift is there, so that a receiver can tell news from repetition.
    dedup_key: String,
    summary: AlertSummary,
    /// Every channel that a policy of these items names.
    alert_channels: Vec<String>,
    items: Vec<AlertItem>,
    /// Items that are not listed.
    omitted: usize,
}

#[derive(Debug, Clone, Serialize)]
struct AlertSummary {
    critical: usize,
    high: usize,
    items: usize,
    score: f64,
    complete: bool,
}

#[derive(Debug, Clone, Serialize)]
struct AlertItem {
    resource: ResourceId,
    path: String,
    drift: DriftKind,
    verdict: Verdict,
    drift_type: Aspect,
    severity: Severity,
    /// What Git declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// What the cluster holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by: Option<ChangedBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<ActionType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    alert_channels: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<String>,
    fingerprint: String,
}

impl Alert {
    /// The alert of a run: its high and critical items and those whose policy says `alert_and_track`, without those
    /// that a policy ignores. None if there is nothing of that kind.
    pub fn of(report: &RunReport, environment: Option<&str>, policies: &[Policy]) -> Option<Self> {
        let told: Vec<usize> = (0..report.items.len()).filter(|&index| is_told(report, index)).collect();
        if told.is_empty() {
            return None;
        }
        let count = |severity| told.iter().filter(|&&index| report.items[index].severity == severity).count();
        let (critical, high) = (count(Severity::Critical), count(Severity::High));
        let mut channels: Vec<String> = told.iter().flat_map(|&index| channels(report, index, policies)).collect();
        channels.sort();
        channels.dedup();
        Some(Self {
            schema: "trueup.alert/v1",
            text: format!(
                "trueup: {critical} critical and {high} high drift items in cluster {}",
                printable::visible(&report.cluster)
            ),
            cluster: report.cluster.clone(),
            environment: environment.map(str::to_owned),
            started_at: report.started_at.clone(),
            commit: report.commit.clone(),
            dedup_key: dedup_key(told.iter().map(|&index| &*report.items[index].fingerprint)),
            summary: AlertSummary {
                critical,
                high,
                items: report.items.len(),
                score: (report.score * 10_000.0).round() / 10_000.0,
                complete: report.problems.iter().all(|problem| problem.level < Level::Error),
            },
            alert_channels: channels,
            items: told.iter().take(ITEMS).map(|&index| item(report, index, policies)).collect(),
            omitted: told.len().saturating_sub(ITEMS),
        })
    }
}

fn is_told(report: &RunReport, index: usize) -> bool {
    match report.decisions.get(index).and_then(|decision| decision.action) {
        Some(ActionType::Ignore) => false,
        Some(ActionType::AlertAndTrack) => true,
        _ => report.items[index].is_high_priority(),
    }
}

fn channels(report: &RunReport, index: usize, policies: &[Policy]) -> Vec<String> {
    let policy = report.decisions.get(index).and_then(|decision| policies.get(decision.policy?));
    policy.map(|policy| policy.alert_channels.clone()).unwrap_or_default()
}

fn dedup_key<'f>(fingerprints: impl Iterator<Item = &'f str>) -> String {
    let mut sorted: Vec<&str> = fingerprints.collect();
    sorted.sort_unstable();
    let digest = Sha256::digest(sorted.join("\n").as_bytes());
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn item(report: &RunReport, index: usize, policies: &[Policy]) -> AlertItem {
    let item = &report.items[index];
    let decision = report.decisions.get(index);
    let unit = report.units.iter().find(|unit| unit.items.contains(&index));
    AlertItem {
        resource: item.resource.clone(),
        path: bounded(&item.path.to_string()),
        drift: item.drift,
        verdict: item.verdict,
        drift_type: item.aspect,
        severity: item.severity,
        from: side(item, item.declared.as_ref()),
        to: side(item, item.live.as_ref()),
        meaning: item.meaning.as_deref().map(bounded),
        changed_by: item.changed_by.as_ref().map(|by| ChangedBy {
            manager: bounded(&by.manager),
            class: by.class,
            operation: bounded(&by.operation),
            subresource: by.subresource.as_deref().map(bounded),
            at: by.at.as_deref().map(bounded),
        }),
        action: decision.and_then(|decision| decision.action),
        policy: decision.and_then(|decision| decision.policy_name.clone()),
        alert_channels: channels(report, index, policies),
        outcome: unit.map(|unit| unit.outcome),
        pull_request: unit.and_then(|unit| unit.url.clone()),
        fingerprint: item.fingerprint.clone(),
    }
}

/// A value as text; a whole resource only says that it is there.
fn side(item: &DriftItem, value: Option<&serde_json::Value>) -> Option<String> {
    value.map(|value| if item.path.is_root() { "(present)".to_owned() } else { bounded(&printable::value(value)) })
}

fn bounded(text: &str) -> String {
    printable::shorten(&printable::visible(text), TEXT).into_owned()
}

/// Why an alert did not arrive. No variant holds the address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AlertError {
    /// The address is no `https://` address, nor `http://` on this machine.
    #[error("the alert webhook must be an https:// address (http:// only on this machine)")]
    Address,
    /// The receiver answered, but not with success.
    #[error("the alert webhook answered with status {0}")]
    Status(u16),
    /// The receiver did not answer in time.
    #[error("the alert webhook did not answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    /// No answer came.
    #[error("the alert webhook could not be reached: {0}")]
    Unreachable(&'static str),
}

impl From<AlertError> for Problem {
    fn from(error: AlertError) -> Self {
        Self::warning(error.to_string()).help("check the address of the alert webhook; the next cycle alerts again")
    }
}

/// Sends an alert, without retries: the next cycle alerts again as long as the drift is there.
pub async fn send(address: &SecretString, alert: &Alert) -> Result<(), AlertError> {
    let body = serde_json::to_vec(alert).map_err(|_| AlertError::Unreachable("the alert could not be written"))?;
    let address = address.clone();
    tokio::task::spawn_blocking(move || post(address.expose_secret(), &body))
        .await
        .unwrap_or(Err(AlertError::Unreachable("sending it broke off")))
}

/// Whether alerts may be sent to an address; the error does not hold it.
pub fn check(address: &SecretString) -> Result<(), AlertError> {
    target(address.expose_secret()).map(drop)
}

/// The address taken apart, and whether it is on this machine.
fn target(address: &str) -> Result<(Uri, bool), AlertError> {
    let uri: Uri = address.trim().parse().map_err(|_| AlertError::Address)?;
    let is_local = match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(host)) => is_loopback(host),
        (Some("http"), Some(host)) if is_loopback(host) => true,
        _ => return Err(AlertError::Address),
    };
    Ok((uri, is_local))
}

fn post(address: &str, body: &[u8]) -> Result<(), AlertError> {
    let (uri, is_local) = target(address)?;
    // NOTE: verified by the system's trust store, which honours SSL_CERT_FILE
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    let mut config = ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .user_agent(concat!("trueup/", env!("CARGO_PKG_VERSION")));
    if is_local {
        config = config.proxy(None);
    }
    let agent: ureq::Agent = config.build().into();
    let answer =
        agent.post(uri).header("content-type", "application/json").send(body).map_err(|error| reason(&error))?;
    let status = answer.status();
    if status.is_success() { Ok(()) } else { Err(AlertError::Status(status.as_u16())) }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What ureq says, in words that cannot hold the address.
fn reason(error: &ureq::Error) -> AlertError {
    use std::io::ErrorKind;
    AlertError::Unreachable(match error {
        ureq::Error::Timeout(_) => return AlertError::Timeout,
        ureq::Error::StatusCode(status) => return AlertError::Status(*status),
        ureq::Error::HostNotFound => "its host name is not known",
        ureq::Error::Rustls(rustls::Error::InvalidCertificate(_)) => "its certificate is not trusted",
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => "it does not speak TLS as it should",
        ureq::Error::Io(io) => match io.kind() {
            ErrorKind::ConnectionRefused => "the connection was refused",
            ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe => "the connection broke off",
            ErrorKind::TimedOut | ErrorKind::WouldBlock => return AlertError::Timeout,
            ErrorKind::InvalidData => "its certificate is not trusted, or it does not speak TLS",
            _ => "the connection failed",
        },
        _ => "the exchange failed",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only addresses over which nobody can listen in, and no error that quotes one.
    #[test]
    fn addresses_are_checked() {
        let cases = [
            ("http://hooks.example/T000/secret", AlertError::Address),
            ("ftp://127.0.0.1/secret", AlertError::Address),
            ("secret", AlertError::Address),
            ("https:///secret", AlertError::Address),
            ("http://127.0.0.1.evil.example/secret", AlertError::Address),
            ("http://localhost@evil.example/secret", AlertError::Address),
            ("http://127.0.0.1:1/secret", AlertError::Unreachable("the connection was refused")),
            ("http://[::1]:1/secret", AlertError::Unreachable("the connection was refused")),
            ("https://127.0.0.1:1/secret", AlertError::Unreachable("the connection was refused")),
        ];
        for (address, expected) in cases {
            let error = post(address, b"{}").expect_err(address);
            assert!(!format!("{error:?} {error}").contains("secret"));
            assert_eq!(error, expected, "{address}");
        }
    }
}
