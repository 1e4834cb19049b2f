//! Fields of a kustomization that set one field of many resources: `images`, `replicas`, labels and annotations.

use serde_json::Value;

use super::{Place, Search};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::kustomization::Kustomization;
use crate::domain::yaml::edit::Action;

/// The places of a kustomization for a change.
pub(super) fn places(search: &Search<'_>, level: &Kustomization, change: &FieldChange) -> Vec<Place> {
    let mut places = images(search, level, change);
    places.extend(replicas(search, level, change));
    places.extend(pairs(search, level, change));
    places
}

/// The items of a list of the kustomization, the last one that counts first.
fn items(level: &Kustomization, field: &str) -> Vec<(FieldPath, Value)> {
    let Value::Array(items) = level.field(field) else { return Vec::new() };
    let at = |index| FieldPath::fields([field]).join(Step::Index(index));
    items.into_iter().enumerate().rev().map(|(index, item)| (at(index), item)).collect()
}

fn replicas(search: &Search<'_>, level: &Kustomization, change: &FieldChange) -> Vec<Place> {
    let Action::Set(count) = &change.action else { return Vec::new() };
    if change.path != FieldPath::fields(["spec", "replicas"]) {
        return Vec::new();
    }
    let own = items(level, "replicas").into_iter().filter(|(_, item)| search.is_called(item.get("name")));
    own.map(|(at, _)| search.in_kustomization(level, &FieldChange::set(at.field("count"), count.clone()))).collect()
}

/// Labels and annotations that every resource gets.
fn pairs(search: &Search<'_>, level: &Kustomization, change: &FieldChange) -> Vec<Place> {
    let [Step::Field(metadata), Step::Field(kind), Step::Field(key)] = change.path.steps() else { return Vec::new() };
    let mut maps: Vec<FieldPath> = match (&**metadata, &**kind) {
        ("metadata", "labels") => {
            let pairs = items(level, "labels").into_iter().map(|(at, _)| at.field("pairs"));
            pairs.chain([FieldPath::fields(["commonLabels"])]).collect()
        }
        ("metadata", "annotations") => vec![FieldPath::fields(["commonAnnotations"])],
        _ => return Vec::new(),
    };
    let all = level.root.to_json();
    maps.retain(|map| map.field(key).get(&all).is_some());
    let change = |map: FieldPath| FieldChange { path: map.field(key), action: change.action.clone() };
    maps.into_iter().map(|map| search.in_kustomization(level, &change(map))).collect()
}

/// An entry of `images` renames every image of a name, gives it a tag, or a digest.
fn images(search: &Search<'_>, level: &Kustomization, change: &FieldChange) -> Vec<Place> {
    let is_image = change.path.steps().last() == Some(&Step::Field("image".to_owned()));
    let (Some(Value::String(old)), Action::Set(Value::String(new)), true) =
        (change.path.get(&search.object), &change.action, is_image)
    else {
        return Vec::new();
    };
    let (old, new) = (Image::of(old), Image::of(new));
    let mut places = Vec::new();
    for (at, entry) in ["images", "imageTags"].iter().flat_map(|field| items(level, field)) {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let Some(result) = text("newName").or(text("name")) else { continue };
        // the entry may have been changed already, together with another container of this image
        if result == old.name || result == new.name {
            places.push(new.written(search, level, &at, &entry));
        }
    }
    places
}

/// The parts of `registry:5000/name:tag@sha256:…`.
struct Image<'i> {
    name: &'i str,
    tag: Option<&'i str>,
    digest: Option<&'i str>,
}

impl<'i> Image<'i> {
    fn of(text: &'i str) -> Self {
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        let start = rest.rfind('/').map_or(0, |slash| slash + 1);
        match rest[start..].find(':') {
            Some(colon) => Self { name: &rest[..start + colon], tag: Some(&rest[start + colon + 1..]), digest },
            None => Self { name: rest, tag: None, digest },
        }
    }

    /// An entry that says this image, whatever it said before.
    fn written(&self, search: &Search<'_>, level: &Kustomization, at: &FieldPath, entry: &Value) -> Place {
        let mut text = search.sought.files.text(&level.file)?;
        let said = entry.get("newName").or(entry.get("name")).and_then(Value::as_str);
        let name = (said != Some(self.name)).then_some(Some(self.name));
        let parts = [("newName", name), ("newTag", Some(self.tag)), ("digest", Some(self.digest))];
        for (field, value) in parts.into_iter().filter_map(|(field, value)| Some((field, value?))) {
            let there = entry.get(field).is_some();
            let change = match value {
                Some(value) => FieldChange::set(at.field(field), Value::from(value)),
                None if there => FieldChange::remove(at.field(field)),
                None => continue,
            };
            text = super::edited(&text, level.document, &change).map_err(|error| format!("{}: {error}", level.file))?;
        }
        Ok([(level.file.clone(), text)].into())
    }
}
