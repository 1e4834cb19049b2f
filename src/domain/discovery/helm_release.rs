//! HelmReleases of Flux whose chart is in the config repository; all others are opaque.
//! <https://fluxcd.io/flux/components/helm/helmreleases/>

use serde_json::Value;

use super::flux::{ELSEWHERE, config_map, config_map_ids, paused, repository, repository_ids};
use super::{DeliveryObject, Refused, Surroundings, folder, is_given, list_at, text_at, texts_at};
use crate::domain::kustomization::below;
use crate::domain::opaque::{Opaque, Products};
use crate::domain::resource::ResourceId;
use crate::domain::source::{Delivered, Delivery, DeliveryTool, HelmRelease, Renderer, Source};

/// How long helm lets the name of a release be; Flux makes another one of a longer one.
const LONGEST_NAME: usize = 53;

pub(super) fn needs(it: &DeliveryObject) -> Vec<ResourceId> {
    let mut needed = config_map_ids(it, list_at(it.spec(), "valuesFrom"));
    needed.extend(repository_ids(it, it.spec().pointer("/chart/spec/sourceRef")));
    needed
}

pub(super) fn read(it: &DeliveryObject, around: &Surroundings<'_>) -> Result<Source, Box<Opaque>> {
    let spec = it.spec();
    if is_given(spec, "kubeConfig") {
        return Err(it.opaque("it delivers to another cluster (spec.kubeConfig)", ELSEWHERE, Products::None));
    }
    let target = text_at(spec, "targetNamespace");
    let usual = target.map_or_else(|| it.id.name.clone(), |target| format!("{target}-{}", it.id.name));
    let name = text_at(spec, "releaseName").map_or(usual, str::to_owned);
    let namespace = target.map(str::to_owned).or_else(|| it.id.namespace.clone());
    let products = Products::Release { name: name.clone(), namespace: namespace.clone() };
    let refuse = |(reason, help): Refused| it.opaque(reason, help, products.clone());
    let chart = spec.pointer("/chart/spec").unwrap_or(&Value::Null);
    let Some(reference) = chart.get("sourceRef") else {
        let help = "only charts of the config repository are rendered";
        return Err(refuse(("its chart is not in the config repository (spec.chartRef)".to_owned(), help)));
    };
    let repository = repository(it, reference, around).map_err(refuse)?;
    let path = folder(text_at(chart, "chart").unwrap_or_default()).map_err(refuse)?;
    if is_given(spec, "postRenderers") {
        let help = "nothing is run after helm here: move it into the chart";
        return Err(refuse(("what it does after rendering is not done here (spec.postRenderers)".to_owned(), help)));
    }
    if name.len() > LONGEST_NAME {
        return Err(refuse(("the name of its release is too long".to_owned(), "give spec.releaseName")));
    }
    let values = files(chart, &path).map_err(refuse)?;
    let inline = inline(it, around).map_err(refuse)?;
    let mut delivered = Delivered::by(it.id.clone(), it.origin.clone());
    delivered.paused = paused(it, &repository);
    let status = it.actual().get("status").unwrap_or(&Value::Null);
    delivered.revision = text_at(status, "lastAttemptedRevision").map(str::to_owned);
    let metadata = spec.get("commonMetadata").unwrap_or(&Value::Null);
    (delivered.labels, delivered.annotations) = (texts_at(metadata, "labels"), texts_at(metadata, "annotations"));
    let crds = spec.pointer("/upgrade/crds").and_then(Value::as_str);
    Ok(Source {
        renderer: Renderer::Helm,
        helm: Some(HelmRelease {
            name,
            values,
            kube_version: None,
            api_versions: Vec::new(),
            // otherwise they are made once and then left alone
            include_crds: crds == Some("CreateReplace"),
            inline,
            set: Vec::new(),
        }),
        namespace,
        delivery: Delivery { tool: DeliveryTool::Helm, manager: Some("helm-controller".to_owned()) },
        delivered: Some(delivered),
        ..Source::plain(it.source_name(), path)
    })
}

/// Values files of the chart. Where there are any, Flux makes the chart's own values of them, so that those have to be
/// the first.
fn files(chart: &Value, path: &str) -> Result<Vec<String>, Refused> {
    let listed = list_at(chart, "valuesFiles").iter().filter_map(Value::as_str);
    let files = listed.map(folder).collect::<Result<Vec<_>, _>>()?;
    if files.first().is_some_and(|first| *first != below(path, "values.yaml")) {
        let help = "name the chart's own values.yaml first";
        return Err(("its values files stand in for the chart's own values (valuesFiles)".to_owned(), help));
    }
    Ok(files)
}

/// Values of ConfigMaps in order, then the release's own.
fn inline(it: &DeliveryObject, around: &Surroundings<'_>) -> Result<Vec<String>, Refused> {
    it.has_values()?;
    let mut inline = Vec::new();
    for reference in list_at(it.spec(), "valuesFrom") {
        let Some((object, _)) = config_map(it, reference, around)? else { continue };
        if is_given(reference, "targetPath") {
            let help = "put the value under a key of a values file";
            return Err(("it takes a single value from elsewhere (valuesFrom.targetPath)".to_owned(), help));
        }
        let key = text_at(reference, "valuesKey").unwrap_or("values.yaml");
        match object.get("data").and_then(|data| text_at(data, key)) {
            Some(values) => inline.push(values.to_owned()),
            None if reference.get("optional").is_some_and(|optional| optional == true) => {}
            None => {
                return Err((format!("it takes values from a key {key:?} that is not there"), "correct valuesFrom"));
            }
        }
    }
    inline.extend(it.spec().get("values").filter(|values| values.is_object()).map(ToString::to_string));
    Ok(inline)
}
