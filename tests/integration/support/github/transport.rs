//! Git over smart HTTP: `git http-backend` on the real repositories, behind GitHub's rules of access.

use std::io::Write as _;
use std::process::Stdio;

use axum::body::Body;
use axum::http::Response;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::server::{Incoming, Shared};
use super::state::{Request, Token, World};
use crate::support::git::git;

/// What every repository refuses by itself: protected branches and, for Apps, workflow files.
/// `refused` in the repository's folder holds a reason to refuse all.
pub(crate) const PRE_RECEIVE: &str = r#"#!/bin/sh
if [ -f refused ]; then cat refused >&2; exit 1; fi
while read -r old new ref; do
  case " $DOUBLE_PROTECTED " in
    *" $ref "*) echo "error: GH006: Protected branch update failed for $ref." >&2; exit 1 ;;
  esac
  if [ "$DOUBLE_WORKFLOWS" = refused ] && git log --format= --name-only "$new" --not --all | grep -q '^.github/workflows/'; then
    echo "refusing to allow a GitHub App to create or update workflow without \`workflows\` permission" >&2; exit 1
  fi
done
"#;

/// Answers one request, and remembers it.
pub(crate) fn answer(shared: &Shared, incoming: &Incoming) -> Response<Body> {
    let path = incoming.uri.path();
    let service = if path.ends_with("/info/refs") {
        incoming.uri.query().unwrap_or_default().trim_start_matches("service=")
    } else {
        path.rsplit('/').next().unwrap_or_default()
    };
    let (status, response, bytes) = exchange(shared, incoming, service);
    shared.world().requests.push(Request {
        operation: service.to_owned(),
        method: incoming.method.to_string(),
        path: path.to_owned(),
        status,
        authorized: incoming.header("authorization").is_some(),
        bytes,
    });
    response
}

fn exchange(shared: &Shared, incoming: &Incoming, service: &str) -> (u16, Response<Body>, usize) {
    let path = incoming.uri.path();
    let (name, rest) = path.trim_start_matches('/').split_once(".git/").unwrap_or_default();
    let mut world = shared.world();
    if let Some(target) = world.moved.get(name).cloned() {
        let target = if target.contains("://") { target } else { format!("{}/{target}.git", shared.address) };
        if !path.ends_with("/info/refs") {
            world.breaches.push(format!("{path}: Git goes on where the first request was sent to"));
        }
        let query = incoming.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        let location = format!("{target}/{rest}{query}");
        let response = Response::builder().status(301).header("location", location).body(Body::empty());
        return (301, response.expect("response"), 0);
    }
    let (bare, token, protected) = match admitted(&world, incoming, name, service) {
        Ok(admitted) => admitted,
        Err((status, message)) => return (status, refusal(status, message), message.len()),
    };
    drop(world);
    let workflows = if token.as_ref().is_some_and(|token| token.is_app() && !token.may("workflows", "write")) {
        "refused"
    } else {
        "allowed"
    };
    let mut command = git();
    command
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", bare.parent().expect("folder"))
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", format!("/{}/{rest}", bare.file_name().expect("name").to_string_lossy()))
        .env("REQUEST_METHOD", incoming.method.as_str())
        .env("QUERY_STRING", incoming.uri.query().unwrap_or_default())
        .env("CONTENT_LENGTH", incoming.body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .env("REMOTE_USER", token.map(|token| token.login).unwrap_or_default())
        .env("DOUBLE_PROTECTED", protected)
        .env("DOUBLE_WORKFLOWS", workflows);
    let passed_on = [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
    ];
    for (header, variable) in passed_on {
        if let Some(value) = incoming.header(header) {
            command.env(variable, value);
        }
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("git http-backend");
    let (mut input, body) = (child.stdin.take().expect("stdin"), incoming.body.clone());
    let writer = std::thread::spawn(move || input.write_all(&body));
    let output = child.wait_with_output().expect("git http-backend").stdout;
    // a backend that refuses does not read to the end
    let _ = writer.join();
    let (status, response, bytes) = from_cgi(&output);
    (status, response, bytes)
}

type Admitted = (std::path::PathBuf, Option<Token>, String);

/// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
fn admitted(world: &World, incoming: &Incoming, name: &str, service: &str) -> Result<Admitted, (u16, &'static str)> {
    let decoded = incoming.header("authorization").map(|value| {
        let pair = value.strip_prefix("Basic ").and_then(|value| BASE64_STANDARD.decode(value).ok());
        pair.and_then(|pair| String::from_utf8(pair).ok()).unwrap_or_default()
    });
    let token = match decoded.as_deref().map(|pair| pair.split_once(':').unwrap_or_default()) {
        None => None,
        Some((user, token)) => {
            let token = world.token(token).filter(|token| user == "x-access-token" || !token.is_app());
            Some(token.ok_or((401, "Invalid username or token."))?)
        }
    };
    let seen = |private: bool, name: &str| !private || token.is_some_and(|token| token.sees(name));
    let repository = world.repository(name).filter(|repository| seen(repository.private, &repository.name));
    // somebody unknown is asked who they are, so that nothing is told about what is there
    let absent = if token.is_some() { 404 } else { 401 };
    let repository = repository.ok_or((absent, "Repository not found."))?;
    let is_push = service == "git-receive-pack";
    match token {
        None if is_push => return Err((401, "No anonymous write access.")),
        Some(token) if is_push && !token.may("contents", "write") => return Err((403, "Write access not granted.")),
        Some(token) if !is_push && repository.private && !token.may("contents", "read") => {
            return Err((403, "Read access not granted."));
        }
        _ => {}
    }
    let protected: Vec<_> = repository.protected.keys().map(|branch| format!("refs/heads/{branch}")).collect();
    Ok((repository.bare.path().to_path_buf(), token.cloned(), protected.join(" ")))
}

fn refusal(status: u16, message: &'static str) -> Response<Body> {
    let mut response = Response::builder().status(status).header("content-type", "text/plain");
    if status == 401 {
        response = response.header("www-authenticate", "Basic realm=\"GitHub\"");
    }
    response.body(Body::from(message)).expect("response")
}

/// Headers, an empty line and the body, as CGI programs write them.
fn from_cgi(output: &[u8]) -> (u16, Response<Body>, usize) {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").expect("git http-backend ends its headers");
    let (mut status, mut response) = (200, Response::builder());
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        match line.split_once(": ") {
            Some(("Status", value)) => status = value[..3].parse().expect("status"),
            Some((name, value)) => response = response.header(name, value),
            None => {}
        }
    }
    let body = output[end + 4..].to_vec();
    let bytes = body.len();
    (status, response.status(status).body(Body::from(body)).expect("response"), bytes)
}
