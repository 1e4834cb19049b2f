//! `trueup demo`, end to end.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::cli::Desk;

use super::files;

fn branches(desk: &Desk) -> Vec<(String, String)> {
    let repository = git2::Repository::open_bare(desk.path("demo/remote.git")).expect("the demo's remote");
    let references = repository.references_glob("refs/heads/*").expect("branches");
    let mut branches: Vec<_> = references
        .map(|reference| {
            let reference = reference.expect("branch");
            let name = reference.shorthand().expect("name").to_owned();
            (name, reference.peel_to_commit().expect("commit").id().to_string())
        })
        .collect();
    branches.sort();
    branches
}

/// One command, under ten seconds: drift of every kind, decisions, a branch with its diff, the pull request's text, and
/// where to look; all of it is there afterwards.
#[test]
fn the_whole_job() {
    let desk = Desk::new();
    let ran = desk.trueup(["demo", "--keep", "demo"]).run().exits(0);
    assert!(ran.took < Duration::from_secs(10), "{:?}", ran.took);
    assert_eq!(ran.stderr, "");
    for part in [
        "drift items in",
        // believable drift of every kind, each with its author where there is one
        "limits.memory",
        "kubectl-edit (person)",
        "is privileged",
        "docker.io instead of gcr.io",
        "spec.replicas",
        "kubectl (person, scale)",
        "data.FALLBACK_MODEL",
        "nvidia.com/gpu",
        "LEARNING_RATE",
        // decisions
        "restore_from_baseline (resource_limits_drift)",
        "update_to_standard (security_context_violation)",
        "alert_and_track (image_policy_violation)",
        // the pull request
        "branch  auto-remediation/demo/",
        "--- a/apps/",
        "+++ b/apps/",
        "@@ ",
        "title   Auto-remediation: ",
        "### If you merge",
        "### If you close",
        // what to try next
        "trueup run -c ",
        "trueup diff --declared",
    ] {
        assert!(ran.stdout.contains(part), "`{part}` is not in\n{}", ran.stdout);
    }
    let named: BTreeSet<_> = ran.stdout.lines().filter_map(|line| line.trim().strip_prefix("branch auto")).collect();
    let pushed = branches(&desk);
    let pushed: BTreeSet<_> = pushed.iter().filter_map(|(name, _)| name.strip_prefix("auto")).collect();
    assert_eq!(named, pushed, "the branches that are named are those that were pushed");
    let proposals = files(&desk.path("demo/pull-requests"));
    assert_eq!(proposals.len(), pushed.len());
    for (file, text) in proposals {
        let text = String::from_utf8(text).expect("UTF-8");
        assert!(text.contains("state: open") && text.contains("team_reviewers: platform-team"), "{file}:\n{text}");
    }
}

/// The suggested second run finds everything as it should be and changes nothing.
#[test]
fn a_second_run_changes_nothing() {
    let desk = Desk::new();
    let first = desk.trueup(["demo", "--keep", "demo"]).run().exits(0);
    let command = first.stdout.lines().find_map(|line| line.split_once("trueup run ")).expect("a suggestion").1;
    let before = (branches(&desk), files(&desk.path("demo/pull-requests")));
    let args = ["run"].into_iter().chain(command.split(' ')).chain(["-o", "json"]);
    let second = desk.trueup(args).run().exits(0).json();
    assert_eq!((branches(&desk), files(&desk.path("demo/pull-requests"))), before);
    let outcomes = second["summary"]["outcomes"].as_object().expect("outcomes");
    assert!(outcomes.contains_key("unchanged") && !outcomes.contains_key("created"), "{outcomes:?}");
}

/// The other suggestions work too: what was set aside, and the report for programs.
#[test]
fn its_suggestions_work() {
    let desk = Desk::new();
    let first = desk.trueup(["demo", "--keep", "demo"]).run().exits(0);
    let suggested: Vec<_> = first.stdout.lines().filter_map(|line| line.split_once("trueup scan ")).collect();
    assert_eq!(suggested.len(), 2);
    for (_, options) in suggested {
        let ran = desk.trueup(["scan"].into_iter().chain(options.split(' '))).run().exits(1);
        assert!(ran.stdout.contains("Ignored") || ran.json()["schema"] == "trueup.report/v1", "{}", ran.stdout);
    }
}

/// `-o json` and `-o markdown` print the report and nothing around it; a unit names each of its items once.
#[test]
fn it_prints_every_form() {
    let desk = Desk::new();
    let report = desk.trueup(["demo", "-o", "json"]).run().exits(0).json();
    for unit in report["units"].as_array().expect("units") {
        let items: Vec<_> = unit["items"].as_array().expect("items").iter().map(|item| item.as_u64()).collect();
        assert_eq!(items.iter().collect::<BTreeSet<_>>().len(), items.len(), "{unit}");
    }
    let markdown = desk.trueup(["demo", "-o", "markdown"]).run().exits(0);
    assert!(markdown.stdout.starts_with("## Drift of `demo`\n"), "{}", markdown.stdout);
}

/// A folder that holds something is left alone.
#[test]
fn it_overwrites_nothing() {
    let desk = Desk::new();
    desk.write("demo/mine.txt", "mine");
    let ran = desk.trueup(["demo", "--keep", "demo"]).run().exits(2);
    assert!(ran.stderr.contains("demo is not empty; name a new folder"), "{}", ran.stderr);
    assert_eq!(files(&desk.path("demo")).len(), 1);
}
