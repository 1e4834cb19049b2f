//! The YAML editor against another YAML library: thousands of random edits of every YAML file of this repository, in
//! several spellings. What comes out must read as the old data with the one change, and no other line may change.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};
use trueup::domain::field_path::{FieldPath, Step};
use trueup::domain::yaml::edit::{Action, Edit, EditError, apply};
use trueup::domain::yaml::read_documents;

mod there_and_back;

/// How many edits are tried.
const EDITS: usize = 3_000;

/// Numbers that look random and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // the generator of Knuth's MMIX
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }

    fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.roll(of.len())]
    }
}

/// A text of some name, and its documents.
type Text = (String, String, Vec<Value>);

/// Every YAML file of the repository that both libraries read alike, as it is and in other spellings.
fn texts() -> Vec<Text> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> = ["", "baselines", "deploy", "docs", "policies", "src", "tests", ".github"]
        .iter()
        .map(|name| root.join(name))
        .collect();
    let top = folders.remove(0);
    files.push(top.join("trueup.example.yaml"));
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml") {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).expect("below").display().to_string();
        let text = std::fs::read_to_string(file).expect("a text");
        texts.push((format!("{name} (CRLF)"), text.replace('\n', "\r\n")));
        texts.push((format!("{name} (no line end)"), text.trim_end().to_owned()));
        texts.push((format!("{name} (byte-order mark)"), format!("\u{feff}{text}")));
        texts.push((name, text));
    }
    let both = |(name, text): (String, String)| {
        let documents = read(&text).filter(|documents| !documents.is_empty())?;
        let ours = read_documents(&text).ok()?;
        let ours: Option<Vec<_>> = ours.iter().map(|document| Some(document.root.as_ref()?.to_json())).collect();
        (ours? == documents).then_some((name, text, documents))
    };
    texts.into_iter().filter_map(both).collect()
}

/// The documents as the other library reads them, by YAML 1.1's rules; none where it does not read the text.
fn read(text: &str) -> Option<Vec<Value>> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    serde_saphyr::from_multiple_with_options(text, options).ok()
}

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

/// What to do, and how it may look in the text.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    SetScalar,
    SetNested,
    AddKey,
    AddNested,
    Append,
    Remove,
}

const KINDS: [Kind; 6] = [Kind::SetScalar, Kind::SetNested, Kind::AddKey, Kind::AddNested, Kind::Append, Kind::Remove];

fn scalars() -> Vec<Value> {
    let texts = [
        "a",
        "yes",
        "0644",
        "1e3",
        "~",
        "",
        "a: b",
        "x #y",
        "- z",
        "registry.example/web:1.27",
        "2024-01-01",
        "it's",
        "\"q\"",
        "é🚀",
        "100m",
        "true",
        "null",
        "@x",
        "%y",
        "a\tb",
        " s ",
        "{a}",
        "[b]",
        "*c",
        "&d",
        "!e",
        "|",
        ">",
        "=",
        "1_000",
        "0x1F",
        ".5",
        "-",
    ];
    let others =
        [json!(1), json!(-7), json!(0), json!(1.5), json!(true), json!(false), json!(null), json!(4_294_967_296_u64)];
    texts.into_iter().map(Value::from).chain(others).collect()
}

fn nested() -> Vec<Value> {
    vec![
        json!({"k": "v"}),
        json!({"a.b/c": {"d": ["e", {"f": 1}]}, "yes": "no"}),
        json!(["x", 1, true]),
        json!([{"name": "a", "value": "1"}, {"name": "b"}]),
        json!({}),
        json!([]),
        json!("two\nlines\n"),
    ]
}

/// A random edit that makes sense for some data: what, where, and the data after it.
fn edit(dice: &mut Dice, document: usize, data: &Value) -> Option<(Kind, Edit, Value)> {
    let mut all = Vec::new();
    paths(data, &FieldPath::root(), &mut all);
    let kind = *dice.pick(&KINDS);
    let path = dice.pick(&all).clone();
    let here = path.get(data)?;
    let (path, value) = match (kind, here) {
        (Kind::SetScalar, Value::Object(_) | Value::Array(_)) => return None,
        (Kind::SetScalar, _) => (path, Some(dice.pick(&scalars()).clone())),
        (Kind::SetNested, _) => (path, Some(dice.pick(&nested()).clone())),
        (Kind::AddKey, Value::Object(_)) => (path.field("new.key/x"), Some(dice.pick(&scalars()).clone())),
        (Kind::AddNested, Value::Object(_)) => (path.field("newKey"), Some(dice.pick(&nested()).clone())),
        (Kind::Append, Value::Array(items)) => {
            let new = if dice.roll(2) == 0 { dice.pick(&scalars()).clone() } else { dice.pick(&nested()).clone() };
            (path.join(Step::Index(items.len())), Some(new))
        }
        (Kind::Remove, _) if all.len() > 1 => (path, None),
        _ => return None,
    };
    let mut after = data.clone();
    put(&mut after, path.steps(), value.as_ref())?;
    let action = value.map_or(Action::Remove, Action::Set);
    Some((kind, Edit { document, list_item: None, path, action }, after))
}

fn put(data: &mut Value, steps: &[Step], value: Option<&Value>) -> Option<()> {
    let (step, below) = steps.split_first()?;
    match (data, step, below.is_empty()) {
        (Value::Object(map), Step::Field(name), true) => match value {
            Some(value) => drop(map.insert(name.clone(), value.clone())),
            None => drop(map.remove(name)),
        },
        (Value::Array(items), Step::Index(index), true) => match value {
            Some(value) if *index == items.len() => items.push(value.clone()),
            Some(value) => items[*index] = value.clone(),
            None => drop(items.remove(*index)),
        },
        (Value::Object(map), Step::Field(name), false) => put(map.get_mut(name)?, below, value)?,
        (Value::Array(items), Step::Index(index), false) => put(items.get_mut(*index)?, below, value)?,
        _ => return None,
    }
    Some(())
}

/// Lines that went and that came.
fn changed_lines(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
    let diff = TextDiff::from_lines(before, after);
    let of = |tag| -> Vec<String> {
        diff.iter_all_changes().filter(|change| change.tag() == tag).map(|change| change.value().to_owned()).collect()
    };
    (of(ChangeTag::Delete), of(ChangeTag::Insert))
}

/// Whether the lines that changed are no more than the edit needs.
fn is_tidy(kind: Kind, before: &str, after: &str) -> bool {
    let (went, came) = changed_lines(before, after);
    let comments = |lines: &[String]| lines.iter().filter(|line| line.trim_start().starts_with('#')).count();
    match kind {
        // a text over several lines, which may look like comments, becomes one; and the last line may get an end
        Kind::SetScalar => came.len() <= 2 && (went.len() > 1 || comments(&went) == comments(&came)),
        Kind::AddKey | Kind::AddNested | Kind::Append => went.len() <= 2 && comments(&went) == comments(&came),
        Kind::Remove => came.len() <= 2,
        Kind::SetNested => comments(&came) <= comments(&went),
    }
}

/// Counts of what came of the edits, printed: none may be wrong or untidy, and hardly any refused.
#[test]
fn random_edits_of_real_files() {
    let texts = texts();
    assert!(texts.len() > 100, "{} texts", texts.len());
    let mut dice = Dice(20_261_124);
    let (mut done, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    while done + refused.len() + wrong.len() < EDITS {
        let (name, text, documents) = dice.pick(&texts);
        let at = dice.roll(documents.len());
        let Some((kind, edit, after)) = edit(&mut dice, at, &documents[at]) else { continue };
        let told = || format!("{name}: {kind:?} {} in document {at}: {:?}", edit.path, edit.action);
        let result = match apply(text, &edit) {
            Ok(result) => result,
            Err(EditError::Unreadable { .. }) => panic!("{} is unreadable", told()),
            Err(error) => {
                refused.push(format!("{}: {error}", told()));
                continue;
            }
        };
        let mut expected = documents.clone();
        expected[at] = after;
        let is_right = read(&result).is_some_and(|read| read == expected);
        let is_same = expected != *documents || result == *text;
        if !is_right || !is_same || !is_tidy(kind, text, &result) {
            let diff = TextDiff::from_lines(text.as_str(), &result).unified_diff().context_radius(2).to_string();
            wrong.push(format!("{} (right: {is_right})\n{diff}", told()));
            continue;
        }
        done += 1;
    }
    let share = 100 * refused.len() / EDITS;
    println!("{EDITS} edits of {} texts: {done} done, {} refused, {} wrong", texts.len(), refused.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong[..wrong.len().min(20)].join("\n"));
    assert!(share < 2, "{share} % refused:\n{}", refused[..refused.len().min(40)].join("\n"));
}

/// A megabyte in the shapes that large files have: many documents, one large map, one long list, JSON on one line.
fn megabytes() -> Vec<(&'static str, String, &'static str)> {
    let object = |at: usize| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: n{at} # c\n  labels: {{app: web}}\ndata:\n  a: \"x\"\n"
        )
    };
    let many = |count: usize, text: &dyn Fn(usize) -> String| (0..count).map(text).collect::<String>();
    let json: Vec<_> = (0..25_000).map(|at| format!("\"k{at}\": {{\"a\": [1, 2], \"b\": \"some text\"}}")).collect();
    vec![
        ("documents", many(11_000, &|at| format!("---\n{}", object(at))), "data.a"),
        (
            "keys",
            format!("data:\n{}", many(30_000, &|at| format!("  k{at}: some text as long as this # c\n"))),
            "data.k29000",
        ),
        (
            "items",
            format!("items:\n{}", many(30_000, &|at| format!("- name: n{at}\n  value: \"some text\"\n"))),
            "items[name=n24000].value",
        ),
        ("JSON on one line", format!("{{{}}}", json.join(", ")), "k19000.b"),
    ]
}

/// Large files are edited at one place only; how long that takes is printed.
#[test]
fn megabytes_are_edited() {
    for (name, text, path) in megabytes() {
        assert!(text.len() > 1_000_000, "{name}: {} bytes", text.len());
        let document = if name == "documents" { 9_000 } else { 0 };
        let path: FieldPath = path.parse().expect("a path");
        let edit = Edit { document, list_item: None, path, action: Action::Set(json!("other")) };
        let begun = std::time::Instant::now();
        let edited = apply(&text, &edit).expect(name);
        println!("{name}: {} bytes, {:?} an edit", text.len(), begun.elapsed());
        let (went, came) = changed_lines(&text, &edited);
        assert_eq!((went.len(), came.len()), (1, 1), "{name}");
    }
}
