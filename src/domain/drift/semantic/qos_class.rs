//! `qos-class-changed`: the pods have another quality-of-service class than Git gives them.
//!
//! The class decides who is evicted first when a node runs out of memory.
//! Rules: <https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/>.

use serde_json::Value;

use super::pod::{containers, pod_spec_path};
use super::{Meaning, Pair};
use crate::domain::drift::Aspect;
use crate::domain::field_path::FieldPath;
use crate::domain::quantity::Quantity;

pub(super) fn check(pair: &Pair<'_>) -> Vec<Meaning> {
    let Some(path) = pod_spec_path(&pair.resource.kind) else { return Vec::new() };
    let (Some(declared), Some(live)) = (path.get(pair.declared), path.get(pair.live)) else { return Vec::new() };
    let (before, after) = (class(declared, &path), class(live, &path));
    if before == after {
        return Vec::new();
    }
    let is_cause = |cause: &&FieldPath| cause.to_string().contains(".resources") || is_container(cause);
    let causes = pair.differences.iter().map(|difference| &difference.path).filter(is_cause).cloned().collect();
    vec![Meaning {
        rule: "qos-class-changed",
        path,
        aspect: Aspect::ResourceLimits,
        declared: Some(Value::from(before)),
        live: Some(Value::from(after)),
        sentence: format!("pods are {after} instead of {before}"),
        caused_by: causes,
    }]
}

fn is_container(path: &FieldPath) -> bool {
    path.parent().is_some_and(|list| list.to_string().ends_with("ontainers"))
}

/// Requests default to limits, as the API server fills them in.
fn class(pod_spec: &Value, path: &FieldPath) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    for container in containers(pod_spec, path) {
        for resource in ["cpu", "memory"] {
            let amount = |list: &str| {
                let value = container.spec.get("resources")?.get(list)?.get(resource)?;
                Quantity::of(value).filter(|quantity| quantity.nanos() != 0)
            };
            let limit = amount("limits");
            let request = amount("requests").or(limit);
            any |= limit.is_some() || request.is_some();
            guaranteed &= limit.is_some() && limit == request;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::drift::semantic::tests::check;

    /// A limit that leaves its request behind makes a guaranteed pod burstable; units do not matter.
    #[test]
    fn classes_are_compared() {
        let spec = |limit: &str| {
            json!({"containers": [{"name": "web", "resources": {
                "requests": {"cpu": "1000m", "memory": "1Gi"}, "limits": {"cpu": 1, "memory": limit}}}]})
        };
        let paths = ["containers[name=web].resources.limits.memory"];
        assert_eq!(
            check(&spec("1024Mi"), &spec("2Gi"), &paths),
            ["qos-class-changed: pods are Burstable instead of Guaranteed"]
        );
        assert!(check(&spec("1024Mi"), &spec("1Gi"), &paths).is_empty());
        assert!(check(&spec("3Gi"), &spec("2Gi"), &paths).is_empty());
    }
}
