//! Variables as kustomize-controller replaces them after a build: the expressions of fluxcd/pkg/envsubst.
//! <https://github.com/fluxcd/pkg/tree/main/envsubst>

use crate::domain::glob;

/// Expressions in expressions after which no more are read.
const MAX_DEPTH: usize = 16;

/// Bytes that the variables of a source may add to its text.
const MAX_BYTES: usize = 64 << 20;

/// Bytes that the patterns of a source may be compared with.
const MAX_STEPS: usize = 1 << 28;

/// Why a text could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Flux refuses it too.
    Broken(&'static str),
    /// It asks for a variable whose value is not to be known.
    Hidden,
    /// The budget does not suffice for it.
    TooLarge,
}

/// What the variables of one source may cost, all of its documents together. A cost is spent before it arises.
///
/// Text grows only by values that are read and by what replaces a part of them more than once; all else is copied from
/// the text, at most once for each level of nesting.
#[derive(Debug)]
pub struct Budget {
    bytes: usize,
    steps: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_BYTES, steps: MAX_STEPS }
    }
}

fn spend(left: &mut usize, cost: usize) -> Result<(), Refusal> {
    *left = left.checked_sub(cost).ok_or(Refusal::TooLarge)?;
    Ok(())
}

/// What a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable<'v> {
    /// It has this value.
    Known(&'v str),
    /// Nobody sets it; it counts as empty.
    Unset,
    /// It may have a value that is not to be known.
    Hidden,
}

/// Replaces every `${…}` of a text; `$$` stands for one `$`.
pub fn replace<'v>(
    text: &str,
    variable: &dyn Fn(&str) -> Variable<'v>,
    budget: &mut Budget,
) -> Result<String, Refusal> {
    let mut reader = Reader { rest: text, variable, budget };
    let mut made = String::with_capacity(text.len());
    loop {
        let Some(at) = reader.rest.find('$') else {
            made.push_str(reader.rest);
            return Ok(made);
        };
        made.push_str(&reader.rest[..at]);
        reader.rest = &reader.rest[at..];
        if reader.take("${") {
            made.push_str(&reader.expression(MAX_DEPTH)?);
        } else {
            made.push('$');
            let _ = reader.take("$$") || reader.take("$");
        }
    }
}

/// Whether a name may be a variable's.
pub fn is_name(name: &str) -> bool {
    let is_start = |char: char| char.is_ascii_alphabetic() || char == '_';
    name.starts_with(is_start) && name.chars().all(|char| is_start(char) || char.is_ascii_digit())
}

/// The variable of a text that is nothing but `${name}`, with a default or without one.
pub fn only_variable(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("${")?.strip_suffix('}')?;
    let end = inner.find(|char: char| !(char.is_alphanumeric() || char == '_')).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(end);
    let is_default = [":=", ":-", "="].iter().any(|operator| rest.starts_with(operator)) && !rest.contains('$');
    (is_name(name) && (rest.is_empty() || is_default)).then_some(name)
}

struct Reader<'t, 'v, 'f> {
    rest: &'t str,
    variable: &'f dyn Fn(&str) -> Variable<'v>,
    budget: &'f mut Budget,
}

impl<'t, 'v> Reader<'t, 'v, '_> {
    fn take(&mut self, start: &str) -> bool {
        let rest = self.rest.strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let (taken, rest) = self.rest.split_at(self.rest.find(|char| !fits(char)).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn close(&mut self) -> Result<(), Refusal> {
        if self.take("}") { Ok(()) } else { Err(Refusal::Broken("an expression is not closed where it should be")) }
    }

    fn name(&mut self) -> Result<&'t str, Refusal> {
        let name = self.take_while(|char| char.is_alphanumeric() || char == '_');
        if name.is_empty() { Err(Refusal::Broken("an expression names no variable")) } else { Ok(name) }
    }

    /// What comes after `${`, up to the brace that closes it.
    fn expression(&mut self, depth: usize) -> Result<String, Refusal> {
        let depth = depth.checked_sub(1).ok_or(Refusal::Broken("expressions are nested too deep"))?;
        if self.take("#") {
            let name = self.name()?;
            self.close()?;
            return Ok(self.value(name)?.len().to_string());
        }
        let name = self.name()?;
        let next = |reader: &Self, starts: &[&str]| starts.iter().any(|start| reader.rest.starts_with(start));
        if next(self, &[":=", ":-", ":?", ":+"]) || next(self, &["="]) {
            let _ = self.take(":");
            self.rest = &self.rest[1..];
            return self.with_default(name, depth);
        }
        let made = if self.take(":") {
            return self.part_of(name, depth);
        } else if next(self, &["^", ","]) {
            let operator = self.take_while(|char| char == '^' || char == ',');
            cased(self.value(name)?, operator)?
        } else if self.take("/") {
            return self.replaced(name, depth);
        } else if next(self, &["#", "%"]) {
            return self.trimmed(name, depth);
        } else {
            self.value(name)?.to_owned()
        };
        self.close()?;
        Ok(made)
    }

    fn value(&mut self, name: &str) -> Result<&'v str, Refusal> {
        let value = match (self.variable)(name) {
            Variable::Known(value) => value,
            Variable::Unset => "",
            Variable::Hidden => return Err(Refusal::Hidden),
        };
        spend(&mut self.budget.bytes, value.len())?;
        Ok(value)
    }

    fn with_default(&mut self, name: &str, depth: usize) -> Result<String, Refusal> {
        let mut default = String::new();
        while !self.rest.starts_with('}') {
            if self.rest.is_empty() {
                return Err(Refusal::Broken("an expression is not closed"));
            }
            default.push_str(&self.parameter(depth, &|char| char == '}')?);
        }
        self.close()?;
        let value = self.value(name)?;
        Ok(if value.is_empty() { default } else { value.to_owned() })
    }

    /// A nested expression, or text up to one or to what ends it.
    fn parameter(&mut self, depth: usize, ends: &dyn Fn(char) -> bool) -> Result<String, Refusal> {
        if self.take("${") {
            return self.expression(depth);
        }
        let nested = self.rest.find("${").unwrap_or(self.rest.len());
        let end = self.rest.find(ends).unwrap_or(self.rest.len()).min(nested);
        if end == 0 {
            return Err(Refusal::Broken("an expression lacks a part"));
        }
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(taken.to_owned())
    }

    fn part_of(&mut self, name: &str, depth: usize) -> Result<String, Refusal> {
        let start = self.parameter(depth, &|char| char == ':' || char == '}')?;
        let length = if self.take_while(|char| char == ':').is_empty() {
            None
        } else {
            Some(self.parameter(depth, &|char| char == '}')?)
        };
        self.close()?;
        Ok(part(self.value(name)?, &start, length.as_deref()))
    }

    fn replaced(&mut self, name: &str, depth: usize) -> Result<String, Refusal> {
        let operator = ["/", "#", "%"].into_iter().find(|operator| self.take(operator)).unwrap_or_default();
        let pattern = self.escaped(depth, '/')?;
        if self.take_while(|char| char == '/').is_empty() {
            return Err(Refusal::Broken("an expression that replaces lacks its second part"));
        }
        let by = if self.rest.starts_with('}') { None } else { Some(self.escaped(depth, '}')?) };
        self.close()?;
        let value = self.value(name)?;
        let text = by.as_deref().unwrap_or_default();
        let times = if operator == "/" { value.matches(&pattern).count() } else { 1 };
        spend(&mut self.budget.bytes, times.saturating_mul(text.len()))?;
        Ok(match operator {
            "/" => value.replace(&pattern, text),
            "#" if by.is_some() => value.strip_prefix(&*pattern).map_or(value.into(), |rest| format!("{text}{rest}")),
            "%" if by.is_some() => value.strip_suffix(&*pattern).map_or(value.into(), |rest| format!("{rest}{text}")),
            "" => value.replacen(&pattern, text, 1),
            _ => value.to_owned(),
        })
    }

    /// The part of a replacement up to `end`: a nested expression, or text in which `\/`, `\\` and `$$` are escaped.
    fn escaped(&mut self, depth: usize, end: char) -> Result<String, Refusal> {
        if self.take("${") {
            return self.expression(depth);
        }
        let mut text = String::new();
        while let Some(char) = self.rest.chars().next().filter(|char| *char != end) {
            if self.rest.starts_with("${") {
                break;
            }
            let is_escape = ["\\/", "\\\\", "$$"].iter().any(|escape| self.rest.starts_with(escape));
            self.rest = &self.rest[char.len_utf8()..];
            let kept = if is_escape { self.rest.chars().next().unwrap_or(char) } else { char };
            if is_escape {
                self.rest = &self.rest[kept.len_utf8()..];
            }
            text.push(kept);
        }
        Ok(text)
    }

    fn trimmed(&mut self, name: &str, depth: usize) -> Result<String, Refusal> {
        let operator = ["##", "#", "%%", "%"].into_iter().find(|operator| self.take(operator)).unwrap_or_default();
        let pattern = self.parameter(depth, &|char| char == '}')?;
        self.close()?;
        if pattern.contains(['[', '\\', '?']) {
            return Err(Refusal::Broken("patterns with `?`, `[` or `\\` are not evaluated here"));
        }
        let value = self.value(name)?;
        spend(&mut self.budget.steps, value.len().saturating_mul(value.len().saturating_add(pattern.len())))?;
        let cuts = || (0..=value.len()).filter(|at| value.is_char_boundary(*at));
        let (starts_at, ends_at) = (operator.starts_with('#'), operator.starts_with('%'));
        let fits = |at: &usize| {
            (starts_at && *at > 0 && glob::fits(&pattern, &value[..*at]))
                || (ends_at && *at < value.len() && glob::fits(&pattern, &value[*at..]))
        };
        let cut = if (operator == "#") || (operator == "%%") { cuts().find(fits) } else { cuts().rfind(fits) };
        Ok(match cut {
            Some(at) if starts_at => value[at..].to_owned(),
            Some(at) => value[..at].to_owned(),
            None => value.to_owned(),
        })
    }
}

fn cased(value: &str, operator: &str) -> Result<String, Refusal> {
    let first = |change: &dyn Fn(char) -> String| {
        let mut chars = value.chars();
        chars.next().map_or_else(String::new, |first| format!("{}{}", change(first), chars.as_str()))
    };
    match operator {
        "^" => Ok(first(&|char| char.to_uppercase().collect())),
        "^^" => Ok(value.to_uppercase()),
        "," => Ok(first(&|char| char.to_lowercase().collect())),
        ",," => Ok(value.to_lowercase()),
        _ => Err(Refusal::Broken("an expression has no such operator")),
    }
}

/// A part of a value by position and length in bytes, as bash counts; all of it where they are no numbers.
fn part(value: &str, start: &str, length: Option<&str>) -> String {
    let (Ok(start), Ok(length)) = (start.parse::<i64>(), length.map(str::parse::<i64>).transpose()) else {
        return value.to_owned();
    };
    let size = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let from = if start < 0 { (size + start).max(0) } else { start.min(size) };
    let to = match length {
        None => size,
        Some(length) if length < 0 => size + length,
        Some(length) => from.saturating_add(length).min(size),
    };
    let (from, to) = (usize::try_from(from).unwrap_or_default(), usize::try_from(to).unwrap_or_default());
    String::from_utf8_lossy(value.as_bytes().get(from..to).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Result<String, Refusal> {
        let variable = |name: &str| match name {
            "n" => Variable::Known("3"),
            "path" => Variable::Known("/home/ada/web.tar.gz"),
            "name" => Variable::Known("bash.String.txt"),
            "other" => Variable::Known("n"),
            "empty" => Variable::Known(""),
            "secret" => Variable::Hidden,
            _ => Variable::Unset,
        };
        replace(text, &variable, &mut Budget::default())
    }

    /// Every expression that Flux documents, in the cases of its own tests and beside them.
    #[test]
    fn expressions_are_replaced() {
        for (text, expected) in [
            ("plain $ text $n $5 a$", "plain $ text $n $5 a$"),
            ("${n}", "3"),
            ("a${n}b${n}", "a3b3"),
            ("${unset}", ""),
            ("$${n}", "${n}"),
            ("$$", "$"),
            ("$$$", "$$"),
            ("$$${n}", "$3"),
            ("some $${n$${n}$n${n}", "some ${n${n}$n3"),
            ("${unset:=5}", "5"),
            ("${unset:-a b}", "a b"),
            ("${unset=5}", "5"),
            ("${empty:=5}", "5"),
            ("${n:=5}", "3"),
            ("${unset:=}", ""),
            ("${unset:=${n}-x}", "3-x"),
            ("${unset:=pre${n}-x}", "pre3-x"),
            ("${unset:=${also:=${n}}}", "3"),
            ("${unset:=$$}", "$$"),
            ("something $${unset=${n}}", "something ${unset=3}"),
            ("${#name}", "15"),
            ("${name^}", "Bash.String.txt"),
            ("${name^^}", "BASH.STRING.TXT"),
            ("${name,,}", "bash.string.txt"),
            ("${name,}", "bash.String.txt"),
            ("${name:5}", "String.txt"),
            ("${name:5:6}", "String"),
            ("${name:-4}", "bash.String.txt"),
            ("${name: -4}", "bash.String.txt"),
            ("${name:1:-1}", "ash.String.tx"),
            ("${name:50}", ""),
            ("${name:5:50}", "String.txt"),
            ("${name:x}", "bash.String.txt"),
            ("${name/String/x}", "bash.x.txt"),
            ("${name/./}", "bashString.txt"),
            ("${name//t/T}", "bash.STring.TxT"),
            ("${name/#bash/zsh}", "zsh.String.txt"),
            ("${name/%txt/md}", "bash.String.md"),
            ("${name/#/pre-}", "pre-bash.String.txt"),
            ("${path/\\//-}", "-home/ada/web.tar.gz"),
            ("${path//\\//-}", "-home-ada-web.tar.gz"),
            ("${name#*.}", "String.txt"),
            ("${name##*.}", "txt"),
            ("${name%.*}", "bash.String"),
            ("${name%%.*}", "bash"),
            ("${path#*/}", "home/ada/web.tar.gz"),
            ("${path##*/}", "web.tar.gz"),
            ("${name%nothing}", "bash.String.txt"),
            ("{\"a\": \"${n}\"} }", "{\"a\": \"3\"} }"),
            ("é${n}é", "é3é"),
        ] {
            assert_eq!(made(text).as_deref(), Ok(expected), "{text}");
        }
    }

    /// What Flux refuses is refused, and so is what would ask for a hidden value.
    #[test]
    fn what_flux_refuses_is_refused() {
        for text in [
            "${}",
            "${n",
            "${n-default}",
            "${BASH_SOURCE[0]}",
            "${.Values.x}",
            "${n:}",
            "${n/a}",
            "${n:=",
            "${#}",
            "${n!}",
            "${ n }",
            "${n^,x}",
            "${name%[a]}",
        ] {
            assert!(matches!(made(text), Err(Refusal::Broken(_))), "{text}: {:?}", made(text));
        }
        for text in ["${secret}", "${secret:=x}", "${unset:=${secret}}", "${#secret}"] {
            assert_eq!(made(text), Err(Refusal::Hidden), "{text}");
        }
        let deep = "${a:=".repeat(10_000);
        assert!(matches!(made(&deep), Err(Refusal::Broken(_))));
    }

    /// What would need too much memory or time is refused before, also where nothing of it would be left in the end.
    #[test]
    fn what_costs_too_much_is_refused() {
        let large = "x".repeat(32 << 10);
        let variable = |name: &str| match name {
            "a" => Variable::Known(&large),
            "n" => Variable::Known("3"),
            _ => Variable::Unset,
        };
        let many = "${a}".repeat(200_000);
        for (text, expected) in [
            (many.clone(), None),
            (format!("${{unset:={many}}}"), None),
            (format!("${{n:={many}}}"), None),
            (format!("${{n:=${{n:={many}}}}}"), None),
            ("${a:0:1}".repeat(200_000), None),
            ("${n:=${a//x/${a}}}".to_owned(), None),
            ("${n:=${a///${a}}}".to_owned(), None),
            (format!("${{n:=${{a//x/{large}}}}}"), None),
            ("${a%%*b*c}".to_owned(), None),
            ("${a##*b*c}".to_owned(), None),
            ("${a%*b*c}".to_owned(), None),
            ("${a#*b*c}".to_owned(), None),
            ("${n%*b*c}".repeat(200_000), Some("3".repeat(200_000))),
            ("${a}".repeat(1_000), Some(large.repeat(1_000))),
            ("${a/x/${a}}".to_owned(), Some(format!("{large}{}", &large[1..]))),
            ("${a//x/yz}".to_owned(), Some("yz".repeat(32 << 10))),
            ("${n//3/${a}}".to_owned(), Some(large.clone())),
        ] {
            let made = replace(&text, &variable, &mut Budget::default());
            assert!(made == expected.ok_or(Refusal::TooLarge), "{}", &text[..text.len().min(20)]);
        }
    }

    /// Several texts share a budget.
    #[test]
    fn texts_share_a_budget() {
        let large = "x".repeat(10 << 20);
        let mut budget = Budget::default();
        let mut made = || replace("${a}", &|_| Variable::Known(&large), &mut budget).map(|made| made.len());
        for _ in 0..6 {
            assert_eq!(made(), Ok(large.len()));
        }
        assert_eq!(made(), Err(Refusal::TooLarge));
    }

    /// Only a text that is one variable leads to that variable.
    #[test]
    fn variables_that_stand_alone_are_found() {
        for (text, expected) in [
            ("${n}", Some("n")),
            (" ${n} ", Some("n")),
            ("${n:=5}", Some("n")),
            ("${n:-5}", Some("n")),
            ("${n:5}", None),
            ("${n:=${m}}", None),
            ("a${n}", None),
            ("$${n}", None),
            ("${n}${m}", None),
            ("n", None),
        ] {
            assert_eq!(only_variable(text), expected, "{text}");
        }
    }
}
