//! Applications of Argo CD. <https://argo-cd.readthedocs.io/en/stable/user-guide/application-specification/>

use serde_json::{Map, Value, json};

use super::argo_files::{self, SKIPS};
use super::flux::ELSEWHERE;
use super::{DeliveryObject, Found, Refused, Surroundings, folder, is_given, list_at, text_at, texts_at};
use crate::domain::delivery_rules::same_repository;
use crate::domain::kustomization::{NAMES, below};
use crate::domain::opaque::Products;
use crate::domain::repository_path::inside;
use crate::domain::source::{Delivered, Delivery, DeliveryTool, Directory, HelmRelease, Renderer, Source};
use crate::domain::yaml::read_documents;

/// How Argo CD calls the cluster that it runs in.
const OWN_CLUSTER: [&str; 2] = ["https://kubernetes.default.svc", "in-cluster"];

pub(super) fn read(it: &DeliveryObject, around: &Surroundings<'_>) -> Found {
    let spec = it.spec();
    let mut found = Found::default();
    let destination = spec.get("destination").unwrap_or(&Value::Null);
    let cluster = text_at(destination, "server").or_else(|| text_at(destination, "name"));
    let is_own = |name: &str| {
        let name = name.trim_end_matches('/');
        OWN_CLUSTER.contains(&name) || around.destinations.iter().any(|known| known.trim_end_matches('/') == name)
    };
    if !cluster.is_some_and(is_own) {
        let opaque = it.opaque("it delivers to another cluster (spec.destination)", ELSEWHERE, Products::None);
        return Found { opaque: vec![*opaque], ..found };
    }
    let several = list_at(spec, "sources");
    let sources: Vec<&Value> =
        if several.is_empty() { spec.get("source").into_iter().collect() } else { several.iter().collect() };
    let application = Application { it, around, sources: &sources, namespace: text_at(destination, "namespace") };
    let mut refused = Vec::new();
    if is_given(spec, "sourceHydrator") {
        refused.push(("its manifests are rendered into a branch (spec.sourceHydrator)".to_owned(), ONLY_TRACKED));
    }
    for (index, source) in sources.iter().enumerate() {
        // one that only lends its values files to another
        if text_at(source, "ref").is_some() && !is_given(source, "path") && !is_given(source, "chart") {
            continue;
        }
        match application.source(source, index) {
            Ok(source) => found.sources.push(source),
            Err(reason) => refused.push(reason),
        }
    }
    if let Some((first, help)) = refused.first().cloned() {
        let reasons: Vec<_> = refused.into_iter().map(|(reason, _)| reason).collect();
        let reason = if reasons.len() == 1 { first } else { reasons.join("; ") };
        found.opaque.push(*it.opaque(reason, help, Products::Marked));
    }
    found
}

const ONLY_TRACKED: &str = "only the tracked branch of the config repository is rendered";
const NOT_RUN: &str = "nothing but kustomize, helm and plain manifests is rendered for Argo CD";

struct Application<'a> {
    it: &'a DeliveryObject,
    around: &'a Surroundings<'a>,
    sources: &'a [&'a Value],
    namespace: Option<&'a str>,
}

impl Application<'_> {
    fn source(&self, source: &Value, index: usize) -> Result<Source, Refused> {
        if is_given(source, "chart") {
            return Err(("its chart is in a registry".to_owned(), "only charts of the config repository are rendered"));
        }
        self.is_tracked(source)?;
        let path = folder(text_at(source, "path").unwrap_or_default())?;
        let source = argo_files::overridden(source, &path, &self.it.id.name, self.around.files)?;
        let mut made = Source {
            namespace: self.namespace.map(str::to_owned),
            delivery: Delivery { tool: DeliveryTool::ArgoCd, manager: None },
            ..Source::plain(self.it.source_name(), path)
        };
        if index > 0 {
            made.name = format!("{}-{}", made.name, index + 1);
        }
        let mut delivered = Delivered::by(self.it.id.clone(), self.it.origin.clone());
        delivered.paused = self.paused();
        let sync = self.it.actual().pointer("/status/sync").unwrap_or(&Value::Null);
        let own = list_at(sync, "revisions").get(index).and_then(Value::as_str);
        delivered.revision = own.or_else(|| text_at(sync, "revision")).map(str::to_owned);
        let has = |name: &str| self.around.files.text(&below(&made.path, name)).is_some();
        let asked = ["plugin", "helm", "kustomize", "directory"].into_iter().find(|name| is_given(&source, name));
        let found = || {
            if has("Chart.yaml") {
                "helm"
            } else if NAMES.iter().any(|name| has(name)) {
                "kustomize"
            } else {
                "directory"
            }
        };
        let renderer = asked.unwrap_or_else(found);
        let options = source.get(renderer).unwrap_or(&Value::Null);
        match renderer {
            "helm" => {
                made.renderer = Renderer::Helm;
                made.helm = Some(self.release(options, &made.path)?);
                made.namespace = text_at(options, "namespace").map(str::to_owned).or(made.namespace);
            }
            "kustomize" => {
                made.renderer = Renderer::Kustomize;
                delivered.kustomization = self.kustomization(options, &made.path)?;
            }
            "directory" => delivered.directory = Some(self.directory(options, &made.path)?),
            _ => return Err(("it is rendered by a plugin".to_owned(), NOT_RUN)),
        }
        Ok(Source { delivered: Some(delivered), ..made })
    }

    /// Whether a source is the config repository at the tracked branch.
    fn is_tracked(&self, source: &Value) -> Result<(), Refused> {
        if !text_at(source, "repoURL").is_some_and(|url| same_repository(url, self.around.repository)) {
            let help = "only what comes from the config repository is rendered";
            return Err(("it comes from another repository (repoURL)".to_owned(), help));
        }
        let revision = text_at(source, "targetRevision").unwrap_or("HEAD");
        let branch = revision.strip_prefix("refs/heads/").unwrap_or(revision);
        if ["HEAD", self.around.branch, self.around.commit].contains(&branch) {
            return Ok(());
        }
        Err((format!("it follows {revision:?} (targetRevision)"), ONLY_TRACKED))
    }

    /// Why a merge is not synced by itself, where it is not.
    fn paused(&self) -> Option<String> {
        let actual = self.it.actual();
        let annotations = actual.pointer("/metadata/annotations").unwrap_or(&Value::Null);
        if text_at(annotations, "argocd.argoproj.io/skip-reconcile") == Some("true") {
            return Some(format!("{} is not reconciled (skip-reconcile)", self.it.id));
        }
        let automated = actual.pointer("/spec/syncPolicy/automated").filter(|automated| automated.is_object());
        let is_on = automated.is_some_and(|automated| automated.get("enabled").is_none_or(|enabled| enabled != false));
        (!is_on).then(|| format!("{} is synced by hand", self.it.id))
    }

    fn directory(&self, options: &Value, path: &str) -> Result<Directory, Refused> {
        let directory = Directory {
            recurse: options.get("recurse").is_some_and(|recurse| recurse == true),
            include: text_at(options, "include").unwrap_or_default().to_owned(),
            exclude: text_at(options, "exclude").unwrap_or_default().to_owned(),
        };
        argo_files::check(&directory)?;
        for file in self.around.files.below(path).iter().filter(|file| argo_files::takes(&directory, path, file)) {
            if file.ends_with(".jsonnet") {
                return Err((format!("{file} is Jsonnet, which is not evaluated here"), NOT_RUN));
            }
            if self.around.files.text(file).is_some_and(|text| text.contains(SKIPS)) {
                return Err((format!("{file} says {SKIPS}, which is not heeded here"), "move it out of the folder"));
            }
        }
        Ok(directory)
    }

    fn kustomization(&self, options: &Value, path: &str) -> Result<Map<String, Value>, Refused> {
        let mut fields = Map::new();
        for name in ["namespace", "namePrefix", "nameSuffix"] {
            fields.extend(text_at(options, name).map(|text| (name.to_owned(), Value::from(text))));
        }
        if list_at(options, "images").iter().filter_map(Value::as_str).any(|image| image.contains('$')) {
            let reason = "its images have variables of the build";
            return Err((reason.to_owned(), "write them without"));
        }
        let mut lists = vec![
            (
                "images",
                list_at(options, "images")
                    .iter()
                    .filter_map(|image| Some(argo_files::image(image.as_str()?)))
                    .collect(),
            ),
            ("replicas", list_at(options, "replicas").iter().filter_map(argo_files::replicas).collect()),
            ("patches", list_at(options, "patches").to_vec()),
        ];
        let ignores_missing = options.get("ignoreMissingComponents").is_some_and(|ignore| ignore == true);
        let mut components = Vec::new();
        for component in list_at(options, "components").iter().filter_map(Value::as_str) {
            let folder = inside(path, component).filter(|_| !component.contains("://"));
            let folder =
                folder.ok_or((format!("its component {component:?} is no folder of the repository"), "correct it"))?;
            if !ignores_missing || self.around.files.has_folder(&folder) {
                components.push(Value::from(component));
            }
        }
        lists.push(("components", components));
        let flag = |name: &str| options.get(name).is_some_and(|flag| flag == true);
        let labels = texts_at(options, "commonLabels");
        if flag("commonAnnotationsEnvsubst") {
            return Err((
                "it puts variables of Argo CD into annotations (commonAnnotationsEnvsubst)".to_owned(),
                NOT_RUN,
            ));
        }
        if flag("labelWithoutSelector") && !labels.is_empty() {
            let item = json!({"pairs": labels, "includeTemplates": flag("labelIncludeTemplates")});
            lists.push(("labels", vec![item]));
        } else if !labels.is_empty() {
            fields.insert("commonLabels".to_owned(), json!(labels));
        }
        let annotations = texts_at(options, "commonAnnotations");
        if !annotations.is_empty() {
            fields.insert("commonAnnotations".to_owned(), json!(annotations));
        }
        let lists = lists.into_iter().filter(|(_, items)| !items.is_empty());
        fields.extend(lists.map(|(name, items)| (name.to_owned(), Value::from(items))));
        Ok(fields)
    }

    fn release(&self, options: &Value, path: &str) -> Result<HelmRelease, Refused> {
        self.it.has_values()?;
        if is_given(options, "fileParameters") {
            return Err(("it takes values from whole files (helm.fileParameters)".to_owned(), "use values files"));
        }
        let mut values = Vec::new();
        let ignores_missing = options.get("ignoreMissingValueFiles").is_some_and(|ignore| ignore == true);
        for file in list_at(options, "valueFiles").iter().filter_map(Value::as_str) {
            let file = self.values_file(file, path)?;
            if !ignores_missing || self.around.files.text(&file).is_some() {
                values.push(file);
            }
        }
        let object = options.get("valuesObject").filter(|values| values.is_object()).map(ToString::to_string);
        let text = || text_at(options, "values").map(str::to_owned);
        let mut set = Vec::new();
        for parameter in list_at(options, "parameters") {
            let Some(name) = text_at(parameter, "name") else { continue };
            let value = parameter.get("value").and_then(Value::as_str).unwrap_or_default();
            if value.contains('$') {
                return Err((format!("its parameter {name:?} may hold a variable of Argo CD"), "use values files"));
            }
            let is_text = parameter.get("forceString").is_some_and(|force| force == true);
            set.push((format!("{name}={}", argo_files::escaped(value)), is_text));
        }
        let texts = |name: &str| list_at(options, name).iter().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(HelmRelease {
            name: text_at(options, "releaseName").unwrap_or(&self.it.id.name).to_owned(),
            values,
            kube_version: text_at(options, "kubeVersion").map(str::to_owned),
            api_versions: texts("apiVersions"),
            include_crds: options.get("skipCrds").is_none_or(|skip| skip != true),
            inline: object.or_else(text).into_iter().collect(),
            set,
        })
    }

    /// A values file as it is named: below the chart, from the top of the repository, or from another source of ours.
    fn values_file(&self, file: &str, path: &str) -> Result<String, Refused> {
        let wrong =
            |what: &str| (format!("its values file {file:?} {what}"), "use values files of the config repository");
        if file.contains("://") || file.contains(['*', '[']) {
            return Err(wrong("is an address or a pattern"));
        }
        let place = if let Some(rest) = file.strip_prefix('$') {
            let (name, rest) = rest.split_once('/').ok_or_else(|| wrong("names no file"))?;
            let source = self.sources.iter().find(|source| text_at(source, "ref") == Some(name));
            self.is_tracked(source.ok_or_else(|| wrong("names no source"))?)?;
            inside("", rest)
        } else if let Some(rest) = file.strip_prefix('/') {
            inside("", rest)
        } else {
            inside(path, file)
        };
        place.filter(|place| !place.contains('$')).ok_or_else(|| wrong("leaves the repository"))
    }
}

/// The first document of a text; nothing where it is none.
pub(super) fn document(text: &str) -> Option<Value> {
    let documents = read_documents(text).ok()?;
    documents.first().and_then(|document| document.root.as_ref()).map(|root| root.to_json())
}
