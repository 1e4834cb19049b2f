//! Field paths and patterns with the nastiest names.

use proptest::prelude::*;
use trueup::domain::field_path::{FieldPath, Key, PathPattern, Step};

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z]{1,5}",
        proptest::sample::select(vec![
            "",
            ".",
            "..",
            "::",
            "*",
            "**",
            "[",
            "]",
            "[\"x\"]",
            "=",
            "a=b",
            "a.b/c",
            "\"",
            "\\",
            "\\\"",
            "\u{0}",
            "\u{1b}[31m",
            "\n",
            "\r\n",
            "\u{2028}",
            "\u{202e}",
            "0",
            "-1",
            "true",
            "日本",
            "é",
            "\u{feff}",
            "a,b",
            "a b",
            "$(x)",
            "`",
        ])
        .prop_map(str::to_owned),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key =
        prop_oneof![name().prop_map(Key::Text), any::<i64>().prop_map(Key::Number), any::<bool>().prop_map(Key::Bool)];
    prop_oneof![
        3 => name().prop_map(Step::Field),
        1 => proptest::collection::vec((name(), key.clone()), 1..3).prop_map(Step::Item),
        1 => key.prop_map(Step::Member),
        1 => any::<usize>().prop_map(Step::Index),
        1 => Just(Step::Inside),
    ]
}

fn path() -> impl Strategy<Value = FieldPath> {
    proptest::collection::vec(step(), 0..8).prop_map(|steps| steps.into_iter().collect())
}

proptest! {
    /// A printed path reads back as itself, whatever the names.
    #[test]
    fn print_and_parse_are_inverse(path in path()) {
        let text = path.to_string();
        prop_assert_eq!(&text.parse::<FieldPath>().expect("it parses"), &path, "{}", text);
        prop_assert!(!text.chars().any(|char| matches!(char, '\u{0}'..='\u{1f}')), "{:?}", text);
    }

    /// A printed path is a pattern for exactly itself, which covers what is below and nothing beside it.
    #[test]
    fn patterns_cover_what_they_print(path in path(), below in path(), other in path()) {
        let pattern: PathPattern = path.to_string().parse().expect("a path is a pattern");
        prop_assert_eq!(&pattern, &PathPattern::from(&path));
        prop_assert_eq!(pattern.to_string(), path.to_string());
        prop_assert!(pattern.matches(&path) && pattern.covers(&path));
        let longer: FieldPath = path.steps().iter().chain(below.steps()).cloned().collect();
        prop_assert!(pattern.covers(&longer), "{} {}", pattern, longer);
        let plain = !path.steps().iter().any(|step| matches!(step, Step::Item(_)));
        prop_assert!(!plain || pattern.covers(&other) == other.starts_with(&path), "{} {}", pattern, other);
        let dot = if matches!(path.steps(), [] | [.., Step::Inside]) { "" } else { "." };
        for wide in ["**".to_owned(), format!("{path}{dot}**")] {
            let pattern: PathPattern = wide.parse().unwrap_or_else(|error| panic!("{error}"));
            prop_assert!(pattern.covers(&longer), "{} {}", pattern, longer);
        }
    }
}
