//! Requests to the GitHub API through octocrab, one try each: octocrab's own retries repeat writes whose answer was lost,
//! and so open things twice. Reads are tried again here; what became of a write is for the caller to look up.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use octocrab::models::{AppId, InstallationId};
use octocrab::service::middleware::retry::RetryConfig;
use octocrab::{DefaultOctocrabBuilderConfig, NoAuth, NoSvc, NotLayerReady, Octocrab, OctocrabBuilder};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::{GitHubAccess, GitHubSettings};
use crate::adapters::forge::ForgeError;

/// Pauses before a read is tried again.
const AGAIN: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3)];
/// <https://docs.github.com/en/rest/about-the-rest-api/api-versions>
const API_VERSION: &str = "2022-11-28";

/// The API of one forge with one identity.
#[derive(Debug)]
pub(super) struct Client {
    octocrab: Octocrab,
    base_url: String,
    access: GitHubAccess,
    timeout: Duration,
    write_pause: Duration,
    /// When the next write may start: GitHub asks for one second between writes, one after the other.
    next_write: Mutex<Instant>,
}

impl Client {
    pub(super) fn new(settings: &GitHubSettings) -> Result<Self, ForgeError> {
        let timeout = Duration::from_secs(settings.timeout_seconds);
        let base_url = settings.base_url.trim_end_matches('/');
        let builder = builder(base_url, timeout)?;
        let octocrab = match &settings.access {
            GitHubAccess::Token(token) => {
                builder.personal_token(token.clone()).build().map_err(|error| wrong(&error))?
            }
            GitHubAccess::App { app, installation, private_key } => {
                let app = builder
                    .app_from_rsa_pem(AppId(*app), private_key.expose_secret().as_bytes())
                    .map_err(|_| ForgeError::Refused("the App's private key is no RSA key in PEM form".to_owned()))?;
                let app = app.build().map_err(|error| wrong(&error))?;
                app.installation(InstallationId(*installation)).map_err(|error| wrong(&error))?
            }
        };
        Ok(Self {
            octocrab,
            base_url: base_url.to_owned(),
            access: settings.access.clone(),
            timeout,
            write_pause: settings.write_pause,
            next_write: Mutex::new(Instant::now()),
        })
    }

    /// A token for git over https.
    pub(super) async fn token(&self) -> Result<SecretString, ForgeError> {
        match &self.access {
            GitHubAccess::Token(token) => Ok(token.clone()),
            GitHubAccess::App { .. } => {
                // a long push must not outlive it
                let buffer = chrono::Duration::minutes(10);
                self.octocrab.installation_token_with_buffer(buffer).await.map_err(|error| wrong(&error))
            }
        }
    }

    /// Reads; a server that fails is asked three times.
    pub(super) async fn get(&self, route: &str) -> Result<Value, ForgeError> {
        for pause in AGAIN {
            match self.request(&self.octocrab, Method::GET, route, None).await {
                Err(ForgeError::Unavailable(_)) => sleep(pause).await,
                answered => return answered,
            }
        }
        self.request(&self.octocrab, Method::GET, route, None).await
    }

    /// Every page of a list. Pages are counted, not followed: the links of an Enterprise server lead past its own base.
    pub(super) async fn list(&self, route: &str) -> Result<Vec<Value>, ForgeError> {
        const PER_PAGE: usize = 100;
        let mut all = Vec::new();
        for page in 1.. {
            let separator = if route.contains('?') { '&' } else { '?' };
            match self.get(&format!("{route}{separator}per_page={PER_PAGE}&page={page}")).await? {
                Value::Array(items) => {
                    let last = items.len() < PER_PAGE;
                    all.extend(items);
                    if last {
                        break;
                    }
                }
                _ => return Err(ForgeError::Unavailable("GitHub answered a list with something else".to_owned())),
            }
        }
        Ok(all)
    }

    /// Writes, once. After [`ForgeError::Unavailable`] it may have happened or not.
    pub(super) async fn write(&self, method: Method, route: &str, body: &Value) -> Result<Value, ForgeError> {
        self.write_through(&self.octocrab, method, route, body).await
    }

    /// A mutation of GraphQL. An Enterprise server has it beside `/api/v3`, where octocrab cannot go from its base.
    pub(super) async fn mutate(&self, body: &Value) -> Result<Value, ForgeError> {
        let Some(api) = self.base_url.strip_suffix("/v3") else {
            return self.write(Method::POST, "/graphql", body).await;
        };
        let builder = builder(api, self.timeout)?.personal_token(self.token().await?);
        let octocrab = builder.build().map_err(|error| wrong(&error))?;
        self.write_through(&octocrab, Method::POST, "/graphql", body).await
    }

    async fn write_through(
        &self,
        octocrab: &Octocrab,
        method: Method,
        route: &str,
        body: &Value,
    ) -> Result<Value, ForgeError> {
        let mut next = self.next_write.lock().await;
        sleep_until(*next).await;
        let answered = self.request(octocrab, method, route, Some(body)).await;
        *next = Instant::now() + self.write_pause;
        answered
    }

    async fn request(
        &self,
        octocrab: &Octocrab,
        method: Method,
        route: &str,
        body: Option<&Value>,
    ) -> Result<Value, ForgeError> {
        let builder = http::request::Builder::new().method(method).uri(route);
        let request = octocrab.build_request(builder, body).map_err(|error| wrong(&error))?;
        let exchange = async {
            let response = octocrab.execute(request).await.map_err(|error| wrong(&error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let text = octocrab.body_to_string(response).await.map_err(|error| wrong(&error))?;
            Ok((status, headers, text))
        };
        let answered = tokio::time::timeout(self.timeout * 2, exchange).await;
        let (status, headers, text) =
            answered.unwrap_or_else(|_| Err(ForgeError::Unavailable("GitHub did not answer in time".to_owned())))?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() { Ok(body) } else { Err(refusal(status, &headers, &body)) }
    }
}

type Builder = OctocrabBuilder<NoSvc, DefaultOctocrabBuilderConfig, NoAuth, NotLayerReady>;

fn builder(base_url: &str, timeout: Duration) -> Result<Builder, ForgeError> {
    let builder = Octocrab::builder().base_uri(base_url).map_err(|error| wrong(&error))?;
    Ok(builder
        .add_retry_config(RetryConfig::None)
        .set_connect_timeout(Some(timeout))
        .set_read_timeout(Some(timeout))
        .set_write_timeout(Some(timeout))
        .add_header(http::header::HeaderName::from_static("x-github-api-version"), API_VERSION.to_owned()))
}

/// What an answer other than success means. <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api>
fn refusal(status: StatusCode, headers: &HeaderMap, body: &Value) -> ForgeError {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let message = explain(body);
    let limited = header("x-ratelimit-remaining") == Some("0")
        || header("retry-after").is_some()
        || message.to_lowercase().contains("rate limit");
    match status.as_u16() {
        403 | 429 if limited => ForgeError::Limited(message),
        401 => ForgeError::Refused(format!("the credentials were refused: {message}")),
        403 => {
            let needed = header("x-accepted-github-permissions").unwrap_or_default();
            let needed = if needed.is_empty() { String::new() } else { format!(" (it needs {needed})") };
            ForgeError::Refused(format!("{message}{needed}"))
        }
        404 => ForgeError::Refused("there is no such thing, or the credentials may not see it (404)".to_owned()),
        301 | 307 | 308 => ForgeError::Refused("the repository was renamed; name it as it is called now".to_owned()),
        409 | 410 | 422 | 400 | 405 => ForgeError::Refused(message),
        other => ForgeError::Unavailable(format!("GitHub answered with status {other}: {message}")),
    }
}

/// The message and the errors below it, which are texts or objects.
fn explain(body: &Value) -> String {
    let mut parts: Vec<String> = body["message"].as_str().map(str::to_owned).into_iter().collect();
    for error in body["errors"].as_array().into_iter().flatten() {
        let text = match error {
            Value::String(text) => text.clone(),
            object => match object["message"].as_str() {
                Some(message) => message.to_owned(),
                None => {
                    let word = |name: &str| object[name].as_str().unwrap_or_default();
                    format!("{} {} is {}", word("resource"), word("field"), word("code"))
                }
            },
        };
        parts.push(text);
    }
    parts.join(": ").chars().take(500).collect()
}

/// What failed before there was an answer. octocrab's own text is not used as it is: it may quote a whole request.
fn wrong(error: &octocrab::Error) -> ForgeError {
    match error {
        octocrab::Error::GitHub { source, .. } if source.status_code.is_client_error() => {
            ForgeError::Refused(format!("the credentials were refused: {}", source.message))
        }
        octocrab::Error::GitHub { source, .. } => ForgeError::Unavailable(source.message.clone()),
        other => {
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(inner) = cause {
                text = inner.to_string();
                cause = inner.source();
            }
            ForgeError::Unavailable(text.lines().next().unwrap_or_default().chars().take(300).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Limits are told from refusals, whichever of GitHub's ways they come in; a broken server is neither.
    #[test]
    fn answers_are_told_apart() {
        let kind = |status: u16, header: Option<(&'static str, &'static str)>, body: Value| {
            let mut headers = HeaderMap::new();
            if let Some((name, value)) = header {
                headers.insert(name, value.parse().expect("value"));
            }
            match refusal(StatusCode::from_u16(status).expect("status"), &headers, &body) {
                ForgeError::Limited(_) => "limited",
                ForgeError::Refused(_) => "refused",
                ForgeError::Unavailable(_) => "unavailable",
            }
        };
        let message = |text: &str| json!({ "message": text });
        assert_eq!(kind(403, Some(("x-ratelimit-remaining", "0")), message("x")), "limited");
        assert_eq!(kind(429, Some(("retry-after", "60")), message("x")), "limited");
        assert_eq!(kind(403, None, message("You have exceeded a secondary rate limit")), "limited");
        assert_eq!(kind(403, None, message("Resource not accessible by integration")), "refused");
        assert_eq!(kind(422, None, json!({ "message": "Validation Failed", "errors": ["no node"] })), "refused");
        assert_eq!(kind(502, None, Value::Null), "unavailable");
    }
}
