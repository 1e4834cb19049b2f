//! Whole documents of a file: one is taken out, the others keep every byte and comment of theirs.

use serde_json::Value;

use crate::domain::yaml::edit::{EditError, values_of};

/// The text without one document, counted from 0, empty ones included; none where no other document holds anything.
pub fn without(text: &str, document: usize) -> Result<Option<String>, EditError> {
    let mut data = values_of(text)?;
    if document >= data.len() {
        return Err(EditError::NotFound(format!("the file has {} documents, and none at {document}", data.len())));
    }
    data.remove(document);
    if data.iter().all(Value::is_null) {
        return Ok(None);
    }
    let parts = parts(text);
    let is_bare = parts.len() == data.len() + 1;
    let unverified = || EditError::Unverified("the document cannot be taken out alone, edit it by hand".to_owned());
    let index = document + usize::from(!is_bare);
    let part = *parts.get(index).ok_or_else(unverified)?;
    let is_first = index == 0;
    let header = if is_first { header(part) } else { "" };
    let next = if index + 1 < parts.len() { comment_of_next(&part[header.len()..]) } else { "" };
    let mut result = String::with_capacity(text.len());
    for (at, other) in parts.iter().enumerate() {
        if at == index {
            result.push_str(header);
            result.push_str(next);
        } else {
            result.push_str(other);
        }
    }
    match values_of(&result) {
        Ok(read) if read == data => Ok(Some(result)),
        _ => Err(unverified()),
    }
}

/// A text with another document behind it.
pub fn with(text: &str, document: &str) -> String {
    let eol = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { eol };
    let mark = if text.trim().is_empty() { String::new() } else { format!("---{eol}") };
    format!("{text}{end}{mark}{}", document.replace('\n', eol))
}

/// The text cut before each line that begins a document; the first part stands before the first such line.
fn parts(text: &str) -> Vec<&str> {
    let mut cuts = vec![0];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line
            .strip_prefix("---")
            .is_some_and(|rest| rest.trim_end_matches(['\r', '\n']).is_empty() || rest.starts_with([' ', '\t']))
        {
            cuts.push(at);
        }
        at += line.len();
    }
    cuts.push(text.len());
    cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect()
}

/// The comments at the top of a file with the blank line behind them: they are about the file.
fn header(part: &str) -> &str {
    let mut at = 0;
    for line in part.split_inclusive('\n') {
        at += line.len();
        if line.trim().is_empty() {
            return &part[..at];
        }
        if !line.starts_with('#') {
            break;
        }
    }
    ""
}

/// Comments that stand behind a blank line right above the next document.
fn comment_of_next(part: &str) -> &str {
    let lines: Vec<&str> = part.split_inclusive('\n').collect();
    let comments = lines.iter().rev().take_while(|line| line.starts_with('#')).count();
    let (before, after) = lines.split_at(lines.len() - comments);
    let is_apart = before.last().is_some_and(|line| line.trim().is_empty()) && before.len() > 1;
    if is_apart { &part[part.len() - after.iter().map(|line| line.len()).sum::<usize>()..] } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only the one document goes; licence, comments of the others, line ends and empty documents stay.
    #[test]
    fn one_document_goes() {
        for (text, document, expected) in [
            ("a: 1\n---\nb: 2\n", 0, Some("---\nb: 2\n")),
            ("a: 1\n---\nb: 2\n", 1, Some("a: 1\n")),
            ("a: 1\n---\nb: 2", 1, Some("a: 1\n")),
            ("---\na: 1\n---\nb: 2\n", 0, Some("---\nb: 2\n")),
            (
                "# licence\n\n# about a\na: 1\n---\n# about b\nb: 2 # b\n",
                0,
                Some("# licence\n\n---\n# about b\nb: 2 # b\n"),
            ),
            ("# licence\n---\na: 1\n---\nb: 2\n", 1, Some("# licence\n---\na: 1\n")),
            ("# licence\n---\na: 1\n---\nb: 2\n", 0, Some("# licence\n---\nb: 2\n")),
            ("a: 1\n---\nb: |\n  x\n  --- y\n\n# about c\n---\nc: 3\n", 1, Some("a: 1\n# about c\n---\nc: 3\n")),
            ("a: 1\n---\n---\nc: 3\n", 2, Some("a: 1\n---\n")),
            ("a: 1\n---\n---\nc: 3\n", 0, Some("---\n---\nc: 3\n")),
            ("a: 1\r\n--- # b\r\nb: 2\r\n---\r\nc: 3\r\n", 1, Some("a: 1\r\n---\r\nc: 3\r\n")),
            ("a: 1\n", 0, None),
            ("---\na: 1\n---\n# nothing\n---\n", 0, None),
            ("%YAML 1.2\n---\na: 1\n...\n%YAML 1.2\n---\nb: 1\n", 0, Some("%YAML 1.2\n---\nb: 1\n")),
            ("--- {a: 1}\n--- {b: 2}\n", 1, Some("--- {a: 1}\n")),
        ] {
            assert_eq!(without(text, document).as_ref().map(|text| text.as_deref()), Ok(expected), "{text}");
        }
        for (text, document) in [("a: 1\n", 1), ("a: [\n", 0)] {
            assert!(without(text, document).is_err(), "{text}");
        }
    }

    /// A document that is added stands alone behind the others.
    #[test]
    fn a_document_is_added() {
        for (text, expected) in [
            ("a: 1\n", "a: 1\n---\nb: 2\n"),
            ("a: 1", "a: 1\n---\nb: 2\n"),
            ("a: 1\r\n", "a: 1\r\n---\r\nb: 2\r\n"),
            ("", "b: 2\n"),
        ] {
            assert_eq!(with(text, "b: 2\n"), expected);
        }
    }
}
