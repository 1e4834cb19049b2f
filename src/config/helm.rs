//! The section `helm` of a source: how its chart is rendered.

use super::fields::Fields;
use super::sections::inside_repository;
use crate::domain::source::{HelmRelease, Renderer};

/// How long helm lets the name of a release be.
const LONGEST_NAME: usize = 53;

/// The release of a chart; none for sources of other renderers.
pub(super) fn release(source: &Fields<'_, '_>, renderer: Renderer, source_name: &str) -> Option<HelmRelease> {
    let fields = source.map("helm");
    if renderer != Renderer::Helm {
        if let Some(fields) = fields {
            source.refuse("helm", "is for `renderer: helm`", "name that renderer, or remove the section");
            let _ = read(&fields);
        }
        return None;
    }
    let mut release = fields.as_ref().map_or_else(Read::default, read);
    let name = release.name.take().unwrap_or_else(|| source_name.to_owned());
    if !source_name.is_empty() && !is_release_name(&name) {
        let message = format!("`{name}` is no name of a release");
        let help = "give `helm.release`: small letters, digits and `-`, at most 53";
        match &fields {
            Some(fields) if fields.has("release") => fields.refuse("release", message, help),
            _ => source.refuse("name", message, help),
        }
    }
    Some(HelmRelease {
        name,
        values: release.values,
        kube_version: release.kube_version,
        api_versions: release.api_versions,
        include_crds: release.include_crds.unwrap_or(true),
        inline: Vec::new(),
        set: Vec::new(),
    })
}

/// The section as it is written.
#[derive(Default)]
struct Read {
    name: Option<String>,
    values: Vec<String>,
    kube_version: Option<String>,
    api_versions: Vec<String>,
    include_crds: Option<bool>,
}

fn read(fields: &Fields<'_, '_>) -> Read {
    let kube_version = fields.text("kube_version");
    let is_version = |text: &str| text.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit());
    if kube_version.as_deref().is_some_and(|version| !is_version(version)) {
        fields.refuse("kube_version", "is no version", "as `kubectl version` has it: v1.36.3");
    }
    let values = fields.texts("values");
    Read {
        name: fields.text("release"),
        values: values.iter().map(|path| inside_repository(fields, "values", path)).collect(),
        kube_version,
        api_versions: fields.texts("api_versions"),
        include_crds: fields.flag("include_crds"),
    }
}

fn is_release_name(name: &str) -> bool {
    let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    let is_label = |label: &str| {
        label.starts_with(plain) && label.ends_with(plain) && label.chars().all(|char| plain(char) || char == '-')
    };
    name.len() <= LONGEST_NAME && name.split('.').all(is_label)
}
