//! The proof of an edit: what a source renders to before and after it, held against what was meant.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::field_edit::FieldChange;
use crate::domain::resource::{Manifest, ResourceId};
use crate::domain::yaml::edit::Action;

/// Shows that exactly the intended fields of `target` change and that every other manifest stays as it is.
/// Yields one line for each field, or the reason why the edit is not proven. What differs from one rendering of the same
/// files to the next is left out.
pub fn prove(
    before: &[Manifest],
    after: &[Manifest],
    target: &ResourceId,
    intended: &[FieldChange],
) -> Result<Vec<String>, String> {
    let (before, mut after) = (by_id(before), by_id(after));
    let mut lines = Vec::new();
    for (key, old) in &before {
        let Some(new) = after.remove(key) else { return Err(format!("{} would no longer be rendered", old.id)) };
        if old.id != *target {
            if !old.declares_as(new) {
                return Err(format!("{} would change too", old.id));
            }
            continue;
        }
        lines = prove_target(&old.settled(), &new.settled(), intended)?;
    }
    if let Some((_, new)) = after.pop_first() {
        return Err(format!("{} would be rendered in addition", new.id));
    }
    if lines.is_empty() { Err("nothing would change after rendering".to_owned()) } else { Ok(lines) }
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
        let target = manifest("a", 1).id;
        let intended = [FieldChange::set(FieldPath::fields(["spec", "replicas"]), json!(2))];
        let proven = |before, after| prove(&[manifest("a", 1), before], &[manifest("a", 2), after], &target, &intended);
        assert_eq!(proven(random(1, 2), random(3, 4)), Ok(vec!["spec.replicas: 1 → 2".to_owned()]));
        assert_eq!(proven(manifest("b", 1), random(1, 2)), Err("Deployment b would change too".to_owned()));
    }

    /// Only the intended change of the intended object is a proof.
    #[test]
    fn only_the_intended_change_is_proven() {
        let target = manifest("a", 1).id;
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
            assert_eq!(prove(&before, &after, &target, &intended), proven.map_err(str::to_owned));
        }
    }
}
