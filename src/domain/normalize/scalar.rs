//! When two spellings of one scalar are the same value.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::domain::quantity::{Quantity, format_duration, parse_duration};
use crate::domain::schema::Shape;

/// Whether a declared and a live scalar of this type are the same value. Of `custom` kinds the types are less exact:
/// their operators may rewrite a duration that the schema only calls a text.
pub fn same(shape: &Shape, custom: bool, declared: &Value, live: &Value) -> bool {
    if declared == live {
        return true;
    }
    match (shape, declared, live) {
        (Shape::Quantity, ..) => same_quantity(declared, live),
        (_, Value::Number(declared), Value::Number(live)) => declared.as_f64() == live.as_f64(),
        (Shape::Bytes, Value::String(declared), Value::String(live)) => same_bytes(declared, live),
        (Shape::Time, Value::String(declared), Value::String(live)) => same_time(declared, live),
        (Shape::Duration, Value::String(declared), Value::String(live)) => same_duration(declared, live),
        (Shape::Text | Shape::Any, Value::String(declared), Value::String(live)) => {
            custom && parse_duration(declared).map(format_duration).as_deref() == Some(live)
        }
        (Shape::IntOrString, Value::Number(number), Value::String(text))
        | (Shape::IntOrString, Value::String(text), Value::Number(number))
        | (Shape::Text, Value::Number(number), Value::String(text)) => number.to_string() == *text,
        (Shape::Text, Value::Bool(bool), Value::String(text)) => bool.to_string() == *text,
        _ => false,
    }
}

/// The API server rounds resource lists up to thousandths.
fn same_quantity(declared: &Value, live: &Value) -> bool {
    match (Quantity::of(declared), Quantity::of(live)) {
        (Some(declared), Some(live)) => declared == live || declared.rounded_to_milli() == live,
        _ => false,
    }
}

fn same_bytes(declared: &str, live: &str) -> bool {
    let packed = |text: &str| text.chars().filter(|char| !char.is_whitespace()).collect::<String>();
    let (declared, live) = (packed(declared), packed(live));
    declared == live || matches!((STANDARD.decode(declared), STANDARD.decode(live)), (Ok(a), Ok(b)) if a == b)
}

fn same_time(declared: &str, live: &str) -> bool {
    let seconds = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    seconds(declared).is_some() && seconds(declared) == seconds(live)
}

fn same_duration(declared: &str, live: &str) -> bool {
    parse_duration(declared).is_some() && parse_duration(declared) == parse_duration(live)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Other spellings are the same value by type, and only by type.
    #[test]
    fn spellings_are_compared_by_type() {
        for (shape, custom, declared, live, expected) in [
            (Shape::Quantity, false, json!("1000m"), json!("1"), true),
            (Shape::Quantity, false, json!(0.1), json!("100m"), true),
            (Shape::Quantity, false, json!("0.1m"), json!("1m"), true),
            (Shape::Quantity, false, json!("1Gi"), json!("1G"), false),
            (Shape::Quantity, false, json!("x"), json!("y"), false),
            (Shape::Text, false, json!("1000m"), json!("1"), false),
            (Shape::Text, false, json!("60m"), json!("1h0m0s"), false),
            (Shape::Text, true, json!("60m"), json!("1h0m0s"), true),
            (Shape::Text, true, json!("60m"), json!("1h"), false),
            (Shape::Text, false, json!(true), json!("true"), true),
            (Shape::Duration, false, json!("60m"), json!("1h"), true),
            (Shape::IntOrString, false, json!(80), json!("80"), true),
            (Shape::IntOrString, false, json!("25%"), json!("26%"), false),
            (Shape::Bytes, false, json!("YWFh\nYmJi\n"), json!("YWFhYmJi"), true),
            (Shape::Bytes, false, json!("YWFh"), json!("YWFi"), false),
            (Shape::Time, false, json!("2024-01-01T01:00:00.5+01:00"), json!("2024-01-01T00:00:00Z"), true),
            (Shape::Time, false, json!("x"), json!("y"), false),
            (Shape::Integer, false, json!(2.0), json!(2), true),
            (Shape::Any, true, json!(2.0), json!(2), true),
            (Shape::Any, true, json!(2), json!("2"), false),
        ] {
            assert_eq!(same(&shape, custom, &declared, &live), expected, "{shape:?} {declared} {live}");
        }
    }
}
