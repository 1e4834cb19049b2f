//! Whether the drift that a pull request is about is gone. What could not be read is not gone.

use std::collections::BTreeSet;

use crate::domain::drift::Verdict;
use crate::domain::outcome::RunReport;
use crate::domain::proposal::Marker;
use crate::domain::resource::ResourceId;

/// What this run could see, for judging pull requests of earlier ones.
#[derive(Debug, Default)]
pub struct Seen {
    complete_sources: BTreeSet<String>,
    unknown: BTreeSet<String>,
    unsynced: BTreeSet<String>,
    fingerprints: BTreeSet<String>,
    /// Kind and name of what is declared and not known here.
    sealed: BTreeSet<(String, String)>,
}

impl Seen {
    /// `complete_sources` are the sources that were rendered without a gap, `sealed` the objects of them that cannot be
    /// read here.
    pub fn new<'s>(
        complete_sources: impl IntoIterator<Item = String>,
        sealed: impl IntoIterator<Item = &'s ResourceId>,
        report: &RunReport,
    ) -> Self {
        let items = report.items.iter().chain(&report.tolerated);
        let unsynced = report.items.iter().filter(|item| item.verdict == Verdict::Unsynced);
        Self {
            complete_sources: complete_sources.into_iter().collect(),
            unknown: report.unknown.iter().map(ToString::to_string).collect(),
            unsynced: unsynced.map(|item| item.resource.to_string()).collect(),
            fingerprints: items.map(|item| item.fingerprint.clone()).collect(),
            sealed: sealed.into_iter().map(|id| (id.kind.kind.clone(), id.name.clone())).collect(),
        }
    }

    /// Whether everything that the pull request answers was looked at and none of it drifts any more. While the delivery
    /// has something to apply, the values of before are neither right nor gone.
    pub fn is_resolved(&self, marker: &Marker) -> bool {
        let (kind, name) = marker.resource.split_once(' ').unwrap_or_default();
        let name = name.rsplit('/').next().unwrap_or_default();
        self.complete_sources.contains(&marker.source)
            && !self.sealed.contains(&(kind.to_owned(), name.to_owned()))
            && !self.unknown.contains(&marker.resource)
            && !self.unsynced.contains(&marker.resource)
            && !marker.fingerprints.iter().any(|fingerprint| self.fingerprints.contains(fingerprint))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::drift::{Change, DriftItem};
    use crate::domain::remedy::tests::item;
    use crate::domain::resource::GroupKind;

    /// An unread kind, an unrendered source, a delivery that is on its way and a drift that is still there each keep a pull request open.
    #[test]
    fn only_what_was_seen_is_resolved() {
        let resource = ResourceId::new(GroupKind::new("apps", "Deployment"), Some("shop"), "web");
        let marker = Marker { source: "apps".to_owned(), resource: resource.to_string(), ..Marker::default() };
        let report = RunReport::default();
        let complete = || vec!["apps".to_owned()];
        assert!(Seen::new(complete(), [], &report).is_resolved(&marker));
        assert!(!Seen::new(Vec::new(), [], &report).is_resolved(&marker));
        let sealed = ResourceId { namespace: None, ..resource.clone() };
        assert!(!Seen::new(complete(), [&sealed], &report).is_resolved(&marker));
        let blind = RunReport { unknown: [resource].into(), ..RunReport::default() };
        assert!(!Seen::new(complete(), [], &blind).is_resolved(&marker));
        let moved = item("spec.replicas", Change::Changed, json!(3), json!(1));
        for (verdict, resolved) in [(Verdict::Unsynced, false), (Verdict::ClusterDrift, true)] {
            let report = RunReport { items: vec![DriftItem { verdict, ..moved.clone() }], ..RunReport::default() };
            assert_eq!(Seen::new(complete(), [], &report).is_resolved(&marker), resolved, "{verdict}");
        }
    }
}
