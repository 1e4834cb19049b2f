//! Drift items as a reader takes them in: by resource, and each semantic item with the changes that cause it.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::domain::drift::{DriftItem, DriftKind, Severity};
use crate::domain::field_path::FieldPath;
use crate::domain::resource::{Origin, ResourceId};

/// The items of one resource of one source.
#[derive(Debug)]
pub(super) struct Group<'r> {
    pub(super) resource: &'r ResourceId,
    pub(super) origin: Option<&'r Origin>,
    pub(super) stories: Vec<Story>,
}

/// One item and, for a semantic one, the items that cause it (indexes into the report's items).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Story {
    pub(super) item: usize,
    pub(super) causes: Vec<usize>,
}

/// How many items there are of each severity, the worst first.
pub(super) fn by_severity<'i>(items: impl IntoIterator<Item = &'i DriftItem>) -> Vec<(Severity, usize)> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item.severity).or_insert(0) += 1;
    }
    counts.into_iter().rev().collect()
}

/// Items by resource, in the order in which the resources first appear. Every item is told exactly once: a cause of
/// several semantic items under the first of them.
pub(super) fn groups(items: &[DriftItem]) -> Vec<Group<'_>> {
    let mut order: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<(&str, &ResourceId), usize> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        let place = *known.entry((&*item.source, &item.resource)).or_insert_with(|| {
            order.push(Vec::new());
            order.len() - 1
        });
        order[place].push(index);
    }
    order.into_iter().map(|members| group(items, &members)).collect()
}

fn group<'r>(items: &'r [DriftItem], members: &[usize]) -> Group<'r> {
    let mut causes: HashMap<&FieldPath, Vec<usize>> = HashMap::new();
    for &index in members.iter().filter(|&&index| items[index].drift != DriftKind::Semantic) {
        causes.entry(&items[index].path).or_default().push(index);
    }
    let mut under: HashMap<usize, Vec<usize>> = HashMap::new();
    for &index in members.iter().filter(|&&index| items[index].drift == DriftKind::Semantic) {
        let folded = items[index].caused_by.iter().filter_map(|path| causes.remove(path)).flatten().collect();
        under.insert(index, folded);
    }
    let free: HashSet<usize> = causes.into_values().flatten().collect();
    let stories = members
        .iter()
        .filter(|index| under.contains_key(index) || free.contains(index))
        .map(|&item| Story { item, causes: under.get(&item).cloned().unwrap_or_default() })
        .collect();
    let first = &items[members[0]];
    Group { resource: &first.resource, origin: first.origin.as_ref(), stories }
}
