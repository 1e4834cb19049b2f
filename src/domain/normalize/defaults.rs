//! Native defaults: what the API server fills in where an object of a built-in kind says nothing.
//!
//! They come from Kubernetes' `defaults.go` files, since OpenAPI names only two dozen of them. A default of any
//! supported version counts. `tests/integration/pairs.rs` holds the table against objects of a real API server.

use serde_json::{Map, Value, json};

use Default::{Allocated, Bool, Computed, Int, Json, Text, UnsetInt};

/// What a field is where nobody sets it.
#[derive(Debug, Clone, Copy)]
pub enum Default {
    /// A text; "" is as good as absent.
    Text(&'static str),
    /// A whole number; an explicit zero is kept.
    Int(i64),
    /// A whole number; zero is as good as absent.
    UnsetInt(i64),
    /// True or false; an explicit false is kept.
    Bool(bool),
    /// A list or object, as JSON.
    Json(&'static str),
    /// Depends on the other fields.
    Computed(fn(&Site<'_>) -> Option<Value>),
    /// Whatever the API server, admission or a controller picks; zero and "" are as good as absent.
    Allocated,
}

/// The object that holds a field, as declared (`None` where that is absent too) and the kind of the whole.
#[derive(Debug, Clone, Copy)]
pub struct Site<'v> {
    /// The whole declared object.
    pub root: &'v Value,
    /// The declared object that holds the field.
    pub declared: Option<&'v Map<String, Value>>,
}

impl<'v> Site<'v> {
    /// A declared sibling of the field.
    pub fn get(&self, field: &str) -> Option<&'v Value> {
        self.declared.and_then(|declared| declared.get(field)).filter(|value| !value.is_null())
    }

    fn text(&self, field: &str) -> &'v str {
        self.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn copy(&self, field: &str) -> Option<Value> {
        self.get(field).cloned()
    }
}

/// The default of a field of a built-in type.
pub fn find(part: &str, field: &str) -> Option<Default> {
    let index = TABLE.binary_search_by(|row| (row.0, row.1).cmp(&(part, field))).ok()?;
    Some(TABLE[index].2)
}

impl Default {
    /// The default as a value; none where it is allocated or nothing is filled in.
    pub fn value(self, site: &Site<'_>) -> Option<Value> {
        match self {
            Text(text) => Some(Value::from(text)),
            Int(number) | UnsetInt(number) => Some(Value::from(number)),
            Bool(value) => Some(Value::from(value)),
            Json(text) => serde_json::from_str(text).ok(),
            Computed(compute) => compute(site),
            Allocated => None,
        }
    }

    /// Whether the API server takes this declared value for "not set".
    pub fn is_unset_by(self, declared: &Value) -> bool {
        match (self, declared) {
            (_, Value::Array(items)) => items.is_empty(),
            (Text(_) | Computed(_) | Allocated, Value::String(text)) => text.is_empty(),
            (UnsetInt(_) | Computed(_) | Allocated, Value::Number(number)) => number.as_i64() == Some(0),
            _ => false,
        }
    }
}

/// Whether a live value is a default that the field may have had when the object was created, although the fields it
/// depends on have changed since.
pub fn may_have_been(part: &str, field: &str, live: &Value) -> bool {
    part == "core/v1.Container" && field == "imagePullPolicy" && matches!(live.as_str(), Some("Always" | "IfNotPresent"))
}

/// The value that a live-only map entry gets from another field: a Pod's requests from its limits, the defaults of a
/// LimitRange from its bounds, the labels of a Job from its template.
pub fn entry<'v>(part: &str, field: &str, key: &str, site: &Site<'v>) -> Option<&'v Value> {
    let kind = site.root.get("kind").and_then(Value::as_str);
    let other = |name: &str| site.get(name).and_then(|map| map.get(key));
    match (part, field) {
        ("core/v1.ResourceRequirements", "requests") if kind == Some("Pod") => other("limits"),
        ("core/v1.LimitRangeItem", "default") => other("max"),
        ("core/v1.LimitRangeItem", "defaultRequest") => other("default").or_else(|| other("min")).or_else(|| other("max")),
        ("meta/v1.ObjectMeta", "labels")
            if matches!(kind, Some("Job" | "ReplicationController"))
                && site.get("labels").and_then(Value::as_object).is_none_or(Map::is_empty) =>
        {
            site.root.pointer("/spec/template/metadata/labels")?.get(key)
        }
        _ => None,
    }
}

fn pull_policy(site: &Site<'_>) -> Option<Value> {
    let image = if site.get("image").is_some() { site.text("image") } else { site.text("reference") };
    let last = image.rsplit('/').next().unwrap_or(image);
    let latest = !image.contains('@') && matches!(last.split_once(':'), None | Some((_, "latest")));
    Some(Value::from(if latest { "Always" } else { "IfNotPresent" }))
}

fn completions(site: &Site<'_>) -> Option<Value> {
    site.get("parallelism").is_none().then(|| json!(1))
}

fn backoff_limit(site: &Site<'_>) -> Option<Value> {
    Some(json!(if site.get("backoffLimitPerIndex").is_some() { i32::MAX } else { 6 }))
}

fn pod_replacement(site: &Site<'_>) -> Option<Value> {
    Some(json!(if site.get("podFailurePolicy").is_some() { "Failed" } else { "TerminatingOrFailed" }))
}

fn policy_types(site: &Site<'_>) -> Option<Value> {
    let egress = site.get("egress").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    Some(if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) })
}

fn subject_group(site: &Site<'_>) -> Option<Value> {
    matches!(site.text("kind"), "User" | "Group").then(|| json!("rbac.authorization.k8s.io"))
}

fn session_affinity(site: &Site<'_>) -> Option<Value> {
    (site.text("sessionAffinity") == "ClientIP").then(|| json!({"clientIP": {"timeoutSeconds": 10800}}))
}

fn controller_selector(site: &Site<'_>) -> Option<Value> {
    site.get("template")?.pointer("/metadata/labels").cloned()
}

fn pod_account(site: &Site<'_>, alias: &str) -> Option<Value> {
    let is_pod = site.root.get("kind").and_then(Value::as_str) == Some("Pod");
    site.copy(alias).or_else(|| is_pod.then(|| json!("default")))
}

fn singular(site: &Site<'_>) -> Option<Value> {
    Some(Value::from(site.text("kind").to_lowercase()))
}

fn list_kind(site: &Site<'_>) -> Option<Value> {
    Some(Value::from(format!("{}List", site.text("kind"))))
}

const SCALE_UP: &str = r#"{"policies":[{"periodSeconds":15,"type":"Pods","value":4},{"periodSeconds":15,"type":"Percent","value":100}],"selectPolicy":"Max","stabilizationWindowSeconds":0}"#;
const SCALE_DOWN: &str = r#"{"policies":[{"periodSeconds":15,"type":"Percent","value":100}],"selectPolicy":"Max"}"#;
const CPU_80: &str = r#"[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]"#;

