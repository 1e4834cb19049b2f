//! The REST operations: who may, and which function answers.

use std::collections::BTreeMap;

use serde_json::Value;

use super::contract::{Operation, PathValues};
use super::reply::Reply;
use super::state::{Repo, Token, World};
use super::{issues, json, pulls};

/// One request that the description accepts, by somebody who is known.
pub(crate) struct Call<'c> {
    pub(crate) operation: &'c Operation,
    pub(crate) path: &'c PathValues,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Value,
    pub(crate) token: Token,
    /// The repository's id.
    pub(crate) repository: u64,
    /// Base of the API's own addresses.
    pub(crate) api: &'c str,
}

impl Call<'_> {
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body[name].as_str()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.body[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    pub(crate) fn number(&self) -> u64 {
        let number = self.path.get("pull_number").or_else(|| self.path.get("issue_number"));
        number.and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    pub(crate) fn repository<'w>(&self, world: &'w mut World) -> &'w mut Repo {
        world.by_id_mut(self.repository)
    }
}

/// Answers; None where the double has no answer, which is the test's fault.
pub(crate) fn answer(world: &mut World, call: &Call<'_>) -> Option<Reply> {
    if let Some(refusal) = forbidden(call) {
        return Some(refusal);
    }
    world.follow_branches(call.repository);
    Some(match call.operation.id.as_str() {
        "repos/get" => Reply::new(200, json::repository(call.repository(world), call.api)),
        "pulls/list" => pulls::list(world, call),
        "pulls/create" => pulls::create(world, call),
        "pulls/get" => pulls::get(world, call),
        "pulls/update" => pulls::update(world, call),
        "pulls/merge" => pulls::merge(world, call),
        "pulls/list-reviews" => pulls::list_reviews(world, call),
        "pulls/request-reviewers" => pulls::request_reviewers(world, call),
        "issues/add-labels" => issues::add_labels(world, call),
        "issues/add-assignees" => issues::add_assignees(world, call),
        "issues/create-comment" => issues::create_comment(world, call),
        _ => return None,
    })
}

/// The permissions of which one is needed: https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
fn forbidden(call: &Call<'_>) -> Option<Reply> {
    let level = if call.operation.method == "GET" { "read" } else { "write" };
    let needed: &[&str] = match call.operation.id.as_str() {
        "repos/get" => &["metadata"],
        "pulls/merge" => &["contents"],
        // labels, assignees and comments of pull requests may be written with either
        id if id.starts_with("issues/") => &["issues", "pull_requests"],
        _ => &["pull_requests"],
    };
    if needed.iter().any(|permission| call.token.may(permission, level)) {
        return None;
    }
    let wanted: Vec<_> = needed.iter().map(|permission| format!("{permission}={level}")).collect();
    let message = if call.token.is_app() {
        "Resource not accessible by integration"
    } else {
        "Resource not accessible by personal access token"
    };
    Some(Reply::message(403, message).with("x-accepted-github-permissions", &wanted.join("; ")))
}
