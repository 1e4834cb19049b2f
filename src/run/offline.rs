//! `trueup diff`: two files or folders, no cluster, no repository, no configuration.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use serde_json::Value;

use super::live::{Sides, Terms, compare_sides};
use super::schemas::CustomSchemas;
use crate::adapters::cluster::{Completeness, Live};
use crate::adapters::progress::Progress;
use crate::adapters::render::plain;
use crate::config::Defaults;
use crate::domain::baseline::Baselines;
use crate::domain::delivery_rules::DeliveryRules;
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
    let (baselines, scope, delivery_rules) = (Baselines::default(), Scope::default(), DeliveryRules::default());
    let terms = Terms {
        rules: &defaults.scan,
        baselines: &baselines,
        sources: &[],
        all_sources: true,
        opaque: &[],
        delivery_rules: &delivery_rules,
        cluster: "",
        scope: &scope,
        stable_masks: false,
        owned: None,
    };
    let custom = CustomSchemas { schemas, ..CustomSchemas::default() };
    let scan = compare_sides(&sides, declared.manifests.iter(), &custom, &terms, progress);
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

/// A file, or every YAML and JSON file below a folder, of CRD manifests or of OpenAPI v3 documents as
/// `kubectl get --raw /openapi/v3/apis/GROUP/VERSION` prints them. What else lies there is passed over.
fn load_schemas(path: &Path, schemas: &mut Schemas, report: &mut RunReport) -> anyhow::Result<()> {
    let unreadable = |path: &Path| format!("the schemas {} cannot be read", path.display());
    let mut files = Vec::new();
    schema_files(path, &mut files).with_context(|| unreadable(path))?;
    let mut found = false;
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file).with_context(|| unreadable(&file))?;
        let documents = read_documents(&text).map_err(|error| anyhow::anyhow!("{name}:{}: {error}", error.line))?;
        let documents = documents.iter().filter_map(|document| document.root.as_ref()).map(|root| root.to_json());
        for document in documents.flat_map(singles).filter(is_schema) {
            found = true;
            add_schema(schemas, &document, report);
        }
    }
    anyhow::ensure!(found, "{} holds no CustomResourceDefinition and no OpenAPI document", path.display());
    Ok(())
}

fn schema_files(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_path_buf());
        return Ok(());
    }
    let mut entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type()?);
        let ending = path.extension().and_then(|ending| ending.to_str());
        // a link may lead round in a circle
        if kind.is_dir() || (path.is_file() && ending.is_some_and(|ending| ["yaml", "yml", "json"].contains(&ending))) {
            schema_files(&path, files)?;
        }
    }
    Ok(())
}

/// The objects of a `List`, as `kubectl get crd -o yaml` prints them; anything else is one object.
fn singles(document: Value) -> Vec<Value> {
    match document {
        Value::Object(mut list) if list.get("kind").is_some_and(|kind| kind == "List") => match list.remove("items") {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        },
        single => vec![single],
    }
}

fn is_schema(document: &Value) -> bool {
    let is_crd = document.get("kind").is_some_and(|kind| kind == "CustomResourceDefinition");
    is_crd || document.get("openapi").is_some()
}

fn add_schema(schemas: &mut Schemas, document: &Value, report: &mut RunReport) {
    let is_openapi = document.get("openapi").is_some();
    let added = if is_openapi { schemas.add_openapi(document) } else { schemas.add_crd(document) };
    if let Err(error) = added {
        report.problems.push(Problem::warning(format!("a schema is not used: {error}")));
    }
}
