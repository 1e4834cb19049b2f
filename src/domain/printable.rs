//! Text from manifests, the cluster or a forge, made fit for one line of a terminal or a page: what would steer the
//! terminal or hide from the reader (control characters, escapes, bidirectional marks) is written out.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::domain::secret::is_masked;

/// Whether a character would steer a terminal, break the line or hide from the reader.
pub fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e01ef}')
}

/// The text with every hidden character written out: `\n`, `\t`, `\x1b`, `\u{202e}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for char in text.chars() {
        match char {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            char if char.is_ascii_control() => {
                let _ = write!(shown, "\\x{:02x}", u32::from(char));
            }
            char if is_hidden(char) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(char));
            }
            char => shown.push(char),
        }
    }
    Cow::Owned(shown)
}

/// A value on one line: texts bare where they cannot be mistaken for something else, the rest as JSON, and only the
/// head of a mask, which is enough to tell two apart.
pub fn value(value: &Value) -> String {
    match value {
        Value::String(text) if is_masked(text) => format!("({})", &text[..text.len().min(15)]),
        Value::String(text) if is_bare(text) => text.clone(),
        other => visible(&other.to_string()).into_owned(),
    }
}

/// Whether a text is its own best spelling: no number, bool or null, nothing at its edges that a reader would miss.
fn is_bare(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.starts_with(['"', '{', '[', '('])
        && !matches!(text, "true" | "false" | "null" | "~")
        && text.parse::<f64>().is_err()
        && !text.chars().any(is_hidden)
}

/// How many columns of a terminal the text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text cut to `columns` columns of a terminal, with `…` where it was cut.
pub fn shorten(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut used = 1; // the mark itself
    for char in text.chars() {
        used += char.width().unwrap_or(0);
        if used > columns {
            break;
        }
        kept.push(char);
    }
    kept.push('…');
    Cow::Owned(kept)
}

/// The text cut to `columns` columns at its start, for paths, whose end says which field it is.
pub fn shorten_start(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut used = 1; // the mark itself
    let mut start = text.len();
    for (at, char) in text.char_indices().rev() {
        used += char.width().unwrap_or(0);
        if used > columns {
            break;
        }
        start = at;
    }
    Cow::Owned(format!("…{}", &text[start..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What would steer a terminal or reorder the line is written out; everything else stays as it is.
    #[test]
    fn hidden_characters_are_written_out() {
        let cases = [
            ("web", "web"),
            ("größe 漢字", "größe 漢字"),
            ("a\nb\t\r", "a\\nb\\t\\r"),
            ("\x1b[31mred", "\\x1b[31mred"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\x7f"),
            ("user\u{202e}nimda", "user\\u{202e}nimda"),
            ("a\u{200b}b\u{feff}", "a\\u{200b}b\\u{feff}"),
        ];
        for (text, shown) in cases {
            assert_eq!(visible(text), shown);
        }
    }

    /// Values that a reader could take for another type, or not see at all, are quoted.
    #[test]
    fn values_are_told_apart() {
        let mask = format!("masked:{}", "0123456789abcdef".repeat(2));
        let cases = [
            (json!("512Mi"), "512Mi"),
            (json!("3"), "\"3\""),
            (json!(3), "3"),
            (json!("true"), "\"true\""),
            (json!(true), "true"),
            (json!(""), "\"\""),
            (json!(" x"), "\" x\""),
            (json!("a\u{202e}"), "\"a\\u{202e}\""),
            (json!({"cpu": "1", "x": [1, null]}), "{\"cpu\":\"1\",\"x\":[1,null]}"),
            (json!(mask), "(masked:01234567)"),
        ];
        for (given, shown) in cases {
            assert_eq!(value(&given), shown);
        }
    }

    proptest! {
        /// No text, however made, gets a control character through, and a cut text fits its columns.
        #[test]
        fn nothing_hidden_survives(text in "\\PC*|[\\x00-\\x7f]*|[\\u{80}-\\u{9f}\\u{200b}-\\u{206f}a]*", columns in 1usize..40) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(is_hidden));
            prop_assert!(width(&shorten(&shown, columns)) <= columns);
            prop_assert!(width(&shorten_start(&shown, columns)) <= columns);
            prop_assert!(!value(&Value::from(text)).chars().any(is_hidden));
        }
    }
}
