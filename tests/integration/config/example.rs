//! `trueup.example.yaml`: it loads, it says the defaults, and no option is missing from it.

use std::collections::{BTreeMap, BTreeSet};

use trueup::domain::yaml::{Content, Node, read_documents};

use super::load;

fn example() -> String {
    std::fs::read_to_string(format!("{}/trueup.example.yaml", env!("CARGO_MANIFEST_DIR"))).expect("trueup.example.yaml")
}

/// The example with every option that stands behind a `#` without a blank.
fn uncommented() -> String {
    let mut text = String::new();
    for line in example().lines() {
        let bare = line.trim_start();
        let indent = &line[..line.len() - bare.len()];
        let option = bare.strip_prefix('#').filter(|rest| !rest.starts_with(' ') && !rest.is_empty());
        text.push_str(&format!("{indent}{}\n", option.unwrap_or(bare)));
    }
    text
}

const TOKEN: &[(&str, &str)] = &[("GITHUB_TOKEN", "a-token"), ("HOME", "/home/ada")];

/// It loads as it stands, and what it says is what applies without it.
#[test]
fn it_says_the_defaults() {
    let least = "repository: {url: https://github.com/company/ml-config.git}
sources: [{name: apps, path: apps}]
forge: {github: {repository: company/ml-config, token_env: GITHUB_TOKEN}}
schedule: {cron: '*/15 * * * *'}
";
    let folder = tempfile::tempdir().expect("folder");
    let mut loaded = [&example(), least].map(|text| {
        let loaded = load(folder.path(), &[("trueup.yaml", text)], TOKEN);
        let loaded = loaded.unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert_eq!(loaded.warnings, []);
        format!("{:#?}", loaded.config)
    });
    let [example, least] = &mut loaded;
    assert_eq!(example, least);
}

/// Every option has a line of comment above it, or above its list.
#[test]
fn every_option_is_explained() {
    let text = example();
    let lines: Vec<_> = text.lines().map(str::trim_start).collect();
    let is_comment = |line: &str| line.starts_with("# ");
    let explained = lines.iter().enumerate().filter(|(_, line)| line.contains(": ") && !is_comment(line));
    let silent: Vec<_> = explained
        .filter(|(number, _)| !lines[number.saturating_sub(3)..*number].iter().any(|line| is_comment(line)))
        .map(|(_, line)| line)
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

/// A section of the example, by its path, and the keys that it has there.
type Sections = BTreeMap<String, BTreeSet<String>>;

fn sections(node: &Node, at: &str, found: &mut Sections) {
    match &node.content {
        Content::Map(entries) => {
            found.entry(at.to_owned()).or_default().extend(entries.iter().map(|entry| entry.key.clone()));
            for entry in entries {
                let path = if at.is_empty() { entry.key.clone() } else { format!("{at}.{}", entry.key) };
                sections(&entry.value, &path, found);
            }
        }
        Content::List(items) => {
            for (index, item) in items.iter().enumerate() {
                sections(item, &format!("{at}[{index}]"), found);
            }
        }
        Content::Scalar(_) => {}
    }
}

/// The keys that the program knows of a section: what it answers to a key that it does not know.
fn known(message: &str) -> Option<(String, BTreeSet<String>)> {
    let (key, help) = message.split_once(" (known are ")?;
    let section = key.split("` in `").nth(1).map(|section| section.trim_end_matches('`')).unwrap_or_default();
    let names = help.trim_end_matches(')').split(", ").map(|name| name.trim_matches('`').to_owned());
    Some((section.to_owned(), names.collect()))
}

/// Every key that the program knows, in every section, is in the example, and no other.
#[test]
fn it_has_every_option() {
    const BOGUS: &str = "zzzzzzzz";
    let text = uncommented();
    let documents = read_documents(&text).expect("the example is YAML with all its options");
    let mut shown = Sections::new();
    sections(documents[0].root.as_ref().expect("a document"), "", &mut shown);
    let thresholds = shown.remove("thresholds").expect("thresholds");
    assert!(thresholds.contains("default"));

    // a key that nobody knows, in front of the first key of every section
    let mut asked = format!("{BOGUS}: 1\n");
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let opens = line.trim_end().ends_with(':') && !line.trim_start().starts_with("# ");
        asked.push_str(line);
        asked.push('\n');
        let next = text.lines().skip_while(|other| *other != line).skip(1).find(|next| {
            let bare = next.trim_start();
            !bare.is_empty() && !bare.starts_with('#')
        });
        let inner = next.map(|next| (next.len() - next.trim_start().len(), next.trim_start().starts_with("- ")));
        if let Some((deeper, false)) = inner.filter(|(deeper, _)| opens && *deeper > indent) {
            asked.push_str(&format!("{}{BOGUS}: 1\n", " ".repeat(deeper)));
        }
    }
    let asked = asked.replace("  - name: apps\n", &format!("  - name: apps\n    {BOGUS}: 1\n"));
    let asked = asked.replace("  - kind: Deployment\n", &format!("  - kind: Deployment\n    {BOGUS}: 1\n"));
    let folder = tempfile::tempdir().expect("folder");
    let problems = load(folder.path(), &[("trueup.yaml", &asked)], TOKEN).expect_err("bogus keys are errors");
    let prefix = format!("unknown key `{BOGUS}`");
    let answers: Sections = problems
        .iter()
        .filter(|problem| problem.message.starts_with(&prefix))
        .filter_map(|problem| known(&format!("{} ({})", problem.message, problem.help.as_deref()?)))
        .collect();
    assert_eq!(answers, shown);
}
