//! Helm sources: a chart of the repository, rendered by the real `helm template` from the PATH.
//!
//! The chart is looked through before anything runs, and laid out in a folder of its own with nothing beside it: no
//! plugins, no repositories, no kubeconfig. It is rendered twice, since what differs between two renderings of the same
//! files (`randAlphaNum`, `genCA`, `now`) is not declared by them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::time::Duration;

use super::Rendered;
use super::chart::{Chart, look_through, yaml};
use super::delivered::complete;
use super::helm_output::{complaint, objects};
use super::plain::rendered;
use super::process::{ProcessError, find, run};
use super::tree::SourceTree;
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::{Manifest, ResourceId};
use crate::domain::secret::MaskKey;
use crate::domain::source::{HelmRelease, Source};

/// The two ends of the earth: no date is the same at both.
const ZONES: [&str; 2] = ["Etc/GMT+12", "Etc/GMT-14"];
/// How much later a chart that asks for the time is rendered again.
const A_SECOND: Duration = Duration::from_millis(1100);
/// The chart's folder where helm runs.
const CHART: &str = "chart";

/// Renders a source. Helm renders all of it or nothing, so one broken template makes the whole source incomplete.
/// Blocks; to be called where that is allowed, inside of a tokio runtime.
pub(super) fn render(
    tree: &SourceTree,
    source: &Source,
    key: &MaskKey,
    heard: &(dyn Fn(&Manifest) + Sync),
) -> Rendered {
    let release = source.helm.as_ref().expect("the configuration gives every helm source its release");
    let mut chart = look_through(tree, &source.path);
    let mut problems = std::mem::take(&mut chart.problems);
    problems.extend(release.values.iter().filter_map(|file| broken_values(tree, file)));
    let reads: Vec<_> = chart.folders.iter().chain(&release.values).cloned().collect();
    if problems.is_empty() {
        match templates(tree, source, release, &chart) {
            Ok(outputs) => {
                let [one, other] = outputs.map(|output| {
                    let mut objects = objects(&output, &chart, tree, source.namespace.as_deref());
                    complete(source, &mut objects);
                    rendered(objects.masked(&source.name, key))
                });
                let mut settled = settle(one, other);
                settled.manifests.iter().for_each(heard);
                settled.problems.extend(unknown_versions(source, release, &chart));
                return Rendered { reads, ..settled };
            }
            Err(problem) => problems.push(problem),
        }
    }
    let unfetched = chart.unfetched == problems.len();
    Rendered { problems, reads, incomplete: true, unfetched, ..Rendered::default() }
}

fn broken_values(tree: &SourceTree, file: &str) -> Option<Problem> {
    match yaml(tree, file) {
        Err(problem) => Some(problem),
        Ok(None) if matches!(tree.read(file), Ok(None)) => {
            let problem = Problem::error("there is no such values file").at(Place::file(file));
            Some(problem.help("correct `helm.values` of the source"))
        }
        Ok(_) => None,
    }
}

/// What helm prints for the chart, twice.
fn templates(tree: &SourceTree, source: &Source, release: &HelmRelease, chart: &Chart) -> Result<[String; 2], Problem> {
    let refuse = |message: String| Problem::error(message).at(Place::file(&*source.path));
    let program = find(&["helm"])
        .ok_or_else(|| refuse("helm is not installed".to_owned()).help("put `helm` on the PATH of trueup"))?;
    let folder = lay_out(tree, release, chart)
        .map_err(|error| refuse(format!("the folder for helm cannot be made: {error}")))?;
    let args = arguments(source, release);
    let once = |zone: &'static str, pause: Duration| {
        let (program, args, folder) = (&program, &args, folder.path());
        async move {
            tokio::time::sleep(pause).await;
            run(program, args, &[("TZ", zone)], folder).await
        }
    };
    let pause = if chart.asks_for_time { A_SECOND } else { Duration::ZERO };
    let both = async { tokio::try_join!(once(ZONES[0], Duration::ZERO), once(ZONES[1], pause)) };
    let (one, other) = tokio::runtime::Handle::current().block_on(both).map_err(|error| match error {
        ProcessError::Failed(text) => {
            let inline = || source.delivered.as_ref().and_then(|one| Some(one.origin.as_ref()?.file.clone()));
            let file = |index: usize| release.values.get(index).cloned().or_else(inline);
            let name = |index| (values_name(index), file(index).unwrap_or_else(|| source.path.clone()));
            let values: Vec<_> = (0..release.values.len() + release.inline.len()).map(name).collect();
            complaint(&text, chart, tree, &source.path, &values)
        }
        other => refuse(format!("helm {other}")),
    })?;
    let text =
        |bytes| String::from_utf8(bytes).map_err(|_| refuse("helm wrote something that is not UTF-8".to_owned()));
    Ok([text(one)?, text(other)?])
}

/// A folder beside the checkout with the chart and the values files in it, gone when it is dropped.
fn lay_out(tree: &SourceTree, release: &HelmRelease, chart: &Chart) -> std::io::Result<tempfile::TempDir> {
    let root = tree.root.canonicalize()?;
    let folder = tempfile::Builder::new().prefix(".helm-").tempdir_in(root.parent().unwrap_or(&root))?;
    tree.lay_out(&chart.files, &folder.path().join(CHART))?;
    let values = release.values.iter().enumerate().map(|(index, file)| (values_name(index), file.clone()));
    tree.lay_out(&values.collect::<BTreeMap<_, _>>(), folder.path())?;
    for (index, values) in release.inline.iter().enumerate() {
        std::fs::write(folder.path().join(values_name(release.values.len() + index)), values)?;
    }
    Ok(folder)
}

/// Names of our own: helm takes a `,` in a name for the end of it.
fn values_name(index: usize) -> String {
    format!("values-{index}.yaml")
}

fn arguments(source: &Source, release: &HelmRelease) -> Vec<String> {
    let mut args = vec!["template".to_owned()];
    let mut option = |name: &str, value: &str| args.push(format!("--{name}={value}"));
    option("namespace", source.namespace.as_deref().unwrap_or("default"));
    (0..release.values.len() + release.inline.len()).for_each(|index| option("values", &values_name(index)));
    for (parameter, is_text) in &release.set {
        option(if *is_text { "set-string" } else { "set" }, parameter);
    }
    release.kube_version.iter().for_each(|version| option("kube-version", version));
    release.api_versions.iter().for_each(|version| option("api-versions", version));
    if release.include_crds {
        args.push("--include-crds".to_owned());
    }
    // what comes after it is no option, whatever it begins with
    args.extend(["--".to_owned(), release.name.clone(), Path::new(".").join(CHART).display().to_string()]);
    args
}

/// Joins the two renderings.
fn settle(one: Rendered, other: Rendered) -> Rendered {
    let mut settled = one;
    for sealed in settled.sealed.iter_mut().filter(|sealed| !other.sealed.contains(sealed)) {
        sealed.content.clear();
    }
    settled.manifests = rendered_again(settled.manifests, other.manifests, &mut settled.problems);
    settled.nameless = rendered_again(settled.nameless, other.nameless, &mut settled.problems);
    settled
}

/// Objects with what the second rendering made of them. One that only one of them has gets a name of its own each time:
/// nothing can be said of it.
fn rendered_again(one: Vec<Manifest>, other: Vec<Manifest>, problems: &mut Vec<Problem>) -> Vec<Manifest> {
    let mut others: HashMap<ResourceId, VecDeque<Manifest>> = HashMap::new();
    for manifest in other {
        others.entry(manifest.id.clone()).or_default().push_back(manifest);
    }
    let mut settled = Vec::new();
    for manifest in one {
        match others.get_mut(&manifest.id).and_then(VecDeque::pop_front) {
            Some(other) => settled.push(manifest.rendered_again(&other)),
            None => {
                let message = format!("a {} gets another name in every rendering", manifest.id.kind.kind);
                let place = manifest.origin.map(|origin| Place::line(origin.file, origin.line));
                let problem = Problem::warning(message).help("give it a lasting name; nothing is said about it");
                let problem = Problem { place, ..problem };
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
    }
    settled
}

fn unknown_versions(source: &Source, release: &HelmRelease, chart: &Chart) -> Option<Problem> {
    (chart.asks_for_versions && release.kube_version.is_none()).then(|| {
        let message = "the chart asks for the version of Kubernetes, which is not known here; helm's own stands in";
        Problem::warning(message).at(Place::file(&*source.path)).help("set `helm.kube_version` of the source")
    })
}
