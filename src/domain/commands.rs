//! Commands for a person: what no edit of Git can do, as lines for a POSIX shell.
//!
//! Names and values come from the cluster; every word is quoted so that it is read as nothing but itself.

use serde_json::{Map, Value, json};

use crate::domain::drift::DriftItem;
use crate::domain::field_path::{FieldPath, Step, has_keys};
use crate::domain::opaque::{application, helm_release};
use crate::domain::resource::ResourceId;
use crate::domain::schema::Schemas;
use crate::domain::source::{Delivered, DeliveryTool, Renderer, Source};

/// The command that deletes an object.
pub fn deletion(id: &ResourceId) -> String {
    // kind and name as one word: a name may begin as an option does
    format!("kubectl{} delete {}", in_namespace(id), quoted(&id.kubectl_name()))
}

/// The command after which the delivery makes an object anew, where it has to be made anew to change; none where that
/// would take data with it. The Pods of a StatefulSet stay.
pub fn recreation(id: &ResourceId) -> Option<String> {
    let keeps_data = ["PersistentVolumeClaim", "PersistentVolume", "Namespace", "CustomResourceDefinition"];
    if keeps_data.contains(&&*id.kind.kind) {
        return None;
    }
    let orphans = if id.kind.kind == "StatefulSet" { " --cascade=orphan" } else { "" };
    Some(format!("{}{orphans}", deletion(id)))
}

/// The command that removes a live-only field or list item and nothing else: a strategic merge patch where it can name
/// it, else a JSON patch that first tests what is there. None where the live object is needed for it and not at hand.
pub fn removal(item: &DriftItem, live: Option<&Value>) -> Option<String> {
    let is_built_in = Schemas::is_built_in_group(&item.resource.kind.group);
    let (kind, patch) = match merge_patch(&item.path).filter(|_| is_built_in) {
        Some(patch) => ("", patch),
        None => (" --type=json", json_patch(&item.path, live?)?),
    };
    let name = quoted(&item.resource.kubectl_name());
    Some(format!("kubectl{} patch {name}{kind} -p {}", in_namespace(&item.resource), quoted(&patch.to_string())))
}

/// A patch with `test` on what is removed, since an index says nothing of what stands there by then.
fn json_patch(path: &FieldPath, live: &Value) -> Option<Value> {
    let mut pointer = String::new();
    let mut at = live;
    for step in path.steps() {
        let key = match step {
            Step::Field(name) => name.replace('~', "~0").replace('/', "~1"),
            Step::Index(index) => index.to_string(),
            Step::Item(keys) => at.as_array()?.iter().position(|item| has_keys(item, keys))?.to_string(),
            Step::Member(key) => at.as_array()?.iter().position(|item| *item == key.to_value())?.to_string(),
            Step::Inside => return None,
        };
        pointer = format!("{pointer}/{key}");
        at = live.pointer(&pointer)?;
    }
    Some(json!([{"op": "test", "path": pointer, "value": at}, {"op": "remove", "path": pointer}]))
}

fn merge_patch(path: &FieldPath) -> Option<Value> {
    let mut patch: Option<Value> = None;
    for step in path.steps().iter().rev() {
        patch = Some(match (step, patch) {
            (Step::Field(name), inner) => Value::Object(Map::from_iter([(name.clone(), inner.unwrap_or(Value::Null))])),
            // kubectl merges by one key, and would take the items that differ in another for the same
            (Step::Item(keys), _) if keys.len() > 1 => return None,
            (Step::Item(keys), inner) => {
                let mut object = keys.iter().map(|(name, key)| (name.clone(), key.to_value())).collect::<Map<_, _>>();
                match inner {
                    Some(Value::Object(inner)) => object.extend(inner),
                    _ => drop(object.insert("$patch".to_owned(), Value::from("delete"))),
                }
                Value::Array(vec![Value::Object(object)])
            }
            _ => return None,
        });
    }
    patch
}

fn in_namespace(id: &ResourceId) -> String {
    id.namespace.as_ref().map(|name| format!(" -n {}", quoted(name))).unwrap_or_default()
}

/// The command line that applies a source's manifests again, from the root of the repository: what re-asserts where a
/// merge does not. Of a plain source only the file of the manifest; none for templates, which nothing but their delivery
/// renders.
pub fn reapplication(source: &Source, file: Option<&str>) -> Option<String> {
    if let Some(delivered) = &source.delivered {
        return Some(synchronisation(delivered));
    }
    let namespace = source.namespace.as_ref().map(|name| format!(" -n {}", quoted(name))).unwrap_or_default();
    let how = match source.delivery.tool {
        DeliveryTool::ServerSideApply | DeliveryTool::Flux | DeliveryTool::Helm => {
            let manager = source.delivery.field_manager().unwrap_or("kubectl");
            format!(" --server-side --force-conflicts --field-manager={}", quoted(manager))
        }
        _ => String::new(),
    };
    let path = if source.path.is_empty() { "." } else { &source.path };
    match source.renderer {
        Renderer::Plain => Some(format!("kubectl apply{namespace}{how} -f {}", quoted(file?))),
        Renderer::Kustomize => Some(format!("kubectl apply{namespace}{how} -k {}", quoted(path))),
        Renderer::Jinja => None,
        Renderer::Helm => {
            let release = source.helm.as_ref()?;
            let values: String = release.values.iter().map(|file| format!(" -f {}", quoted(file))).collect();
            let chart = quoted(&format!("./{path}"));
            let template = format!("helm template {} {chart}{namespace}{values}", quoted(&release.name));
            Some(format!("{template} | kubectl apply{namespace}{how} -f -"))
        }
    }
}

/// The command by which the delivery tool itself applies again what an object of it names: nothing else renders it alike.
fn synchronisation(delivered: &Delivered) -> String {
    let Delivered { by, paused, .. } = delivered;
    if by.kind == application() {
        let namespace = by.namespace.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        return format!("argocd app sync {}", quoted(&format!("{namespace}{}", by.name)));
    }
    let how = match (by.kind == helm_release(), paused) {
        (_, Some(_)) => ("resume", ""),
        (true, None) => ("reconcile", " --force"),
        (false, None) => ("reconcile", " --with-source"),
    };
    format!("flux {} {} {}{}{}", how.0, by.kind.kind.to_lowercase(), quoted(&by.name), in_namespace(by), how.1)
}

/// The command that writes a file, on one line so that it survives being shown and copied.
pub fn writing(file: &str, text: &str) -> String {
    let lines: Vec<_> = text.lines().map(quoted).collect();
    format!("printf '%s\\n' {} > {}", lines.join(" "), quoted(file))
}

/// Quotes for a POSIX shell: nothing in it is read as anything but itself.
pub fn quoted(text: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | ':');
    if !text.is_empty() && text.chars().all(plain) && !text.starts_with('-') {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::drift::Change;
    use crate::domain::remedy::tests::item;
    use crate::domain::resource::GroupKind;

    /// What no declaration removes comes as a command whose quoting survives a hostile name, and which removes nothing
    /// else where the list has changed meanwhile.
    #[test]
    fn additions_come_as_commands() {
        let live = json!({"metadata": {"finalizers": ["a/b", "c'd"]}, "spec": {"args": ["x", "y"],
            "ports": [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}], "rules": [{"name": "r", "on": true}]}});
        for (kind, path, expected) in [
            (
                "apps",
                "spec.template.spec.containers[name=debug]",
                r#" -p '{"spec":{"template":{"spec":{"containers":[{"$patch":"delete","name":"debug"}]}}}}'"#,
            ),
            ("apps", "metadata.labels[\"a'b\"]", r#" -p '{"metadata":{"labels":{"a'\''b":null}}}'"#),
            (
                "apps",
                "metadata.finalizers[=\"c'd\"]",
                r#" --type=json -p '[{"op":"test","path":"/metadata/finalizers/1","value":"c'\''d"},{"op":"remove","path":"/metadata/finalizers/1"}]'"#,
            ),
            (
                "apps",
                "spec.args[1]",
                r#" --type=json -p '[{"op":"test","path":"/spec/args/1","value":"y"},{"op":"remove","path":"/spec/args/1"}]'"#,
            ),
            // by the port alone kubectl would take away both
            (
                "",
                "spec.ports[port=53,protocol=UDP]",
                r#" --type=json -p '[{"op":"test","path":"/spec/ports/1","value":{"port":53,"protocol":"UDP"}},{"op":"remove","path":"/spec/ports/1"}]'"#,
            ),
            (
                "example.com",
                "spec.rules[name=r].on",
                r#" --type=json -p '[{"op":"test","path":"/spec/rules/0/on","value":true},{"op":"remove","path":"/spec/rules/0/on"}]'"#,
            ),
        ] {
            let mut added = item(path, Change::Added, Value::Null, json!("x"));
            added.resource.kind = GroupKind::new(kind, "Thing");
            let kind = if kind.is_empty() { String::new() } else { format!(".{kind}") };
            let expected = format!("kubectl -n shop patch thing{kind}/web{expected}");
            assert_eq!(removal(&added, Some(&live)).as_deref(), Some(&*expected));
        }
        let gone = item("metadata.finalizers[=x]", Change::Added, Value::Null, json!("x"));
        assert_eq!((removal(&gone, Some(&live)), removal(&gone, None)), (None, None));
    }

    /// A file is written as it is, whatever stands in it.
    #[test]
    fn files_are_written_as_they_are() {
        let command = writing("a b", "x: $HOME\n- 'y'\n\n");
        assert_eq!(command, r"printf '%s\n' 'x: $HOME' '- '\''y'\''' '' > 'a b'");
    }

    /// What applies a source again depends on how it is rendered and delivered.
    #[test]
    fn sources_are_applied_again() {
        let mut source = Source::plain("apps", "apps");
        assert_eq!(reapplication(&source, Some("apps/a b.yaml")).as_deref(), Some("kubectl apply -f 'apps/a b.yaml'"));
        (source.renderer, source.namespace) = (Renderer::Kustomize, Some("shop".to_owned()));
        source.delivery.tool = DeliveryTool::ServerSideApply;
        assert_eq!(
            reapplication(&source, None).as_deref(),
            Some("kubectl apply -n shop --server-side --force-conflicts --field-manager=kubectl -k apps")
        );
        source.renderer = Renderer::Jinja;
        assert_eq!(reapplication(&source, Some("apps/a.yaml.j2")), None);
    }

    /// What an object of a delivery tool names is applied again by that tool.
    #[test]
    fn delivery_tools_apply_again() {
        use crate::domain::opaque::kustomization;
        for (kind, paused, expected) in [
            (application(), None, "argocd app sync flux/apps"),
            (kustomization(), None, "flux reconcile kustomization apps -n flux --with-source"),
            (kustomization(), Some("it is suspended"), "flux resume kustomization apps -n flux"),
            (helm_release(), None, "flux reconcile helmrelease apps -n flux --force"),
        ] {
            let mut delivered = Delivered::by(ResourceId::new(kind, Some("flux"), "apps"), None);
            delivered.paused = paused.map(str::to_owned);
            let source = Source { delivered: Some(delivered), ..Source::plain("apps", "apps") };
            assert_eq!(reapplication(&source, None).as_deref(), Some(expected));
        }
    }

    /// A name that begins as an option does is a name.
    #[test]
    fn names_are_no_options() {
        let id = ResourceId::new(GroupKind::new("rbac.authorization.k8s.io", "Role"), Some("team"), "--all");
        assert_eq!(deletion(&id), "kubectl -n team delete role.rbac.authorization.k8s.io/--all");
    }

    /// What holds data is not deleted to be made anew.
    #[test]
    fn data_is_not_deleted() {
        let of = |group: &str, kind: &str| recreation(&ResourceId::new(GroupKind::new(group, kind), Some("n"), "a b"));
        assert_eq!(of("", "PersistentVolumeClaim"), None);
        assert_eq!(of("apps", "Deployment").as_deref(), Some("kubectl -n n delete 'deployment.apps/a b'"));
        let set = of("apps", "StatefulSet");
        assert_eq!(set.as_deref(), Some("kubectl -n n delete 'statefulset.apps/a b' --cascade=orphan"));
    }
}
