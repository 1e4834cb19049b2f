//! What Git's history says about drift: which commit set what is declared, and whether the cluster has not drifted but
//! only waits for its delivery.
//!
//! Whoever walks through the history tells each [`Case`], from the newest commit to the oldest, what was declared before
//! the commit. Nothing is guessed where the history ends: an answer is right or not there. What a commit says of its time
//! is not believed where it makes no sense.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::domain::drift::compare::{Rules, compare};
use crate::domain::drift::{Commit, DriftItem, DriftKind, ManagerClass, Verdict};
use crate::domain::field_path::FieldPath;
use crate::domain::ownership::Owners;
use crate::domain::resource::{LiveObject, ResourceId};

/// How long a delivery may take, seen from now.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Now.
    pub now: Timestamp,
    /// How long after a commit its changes may be missing in the cluster.
    pub sync_grace: SignedDuration,
}

impl Patience {
    /// Whether the delivery may still be on its way from this commit. A clock that is ahead by no more than the grace is
    /// forgiven; a commit from a later time is not waited for.
    fn covers(&self, commit: &Commit) -> bool {
        commit.at.is_some_and(|at| self.now.duration_since(at).abs() < self.sync_grace)
    }

    fn is_future(&self, at: Timestamp) -> bool {
        at.duration_since(self.now) >= self.sync_grace
    }
}

/// Who may have left the live value of a field behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writer {
    /// The delivery and nobody else: if it is what Git declared before, Git has moved since.
    Delivery,
    /// Nobody is on record, as for whatever is missing: only the times tell, and the last one of the delivery if there is
    /// one.
    Nobody(Option<Timestamp>),
    /// Somebody else, who may well have put an old value back.
    Another,
}

/// What is asked about one item.
#[derive(Debug)]
struct Question {
    item: usize,
    path: FieldPath,
    writer: Writer,
    declared_by: Option<Commit>,
    unsynced_since: Option<Commit>,
    /// Whether an older commit may still tell something.
    open: bool,
}

/// One drifted resource on its way back through the history.
#[derive(Debug)]
pub struct Case<'a> {
    declared: Option<Value>,
    live: Option<LiveObject>,
    rules: Rules<'a>,
    patience: Patience,
    questions: Vec<Question>,
}

impl<'a> Case<'a> {
    /// A resource that is declared as `declared`, with its items (of which it knows the positions) and the live object, if
    /// there is one.
    pub fn new<'i>(
        declared: Value,
        live: Option<LiveObject>,
        items: impl IntoIterator<Item = (usize, &'i DriftItem)>,
        rules: Rules<'a>,
        patience: Patience,
    ) -> Self {
        let writers = Writers::of(live.as_ref(), &rules);
        let plain = items.into_iter().filter(|(_, item)| item.drift != DriftKind::Semantic);
        let questions = plain.map(|(index, item)| Question {
            item: index,
            path: item.path.clone(),
            writer: if item.verdict == Verdict::RepositoryDrift { Writer::Another } else { writers.writer(item) },
            declared_by: None,
            unsynced_since: None,
            // a path that leads nowhere would look as if nothing had ever been declared there
            open: item.declared.is_none() || value(&item.path, Some(&declared)).is_some(),
        });
        Self { questions: questions.collect(), declared: Some(declared), live, rules, patience }
    }

    /// Goes back by one commit: `before` is what was declared before it, none where the resource was not declared.
    pub fn step(&mut self, commit: &Commit, before: Option<Value>) {
        let mut differing: Option<Vec<FieldPath>> = None;
        let (live, rules) = (&self.live, &self.rules);
        let mut agrees = |path: &FieldPath| match (&before, live) {
            (None, None) => true,
            (Some(before), Some(live)) => {
                let found = differing.get_or_insert_with(|| {
                    compare(before, live, rules).differences.into_iter().map(|difference| difference.path).collect()
                });
                !found.iter().any(|other| other.starts_with(path) || path.starts_with(other))
            }
            _ => false,
        };
        for question in self.questions.iter_mut().filter(|question| question.open) {
            if value(&question.path, before.as_ref()) == value(&question.path, self.declared.as_ref()) {
                continue;
            }
            if question.declared_by.is_none() {
                question.declared_by = Some(commit.clone());
            }
            question.open = question.may_date_from_before(commit, &self.patience);
            if question.open && agrees(&question.path) {
                question.unsynced_since = Some(commit.clone());
                question.open = false;
            }
        }
        if before.is_none() {
            self.questions.iter_mut().for_each(|question| question.open = false);
        }
        self.declared = before;
    }

    /// Nothing was declared before this commit, the first of all. There is no earlier state that the cluster could be in.
    pub fn begin(&mut self, commit: &Commit) {
        for question in self.questions.iter_mut().filter(|question| question.open) {
            let is_declared = value(&question.path, self.declared.as_ref()).is_some();
            if is_declared && question.declared_by.is_none() {
                question.declared_by = Some(commit.clone());
            }
            question.open = false;
        }
    }

    /// Whether older commits may tell more.
    pub fn is_open(&self) -> bool {
        self.questions.iter().any(|question| question.open)
    }

    /// Writes the answers into the items.
    pub fn answer(self, items: &mut [DriftItem]) {
        for question in self.questions {
            let item = &mut items[question.item];
            let waits = question.unsynced_since.as_ref().is_some_and(|commit| self.patience.covers(commit));
            item.declared_by = question.declared_by;
            item.unsynced_since = question.unsynced_since;
            if waits {
                // what Git itself has wrong stays wrong once it is delivered
                item.verdict = if item.repository_drift { Verdict::RepositoryDrift } else { Verdict::Unsynced };
            }
        }
    }
}

impl Question {
    /// Whether the live value can be older than this commit, as far as its writer and the times tell.
    fn may_date_from_before(&self, commit: &Commit, patience: &Patience) -> bool {
        match self.writer {
            Writer::Delivery => commit.at.is_none_or(|at| !patience.is_future(at)),
            Writer::Nobody(None) => patience.covers(commit),
            Writer::Nobody(Some(delivered)) => commit.at.is_some_and(|at| delivered <= at && !patience.is_future(at)),
            Writer::Another => false,
        }
    }
}

/// The writers of one live object.
struct Writers {
    /// The delivery's field managers.
    delivery: Vec<String>,
    /// When it last changed the object.
    delivered: Option<Timestamp>,
}

impl Writers {
    fn of(live: Option<&LiveObject>, rules: &Rules<'_>) -> Self {
        let raw = live.and_then(|live| live.managed_fields.as_deref());
        let owners = Owners::read(raw, rules.managers, rules.delivery_manager);
        let delivery: Vec<_> =
            owners.delivery(rules.delivery_manager.is_some()).into_iter().map(|entry| entry.changed_by()).collect();
        Self {
            delivered: delivery.iter().filter_map(|by| by.at.as_ref()?.parse().ok()).max(),
            delivery: delivery.into_iter().map(|by| by.manager).collect(),
        }
    }

    fn writer(&self, item: &DriftItem) -> Writer {
        match &item.changed_by {
            None => Writer::Nobody(self.delivered),
            Some(by) if by.class == ManagerClass::Delivery => Writer::Delivery,
            Some(by) if by.class == ManagerClass::Unknown && self.delivery.contains(&by.manager) => Writer::Delivery,
            Some(_) => Writer::Another,
        }
    }
}

fn value<'v>(path: &FieldPath, declared: Option<&'v Value>) -> Option<&'v Value> {
    const PRESENT: &Value = &Value::Bool(true);
    if path.is_root() { declared.map(|_| PRESENT) } else { path.get(declared?) }
}

/// Gives semantic items the verdict of their causes: what they mean waits if every one of these does.
pub fn settle_meanings(items: &mut [DriftItem]) {
    let mut by_resource: HashMap<(&str, &ResourceId), Vec<usize>> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        by_resource.entry((&item.source, &item.resource)).or_default().push(index);
    }
    let mut settled = Vec::new();
    for (index, meaning) in items.iter().enumerate().filter(|(_, item)| item.drift == DriftKind::Semantic) {
        let others = &by_resource[&(&*meaning.source, &meaning.resource)];
        let cause = |path: &FieldPath| {
            let mut plain = others.iter().map(|other| &items[*other]);
            plain.find(|other| other.drift != DriftKind::Semantic && other.path == *path)
        };
        let causes: Option<Vec<_>> = meaning.caused_by.iter().map(cause).collect();
        let Some(causes) = causes else { continue };
        let since: Option<Vec<_>> = causes.iter().map(|cause| cause.unsynced_since.as_ref()).collect();
        let since = since.and_then(|since| since.into_iter().min_by_key(|commit| commit.at).cloned());
        let waits = causes.iter().all(|cause| cause.verdict == Verdict::Unsynced);
        settled.push((index, since, waits));
    }
    for (index, since, waits) in settled {
        if waits && since.is_some() {
            items[index].verdict = Verdict::Unsynced;
        }
        items[index].unsynced_since = since;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::drift::Change;
    use crate::domain::drift::Difference;
    use crate::domain::ownership::{ManagerClasses, ManagerRule};
    use crate::domain::remedy::tests::item;
    use crate::domain::schema::Schemas;

    const NOW: &str = "2026-01-01T12:00:00Z";

    fn patience() -> Patience {
        Patience { now: NOW.parse().expect("time"), sync_grace: SignedDuration::from_mins(15) }
    }

    fn managers() -> ManagerClasses {
        let rule = |manager: &str, class| ManagerRule { manager: manager.to_owned(), subresource: None, class };
        let (delivery, person) = (ManagerClass::Delivery, ManagerClass::Person);
        ManagerClasses { rules: vec![rule("gitops", delivery), rule("kubectl-*", person), rule("kubectl", person)] }
    }

    /// A commit of so many minutes ago; a negative number is a clock that is ahead.
    fn commit(name: &str, minutes_ago: i64) -> Commit {
        let at = patience().now.checked_sub(SignedDuration::from_mins(minutes_ago)).ok();
        Commit { commit: name.to_owned(), author: None, at, subject: None }
    }

    fn deployment(spec: &Value) -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec})
    }

    /// One entry of managedFields: `manager` wrote these fields of the spec so many minutes ago.
    fn wrote(manager: &str, fields: &[&str], minutes_ago: i64) -> Value {
        let fields: serde_json::Map<_, _> = fields.iter().map(|name| (format!("f:{name}"), json!({}))).collect();
        let time = commit("", minutes_ago).at.expect("time").to_string();
        json!({"manager": manager, "operation": "Update", "apiVersion": "apps/v1", "time": time, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": fields}})
    }

    /// Finds the drift between the newest spec and the live one, walks back, and yields for each item
    /// `path verdict, declared by, unsynced since`. Specs come newest first, each with the commit that made it.
    fn check(history: &[(Commit, Option<Value>)], live: Option<(Value, Value)>) -> Vec<String> {
        let (schemas, managers) = (Schemas::default(), managers());
        let rules = Rules { schemas: &schemas, managers: &managers, delivery_manager: None };
        let declared = deployment(history[0].1.as_ref().expect("it is declared"));
        let live = live.map(|(spec, managed)| {
            let object = deployment(&spec);
            let managed_fields = Some(serde_json::value::to_raw_value(&managed).expect("JSON"));
            LiveObject { id: ResourceId::of(&object).expect("named"), object, managed_fields }
        });
        let found = live.as_ref().map_or_else(Vec::new, |live| compare(&declared, live, &rules).differences);
        let drifted = |found: Difference| {
            let null = Value::Null;
            let path = found.path.to_string();
            let item = item(&path, found.change, found.declared.unwrap_or(null.clone()), found.live.unwrap_or(null));
            let verdict = match found.change {
                Change::Changed => Verdict::ClusterDrift,
                Change::Removed => Verdict::Missing,
                Change::Added => Verdict::LiveOnly,
            };
            DriftItem { verdict, changed_by: found.changed_by, ..item }
        };
        let mut items: Vec<_> = found.into_iter().map(drifted).collect();
        if live.is_none() {
            let whole = item("", Change::Removed, json!("present"), Value::Null);
            items.push(DriftItem { verdict: Verdict::Missing, ..whole });
        }
        let mut case = Case::new(declared, live, items.iter().enumerate(), rules, patience());
        for pair in history.windows(2) {
            case.step(&pair[0].0, pair[1].1.as_ref().map(deployment));
        }
        let (first, _) = history.last().expect("a commit");
        case.begin(first);
        assert!(!case.is_open());
        case.answer(&mut items);
        let name = |commit: Option<Commit>| commit.map_or("-".to_owned(), |commit| commit.commit);
        let told = items.into_iter().map(|item| {
            format!("{} {}, {}, {}", item.path, item.verdict, name(item.declared_by), name(item.unsynced_since))
        });
        told.collect()
    }

    fn at(name: &str, minutes_ago: i64, spec: Value) -> (Commit, Option<Value>) {
        (commit(name, minutes_ago), Some(spec))
    }

    /// Git moved from 1 to 3 so long ago; the live 1 was written by this manager so long ago.
    fn moved(minutes_ago: i64, manager: &str, written: i64) -> Vec<String> {
        let history = [at("b", minutes_ago, json!({"replicas": 3})), at("a", 1000, json!({"replicas": 1}))];
        check(&history, Some((json!({"replicas": 1}), json!([wrote(manager, &["replicas"], written)]))))
    }

    /// An old value that only the delivery wrote waits within the grace, and is a stuck delivery after it. Clocks that
    /// are a little ahead are forgiven, others are not believed.
    #[test]
    fn a_delivery_that_is_behind() {
        for (minutes_ago, expected) in [
            (0, "spec.replicas unsynced, b, b"),
            (14, "spec.replicas unsynced, b, b"),
            (15, "spec.replicas cluster_drift, b, b"),
            (900, "spec.replicas cluster_drift, b, b"),
            (-14, "spec.replicas unsynced, b, b"),
            (-15, "spec.replicas cluster_drift, b, -"),
            (-1_000_000, "spec.replicas cluster_drift, b, -"),
        ] {
            assert_eq!(moved(minutes_ago, "gitops", 900), [expected], "{minutes_ago}");
        }
    }

    /// `kubectl rollout undo` and a hand edit put an old value back: that is drift, however young the commit is. A program
    /// that nobody knows is the delivery if it alone wrote the object.
    #[test]
    fn a_hand_that_puts_an_old_value_back() {
        for (manager, expected) in [
            ("kubectl-rollout", "spec.replicas cluster_drift, b, -"),
            ("kubectl-edit", "spec.replicas cluster_drift, b, -"),
            ("ci-runner", "spec.replicas unsynced, b, b"),
        ] {
            assert_eq!(moved(5, manager, 1), [expected], "{manager}");
        }
        let history = [at("b", 5, json!({"replicas": 3})), at("a", 1000, json!({"replicas": 1}))];
        let both = json!([wrote("ci-runner", &["replicas"], 9), wrote("other-runner", &["paused"], 9)]);
        assert_eq!(check(&history, Some((json!({"replicas": 1}), both))), ["spec.replicas cluster_drift, b, -"]);
    }

    /// It is the last commit that moved away from what is live, through several commits and other spellings, which
    /// decides; a value that Git never had is drift.
    #[test]
    fn several_commits() {
        let owned = || json!([wrote("gitops", &["replicas", "minReadySeconds"], 900)]);
        let spec = |replicas: i64| json!({"replicas": replicas});
        let live = |replicas| Some((replicas, owned()));
        let quick = [at("c", 2, spec(4)), at("b", 5, spec(3)), at("a", 1000, spec(1))];
        assert_eq!(check(&quick, live(spec(1))), ["spec.replicas unsynced, c, b"]);
        assert_eq!(check(&quick, live(spec(3))), ["spec.replicas unsynced, c, c"]);
        assert_eq!(check(&quick, live(spec(7))), ["spec.replicas cluster_drift, c, -"]);
        let late = [at("c", 2, spec(4)), at("b", 50, spec(3)), at("a", 1000, spec(1))];
        assert_eq!(check(&late, live(spec(1))), ["spec.replicas cluster_drift, c, b"]);
        let untouched =
            [at("c", 2, json!({"replicas": 3, "paused": false})), at("b", 5, spec(3)), at("a", 1000, spec(1))];
        assert_eq!(check(&untouched, live(spec(1))), ["spec.replicas unsynced, b, b"]);
        let there_and_back = [at("c", 2, spec(1)), at("b", 5, spec(3)), at("a", 1000, spec(1))];
        assert_eq!(check(&there_and_back, live(spec(7))), ["spec.replicas cluster_drift, c, -"]);
        assert_eq!(check(&[at("a", 1, spec(3))], live(spec(1))), ["spec.replicas cluster_drift, a, -"]);
    }

    /// A field that Git has just added or removed waits too. Of a missing field nobody is on record: it waits unless the
    /// delivery has applied something since.
    #[test]
    fn added_and_removed_fields() {
        let (bare, more) = (json!({"replicas": 1}), json!({"replicas": 1, "minReadySeconds": 9}));
        let owned = |minutes| json!([wrote("gitops", &["replicas", "minReadySeconds"], minutes)]);
        let added = |age| [at("b", age, more.clone()), at("a", 1000, bare.clone())];
        let removed = |age| [at("b", age, bare.clone()), at("a", 1000, more.clone())];
        let path = "spec.minReadySeconds";
        for (history, live, delivered, expected) in [
            (added(5), &bare, 900, "unsynced, b, b"),
            (added(5), &bare, 1, "missing, b, -"),
            (added(50), &bare, 900, "missing, b, b"),
            (added(50), &bare, 1, "missing, b, -"),
            (removed(5), &more, 900, "unsynced, b, b"),
            (removed(50), &more, 900, "live_only, b, b"),
        ] {
            assert_eq!(check(&history, Some((live.clone(), owned(delivered)))), [format!("{path} {expected}")]);
        }
        let by_hand = json!([wrote("gitops", &["replicas"], 900), wrote("kubectl-edit", &["minReadySeconds"], 2)]);
        assert_eq!(check(&removed(5), Some((more.clone(), by_hand))), [format!("{path} live_only, b, -")]);
        assert_eq!(check(&added(5), Some((bare.clone(), json!([])))), [format!("{path} unsynced, b, b")]);
        assert_eq!(check(&added(50), Some((bare.clone(), json!([])))), [format!("{path} missing, b, -")]);
    }

    /// A manifest that Git has just added is waited for; one that was there from the first commit on is missing.
    #[test]
    fn whole_resources() {
        let spec = || json!({"replicas": 1});
        let added = |age| [at("b", age, spec()), (commit("a", 1000), None)];
        assert_eq!(check(&added(5), None), [" unsynced, b, b"]);
        assert_eq!(check(&added(50), None), [" missing, b, -"]);
        assert_eq!(check(&[at("a", 1, spec())], None), [" missing, a, -"]);
        assert_eq!(check(&[at("b", 1, spec()), at("a", 2, json!({"replicas": 2}))], None), [" missing, a, -"]);
    }

    /// A meaning waits if all of its causes do; what Git has wrong stays wrong.
    #[test]
    fn meanings_and_baselines() {
        let plain = |path: &str, verdict| {
            let item = item(path, Change::Changed, json!(3), json!(1));
            DriftItem { verdict, unsynced_since: Some(commit(path, 5)), ..item }
        };
        for (second, expected) in
            [(Verdict::Unsynced, Verdict::Unsynced), (Verdict::ClusterDrift, Verdict::ClusterDrift)]
        {
            let mut meaning = item("spec", Change::Changed, json!("a"), json!("b"));
            (meaning.drift, meaning.verdict) = (DriftKind::Semantic, Verdict::ClusterDrift);
            meaning.caused_by = ["spec.a", "spec.b"].map(|path| path.parse().expect("path")).to_vec();
            let mut items = [meaning, plain("spec.a", Verdict::Unsynced), plain("spec.b", second)];
            settle_meanings(&mut items);
            assert_eq!(items[0].verdict, expected);
            let mut without_a_cause = [items[0].clone(), items[1].clone()];
            without_a_cause[0].verdict = Verdict::ClusterDrift;
            settle_meanings(&mut without_a_cause);
            assert_eq!(without_a_cause[0].verdict, Verdict::ClusterDrift);
        }
        let (schemas, managers) = (Schemas::default(), managers());
        let rules = Rules { schemas: &schemas, managers: &managers, delivery_manager: None };
        let mut left = [DriftItem { repository_drift: true, ..plain("", Verdict::Missing) }];
        let mut case = Case::new(deployment(&json!({})), None, left.iter().enumerate(), rules, patience());
        case.step(&commit("b", 5), None);
        case.answer(&mut left);
        assert_eq!(left[0].verdict, Verdict::RepositoryDrift);
    }
}
