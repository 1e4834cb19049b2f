//! Declared fields that the schema of their kind does not know: a finding of its own, because nobody changed anything.
//!
//! The API server refuses such a field or drops it without a word, so it is never in the cluster. Where the live object
//! has the field all the same, the API server knows more than the schema, and the field is compared as any other.

use serde_json::Value;
use similar::TextDiff;

use crate::domain::drift::{Change, Confidence, Difference};
use crate::domain::field_path::{FieldPath, Step};
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::Manifest;
use crate::domain::schema::{KUBERNETES, Schemas, Shape, Struct};

/// A declared field that its type does not have.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownField {
    /// Which field.
    pub path: FieldPath,
    /// What is declared there.
    pub declared: Value,
    /// The known field that is spelled most like it, if one is near.
    pub near: Option<String>,
}

impl UnknownField {
    /// The field at `path`, if `shape` is a closed type that has none of this name.
    pub(super) fn find(shape: &Shape, name: &str, declared: &Value, path: &FieldPath) -> Option<Self> {
        let Shape::Struct(part) = shape else { return None };
        // the compiled-in tables leave out every status, and an embedded resource has its header in any case
        let is_header = part.name.is_empty() && matches!(name, "apiVersion" | "kind" | "metadata");
        if part.open || name == "status" || is_header || part.field(name).is_some() {
            return None;
        }
        Some(Self { path: path.clone(), declared: declared.clone(), near: nearest(part, name) })
    }

    /// Every unknown field of an object that the cluster does not have.
    pub(super) fn all_of(object: &Value, schemas: &Schemas) -> Vec<Self> {
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        let shape = schemas.kind(text("apiVersion"), text("kind"));
        let mut found = Vec::new();
        look_into(&shape, object, &mut FieldPath::root(), &mut found);
        found
    }

    /// As the difference it is where both sides are files and the schema has no say.
    pub(in crate::domain) fn into_removal(self) -> Difference {
        Difference {
            path: self.path,
            change: Change::Removed,
            declared: Some(self.declared),
            live: None,
            magnitude: 1.0,
            is_amount: false,
            confidence: Confidence::Confirmed,
            changed_by: None,
            native_default: None,
        }
    }

    /// What a user reads of it.
    pub(super) fn problem(&self, manifest: &Manifest) -> Problem {
        let mut help = if Schemas::is_built_in(&manifest.api_version, &manifest.id.kind.kind) {
            format!(
                "not known to trueup's schema of Kubernetes {KUBERNETES}: unless the cluster is newer, the API server refuses it or drops it silently"
            )
        } else {
            "not in the schema of the kind: the API server refuses it or drops it silently".to_owned()
        };
        if let Some(near) = &self.near {
            help.push_str(&format!("; did you mean `{near}`?"));
        }
        let problem = Problem::warning(format!("unknown field {} in {}", self.path, manifest.id)).help(help);
        match &manifest.origin {
            Some(origin) => problem.at(Place::line(&*origin.file, origin.line)),
            None => problem,
        }
    }
}

fn look_into(shape: &Shape, value: &Value, path: &mut FieldPath, found: &mut Vec<UnknownField>) {
    match (shape, value) {
        (Shape::Struct(part), Value::Object(fields)) => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                if path.is_root() && matches!(name.as_str(), "apiVersion" | "kind") {
                    continue;
                }
                path.push(Step::Field(name.clone()));
                match part.field(name) {
                    Some(field) => look_into(&field.shape, value, path, found),
                    None => found.extend(UnknownField::find(shape, name, value, path)),
                }
                path.pop();
            }
        }
        (Shape::Map(map), Value::Object(entries)) => {
            for (name, value) in entries {
                path.push(Step::Field(name.clone()));
                look_into(&map.value, value, path, found);
                path.pop();
            }
        }
        (Shape::List(list), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                look_into(&list.item, item, path, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The field that is spelled most like `name`, if it is near enough to have been meant.
fn nearest(part: &Struct, name: &str) -> Option<String> {
    let likeness = |known: &str| TextDiff::from_chars(name.to_lowercase(), known.to_lowercase()).ratio();
    let rated = part.fields.iter().map(|field| (likeness(&field.name), &field.name));
    let (likeness, known) = rated.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness > 0.7).then(|| known.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::baseline::{Baseline, Baselines, Layer, Match};
    use crate::domain::delivery_rules::DeliveryRules;
    use crate::domain::drift::Verdict;
    use crate::domain::drift::compare::{Comparison, Rules, compare};
    use crate::domain::drift::findings::Finder;
    use crate::domain::drift::scan::{ScanContext, ScanResult, ScanRules, Scope};
    use crate::domain::ownership::ManagerClasses;
    use crate::domain::resource::{LiveObject, ResourceId};
    use crate::domain::source::Source;

    fn against(declared: &Value, live: &Value, schemas: &Schemas) -> Comparison {
        let id = ResourceId::of(live).expect("named");
        let live = LiveObject { id, object: live.clone(), managed_fields: None };
        let managers = ManagerClasses::default();
        compare(declared, &live, &Rules { schemas, managers: &managers, delivery_manager: None })
    }

    fn told(unknown: &[UnknownField]) -> Vec<String> {
        let near = |field: &UnknownField| field.near.clone().unwrap_or_default();
        unknown.iter().map(|field| format!("{} {}", field.path, near(field)).trim_end().to_owned()).collect()
    }

    fn deployment(top: &Value, pod: &Value) -> Value {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"template": {"spec": pod}}});
        object.as_object_mut().expect("map").extend(top.as_object().expect("map").clone());
        object
    }

    /// A field that the type lacks is told once with the field that was meant, and is neither drift nor hides any.
    #[test]
    fn unknown_fields_are_no_drift() {
        let schemas = Schemas::default();
        let pod = json!({"containers": [{"name": "web", "image": "a:1"}]});
        let live = deployment(&json!({}), &pod);
        for (top, spec, expected) in [
            (json!({}), json!({"contaners": []}), vec!["spec.template.spec.contaners containers"]),
            (json!({}), json!({"nodeselector": {"a": "b"}}), vec!["spec.template.spec.nodeselector nodeSelector"]),
            (json!({}), json!({"zzz": {"yyy": {"xxx": 1}}}), vec!["spec.template.spec.zzz"]),
            (
                json!({}),
                json!({"containers": [{"name": "web", "image": "a:1", "imagePulPolicy": "Always"}]}),
                vec!["spec.template.spec.containers[name=web].imagePulPolicy imagePullPolicy"],
            ),
            (json!({"sepc": {}}), json!({}), vec!["sepc spec"]),
            (json!({"metadata": {"name": "web", "label": {"a": "b"}}}), json!({}), vec!["metadata.label labels"]),
            (json!({"status": {"replicas": 1}}), json!({}), vec![]),
            (json!({}), json!({"contaners": null}), vec![]),
        ] {
            let mut declared = deployment(&top, &pod);
            let fields = declared["spec"]["template"]["spec"].as_object_mut().expect("map");
            fields.extend(spec.as_object().expect("map").clone());
            let found = against(&declared, &live, &schemas);
            assert_eq!(told(&found.unknown), expected, "{declared}");
            assert_eq!(found.differences, [], "{declared}");
        }
    }

    /// What the live object has is known to its API server, and a known field that is gone stays drift.
    #[test]
    fn known_fields_stay_drift() {
        let schemas = Schemas::default();
        let with = |value: &str| deployment(&json!({}), &json!({"fieldOfTomorrow": value}));
        assert_eq!(against(&with("a"), &with("a"), &schemas), Comparison::default());
        let changed = against(&with("a"), &with("b"), &schemas);
        assert_eq!((changed.differences.len(), changed.unknown.len()), (1, 0));
        let gone =
            against(&deployment(&json!({}), &json!({"nodeName": "a"})), &deployment(&json!({}), &json!({})), &schemas);
        assert_eq!((gone.differences.len(), gone.unknown.len()), (1, 0));
    }

    /// Custom kinds: closed where their schema is, open where it keeps unknown fields, and unknown kinds are never judged.
    #[test]
    fn custom_kinds_are_judged_by_their_schema() {
        let widget = |spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec});
        let declared = widget(json!({"siez": 1, "free": {"a": 1}, "template": {"apiVersion": "v1", "kind": "Pod"}}));
        let live = widget(json!({"free": {}, "template": {}}));
        assert_eq!(told(&against(&declared, &live, &Schemas::default()).unknown), Vec::<String>::new());
        let mut schemas = Schemas::default();
        schemas
            .add_crd(&json!({"spec": {"group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget"}, "versions": [
                {"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "size": {"type": "integer"},
                        "free": {"type": "object", "properties": {"b": {"type": "string"}},
                            "x-kubernetes-preserve-unknown-fields": true},
                        "template": {"type": "object", "properties": {"spec": {"type": "object"}},
                            "x-kubernetes-embedded-resource": true}}}}}}}]}}))
            .expect("a CRD");
        assert_eq!(told(&against(&declared, &live, &schemas).unknown), ["spec.siez size"]);
        assert_eq!(told(&UnknownField::all_of(&declared, &schemas)), ["spec.siez size"]);
    }

    /// An object that the cluster lacks may lack for its misspelt fields: all of them are told.
    #[test]
    fn a_missing_object_is_looked_through() {
        let declared = deployment(
            &json!({"metadata": {"name": "web", "labels": {"anything": "goes"}}, "sepc": 1}),
            &json!({"containers": [{"name": "web", "prots": [], "env": [{"name": "A", "vlaue": "x"}]}]}),
        );
        let expected = [
            "sepc spec",
            "spec.template.spec.containers[0].env[0].vlaue value",
            "spec.template.spec.containers[0].prots ports",
        ];
        assert_eq!(told(&UnknownField::all_of(&declared, &Schemas::default())), expected);
    }

    /// Against a baseline no API server has a say: a field that only the baseline has is drift of the repository.
    #[test]
    fn a_baseline_is_taken_at_its_word() {
        let id = ResourceId::of(&deployment(&json!({}), &json!({}))).expect("named");
        let criteria = Match { name: Some("web".to_owned()), ..Match::default() };
        let expect = json!({"spec": {"fieldOfTomorrow": 1}});
        let baselines = Baselines { documents: vec![Baseline { layer: Layer::Global, criteria, expect }] };
        let sources = [Source::plain("shop", "")];
        let (schemas, rules) = (Schemas::default(), ScanRules::default());
        let delivery_rules = DeliveryRules::default();
        let context = ScanContext {
            schemas: &schemas,
            rules: &rules,
            baselines: &baselines,
            sources: &sources,
            delivery_rules: &delivery_rules,
            cluster: "",
            stable_masks: true,
            foreign_masks: false,
            scope: &Scope::default(),
        };
        let object = deployment(&json!({}), &json!({"contaners": []}));
        let manifest = Manifest::new(id.clone(), "shop", None, &object);
        let live = LiveObject { id, object: deployment(&json!({}), &json!({})), managed_fields: None };
        let mut result = ScanResult::default();
        Finder::new(context).find(&manifest, &live).sort(&context, &mut result);
        let items: Vec<_> = result.items.iter().map(|item| (item.path.to_string(), item.verdict)).collect();
        assert_eq!(items, [("spec.fieldOfTomorrow".to_owned(), Verdict::RepositoryDrift)]);
        let problems: Vec<_> = result.problems.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(problems, ["unknown field spec.template.spec.contaners in Deployment web"]);
    }
}
