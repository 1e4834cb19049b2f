//! A text, a path and a value: an edit that is made reads back as meant (it proves that itself), and is made only once.
//! The input is `path`, a line with a JSON value (or nothing, to remove), then the file.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;
use trueup_fuzz::domain::field_path::FieldPath;
use trueup_fuzz::domain::yaml::edit::{Action, Edit, apply};
use trueup_fuzz::values;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some((edit, text)) = input(bytes) else { return Corpus::Reject };
    let Ok(once) = apply(text, &edit) else { return Corpus::Keep };
    assert!(values(&once).is_some(), "{once:?}");
    if let Action::Set(_) = edit.action {
        assert_eq!(apply(&once, &edit).as_ref(), Ok(&once), "{text:?}");
    }
    Corpus::Keep
});

fn input(bytes: &[u8]) -> Option<(Edit, &str)> {
    let (head, text) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let (value, text) = text.split_once('\n')?;
    let path: FieldPath = head.parse().ok()?;
    let action = match serde_json::from_str::<Value>(value) {
        Ok(value) => Action::Set(value),
        Err(_) => Action::Remove,
    };
    Some((Edit { document: 0, list_item: None, path, action }, text))
}
