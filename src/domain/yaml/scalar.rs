//! What one scalar means: YAML 1.1 as go-yaml v2 resolves it, which is what kubectl and Argo CD read.
//! The rules follow go-yaml's `resolve.go` and what sigs.k8s.io/yaml and the JSON decoder behind it make of the result.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Number, Value};

/// A tag that changes what a scalar means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    Str,
    Int,
    Float,
    Bool,
    Null,
    Timestamp,
    Binary,
    /// On the key `<<` what it is without a tag; elsewhere text.
    Merge,
    /// `!include FILE`, which values files may hold; elsewhere as any other.
    Include,
    /// An application's own tag: the text stays text.
    Other,
}

impl Tag {
    /// The tag by its full name.
    pub(super) fn named(name: &str) -> Self {
        if name == "!include" {
            return Self::Include;
        }
        match name.strip_prefix("tag:yaml.org,2002:") {
            Some("str") => Self::Str,
            Some("int") => Self::Int,
            Some("float") => Self::Float,
            Some("bool") => Self::Bool,
            Some("null") => Self::Null,
            Some("timestamp") => Self::Timestamp,
            Some("binary") => Self::Binary,
            Some("merge") => Self::Merge,
            _ => Self::Other,
        }
    }
}

/// A scalar with the type go-yaml gives it.
#[derive(Debug, Clone, PartialEq)]
enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    /// A whole number that only fits without a sign.
    Big(u64),
    Float(f64),
    Text(String),
}

/// The JSON value of a scalar.
pub(super) fn value(text: &str, plain: bool, tag: Option<Tag>) -> Result<Value, &'static str> {
    Ok(match resolve(text, plain, tag)? {
        Resolved::Null => Value::Null,
        Resolved::Bool(bool) => Value::Bool(bool),
        Resolved::Int(int) => Value::from(int),
        // the JSON decoder behind kubectl has no unsigned numbers and reads it as a fraction
        Resolved::Big(big) => number(big as f64).ok_or(NOT_FINITE)?,
        Resolved::Float(float) => number(float).ok_or(NOT_FINITE)?,
        Resolved::Text(text) => Value::String(text),
    })
}

/// The value of a scalar of a values file, as PyYAML reads it where kubectl does otherwise: a fraction stays one even
/// where it is whole (`1.0`), `y` and `n` are text.
pub(super) fn value_as_written(text: &str, plain: bool, tag: Option<Tag>) -> Result<Value, &'static str> {
    if plain && is_letter_of_bool(text) {
        return Ok(Value::from(text));
    }
    match resolve(text, plain, tag)? {
        Resolved::Float(float) => Number::from_f64(float).map(Value::Number).ok_or(NOT_FINITE),
        Resolved::Big(big) => Ok(Value::from(big)),
        _ => value(text, plain, tag),
    }
}

/// `y` and `n`, which are bools to kubectl alone.
pub(super) fn is_letter_of_bool(text: &str) -> bool {
    matches!(text, "y" | "Y" | "n" | "N")
}

/// The text of a scalar that is a key.
pub(super) fn key(text: &str, plain: bool, tag: Option<Tag>) -> Result<String, &'static str> {
    Ok(match resolve(text, plain, tag)? {
        Resolved::Null => return Err("a key is empty, quote it or give it a name"),
        Resolved::Big(_) => return Err("a key is a number too large for kubectl, quote it"),
        Resolved::Bool(bool) => bool.to_string(),
        Resolved::Int(int) => int.to_string(),
        Resolved::Float(float) => float_key(float),
        Resolved::Text(text) => text,
    })
}

/// Whether a plain scalar of this text is read as text.
pub(super) fn is_text(text: &str) -> bool {
    matches!(implicit(text), Resolved::Text(_))
}

/// A finite number as JSON holds it after kubectl: whole numbers lose their fraction; none for infinity and NaN.
pub(super) fn number(float: f64) -> Option<Value> {
    if !float.is_finite() {
        return None;
    }
    // Go writes floats below 1e21 without an exponent, and what looks whole is then read as a whole number
    if float.fract() == 0.0 && float.abs() < 1e21 {
        let digits = float.to_string();
        if let Ok(int) = digits.parse::<i64>() {
            return Some(Value::from(int));
        }
        if let Ok(big) = digits.parse::<u64>() {
            return Some(Value::from(big));
        }
    }
    Number::from_f64(float).map(Value::Number)
}

const NOT_FINITE: &str = "infinity and NaN have no place in a manifest";
const MISMATCH: &str = "the value does not fit its tag";

fn resolve(text: &str, plain: bool, tag: Option<Tag>) -> Result<Resolved, &'static str> {
    let resolved = match tag {
        None if plain => return Ok(implicit(text)),
        None | Some(Tag::Str | Tag::Merge | Tag::Include | Tag::Other) => return Ok(Resolved::Text(text.to_owned())),
        Some(Tag::Binary) => return binary(text).map(Resolved::Text),
        Some(Tag::Timestamp) => return Ok(Resolved::Text(text.to_owned())),
        Some(_) => implicit(text),
    };
    match (tag, resolved) {
        (Some(Tag::Float), Resolved::Int(int)) => Ok(Resolved::Float(int as f64)),
        (Some(Tag::Int), resolved @ (Resolved::Int(_) | Resolved::Big(_)))
        | (Some(Tag::Float), resolved @ Resolved::Float(_))
        | (Some(Tag::Bool), resolved @ Resolved::Bool(_))
        | (Some(Tag::Null), resolved @ Resolved::Null) => Ok(resolved),
        _ => Err(MISMATCH),
    }
}

fn implicit(text: &str) -> Resolved {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes()[0] {
        b'.' => float(text),
        b'0'..=b'9' | b'+' | b'-' => {
            let packed = text.replace('_', "");
            whole(&packed).or_else(|| float(&packed))
        }
        _ => None,
    };
    number.unwrap_or_else(|| Resolved::Text(text.to_owned()))
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`.
fn whole(text: &str) -> Option<Resolved> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (Some(1), &text[1..]),
        b'-' => (Some(-1), &text[1..]),
        _ => (None, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // Rust would take a second sign
    if !digits.bytes().next()?.is_ascii_alphanumeric() {
        return None;
    }
    let size = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let signed = size * i128::from(sign.unwrap_or(1));
    match (i64::try_from(signed), u64::try_from(signed)) {
        (Ok(int), _) => Some(Resolved::Int(int)),
        (_, Ok(big)) if sign.is_none() => Some(Resolved::Big(big)),
        _ => None,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, if it is not too large.
fn float(text: &str) -> Option<Resolved> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let shaped = unsigned.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'))
        && unsigned.starts_with(|char: char| char.is_ascii_digit() || char == '.');
    if !shaped {
        return None;
    }
    text.parse::<f64>().ok().filter(|float| float.is_finite()).map(Resolved::Float)
}

fn binary(text: &str) -> Result<String, &'static str> {
    let strict = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
            .with_decode_allow_trailing_bits(true),
    );
    let packed: String = text.chars().filter(|char| !matches!(char, '\r' | '\n')).collect();
    let bytes = strict.decode(packed).map_err(|_| "the !!binary value is no base64")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Go's `strconv.FormatFloat(float, 'g', -1, 32)`, by which sigs.k8s.io/yaml makes a key of a number.
fn float_key(float: f64) -> String {
    let float = float as f32;
    if float.is_nan() {
        return ".nan".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return float.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Every kind of plain scalar means what kubectl makes of it.
    #[test]
    fn plain_scalars_mean_what_kubectl_reads() {
        for (text, expected) in [
            ("yes", json!(true)),
            ("No", json!(false)),
            ("on", json!(true)),
            ("OFF", json!(false)),
            ("y", json!(true)),
            ("N", json!(false)),
            ("TRUE", json!(true)),
            ("tRue", json!("tRue")),
            ("0644", json!(420)),
            ("0o644", json!(420)),
            ("0x1F", json!(31)),
            ("-0x1f", json!(-31)),
            ("0b101", json!(5)),
            ("-0b11", json!(-3)),
            ("1_000", json!(1000)),
            ("1__0", json!(10)),
            ("_1", json!("_1")),
            ("+1", json!(1)),
            ("+-1", json!("+-1")),
            ("-", json!("-")),
            ("+", json!("+")),
            ("-0", json!(0)),
            ("-0.0", json!(0)),
            ("09", json!(9)),
            ("08.5", json!(8.5)),
            ("1e3", json!(1000)),
            ("1.0", json!(1)),
            ("1.10", json!(1.1)),
            ("5.", json!(5)),
            (".5", json!(0.5)),
            (".", json!(".")),
            ("1e", json!("1e")),
            ("1e999", json!("1e999")),
            ("0x", json!("0x")),
            ("0xZ", json!("0xZ")),
            ("0b2", json!("0b2")),
            ("1.2.3", json!("1.2.3")),
            ("1-2", json!("1-2")),
            ("9223372036854775807", json!(9_223_372_036_854_775_807_i64)),
            ("9223372036854775808", json!(9_223_372_036_854_776_000_u64)),
            ("12345678901234567890", json!(12_345_678_901_234_567_000_u64)),
            ("100000000000000000000", json!(1e20)),
            ("-9223372036854775809", json!(-9_223_372_036_854_775_808.0)),
            ("1e21", json!(1e21)),
            ("~", json!(null)),
            ("Null", json!(null)),
            ("nUll", json!("nUll")),
            ("2024-01-01", json!("2024-01-01")),
            ("12:30:45", json!("12:30:45")),
            ("100m", json!("100m")),
            ("=", json!("=")),
            ("<<", json!("<<")),
            ("infinity", json!("infinity")),
            ("nan", json!("nan")),
        ] {
            assert_eq!(value(text, true, None), Ok(expected), "{text}");
        }
        assert_eq!(value(".inf", true, None), Err(NOT_FINITE));
    }

    /// Tags and quotes overrule what a text looks like.
    #[test]
    fn tags_and_quotes_decide() {
        for (text, plain, tag, expected) in [
            ("5", false, None, Ok(json!("5"))),
            ("5", true, Some(Tag::Str), Ok(json!("5"))),
            ("5", false, Some(Tag::Int), Ok(json!(5))),
            ("5", true, Some(Tag::Float), Ok(json!(5))),
            ("yes", true, Some(Tag::Bool), Ok(json!(true))),
            ("x", true, Some(Tag::Int), Err(MISMATCH)),
            ("x", true, Some(Tag::Null), Err(MISMATCH)),
            ("aGVs\nbG8=", true, Some(Tag::Binary), Ok(json!("hello"))),
            ("5", true, Some(Tag::Other), Ok(json!("5"))),
        ] {
            assert_eq!(value(text, plain, tag), expected, "{text} {tag:?}");
        }
        assert!(value("a", true, Some(Tag::Binary)).is_err());
    }

    /// Keys become the texts that kubectl makes of them.
    #[test]
    fn keys_become_text() {
        for (text, expected) in [
            ("yes", "true"),
            ("n", "false"),
            ("0644", "420"),
            ("1.10", "1.1"),
            ("1.0", "1"),
            ("100000.0", "100000"),
            ("1000000.0", "1e+06"),
            ("1234567.5", "1.2345675e+06"),
            ("0.00001", "1e-05"),
            ("1e30", "1e+30"),
            ("2024-01-01", "2024-01-01"),
            ("a.b/c", "a.b/c"),
        ] {
            assert_eq!(key(text, true, None).as_deref(), Ok(expected), "{text}");
        }
        assert!(key("~", true, None).is_err());
        assert!(key("18446744073709551615", true, None).is_err());
        assert_eq!(key("null", false, None).as_deref(), Ok("null"));
    }
}
