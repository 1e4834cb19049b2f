//! Repositories and pull requests as the API shows them: the least that the description accepts, with the real values
//! laid over it. What follows from branches is computed from the repository.

use serde_json::{Value, json};

use super::contract::contract;
use super::state::{PullRequest, Repo, World};
use crate::support::git::Bare;

pub(crate) fn user(login: &str) -> Value {
    let mut user = contract().least("simple-user");
    user["login"] = json!(login);
    user["type"] = json!(if login.ends_with("[bot]") { "Bot" } else { "User" });
    user
}

pub(crate) fn labels(pull: &PullRequest) -> Value {
    let label = |name: &String| {
        let mut label = contract().least("label");
        label["name"] = json!(name);
        label["color"] = json!("ededed");
        // GitHub sends null, which its description of lists does not allow
        label["description"] = json!("");
        label
    };
    pull.labels.iter().map(label).collect()
}

pub(crate) fn repository(repository: &Repo, api: &str) -> Value {
    let mut shown = contract().least("full-repository");
    let (owner, name) = repository.name.split_once('/').expect("owner/name");
    let values = [
        ("id", json!(repository.id)),
        ("name", json!(name)),
        ("full_name", json!(repository.name)),
        ("owner", user(owner)),
        ("private", json!(repository.private)),
        ("default_branch", json!(crate::support::git::MAIN)),
        ("allow_auto_merge", json!(repository.allow_auto_merge)),
        ("url", json!(format!("{api}/repos/{}", repository.name))),
    ];
    lay_over(&mut shown, values);
    shown
}

/// A pull request as lists and review requests show it.
pub(crate) fn pull_in_list(world: &World, repository: &Repo, pull: &PullRequest, api: &str) -> Value {
    let mut shown = contract().least("pull-request-simple");
    common(&mut shown, world, repository, pull, api);
    shown
}

/// A pull request on its own, with what follows from its branches.
pub(crate) fn pull(world: &World, repository: &Repo, pull: &PullRequest, api: &str) -> Value {
    let mut shown = contract().least("pull-request");
    common(&mut shown, world, repository, pull, api);
    let bare = &repository.bare;
    let base = format!("refs/heads/{}", pull.base);
    let count = |arguments: &[&str]| bare.ask(arguments).map_or(0, |text| text.lines().count());
    let clean = merged_tree(bare, &base, &pull.head_commit).is_some();
    let values = [
        ("merged", json!(pull.is_merged())),
        ("merge_commit_sha", json!(pull.merge_commit)),
        ("commits", json!(count(&["rev-list", &format!("{base}..{}", pull.head_commit)]))),
        ("changed_files", json!(count(&["diff", "--name-only", &format!("{base}...{}", pull.head_commit)]))),
        ("mergeable", json!(pull.is_open().then_some(clean))),
        ("mergeable_state", json!(if clean { "clean" } else { "dirty" })),
    ];
    lay_over(&mut shown, values);
    shown
}

pub(crate) fn issue(repository: &Repo, pull: &PullRequest, api: &str) -> Value {
    let mut shown = contract().least("issue");
    let values = [
        ("number", json!(pull.number)),
        ("title", json!(pull.title)),
        ("body", json!(pull.body)),
        ("state", json!(if pull.is_open() { "open" } else { "closed" })),
        ("user", user(&pull.author)),
        ("labels", labels(pull)),
        ("assignees", pull.assignees.iter().map(|login| user(login)).collect()),
        ("url", json!(format!("{api}/repos/{}/issues/{}", repository.name, pull.number))),
        ("html_url", json!(format!("{api}/{}/pull/{}", repository.name, pull.number))),
        ("pull_request", json!({ "url": null, "html_url": null, "diff_url": null, "patch_url": null })),
    ];
    lay_over(&mut shown, values);
    shown
}

/// The tree that merging would give; None where it conflicts.
pub(crate) fn merged_tree(bare: &Bare, base: &str, head: &str) -> Option<String> {
    bare.ask(&["merge-tree", "--write-tree", base, head])
}

fn common(shown: &mut Value, world: &World, repository: &Repo, pull: &PullRequest, api: &str) {
    let head_repository = world.by_id(pull.head_repository);
    let base_commit = repository.bare.head(&pull.base).unwrap_or_else(|| "0".repeat(40));
    let mut head = shown["head"].clone();
    end(&mut head, head_repository, &pull.head, &pull.head_commit);
    let mut base = shown["base"].clone();
    end(&mut base, repository, &pull.base, &base_commit);
    let team = |slug: &String| {
        let mut team = contract().least("team");
        lay_over(&mut team, [("slug", json!(slug)), ("name", json!(slug))]);
        team
    };
    let values = [
        ("id", json!(repository.id * 100_000 + pull.number)),
        ("node_id", json!(pull.node_id(repository.id))),
        ("number", json!(pull.number)),
        ("url", json!(format!("{api}/repos/{}/pulls/{}", repository.name, pull.number))),
        ("html_url", json!(format!("{api}/{}/pull/{}", repository.name, pull.number))),
        ("state", json!(if pull.is_open() { "open" } else { "closed" })),
        ("title", json!(pull.title)),
        ("body", json!(pull.body)),
        ("draft", json!(pull.draft)),
        ("user", user(&pull.author)),
        ("labels", labels(pull)),
        ("closed_at", json!(pull.closed_at)),
        ("merged_at", json!(pull.merged_at)),
        ("assignees", pull.assignees.iter().map(|login| user(login)).collect()),
        ("requested_reviewers", pull.reviewers.iter().map(|login| user(login)).collect()),
        ("requested_teams", pull.teams.iter().map(team).collect()),
        ("head", head),
        ("base", base),
    ];
    lay_over(shown, values);
}

fn end(shown: &mut Value, repository: &Repo, branch: &str, commit: &str) {
    let mut named = shown["repo"].clone();
    if named.is_null() {
        named = contract().least("repository");
    }
    let name = repository.name.split('/').next_back().unwrap_or_default();
    lay_over(
        &mut named,
        [("full_name", json!(repository.name)), ("name", json!(name)), ("owner", user(repository.owner()))],
    );
    let values = [
        ("label", json!(format!("{}:{branch}", repository.owner()))),
        ("ref", json!(branch)),
        ("sha", json!(commit)),
        ("user", user(repository.owner())),
        ("repo", named),
    ];
    lay_over(shown, values);
}

fn lay_over<const N: usize>(shown: &mut Value, values: [(&str, Value); N]) {
    for (name, value) in values {
        shown[name] = value;
    }
}
