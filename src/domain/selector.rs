//! Label selectors as kubectl's `-l` takes them: `a=b,c!=d,e,!f,g in (x,y),h notin (z)`.
//! Grammar: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>.

use std::str::FromStr;

/// A label selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<Requirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    /// Values of which the label must have one; none where it only has to exist.
    values: Option<Vec<String>>,
    /// Whether the requirement is turned round.
    negated: bool,
}

impl Selector {
    /// Whether an object with these labels is selected.
    pub fn matches(&self, label: impl Fn(&str) -> Option<String>) -> bool {
        self.0.iter().all(|requirement| {
            let value = label(&requirement.key);
            let fits = match &requirement.values {
                Some(values) => value.is_some_and(|value| values.contains(&value)),
                None => value.is_some(),
            };
            fits != requirement.negated
        })
    }
}

impl FromStr for Selector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parts(text).into_iter().map(requirement).collect::<Result<_, _>>().map(Self)
    }
}

/// Splits at commas that are not inside brackets.
fn parts(text: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let split = text.split(|char: char| {
        depth += i32::from(char == '(') - i32::from(char == ')');
        char == ',' && depth == 0
    });
    split.map(str::trim).collect()
}

fn requirement(text: &str) -> Result<Requirement, String> {
    for (word, negated) in [(" notin ", true), (" in ", false)] {
        if let Some((key, list)) = text.split_once(word) {
            let list = list.trim().strip_prefix('(').and_then(|list| list.strip_suffix(')'));
            let list = list.ok_or_else(|| format!("`{text}` needs its values in brackets: `key in (a,b)`"))?;
            return built(key, Some(list.split(',').map(|value| value.trim().to_owned()).collect()), negated);
        }
    }
    for (sign, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = text.split_once(sign) {
            return built(key, Some(vec![value.trim().to_owned()]), negated);
        }
    }
    match text.strip_prefix('!') {
        Some(key) => built(key, None, true),
        None => built(text, None, false),
    }
}

fn built(key: &str, values: Option<Vec<String>>, negated: bool) -> Result<Requirement, String> {
    let key = key.trim();
    let valid = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/');
    if key.is_empty() || !key.chars().all(valid) {
        return Err(format!("`{key}` is no label key"));
    }
    Ok(Requirement { key: key.to_owned(), values, negated })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operator selects as kubectl does, absent labels included.
    #[test]
    fn operators_select() {
        let label = |key: &str| (key == "env").then(|| "prod".to_owned());
        for (selector, selected) in [
            ("env=prod", true),
            ("env==prod", true),
            ("env!=prod", false),
            ("team!=ml", true),
            ("env", true),
            ("!env", false),
            ("!team", true),
            ("env in (dev, prod)", true),
            ("env notin (dev,prod)", false),
            ("team notin (ml),env", true),
            ("env=prod,team=ml", false),
        ] {
            assert_eq!(selector.parse::<Selector>().expect(selector).matches(label), selected, "{selector}");
        }
        assert!("a in b".parse::<Selector>().is_err());
        assert!("env=prod,".parse::<Selector>().is_err());
    }
}
