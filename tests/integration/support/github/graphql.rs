//! `/graphql`: documents and variables are held against GitHub's schema, answers are what the document selects.

use apollo_compiler::ast::OperationType;
use apollo_compiler::executable::{Field, SelectionSet};
use apollo_compiler::response::serde_json_bytes;
use apollo_compiler::{ExecutableDocument, request};
use serde_json::{Map, Value, json};

use super::contract::contract;
use super::json::merged_tree;
use super::reply::Reply;
use super::state::{Checks, Repo, Token, World};

/// Answers one request; a breach is added to the world's.
pub(crate) fn answer(world: &mut World, token: &Token, body: &Value) -> Reply {
    let schema = &contract().graphql;
    let text = body["query"].as_str().unwrap_or_default();
    let document = match ExecutableDocument::parse_and_validate(schema, text, "request") {
        Ok(document) => document,
        Err(errors) => return breach(world, errors.errors.to_string()),
    };
    let Ok(operation) = document.operations.get(None) else {
        return breach(world, "the request holds several operations and names none".to_owned());
    };
    let given = body["variables"].as_object().cloned().unwrap_or_default();
    let given = given.into_iter().map(|(name, value)| (name.into(), serde_json_bytes::Value::from(value))).collect();
    let variables = match request::coerce_variable_values(schema, operation, &given) {
        Ok(variables) => variables,
        Err(error) => return breach(world, error.message().to_string()),
    };
    let fields: Vec<_> = operation.selection_set.root_fields(&document).collect();
    let is_known = operation.operation_type == OperationType::Mutation && fields.len() == 1;
    let Some(field) = fields.first().filter(|field| is_known && field.name == "enablePullRequestAutoMerge") else {
        return breach(world, format!("the double has no answer for `{text}`"));
    };
    let input = input(field, &json!(*variables));
    match enable_auto_merge(world, token, &input) {
        Ok((repository, number)) => {
            let mut lacking = Vec::new();
            let data = select(&field.selection_set, &document, &repository, number, &mut lacking);
            world.breaches.extend(lacking);
            Reply::new(200, json!({ "data": { field.response_key().as_str(): data } }))
        }
        Err((kind, message)) => {
            let path = field.response_key().as_str();
            let error =
                json!({ "type": kind, "path": [path], "locations": [{ "line": 1, "column": 1 }], "message": message });
            Reply::new(200, json!({ "data": { path: null }, "errors": [error] }))
        }
    }
}

fn breach(world: &mut World, message: String) -> Reply {
    world.breaches.push(format!("graphql: {message}"));
    Reply::new(200, json!({ "errors": [{ "message": message, "locations": [], "path": [] }] }))
}

/// The argument `input` with its variables put in.
fn input(field: &Field, variables: &Value) -> Map<String, Value> {
    use apollo_compiler::ast::Value as Literal;
    let Some(Literal::Object(members)) = field.argument_by_name("input").ok().map(|value| &**value) else {
        return Map::new();
    };
    let value = |literal: &Literal| match literal {
        Literal::Variable(name) => variables[name.as_str()].clone(),
        Literal::String(text) => json!(text),
        Literal::Enum(name) => json!(name.as_str()),
        _ => Value::Null,
    };
    members.iter().map(|(name, literal)| (name.to_string(), value(literal))).collect()
}

/// https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/automatically-merging-a-pull-request
fn enable_auto_merge(
    world: &mut World,
    token: &Token,
    input: &Map<String, Value>,
) -> Result<(String, u64), (&'static str, String)> {
    let id = input.get("pullRequestId").and_then(Value::as_str).unwrap_or_default();
    let found = |repository: &&mut Repo| repository.pulls.iter().any(|pull| pull.node_id(repository.id) == id);
    let Some(repository) = world.repositories.iter_mut().find(found).filter(|each| token.sees(&each.name)) else {
        return Err(("NOT_FOUND", format!("Could not resolve to a node with the global id of '{id}'.")));
    };
    if !token.may("pull_requests", "write") || !token.may("contents", "write") {
        return Err(("FORBIDDEN", "Resource not accessible by integration".to_owned()));
    }
    let refused = |message: &str| Err(("UNPROCESSABLE", message.to_owned()));
    let (name, allowed, bare) = (repository.name.clone(), repository.allow_auto_merge, repository.bare.clone());
    let protected = repository.protected.clone();
    let repository_id = repository.id;
    let Some(pull) = repository.pulls.iter_mut().find(|pull| pull.node_id(repository_id) == id) else {
        return refused("Pull request is gone");
    };
    if !allowed {
        return refused("Pull request Auto merge is not allowed for this repository");
    }
    let Some(checks) = protected.get(&pull.base) else {
        return refused("Pull request Protected branch rules not configured for this branch");
    };
    let mergeable = merged_tree(&bare, &format!("refs/heads/{}", pull.base), &pull.head_commit).is_some();
    if *checks == Checks::Passed && mergeable {
        return refused("Pull request is in clean status");
    }
    if input.get("expectedHeadOid").and_then(Value::as_str).is_some_and(|head| head != pull.head_commit) {
        return refused("Head branch was modified. Review and try the merge again.");
    }
    pull.auto_merge = true;
    Ok((name, pull.number))
}

/// What a selection asks of the payload and its pull request.
fn select(
    selected: &SelectionSet,
    document: &ExecutableDocument,
    repository: &str,
    number: u64,
    lacking: &mut Vec<String>,
) -> Value {
    let mut shown = Map::new();
    for field in selected.root_fields(document) {
        let value = match field.name.as_str() {
            "pullRequest" => select(&field.selection_set, document, repository, number, lacking),
            "number" => json!(number),
            other => {
                lacking.push(format!("graphql: the double has no value for {other} of {repository}#{number}"));
                Value::Null
            }
        };
        shown.insert(field.response_key().to_string(), value);
    }
    Value::Object(shown)
}
