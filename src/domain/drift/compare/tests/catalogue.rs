//! How the tables are read: a kind, what is declared, what is live, and what is to be found.

use serde_json::{Map, Value, json};

use crate::domain::drift::Difference;
use crate::domain::drift::compare::{Rules, compare};
use crate::domain::ownership::{ManagerClasses, ManagerRule};
use crate::domain::resource::{LiveObject, ResourceId};
use crate::domain::schema::Schemas;
use crate::domain::secret::{MaskKey, mask_object};
use crate::domain::yaml::read_documents;

/// A kind (or `container`, `template`, `pod`, see [`object`]), declared and live fields as YAML, and the differences as
/// `change path`, parted by `; `. `APP` and `POD` stand for the paths of a container and its pod.
pub(super) type Row = (&'static str, &'static str, &'static str, &'static str);

/// A kind with everything that schemas say: numbers, texts, durations, maps and lists of each kind, defaults.
const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: backups.company.example}
spec:
  group: company.example
  scope: Namespaced
  names: {kind: Backup, plural: backups}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                retain: {type: integer, default: 7}
                paused: {type: boolean}
                timeout: {type: string, default: 30m}
                every: {type: string}
                ratio: {type: number}
                size: {anyOf: [{type: integer}, {type: string}], x-kubernetes-int-or-string: true, pattern: '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$'}
                port: {x-kubernetes-int-or-string: true}
                owner: {type: string, nullable: true, default: nobody}
                target: {type: object, default: {}, properties: {bucket: {type: string, default: backups}, encrypted: {type: boolean, default: true}}}
                hooks: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: object, properties: {name: {type: string}, when: {type: string, default: Before}}}}
                zones: {type: array, x-kubernetes-list-type: set, items: {type: string}}
                steps: {type: array, items: {type: string}}
                extra: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

/// Holds every row of a table against what the comparison says, and each of its two sides against itself.
pub(super) fn check(rows: &[Row]) {
    let mut schemas = Schemas::default();
    schemas.add_crd(&yaml(CRD)).expect("a schema");
    let mut wrong = Vec::new();
    for (kind, declared, live, expected) in rows {
        let (declared, live) = (object(kind, declared), object(kind, live));
        let found = differences(&schemas, &declared, &live);
        let expected: Vec<_> = expected.split("; ").filter(|one| !one.is_empty()).collect();
        if found != expected {
            wrong.push(format!("{kind}: {declared} against {live}:\n  found {found:?}, and not {expected:?}"));
        }
        for side in [&declared, &live] {
            let found = differences(&schemas, side, side);
            if !found.is_empty() {
                wrong.push(format!("{kind}: {side} against itself: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `change path` of each difference, sorted.
pub(super) fn differences(schemas: &Schemas, declared: &Value, live: &Value) -> Vec<String> {
    let told = compared(schemas, declared, live).into_iter().map(|difference| {
        let by = difference.changed_by.map(|by| format!(" by {}", by.manager)).unwrap_or_default();
        let path = difference.path.to_string();
        let path = path.replace("spec.template.spec.containers[name=a]", "APP").replace("spec.template.spec", "POD");
        format!("{} {path}{by}", difference.change)
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

/// What differs. A live object's `metadata.managedFields` tell who owns what.
pub(super) fn compared(schemas: &Schemas, declared: &Value, live: &Value) -> Vec<Difference> {
    let (declared, mut live) = (masked(declared), masked(live));
    let managed = live.pointer_mut("/metadata").and_then(|metadata| metadata.as_object_mut()?.remove("managedFields"));
    let managed_fields = managed.map(|managed| serde_json::value::to_raw_value(&managed).expect("JSON"));
    let live = LiveObject { id: ResourceId::of(&live).expect("named"), object: live, managed_fields };
    let managers = managers();
    let rules = Rules { schemas, managers: &managers, delivery_manager: Some("gitops") };
    compare(&declared, &live, &rules).differences
}

fn managers() -> ManagerClasses {
    use crate::domain::drift::ManagerClass::{Controller, Delivery, Person};
    let rule = |manager: &str, class| ManagerRule { manager: manager.to_owned(), subresource: None, class };
    let rules = vec![
        rule("kubectl-client-side-apply", Delivery),
        rule("kubectl-create", Delivery),
        rule("argocd-controller", Delivery),
        rule("kubectl*", Person),
        rule("*-controller-manager", Controller),
        rule("cert-manager-*", Controller),
    ];
    ManagerClasses { rules }
}

/// As renderers and the cluster build objects.
fn masked(object: &Value) -> Value {
    let mut object = object.clone();
    mask_object(&mut object, &MaskKey::for_this_run(b"tables"));
    object
}

/// An object of a kind with these fields (the list key `a` and an image where it is a container).
pub(super) fn object(kind: &str, fields: &str) -> Value {
    let fields = yaml(fields);
    let deployment = |spec: Value| (json!({"spec": {"template": {"spec": spec}}}), "apps/v1", "Deployment");
    let container = || {
        let mut container = json!({"name": "a", "image": "a:1"});
        container.as_object_mut().expect("a map").extend(fields.as_object().expect("a map").clone());
        container
    };
    let (mut object, api_version, kind) = match kind {
        "container" => deployment(json!({"containers": [container()]})),
        "template" => deployment(fields),
        "pod" => (json!({"spec": fields}), "v1", "Pod"),
        other => {
            let (api_version, kind) = other.rsplit_once('/').unwrap_or(("v1", other));
            (fields, api_version, kind)
        }
    };
    let fields = object.as_object_mut().expect("a map");
    fields.insert("apiVersion".to_owned(), json!(api_version));
    fields.insert("kind".to_owned(), json!(kind));
    let metadata = fields.entry("metadata").or_insert_with(|| json!({}));
    metadata.as_object_mut().expect("a map").insert("name".to_owned(), json!("x"));
    object
}

/// As manifests are read.
pub(super) fn yaml(text: &str) -> Value {
    let documents = read_documents(text).unwrap_or_else(|error| panic!("{text}: {}", error.message));
    let root = documents.first().and_then(|document| document.root.as_ref());
    root.map_or_else(|| Value::Object(Map::new()), |root| root.to_json())
}
