//! `--help`, `--version` and completions.

use std::io::Write as _;
use std::process::{Command, Stdio};

use clap::Parser as _;
use trueup::cli::Cli;

use super::COMMANDS;
use crate::support::cli::Desk;

/// Every command explains itself: what it does, an example, and the variable of every option.
#[test]
fn every_command_has_help() {
    let desk = Desk::new();
    let top = desk.trueup(["--help"]).run().exits(0).stdout;
    for command in COMMANDS {
        assert!(top.contains(&format!("  {command}")), "{command} is not in\n{top}");
        let help = desk.trueup([command, "--help"]).run().exits(0);
        assert_eq!(help.stderr, "");
        assert!(help.stdout.contains("Example:\n  "), "{command}: no example");
        let short = desk.trueup([command, "-h"]).run().exits(0);
        assert!(short.stdout.len() < help.stdout.len(), "{command}");
    }
    assert!(top.contains("Exit codes"));
    let scan = desk.trueup(["scan", "--help"]).run().exits(0).stdout;
    for part in ["--config", "TRUEUP_CONFIG", "--output", "table", "json", "markdown", "--all", "LOG_LEVEL"] {
        assert!(scan.contains(part), "{part} is not in\n{scan}");
    }
    let diff = desk.trueup(["diff", "--help"]).run().exits(0).stdout;
    assert!(diff.contains("--show-managed-fields") && diff.contains("--schemas"), "{diff}");
}

/// The examples of the help are commands that the program has, with options that it has.
#[test]
fn examples_parse() {
    let desk = Desk::new();
    for command in COMMANDS {
        let help = desk.trueup([command, "--help"]).run().exits(0).stdout;
        let examples = help.split("Example:\n").nth(1).expect("an example");
        let examples: Vec<_> = examples.lines().filter_map(|line| line.trim().strip_prefix("trueup ")).collect();
        assert!(!examples.is_empty(), "{command}");
        for example in examples {
            let words = example.split_whitespace().take_while(|word| !["|", ">", "<"].contains(word));
            if let Err(error) = Cli::try_parse_from(["trueup"].into_iter().chain(words)) {
                panic!("`trueup {example}` does not parse: {error}");
            }
        }
    }
}

/// The version is the crate's.
#[test]
fn version() {
    let ran = Desk::new().trueup(["--version"]).run().exits(0);
    assert_eq!(ran.stdout, format!("trueup {}\n", env!("CARGO_PKG_VERSION")));
}

/// Completions for the usual shells name every command; bash's is read by bash itself.
#[test]
fn completions() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = desk.trueup(["completions", shell]).run().exits(0).stdout;
        for word in COMMANDS.into_iter().chain(["declared", "log-level", "markdown"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let script = desk.trueup(["completions", "bash"]).run().exits(0).stdout;
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().expect("bash");
    bash.stdin.take().expect("stdin").write_all(script.as_bytes()).expect("written");
    assert!(bash.wait().expect("bash").success());
    desk.trueup(["completions", "tcsh"]).run().exits(2);
}
