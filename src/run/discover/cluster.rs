//! The live objects that name sources, and what they refer to.

use std::collections::BTreeSet;

use tracing::{debug, warn};

use crate::adapters::cluster::{ListError, Live};
use crate::config::{Config, DiscoverSettings};
use crate::domain::delivery_rules::RuleOrigin;
use crate::domain::discovery::{DeliveryObjects, git_repository};
use crate::domain::problem::Problem;
use crate::domain::resource::{GroupKind, LiveObject, VersionedKind};

/// What the cluster holds of the objects.
#[derive(Debug, Default)]
pub(in crate::run) struct InCluster {
    pub(super) objects: Vec<LiveObject>,
    /// Kinds that may be there and could not be read.
    pub(super) unread: BTreeSet<GroupKind>,
    pub(super) problems: Vec<Problem>,
}

/// The kinds to list, each at a version at which it may be.
pub(in crate::run) fn kinds(settings: &DiscoverSettings) -> Vec<VersionedKind> {
    if !settings.from.contains(&RuleOrigin::Cluster) {
        return Vec::new();
    }
    let mut kinds: Vec<GroupKind> = settings.tools.iter().flat_map(|tool| tool.kinds()).collect();
    if settings.tools.contains(&DeliveryObjects::Flux) {
        kinds.push(git_repository());
    }
    let version = |kind: &GroupKind| match &*kind.group {
        "argoproj.io" => "v1alpha1",
        "helm.toolkit.fluxcd.io" => "v2",
        _ => "v1",
    };
    kinds.iter().map(|kind| VersionedKind::new(format!("{}/{}", kind.group, version(kind)), &*kind.kind)).collect()
}

/// Reads the live objects. What may not be listed makes the sources unknown that it may name.
pub(in crate::run) async fn in_cluster(config: &Config, live: &Live) -> InCluster {
    let mut found = InCluster::default();
    let Some(settings) = &config.discover else { return found };
    let usual = kinds(settings);
    let groups: Vec<GroupKind> = usual.iter().map(VersionedKind::group_kind).collect();
    let served = match live.versions(&groups).await {
        Ok(served) if !groups.is_empty() => served,
        Ok(_) => return found,
        Err(error) => {
            found.unread.extend(groups);
            found.miss(&error);
            return found;
        }
    };
    for kind in usual {
        let at = served.iter().find(|served| served.group_kind() == kind.group_kind());
        let kind = match (at, live) {
            (Some(at), _) => at.clone(),
            // what was not recorded is unknown
            (None, Live::Snapshot(_)) => kind,
            (None, Live::Cluster(_)) => continue,
        };
        match live.objects(&kind, &settings.namespaces, None).await {
            Ok(objects) => found.objects.extend(objects),
            Err(ListError::NotServed { .. } | ListError::NoSuchKind { .. }) => debug!(%kind, "is not served"),
            Err(error) => {
                found.unread.insert(kind.group_kind());
                found.miss(&error);
            }
        }
    }
    found
}

impl InCluster {
    fn miss(&mut self, error: &ListError) {
        warn!(%error, "objects that name sources could not be read");
        let help = "grant `list` on it (deploy/components/delivery-rules), or leave `cluster` out of `discover.from`; what \
                    it delivers is unknown until then";
        self.problems.push(Problem::error(error.to_string()).help(help));
    }
}
