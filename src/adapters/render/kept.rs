//! What the files of a plain source came to, kept beside the clone from one run to the next, so that an unchanged file
//! is not read as YAML again.
//!
//! A file is known by the id that Git gives its content. Kept are only files without problems and without Secrets:
//! masks mean something under the key of one run alone. What is not exactly what this program wrote is not used, and
//! the files are read. The folder is trusted as much as the exported tree that lies in it.

use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tracing::debug;

use super::objects::Declared;
use super::tree::BlobId;
use crate::domain::problem::Place;
use crate::domain::resource::{GroupKind, Manifest, Origin, ResourceId};
use crate::domain::secret::MASK;
use crate::domain::source::Source;

/// The size of the checksum that a file ends with.
const SUM: usize = 32;

/// What is kept of one source. Its manifests share the file's bytes.
#[derive(Debug, Default)]
pub(super) struct Kept<'b> {
    bytes: Bytes,
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
    pub(super) fn read(bytes: &'b Bytes, source: &Source) -> Self {
        let files = bytes.split_last_chunk::<SUM>().and_then(|(rest, sum)| {
            let (maker, files) = postcard::take_from_bytes::<String>(rest).ok()?;
            let ours = maker == maker_of(source)? && Sha256::digest(rest)[..] == *sum;
            postcard::from_bytes::<Vec<File<'b>>>(files).ok().filter(|_| ours)
        });
        let files = files.into_iter().flatten().map(|file| (file.blob, file.objects)).collect();
        Self { bytes: bytes.clone(), files }
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
            let json = self.bytes.slice_ref(object.json.as_bytes());
            let manifest = Manifest::from_json(id, object.api_version, source, origin, json);
            (manifest, Place::line(shown, object.line))
        });
        Some(Declared { manifests: manifests.collect(), ..Declared::default() })
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

/// Whether the manifests are all that the file declares, and mean the same in every run.
fn may_be_kept(declared: &Declared) -> bool {
    let is_open = |manifest: &Manifest| std::str::from_utf8(manifest.json()).is_ok_and(|json| !json.contains(MASK));
    let is_plain = declared.problems.is_empty() && declared.nameless.is_empty() && declared.sealed.is_empty();
    is_plain && declared.manifests.iter().all(|(manifest, _)| is_open(manifest))
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
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    // whole or not at all
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut summed = Summed { file: BufWriter::new(&mut file), sum: Sha256::new() };
    postcard::to_io(&maker, &mut summed)?;
    postcard::to_io(files, &mut summed)?;
    summed.end()?;
    file.persist(path)?;
    Ok(())
}

/// A file that ends with the checksum of what was written before.
struct Summed<'f> {
    file: BufWriter<&'f mut tempfile::NamedTempFile>,
    sum: Sha256,
}

impl Summed<'_> {
    fn end(mut self) -> std::io::Result<()> {
        self.file.write_all(&self.sum.finalize())?;
        self.file.flush()
    }
}

impl Write for Summed<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Who wrote the file and what for: this very program, since another one may read YAML otherwise, for objects that get
/// this namespace.
fn maker_of(source: &Source) -> Option<String> {
    let program = std::env::current_exe().ok()?.metadata().ok()?;
    let time = program.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let version = env!("CARGO_PKG_VERSION");
    Some(format!("trueup {version} {} {} {:?}", program.len(), time.as_nanos(), source.namespace))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::sync::Arc;

    use super::super::plain;
    use super::super::tree::SourceTree;
    use super::*;
    use crate::domain::secret::MaskKey;

    const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n";

    /// A repository of one file, and the folder in which manifests are kept.
    struct Repository {
        folder: tempfile::TempDir,
        source: Source,
    }

    impl Repository {
        fn new() -> Self {
            let source = Source::plain("shop", "apps");
            Self { folder: tempfile::tempdir().unwrap(), source }
        }

        /// What is declared while the file holds `text` and Git calls it `blob`.
        fn declares(&self, blob: u8, text: &str) -> String {
            let root = self.folder.path().join("tree");
            fs::create_dir_all(root.join("apps")).unwrap();
            fs::write(root.join("apps/a.yaml"), text).unwrap();
            let blobs = Arc::new(BTreeMap::from([("apps/a.yaml".to_owned(), [blob; 20])]));
            let tree = SourceTree { root, blobs, kept: Some(self.kept()), ..SourceTree::default() };
            let rendered = plain::render(&tree, &self.source, &MaskKey::for_this_run(b"k"), &|_| {});
            let manifests = rendered.manifests.iter().map(|manifest| {
                let place = manifest.origin.as_ref().map(|origin| (origin.line, origin.document, origin.list_item));
                format!("{} {} {} {place:?}", manifest.id, manifest.source, manifest.object())
            });
            manifests.chain(rendered.problems.iter().map(ToString::to_string)).collect::<Vec<_>>().join("; ")
        }

        fn kept(&self) -> PathBuf {
            self.folder.path().join("manifests")
        }

        fn file(&self) -> PathBuf {
            place(&self.kept(), &self.source)
        }
    }

    fn config_map(name: &str) -> String {
        format!(
            "---\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: {name}}}\n"
        )
    }

    /// A file that Git calls the same is not read again, and one that changed is; what is kept says the same as reading.
    #[test]
    fn unchanged_files_are_not_read_again() {
        let repository = Repository::new();
        let first = repository.declares(1, &config_map("a"));
        assert!(first.starts_with("ConfigMap a shop {") && first.ends_with(" Some((6, 1, Some(0)))"), "{first}");
        assert_eq!(repository.declares(1, "not read"), first);
        assert!(repository.declares(2, &config_map("b")).starts_with("ConfigMap b"));
        // what no file is any more is kept no longer
        assert!(repository.declares(1, &config_map("c")).starts_with("ConfigMap c"));
    }

    /// Objects get the namespace of their source: under another one nothing that is kept is used.
    #[test]
    fn another_namespace_is_another_source() {
        let mut repository = Repository::new();
        repository.declares(1, &config_map("a"));
        repository.source.namespace = Some("team".to_owned());
        assert!(repository.declares(1, &config_map("a")).starts_with("ConfigMap team/a"));
    }

    /// Nothing of a file with a Secret or with a problem is kept.
    #[test]
    fn secrets_and_problems_are_not_kept() {
        let repository = Repository::new();
        for text in [SECRET.to_owned(), format!("{}---\n{SECRET}", config_map("a")), "a: [hunter2\n".to_owned()] {
            let read = repository.declares(1, &text);
            let kept = fs::read(repository.file()).unwrap_or_default();
            assert!(!kept.windows(7).any(|part| part == b"hunter2" || part == MASK.as_bytes()), "{text}");
            assert_ne!(repository.declares(1, &config_map("b")), read, "{text}");
            fs::remove_dir_all(repository.kept()).unwrap();
        }
    }

    /// Cut short, with any byte changed, or something else altogether: then the file in Git counts.
    #[test]
    fn a_damaged_file_changes_nothing() {
        let repository = Repository::new();
        repository.declares(1, &config_map("kept"));
        let whole = fs::read(repository.file()).unwrap();
        let expected = Repository::new().declares(1, &config_map("read"));
        let check = |damaged: &[u8]| {
            fs::write(repository.file(), damaged).unwrap();
            assert_eq!(repository.declares(1, &config_map("read")), expected);
        };
        (0..whole.len()).for_each(|length| check(&whole[..length]));
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            check(&damaged);
        }
        check(b"something else");
        fs::write(repository.file(), &whole).unwrap();
        assert!(repository.declares(1, &config_map("read")).starts_with("ConfigMap kept"));
    }
}
