//! What a kustomization says and names, read as kustomize reads it; where its paths lead is for the reader to look up.
//! Fields: <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>.

pub mod hash;
pub mod readers;

use serde_json::Value;

use crate::domain::candidates::Files;
use crate::domain::repository_path::inside;
use crate::domain::yaml::{Content, Entry, Node, read_documents};

/// The names of a kustomization's file, in the order in which they are looked for.
pub const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Lists of paths, or of YAML written in place.
const LISTS: [&str; 10] = [
    "resources",
    "bases",
    "components",
    "crds",
    "configurations",
    "generators",
    "transformers",
    "validators",
    "patchesStrategicMerge",
    "openapi",
];
/// Lists of mappings that name one path each.
const WITH_PATH: [&str; 3] = ["patches", "patchesJson6902", "replacements"];
/// Generators, whose files may be written as `key=path`.
const GENERATORS: [&str; 2] = ["configMapGenerator", "secretGenerator"];

/// Fields of entries that name paths.
const ENTRY: [&str; 5] = ["path", "paths", "files", "envs", "env"];
/// Fields that inflate charts.
pub const CHARTS: [&str; 2] = ["helmCharts", "helmChartInflationGenerator"];

/// The kustomization of a folder.
#[derive(Debug, Clone)]
pub struct Kustomization {
    /// The folder.
    pub folder: String,
    /// Its file.
    pub file: String,
    /// Which document of the file.
    pub document: usize,
    /// What it says.
    pub root: Node,
}

impl Kustomization {
    /// Reads the kustomization of a folder; none where there is none.
    pub fn read(files: &dyn Files, folder: &str) -> Result<Option<Self>, String> {
        for file in NAMES.map(|name| below(folder, name)) {
            let Some(text) = files.read(&file)? else { continue };
            let documents = read_documents(&text).map_err(|error| format!("{file}:{}: {error}", error.line))?;
            let document = documents.into_iter().find_map(|document| Some((document.index, document.root?)));
            let nothing = Node { content: Content::Scalar(Value::Null), line: 1, column: 1 };
            let (document, root) = document.unwrap_or((0, nothing));
            return Ok(Some(Self { folder: folder.to_owned(), file, document, root }));
        }
        Ok(None)
    }

    /// The value of a field; null where it is not there.
    pub fn field(&self, name: &str) -> Value {
        self.root.get(name).map(Node::to_json).unwrap_or_default()
    }

    /// The files that it takes for patches, relative to the repository: parts of objects, and none themselves.
    pub fn patches(&self) -> Vec<String> {
        let fields = ["patches", "patchesJson6902", "patchesStrategicMerge"];
        let entries = fields.into_iter().filter_map(|name| self.root.get(name)).flat_map(items);
        let paths = entries.filter_map(|entry| text(entry.get("path").unwrap_or(entry)));
        paths.filter(|path| !is_yaml(path)).filter_map(|path| self.inside(path)).collect()
    }

    /// A path that it names, relative to the repository; none where it leads out of that or is an address.
    pub fn inside(&self, path: &str) -> Option<String> {
        inside(&self.folder, path).filter(|_| !is_remote(path))
    }
}

/// A file of a folder.
pub fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The folder of a file.
pub fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What kustomize takes for an address even where a folder of this name exists.
pub fn is_remote(path: &str) -> bool {
    path.contains("://")
        || ["git@", "git::", "gh:", "github.com", "gitlab.com"].iter().any(|start| path.starts_with(start))
}

/// Every path that a kustomization names, as it is written and where: resources and bases first, in kustomize's order.
/// What is YAML written in place is none.
pub fn named(root: &Node) -> Vec<(&Node, &str)> {
    let mut named = Vec::new();
    for node in LISTS.iter().filter_map(|name| root.get(name)).flat_map(items) {
        let node = node.get("path").unwrap_or(node);
        named.extend(text(node).filter(|text| !is_yaml(text)).map(|path| (node, path)));
    }
    for node in WITH_PATH.iter().filter_map(|name| root.get(name)).flat_map(items) {
        let node = node.get("path");
        named.extend(node.and_then(|node| Some((node, text(node)?))));
    }
    for generator in GENERATORS.iter().filter_map(|name| root.get(name)).flat_map(items) {
        let lists = ["files", "envs", "env"].into_iter().filter_map(|list| generator.get(list));
        for node in lists.flat_map(items) {
            named.extend(text(node).map(|text| (node, text.split_once('=').map_or(text, |(_, path)| path))));
        }
    }
    named
}

/// Every entry that is YAML written in place where a path could stand, and where: generators and transformers, mostly.
pub fn written_in_place(root: &Node) -> Vec<(&Node, &str)> {
    let entries = LISTS.iter().filter_map(|name| root.get(name)).flat_map(items);
    entries.filter_map(|node| Some((node, text(node).filter(|text| is_yaml(text))?))).collect()
}

/// Keys that kustomize reads as a field that names paths, though they are written in another case: Go takes names of
/// fields in any. What they name would not be seen here.
pub fn misspelt(root: &Node) -> Vec<(usize, &str)> {
    let fields = LISTS.iter().chain(&WITH_PATH).chain(&GENERATORS).chain(&CHARTS).chain(&ENTRY).copied();
    let fields: Vec<&str> = fields.collect();
    let entries = entries_of(root).iter().filter(|entry| fields.contains(&&*entry.key));
    let nested = entries.flat_map(|entry| items(&entry.value)).flat_map(entries_of);
    let odd = |entry: &&Entry| {
        !fields.contains(&&*entry.key) && fields.iter().any(|field| folded(field) == folded(&entry.key))
    };
    entries_of(root).iter().chain(nested).filter(odd).map(|entry| (entry.line, &*entry.key)).collect()
}

fn entries_of(node: &Node) -> &[Entry] {
    match &node.content {
        Content::Map(entries) => entries,
        _ => &[],
    }
}

/// A name as Go folds it: two letters beyond ASCII are the same as one of ASCII.
fn folded(name: &str) -> String {
    name.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase()
}

/// Each item of a list; a value that is no list counts as one.
pub fn items(node: &Node) -> &[Node] {
    match &node.content {
        Content::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// Whether an entry is YAML itself instead of the path of a file.
pub fn is_yaml(text: &str) -> bool {
    text.contains('\n') || (!is_remote(text) && text.contains(": "))
}

/// The text of a scalar.
pub fn text(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar(Value::String(text)) => Some(text),
        _ => None,
    }
}
