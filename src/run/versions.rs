//! Charts are rendered for the cluster that they are delivered to: what they may ask of it is filled in here.

use super::live::Sides;
use crate::domain::problem::Problem;
use crate::domain::source::Source;

/// The sources, with the cluster's versions where a chart may ask for them and the config does not say. Where the cluster
/// cannot tell, helm's own stand in.
pub(super) async fn with_versions(sources: &[Source], sides: &Sides, problems: &mut Vec<Problem>) -> Vec<Source> {
    let mut sources = sources.to_vec();
    let mut releases: Vec<_> = sources.iter_mut().filter_map(|source| source.helm.as_mut()).collect();
    if releases.is_empty() {
        return sources;
    }
    match sides.selected.capabilities().await {
        Some(Ok(versions)) => {
            for release in &mut releases {
                release.kube_version.get_or_insert_with(|| versions.kubernetes.clone());
                release.api_versions.extend(versions.apis.iter().cloned());
            }
        }
        Some(Err(error)) => {
            let problem = Problem::warning(format!("the version of the API server could not be read: {error}"));
            problems.push(problem.help("charts are rendered for helm's own, or for `helm.kube_version`"));
        }
        None => {}
    }
    sources
}
