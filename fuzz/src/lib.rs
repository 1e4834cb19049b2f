//! What is fuzzed: `src/domain`, which is pure and therefore builds on its own, without git, TLS and Kubernetes clients.

#[path = "../../src/domain/mod.rs"]
pub mod domain;

use serde_json::Value;

use domain::drift::compare::{Comparison, Rules, compare};
use domain::ownership::{ManagerClasses, ManagerRule};
use domain::drift::ManagerClass;
use domain::resource::{GroupKind, LiveObject, ResourceId};
use domain::schema::Schemas;
use domain::yaml::{Node, read_documents};

/// The documents of a text as JSON; none where it is no YAML.
pub fn values(text: &str) -> Option<Vec<Value>> {
    let documents = read_documents(text).ok()?;
    Some(documents.iter().filter_map(|document| document.root.as_ref().map(Node::to_json)).collect())
}

/// Compares two values as if both were objects of one name, the live one with these managedFields.
pub fn difference(declared: &Value, live: &Value, managed_fields: Option<&Value>, schemas: &Schemas) -> Comparison {
    let live = LiveObject {
        id: ResourceId::new(GroupKind::new("", "Any"), None, "any"),
        object: live.clone(),
        managed_fields: managed_fields.map(|fields| serde_json::value::to_raw_value(fields).expect("JSON")),
    };
    let managers = managers();
    compare(declared, &live, &Rules { schemas, managers: &managers, delivery_manager: Some("gitops") })
}

/// A table of managers with each class in it.
pub fn managers() -> ManagerClasses {
    let rule = |manager: &str, class| ManagerRule { manager: manager.to_owned(), subresource: None, class };
    ManagerClasses {
        rules: vec![
            rule("kubectl-client-side-apply", ManagerClass::Delivery),
            rule("kubectl-*", ManagerClass::Person),
            rule("*-controller-manager", ManagerClass::Controller),
        ],
    }
}
