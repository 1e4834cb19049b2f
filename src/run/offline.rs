//! `trueup diff`: two files or folders, no cluster, no repository, no configuration.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use serde_json::Value;

use super::live::{Sides, Terms, compare_sides};
use crate::adapters::cluster::{Completeness, Live};
use crate::adapters::progress::Progress;
use crate::adapters::render::plain;
use crate::config::Defaults;
use crate::domain::baseline::Baselines;
use crate::domain::drift::scan::Scope;
use crate::domain::outcome::RunReport;
use crate::domain::problem::Problem;
use crate::domain::schema::Schemas;
use crate::domain::score::{combine, score};
use crate::domain::secret::MaskKey;
use crate::domain::yaml::read_documents;

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
pub async fn diff(
    request: &DiffRequest,
    defaults: &Defaults,
    now: Timestamp,
    progress: &Progress,
) -> anyhow::Result<RunReport> {
    let key = MaskKey::for_this_run(&rand::random::<[u8; 32]>());
    let mut report = RunReport { started_at: now.to_string(), ..RunReport::default() };
    let declared =
        plain::read_paths(std::slice::from_ref(&request.declared), "declared", request.namespace.as_deref(), &key);
    report.problems.extend(declared.problems);

    let mut schemas = Schemas::default();
    for manifest in declared.manifests.iter().filter(|manifest| manifest.id.kind.kind == "CustomResourceDefinition") {
        add_schema(&mut schemas, &manifest.object(), &mut report);
    }
    if let Some(path) = &request.schemas {
        load_schemas(path, &mut schemas, &mut report)?;
    }
    let live = Live::open(&request.live, Completeness::Everything, &key)?;
    report.problems.extend(live.problems().iter().cloned());
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
    progress.finish();
    Ok(report)
}

/// One file of CRD manifests, or one OpenAPI v3 document as `kubectl get --raw /openapi/v3/apis/GROUP/VERSION` prints it.
fn load_schemas(path: &Path, schemas: &mut Schemas, report: &mut RunReport) -> anyhow::Result<()> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("the schemas {name} cannot be read"))?;
    let documents = read_documents(&text).map_err(|error| anyhow::anyhow!("{name}:{}: {error}", error.line))?;
    for root in documents.iter().filter_map(|document| document.root.as_ref()) {
        add_schema(schemas, &root.to_json(), report);
    }
    Ok(())
}

fn add_schema(schemas: &mut Schemas, document: &Value, report: &mut RunReport) {
    let is_openapi = document.get("openapi").is_some();
    let added = if is_openapi { schemas.add_openapi(document) } else { schemas.add_crd(document) };
    if let Err(error) = added {
        report.problems.push(Problem::warning(format!("a schema is not used: {error}")));
    }
}
