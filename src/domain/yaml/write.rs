//! Values written so that a YAML 1.1 reader and a YAML 1.2 reader read what was meant.
//! Takes values, gives text; where the text goes is decided by `splice`.

use granit_parser::ScalarStyle;
use serde_json::{Map, Value};

use crate::domain::yaml::scalar;

/// How a file is laid out.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Its line end.
    pub(super) eol: &'static str,
    /// Columns by which a nested map is indented.
    pub(super) indent: usize,
    /// Columns by which a list below a key is indented.
    pub(super) list_indent: usize,
    /// Whether texts of several lines may be written over several lines.
    pub(super) blocks: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self { eol: "\n", indent: 2, list_indent: 2, blocks: true }
    }
}

/// A whole document in block style with a final line end.
pub fn to_yaml(value: &Value) -> String {
    let layout = Layout { list_indent: 0, ..Layout::default() };
    match value {
        Value::Object(map) if !map.is_empty() => map_lines(map, 0, &layout) + "\n",
        Value::Array(items) if !items.is_empty() => list_lines(items, 0, &layout) + "\n",
        other => flow(other, Flow::Yaml) + "\n",
    }
}

/// Whether a value has something below it, so that block style takes several lines.
pub(super) fn is_nested(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// A scalar (or an empty list or map) in the quotes it had before, or in those it needs.
pub(super) fn scalar(value: &Value, before: Option<ScalarStyle>, in_flow: bool) -> String {
    let Value::String(text) = value else { return without_quotes(value) };
    match before {
        Some(ScalarStyle::DoubleQuoted) => double_quoted(text),
        Some(ScalarStyle::SingleQuoted) if text.chars().all(is_printable) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        _ if is_plain(text, in_flow) => text.clone(),
        _ => double_quoted(text),
    }
}

/// A number, bool or null (or an empty list or map). A number with an exponent needs a point and a sign for some readers.
fn without_quotes(value: &Value) -> String {
    let text = value.to_string();
    match text.split_once('e') {
        Some((digits, exponent)) if value.is_f64() => {
            let point = if digits.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with(['-', '+']) { "" } else { "+" };
            format!("{digits}{point}e{sign}{exponent}")
        }
        _ => text,
    }
}

/// A key with the quotes it needs.
pub(super) fn key(text: &str, flow: Option<Flow>) -> String {
    match flow {
        Some(Flow::Json) => double_quoted(text),
        _ if is_plain(text, flow.is_some()) => text.to_owned(),
        _ => double_quoted(text),
    }
}

/// The two ways in which flow style is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// `{cpu: 100m}`.
    Yaml,
    /// `{"cpu": "100m"}`.
    Json,
}

/// A value on one line.
pub(super) fn flow(value: &Value, style: Flow) -> String {
    match value {
        Value::Object(map) => {
            let entries =
                in_order(map).map(|(name, value)| format!("{}: {}", key(name, Some(style)), flow(value, style)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(|item| flow(item, style)).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) if style == Flow::Json => double_quoted(text),
        other => scalar(other, None, true),
    }
}

/// A value as JSON over several lines, the first of which is indented by `indent`.
pub(super) fn json_lines(value: &Value, indent: &str, layout: &Layout) -> String {
    let inner = format!("{indent}{}", if indent.starts_with('\t') { "\t".to_owned() } else { blanks(layout.indent) });
    let lines: Vec<String> = match value {
        Value::Object(map) if !map.is_empty() => in_order(map)
            .map(|(name, value)| format!("{inner}{}: {}", double_quoted(name), json_lines(value, &inner, layout)))
            .collect(),
        Value::Array(items) if !items.is_empty() => {
            items.iter().map(|item| format!("{inner}{}", json_lines(item, &inner, layout))).collect()
        }
        other => return flow(other, Flow::Json),
    };
    let (open, close) = if value.is_object() { ('{', '}') } else { ('[', ']') };
    let eol = layout.eol;
    format!("{open}{eol}{}{eol}{indent}{close}", lines.join(&format!(",{eol}")))
}

/// What follows `key:` of a key at column `column`.
pub(super) fn after_key(value: &Value, column: usize, layout: &Layout) -> String {
    match value {
        Value::Object(map) if !map.is_empty() => {
            format!("{}{}", layout.eol, map_lines(map, column + layout.indent, layout))
        }
        Value::Array(items) if !items.is_empty() => {
            format!("{}{}", layout.eol, list_lines(items, column + layout.list_indent, layout))
        }
        other => after_mark(other, column, layout),
    }
}

/// What follows the dash at column `column` of an item whose content stands `width` columns further.
pub(super) fn after_dash(value: &Value, column: usize, width: usize, layout: &Layout) -> String {
    let lines = match value {
        Value::Object(map) if !map.is_empty() => map_lines(map, column + width, layout),
        Value::Array(items) if !items.is_empty() => list_lines(items, column + width, layout),
        other => return after_mark(other, column, layout),
    };
    format!("{}{}", blanks(width.saturating_sub(1)), lines.trim_start_matches(' '))
}

fn after_mark(value: &Value, column: usize, layout: &Layout) -> String {
    match value {
        Value::String(text) if layout.blocks && text.trim_end_matches('\n').contains('\n') && is_block(text) => {
            let (header, body) = block_scalar(text, '|', column + layout.indent, layout);
            format!(" {header}{body}")
        }
        other => format!(" {}", scalar(other, None, false)),
    }
}

/// Whether a text can be written as a block scalar.
pub(super) fn is_block(text: &str) -> bool {
    !text.trim_matches('\n').is_empty()
        && !text.starts_with([' ', '\t', '\n'])
        && text.chars().all(|char| matches!(char, '\n' | '\t') || is_printable(char))
}

/// A block scalar: its header, and its lines with the line end before each. `text` has passed [`is_block`].
pub(super) fn block_scalar(text: &str, mark: char, column: usize, layout: &Layout) -> (String, String) {
    let body = text.trim_end_matches('\n');
    let newlines = text.len() - body.len();
    let chomping = match newlines {
        0 => "-",
        1 => "",
        _ => "+",
    };
    let mut lines = String::new();
    for line in body.split('\n') {
        lines.push_str(layout.eol);
        if !line.is_empty() {
            lines.push_str(&blanks(column));
            lines.push_str(line);
        }
    }
    lines.push_str(&layout.eol.repeat(newlines.saturating_sub(1)));
    (format!("{mark}{chomping}"), lines)
}

/// `count` blanks.
pub(super) fn blanks(count: usize) -> String {
    " ".repeat(count)
}

/// The entries as people write them: the name first, except in a reference such as `roleRef`, which starts with a kind.
fn in_order(map: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let is_first = |name: &str| name == "name" && !map.contains_key("kind");
    let first = map.iter().filter(move |(name, _)| is_first(name));
    first.chain(map.iter().filter(move |(name, _)| !is_first(name)))
}

fn map_lines(map: &Map<String, Value>, column: usize, layout: &Layout) -> String {
    let lines = in_order(map).map(|(name, value)| entry(name, value, column, layout));
    lines.collect::<Vec<_>>().join(layout.eol)
}

/// `key: value` at column `column`, without a line end after it.
pub(super) fn entry(name: &str, value: &Value, column: usize, layout: &Layout) -> String {
    let (before, key, value) = (blanks(column), key(name, None), after_key(value, column, layout));
    // what begins with more than 1,024 characters is no key unless it says so
    if key.len() > 1000 {
        format!("{before}? {key}{}{before}:{value}", layout.eol)
    } else {
        format!("{before}{key}:{value}")
    }
}

fn list_lines(items: &[Value], column: usize, layout: &Layout) -> String {
    let lines = items.iter().map(|item| format!("{}-{}", blanks(column), after_dash(item, column, 2, layout)));
    lines.collect::<Vec<_>>().join(layout.eol)
}

fn is_printable(char: char) -> bool {
    !char.is_control() && !matches!(char, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn double_quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for char in text.chars() {
        match char {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            char if is_printable(char) => quoted.push(char),
            char => quoted.push_str(&format!("\\u{:04x}", u32::from(char))),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a text can stand without quotes and be read as that text by YAML 1.1 and 1.2.
fn is_plain(text: &str, in_flow: bool) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let marks = "!&*|>@`\"'%#{}[],";
    let is_mark = marks.contains(first)
        || matches!(first, '-' | ':' | '?') && text[1..].chars().next().is_none_or(|next| " ,[]{}".contains(next));
    let breaks = text.contains(": ")
        || text.contains(" #")
        || text.ends_with(':')
        || text.starts_with("---")
        || text.starts_with("...")
        || !text.chars().all(is_printable)
        || text.trim() != text
        || in_flow && (text.contains(['{', '}', '[', ']', ',', '?']) || first == ':');
    !is_mark && !breaks && scalar::is_text(text) && !is_trap(text)
}

/// Texts that another reader than kubectl takes for something else.
fn is_trap(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if matches!(lower.as_str(), "<<" | "=" | "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n")
        || matches!(lower.trim_start_matches(['+', '-']), ".inf" | ".nan")
    {
        return true;
    }
    // numbers of any base, sexagesimals, dates and times
    let digits = lower.trim_start_matches(['+', '-', '_']);
    let prefixed = ["0x", "0o", "0b"].iter().any(|prefix| {
        digits.strip_prefix(prefix).is_some_and(|rest| rest.chars().all(|char| char.is_ascii_hexdigit() || char == '_'))
    });
    prefixed
        || is_date(text)
        || digits.starts_with(|char: char| char.is_ascii_digit() || char == '.')
            && digits.chars().all(|char| char.is_ascii_digit() || "._e+-:".contains(char))
            && digits.contains(|char: char| char.is_ascii_digit())
            && !is_version(text)
}

/// `2024-01-01`, with or without a time.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 8 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-' && bytes[5].is_ascii_digit()
}

/// `1.25.3` is a number to no reader: at least two dots between digits, and nothing else.
fn is_version(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() > 2 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::yaml::read_documents;

    /// What any YAML reader could take for something else is quoted; ordinary texts are not.
    #[test]
    fn only_what_needs_quotes_gets_them() {
        let quoted = "yes|on|y|N|012|0o17|0x1F|0b11|1e3|1_000|~|Null|nUll|tRue|2026-01-01|2026-01-01T00:00:00Z|.5|5.|12:30:45|1:30|=|<<|-|- a|? a|: a|a: b|a #b|#a|&a|*a|!a|%a|@a|`a|'a|\"a|{a|[a|,a|a:|---|....| a|a |-.inf|.NaN|+1|-1";
        for text in quoted.split('|').chain(["", "a\tb", "a\u{2028}", "|", ">"]) {
            assert!(scalar(&json!(text), None, false).starts_with('"'), "{text}");
        }
        for text in [
            "nginx:1.25",
            "100m",
            "1Gi",
            "a b",
            "http://x/y?z#f",
            "-x",
            "--flag",
            "1.25.3",
            "a,b",
            "it's",
            "été",
            "10.0.0.0/8",
            "0xyz",
            "v1",
            "?x",
            ":x",
        ] {
            assert_eq!(scalar(&json!(text), None, false), text);
        }
        for text in ["a,b", "a[0]", "a?"] {
            assert!(scalar(&json!(text), None, true).starts_with('"'), "{text}");
        }
    }

    /// What is written is read back, in every style.
    #[test]
    fn what_is_written_is_read_back() {
        let value = json!({"a": {"b": [1, "1", true, "true", null, "", {}, [], {"x": ["y", ["z"]]}, [[1], 2]]},
            "text": "l1\n\n  l2\n", "keep": "a\n\n\n", "strip": "a\nb", "lead": " a\nb", "tabs": "a\tb\n\tc\n",
            "odd": "\u{7}\u{feff}\u{a0}\\\"", "yes": "no", "1.5": 2.5, "a: b": "c", "crlf": "a\r\nb\r\n", "big": 1e30, "small": 1.5e-9});
        let wrapped = json!({"k": value});
        for text in [
            to_yaml(&wrapped),
            to_yaml(&wrapped).replace('\n', "\r\n"),
            flow(&wrapped, Flow::Yaml),
            flow(&wrapped, Flow::Json),
            json_lines(&wrapped, "", &Layout::default()),
        ] {
            let documents = read_documents(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(documents[0].root.as_ref().unwrap().to_json(), wrapped, "{text}");
        }
    }

    /// A key may be longer than one that stands before a colon on its line.
    #[test]
    fn long_keys_are_read_back() {
        for name in ["a".repeat(1100), "\u{7}".repeat(300)] {
            let value = json!([{&*name: {&*name: [1, {&*name: "a\nb\n", "k": 1}]}, "z": {&*name: {}}}]);
            let text = to_yaml(&value);
            let documents = read_documents(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(documents[0].root.as_ref().unwrap().to_json(), value, "{text}");
        }
    }
}
