//! Kustomize sources, rendered by the real `kustomize` (or `kubectl kustomize`) from the PATH.
//!
//! The kustomizations are looked through before anything runs: everything they name has to be a file or folder of the
//! repository. A folder of our own beside the checkout holds a kustomization that takes in the source and asks for the
//! origin of each object; plugins, exec functions and Helm stay switched off, which is kustomize's default.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Rendered;
use super::delivered::{complete, prepared, substituted};
use super::kustomization::Kustomizations;
use super::objects::{Found, Objects, Sealed, read_objects};
use super::plain::rendered;
use super::process::{ProcessError, find, run};
use super::tree::SourceTree;
use crate::domain::kustomization::folder_of;
use crate::domain::kustomization::hash;
use crate::domain::opaque::kustomization;
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::{Manifest, Origin};
use crate::domain::secret::MaskKey;
use crate::domain::source::Source;
use crate::domain::yaml::read_documents;

const ORIGIN: &str = "config.kubernetes.io/origin";

/// Renders a source. Kustomize builds all of it or nothing, so one broken file makes the whole source incomplete.
/// Blocks; to be called where that is allowed, inside of a tokio runtime.
pub(super) fn render(
    tree: &SourceTree,
    source: &Source,
    key: &MaskKey,
    heard: &(dyn Fn(&Manifest) + Sync),
) -> Rendered {
    let mut prepared = prepared(tree, source);
    let seen = std::mem::take(&mut prepared.seen);
    built(&prepared.tree, source, key, heard, seen, &|place| prepared.back(place))
}

/// Builds what was looked through; `back` leads a place in a file that was made for the build to where it came from.
pub(super) fn built(
    tree: &SourceTree,
    source: &Source,
    key: &MaskKey,
    heard: &(dyn Fn(&Manifest) + Sync),
    mut seen: Kustomizations,
    back: &dyn Fn(&mut Place),
) -> Rendered {
    let mut problems = std::mem::take(&mut seen.problems);
    let reads = seen.folders.iter().chain(&seen.files).cloned().collect();
    if problems.is_empty() {
        match build(tree, source, &seen).and_then(|text| substituted(source, text)) {
            Ok((text, hidden)) => {
                let read = |text: &str| {
                    let mut objects = read_objects(&shown(&source.path), text, source.namespace.as_deref());
                    trace_back(&mut objects, tree);
                    objects.led_back(back);
                    objects
                };
                let mut objects = read(&text);
                complete(source, &mut objects);
                let mut declared = objects.masked(&source.name, key);
                if let Some(delivered) = &source.delivered {
                    let hidden = read(&hidden);
                    let hidden = hidden.found.into_iter().chain(hidden.nameless);
                    let sealed = hidden.map(|found| Sealed::by_variable(found, &delivered.variables, key));
                    declared.sealed.extend(sealed);
                }
                let rendered = rendered(declared);
                rendered.manifests.iter().for_each(heard);
                return Rendered { reads, ..rendered };
            }
            Err(problem) => {
                problems.extend(broken_files(tree, &seen));
                if problems.is_empty() {
                    problems.push(problem);
                }
            }
        }
    }
    problems.iter_mut().filter_map(|problem| problem.place.as_mut()).for_each(back);
    let unfetched = seen.unfetched == problems.len();
    Rendered { problems, reads, incomplete: true, unfetched, ..Rendered::default() }
}

fn shown(folder: &str) -> String {
    if folder.is_empty() { "kustomize build .".to_owned() } else { format!("kustomize build {folder}") }
}

/// What kustomize prints for the source.
fn build(tree: &SourceTree, source: &Source, seen: &Kustomizations) -> Result<String, Problem> {
    let folder = &*source.path;
    let refuse = |message: String| Problem::error(message).at(Place::file(folder));
    let program = find(&["kustomize", "kubectl"]).ok_or_else(|| {
        refuse("kustomize is not installed".to_owned()).help("put `kustomize` or `kubectl` on the PATH of trueup")
    })?;
    let workplace = Workplace::new(tree, folder, seen)
        .map_err(|error| refuse(format!("the folder for kustomize cannot be made: {error}")))?;
    let verb = if program.ends_with("kubectl") { "kustomize" } else { "build" };
    let mut args = vec![verb.to_owned(), ".".to_owned()];
    // as Flux does it; every path that is named was looked at, but for those that only a plugin understands
    let is_flux = source.delivered.as_ref().is_some_and(|delivered| delivered.by.kind == kustomization());
    if is_flux && !seen.has_plugins {
        args.push("--load-restrictor=LoadRestrictionsNone".to_owned());
    }
    let output = tokio::runtime::Handle::current().block_on(run(&program, &args, &[], workplace.folder.path()));
    let output = output.map_err(|error| match error {
        ProcessError::Failed(complaint) => refuse(format!("kustomize: {}", gist(&complaint))),
        other => refuse(format!("kustomize {other}")),
    })?;
    String::from_utf8(output).map_err(|_| refuse("kustomize wrote something that is not UTF-8".to_owned()))
}

/// The cause at the end of kustomize's chain of causes. Values may be quoted in it (between backquotes, or as a whole
/// patch), and may be secret: they are left out.
fn gist(complaint: &str) -> String {
    let line = complaint.lines().next().unwrap_or_default();
    let cause = line.rsplit("accumulating resources: ").next().unwrap_or(line);
    let inner = cause.rsplit_once("recursed accumulation of path '").and_then(|(_, rest)| rest.split_once("': "));
    let cause = inner.map_or(cause, |(_, inner)| inner);
    let cause = cause.split(" with config:").next().unwrap_or(cause).trim_start_matches("Error: ");
    let outside = cause.split('`').step_by(2).collect::<Vec<_>>();
    outside.join("…").chars().take(300).collect()
}

/// A folder beside the checkout in which kustomize runs, gone when it is dropped.
struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    fn new(tree: &SourceTree, source: &str, seen: &Kustomizations) -> std::io::Result<Self> {
        let root = tree.root.canonicalize()?;
        let parent = root.parent().unwrap_or(&root);
        let folder = tempfile::Builder::new().prefix(".kustomize-").tempdir_in(parent)?;
        let base = if tree.overlay.is_empty() {
            Path::new("..").join(root.file_name().unwrap_or_default())
        } else {
            for below in &seen.folders {
                link(&root.join(below), &folder.path().join("tree").join(below), below, &tree.overlay)?;
            }
            let is_outside =
                |file: &&String| !seen.folders.contains(folder_of(file)) && !tree.overlay.contains_key(*file);
            for file in seen.files.iter().filter(is_outside) {
                let to = folder.path().join("tree").join(file);
                std::fs::create_dir_all(to.parent().unwrap_or(&to))?;
                if !to.exists() {
                    std::fs::hard_link(root.join(file), &to)
                        .or_else(|_| std::fs::copy(root.join(file), &to).map(drop))?;
                }
            }
            for (file, content) in tree.overlay.iter().filter_map(|(file, content)| Some((file, content.as_ref()?))) {
                let path = folder.path().join("tree").join(file);
                std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
                std::fs::write(path, content)?;
            }
            PathBuf::from("tree")
        };
        let resource = Value::from(base.join(source).to_string_lossy());
        let kustomization = format!("resources: [{resource}]\nbuildMetadata: [originAnnotations]\n");
        std::fs::write(folder.path().join("kustomization.yaml"), kustomization)?;
        Ok(Self { folder })
    }
}

/// Gives the files of a folder a second name in another, without those that the overlay replaces. Links and special
/// files are left out.
fn link(from: &Path, to: &Path, name: &str, overlay: &BTreeMap<String, Option<Vec<u8>>>) -> std::io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let part = entry.file_name();
        let below = if name.is_empty() {
            part.to_string_lossy().into_owned()
        } else {
            format!("{name}/{}", part.to_string_lossy())
        };
        let (from, to, kind) = (entry.path(), to.join(&part), entry.file_type()?);
        if kind.is_dir() {
            link(&from, &to, &below, overlay)?;
        } else if kind.is_file() && !overlay.contains_key(&below) && !to.exists() {
            std::fs::hard_link(&from, &to).or_else(|_| std::fs::copy(&from, &to).map(drop))?;
        }
    }
    Ok(())
}

/// Files that are no YAML, with their lines: kustomize names a file without its folder.
fn broken_files(tree: &SourceTree, seen: &Kustomizations) -> Vec<Problem> {
    let broken = |file: &String| match tree.read_text(file) {
        Err(problem) => Some(problem),
        Ok(text) => read_documents(&text?).err().map(|error| {
            let problem = Problem::error(error.message).at(Place::line(&**file, error.line));
            problem.help("correct the YAML, nothing of this source is known until then")
        }),
    };
    seen.files.iter().filter_map(broken).collect()
}

/// Takes kustomize's note of its origin off every object, and finds the document it came from.
fn trace_back(objects: &mut Objects, tree: &SourceTree) {
    let mut files: BTreeMap<String, Vec<Found>> = BTreeMap::new();
    for found in objects.found.iter_mut().chain(&mut objects.nameless) {
        let note = take_note(&mut found.object);
        found.stem = hash::stem(&found.object);
        let path = note.as_deref().and_then(origin_path);
        found.origin = path.and_then(|path| {
            let declared = files.entry(path).or_insert_with_key(|path| {
                let text = tree.read_text(path).ok().flatten().unwrap_or_default();
                read_objects(path, &text, None).found
            });
            document_of(found, declared)
        });
        if let Some(origin) = &found.origin {
            found.place = Place::line(&*origin.file, origin.line);
        }
    }
}

fn take_note(object: &mut Value) -> Option<String> {
    let metadata = object.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.get_mut("annotations")?.as_object_mut()?;
    let note = annotations.remove(ORIGIN);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
    Some(note?.as_str()?.to_owned())
}

/// The file of a note, relative to the repository; none for what a generator made.
/// The note's path starts at our own folder: `../tree/apps/base/web.yaml`, or `tree/apps/base/web.yaml`.
fn origin_path(note: &str) -> Option<String> {
    let path = note.lines().find_map(|line| line.strip_prefix("path: "))?.trim_matches(['"', '\'']);
    let below_root = path.strip_prefix("../").unwrap_or(path).split_once('/')?.1;
    Some(below_root.to_owned())
}

/// The document of the file that declares an object: the only one of its kind, else the one whose name is the longest
/// part of the object's name, which a prefix or suffix may have changed.
fn document_of(found: &Found, declared: &[Found]) -> Option<Origin> {
    let alike: Vec<_> = declared.iter().filter(|other| other.id.kind == found.id.kind).collect();
    let nearest = alike.iter().filter(|other| found.id.name.contains(&other.id.name));
    match (&alike[..], nearest.max_by_key(|other| other.id.name.len())) {
        ([only], _) | (_, Some(only)) => only.origin.clone(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::resource::{GroupKind, ResourceId};

    /// The cause is kept, and values that may be secret are not.
    #[test]
    fn complaints_are_cut_to_their_cause() {
        for (complaint, expected) in [
            (
                "Error: accumulating resources: accumulation err='accumulating resources from 'a': must resolve to a file': accumulating resources: accumulating resources from 'web.yaml': MalformedYAMLError: yaml: line 4: did not find\nmore",
                "accumulating resources from 'web.yaml': MalformedYAMLError: yaml: line 4: did not find",
            ),
            (
                "Error: accumulating resources: accumulation err='x': recursed accumulation of path '/tmp/a': no matches for Id",
                "no matches for Id",
            ),
            (
                "Error: trouble configuring builtin PatchTransformer with config: `patch: hunter2`",
                "trouble configuring builtin PatchTransformer",
            ),
            ("Error: cannot unmarshal !!str `hunter2` into int", "cannot unmarshal !!str … into int"),
        ] {
            assert_eq!(gist(complaint), expected);
        }
    }

    /// Notes lead back into the repository, whichever of the two trees was built; what a generator made has no file.
    #[test]
    fn notes_lead_to_files() {
        for (note, expected) in [
            ("path: ../tree/apps/base/web.yaml\n", Some("apps/base/web.yaml")),
            ("path: tree/web.yaml\n", Some("web.yaml")),
            ("configuredIn: ../tree/kustomization.yaml\nconfiguredBy:\n  kind: ConfigMapGenerator\n", None),
        ] {
            assert_eq!(origin_path(note).as_deref(), expected);
        }
        let mut object = json!({"metadata": {"name": "a", "annotations": {ORIGIN: "path: x"}}});
        assert_eq!(take_note(&mut object).as_deref(), Some("path: x"));
        assert_eq!(object, json!({"metadata": {"name": "a"}}));
    }

    /// Prefixes and suffixes do not hide the document; two that fit equally are not guessed between.
    #[test]
    fn documents_are_found_by_kind_and_name() {
        let declared = read_objects(
            "f.yaml",
            "kind: Service\napiVersion: v1\nmetadata: {name: web}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: web}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: web-db}\n",
            None,
        );
        for (kind, name, expected) in [
            ("Service", "other", Some(0)),
            ("ConfigMap", "prod-web-1", Some(1)),
            ("ConfigMap", "prod-web-db", Some(2)),
            ("ConfigMap", "x", None),
            ("Secret", "web", None),
        ] {
            let found = Found {
                id: ResourceId::new(GroupKind::new("", kind), None, name),
                object: Value::Null,
                origin: None,
                stem: None,
                place: Place::file(""),
            };
            let document = document_of(&found, &declared.found).map(|origin| origin.document);
            assert_eq!(document, expected, "{kind} {name}");
        }
    }
}
