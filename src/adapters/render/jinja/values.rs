//! Values files → the values of templates: `!include` followed, the files merged in order.

use std::collections::BTreeSet;

use minijinja::Value;
use serde_json::Value as Json;

use crate::adapters::render::tree::SourceTree;
use crate::domain::problem::{Place, Problem};
use crate::domain::repository_path::inside;
use crate::domain::yaml::{Content, Entry, read_values};

/// How deep files may include each other.
const DEPTH: usize = 8;
/// How many files may be included in all; a file counts each time.
const INCLUDES: usize = 1000;
/// How many bytes may be read in all.
const BYTES: usize = 16 << 20;

/// What values files come to.
pub(super) struct Values {
    /// The names that templates see.
    pub(super) root: Vec<Entry>,
    /// The files that were read.
    pub(super) reads: BTreeSet<String>,
    /// What could not be read; then nothing may be rendered.
    pub(super) problems: Vec<Problem>,
}

/// Reads values files and merges them: maps key by key, everything else is replaced by what the later file says.
pub(super) fn load(tree: &SourceTree, files: &[String]) -> Values {
    let mut reader = Reader { tree, reads: BTreeSet::new(), open: Vec::new(), includes: 0, bytes: 0 };
    let mut root = Content::Map(Vec::new());
    let mut problems = Vec::new();
    for file in files {
        match reader.file(file) {
            Ok(Content::Scalar(Json::Null)) => {}
            Ok(content @ Content::Map(_)) => merge(&mut root, content),
            Ok(_) => {
                let problem = Problem::error("the values are no mapping").at(Place::line(&**file, 1));
                problems.push(problem.help("write them as `name: value`"));
            }
            Err(problem) => problems.push(problem),
        }
    }
    let Content::Map(root) = root else { return Values { root: Vec::new(), reads: reader.reads, problems } };
    Values { root, reads: reader.reads, problems }
}

/// What templates see of a value.
pub(super) fn to_value(content: &Content) -> Value {
    match content {
        Content::Scalar(Json::Null) => Value::from(()),
        Content::Scalar(Json::Bool(bool)) => Value::from(*bool),
        Content::Scalar(Json::Number(number)) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Value::from(int),
            (_, Some(big)) => Value::from(big),
            _ => Value::from(number.as_f64().unwrap_or_default()),
        },
        Content::Scalar(other) => Value::from(other.as_str().unwrap_or_default()),
        Content::List(items) => items.iter().map(|item| to_value(&item.content)).collect(),
        Content::Map(entries) => map(entries),
    }
}

/// What templates see of a mapping, in the order of the file.
pub(super) fn map(entries: &[Entry]) -> Value {
    Value::from_pairs(entries.iter().map(|entry| (entry.key.as_str(), to_value(&entry.value.content))))
}

fn merge(base: &mut Content, over: Content) {
    match (base, over) {
        (Content::Map(base), Content::Map(over)) => {
            for entry in over {
                match base.iter_mut().find(|other| other.key == entry.key) {
                    Some(other) => merge(&mut other.value.content, entry.value.content),
                    None => base.push(entry),
                }
            }
        }
        (base, over) => *base = over,
    }
}

struct Reader<'t> {
    tree: &'t SourceTree,
    reads: BTreeSet<String>,
    /// The files that are being read, each included by the one before it.
    open: Vec<String>,
    includes: usize,
    bytes: usize,
}

impl Reader<'_> {
    fn file(&mut self, file: &str) -> Result<Content, Problem> {
        self.reads.insert(file.to_owned());
        let text = self.tree.read_text(file)?.ok_or_else(|| {
            let problem = Problem::error("there is no such values file").at(Place::file(file));
            problem.help("correct `jinja.values` in the config")
        })?;
        self.bytes += text.len();
        if self.bytes > BYTES {
            let message = format!("the values files have more than {} MiB", BYTES >> 20);
            return Err(Problem::error(message).at(Place::file(file)).help("leave data out of them"));
        }
        self.open.push(file.to_owned());
        let root = read_values(&text, &mut |named| self.include(file, named));
        self.open.pop();
        match root {
            Ok(root) => Ok(root.map_or(Content::Scalar(Json::Null), |root| root.content)),
            Err(error) => {
                let problem = Problem::error(error.message).at(Place::line(file, error.line));
                Err(problem.help("correct it, nothing of this source is known until then"))
            }
        }
    }

    /// What stands in the place of `!include named` in a file.
    fn include(&mut self, file: &str, named: &str) -> Result<Content, String> {
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let path = inside(folder, named).ok_or("the included file lies outside of the repository")?;
        self.includes += 1;
        if self.open.contains(&path) {
            return Err(format!("{path} includes itself"));
        }
        if self.open.len() > DEPTH || self.includes > INCLUDES {
            return Err(format!("files are included more than {DEPTH} deep or {INCLUDES} times"));
        }
        if self.tree.read(&path).is_ok_and(|content| content.is_none()) {
            return Err(format!("the included file {path} is not in the repository"));
        }
        self.file(&path).map_err(|Problem { place, message, .. }| match place {
            Some(place) => format!("{place}: {message}"),
            None => message,
        })
    }
}
