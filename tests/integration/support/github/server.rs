//! Requests in, answers out: identities, faults, renamed repositories, pages, and both directions held against GitHub's
//! description. Every connection of a test ends here, on a thread of its own, so that other processes can be served too.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use serde_json::{Value, json};

use super::contract::{Operation, PathValues, contract};
use super::faults::Fault;
use super::reply::Reply;
use super::rest::{self, Call};
use super::state::{Request, Token, World};
use super::{app, graphql, transport};

/// What the server's threads and the test share.
pub(crate) struct Shared {
    world: Mutex<World>,
    pub(crate) folder: tempfile::TempDir,
    /// `http://127.0.0.1:PORT`
    pub(crate) address: String,
    /// Where the API begins: nothing, or `/api/v3` of an Enterprise server.
    pub(crate) prefix: &'static str,
}

impl Shared {
    pub(crate) fn new(address: String, prefix: &'static str) -> Self {
        Self { world: Mutex::default(), folder: tempfile::tempdir().expect("folder"), address, prefix }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn api(&self) -> String {
        format!("{}{}", self.address, self.prefix)
    }
}

/// One request as it came.
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Incoming {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn bearer(&self) -> Option<&str> {
        let value = self.header("authorization")?;
        value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("token "))
    }

    fn query(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes()).into_owned().collect()
    }
}

/// The handler of everything.
pub(crate) async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let incoming = Incoming { method, uri, headers, body };
    let answered = tokio::task::spawn_blocking(move || {
        if incoming.uri.path().contains(".git/") {
            (transport::answer(&shared, &incoming), None)
        } else {
            api(&shared, &incoming)
        }
    });
    let (response, fault) = answered.await.expect("the double does not panic");
    match fault {
        Some(Fault::Silent(pause)) => {
            tokio::time::sleep(pause).await;
            response
        }
        Some(Fault::Dropped) => {
            // a length that is announced and a body that ends before it: the connection breaks
            let (parts, _) = response.into_parts();
            let broken = futures::stream::iter([Ok("{\"num"), Err(std::io::Error::other("connection dropped"))]);
            Response::from_parts(parts, Body::from_stream(broken))
        }
        _ => response,
    }
}

fn api(shared: &Shared, incoming: &Incoming) -> (Response<Body>, Option<Fault>) {
    let mut world = shared.world();
    let path = incoming.uri.path().to_owned();
    let route = route(shared, &world, &path);
    let found = route.as_deref().and_then(|route| contract().find(incoming.method.as_str(), route));
    let is_graphql = is_graphql(shared, &path);
    let operation = match &found {
        Some((operation, _)) => operation.id.clone(),
        None if is_graphql => "graphql".to_owned(),
        None => path.clone(),
    };
    let at = world.faults.iter().position(|(name, _)| *name == operation);
    let fault = at.and_then(|at| world.faults.remove(at)).map(|(_, fault)| fault);
    if fault == Some(Fault::TokenRevoked)
        && let Some(token) = incoming.bearer()
    {
        world.tokens.remove(token);
    }
    let mut reply = match fault.as_ref().and_then(Fault::instead) {
        Some(reply) => reply,
        None if is_graphql => graphql(&mut world, incoming),
        None => match found {
            Some((operation, path)) => described(shared, &mut world, incoming, operation, &path),
            None => {
                world.breaches.push(format!("{} {path}: no operation that the double carries", incoming.method));
                Reply::not_found()
            }
        },
    };
    if fault == Some(Fault::BadGatewayAfter) {
        reply = Fault::bad_gateway();
    }
    let text = reply.body.to_string();
    world.requests.push(Request {
        operation,
        method: incoming.method.to_string(),
        path,
        status: reply.status,
        authorized: incoming.header("authorization").is_some(),
        bytes: text.len(),
    });
    let used = world.requests.len();
    drop(world);
    let mut response = Response::builder()
        .status(reply.status)
        .header("content-type", "application/json; charset=utf-8")
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-used", used.to_string());
    if !reply.headers.iter().any(|(name, _)| *name == "x-ratelimit-remaining") {
        response = response.header("x-ratelimit-remaining", 5000_usize.saturating_sub(used).to_string());
    }
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    (response.body(Body::from(text)).expect("response"), fault)
}

/// The path below the API's base, with `/repositories/{id}` as `/repos/{owner}/{name}`.
fn route(shared: &Shared, world: &World, path: &str) -> Option<String> {
    let path = path.strip_prefix(shared.prefix)?;
    let Some(rest) = path.strip_prefix("/repositories/") else { return Some(path.to_owned()) };
    let (id, rest) = rest.split_once('/').map_or((rest, String::new()), |(id, rest)| (id, format!("/{rest}")));
    let repository = world.repositories.iter().find(|repository| repository.id.to_string() == id)?;
    Some(format!("/repos/{}{rest}", repository.name))
}

/// https://docs.github.com/en/enterprise-server@3.19/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint
fn is_graphql(shared: &Shared, path: &str) -> bool {
    path == if shared.prefix.is_empty() { "/graphql" } else { "/api/graphql" }
}

fn graphql(world: &mut World, incoming: &Incoming) -> Reply {
    let token = incoming.bearer().and_then(|token| world.token(token)).cloned();
    match (token, serde_json::from_slice(&incoming.body)) {
        (None, _) => Reply::message(401, "This endpoint requires you to be authenticated."),
        (Some(_), Err(_)) => Reply::message(400, "Problems parsing JSON"),
        (Some(token), Ok(body)) => graphql::answer(world, &token, &body),
    }
}

/// An operation of the description: its request and the answer are held against it.
fn described(
    shared: &Shared,
    world: &mut World,
    incoming: &Incoming,
    operation: &Operation,
    path: &PathValues,
) -> Reply {
    if let Err(refusal) = well_formed(world, incoming) {
        return refusal;
    }
    let query = incoming.query();
    let wrong = operation.check_request(path, &query, &incoming.body);
    if !wrong.is_empty() {
        world.breaches.extend(wrong.iter().map(|error| format!("{}: {error}", operation.id)));
        return Reply::message(422, &format!("Invalid request.\n\n{}", wrong.join("\n")));
    }
    let body: Value = serde_json::from_slice(&incoming.body).unwrap_or_default();
    let mut reply = if operation.id == "apps/create-installation-access-token" {
        app::create_token(world, path, incoming.bearer(), &body)
    } else {
        match identified(shared, world, incoming, path) {
            Err(refusal) => refusal,
            Ok((repository, token)) => {
                let query = query.iter().cloned().collect();
                let api = &shared.api();
                let call = Call { operation, path, query, body, token, repository, api };
                rest::answer(world, &call).unwrap_or_else(|| {
                    world.breaches.push(format!("the double has no answer for {}", operation.id));
                    Reply::message(501, "not in the double")
                })
            }
        }
    };
    let wrong = operation.check_reply(reply.status, &reply.body);
    world
        .breaches
        .extend(wrong.iter().map(|error| format!("the double itself, {} {}: {error}", operation.id, reply.status)));
    if reply.status == 200 && reply.body.is_array() && operation.method == "GET" {
        page(shared, world, incoming, path, &mut reply);
    }
    reply
}

/// What GitHub asks of every request: https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api
fn well_formed(world: &mut World, incoming: &Incoming) -> Result<(), Reply> {
    if incoming.header("user-agent").is_none_or(str::is_empty) {
        world.breaches.push("a request without User-Agent".to_owned());
        return Err(Reply::message(403, "Request forbidden by administrative rules."));
    }
    match incoming.header("x-github-api-version") {
        Some("2022-11-28") => Ok(()),
        // without it, a newer version becomes the default one day
        None => {
            world.breaches.push(format!("{} names no API version", incoming.uri));
            Ok(())
        }
        Some(other) => {
            world.breaches.push(format!("the API version {other} is not the one that was agreed on"));
            Err(Reply::message(400, "Unsupported API version"))
        }
    }
}

/// The repository and the identity; a renamed one leads on, an unseen one is not there.
fn identified(shared: &Shared, world: &World, incoming: &Incoming, path: &PathValues) -> Result<(u64, Token), Reply> {
    let token = incoming.bearer().and_then(|token| world.token(token));
    let token = token.ok_or_else(|| {
        let message = if incoming.bearer().is_some() { "Bad credentials" } else { "Requires authentication" };
        Reply::message(401, message)
    })?;
    let name = format!("{}/{}", path["owner"], path["repo"]);
    if let Some(new) = world.moved.get(&name).and_then(|new| world.repository(new)) {
        // recorded from GitHub: https://github.com/octokit/fixtures, scenario rename-repository
        let rest = incoming.uri.path_and_query().map_or("", |path| path.as_str());
        let rest = rest.strip_prefix(&format!("{}/repos/{name}", shared.prefix)).unwrap_or_default();
        let location = format!("{}/repositories/{}{rest}", shared.api(), new.id);
        let status = if incoming.method == Method::GET { 301 } else { 307 };
        let mut reply = Reply::message(status, "Moved Permanently").with("location", &location);
        reply.body["url"] = json!(location);
        return Err(reply);
    }
    let repository = world.repository(&name).filter(|repository| !repository.private || token.sees(&repository.name));
    let repository = repository.ok_or_else(Reply::not_found)?;
    Ok((repository.id, token.clone()))
}

/// One page of a list, and links to the others by the repository's id, as GitHub writes them.
fn page(shared: &Shared, world: &World, incoming: &Incoming, path: &PathValues, reply: &mut Reply) {
    let Value::Array(all) = &reply.body else { return };
    let query: BTreeMap<_, _> = incoming.query().into_iter().collect();
    let number = |name: &str, default: usize| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (size, current) = (number("per_page", 30), number("page", 1));
    let last = all.len().div_ceil(size).max(1);
    let name = format!("{}/{}", path["owner"], path["repo"]);
    let id = world.repository(&name).map(|repository| repository.id).unwrap_or_default();
    let rest = incoming.uri.path().splitn(if shared.prefix.is_empty() { 5 } else { 7 }, '/').last().unwrap_or_default();
    let link = |page: usize, relation: &str| {
        let mut query = query.clone();
        query.insert("page".to_owned(), page.to_string());
        let query: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        format!("<{}/repositories/{id}/{rest}?{query}>; rel=\"{relation}\"", shared.api())
    };
    let mut links = Vec::new();
    if current < last {
        links.extend([link(current + 1, "next"), link(last, "last")]);
    }
    if current > 1 {
        links.extend([link(current - 1, "prev"), link(1, "first")]);
    }
    if !links.is_empty() {
        reply.headers.push(("link", links.join(", ")));
    }
    reply.body = all.iter().skip((current - 1) * size).take(size).cloned().collect();
}
