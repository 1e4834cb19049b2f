//! Who owns which field: `metadata.managedFields`, and which manager is what.
//!
//! Entries are read lazily: first only their heads (manager, operation, time), the fields of an entry when somebody
//! asks for a path. A manager's name is chosen by its tool, so it tells a tool and never a person.

use std::cell::OnceCell;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::drift::{ChangedBy, ManagerClass};
use crate::domain::field_path::{Key, Step};
use crate::domain::glob;

/// Which field manager is a person's tool, a delivery or a controller. First match wins.
#[derive(Debug, Clone, Default)]
pub struct ManagerClasses {
    /// Glob over the manager's name (`*` only), optional subresource, class.
    pub rules: Vec<ManagerRule>,
}

/// One line of the table of managers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagerRule {
    /// The manager's name; `*` stands for any text.
    pub manager: String,
    /// Only entries of this subresource; none for all.
    pub subresource: Option<String>,
    /// What such a manager is.
    pub class: ManagerClass,
}

impl ManagerClasses {
    /// What a manager is, seen from a source that is delivered by `delivery` (none if nobody said).
    ///
    /// Once the delivery is known, the usual names of other deliveries mean something else: a `kubectl apply` beside
    /// Argo CD was a person's tool.
    pub fn classify(
        &self,
        manager: &str,
        subresource: Option<&str>,
        operation: &str,
        delivery: Option<&str>,
    ) -> ManagerClass {
        if subresource.is_none() && delivery == Some(manager) {
            return ManagerClass::Delivery;
        }
        if subresource == Some("status") {
            return ManagerClass::Controller;
        }
        let by_table = self
            .rules
            .iter()
            .find(|rule| {
                rule.subresource.as_deref().is_none_or(|wanted| subresource == Some(wanted))
                    && glob::fits(&rule.manager, manager)
            })
            .map_or(ManagerClass::Unknown, |rule| rule.class);
        // `kubectl apply --server-side` has the plain name too, but there it is the one that delivers
        let by_table = match (manager, operation, subresource) {
            ("kubectl", "Apply", None) => ManagerClass::Delivery,
            _ => by_table,
        };
        match (by_table, delivery) {
            (ManagerClass::Delivery, Some(_)) if manager.starts_with("kubectl") => ManagerClass::Person,
            (ManagerClass::Delivery, Some(_)) => ManagerClass::Unknown,
            (class, _) => class,
        }
    }
}

/// The owners of one live object's fields.
#[derive(Debug, Default)]
pub struct Owners<'a> {
    entries: Vec<Entry<'a>>,
}

/// What one manager owns by one operation.
#[derive(Debug)]
pub struct Entry<'a> {
    head: Head<'a>,
    class: ManagerClass,
    /// Whether the name is a delivery's, be it this source's or the one that it had before.
    delivers: bool,
    fields: OnceCell<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(default)]
    manager: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    subresource: Option<String>,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    api_version: String,
    #[serde(borrow, default, rename = "fieldsV1")]
    fields: Option<&'a RawValue>,
}

impl<'a> Owners<'a> {
    /// Reads `managedFields`; nobody owns anything where there are none or they cannot be read.
    pub fn read(raw: Option<&'a RawValue>, classes: &ManagerClasses, delivery: Option<&str>) -> Self {
        let heads: Vec<Head<'a>> = raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        let entries = heads.into_iter().filter(|head| head.fields.is_some()).map(|head| {
            let classify = |delivery| {
                let subresource = head.subresource.as_deref().filter(|name| !name.is_empty());
                classes.classify(&head.manager, subresource, &head.operation, delivery)
            };
            let class = classify(delivery);
            let delivers = [class, classify(None)].contains(&ManagerClass::Delivery);
            Entry { head, class, delivers, fields: OnceCell::new() }
        });
        Self { entries: entries.collect() }
    }

    /// Whether nothing is recorded, so that ownership says nothing.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries that own `path` or something below it.
    ///
    /// `unit` is how many steps lead to the outermost part that is owned as one unit (an atomic list or map), if the
    /// path leads into one: what is below it belongs to whoever owns the unit.
    pub fn of(&self, path: &[Step], unit: Option<usize>) -> Vec<&Entry<'a>> {
        let path = unit.map_or(path, |unit| &path[..unit.min(path.len())]);
        self.entries.iter().filter(|entry| entry.owns(path)).collect()
    }

    /// The versions at which anybody but a controller recorded fields.
    pub fn versions(&self) -> impl Iterator<Item = &str> {
        let entries = self.entries.iter().filter(|entry| entry.class != ManagerClass::Controller);
        entries.map(|entry| &*entry.head.api_version)
    }

    /// Whether controllers of the cluster alone wrote the object, its main part included.
    pub fn is_made_by_controllers(&self) -> bool {
        self.main().next().is_some() && self.entries.iter().all(|entry| entry.class == ManagerClass::Controller)
    }

    /// Who made the object, as well as can be told: a person's tool before any other and a controller last, the
    /// earliest of several. A write moves an entry's time, so it was made at or before that.
    pub fn creator(&self) -> Option<ChangedBy> {
        let rank = |entry: &&Entry<'_>| {
            let class = match entry.class {
                ManagerClass::Person => 0,
                ManagerClass::Delivery | ManagerClass::Unknown => 1,
                ManagerClass::Controller => 2,
            };
            (class, entry.head.time.clone().unwrap_or_else(|| "~".to_owned()))
        };
        self.main().min_by_key(rank).map(Entry::changed_by)
    }

    /// The entries of the main resource: nobody makes an object by writing its status or its scale.
    fn main(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(|entry| entry.head.subresource.as_deref().is_none_or(str::is_empty))
    }

    /// The entries of whoever delivers the object. Where nobody said who that is, and none of the known deliveries wrote it,
    /// it is the one program that wrote it, if it is one alone and no person's tool.
    pub fn delivery(&self, is_known: bool) -> Vec<&Entry<'a>> {
        let of_class = |class| self.entries.iter().filter(move |entry| entry.class == class);
        let delivery: Vec<_> = of_class(ManagerClass::Delivery).collect();
        if is_known || !delivery.is_empty() || of_class(ManagerClass::Person).next().is_some() {
            return delivery;
        }
        let others: Vec<_> = of_class(ManagerClass::Unknown).collect();
        let is_one = others.iter().all(|entry| entry.manager() == others[0].manager() && !entry.is_untracked());
        if is_one { others } else { Vec::new() }
    }

    /// Who wrote the live value at `path`: the most recent owner that is not the delivery, else the delivery.
    pub fn changed_by(&self, path: &[Step], unit: Option<usize>) -> Option<ChangedBy> {
        latest(&self.of(path, unit))
    }
}

/// Of several owners the one to name: others before the delivery, then the most recent.
pub fn latest(owners: &[&Entry<'_>]) -> Option<ChangedBy> {
    let rank = |entry: &Entry<'_>| {
        // an entry without a time (`kubectl scale`) took the field away from all others, so what else owns it only agreed
        let time = entry.head.time.clone().unwrap_or_else(|| "~".to_owned());
        (entry.class != ManagerClass::Delivery, !entry.is_untracked(), time)
    };
    owners.iter().max_by_key(|entry| rank(entry)).map(|entry| entry.changed_by())
}

/// The names under which the server sums up several writers: those before the first server-side apply, and the oldest
/// where there were too many.
const SUMS: [&str; 2] = ["before-first-apply", "ancient-changes"];

impl Entry<'_> {
    /// What kind of writer it is.
    pub fn class(&self) -> ManagerClass {
        self.class
    }

    /// The manager's name.
    pub fn manager(&self) -> &str {
        &self.head.manager
    }

    /// Whether it was written by server-side apply, and so owns only what was sent.
    pub fn is_apply(&self) -> bool {
        self.head.operation == "Apply"
    }

    /// Whether it sums up writers that are told apart no more, the delivery among them.
    pub fn is_untracked(&self) -> bool {
        SUMS.contains(&&*self.head.manager)
    }

    /// Whether owning a field proves that its writer chose the value, and did not only own what the API server filled
    /// in: deliveries that create or update own every default, and a sum may hold one of them.
    pub fn chose(&self) -> bool {
        self.class != ManagerClass::Controller && !self.is_untracked() && (self.is_apply() || !self.delivers)
    }

    /// The entry as an author.
    pub fn changed_by(&self) -> ChangedBy {
        ChangedBy {
            manager: self.head.manager.clone(),
            class: self.class,
            operation: self.head.operation.clone(),
            subresource: self.head.subresource.clone().filter(|name| !name.is_empty()),
            at: self.head.time.clone(),
        }
    }

    /// Whether it owns `path` or something below it.
    pub fn owns(&self, path: &[Step]) -> bool {
        let fields = self.fields.get_or_init(|| {
            let raw = self.head.fields.map_or("null", RawValue::get);
            serde_json::from_str(raw).unwrap_or(Value::Null)
        });
        path.iter().try_fold(fields, child).is_some()
    }
}

/// The part of a field set below one step. A leaf owns nothing below itself; see [`Owners::of`] for units.
fn child<'v>(set: &'v Value, step: &Step) -> Option<&'v Value> {
    let object = set.as_object()?;
    match step {
        Step::Field(name) => object.get(&format!("f:{name}")),
        Step::Index(index) => object.get(&format!("i:{index}")),
        Step::Member(member) => {
            object.iter().find(|(name, _)| written(name, "v:") == Some(member.to_value())).map(second)
        }
        Step::Item(keys) => {
            if let Some(set) = object.get(&item_name(keys)) {
                return Some(set);
            }
            let items = || object.iter().filter_map(|(name, set)| Some((written(name, "k:")?, set)));
            let exact = items().find(|(item, _)| has_keys(item, keys) == Some(keys.len()));
            // an item that leaves a key out is recorded without it
            exact
                .or_else(|| items().find(|(item, _)| has_keys(item, keys).is_some_and(|count| count > 0)))
                .map(|found| found.1)
        }
        Step::Inside => None,
    }
}

/// The name of an item as the API server writes it.
fn item_name(keys: &[(String, Key)]) -> String {
    let mut parts: Vec<_> =
        keys.iter().map(|(name, key)| format!("{}:{}", Value::from(&**name), key.to_value())).collect();
    parts.sort_unstable();
    format!("k:{{{}}}", parts.join(","))
}

fn second<'v>(pair: (&String, &'v Value)) -> &'v Value {
    pair.1
}

fn written(name: &str, prefix: &str) -> Option<Value> {
    serde_json::from_str(name.strip_prefix(prefix)?).ok()
}

/// How many keys an item was recorded with, if all of them are among these.
fn has_keys(item: &Value, keys: &[(String, Key)]) -> Option<usize> {
    let item = item.as_object()?;
    let is_key =
        |(name, value): (&String, &Value)| keys.iter().any(|(key, wanted)| key == name && wanted.to_value() == *value);
    item.iter().all(is_key).then_some(item.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::field_path::FieldPath;

    fn classes() -> ManagerClasses {
        let rule = |manager: &str, subresource: Option<&str>, class| ManagerRule {
            manager: manager.to_owned(),
            subresource: subresource.map(str::to_owned),
            class,
        };
        ManagerClasses {
            rules: vec![
                rule("kubectl", Some("scale"), ManagerClass::Person),
                rule("kubectl-client-side-apply", None, ManagerClass::Delivery),
                rule("argocd-controller", None, ManagerClass::Delivery),
                rule("kubectl-*", None, ManagerClass::Person),
                rule("kubectl", None, ManagerClass::Person),
                rule("*-controller-manager", None, ManagerClass::Controller),
            ],
        }
    }

    /// Names, subresources, operations and the source's own delivery decide together.
    #[test]
    fn managers_are_classified() {
        use ManagerClass::{Controller, Delivery, Person, Unknown};
        for (manager, subresource, operation, delivery, expected) in [
            ("kubectl-edit", None, "Update", None, Person),
            ("kubectl", Some("scale"), "Update", None, Person),
            ("kubectl", None, "Apply", None, Delivery),
            ("kubectl", None, "Update", None, Person),
            ("kubectl-client-side-apply", None, "Update", None, Delivery),
            ("kubectl-client-side-apply", None, "Update", Some("argocd-controller"), Person),
            ("kubectl", None, "Apply", Some("argocd-controller"), Person),
            ("argocd-controller", None, "Update", Some("gitops"), Unknown),
            ("gitops", None, "Apply", Some("gitops"), Delivery),
            ("gitops", Some("status"), "Update", Some("gitops"), Controller),
            ("kube-controller-manager", Some("scale"), "Update", None, Controller),
            ("mystery", Some("status"), "Update", None, Controller),
            ("mystery", None, "Update", None, Unknown),
        ] {
            let class = classes().classify(manager, subresource, operation, delivery);
            assert_eq!(class, expected, "{manager} {subresource:?} {operation} {delivery:?}");
        }
    }

    fn raw(entries: &Value) -> Box<RawValue> {
        serde_json::value::to_raw_value(entries).expect("it is JSON")
    }

    /// Leaves, items by keys, set members and units are found; a leaf owns nothing below itself.
    #[test]
    fn paths_are_looked_up() {
        let entries =
            raw(&json!([{"manager": "m", "operation": "Update", "time": "2024-01-01T00:00:00Z", "fieldsV1": {
            "f:metadata": {"f:labels": {".": {}, "f:a.b/c": {}}, "f:finalizers": {".": {}, "v:\"x/y\"": {}}},
            "f:spec": {"f:resources": {}, "f:selector": {},
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}}}}}]));
        let owners = Owners::read(Some(&entries), &classes(), None);
        for (path, unit, owned) in [
            (r#"metadata.labels["a.b/c"]"#, None, true),
            ("metadata.labels.b", None, false),
            (r#"metadata.finalizers[="x/y"]"#, None, true),
            ("spec.ports[containerPort=80,protocol=TCP]", None, true),
            ("spec.ports[containerPort=80,protocol=TCP].name", None, true),
            ("spec.ports[containerPort=80,protocol=UDP]", None, false),
            ("spec.ports[containerPort=80,protocol=TCP].hostPort", None, false),
            ("spec.resources.limits", None, false),
            ("spec.selector.app", Some(2), true),
            ("spec.selector.app", None, false),
        ] {
            let path: FieldPath = path.parse().expect("it is a path");
            assert_eq!(!owners.of(path.steps(), unit).is_empty(), owned, "{path}");
        }
    }

    /// Items are told apart by texts, numbers and booleans; one that leaves a key out is the one that is recorded
    /// without it, and an item without any key is nobody's.
    #[test]
    fn items_are_looked_up_by_their_keys() {
        let of = |items: Value| {
            raw(&json!([{"manager": "m", "operation": "Apply", "fieldsV1": {"f:spec": {"f:ports": items}}}]))
        };
        for (items, path, owned) in [
            (json!({r#"k:{"port":80,"ready":true}"#: {}}), "spec.ports[port=80,ready=true]", true),
            (json!({r#"k:{"port":80,"ready":true}"#: {}}), "spec.ports[port=80,ready=false]", false),
            (json!({r#"k:{"port":"80"}"#: {}}), "spec.ports[port=80]", false),
            (json!({r#"k:{"port":80}"#: {}}), "spec.ports[port=80,protocol=TCP]", true),
            (
                json!({r#"k:{"port":80}"#: {}, r#"k:{"port":80,"protocol":"UDP"}"#: {"f:name": {}}}),
                "spec.ports[port=80,protocol=UDP].name",
                true,
            ),
            (
                json!({r#"k:{"port":80}"#: {"f:name": {}}, r#"k:{"port":80,"protocol":"UDP"}"#: {}}),
                "spec.ports[port=80,protocol=UDP].name",
                false,
            ),
            (json!({"k:{}": {}}), "spec.ports[port=80]", false),
            (json!({"k:": {}, "k:[]": {}, "k:{": {}}), "spec.ports[port=80]", false),
            (json!({"i:0": {}}), "spec.ports[0]", true),
            (json!({"v:80": {}}), "spec.ports[=80]", true),
        ] {
            let entries = of(items.clone());
            let owners = Owners::read(Some(&entries), &classes(), None);
            let path: FieldPath = path.parse().expect("it is a path");
            assert_eq!(!owners.of(path.steps(), None).is_empty(), owned, "{path} in {items}");
        }
    }

    /// Only some owners chose their value: a delivery that creates owns every default, a sum of writers may hold one.
    #[test]
    fn some_owners_chose() {
        for (manager, operation, delivery, expected) in [
            ("kubectl-edit", "Update", None, true),
            ("mystery", "Update", None, true),
            ("kubectl-client-side-apply", "Update", None, false),
            ("kubectl-client-side-apply", "Update", Some("argocd-controller"), false),
            ("argocd-controller", "Update", Some("argocd-controller"), false),
            ("argocd-controller", "Apply", Some("argocd-controller"), true),
            ("gitops", "Update", Some("gitops"), false),
            ("kube-controller-manager", "Update", None, false),
            ("before-first-apply", "Update", None, false),
            ("ancient-changes", "Update", None, false),
        ] {
            let entries = raw(&json!([{"manager": manager, "operation": operation, "fieldsV1": {"f:a": {}}}]));
            let owners = Owners::read(Some(&entries), &classes(), delivery);
            let path = FieldPath::fields(["a"]);
            assert_eq!(owners.of(path.steps(), None)[0].chose(), expected, "{manager} {operation} {delivery:?}");
        }
    }

    /// A hand change is named before the delivery, and what cannot be read owns nothing.
    #[test]
    fn the_author_is_named() {
        let set = json!({"f:spec": {"f:replicas": {}}});
        let entries = raw(&json!([
            {"manager": "argocd-controller", "operation": "Update", "time": "2024-03-01T00:00:00Z", "fieldsV1": set},
            {"manager": "kubectl-edit", "operation": "Update", "time": "2024-02-01T00:00:00Z", "fieldsV1": set},
            {"manager": "kubectl-patch", "operation": "Update", "time": "2024-01-01T00:00:00Z", "fieldsV1": set}]));
        let owners = Owners::read(Some(&entries), &classes(), None);
        let path = FieldPath::fields(["spec", "replicas"]);
        let author = owners.changed_by(path.steps(), None).expect("somebody owns it");
        assert_eq!((author.manager.as_str(), author.class), ("kubectl-edit", ManagerClass::Person));
        for bad in [json!([{}]), json!({}), json!("x"), json!([{"manager": 3}]), json!([null])] {
            assert!(Owners::read(Some(&raw(&bad)), &classes(), None).is_empty(), "{bad}");
        }
    }
}
