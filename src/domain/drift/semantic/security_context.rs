//! `security-context-weakened` and `security-context-relaxed`: the live pods break a control of the Pod Security
//! Standards that the declared ones keep. *Weakened* breaks the Baseline level (known privilege escalations),
//! *relaxed* only the Restricted one.
//! Controls: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::pod::{containers, pod_spec_path};
use super::{Meaning, Pair};
use crate::domain::drift::Aspect;
use crate::domain::field_path::{FieldPath, Key, Step};
use crate::domain::resource::GroupKind;

/// The level whose control is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Restricted,
    Baseline,
}

/// Broken controls by the field that breaks them.
type Violations = BTreeMap<FieldPath, (Level, String)>;

pub(super) fn check(pair: &Pair<'_>) -> Vec<Meaning> {
    let Some(path) = pod_spec_path(&pair.resource.kind) else { return Vec::new() };
    let Some(live) = path.get(pair.live) else { return Vec::new() };
    let before = path.get(pair.declared).map(|spec| violations(spec, &path)).unwrap_or_default();
    let mut new = violations(live, &path);
    new.retain(|field, (level, _)| !is_old(&before, field, *level));
    [Level::Baseline, Level::Restricted].into_iter().filter_map(|level| meaning(pair, &path, level, &new)).collect()
}

/// A Restricted control that Git breaks in one container is not newly broken by another one.
fn is_old(before: &Violations, field: &FieldPath, level: Level) -> bool {
    let same_control = |(old, (broken, _)): (&FieldPath, &(Level, String))| {
        level == Level::Restricted && *broken == level && old.steps().last() == field.steps().last()
    };
    before.contains_key(field) || before.iter().any(same_control)
}

fn meaning(pair: &Pair<'_>, path: &FieldPath, level: Level, new: &Violations) -> Option<Meaning> {
    let mut sentences = Vec::new();
    let mut caused_by: Vec<FieldPath> = Vec::new();
    for (field, (_, sentence)) in new.iter().filter(|(_, (broken, _))| *broken == level) {
        let causes = pair.causes(field);
        if !causes.is_empty() {
            sentences.push(sentence.as_str());
        }
        caused_by.extend(causes);
    }
    caused_by.sort();
    caused_by.dedup();
    let (rule, kept) = match level {
        Level::Baseline => ("security-context-weakened", "baseline"),
        Level::Restricted => ("security-context-relaxed", "restricted"),
    };
    (!sentences.is_empty()).then(|| Meaning {
        rule,
        path: path.clone(),
        aspect: Aspect::SecurityContext,
        declared: Some(json!(format!("keeps the {kept} controls"))),
        live: Some(json!(format!("breaks {} of them", sentences.len()))),
        sentence: sentences.join("; "),
        caused_by,
    })
}

/// Whether `after` breaks a control that `before` keeps; both are objects of `kind`.
pub fn weakens(kind: &GroupKind, before: &Value, after: &Value) -> bool {
    let Some(path) = pod_spec_path(kind) else { return false };
    let of = |object| path.get(object).map(|spec| violations(spec, &path)).unwrap_or_default();
    let kept = of(before);
    of(after).keys().any(|field| !kept.contains_key(field))
}

fn violations(pod: &Value, path: &FieldPath) -> Violations {
    let mut found = Violations::new();
    let mut add = |field: FieldPath, level: Level, sentence: String| {
        found.insert(field, (level, sentence));
    };
    for (name, what) in [("hostNetwork", "network"), ("hostPID", "processes"), ("hostIPC", "memory")] {
        if is(pod.get(name), true) {
            add(path.field(name), Level::Baseline, format!("pods share the node's {what} (`{name}`)"));
        }
    }
    for volume in pod.get("volumes").and_then(Value::as_array).into_iter().flatten() {
        if volume.get("hostPath").is_some() {
            let name = volume.get("name").and_then(Value::as_str).unwrap_or_default();
            let item = Step::Item(vec![("name".to_owned(), Key::Text(name.to_owned()))]);
            add(path.field("volumes").join(item), Level::Baseline, format!("volume {name} mounts a path of the node"));
        }
    }
    let pod_context = pod.get("securityContext").unwrap_or(&Value::Null);
    for container in containers(pod, path) {
        let context = container.spec.get("securityContext").unwrap_or(&Value::Null);
        let field = container.path.field("securityContext");
        let name = container.name;
        if is(context.get("privileged"), true) {
            add(field.field("privileged"), Level::Baseline, format!("container {name} is privileged"));
        }
        for capability in added_capabilities(context) {
            let level = if BASELINE_CAPABILITIES.contains(&capability) { Level::Restricted } else { Level::Baseline };
            if capability != "NET_BIND_SERVICE" {
                add(
                    field.field("capabilities").field(capability),
                    level,
                    format!("container {name} has capability {capability}"),
                );
            }
        }
        for (part, sentence) in restricted(pod_context, context) {
            add(field.field(part), Level::Restricted, format!("container {name} {sentence}"));
        }
    }
    found
}

/// Capabilities that the Baseline level still allows to add.
const BASELINE_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

fn added_capabilities(context: &Value) -> Vec<&str> {
    let added = context.pointer("/capabilities/add").and_then(Value::as_array);
    added.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Controls of the Restricted level that this container breaks; a container's own setting wins over its pod's.
fn restricted(pod: &Value, container: &Value) -> Vec<(&'static str, &'static str)> {
    let own_or_pod = |name: &str| container.get(name).or_else(|| pod.get(name));
    let mut found = Vec::new();
    if !is(own_or_pod("runAsNonRoot"), true) {
        found.push(("runAsNonRoot", "may run as root"));
    }
    if own_or_pod("runAsUser").and_then(Value::as_i64) == Some(0) {
        found.push(("runAsUser", "runs as root"));
    }
    if !is(container.get("allowPrivilegeEscalation"), false) {
        found.push(("allowPrivilegeEscalation", "may gain privileges"));
    }
    let seccomp = own_or_pod("seccompProfile").and_then(|profile| profile.get("type")).and_then(Value::as_str);
    if !matches!(seccomp, Some("RuntimeDefault" | "Localhost")) {
        found.push(("seccompProfile", "runs without a seccomp profile"));
    }
    let dropped = container.pointer("/capabilities/drop").and_then(Value::as_array);
    if !dropped.into_iter().flatten().any(|capability| capability == "ALL") {
        found.push(("capabilities", "keeps capabilities"));
    }
    found
}

fn is(value: Option<&Value>, wanted: bool) -> bool {
    value.and_then(Value::as_bool) == Some(wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::drift::semantic::tests::check;

    /// What breaks a control is told with its level; what makes a pod safer, or was so in Git, is not.
    #[test]
    fn weakened_controls_are_told() {
        let restricted = json!({"runAsNonRoot": true, "allowPrivilegeEscalation": false,
            "seccompProfile": {"type": "RuntimeDefault"}, "capabilities": {"drop": ["ALL"]}});
        let with = |context: serde_json::Value| json!({"containers": [{"name": "web", "securityContext": context}]});
        let mut root = restricted.clone();
        root["runAsNonRoot"] = json!(false);
        for (declared, live, path, expected) in [
            (
                with(json!({})),
                with(json!({"privileged": true})),
                "containers[name=web].securityContext.privileged",
                "security-context-weakened: container web is privileged",
            ),
            (
                with(restricted.clone()),
                with(root),
                "containers[name=web].securityContext.runAsNonRoot",
                "security-context-relaxed: container web may run as root",
            ),
            (with(json!({})), with(restricted), "containers[name=web].securityContext.runAsNonRoot", ""),
            (
                json!({}),
                json!({"hostNetwork": true}),
                "hostNetwork",
                "security-context-weakened: pods share the node's network (`hostNetwork`)",
            ),
            (
                json!({}),
                json!({"volumes": [{"name": "docker", "hostPath": {"path": "/var/run"}}]}),
                "volumes[name=docker]",
                "security-context-weakened: volume docker mounts a path of the node",
            ),
            (with(json!({"privileged": true})), with(json!({"privileged": true})), "replicas", ""),
        ] {
            assert_eq!(check(&declared, &live, &[path]).join("\n"), expected);
        }
    }
}
