//! From files and environment to the whole configuration.

use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use secrecy::SecretString;

use super::credentials::{Env, secret};
use super::fields::{Fields, Sink};
use super::{
    AlertSettings, Config, Defaults, Loaded, Locations, baselines, delivery, discover, policies, rules, sections,
    unmanaged,
};
use crate::adapters::notify;
use crate::domain::problem::{Level, Problem};
use crate::domain::yaml::{Node, read_documents, repeated_keys};

const FILE: &str = "trueup.yaml";
/// Argo CD asks Git every three minutes, Flux mostly every five or ten, and applying takes a while too.
const SYNC_GRACE: SignedDuration = SignedDuration::from_mins(15);

/// The shipped tables.
pub fn defaults() -> Defaults {
    Defaults { scan: rules::shipped(), scoring: rules::shipped_scoring() }
}

/// Reads a configuration. `env` reads a variable of the environment.
/// Errors are all problems of all files at once; warnings come with the configuration.
pub fn load(locations: &Locations, env: Env<'_>) -> Result<Loaded, Vec<Problem>> {
    let path = locations.file.clone().unwrap_or_else(|| PathBuf::from(FILE));
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let message = format!("the configuration {} cannot be read: {}", path.display(), error.kind());
        vec![
            Problem::error(message)
                .help("name it with --config or TRUEUP_CONFIG; trueup.example.yaml shows every option"),
        ]
    })?;
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let sink = Sink::new(path.display().to_string());
    let mut problems = Vec::new();
    let config = match document(&text, &sink) {
        Ok(root) => read(root.as_ref(), &sink, &folder, locations, env, &mut problems),
        Err(()) => None,
    };
    problems.extend(sink.into_problems());
    problems.sort();
    problems.dedup();
    match config {
        Some(config) if problems.iter().all(|problem| problem.level == Level::Warning) => {
            Ok(Loaded { config, warnings: problems })
        }
        _ => Err(problems),
    }
}

/// The one document of a configuration file.
pub(super) fn document(text: &str, sink: &Sink) -> Result<Option<Node>, ()> {
    let documents = read_documents(text).map_err(|error| sink.error(error.line, error.message, "mend the YAML"))?;
    for (key, line) in repeated_keys(text).unwrap_or_default() {
        sink.error(line, format!("`{key}` is given twice"), "keep one of the two");
    }
    let mut roots = documents.into_iter().filter_map(|document| document.root);
    let first = roots.next();
    if let Some(second) = roots.next() {
        sink.error(second.line, "a second document", "keep the configuration in one document");
        return Err(());
    }
    Ok(first)
}

/// Where alerts go: `alerts`, else ALERT_WEBHOOK_URL. The address is a secret and never repeated.
fn webhook_url(top: &Fields<'_, '_>, folder: &Path, env: Env<'_>) -> Option<SecretString> {
    let alerts = top.map("alerts");
    let own = alerts.as_ref().and_then(|alerts| secret(alerts, "webhook_url_file", "webhook_url_env", folder, env));
    let (url, line) = match (own, alerts) {
        (Some(own), Some(alerts)) => (own, Some(alerts.line)),
        _ => (env("ALERT_WEBHOOK_URL").filter(|url| !url.is_empty()).map(SecretString::from)?, None),
    };
    if let Err(error) = notify::check(&url) {
        match line {
            Some(line) => top.sink.error(line, error.to_string(), ""),
            None => top.sink.push(Problem::error(format!("ALERT_WEBHOOK_URL: {error}"))),
        }
    }
    Some(url)
}

fn read(
    root: Option<&Node>,
    sink: &Sink,
    folder: &Path,
    locations: &Locations,
    env: Env<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Config> {
    let top = Fields::top(root, sink);
    let place = sections::Place { folder, env };
    // a variable that is set to nothing is not set
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    let environment = locations.environment.clone().or_else(|| set("ENVIRONMENT"));
    let (cluster_name, live) = sections::cluster(&top, &place, locations);
    let repository = sections::repository(&top, &place);
    let sources = sections::sources(&top, environment.as_deref());
    let forge = sections::forge(&top, &place);
    let secret_key = top.map("secrets").and_then(|secrets| secret(&secrets, "key_file", "key_env", folder, env));
    let delivery_rules = delivery::delivery_rules(&top, &live);
    let discover = discover::discover(&top, &live, environment.as_deref());
    let scan = rules::scan_rules(&top, &place, problems);
    problems.extend(unmanaged::named_in_vain(sources.as_deref().unwrap_or_default(), &scan.unmanaged));
    let scoring = rules::scoring(&top, &place, problems);
    let policies = policies::policies(&top, folder, problems);
    let baseline_path = top.text("baselines").map(|path| folder.join(path));
    let baseline_path = baseline_path.or_else(|| set("BASELINE_CONFIG_PATH").map(PathBuf::from));
    let baselines = baseline_path.map(|path| baselines::load(&path, problems)).unwrap_or_default();
    let webhook_url = webhook_url(&top, folder, env);
    // every section is read before one that is wrong ends it: all problems come at once
    let (schedule, proposals) = (sections::schedule(&top), sections::proposals(&top));
    let sync_grace = top.whole("sync_grace_seconds", 0..=86_400).and_then(|seconds| i64::try_from(seconds).ok());
    Some(Config {
        cluster_name: cluster_name?,
        repository: repository?,
        sources: sources?,
        live,
        secret_key,
        forge,
        schedule,
        sync_grace: sync_grace.map_or(SYNC_GRACE, SignedDuration::from_secs),
        scan,
        delivery_rules,
        discover,
        scoring,
        policies,
        baselines,
        alerts: AlertSettings { webhook_url },
        proposals,
    })
}
