//! Looks through a chart before helm runs: its files, the charts it depends on, and what of them is not in the
//! repository. Nothing is fetched, so that a dependency has to be vendored in `charts/` or be a folder of the repository.

use std::collections::BTreeMap;

use serde_json::Value;

use super::foreign;
use super::tree::{SourceTree, symlink};
use crate::domain::kustomization::below;
use crate::domain::problem::{Place, Problem};
use crate::domain::repository_path::inside;
use crate::domain::yaml::{Content, Node, read_documents};

/// Charts in charts after which no more are looked into.
const MAX_DEPTH: usize = 16;

/// What a chart takes in.
#[derive(Debug, Default)]
pub(super) struct Chart {
    /// Its folder.
    folder: String,
    /// The files by their place in the chart, `charts/common/values.yaml`, with their path in the repository.
    pub(super) files: BTreeMap<String, String>,
    /// Folders of the repository that it is made of.
    pub(super) folders: Vec<String>,
    /// Places of subcharts by the place that their alias would have.
    aliases: BTreeMap<String, String>,
    /// Whether it renders differently on other versions of Kubernetes.
    pub(super) asks_for_versions: bool,
    /// Whether it asks for the time.
    pub(super) asks_for_time: bool,
    /// How many of the problems are about charts that would have to be fetched.
    pub(super) unfetched: usize,
    /// What stands against running helm.
    pub(super) problems: Vec<Problem>,
}

/// Looks through the chart of a folder and the charts of the repository that it depends on.
pub(super) fn look_through(tree: &SourceTree, folder: &str) -> Chart {
    let mut chart = Chart { folder: folder.to_owned(), ..Chart::default() };
    chart.take_in(tree, folder, "", MAX_DEPTH);
    for path in chart.files.values().filter(|path| is_template(path)) {
        let text = tree.read_text(path).ok().flatten().unwrap_or_default();
        chart.asks_for_versions |= text.contains(".Capabilities");
        chart.asks_for_time |= text.lines().any(|line| line.contains("{{") && has_word(line, "now"));
    }
    for path in chart.files.values() {
        chart.problems.extend(foreign::problem(tree, path));
    }
    chart
}

impl Chart {
    /// The file of the repository that helm names `CHART/templates/web.yaml`: where a subchart is an archive, that.
    pub(super) fn file_of(&self, name: &str) -> String {
        let own = name.split_once('/').map_or(name, |(_, below)| below);
        let alias = self.aliases.iter().find_map(|(alias, place)| {
            Some(format!("{place}/{}", own.strip_prefix(alias.as_str())?.strip_prefix('/')?))
        });
        let place = alias.as_deref().unwrap_or(own);
        let archive = || {
            let mut subcharts = place.split('/').skip_while(|part| *part != "charts").skip(1);
            let start = format!("charts/{}-", subcharts.next()?);
            self.files.iter().find(|(place, _)| place.starts_with(&start) && is_archive(place)).map(|(_, path)| path)
        };
        let path = self.files.get(place).or_else(archive).cloned();
        path.unwrap_or_else(|| below(&self.folder, place))
    }

    fn take_in(&mut self, tree: &SourceTree, folder: &str, at: &str, depth: usize) {
        let listing = tree.files(folder);
        self.folders.push(folder.to_owned());
        self.problems.extend(listing.problems);
        self.problems.extend(listing.links.iter().filter(|link| !is_prose(link)).map(|link| symlink(link)));
        let start = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        for path in listing.files {
            if let Some(place) = path.strip_prefix(&start) {
                self.files.insert(format!("{at}{place}"), path);
            }
        }
        self.read(tree, &format!("{start}values.yaml"));
        let file = format!("{start}Chart.yaml");
        let Some(root) = self.read(tree, &file) else {
            if self.problems.is_empty() {
                let problem = Problem::error("there is no Chart.yaml in this folder").at(Place::file(shown(folder)));
                self.problems.push(problem.help("correct the path of the source, or render it as plain manifests"));
            }
            return;
        };
        self.asks_for_versions |= root.get("kubeVersion").is_some();
        self.dependencies(tree, folder, &file, &root, at, depth);
        let old = format!("{start}requirements.yaml");
        if let Some(root) = self.read(tree, &old) {
            self.dependencies(tree, folder, &old, &root, at, depth);
        }
    }

    /// The first document of a file; none where there is none or it is no YAML.
    fn read(&mut self, tree: &SourceTree, file: &str) -> Option<Node> {
        let read = yaml(tree, file);
        read.map_err(|problem| self.problems.push(problem)).ok().flatten()
    }

    fn dependencies(&mut self, tree: &SourceTree, folder: &str, file: &str, root: &Node, at: &str, depth: usize) {
        let Some(Content::List(dependencies)) = root.get("dependencies").map(|node| &node.content) else { return };
        for dependency in dependencies {
            let Some(name) = text(dependency, "name") else { continue };
            let place = format!("{at}charts/{name}");
            if let Some(alias) = text(dependency, "alias") {
                self.aliases.insert(format!("{at}charts/{alias}"), place.clone());
            }
            if self.has(&place) {
                continue;
            }
            let local = text(dependency, "repository").and_then(|address| address.strip_prefix("file://"));
            match local.and_then(|path| inside(folder, path)).filter(|path| depth > 0 && tree.is_folder(path)) {
                Some(path) => self.take_in(tree, &path, &format!("{place}/"), depth - 1),
                None => {
                    let message = format!("the chart depends on `{name}`, which is not in its charts/");
                    let help = "nothing is fetched: run `helm dependency update` on the chart and commit its charts/";
                    self.problems.push(Problem::error(message).at(Place::line(file, dependency.line)).help(help));
                    self.unfetched += 1;
                }
            }
        }
    }

    /// Whether a subchart is there, as a folder or as an archive.
    fn has(&self, place: &str) -> bool {
        let (folder, archive) = (format!("{place}/"), format!("{place}-"));
        self.files.keys().any(|file| file.starts_with(&folder) || (file.starts_with(&archive) && is_archive(file)))
    }
}

/// The first document of a file; none where there is no such file or nothing in it.
pub(super) fn yaml(tree: &SourceTree, file: &str) -> Result<Option<Node>, Problem> {
    let Some(text) = tree.read_text(file)? else { return Ok(None) };
    let documents = read_documents(&text).map_err(|error| {
        let problem = Problem::error(error.message).at(Place::line(file, error.line));
        problem.help("correct the YAML, nothing of this source is known until then")
    })?;
    Ok(documents.into_iter().next().and_then(|document| document.root))
}

fn text<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    match &node.get(name)?.content {
        Content::Scalar(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn shown(folder: &str) -> &str {
    if folder.is_empty() { "." } else { folder }
}

fn is_template(path: &str) -> bool {
    path.contains("templates/") && [".yaml", ".yml", ".tpl"].iter().any(|ending| path.ends_with(ending))
}

fn is_archive(path: &str) -> bool {
    path.ends_with(".tgz") || path.ends_with(".tar.gz")
}

/// What helm does not need: `README.md`, `LICENSE`.
fn is_prose(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".md") || !name.contains('.')
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |char: char| char.is_alphanumeric() || matches!(char, '_' | '.' | '-');
    line.split(|char: char| !is_part(char)).any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(files: &[(&str, &str)]) -> Chart {
        let overlay = files.iter().map(|(path, text)| ((*path).to_owned(), Some(text.as_bytes().to_vec()))).collect();
        let root = tempfile::tempdir().expect("folder");
        look_through(&SourceTree { root: root.path().to_owned(), overlay, ..SourceTree::default() }, "web")
    }

    fn told(chart: &Chart) -> Vec<String> {
        let place = |problem: &Problem| problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
        chart.problems.iter().map(|problem| format!("{}: {}", place(problem), problem.message)).collect()
    }

    /// What a chart depends on is vendored as folder or archive, or is a folder of the repository; else it is missing.
    #[test]
    fn dependencies_are_vendored_or_missing() {
        let dependencies = "name: web\ndependencies:\n- {name: a}\n- {name: b, alias: bb}\n- {name: c, repository: \"file://../c\"}\n- {name: d, repository: \"https://charts.example\"}\n- {name: e, repository: \"file://../../e\"}\n";
        let chart = look(&[
            ("web/Chart.yaml", dependencies),
            ("web/charts/a/Chart.yaml", "name: a\n"),
            ("web/charts/b-1.2.3.tgz", ""),
            ("c/Chart.yaml", "name: c\n"),
            ("c/templates/x.yaml", "{{ .Capabilities.KubeVersion }}"),
        ]);
        assert_eq!(
            told(&chart),
            [
                "web/Chart.yaml:6: the chart depends on `d`, which is not in its charts/",
                "web/Chart.yaml:7: the chart depends on `e`, which is not in its charts/",
            ]
        );
        assert_eq!((chart.folders.join(" ").as_str(), chart.asks_for_versions), ("web c", true));
        for (name, expected) in [
            ("web/templates/x.yaml", "web/templates/x.yaml"),
            ("web/charts/a/templates/x.yaml", "web/charts/a/templates/x.yaml"),
            ("web/charts/bb/templates/x.yaml", "web/charts/b-1.2.3.tgz"),
            ("web/charts/c/templates/x.yaml", "c/templates/x.yaml"),
        ] {
            assert_eq!(chart.file_of(name), expected);
        }
    }

    /// No chart, and files that are no YAML, are told with their place.
    #[test]
    fn broken_charts_are_told() {
        assert_eq!(told(&look(&[("web/x.yaml", "")])), ["web: there is no Chart.yaml in this folder"]);
        let broken = look(&[("web/Chart.yaml", "name: web\n"), ("web/values.yaml", "a: [\n")]);
        assert_eq!(told(&broken), ["web/values.yaml:1: unclosed bracket '['"]);
    }

    /// A link may lead out of the repository: a chart that has one is not rendered, prose apart.
    #[cfg(unix)]
    #[test]
    fn links_are_refused() {
        let root = tempfile::tempdir().expect("folder");
        std::fs::create_dir_all(root.path().join("web/templates")).expect("folder");
        std::fs::write(root.path().join("web/Chart.yaml"), "name: web\n").expect("write");
        for link in ["web/templates/_h.tpl", "web/README.md"] {
            std::os::unix::fs::symlink("/etc/passwd", root.path().join(link)).expect("link");
        }
        let chart = look_through(&SourceTree { root: root.path().to_owned(), ..SourceTree::default() }, "web");
        assert_eq!(told(&chart), ["web/templates/_h.tpl: the path is a symlink, which is not followed"]);
        assert_eq!(chart.files.into_keys().collect::<Vec<_>>(), ["Chart.yaml"]);
    }

    /// The time is asked for by a function, not by a word of prose.
    #[test]
    fn asking_for_the_time_is_seen() {
        for (text, expected) in [("a: {{ now | unixEpoch }}", true), ("# now", false), ("{{ .Values.now }}", false)] {
            let chart = look(&[("web/Chart.yaml", "name: web\n"), ("web/templates/a.yaml", text)]);
            assert_eq!(chart.asks_for_time, expected, "{text}");
        }
    }
}
