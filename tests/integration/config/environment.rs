//! The source document's names for variables of the environment.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use trueup::adapters::cluster::LiveSettings;
use trueup::config::{Config, Locations};

use super::LEAST;

const FILES: &[(&str, &str)] = &[
    ("baseline/web.yaml", "match: {kind: Deployment}\nexpect: {spec: {replicas: 3}}\n"),
    ("thresholds.yaml", "default: 0.25\nspec.replicas: 0\n"),
];

/// A configuration with these lines added, these variables, and `{}` in their values standing for the folder.
fn config(yaml: &str, variables: &[(&str, &str)], locations: Locations) -> (Config, PathBuf) {
    let folder = tempfile::tempdir().expect("folder");
    let here = folder.path().to_string_lossy().into_owned();
    let (repository, sources) = LEAST.split_once('\n').expect("two lines");
    let sources = if yaml.contains("sources:") { "" } else { sources };
    for (name, text) in FILES.iter().copied().chain([("trueup.yaml", &*format!("{repository}\n{sources}{yaml}"))]) {
        std::fs::create_dir_all(folder.path().join(name).parent().expect("folder")).expect("folder");
        std::fs::write(folder.path().join(name), text).expect("write");
    }
    let locations = Locations { file: Some(folder.path().join("trueup.yaml")), ..locations };
    let env =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.replace("{}", &here));
    let loaded = trueup::config::load(&locations, &env).expect("the configuration is valid");
    assert_eq!(loaded.warnings, []);
    (loaded.config, folder.path().to_path_buf())
}

fn snapshot(config: &Config) -> Option<&PathBuf> {
    if let LiveSettings::Snapshot(file) = &config.live { Some(file) } else { None }
}

/// BASELINE_CONFIG_PATH, DRIFT_THRESHOLDS_PATH and ALERT_WEBHOOK_URL stand in where the file names nothing.
#[test]
fn files_and_the_webhook() {
    let variables = [
        ("BASELINE_CONFIG_PATH", "{}/baseline"),
        ("DRIFT_THRESHOLDS_PATH", "{}/thresholds.yaml"),
        ("ALERT_WEBHOOK_URL", "https://hooks.example/x"),
    ];
    let (from_environment, _) = config("", &variables, Locations::default());
    assert_eq!(from_environment.baselines.documents.len(), 1);
    assert_eq!(from_environment.scan.default_threshold, 0.25);
    assert_eq!(from_environment.scan.thresholds.len(), 1);
    assert_eq!(from_environment.alerts.webhook_url.expect("alerts").expose_secret(), "https://hooks.example/x");

    let own = "thresholds: {default: 0.5}\nalerts: {webhook_url_env: HOOK}\nbaselines: thresholds-are-none\n";
    let own = own.replace("baselines: thresholds-are-none\n", "baselines: baseline/web.yaml\n");
    let hook = ("HOOK", "https://hooks.example/own");
    let (from_file, _) = config(&own, &[&variables[1..], &[hook]].concat(), Locations::default());
    assert_eq!(from_file.scan.default_threshold, 0.5);
    assert_eq!(from_file.alerts.webhook_url.expect("alerts").expose_secret(), hook.1);
}

/// Variables that are set to nothing are not set.
#[test]
fn empty_variables() {
    let names = [
        "BASELINE_CONFIG_PATH",
        "DRIFT_THRESHOLDS_PATH",
        "ALERT_WEBHOOK_URL",
        "CURRENT_CONFIG_SOURCE",
        "ENVIRONMENT",
        "TRUEUP_TOKEN",
    ];
    let (empty, _) = config("", &names.map(|name| (name, "")), Locations::default());
    let (unset, _) = config("", &[], Locations::default());
    assert!(empty.baselines.documents.is_empty() && empty.alerts.webhook_url.is_none());
    assert!(snapshot(&empty).is_none() && empty.repository.token.is_none());
    assert_eq!((empty.sources, empty.scan.default_threshold), (unset.sources, unset.scan.default_threshold));
}

/// CURRENT_CONFIG_SOURCE: the cluster, or a snapshot file; the command line is asked before it and the file after it.
#[test]
fn the_live_side() {
    let source = |value: &'static str| [("CURRENT_CONFIG_SOURCE", value)];
    let file = "cluster: {snapshot: own.jsonl, namespaces: [a]}\n";
    let (cluster, _) = config("", &source("kubernetes_api"), Locations::default());
    assert!(snapshot(&cluster).is_none());
    let (from_environment, folder) = config("", &source("{}/live.jsonl"), Locations::default());
    assert_eq!(snapshot(&from_environment), Some(&folder.join("live.jsonl")));
    let (own, folder) = config(file, &[], Locations::default());
    assert_eq!(snapshot(&own), Some(&folder.join("own.jsonl")));
    let (other, folder) = config(file, &source("{}/live.jsonl"), Locations::default());
    assert_eq!(snapshot(&other), Some(&folder.join("live.jsonl")));
    let (cluster, _) = config(file, &source("kubernetes_api"), Locations::default());
    assert!(matches!(&cluster.live, LiveSettings::Cluster(settings) if settings.namespaces == ["a"]));
    let given = Locations { snapshot: Some("given.jsonl".into()), ..Locations::default() };
    let (given, _) = config(file, &source("kubernetes_api"), given);
    assert_eq!(snapshot(&given), Some(&"given.jsonl".into()));
}

/// ENVIRONMENT is for sources that name none; --environment comes before it.
#[test]
fn the_environment() {
    let environment = |yaml: &str, given: Option<&str>| {
        let locations = Locations { environment: given.map(str::to_owned), ..Locations::default() };
        let (config, _) = config(yaml, &[("ENVIRONMENT", "staging")], locations);
        config.sources[0].environment.clone()
    };
    assert_eq!(environment("", None).as_deref(), Some("staging"));
    assert_eq!(environment("", Some("production")).as_deref(), Some("production"));
    assert_eq!(
        environment("sources: [{name: apps, environment: development}]\n", Some("production")).as_deref(),
        Some("development")
    );
}

/// The token of TRUEUP_TOKEN serves repository and forge where neither names one.
#[test]
fn the_token() {
    let (config, _) =
        config("forge: {github: {repository: a/b}}\n", &[("TRUEUP_TOKEN", "t0ken")], Locations::default());
    assert_eq!(config.repository.token.expect("token").expose_secret(), "t0ken");
    assert!(config.forge.is_some());
}
