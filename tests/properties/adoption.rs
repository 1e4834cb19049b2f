//! What is adopted declares what is live, for every built-in kind.

use proptest::prelude::*;
use serde_json::Value;
use trueup::domain::adoption::{first_difference, manifest_of};
use trueup::domain::drift::compare::Rules;
use trueup::domain::ownership::ManagerClasses;
use trueup::domain::resource::{LiveObject, ResourceId};
use trueup::domain::schema::Schemas;
use trueup::domain::yaml::read_documents;
use trueup::domain::yaml::write::to_yaml;

use crate::generate;
use crate::tape::Tape;

fn live(object: &Value) -> LiveObject {
    LiveObject { id: ResourceId::of(object).expect("it has a name"), object: object.clone(), managed_fields: None }
}

proptest! {
    /// A manifest differs in nothing from its live object, and is read back as it was written.
    #[test]
    fn a_manifest_declares_what_is_live(mut tape in Tape::strategy(400)) {
        let object = generate::object(&mut tape);
        let (schemas, managers) = (Schemas::default(), ManagerClasses::default());
        let rules = Rules { schemas: &schemas, managers: &managers, delivery_manager: None };
        let api_version = object["apiVersion"].as_str().expect("a version");
        let manifest = match manifest_of(&live(&object), api_version, &rules) {
            Ok(manifest) => manifest,
            // what may not be adopted is refused for what it is
            Err(reason) => {
                prop_assert!(!reason.contains("no manifest says"), "{reason}: {object}");
                return Ok(());
            }
        };
        prop_assert_eq!(first_difference(&manifest, &live(&object), &rules), None, "{}\n{}", manifest, object);
        let text = to_yaml(&manifest);
        let read = read_documents(&text).expect("YAML")[0].root.as_ref().expect("a document").to_json();
        prop_assert_eq!(&read, &manifest, "{}", text);
    }
}
