//! Adoption against a real API server: of what `pairs.rs` delivered manifests are made, which change nothing where they are
//! applied, and make the same kind of object where there is none.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use trueup::domain::adoption::manifest_of;
use trueup::domain::drift::compare::Rules;
use trueup::domain::resource::{LiveObject, ResourceId};
use trueup::domain::schema::Schemas;

use crate::support::cluster::Cluster;

/// What every write changes.
const OF_EACH_WRITE: [&str; 3] = ["managedFields", "resourceVersion", "generation"];
/// What controllers may write at any time.
const OF_CONTROLLERS: &str = "annotations";

fn live(mut object: Value) -> LiveObject {
    object.as_object_mut().expect("a map").remove("status");
    let managed = object["metadata"].as_object_mut().expect("metadata").remove("managedFields");
    let managed_fields = managed.map(|fields| RawValue::from_string(fields.to_string()).expect("JSON"));
    LiveObject { id: ResourceId::of(&object).expect("named"), object, managed_fields }
}

fn without_traces(mut object: Value) -> Value {
    object.as_object_mut().expect("a map").remove("status");
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    OF_EACH_WRITE.iter().chain(&[OF_CONTROLLERS]).for_each(|name| drop(metadata.remove(*name)));
    object
}

fn printed(text: &str) -> Vec<Value> {
    let read = serde_json::Deserializer::from_str(text).into_iter::<Value>().map(|object| object.expect("JSON"));
    read.flat_map(|object| object["items"].as_array().cloned().unwrap_or_else(|| vec![object])).collect()
}

/// Adopts what was delivered (namespace and manifests) and holds it against the API server.
pub(crate) fn hold_against(cluster: &Cluster, delivered: &[(String, String)]) {
    let managers = trueup::config::defaults().scan.managers;
    let schemas = Schemas::default();
    let rules = Rules { schemas: &schemas, managers: &managers, delivery_manager: None };
    let (mut adopted, mut wrong) = (0, Vec::new());
    for (namespace, manifests) in delivered {
        let args = ["-n", namespace, "get", "-o", "json", "--show-managed-fields", "-f", "-"];
        for object in printed(&cluster.kubectl_with(&args, manifests, &[])) {
            let name = format!("{}/{}", object["kind"], object["metadata"]["name"]);
            let api_version = object["apiVersion"].as_str().expect("a version").to_owned();
            let Ok(mut manifest) = manifest_of(&live(object.clone()), &api_version, &rules) else { continue };
            adopted += 1;
            let apply = [
                "apply",
                "--server-side",
                "--force-conflicts",
                "--field-manager=adopter",
                "--dry-run=server",
                "-o",
                "json",
                "-f",
                "-",
            ];
            match cluster.try_kubectl(&apply, &manifest.to_string(), &[]) {
                Ok(text) => {
                    let applied = printed(&text).remove(0);
                    if without_traces(applied.clone()) != without_traces(object.clone()) {
                        wrong.push(format!("{name}: applied it is {applied}\nand was {object}"));
                    }
                }
                Err(said) => wrong.push(format!("{name}: {said}{manifest}")),
            }
            let metadata = manifest["metadata"].as_object_mut().expect("metadata");
            if metadata.remove("namespace").is_some() {
                metadata.insert("name".to_owned(), json!("another"));
                let create = ["-n", namespace, "create", "--dry-run=server", "-f", "-"];
                if let Err(said) = cluster.try_kubectl(&create, &manifest.to_string(), &[]) {
                    wrong.push(format!("{name}, made anew: {said}{manifest}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(adopted >= 50, "{adopted} objects");
}
