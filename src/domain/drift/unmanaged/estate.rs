//! What every source declares, and what of the cluster each of them owns.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::domain::opaque::{Opaque, application, helm_release, is_product, is_same, kustomization};
use crate::domain::repository_path::inside;
use crate::domain::resource::{GroupKind, LiveObject, Manifest, ResourceId};
use crate::domain::source::{Owns, Source};

/// The sources' declarations and claims, as live objects that none of them declares are judged by. To be built only
/// where every source was rendered completely: what was not rendered may be declared.
#[derive(Debug)]
pub struct Estate<'a> {
    owners: Vec<Owner<'a>>,
    declared: HashMap<&'a GroupKind, Names<'a>>,
    /// The version at which a kind is declared.
    versions: HashMap<&'a GroupKind, &'a str>,
    /// Manifests without a name, by the prefix that their objects' names start with.
    generate_names: HashSet<&'a ResourceId>,
    /// Kind, namespace and name without its hash, of ConfigMaps and Secrets that kustomize named by their content.
    generations: HashSet<(&'a str, Option<&'a str>, &'a str)>,
    /// Namespace and `<template>-<set>` of the claims that declared StatefulSets make.
    claims: HashSet<(Option<&'a str>, String)>,
    /// Declared objects of delivery tools whose products no source declares.
    deliverers: Vec<&'a ResourceId>,
    /// What is delivered and cannot be rendered.
    opaque: &'a [Opaque],
}

/// Namespace and name of declared objects; without a namespace it is declared in every one.
type Names<'a> = HashSet<(Option<&'a str>, &'a str)>;

#[derive(Debug)]
struct Owner<'a> {
    source: &'a Source,
    owns: &'a Owns,
    kinds: BTreeSet<&'a GroupKind>,
}

impl<'a> Estate<'a> {
    /// Collects what is declared; none where no source owns anything. A manifest without a name counts by the prefix in
    /// `generate_names`.
    pub fn new(
        sources: &'a [Source],
        manifests: impl IntoIterator<Item = &'a Manifest>,
        generate_names: impl IntoIterator<Item = &'a ResourceId>,
    ) -> Option<Self> {
        let mut owners: Vec<_> = sources
            .iter()
            .filter_map(|source| {
                let owns = source.owns.as_ref()?;
                Some(Owner { source, owns, kinds: owns.kinds.iter().collect() })
            })
            .collect();
        if owners.is_empty() {
            return None;
        }
        let mut estate = Self {
            owners: Vec::new(),
            declared: HashMap::new(),
            versions: HashMap::new(),
            generate_names: generate_names.into_iter().collect(),
            generations: HashSet::new(),
            claims: HashSet::new(),
            deliverers: Vec::new(),
            opaque: &[],
        };
        for manifest in manifests {
            if delivers_elsewhere(manifest, sources) {
                estate.deliverers.push(&manifest.id);
            }
            for owner in owners.iter_mut().filter(|owner| owner.source.name == manifest.source) {
                if owner.owns.kinds.is_empty() {
                    owner.kinds.insert(&manifest.id.kind);
                }
            }
            estate.add(manifest);
        }
        estate.owners = owners;
        Some(estate)
    }

    /// The same, with what is delivered and cannot be rendered.
    #[must_use]
    pub fn beside(mut self, opaque: &'a [Opaque]) -> Self {
        self.opaque = opaque;
        self
    }

    fn add(&mut self, manifest: &'a Manifest) {
        let (kind, namespace, name) = (&manifest.id.kind, manifest.id.namespace.as_deref(), &*manifest.id.name);
        self.versions.entry(kind).or_insert(&manifest.api_version);
        self.declared.entry(kind).or_default().insert((namespace, name));
        if may_be_generated(kind)
            && let Some(base) = without_hash(name)
        {
            self.generations.insert((&kind.kind, namespace, base));
        }
        if is_stateful_set(kind) {
            self.claims.extend(claims(&manifest.object(), name).map(|claim| (namespace, claim)));
        }
    }

    /// The kinds that have to be listed, each with the version at which it is declared, if it is.
    pub fn kinds(&self) -> BTreeSet<(&'a GroupKind, Option<&'a str>)> {
        let owned = self.owners.iter().flat_map(|owner| &owner.kinds);
        owned.map(|kind| (*kind, self.versions.get(kind).copied())).collect()
    }

    /// The sources that own a kind, for messages.
    pub fn owners_of(&self, kind: &GroupKind) -> String {
        let owners = self.owners.iter().filter(|owner| owner.kinds.contains(kind));
        owners.map(|owner| &*owner.source.name).collect::<Vec<_>>().join(", ")
    }

    /// The first source in whose scope a live object lies.
    pub fn owner(&self, live: &LiveObject) -> Option<&'a Source> {
        let owner = self.owners.iter().find(|owner| owner.kinds.contains(&live.id.kind) && owner.owns.holds(live));
        owner.map(|owner| owner.source)
    }

    /// Whether some source declares it, with or without a namespace, by its name or by the prefix of its name.
    pub fn declares(&self, live: &LiveObject) -> bool {
        let prefix = live.object.pointer("/metadata/generateName").and_then(Value::as_str);
        let by_prefix = |prefix: &str| {
            let id = ResourceId { name: prefix.to_owned(), ..live.id.clone() };
            self.generate_names.contains(&id) || self.generate_names.contains(&ResourceId { namespace: None, ..id })
        };
        self.names(&live.id.kind, live.id.namespace.as_deref(), &live.id.name) || prefix.is_some_and(by_prefix)
    }

    fn names(&self, kind: &GroupKind, namespace: Option<&str>, name: &str) -> bool {
        let Some(names) = self.declared.get(kind) else { return false };
        names.contains(&(namespace, name)) || names.contains(&(None, name))
    }

    /// What makes a live object that no source declares somebody else's business, if anything does.
    pub fn explanation(&self, live: &LiveObject) -> Option<Explanation> {
        let namespace = live.id.namespace.as_deref();
        if live.object.pointer("/metadata/deletionTimestamp").is_some() {
            return Some(Explanation::Leaving);
        }
        let declared = |owner: ResourceId| self.names(&owner.kind, owner.namespace.as_deref(), &owner.name);
        if is_controlled(live) || owners_of(live).any(declared) {
            return Some(Explanation::Dependent);
        }
        let claim = claim_of(live);
        let is_claimed =
            |claim: String| self.claims.contains(&(None, claim.clone())) || self.claims.contains(&(namespace, claim));
        if claim.is_some_and(is_claimed) || self.deliverers.iter().any(|owner| is_product(&live.object, owner)) {
            return Some(Explanation::Dependent);
        }
        if let Some(opaque) = self.opaque.iter().find(|opaque| opaque.holds(live)) {
            return Some(Explanation::Opaque(opaque.resource.to_string()));
        }
        let base = without_hash(&live.id.name).filter(|_| may_be_generated(&live.id.kind))?;
        let is_generation = |namespace| self.generations.contains(&(&*live.id.kind.kind, namespace, base));
        (is_generation(namespace) || is_generation(None)).then_some(Explanation::EarlierGeneration)
    }
}

/// Why an object that no source declares is no drift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// Made for, and gone with, another object.
    Dependent,
    /// Somebody has deleted it already, and its finalizers hold it.
    Leaving,
    /// kustomize gave the declared one another name when its content changed; what runs may still use the old one.
    EarlierGeneration,
    /// Delivered for this object, and what is declared for it cannot be rendered here.
    Opaque(String),
}

/// Whether a manifest is an object of a delivery tool whose products are in no source: a chart's are in no repository,
/// and a folder may be none of the sources'.
fn delivers_elsewhere(manifest: &Manifest, sources: &[Source]) -> bool {
    let kind = &manifest.id.kind;
    let is_deliverer = [application(), kustomization(), helm_release()].contains(kind);
    let is_named = |source: &Source| source.delivered.as_ref().is_some_and(|one| is_same(&one.by, &manifest.id));
    if !is_deliverer || sources.iter().any(is_named) {
        return false;
    }
    let object = manifest.object();
    let spec = object.get("spec").unwrap_or(&Value::Null);
    let several = spec.get("sources").and_then(Value::as_array).into_iter().flatten();
    let paths = several.chain(spec.get("source")).map(|source| source.get("path"));
    let paths = paths.chain((*kind == kustomization()).then(|| spec.get("path"))).flatten();
    let folders = paths.filter_map(|path| inside("", path.as_str()?.trim_start_matches('/')));
    let is_near = |folder: &str, source: &Source| {
        let own = Source::plain("", folder);
        source.is_below(folder) || own.is_below(&source.path)
    };
    !folders.into_iter().any(|folder| sources.iter().any(|source| is_near(&folder, source)))
}

/// The references to owners; the object is gone when all of them are.
fn owner_references(live: &LiveObject) -> impl Iterator<Item = &Value> {
    live.object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten()
}

/// Whether a controller made the object for another one, and keeps it.
fn is_controlled(live: &LiveObject) -> bool {
    owner_references(live).any(|owner| owner.get("controller").is_some_and(|controller| controller == true))
}

/// The objects that an object goes with. Nothing tells whether one of them has a namespace: both are tried.
pub(super) fn owners_of(live: &LiveObject) -> impl Iterator<Item = ResourceId> {
    owner_references(live).flat_map(|owner| {
        let text = |name: &str| owner.get(name).and_then(Value::as_str);
        let kind = text("apiVersion").zip(text("kind")).map(|(version, kind)| GroupKind::of(version, kind));
        let near = kind.zip(text("name")).map(|(kind, name)| ResourceId::new(kind, live.id.namespace.as_deref(), name));
        let wide = near.clone().map(|near| ResourceId { namespace: None, ..near });
        near.into_iter().chain(wide)
    })
}

/// `<template>-<set>` of a claim that a StatefulSet may have made: they carry no owner.
pub(super) fn claim_of(live: &LiveObject) -> Option<String> {
    let is_claim = live.id.kind.group.is_empty() && live.id.kind.kind == "PersistentVolumeClaim";
    let (set, ordinal) = live.id.name.rsplit_once('-').filter(|_| is_claim)?;
    let is_ordinal = !ordinal.is_empty() && ordinal.bytes().all(|byte| byte.is_ascii_digit());
    is_ordinal.then(|| set.to_owned())
}

/// Whether objects of a kind make claims.
pub(super) fn is_stateful_set(kind: &GroupKind) -> bool {
    kind.group == "apps" && kind.kind == "StatefulSet"
}

/// `<template>-<set>` of the claims that a StatefulSet makes.
pub(super) fn claims(set: &Value, name: &str) -> impl Iterator<Item = String> {
    let templates = set.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
    let named = |template: &Value| Some(template.pointer("/metadata/name")?.as_str()?.to_owned());
    let names: Vec<String> = templates.into_iter().flatten().filter_map(named).collect();
    names.into_iter().map(move |template| format!("{template}-{name}"))
}

fn may_be_generated(kind: &GroupKind) -> bool {
    kind.group.is_empty() && (kind.kind == "ConfigMap" || kind.kind == "Secret")
}

/// A name without the hash that kustomize puts behind it: ten hexadecimal digits, those that could form words changed.
fn without_hash(name: &str) -> Option<&str> {
    let (base, hash) = name.rsplit_once('-')?;
    let is_hash = hash.len() == 10 && hash.bytes().all(|byte| b"2456789bcdfghkmt".contains(&byte));
    (is_hash && !base.is_empty()).then_some(base)
}
