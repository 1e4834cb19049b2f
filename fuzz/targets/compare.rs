//! Two documents and managedFields as a third: no panic, the same on both sides is no drift, and every path that is told
//! is printed so that it reads back.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;
use trueup_fuzz::domain::field_path::{FieldPath, PathPattern};
use trueup_fuzz::domain::schema::Schemas;
use trueup_fuzz::{difference, values};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some(documents) = std::str::from_utf8(bytes).ok().and_then(values) else { return Corpus::Reject };
    let [declared, live, rest @ ..] = &documents[..] else { return Corpus::Reject };
    let schemas = Schemas::default();
    let managed_fields = rest.first();
    for same in [declared, live] {
        let found = difference(same, same, managed_fields, &schemas);
        assert!(found.differences.is_empty(), "{found:#?}");
    }
    told(declared, live, managed_fields, &schemas);
    told(live, declared, managed_fields, &schemas);
    Corpus::Keep
});

fn told(declared: &Value, live: &Value, managed_fields: Option<&Value>, schemas: &Schemas) {
    for difference in difference(declared, live, managed_fields, schemas).differences {
        let text = difference.path.to_string();
        assert_eq!(text.parse::<FieldPath>().as_ref(), Ok(&difference.path));
        assert!(text.parse::<PathPattern>().expect("a path is a pattern").covers(&difference.path));
    }
}
