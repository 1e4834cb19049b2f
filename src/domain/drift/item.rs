//! The words in which drift is told.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::domain::field_path::FieldPath;
use crate::domain::problem::Place;
use crate::domain::resource::{Origin, ResourceId};

/// A closed list of names that appear in YAML, JSON and text: gives it `as_str`, `ALL`, `Display` and `parse`.
macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$variant_doc])* $variant,)* }

        impl $type {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name that YAML and JSON use.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The value with this name.
            pub fn parse(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == name)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use names;

names! {
    /// What sort of change it is.
    DriftKind {
        /// A key, list item or whole resource was added or removed.
        Structural = "structural",
        /// A value differs.
        Value = "value",
        /// What one or more changes mean.
        Semantic = "semantic",
    }
}

names! {
    /// Which of the three states moved.
    Verdict {
        /// Something could not be read; nothing can be said.
        Unknown = "unknown",
        /// Nothing to do.
        InSync = "in_sync",
        /// Git moved and the delivery has not caught up.
        Unsynced = "unsynced",
        /// The cluster has what Git never declared.
        LiveOnly = "live_only",
        /// Git declares what the cluster lacks.
        Missing = "missing",
        /// The cluster differs from Git.
        ClusterDrift = "cluster_drift",
        /// Git differs from the approved baseline.
        RepositoryDrift = "repository_drift",
    }
}

names! {
    /// The part of a configuration that drifted; `drift_type` in policies.
    Aspect {
        /// CPU, memory and device requests and limits.
        ResourceLimits = "resource_limits",
        /// Users, capabilities, privileges, host namespaces.
        SecurityContext = "security_context",
        /// Images and pull policy.
        ImagePolicy = "image_policy",
        /// How many replicas, and who decides it.
        Replicas = "replicas",
        /// Labels.
        Labels = "labels",
        /// Annotations.
        Annotations = "annotations",
        /// Environment variables.
        Environment = "environment",
        /// Services, ingresses, ports, network policies.
        Network = "network",
        /// Volumes and claims.
        Storage = "storage",
        /// Roles, bindings and service accounts.
        Rbac = "rbac",
        /// Health probes.
        Probes = "probes",
        /// Where and when pods run.
        Scheduling = "scheduling",
        /// ConfigMap contents.
        ConfigData = "config_data",
        /// Secret contents.
        Secret = "secret",
        /// Certificates and trust bundles.
        Certificate = "certificate",
        /// Whether a resource, a container or a like whole exists at all.
        Presence = "presence",
        /// Anything else.
        Other = "other",
    }
}

names! {
    /// Who feels a change, in the taxonomy of ML platforms; serves to route and to weigh.
    Category {
        /// Compute, network, storage, scaling.
        Infrastructure = "infrastructure",
        /// Frameworks, runtime, feature flags, endpoints.
        Application = "application",
        /// Hyperparameters, serving, model versions.
        Model = "model",
        /// Data sources, pipelines, quality, retention.
        Data = "data",
    }
}

names! {
    /// How much an item matters.
    Severity {
        /// Worth telling, never acted on.
        Info = "info",
        /// Below 0.3.
        Low = "low",
        /// Below 0.6.
        Medium = "medium",
        /// Below 0.85.
        High = "high",
        /// 0.85 and more.
        Critical = "critical",
    }
}

names! {
    /// How sure an item is.
    Confidence {
        /// Both signals, or the values themselves, say so.
        Confirmed = "confirmed",
        /// One signal is missing: no `managedFields`, or a manager that owns every default.
        Potential = "potential",
    }
}

names! {
    /// What kind of writer a field manager is.
    ManagerClass {
        /// A person's tool: `kubectl edit`, k9s, Lens.
        Person = "person",
        /// The tool that delivers the source.
        Delivery = "delivery",
        /// A controller of the cluster.
        Controller = "controller",
        /// None of the known ones.
        Unknown = "unknown",
    }
}

names! {
    /// What happened to a field, seen from Git.
    Change {
        /// Git and the cluster have different values.
        Changed = "changed",
        /// Git declares it, the cluster lacks it.
        Removed = "removed",
        /// The cluster has it, Git does not declare it.
        Added = "added",
    }
}

/// Who last wrote a field, as far as `managedFields` tell: a tool, never a person, and "at or before" a time.
/// A removal leaves no author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedBy {
    /// Field manager, `kubectl-edit`.
    pub manager: String,
    /// What kind of writer it is.
    pub class: ManagerClass,
    /// `Apply` or `Update`.
    pub operation: String,
    /// `scale`, `status`; none for the main resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subresource: Option<String>,
    /// RFC 3339; the change was made at or before it. `kubectl scale` records none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// A commit of the tracked branch, as it says of itself; text and time are whatever its maker wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// Its id, 40 hexadecimal digits.
    pub commit: String,
    /// Name of its author, without a mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When it was committed; none where its time is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The first line of its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

impl Commit {
    /// The first twelve digits of its id.
    pub fn short(&self) -> &str {
        self.commit.get(..12).unwrap_or(&self.commit)
    }
}

/// One field in which a declared and a live object differ, before anything is said about its worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Which field, list item or (for the root) object.
    pub path: FieldPath,
    /// What happened to it.
    pub change: Change,
    /// The declared value as written; none if added.
    pub declared: Option<Value>,
    /// The live value; none if removed.
    pub live: Option<Value>,
    /// How far the values are apart: `|a−b| / max(|a|,|b|)` for amounts, 1 for everything else.
    pub magnitude: f64,
    /// Whether both values are amounts, so that a threshold applies.
    pub is_amount: bool,
    /// How sure it is.
    pub confidence: Confidence,
    /// Who wrote the live value, where `managedFields` tell.
    pub changed_by: Option<ChangedBy>,
    /// For an added field: what the API server would have without it, if that can be declared in its place
    /// (`false` for `privileged`, `30` for `terminationGracePeriodSeconds`).
    pub native_default: Option<Value>,
}

/// One thing that drifted, with all that later stages know of it.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftItem {
    /// The source that declares the resource, or in whose scope it lies.
    pub source: String,
    /// Which object.
    pub resource: ResourceId,
    /// The object's labels, for policies to match: the declared ones, or those of an object that nobody declares.
    pub labels: Vec<(String, String)>,
    /// Where it is declared.
    pub origin: Option<Origin>,
    /// Where in the files this field is declared; none where Git does not say it, or code writes it. Set by
    /// [`crate::domain::candidates::place`].
    pub declared_at: Option<Place>,
    /// Which field; the root where the whole resource is meant.
    pub path: FieldPath,
    /// What sort of change.
    pub drift: DriftKind,
    /// What happened to the field, seen from Git.
    pub change: Change,
    /// Which state moved.
    pub verdict: Verdict,
    /// Whether Git also differs from the baseline; a cluster drift can carry both.
    pub repository_drift: bool,
    /// Which part of the configuration.
    pub aspect: Aspect,
    /// Who feels it.
    pub category: Category,
    /// How much it matters; set by [`crate::domain::score`].
    pub severity: Severity,
    /// 0..=1; set by [`crate::domain::score`].
    pub score: f64,
    /// Why it has this score, in words.
    pub score_reasons: Vec<String>,
    /// What was approved, where a baseline names the field.
    pub baseline: Option<Value>,
    /// What Git declares.
    pub declared: Option<Value>,
    /// What the cluster holds.
    pub live: Option<Value>,
    /// 0..=1, see [`Difference::magnitude`].
    pub magnitude: f64,
    /// Whether a threshold applies.
    pub is_amount: bool,
    /// How sure it is.
    pub confidence: Confidence,
    /// Who changed it.
    pub changed_by: Option<ChangedBy>,
    /// The last commit that set what Git declares; none where the history does not tell. Set by [`crate::domain::settle`].
    pub declared_by: Option<Commit>,
    /// The commit until which Git declared what is live: the delivery has not applied it. Set by
    /// [`crate::domain::settle`].
    pub unsynced_since: Option<Commit>,
    /// See [`Difference::native_default`].
    pub native_default: Option<Value>,
    /// For a semantic item: the rule's name, `privileged-container`.
    pub rule: Option<&'static str>,
    /// For a semantic item: what it means, in one sentence.
    pub meaning: Option<String>,
    /// For a semantic item: the paths of the structural and value items that cause it.
    pub caused_by: Vec<FieldPath>,
    /// Identity of this very drift: what "ignore exactly this" means.
    pub fingerprint: String,
}

impl DriftItem {
    /// Whether it is about a whole live object that no source declares.
    pub fn is_undeclared(&self) -> bool {
        self.path.is_root() && self.change == Change::Added && self.drift != DriftKind::Semantic
    }

    /// High and critical items are acted on first.
    pub fn is_high_priority(&self) -> bool {
        self.severity >= Severity::High
    }
}
