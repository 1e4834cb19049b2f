//! Who feels a change, in the taxonomy of ML platforms: infrastructure, application, model or data.

use crate::domain::drift::scan::CategoryRule;
use crate::domain::drift::{Aspect, Category};
use crate::domain::field_path::{FieldPath, Key, Step};

/// The category of a field: the first rule whose pattern fits the path or the name of the variable or key, else
/// application for what programs read and infrastructure for everything else.
pub fn category_of(aspect: Aspect, path: &FieldPath, rules: &[CategoryRule]) -> Category {
    let text = path.to_string();
    let name = variable(path).unwrap_or_default();
    let fits = |rule: &&CategoryRule| {
        rule.aspect.is_none_or(|wanted| wanted == aspect)
            && (rule.pattern.is_match(&text) || rule.pattern.is_match(name))
    };
    match (rules.iter().find(fits), aspect) {
        (Some(rule), _) => rule.category,
        (None, Aspect::Environment | Aspect::ConfigData | Aspect::Secret) => Category::Application,
        (None, _) => Category::Infrastructure,
    }
}

/// The name of an environment variable or of a key of a ConfigMap or Secret.
fn variable(path: &FieldPath) -> Option<&str> {
    let steps = path.steps();
    let in_env = steps.windows(2).find_map(|pair| match pair {
        [Step::Field(list), Step::Item(keys)] if list == "env" => Some(keys),
        _ => None,
    });
    match (in_env, steps) {
        (Some(keys), _) => {
            keys.iter().find_map(|(_, key)| if let Key::Text(name) = key { Some(name.as_str()) } else { None })
        }
        (None, [Step::Field(data), Step::Field(name), ..]) if data.to_lowercase().ends_with("data") => Some(name),
        _ => None,
    }
}
