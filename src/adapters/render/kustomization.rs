//! Looks through the kustomizations of a source before kustomize runs: which folders and files take part, and what they
//! name that is not in the repository. Remote bases are refused here, since kustomize would fetch them.

use std::collections::BTreeSet;

use super::tree::SourceTree;
use crate::domain::kustomization::{CHARTS, NAMES, below, is_remote, items, misspelt, named, text, written_in_place};
use crate::domain::problem::{Place, Problem};
use crate::domain::repository_path::inside;
use crate::domain::yaml::{Node, read_documents};

const PLUGINS: [&str; 3] = ["generators", "transformers", "validators"];
/// What kustomize's own plugins load.
const LOADED: [&str; 6] = ["path", "paths", "files", "envs", "env", "replacements"];

const NO_CHARTS: &str = "charts are not inflated inside of kustomize";
const OWN_SOURCE: &str = "render the chart as a source of its own";
const NOT_FETCHED: &str = "remote bases are not fetched: bring it into the repository, or correct the path";

/// What a source's kustomizations take in.
#[derive(Debug, Default)]
pub(super) struct Kustomizations {
    /// Folders of kustomizations; kustomize reads no file that lies outside of them.
    pub(super) folders: BTreeSet<String>,
    /// Files that they name.
    pub(super) files: BTreeSet<String>,
    /// Files that they name and that are not there.
    pub(super) missing: BTreeSet<String>,
    /// Whether transformers or generators of their own take part, which may name files that nobody looked at.
    pub(super) has_plugins: bool,
    /// How many of the problems are about what would have to be fetched, or rendered by another program.
    pub(super) unfetched: usize,
    /// What stands against running kustomize.
    pub(super) problems: Vec<Problem>,
}

/// Looks through the kustomization of a folder and all that it takes in.
pub(super) fn look_through(tree: &SourceTree, folder: &str) -> Kustomizations {
    let mut seen = Kustomizations::default();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        if seen.folders.insert(folder.clone()) {
            let mut visit = Visit { tree, folder, file: String::new(), waiting: &mut waiting, seen: &mut seen };
            visit.run();
        }
    }
    seen
}

/// One kustomization.
struct Visit<'v> {
    tree: &'v SourceTree,
    folder: String,
    file: String,
    waiting: &'v mut Vec<String>,
    seen: &'v mut Kustomizations,
}

impl Visit<'_> {
    fn run(&mut self) {
        let names = NAMES.map(|name| below(&self.folder, name));
        for file in names.clone() {
            match self.tree.read_text(&file) {
                Ok(None) => continue,
                Ok(Some(text)) => {
                    self.file = file;
                    match read_documents(&text) {
                        Ok(documents) => documents
                            .iter()
                            .filter_map(|document| document.root.as_ref())
                            .for_each(|root| self.root(root)),
                        Err(error) => self.refuse(error.line, error.message, "correct the YAML"),
                    }
                }
                Err(problem) => self.seen.problems.push(problem),
            }
            return;
        }
        self.seen.missing.extend(names);
        let problem = Problem::error("there is no kustomization.yaml in this folder").at(Place::file(&*self.folder));
        self.seen.problems.push(problem.help("correct the path of the source, or render it as plain manifests"));
    }

    fn root(&mut self, root: &Node) {
        for (line, key) in misspelt(root) {
            self.refuse(
                line,
                format!("`{key}` is the name of a field in another case"),
                "write it as kustomize documents it",
            );
        }
        for (node, path) in named(root) {
            self.take_in(node, path);
        }
        for (node, content) in written_in_place(root) {
            let file = self.file.clone();
            self.plugin(content, &file, Some(node.line));
        }
        self.seen.has_plugins |= PLUGINS.iter().any(|name| root.get(name).is_some());
        for name in CHARTS {
            if let Some(node) = root.get(name) {
                self.seen.unfetched += 1;
                self.refuse(node.line, NO_CHARTS, OWN_SOURCE);
            }
        }
    }

    /// A configuration of kustomize's own plugins, which load files and addresses by themselves. Anything else is of a
    /// plugin, and those do not run.
    fn plugin(&mut self, content: &str, file: &str, line: Option<usize>) {
        if !content.contains("builtin") {
            return;
        }
        let documents = read_documents(content).unwrap_or_default();
        for root in documents.iter().filter_map(|document| document.root.as_ref()) {
            if root.get("apiVersion").and_then(text) != Some("builtin") {
                continue;
            }
            let at = |node: &Node| Place::line(file, line.unwrap_or(node.line));
            for (odd, key) in misspelt(root) {
                let problem = Problem::error(format!("`{key}` is the name of a field in another case"));
                let problem = problem.at(Place::line(file, line.unwrap_or(odd)));
                self.seen.problems.push(problem.help("write it as kustomize documents it"));
            }
            if root.get("kind").and_then(text) == Some("HelmChartInflationGenerator") {
                self.seen.unfetched += 1;
                self.seen.problems.push(Problem::error(NO_CHARTS).at(at(root)).help(OWN_SOURCE));
            }
            for (node, named) in LOADED.iter().filter_map(|name| root.get(name)).flat_map(paths) {
                let path = named.split_once('=').map_or(named, |(_, path)| path);
                if is_remote(path) || inside(&self.folder, path).is_none() {
                    self.seen.unfetched += usize::from(is_remote(path));
                    self.seen.problems.push(Problem::error(missing(path)).at(at(node)).help(NOT_FETCHED));
                }
            }
        }
    }

    fn take_in(&mut self, node: &Node, named: &str) {
        let Some(path) = inside(&self.folder, named).filter(|_| !is_remote(named)) else {
            self.seen.unfetched += usize::from(is_remote(named));
            return self.refuse(node.line, missing(named), NOT_FETCHED);
        };
        if self.tree.is_folder(&path) {
            self.waiting.push(path);
            return;
        }
        match self.tree.read(&path) {
            Ok(Some(content)) => {
                self.plugin(&String::from_utf8_lossy(&content), &path, None);
                self.seen.files.insert(path);
            }
            Ok(None) => {
                self.seen.missing.insert(path);
                self.refuse(node.line, missing(named), NOT_FETCHED);
            }
            Err(problem) => self.seen.problems.push(problem),
        }
    }

    fn refuse(&mut self, line: usize, message: impl Into<String>, help: &str) {
        self.seen.problems.push(Problem::error(message).at(Place::line(&*self.file, line)).help(help));
    }
}

fn missing(named: &str) -> String {
    format!("`{named}` is not in the repository")
}

/// The paths of a value: a text, or those of a list, of which each may stand in a mapping.
fn paths(node: &Node) -> Vec<(&Node, &str)> {
    let path = |item| {
        let node: &Node = Node::get(item, "path").unwrap_or(item);
        Some((node, text(node)?))
    };
    items(node).iter().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(files: &[(&str, &str)]) -> String {
        let overlay = files.iter().map(|(path, text)| ((*path).to_owned(), Some(text.as_bytes().to_vec()))).collect();
        let root = tempfile::tempdir().expect("folder");
        let seen = look_through(&SourceTree { root: root.path().to_owned(), overlay, ..SourceTree::default() }, "prod");
        let mut lines: Vec<_> = seen
            .problems
            .iter()
            .map(|problem| format!("{}: {}", problem.place.as_ref().unwrap(), problem.message))
            .collect();
        lines.push(format!("{:?} {:?}", seen.folders, seen.files));
        lines.join("; ")
    }

    /// Bases, components, patches and generator files are followed, each once.
    #[test]
    fn what_takes_part_is_followed() {
        let prod = "resources: [../base, extra.yaml]\npatches:\n- path: p.yaml\n- patch: '[]'\nconfigMapGenerator:\n- name: c\n  files: [app.ini=f.ini]\n  envs: [e.env]\ntransformers:\n- |-\n  kind: x\n";
        let seen = look(&[
            ("prod/kustomization.yaml", prod),
            ("prod/extra.yaml", ""),
            ("prod/p.yaml", ""),
            ("prod/f.ini", ""),
            ("prod/e.env", ""),
            ("base/kustomization.yml", "bases: [../prod]\nresources: [web.yaml]\n"),
            ("base/web.yaml", ""),
        ]);
        assert_eq!(
            seen,
            r#"{"base", "prod"} {"base/web.yaml", "prod/e.env", "prod/extra.yaml", "prod/f.ini", "prod/p.yaml"}"#
        );
    }

    /// Whatever would be fetched, leads out of the repository or is not there is refused at its line.
    #[test]
    fn remote_and_missing_parts_are_refused() {
        for (text, expected) in [
            (
                "resources:\n- https://example.com/x.yaml\n",
                "prod/kustomization.yaml:2: `https://example.com/x.yaml` is not in the repository",
            ),
            (
                "resources: [\"github.com/org/repo?ref=v1\"]\n",
                "prod/kustomization.yaml:1: `github.com/org/repo?ref=v1` is not in the repository",
            ),
            (
                "components: [\"git@host:repo\"]\n",
                "prod/kustomization.yaml:1: `git@host:repo` is not in the repository",
            ),
            (
                "\npatches:\n- path: https://example.com/p.yaml\n",
                "prod/kustomization.yaml:3: `https://example.com/p.yaml` is not in the repository",
            ),
            ("openapi: {path: \"http://x/y\"}\n", "prod/kustomization.yaml:1: `http://x/y` is not in the repository"),
            (
                "configMapGenerator: [{name: a, files: [\"k=http://x/y\"]}]\n",
                "prod/kustomization.yaml:1: `http://x/y` is not in the repository",
            ),
            ("resources: [../../etc]\n", "prod/kustomization.yaml:1: `../../etc` is not in the repository"),
            ("resources: [/etc]\n", "prod/kustomization.yaml:1: `/etc` is not in the repository"),
            ("resources: [gone.yaml]\n", "prod/kustomization.yaml:1: `gone.yaml` is not in the repository"),
            (
                "generators:\n- |-\n  apiVersion: builtin\n  kind: ConfigMapGenerator\n  metadata: {name: x}\n  files: [a=http://x/y]\n",
                "prod/kustomization.yaml:2: `http://x/y` is not in the repository",
            ),
            ("transformers: [t.yaml]\n", "prod/t.yaml:5: `../../up` is not in the repository"),
            (
                "ConfigMapGenerator: [{name: x, files: [a=/etc/passwd]}]\n",
                "prod/kustomization.yaml:1: `ConfigMapGenerator` is the name of a field in another case",
            ),
            (
                "configMapGenerator:\n- name: x\n  Files: [a=/etc/passwd]\n",
                "prod/kustomization.yaml:3: `Files` is the name of a field in another case",
            ),
            (
                "secretGenerator: [{name: x, file\u{17f}: [a=/etc/passwd]}]\n",
                "prod/kustomization.yaml:1: `file\u{17f}` is the name of a field in another case",
            ),
            (
                "Resources: ['http://x/y']\n",
                "prod/kustomization.yaml:1: `Resources` is the name of a field in another case",
            ),
            (
                "transformers:\n- |-\n  apiVersion: builtin\n  kind: PatchTransformer\n  metadata: {name: x}\n  Path: /etc/passwd\n",
                "prod/kustomization.yaml:2: `Path` is the name of a field in another case",
            ),
            ("helmCharts: [{name: x}]\n", "prod/kustomization.yaml:1: charts are not inflated inside of kustomize"),
            ("resources: [\n", "prod/kustomization.yaml:1: unclosed bracket"),
        ] {
            let plugin = "apiVersion: builtin\nkind: PatchTransformer\npath: p.yaml\nreplacements:\n- path: ../../up\n";
            let seen = look(&[("prod/kustomization.yaml", text), ("prod/t.yaml", plugin)]);
            assert!(seen.starts_with(expected), "{seen}");
        }
        assert!(look(&[("prod/other.yaml", "")]).starts_with("prod: there is no kustomization.yaml in this folder"));
    }
}
