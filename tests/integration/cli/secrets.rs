//! Canaries: values that must never be in anything that is printed, logged or written.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{CONFIG, files, remote};
use crate::support::cli::{Desk, Ran};

const DECLARED: &str = "canary-declared-4f1c";
const PLAIN: &str = "canary-stringdata-8a2e";
const LIVE: &str = "canary-live-77b0";
const APPLIED: &str = "canary-applied-d91c";
const BROKEN: &str = "canary-broken-30fa";
const TOKEN: &str = "canary-token-e4c7";
const HOOK: &str = "canary-hook-5d5d";
const KEY: &str = "canary-mask-key-91e3";
const ALL: [&str; 8] = [DECLARED, PLAIN, LIVE, APPLIED, BROKEN, TOKEN, HOOK, KEY];

fn manifest() -> String {
    format!(
        "# one Secret that Git and the cluster disagree on\napiVersion: v1\nkind: Secret\nmetadata: {{name: db, namespace: ml}}\ndata:\n  password: {}\nstringData:\n  url: postgresql://user:{PLAIN}@db/ml\n",
        BASE64_STANDARD.encode(DECLARED)
    )
}

fn live() -> String {
    let applied = serde_json::json!({"stringData": {"password": APPLIED}}).to_string();
    serde_json::json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "db", "namespace": "ml", "labels": {"by": "hand"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}},
        "data": {"password": BASE64_STANDARD.encode(LIVE), "extra": BASE64_STANDARD.encode(LIVE)},
    })
    .to_string()
}

/// No canary, plain or in base64, in this text.
#[track_caller]
fn clean(name: &str, text: &str) {
    for canary in ALL {
        for form in [canary.to_owned(), BASE64_STANDARD.encode(canary).trim_end_matches('=').to_owned()] {
            // the last characters of base64 depend on what follows
            let form = &form[..form.len() - 2];
            assert!(!text.contains(form), "{canary} is in {name}:\n{text}");
        }
    }
}

fn desk() -> Desk {
    let desk = Desk::new();
    let broken = format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: b}}\ndata: {{password: {BROKEN}, x: [}}\n");
    let no_base64 = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: c, namespace: ml}}\ndata: {{password: '{BROKEN}!'}}\n"
    );
    remote(&desk, &[("apps/db.yaml", &manifest()), ("apps/broken.yaml", &broken), ("apps/odd.yaml", &no_base64)]);
    desk.write("live.yaml", &live());
    // the shipped policies never touch a Secret; these try
    desk.write("policies.yaml", "remediation_policies:\n  - {name: all, action_type: restore_from_baseline}\n");
    let more = "secrets: {key_env: MASK_KEY}\npolicies: policies.yaml\n";
    desk.write(
        "trueup.yaml",
        &CONFIG.replace("cache: cache", "cache: cache, token_env: TOKEN").replace("forge:", &format!("{more}forge:")),
    );
    desk
}

fn run(desk: &Desk, args: &[&str]) -> Ran {
    let command = desk.trueup(args).env("TOKEN", TOKEN).env("MASK_KEY", KEY);
    let ran = command.env("ALERT_WEBHOOK_URL", format!("https://127.0.0.1:1/{HOOK}")).run();
    clean(&args.join(" "), &ran.everything());
    ran
}

/// Every command in every form, at the most talkative.
#[test]
fn nothing_is_printed_or_logged() {
    let desk = desk();
    for command in ["scan", "plan", "run"] {
        for form in ["table", "json", "markdown"] {
            let ran = run(&desk, &[command, "-o", form, "--all", "-vv"]);
            assert!(ran.stdout.contains("Secret") || ran.stdout.contains("db"), "{}", ran.stdout);
        }
    }
    // the canaries are where they should be: the drift was seen
    let report = run(&desk, &["plan", "-o", "json"]).json();
    let paths: Vec<_> = report["items"].as_array().expect("items").iter().map(|item| item["path"].as_str()).collect();
    assert!(paths.contains(&Some("data.password")), "{report:#}");
}

/// Nothing that is written outside of the clone: pull requests, snapshots.
#[test]
fn nothing_is_written() {
    let desk = desk();
    run(&desk, &["run"]);
    run(&desk, &["snapshot", "-o", "saved.jsonl"]);
    let written = [
        files(&desk.path("prs")),
        vec![("saved.jsonl".to_owned(), std::fs::read(desk.path("saved.jsonl")).expect("file"))],
    ];
    let written = written.concat();
    assert!(written.len() > 1, "no pull request was written");
    for (file, text) in written {
        clean(&file, &String::from_utf8(text).expect("UTF-8"));
    }
    run(&desk, &["scan", "--live", "saved.jsonl", "-o", "json", "-vv"]);
}

/// `diff`, on files as kubectl prints them.
#[test]
fn diff_masks_both_sides() {
    let desk = Desk::new();
    desk.write("db.yaml", &manifest());
    desk.write("live.json", &live());
    for form in ["table", "json", "markdown"] {
        let ran =
            run(&desk, &["diff", "--declared", "db.yaml", "--live", "live.json", "-o", form, "--all", "-vv"]).exits(1);
        assert!(ran.stdout.contains("data.password"), "{}", ran.stdout);
    }
}

/// Mistakes in the configuration are told without what they hold.
#[test]
fn mistakes_are_told_without_values() {
    let desk = desk();
    desk.write("trueup.yaml", &format!("repository:\n  url: https://ada:{TOKEN}@git.example/c\nsources: [{{name: a}}]\nalerts: {{webhook_url: https://x.example/{HOOK}}}\n"));
    let ran = run(&desk, &["scan"]).exits(2);
    assert!(ran.stderr.contains("holds credentials"), "{}", ran.stderr);
}
