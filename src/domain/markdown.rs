//! Text from outside, made fit for GitHub's Markdown: nothing in it becomes markup, HTML, a link, a mention or a
//! reference to an issue. `escape` is for running text, `code` for values, `table_cell` for either inside a table.

use crate::domain::printable::visible;

/// Separates what GitHub would link after rendering (mentions and issue references survive a backslash).
const BREAK: &str = "&#8203;";

/// The text as running text on one line. Safe at the start of a line and inside a table.
pub fn escape(text: &str) -> String {
    let shown = visible(text);
    let text = shown.trim();
    let mut out = String::with_capacity(text.len() + 16);
    let mut only_digits = true;
    for (at, char) in text.char_indices() {
        let after = text[at + char.len_utf8()..].chars().next();
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' => out.push_str("&#124;"), // a backslash before it would mean something else inside a table
            '$' => out.push_str("&#36;"),
            '@' => {
                out.push('@');
                out.push_str(BREAK);
            }
            '#' => {
                out.push_str("\\#");
                out.push_str(BREAK);
            }
            ':' if after == Some('/') => {
                out.push_str(if at == 0 { "\\:" } else { ":" });
                out.push_str(BREAK);
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '~' | '{' | '}' => {
                out.push('\\');
                out.push(char);
            }
            '-' | '+' | '=' | ':' if at == 0 => {
                out.push('\\');
                out.push(char);
            }
            '.' | ')' if at > 0 && only_digits => {
                out.push('\\');
                out.push(char);
            }
            char => out.push(char),
        }
        only_digits &= char.is_ascii_digit();
        if links_by_itself(&text[..at + char.len_utf8()]) {
            out.push_str(BREAK);
        }
    }
    out
}

/// Whether the text ends in a word that GitHub links together with what follows: `www` (`www.example.com`), `GH-`
/// (`GH-12`).
fn links_by_itself(text: &str) -> bool {
    ["www", "gh-"].iter().any(|word| {
        text.len() >= word.len() && text.as_bytes()[text.len() - word.len()..].eq_ignore_ascii_case(word.as_bytes())
    })
}

/// The text as inline code on one line, which links and mentions never leave.
/// Inside a table it also needs [`table_cell`].
pub fn code(text: &str) -> String {
    let shown = visible(text);
    if shown.trim().is_empty() {
        return format!("`\"{shown}\"`");
    }
    let fence = "`".repeat(longest_run(&shown) + 1);
    // a renderer takes one blank off both ends if both have one
    let needs_pad = shown.starts_with('`') || shown.ends_with('`') || (shown.starts_with(' ') && shown.ends_with(' '));
    let pad = if needs_pad { " " } else { "" };
    format!("{fence}{pad}{shown}{pad}{fence}")
}

/// Lines of a program as a fenced block; the fence is longer than any run of backticks inside.
pub fn code_block(text: &str, language: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let lines: Vec<_> = text.lines().map(visible).collect();
    format!("{fence}{language}\n{}\n{fence}", lines.join("\n"))
}

fn longest_run(text: &str) -> usize {
    let (mut longest, mut run) = (0, 0);
    for char in text.chars() {
        run = if char == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

/// What [`escape`] and [`code`] made, as one cell of a table: pipes inside code would end the cell.
pub fn table_cell(markdown: &str) -> String {
    markdown.replace(['\n', '\r'], " ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The attacks that matter, spelled out.
    #[test]
    fn escape_takes_the_meaning_away() {
        let cases = [
            ("plain text, 3.5 GiB (really)", "plain text, 3.5 GiB (really)"),
            ("@octocat", "@&#8203;octocat"),
            ("fixes #12 and GH-12", "fixes \\#&#8203;12 and GH-&#8203;12"),
            ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
            ("[click](https://evil.example)", "\\[click\\](https:&#8203;//evil.example)"),
            ("www.evil.example", "www&#8203;.evil.example"),
            ("**bold** _it_ `code`", "\\*\\*bold\\*\\* \\_it\\_ \\`code\\`"),
            ("# title\n---", "\\#&#8203; title\\\\n---"),
            ("1. item", "1\\. item"),
            ("- item", "\\- item"),
            ("a | b", "a &#124; b"),
            ("    indented", "indented"),
            ("<!-- trueup: {} -->", "&lt;\\!-- trueup: \\{\\} --&gt;"),
            ("$x$", "&#36;x&#36;"),
        ];
        for (text, escaped) in cases {
            assert_eq!(escape(text), escaped, "{text}");
        }
    }

    /// Code survives backticks, edges and line ends, and a pipe in it does not end its cell.
    #[test]
    fn code_keeps_the_text() {
        let cases = [
            ("512Mi", "`512Mi`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("a``", "``` a`` ```"),
            (" x ", "`  x  `"),
            ("two\nlines", "`two\\nlines`"),
            ("", "`\"\"`"),
            ("@octocat <b>", "`@octocat <b>`"),
        ];
        for (text, code_span) in cases {
            assert_eq!(code(text), code_span, "{text}");
        }
        assert_eq!(table_cell(&code("a|b")), "`a\\|b`");
        assert_eq!(table_cell(&escape("a|b")), "a&#124;b");
    }

    /// Undoes [`escape`] as a renderer would, or says what is left that a renderer would act on.
    fn rendered(markdown: &str) -> Result<String, String> {
        const ENTITIES: [(&str, &str); 6] =
            [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&#124;", "|"), ("&#36;", "$"), (BREAK, "\u{200b}")];
        let mut out = String::new();
        let mut rest = markdown;
        while let Some(char) = rest.chars().next() {
            if let Some((entity, meaning)) = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity)) {
                out.push_str(meaning);
                rest = &rest[entity.len()..];
            } else if char == '\\' {
                let escaped = rest[1..].chars().next().filter(char::is_ascii_punctuation).ok_or("a lone backslash")?;
                out.push(escaped);
                rest = &rest[2..];
            } else if "&<>|$`*_[]!~{}#\n\r".contains(char) {
                return Err(format!("{char:?} is still markup in {markdown:?}"));
            } else {
                out.push(char);
                rest = &rest[char.len_utf8()..];
            }
        }
        Ok(out)
    }

    /// What GitHub would turn into a link or a notification after rendering.
    fn links(text: &str) -> bool {
        regex::Regex::new(r"(?i)@[a-z0-9_]|://|www\.|#[0-9]|\bgh-[0-9]").expect("a valid pattern").is_match(text)
    }

    const HOSTILE: &str = r"([a-zA-Z0-9 .:/@#<>&|$`*_\[\]()!~{}\\+=\n\x1b-]|www\.|https://|GH-1|@a|\PC){0,40}";

    proptest! {
        /// Whatever the text, it reads the same when rendered, and none of it is markup, HTML, a link or a mention.
        #[test]
        fn escaped_text_is_only_text(text in HOSTILE) {
            let escaped = escape(&text);
            let read = rendered(&escaped).map_err(TestCaseError::fail)?;
            prop_assert!(!links(&read), "{escaped}");
            let shown = visible(&text);
            prop_assert_eq!(read.replace('\u{200b}', ""), shown.trim());
            prop_assert!(!escaped.starts_with([' ', '-', '+', '=', ':']));
        }

        /// The span that `code` opens is closed by its own end and nothing before it, so nothing gets out.
        #[test]
        fn code_spans_hold(text in HOSTILE) {
            let span = code(&text);
            let fence = span.chars().take_while(|char| *char == '`').count();
            let inside = &span[fence..span.len() - fence];
            prop_assert!(span.ends_with(&"`".repeat(fence)));
            prop_assert!(inside.split(|char| char != '`').all(|run| run.len() != fence), "{span}");
            prop_assert!(!inside.starts_with('`') && !inside.ends_with('`') && !span.contains('\n'));
            let cell = table_cell(&span);
            prop_assert!(cell.match_indices('|').all(|(at, _)| cell[..at].ends_with('\\')));
        }
    }
}
