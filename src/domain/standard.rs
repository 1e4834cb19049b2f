//! Standards: where the value that a policy asks for has to stand in a manifest.

use serde_json::{Map, Value};

use crate::domain::drift::semantic::pod::{containers, pod_spec_path};
use crate::domain::drift::{Aspect, DriftItem};
use crate::domain::field_edit::FieldChange;
use crate::domain::field_path::FieldPath;

/// Settings of a security context that a container has and a pod has not.
const OF_CONTAINERS: [&str; 5] =
    ["allowPrivilegeEscalation", "capabilities", "privileged", "procMount", "readOnlyRootFilesystem"];

/// What has to change for a manifest to have the standard; nothing where it has it, none where the value fits no field of
/// the item. A map's snake_case names become the manifest's camelCase.
///
/// A standard for the security context is written into the pod's, and into every container that says otherwise or has to
/// say it itself; every other standard into the item's own field.
pub fn changes_to(item: &DriftItem, value: &Value, declared: &Value) -> Option<Vec<FieldChange>> {
    let pod = pod_spec_path(&item.resource.kind).filter(|_| item.aspect == Aspect::SecurityContext);
    let wanted = match (pod, value) {
        (Some(pod), Value::Object(fields)) => security_context(&pod, fields, declared),
        (None, value) if !item.path.is_root() && item.rule.is_none() => vec![(item.path.clone(), value.clone())],
        _ => return None,
    };
    let differs = |(path, value): &(FieldPath, Value)| path.get(declared) != Some(value);
    Some(wanted.into_iter().filter(differs).map(|(path, value)| FieldChange::set(path, value)).collect())
}

fn security_context(pod: &FieldPath, fields: &Map<String, Value>, declared: &Value) -> Vec<(FieldPath, Value)> {
    let all = pod.get(declared).map(|spec| containers(spec, pod)).unwrap_or_default();
    let mut wanted = Vec::new();
    for (name, value) in fields {
        let (name, value) = (camel_case(name), camel_cased(value));
        let is_of_containers = OF_CONTAINERS.contains(&&*name);
        if !is_of_containers {
            wanted.push((pod.field("securityContext").field(&name), value.clone()));
        }
        for container in &all {
            let says = container.spec.get("securityContext").and_then(|context| context.get(&name));
            if is_of_containers || says.is_some_and(|own| *own != value) {
                wanted.push((container.path.field("securityContext").field(&name), value.clone()));
            }
        }
    }
    wanted
}

/// `run_as_non_root` → `runAsNonRoot`; names without `_` stay as they are.
fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut chars = part.chars();
        text.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        text.push_str(chars.as_str());
    }
    text
}

fn camel_cased(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            Value::Object(map.iter().map(|(name, value)| (camel_case(name), camel_cased(value))).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::drift::Change;
    use crate::domain::remedy::tests::item;
    use crate::domain::resource::GroupKind;

    /// Every kind that makes pods has its security context elsewhere; containers that say otherwise are brought in line.
    #[test]
    fn the_standard_finds_its_place() {
        let standard = json!({"run_as_non_root": true, "run_as_user": 1000, "read_only_root_filesystem": true});
        let spec = json!({"securityContext": {"runAsUser": 1000}, "containers": [
            {"name": "a", "securityContext": {"runAsNonRoot": false, "readOnlyRootFilesystem": true}}, {"name": "b"}]});
        for (group, kind, at) in [
            ("apps", "Deployment", vec!["spec", "template", "spec"]),
            ("batch", "Job", vec!["spec", "template", "spec"]),
            ("batch", "CronJob", vec!["spec", "jobTemplate", "spec", "template", "spec"]),
            ("", "Pod", vec!["spec"]),
        ] {
            let mut item = item("spec", Change::Changed, json!("a"), json!("b"));
            (item.resource.kind, item.aspect) = (GroupKind::new(group, kind), Aspect::SecurityContext);
            let declared = at.iter().rev().fold(spec.clone(), |inner, name| json!({ (*name): inner }));
            let changes = changes_to(&item, &standard, &declared).expect("it fits");
            let told: Vec<_> = changes.iter().map(|change| change.path.to_string()).collect();
            let at = at.join(".");
            let expected = [
                "containers[name=b].securityContext.readOnlyRootFilesystem",
                "securityContext.runAsNonRoot",
                "containers[name=a].securityContext.runAsNonRoot",
            ];
            assert_eq!(told, expected.map(|path| format!("{at}.{path}")), "{kind}");
        }
    }

    /// What fits no field is told, and a value of its own field is written there.
    #[test]
    fn other_standards_are_for_the_field() {
        let image = "spec.template.spec.containers[name=a].imagePullPolicy";
        let declared = json!({"spec": {"template": {"spec": {"containers": [{"name": "a"}]}}}});
        let of_field = item(image, Change::Changed, json!("Never"), json!("Always"));
        let changes = changes_to(&of_field, &json!("Always"), &declared);
        assert_eq!(changes, Some(vec![FieldChange::set(of_field.path.clone(), json!("Always"))]));
        assert_eq!(changes_to(&item("", Change::Removed, json!("present"), Value::Null), &json!(1), &declared), None);
    }
}
