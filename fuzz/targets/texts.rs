//! Field paths, patterns, quantities and durations from any text: no panic, and what was read prints so that it reads back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trueup_fuzz::domain::field_path::{FieldPath, PathPattern};
use trueup_fuzz::domain::quantity::{Quantity, format_duration, parse_duration};

fuzz_target!(|text: &str| {
    if let Ok(path) = text.parse::<FieldPath>() {
        assert_eq!(path.to_string().parse::<FieldPath>().as_ref(), Ok(&path), "{text:?}");
    }
    if let Ok(pattern) = text.parse::<PathPattern>() {
        assert_eq!(pattern.to_string().parse::<PathPattern>().as_ref(), Ok(&pattern), "{text:?}");
        let longest = FieldPath::fields(["a", "b", "c"].into_iter().cycle().take(40));
        let _ = pattern.covers(&longest);
    }
    if let Some(quantity) = Quantity::parse(text) {
        assert_eq!(Quantity::parse(&quantity.to_string()), Some(quantity), "{text:?}");
    }
    if let Some(nanos) = parse_duration(text) {
        assert_eq!(parse_duration(&format_duration(nanos)), Some(nanos), "{text:?}");
    }
});
