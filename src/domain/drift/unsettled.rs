//! What differs from one rendering of the same files to the next (`randAlphaNum`, `genCA`, `now`) declares nothing, and is
//! set aside from what differs between a manifest and its live object.

use serde_json::Value;

use crate::domain::drift::compare::{Comparison, Explained, Rules, compare};
use crate::domain::drift::{Change, Difference};
use crate::domain::resource::{LiveObject, Manifest};

/// Moves differences in fields of which the manifest's two renderings differ to what is explained.
pub(super) fn set_aside_unsettled(
    manifest: &Manifest,
    declared: &Value,
    rules: &Rules<'_>,
    comparison: &mut Comparison,
) {
    let Some(object) = manifest.other_object().filter(|_| !comparison.differences.is_empty()) else { return };
    let other = LiveObject { id: manifest.id.clone(), object, managed_fields: None };
    let between = compare(declared, &other, rules).differences;
    let unsettled: Vec<_> = between
        .into_iter()
        .map(|difference| match difference.change {
            Change::Changed => difference.path,
            // a key of its own in every rendering: the map is what cannot be compared
            Change::Added | Change::Removed => difference.path.parent().unwrap_or_default(),
        })
        .collect();
    let is_unsettled = |difference: &Difference| unsettled.iter().any(|path| difference.path.starts_with(path));
    let (aside, kept) = std::mem::take(&mut comparison.differences).into_iter().partition(is_unsettled);
    comparison.differences = kept;
    let explain = |difference: Difference| Explained {
        path: difference.path,
        live: difference.live.unwrap_or_default(),
        reason: "differs from one rendering to the next".to_owned(),
    };
    comparison.explained.extend(Vec::into_iter(aside).map(explain));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::ownership::ManagerClasses;
    use crate::domain::resource::{GroupKind, ResourceId};
    use crate::domain::schema::Schemas;

    /// A value, and a key, that every rendering has anew are set aside; what both renderings have is not.
    #[test]
    fn only_what_settles_is_drift() {
        let object = |data: &Value, labels: &Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": labels}, "data": data});
        let id = ResourceId::new(GroupKind::new("", "ConfigMap"), None, "a");
        let of = |object: &Value| Manifest::new(id.clone(), "s", None, object);
        let (one, other) = (
            object(&json!({"k": "1", "s": "x"}), &json!({"a-1": ""})),
            object(&json!({"k": "1", "s": "y"}), &json!({"a-2": ""})),
        );
        let live = object(&json!({"k": "2", "s": "z"}), &json!({"a-3": "v"}));
        let manifest = of(&one).rendered_again(&of(&other));
        let live = LiveObject { id: id.clone(), object: live, managed_fields: None };
        let (schemas, managers) = (Schemas::default(), ManagerClasses::default());
        let rules = Rules { schemas: &schemas, managers: &managers, delivery_manager: None };
        let mut comparison = compare(&one, &live, &rules);
        set_aside_unsettled(&manifest, &one, &rules, &mut comparison);
        let left: Vec<_> = comparison.differences.iter().map(|difference| difference.path.to_string()).collect();
        assert_eq!(left, ["data.k"]);
        let aside: Vec<_> = comparison.explained.iter().map(|explained| explained.path.to_string()).collect();
        assert!(aside.contains(&"data.s".to_owned()), "{aside:?}");
    }
}
