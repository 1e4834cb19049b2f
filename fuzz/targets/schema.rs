//! Any document as a CustomResourceDefinition and as OpenAPI, then two objects of whatever kind came out of it.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;
use trueup_fuzz::domain::schema::Schemas;
use trueup_fuzz::{difference, values};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some(documents) = std::str::from_utf8(bytes).ok().and_then(values) else { return Corpus::Reject };
    let [definition, objects @ ..] = &documents[..] else { return Corpus::Reject };
    for read in [Schemas::add_crd, Schemas::add_openapi] {
        let mut schemas = Schemas::default();
        for kind in read(&mut schemas, definition).unwrap_or_default() {
            let mut objects = objects.to_vec();
            for object in objects.iter_mut().filter_map(Value::as_object_mut) {
                object.insert("apiVersion".to_owned(), Value::from(&*kind.api_version));
                object.insert("kind".to_owned(), Value::from(&*kind.kind));
            }
            for (index, object) in objects.iter().enumerate() {
                let found = difference(object, object, None, &schemas);
                assert!(found.differences.is_empty(), "{found:#?}");
                difference(object, &objects[objects.len() - 1 - index], None, &schemas);
            }
        }
    }
    Corpus::Keep
});
