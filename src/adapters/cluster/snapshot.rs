//! Snapshots: a recorded live side. Two forms are read:
//!
//! - what `trueup snapshot` wrote: JSON lines, first a header that names every kind with whether it was complete, then
//!   one masked object a line;
//! - what `kubectl get -o json` or `-o yaml` printed: objects, lists, many documents, in one file or a folder.
//!
//! A kind that a snapshot recorded as failed, or did not record, is unknown and never absent.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::object::{Item, Reader};
use super::{Fold, ListError, Live};
use crate::domain::delivery_rules::essentials;
use crate::domain::problem::{Place, Problem};
use crate::domain::resource::{GroupKind, LiveObject, VersionedKind};
use crate::domain::schema::Schemas;
use crate::domain::secret::MaskKey;
use crate::domain::yaml::read_documents;

const SCHEMA: &str = "trueup.snapshot/v1";

/// What it means that a kind is not in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Only what the file says it recorded is known.
    AsRecorded,
    /// The file is all there is: a kind that is not in it has no objects.
    Everything,
}

/// A recorded live side.
#[derive(Debug)]
pub struct Snapshot {
    objects: BTreeMap<VersionedKind, Vec<Box<str>>>,
    /// What the header says of each kind; none for what kubectl printed.
    recorded: Option<Vec<RecordedKind>>,
    schemas: BTreeMap<String, Value>,
    completeness: Completeness,
    foreign_mask: bool,
    problems: Vec<Problem>,
    key: MaskKey,
}

/// Why a snapshot cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    /// A file holds something else.
    #[error("{place}: {message}")]
    Content { place: Place, message: String },
    /// The cluster could not be asked.
    #[error(transparent)]
    List(#[from] ListError),
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    schema: String,
    cluster: String,
    taken_at: String,
    mask_key: String,
    kinds: Vec<RecordedKind>,
    /// OpenAPI v3 documents of custom kinds by group and version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    schemas: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct RecordedKind {
    #[serde(rename = "apiVersion")]
    api_version: String,
    kind: String,
    /// Why it could not be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Snapshot {
    /// Reads a file, or every file of a folder. Secrets are masked as objects are read.
    pub fn open(path: &Path, completeness: Completeness, key: &MaskKey) -> Result<Self, SnapshotError> {
        let mut snapshot = Self {
            objects: BTreeMap::new(),
            recorded: None,
            schemas: BTreeMap::new(),
            completeness,
            foreign_mask: false,
            problems: Vec::new(),
            key: key.clone(),
        };
        for file in files(path)? {
            snapshot.read_file(&file)?;
        }
        Ok(snapshot)
    }

    /// What could not be read; the rest is there.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether Secrets were masked under another key, so that they compare with nothing.
    pub fn foreign_mask(&self) -> bool {
        self.foreign_mask
    }

    /// The version at which a kind was recorded; none where it was not.
    pub(super) fn version(&self, kind: &GroupKind) -> Option<VersionedKind> {
        let recorded = self.recorded.iter().flatten().map(|one| VersionedKind::new(&*one.api_version, &*one.kind));
        recorded.chain(self.objects.keys().cloned()).find(|one| one.group_kind() == *kind)
    }

    /// Whether the file says anything of a kind; of an optional one it says nothing where the cluster did not serve it.
    pub(super) fn serves(&self, kind: &VersionedKind) -> bool {
        let is_recorded = |one: &RecordedKind| one.api_version == kind.api_version && one.kind == kind.kind;
        self.objects.contains_key(kind) || self.recorded.iter().flatten().any(is_recorded)
    }

    /// The version at which a kind is recorded.
    pub(super) fn served(&self, kind: &GroupKind) -> Result<Option<VersionedKind>, ListError> {
        let recorded = self.recorded.iter().flatten().map(|one| VersionedKind::new(&*one.api_version, &*one.kind));
        let found = recorded.chain(self.objects.keys().cloned()).find(|known| known.group_kind() == *kind);
        found.map(Some).ok_or_else(|| ListError::Failed {
            kind: VersionedKind::new(&*kind.group, &*kind.kind),
            message: "the snapshot did not record it; take a new one".to_owned(),
        })
    }

    /// The OpenAPI v3 document of a group and version, where it was recorded.
    pub(super) fn schema(&self, api_version: &str) -> Option<Value> {
        self.schemas.get(api_version).cloned()
    }

    pub(super) fn list<S>(&self, kind: &VersionedKind, fold: Fold<'_, S>) -> Result<S, ListError> {
        let failed = |message: String| ListError::Failed { kind: kind.clone(), message };
        let objects = self.objects.get(kind);
        if let Some(recorded) = &self.recorded {
            let of_kind = recorded.iter().find(|one| one.api_version == kind.api_version && one.kind == kind.kind);
            match of_kind {
                Some(RecordedKind { error: Some(error), .. }) => {
                    return Err(failed(format!("it could not be listed when the snapshot was taken: {error}")));
                }
                Some(_) => {}
                None => return Err(failed("the snapshot did not record it; take a new one".to_owned())),
            }
        } else if objects.is_none() {
            let same_kind = self.objects.keys().find(|other| other.group_kind() == kind.group_kind());
            if let Some(other) = same_kind {
                return Err(failed(format!(
                    "the file holds it at {}; print it at {}",
                    other.api_version, kind.api_version
                )));
            }
            if self.completeness == Completeness::AsRecorded {
                return Err(failed("the file holds none; add it to what kubectl prints".to_owned()));
            }
        }
        let mut state = (fold.start)();
        let reader = Reader { wanted: fold.wanted, revisions: fold.revisions };
        for text in objects.into_iter().flatten() {
            let item = reader.item(text).map_err(|error| failed(error.to_string()))?;
            if let Some(live) = item.into_live(kind, &self.key) {
                (fold.observe)(&mut state, live);
            }
        }
        Ok(state)
    }

    fn read_file(&mut self, path: &Path) -> Result<(), SnapshotError> {
        let wrong = |source| SnapshotError::File { path: path.to_path_buf(), source };
        let file = std::fs::File::open(path).map_err(wrong)?;
        let mut reader = BufReader::new(file);
        let start = reader.fill_buf().map_err(wrong)?;
        let begins =
            |mark: &str| String::from_utf8_lossy(start).trim_start_matches('\u{feff}').trim_start().starts_with(mark);
        if begins("{\"schema\":\"trueup.snapshot/") {
            return self.read_own(path, reader);
        }
        let is_json = begins("{");
        // the rest of the same reader: a pipe (`<(kubectl get …)`) can be read only once
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(wrong)?;
        if is_json && self.read_json(&bytes).is_ok() {
            return Ok(());
        }
        self.read_yaml(path, bytes);
        Ok(())
    }

    fn read_own(&mut self, path: &Path, reader: impl BufRead) -> Result<(), SnapshotError> {
        let content = |line: usize, message: String| SnapshotError::Content {
            place: Place::line(path.display().to_string(), line),
            message,
        };
        for (number, line) in reader.lines().enumerate() {
            let line = line.map_err(|source| SnapshotError::File { path: path.to_path_buf(), source })?;
            if number == 0 {
                let header: Header = serde_json::from_str(&line).map_err(|error| content(1, error.to_string()))?;
                if header.schema != SCHEMA {
                    return Err(content(1, format!("{} was written by a newer trueup", header.schema)));
                }
                self.foreign_mask |= header.mask_key != self.key.id();
                self.recorded.get_or_insert_default().extend(header.kinds);
                self.schemas.extend(header.schemas);
                continue;
            }
            let kind = kind_of(&line).ok_or_else(|| content(number + 1, "is no object".to_owned()))?;
            self.objects.entry(kind).or_default().push(line.into());
        }
        Ok(())
    }

    /// One object or list; an error where it is something else, such as many documents.
    fn read_json(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let value: Value = serde_json::from_slice(bytes).map_err(drop)?;
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        if kind.ends_with("List") && value.get("items").is_some() {
            let item_kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
            let api_version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
            let default = item_kind.map(|kind| VersionedKind::new(api_version, kind));
            let mut items = Vec::new();
            WHOLE.page(bytes, |item| items.push(item), drop).map_err(drop)?;
            for item in items {
                let Some(kind) = item.kind().or_else(|| default.clone()) else { continue };
                self.keep(item, &kind);
            }
            return Ok(());
        }
        let item = WHOLE.item(std::str::from_utf8(bytes).map_err(drop)?).map_err(drop)?;
        let kind = item.kind().ok_or(())?;
        self.keep(item, &kind);
        Ok(())
    }

    fn read_yaml(&mut self, path: &Path, bytes: Vec<u8>) {
        let name = path.display().to_string();
        let Ok(text) = String::from_utf8(bytes) else {
            return self.problems.push(Problem::error("is not UTF-8").at(Place::file(name)));
        };
        let documents = match read_documents(&text) {
            Ok(documents) => documents,
            Err(error) => {
                return self.problems.push(Problem::error(error.message).at(Place::line(name, error.line)));
            }
        };
        for document in documents {
            let Some(root) = &document.root else { continue };
            if self.read_json(root.to_json().to_string().as_bytes()).is_err() {
                let problem = Problem::error("is no object with apiVersion and kind");
                self.problems.push(problem.at(Place::line(&*name, document.line)));
            }
        }
    }

    /// Keeps one object masked, with its kind and its managedFields, as text.
    fn keep(&mut self, item: Item, kind: &VersionedKind) {
        if let Some(live) = item.into_live(kind, &self.key) {
            self.objects.entry(kind.clone()).or_default().push(text_of(&live).into());
        }
    }
}

fn kind_of(line: &str) -> Option<VersionedKind> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "apiVersion")]
        api_version: String,
        kind: String,
    }
    let kind: Kind = serde_json::from_str(line).ok()?;
    Some(VersionedKind::new(kind.api_version, kind.kind))
}

fn files(path: &Path) -> Result<Vec<PathBuf>, SnapshotError> {
    let wrong = |source| SnapshotError::File { path: path.to_path_buf(), source };
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(wrong)? {
        let entry = entry.map_err(wrong)?.path();
        if entry.is_dir() {
            found.extend(files(&entry)?);
        } else if entry
            .extension()
            .is_some_and(|ending| ["json", "jsonl", "yaml", "yml"].iter().any(|known| ending == *known))
        {
            found.push(entry);
        }
    }
    found.sort();
    Ok(found)
}

/// One line: the object with its managedFields put back.
fn text_of(live: &LiveObject) -> String {
    let mut object = live.object.clone();
    let managed = live.managed_fields.as_ref().and_then(|raw| serde_json::from_str::<Value>(raw.get()).ok());
    if let (Some(managed), Some(metadata)) = (managed, object.get_mut("metadata").and_then(Value::as_object_mut)) {
        metadata.insert("managedFields".to_owned(), managed);
    }
    object.to_string()
}

/// Reads items with all that they hold.
const WHOLE: Reader<'static> = Reader { wanted: &|_, _| true, revisions: true };

/// The same for objects that hold rules of delivery tools, without what else they may hold.
const ESSENTIALS: Fold<'static, Vec<String>> =
    Fold { observe: &|lines, live| lines.push(essentials(&live.object).to_string()), revisions: true, ..LINES };

/// Every object of a list as a line.
const LINES: Fold<'static, Vec<String>> = Fold {
    start: &Vec::new,
    wanted: WHOLE.wanted,
    observe: &|lines, live| lines.push(text_of(&live)),
    revisions: false,
};

impl Live {
    /// Writes these kinds to a snapshot file, which appears only once it is complete. A kind that cannot be listed is
    /// recorded as failed, and told unless it is one that is only good to have: those hold rules of delivery tools, and of
    /// them no more is written than rules are read from.
    pub async fn record(
        &self,
        kinds: &[VersionedKind],
        good_to_have: &[VersionedKind],
        file: &Path,
        cluster: &str,
        taken_at: jiff::Timestamp,
        key: &MaskKey,
    ) -> Result<Vec<(VersionedKind, ListError)>, SnapshotError> {
        let wrong = |source| SnapshotError::File { path: file.to_path_buf(), source };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut body = tempfile::tempfile_in(folder).map_err(wrong)?;
        let mut recorded = Vec::new();
        let mut schemas = BTreeMap::new();
        let mut failures = Vec::new();
        for kind in kinds.iter().chain(good_to_have) {
            let described = if kinds.contains(kind) { self.add_schema(kind, &mut schemas).await } else { Ok(()) };
            let listed = match described {
                Ok(()) => self.list(kind, if kinds.contains(kind) { LINES } else { ESSENTIALS }).await,
                Err(error) => Err(error),
            };
            let error = match listed {
                Ok(lines) => {
                    for line in lines {
                        writeln!(body, "{line}").map_err(wrong)?;
                    }
                    None
                }
                // what is nowhere has no objects
                Err(ListError::NoSuchKind { .. }) => None,
                Err(error) => {
                    let text = error.to_string();
                    if kinds.contains(kind) {
                        failures.push((kind.clone(), error));
                    }
                    Some(text)
                }
            };
            recorded.push(RecordedKind { api_version: kind.api_version.clone(), kind: kind.kind.clone(), error });
        }
        let header = Header {
            schema: SCHEMA.to_owned(),
            cluster: cluster.to_owned(),
            taken_at: taken_at.to_string(),
            mask_key: key.id(),
            kinds: recorded,
            schemas,
        };
        let mut whole = tempfile::NamedTempFile::new_in(folder).map_err(wrong)?;
        let header = serde_json::to_string(&header).expect("strings always serialise");
        writeln!(whole, "{header}").map_err(wrong)?;
        std::io::Seek::rewind(&mut body).map_err(wrong)?;
        std::io::copy(&mut body, &mut whole).map_err(wrong)?;
        whole.persist(file).map_err(|error| wrong(error.error))?;
        Ok(failures)
    }

    /// Adds the document that describes a custom kind, unless it is there.
    async fn add_schema(&self, kind: &VersionedKind, schemas: &mut BTreeMap<String, Value>) -> Result<(), ListError> {
        if !Schemas::is_built_in(&kind.api_version, &kind.kind) && !schemas.contains_key(&kind.api_version) {
            schemas.extend(self.schema(kind).await?.map(|document| (kind.api_version.clone(), document)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(name: &str, text: &str) -> Snapshot {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("write");
        Snapshot::open(&file, Completeness::AsRecorded, &MaskKey::for_this_run(b"k")).expect("opens")
    }

    fn names(snapshot: &Snapshot, api_version: &str, kind: &str) -> Result<Vec<String>, String> {
        let kind = VersionedKind::new(api_version, kind);
        let fold: Fold<'_, Vec<String>> = Fold {
            start: &Vec::new,
            wanted: WHOLE.wanted,
            observe: &|names, live| names.push(live.id.to_string()),
            revisions: false,
        };
        let listed = snapshot.list(&kind, fold);
        listed.map_err(|error| error.to_string())
    }

    /// Whatever kubectl prints is read: an object, a list, a list of one kind, many YAML documents.
    #[test]
    fn what_kubectl_prints_is_read() {
        let one = "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}}";
        let list = format!("{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{one}]}}");
        let typed =
            "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMapList\", \"items\": [{\"metadata\": {\"name\": \"a\"}}]}";
        let yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nitems: []\nkind: List\n";
        for text in [one, &list, typed, yaml] {
            assert_eq!(names(&open("live", text), "v1", "ConfigMap"), Ok(vec!["ConfigMap a".to_owned()]), "{text}");
        }
    }

    /// A kind that is not there, or there at another version, is unknown.
    #[test]
    fn what_is_not_recorded_is_unknown() {
        let hpa = open("live", "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n");
        assert!(
            names(&hpa, "autoscaling/v2", "HorizontalPodAutoscaler").expect_err("unknown").contains("autoscaling/v1")
        );
        assert!(names(&hpa, "v1", "ConfigMap").is_err());
        let own = "{\"schema\":\"trueup.snapshot/v1\",\"cluster\":\"c\",\"taken_at\":\"\",\"mask_key\":\"\",\"kinds\":[{\"apiVersion\":\"v1\",\"kind\":\"Service\"},{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"error\":\"forbidden\"}]}\n";
        let own = open("live", own);
        assert_eq!(names(&own, "v1", "Service"), Ok(vec![]));
        assert!(names(&own, "v1", "Secret").expect_err("unknown").contains("forbidden"));
        assert!(names(&own, "v1", "ConfigMap").is_err());
        assert!(own.foreign_mask());
    }

    /// A broken document is a problem with its line; the file beside it is read.
    #[test]
    fn broken_documents_are_problems() {
        let snapshot = open("live.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\nno: object\n");
        assert_eq!(names(&snapshot, "v1", "ConfigMap"), Ok(vec!["ConfigMap a".to_owned()]));
        assert_eq!(snapshot.problems()[0].place.as_ref().and_then(|place| place.line), Some(5));
    }
}
