//! Stage 3, where objects of delivery tools name sources: the objects are read from the cluster and the repository, their
//! sources rendered, and what those declare may name further ones.
//!
//! What Git declares counts before what is in the cluster: it is what the delivery will act on, and where the two differ
//! that is drift of the object itself. Whether something is suspended is asked of the cluster.

mod cluster;

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use tracing::warn;

pub(super) use cluster::{InCluster, in_cluster, kinds};

use super::RENDERS_AT_ONCE;
use super::live::Sides;
use super::versions::with_versions;
use crate::adapters::render::{OnManifest, Rendered, Sealed, SourceTree, render, unheard};
use crate::adapters::repository::Checkout;
use crate::config::{Config, DiscoverSettings};
use crate::domain::candidates::Files;
use crate::domain::delivery_rules::RuleOrigin;
use crate::domain::discovery::{
    DeliveryObject, Found, Known, Surroundings, git_repository, may_name_sources, needs, read, tool_of,
};
use crate::domain::kustomization::{Kustomization, folder_of};
use crate::domain::opaque::{Opaque, Products, is_same};
use crate::domain::outcome::{FoundSource, RunReport};
use crate::domain::problem::Problem;
use crate::domain::resource::{GroupKind, Manifest, ResourceId, VersionedKind};
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;

/// How often what was rendered is looked through for further objects.
const MAX_ROUNDS: usize = 24;
/// How many objects may name sources.
const MAX_OBJECTS: usize = 2_000;

/// Every source, what each renders to, and what cannot be rendered.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    pub(super) sources: Vec<Source>,
    pub(super) rendered: Vec<Rendered>,
    pub(super) opaque: Vec<Opaque>,
    /// Whether there may be sources that were not found.
    pub(super) incomplete: bool,
    /// Kinds of which objects were taken from the cluster because nothing declares them.
    pub(super) asked: BTreeSet<VersionedKind>,
}

/// What finding sources needs.
pub(super) struct Stage<'a> {
    config: &'a Config,
    sides: &'a Sides,
    checkout: &'a Checkout,
    tree: &'a SourceTree,
    key: &'a MaskKey,
    heard: &'a OnManifest,
}

/// What is the same for every source: the cluster, the repository, and what renders it.
type About<'a> = (&'a Sides, &'a Checkout, &'a SourceTree, &'a MaskKey, &'a OnManifest);

/// One object that was read.
struct One {
    it: DeliveryObject,
    sources: Vec<(Source, Rendered)>,
    opaque: Vec<Opaque>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(config: &'a Config, (sides, checkout, tree, key, heard): About<'a>) -> Self {
        Self { config, sides, checkout, tree, key, heard }
    }

    /// Finds every source and tells the report. `named` are those of the config, `rendered` what they render to.
    pub(super) async fn run(
        self,
        named: Vec<Source>,
        rendered: Vec<Rendered>,
        cluster: InCluster,
        report: &mut RunReport,
    ) -> Discovery {
        let problems = &mut report.problems;
        let mut discovery = Discovery { incomplete: !cluster.unread.is_empty(), ..Discovery::default() };
        problems.extend(cluster.problems.iter().cloned());
        let mut found: BTreeMap<ResourceId, One> = BTreeMap::new();
        if let Some(settings) = &self.config.discover {
            let beside = self.beside(settings, problems).await;
            discovery.incomplete |= beside.iter().any(|folder| folder.incomplete);
            let search = Search { stage: &self, settings, named: &named, rendered: &rendered, beside, cluster };
            if let Err(problem) = search.run(&mut found, &mut discovery.asked, problems).await {
                problems.push(problem);
                discovery.incomplete = true;
            }
        }
        (discovery.sources, discovery.rendered) = (named, rendered);
        for one in found.into_values() {
            discovery.opaque.extend(one.opaque);
            for (source, rendered) in one.sources {
                problems.extend(rendered.problems.iter().cloned());
                discovery.sources.push(source);
                discovery.rendered.push(rendered);
            }
        }
        let sealed = discovery.sources.iter().zip(&discovery.rendered);
        let sealed: Vec<_> =
            sealed.flat_map(|(source, rendered)| rendered.sealed.iter().map(|one| opaque(source, one))).collect();
        discovery.opaque.extend(sealed);
        discovery.opaque.sort();
        discovery.opaque.dedup();
        report.sources = discovery.sources.iter().filter_map(FoundSource::of).collect();
        report.opaque.clone_from(&discovery.opaque);
        discovery
    }

    /// Folders of the repository whose objects belong to this cluster.
    async fn beside(&self, settings: &DiscoverSettings, problems: &mut Vec<Problem>) -> Vec<Rendered> {
        let mut folders = Vec::new();
        for folder in settings.folders.iter().filter(|_| settings.from.contains(&RuleOrigin::Repository)) {
            let source = Source::plain(format!("discover {folder}"), folder);
            let tree = self.without_patches(folder);
            let rendered = render(&tree, &source, self.key, &unheard()).await;
            problems.extend(rendered.problems.iter().cloned());
            folders.push(rendered);
        }
        folders
    }

    /// The files without those that a kustomization in a folder takes for patches: parts of objects, and none themselves.
    /// A kustomization that cannot be read names none.
    fn without_patches(&self, folder: &str) -> SourceTree {
        let mut tree = self.tree.clone();
        let files = Files::list(&tree).unwrap_or_default();
        let is_below = |of: &&str| {
            of.strip_prefix(folder).is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'))
        };
        let folders: BTreeSet<&str> = files.iter().map(|file| folder_of(file)).filter(is_below).collect();
        let read = |folder: &str| Kustomization::read(self.tree, folder).ok().flatten();
        let patches = folders.into_iter().filter_map(read).flat_map(|kustomization| kustomization.patches());
        tree.overlay.extend(patches.map(|file| (file, None)));
        tree
    }
}

/// A declared object of which nothing is to be known, as something opaque.
fn opaque(source: &Source, sealed: &Sealed) -> Opaque {
    let help = "nothing is said about it; its value is not to be known here".to_owned();
    let place = Some(sealed.place.clone());
    match &source.delivered {
        // its name is a variable too
        Some(delivered) if sealed.id.to_string().contains("${") => Opaque {
            resource: delivered.by.clone(),
            place,
            reason: format!("{}: {}, in its name", sealed.id, sealed.reason),
            help,
            products: Products::Marked,
        },
        _ => Opaque {
            resource: sealed.id.clone(),
            place,
            reason: sealed.reason.to_owned(),
            help,
            products: Products::Itself,
        },
    }
}

/// What stands in the way of a source that would have to be fetched, as something opaque.
fn unfetched(by: &ResourceId, problem: Problem) -> Opaque {
    Opaque {
        resource: by.clone(),
        place: problem.place,
        reason: problem.message,
        help: problem.help.unwrap_or_default(),
        products: Products::Marked,
    }
}

/// The search for sources.
struct Search<'a> {
    stage: &'a Stage<'a>,
    settings: &'a DiscoverSettings,
    named: &'a [Source],
    rendered: &'a [Rendered],
    beside: Vec<Rendered>,
    cluster: InCluster,
}

impl Search<'_> {
    async fn run(
        &self,
        found: &mut BTreeMap<ResourceId, One>,
        kinds: &mut BTreeSet<VersionedKind>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let mut asked = BTreeMap::new();
        for _ in 0..MAX_ROUNDS {
            let objects = self.objects(found);
            if objects.len() > MAX_OBJECTS {
                let message = format!("more than {MAX_OBJECTS} objects name sources; the rest is not read");
                return Err(Problem::error(message).help("narrow `discover.namespaces` or `discover.folders`"));
            }
            found.retain(|id, one| objects.get(id) == Some(&one.it));
            let known = self.known(found, &asked);
            let new: Vec<_> = objects.into_iter().filter(|(id, _)| !found.contains_key(id)).collect();
            let is_known = |id: &ResourceId| known.contains_key(id);
            let (ready, waiting): (Vec<_>, Vec<_>) =
                new.into_iter().partition(|(_, it)| needs(it).iter().all(is_known));
            if ready.is_empty() {
                let missing: BTreeSet<_> = waiting.iter().flat_map(|(_, it)| needs(it)).collect();
                if missing.is_empty() {
                    return Ok(());
                }
                // nothing that is rendered declares it
                for id in missing.into_iter().filter(|id| !known.contains_key(id)) {
                    let answer = self.ask(&id).await;
                    if matches!(answer, Known::Found(..)) {
                        kinds.insert(VersionedKind::new("v1", &*id.kind.kind));
                    }
                    asked.insert(id, answer);
                }
                continue;
            }
            self.add(ready, &known, found, problems).await;
        }
        let message = format!("objects that name sources name others, {MAX_ROUNDS} times over; the rest is not read");
        Err(Problem::error(message).help("look for objects that declare each other anew"))
    }

    /// Everything that may name sources, as far as it is known by now.
    fn objects(&self, found: &BTreeMap<ResourceId, One>) -> BTreeMap<ResourceId, DeliveryObject> {
        let mut objects = BTreeMap::new();
        let is_asked = |id: &ResourceId| tool_of(&id.kind).is_some_and(|tool| self.settings.tools.contains(&tool));
        for live in self.cluster.objects.iter().filter(|live| may_name_sources(&live.id) && is_asked(&live.id)) {
            let it = DeliveryObject {
                id: live.id.clone(),
                object: live.object.clone(),
                origin: None,
                live: Some(live.object.clone()),
            };
            objects.insert(live.id.clone(), it);
        }
        for manifest in self.manifests(found).filter(|one| may_name_sources(&one.id) && is_asked(&one.id)) {
            if manifest.id.kind.kind == "ApplicationSet" && self.settings.from.contains(&RuleOrigin::Cluster) {
                continue;
            }
            // what the cluster calls it, where the manifest leaves its namespace to the delivery
            let known = objects.keys().find(|known| is_same(known, &manifest.id)).cloned();
            let live = known.as_ref().and_then(|known| objects.remove(known)?.live);
            let id = known.unwrap_or_else(|| manifest.id.clone());
            let origin = manifest.origin.clone();
            objects.insert(id.clone(), DeliveryObject { id, object: manifest.object(), origin, live });
        }
        objects
    }

    /// What was rendered, what counts more behind what counts less.
    fn manifests<'m>(&'m self, found: &'m BTreeMap<ResourceId, One>) -> impl Iterator<Item = &'m Manifest> {
        let found = found.values().flat_map(|one| one.sources.iter().map(|(_, rendered)| rendered));
        self.beside.iter().chain(self.rendered).chain(found).flat_map(|rendered| &rendered.manifests)
    }

    /// Objects that others refer to: those that are declared, those in the cluster, and those that were asked for.
    fn known(
        &self,
        found: &BTreeMap<ResourceId, One>,
        asked: &BTreeMap<ResourceId, Known>,
    ) -> BTreeMap<ResourceId, Known> {
        let mut known = asked.clone();
        let repositories = self.cluster.objects.iter().filter(|live| live.id.kind == git_repository());
        known.extend(repositories.map(|live| (live.id.clone(), Known::Found(live.object.clone(), None))));
        let is_config_map = |id: &ResourceId| id.kind == GroupKind::new("", "ConfigMap");
        let declared = self.manifests(found).filter(|one| one.id.kind == git_repository() || is_config_map(&one.id));
        for manifest in declared {
            known.insert(manifest.id.clone(), Known::Found(manifest.object(), manifest.origin.clone()));
        }
        known
    }

    /// Looks for one object in the cluster.
    async fn ask(&self, id: &ResourceId) -> Known {
        if id.kind == git_repository() {
            let namespaces = &self.settings.namespaces;
            let is_listed = namespaces.is_empty() || id.namespace.as_ref().is_some_and(|own| namespaces.contains(own));
            return match self.cluster.unread.contains(&id.kind) {
                true => Known::Unread,
                false if is_listed => Known::Absent,
                false => Known::Unasked,
            };
        }
        let (Some(namespace), true) = (&id.namespace, self.settings.from.contains(&RuleOrigin::Cluster)) else {
            return Known::Unasked;
        };
        let kind = VersionedKind::new("v1", &*id.kind.kind);
        let live = self.stage.sides.helpers();
        match live.objects(&kind, std::slice::from_ref(namespace), Some(&id.name)).await {
            Ok(objects) => objects.into_iter().next().map_or(Known::Absent, |live| Known::Found(live.object, None)),
            Err(error) => {
                warn!(%id, %error, "a ConfigMap that a delivery takes values from could not be read");
                Known::Unread
            }
        }
    }

    /// Reads objects and renders what they deliver.
    async fn add(
        &self,
        objects: Vec<(ResourceId, DeliveryObject)>,
        known: &BTreeMap<ResourceId, Known>,
        found: &mut BTreeMap<ResourceId, One>,
        problems: &mut Vec<Problem>,
    ) {
        let around = Surroundings {
            repository: &self.stage.config.repository.url,
            branch: &self.stage.checkout.branch,
            commit: &self.stage.checkout.commit,
            destinations: &self.settings.destinations,
            files: self.stage.tree,
            objects: known,
        };
        let mut new = Vec::new();
        let mut names: BTreeSet<String> = self.named.iter().map(|source| source.name.clone()).collect();
        names.extend(found.values().flat_map(|one| one.sources.iter().map(|(source, _)| source.name.clone())));
        for (id, it) in objects {
            let Found { mut sources, opaque } = read(&it, &around);
            sources.retain(|source| !self.named.iter().any(|named| is_covered(source, named)));
            for source in &mut sources {
                while !names.insert(source.name.clone()) {
                    source.name.push_str("-again");
                }
                source.environment.clone_from(&self.settings.environment);
                source.owns.clone_from(&self.settings.owns);
            }
            new.extend(sources.into_iter().map(|source| (id.clone(), source)));
            found.insert(id, One { it, sources: Vec::new(), opaque });
        }
        let (ids, sources): (Vec<_>, Vec<_>) = new.into_iter().unzip();
        let sources = with_versions(&sources, self.stage.sides, problems).await;
        let Stage { tree, key, heard, .. } = self.stage;
        let renders = sources.iter().map(|source| render(tree, source, key, heard));
        let rendered: Vec<_> = futures::stream::iter(renders).buffered(RENDERS_AT_ONCE).collect().await;
        for ((id, source), rendered) in ids.into_iter().zip(sources).zip(rendered) {
            let Some(one) = found.get_mut(&id) else { continue };
            if rendered.unfetched {
                one.opaque.extend(rendered.problems.into_iter().map(|problem| unfetched(&id, problem)));
            } else {
                one.sources.push((source, rendered));
            }
        }
    }
}

/// Whether a source of the config stands for one that was found.
fn is_covered(found: &Source, named: &Source) -> bool {
    // Flux puts the namespace into the kustomization
    let set = found.delivered.as_ref().and_then(|delivered| delivered.kustomization.get("namespace")?.as_str());
    let namespaces = found.namespace.as_deref().or(set).zip(named.namespace.as_deref());
    found.path == named.path && namespaces.is_none_or(|(found, named)| found == named)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::source::Delivered;

    /// A source of the config stands for what is found for the same path and namespace, wherever that is said.
    #[test]
    fn sources_of_the_config_cover_their_own() {
        let named = Source { namespace: Some("a".to_owned()), ..Source::plain("named", "tenant") };
        let found = |namespace: &str| {
            let kustomization = json!({"namespace": namespace}).as_object().cloned().unwrap_or_default();
            let delivered =
                Delivered { kustomization, ..Delivered::by(ResourceId::new(GroupKind::new("", "X"), None, "x"), None) };
            Source { delivered: Some(delivered), ..Source::plain("found", "tenant") }
        };
        assert!(is_covered(&found("a"), &named));
        assert!(!is_covered(&found("b"), &named));
    }
}
