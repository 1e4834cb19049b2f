//! Plain manifests: every YAML and JSON file of a source, or of a path given on the command line, as it lies there.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rayon::prelude::*;

use super::Rendered;
use super::kept::{self, Kept};
use super::objects::{Declared, read_objects};
use super::tree::{SourceTree, is_hidden, is_manifest};
use crate::domain::discovery::takes;
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::{Manifest, ResourceId};
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;

/// Reads the manifests of a source. A file that cannot be read is a problem; the others are read all the same.
pub fn render(tree: &SourceTree, source: &Source, key: &MaskKey, heard: &(dyn Fn(&Manifest) + Sync)) -> Rendered {
    let place = tree.kept.as_ref().map(|folder| kept::place(folder, source));
    let bytes = Bytes::from(place.as_ref().and_then(|place| std::fs::read(place).ok()).unwrap_or_default());
    let kept = Kept::read(&bytes, source);
    let reader = Reader { source: &source.name, namespace: source.namespace.as_deref(), key, heard, kept: &kept };
    let directory = source.delivered.as_ref().and_then(|delivered| delivered.directory.as_ref());
    let wanted = |file: &str| directory.is_none_or(|directory| takes(directory, &source.path, file));
    let (read, problems) = reader.folder(tree, &source.path, &wanted, |file| file.to_owned());
    if let Some(place) = place.filter(|_| tree.overlay.is_empty()) {
        kept.renew(&place, source, read.iter().filter_map(|(file, declared)| Some((tree.blob(file)?, declared))));
    }
    Rendered { reads: vec![source.path.clone()], ..rendered(joined(read, problems)) }
}

/// Reads one file of a source in the state in which it is given.
pub fn render_text(file: &str, text: &str, source: &Source, key: &MaskKey) -> Rendered {
    rendered(read_objects(file, text, source.namespace.as_deref()).masked(&source.name, key))
}

/// Whether a source with this path reads a file of this name.
pub fn takes_in(path: &str, file: &str) -> bool {
    if file == path {
        return true;
    }
    let below =
        if path.is_empty() { Some(file) } else { file.strip_prefix(path).and_then(|rest| rest.strip_prefix('/')) };
    below.is_some_and(|below| is_manifest(below) && !below.split('/').rev().skip(1).any(is_hidden))
}

/// Reads files and folders given on the command line, such as a checkout or what `kubectl get -o yaml` printed.
/// Origins are named as the paths were given.
pub fn read_paths(paths: &[PathBuf], source: &str, namespace: Option<&str>, key: &MaskKey) -> Rendered {
    let reader = Reader { source, namespace, key, heard: &|_| {}, kept: &Kept::default() };
    let mut all = Declared::default();
    for path in paths {
        all.extend(reader.path(path));
    }
    rendered(all)
}

/// Of two declarations of one object the later counts, as `kubectl apply` would have it.
pub(super) fn rendered(declared: Declared) -> Rendered {
    let incomplete = !declared.problems.is_empty();
    let (sealed, nameless, mut problems) = (declared.sealed, declared.nameless, declared.problems);
    let mut latest: HashMap<&ResourceId, usize> = HashMap::with_capacity(declared.manifests.len());
    let mut overruled = HashSet::new();
    for (index, (manifest, place)) in declared.manifests.iter().enumerate() {
        let Some(before) = latest.insert(&manifest.id, index) else { continue };
        let earlier = &declared.manifests[before].1;
        let message = format!("{} is declared here and before at {earlier}, and the later counts", manifest.id);
        problems.push(Problem::warning(message).at(place.clone()).help("remove one of the two"));
        overruled.insert(before);
    }
    let counting = declared.manifests.into_iter().enumerate().filter(|(index, _)| !overruled.contains(index));
    let manifests = counting.map(|(_, (manifest, _))| manifest).collect();
    Rendered { manifests, sealed, nameless, problems, incomplete, ..Rendered::default() }
}

/// Everything that was read, in the order of the files.
fn joined(read: Vec<(String, Declared)>, problems: Vec<Problem>) -> Declared {
    let mut all = Declared { problems, ..Declared::default() };
    read.into_iter().for_each(|(_, declared)| all.extend(declared));
    all
}

/// What is the same for every file of a source.
pub(super) struct Reader<'r> {
    pub(super) source: &'r str,
    pub(super) namespace: Option<&'r str>,
    pub(super) key: &'r MaskKey,
    pub(super) heard: &'r (dyn Fn(&Manifest) + Sync),
    pub(super) kept: &'r Kept<'r>,
}

impl Reader<'_> {
    fn path(&self, path: &Path) -> Declared {
        let given = path.to_string_lossy().trim_end_matches('/').to_owned();
        if path.metadata().is_ok_and(|meta| !meta.is_dir() && !meta.is_file()) {
            return self.pipe(path, &given);
        }
        // what was named on the command line was meant, even if it is a link
        let real = match path.canonicalize() {
            Ok(real) => real,
            Err(error) => {
                return Declared::problem(Problem::error(format!("cannot be read: {error}")).at(Place::file(given)));
            }
        };
        if real.is_dir() {
            let tree = SourceTree { root: real, ..SourceTree::default() };
            let (read, problems) = self.folder(&tree, "", &|_| true, |file| format!("{given}/{file}"));
            return joined(read, problems);
        }
        let (Some(folder), Some(name)) = (real.parent(), real.file_name().and_then(|name| name.to_str())) else {
            return Declared::problem(Problem::error("the file name is not UTF-8").at(Place::file(given)));
        };
        let tree = SourceTree { root: folder.to_owned(), ..SourceTree::default() };
        self.file(&tree, name, &given)
    }

    /// Reads what another program prints, `<(kustomize build …)`: a pipe has no folder that it lies in.
    fn pipe(&self, path: &Path, given: &str) -> Declared {
        match std::fs::read_to_string(path) {
            Ok(text) => read_objects(given, &text, self.namespace).masked(self.source, self.key),
            Err(error) => Declared::problem(Problem::error(format!("cannot be read: {error}")).at(Place::file(given))),
        }
    }

    /// Reads every file of manifests below a folder that is wanted; `shown` names the files for people. Yields what each
    /// declares, and what stood in the way of finding them.
    fn folder(
        &self,
        tree: &SourceTree,
        folder: &str,
        wanted: &(dyn Fn(&str) -> bool + Sync),
        shown: impl Fn(&str) -> String + Sync,
    ) -> (Vec<(String, Declared)>, Vec<Problem>) {
        let listing = tree.files(folder);
        let renamed = listing.problems.into_iter().map(|mut problem| {
            if let Some(place) = &mut problem.place {
                place.file = shown(&place.file);
            }
            problem
        });
        let problems = renamed.collect();
        let files = listing.files.into_par_iter().filter(|file| (is_manifest(file) || file == folder) && wanted(file));
        let read = files.map(|file| {
            let declared = self.file(tree, &file, &shown(&file));
            declared.manifests.iter().for_each(|(manifest, _)| (self.heard)(manifest));
            (file, declared)
        });
        (read.collect(), problems)
    }

    /// Reads one file; `shown` names it for people.
    pub(super) fn file(&self, tree: &SourceTree, file: &str, shown: &str) -> Declared {
        if let Some(declared) = tree.blob(file).and_then(|blob| self.kept.get(&blob, shown, self.source)) {
            return declared;
        }
        match tree.read_text(file) {
            Ok(Some(text)) => read_objects(shown, &text, self.namespace).masked(self.source, self.key),
            Ok(None) => {
                let problem = Problem::error("the file went away while it was read").at(Place::file(shown));
                Declared::problem(problem.help("run again"))
            }
            Err(problem) => Declared::problem(problem.at(Place::file(shown))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::problem::Level;

    fn source(path: &str) -> Source {
        Source::plain("shop", path)
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
        let rendered = render(&tree, &source("s"), &MaskKey::for_this_run(b"k"), &|_| {});
        let files: Vec<_> = rendered.manifests.iter().map(|m| m.origin.as_ref().unwrap().file.as_str()).collect();
        assert_eq!(files, ["s/a.yaml", "s/c.json"]);
        assert_eq!(rendered.problems.len(), 1);
        assert_eq!(rendered.problems[0].place.as_ref().unwrap().file, "s/b.yaml");
        assert!(rendered.incomplete);
        assert!(render(&tree, &source("missing"), &MaskKey::for_this_run(b"k"), &|_| {}).incomplete);
    }

    /// Of two declarations of one object the later counts, and a warning names both.
    #[test]
    fn the_later_of_two_declarations_counts() {
        let (first, second) = (config_map("a"), config_map("a") + "data: {k: v}\n");
        let (_folder, tree) = tree(&[("a.yaml", &first), ("b.yaml", &second)]);
        let rendered = render(&tree, &source(""), &MaskKey::for_this_run(b"k"), &|_| {});
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
        let rendered = render(&tree, &source(""), &MaskKey::for_this_run(b"k"), &|_| {});
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
