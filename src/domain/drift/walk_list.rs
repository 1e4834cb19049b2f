//! Lists: by merge keys, as sets, or as one value, as the schema says.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::domain::drift::Change;
use crate::domain::drift::walk::{Holder, Walker};
use crate::domain::field_path::{Key, Step};
use crate::domain::normalize::is_unordered;
use crate::domain::normalize::written::{is_given_toleration, is_tool_item};
use crate::domain::schema::{ListKind, MergeKey, Shape};

type Keys = Vec<(String, Key)>;

impl Walker<'_> {
    pub(super) fn list(&mut self, shape: &Shape, declared: &[Value], live: &[Value], holder: Option<Holder<'_>>) {
        let Shape::List(list) = shape else {
            let by_name = [MergeKey { name: "name".into(), default: None }];
            return match (keys_of_all(declared, &by_name), keys_of_all(live, &by_name)) {
                (Some(a), Some(b)) => self.keyed(&Shape::Any, declared, live, &a, &b, holder),
                _ => self.atomic(&Shape::Any, declared, live, holder),
            };
        };
        match &list.kind {
            ListKind::Keyed(names) => match (keys_of_all(declared, names), keys_of_all(live, names)) {
                (Some(a), Some(b)) => self.keyed(&list.item, declared, live, &a, &b, holder),
                // items without their keys cannot be told apart
                _ => self.atomic(&list.item, declared, live, holder),
            },
            ListKind::Set => self.set(declared, live, holder),
            ListKind::Atomic => self.atomic(&list.item, declared, live, holder),
        }
    }

    fn keyed(
        &mut self,
        item: &Shape,
        declared: &[Value],
        live: &[Value],
        a: &[Keys],
        b: &[Keys],
        holder: Option<Holder<'_>>,
    ) {
        let in_tool_list = |item: &Value| holder.is_some_and(|holder| is_tool_item(holder.part, holder.field, item));
        let (in_declared, in_live) = (places(a), places(b));
        for (keys, value) in a.iter().zip(declared) {
            self.path.push(Step::Item(keys.clone()));
            match in_live.get(keys).copied() {
                Some(at) => self.value(item, value, &live[at], None),
                None => self.report(Change::Removed, item, Some(value), None),
            }
            self.path.pop();
        }
        for (keys, value) in b.iter().zip(live) {
            if !in_declared.contains_key(keys) && !in_tool_list(value) {
                self.path.push(Step::Item(keys.clone()));
                self.report_added(value, None);
                self.path.pop();
            }
        }
        let field = holder.map_or("", |holder| holder.field);
        let refers = || {
            declared
                .iter()
                .any(|item| item.get("value").and_then(Value::as_str).is_some_and(|value| value.contains("$(")))
        };
        if field == "initContainers" || (field == "env" && refers()) {
            let common = |keys: &[Keys], others: &HashMap<&Keys, usize>| {
                keys.iter().filter(|keys| others.contains_key(keys)).cloned().collect::<Vec<_>>()
            };
            if common(a, &in_live) != common(b, &in_declared) {
                self.report(
                    Change::Changed,
                    item,
                    Some(&Value::from(declared.to_vec())),
                    Some(&Value::from(live.to_vec())),
                );
            }
        }
    }

    fn set(&mut self, declared: &[Value], live: &[Value], holder: Option<Holder<'_>>) {
        let is_finalizers = holder.is_some_and(|holder| holder.part == "meta/v1.ObjectMeta");
        let keys = |values: &[Value]| values.iter().filter_map(Key::of).collect::<HashSet<_>>();
        let (in_declared, in_live) = (keys(declared), keys(live));
        for (value, key) in declared.iter().filter_map(|value| Some((value, Key::of(value)?))) {
            if !in_live.contains(&key) {
                self.path.push(Step::Member(key));
                self.report(Change::Removed, &Shape::Any, Some(value), None);
                self.path.pop();
            }
        }
        for (value, key) in live.iter().filter_map(|value| Some((value, Key::of(value)?))) {
            if !in_declared.contains(&key) {
                self.path.push(Step::Member(key));
                // controllers add finalizers of their own
                if holder.is_none_or(|holder| !is_finalizers || self.is_chosen(holder)) {
                    self.report_added(value, None);
                }
                self.path.pop();
            }
        }
    }

    fn atomic(&mut self, item: &Shape, declared: &[Value], live: &[Value], holder: Option<Holder<'_>>) {
        let before = self.unit;
        self.unit.get_or_insert(self.path.steps().len());
        let is_pod = self.root.get("kind").and_then(Value::as_str) == Some("Pod");
        let given = |value: &&Value| {
            is_pod && holder.is_some_and(|holder| holder.field == "tolerations") && is_given_toleration(value)
        };
        let live: Vec<&Value> = live.iter().filter(|value| !given(value) || declared.contains(value)).collect();
        if declared.is_empty() {
            if !live.is_empty() {
                self.report_added(&live.into_iter().cloned().collect(), None);
            }
        } else if declared.len() != live.len() {
            let live = live.into_iter().cloned().collect();
            self.report(Change::Changed, &Shape::Any, Some(&Value::from(declared.to_vec())), Some(&live));
        } else {
            let reordered = holder.is_some_and(|holder| is_unordered(holder.part, holder.field))
                && (same_members(declared, &live) || self.is_reordered(item, declared, &live));
            for (index, (value, other)) in declared.iter().zip(&live).enumerate().filter(|_| !reordered) {
                self.path.push(Step::Index(index));
                self.value(item, value, other, None);
                self.path.pop();
            }
        }
        self.unit = before;
    }

    /// Whether the members are the same in another order, whatever the spelling of each.
    fn is_reordered(&mut self, item: &Shape, declared: &[Value], live: &[&Value]) -> bool {
        let mut free = live.to_vec();
        declared.iter().all(|value| {
            let place = free.iter().position(|other| self.is_same(item, value, other));
            place.map(|place| free.swap_remove(place)).is_some()
        })
    }

    /// Whether two values differ in nothing that counts.
    pub(super) fn is_same(&mut self, shape: &Shape, declared: &Value, live: &Value) -> bool {
        let Some(left) = self.tries.checked_sub(1) else { return false };
        self.tries = left;
        let before = std::mem::take(&mut self.found);
        self.value(shape, declared, live, None);
        let found = std::mem::replace(&mut self.found, before);
        found.differences.is_empty() && found.unknown.is_empty()
    }
}

/// Whether both have the same members, each spelled the same.
fn same_members(declared: &[Value], live: &[&Value]) -> bool {
    let sorted = |mut texts: Vec<String>| {
        texts.sort_unstable();
        texts.dedup();
        texts
    };
    let declared = sorted(declared.iter().map(Value::to_string).collect());
    declared == sorted(live.iter().map(ToString::to_string).collect())
}

/// Where the item of each key stands.
fn places(keys: &[Keys]) -> HashMap<&Keys, usize> {
    keys.iter().enumerate().map(|(at, keys)| (keys, at)).collect()
}

/// The merge keys of every item; none where an item has none, or two have the same and are not alike.
fn keys_of_all(items: &[Value], names: &[MergeKey]) -> Option<Vec<Keys>> {
    let keys = items.iter().map(|item| keys_of(item, names)).collect::<Option<Vec<_>>>()?;
    let different: HashSet<&Keys> = keys.iter().collect();
    (different.len() == keys.len()).then_some(keys)
}

fn keys_of(item: &Value, names: &[MergeKey]) -> Option<Keys> {
    let mut keys = Vec::new();
    for name in names {
        let is_set = |value: &&Value| !value.is_null() && (name.default.is_none() || value.as_str() != Some(""));
        let value = item.get(&*name.name).filter(is_set).and_then(Key::of);
        let value = value.or_else(|| name.default.as_ref().map(|default| Key::Text(default.to_string())));
        if let Some(value) = value {
            keys.push((name.name.to_string(), value));
        }
    }
    (!keys.is_empty()).then_some(keys)
}
