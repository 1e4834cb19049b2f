//! The one grammar of field paths and patterns: printing and parsing are inverse.

use std::fmt;

use serde_json::Value;

use crate::domain::field_path::{Key, PathError, Step};

/// One step as written: exact, `*` or `**`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PatternStep {
    Exact(Step),
    Any,
    AnyDepth,
}

impl From<&Step> for PatternStep {
    fn from(step: &Step) -> Self {
        Self::Exact(step.clone())
    }
}

fn is_plain_field(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '$'))
}

/// Texts that would read back as a number or a bool, or hold a mark of the syntax, are quoted.
pub(super) fn is_plain_key(text: &str) -> bool {
    !text.is_empty()
        && text.parse::<i64>().is_err()
        && !matches!(text, "true" | "false")
        && text.chars().all(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | '/' | ':' | '$'))
}

pub(super) fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&Value::from(text).to_string())
}

pub(super) fn write_steps(f: &mut fmt::Formatter<'_>, steps: impl Iterator<Item = PatternStep>) -> fmt::Result {
    let mut first = true;
    for step in steps {
        let dot = if first { "" } else { "." };
        match step {
            PatternStep::Any => write!(f, "{dot}*")?,
            PatternStep::AnyDepth => write!(f, "{dot}**")?,
            PatternStep::Exact(Step::Field(name)) if is_plain_field(&name) => write!(f, "{dot}{name}")?,
            PatternStep::Exact(Step::Field(name)) => {
                f.write_str("[")?;
                write_quoted(f, &name)?;
                f.write_str("]")?;
            }
            PatternStep::Exact(Step::Index(index)) => write!(f, "[{index}]")?,
            PatternStep::Exact(Step::Member(key)) => write!(f, "[={key}]")?,
            PatternStep::Exact(Step::Item(keys)) => {
                for (position, (name, key)) in keys.iter().enumerate() {
                    f.write_str(if position == 0 { "[" } else { "," })?;
                    if is_plain_field(name) && !name.starts_with(|char: char| char.is_ascii_digit()) {
                        write!(f, "{name}={key}")?;
                    } else {
                        write_quoted(f, name)?;
                        write!(f, "={key}")?;
                    }
                }
                f.write_str("]")?;
            }
            PatternStep::Exact(Step::Inside) => {
                f.write_str("::")?;
                first = true;
                continue;
            }
        }
        first = false;
    }
    Ok(())
}

pub(super) fn parse(text: &str) -> Result<Vec<PatternStep>, PathError> {
    let mut parser = Parser { text, at: 0 };
    parser.steps().map_err(|message| PathError {
        text: text.to_owned(),
        column: text[..parser.at].chars().count() + 1,
        message,
    })
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn eat(&mut self, mark: &str) -> bool {
        let found = self.rest().starts_with(mark);
        if found {
            self.at += mark.len();
        }
        found
    }

    fn steps(&mut self) -> Result<Vec<PatternStep>, &'static str> {
        let mut steps = Vec::new();
        let mut first = true;
        while !self.rest().is_empty() {
            if self.eat("::") {
                steps.push(PatternStep::Exact(Step::Inside));
                first = true;
                continue;
            }
            if self.eat("[") {
                steps.push(self.bracket()?);
            } else {
                if !first && !self.eat(".") {
                    return Err("expected `.` or `[`");
                }
                steps.push(self.name()?);
            }
            first = false;
        }
        Ok(steps)
    }

    fn name(&mut self) -> Result<PatternStep, &'static str> {
        if self.eat("**") {
            return Ok(PatternStep::AnyDepth);
        }
        if self.eat("*") {
            return Ok(PatternStep::Any);
        }
        let name = self.take_while(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '$'));
        if name.is_empty() {
            Err("expected a field name, quote it as `[\"a.b/c\"]`")
        } else {
            Ok(PatternStep::Exact(Step::Field(name)))
        }
    }

    fn bracket(&mut self) -> Result<PatternStep, &'static str> {
        let step = if self.eat("*") {
            PatternStep::Any
        } else if self.rest().starts_with('"') {
            let start = self.at;
            let name = self.quoted()?;
            if self.rest().starts_with('=') {
                self.at = start;
                PatternStep::Exact(Step::Item(self.keys()?))
            } else {
                PatternStep::Exact(Step::Field(name))
            }
        } else if self.eat("=") {
            PatternStep::Exact(Step::Member(self.key()?))
        } else if self.rest().starts_with(|char: char| char.is_ascii_digit()) {
            let digits = self.take_while(|char| char.is_ascii_digit());
            PatternStep::Exact(Step::Index(digits.parse().map_err(|_| "the index is too large")?))
        } else {
            PatternStep::Exact(Step::Item(self.keys()?))
        };
        if self.eat("]") { Ok(step) } else { Err("expected `]`") }
    }

    fn keys(&mut self) -> Result<Vec<(String, Key)>, &'static str> {
        let mut keys = Vec::new();
        loop {
            let is_quoted = self.rest().starts_with('"');
            let name = if is_quoted {
                self.quoted()?
            } else {
                self.take_while(|char| char.is_alphanumeric() || matches!(char, '_' | '-' | '$'))
            };
            if (name.is_empty() && !is_quoted) || !self.eat("=") {
                return Err("expected `key=value`, an index or a quoted name");
            }
            keys.push((name, self.key()?));
            if !self.eat(",") {
                return Ok(keys);
            }
        }
    }

    fn key(&mut self) -> Result<Key, &'static str> {
        if self.rest().starts_with('"') {
            return self.quoted().map(Key::Text);
        }
        let text = self.take_while(|char| !matches!(char, ',' | ']' | '"' | '[' | '='));
        match text.as_str() {
            "" => Err("expected a value after `=`"),
            "true" => Ok(Key::Bool(true)),
            "false" => Ok(Key::Bool(false)),
            _ => Ok(text.parse().map_or(Key::Text(text), Key::Number)),
        }
    }

    fn quoted(&mut self) -> Result<String, &'static str> {
        let mut stream = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
        let text = stream.next().and_then(Result::ok).ok_or("the quoted text is not closed")?;
        let length = stream.byte_offset();
        self.at += length;
        Ok(text)
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> String {
        let taken: String = self.rest().chars().take_while(|char| keep(*char)).collect();
        self.at += taken.len();
        taken
    }
}
