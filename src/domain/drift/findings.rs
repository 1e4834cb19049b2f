//! From a compared pair to drift items: verdicts, baselines, meanings.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::delivery_rules::Subject;
use crate::domain::drift::absent::excuse;
use crate::domain::drift::aspect::aspect_of;
use crate::domain::drift::compare::compare;
use crate::domain::drift::scan::{RestoreMark, ScanContext};
use crate::domain::drift::semantic::{Meaning, Pair, meanings};
use crate::domain::drift::unknown_field::UnknownField;
use crate::domain::drift::unsettled::set_aside_unsettled;
use crate::domain::drift::{Category, Change, Confidence, Difference, DriftItem, DriftKind, Severity, Verdict};
use crate::domain::field_path::FieldPath;
use crate::domain::normalize::RESTORE_ANNOTATION;
use crate::domain::outcome::SetAside;
use crate::domain::problem::Problem;
use crate::domain::resource::{KeptObject, LiveObject, Manifest, ResourceId};
use crate::domain::source::DeliveryTool;

/// What was found in some resources, before it is known what counts.
#[derive(Debug, Default)]
pub struct Findings {
    pub(super) items: Vec<DriftItem>,
    pub(super) ignored: Vec<SetAside>,
    pub(super) marks: BTreeMap<ResourceId, RestoreMark>,
    pub(super) lives: BTreeMap<ResourceId, KeptObject>,
    pub(super) problems: Vec<(ResourceId, Problem)>,
}

/// Finds drift in one pair at a time.
#[derive(Debug, Clone, Copy)]
pub struct Finder<'a> {
    context: ScanContext<'a>,
}

impl<'a> Finder<'a> {
    /// A finder for these rules.
    pub fn new(context: ScanContext<'a>) -> Self {
        Self { context }
    }

    /// What a scan is held against.
    pub fn context(&self) -> &ScanContext<'a> {
        &self.context
    }

    /// Compares a manifest with the live object and, where a baseline names it, with what was approved.
    pub fn find(&self, manifest: &Manifest, live: &LiveObject) -> Findings {
        let declared = manifest.object();
        let rules = self.context.compare_rules(&manifest.source);
        let mut comparison = compare(&declared, live, &rules);
        set_aside_unsettled(manifest, &declared, &rules, &mut comparison);
        let subject = Subject { manifest, declared: &declared, live, source: self.context.source(&manifest.source) };
        let again = |declared: &Value, live: &LiveObject| compare(declared, live, &rules).differences;
        let sifted = self.context.delivery_rules.sift(&subject, comparison.differences, again);
        comparison.differences = sifted.kept;
        let approved = self.expected(manifest, &declared);
        let mut findings = Findings::default();
        for explained in comparison.explained {
            let path = explained.path.to_string();
            findings.ignored.push(SetAside { resource: manifest.id.clone(), path, reason: explained.reason });
        }
        for (path, reason) in sifted.set_aside {
            let path = path.to_string();
            findings.ignored.push(SetAside { resource: live.id.clone(), path, reason });
        }
        findings.problems = self.warnings(manifest, &live.id, &comparison.unknown);
        findings.problems.extend(sifted.problems.into_iter().map(|problem| (manifest.id.clone(), problem)));
        if comparison.differences.is_empty() && approved.is_none() {
            return findings;
        }
        let pair =
            Pair { resource: &live.id, declared: &declared, live: &live.object, differences: &comparison.differences };
        let meanings =
            meanings(&pair).into_iter().map(|meaning| self.semantic_item(manifest, &declared, &pair, meaning));
        findings.items.extend(meanings);
        findings
            .items
            .extend(comparison.differences.iter().map(|difference| self.item(manifest, &declared, difference)));
        if let Some(approved) = approved {
            self.hold_against(&approved, manifest, &declared, &live.object, &mut findings);
        }
        for item in &mut findings.items {
            // the live object tells its namespace even where the manifest leaves it to the delivery
            item.resource = live.id.clone();
        }
        if !findings.items.is_empty() {
            let mark = |object: &Value| {
                Some(object.pointer("/metadata/annotations")?.get(RESTORE_ANNOTATION)?.as_str()?.to_owned())
            };
            let marks = RestoreMark { declared: mark(&declared), live: mark(&live.object) };
            findings.marks.insert(live.id.clone(), marks);
            findings.lives.insert(live.id.clone(), live.keep());
        }
        findings
    }

    /// A declared object that the cluster lacks; no drift where it may be absent.
    pub fn missing(&self, manifest: &Manifest) -> Findings {
        let declared = manifest.object();
        let mut findings = Findings::default();
        if let Some(reason) = self.excuse(manifest, &declared) {
            let (resource, path) = (manifest.id.clone(), String::new());
            findings.ignored.push(SetAside { resource, path, reason: reason.to_owned() });
            return findings;
        }
        let source = self.context.source(&manifest.source);
        if let Some(reason) = self.context.delivery_rules.leaves_missing(&declared, source) {
            findings.ignored.push(SetAside { resource: manifest.id.clone(), path: String::new(), reason });
            return findings;
        }
        let difference = Difference {
            path: FieldPath::root(),
            change: Change::Removed,
            declared: Some(json!("present")),
            live: None,
            magnitude: 1.0,
            is_amount: false,
            confidence: if self.context.scope.selector.is_some() {
                Confidence::Potential
            } else {
                Confidence::Confirmed
            },
            changed_by: None,
            native_default: None,
        };
        findings.items.push(self.item(manifest, &declared, &difference));
        let unknown = UnknownField::all_of(&declared, self.context.schemas);
        findings.problems = self.warnings(manifest, &manifest.id, &unknown);
        let mark = declared.pointer("/metadata/annotations").and_then(|all| all.get(RESTORE_ANNOTATION)?.as_str());
        let mark = RestoreMark { declared: mark.map(str::to_owned), live: None };
        findings.marks.insert(manifest.id.clone(), mark);
        findings
    }

    /// Whether it is no drift if the cluster lacks an object.
    pub fn may_be_absent(&self, manifest: &Manifest) -> bool {
        self.excuse(manifest, &manifest.object()).is_some()
    }

    fn excuse(&self, manifest: &Manifest, declared: &Value) -> Option<&'static str> {
        let source = self.context.source(&manifest.source);
        excuse(&manifest.id, declared, source.map_or(DeliveryTool::Unknown, |source| source.delivery.tool))
    }

    fn warnings(&self, manifest: &Manifest, id: &ResourceId, unknown: &[UnknownField]) -> Vec<(ResourceId, Problem)> {
        let is_silent = |field: &&UnknownField| self.context.rules.ignore.iter().any(|rule| rule.silences(id, field));
        unknown.iter().filter(|field| !is_silent(field)).map(|field| (id.clone(), field.problem(manifest))).collect()
    }

    fn expected(&self, manifest: &Manifest, declared: &Value) -> Option<Value> {
        if self.context.baselines.documents.is_empty() {
            return None;
        }
        let source = self.context.source(&manifest.source)?;
        let mut expected = self.context.baselines.effective(
            &manifest.id,
            &labels(declared),
            source.environment.as_deref(),
            source.service.as_deref(),
            self.context.cluster,
        )?;
        // the schema of the declared version is the one that both are read by
        expected["apiVersion"] = Value::from(&*manifest.api_version);
        Some(expected)
    }

    /// Git against the baseline, by the same comparison; what only Git has is not the baseline's business.
    fn hold_against(
        &self,
        approved: &Value,
        manifest: &Manifest,
        declared: &Value,
        live: &Value,
        findings: &mut Findings,
    ) {
        let git = LiveObject { id: manifest.id.clone(), object: declared.clone(), managed_fields: None };
        let rules = self.context.compare_rules(&manifest.source);
        let comparison = compare(approved, &git, &rules);
        let unknown = comparison.unknown.into_iter().map(UnknownField::into_removal);
        for difference in comparison.differences.into_iter().chain(unknown) {
            if difference.change == Change::Added {
                continue;
            }
            let baseline = difference.declared.clone();
            if let Some(item) = findings.items.iter_mut().find(|item| item.path == difference.path) {
                item.baseline = baseline;
                item.repository_drift = true;
                continue;
            }
            let in_cluster = difference.path.get(live).cloned();
            let of_git = Difference { declared: difference.live.clone(), live: in_cluster, ..difference };
            let mut item = self.item(manifest, declared, &of_git);
            item.verdict = Verdict::RepositoryDrift;
            item.repository_drift = true;
            item.baseline = baseline;
            findings.items.push(item);
        }
        for item in &mut findings.items {
            if item.baseline.is_none() {
                item.baseline = item.path.get(approved).cloned();
            }
        }
    }

    fn item(&self, manifest: &Manifest, declared: &Value, difference: &Difference) -> DriftItem {
        let path = &difference.path;
        DriftItem {
            source: manifest.source.clone(),
            resource: manifest.id.clone(),
            labels: labels(declared),
            origin: manifest.origin.clone(),
            path: path.clone(),
            drift: if difference.change == Change::Changed { DriftKind::Value } else { DriftKind::Structural },
            change: difference.change,
            verdict: match difference.change {
                Change::Changed => Verdict::ClusterDrift,
                Change::Removed => Verdict::Missing,
                Change::Added => Verdict::LiveOnly,
            },
            repository_drift: false,
            aspect: aspect_of(&manifest.id.kind, path),
            category: Category::Infrastructure,
            severity: Severity::Info,
            score: 0.0,
            score_reasons: Vec::new(),
            baseline: None,
            declared: difference.declared.clone(),
            live: difference.live.clone(),
            magnitude: difference.magnitude,
            is_amount: difference.is_amount,
            confidence: difference.confidence,
            changed_by: difference.changed_by.clone(),
            declared_by: None,
            declared_at: None,
            unsynced_since: None,
            native_default: difference.native_default.clone(),
            rule: None,
            meaning: None,
            caused_by: Vec::new(),
            fingerprint: String::new(),
        }
    }

    fn semantic_item(&self, manifest: &Manifest, declared: &Value, pair: &Pair<'_>, meaning: Meaning) -> DriftItem {
        let causes: Vec<_> =
            pair.differences.iter().filter(|difference| meaning.caused_by.contains(&difference.path)).collect();
        let sure = causes.iter().any(|cause| cause.confidence == Confidence::Confirmed);
        let only_added = causes.iter().all(|cause| cause.change == Change::Added);
        let difference = Difference {
            path: meaning.path,
            change: Change::Changed,
            declared: meaning.declared,
            live: meaning.live,
            magnitude: 1.0,
            is_amount: false,
            confidence: if sure { Confidence::Confirmed } else { Confidence::Potential },
            changed_by: causes.iter().find_map(|cause| cause.changed_by.clone()),
            native_default: None,
        };
        DriftItem {
            drift: DriftKind::Semantic,
            aspect: meaning.aspect,
            verdict: if only_added { Verdict::LiveOnly } else { Verdict::ClusterDrift },
            rule: Some(meaning.rule),
            meaning: Some(meaning.sentence),
            caused_by: meaning.caused_by,
            ..self.item(manifest, declared, &difference)
        }
    }
}

/// The labels of an object.
pub(super) fn labels(object: &Value) -> Vec<(String, String)> {
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    labels.into_iter().flatten().filter_map(text).collect()
}
