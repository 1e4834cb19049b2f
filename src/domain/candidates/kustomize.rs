//! Kustomizations: every place where an overlay or what it takes in may set a field, nearest first.
//!
//! Where a field is set already comes first: images, replicas, labels, patches and generators, those of the source's own
//! folder before those of what it takes in. Then comes the document that declares the resource, then a patch of the
//! resource that says nothing of the field yet, and last a new patch. A file that another kustomization of the
//! repository reads is no place at all, so that what is restored for one environment leaves the others alone.

mod fields;
mod generator;
mod json6902;
mod overlay;
mod patches;
mod strategic;

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Candidate, Files, Sought, adopt, document, object_at};
use crate::domain::field_edit::FieldChange;
use crate::domain::kustomization::readers::Readers;
use crate::domain::kustomization::{Kustomization, named};
use crate::domain::yaml::edit::{Edit, apply};

/// Candidates that are tried for one change, or for several together.
const MOST: usize = 12;
/// Kustomizations of one source that are looked through.
const MOST_LEVELS: usize = 100;

/// The readers of the repository's files, once they are needed; what is proposed here makes no others.
type Known = OnceCell<Result<Readers, String>>;

/// A place, or why it is none.
type Place = Result<Candidate, String>;

/// Every place for the changes, nearest first, and at the end why others are none. Several changes together have their
/// nearest places each, then their second ones, and so on.
pub(super) fn candidates(sought: &Sought<'_>, changes: &[FieldChange]) -> Vec<Place> {
    let readers = OnceCell::new();
    if let [change] = changes {
        return places(sought, change, &readers);
    }
    let mut candidates = Vec::new();
    for rank in 0..MOST {
        let candidate = together(sought, changes, rank, &readers);
        if candidates.contains(&candidate) {
            break;
        }
        candidates.push(candidate);
    }
    candidates
}

/// The places of this rank for each of the changes, one made after the other.
fn together(sought: &Sought<'_>, changes: &[FieldChange], rank: usize, readers: &Known) -> Place {
    let mut candidate = Candidate::new();
    for change in changes {
        let over = Over { below: sought.files, texts: &candidate };
        let mut places = places(&Sought { files: &over, ..*sought }, change, readers);
        let found = places.iter().filter(|place| place.is_ok()).count();
        let texts = places.swap_remove(rank.min(found.saturating_sub(1)))?;
        candidate.extend(texts);
    }
    Ok(candidate)
}

/// Files with new texts laid over them.
struct Over<'f> {
    below: &'f dyn Files,
    texts: &'f Candidate,
}

impl Files for Over<'_> {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        self.texts.get(path).map_or_else(|| self.below.read(path), |text| Ok(Some(text.clone())))
    }

    fn list(&self) -> Result<Vec<String>, String> {
        let mut files = self.below.list()?;
        files.extend(self.texts.keys().cloned());
        Ok(files)
    }

    fn links(&self) -> Vec<String> {
        self.below.links()
    }
}

/// The places where a field is set already, nearest first, whoever else reads them.
pub(super) fn set_already(sought: &Sought<'_>, change: &FieldChange) -> Vec<Candidate> {
    let readers = OnceCell::new();
    let search = Search::new(sought, &readers);
    search.map(|search| search.set_already(change).into_iter().flatten().collect()).unwrap_or_default()
}

/// The places for one change, those that are none at the end. Never empty.
fn places(sought: &Sought<'_>, change: &FieldChange, readers: &Known) -> Vec<Place> {
    let search = match Search::new(sought, readers) {
        Ok(search) => search,
        Err(reason) => return vec![Err(reason)],
    };
    let mut all = search.set_already(change);
    if sought.manifest.origin.is_some() {
        all.push(document::candidate(sought, std::slice::from_ref(change)));
    }
    for level in &search.levels {
        all.extend(patches::extensions(&search, level, change));
    }
    all.extend(overlay::places(&search, change));
    let mut places: Vec<Place> = Vec::new();
    let mut reasons: Vec<Place> = Vec::new();
    for place in all {
        match place.and_then(|place| search.unshared(place)) {
            Ok(place) if places.len() < MOST && !places.contains(&Ok(place.clone())) => places.push(Ok(place)),
            Ok(_) => {}
            Err(reason) => reasons.push(Err(reason)),
        }
    }
    places.extend(reasons);
    if places.is_empty() {
        places.push(Err("no place of its kustomizations is known for it; edit it by hand".to_owned()));
    }
    places
}

/// The places where a resource can be taken out: its document, else a patch that deletes it, where others read that too.
pub(super) fn withdrawals(sought: &Sought<'_>) -> Vec<Result<adopt::Change, String>> {
    let readers = OnceCell::new();
    let search = match Search::new(sought, &readers) {
        Ok(search) => search,
        Err(reason) => return vec![Err(reason)],
    };
    let own = super::withdrawn(sought).and_then(|change| search.unshared(change));
    let patch = |place: Candidate| place.into_iter().map(|(file, text)| (file, Some(text))).collect();
    let deletions = overlay::deletions(&search).into_iter().map(|place| place.map(patch));
    let (mut places, reasons): (Vec<_>, Vec<_>) = std::iter::once(own).chain(deletions).partition(Result::is_ok);
    places.extend(reasons);
    places
}

/// A resource, and the kustomizations that make it what it is.
struct Search<'s> {
    sought: Sought<'s>,
    /// The resource as it is rendered.
    object: Value,
    /// The document that declares it; none for what a generator made.
    declared: Option<Value>,
    /// The kustomizations, the source's own first, each before what it takes in.
    levels: Vec<Kustomization>,
    /// What the resource may be called on the way: kustomize knows it by every name that it has had.
    names: BTreeSet<String>,
    readers: &'s Known,
}

impl<'s> Search<'s> {
    fn new(sought: &Sought<'s>, readers: &'s Known) -> Result<Self, String> {
        let manifest = sought.manifest;
        let mut search = Self {
            sought: *sought,
            object: manifest.object(),
            declared: declared(sought),
            levels: Vec::new(),
            names: BTreeSet::from([manifest.stem.as_ref().unwrap_or(&manifest.id.name).clone()]),
            readers,
        };
        search.names.extend(search.declared.as_ref().and_then(|declared| name_of(declared).map(str::to_owned)));
        let mut seen = BTreeSet::new();
        let mut waiting = vec![sought.source.path.clone()];
        while let Some(folder) = waiting.pop() {
            if search.levels.len() == MOST_LEVELS {
                return Err(format!("the source has more than {MOST_LEVELS} kustomizations; edit it by hand"));
            }
            let Some(level) = Kustomization::read(sought.files, &folder)?.filter(|_| seen.insert(folder.clone()))
            else {
                continue;
            };
            let taken_in: Vec<_> = named(&level.root).into_iter().filter_map(|(_, path)| level.inside(path)).collect();
            waiting.extend(taken_in.into_iter().rev());
            search.see_through(&level);
            search.levels.push(level);
        }
        Ok(search)
    }

    /// Adds what the resource was called before a kustomization put something before or behind its name.
    fn see_through(&mut self, level: &Kustomization) {
        let (prefix, suffix) = (level.field("namePrefix"), level.field("nameSuffix"));
        let (prefix, suffix) = (prefix.as_str().unwrap_or_default(), suffix.as_str().unwrap_or_default());
        let inner = |name: &String| {
            let without = name.strip_prefix(prefix).unwrap_or(name);
            without.strip_suffix(suffix).unwrap_or(without).to_owned()
        };
        let inner: Vec<_> = self.names.iter().map(inner).filter(|name| !name.is_empty()).collect();
        self.names.extend(inner);
    }

    /// Where the kustomizations set a field already, and where they can not be changed.
    fn set_already(&self, change: &FieldChange) -> Vec<Place> {
        let of_level = |level| {
            let mut places = fields::places(self, level, change);
            places.extend(patches::places(self, level, change));
            places.extend(generator::places(self, level, change));
            places
        };
        self.levels.iter().flat_map(of_level).collect()
    }

    /// A place whose files no other kustomization reads.
    fn unshared<T>(&self, place: BTreeMap<String, T>) -> Result<BTreeMap<String, T>, String> {
        let own = &self.sought.source.path;
        let readers = self.readers.get_or_init(|| Readers::of(self.sought.files)).as_ref();
        let readers = readers.map_err(|reason| format!("who else reads it is not known: {reason}"))?;
        match place.keys().find_map(|file| Some((file, readers.other(own, file)?))) {
            Some((file, other)) => {
                let other = if other.is_empty() { "." } else { other };
                Err(format!("{file} is read by the kustomization of {other} too, which is not to change"))
            }
            None => Ok(place),
        }
    }

    /// A file with a change made in one of its documents.
    fn edited(&self, file: &str, document: usize, change: &FieldChange) -> Place {
        let text = self.sought.files.text(file)?;
        Ok(Candidate::from([(
            file.to_owned(),
            edited(&text, document, change).map_err(|error| format!("{file}: {error}"))?,
        )]))
    }

    /// A kustomization with a change made.
    fn in_kustomization(&self, level: &Kustomization, change: &FieldChange) -> Place {
        self.edited(&level.file, level.document, change)
    }

    /// Whether a name is one that the resource has had.
    fn is_called(&self, name: Option<&Value>) -> bool {
        name.and_then(Value::as_str).is_some_and(|name| self.names.contains(name))
    }
}

/// A text with a change made in one of its documents.
fn edited(text: &str, document: usize, change: &FieldChange) -> Result<String, String> {
    let edit = Edit { document, list_item: None, path: change.path.clone(), action: change.action.clone() };
    apply(text, &edit).map_err(|error| error.to_string())
}

/// The document that declares the resource, as it is written.
fn declared(sought: &Sought<'_>) -> Option<Value> {
    let origin = sought.manifest.origin.as_ref()?;
    object_at(&sought.files.text(&origin.file).ok()?, origin)
}

fn name_of(object: &Value) -> Option<&str> {
    object.get("metadata")?.get("name")?.as_str()
}

#[cfg(test)]
mod tests;
