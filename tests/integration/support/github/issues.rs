//! Labels, assignees and comments of pull requests, which the API keeps under issues.

use serde_json::{Value, json};

use super::contract::contract;
use super::json;
use super::pulls::too_long;
use super::reply::Reply;
use super::rest::Call;
use super::state::World;

const MAX_LABEL: usize = 50;
const MAX_LABELS: usize = 100;

pub(crate) fn add_labels(world: &mut World, call: &Call<'_>) -> Reply {
    let Some(pull) = call.repository(world).pull(call.number()) else { return Reply::not_found() };
    let given = call.body["labels"].as_array().or(call.body.as_array()).into_iter().flatten();
    let names: Vec<_> =
        given.filter_map(|label| label.as_str().or(label["name"].as_str())).map(str::to_owned).collect();
    if let Some(name) = names.iter().find(|name| name.chars().count() > MAX_LABEL) {
        return Reply::invalid(json!([{ "value": name, "resource": "Label", "field": "name", "code": "invalid" }]));
    }
    let mut labels = pull.labels.clone();
    for name in names {
        if !labels.iter().any(|label| label.eq_ignore_ascii_case(&name)) {
            labels.push(name);
        }
    }
    if labels.len() > MAX_LABELS {
        return Reply::refused("Issue", None, "issue cannot have more than 100 labels");
    }
    pull.labels = labels;
    Reply::new(200, json::labels(pull))
}

/// Whoever cannot be assigned is left out without a word.
pub(crate) fn add_assignees(world: &mut World, call: &Call<'_>) -> Reply {
    let repository = call.repository(world);
    let assignable = repository.collaborators.clone();
    let Some(pull) = repository.pull(call.number()) else { return Reply::not_found() };
    for login in call.texts("assignees") {
        if assignable.contains(&login) && !pull.assignees.contains(&login) {
            pull.assignees.push(login);
        }
    }
    let repository = world.by_id(call.repository);
    let pull = repository.pulls.iter().find(|pull| pull.number == call.number()).expect("seen above");
    Reply::new(201, json::issue(repository, pull, call.api))
}

pub(crate) fn create_comment(world: &mut World, call: &Call<'_>) -> Reply {
    if let Some(refusal) = too_long(call) {
        return refusal;
    }
    let Some(pull) = call.repository(world).pull(call.number()) else { return Reply::not_found() };
    let text = call.text("body").unwrap_or_default();
    pull.comments.push((call.token.login.clone(), text.to_owned()));
    let mut comment: Value = contract().least("issue-comment");
    comment["id"] = json!(pull.comments.len());
    comment["body"] = json!(text);
    comment["user"] = json::user(&call.token.login);
    Reply::new(201, comment)
}
