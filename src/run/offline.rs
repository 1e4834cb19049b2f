//! `trueup diff`: two files or folders, no cluster, no repository, no configuration.

use std::path::PathBuf;

use jiff::Timestamp;

use super::live::{Sides, Terms, compare_sides};
use crate::adapters::Progress;
use crate::adapters::cluster::{Completeness, Live};
use crate::adapters::render::plain;
use crate::config::Defaults;
use crate::domain::baseline::Baselines;
use crate::domain::drift::scan::Scope;
use crate::domain::outcome::RunReport;
use crate::domain::schema::Schemas;
use crate::domain::score::{combine, score};
use crate::domain::secret::MaskKey;

/// What `trueup diff` compares.
#[derive(Debug, Clone)]
pub struct DiffRequest {
    /// File or folder of manifests.
    pub declared: PathBuf,
    /// File or folder of live objects.
    pub live: PathBuf,
    /// For declared objects that name no namespace.
    pub namespace: Option<String>,
    /// CRD manifests or OpenAPI v3 documents for custom kinds.
    pub schemas: Option<PathBuf>,
}

/// Compares two files or folders with the shipped thresholds, scores and tables of managers.
pub async fn diff(request: &DiffRequest, defaults: &Defaults, now: Timestamp, progress: &Progress) -> anyhow::Result<RunReport> {
    let key = MaskKey::for_this_run(&rand::random::<[u8; 32]>());
    let mut report = RunReport { started_at: now.to_string(), ..RunReport::default() };
    let declared = plain::read_paths(&request.declared, request.namespace.as_deref(), &key)?;
    report.problems.extend(declared.problems);

    let mut schemas = Schemas::default();
    for manifest in declared.manifests.iter().filter(|manifest| manifest.id.kind.kind == "CustomResourceDefinition") {
        schemas.add_crd(&manifest.object());
    }
    if let Some(path) = &request.schemas {
        let (documents, problems) = plain::read_documents_below(path)?;
        report.problems.extend(problems);
        for document in &documents {
            schemas.add_document(document);
        }
    }
    let live = Live::open(&request.live, Completeness::Everything, &key)?;
    report.problems.extend(live.problems());
    let sides = Sides { selected: live, all: None };
    let (baselines, scope) = (Baselines::default(), Scope::default());
    let terms = Terms {
        rules: &defaults.scan,
        baselines: &baselines,
        sources: &[],
        cluster: "",
        scope: &scope,
        stable_masks: false,
    };
    let scan = compare_sides(&sides, declared.manifests.iter(), &schemas, &terms, progress).await;
    report.counts = scan.counts;
    report.tolerated = scan.tolerated;
    report.ignored = scan.ignored;
    report.problems.extend(scan.problems);
    report.items = scan.items;
    for item in report.items.iter_mut().chain(&mut report.tolerated) {
        score(item, &defaults.scoring, None);
    }
    report.rank();
    report.score = combine(report.items.iter().map(|item| item.score));
    progress.done();
    Ok(report)
}
