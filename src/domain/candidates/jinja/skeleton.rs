//! A template as YAML: its code set aside, so that the editor reads what is written literally, and put back after it.
//!
//! Code within a line becomes a word (`replicas: {{ n }}` → `replicas: code0x`), lines of nothing but code become
//! comments. An edit that would lose, double or move one of them touches more than literals, and is refused.

/// A template whose code is set aside.
pub(super) struct Skeleton {
    /// The template as YAML.
    pub(super) text: String,
    /// What words for code begin with; nothing else in the template does.
    word: String,
    /// The code behind the words within lines.
    codes: Vec<String>,
    /// The lines behind the comments, with words within them.
    lines: Vec<String>,
}

impl Skeleton {
    /// Sets the code of a template aside. `foreign` is text that an edit may bring in.
    pub(super) fn of(template: &str, foreign: &str) -> Result<Self, String> {
        let taken = |word: &String| template.contains(word.as_str()) || foreign.contains(word.as_str());
        let word = (0..).map(|number| format!("jinja{number}code")).find(|word| !taken(word)).unwrap_or_default();
        let mut codes = Vec::new();
        let mut text = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(at) = rest.find('{').map(|at| next_code(rest, at)) {
            let Some(at) = at else { break };
            let length = code_length(&rest[at..]).ok_or("the template has code that does not end")?;
            text.push_str(&rest[..at]);
            text.push_str(&inner_word(&word, codes.len()));
            codes.push(rest[at..at + length].to_owned());
            rest = &rest[at + length..];
        }
        text.push_str(rest);
        let mut skeleton = Self { text: String::new(), word, codes, lines: Vec::new() };
        skeleton.text = skeleton.with_comments(&text);
        Ok(skeleton)
    }

    /// Lines of nothing but code as comments, indented as the next line with content.
    fn with_comments(&mut self, text: &str) -> String {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut indent = "";
        let mut shown: Vec<String> = Vec::with_capacity(lines.len());
        let is_code: Vec<bool> = lines.iter().map(|line| self.is_only_code(line)).collect();
        for (line, is_code) in lines.iter().zip(is_code).rev() {
            let content = line.trim_end_matches(['\r', '\n']);
            if is_code {
                let end = &line[content.len()..];
                shown.push(format!("{indent}# {}{end}", outer_word(&self.word, self.lines.len())));
                self.lines.push(content.to_owned());
            } else {
                if !content.trim().is_empty() {
                    indent = &content[..content.len() - content.trim_start_matches(' ').len()];
                }
                shown.push((*line).to_owned());
            }
        }
        shown.reverse();
        shown.concat()
    }

    fn is_only_code(&self, line: &str) -> bool {
        let mut rest = line.trim();
        let mut seen = false;
        while let Some(after) = rest.strip_prefix(self.word.as_str()) {
            rest = after.trim_start_matches(|char: char| char.is_ascii_digit()).trim_start_matches('x').trim_start();
            seen = true;
        }
        seen && rest.is_empty()
    }

    /// Whether code takes part in a text of the skeleton.
    pub(super) fn has_code(&self, text: &str) -> bool {
        text.contains(&self.word)
    }

    /// The line of the template at which a line of the skeleton stands.
    pub(super) fn line_in_template(&self, line: usize) -> usize {
        let before: String = self.text.split_inclusive('\n').take(line.saturating_sub(1)).collect();
        self.filled(&before).matches('\n').count() + 1
    }

    /// The template again, from an edited skeleton.
    pub(super) fn restored(&self, edited: &str) -> Result<String, String> {
        if ["{{", "{%", "{#"].iter().any(|start| edited.contains(start)) {
            return Err("the value would be read as code of the template".to_owned());
        }
        if self.words(edited) != self.words(&self.text) {
            return Err("code of the template stands there".to_owned());
        }
        Ok(self.filled(edited))
    }

    /// The words for code in a text, in their order.
    fn words<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let until = |rest: &'t str| rest.find('x').map_or(rest, |end| &rest[..end]);
        text.split(self.word.as_str()).skip(1).map(until).collect()
    }

    fn filled(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let content = line.trim_end_matches(['\r', '\n']);
            let number = content.trim_start().strip_prefix("# ").and_then(|rest| rest.strip_prefix(self.word.as_str()));
            let number = number.and_then(|rest| rest.strip_prefix("line")?.strip_suffix('x')?.parse::<usize>().ok());
            match number.and_then(|number| self.lines.get(number)) {
                Some(original) => filled.push_str(&self.codes_in(original)),
                None => filled.push_str(&self.codes_in(content)),
            }
            filled.push_str(&line[content.len()..]);
        }
        filled
    }

    fn codes_in(&self, text: &str) -> String {
        let mut parts = text.split(self.word.as_str());
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (number, rest) = part.split_once('x').unwrap_or((part, ""));
            filled
                .push_str(number.parse().ok().and_then(|number: usize| self.codes.get(number)).map_or("", |code| code));
            filled.push_str(rest);
        }
        filled
    }
}

fn inner_word(word: &str, number: usize) -> String {
    format!("{word}{number}x")
}

fn outer_word(word: &str, number: usize) -> String {
    format!("{word}line{number}x")
}

/// The next place from `at` on where code begins.
fn next_code(text: &str, at: usize) -> Option<usize> {
    let mut from = at;
    loop {
        if matches!(text.as_bytes().get(from + 1), Some(b'{' | b'%' | b'#')) {
            return Some(from);
        }
        from = from + 1 + text[from + 1..].find('{')?;
    }
}

/// How long the code is that a text begins with; a raw block is one piece of code up to its end.
fn code_length(text: &str) -> Option<usize> {
    let end = match text.as_bytes()[1] {
        b'#' => return text.find("#}").map(|end| end + 2),
        b'%' => tag_end(text, "%}")?,
        _ => return tag_end(text, "}}"),
    };
    let name = text[2..end - 2].trim_matches(['-', '+']).trim();
    if name != "raw" {
        return Some(end);
    }
    let mut at = end;
    loop {
        at += text[at..].find("{%")?;
        let close = tag_end(&text[at..], "%}")?;
        if text[at + 2..at + close - 2].trim_matches(['-', '+']).trim() == "endraw" {
            return Some(at + close);
        }
        at += 2;
    }
}

/// The end of a tag; what stands in quotes does not end it.
fn tag_end(text: &str, close: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut at = 2;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(_), b'\\') => at += 1,
            (Some(open), byte) if open == byte => quote = None,
            (None, byte @ (b'"' | b'\'')) => quote = Some(byte),
            (None, _) if bytes[at..].starts_with(close.as_bytes()) => return Some(at + close.len()),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::yaml::read_documents;

    const TEMPLATE: &str = "\
{# the web
   server #}
kind: Deployment
metadata:
  name: {{ name }}
  labels:
    app: web
    {% for key, value in labels.items() %}
    {{ key }}: \"{{ value | default('}}') }}\"
    {%- endfor %}
  text: |
    first
{% if x %}
    {% raw %}{{ left }}{% endraw %}
{% endif %}
    last
spec: {replicas: {{ replicas }}, image: {{ registry }}/web:{{ tag }}}\r
";

    /// What stands beside the code is YAML, and comes back byte by byte.
    #[test]
    fn code_is_set_aside_and_put_back() {
        let skeleton = Skeleton::of(TEMPLATE, "jinja0code").expect("skeleton");
        assert!(!skeleton.text.contains("jinja0code") && skeleton.has_code(&skeleton.text));
        let documents = read_documents(&skeleton.text).unwrap_or_else(|error| panic!("{error}\n{}", skeleton.text));
        let object = documents[0].root.as_ref().expect("root").to_json();
        assert_eq!(object["metadata"]["labels"]["app"], "web");
        assert!(object["metadata"]["text"].as_str().is_some_and(|text| text.starts_with("first\n")), "{object}");
        assert_eq!(skeleton.restored(&skeleton.text).as_deref(), Ok(TEMPLATE));
        assert_eq!(skeleton.line_in_template(documents[0].line), 3);
        let edited = skeleton.text.replace("app: web", "app: shop");
        assert_eq!(skeleton.restored(&edited), Ok(TEMPLATE.replace("app: web", "app: shop")));
    }

    /// Code is neither lost nor moved nor made.
    #[test]
    fn code_is_not_touched() {
        let skeleton = Skeleton::of("a: {{ x }}\nb: 1\n{% if c %}\nd: 2\n{% endif %}\n", "").expect("skeleton");
        let lines: Vec<_> = skeleton.text.lines().collect();
        let without = |line: usize| [&lines[..line], &lines[line + 1..]].concat().join("\n");
        for edited in [
            without(0),
            without(2),
            format!("{}\n{}", skeleton.text, lines[0]),
            [lines[4], lines[3], lines[2], lines[1], lines[0]].join("\n"),
            skeleton.text.replace("b: 1", "b: '{{ x }}'"),
            skeleton.text.replace("b: 1", "b: '{% raw'"),
        ] {
            assert!(skeleton.restored(&edited).is_err(), "{edited}");
        }
        for endless in ["a: {{ x", "{% raw %}x", "{# x", "a: {{ '}}'"] {
            assert!(Skeleton::of(endless, "").is_err(), "{endless}");
        }
    }
}
