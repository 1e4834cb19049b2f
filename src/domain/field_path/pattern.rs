//! Patterns over field paths: `spec.template.spec.containers[*].image`, `metadata.labels.*`, `**.replicas`.

use std::fmt;
use std::str::FromStr;

use super::syntax::{PatternStep, parse, write_steps};
use super::{FieldPath, PathError, Step};

/// A pattern over field paths: `spec.template.spec.containers[*].image`, `metadata.labels.*`, `**.replicas`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathPattern(Vec<PatternStep>);

impl PathPattern {
    /// Whether the whole of `path` fits.
    pub fn matches(&self, path: &FieldPath) -> bool {
        matches(&self.0, path.steps())
    }

    /// Whether `path` or anything above it fits, so that a pattern for a map also covers its entries.
    pub fn covers(&self, path: &FieldPath) -> bool {
        (0..=path.steps().len()).any(|length| matches(&self.0, &path.steps()[..length]))
    }

    /// Of two patterns that match, the one with more exact steps, then the one with fewer `**`, wins.
    pub fn specificity(&self) -> (usize, usize) {
        let exact = self.0.iter().filter(|step| matches!(step, PatternStep::Exact(_))).count();
        let any_depth = self.0.iter().filter(|step| matches!(step, PatternStep::AnyDepth)).count();
        (exact, usize::MAX - any_depth)
    }
}

impl From<&FieldPath> for PathPattern {
    fn from(path: &FieldPath) -> Self {
        Self(path.steps().iter().map(PatternStep::from).collect())
    }
}

impl FromStr for PathPattern {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        parse(text).map(Self)
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_steps(f, self.0.iter().cloned())
    }
}

/// Where a `**` took too little, only the last one has to take more: time grows with the lengths alone.
fn matches(pattern: &[PatternStep], path: &[Step]) -> bool {
    let (mut wanted, mut step) = (0, 0);
    let mut last = None;
    loop {
        match pattern.get(wanted) {
            Some(PatternStep::AnyDepth) => {
                last = Some((wanted + 1, step));
                wanted += 1;
            }
            Some(one) if path.get(step).is_some_and(|step| fits_one(one, step)) => {
                (wanted, step) = (wanted + 1, step + 1);
            }
            None if step == path.len() => return true,
            _ => match last {
                Some((after, taken)) if taken < path.len() => {
                    last = Some((after, taken + 1));
                    (wanted, step) = (after, taken + 1);
                }
                _ => return false,
            },
        }
    }
}

fn fits_one(pattern: &PatternStep, step: &Step) -> bool {
    match pattern {
        PatternStep::Exact(wanted) => fits(wanted, step),
        PatternStep::Any | PatternStep::AnyDepth => true,
    }
}

/// A pattern may name only some of the merge keys: `ports[containerPort=80]` fits the item with its protocol too.
fn fits(wanted: &Step, step: &Step) -> bool {
    match (wanted, step) {
        (Step::Item(wanted), Step::Item(keys)) => wanted.iter().all(|key| keys.contains(key)),
        _ => wanted == step,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `*` is one step, `**` any number, and a pattern may name some of the merge keys.
    #[test]
    fn patterns_match() {
        let path: FieldPath =
            "spec.template.spec.containers[name=web].ports[containerPort=80,protocol=TCP].name".parse().expect("path");
        for (pattern, fits) in [
            ("spec.template.spec.containers[*].ports[containerPort=80].name", true),
            ("**.name", true),
            ("spec.**.ports.*.name", true),
            ("spec.*.name", false),
            ("**", true),
            ("spec", false),
        ] {
            assert_eq!(pattern.parse::<PathPattern>().expect(pattern).matches(&path), fits, "{pattern}");
        }
        assert!("spec.template".parse::<PathPattern>().expect("pattern").covers(&path));
    }
}
