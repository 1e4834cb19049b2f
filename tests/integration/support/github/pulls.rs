//! Pull requests over REST, with GitHub's refusals.

use serde_json::{Value, json};

use super::json;
use super::reply::Reply;
use super::rest::Call;
use super::state::{PullRequest, Repo, World, now};
use crate::support::git::Bare;

const MAX_BODY: usize = 65_536;
const MAX_TITLE: usize = 256;

pub(crate) fn list(world: &mut World, call: &Call<'_>) -> Reply {
    let repository = world.by_id(call.repository);
    let state = call.query.get("state").map_or("open", String::as_str);
    let wanted = |pull: &&PullRequest| {
        let in_state = state == "all" || (state == "open") == pull.is_open();
        let of_head = call.query.get("head").and_then(|head| head.split_once(':')).is_none_or(|(owner, branch)| {
            // a filter without `owner:` is ignored: https://github.com/PyGithub/PyGithub/issues/1566
            owner.eq_ignore_ascii_case(world.by_id(pull.head_repository).owner()) && branch == pull.head
        });
        in_state && of_head && call.query.get("base").is_none_or(|base| *base == pull.base)
    };
    let newest_first = repository.pulls.iter().rev().filter(wanted);
    Reply::new(200, newest_first.map(|pull| json::pull_in_list(world, repository, pull, call.api)).collect())
}

pub(crate) fn get(world: &mut World, call: &Call<'_>) -> Reply {
    shown(world, call, 200)
}

fn shown(world: &World, call: &Call<'_>, status: u16) -> Reply {
    let repository = world.by_id(call.repository);
    match repository.pulls.iter().find(|pull| pull.number == call.number()) {
        Some(pull) => Reply::new(status, json::pull(world, repository, pull, call.api)),
        None => Reply::not_found(),
    }
}

pub(crate) fn create(world: &mut World, call: &Call<'_>) -> Reply {
    let invalid =
        |field: &str| Reply::invalid(json!([{ "resource": "PullRequest", "field": field, "code": "invalid" }]));
    let (head, base) = (call.text("head").unwrap_or_default(), call.text("base").unwrap_or_default());
    let (owner, branch) = head.split_once(':').unwrap_or((world.by_id(call.repository).owner(), head));
    let short_name = |repository: &Repo| repository.name.split('/').next_back().map(str::to_owned);
    let name = short_name(world.by_id(call.repository));
    let head_repository = world.repositories.iter().find(|each| {
        each.id == call.repository && each.owner() == owner || each.owner() == owner && short_name(each) == name
    });
    let Some(head_commit) = head_repository.and_then(|repository| repository.bare.head(branch)) else {
        return invalid("head");
    };
    let head_repository = head_repository.map(|repository| repository.id).unwrap_or_default();
    let new = PullRequest {
        number: 0,
        author: call.token.login.clone(),
        head_repository,
        head: branch.to_owned(),
        head_commit,
        base: base.to_owned(),
        title: call.text("title").unwrap_or_default().to_owned(),
        body: call.text("body").map(str::to_owned),
        draft: call.body["draft"] == true,
        closed_at: None,
        merged_at: None,
        merge_commit: None,
        reviewers: Vec::new(),
        teams: Vec::new(),
        reviews: Vec::new(),
        labels: Vec::new(),
        assignees: Vec::new(),
        auto_merge: false,
        comments: Vec::new(),
    };
    if new.title.trim().is_empty() {
        return Reply::invalid(json!([{ "resource": "PullRequest", "code": "missing_field", "field": "title" }]));
    }
    if world.by_id(call.repository).bare.head(base).is_none() {
        return invalid("base");
    }
    if let Some(refusal) = too_long(call) {
        return refusal;
    }
    match open(world, call.repository, new) {
        Ok(number) => {
            let repository = world.by_id(call.repository);
            let pull = repository.pulls.iter().find(|pull| pull.number == number).expect("just opened");
            Reply::new(201, json::pull(world, repository, pull, call.api))
        }
        Err(refusal) => refusal,
    }
}

/// Opens a pull request, unless its branches do not allow it.
pub(crate) fn open(world: &mut World, id: u64, mut new: PullRequest) -> Result<u64, Reply> {
    let owner = world.by_id(new.head_repository).owner().to_owned();
    let from = world.by_id(new.head_repository).bare.path().display().to_string();
    let repository = world.by_id_mut(id);
    let is_same = |pull: &PullRequest| {
        pull.is_open() && pull.head_repository == new.head_repository && pull.head == new.head && pull.base == new.base
    };
    if repository.pulls.iter().any(is_same) {
        let message = format!("A pull request already exists for {owner}:{}.", new.head);
        return Err(Reply::refused("PullRequest", None, &message));
    }
    new.number = repository.pulls.last().map_or(1, |pull| pull.number + 1);
    if new.head_repository != id {
        repository.bare.git(&["fetch", "--quiet", &from, &new.head_commit]);
    }
    let commits = format!("refs/heads/{}..{}", new.base, new.head_commit);
    if repository.bare.git(&["rev-list", "--count", &commits]) == "0" {
        let message = format!("No commits between {} and {}", new.base, new.head);
        return Err(Reply::refused("PullRequest", None, &message));
    }
    if new.draft && !repository.drafts {
        let message = "Draft pull requests are not supported in this repository.";
        return Err(Reply::message(422, message));
    }
    repository.bare.git(&["update-ref", &format!("refs/pull/{}/head", new.number), &new.head_commit]);
    let number = new.number;
    repository.pulls.push(new);
    Ok(number)
}

pub(crate) fn update(world: &mut World, call: &Call<'_>) -> Reply {
    if let Some(refusal) = too_long(call) {
        return refusal;
    }
    let Some(pull) = call.repository(world).pull(call.number()) else { return Reply::not_found() };
    if let Some(title) = call.text("title") {
        title.clone_into(&mut pull.title);
    }
    if let Some(body) = call.text("body") {
        pull.body = Some(body.to_owned());
    }
    match call.text("state") {
        Some("closed") if pull.is_open() => pull.closed_at = Some(now()),
        Some("open") if pull.is_merged() => {
            return Reply::invalid(json!([{
                "resource": "PullRequest", "field": "state", "code": "invalid", "message": "state cannot be changed."
            }]));
        }
        Some("open") => pull.closed_at = None,
        _ => {}
    }
    shown(world, call, 200)
}

pub(crate) fn merge(world: &mut World, call: &Call<'_>) -> Reply {
    let repository = call.repository(world);
    let bare = repository.bare.clone();
    let Some(pull) = repository.pull(call.number()) else { return Reply::not_found() };
    if pull.draft {
        return Reply::message(405, "Pull Request is still a draft");
    }
    if call.text("sha").is_some_and(|sha| sha != pull.head_commit) {
        return Reply::message(409, "Head branch was modified. Review and try the merge again.");
    }
    match merge_commit(&bare, pull) {
        Some(commit) => {
            Reply::new(200, json!({ "sha": commit, "merged": true, "message": "Pull Request successfully merged" }))
        }
        None => Reply::message(405, "Pull Request is not mergeable"),
    }
}

/// Merges with a commit of its own; None where it is closed or conflicts.
pub(crate) fn merge_commit(bare: &Bare, pull: &mut PullRequest) -> Option<String> {
    let base = format!("refs/heads/{}", pull.base);
    let tree = json::merged_tree(bare, &base, &pull.head_commit).filter(|_| pull.is_open())?;
    let message = format!("Merge pull request #{} from {}", pull.number, pull.head);
    let commit = bare.git(&["commit-tree", &tree, "-p", &base, "-p", &pull.head_commit, "-m", &message]);
    bare.git(&["update-ref", &base, &commit]);
    (pull.closed_at, pull.merged_at) = (Some(now()), Some(now()));
    pull.merge_commit = Some(commit.clone());
    Some(commit)
}

pub(crate) fn list_reviews(world: &mut World, call: &Call<'_>) -> Reply {
    let Some(pull) = call.repository(world).pull(call.number()) else { return Reply::not_found() };
    let review = |login: &String| {
        let mut review = super::contract::contract().least("pull-request-review");
        review["user"] = json::user(login);
        review["state"] = json!("COMMENTED");
        review
    };
    Reply::new(200, pull.reviews.iter().map(review).collect())
}

pub(crate) fn request_reviewers(world: &mut World, call: &Call<'_>) -> Reply {
    let (people, teams) = (call.texts("reviewers"), call.texts("team_reviewers"));
    let repository = call.repository(world);
    let known = people.iter().all(|login| repository.collaborators.contains(login))
        && teams.iter().all(|team| repository.teams.contains(team));
    let name = repository.name.clone();
    let Some(pull) = repository.pull(call.number()) else { return Reply::not_found() };
    // https://github.com/github/docs/issues/35057
    if !teams.is_empty() && call.token.is_app() && !call.token.may("members", "read") {
        return Reply::invalid(json!(["Could not resolve to a node with the global id of 'T_kwDOAAAAAA'."]));
    }
    if people.contains(&pull.author) {
        return Reply::message(422, "Review cannot be requested from pull request author.");
    }
    if !known {
        return Reply::message(
            422,
            &format!(
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not \
                 a collaborator of the {name} repository."
            ),
        );
    }
    for (asked, new) in [(&mut pull.reviewers, people), (&mut pull.teams, teams)] {
        for name in new {
            if !asked.contains(&name) {
                asked.push(name);
            }
        }
    }
    let repository = world.by_id(call.repository);
    let pull = repository.pulls.iter().find(|pull| pull.number == call.number()).expect("seen above");
    Reply::new(201, json::pull_in_list(world, repository, pull, call.api))
}

/// Limits that the description tells in words or not at all.
pub(crate) fn too_long(call: &Call<'_>) -> Option<Reply> {
    for (field, maximum) in [("body", MAX_BODY), ("title", MAX_TITLE)] {
        if call.body.get(field).and_then(Value::as_str).is_some_and(|text| text.chars().count() > maximum) {
            let message = format!("{field} is too long (maximum is {maximum} characters)");
            return Some(Reply::refused("Issue", Some(field), &message));
        }
    }
    None
}
