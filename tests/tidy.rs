//! The rules of the house that no compiler keeps: directions between modules, file sizes, paths in the documents.

#![allow(clippy::disallowed_methods, reason = "reads the source")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()) {
        if entry.is_dir() {
            found.extend(files(&entry, ending));
        } else if entry.to_string_lossy().ends_with(ending) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

/// Every Rust file below `src` with its path relative to it and its production lines (what stands before `mod tests`).
fn sources() -> Vec<(String, String)> {
    let src = root().join("src");
    let relative = |path: &Path| path.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
    let production = |text: String| text.split("\n#[cfg(test)]\n").next().unwrap_or_default().to_owned();
    files(&src, ".rs")
        .iter()
        .map(|path| (relative(path), production(fs::read_to_string(path).expect("file"))))
        .collect()
}

/// The first folder or file below `src` that a path belongs to.
fn area(path: &str) -> String {
    path.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned()
}

/// `crate::` edges go only as ARCHITECTURE.md says, and the areas form no cycle.
#[test]
fn modules_know_only_what_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("domain", &["domain"] as &[_]),
        ("adapters", &["adapters", "domain", "config"]),
        ("config", &["config", "adapters", "domain", "schedule"]),
        ("prove", &["adapters", "domain"]),
        ("run", &["run", "prove", "adapters", "config", "domain"]),
        ("schedule", &["schedule", "domain"]),
        ("demo", &["run", "adapters", "config", "domain"]),
        ("cli", &["cli", "adapters", "domain"]),
        ("lib", &[]),
    ]);
    for (path, text) in sources() {
        let area = area(&path);
        let Some(allowed) = allowed.get(area.as_str()) else {
            assert_eq!(area, "main", "{path} belongs to no area that tidy knows");
            continue;
        };
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for target in line.split("crate::").skip(1) {
                let target: String = target.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
                assert!(target.is_empty() || allowed.contains(&target.as_str()), "{path} may not use crate::{target}");
            }
        }
    }
}

/// Adapters turn foreign models into ours and never call each other.
#[test]
fn adapters_do_not_call_each_other() {
    for (path, text) in sources() {
        let Some(own) = path.strip_prefix("adapters/").and_then(|rest| rest.split(['/', '.']).next()) else { continue };
        for target in text.split("crate::adapters::").skip(1) {
            let target: String = target.chars().take_while(|char| char.is_alphanumeric() || *char == '_').collect();
            assert!(target == own || own == "mod", "{path} may not use the adapter {target}");
        }
        let config_users = ["mod", "notify"];
        assert!(!text.contains("crate::config") || config_users.contains(&own), "{path} may not read the config");
    }
}

/// The domain names no client library, and opens no hole in the fence of clippy.toml.
#[test]
fn the_domain_is_pure() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("domain/")) {
        for word in
            ["kube::", "octocrab::", "git2::", "tokio::", "ureq::", "std::fs", "std::env", "std::process", "std::net"]
        {
            let used = text.lines().any(|line| !line.trim_start().starts_with("//") && names(line, word));
            assert!(!used, "{path} names {word}");
        }
        assert!(!text.contains("disallowed_"), "{path} opens the fence");
    }
}

fn names(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| !line[..at].ends_with(|char: char| char.is_alphanumeric() || char == '_'))
}

/// Files stay small; generated ones say so in their name.
#[test]
fn files_are_small() {
    let generated = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with("generated"));
    let large: Vec<_> = sources()
        .into_iter()
        .filter(|(path, text)| !generated(path) && text.lines().count() > MAX_LINES)
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    assert!(large.is_empty(), "over {MAX_LINES} production lines: {large:?}");
}

/// Tests change nothing in production code: `cfg(test)` stands only before `mod tests`.
#[test]
fn tests_switch_nothing() {
    for path in files(&root().join("src"), ".rs") {
        let text = fs::read_to_string(&path).expect("file");
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| line.contains("cfg(test)") || line.contains("cfg!(test)"))
        {
            let next = text.lines().nth(number + 1).unwrap_or_default();
            let is_module = next.starts_with("mod tests") || next.starts_with("pub(crate) mod tests");
            assert!(line == "#[cfg(test)]" && is_module, "{}:{}", path.display(), number + 1);
        }
    }
}

/// Every Rust file is reached by a `mod`: one that is not is never compiled.
#[test]
fn every_file_is_compiled() {
    for folder in ["src", "tests/integration"] {
        let folder = root().join(folder);
        for path in files(&folder, ".rs") {
            let stem = path.file_stem().expect("name").to_string_lossy().into_owned();
            if ["main", "lib"].contains(&stem.as_str()) && path.parent() == Some(&folder) {
                continue;
            }
            let (name, parent) = if stem == "mod" {
                let own = path.parent().expect("folder");
                (
                    own.file_name().expect("name").to_string_lossy().into_owned(),
                    own.parent().expect("folder").to_path_buf(),
                )
            } else {
                (stem, path.parent().expect("folder").to_path_buf())
            };
            let beside = parent.with_extension("rs");
            let declared = [parent.join("mod.rs"), parent.join("lib.rs"), parent.join("main.rs"), beside]
                .iter()
                .filter_map(|file| fs::read_to_string(file).ok())
                .any(|text| text.lines().any(|line| line.trim_end().ends_with(&format!("mod {name};"))));
            assert!(declared, "{} is declared by no `mod {name};`", path.display());
        }
    }
}

/// Every path that the documents write in backticks exists.
#[test]
fn documents_name_real_paths() {
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "deploy/README.md",
        "policies/README.md",
        "baselines/README.md",
    ] {
        let text = fs::read_to_string(root().join(document)).expect(document);
        for quoted in text.split('`').skip(1).step_by(2) {
            let top = quoted.split('/').next().unwrap_or_default();
            let ours = ["src", "tests", "deploy", "policies", "baselines", "docs", "benches", ".ci"].contains(&top);
            let plain = quoted.chars().all(|char| char.is_alphanumeric() || "/._-".contains(char));
            if ours && plain && quoted.contains('/') {
                assert!(root().join(quoted).exists(), "{document} names {quoted}");
            }
        }
    }
}

/// Every policy file is described beside it.
#[test]
fn policies_are_described() {
    let readme = fs::read_to_string(root().join("policies/README.md")).expect("policies/README.md");
    for path in files(&root().join("policies"), ".yaml") {
        let name = path.file_name().expect("name").to_string_lossy().into_owned();
        assert!(readme.contains(&name), "policies/README.md does not describe {name}");
    }
}

/// No two test functions of a file share a name with nothing to tell them apart, and none is empty of assertions.
#[test]
fn tests_say_what_they_prove() {
    let mut silent = BTreeSet::new();
    for folder in ["src", "tests"] {
        for path in files(&root().join(folder), ".rs") {
            let text = fs::read_to_string(&path).expect("file");
            let lines: Vec<_> = text.lines().collect();
            for (number, line) in lines.iter().enumerate() {
                let is_test =
                    ["#[test]", "#[tokio::test]"].contains(&line.trim()) || line.trim().starts_with("#[tokio::test(");
                let mut above =
                    lines[..number].iter().rev().take_while(|line| line.trim_start().starts_with(['#', '/']));
                if is_test && !above.any(|line| line.trim_start().starts_with("///")) {
                    silent.insert(format!("{}:{}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(silent.is_empty(), "tests without a line that says what they prove: {silent:#?}");
}

/// The fuzz targets build the domain on its own: with the dependencies that it has here, at the same versions.
#[test]
fn fuzzing_fuzzes_what_is_shipped() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect(path);
    let (ours, theirs) = (read("Cargo.toml"), read("fuzz/Cargo.toml"));
    let dependencies = |text: &str| {
        let lines = text.lines().skip_while(|line| *line != "[dependencies]").skip(1);
        lines.take_while(|line| !line.is_empty()).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let domain: String =
        sources().into_iter().filter(|(path, _)| area(path) == "domain").map(|(_, text)| text).collect();
    let is_used = |line: &String| {
        let name = line.split(' ').next().unwrap_or_default().replace('-', "_");
        domain.contains(&format!("{name}::"))
    };
    let used: BTreeSet<_> = dependencies(&ours).into_iter().filter(is_used).collect();
    let fuzzed = dependencies(&theirs).into_iter().filter(|line| !line.starts_with("libfuzzer-sys")).collect();
    assert_eq!(used, fuzzed);

    let versions = |lock: &str| {
        let packages = lock.split("[[package]]").filter_map(|package| {
            let field = |name: &str| package.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            Some((field("name = ")?, field("version = ")?))
        });
        packages.collect::<BTreeSet<_>>()
    };
    let ours = versions(&read("Cargo.lock"));
    let names: Vec<_> = used.iter().map(|line| format!("\"{}\"", line.split(' ').next().unwrap_or_default())).collect();
    for package in versions(&read("fuzz/Cargo.lock")).iter().filter(|(name, _)| names.contains(name)) {
        assert!(ours.contains(package), "{package:?} is another version than in Cargo.lock");
    }
}
