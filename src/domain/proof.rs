//! The proof of an edit: what a source renders to before and after it, held against what was meant.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::field_edit::FieldChange;
use crate::domain::resource::{Manifest, ResourceId};
use crate::domain::yaml::edit::Action;

/// Whose manifest is meant: one source's. Another source may declare an object of the same name, for another cluster.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The source.
    pub source: &'a str,
    /// The object as the source's manifest names it.
    pub id: &'a ResourceId,
}

/// Shows that exactly the intended fields of `target` change and that every other manifest stays as it is.
/// Yields one line for each field, or the reason why the edit is not proven. What differs from one rendering of the same
/// files to the next is left out.
pub fn prove(
    before: &[Manifest],
    after: &[Manifest],
    target: Target<'_>,
    intended: &[FieldChange],
) -> Result<Vec<String>, String> {
    let (old, new) = others_stay(before, after, target)?;
    let old = old.ok_or_else(|| format!("{} is not rendered", target.id))?;
    let new = new.ok_or_else(|| format!("{} would no longer be rendered", target.id))?;
    let lines = prove_target(&old.settled(), &new.settled(), intended)?;
    if lines.is_empty() { Err("nothing would change after rendering".to_owned()) } else { Ok(lines) }
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
        (Some(_), _) => Err(format!("{} is rendered already", target.id)),
        (None, None) => Err(format!("{} would not be rendered", target.id)),
        (None, Some(new)) => {
            is_live(&new.settled())?;
            Ok(vec![format!("{}: (absent) → as it is live", target.id)])
        }
    }
}

/// Shows that exactly `target` is no longer rendered, and that every other manifest stays as it is.
pub fn prove_withdrawal(before: &[Manifest], after: &[Manifest], target: Target<'_>) -> Result<Vec<String>, String> {
    match others_stay(before, after, target)? {
        (None, _) => Err(format!("{} is not rendered", target.id)),
        (_, Some(_)) => Err(format!("{} would still be rendered", target.id)),
        (Some(_), None) => Ok(vec![format!("{}: present → (absent)", target.id)]),
    }
}

/// The target before and after, where nothing else changes.
fn others_stay<'m>(
    before: &'m [Manifest],
    after: &'m [Manifest],
    target: Target<'_>,
) -> Result<(Option<&'m Manifest>, Option<&'m Manifest>), String> {
    let (mut before, mut after) = (by_id(before), by_id(after));
    let found = (before.remove(&(target.source, target.id)), after.remove(&(target.source, target.id)));
    for (key, old) in before {
        let told = |what: &str| format!("{} {what}{}", old.id, of_source(old, target));
        let new = after.remove(&key).ok_or_else(|| told("would no longer be rendered"))?;
        if !old.declares_as(new) {
            return Err(told("would change too"));
        }
    }
    match after.pop_first() {
        Some((_, new)) => Err(format!("{} would be rendered in addition{}", new.id, of_source(new, target))),
        None => Ok(found),
    }
}

fn of_source(manifest: &Manifest, target: Target<'_>) -> String {
    if manifest.source == target.source { String::new() } else { format!(" (source {})", manifest.source) }
}

fn by_id(manifests: &[Manifest]) -> BTreeMap<(&str, &ResourceId), &Manifest> {
    manifests.iter().map(|manifest| ((manifest.source.as_str(), &manifest.id), manifest)).collect()
}

fn prove_target(old: &Value, new: &Value, intended: &[FieldChange]) -> Result<Vec<String>, String> {
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
    use crate::domain::field_path::FieldPath;
    use crate::domain::resource::GroupKind;

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
