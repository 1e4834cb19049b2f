//! What remedies are made from: manifests, live objects and schemas, side by side. Objects that no source declares are
//! looked up here once more, since the scan keeps no more of them than that they are there.

use std::collections::BTreeMap;

use serde_json::Value;
use tracing::debug;

use super::live::Sides;
use crate::config::Config;
use crate::domain::adoption::{first_difference, manifest_of, value_of};
use crate::domain::applies::{Objection, Trial, objections};
use crate::domain::commands::recreation;
use crate::domain::drift::DriftItem;
use crate::domain::drift::compare::{Rules, compare};
use crate::domain::merge_effects::{hooks, on_hooks, on_pods};
use crate::domain::outcome::RunReport;
use crate::domain::plan::{Unit, Whole};
use crate::domain::policy::ActionType;
use crate::domain::resource::{KeptObject, LiveObject, Manifest, ManifestIndex, ResourceId, VersionedKind};
use crate::domain::schema::Schemas;
use crate::domain::source::{DeliveryTool, Source};
use crate::prove::Workshop;

/// How many objects are looked up in one run.
const MOST: usize = 200;

/// Manifests, live objects and schemas.
pub(super) struct Stock<'a> {
    pub(super) config: &'a Config,
    pub(super) workshop: Workshop<'a>,
    pub(super) schemas: &'a Schemas,
    pub(super) foreign_masks: bool,
    lives: BTreeMap<ResourceId, KeptObject>,
    /// Objects that a policy adopts, and at which version they were read; or why they could not be.
    undeclared: BTreeMap<ResourceId, Result<(LiveObject, String), String>>,
    manifests: ManifestIndex<'a>,
}

impl<'a> Stock<'a> {
    pub(super) fn new(
        config: &'a Config,
        workshop: Workshop<'a>,
        schemas: &'a Schemas,
        lives: BTreeMap<ResourceId, KeptObject>,
    ) -> Self {
        let manifests = ManifestIndex::new(workshop.rendered.iter().flat_map(|rendered| &rendered.manifests));
        Self { config, workshop, schemas, foreign_masks: false, lives, undeclared: BTreeMap::new(), manifests }
    }

    /// Reads the objects that no source declares and a policy adopts. What has changed or gone since the scan is seen.
    pub(super) async fn with_live(mut self, sides: &Sides, report: &RunReport) -> Self {
        self.foreign_masks = sides.selected.has_foreign_masks();
        let adopts = |policy: Option<usize>| {
            policy.is_some_and(|policy| self.config.policies[policy].action == ActionType::AdoptLive)
        };
        let decided = report.items.iter().zip(&report.decisions);
        let sought: Vec<_> = decided
            .filter(|(item, decision)| item.is_undeclared() && adopts(decision.policy))
            .map(|(item, _)| item.resource.clone())
            .take(MOST)
            .collect();
        for id in sought {
            let found = self.read(sides, &id).await;
            debug!(%id, found = found.is_ok(), "looked up for adoption");
            self.undeclared.insert(id, found);
        }
        self
    }

    async fn read(&self, sides: &Sides, id: &ResourceId) -> Result<(LiveObject, String), String> {
        if id.kind.is_secret() {
            return Err("the content of a Secret is never written into Git; seal or encrypt it".to_owned());
        }
        let mut manifests = self.workshop.rendered.iter().flat_map(|rendered| &rendered.manifests);
        let declared = manifests.find(|manifest| manifest.id.kind == id.kind);
        let kind = match declared {
            Some(manifest) => manifest.versioned_kind(),
            None => self.served(sides, id).await?,
        };
        let namespaces: Vec<String> = id.namespace.iter().cloned().collect();
        let objects = sides.helpers().objects(&kind, &namespaces, Some(&id.name)).await;
        let objects = objects.map_err(|error| format!("it could not be read: {error}"))?;
        let found = objects.into_iter().find(|live| live.id == *id);
        found.map(|live| (live, kind.api_version)).ok_or_else(|| "it is gone meanwhile".to_owned())
    }

    async fn served(&self, sides: &Sides, id: &ResourceId) -> Result<VersionedKind, String> {
        let served = sides.helpers().served(&id.kind).await.map_err(|error| error.to_string())?;
        served.ok_or_else(|| format!("the API server has no {} to list", id.kind))
    }

    pub(super) fn source(&self, name: &str) -> Option<&'a Source> {
        self.workshop.sources.iter().find(|source| source.name == name)
    }

    pub(super) fn manifest(&self, source: &str, resource: &ResourceId) -> Option<&'a Manifest> {
        self.manifests.of(source, resource)
    }

    pub(super) fn live(&self, resource: &ResourceId) -> Option<LiveObject> {
        self.lives.get(resource).map(|kept| kept.live(resource.clone()))
    }

    fn rules(&self, source: &str) -> Rules<'a> {
        let delivery_manager = self.source(source).and_then(|source| source.delivery.field_manager());
        Rules { schemas: self.schemas, managers: &self.config.scan.managers, delivery_manager }
    }

    /// What is live, as it would stand in Git.
    pub(super) fn adoptable(&self, item: &DriftItem) -> Result<Value, String> {
        let rules = self.rules(&item.source);
        if item.is_undeclared() {
            let found = self.undeclared.get(&item.resource);
            let (live, api_version) =
                found.ok_or_else(|| format!("at most {MOST} are adopted in one run"))?.as_ref()?;
            return manifest_of(live, api_version, &rules);
        }
        let gone = || "what is live there cannot be told".to_owned();
        let declared = self.manifest(&item.source, &item.resource).ok_or_else(gone)?.object();
        let live = self.live(&item.resource).ok_or_else(gone)?;
        value_of(&declared, &live, &item.path, &rules)
    }

    /// Whether a manifest that a source would render declares what is live.
    pub(super) fn is_live(&self, unit: &Unit, object: &Value) -> Result<(), String> {
        let Some(Ok((live, _))) = self.undeclared.get(&unit.resource) else { return Err("it is not live".to_owned()) };
        match first_difference(object, live, &self.rules(&unit.source)) {
            None => Ok(()),
            Some(difference) => Err(format!("rendered, it would differ from what is live at {}", difference.path)),
        }
    }

    /// The manifest of a unit as Git would have it, and the live object.
    fn outlook(&self, unit: &Unit) -> Option<(Value, Option<LiveObject>)> {
        if unit.whole == Some(Whole::Withdrawn) {
            return None;
        }
        let mut declared = self.manifest(&unit.source, &unit.resource)?.settled();
        for change in unit.intended() {
            change.apply(&mut declared).ok()?;
        }
        Some((declared, self.live(&unit.resource)))
    }

    /// What merging a unit does to pods and which hooks run, in sentences.
    pub(super) fn effects(&self, unit: &Unit) -> Vec<String> {
        let Some((source, rendered)) =
            self.workshop.sources.iter().zip(self.workshop.rendered).find(|(source, _)| source.name == unit.source)
        else {
            return Vec::new();
        };
        let on_pods = self.outlook(unit).and_then(|(declared, live)| {
            let differences = compare(&declared, &live?, &self.rules(&unit.source)).differences;
            let is_named_by_content =
                self.manifest(&unit.source, &unit.resource).is_some_and(|manifest| manifest.stem.is_some());
            on_pods(&unit.resource, &declared, &differences, is_named_by_content)
        });
        on_pods.into_iter().chain(on_hooks(&hooks(&rendered.manifests, source.delivery.tool))).collect()
    }

    /// What the API server would refuse of a unit, merged.
    pub(super) fn objections(&self, unit: &Unit) -> Vec<Objection> {
        let Some((declared, live)) = self.outlook(unit) else { return Vec::new() };
        let tool = self.source(&unit.source).map(|source| source.delivery.tool);
        objections(&Trial {
            declared: &declared,
            changes: &unit.changes,
            live: live.as_ref(),
            rules: self.rules(&unit.source),
            server_side: matches!(tool, Some(DeliveryTool::ServerSideApply | DeliveryTool::Flux)),
            foreign_masks: self.foreign_masks,
        })
    }
}

/// Says in a unit what a person can do where the API server would refuse its manifest.
pub(super) fn offer(unit: &mut Unit, objections: &[Objection]) {
    for objection in objections.iter().filter(|objection| objection.is_between_sides()) {
        let field = &objection.path;
        unit.leftovers.push(format!("{field}: to keep what is live, adopt it (`adopt_live` writes it into Git)"));
    }
    if !objections.iter().any(Objection::is_between_sides) {
        return;
    }
    match recreation(&unit.resource) {
        Some(command) => {
            unit.leftovers.push("to have what Git declares, delete the object; the delivery makes it anew".to_owned());
            unit.commands.push(command);
        }
        None => unit.leftovers.push("deleting the object to make it anew would delete its data with it".to_owned()),
    }
}
