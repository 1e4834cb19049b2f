//! Generators: the literals, files and lists of variables that a generated ConfigMap is made of, and the annotations and
//! labels that a generator gives. The content of a Secret is never written.

use serde_json::Value;

use super::{Place, Search};
use crate::domain::candidates::Candidate;
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::kustomization::Kustomization;
use crate::domain::yaml::edit::Action;

/// The places in the generators of a kustomization.
pub(super) fn places(search: &Search<'_>, level: &Kustomization, change: &FieldChange) -> Vec<Place> {
    let steps: Vec<_> =
        change.path.steps().iter().map(|step| if let Step::Field(name) = step { &**name } else { "" }).collect();
    let generators = of_resource(search, level);
    let last_first = generators.iter().rev();
    match steps[..] {
        ["metadata", part @ ("annotations" | "labels"), key] => {
            let options = |at: &FieldPath| at.field("options").field(part).field(key);
            let own = |(at, _): &(FieldPath, Value)| FieldChange { path: options(at), action: change.action.clone() };
            last_first.map(|generator| marked(search, level, &own(generator))).collect()
        }
        ["data", key] if !search.sought.manifest.id.kind.is_secret() => last_first
            .flat_map(|(at, entry)| Generator { search, level, at, entry, key }.places(&change.action))
            .collect(),
        _ => Vec::new(),
    }
}

/// A kustomization with the options of a generator changed. Lines of a Secret's generator stay as they are: what changes is
/// shown to people.
fn marked(search: &Search<'_>, level: &Kustomization, change: &FieldChange) -> Place {
    let place = search.in_kustomization(level, change)?;
    let old = search.sought.files.text(&level.file)?;
    let mut new = place.values().flat_map(|text| text.lines());
    let keeps_lines = old.lines().all(|line| new.any(|other| other == line));
    if keeps_lines || !search.sought.manifest.id.kind.is_secret() {
        return Ok(place);
    }
    Err(format!("{}: the generator of a Secret is written on one line; edit it by hand", level.file))
}

/// The generators of a kustomization that make the resource, or add to it.
pub(super) fn of_resource(search: &Search<'_>, level: &Kustomization) -> Vec<(FieldPath, Value)> {
    let field = match &*search.sought.manifest.id.kind.kind {
        "ConfigMap" => "configMapGenerator",
        "Secret" => "secretGenerator",
        _ => return Vec::new(),
    };
    let Value::Array(items) = level.field(field) else { return Vec::new() };
    let at = |index| FieldPath::fields([field]).join(Step::Index(index));
    let all = items.into_iter().enumerate().map(|(index, item)| (at(index), item));
    all.filter(|(_, item)| search.is_called(item.get("name"))).collect()
}

/// One generator, and the key of the data that is to change.
struct Generator<'g> {
    search: &'g Search<'g>,
    level: &'g Kustomization,
    at: &'g FieldPath,
    entry: &'g Value,
    key: &'g str,
}

impl Generator<'_> {
    fn places(&self, action: &Action) -> Vec<Place> {
        let old = self.search.object.get("data").and_then(|data| data.get(self.key));
        let new = match action {
            Action::Set(Value::String(text)) => Some(&**text),
            Action::Set(_) => return Vec::new(),
            Action::Remove => None,
        };
        let mut places = self.literals(new);
        places.extend(self.files(old.and_then(Value::as_str), new));
        places.extend(self.variables(new));
        if let (None, Some(new)) = (old, new) {
            let end = self.entry.get("literals").and_then(Value::as_array).map_or(0, Vec::len);
            let item = Value::from(format!("{}={new}", self.key));
            let change = match end {
                0 => FieldChange::set(self.at.field("literals"), Value::Array(vec![item])),
                end => FieldChange::set(self.at.field("literals").join(Step::Index(end)), item),
            };
            places.push(self.search.in_kustomization(self.level, &change));
        }
        places
    }

    /// The items of a list with their places; a text that is no list counts as one.
    fn items(&self, field: &str) -> Vec<(FieldPath, &str)> {
        match self.entry.get(field) {
            Some(Value::String(text)) => vec![(self.at.field(field), text)],
            Some(Value::Array(items)) => {
                let texts = items.iter().enumerate().filter_map(|(index, item)| Some((index, item.as_str()?)));
                texts.map(|(index, text)| (self.at.field(field).join(Step::Index(index)), text)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn literals(&self, new: Option<&str>) -> Vec<Place> {
        let own = self.items("literals").into_iter().filter(|(_, text)| is_of(text, self.key));
        own.map(|(at, _)| {
            let change = match new {
                Some(new) => FieldChange::set(at, Value::from(format!("{}={new}", self.key))),
                None => FieldChange::remove(at),
            };
            self.search.in_kustomization(self.level, &change)
        })
        .collect()
    }

    /// A file becomes what the key is to hold, if it is what the key holds now.
    fn files(&self, old: Option<&str>, new: Option<&str>) -> Vec<Place> {
        let mut places = Vec::new();
        for (at, text) in self.items("files") {
            let (key, path) = text.split_once('=').unwrap_or((text.rsplit('/').next().unwrap_or_default(), text));
            let Some(file) = self.level.inside(path).filter(|_| key == self.key) else { continue };
            places.push(match new {
                None => self.search.in_kustomization(self.level, &FieldChange::remove(at)),
                Some(new) => self.search.sought.files.text(&file).and_then(|now| {
                    let is_whole = old == Some(&*now);
                    is_whole
                        .then(|| Candidate::from([(file.clone(), new.to_owned())]))
                        .ok_or_else(|| format!("{file} is not all that {} holds; edit it by hand", self.key))
                }),
            });
        }
        places
    }

    /// A line `KEY=value` of a file.
    fn variables(&self, new: Option<&str>) -> Vec<Place> {
        let lists = ["envs", "env"].into_iter().flat_map(|field| self.items(field));
        let files = lists.filter_map(|(_, path)| self.level.inside(path));
        let written = |file: String| {
            let text = self.search.sought.files.text(&file).ok()?;
            let (start, line) = lines(&text).rfind(|(_, line)| is_of(line.trim_start(), self.key))?;
            let end = start + line.len();
            Some(match new {
                Some(new) if new.contains(['\n', '\r']) => {
                    Err(format!("{file}: {} would have several lines; edit it by hand", self.key))
                }
                Some(new) => {
                    let value = start + line.find('=').unwrap_or(line.len()) + 1;
                    Ok(Candidate::from([(file, format!("{}{new}{}", &text[..value], &text[end..]))]))
                }
                None => {
                    let rest = &text[end..];
                    let rest = rest.strip_prefix("\r\n").or(rest.strip_prefix('\n')).unwrap_or(rest);
                    Ok(Candidate::from([(file, format!("{}{rest}", &text[..start]))]))
                }
            })
        };
        files.filter_map(written).collect()
    }
}

/// Whether a text is `key=…`.
fn is_of(text: &str, key: &str) -> bool {
    text.strip_prefix(key).is_some_and(|rest| rest.starts_with('='))
}

/// The lines of a text with their places, without line ends.
fn lines(text: &str) -> impl DoubleEndedIterator<Item = (usize, &str)> {
    let start = |line: &str| line.as_ptr() as usize - text.as_ptr() as usize;
    text.split('\n').map(move |line| (start(line), line.strip_suffix('\r').unwrap_or(line)))
}
