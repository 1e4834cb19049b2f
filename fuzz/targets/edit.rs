//! A text, a path and a value: an edit that is made reads back as meant (it proves that itself), is made only once, and
//! comes to rest when it is taken back: there and back a second time gives the same bytes.
//! The input is `path`, a line with a JSON value (or nothing, to remove), then the file.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;
use trueup_fuzz::domain::field_path::FieldPath;
use trueup_fuzz::domain::yaml::edit::{Action, Edit, apply};
use trueup_fuzz::domain::yaml::{Node, read_documents};
use trueup_fuzz::values;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some((edit, text)) = input(bytes) else { return Corpus::Reject };
    let Ok(once) = apply(text, &edit) else { return Corpus::Keep };
    assert!(values(&once).is_some(), "{once:?}");
    if let Action::Set(_) = edit.action {
        assert_eq!(apply(&once, &edit).as_ref(), Ok(&once), "{text:?}");
        taken_back(text, &edit);
    }
    Corpus::Keep
});

/// Makes an edit of what is there and takes it back, twice.
fn taken_back(text: &str, edit: &Edit) {
    let before = first(text);
    let Some(old) = before.as_ref().and_then(|before| edit.path.get(before)) else { return };
    let back = Edit { action: Action::Set(old.clone()), ..edit.clone() };
    let around = |text: &str| apply(&apply(text, edit).ok()?, &back).ok();
    if let Some(once) = around(text) {
        assert_eq!(first(&once), before, "{text:?}");
        assert_eq!(around(&once).as_ref(), Some(&once), "{text:?}");
    }
}

/// The data of the first document.
fn first(text: &str) -> Option<Value> {
    read_documents(text).ok()?.first()?.root.as_ref().map(Node::to_json)
}

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
