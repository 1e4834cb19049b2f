//! Where in the files each drifted field is declared.

use crate::domain::candidates::Sought;
use crate::domain::candidates::place::place;
use crate::domain::drift::DriftItem;
use crate::domain::resource::ManifestIndex;
use crate::prove::Workshop;

/// Fields that are looked for in one run: each costs reading a file.
const MOST: usize = 200;

/// Notes the place of every field that Git declares.
pub(super) fn note(workshop: &Workshop<'_>, items: &mut [DriftItem]) {
    let manifests = ManifestIndex::new(workshop.rendered.iter().flat_map(|rendered| &rendered.manifests));
    let is_field = |item: &&mut DriftItem| item.declared.is_some() && item.rule.is_none() && !item.path.is_root();
    for item in items.iter_mut().filter(is_field).take(MOST) {
        let source = workshop.sources.iter().find(|source| source.name == item.source);
        let Some((source, manifest)) = source.zip(manifests.of(&item.source, &item.resource)) else { continue };
        item.declared_at = place(&Sought { manifest, source, files: workshop.tree }, &item.path);
    }
}
