//! What the editor writes, as the real kubectl and two other libraries read it: texts that look like anything else, in
//! every style that a value can stand in, and numbers of every size.

use serde_json::{Value, json};
use trueup::domain::field_path::{FieldPath, Step};
use trueup::domain::yaml::edit::{Action, Edit, apply};

use crate::yaml_reading::{VALUES, by_kubectl};

/// A manifest with a place of each style below `data`.
const STYLES: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME}
data:
  plain: old
  noted: old # why
  single: 'old'
  double: \"old\" # why
  empty:
  tagged: !!str old
  literal: |
    old
    lines
  folded: >-
    old
    lines
  number: 1
  items:
  - old
  - old # why
  -
  - - 'old'
  flow: {a: old, b: [old, 'old', \"old\"], c: , \"d\":\"old\"}
  json: {\"a\": \"old\"}
  after: x
";

/// Texts with what no look at a scalar's type finds: marks, blanks, line ends, what cannot be seen.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\t",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    " lead",
    "trail ",
    "\tlead",
    "trail\t",
    "a\tb",
    "a  b",
    "#x",
    "x #y",
    "x\t#y",
    "x#y",
    "a: b",
    "a:",
    ":a",
    ": a",
    ":",
    "a:b",
    "a:\tb",
    "- x",
    "-x",
    "-",
    "--",
    "---",
    "--- x",
    "---x",
    "...",
    "... x",
    "? x",
    "?",
    "?x",
    "@x",
    "`x",
    "%x",
    "%YAML 1.2",
    "!x",
    "!!int 1",
    "!",
    "&x",
    "&",
    "*x",
    "*",
    "{x",
    "}x",
    "{x}",
    "[x",
    "]x",
    "[x]",
    "x]",
    ",x",
    "x,y",
    "x, y",
    "|",
    "|-",
    "| x",
    ">",
    ">x",
    "'",
    "'x",
    "it's",
    "''",
    "\"",
    "\"x\"",
    "\\",
    "\\n",
    "\\u0041",
    "=",
    "<<",
    "<",
    "{{ .Values.x }}",
    "${X}",
    "a\nb",
    "a\nb\n",
    "a\n\nb\n\n",
    "\na",
    " a\nb",
    "a\n b\n",
    "a \nb",
    "a\n\tb",
    "a\r\nb\r\n",
    "a\n---\nb\n",
    "a\n...\n",
    "# a\nb\n",
    "a: |\n  b\n",
    "a\n\n\n",
    "é",
    "日本語",
    "🚀",
    "e\u{301}",
    "\u{0}",
    "\u{7}",
    "\u{8}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{80}",
    "\u{85}",
    "a\u{85}b",
    "\u{a0}",
    "\u{a0}x\u{a0}",
    "\u{2028}",
    "a\u{2028}b",
    "\u{2029}",
    "\u{feff}",
    "a\u{feff}b",
    "\u{200b}",
    "\u{202e}x",
    "\u{fffd}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{1f469}\u{200d}\u{1f680}",
    "\u{10ffff}",
    "key: &a *b !c | > ' \" % @ `",
    "190:20:30",
    "1:2",
    "1:2:3.4",
    "-1:30",
    "1e",
    "1e3x",
    "0x",
    "0o",
    "0b",
    "2024-1-1",
    "2024-01-01T00:00:00Z",
    "2024-01-01 00:00:00",
    "1,000",
    "1 000",
    "١٢",
    "½",
    "NaN",
    "Infinity",
    "inf",
    "undefined",
    "None",
    "nil",
    "TRUE ",
    "yes\n",
    "null\n",
    "1\n",
];

fn places(value: &Value, path: &FieldPath, all: &mut Vec<FieldPath>) {
    let below: Vec<(Step, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Step::Field(key.clone()), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (Step::Index(at), item)).collect(),
        _ => return all.push(path.clone()),
    };
    below.into_iter().for_each(|(step, value)| places(value, &path.join(step), all));
}

/// Puts a value in every place of the manifest, as a person would, one after the other, and last under a new key; and a
/// text as a new key too. Yields the text, and the data that it should be read as.
fn written(name: &str, value: &Value) -> (String, Value) {
    let mut text = STYLES.replace("NAME", name);
    let mut data: Value = serde_yaml::from_str(&text).expect("YAML");
    let mut all = Vec::new();
    places(&data["data"], &FieldPath::root().field("data"), &mut all);
    all.push(FieldPath::root().field("data").field("new"));
    let key = value.as_str().filter(|key| !key.is_empty());
    all.extend(key.map(|key| FieldPath::root().field("data").field("keys").field(key)));
    for path in all {
        let edit = Edit { document: 0, list_item: None, path, action: Action::Set(value.clone()) };
        text = apply(&text, &edit).unwrap_or_else(|error| panic!("{value:?}: {error}\n{text}"));
        put(&mut data, edit.path.steps(), value);
    }
    (text, json!([name, data["data"]]))
}

fn put(data: &mut Value, steps: &[Step], value: &Value) {
    match steps.split_first() {
        None => *data = value.clone(),
        Some((Step::Field(name), below)) => put(&mut data[name.as_str()], below, value),
        Some((Step::Index(at), below)) => put(&mut data[*at], below, value),
        Some(_) => panic!("no other steps were made"),
    }
}

/// Every value in every style means to kubectl, to a reader of YAML 1.1 and to one of YAML 1.2 what was meant.
#[test]
fn what_is_written_means_the_same_to_every_reader() {
    let looks = VALUES.iter().filter(|text| !text.starts_with(['!', '&', '*', '|', '>']));
    let texts = TEXTS.iter().chain(looks).map(|text| Value::from(*text));
    let numbers = [0, 1, -1, 420, i64::from(i32::MAX) + 1, i64::MAX, i64::MIN].map(Value::from);
    let others = [json!(0.5), json!(-1.25), json!(1e21), json!(1e-7), json!(true), json!(false), json!(null)];
    let mut values: Vec<Value> = texts.chain(numbers).chain(others).collect();
    values.dedup();
    let all: Vec<_> = values.iter().enumerate().map(|(at, value)| written(&format!("n{at}"), value)).collect();
    let essence = |object: &Value| json!([object["metadata"]["name"], object["data"]]);
    for ((text, expected), value) in all.iter().zip(&values) {
        let by = |name: &str, read: Option<Value>| {
            let read = read.unwrap_or_else(|| panic!("{name} does not read {value:?}\n{text}"));
            assert_eq!(essence(&read), *expected, "{name} reads {value:?} otherwise\n{text}");
        };
        let old = serde_saphyr::options! { legacy_octal_numbers: true };
        by("serde_saphyr, YAML 1.1", serde_saphyr::from_str_with_options(text, old).ok());
        by("serde_saphyr", serde_saphyr::from_str(text).ok());
        by("serde_yaml", serde_yaml::from_str(text).ok());
    }
    // kubectl takes its time to start, so it reads many at once
    for some in all.chunks(100) {
        let text = some.iter().map(|(text, _)| format!("---\n{text}")).collect::<String>();
        let read = by_kubectl(&text).unwrap_or_else(|error| panic!("kubectl does not read it: {error}"));
        for (read, (text, expected)) in read.iter().zip(some) {
            assert_eq!(read, expected, "kubectl reads it otherwise\n{text}");
        }
        assert_eq!(read.len(), some.len());
    }
}
