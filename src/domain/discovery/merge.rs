//! A kustomization as a delivery tool leaves it: what stands in the folder joined with what the tool's object says.

use serde_json::{Map, Value};

/// The names that a kustomization may have.
pub const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Joins fields into a kustomization, as Flux and `kustomize edit` do: lists grow, what has a name in a list is
/// replaced by its name, maps are joined, and anything else is set.
pub fn merged(kustomization: Option<Value>, fields: &Map<String, Value>) -> Value {
    let mut all = match kustomization {
        Some(Value::Object(all)) => all,
        _ => Map::new(),
    };
    for (name, value) in fields {
        match (all.get_mut(name), value) {
            (Some(Value::Array(items)), Value::Array(more)) => {
                for item in more {
                    let of_name = |known: &Value| is_named(name) && known.get("name") == item.get("name");
                    match items.iter_mut().find(|known| of_name(known)) {
                        Some(known) => *known = item.clone(),
                        None => items.push(item.clone()),
                    }
                }
            }
            (Some(Value::Object(entries)), Value::Object(more)) => entries.extend(more.clone()),
            _ => drop(all.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(all)
}

fn is_named(list: &str) -> bool {
    matches!(list, "images" | "replicas")
}

/// The resources of a kustomization made for a folder that has none, from the files below it: every manifest, and
/// folders with a kustomization of their own in the place of what lies in them.
pub fn resources(folder: &str, files: &[String]) -> Vec<String> {
    let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let below: Vec<&str> = files.iter().filter_map(|file| file.strip_prefix(&*start)).collect();
    let is_kustomization = |file: &&str| NAMES.contains(&file.rsplit('/').next().unwrap_or(file));
    let folders: Vec<&str> =
        below.iter().filter(|file| is_kustomization(file)).filter_map(|file| Some(file.rsplit_once('/')?.0)).collect();
    let is_in = |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let is_outermost = |one: &&str| !folders.iter().any(|other| is_in(one, other));
    let mut found: Vec<String> = folders.iter().filter(|one| is_outermost(one)).map(|one| (*one).to_owned()).collect();
    let is_taken = |file: &&str| {
        let is_manifest = file.ends_with(".yaml") || file.ends_with(".yml");
        is_manifest && !folders.iter().any(|folder| is_in(file, folder)) && !is_left_out(file)
    };
    found.extend(below.iter().filter(|file| is_taken(file)).map(|file| (*file).to_owned()));
    found.sort();
    found.dedup();
    found
}

/// What source-controller leaves out of a repository unless it is told otherwise.
fn is_left_out(file: &str) -> bool {
    const FILES: [&str; 10] = [
        ".travis.yml",
        ".gitlab-ci.yml",
        "appveyor.yml",
        ".drone.yml",
        "cloudbuild.yaml",
        "codeship-services.yml",
        "codeship-steps.yml",
        ".goreleaser.yml",
        ".sops.yaml",
        ".flux.yaml",
    ];
    FILES.contains(&file.rsplit('/').next().unwrap_or(file))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Lists grow, images are replaced by name, the rest is set or joined.
    #[test]
    fn fields_are_joined() {
        let own = json!({
            "resources": ["web.yaml"], "namespace": "old", "patches": [{"path": "p.yaml"}],
            "images": [{"name": "a", "newTag": "1"}, {"name": "b", "newTag": "1"}], "commonLabels": {"a": "1", "b": "1"},
        });
        let fields = json!({
            "namespace": "new", "patches": [{"patch": "x"}], "components": ["../c"],
            "images": [{"name": "b", "newTag": "2"}, {"name": "c", "newTag": "2"}], "commonLabels": {"b": "2"},
        });
        let expected = json!({
            "resources": ["web.yaml"], "namespace": "new", "patches": [{"path": "p.yaml"}, {"patch": "x"}],
            "images": [{"name": "a", "newTag": "1"}, {"name": "b", "newTag": "2"}, {"name": "c", "newTag": "2"}],
            "commonLabels": {"a": "1", "b": "2"}, "components": ["../c"],
        });
        assert_eq!(merged(Some(own), fields.as_object().expect("map")), expected);
        assert_eq!(merged(None, &Map::new()), json!({}));
    }

    /// Every manifest counts, but for those that a kustomization below takes care of.
    #[test]
    fn manifests_of_a_folder_are_found() {
        let files = [
            "apps/a.yaml",
            "apps/b.json",
            "apps/x/c.yml",
            "apps/y/kustomization.yaml",
            "apps/y/d.yaml",
            "apps/y/z/Kustomization",
            "apps/y/z/e.yaml",
            "apps/.sops.yaml",
            "apps/README.md",
            "other/f.yaml",
        ]
        .map(str::to_owned);
        assert_eq!(resources("apps", &files), ["a.yaml", "x/c.yml", "y"]);
        assert_eq!(resources("", &files), ["apps/a.yaml", "apps/x/c.yml", "apps/y", "other/f.yaml"]);
    }
}
