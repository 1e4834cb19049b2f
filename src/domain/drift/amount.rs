//! How far two values are apart. Only amounts have a distance; a port or a user id that differs names something else.

use serde_json::Value;

use crate::domain::quantity::{Quantity, parse_duration};
use crate::domain::schema::Shape;

/// The relative distance `|a−b| / max(|a|,|b|)` of two amounts, 0..=1; none where the field holds no amount.
pub fn distance(shape: &Shape, field: &str, declared: &Value, live: &Value) -> Option<f64> {
    let (a, b) = match shape {
        Shape::Quantity => (Quantity::of(declared)?.as_f64(), Quantity::of(live)?.as_f64()),
        Shape::Duration => {
            let nanos = |value: &Value| value.as_str().and_then(parse_duration);
            (to_f64(nanos(declared)?), to_f64(nanos(live)?))
        }
        Shape::IntOrString => (percent(declared)?, percent(live)?),
        Shape::Integer | Shape::Number | Shape::Any if is_amount(field) => (declared.as_f64()?, live.as_f64()?),
        _ => return None,
    };
    let largest = a.abs().max(b.abs());
    Some(if largest > 0.0 { ((a - b).abs() / largest).min(1.0) } else { 0.0 })
}

#[expect(clippy::cast_precision_loss, reason = "a ratio needs no exact numbers")]
fn to_f64(number: i128) -> f64 {
    number as f64
}

fn percent(value: &Value) -> Option<f64> {
    value.as_str()?.strip_suffix('%')?.parse().ok()
}

/// Integers that count or measure, by what Kubernetes calls them; all others name something.
fn is_amount(field: &str) -> bool {
    let lower = field.to_lowercase();
    ["replicas", "seconds", "percentage", "utilization", "limit"].iter().any(|ending| lower.ends_with(ending))
        || matches!(field, "parallelism" | "completions" | "minAvailable" | "maxUnavailable" | "maxSurge")
}
