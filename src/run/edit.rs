//! `trueup edit`: one edit of one file, by hand, with the editor that makes pull requests.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use crate::domain::diff_text::unified;
use crate::domain::field_path::FieldPath;
use crate::domain::resource::ResourceId;
use crate::domain::yaml::edit::{Action, Edit, apply};
use crate::domain::yaml::{Node, read_documents};

/// How many lines are shown around an edit.
const CONTEXT: usize = 3;
/// Bytes after which a file is no manifest any more.
const MAX_FILE_BYTES: u64 = 128 << 20;

/// What `trueup edit` does.
#[derive(Debug, Clone)]
pub struct EditRequest {
    /// The file.
    pub file: PathBuf,
    /// Which field or list item.
    pub path: FieldPath,
    /// What becomes of it.
    pub wish: Wish,
    /// In which document.
    pub target: Target,
    /// Whether the file stays as it is.
    pub dry_run: bool,
}

/// What becomes of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Wish {
    /// It is there and gets this value.
    Set(Value),
    /// It gets this value, with the parents that it lacks.
    Add(Value),
    /// It goes.
    Remove,
}

/// Which document of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The only one in which the path makes sense.
    Any,
    /// By position, from 0.
    Document(usize),
    /// By kind (any case) and name, also inside a `kind: List`.
    Resource { kind: String, name: String },
}

/// One object of a file.
struct Object {
    document: usize,
    list_item: Option<usize>,
    line: usize,
    value: Value,
}

/// A value as it is written on the command line: what kubectl reads there, or the text as it is.
pub fn written_value(text: &str, as_it_is: bool) -> anyhow::Result<Value> {
    if as_it_is || text.is_empty() {
        return Ok(Value::from(text));
    }
    let documents = read_documents(text).map_err(|error| anyhow::anyhow!("the value is no YAML: {error}"))?;
    ensure!(documents.len() <= 1, "the value is several YAML documents; --text takes it as it is");
    Ok(documents.first().and_then(|document| document.root.as_ref()).map_or(Value::Null, Node::to_json))
}

/// Edits the file in place and says what changed, as a unified diff; nothing where it is so already.
pub fn edit(request: &EditRequest) -> anyhow::Result<String> {
    let name = request.file.display();
    ensure!(
        !request.path.steps().is_empty(),
        "the path is empty: name a field or list item, a whole document is not edited"
    );
    let text = read(&request.file).with_context(|| format!("{name} cannot be read"))?;
    let objects = objects(&text).with_context(|| format!("{name} is no YAML that kubectl could read"))?;
    let object = choose(&objects, request).with_context(|| name.to_string())?;
    let is_there = request.path.get(&object.value).is_some();
    ensure!(is_there || !matches!(request.wish, Wish::Set(_)), "{name}:{}: {}", object.line, absent(request));
    let action = match &request.wish {
        Wish::Set(value) | Wish::Add(value) => Action::Set(value.clone()),
        Wish::Remove => Action::Remove,
    };
    let edit = Edit { document: object.document, list_item: object.list_item, path: request.path.clone(), action };
    let edited = apply(&text, &edit).with_context(|| format!("{name}:{}", object.line))?;
    if edited == text {
        return Ok(String::new());
    }
    if !request.dry_run {
        replace(&request.file, &text, &edited).with_context(|| format!("{name} cannot be written"))?;
    }
    let is_secret = |object: &Object| ResourceId::of(&object.value).is_some_and(|id| id.kind.is_secret());
    if is_secret(object) {
        return Ok(format!("{name}: {} changed (the content of a Secret is not shown)\n", request.path));
    }
    let context = if objects.iter().any(is_secret) { 0 } else { CONTEXT };
    Ok(unified(&name.to_string(), &text, &edited, context))
}

fn read(file: &Path) -> anyhow::Result<String> {
    let kind = fs::metadata(file)?;
    ensure!(!kind.is_dir(), "it is a folder; name a file in it");
    // reading a pipe could wait for ever, and nothing could be put in its place
    ensure!(kind.is_file(), "it is no ordinary file");
    ensure!(kind.len() <= MAX_FILE_BYTES, "it has more than {} MiB", MAX_FILE_BYTES >> 20);
    String::from_utf8(fs::read(file)?).map_err(|_| anyhow::anyhow!("it is not UTF-8; save it as UTF-8"))
}

/// Every document of a file, and every item of a `kind: List`.
fn objects(text: &str) -> anyhow::Result<Vec<Object>> {
    let documents = read_documents(text).map_err(|error| anyhow::anyhow!("line {}: {error}", error.line))?;
    let mut objects = Vec::new();
    for (document, read) in documents.iter().enumerate() {
        let Some(root) = &read.root else { continue };
        let value = root.to_json();
        let is_list = value["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
        let items = value["items"].as_array().filter(|_| is_list).cloned().unwrap_or_default();
        let line = read.line;
        objects.push(Object { document, list_item: None, line, value });
        let item = |(index, value)| Object { document, list_item: Some(index), line, value };
        objects.extend(items.into_iter().enumerate().map(item));
    }
    Ok(objects)
}

fn choose<'o>(objects: &'o [Object], request: &EditRequest) -> anyhow::Result<&'o Object> {
    let named: Vec<_> = objects.iter().filter(|object| is_meant(object, &request.target)).collect();
    ensure!(!objects.is_empty(), "there is nothing in it to edit but comments, if any");
    match (&request.target, named.as_slice()) {
        (_, []) => bail!("it holds no such document; it has {}", listed(objects)),
        (Target::Any, _) => {}
        (_, [only]) => return Ok(only),
        (Target::Document(_), [document, ..]) => return Ok(document),
        (Target::Resource { .. }, several) => {
            let several = several.iter().map(|object| format!("line {}", object.line)).collect::<Vec<_>>();
            bail!("several documents are that resource ({}); name one with --document", several.join(", "))
        }
    }
    let fitting: Vec<_> = named.iter().filter(|object| makes_sense(object, request)).collect();
    let documents: Vec<_> = named.iter().filter(|object| object.list_item.is_none()).collect();
    match (fitting.as_slice(), documents.as_slice()) {
        ([only], _) => Ok(only),
        // parents that are missing make sense where there is no choice
        ([], [only]) if matches!(request.wish, Wish::Add(_)) => Ok(only),
        ([], _) => bail!(absent(request)),
        (several, _) => bail!(
            "`{}` makes sense in {} documents; name one with --document or --resource: {}",
            request.path,
            several.len(),
            listed(objects)
        ),
    }
}

fn absent(request: &EditRequest) -> String {
    let hint = if matches!(request.wish, Wish::Set(_)) { "; --add adds it" } else { "" };
    format!("`{}` is not there{hint}", request.path)
}

fn is_meant(object: &Object, target: &Target) -> bool {
    match target {
        Target::Any => true,
        Target::Document(document) => object.document == *document,
        Target::Resource { kind, name } => {
            ResourceId::of(&object.value).is_some_and(|id| id.kind.kind.eq_ignore_ascii_case(kind) && id.name == *name)
        }
    }
}

/// Whether an edit has a place in a document: what is set or removed is there, and so is the parent of what is added.
fn makes_sense(object: &Object, request: &EditRequest) -> bool {
    let path = match &request.wish {
        Wish::Add(_) => request.path.parent(),
        Wish::Set(_) | Wish::Remove => Some(request.path.clone()),
    };
    path.is_some_and(|path| path.get(&object.value).is_some())
}

fn listed(objects: &[Object]) -> String {
    let told = |object: &Object| {
        let name = ResourceId::of(&object.value).map_or("no resource".to_owned(), |id| id.to_string());
        match object.list_item {
            Some(item) => format!("item {item} of document {} ({name})", object.document),
            None => format!("document {} ({name})", object.document),
        }
    };
    objects.iter().map(told).collect::<Vec<_>>().join(", ")
}

/// Puts a new content in place of the old one at once, so that nobody sees half of it; links stay links, and the file
/// keeps its mode and owner.
fn replace(file: &Path, old: &str, text: &str) -> anyhow::Result<()> {
    let file = file.canonicalize()?;
    let folder = file.parent().context("it has no folder")?;
    let before = file.metadata()?;
    ensure!(!before.permissions().readonly(), "it is read-only");
    ensure!(fs::read(&file)? == old.as_bytes(), "it was changed meanwhile; run again");
    let mut new = tempfile::NamedTempFile::new_in(folder)?;
    new.write_all(text.as_bytes())?;
    let own = new.as_file().metadata()?;
    let is_mine = (own.uid(), own.gid()) == (before.uid(), before.gid());
    if !is_mine && fchown(new.as_file(), Some(before.uid()), Some(before.gid())).is_err() {
        // of a file that others share with us only the content may be ours
        return Ok(fs::write(&file, text)?);
    }
    new.as_file().set_permissions(before.permissions())?;
    new.as_file().sync_all()?;
    new.persist(&file)?;
    Ok(())
}
