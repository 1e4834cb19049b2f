//! Configuration: files and environment → [`Config`], or every problem at once, each with file and line.
//!
//! Files are read by the one YAML reader, so that every value has its place. What ships in `policies/` is compiled in
//! as the default. Secrets (tokens, keys, the webhook's address) come from files or the environment, never from the
//! configuration itself.

mod baselines;
mod credentials;
mod delivery;
mod discover;
mod fields;
mod helm;
mod jinja;
mod load;
mod policies;
mod rules;
mod sections;
mod unmanaged;

use std::path::PathBuf;

use jiff::SignedDuration;
use secrecy::SecretString;

use crate::adapters::cluster::LiveSettings;
use crate::adapters::forge::ForgeSettings;
use crate::adapters::repository::RepositorySettings;
use crate::domain::baseline::Baselines;
use crate::domain::delivery_rules::RuleOrigin;
use crate::domain::discovery::DeliveryObjects;
use crate::domain::drift::scan::ScanRules;
use crate::domain::policy::Policy;
use crate::domain::problem::Problem;
use crate::domain::score::Scoring;
use crate::domain::source::{Owns, Source};
use crate::schedule::ScheduleSettings;

pub use load::{defaults, load};

/// A validated configuration: what every stage needs, each part in the stage's own type.
#[derive(Debug, Clone)]
pub struct Config {
    /// Name of the cluster; part of branch names.
    pub cluster_name: String,
    /// The config repository.
    pub repository: RepositorySettings,
    /// What is rendered, and how, as far as the config names it.
    pub sources: Vec<Source>,
    /// The live side.
    pub live: LiveSettings,
    /// Key for masking Secret values; none for one made for each run.
    pub secret_key: Option<SecretString>,
    /// Where pull requests go; none: `run` reports only.
    pub forge: Option<ForgeSettings>,
    /// When `daemon` runs.
    pub schedule: Option<ScheduleSettings>,
    /// How long a delivery may take after a commit.
    pub sync_grace: SignedDuration,
    /// Thresholds, manager classes, ignore rules, categories.
    pub scan: ScanRules,
    /// Where the rules of delivery tools are read.
    pub delivery_rules: DeliveryRuleSettings,
    /// Whose objects name sources by themselves; none where only the config does.
    pub discover: Option<DiscoverSettings>,
    /// Numbers behind scores.
    pub scoring: Scoring,
    /// Remediation policies in order.
    pub policies: Vec<Policy>,
    /// What was approved.
    pub baselines: Baselines,
    /// Where alerts go.
    pub alerts: AlertSettings,
    /// Limits and powers that only the operator has.
    pub proposals: ProposalSettings,
}

/// Where the rules of Argo CD and Flux are read: what they ignore, trueup ignores.
#[derive(Debug, Clone)]
pub struct DeliveryRuleSettings {
    /// The cluster, the repository, or both.
    pub from: Vec<RuleOrigin>,
    /// Whether the config says so, and not only the default: what cannot be read then is an error.
    pub is_asked: bool,
    /// Folders of the repository with such objects that no source declares.
    pub folders: Vec<String>,
    /// Namespaces in which the objects live; empty for those of the cluster section.
    pub namespaces: Vec<String>,
    /// Where Argo CD's settings are.
    pub argocd_namespace: String,
}

/// Where the objects of delivery tools are read that name sources by themselves.
#[derive(Debug, Clone)]
pub struct DiscoverSettings {
    /// The cluster, the repository, or both.
    pub from: Vec<RuleOrigin>,
    /// Whose objects count.
    pub tools: Vec<DeliveryObjects>,
    /// Folders of the repository with such objects for this cluster that no source declares.
    pub folders: Vec<String>,
    /// Namespaces in which the objects live; empty for those of the cluster section.
    pub namespaces: Vec<String>,
    /// Names and addresses by which Argo CD knows this cluster, besides its own.
    pub destinations: Vec<String>,
    /// For every source that is found.
    pub environment: Option<String>,
    /// For every source that is found.
    pub owns: Option<Owns>,
}

/// Where alerts go.
#[derive(Debug, Clone, Default)]
pub struct AlertSettings {
    /// One POST per cycle with high and critical items; none for no alerts.
    pub webhook_url: Option<SecretString>,
}

/// Limits and powers over pull requests.
#[derive(Debug, Clone)]
pub struct ProposalSettings {
    /// How many of ours may be open at once.
    pub open_limit: usize,
    /// Merged attempts that may fail to hold before trueup stops, where a policy does not say.
    pub max_attempts: u32,
    /// Whether policies with `approval_required: false` may ask for auto-merge.
    pub allow_auto_merge: bool,
    /// Reviewers where a policy names none.
    pub reviewers: Vec<String>,
    /// Teams where a policy names none.
    pub team_reviewers: Vec<String>,
    /// Labels on every pull request.
    pub labels: Vec<String>,
}

/// What applies where no configuration is read (`trueup diff`): the shipped tables.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// Thresholds, manager classes, categories.
    pub scan: ScanRules,
    /// Numbers behind scores.
    pub scoring: Scoring,
}

/// Where a configuration is read from, and what the command line puts in its place.
#[derive(Debug, Clone, Default)]
pub struct Locations {
    /// The file; none for `trueup.yaml` in the working directory.
    pub file: Option<PathBuf>,
    /// A snapshot in place of the cluster.
    pub snapshot: Option<PathBuf>,
    /// Kubeconfig in place of the configured one.
    pub kubeconfig: Option<PathBuf>,
    /// Context in place of the configured one.
    pub context: Option<String>,
    /// Environment for sources that name none.
    pub environment: Option<String>,
}

/// A configuration and what is worth fixing in it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings.
    pub warnings: Vec<Problem>,
}
