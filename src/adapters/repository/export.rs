//! The files of a commit on disk, raw: no filter, attribute or hook of the repository is asked, and what could lead out
//! of the folder is refused.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use git2::{ObjectType, Oid, Repository};

use super::RepositoryError;
use crate::domain::problem::{Place, Problem};

pub(super) const SYMLINK: i32 = 0o120_000;

/// Brings the folder `root` to the files of `commit`, writing only what differs from the commit it was at.
pub(super) fn export(repository: &Repository, commit: Oid, root: &Path) -> Result<Vec<Problem>, RepositoryError> {
    // the mark says what `root` holds; it is gone while that changes, so that a killed run leaves no half tree behind
    let mark = root.with_extension("commit");
    let before = std::fs::read_to_string(&mark).ok().and_then(|text| Oid::from_str(text.trim()).ok());
    let before = before.filter(|_| root.is_dir()).and_then(|commit| files_of(repository, commit).ok());
    let (new, problems) = files_of(repository, commit)?;
    let old = match before {
        Some((old, _)) => old,
        None => {
            remove(root, |path| std::fs::remove_dir_all(path))?;
            BTreeMap::new()
        }
    };
    remove(&mark, |path| std::fs::remove_file(path))?;
    std::fs::create_dir_all(root).map_err(cache_error(root))?;
    for path in old.keys().filter(|path| !new.contains_key(*path)) {
        remove(&root.join(path), |path| std::fs::remove_file(path))?;
    }
    remove_empty_folders(root, &old, &new)?;
    for (path, blob) in new.iter().filter(|(path, blob)| old.get(*path) != Some(blob)) {
        let path = root.join(path);
        let folder = path.parent().unwrap_or(root);
        std::fs::create_dir_all(folder).map_err(cache_error(folder))?;
        std::fs::write(&path, repository.find_blob(*blob)?.content()).map_err(cache_error(&path))?;
    }
    std::fs::write(&mark, commit.to_string()).map_err(cache_error(&mark))?;
    Ok(problems)
}

fn cache_error(path: &Path) -> impl FnOnce(std::io::Error) -> RepositoryError {
    let path = path.to_path_buf();
    move |source| RepositoryError::Cache { path, source }
}

fn remove(path: &Path, how: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<(), RepositoryError> {
    match how(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cache_error(path)(error)),
        _ => Ok(()),
    }
}

/// A folder of the old tree that the new one lacks may stand where the new one has a file.
fn remove_empty_folders(
    root: &Path,
    old: &BTreeMap<PathBuf, Oid>,
    new: &BTreeMap<PathBuf, Oid>,
) -> Result<(), RepositoryError> {
    let folders = |files: &BTreeMap<PathBuf, Oid>| {
        let parents = files.keys().flat_map(|file| file.ancestors().skip(1).map(Path::to_path_buf));
        parents.filter(|folder| folder.components().next().is_some()).collect::<std::collections::BTreeSet<_>>()
    };
    let kept = folders(new);
    // the deepest first
    for folder in folders(old).iter().rev().filter(|folder| !kept.contains(*folder)) {
        remove(&root.join(folder), |path| std::fs::remove_dir(path))?;
    }
    Ok(())
}

/// The files of a commit, and what is refused in it.
fn files_of(repository: &Repository, commit: Oid) -> Result<(BTreeMap<PathBuf, Oid>, Vec<Problem>), RepositoryError> {
    let mut files = BTreeMap::new();
    let mut problems = Vec::new();
    let mut folders: Vec<(PathBuf, git2::Tree<'_>)> = vec![(PathBuf::new(), repository.find_commit(commit)?.tree()?)];
    while let Some((folder, tree)) = folders.pop() {
        for entry in &tree {
            let shown = folder.join(String::from_utf8_lossy(entry.name_bytes()).into_owned());
            let place = || Place::file(shown.display().to_string());
            let name = std::str::from_utf8(entry.name_bytes()).ok().filter(|name| is_harmless(name));
            let Some(name) = name else {
                problems.push(Problem::error("a name that could lead out of the repository is refused").at(place()));
                continue;
            };
            let path = folder.join(name);
            match entry.kind() {
                Some(ObjectType::Tree) => folders.push((path, repository.find_tree(entry.id())?)),
                Some(ObjectType::Blob) if entry.filemode() == SYMLINK => {
                    let problem = Problem::warning("symbolic links are not followed").at(place());
                    problems.push(problem.help("put the file itself there, if a source needs it"));
                }
                Some(ObjectType::Blob) => {
                    files.insert(path, entry.id());
                }
                _ => problems.push(Problem::warning("submodules are not fetched").at(place())),
            }
        }
    }
    problems.sort();
    Ok((files, problems))
}

/// Whether a name can be that of a file below a folder, and nothing else.
pub(super) fn is_harmless(name: &str) -> bool {
    let one_normal = matches!(Path::new(name).components().collect::<Vec<_>>()[..], [Component::Normal(_)]);
    one_normal
        && !name.contains(['\\', '/'])
        && !name.chars().any(char::is_control)
        && !name.eq_ignore_ascii_case(".git")
}
