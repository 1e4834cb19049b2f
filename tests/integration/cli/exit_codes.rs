//! What scripts build on: the exit codes, from real runs.

use super::{CONFIG, config_map, files, one_config_map, remote};
use crate::support::cli::Desk;

/// 0 nothing found, 1 drift found, 3 something could not be read, 2 no result: for every command that looks for drift.
#[test]
fn scan_and_plan() {
    for command in ["scan", "plan"] {
        one_config_map("calm").trueup([command]).run().exits(0);
        one_config_map("wild").trueup([command]).run().exits(1);

        let incomplete = one_config_map("calm");
        incomplete.write("live.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: ml}\n");
        let ran = incomplete.trueup([command]).run().exits(3);
        assert!(ran.stdout.contains("the result is incomplete"), "{}", ran.stdout);

        let broken = one_config_map("calm");
        broken.write("trueup.yaml", &CONFIG.replace("cluster:", "clutser:"));
        let ran = broken.trueup([command]).run().exits(2);
        assert!(
            ran.stderr.contains("trueup.yaml:1: unknown key `clutser` (did you mean `cluster`?)"),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stdout, "");

        let unreachable = one_config_map("calm");
        unreachable.write("trueup.yaml", &CONFIG.replace("remote.git", "nowhere.git"));
        let ran = unreachable.trueup([command]).run().exits(2);
        assert!(ran.stderr.starts_with("error: repository"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

/// `run` ends with 0 when the cycle was completed, whatever it found, else a CronJob would try every drift again.
#[test]
fn run() {
    let drifted = one_config_map("wild");
    let ran = drifted.trueup(["run"]).run().exits(0);
    assert!(ran.stdout.contains("created"), "{}", ran.stdout);
    assert_eq!(files(&drifted.path("prs")).len(), 1);
    one_config_map("calm").trueup(["run"]).run().exits(0);
    let unreachable = one_config_map("wild");
    unreachable.write("trueup.yaml", &CONFIG.replace("remote.git", "nowhere.git"));
    unreachable.trueup(["run"]).run().exits(2);
}

/// A dry run works everything out and leaves nothing behind: no branch, no pull request.
#[test]
fn dry_run() {
    for (args, variable) in [(&["run", "--dry-run"][..], None), (&["run"], Some(("TRUEUP_DRY_RUN", "true")))] {
        let desk = one_config_map("wild");
        let mut command = desk.trueup(args);
        if let Some((name, value)) = variable {
            command = command.env(name, value);
        }
        let remote = files(&desk.path("remote.git"));
        let ran = command.run().exits(0);
        assert!(ran.stdout.contains("planned") && ran.stdout.contains("auto-remediation/"), "{}", ran.stdout);
        assert_eq!(files(&desk.path("remote.git")), remote);
        assert!(!desk.path("prs").exists());
    }
}

/// `daemon` needs a schedule and says so.
#[test]
fn daemon_without_a_schedule() {
    let ran = one_config_map("calm").trueup(["daemon"]).run().exits(2);
    assert!(ran.stderr.contains("has no `schedule`"), "{}", ran.stderr);
}

/// `snapshot` ends with 3 where a kind could not be read, and what it wrote can be scanned in place of the cluster.
#[test]
fn snapshot() {
    let desk = one_config_map("wild");
    desk.trueup(["snapshot", "-o", "saved.jsonl"]).run().exits(0);
    let scanned = desk.trueup(["scan", "--live", "saved.jsonl", "-o", "json"]).run().exits(1).json();
    assert_eq!(scanned["items"][0]["path"], "data.mode");
    desk.write("live.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: ml}\n");
    desk.trueup(["snapshot", "-o", "incomplete.jsonl"]).run().exits(3);
    let ran = desk.trueup(["scan", "--live", "incomplete.jsonl"]).run().exits(3);
    assert!(ran.stdout.contains("could not be listed when the snapshot was taken"), "{}", ran.stdout);
    desk.write("trueup.yaml", "repository: {}\n");
    desk.trueup(["snapshot", "-o", "x.jsonl"]).run().exits(2);
    assert!(!desk.path("x.jsonl").exists());
}

/// `diff` has the same codes without a configuration.
#[test]
fn diff() {
    let desk = Desk::new();
    desk.write("declared/settings.yaml", &config_map("calm"));
    desk.write("same.yaml", &config_map("calm"));
    desk.write("other.yaml", &config_map("wild"));
    let diff = |declared: &str, live: &str| desk.trueup(["diff", "--declared", declared, "--live", live]).run();
    diff("declared", "same.yaml").exits(0);
    diff("declared", "other.yaml").exits(1);
    diff("declared", "nowhere.yaml").exits(2);
    desk.trueup(["diff", "--declared", "declared"]).run().exits(2);
    desk.write("declared/broken.yaml", "kind: [\n");
    let ran = diff("declared", "same.yaml").exits(3);
    assert!(ran.stdout.contains("declared/broken.yaml:1: "), "{}", ran.stdout);
}

/// A source of which a file is broken is reported and incomplete, and the rest of it is compared all the same.
#[test]
fn one_broken_file() {
    let desk = Desk::new();
    remote(&desk, &[("apps/a.yaml", &config_map("calm")), ("apps/b.yaml", "kind: {\n")]);
    desk.write("live.yaml", &config_map("wild"));
    desk.write("trueup.yaml", CONFIG);
    let report = desk.trueup(["scan", "-o", "json"]).run().exits(3).json();
    assert_eq!(report["items"].as_array().map(Vec::len), Some(1));
    assert_eq!((&report["problems"][0]["file"], &report["problems"][0]["line"]), (&"apps/b.yaml".into(), &1.into()));
}

/// Wrong usage is 2, and says what would be right.
#[test]
fn usage() {
    let desk = Desk::new();
    let ran = desk.trueup(["scna"]).run().exits(2);
    assert!(ran.stderr.contains("'scan'"), "{}", ran.stderr);
    desk.trueup(["scan", "--outptu", "json"]).run().exits(2);
    desk.trueup(["scan", "--output", "xml"]).run().exits(2);
    desk.trueup::<[&str; 0]>([]).run().exits(2);
    let ran = desk.trueup(["scan"]).run().exits(2);
    assert!(ran.stderr.contains("the configuration trueup.yaml cannot be read"), "{}", ran.stderr);
}

/// Options come from the environment too, and the command line wins over it.
#[test]
fn options_from_the_environment() {
    let desk = one_config_map("wild");
    std::fs::rename(desk.path("trueup.yaml"), desk.path("mine.yaml")).expect("renamed");
    let scan = |args: &[&str]| desk.trueup(args).env("TRUEUP_CONFIG", "mine.yaml").env("TRUEUP_OUTPUT", "json").run();
    assert_eq!(scan(&["scan"]).exits(1).json()["schema"], "trueup.report/v1");
    assert!(scan(&["scan", "-o", "markdown"]).exits(1).stdout.starts_with("## Drift of"));
    let logged = |level: &str| desk.trueup(["run", "-c", "mine.yaml"]).env("LOG_LEVEL", level).run().exits(0).stderr;
    assert!(logged("info").contains("INFO"));
    assert_eq!(logged("ERROR"), "");
}
