//! Any JSON as managedFields: no panic, and every field that a plain walk over the sets comes to is owned.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;
use serde_json::value::RawValue;
use trueup_fuzz::domain::field_path::{FieldPath, Key, Step};
use trueup_fuzz::domain::ownership::Owners;
use trueup_fuzz::managers;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(raw) = serde_json::from_slice::<Box<RawValue>>(bytes) else { return Corpus::Reject };
    let managers = managers();
    let owners = Owners::read(Some(&raw), &managers, Some("gitops"));
    let _ = (owners.creator(), owners.is_made_by_controllers());
    let entries: Vec<Value> = serde_json::from_str(raw.get()).unwrap_or_default();
    if owners.is_empty() {
        return Corpus::Keep;
    }
    for entry in &entries {
        let mut steps = Vec::new();
        walk(&entry["fieldsV1"], &mut steps, &mut |path| {
            assert!(!owners.of(path, None).is_empty(), "{}", path.iter().cloned().collect::<FieldPath>());
            assert!(owners.changed_by(path, Some(path.len())).is_some());
        });
    }
    Corpus::Keep
});

fn walk(set: &Value, path: &mut Vec<Step>, each: &mut impl FnMut(&[Step])) {
    for (name, below) in set.as_object().into_iter().flatten() {
        let Some(step) = step(name) else { continue };
        path.push(step);
        each(path);
        walk(below, path, each);
        path.pop();
    }
}

fn step(name: &str) -> Option<Step> {
    let (kind, rest) = name.split_once(':')?;
    match kind {
        "f" => Some(Step::Field(rest.to_owned())),
        "i" => rest.parse().ok().filter(|index: &usize| index.to_string() == rest).map(Step::Index),
        "v" => Key::of(&serde_json::from_str(rest).ok()?).map(Step::Member),
        "k" => {
            let keys: serde_json::Map<String, Value> = serde_json::from_str(rest).ok()?;
            keys.iter().map(|(name, value)| Some((name.clone(), Key::of(value)?))).collect::<Option<_>>().map(Step::Item)
        }
        _ => None,
    }
}
