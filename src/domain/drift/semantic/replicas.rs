//! Replicas and autoscalers: who decides how many there are.
//!
//! Within the bounds of a HorizontalPodAutoscaler or of a KEDA ScaledObject the number is its business and no drift;
//! below its minimum it is `replicas-below-hpa-minimum`, since no autoscaler goes there by itself. KEDA goes to zero past
//! the HPA that it made, so one autoscaler that agrees is enough.

use serde_json::Value;

use crate::domain::resource::{GroupKind, ResourceId, VersionedKind};

const HPA: &str = "HorizontalPodAutoscaler";
const SCALED_OBJECT: &str = "ScaledObject";

/// The kinds that say something about the replicas of others, at the version to list.
pub fn autoscaler_kinds() -> [VersionedKind; 2] {
    [VersionedKind::new("autoscaling/v2", HPA), VersionedKind::new("keda.sh/v1alpha1", SCALED_OBJECT)]
}

/// Whether every supported API server serves this kind of autoscaler; of others, a cluster that does not serve them has
/// none.
pub fn is_always_served(kind: &VersionedKind) -> bool {
    kind.kind == HPA
}

/// What an autoscaler says about its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Autoscaler {
    /// Its kind, as it is told.
    pub kind: &'static str,
    /// The workload that it scales.
    pub target: ResourceId,
    /// Never fewer.
    pub min: i64,
    /// Never more.
    pub max: i64,
    /// Another number that it goes to: where there is nothing to do, or while it is paused.
    pub idle: Option<i64>,
}

impl Autoscaler {
    /// Reads one from a live HorizontalPodAutoscaler of any version, or from a ScaledObject; none from anything else.
    pub fn of(id: &ResourceId, object: &Value) -> Option<Self> {
        let spec = object.get("spec")?;
        let target = spec.get("scaleTargetRef")?;
        let text = |name: &str| target.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let number = |name: &str| spec.get(name).and_then(Value::as_i64);
        let of = |kind| {
            Some(ResourceId::new(
                GroupKind::of(text("apiVersion").unwrap_or("apps/v1"), kind),
                id.namespace.as_deref(),
                text("name")?,
            ))
        };
        match (id.kind.group.as_str(), id.kind.kind.as_str()) {
            ("autoscaling", HPA) => Some(Self {
                kind: HPA,
                target: of(text("kind")?)?,
                min: number("minReplicas").unwrap_or(1),
                max: number("maxReplicas")?,
                idle: None,
            }),
            ("keda.sh", SCALED_OBJECT) => {
                let paused = object
                    .pointer("/metadata/annotations")
                    .and_then(|all| all.get("autoscaling.keda.sh/paused-replicas")?.as_str()?.parse().ok());
                Some(Self {
                    kind: SCALED_OBJECT,
                    target: of(text("kind").unwrap_or("Deployment"))?,
                    min: number("minReplicaCount").unwrap_or(0),
                    max: number("maxReplicaCount").unwrap_or(100),
                    idle: paused.or_else(|| number("idleReplicaCount")),
                })
            }
            _ => None,
        }
    }
}

/// What a differing replica count means under an autoscaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnderAutoscaler {
    /// Within its bounds: no drift.
    Within,
    /// Below its minimum: switched off or scaled by hand.
    Below,
    /// Above its maximum: scaled by hand, the autoscaler will take it back.
    Above,
}

/// Holds a live replica count against an autoscaler.
pub fn judge(autoscaler: &Autoscaler, live: i64) -> UnderAutoscaler {
    if autoscaler.idle == Some(live) || (autoscaler.min..=autoscaler.max).contains(&live) {
        UnderAutoscaler::Within
    } else if live < autoscaler.min {
        UnderAutoscaler::Below
    } else {
        UnderAutoscaler::Above
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Bounds, their defaults, KEDA's idle and paused counts, and targets whose kind is left out.
    #[test]
    fn bounds_are_read() {
        use UnderAutoscaler::{Above, Below, Within};
        let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
        let hpa = |rest: Value| ("autoscaling/v2", HPA, rest, json!({}));
        let keda = |rest: Value| ("keda.sh/v1alpha1", SCALED_OBJECT, rest, json!({}));
        let paused = json!({"autoscaling.keda.sh/paused-replicas": "7"});
        for ((version, kind, rest, annotations), live, expected) in [
            (hpa(json!({"maxReplicas": 3})), 0, Some(Below)),
            (hpa(json!({"maxReplicas": 3})), 1, Some(Within)),
            (hpa(json!({"minReplicas": 0, "maxReplicas": 3})), 0, Some(Within)),
            (hpa(json!({"minReplicas": 2, "maxReplicas": 3})), 4, Some(Above)),
            (hpa(json!({"minReplicas": 2})), 4, None),
            (keda(json!({})), 0, Some(Within)),
            (keda(json!({})), 100, Some(Within)),
            (keda(json!({})), 101, Some(Above)),
            (keda(json!({"minReplicaCount": 2, "maxReplicaCount": 4})), 1, Some(Below)),
            (keda(json!({"minReplicaCount": 2, "idleReplicaCount": 0})), 0, Some(Within)),
            (keda(json!({"minReplicaCount": 2, "idleReplicaCount": 0})), 1, Some(Below)),
            (("keda.sh/v1alpha1", SCALED_OBJECT, json!({"maxReplicaCount": 4}), paused), 7, Some(Within)),
            (("company.example/v1", SCALED_OBJECT, json!({}), json!({})), 0, None),
        ] {
            let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": "n", "annotations": annotations}, "spec": rest});
            object["spec"]["scaleTargetRef"] = target.clone();
            let id = ResourceId::of(&object).expect("named");
            let judged = Autoscaler::of(&id, &object).map(|autoscaler| judge(&autoscaler, live));
            assert_eq!(judged, expected, "{object} at {live}");
        }
        let mut object = json!({"apiVersion": "keda.sh/v1alpha1", "kind": SCALED_OBJECT, "metadata": {"name": "a", "namespace": "n"}});
        object["spec"] = json!({"scaleTargetRef": {"name": "web"}});
        let id = ResourceId::of(&object).expect("named");
        let usual = Autoscaler::of(&id, &object).expect("an autoscaler").target;
        assert_eq!(usual.to_string(), "Deployment n/web");
        object["spec"]["scaleTargetRef"] =
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "web"});
        let rollout = Autoscaler::of(&id, &object).expect("an autoscaler").target;
        assert_eq!((rollout.kind.group.as_str(), rollout.kind.kind.as_str()), ("argoproj.io", "Rollout"));
    }
}
