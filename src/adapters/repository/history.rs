//! The history of the tracked branch by first parents, newest first: which files each commit changed, and what they were
//! before it. Only what differs between two commits is opened.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use git2::{ErrorCode, ObjectType, Oid, TreeEntry};
use jiff::Timestamp;

use super::RepositoryError;
use super::export::{SYMLINK, is_harmless};
use crate::domain::drift::Commit;

/// Differing files after which a commit is not looked at: no person reads such a change, and a hostile tree has no end.
const MAX_FILES: usize = 100_000;
/// Bytes that the files of one commit may have together.
const MAX_BYTES: usize = 64 << 20;
/// Characters of an author's name or a subject that are kept.
const MAX_TEXT: usize = 100;

/// The history of one checkout. Its work blocks.
pub struct History {
    repository: git2::Repository,
    head: Oid,
}

/// A commit in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision(Oid);

/// One commit and what it changed.
#[derive(Debug)]
pub struct HistoryStep {
    /// The commit.
    pub commit: Commit,
    /// The files that it added, changed or removed.
    pub changed: BTreeSet<String>,
    /// The state before it; none for the first commit of all, before which there was nothing.
    pub before: Option<Revision>,
}

impl HistoryStep {
    /// Whether it changed one of these files, or anything below one of these folders.
    pub fn touches(&self, paths: &[String]) -> bool {
        paths.iter().any(|path| {
            let folder = if path.is_empty() { String::new() } else { format!("{path}/") };
            let below = self.changed.range(folder.clone()..).next();
            self.changed.contains(path) || below.is_some_and(|file| file.starts_with(&folder))
        })
    }
}

impl History {
    pub(super) fn new(repository: git2::Repository, head: Oid) -> Self {
        Self { repository, head }
    }

    /// The commits from the checkout's own on. After an error there are no more.
    pub fn steps(&self) -> impl Iterator<Item = Result<HistoryStep, RepositoryError>> {
        let mut next = Some(self.head);
        std::iter::from_fn(move || {
            let step = self.step(next.take()?);
            next = step.as_ref().ok().and_then(|step| step.before).map(|before| before.0);
            Some(step)
        })
    }

    fn step(&self, id: Oid) -> Result<HistoryStep, RepositoryError> {
        let commit = self.repository.find_commit(id)?;
        let parent = first_parent(commit.raw_header_bytes());
        let before = parent.map(|parent| match self.repository.find_commit(parent) {
            Err(error) if error.code() == ErrorCode::NotFound => Err(RepositoryError::HistoryEnds(id.to_string())),
            found => Ok(found?.tree_id()),
        });
        let before = before.transpose()?;
        let changed = self.differences(before, Some(commit.tree_id()))?.into_keys().collect();
        Ok(HistoryStep { commit: described(&commit), changed, before: parent.map(Revision) })
    }

    /// A file as it was; none if it was not there, or was no ordinary file.
    pub fn file(&self, at: Revision, path: &str) -> Result<Option<Vec<u8>>, RepositoryError> {
        let tree = self.repository.find_commit(at.0)?.tree()?;
        match tree.get_path(path.as_ref()) {
            Ok(entry) if is_ordinary(&entry) => self.content(entry.id(), &mut 0).map(Some),
            Ok(_) => Ok(None),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What has to be laid over the checkout so that it is as it was then.
    pub fn overlay(&self, at: Revision) -> Result<BTreeMap<String, Option<Vec<u8>>>, RepositoryError> {
        let tree = |commit: Oid| self.repository.find_commit(commit).map(|commit| commit.tree_id());
        let mut size = 0;
        let differing = self.differences(Some(tree(self.head)?), Some(tree(at.0)?))?;
        let harmless = differing.into_iter().filter(|(path, _)| path.split('/').all(is_harmless));
        harmless.map(|(path, blob)| Ok((path, blob.map(|blob| self.content(blob, &mut size)).transpose()?))).collect()
    }

    fn content(&self, blob: Oid, size: &mut usize) -> Result<Vec<u8>, RepositoryError> {
        *size = size.saturating_add(self.repository.odb()?.read_header(blob)?.0);
        if *size > MAX_BYTES {
            return Err(RepositoryError::Git(format!("files of more than {} MiB", MAX_BYTES >> 20)));
        }
        Ok(self.repository.find_blob(blob)?.content().to_vec())
    }

    /// The files that differ between two trees, each with what it is in the second: none where that has no ordinary
    /// file. libgit2's own diff opens every folder, which costs a hundred times as much in a large repository.
    fn differences(
        &self,
        old: Option<Oid>,
        new: Option<Oid>,
    ) -> Result<BTreeMap<String, Option<Oid>>, RepositoryError> {
        let mut files: BTreeMap<String, Option<Oid>> = BTreeMap::new();
        let mut folders = vec![(String::new(), old, new)];
        while let Some((folder, old, new)) = folders.pop() {
            let open = |tree: Option<Oid>| tree.map(|tree| self.repository.find_tree(tree)).transpose();
            let (old, new) = (open(old)?, open(new)?);
            let (mut left, mut right) = (old.iter().flatten().peekable(), new.iter().flatten().peekable());
            loop {
                let (old, new) = match (left.peek(), right.peek()) {
                    (None, None) => break,
                    (Some(_), None) => (left.next(), None),
                    (None, Some(_)) => (None, right.next()),
                    (Some(old), Some(new)) => match order(old, new) {
                        Ordering::Less => (left.next(), None),
                        Ordering::Equal => (left.next(), right.next()),
                        Ordering::Greater => (None, right.next()),
                    },
                };
                let what = |entry: &Option<TreeEntry<'_>>| entry.as_ref().map(|entry| (entry.id(), entry.filemode()));
                let Some(entry) = new.as_ref().or(old.as_ref()).filter(|_| what(&old) != what(&new)) else { continue };
                let path = format!("{folder}{}", String::from_utf8_lossy(entry.name_bytes()));
                if entry.kind() == Some(ObjectType::Tree) {
                    let id = |entry: Option<TreeEntry<'_>>| entry.map(|entry| entry.id());
                    folders.push((format!("{path}/"), id(old), id(new)));
                } else if files.len() == MAX_FILES {
                    return Err(RepositoryError::Git(format!("a commit that changes more than {MAX_FILES} files")));
                } else {
                    let blob = new.filter(is_ordinary).map(|entry| entry.id());
                    // a name can stand for a file on one side and for something else on the other
                    let known = files.entry(path).or_default();
                    *known = known.or(blob);
                }
            }
        }
        Ok(files)
    }
}

/// The order in which Git sorts the entries of a tree: folders as if their names ended in `/`.
fn order(a: &TreeEntry<'_>, b: &TreeEntry<'_>) -> Ordering {
    fn name<'e>(entry: &'e TreeEntry<'_>) -> impl Iterator<Item = u8> + 'e {
        let slash = (entry.kind() == Some(ObjectType::Tree)).then_some(b'/');
        entry.name_bytes().iter().copied().chain(slash)
    }
    name(a).cmp(name(b))
}

fn is_ordinary(entry: &TreeEntry<'_>) -> bool {
    entry.kind() == Some(ObjectType::Blob) && entry.filemode() != SYMLINK
}

/// The first parent as the commit itself names it: to a shallow clone its oldest commit is one without parents.
fn first_parent(header: &[u8]) -> Option<Oid> {
    let id = header.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"parent "))?;
    Oid::from_str(std::str::from_utf8(id).ok()?).ok()
}

fn described(commit: &git2::Commit<'_>) -> Commit {
    let kept = |text: &str| -> Option<String> {
        let text: String = text.trim().chars().take(MAX_TEXT).collect();
        (!text.is_empty()).then_some(text)
    };
    let author = String::from_utf8_lossy(commit.author().name_bytes()).into_owned();
    // some have no name but their address
    let author = author.split('@').next().and_then(kept);
    let message = String::from_utf8_lossy(commit.message_bytes()).into_owned();
    let subject = message.lines().find_map(kept);
    let at = Timestamp::from_second(commit.time().seconds()).ok();
    Commit { commit: commit.id().to_string(), author, at, subject }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bare repository with these commits one after the other, each given as the files it sets or removes.
    fn history(commits: &[&[(&str, Option<&str>)]]) -> (tempfile::TempDir, History) {
        let folder = tempfile::tempdir().unwrap();
        let repository = git2::Repository::init_bare(folder.path()).unwrap();
        let mut head: Option<Oid> = None;
        let mut state = BTreeMap::new();
        for (number, files) in commits.iter().enumerate() {
            let parent = head.map(|head| repository.find_commit(head).unwrap());
            state.extend(files.iter().copied());
            let mut update = git2::build::TreeUpdateBuilder::new();
            for (path, text) in state.iter().filter_map(|(path, text)| Some((*path, (*text)?))) {
                update.upsert(path, repository.blob(text.as_bytes()).unwrap(), git2::FileMode::Blob);
            }
            let empty = repository.find_tree(repository.treebuilder(None).unwrap().write().unwrap()).unwrap();
            let tree = repository.find_tree(update.create_updated(&repository, &empty).unwrap()).unwrap();
            let time = git2::Time::new(i64::try_from(number).unwrap() * 60, 0);
            let author = git2::Signature::new("ada@company.example", "ada@company.example", &time).unwrap();
            let parents: Vec<_> = parent.iter().collect();
            head = Some(repository.commit(None, &author, &author, "\nwhy\n\nlong", &tree, &parents).unwrap());
        }
        let head = head.unwrap();
        (folder, History::new(repository, head))
    }

    fn changed(history: &History) -> Vec<Vec<String>> {
        history.steps().map(|step| step.unwrap().changed.into_iter().collect()).collect()
    }

    /// Each commit names exactly the files it touched, whatever became of them: a folder that was a file, and names that
    /// Git sorts differently from their letters.
    #[test]
    fn commits_name_their_files() {
        let (_folder, history) = history(&[
            &[("a/x.yaml", Some("1")), ("a/y.yaml", Some("1")), ("a.b", Some("1")), ("c", Some("1"))],
            &[("a/x.yaml", Some("2"))],
            &[("c", None), ("c/d", Some("1")), ("a-b/z", Some("1"))],
            &[("a/y.yaml", None), ("a/x.yaml", None), ("a", Some("now a file"))],
        ]);
        let expected: [&[&str]; 4] = [
            &["a", "a/x.yaml", "a/y.yaml"],
            &["a-b/z", "c", "c/d"],
            &["a/x.yaml"],
            &["a.b", "a/x.yaml", "a/y.yaml", "c"],
        ];
        assert_eq!(changed(&history), expected);
        let first = history.steps().last().unwrap().unwrap();
        assert_eq!(first.before, None);
        assert_eq!((first.commit.author.as_deref(), first.commit.subject.as_deref()), (Some("ada"), Some("why")));
        for (path, touched) in [("a", true), ("a/x.yaml", true), ("a/x", false), ("", true), ("c", true), ("d", false)]
        {
            assert_eq!(first.touches(&[path.to_owned()]), touched, "{path}");
        }
    }

    /// The checkout with the overlay on it is the older state.
    #[test]
    fn older_states() {
        let (_folder, history) = history(&[
            &[("a/x.yaml", Some("1")), ("b", Some("1"))],
            &[("a/x.yaml", Some("2")), ("c/d", Some("1"))],
            &[("b", None), ("c/d", Some("2"))],
        ]);
        let steps: Vec<_> = history.steps().map(Result::unwrap).collect();
        let first = steps[1].before.unwrap();
        let text = |text: &str| Some(text.as_bytes().to_vec());
        let expected = [("a/x.yaml", text("1")), ("b", text("1")), ("c/d", None)];
        assert_eq!(history.overlay(first).unwrap(), expected.map(|(path, text)| (path.to_owned(), text)).into());
        assert_eq!(history.file(first, "b").unwrap(), text("1"));
        assert_eq!(history.file(first, "c/d").unwrap(), None);
        assert_eq!(history.file(first, "a").unwrap(), None);
    }

    /// Where the parent of a commit is not there, the history ends with an error and not with a first commit.
    #[test]
    fn a_shallow_clone_has_no_first_commit() {
        let (_folder, whole) = history(&[&[("a", Some("1"))], &[("a", Some("2"))], &[("a", Some("3"))]]);
        let folder = tempfile::tempdir().unwrap();
        let shallow = git2::Repository::init_bare(folder.path()).unwrap();
        let head = whole.repository.find_commit(whole.head).unwrap();
        for commit in [&head, &head.parent(0).unwrap()] {
            for id in [commit.id(), commit.tree_id(), commit.tree().unwrap().get_name("a").unwrap().id()] {
                let object = whole.repository.odb().unwrap();
                let object = object.read(id).unwrap();
                shallow.odb().unwrap().write(object.kind(), object.data()).unwrap();
            }
        }
        std::fs::write(folder.path().join("shallow"), format!("{}\n", head.parent_id(0).unwrap())).unwrap();
        let shallow = git2::Repository::open_bare(folder.path()).unwrap();
        let steps: Vec<_> = History::new(shallow, head.id()).steps().collect();
        assert_eq!(steps.len(), 2);
        assert!(steps[0].is_ok());
        assert!(
            matches!(&steps[1], Err(RepositoryError::HistoryEnds(at)) if *at == head.parent_id(0).unwrap().to_string())
        );
    }
}
