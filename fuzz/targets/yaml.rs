//! Any bytes as YAML: no panic, no hang, and what was read and written again reads the same.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use trueup_fuzz::domain::yaml::repeated_keys;
use trueup_fuzz::domain::yaml::write::to_yaml;
use trueup_fuzz::values;

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(bytes) else { return Corpus::Reject };
    let _ = repeated_keys(text);
    for value in values(text).unwrap_or_default() {
        let written = to_yaml(&value);
        assert_eq!(values(&written), Some(vec![value]), "{written:?}");
    }
    Corpus::Keep
});
