//! Where in the files each drifted field is declared.

use std::collections::BTreeMap;

use crate::domain::candidates::Sought;
use crate::domain::candidates::place::place;
use crate::domain::drift::DriftItem;
use crate::domain::resource::ResourceId;
use crate::prove::Workshop;

/// Fields that are looked for in one run: each costs reading a file.
const MOST: usize = 200;

/// Notes the place of every field that Git declares.
pub(super) fn note(workshop: &Workshop<'_>, items: &mut [DriftItem]) {
    let sources = workshop.sources.iter().zip(workshop.rendered);
    let manifests: BTreeMap<_, _> = sources
        .flat_map(|(source, rendered)| rendered.manifests.iter().map(move |manifest| (source, manifest)))
        .map(|(source, manifest)| ((&*source.name, &manifest.id), (source, manifest)))
        .collect();
    let is_field = |item: &&mut DriftItem| item.declared.is_some() && item.rule.is_none() && !item.path.is_root();
    for item in items.iter_mut().filter(is_field).take(MOST) {
        let without_namespace = ResourceId { namespace: None, ..item.resource.clone() };
        let found = manifests.get(&(&*item.source, &item.resource));
        let found = found.or_else(|| manifests.get(&(&*item.source, &without_namespace)));
        let Some((source, manifest)) = found else { continue };
        item.declared_at = place(&Sought { manifest, source, files: workshop.tree }, &item.path);
    }
}
