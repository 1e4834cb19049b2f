//! Kustomizations of Flux. <https://fluxcd.io/flux/components/kustomize/kustomizations/>

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    DeliveryObject, Known, Refused, Surroundings, folder, git_repository, is_given, list_at, substitution, text_at,
    texts_at,
};
use crate::domain::delivery_rules::same_repository;
use crate::domain::field_path::FieldPath;
use crate::domain::kustomization::{NAMES, below};
use crate::domain::opaque::{Opaque, Products};
use crate::domain::repository_path::inside;
use crate::domain::resource::{GroupKind, Origin, ResourceId};
use crate::domain::source::{Delivered, Delivery, DeliveryTool, Renderer, Source, Variable};

/// What to do where a kind may not be listed.
pub(super) const GRANT: &str = "grant `list` on it (deploy/components/delivery-rules)";
/// What to do where nothing can be done here.
pub(super) const ELSEWHERE: &str = "nothing: none of its objects is in this cluster";

pub(super) fn needs(it: &DeliveryObject) -> Vec<ResourceId> {
    let reference = it.spec().get("sourceRef").unwrap_or(&Value::Null);
    let config_maps = list_at(it.spec().get("postBuild").unwrap_or(&Value::Null), "substituteFrom");
    repository_id(it, reference)
        .into_iter()
        .chain(config_maps.iter().filter_map(|one| config_map_id(it, one)))
        .collect()
}

pub(super) fn read(it: &DeliveryObject, around: &Surroundings<'_>) -> Result<Source, Box<Opaque>> {
    let spec = it.spec();
    if is_given(spec, "kubeConfig") {
        return Err(it.opaque("it delivers to another cluster (spec.kubeConfig)", ELSEWHERE, Products::None));
    }
    let refuse = |(reason, help): Refused| it.opaque(reason, help, Products::Marked);
    let repository = repository(it, spec.get("sourceRef").unwrap_or(&Value::Null), around).map_err(refuse)?;
    let path = folder(text_at(spec, "path").unwrap_or_default()).map_err(refuse)?;
    let has_own = NAMES.iter().any(|name| around.files.text(&below(&path, name)).is_some());
    if !has_own && (is_given(&repository.spec, "ignore") || ignores(&path, around)) {
        let reason = "it takes every manifest of a folder, and what Git files of it Flux leaves out is not evaluated here \
                      (spec.ignore of its GitRepository, or .sourceignore)";
        return Err(refuse((reason.to_owned(), "give the folder a kustomization.yaml")));
    }
    let mut delivered = Delivered::by(it.id.clone(), it.origin.clone());
    delivered.generates = true;
    delivered.kustomization = kustomization(spec, &path, around).map_err(refuse)?;
    (delivered.variables, delivered.hides_variables) = variables(it, around).map_err(refuse)?;
    let metadata = spec.get("commonMetadata").unwrap_or(&Value::Null);
    (delivered.labels, delivered.annotations) = (texts_at(metadata, "labels"), texts_at(metadata, "annotations"));
    delivered.paused = paused(it, &repository);
    let status = it.actual().get("status").unwrap_or(&Value::Null);
    delivered.revision = text_at(status, "lastAppliedRevision").map(str::to_owned);
    Ok(Source {
        renderer: Renderer::Kustomize,
        delivery: Delivery { tool: DeliveryTool::Flux, manager: None },
        delivered: Some(delivered),
        ..Source::plain(it.source_name(), path)
    })
}

/// Why Flux applies nothing, where it does not.
pub(super) fn paused(it: &DeliveryObject, repository: &Repository) -> Option<String> {
    let is_suspended =
        |object: &Value| object.get("spec").and_then(|spec| spec.get("suspend")).is_some_and(|suspend| suspend == true);
    if is_suspended(it.actual()) {
        Some(format!("{} is suspended", it.id))
    } else if repository.is_suspended {
        Some(format!("{} is suspended", repository.id))
    } else {
        None
    }
}

/// The GitRepository that something is delivered from, which is the config repository.
pub(super) struct Repository {
    id: ResourceId,
    spec: Value,
    is_suspended: bool,
}

fn repository_id(it: &DeliveryObject, reference: &Value) -> Option<ResourceId> {
    let name = text_at(reference, "name").filter(|_| text_at(reference, "kind") == Some("GitRepository"))?;
    let namespace = text_at(reference, "namespace").or(it.id.namespace.as_deref());
    Some(ResourceId::new(git_repository(), namespace, name))
}

/// Reads a reference to a GitRepository, as Kustomizations and charts of HelmReleases have it.
pub(super) fn repository(
    it: &DeliveryObject,
    reference: &Value,
    around: &Surroundings<'_>,
) -> Result<Repository, Refused> {
    let kind = text_at(reference, "kind").unwrap_or("source of no kind");
    let Some(id) = repository_id(it, reference) else {
        let help = "only what comes from the config repository is rendered";
        return Err((format!("it is delivered from a {kind}"), help));
    };
    let object = match around.known(&id) {
        Some(Known::Found(object, _)) => object,
        Some(Known::Unread) => return Err((format!("{id} may not be read, which says where it comes from"), GRANT)),
        Some(Known::Unasked) => {
            let help = "add `cluster` to `discover.from`, or its namespace to `discover.namespaces`";
            return Err((format!("{id} is not looked at, which says where it comes from"), help));
        }
        Some(Known::Absent) | None => {
            return Err((format!("{id} is not there, which says where it comes from"), "correct spec.sourceRef"));
        }
    };
    let spec = object.get("spec").cloned().unwrap_or_default();
    if !text_at(&spec, "url").is_some_and(|url| same_repository(url, around.repository)) {
        return Err((format!("{id} is another repository"), "only what comes from the config repository is rendered"));
    }
    if let Some(other) = other_revision(spec.get("ref").unwrap_or(&Value::Null), around) {
        return Err((format!("{id} follows {other}"), "only the tracked branch is rendered (repository.branch)"));
    }
    if is_given(&spec, "include") {
        return Err((format!("{id} includes other repositories"), "only what is in the config repository is rendered"));
    }
    let is_suspended = spec.get("suspend").is_some_and(|suspend| suspend == true);
    Ok(Repository { id, spec, is_suspended })
}

/// What a GitRepository follows, where it is not the tracked branch.
fn other_revision(reference: &Value, around: &Surroundings<'_>) -> Option<String> {
    if let Some(commit) = text_at(reference, "commit") {
        return (commit != around.commit).then(|| "a certain commit".to_owned());
    }
    if let Some(name) = text_at(reference, "name") {
        return (name.strip_prefix("refs/heads/") != Some(around.branch)).then(|| format!("the reference {name}"));
    }
    if let Some(range) = ["semver", "tag"].iter().find(|name| text_at(reference, name).is_some()) {
        return Some(format!("tags (ref.{range})"));
    }
    let branch = text_at(reference, "branch").unwrap_or("master");
    (branch != around.branch).then(|| format!("the branch {branch}"))
}

/// Whether a file says what Flux leaves out of the folder.
fn ignores(path: &str, around: &Surroundings<'_>) -> bool {
    let mut folders: Vec<&str> = path.match_indices('/').map(|(at, _)| &path[..at]).collect();
    folders.extend(["", path]);
    folders.into_iter().any(|folder| around.files.text(&below(folder, ".sourceignore")).is_some())
        || around.files.below(path).iter().any(|file| file.ends_with("/.sourceignore"))
}

/// What kustomize-controller writes into the folder's kustomization.
fn kustomization(spec: &Value, path: &str, around: &Surroundings<'_>) -> Result<Map<String, Value>, Refused> {
    let mut fields = Map::new();
    for (field, name) in [("targetNamespace", "namespace"), ("namePrefix", "namePrefix"), ("nameSuffix", "nameSuffix")]
    {
        if let Some(text) = text_at(spec, field) {
            fields.insert(name.to_owned(), Value::from(text));
        }
    }
    let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    lists.insert("patches", list_at(spec, "patches").to_vec());
    lists.insert("images", list_at(spec, "images").to_vec());
    let merges = list_at(spec, "patchesStrategicMerge").iter().map(|patch| Value::from(patch.to_string()));
    lists.insert("patchesStrategicMerge", merges.collect());
    let operations = list_at(spec, "patchesJson6902").iter().map(|patch| {
        let operations = patch.get("patch").map(ToString::to_string).unwrap_or_default();
        json!({"patch": operations, "target": patch.get("target")})
    });
    lists.insert("patchesJson6902", operations.collect());
    let ignores_missing = spec.get("ignoreMissingComponents").is_some_and(|ignore| ignore == true);
    for component in list_at(spec, "components").iter().filter_map(Value::as_str) {
        let folder = inside(path, component).filter(|_| !component.contains("://"));
        let folder =
            folder.ok_or((format!("its component {component:?} is no folder of the repository"), "correct it"))?;
        if !ignores_missing || around.files.has_folder(&folder) {
            lists.entry("components").or_default().push(Value::from(component));
        }
    }
    let lists = lists.into_iter().filter(|(_, items)| !items.is_empty());
    fields.extend(lists.map(|(name, items)| (name.to_owned(), Value::from(items))));
    Ok(fields)
}

fn config_map_id(it: &DeliveryObject, reference: &Value) -> Option<ResourceId> {
    let name = text_at(reference, "name").filter(|_| text_at(reference, "kind") == Some("ConfigMap"))?;
    Some(ResourceId::new(GroupKind::new("", "ConfigMap"), it.id.namespace.as_deref(), name))
}

/// A ConfigMap that is referred to; none where it may be absent, and is.
pub(super) fn config_map<'a>(
    it: &DeliveryObject,
    reference: &Value,
    around: &Surroundings<'a>,
) -> Result<Option<(&'a Value, Option<&'a Origin>)>, Refused> {
    let kind = text_at(reference, "kind").unwrap_or("object of no kind");
    let Some(id) = config_map_id(it, reference) else {
        return Err((format!("it takes values from a {kind}"), "values of Secrets are not read"));
    };
    let is_optional = reference.get("optional").is_some_and(|optional| optional == true);
    match around.known(&id) {
        Some(Known::Found(object, origin)) => Ok(Some((object, origin.as_ref()))),
        Some(Known::Absent) if is_optional => Ok(None),
        Some(Known::Unasked) => {
            Err((format!("it takes values from {id}, which Git does not declare"), "add `cluster` to `discover.from`"))
        }
        Some(Known::Unread) => Err((format!("it takes values from {id}, which may not be read"), GRANT)),
        Some(Known::Absent) | None => Err((format!("it takes values from {id}, which is not there"), "create it")),
    }
}

/// The ids of the ConfigMaps that a list of references names.
pub(super) fn config_map_ids(it: &DeliveryObject, references: &[Value]) -> Vec<ResourceId> {
    references.iter().filter_map(|reference| config_map_id(it, reference)).collect()
}

/// The id of the GitRepository that a reference names.
pub(super) fn repository_ids(it: &DeliveryObject, reference: Option<&Value>) -> Option<ResourceId> {
    repository_id(it, reference?)
}

/// The variables whose values are certain, and whether a Secret may set others.
fn variables(it: &DeliveryObject, around: &Surroundings<'_>) -> Result<(BTreeMap<String, Variable>, bool), Refused> {
    let Some(build) = it.spec().get("postBuild") else { return Ok((BTreeMap::new(), false)) };
    let (mut variables, mut hides) = (BTreeMap::new(), false);
    for reference in list_at(build, "substituteFrom") {
        if text_at(reference, "kind") == Some("Secret") {
            // it may set any variable anew, and what it sets is not to be known
            variables.clear();
            hides = true;
        } else if let Some((object, origin)) = config_map(it, reference, around)? {
            let place = |name: &str| Some((origin?.clone(), FieldPath::fields(["data", name])));
            let data = texts_at(object, "data").into_iter();
            variables.extend(data.map(|(name, value)| (name.clone(), variable(&value, place(&name)))));
        }
    }
    let place = |name: &str| Some((it.origin.clone()?, FieldPath::fields(["spec", "postBuild", "substitute", name])));
    let own = texts_at(build, "substitute").into_iter();
    variables.extend(own.map(|(name, value)| (name.clone(), variable(&value, place(&name)))));
    match variables.keys().find(|name| !substitution::is_name(name)) {
        Some(name) => Err((format!("{name:?} is no name of a variable"), "Flux refuses it too: correct the name")),
        None => Ok((variables, hides)),
    }
}

/// Flux leaves newlines out.
fn variable(value: &str, place: Option<(Origin, FieldPath)>) -> Variable {
    Variable { value: value.replace('\n', ""), place }
}
