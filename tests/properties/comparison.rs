//! What is the same shows nothing, whatever its spelling, and what differs shows at its place, for every built-in kind.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use trueup::domain::drift::compare::{Comparison, Rules, compare};
use trueup::domain::drift::{Change, ManagerClass};
use trueup::domain::field_path::FieldPath;
use trueup::domain::normalize::{defaults, is_nothing, is_skipped, zero_matters};
use trueup::domain::ownership::{ManagerClasses, ManagerRule};
use trueup::domain::resource::{LiveObject, ResourceId};
use trueup::domain::schema::{ListKind, Schemas, Shape};

use crate::generate;
use crate::owners::managed_fields;
use crate::respell::{Place, changed, is_merge_key, permuted, places, respelled};
use crate::tape::Tape;

fn compared(declared: &Value, live: &Value, managed_fields: Option<&Value>) -> Comparison {
    let rule = ManagerRule { manager: "kubectl-*".to_owned(), subresource: None, class: ManagerClass::Person };
    let live = LiveObject {
        id: ResourceId::of(live).expect("it has a name"),
        object: live.clone(),
        managed_fields: managed_fields.map(|fields| serde_json::value::to_raw_value(fields).expect("JSON")),
    };
    let (schemas, managers) = (Schemas::default(), ManagerClasses { rules: vec![rule] });
    compare(declared, &live, &Rules { schemas: &schemas, managers: &managers, delivery_manager: Some("gitops") })
}

fn shape_of(object: &Value) -> Shape {
    Schemas::default().kind(object["apiVersion"].as_str().expect("text"), object["kind"].as_str().expect("text"))
}

fn told(comparison: &Comparison) -> Vec<(Change, String)> {
    comparison.differences.iter().map(|difference| (difference.change, difference.path.to_string())).collect()
}

fn text(place: &Place) -> String {
    place.path.iter().cloned().collect::<FieldPath>().to_string()
}

/// Whether the API server takes what is declared there for "not set", so that anything may stand in its place.
fn is_unset((part, field): (&str, &str), declared: &Value) -> bool {
    let by_table = defaults::find(part, field).is_some_and(|default| default.is_unset_by(declared));
    by_table || (declared == "" && !part.is_empty() && !zero_matters(part, field))
}

proptest! {
    /// An object compared with itself shows nothing.
    #[test]
    fn identity_shows_nothing(mut tape in Tape::strategy(400)) {
        let object = generate::object(&mut tape);
        prop_assert_eq!(compared(&object, &object, None), Comparison::default(), "{}", object);
    }

    /// The order of map lists, sets and lists without order shows nothing.
    #[test]
    fn order_shows_nothing(mut tape in Tape::strategy(400)) {
        let object = generate::object(&mut tape);
        let other = permuted(&shape_of(&object), ("", ""), &object, &mut tape);
        prop_assert_eq!(compared(&object, &other, None), Comparison::default(), "{}\n{}", object, other);
    }

    /// Other units, explicit nulls and zeros, other forms of times, texts and numbers, and a protocol left out show nothing.
    #[test]
    fn spelling_shows_nothing(mut tape in Tape::strategy(500)) {
        let object = generate::object(&mut tape);
        let other = respelled(&shape_of(&object), &object, &mut tape);
        for (declared, live) in [(&object, &other), (&other, &object)] {
            prop_assert_eq!(compared(declared, live, None), Comparison::default(), "{}\n{}", declared, live);
        }
    }

    /// One changed leaf shows at its path and nowhere else; a changed key shows as the item that went and the one that came.
    #[test]
    fn one_change_shows_at_its_place(mut tape in Tape::strategy(400)) {
        let object = generate::object(&mut tape);
        let places: Vec<_> = places(&shape_of(&object), &object);
        let Some(place) = tape.shuffled(places).into_iter().find(|place| {
            let declared = object.pointer(&place.pointer).expect("it is there");
            place.pointer != "/metadata/name" && !place.pointer.contains("/finalizers/")
                && !is_unset((&place.holder.0, &place.holder.1), declared) && changed(&place.shape, declared).is_some()
        }) else { return Ok(()) };
        let mut live = object.clone();
        let declared = object.pointer(&place.pointer).expect("it is there");
        *live.pointer_mut(&place.pointer).expect("it is there") = changed(&place.shape, declared).expect("it changes");
        let found = compared(&object, &live, None);
        if place.is_identity || is_merge_key(&place) {
            let changes: BTreeSet<_> = found.differences.iter().map(|difference| difference.change.as_str()).collect();
            prop_assert_eq!(changes, BTreeSet::from(["added", "removed"]), "{} {:?}", text(&place), told(&found));
            prop_assert_eq!(found.differences.len(), 2);
        } else {
            let told: Vec<_> = told(&found).into_iter().map(|(_, path)| path).collect();
            prop_assert_eq!(told, [text(&place)], "{}\n{}", object, live);
        }
    }

    /// A field that says something and is gone shows at its path, or at the entries it had, and nothing else does.
    #[test]
    fn one_removal_shows_at_its_place(mut tape in Tape::strategy(400)) {
        let object = generate::object(&mut tape);
        let places: Vec<_> = places(&shape_of(&object), &object);
        let Some(place) = tape.shuffled(places).into_iter().find(|place| {
            let (part, field) = (&*place.holder.0, &*place.holder.1);
            let declared = object.pointer(&place.pointer).expect("it is there");
            !field.is_empty() && place.pointer != "/metadata" && place.pointer != "/metadata/name" && !is_merge_key(place)
                && defaults::find(part, field).is_none() && !is_nothing(&place.shape, declared)
        }) else { return Ok(()) };
        let mut live = object.clone();
        let (parent, _) = place.pointer.rsplit_once('/').expect("below the root");
        live.pointer_mut(parent).and_then(Value::as_object_mut).expect("a map").remove(&place.holder.1);
        let found = compared(&object, &live, None);
        let path: FieldPath = place.path.iter().cloned().collect();
        prop_assert!(!found.differences.is_empty(), "{} is lost\n{}", path, object);
        for difference in &found.differences {
            prop_assert!(difference.path.starts_with(&path) && difference.change == Change::Removed, "{:?}", told(&found));
        }
    }

    /// A field that a person adds shows at its path, with its author, and nothing else does.
    #[test]
    fn one_addition_shows_at_its_place(mut tape in Tape::strategy(400)) {
        let object = generate::object(&mut tape);
        let shape = shape_of(&object);
        let Some((place, field, value)) = addition(&shape, &object, &mut tape) else { return Ok(()) };
        let mut live = object.clone();
        live.pointer_mut(&place.pointer).expect("it is there")[&*field] = value.clone();
        let mut path: FieldPath = place.path.iter().cloned().collect();
        path.push(trueup::domain::field_path::Step::Field(field.clone()));
        let fields = managed_fields(&shape, &live, &path);
        let owner = json!([{"manager": "kubectl-edit", "operation": "Update", "apiVersion": object["apiVersion"], "fieldsV1": fields}]);
        let found = compared(&object, &live, Some(&owner));
        prop_assert!(!found.differences.is_empty(), "{} {} is lost\n{}", path, value, object);
        for difference in &found.differences {
            let author = difference.changed_by.as_ref().map(|by| by.manager.as_str());
            let right = difference.path.starts_with(&path) && difference.change == Change::Added && author == Some("kubectl-edit");
            prop_assert!(right, "{} {:?} {:?}", path, told(&found), found.differences);
        }
    }
}

/// A field that an object of `object` does not have and that no rule fills in, with a value that says something.
fn addition(shape: &Shape, object: &Value, tape: &mut Tape) -> Option<(Place, String, Value)> {
    for place in tape.shuffled(places(shape, object)) {
        let (Shape::Struct(part), Some(declared)) = (&place.shape, object.pointer(&place.pointer)?.as_object()) else {
            continue;
        };
        let free = part.fields.iter().filter(|field| {
            declared.get(&*field.name).is_none_or(Value::is_null)
                && defaults::find(&part.name, &field.name).is_none()
                && !is_skipped(&part.name, &field.name, false, None)
                && field.name != "finalizers"
        });
        for field in tape.shuffled(free.collect()) {
            let value = match &field.shape {
                Shape::Text | Shape::Time | Shape::Bytes | Shape::Duration | Shape::Quantity => {
                    changed(&field.shape, &json!(""))?
                }
                Shape::Integer | Shape::Number | Shape::IntOrString => json!(7777),
                Shape::Bool => json!(true),
                Shape::Map(map) if matches!(map.value, Shape::Text) => json!({"a": "b"}),
                Shape::List(list) if matches!(list.item, Shape::Text) && !matches!(list.kind, ListKind::Keyed(_)) => {
                    json!(["a", "b"])
                }
                _ => continue,
            };
            return Some((place.clone(), field.name.to_string(), value));
        }
    }
    None
}
