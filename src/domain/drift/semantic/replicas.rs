//! Replicas and the HorizontalPodAutoscaler: who decides how many there are.
//!
//! Within an HPA's bounds the number is the HPA's business and no drift; below its minimum it is
//! `replicas-below-hpa-minimum`, since the HPA never goes there by itself.

use serde_json::Value;

use crate::domain::resource::{GroupKind, ResourceId};

/// What an HPA says about its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Autoscaler {
    /// The workload that it scales.
    pub target: ResourceId,
    /// Never fewer; 1 where it says nothing.
    pub min: i64,
    /// Never more.
    pub max: i64,
}

impl Autoscaler {
    /// Reads one from a live HorizontalPodAutoscaler of any version.
    pub fn of(hpa: &Value) -> Option<Self> {
        let spec = hpa.get("spec")?;
        let target = spec.get("scaleTargetRef")?;
        let text = |name: &str| target.get(name).and_then(Value::as_str);
        let kind = GroupKind::of(text("apiVersion").unwrap_or("apps/v1"), text("kind")?);
        let namespace = hpa.pointer("/metadata/namespace").and_then(Value::as_str);
        let number = |name: &str| spec.get(name).and_then(Value::as_i64);
        Some(Self {
            target: ResourceId::new(kind, namespace, text("name")?),
            min: number("minReplicas").unwrap_or(1),
            max: number("maxReplicas")?,
        })
    }
}

/// What a differing replica count means under an HPA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnderAutoscaler {
    /// Within its bounds: no drift.
    Within,
    /// Below its minimum: switched off or scaled by hand.
    Below,
    /// Above its maximum: scaled by hand, the HPA will take it back.
    Above,
}

/// Holds a live replica count against an HPA.
pub fn judge(autoscaler: &Autoscaler, live: i64) -> UnderAutoscaler {
    if live < autoscaler.min {
        UnderAutoscaler::Below
    } else if live > autoscaler.max {
        UnderAutoscaler::Above
    } else {
        UnderAutoscaler::Within
    }
}
