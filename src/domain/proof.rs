//! The proof of an edit: what a source renders to before and after it, held against what was meant.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{self, FieldPath, Step};
use crate::domain::resource::{GroupKind, Manifest, ResourceId};
use crate::domain::yaml::edit::Action;

/// Whose manifest is meant: one source's. Another source may declare an object of the same name, for another cluster.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The source.
    pub source: &'a str,
    /// The object as the source's manifest names it.
    pub id: &'a ResourceId,
}

impl Target<'_> {
    fn is(&self, manifest: &Manifest) -> bool {
        manifest.source == self.source && manifest.id == *self.id
    }
}

/// Shows that exactly the intended fields of `target` change and that every other manifest stays as it is.
/// Yields one line for each field, or the reason why the edit is not proven. What differs from one rendering of the same
/// files to the next is left out.
///
/// A target that is named by its content ([`Manifest::stem`]) gets another name with it, and so do the references to it:
/// that belongs to the change, and is told. Nothing else may change with it.
pub fn prove(
    before: &[Manifest],
    after: &[Manifest],
    target: Target<'_>,
    intended: &[FieldChange],
) -> Result<Vec<String>, String> {
    // that it is gone says more than what has changed with it
    let place = before.iter().find(|manifest| target.is(manifest)).map(key);
    if place.is_some_and(|place| !after.iter().any(|manifest| key(manifest) == place)) {
        return Err(format!("{} would no longer be rendered", target.id));
    }
    let Others { old, new, references } = others_stay(before, after, target)?;
    let old = old.ok_or_else(|| format!("{} is not rendered", target.id))?;
    let new = new.ok_or_else(|| format!("{} would no longer be rendered", target.id))?;
    let renamed = renaming(old, new);
    let mut lines = prove_target(&old.settled(), &new.settled(), intended, renamed)?;
    if lines.is_empty() {
        return Err("nothing would change after rendering".to_owned());
    }
    lines.extend(renamed.map(|(was, is)| format!("metadata.name: {was} → {is} (it is named by its content)")));
    lines.extend(references);
    Ok(lines)
}

/// Shows that exactly `target` is rendered in addition, as `is_live` says that it is live, and that every other manifest
/// stays as it is.
pub fn prove_addition(
    before: &[Manifest],
    after: &[Manifest],
    target: Target<'_>,
    is_live: impl Fn(&Value) -> Result<(), String>,
) -> Result<Vec<String>, String> {
    match others_stay(before, after, target)? {
        Others { old: Some(_), .. } => Err(format!("{} is rendered already", target.id)),
        Others { new: None, .. } => Err(format!("{} would not be rendered", target.id)),
        Others { new: Some(new), .. } => {
            is_live(&new.settled())?;
            Ok(vec![format!("{}: (absent) → as it is live", target.id)])
        }
    }
}

/// Shows that exactly `target` is no longer rendered, and that every other manifest stays as it is.
pub fn prove_withdrawal(before: &[Manifest], after: &[Manifest], target: Target<'_>) -> Result<Vec<String>, String> {
    match others_stay(before, after, target)? {
        Others { old: None, .. } => Err(format!("{} is not rendered", target.id)),
        Others { new: Some(_), .. } => Err(format!("{} would still be rendered", target.id)),
        Others { .. } => Ok(vec![format!("{}: present → (absent)", target.id)]),
    }
}

/// The target before and after, and what follows from its new name in the others.
struct Others<'m> {
    old: Option<&'m Manifest>,
    new: Option<&'m Manifest>,
    references: Vec<String>,
}

/// Finds the target before and after, where nothing else changes but references to the name that its content gives it.
fn others_stay<'m>(before: &'m [Manifest], after: &'m [Manifest], target: Target<'_>) -> Result<Others<'m>, String> {
    let (mut before, mut after) = (by_resource(before), by_resource(after));
    let of = |manifests: &BTreeMap<Key<'m>, &'m Manifest>| {
        manifests.iter().find(|(_, manifest)| target.is(manifest)).map(|(key, _)| *key)
    };
    let place = of(&before).or(of(&after));
    let old = place.and_then(|place| before.remove(&place));
    let new = place.and_then(|place| after.remove(&place));
    let renamed = old.zip(new).and_then(|(old, new)| renaming(old, new));
    let mut references = Vec::new();
    for (key, old) in before {
        let told = |what: &str| format!("{} {what}{}", old.id, of_source(old, target));
        let new = after.remove(&key).ok_or_else(|| told("would no longer be rendered"))?;
        if old.id == new.id && old.declares_as(new) {
            continue;
        }
        let followed = renamed.and_then(|renamed| Reference { renamed }.all(&old.settled(), &new.settled()));
        let paths = followed.ok_or_else(|| told("would change too"))?;
        let told = |path| renamed.map(|(was, is)| format!("{}: {path}: {was} → {is}", old.id));
        references.extend(paths.into_iter().filter_map(told));
    }
    match after.pop_first() {
        Some((_, new)) => Err(format!("{} would be rendered in addition{}", new.id, of_source(new, target))),
        None => Ok(Others { old, new, references }),
    }
}

/// The old and the new name of what is named by its content, where they are not the same.
fn renaming<'m>(old: &'m Manifest, new: &'m Manifest) -> Option<(&'m str, &'m str)> {
    (old.id.name != new.id.name).then_some((&*old.id.name, &*new.id.name))
}

fn of_source(manifest: &Manifest, target: Target<'_>) -> String {
    if manifest.source == target.source { String::new() } else { format!(" (source {})", manifest.source) }
}

/// Source, kind and namespace; the name, or the part of it that stays where the rest follows from the content.
type Key<'m> = (&'m str, &'m GroupKind, Option<&'m str>, &'m str, bool);

fn by_resource(manifests: &[Manifest]) -> BTreeMap<Key<'_>, &Manifest> {
    manifests.iter().map(|manifest| (key(manifest), manifest)).collect()
}

fn key(manifest: &Manifest) -> Key<'_> {
    let (id, stem) = (&manifest.id, manifest.stem.as_deref());
    (&manifest.source, &id.kind, id.namespace.as_deref(), stem.unwrap_or(&id.name), stem.is_some())
}

/// References to a resource that gets another name.
struct Reference<'n> {
    renamed: (&'n str, &'n str),
}

impl Reference<'_> {
    /// The places of all references, if two values differ in nothing else.
    fn all(&self, old: &Value, new: &Value) -> Option<Vec<FieldPath>> {
        let mut paths = Vec::new();
        self.follow(old, new, &FieldPath::root(), &mut paths).then_some(paths)
    }

    fn follow(&self, old: &Value, new: &Value, at: &FieldPath, paths: &mut Vec<FieldPath>) -> bool {
        match (old, new) {
            (Value::Object(old), Value::Object(new)) if old.len() == new.len() => old
                .iter()
                .all(|(key, old)| new.get(key).is_some_and(|new| self.follow(old, new, &at.field(key), paths))),
            (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
                old.iter().zip(new).enumerate().all(|(index, (old, new))| {
                    let name = old
                        .get("name")
                        .and_then(field_path::Key::of)
                        .map(|name| Step::Item(vec![("name".to_owned(), name)]));
                    self.follow(old, new, &at.join(name.unwrap_or(Step::Index(index))), paths)
                })
            }
            (Value::String(old), Value::String(new)) if (&**old, &**new) == self.renamed => {
                paths.push(at.clone());
                true
            }
            (old, new) => old == new,
        }
    }
}

fn prove_target(
    old: &Value,
    new: &Value,
    intended: &[FieldChange],
    renamed: Option<(&str, &str)>,
) -> Result<Vec<String>, String> {
    let mut wanted = old.clone();
    let mut lines = Vec::new();
    for change in intended {
        let was = change.path.get(old).cloned();
        change.apply(&mut wanted)?;
        let becomes = change.path.get(&wanted).cloned();
        if was != becomes || matches!(change.action, Action::Remove) {
            lines.push(format!("{}: {} → {}", change.path, text(was.as_ref()), text(becomes.as_ref())));
        }
    }
    if let Some((_, name)) = renamed {
        FieldChange::set(FieldPath::fields(["metadata", "name"]), Value::from(name)).apply(&mut wanted)?;
    }
    if wanted == *new { Ok(lines) } else { Err("rendering it gives something else than was meant".to_owned()) }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None => "(absent)".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(name: &str, replicas: i64) -> Manifest {
        let object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {"replicas": replicas}});
        Manifest::new(ResourceId::new(GroupKind::new("apps", "Deployment"), None, name), "s", None, &object)
    }

    /// What differs from one rendering to the next is not compared; what begins to differ is a change.
    #[test]
    fn what_does_not_settle_is_left_out() {
        let random = |one: i64, other: i64| manifest("b", one).rendered_again(&manifest("b", other));
        let id = manifest("a", 1).id;
        let target = Target { source: "s", id: &id };
        let intended = [FieldChange::set(FieldPath::fields(["spec", "replicas"]), json!(2))];
        let proven = |before, after| prove(&[manifest("a", 1), before], &[manifest("a", 2), after], target, &intended);
        assert_eq!(proven(random(1, 2), random(3, 4)), Ok(vec!["spec.replicas: 1 → 2".to_owned()]));
        assert_eq!(proven(manifest("b", 1), random(1, 2)), Err("Deployment b would change too".to_owned()));
    }

    /// Only the intended change of the intended object is a proof.
    #[test]
    fn only_the_intended_change_is_proven() {
        let id = manifest("a", 1).id;
        let target = Target { source: "s", id: &id };
        let intended = [FieldChange::set(FieldPath::fields(["spec", "replicas"]), json!(2))];
        let before = [manifest("a", 1), manifest("b", 1)];
        for (after, proven) in [
            (vec![manifest("a", 2), manifest("b", 1)], Ok(vec!["spec.replicas: 1 → 2".to_owned()])),
            (vec![manifest("a", 3), manifest("b", 1)], Err("rendering it gives something else than was meant")),
            (vec![manifest("a", 2), manifest("b", 2)], Err("Deployment b would change too")),
            (vec![manifest("a", 2)], Err("Deployment b would no longer be rendered")),
            (
                vec![manifest("a", 2), manifest("b", 1), manifest("c", 1)],
                Err("Deployment c would be rendered in addition"),
            ),
        ] {
            assert_eq!(prove(&before, &after, target, &intended), proven.map_err(str::to_owned));
        }
    }

    /// What is named by its content changes its name with it: the references follow, and nothing else does.
    #[test]
    fn a_name_follows_the_content() {
        let settings = |name: &str, colour: &str, stem: Option<&str>| {
            let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"COLOUR": colour}});
            let id = ResourceId::new(GroupKind::new("", "ConfigMap"), None, name);
            Manifest::new(id, "s", None, &object).named_by_content(stem.map(str::to_owned))
        };
        let user = |name: &str, image: &str| {
            let container = json!({"name": "web", "image": image, "envFrom": [{"configMapRef": {"name": name}}]});
            let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [container]}});
            Manifest::new(ResourceId::new(GroupKind::new("", "Pod"), None, "web"), "s", None, &object)
        };
        let id = ResourceId::new(GroupKind::new("", "ConfigMap"), None, "settings-7h2b");
        let target = Target { source: "s", id: &id };
        let (blue, red) = ("settings-7h2b", "settings-9k4d");
        let before = [settings(blue, "blue", Some("settings")), user(blue, "web:1")];
        let intended = [FieldChange::set(FieldPath::fields(["data", "COLOUR"]), json!("red"))];
        let renamed = [
            "data.COLOUR: blue → red",
            "metadata.name: settings-7h2b → settings-9k4d (it is named by its content)",
            "Pod web: spec.containers[name=web].envFrom[0].configMapRef.name: settings-7h2b → settings-9k4d",
        ];
        for (after, proven) in [
            ([settings(red, "red", Some("settings")), user(red, "web:1")], Ok(&renamed[..])),
            ([settings(red, "red", Some("settings")), user(red, "web:2")], Err("Pod web would change too")),
            (
                [settings(red, "green", Some("settings")), user(red, "web:1")],
                Err("rendering it gives something else than was meant"),
            ),
            (
                [settings(red, "red", None), user(red, "web:1")],
                Err("ConfigMap settings-7h2b would no longer be rendered"),
            ),
            (
                [settings(red, "red", Some("other")), user(red, "web:1")],
                Err("ConfigMap settings-7h2b would no longer be rendered"),
            ),
        ] {
            let told = prove(&before, &after, target, &intended);
            assert_eq!(
                told,
                proven.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect()).map_err(str::to_owned)
            );
        }
        // a reference changes only with what it refers to
        let moved = [settings(blue, "red", Some("settings")), user(red, "web:1")];
        assert_eq!(prove(&before, &moved, target, &intended), Err("Pod web would change too".to_owned()));
    }

    /// What another source declares under the same name is for another cluster, and stays.
    #[test]
    fn another_source_is_left_alone() {
        let id = manifest("a", 1).id;
        let target = Target { source: "s", id: &id };
        let other = |replicas: i64| {
            let mut manifest = manifest("a", replicas);
            manifest.source = "t".to_owned();
            manifest
        };
        let intended = [FieldChange::set(FieldPath::fields(["spec", "replicas"]), json!(2))];
        let shown = prove(&[manifest("a", 1), other(1)], &[manifest("a", 2), other(2)], target, &intended);
        assert_eq!(shown, Err("Deployment a would change too (source t)".to_owned()));
    }

    /// A whole manifest comes or goes alone.
    #[test]
    fn whole_manifests_come_and_go() {
        let (a, b) = (manifest("a", 1), manifest("b", 1));
        let target = Target { source: "s", id: &b.id };
        let is_live = |object: &Value| if object["spec"]["replicas"] == 1 { Ok(()) } else { Err("differs".to_owned()) };
        let addition = |after: &[Manifest]| prove_addition(std::slice::from_ref(&a), after, target, is_live);
        assert_eq!(addition(&[a.clone(), b.clone()]), Ok(vec!["Deployment b: (absent) → as it is live".to_owned()]));
        assert_eq!(addition(&[a.clone(), manifest("b", 2)]), Err("differs".to_owned()));
        assert!(addition(std::slice::from_ref(&a)).is_err() && addition(std::slice::from_ref(&b)).is_err());
        assert!(addition(&[a.clone(), b.clone(), manifest("c", 1)]).is_err());
        let both = [a.clone(), b.clone()];
        let withdrawal = |after: &[Manifest]| prove_withdrawal(&both, after, target);
        assert_eq!(withdrawal(std::slice::from_ref(&a)), Ok(vec!["Deployment b: present → (absent)".to_owned()]));
        assert!(withdrawal(&both).is_err() && withdrawal(&[]).is_err());
    }
}
