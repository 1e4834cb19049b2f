//! Exact amounts: Kubernetes quantities (`500m`, `1.5Gi`, `1e3`) and Go durations (`1h30m`), both as whole numbers of
//! a billionth. The same amount has many spellings, so amounts are compared as numbers; the canonical spelling is for
//! display only.

use std::fmt;

use serde_json::Value;

const NANO: i128 = 1_000_000_000;
/// Fraction digits that are read exactly, as many as a billionth of the greatest unit has; more of them only count as
/// "a little more".
const MAX_FRACTION: usize = 27;
/// The same before a binary suffix.
const MAX_BINARY_FRACTION: usize = 18;
/// What the API server makes of any greater amount with a binary suffix.
const BINARY_CAP: i128 = i64::MAX as i128 * NANO;

/// How a quantity was written; kept when it is displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Binary,
    Decimal,
    Exponent,
}

/// An exact Kubernetes quantity. Equal amounts are equal, however they are written.
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    nanos: i128,
    format: Format,
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

impl Quantity {
    /// Reads a quantity as the API server does; none for what it would refuse or what no machine has.
    pub fn parse(text: &str) -> Option<Self> {
        // in JSON, other blanks are escapes, which the API server does not resolve
        let text = text.trim_matches(' ');
        if text.is_empty() {
            return None;
        }
        let (negative, digits) = sign(text);
        let end = digits.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(digits.len());
        let (number, suffix) = digits.split_at(end);
        let max_fraction = if suffix.ends_with('i') { MAX_BINARY_FRACTION } else { MAX_FRACTION };
        let number = Decimal::parse(number, max_fraction)?;
        let (format, nanos) = match suffix.strip_suffix('i') {
            Some(prefix) => {
                let factor = 1_i128 << (10 * "KMGTPE".find(prefix).filter(|_| prefix.len() == 1)? + 10);
                (Format::Binary, number.times(factor).map_or(BINARY_CAP, |nanos| nanos.min(BINARY_CAP)))
            }
            None => match suffix.strip_prefix(['e', 'E']).filter(|exponent| !exponent.is_empty()) {
                Some(exponent) => (Format::Exponent, number.scaled(exponent.parse().ok()?)?),
                None => (Format::Decimal, number.scaled(decimal_exponent(suffix)?)?),
            },
        };
        let format = if format == Format::Binary && nanos < NANO { Format::Decimal } else { format };
        Some(Self { nanos: if negative { -nanos } else { nanos }, format })
    }

    /// Reads a quantity from JSON, where a plain number is one too.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Some(Self { nanos: i128::from(whole) * NANO, format: Format::Decimal }),
                None => Self::parse(&number.to_string()),
            },
            _ => None,
        }
    }

    /// The exact value in billionths.
    pub fn nanos(self) -> i128 {
        self.nanos
    }

    /// The value as a plain number, rounded.
    pub fn as_f64(self) -> f64 {
        self.nanos as f64 / NANO as f64
    }

    /// This amount rounded up (away from zero) to thousandths, as the API server stores resource lists.
    #[must_use]
    pub fn rounded_to_milli(self) -> Self {
        let milli = NANO / 1000;
        let rest = self.nanos % milli;
        let nanos = if rest == 0 { self.nanos } else { self.nanos - rest + milli * rest.signum() };
        Self { nanos, ..self }
    }
}

impl fmt::Display for Quantity {
    /// The canonical spelling.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        if self.format == Format::Binary && self.nanos % NANO == 0 && self.nanos.abs() >= 1024 * NANO {
            let (mut mantissa, mut power) = (self.nanos / NANO, 0);
            while mantissa % 1024 == 0 && power < 6 {
                mantissa /= 1024;
                power += 1;
            }
            return write!(f, "{mantissa}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power]);
        }
        let (mut mantissa, mut exponent) = (self.nanos, -9);
        while mantissa % 1000 == 0 && (exponent < 18 || self.format == Format::Exponent) {
            mantissa /= 1000;
            exponent += 3;
        }
        if self.format == Format::Exponent {
            return if exponent == 0 { write!(f, "{mantissa}") } else { write!(f, "{mantissa}e{exponent}") };
        }
        write!(f, "{mantissa}{}", ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][(exponent + 9) as usize / 3])
    }
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn decimal_exponent(suffix: &str) -> Option<i32> {
    Some(match suffix {
        "n" => -9,
        "u" => -6,
        "m" => -3,
        "" => 0,
        "k" => 3,
        "M" => 6,
        "G" => 9,
        "T" => 12,
        "P" => 15,
        "E" => 18,
        _ => return None,
    })
}

/// `whole.fraction`, and whether more digits followed than are kept.
struct Decimal {
    whole: i128,
    fraction: i128,
    /// How many digits `fraction` stands for.
    places: u32,
    inexact: bool,
}

impl Decimal {
    fn parse(text: &str, max_fraction: usize) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.contains('.') {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let kept = &fraction[..fraction.len().min(max_fraction)];
        Some(Self {
            whole: if whole.is_empty() { 0 } else { whole.parse().ok()? },
            fraction: if kept.is_empty() { 0 } else { kept.parse().ok()? },
            places: u32::try_from(kept.len()).ok()?,
            inexact: fraction.len() > kept.len(),
        })
    }

    /// `self × factor` in nanos, rounded up.
    fn times(&self, factor: i128) -> Option<i128> {
        let unit = 10_i128.pow(self.places);
        let part = self.fraction.checked_mul(factor)?;
        let (quotient, rest) = (part / unit, part % unit);
        let fraction = quotient.checked_mul(NANO)?.checked_add(self.div_up(rest.checked_mul(NANO)?, unit))?;
        let whole = self.whole.checked_mul(factor)?.checked_mul(NANO)?;
        whole.checked_add(fraction)
    }

    /// `self × 10^exponent` in nanos, rounded up.
    fn scaled(&self, exponent: i32) -> Option<i128> {
        let digits = self.whole.checked_mul(10_i128.pow(self.places))?.checked_add(self.fraction)?;
        let shift = exponent.checked_add(9)?.checked_sub(i32::try_from(self.places).ok()?)?;
        let power = 10_i128.checked_pow(shift.unsigned_abs());
        let nanos = match (shift >= 0, power) {
            (true, Some(power)) => digits.checked_mul(power)?.checked_add(i128::from(self.inexact))?,
            (true, None) => return (digits == 0).then_some(0),
            (false, Some(power)) => self.div_up(digits, power),
            (false, None) => i128::from(digits != 0 || self.inexact),
        };
        Some(nanos)
    }

    /// `value / by`, rounded up.
    fn div_up(&self, value: i128, by: i128) -> i128 {
        value / by + i128::from(value % by != 0 || self.inexact)
    }
}

/// Reads a Go duration (`90s`, `1h30m`, `-1.5h`, `0`) as nanoseconds.
pub fn parse_duration(text: &str) -> Option<i128> {
    let (negative, mut rest) = sign(text);
    if matches!(rest, "" | "0") {
        return (rest == "0").then_some(0);
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|char: char| !char.is_ascii_digit() && char != '.')?;
        if !rest[..end].contains(|char: char| char.is_ascii_digit()) {
            return None;
        }
        let number = Decimal::parse(&rest[..end], MAX_BINARY_FRACTION)?;
        rest = &rest[end..];
        let (length, unit) = [("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000)]
            .into_iter()
            .chain([("s", NANO), ("m", 60 * NANO), ("h", 3600 * NANO)])
            .find(|(name, _)| rest.starts_with(name))
            .map(|(name, unit)| (name.len(), unit))?;
        rest = &rest[length..];
        let part = number.fraction.checked_mul(unit)? / 10_i128.pow(number.places);
        nanos = nanos.checked_add(number.whole.checked_mul(unit)?)?.checked_add(part)?;
    }
    Some(if negative { -nanos } else { nanos })
}

/// Writes nanoseconds as Go does: `1h30m0s`, `1.5s`, `20ms`, `0s`.
pub fn format_duration(nanos: i128) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let total = nanos.unsigned_abs();
    let fraction = |value: u128, unit: u128| {
        let width = unit.ilog10() as usize;
        let digits = format!("{:0width$}", value % unit);
        let digits = digits.trim_end_matches('0');
        if digits.is_empty() { (value / unit).to_string() } else { format!("{}.{digits}", value / unit) }
    };
    match total {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{total}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", fraction(total, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(total, 1_000_000)),
        _ => {
            let minutes = total / 60_000_000_000;
            let seconds = fraction(total % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The spellings that were checked against the API server's own library.
    #[test]
    fn canonical_spellings() {
        for (text, canonical) in [
            ("1.0", "1"),
            ("1.5", "1500m"),
            (".1", "100m"),
            ("1000m", "1"),
            ("2000m", "2"),
            ("1000", "1k"),
            ("1000k", "1M"),
            ("1024Mi", "1Gi"),
            ("1536Mi", "1536Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Gi", "512Mi"),
            ("1048576Ki", "1Gi"),
            ("2048Gi", "2Ti"),
            ("0.5Ki", "512"),
            ("1000000m", "1k"),
            ("1.5e3", "1500"),
            ("1e1", "10"),
            ("1e-1", "100e-3"),
            ("1e6", "1e6"),
            ("1048576", "1048576"),
            ("250M", "250M"),
            ("0Gi", "0"),
            ("1.1Gi", "1181116006400m"),
            ("0.3Gi", "322122547200m"),
            ("8Ei", "9223372036854775807"),
            ("0.1n", "1n"),
            ("-1.5", "-1500m"),
            ("+2Gi", "2Gi"),
            ("008", "8"),
            (" 1 ", "1"),
            ("1.", "1"),
            ("1E", "1E"),
            ("1E3", "1e3"),
            ("100.5m", "100500u"),
            ("1e27", "1e27"),
            (".0738220191982240774E", "73822019198224077400m"),
            ("1.000000000000000000000000000000000001Gi", "1073741824000000001n"),
            ("99999999999999999999Ti", "9223372036854775807"),
            ("Gi", "0"),
            ("-.", "0"),
        ] {
            let quantity = Quantity::parse(text).unwrap_or_else(|| panic!("`{text}` is refused"));
            assert_eq!(quantity.to_string(), canonical, "for `{text}`");
            assert_eq!(Quantity::parse(canonical), Some(quantity), "`{canonical}` does not read back");
        }
    }

    /// What the API server refuses is refused, and what would overflow is no panic.
    #[test]
    fn refused_spellings() {
        for text in [
            "", " ", "\t1", "1\n", "1K", "1kb", "1_000", "1 Gi", "1.2.3", "1e", "1e1.5", "--1", "1iMi", "1KMi", "é",
            "1é",
        ] {
            assert_eq!(Quantity::parse(text), None, "`{text}`");
        }
        for text in ["1e99999", "9".repeat(80).as_str(), "1e2147483647", "99999999999999999999999999999E"] {
            assert_eq!(Quantity::parse(text), None, "`{text}`");
        }
        assert!(Quantity::parse("0.000000000000000000000000000000000000000000000001Ei").is_some());
    }

    /// Resource lists are stored in thousandths.
    #[test]
    fn rounding_up_to_milli() {
        for (text, rounded) in [("0.1m", "1m"), ("100.5m", "101m"), ("1500u", "2m"), ("-0.1m", "-1m"), ("1", "1")] {
            let quantity = Quantity::parse(text).map(Quantity::rounded_to_milli);
            assert_eq!(quantity.map(|quantity| quantity.to_string()).as_deref(), Some(rounded), "for `{text}`");
        }
    }

    /// Durations read and print as Go's do.
    #[test]
    fn durations() {
        for (text, canonical) in [
            ("60m", "1h0m0s"),
            ("90s", "1m30s"),
            ("0.5h", "30m0s"),
            ("0", "0s"),
            ("1.5s", "1.5s"),
            ("20ms", "20ms"),
            ("1h0m0.25s", "1h0m0.25s"),
            ("-2m", "-2m0s"),
            ("1500us", "1.5ms"),
        ] {
            assert_eq!(parse_duration(text).map(format_duration).as_deref(), Some(canonical), "for `{text}`");
        }
        for text in ["", "+", "-", "5", "1x", "m", "1d", ".s", "1h1", "99999999999999999999999999999999999999h"] {
            assert_eq!(parse_duration(text), None, "`{text}`");
        }
    }

    proptest! {
        /// Against a reference: `n × 10^-p × factor` by plain whole-number arithmetic.
        #[test]
        fn values_are_exact(n in 0_u32.., p in 0_usize..6, index in 0_usize..13) {
            let suffixes: [(&str, i128, i128); 13] = [("n", 1, 1_000_000_000), ("u", 1, 1_000_000), ("m", 1, 1000), ("", 1, 1),
                ("k", 1000, 1), ("M", 1_000_000, 1), ("G", 1_000_000_000, 1), ("T", 1_000_000_000_000, 1),
                ("Ki", 1 << 10, 1), ("Mi", 1 << 20, 1), ("Gi", 1 << 30, 1), ("Ti", 1 << 40, 1), ("e2", 100, 1)];
            let (suffix, times, over) = suffixes[index];
            let digits = format!("{n:0width$}", width = p + 1);
            let (whole, fraction) = digits.split_at(digits.len() - p);
            let exact = i128::from(n) * times * NANO;
            let divisor = 10_i128.pow(p as u32) * over;
            let expected = (exact + divisor - 1) / divisor;
            let quantity = Quantity::parse(&format!("{whole}.{fraction}{suffix}")).expect("it is well formed");
            let cap = if suffix.ends_with('i') { i128::from(i64::MAX) * NANO } else { i128::MAX };
            prop_assert_eq!(quantity.nanos(), expected.min(cap));
            prop_assert_eq!(Quantity::parse(&quantity.to_string()), Some(quantity));
        }

        /// No text makes it panic.
        #[test]
        fn any_text_is_safe(text in "[-+0-9.eEKMGTPinumhs]{0,40}") {
            let _ = Quantity::parse(&text).map(|quantity| quantity.to_string());
            let _ = parse_duration(&text).map(format_duration);
        }
    }
}
