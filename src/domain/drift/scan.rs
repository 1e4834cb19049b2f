//! The fold over live objects: one [`KindScan`] for each kind, drift items at the end.
//!
//! A live object is compared with its manifest as it arrives and dropped; what is kept are the findings and the small
//! facts that rules over several resources need. A kind whose list failed never gets here: its resources are unknown.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::baseline::Baselines;
use crate::domain::delivery_rules::DeliveryRules;
use crate::domain::drift::compare::Rules;
use crate::domain::drift::findings::{Finder, Findings};
use crate::domain::drift::ignore::IgnoreRule;
use crate::domain::drift::semantic::replicas::Autoscaler;
use crate::domain::drift::unmanaged::{Found, ObjectRules, Search};
use crate::domain::drift::{Aspect, Category, DriftItem};
use crate::domain::field_path::PathPattern;
use crate::domain::outcome::{Counts, SetAside};
use crate::domain::ownership::ManagerClasses;
use crate::domain::problem::Problem;
use crate::domain::resource::{KeptObject, LiveObject, Manifest, ResourceId, VersionedKind};
use crate::domain::schema::Schemas;
use crate::domain::selector::Selector;
use crate::domain::source::Source;

/// What decides which differences count.
#[derive(Debug, Clone, Default)]
pub struct ScanRules {
    /// Which field manager is what.
    pub managers: ManagerClasses,
    /// Thresholds for amounts; the most specific pattern wins.
    pub thresholds: Vec<(PathPattern, f64)>,
    /// Threshold where no pattern fits.
    pub default_threshold: f64,
    /// Differences that are set aside.
    pub ignore: Vec<IgnoreRule>,
    /// Which category a field belongs to; first match wins.
    pub categories: Vec<CategoryRule>,
    /// Live objects that are nobody's drift though no source declares them.
    pub unmanaged: ObjectRules,
}

/// One rule that gives fields a category.
#[derive(Debug, Clone)]
pub struct CategoryRule {
    /// Fits the path as text or, for environment variables and config data, their name (a regular expression).
    pub pattern: regex::Regex,
    /// Only fields of this aspect.
    pub aspect: Option<Aspect>,
    /// The category.
    pub category: Category,
}

/// Everything a scan is held against; the same for all kinds.
#[derive(Debug, Clone, Copy)]
pub struct ScanContext<'a> {
    /// Types of fields.
    pub schemas: &'a Schemas,
    /// What counts.
    pub rules: &'a ScanRules,
    /// What was approved.
    pub baselines: &'a Baselines,
    /// The sources by name.
    pub sources: &'a [Source],
    /// What the delivery tools ignore.
    pub delivery_rules: &'a DeliveryRules,
    /// Name of the cluster, for instance baselines.
    pub cluster: &'a str,
    /// Whether masks of Secret values outlive the run, and so may enter fingerprints.
    pub stable_masks: bool,
    /// Whether masks on the live side were made under another key: Secret contents then say nothing.
    pub foreign_masks: bool,
    /// What is looked at. With a selector, an object that lost its label looks like one that is gone.
    pub scope: &'a Scope,
}

impl<'a> ScanContext<'a> {
    /// The source with this name.
    pub fn source(&self, name: &str) -> Option<&'a Source> {
        self.sources.iter().find(|source| source.name == name)
    }

    /// What comparing an object of this source needs.
    pub fn compare_rules(&self, source: &str) -> Rules<'a> {
        let delivery_manager = self.source(source).and_then(|source| source.delivery.field_manager());
        Rules { schemas: self.schemas, managers: &self.rules.managers, delivery_manager }
    }
}

/// The part of the cluster that is looked at; what lies outside is neither compared nor missing.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Namespaces; empty for all.
    pub namespaces: Vec<String>,
    /// Labels that declared objects must carry.
    pub selector: Option<Selector>,
}

impl Scope {
    /// Whether a declared object is looked at.
    pub fn holds(&self, manifest: &Manifest) -> bool {
        let in_namespace = self.namespaces.is_empty()
            || manifest.id.namespace.as_ref().is_none_or(|namespace| self.namespaces.contains(namespace));
        let selected = self.selector.as_ref().is_none_or(|selector| {
            let object = manifest.object();
            let labels = object.pointer("/metadata/labels");
            selector.matches(|key| Some(labels?.get(key)?.as_str()?.to_owned()))
        });
        in_namespace && selected
    }
}

/// The declared objects by kind, as the scan looks them up.
#[derive(Debug, Default)]
pub struct Declared<'m> {
    kinds: BTreeMap<VersionedKind, KindDeclared<'m>>,
    /// Two sources that declare one object, and objects outside the scope.
    pub problems: Vec<Problem>,
}

/// The declared objects of one kind.
#[derive(Debug, Default)]
pub struct KindDeclared<'m> {
    /// By namespace and name.
    exact: HashMap<(Option<&'m str>, &'m str), &'m Manifest>,
}

impl<'m> Declared<'m> {
    /// Sorts manifests by kind; the first of two that declare the same object counts, the other is a problem.
    pub fn new(manifests: impl IntoIterator<Item = &'m Manifest>, scope: &Scope) -> Self {
        let mut declared = Self::default();
        for manifest in manifests.into_iter().filter(|manifest| scope.holds(manifest)) {
            let kind = declared.kinds.entry(manifest.versioned_kind()).or_default();
            let key = (manifest.id.namespace.as_deref(), manifest.id.name.as_str());
            if let Some(first) = kind.exact.get(&key) {
                let message =
                    format!("{} is declared by the sources {} and {}", manifest.id, first.source, manifest.source);
                declared.problems.push(Problem::warning(message).help("keep it in one of them; the first one counts"));
            } else {
                kind.exact.insert(key, manifest);
            }
        }
        declared
    }

    /// The kinds to list.
    pub fn kinds(&self) -> impl Iterator<Item = &VersionedKind> {
        self.kinds.keys()
    }

    /// The declared objects of a kind.
    pub fn of(&self, kind: &VersionedKind) -> Option<&KindDeclared<'m>> {
        self.kinds.get(kind)
    }

    /// Whether anything is declared that an autoscaler may scale.
    pub fn has_scalable(&self) -> bool {
        self.kinds().any(may_scale)
    }
}

/// Whether an autoscaler may scale objects of this kind.
pub fn may_scale(kind: &VersionedKind) -> bool {
    let cannot_scale = |group: &str| matches!(group, "" | "batch" | "networking.k8s.io" | "rbac.authorization.k8s.io");
    !cannot_scale(&kind.group_kind().group) || kind.kind == "ReplicationController"
}

/// The scan of one kind: [`KindScan::observe`] for each live object, then [`KindScan::finish`].
#[derive(Debug)]
pub struct KindScan<'a> {
    declared: Option<&'a KindDeclared<'a>>,
    finder: Finder<'a>,
    findings: Findings,
    search: Option<Search<'a>>,
    undeclared: Found,
    seen: BTreeMap<&'a str, usize>,
    found: BTreeSet<ResourceId>,
    autoscalers: Vec<Autoscaler>,
    live: usize,
    compared: usize,
}

impl<'a> KindScan<'a> {
    /// Starts the scan of a kind; `declared` is none for a helper kind that only yields facts, and `search` where what
    /// nobody declares is not looked for.
    pub fn new(declared: Option<&'a KindDeclared<'a>>, search: Option<Search<'a>>, context: ScanContext<'a>) -> Self {
        Self {
            declared,
            finder: Finder::new(context),
            findings: Findings::default(),
            search,
            undeclared: Found::default(),
            seen: BTreeMap::new(),
            found: BTreeSet::new(),
            autoscalers: Vec::new(),
            live: 0,
            compared: 0,
        }
    }

    /// Compares one live object with its manifest and drops it.
    pub fn observe(&mut self, live: LiveObject) {
        self.live += 1;
        self.autoscalers.extend(Autoscaler::of(&live.id, &live.object));
        let (namespace, name) = (live.id.namespace.as_deref(), live.id.name.as_str());
        let exact = self.declared.and_then(|declared| declared.exact.get(&(namespace, name)));
        // a manifest without a namespace goes wherever it is applied to: it is the only live object of its name
        let manifest = exact.or_else(|| self.declared?.exact.get(&(None, name)));
        let Some(manifest) = manifest else {
            if let Some(search) = self.search {
                search.observe(&live, &mut self.undeclared);
            }
            return;
        };
        let times = self.seen.entry(&manifest.id.name).or_default();
        *times += usize::from(exact.is_none());
        self.compared += 1;
        self.found.insert(manifest.id.clone());
        self.findings.extend(self.finder.find(manifest, &live));
    }

    /// Adds what another scan of the same kind saw of the same list.
    pub fn merge(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.undeclared.merge(other.undeclared);
        for (name, times) in other.seen {
            *self.seen.entry(name).or_default() += times;
        }
        self.found.extend(other.found);
        self.autoscalers.extend(other.autoscalers);
        self.live += other.live;
        self.compared += other.compared;
    }

    /// What was found, with what is missing.
    pub fn finish(mut self) -> KindFindings {
        let mut unknown = BTreeMap::new();
        let reads_some = !self.finder.context().scope.namespaces.is_empty();
        for manifest in self.declared.iter().flat_map(|declared| declared.exact.values()) {
            let without_namespace = manifest.id.namespace.is_none();
            if without_namespace && self.seen.get(manifest.id.name.as_str()).is_some_and(|times| *times > 1) {
                unknown.insert(manifest.id.clone(), "lives in several");
                continue;
            }
            if self.found.contains(&manifest.id) {
                continue;
            }
            if without_namespace && reads_some && !self.finder.may_be_absent(manifest) {
                unknown.insert(manifest.id.clone(), "is in none of those that are read");
                continue;
            }
            self.findings.extend(self.finder.missing(manifest));
        }
        self.findings.forget(&unknown.keys().cloned().collect());
        KindFindings {
            findings: self.findings,
            undeclared: self.undeclared,
            autoscalers: self.autoscalers,
            unknown,
            live: self.live,
            compared: self.compared,
        }
    }
}

/// What the scan of one kind came to.
#[derive(Debug, Default)]
pub struct KindFindings {
    findings: Findings,
    undeclared: Found,
    autoscalers: Vec<Autoscaler>,
    /// Resources that may be any or none of those that were read, and why.
    unknown: BTreeMap<ResourceId, &'static str>,
    live: usize,
    compared: usize,
}

/// The mark that a merged restore left, on both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestoreMark {
    /// In Git.
    pub declared: Option<String>,
    /// In the cluster; differs as long as the delivery has not applied the merge.
    pub live: Option<String>,
}

/// What a scan came to.
#[derive(Debug, Default)]
pub struct ScanResult {
    /// What counts.
    pub items: Vec<DriftItem>,
    /// Within tolerance.
    pub tolerated: Vec<DriftItem>,
    /// Explained or ignored.
    pub ignored: Vec<SetAside>,
    /// Resources of which nothing can be said.
    pub unknown: BTreeSet<ResourceId>,
    /// What could not be decided.
    pub problems: Vec<Problem>,
    /// Marks of merged restores, for the resources that have items.
    pub marks: BTreeMap<ResourceId, RestoreMark>,
    /// The live objects that have items.
    pub lives: BTreeMap<ResourceId, KeptObject>,
    /// How much was looked at.
    pub counts: Counts,
}

/// Joins the scans of all kinds. `None` stands for a kind that could not be listed; `autoscalers_known` is false where
/// an autoscaler's kind could not be read, and then nothing is said about replicas.
pub fn join<'m>(
    declared: &Declared<'m>,
    scans: impl IntoIterator<Item = (VersionedKind, Option<KindFindings>)>,
    autoscalers_known: bool,
    context: &ScanContext<'_>,
) -> ScanResult {
    let mut result = ScanResult::default();
    let mut findings = Findings::default();
    let mut autoscalers = Vec::new();
    let mut undeclared = Vec::new();
    for (kind, scan) in scans {
        let Some(scan) = scan else {
            let lost = declared.of(&kind).into_iter().flat_map(|kind| kind.exact.values());
            result.unknown.extend(lost.map(|manifest| manifest.id.clone()));
            continue;
        };
        for (id, why) in scan.unknown {
            let message = format!("{id} is declared without a namespace and {why}");
            result.problems.push(Problem::error(message).help("set the namespace of its source, or in the manifest"));
            result.unknown.insert(id);
        }
        findings.extend(scan.findings);
        undeclared.push(scan.undeclared);
        autoscalers.extend(scan.autoscalers);
        result.counts.live += scan.live;
        result.counts.compared += scan.compared;
    }
    let (items, ignored, problems) = Found::settle(undeclared);
    findings.add(items, ignored);
    result.problems.extend(problems);
    findings.settle_replicas(&autoscalers, autoscalers_known);
    findings.sort(context, &mut result);
    result.counts.declared = declared.kinds.values().map(|kind| kind.exact.len()).sum();
    result.counts.unknown = result.unknown.len();
    result
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::drift::Verdict;

    /// What is absent is missing only where all of it was read: a manifest without a namespace may live in one that is
    /// not looked at, one in such a namespace is out of scope, and what ends by itself is ignored.
    #[test]
    fn what_is_absent_is_missing_where_it_was_looked_for() {
        let manifest = |name: &str, namespace: Option<&str>, kind: &str| {
            let spec = if kind == "Job" { json!({"ttlSecondsAfterFinished": 60}) } else { json!({}) };
            let object = json!({"apiVersion": "batch/v1", "kind": kind, "metadata": {"name": name}, "spec": spec});
            let id = ResourceId::new(crate::domain::resource::GroupKind::new("batch", kind), namespace, name);
            Manifest::new(id, "apps", None, &object)
        };
        let manifests = [
            manifest("here", Some("shop"), "CronJob"),
            manifest("elsewhere", Some("team"), "CronJob"),
            manifest("somewhere", None, "CronJob"),
            manifest("finished", Some("shop"), "Job"),
            manifest("finished-somewhere", None, "Job"),
        ];
        for (namespaces, missing, ignored, unknown) in [
            (vec!["shop"], vec!["here"], vec!["finished", "finished-somewhere"], vec!["somewhere"]),
            (vec![], vec!["elsewhere", "here", "somewhere"], vec!["finished", "finished-somewhere"], vec![]),
        ] {
            let scope = Scope { namespaces: namespaces.into_iter().map(str::to_owned).collect(), selector: None };
            let context = ScanContext {
                schemas: &Schemas::default(),
                rules: &ScanRules::default(),
                baselines: &Baselines::default(),
                sources: &[],
                delivery_rules: &DeliveryRules::default(),
                cluster: "",
                stable_masks: true,
                foreign_masks: false,
                scope: &scope,
            };
            let declared = Declared::new(&manifests, &scope);
            let scans = declared
                .kinds()
                .map(|kind| (kind.clone(), Some(KindScan::new(declared.of(kind), None, context).finish())));
            let result = join(&declared, scans, true, &context);
            assert!(result.items.iter().all(|item| item.verdict == Verdict::Missing && item.changed_by.is_none()));
            let names: BTreeSet<_> = result.items.iter().map(|item| item.resource.name.as_str()).collect();
            assert_eq!(names.into_iter().collect::<Vec<_>>(), missing);
            let names: BTreeSet<_> = result.ignored.iter().map(|aside| aside.resource.name.as_str()).collect();
            assert_eq!(names.into_iter().collect::<Vec<_>>(), ignored);
            let names = result.unknown.iter().map(|id| id.name.as_str());
            assert_eq!((names.collect::<Vec<_>>(), result.problems.len()), (unknown.clone(), unknown.len()));
        }
    }
}
