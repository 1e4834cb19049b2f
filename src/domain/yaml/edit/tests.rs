//! Edits: the table of what stands before and after, and the same as properties.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::Action::{Remove, Set};
use super::*;
use crate::domain::yaml::write;

mod cases;

fn edit(document: usize, path: &str, action: Action) -> Edit {
    Edit { document, list_item: None, path: path.parse().unwrap(), action }
}

fn values(text: &str) -> Result<Vec<Value>, EditError> {
    super::values(&locate(text).map_err(unreadable)?)
}

fn arbitrary_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(Value::Null),
        "[a-z][a-z0-9./:-]{0,8}".prop_map(Value::from),
        "(yes|0644|1e3|~|a: b|x #y|- z|\\[q|'|\"|\u{e9}\u{1F680}|1_0|<<|\\*a| s |)".prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        "[a-z \t\n#:'-]{0,12}".prop_map(Value::from),
    ]
}

fn arbitrary_value() -> impl Strategy<Value = Value> {
    arbitrary_scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}|a\\.b/c|yes|1|- x", inner, 0..4)
                .prop_map(|map| Value::Object(Map::from_iter(map))),
        ]
    })
}

/// A text for a value in one of many styles, with comments that say on which line they stand.
fn arbitrary_text() -> impl Strategy<Value = (String, Value)> {
    let entries = prop::collection::btree_map("[a-z]{1,4}", arbitrary_value(), 1..5);
    (entries, 0..3_usize, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(map, style, crlf, open, documents)| {
            let value = Value::Object(Map::from_iter(map));
            let layout = |indent, list_indent| write::Layout { indent, list_indent, ..write::Layout::default() };
            let mut text = match style {
                0 => write::after_key(&value, 0, &layout(2, 0)),
                1 => write::after_key(&value, 0, &layout(4, 2)),
                _ => format!("\n{}", write::json_lines(&value, "", &layout(2, 2))),
            };
            text = format!("# top{text}{}", if open { "" } else { "\n" });
            if documents {
                text = format!("x: 1 # first\n---\n{text}");
            }
            let text = if crlf { text.replace('\n', "\r\n") } else { text };
            // without a final line end a block scalar may have one newline less
            let value = values(&text).unwrap().pop().unwrap();
            (text, value)
        },
    )
}

/// The spots of all values in some data, each with its path.
fn paths(value: &Value, path: &FieldPath, all: &mut Vec<FieldPath>) {
    let below: Vec<(Step, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Step::Field(key.clone()), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (Step::Index(index), item)).collect(),
        _ => Vec::new(),
    };
    for (step, value) in below {
        all.push(path.join(step.clone()));
        paths(value, &path.join(step), all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// In every style and layout a value can be set, added and removed, comments stay, and setting twice is setting once.
    #[test]
    fn any_value_can_be_set_and_removed(
        (text, value) in arbitrary_text(), new in arbitrary_value(), pick in any::<prop::sample::Index>(),
    ) {
        let document = usize::from(text.starts_with("x: 1"));
        let mut all = Vec::new();
        paths(&value, &FieldPath::root(), &mut all);
        let path = pick.get(&all).clone();
        let comments = text.matches("# top").count() + text.matches("# first").count();

        let set = Edit { document, list_item: None, path: path.clone(), action: Set(new.clone()) };
        let once = apply(&text, &set).map_err(|error| TestCaseError::fail(format!("set {path} {new}: {error:?}\n{text}")))?;
        prop_assert_eq!(apply(&once, &set).unwrap(), once.clone());
        prop_assert_eq!(once.matches("# top").count() + once.matches("# first").count(), comments);
        let data = values(&once).unwrap();
        prop_assert_eq!(path.get(&data[document]), Some(&new));

        // taken back, it all reads as before; there and back once more gives the same bytes
        let back = Edit { action: Set(path.get(&value).unwrap().clone()), ..set.clone() };
        let restored = apply(&once, &back).map_err(|error| TestCaseError::fail(format!("back {path} {new}: {error:?}\n{once}")))?;
        prop_assert_eq!(&values(&restored).unwrap()[document], &value);
        let again = apply(&restored, &set).and_then(|there| apply(&there, &back));
        prop_assert_eq!(again, Ok(restored), "{} {}\n{}", path, new, text);

        let added = Edit { path: path.parent().unwrap().field("new.key/x"), ..set.clone() };
        if path.parent().unwrap().get(&value).is_some_and(Value::is_object) {
            let text = apply(&text, &added).map_err(|error| TestCaseError::fail(format!("add {path} {new}: {error:?}\n{text}")))?;
            let removed = apply(&text, &Edit { action: Remove, ..added }).unwrap();
            prop_assert_eq!(&values(&removed).unwrap()[document], &value);
        }

        let removed = apply(&text, &Edit { action: Remove, ..set });
        if all.len() > 1 && value.as_object().is_some_and(|map| map.len() > 1) {
            prop_assert!(removed.is_ok(), "remove {path}: {removed:?}\n{text}");
        }
    }

    /// Setting a plain scalar and setting it back gives the same bytes, and so does setting what is there.
    #[test]
    fn set_and_set_back_is_nothing(value in -99..99_i32, word in "[a-z]{3}x", other in "[a-z]{3}x", comment in " {1,3}# [a-z]{0,5}|") {
        let text = format!("# c\r\na:\r\n  num: {value}{comment}\r\n  w: '{word}'{comment}");
        for (path, old, new) in [("a.num", json!(value), json!(i64::from(value) + 1)), ("a.w", json!(word), json!(other))] {
            prop_assert_eq!(apply(&text, &edit(0, path, Set(old.clone()))).unwrap(), text.clone());
            let there = apply(&text, &edit(0, path, Set(new))).unwrap();
            prop_assert_eq!(apply(&there, &edit(0, path, Set(old))).unwrap(), text.clone());
        }
    }

    /// No text whatever makes the reader or the editor panic, what is edited reads as meant or is refused, and an edit
    /// that is taken back twice has come to rest.
    #[test]
    fn nothing_panics(text in "[ab:\\- \n&#*!|>\\[\\]{},?'\"\t\u{feff}<.~0-9\r]{0,60}", remove in any::<bool>()) {
        if let Ok(documents) = values(&text) {
            for (document, value) in documents.iter().enumerate() {
                let mut all = Vec::new();
                paths(value, &FieldPath::root(), &mut all);
                for path in all {
                    let action = if remove { Remove } else { Set(json!({"k": ["v"]})) };
                    let there = Edit { document, list_item: None, path: path.clone(), action };
                    let back = Edit { action: Set(path.get(value).unwrap().clone()), ..there.clone() };
                    let around = |text: &str| apply(&apply(text, &there).ok()?, &back).ok();
                    if let (false, Some(once)) = (remove, around(&text)) {
                        prop_assert_eq!(around(&once), Some(once), "{} of {:?}", path, text);
                    }
                }
            }
        }
    }
}
