//! Stage 4: every kind that is needed is listed, several at once, and folded into drift items.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::{Instrument, info_span, warn};

use super::owned::Owned;
use super::schemas::CustomSchemas;
use crate::adapters::cluster::{Fold, ListError, Live, LiveSettings};
use crate::adapters::progress::Progress;
use crate::adapters::render::{OnManifest, Rendered, unheard};
use crate::config::Config;
use crate::domain::baseline::Baselines;
use crate::domain::delivery_rules::DeliveryRules;
use crate::domain::drift::scan::{
    Declared, KindFindings, KindScan, ScanContext, ScanResult, ScanRules, Scope, join, looks_into, may_scale,
};
use crate::domain::drift::semantic::replicas::{autoscaler_kinds, is_always_served};
use crate::domain::drift::unmanaged::Search;
use crate::domain::opaque::Opaque;
use crate::domain::problem::Problem;
use crate::domain::resource::{Manifest, VersionedKind};
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;

/// How many kinds are listed at once: enough to hide the round trips, too few to be noticed by the API server.
const LISTS_AT_ONCE: usize = 4;

/// The live side twice: with the config's label selector for declared kinds, without it for helper kinds.
pub(super) struct Sides {
    /// For the declared kinds.
    pub(super) selected: Live,
    /// For helpers such as HPAs, where a selector is set.
    pub(super) all: Option<Live>,
}

impl Sides {
    pub(super) async fn connect(settings: &LiveSettings, key: &MaskKey) -> anyhow::Result<Self> {
        let selected = Live::connect(settings, key).await?;
        let all = match settings {
            LiveSettings::Cluster(cluster) if cluster.label_selector.is_some() => {
                let unselected = LiveSettings::Cluster(crate::adapters::cluster::ClusterSettings {
                    label_selector: None,
                    ..cluster.clone()
                });
                Some(Live::connect(&unselected, key).await?)
            }
            _ => None,
        };
        Ok(Self { selected, all })
    }

    /// Lets the connections be there by the time the first list needs them.
    pub(super) async fn warm_up(&self) {
        tokio::join!(self.selected.warm_up(), async {
            if let Some(all) = &self.all {
                all.warm_up().await;
            }
        });
    }

    /// Fetching a kind begins as soon as its first manifest is rendered.
    pub(super) fn expecting(self: &Arc<Self>, scope: Scope) -> OnManifest {
        let sides = Arc::clone(self);
        Arc::new(move |manifest| {
            let kind = manifest.versioned_kind();
            sides.selected.expect(&kind, || scope.holds(manifest));
            if may_scale(&kind) {
                // what is not served would keep a place among the few that are fetched ahead
                for helper in autoscaler_kinds().iter().filter(|kind| is_always_served(kind)) {
                    sides.helpers().expect(helper, || scope.holds(manifest));
                }
            }
        })
    }

    pub(super) fn helpers(&self) -> &Live {
        self.all.as_ref().unwrap_or(&self.selected)
    }
}

/// What a scan is held against, apart from the two sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) rules: &'a ScanRules,
    pub(super) baselines: &'a Baselines,
    pub(super) sources: &'a [Source],
    /// Whether these are all of them.
    pub(super) all_sources: bool,
    /// What is delivered and cannot be rendered.
    pub(super) opaque: &'a [Opaque],
    pub(super) delivery_rules: &'a DeliveryRules,
    pub(super) cluster: &'a str,
    pub(super) scope: &'a Scope,
    pub(super) stable_masks: bool,
    /// What the sources own; none where nobody owns anything, or nothing may be said about it.
    pub(super) owned: Option<&'a Owned<'a>>,
}

/// Scans the cluster (or snapshot) of the config. Yields the schemas that were used, too.
pub(super) async fn scan(
    sides: &Sides,
    terms: &Terms<'_>,
    rendered: &[Rendered],
    progress: &Progress,
) -> (ScanResult, CustomSchemas) {
    let manifests = rendered.iter().flat_map(|rendered| &rendered.manifests);
    let custom = CustomSchemas::load(&sides.selected, manifests.clone()).instrument(info_span!("schemas")).await;
    let mut problems = Vec::new();
    let owned = Owned::of(&sides.selected, terms.sources, rendered, &terms.rules.unmanaged, &mut problems).await;
    let owned = owned.map(|owned| owned.beside(terms.opaque)).and_then(|owned| {
        let told = owned.unless_incomplete(terms.sources, rendered, terms.all_sources);
        told.map_err(|problem| problems.push(problem)).ok()
    });
    let terms = Terms { owned: owned.as_ref(), ..*terms };
    let mut result = compare_sides(sides, manifests, &custom, &terms, progress);
    result.problems.extend(problems);
    (result, custom)
}

/// The part of the cluster that the config looks at.
pub(super) fn scope(live: &LiveSettings) -> anyhow::Result<Scope> {
    let LiveSettings::Cluster(cluster) = live else { return Ok(Scope::default()) };
    let selector = cluster.label_selector.as_ref().map(|text| text.parse()).transpose();
    Ok(Scope {
        namespaces: cluster.namespaces.clone(),
        selector: selector.map_err(|message: String| anyhow::anyhow!("label_selector: {message}"))?,
    })
}

/// Lists what is declared and the helpers of verdicts, and joins what was found.
pub(super) fn compare_sides<'m>(
    sides: &Sides,
    manifests: impl Iterator<Item = &'m Manifest>,
    custom: &CustomSchemas,
    terms: &Terms<'_>,
    progress: &Progress,
) -> ScanResult {
    let mut declared = Declared::new(manifests, terms.scope);
    let problems = std::mem::take(&mut declared.problems);
    let context = ScanContext {
        schemas: &custom.schemas,
        rules: terms.rules,
        baselines: terms.baselines,
        sources: terms.sources,
        delivery_rules: terms.delivery_rules,
        cluster: terms.cluster,
        stable_masks: terms.stable_masks,
        foreign_masks: sides.selected.has_foreign_masks(),
        scope: terms.scope,
    };
    let wanted = wanted(sides, &declared, terms);
    let listed = on_threads(&wanted, |Wanted { kind, is_helper, is_searched }| {
        let of_kind = declared.of(kind).filter(|_| !is_helper);
        let search = terms.owned.filter(|_| *is_searched).map(|owned| Search::new(&owned.estate, context));
        let live = if *is_helper { sides.helpers() } else { &sides.selected };
        async move {
            let start = || KindScan::new(of_kind, search, context);
            let wanted =
                |namespace: Option<&str>, name: &str| search.is_some() || looks_into(kind, of_kind, (namespace, name));
            let fold = Fold { start: &start, wanted: &wanted, observe: &KindScan::observe, revisions: false };
            let listed = match custom.unreadable.get(kind) {
                Some(error) => Err(error.clone()),
                None if *is_helper && !is_always_served(kind) && !live.serves(kind).await => {
                    Err(ListError::NoSuchKind { kind: kind.clone() })
                }
                None => live.list(kind, fold).instrument(info_span!("list", %kind)).await,
            };
            progress.done(1);
            (kind.clone(), *is_helper, listed)
        }
    });
    let mut failures = Vec::new();
    let mut autoscalers_known = true;
    let is_lost = |(kind, _, listed): &(VersionedKind, bool, Result<_, _>)| is_always_served(kind) && listed.is_err();
    let replicas_are_lost = listed.iter().any(is_lost);
    let scans: Vec<(VersionedKind, Option<KindFindings>)> = listed
        .into_iter()
        .map(|(kind, is_helper, listed)| match listed {
            Ok(scan) => (kind, Some(scan.finish())),
            Err(error @ ListError::NoSuchKind { .. }) => {
                if !is_helper {
                    failures.push(failure(&kind, is_helper, &error));
                }
                let nothing = KindScan::new(declared.of(&kind).filter(|_| !is_helper), None, context);
                (kind, Some(nothing.finish()))
            }
            Err(error) => {
                autoscalers_known &= !autoscaler_kinds().contains(&kind);
                // where replicas are unknown anyway, one reason is enough
                if !is_helper || is_always_served(&kind) || !replicas_are_lost {
                    failures.push(failure(&kind, is_helper, &error));
                }
                (kind, None)
            }
        })
        .collect();
    let mut result = join(&declared, scans, autoscalers_known, &context);
    result.problems.extend(problems);
    result.problems.extend(failures);
    result
}

/// One list that a scan needs.
struct Wanted {
    kind: VersionedKind,
    /// Whether it only yields what verdicts about other kinds need.
    is_helper: bool,
    /// Whether what nobody declares is looked for in it: once for each kind, at whatever version it is listed first.
    is_searched: bool,
}

fn wanted(sides: &Sides, declared: &Declared<'_>, terms: &Terms<'_>) -> Vec<Wanted> {
    let mut known = BTreeSet::new();
    let mut kinds: Vec<_> = declared.kinds().cloned().collect();
    known.extend(kinds.iter().map(VersionedKind::group_kind));
    let owned = terms.owned.iter().flat_map(|owned| &owned.kinds);
    kinds.extend(owned.filter(|kind| known.insert(kind.group_kind())).cloned());
    let is_needed = |kind: &VersionedKind| sides.all.is_some() || !kinds.contains(kind);
    let mut helpers = autoscaler_kinds().to_vec();
    helpers.retain(|kind| declared.has_scalable() && is_needed(kind));
    let mut wanted: Vec<_> = kinds
        .into_iter()
        .map(|kind| Wanted { is_searched: known.remove(&kind.group_kind()), kind, is_helper: false })
        .collect();
    wanted.extend(helpers.into_iter().map(|kind| Wanted { kind, is_helper: true, is_searched: false }));
    wanted
}

/// Does the work for each of these, on as many threads as lists may run at once: reading and comparing a page takes as
/// long as fetching it, and the next kind need not wait for that.
fn on_threads<'w, W: Sync, R: Send, F: Future<Output = R>>(work: &'w [W], act: impl Fn(&'w W) -> F + Sync) -> Vec<R> {
    let runtime = tokio::runtime::Handle::current();
    let next = AtomicUsize::new(0);
    let take = || work.get(next.fetch_add(1, Ordering::Relaxed));
    tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let start = |_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    while let Some(one) = take() {
                        done.push(runtime.block_on(act(one)));
                    }
                    done
                })
            };
            let threads: Vec<_> = (0..LISTS_AT_ONCE.min(work.len())).map(start).collect();
            let joined = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            joined.flatten().collect()
        })
    })
}

fn failure(kind: &VersionedKind, is_helper: bool, error: &ListError) -> Problem {
    warn!(%kind, %error, "a kind could not be read");
    if matches!(error, ListError::NoSuchKind { .. }) {
        // it was read, completely: there is nothing of it
        return Problem::warning(error.to_string()).help("its objects are missing; install its CRD first");
    }
    let consequence = if is_helper {
        "nothing is said about replicas until it can be listed"
    } else {
        "nothing is said about these objects until the kind can be listed"
    };
    Problem::error(error.to_string()).help(match error {
        ListError::Forbidden { .. } => format!("grant `list` on it (see deploy/); {consequence}"),
        ListError::NotServed { other_version: Some(version), .. } => format!("declare it at {version}; {consequence}"),
        ListError::Schema { .. } => {
            "nothing is said about these objects until it can be read; any account may, by the ClusterRole system:discovery"
                .to_owned()
        }
        ListError::NotServed { .. } => format!("declare it at a version that the API server serves; {consequence}"),
        _ => consequence.to_owned(),
    })
}

/// Writes what a scan would see to a file: the kinds that the repository declares, and the helpers.
pub async fn snapshot(
    config: &Config,
    file: &std::path::Path,
    now: jiff::Timestamp,
    progress: &Progress,
) -> anyhow::Result<Vec<Problem>> {
    let key = super::mask_key(config);
    let mut report = crate::domain::outcome::RunReport::default();
    let forge = super::forge(config)?;
    let (_, checkout) = super::checkout(config, forge.as_ref(), &mut report).await?;
    let tree = super::source_tree(&checkout);
    let sides = Sides::connect(&config.live, &key).await?;
    let sources = super::versions::with_versions(&config.sources, &sides, &mut report.problems).await;
    let rendered = super::render_all(&sources, &tree, &key, &unheard(), &mut report).await;
    let live_sources = super::discover::in_cluster(config, sides.helpers()).await;
    let heard = unheard();
    let (sides, checkout) = (&sides, &checkout);
    let stage = super::discover::Stage { config, sides, checkout, tree: &tree, key: &key, heard: &heard };
    let discovery = stage.run(sources, rendered, live_sources, &mut report.problems).await;
    let rendered = &discovery.rendered;
    let declared = Declared::new(rendered.iter().flat_map(|rendered| &rendered.manifests), &Scope::default());
    let mut kinds: Vec<VersionedKind> = declared.kinds().cloned().collect();
    progress.stage("listing the cluster");
    for helper in autoscaler_kinds().into_iter().filter(|kind| declared.has_scalable() && declared.of(kind).is_none()) {
        // the file says nothing of a kind that the cluster does not serve
        if is_always_served(&helper) || sides.helpers().serves(&helper).await {
            kinds.push(helper);
        }
    }
    kinds.extend(discovery.asked.iter().cloned());
    kinds.sort();
    kinds.dedup();
    let (rules, problems) = (&config.scan.unmanaged, &mut report.problems);
    if let Some(owned) = Owned::of(sides.helpers(), &discovery.sources, rendered, rules, problems).await {
        kinds.extend(owned.kinds);
        kinds.sort();
        kinds.dedup();
    }
    let mut good_to_have = super::delivery::kinds(config, sides.helpers()).await.unwrap_or_default();
    good_to_have.extend(config.discover.iter().flat_map(super::discover::kinds));
    good_to_have.sort();
    good_to_have.dedup();
    good_to_have.retain(|kind| !kinds.contains(kind));
    let record = sides.helpers().record(&kinds, &good_to_have, file, &config.cluster_name, now, &key);
    let failures = record.await?;
    progress.finish();
    report.problems.extend(failures.iter().map(|(kind, error)| failure(kind, false, error)));
    Ok(report.problems)
}
