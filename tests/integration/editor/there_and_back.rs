//! No edit gives the same bytes, and an edit that is taken back does: at places of every YAML file of the repository.
//! Where that cannot be, since a value stood in a spelling that nothing written anew has, it is known why.

use std::collections::BTreeMap;

use similar::{ChangeTag, TextDiff};
use trueup::domain::field_path::{FieldPath, Step};
use trueup::domain::yaml::edit::{Action, Edit, apply};

use super::{Dice, Value, json, paths, texts};

/// How many places of each text are tried.
const PLACES: usize = 12;

/// What came of all tries.
#[derive(Default)]
struct Count {
    same: usize,
    /// By the reason why the bytes cannot be the same.
    known: BTreeMap<&'static str, usize>,
    refused: Vec<String>,
    wrong: Vec<String>,
}

impl Count {
    /// Makes an edit and takes it back.
    fn there_and_back(&mut self, told: &str, text: &str, there: &Edit, back: &Edit) {
        let edited = apply(text, there).and_then(|edited| Ok((apply(&edited, back)?, edited)));
        match edited {
            Err(error) => self.refused.push(format!("{told}: {} {:?}: {error}", there.path, there.action)),
            Ok((same, edited)) if same == text => {
                assert_ne!(edited, text, "{told}: {} is no edit", there.path);
                self.same += 1;
            }
            Ok((other, _)) => {
                let diff = TextDiff::from_lines(text, &other);
                match reason(&diff) {
                    Some(reason) => *self.known.entry(reason).or_default() += 1,
                    None => {
                        self.wrong.push(format!("{told}: {}\n{}", there.path, diff.unified_diff().context_radius(1)))
                    }
                }
            }
        }
    }
}

/// Why lines that were written anew are not as they were, if that is one of the reasons that there may be.
fn reason(diff: &TextDiff<'_, '_, str>) -> Option<&'static str> {
    let of = |tag| -> Vec<&str> {
        diff.iter_all_changes().filter(|change| change.tag() == tag).map(|change| change.value().trim_end()).collect()
    };
    match (of(ChangeTag::Delete).as_slice(), of(ChangeTag::Insert).as_slice()) {
        ([_, _, ..], [_]) => Some("one text over several lines"),
        ([went], [came]) if is_number(went) && is_number(came) => Some("number in another spelling"),
        _ => None,
    }
}

fn is_number(line: &str) -> bool {
    let value = line.split(" #").next().unwrap_or_default().trim_end().rsplit([' ', ':']).next().unwrap_or_default();
    value.starts_with(|char: char| char.is_ascii_digit() || matches!(char, '-' | '+' | '.'))
}

/// Another value of the same kind, that needs no quotes.
fn other(value: &Value) -> Option<Value> {
    match value {
        Value::Null => Some(json!("word")),
        Value::Bool(bool) => Some(json!(!bool)),
        Value::Number(number) => Some(json!(if number.as_i64() == Some(7) { 8 } else { 7 })),
        Value::String(text) if text.contains('\n') => Some(json!("other\nlines\n")),
        Value::String(text) => Some(json!(if text == "word" { "words" } else { "word" })),
        _ => None,
    }
}

/// Counts, printed: nothing may be wrong, and hardly anything refused.
#[test]
fn an_edit_that_is_taken_back_is_none() {
    let texts = texts();
    let mut dice = Dice(20_261_130);
    let (mut set, mut added, mut appended, mut same) = (Count::default(), Count::default(), Count::default(), 0);
    for (name, text, documents) in &texts {
        for (document, data) in documents.iter().enumerate() {
            let edit = |path: &FieldPath, action| Edit { document, list_item: None, path: path.clone(), action };
            let mut all = Vec::new();
            paths(data, &FieldPath::root(), &mut all);
            for _ in 0..PLACES.div_ceil(documents.len()) {
                let path = dice.pick(&all);
                let value = path.get(data).expect("a value");
                assert_eq!(apply(text, &edit(path, Action::Set(value.clone()))).as_ref(), Ok(text), "{name}: {path}");
                same += 1;
                match value {
                    Value::Object(_) => {
                        let new = path.field("new.key/x");
                        let (there, back) = (edit(&new, Action::Set(json!({"a": ["b"]}))), edit(&new, Action::Remove));
                        added.there_and_back(name, text, &there, &back);
                    }
                    Value::Array(items) => {
                        let new = path.join(Step::Index(items.len()));
                        let (there, back) = (edit(&new, Action::Set(json!("new"))), edit(&new, Action::Remove));
                        appended.there_and_back(name, text, &there, &back);
                    }
                    value => {
                        let there = edit(path, Action::Set(other(value).expect("a scalar")));
                        set.there_and_back(name, text, &there, &edit(path, Action::Set(value.clone())));
                    }
                }
            }
        }
    }
    println!("{} texts: {same} times no edit, the same bytes", texts.len());
    let mut refused = 0;
    for (kind, count) in
        [("set and set back", &set), ("key added and removed", &added), ("item added and removed", &appended)]
    {
        let Count { same, known, refused: not, wrong } = count;
        println!("{kind}: {same} the same bytes, {known:?}, {} refused, {} wrong", not.len(), wrong.len());
        println!("{}", not.join("\n"));
        assert!(wrong.is_empty(), "{kind}: {}", wrong[..wrong.len().min(20)].join("\n"));
        assert!(*same > 10 * known.values().sum::<usize>(), "{kind}: {known:?} of {same}");
        refused += not.len();
    }
    assert!(refused * 100 < same, "{refused} refused");
}
