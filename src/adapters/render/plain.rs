//! Plain manifests: every YAML and JSON file of a source, or of a path given on the command line, as it lies there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::Rendered;
use super::objects::{Found, Objects, read_objects};
use super::tree::{SourceTree, is_manifest};
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::ResourceId;
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;

/// Reads the manifests of a source. A file that cannot be read is a problem; the others are read all the same.
pub fn render(tree: &SourceTree, source: &Source, key: &MaskKey) -> Rendered {
    let read = read_folder(tree, &source.path, |file| file.to_owned(), source.namespace.as_deref());
    Rendered { reads: vec![source.path.clone()], ..rendered(read, &source.name, key) }
}

/// Reads files and folders given on the command line, such as a checkout or what `kubectl get -o yaml` printed.
/// Origins are named as the paths were given.
pub fn read_paths(paths: &[PathBuf], source: &str, namespace: Option<&str>, key: &MaskKey) -> Rendered {
    let mut all = Objects::default();
    for path in paths {
        let objects = read_path(path, namespace);
        all.found.extend(objects.found);
        all.problems.extend(objects.problems);
    }
    rendered(all, source, key)
}

/// Keeps what was found: secrets masked, and of two declarations of one object the later, as `kubectl apply` would.
pub(super) fn rendered(objects: Objects, source: &str, key: &MaskKey) -> Rendered {
    let incomplete = !objects.problems.is_empty();
    let mut problems = objects.problems;
    let mut places: HashMap<ResourceId, usize> = HashMap::new();
    let mut kept: Vec<Option<Found>> = Vec::new();
    for found in objects.found {
        if let Some(before) = places.insert(found.id.clone(), kept.len())
            && let Some(earlier) = kept[before].take()
        {
            let message =
                format!("{} is declared here and before at {}, and the later counts", found.id, earlier.place);
            problems.push(Problem::warning(message).at(found.place.clone()).help("remove one of the two"));
        }
        kept.push(Some(found));
    }
    let manifests = kept.into_par_iter().flatten().map(|found| found.into_manifest(source, key)).collect();
    Rendered { manifests, problems, incomplete, reads: Vec::new() }
}

fn read_path(path: &Path, namespace: Option<&str>) -> Objects {
    let given = path.to_string_lossy().trim_end_matches('/').to_owned();
    // what was named on the command line was meant, even if it is a link
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(error) => {
            let problem = Problem::error(format!("cannot be read: {error}")).at(Place::file(given));
            return Objects { problems: vec![problem], ..Objects::default() };
        }
    };
    if real.is_dir() {
        let tree = SourceTree { root: real, ..SourceTree::default() };
        return read_folder(&tree, "", |file| format!("{given}/{file}"), namespace);
    }
    let (Some(folder), Some(name)) = (real.parent(), real.file_name().and_then(|name| name.to_str())) else {
        let problem = Problem::error("the file name is not UTF-8").at(Place::file(given));
        return Objects { problems: vec![problem], ..Objects::default() };
    };
    let tree = SourceTree { root: folder.to_owned(), ..SourceTree::default() };
    read_file(&tree, name, &given, namespace)
}

/// Reads every manifest below a folder; `shown` names the files for people.
fn read_folder(
    tree: &SourceTree,
    folder: &str,
    shown: impl Fn(&str) -> String + Sync,
    namespace: Option<&str>,
) -> Objects {
    let listing = tree.files(folder);
    let renamed = listing.problems.into_iter().map(|mut problem| {
        if let Some(place) = &mut problem.place {
            place.file = shown(&place.file);
        }
        problem
    });
    let mut all = Objects { problems: renamed.collect(), ..Objects::default() };
    let read: Vec<Objects> = listing
        .files
        .par_iter()
        .filter(|file| is_manifest(file) || *file == folder)
        .map(|file| read_file(tree, file, &shown(file), namespace))
        .collect();
    for objects in read {
        all.found.extend(objects.found);
        all.problems.extend(objects.problems);
    }
    all
}

fn read_file(tree: &SourceTree, file: &str, shown: &str, namespace: Option<&str>) -> Objects {
    match tree.read_text(file) {
        Ok(Some(text)) => read_objects(shown, &text, namespace),
        Ok(None) => {
            let problem = Problem::error("the file went away while it was read").at(Place::file(shown));
            Objects { problems: vec![problem.help("run again")], ..Objects::default() }
        }
        Err(mut problem) => {
            problem.place = Some(Place::file(shown));
            Objects { problems: vec![problem], ..Objects::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::problem::Level;
    use crate::domain::source::{Delivery, DeliveryTool, Renderer};

    fn source(path: &str) -> Source {
        Source {
            name: "shop".to_owned(),
            path: path.to_owned(),
            renderer: Renderer::Plain,
            namespace: None,
            environment: None,
            service: None,
            delivery: Delivery { tool: DeliveryTool::Unknown, manager: None },
        }
    }

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, SourceTree) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let tree = SourceTree { root: folder.path().to_owned(), ..SourceTree::default() };
        (folder, tree)
    }

    fn config_map(name: &str) -> String {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n")
    }

    /// A broken file is one problem with its line; the others are read, and the result says that it is incomplete.
    #[test]
    fn a_broken_file_stops_nothing() {
        let (a, c) = (config_map("a"), config_map("c"));
        let (_folder, tree) = tree(&[
            ("s/a.yaml", &a),
            ("s/b.yaml", "a: 1\nb: [1\n"),
            ("s/c.json", &c),
            ("s/README.md", "a: ["),
            ("other.yaml", &a),
        ]);
        let rendered = render(&tree, &source("s"), &MaskKey::for_this_run(b"k"));
        let files: Vec<_> = rendered.manifests.iter().map(|m| m.origin.as_ref().unwrap().file.as_str()).collect();
        assert_eq!(files, ["s/a.yaml", "s/c.json"]);
        assert_eq!(rendered.problems.len(), 1);
        assert_eq!(rendered.problems[0].place.as_ref().unwrap().file, "s/b.yaml");
        assert!(rendered.incomplete);
        assert!(render(&tree, &source("missing"), &MaskKey::for_this_run(b"k")).incomplete);
    }

    /// Of two declarations of one object the later counts, and a warning names both.
    #[test]
    fn the_later_of_two_declarations_counts() {
        let (first, second) = (config_map("a"), config_map("a") + "data: {k: v}\n");
        let (_folder, tree) = tree(&[("a.yaml", &first), ("b.yaml", &second)]);
        let rendered = render(&tree, &source(""), &MaskKey::for_this_run(b"k"));
        assert_eq!(rendered.manifests.len(), 1);
        assert_eq!(rendered.manifests[0].object()["data"]["k"], "v");
        let problem = &rendered.problems[0];
        assert_eq!(
            (problem.level, problem.place.as_ref().unwrap().to_string()),
            (Level::Warning, "b.yaml:1".to_owned())
        );
        assert!(problem.message.contains("a.yaml:1") && !rendered.incomplete);
    }

    /// No content of a Secret is left in what is rendered, whether it is read well or not.
    #[test]
    fn secrets_are_masked() {
        let secret = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata: {name: s}\n  stringData: {password: hunter2}\n";
        let (_folder, tree) = tree(&[("a.yaml", secret), ("b.yaml", "kind: Secret\nstringData: {password: hunter2\n")]);
        let rendered = render(&tree, &source(""), &MaskKey::for_this_run(b"k"));
        assert_eq!(rendered.manifests.len(), 1);
        let text = format!("{} {:?}", rendered.manifests[0].object(), rendered.problems);
        assert!(!text.contains("hunter2") && text.contains("masked:"), "{text}");
    }

    /// Paths of the command line keep the names they were given; a file needs no known ending.
    #[test]
    fn paths_keep_their_names() {
        let text = r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}]}"#;
        let (folder, _) = tree(&[("d/a.yaml", &config_map("a")), ("dump", text)]);
        let paths = [folder.path().join("d/"), folder.path().join("dump"), folder.path().join("nowhere")];
        let rendered = read_paths(&paths, "declared", Some("team"), &MaskKey::for_this_run(b"k"));
        let given = |path: &str| folder.path().join(path).to_string_lossy().into_owned();
        let files: Vec<_> = rendered.manifests.iter().map(|m| m.origin.clone().unwrap().file).collect();
        assert_eq!(files, [given("d/a.yaml"), given("dump")]);
        assert_eq!(rendered.manifests[1].id.to_string(), "ConfigMap team/x");
        assert_eq!(rendered.problems[0].place.as_ref().unwrap().file, given("nowhere"));
    }
}
