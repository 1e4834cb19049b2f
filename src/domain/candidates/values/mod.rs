//! Values: the keys of a chart's (or of templates') values that a change of a manifest may be made by.
//!
//! A template hides which key a field comes from, so that keys are tried: those whose value is the declared one, or a
//! part of it, or a map that the field lies in, or that are named like it. Which of them moves exactly this field is
//! for the proof to say.

mod layers;
pub(super) mod likeness;

use std::collections::BTreeMap;

use serde_json::Value;

use self::layers::{Layers, Node, Write, written};
use self::likeness::{alike, likeness, names, names_of};
use super::place::named_in_template;
use super::{Candidate, Sought};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::problem::Place;
use crate::domain::source::Renderer;
use crate::domain::yaml::edit::Action;

/// Candidates for one change.
const MOST: usize = 20;
/// From here on two names mean the same.
const NAMED_ALIKE: f64 = 0.6;

/// Candidate edits of the values files, the likeliest first; what a person can do instead comes last.
pub(super) fn candidates(sought: &Sought<'_>, changes: &[FieldChange]) -> Vec<Result<Candidate, String>> {
    let search = Search::new(sought);
    let options: Vec<_> = changes.iter().map(|change| search.options(change)).collect();
    let ranks = options.iter().map(Vec::len).max().unwrap_or(0);
    let mut candidates: Vec<Result<Candidate, String>> = Vec::new();
    for rank in 0..ranks.min(MOST) {
        let together: Option<Vec<_>> = options.iter().map(|options| options.get(rank).or(options.last())).collect();
        let Some(together) = together else { break };
        let candidate = draft(sought, together.into_iter().flatten());
        if !candidates.contains(&candidate) {
            candidates.push(candidate);
        }
    }
    candidates.push(Err(format!("no key of the values makes exactly this change; {}", by_hand(sought, changes))));
    candidates
}

/// The new texts of the files after some writes.
fn draft<'w>(sought: &Sought<'_>, writes: impl Iterator<Item = &'w Write>) -> Result<Candidate, String> {
    let mut texts = BTreeMap::new();
    for Write { file, change } in writes {
        let text = match texts.get(file) {
            Some(text) => Ok(String::clone(text)),
            None => sought.files.text(file),
        };
        let text = written(&text?, change).map_err(|error| format!("{file}: {}: {error}", change.path))?;
        texts.insert(file.clone(), text);
    }
    Ok(texts)
}

/// Where a person can make the changes: the template's line that names the first of the fields, if there is one.
fn by_hand(sought: &Sought<'_>, changes: &[FieldChange]) -> String {
    let Some(origin) = &sought.manifest.origin else { return "edit the chart by hand".to_owned() };
    let place = changes.first().and_then(|change| named_in_template(sought, origin, &change.path));
    let place = place.unwrap_or_else(|| Place::line(&*origin.file, origin.line));
    format!("edit the template {place} by hand")
}

/// What is tried for one change: all these writes together.
type Choice = Vec<Write>;

/// The search for keys.
struct Search<'s> {
    sought: &'s Sought<'s>,
    object: Value,
    layers: Layers,
    /// Keys that the template names.
    named: Vec<FieldPath>,
}

/// A change of the values, and how likely it is the right one.
type Scored = (f64, Vec<FieldChange>);

impl<'s> Search<'s> {
    fn new(sought: &'s Sought<'s>) -> Self {
        let template = sought.manifest.origin.as_ref().and_then(|origin| sought.files.text(&origin.file).ok());
        Self {
            sought,
            object: sought.manifest.object(),
            layers: Layers::read(sought),
            named: named_keys(&template.unwrap_or_default(), sought.source.renderer),
        }
    }

    fn options(&self, change: &FieldChange) -> Vec<Choice> {
        let mut scored = Vec::new();
        let nodes = self.layers.nodes();
        self.by_value(change, &nodes, &mut scored);
        self.by_map_around(change, &nodes, &mut scored);
        self.by_name(change, &nodes, &mut scored);
        if let (Some(Value::String(old)), Action::Set(Value::String(new))) =
            (change.path.get(&self.object), &change.action)
        {
            self.by_two_parts(change, (old, new), &nodes, &mut scored);
        }
        scored.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let mut choices: Vec<Choice> = Vec::new();
        for (_, changes) in scored {
            let places: Vec<_> = changes.iter().map(|change| self.layers.writes(change)).collect();
            for place in 0..places.iter().map(Vec::len).max().unwrap_or(0) {
                let choice: Choice =
                    places.iter().filter_map(|places| places.get(place).or(places.last())).cloned().collect();
                if choices.len() < MOST && choice.len() == changes.len() && !choices.contains(&choice) {
                    choices.push(choice);
                }
            }
        }
        choices
    }

    /// Keys whose value is the declared one, or stands in it.
    fn by_value(&self, change: &FieldChange, nodes: &[Node<'_>], scored: &mut Vec<Scored>) {
        let Some(old) = change.path.get(&self.object).filter(|old| !is_empty(old)) else { return };
        for node in nodes {
            if is_same(old, node.value) {
                let action = match &change.action {
                    Action::Set(new) => Action::Set(in_form_of(node.value, new)),
                    Action::Remove => Action::Remove,
                };
                let own = FieldChange { path: node.path.clone(), action };
                scored.push((1.0 + self.score(&change.path, &node.path), vec![own]));
            } else if let (Some(old), Action::Set(new)) = (old.as_str(), &change.action) {
                let part = text_of(node.value);
                for new in new.as_str().map(|new| parts_in_place(old, new, &part)).unwrap_or_default() {
                    #[allow(clippy::cast_precision_loss, reason = "only an order")]
                    let share = part.len() as f64 / old.len() as f64;
                    let own = FieldChange::set(node.path.clone(), in_form_of(node.value, &Value::from(new)));
                    scored.push((share + self.score(&change.path, &node.path), vec![own]));
                }
            }
        }
    }

    /// Maps and lists that are rendered as a whole, and hold the field or could.
    fn by_map_around(&self, change: &FieldChange, nodes: &[Node<'_>], scored: &mut Vec<Scored>) {
        let steps = change.path.steps();
        for depth in 1..steps.len() {
            let around: FieldPath = steps[..depth].iter().cloned().collect();
            let below = &steps[depth..];
            let declared = around.get(&self.object).filter(|declared| !is_empty(declared));
            let name = names(&around).pop().unwrap_or_default();
            let inside = |key: &FieldPath| key.steps().iter().chain(below).cloned().collect::<FieldPath>();
            for node in nodes {
                let is_named = names(&node.path).pop().is_some_and(|own| alike(&own, &name) >= NAMED_ALIKE);
                let fits = match (node.value, &below[0]) {
                    (Value::Object(map), Step::Field(_)) if !map.is_empty() => is_part(node.value, declared),
                    (Value::Array(items), Step::Item(_) | Step::Index(_) | Step::Member(_)) if !items.is_empty() => {
                        declared.is_some_and(|declared| is_same(declared, node.value))
                    }
                    (empty, Step::Field(_)) => is_named && is_empty(empty) && !empty.is_array(),
                    (empty, _) => is_named && empty.as_array().is_some_and(Vec::is_empty),
                };
                if fits {
                    let own = FieldChange { path: inside(&node.path), action: change.action.clone() };
                    let certain = if is_empty(node.value) { 0.0 } else { 0.8 };
                    scored.push((certain + self.score(&around, &node.path), vec![own]));
                }
            }
            let missing = self.named.iter().filter(|key| !self.layers.has(key));
            for key in missing.filter(|key| names(key).pop().is_some_and(|own| alike(&own, &name) >= NAMED_ALIKE)) {
                if matches!((&change.action, &below[0]), (Action::Set(_), Step::Field(_))) {
                    let own = FieldChange { path: inside(key), action: change.action.clone() };
                    scored.push((self.score(&around, key) - 0.2, vec![own]));
                }
            }
        }
    }

    /// Keys that are named like the field, whatever they hold: an empty one that is left out, one that a function changes,
    /// one that only the template knows.
    fn by_name(&self, change: &FieldChange, nodes: &[Node<'_>], scored: &mut Vec<Scored>) {
        let Action::Set(new) = &change.action else { return };
        let Some(name) = names(&change.path).pop() else { return };
        let old = change.path.get(&self.object);
        for node in nodes.iter().filter(|node| !old.is_some_and(|old| is_same(old, node.value))) {
            let alike = names(&node.path).pop().map_or(0.0, |own| alike(&own, &name));
            let may_be = alike >= NAMED_ALIKE && (is_empty(node.value) || (alike >= 1.0 && is_scalar(node.value)));
            if may_be {
                let penalty = if is_empty(node.value) { 0.0 } else { 1.0 };
                let own = FieldChange::set(node.path.clone(), in_form_of(node.value, new));
                scored.push((self.score(&change.path, &node.path) - penalty, vec![own]));
            }
        }
        for key in self.named.iter().filter(|key| !self.layers.has(key)) {
            if names(key).pop().is_some_and(|own| alike(&own, &name) >= NAMED_ALIKE) {
                scored.push((self.score(&change.path, key) - 0.2, vec![FieldChange::set(key.clone(), new.clone())]));
            }
        }
    }

    /// An image of which both the name and the tag change has a key for each; a tag that is empty stands for the chart's.
    fn by_two_parts(
        &self,
        change: &FieldChange,
        (old, new): (&str, &str),
        nodes: &[Node<'_>],
        scored: &mut Vec<Scored>,
    ) {
        let is_image = names(&change.path).last().is_some_and(|name| name == "image");
        let (Some((old_name, old_tag)), Some((new_name, new_tag)), true) =
            (image_parts(old), image_parts(new), is_image)
        else {
            return;
        };
        let mut parts = [(old_name, new_name, "repository"), (old_tag, new_tag, "tag")].map(|(old, new, name)| {
            let mut found: Vec<Scored> = Vec::new();
            let path = change.path.parent().unwrap_or_default().field("image").field(name);
            for node in nodes.iter().filter(|node| is_scalar(node.value)) {
                let is_empty_tag =
                    is_empty(node.value) && names(&node.path).pop().is_some_and(|own| alike(&own, name) > 0.0);
                let part = text_of(node.value);
                let values = if is_empty_tag { vec![new.to_owned()] } else { parts_in_place(old, new, &part) };
                for value in values {
                    let own = FieldChange::set(node.path.clone(), in_form_of(node.value, &Value::from(value)));
                    found.push((self.score(&path, &node.path), vec![own]));
                }
            }
            found.sort_by(|(one, _), (other, _)| other.total_cmp(one));
            found.truncate(3);
            found
        });
        let [names, tags] = &mut parts;
        if old_name == new_name {
            // an empty key is found by its name alone
            scored.append(tags);
            return;
        }
        for (name_score, name) in names.iter() {
            for (tag_score, tag) in tags.iter().filter(|_| old_tag != new_tag) {
                scored.push((1.0 + (name_score + tag_score) / 2.0, [name.clone(), tag.clone()].concat()));
            }
        }
    }

    /// How likely a key stands behind a field, by its names and by what the template names.
    fn score(&self, field: &FieldPath, key: &FieldPath) -> f64 {
        let names_it = |named: &&FieldPath| {
            let in_subchart: FieldPath = key.steps().iter().skip(1).cloned().collect();
            key.starts_with(named) || named.starts_with(key) || in_subchart.starts_with(named)
        };
        let is_named = self.named.iter().filter(|named| !named.is_root()).any(|named| names_it(&named));
        let bonus = if is_named { 0.5 } else { 0.0 };
        likeness(&names_of(&self.sought.manifest.id, field), &names(key)) + bonus
    }
}

/// The keys that a template names: `.Values.image.tag` in a chart, `image.tag` in the code of a Jinja template.
fn named_keys(template: &str, renderer: Renderer) -> Vec<FieldPath> {
    let is_part = |char: char| char.is_alphanumeric() || matches!(char, '_' | '.');
    let texts: Vec<&str> = if renderer == Renderer::Jinja {
        let code = |start: &'static str| template.split(start).skip(1).filter_map(|code| code.split(['}', '%']).next());
        let codes = code("{{").chain(code("{%"));
        codes.flat_map(|code| code.split(|char| !is_part(char))).collect()
    } else {
        template
            .split(".Values.")
            .skip(1)
            .map(|rest| rest.split(|char| !is_part(char)).next().unwrap_or_default())
            .collect()
    };
    let keys = texts.into_iter().map(|key| FieldPath::fields(key.split('.').filter(|name| !name.is_empty())));
    let mut named: Vec<_> = keys.filter(|key| !key.is_root()).collect();
    named.sort();
    named.dedup();
    named
}

/// Name and tag of an image; the tag of one without is empty.
fn image_parts(image: &str) -> Option<(&str, &str)> {
    let name_start = image.rfind('/').map_or(0, |slash| slash + 1);
    let colon = image[name_start..].find([':', '@'])? + name_start;
    Some((&image[..colon], &image[colon + 1..]))
}

/// What `part` has to become so that `old` becomes `new`, for each place where it stands in `old` by itself.
fn parts_in_place(old: &str, new: &str, part: &str) -> Vec<String> {
    if part.is_empty() || old == new {
        return Vec::new();
    }
    let kind = |char: char| {
        if char.is_alphabetic() {
            1
        } else if char.is_numeric() {
            2
        } else {
            0
        }
    };
    let is_cut = |left: Option<char>, right: Option<char>| match (left.map(kind), right.map(kind)) {
        (Some(left), Some(right)) => left != right || left == 0,
        _ => true,
    };
    let places = old.match_indices(part).filter_map(|(start, _)| {
        let (before, after) = (&old[..start], &old[start + part.len()..]);
        let alone = is_cut(before.chars().next_back(), part.chars().next())
            && is_cut(part.chars().next_back(), after.chars().next());
        let middle = new.strip_prefix(before)?.strip_suffix(after)?;
        alone.then(|| middle.to_owned())
    });
    places.take(4).collect()
}

/// Whether a value of the values and one of a manifest are the same, in whichever form they were rendered.
fn is_same(declared: &Value, value: &Value) -> bool {
    match (declared, value) {
        (Value::Object(declared), Value::Object(value)) => declared.len() == value.len() && is_part_of(value, declared),
        (Value::Array(declared), Value::Array(value)) => {
            declared.len() == value.len() && declared.iter().zip(value).all(|(one, other)| is_same(one, other))
        }
        (declared, value) if is_scalar(declared) && is_scalar(value) => {
            let (one, other) = (text_of(declared), text_of(value));
            let number = |text: &str| text.parse::<f64>().ok();
            one == other || number(&one).is_some_and(|one| number(&other) == Some(one))
        }
        _ => false,
    }
}

/// Whether every member of a map of the values is in the manifest's.
fn is_part(value: &Value, declared: Option<&Value>) -> bool {
    match (value, declared) {
        (Value::Object(value), Some(Value::Object(declared))) => is_part_of(value, declared),
        _ => false,
    }
}

fn is_part_of(value: &serde_json::Map<String, Value>, declared: &serde_json::Map<String, Value>) -> bool {
    value.iter().all(|(key, value)| declared.get(key).is_some_and(|declared| is_same(declared, value)))
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A new value in the form of the old one: a number stays a number, a text a text.
fn in_form_of(old: &Value, new: &Value) -> Value {
    match (old, new) {
        (Value::String(old), Value::Number(_) | Value::Bool(_)) if !old.is_empty() => Value::from(text_of(new)),
        (Value::Number(_), Value::String(text)) => text.parse::<i64>().map_or_else(|_| new.clone(), Value::from),
        (Value::Bool(_), Value::String(text)) => text.parse::<bool>().map_or_else(|_| new.clone(), Value::from),
        _ => new.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::candidates::Files;
    use crate::domain::resource::{GroupKind, Manifest, Origin, ResourceId};
    use crate::domain::source::{HelmRelease, Renderer, Source};

    struct Texts(Vec<(&'static str, &'static str)>);

    impl Files for Texts {
        fn read(&self, path: &str) -> Result<Option<String>, String> {
            let found = self.0.iter().find(|(file, _)| *file == path);
            Ok(found.map(|(_, text)| (*text).to_owned()))
        }

        fn list(&self) -> Result<Vec<String>, String> {
            Ok(self.0.iter().map(|(file, _)| (*file).to_owned()).collect())
        }

        fn links(&self) -> Vec<String> {
            Vec::new()
        }
    }

    const CHART: &str = "replicas: 2\nworkers: 2\nimage: {repository: shop/web, tag: '1.4'}\nresources:\n  limits: {cpu: 1}\nannotations: {}\nargs: [a, b]\nnote: ''\n";

    /// What the candidates for a change of a Deployment write, by file: the lines that are new.
    fn tried(values: &[(&'static str, &'static str)], change: &FieldChange) -> Vec<String> {
        let spec = json!({"replicas": 2, "template": {"spec": {"containers": [
            {"name": "web", "image": "shop/web:1.4", "args": ["a", "b"], "resources": {"limits": {"cpu": 1}}}]}}});
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec});
        let origin = Origin { file: "web/templates/d.yaml".to_owned(), document: 0, line: 1, list_item: None };
        let id = ResourceId::new(GroupKind::new("apps", "Deployment"), None, "web");
        let manifest = Manifest::new(id, "s", Some(origin), &object);
        let template = "kind: Deployment\nspec:\n  replicas: {{ .Values.replicas }}\n  x: {{ .Values.pausedByHand }}\n";
        let files = [("web/values.yaml", CHART), ("web/templates/d.yaml", template)];
        let files = Texts(files.iter().chain(values).copied().collect());
        let release = HelmRelease {
            name: "web".to_owned(),
            values: values.iter().map(|(file, _)| (*file).to_owned()).collect(),
            kube_version: None,
            api_versions: Vec::new(),
            include_crds: true,
            inline: Vec::new(),
            set: Vec::new(),
        };
        let source = Source { renderer: Renderer::Helm, helm: Some(release), ..Source::plain("s", "web") };
        let sought = Sought { manifest: &manifest, source: &source, files: &files };
        let told = |candidate: Result<Candidate, String>| match candidate {
            Err(reason) => reason,
            Ok(texts) => {
                let of_file = texts.iter().map(|(file, text)| {
                    let old = files.text(file).expect("file");
                    let new: Vec<_> = text.lines().filter(|line| !old.lines().any(|known| known == *line)).collect();
                    format!("{file}: {}", new.join(" / "))
                });
                of_file.collect::<Vec<_>>().join("; ")
            }
        };
        candidates(&sought, std::slice::from_ref(change)).into_iter().map(told).collect()
    }

    fn set(path: &str, value: Value) -> FieldChange {
        FieldChange::set(path.parse().expect("path"), value)
    }

    /// The key that is named like the field is tried first, in the file that says it, or else in the last one.
    #[test]
    fn the_likeliest_key_comes_first() {
        let container = |field: &str| format!("spec.template.spec.containers[name=web].{field}");
        for (values, change, first) in [
            (&[][..], set("spec.replicas", json!(5)), "web/values.yaml: replicas: 5"),
            (&[("a.yaml", "replicas: 2\n"), ("b.yaml", "")], set("spec.replicas", json!(5)), "a.yaml: replicas: 5"),
            (&[("a.yaml", "x: 1\n"), ("b.yaml", "# b\n")], set("spec.replicas", json!(5)), "b.yaml: replicas: 5"),
            (&[], set(&container("resources.limits.cpu"), json!(2)), "web/values.yaml:   limits: {cpu: 2}"),
            (
                &[("b.yaml", "")],
                set(&container("resources.limits.cpu"), json!(2)),
                "b.yaml: resources: /   limits: /     cpu: 2",
            ),
            (&[("b.yaml", "")], set(&container("image"), json!("shop/web:1.5")), "b.yaml: image: /   tag: \"1.5\""),
            (
                &[("b.yaml", "")],
                set(&container("image"), json!("shop/api:1.5")),
                "b.yaml: image: /   repository: shop/api /   tag: \"1.5\"",
            ),
            // a list is not merged by helm: another file has to say all of it
            (&[("b.yaml", "")], set(&container("args[1]"), json!("c")), "b.yaml: args: / - a / - c"),
            (
                &[("b.yaml", "")],
                set("metadata.annotations[\"a/b\"]", json!("1")),
                "b.yaml: annotations: /   a/b: \"1\"",
            ),
            // only the template knows the key
            (&[("b.yaml", "")], set("spec.paused", json!(true)), "b.yaml: pausedByHand: true"),
            (&[], FieldChange::remove("spec.replicas".parse().expect("path")), "web/values.yaml: "),
            (&[("b.yaml", "")], FieldChange::remove("spec.replicas".parse().expect("path")), "b.yaml: replicas: null"),
        ] {
            let tried = tried(values, &change);
            assert_eq!(tried[0], first, "{tried:#?}");
            assert!(tried.len() <= MOST + 1, "{}", tried.len());
        }
    }

    /// Other keys of the same value and other files follow; what a person can do comes last.
    #[test]
    fn other_keys_follow() {
        let tried = tried(&[("a.yaml", "replicas: 2\n"), ("b.yaml", "")], &set("spec.replicas", json!(5)));
        assert_eq!(tried[..3], ["a.yaml: replicas: 5", "b.yaml: replicas: 5", "b.yaml: workers: 5"]);
        let by_hand =
            "no key of the values makes exactly this change; edit the template web/templates/d.yaml:3 by hand";
        assert_eq!(tried.last().expect("one"), by_hand);
    }

    /// A part of a text is found where it stands by itself.
    #[test]
    fn parts_are_found_in_place() {
        for (old, new, part, expected) in [
            ("shop/web:1.4", "shop/web:1.5", "1.4", &["1.5"][..]),
            ("--port=80 --peer=8080", "--port=81 --peer=8080", "80", &["81"]),
            ("512Mi", "1024Mi", "512", &["1024"]),
            ("shop/web:1.4", "shop/web:1.5", "web", &[]),
            ("web-web", "web-api", "web", &["api"]),
            ("website", "apisite", "web", &[]),
            ("é-1", "é-2", "1", &["2"]),
            ("a", "b", "", &[]),
        ] {
            assert_eq!(parts_in_place(old, new, part), expected, "{old} {new} {part}");
        }
    }
}
