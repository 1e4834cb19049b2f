//! The documents are true: their commands parse, their configuration loads.

use clap::Parser;
use trueup::cli::Cli;
use trueup::config::{self, Locations};

fn document(name: &str) -> String {
    std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).expect(name)
}

fn readme() -> String {
    document("README.md")
}

/// The fenced blocks of one language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let opening = format!("```{language}\n");
    text.split(&opening).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// Every `trueup …` line is a command that the program has, with options that it has.
#[test]
fn commands_parse() {
    let mut commands = 0;
    let text = readme() + &document("deploy/README.md");
    for line in blocks(&text, "sh").iter().flat_map(|block| block.lines()) {
        let line = line.split('#').next().unwrap_or_default().replace("cargo run --release --", "trueup");
        let words: Vec<_> = line.split_whitespace().collect();
        if words.first() != Some(&"trueup") {
            continue;
        }
        commands += 1;
        if let Err(error) = Cli::try_parse_from(&words) {
            panic!("`{line}` does not parse: {error}");
        }
    }
    assert!(commands >= 9, "only {commands} commands were found");
}

/// The configuration of the README loads without a warning.
#[test]
fn configuration_loads() {
    let folder = tempfile::tempdir().expect("folder");
    let blocks = blocks(&readme(), "yaml");
    assert!(!blocks.is_empty());
    for block in blocks {
        let file = folder.path().join("trueup.yaml");
        std::fs::write(&file, block).expect("write");
        let locations = Locations { file: Some(file), ..Locations::default() };
        let env = |name: &str| (name == "GITHUB_TOKEN").then(|| "a-token".to_owned());
        let loaded = config::load(&locations, &env).expect("the README's configuration is valid");
        assert_eq!(loaded.warnings, []);
    }
}

/// Make targets that the README names exist.
#[test]
fn make_targets_exist() {
    let makefile = std::fs::read_to_string(format!("{}/Makefile", env!("CARGO_MANIFEST_DIR"))).expect("Makefile");
    for line in blocks(&readme(), "sh").iter().flat_map(|block| block.lines()).filter(|line| line.starts_with("make "))
    {
        let target = line.split_whitespace().nth(1).expect("target");
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}
