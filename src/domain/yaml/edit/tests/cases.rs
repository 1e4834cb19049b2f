//! The table of edits, in files that read like diffs: what stands before, what is asked, and every byte that stands
//! after, or why it is refused.
//!
//! A case begins with `# ` and its name. `set PATH = JSON` or `remove PATH` is asked, of `document N` and of `item N` of
//! a list object where that is not the first. Text stands after a blank, `-` or `+`, and `\` says that the line before
//! has no end. `in NAME` takes the text below `= NAME`, of which the case shows what changes, with `@@` between places.
//! `CRLF` ends every line so. What cannot be seen is written `␠`, `␉`, `␍` or `<BOM>`, and an empty line `␤`.

use std::collections::HashMap;

use super::*;

const FILES: [(&str, &str); 9] = [
    ("sample", include_str!("sample.edits")),
    ("scalars", include_str!("scalars.edits")),
    ("maps", include_str!("maps.edits")),
    ("lists", include_str!("lists.edits")),
    ("flow", include_str!("flow.edits")),
    ("shared", include_str!("shared.edits")),
    ("blocks", include_str!("blocks.edits")),
    ("layout", include_str!("layout.edits")),
    ("documents", include_str!("documents.edits")),
];
const SIGNS: [(&str, &str); 5] = [("␠", " "), ("␉", "\t"), ("␍", "\r"), ("␤", ""), ("<BOM>", "\u{feff}")];

/// Lines of a diff: the mark, and the line with its end.
type Hunk = Vec<(char, String)>;

/// One row of the table.
#[derive(Default)]
struct Case {
    name: String,
    crlf: bool,
    text: Option<String>,
    document: usize,
    list_item: Option<usize>,
    path: String,
    action: Option<Action>,
    refusal: Option<String>,
    hunks: Vec<Hunk>,
}

/// The lines of a hunk without those of a mark.
fn without(mark: char, hunk: &Hunk) -> String {
    hunk.iter().filter(|(other, _)| *other != mark).map(|(_, line)| &**line).collect()
}

impl Case {
    /// The text before, and after where the edit is made.
    fn texts(&self) -> (String, String) {
        let before = self.text.clone().unwrap_or_else(|| self.hunks.iter().map(|hunk| without('+', hunk)).collect());
        let mut after = before.clone();
        for hunk in self.hunks.iter().filter(|hunk| !hunk.is_empty()) {
            let (from, to) = (without('+', hunk), without('-', hunk));
            assert_eq!(after.matches(&from).count(), 1, "{}: {from:?} is not there once", self.name);
            after = after.replacen(&from, &to, 1);
        }
        let ends = |text: String| if self.crlf { text.replace('\n', "\r\n") } else { text };
        (ends(before), ends(after))
    }

    fn edit(&self) -> Edit {
        let path = self.path.parse().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let action = self.action.clone().unwrap_or_else(|| panic!("{}: nothing is asked", self.name));
        Edit { document: self.document, list_item: self.list_item, path, action }
    }

    /// Reads one line of a case.
    fn take(&mut self, line: &str, texts: &HashMap<&str, String>) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            _ if line.starts_with([' ', '-', '+', '\\']) => {
                let hunk = self.hunks.last_mut();
                put(hunk.unwrap_or_else(|| panic!("{line:?} stands nowhere")), line);
            }
            "@@" => self.hunks.push(Hunk::new()),
            "CRLF" => self.crlf = true,
            "in" => self.text = Some(texts[rest].clone()),
            "document" => self.document = rest.parse().expect("a number"),
            "item" => self.list_item = Some(rest.parse().expect("a number")),
            "refused" => self.refusal = Some(rest.to_owned()),
            "remove" => (self.path, self.action) = (rest.to_owned(), Some(Remove)),
            "set" => {
                let (path, value) = rest.split_once(" = ").unwrap_or_else(|| panic!("{}: {line}", self.name));
                let value = serde_json::from_str(value).unwrap_or_else(|error| panic!("{}: {error}", self.name));
                (self.path, self.action) = (path.to_owned(), Some(Set(value)));
            }
            _ => panic!("{}: {line:?} says nothing", self.name),
        }
    }
}

fn put(hunk: &mut Hunk, line: &str) {
    if line == "\\" {
        hunk.last_mut().expect("a line").1.pop();
        return;
    }
    let mut chars = line.chars();
    let mark = chars.next().expect("a mark");
    let text = SIGNS.iter().fold(chars.as_str().to_owned(), |text, (sign, meant)| text.replace(sign, meant));
    hunk.push((mark, text + "\n"));
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut texts = HashMap::new();
    for (file, content) in FILES {
        for part in content.split("\n\n").map(str::trim_start).filter(|part| !part.is_empty()) {
            let (title, body) = part.split_once('\n').unwrap_or((part, ""));
            let lines = body.lines().filter(|line| !line.is_empty());
            if let Some(name) = title.strip_prefix("= ") {
                let mut text = Hunk::new();
                lines.for_each(|line| put(&mut text, line));
                texts.insert(name, without('+', &text));
                continue;
            }
            let name = title.strip_prefix("# ").unwrap_or_else(|| panic!("{file}: {title:?} is no title"));
            let mut case = Case { name: format!("{file}: {name}"), hunks: vec![Hunk::new()], ..Case::default() };
            lines.for_each(|line| case.take(line, &texts));
            cases.push(case);
        }
    }
    cases
}

/// Every edit gives exactly the bytes that a careful person would have written, or is refused for the reason that the
/// table has. One that is made is made once, and takes nothing back of what it says.
#[test]
fn edits_touch_only_the_bytes_they_mean() {
    let cases = cases();
    let (mut done, mut refused, mut wrong) = (0, Vec::new(), Vec::new());
    for case in &cases {
        let (before, after) = case.texts();
        let edit = case.edit();
        match (apply(&before, &edit), &case.refusal) {
            (Ok(text), None) if text == after => {
                done += 1;
                if matches!(edit.action, Set(_)) {
                    assert_eq!(apply(&text, &edit).as_ref(), Ok(&text), "{}: not made once", case.name);
                }
            }
            (Err(error), Some(reason)) if format!("{error:?}").contains(&**reason) => {
                refused.push(format!("{}: {error}", case.name));
            }
            (Ok(text), _) => wrong.push(format!("{}\n{text}", case.name)),
            (Err(error), _) => wrong.push(format!("{}\n{error:?}", case.name)),
        }
    }
    println!("{} cases: {done} done, {} refused, {} wrong", cases.len(), refused.len(), wrong.len());
    println!("{}", refused.join("\n"));
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), cases.len(), wrong.join("\n\n"));
    assert!(done > 200 && refused.len() < done / 5, "{done} done, {} refused", refused.len());
}
