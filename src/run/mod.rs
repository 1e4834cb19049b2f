//! The pipeline: one cycle from the repository to pull requests and alerts, in the order of the README.
//!
//! Each stage is one call under one span; what a stage found goes into the [`RunReport`]. Whether anything leaves the
//! process is decided here and nowhere else, by [`Extent`].

mod delivery;
mod diffs;
mod discover;
mod edit;
mod live;
mod offline;
mod owned;
mod places;
mod publish;
mod schemas;
mod settle;
mod stock;
mod versions;

pub use edit::{EditRequest, Target, Wish, edit, written_value};
pub use live::snapshot;
pub use offline::{DiffRequest, diff};

use std::sync::Arc;

use anyhow::Context;
use futures::StreamExt;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tracing::{Instrument, info_span};

use crate::adapters::forge::Forge;
use crate::adapters::notify::{self, Alert};
use crate::adapters::progress::Progress;
use crate::adapters::render::{OnManifest, Rendered, SourceTree, render};
use crate::adapters::repository::{Checkout, Repository};
use crate::config::Config;
use crate::domain::drift::scan::ScanResult;
use crate::domain::outcome::RunReport;
use crate::domain::plan;
use crate::domain::policy::decide::decide;
use crate::domain::score::{combine, score};
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;
use crate::prove::Workshop;

/// How many sources are rendered at once.
const RENDERS_AT_ONCE: usize = 4;

/// How far a cycle goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Drift only.
    Scan,
    /// With decisions and proven proposals.
    Plan,
    /// With branches, pull requests and alerts.
    Publish,
}

/// One cycle. Errors are what leaves nothing to report: the repository cannot be reached, a kubeconfig is broken.
/// Everything smaller is a problem in the report. It needs tokio's multi-thread runtime.
pub async fn cycle(config: &Config, extent: Extent, now: Timestamp, progress: &Progress) -> anyhow::Result<RunReport> {
    let key = mask_key(config);
    let mut report =
        RunReport { cluster: config.cluster_name.clone(), started_at: now.to_string(), ..RunReport::default() };

    let forge = forge(config)?;
    let scope = live::scope(&config.live)?;
    let sides = Arc::new(live::Sides::connect(&config.live, &key).await?);
    // the cluster is asked while the repository is read and rendered: reading it takes as long
    let expecting = sides.expecting(scope.clone());
    let prepare = async {
        progress.stage("fetching the repository");
        let repository = checkout(config, forge.as_ref(), &mut report).instrument(info_span!("repository"));
        let (repository, checkout) = repository.await?;
        progress.stage("rendering");
        let tree = source_tree(&checkout);
        let sources = versions::with_versions(&config.sources, &sides, &mut report.problems).await;
        let render = render_all(&sources, &tree, &key, &expecting, &mut report);
        let rendered = render.instrument(info_span!("render")).await;
        anyhow::Ok((repository, checkout, tree, sources, rendered))
    };
    let connect = async {
        sides.warm_up().await;
        let live = sides.helpers();
        tokio::join!(delivery::in_cluster(config, live), discover::in_cluster(config, live))
    };
    let (prepared, (live_rules, live_sources)) = tokio::join!(prepare, connect.instrument(info_span!("connect")));
    let (repository, checkout, tree, sources, rendered) = prepared?;
    let about = (&*sides, &checkout, &tree, &key, &expecting);
    let discovering = discover::Stage::new(config, about).run(sources, rendered, live_sources, &mut report);
    let discovery = discovering.instrument(info_span!("discover")).await;
    let (sources, rendered) = (&discovery.sources, &discovery.rendered);
    let delivery_rules = delivery::rules(config, live_rules, rendered, &tree, &key, &mut report.problems).await;

    progress.stage("listing the cluster");
    let terms = live::Terms {
        rules: &config.scan,
        baselines: &config.baselines,
        sources,
        all_sources: !discovery.incomplete,
        opaque: &discovery.opaque,
        delivery_rules: &delivery_rules,
        cluster: &config.cluster_name,
        scope: &scope,
        stable_masks: key.is_stable(),
        owned: None,
    };
    let scanning = live::scan(&sides, &terms, rendered, progress).instrument(info_span!("scan"));
    let (mut scan, custom) = scanning.await;
    let workshop = Workshop { tree: &tree, sources, rendered, key: &key };
    let (repository, checkout, schemas) = (&repository, &checkout, &custom.schemas);
    trace(&settle::Stage { config, workshop, repository, checkout, schemas, now }, &mut scan, progress);

    let lives = std::mem::take(&mut scan.lives);
    assess(config, sources, scan, extent, &mut report);
    if extent >= Extent::Plan {
        progress.stage("proving edits");
        let stock = stock::Stock::new(config, workshop, schemas, lives).with_live(&sides, &report).await;
        let stage = publish::Stage {
            config,
            workshop,
            stock: &stock,
            repository,
            checkout,
            forge: forge.as_ref(),
            extent,
            now,
        };
        stage.run(&mut report).instrument(info_span!("proposals")).await;
    }
    if extent == Extent::Publish {
        alert(config, sources, &mut report).instrument(info_span!("alerts")).await;
    }
    progress.finish();
    Ok(report)
}

/// What Git's history and files tell of what drifted.
fn trace(stage: &settle::Stage<'_>, scan: &mut ScanResult, progress: &Progress) {
    if scan.items.is_empty() {
        return;
    }
    progress.stage("reading the history");
    info_span!("settle").in_scope(|| stage.run(scan));
    places::note(&stage.workshop, &mut scan.items);
}

/// The operator's key, or one made for this run: masks then mean nothing to the next one.
fn mask_key(config: &Config) -> MaskKey {
    match &config.secret_key {
        Some(key) => MaskKey::operator(key.expose_secret().as_bytes()),
        None => MaskKey::for_this_run(&rand::random::<[u8; 32]>()),
    }
}

fn forge(config: &Config) -> anyhow::Result<Option<Forge>> {
    config.forge.as_ref().map(Forge::connect).transpose().context("forge")
}

/// Without credentials of its own, the repository is read and pushed to with those of the forge that it
/// lives on.
async fn checkout(
    config: &Config,
    forge: Option<&Forge>,
    report: &mut RunReport,
) -> anyhow::Result<(Repository, Checkout)> {
    let mut settings = config.repository.clone();
    if let Some(forge) = forge.filter(|forge| settings.token.is_none() && forge.serves(&settings.url)) {
        settings.token = forge.git_token().await.context("forge")?;
    }
    let repository = Repository::open(settings).context("repository")?;
    let (checkout, problems) = repository.update().await.context("repository")?;
    report.commit = Some(checkout.commit.clone());
    report.problems.extend(problems);
    Ok((repository, checkout))
}

/// The files of a checkout.
fn source_tree(checkout: &Checkout) -> SourceTree {
    let (root, kept) = (checkout.root.clone(), Some(checkout.kept.clone()));
    let (blobs, links) = (Arc::clone(&checkout.blobs), Arc::clone(&checkout.links));
    SourceTree { root, blobs, links, kept, ..SourceTree::default() }
}

async fn render_all(
    sources: &[Source],
    tree: &SourceTree,
    key: &MaskKey,
    heard: &OnManifest,
    report: &mut RunReport,
) -> Vec<Rendered> {
    let renders = sources.iter().map(|source| render(tree, source, key, heard));
    let rendered: Vec<_> = futures::stream::iter(renders).buffered(RENDERS_AT_ONCE).collect().await;
    report.problems.extend(rendered.iter().flat_map(|one| one.problems.iter().cloned()));
    rendered
}

/// Score, severity and, from `plan` on, a decision for each item; the most severe first.
fn assess(config: &Config, sources: &[Source], scan: ScanResult, extent: Extent, report: &mut RunReport) {
    let source_of = |name: &str| sources.iter().find(|source| source.name == name);
    report.counts = scan.counts;
    report.tolerated = scan.tolerated;
    report.ignored = scan.ignored;
    report.problems.extend(scan.problems);
    report.marks = scan.marks;
    report.unknown = scan.unknown;
    report.items = scan.items;
    for item in report.items.iter_mut().chain(&mut report.tolerated) {
        let environment = source_of(&item.source).and_then(|source| source.environment.as_deref());
        score(item, &config.scoring, environment);
    }
    report.rank();
    report.score = combine(report.items.iter().map(|item| item.score));
    if extent >= Extent::Plan {
        let decisions = report.items.iter().map(|item| decide(&config.policies, item, source_of(&item.source), None));
        report.decisions = decisions.collect();
    }
}

/// One alert for the whole cycle. One that cannot be delivered is a problem and stops nothing.
async fn alert(config: &Config, sources: &[Source], report: &mut RunReport) {
    let environment = sources.iter().find_map(|source| source.environment.as_deref());
    let alert = Alert::of(report, environment, &config.policies);
    if let (Some(address), Some(alert)) = (&config.alerts.webhook_url, alert)
        && let Err(error) = notify::send(address, &alert).await
    {
        report.problems.push(error.into());
    }
}

/// Branches that belong to this cluster.
fn prefix(config: &Config) -> String {
    plan::branch_prefix(&config.cluster_name)
}
