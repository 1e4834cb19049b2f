//! Baselines: what was approved, as partial objects in layers of which the later wins.

use serde_json::{Map, Value, json};

use crate::domain::glob;
use crate::domain::resource::{GroupKind, ResourceId};

/// Every baseline document that was loaded.
#[derive(Debug, Clone, Default)]
pub struct Baselines {
    /// The documents, in no order that matters but within a layer.
    pub documents: Vec<Baseline>,
}

/// One baseline document.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// Where it stands among the others.
    pub layer: Layer,
    /// Which objects it is for.
    pub criteria: Match,
    /// The part of the object that was approved.
    pub expect: Value,
}

/// The layers, earliest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// For everything that matches.
    Global,
    /// For sources of this environment.
    Environment(String),
    /// For sources of this service.
    Service(String),
    /// For one object of one cluster.
    Instance { cluster: String, namespace: String, name: String },
}

/// Which objects a baseline is for: every criterion given must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// Kind; the group `*` fits every group.
    pub kind: Option<GroupKind>,
    /// Namespace, `*` allowed.
    pub namespace: Option<String>,
    /// Name, `*` allowed.
    pub name: Option<String>,
    /// Labels that the declared object carries.
    pub labels: Vec<(String, String)>,
    /// Environment of the source.
    pub environment: Option<String>,
    /// Service of the source.
    pub service: Option<String>,
}

impl Baselines {
    /// The effective baseline of an object, or none where no document names it.
    pub fn effective(
        &self,
        resource: &ResourceId,
        labels: &[(String, String)],
        environment: Option<&str>,
        service: Option<&str>,
        cluster: &str,
    ) -> Option<Value> {
        let mut fitting: Vec<_> = self
            .documents
            .iter()
            .filter(|baseline| {
                baseline.layer.fits(resource, environment, service, cluster)
                    && baseline.criteria.fits(resource, labels, environment, service)
            })
            .collect();
        fitting.sort_by(|a, b| a.layer.cmp(&b.layer));
        let mut merged = fitting.into_iter().map(|baseline| baseline.expect.clone()).reduce(merge)?;
        if let Some(fields) = merged.as_object_mut().filter(|_| resource.kind.is_secret()) {
            // what is compared of a Secret is masked, and what a baseline says of its content is not
            fields.retain(|name, _| name == "metadata");
        }
        Some(identified(merged, resource))
    }
}

impl Layer {
    fn fits(&self, resource: &ResourceId, environment: Option<&str>, service: Option<&str>, cluster: &str) -> bool {
        match self {
            Self::Global => true,
            Self::Environment(name) => environment == Some(name),
            Self::Service(name) => service == Some(name),
            Self::Instance { cluster: own, namespace, name } => {
                own == cluster && resource.namespace.as_deref().unwrap_or("_") == namespace && resource.name == *name
            }
        }
    }
}

impl Match {
    fn fits(
        &self,
        resource: &ResourceId,
        labels: &[(String, String)],
        environment: Option<&str>,
        service: Option<&str>,
    ) -> bool {
        let kind_fits = |kind: &GroupKind| {
            kind.kind.eq_ignore_ascii_case(&resource.kind.kind)
                && (kind.group == "*" || kind.group == resource.kind.group)
        };
        let fits = |pattern: &Option<String>, text: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| text.is_some_and(|text| glob::fits(pattern, text)))
        };
        self.kind.as_ref().is_none_or(kind_fits)
            && fits(&self.namespace, resource.namespace.as_deref())
            && fits(&self.name, Some(&resource.name))
            && fits(&self.environment, environment)
            && fits(&self.service, service)
            && self.labels.iter().all(|label| labels.contains(label))
    }
}

/// Maps are merged, list items with the same `name` too; everything else is replaced.
fn merge(earlier: Value, later: Value) -> Value {
    match (earlier, later) {
        (Value::Object(mut earlier), Value::Object(later)) => {
            for (key, value) in later {
                let merged = match earlier.remove(&key) {
                    Some(old) => merge(old, value),
                    None => value,
                };
                earlier.insert(key, merged);
            }
            Value::Object(earlier)
        }
        (Value::Array(mut earlier), Value::Array(later)) if named(&earlier) && named(&later) => {
            for item in later {
                match earlier.iter_mut().find(|old| old["name"] == item["name"]) {
                    Some(old) => *old = merge(old.take(), item),
                    None => earlier.push(item),
                }
            }
            Value::Array(earlier)
        }
        (_, later) => later,
    }
}

fn named(items: &[Value]) -> bool {
    items.iter().all(|item| item.get("name").is_some_and(Value::is_string))
}

/// A baseline compares like the object that it is about.
fn identified(expect: Value, resource: &ResourceId) -> Value {
    let mut identity = Map::new();
    identity.insert("kind".to_owned(), json!(resource.kind.kind));
    identity.insert("metadata".to_owned(), json!({"name": resource.name, "namespace": resource.namespace}));
    merge(expect, Value::Object(identity))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(layer: Layer, criteria: Match, expect: Value) -> Baseline {
        Baseline { layer, criteria, expect }
    }

    /// Later layers win field by field, whatever the order of loading, and what does not fit is left out.
    #[test]
    fn layers_are_merged() {
        let deployments = Match { kind: Some(GroupKind::new("*", "deployment")), ..Match::default() };
        let other = Match { name: Some("db-*".to_owned()), ..Match::default() };
        let instance =
            Layer::Instance { cluster: "eu".to_owned(), namespace: "shop".to_owned(), name: "web".to_owned() };
        let baselines = Baselines {
            documents: vec![
                baseline(instance, Match::default(), json!({"spec": {"replicas": 9}})),
                baseline(
                    Layer::Environment("production".to_owned()),
                    deployments.clone(),
                    json!({"spec": {"replicas": 3, "paused": false}}),
                ),
                baseline(Layer::Global, deployments, json!({"spec": {"replicas": 1, "minReadySeconds": 5}})),
                baseline(Layer::Global, other, json!({"spec": {"replicas": 100}})),
            ],
        };
        let web = ResourceId::new(GroupKind::new("apps", "Deployment"), Some("shop"), "web");
        let of = |environment, cluster| {
            baselines.effective(&web, &[], environment, None, cluster).expect("fits")["spec"].clone()
        };
        assert_eq!(of(None, "us"), json!({"replicas": 1, "minReadySeconds": 5}));
        assert_eq!(of(Some("production"), "us"), json!({"replicas": 3, "paused": false, "minReadySeconds": 5}));
        assert_eq!(of(Some("production"), "eu"), json!({"replicas": 9, "paused": false, "minReadySeconds": 5}));
        let secret = ResourceId::new(GroupKind::new("", "Secret"), Some("shop"), "db-1");
        let approved = Baselines {
            documents: vec![baseline(
                Layer::Global,
                Match { name: Some("db-*".to_owned()), ..Match::default() },
                json!({"data": {"password": "aHVudGVyMg=="}, "metadata": {"labels": {"a": "b"}}}),
            )],
        };
        let approved = approved.effective(&secret, &[], None, None, "us").expect("fits");
        assert_eq!((approved.get("data"), &approved["metadata"]["labels"]), (None, &json!({"a": "b"})));
        let service = ResourceId::new(GroupKind::new("", "Service"), Some("shop"), "api");
        assert_eq!(baselines.effective(&service, &[], None, None, "us"), None);
    }
}
