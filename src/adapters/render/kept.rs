//! What the files of a plain source came to, kept beside the clone from one run to the next, so that an unchanged file
//! is not read as YAML again.
//!
//! A file is known by the id that Git gives its content. Kept are only files without problems and without Secrets:
//! masks mean something under the key of one run alone. What is not exactly what this program wrote is not used, and
//! the files are read. The folder is trusted as much as the exported tree that lies in it.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tracing::debug;

use super::objects::Declared;
use super::tree::BlobId;
use crate::domain::problem::Place;
use crate::domain::resource::{GroupKind, Manifest, Origin, ResourceId};
use crate::domain::secret::MASK;
use crate::domain::source::Source;

/// The size of the checksum that a file begins with.
const SUM: usize = 32;

/// What is kept of one source. Borrows from the file's bytes.
#[derive(Debug, Default)]
pub(super) struct Kept<'b> {
    files: HashMap<BlobId, Vec<Object<'b>>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct File<'b> {
    blob: BlobId,
    #[serde(borrow)]
    objects: Vec<Object<'b>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Object<'b> {
    group: &'b str,
    kind: &'b str,
    namespace: Option<&'b str>,
    name: &'b str,
    api_version: &'b str,
    line: usize,
    /// Document and item of its list; none where no edit could name it.
    origin: Option<(usize, Option<usize>)>,
    json: &'b str,
}

impl<'b> Kept<'b> {
    /// What `bytes`, the content of a file at [`place`], hold for `source`; nothing where they are anything else.
    pub(super) fn read(bytes: &'b [u8], source: &Source) -> Self {
        let files = bytes.split_at_checked(SUM).and_then(|(sum, rest)| {
            let (maker, files) = postcard::take_from_bytes::<String>(rest).ok()?;
            let ours = maker == maker_of(source)? && Sha256::digest(rest)[..] == *sum;
            postcard::from_bytes::<Vec<File<'b>>>(files).ok().filter(|_| ours)
        });
        Self { files: files.into_iter().flatten().map(|file| (file.blob, file.objects)).collect() }
    }

    /// The manifests of a file with this content, as if it had been read at the path `shown`.
    pub(super) fn get(&self, blob: &BlobId, shown: &str, source: &str) -> Option<Declared> {
        let manifests = self.files.get(blob)?.iter().map(|object| {
            let kind = GroupKind::new(object.group, object.kind);
            let origin = object.origin.map(|(document, list_item)| Origin {
                file: shown.to_owned(),
                document,
                line: object.line,
                list_item,
            });
            let id = ResourceId::new(kind, object.namespace, object.name);
            let manifest = Manifest::from_json(id, object.api_version, source, origin, object.json);
            (manifest, Place::line(shown, object.line))
        });
        Some(Declared { manifests: manifests.collect(), problems: Vec::new() })
    }

    /// Writes what the files of a source came to, if that is not what is kept already. A failure costs the next run
    /// some time and nothing else.
    pub(super) fn renew<'d>(&self, path: &Path, source: &Source, read: impl Iterator<Item = (BlobId, &'d Declared)>) {
        let files: HashMap<BlobId, &Declared> =
            read.filter(|(blob, declared)| self.files.contains_key(blob) || may_be_kept(declared)).collect();
        if files.len() == self.files.len() && files.keys().all(|blob| self.files.contains_key(blob)) {
            return;
        }
        let mut files: Vec<_> = files.into_iter().map(|(blob, declared)| file(blob, declared)).collect();
        files.sort_by_key(|file| file.blob);
        if let Err(error) = write(path, source, &files) {
            debug!(%error, path = %path.display(), "the manifests are not kept for the next run");
        }
    }
}

/// Where the manifests of a source are kept below `folder`.
pub(super) fn place(folder: &Path, source: &Source) -> PathBuf {
    let name = Sha256::digest(&source.name).iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
    folder.join(name)
}

/// Whether the manifests mean the same in every run.
fn may_be_kept(declared: &Declared) -> bool {
    let is_open = |manifest: &Manifest| std::str::from_utf8(manifest.json()).is_ok_and(|json| !json.contains(MASK));
    declared.problems.is_empty() && declared.manifests.iter().all(|(manifest, _)| is_open(manifest))
}

fn file(blob: BlobId, declared: &Declared) -> File<'_> {
    let objects = declared.manifests.iter().filter_map(|(manifest, place)| {
        Some(Object {
            group: &manifest.id.kind.group,
            kind: &manifest.id.kind.kind,
            namespace: manifest.id.namespace.as_deref(),
            name: &manifest.id.name,
            api_version: &manifest.api_version,
            line: place.line?,
            origin: manifest.origin.as_ref().map(|origin| (origin.document, origin.list_item)),
            json: std::str::from_utf8(manifest.json()).ok()?,
        })
    });
    File { blob, objects: objects.collect() }
}

fn write(path: &Path, source: &Source, files: &[File<'_>]) -> anyhow::Result<()> {
    let Some(maker) = maker_of(source) else { return Ok(()) };
    let rest = postcard::to_extend(&files, postcard::to_extend(&maker, Vec::new())?)?;
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    // whole or not at all
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&Sha256::digest(&rest))?;
    file.write_all(&rest)?;
    file.persist(path)?;
    Ok(())
}

/// Who wrote the file and what for: this very program, since another one may read YAML otherwise, for objects that get
/// this namespace.
fn maker_of(source: &Source) -> Option<String> {
    let program = std::env::current_exe().ok()?.metadata().ok()?;
    let time = program.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let version = env!("CARGO_PKG_VERSION");
    Some(format!("trueup {version} {} {} {:?}", program.len(), time.as_nanos(), source.namespace))
}
