//! The table of immutable and one-way fields, row by row, against a real API server: what trueup says would be refused is
//! refused, and what it says would be taken is taken.

mod cases;

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;
use trueup::domain::applies::fixed::{Rule, find, rows};
use trueup::domain::applies::{Trial, objections};
use trueup::domain::drift::compare::{Rules, compare};
use trueup::domain::ownership::ManagerClasses;
use trueup::domain::resource::{LiveObject, ResourceId};
use trueup::domain::schema::Schemas;

use self::cases::cases;
use crate::support::cluster::{Cluster, Way, cluster};
use crate::support::eventually;

/// A manifest with a merge patch.
fn patched(value: &mut Value, patch: &Value) {
    let (Value::Object(fields), Value::Object(changes)) = (&mut *value, patch) else { return *value = patch.clone() };
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            patched(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

fn live(cluster: &Cluster, namespace: &str, declared: &Value) -> LiveObject {
    let name = |pointer: &str| declared.pointer(pointer).and_then(Value::as_str).expect("a text").to_owned();
    let group = name("/apiVersion").rsplit_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    let object = format!("{}{group}/{}", name("/kind").to_lowercase(), name("/metadata/name"));
    let is_settled = |object: &Value| match (object["kind"].as_str(), object["metadata"]["name"].as_str()) {
        (Some("PersistentVolumeClaim"), Some("bound")) => object["status"]["phase"] == "Bound",
        (Some("CustomResourceDefinition"), _) => object["status"]["conditions"]
            .as_array()
            .is_some_and(|all| all.iter().any(|one| one["type"] == "Established" && one["status"] == "True")),
        _ => true,
    };
    let mut object = eventually(|| Some(cluster.get(namespace, &object)).filter(is_settled));
    // as the cluster is read: what is observed takes no part
    object.as_object_mut().expect("a map").remove("status");
    let managed = object["metadata"].as_object_mut().expect("metadata").remove("managedFields").expect("managedFields");
    let managed_fields = RawValue::from_string(managed.to_string()).expect("JSON");
    LiveObject { id: ResourceId::of(&object).expect("named"), object, managed_fields: Some(managed_fields) }
}

/// Each case is as the API server decides it, and each row of the table is met by one.
#[test]
fn the_api_server_refuses_what_the_table_says() {
    let cluster = cluster();
    let namespace = cluster.namespace("fixed");
    let (schemas, managers) = (Schemas::default(), ManagerClasses::default());
    let rules = Rules { schemas: &schemas, managers: &managers, delivery_manager: Some("deployer") };
    let (mut met, mut wrong) = (BTreeSet::new(), Vec::new());
    for (manifest, changes) in cases() {
        let manifest: Value = serde_yaml::from_str(&manifest.replace("NAME", &namespace)).expect("YAML");
        cluster.deliver(Way::ServerSide("deployer"), &namespace, &manifest.to_string());
        let live = live(cluster, &namespace, &manifest);
        for (patch, refused) in changes {
            let mut declared = manifest.clone();
            patched(&mut declared, &patch);
            let trial = Trial {
                declared: &declared,
                changes: &[],
                live: Some(&live),
                rules,
                server_side: true,
                foreign_masks: false,
            };
            let told: Vec<_> = objections(&trial).iter().map(ToString::to_string).collect();
            let args = [
                "-n",
                &namespace,
                "apply",
                "--server-side",
                "--force-conflicts",
                "--field-manager=deployer",
                "--dry-run=server",
                "-f",
                "-",
            ];
            let said = cluster.try_kubectl(&args, &declared.to_string(), &[]);
            if (told.is_empty(), said.is_err()) != (!refused, refused) {
                wrong.push(format!("{} {patch}: trueup says {told:?}, the API server {said:?}", manifest["kind"]));
            }
            for difference in compare(&declared, &live, &rules).differences {
                if let Some(row) = find(&live.id.kind, &difference.path)
                    && refused != matches!(row.rule, Rule::Free)
                {
                    met.insert((row.kind, row.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unmet: Vec<_> = rows().map(|row| (row.kind, row.path)).filter(|row| !met.contains(row)).collect();
    assert!(unmet.is_empty(), "rows that no case met: {unmet:?}");
}
