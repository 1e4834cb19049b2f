//! git2 at work: fetch into a bare clone, branches, and pushes that count only when the server said so.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use git2::{AutotagOption, Direction, FetchOptions, FetchPrune, Oid, PushOptions, RemoteCallbacks, Signature, Sort};

use super::{Push, RemoteBranch, RepositoryError, RepositorySettings};
use crate::domain::plan::BRANCH_ROOT;

const REMOTE: &str = "refs/remotes/origin/";
/// Of what a server writes about a push, as much goes into an error.
const MAX_REMARKS: usize = 2_000;

/// Takes away the lock files that a killed run left in the clone. Whoever calls holds the cache, so they are nobody's.
pub(super) fn unlock(cache: &Path) -> Result<(), RepositoryError> {
    let mut folders = vec![clone_in(cache)];
    while let Some(folder) = folders.pop() {
        let wrong = |source| RepositoryError::Cache { path: folder.clone(), source };
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            entries => entries.map_err(wrong)?,
        };
        for entry in entries {
            let entry = entry.map_err(wrong)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(wrong)?);
            if kind.is_dir() && !path.ends_with("objects") {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|ending| ending == "lock") {
                std::fs::remove_file(&path).map_err(wrong)?;
            }
        }
    }
    Ok(())
}

fn clone_in(cache: &Path) -> PathBuf {
    cache.join("repository.git")
}

/// Opens the bare clone, or makes it. It belongs to one address; one of another address, or one that a killed run did
/// not finish making, is never used.
pub(super) fn open(settings: &RepositorySettings) -> Result<git2::Repository, RepositoryError> {
    let path = clone_in(&settings.cache);
    if let Ok(repository) = git2::Repository::open_bare(&path)
        && repository.find_remote("origin").is_ok_and(|remote| remote.url() == Ok(settings.url.as_str()))
    {
        return Ok(repository);
    }
    if path.exists() {
        std::fs::remove_dir_all(&path).map_err(|source| RepositoryError::Cache { path: path.clone(), source })?;
    }
    std::fs::create_dir_all(&path).map_err(|source| RepositoryError::Cache { path: path.clone(), source })?;
    let repository = git2::Repository::init_bare(&path)?;
    repository.remote_with_fetch("origin", &settings.url, &format!("+refs/heads/*:{REMOTE}*"))?;
    Ok(repository)
}

/// Fetches the tracked branch and trueup's own, and forgets those that are gone. Yields the branch and its commit.
pub(super) fn fetch(
    repository: &git2::Repository,
    settings: &RepositorySettings,
) -> Result<(String, Oid), RepositoryError> {
    let mut remote = repository.find_remote("origin")?;
    let mut connection = remote.connect_auth(Direction::Fetch, None, None)?;
    let branch = match &settings.branch {
        Some(branch) => branch.clone(),
        None => {
            let name = connection.default_branch()?;
            let name = name.as_str().map_err(|_| RepositoryError::NoBranch("the default branch".to_owned()))?;
            name.trim_start_matches("refs/heads/").to_owned()
        }
    };
    let wanted = format!("refs/heads/{branch}");
    if !connection.list()?.iter().any(|head| head.name() == wanted) {
        return Err(RepositoryError::NoBranch(branch));
    }
    let refspecs =
        [format!("+{wanted}:{REMOTE}{branch}"), format!("+refs/heads/{BRANCH_ROOT}/*:{REMOTE}{BRANCH_ROOT}/*")];
    let mut options = FetchOptions::new();
    options.prune(FetchPrune::On).download_tags(AutotagOption::None);
    connection.remote().fetch(&refspecs, Some(&mut options), None)?;
    Ok((branch.clone(), repository.refname_to_id(&format!("{REMOTE}{branch}"))?))
}

/// The branches below `prefix` as the last fetch saw them.
pub(super) fn branches(
    repository: &git2::Repository,
    settings: &RepositorySettings,
    tracked: Oid,
    prefix: &str,
) -> Result<Vec<RemoteBranch>, RepositoryError> {
    let mut branches = Vec::new();
    for reference in repository.references_glob(&format!("{REMOTE}{prefix}*"))? {
        let reference = reference?;
        let (Ok(name), Some(head)) = (reference.name(), reference.target()) else { continue };
        let name = name.trim_start_matches(REMOTE).to_owned();
        let base = repository.merge_base(tracked, head)?;
        let mut walk = repository.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL)?;
        walk.push(head)?;
        walk.hide(base)?;
        let (mut ours, mut count) = (true, 0);
        for commit in walk {
            let commit = repository.find_commit(commit?)?;
            let by_us = |signature: &Signature<'_>| signature.email_bytes() == settings.author_email.as_bytes();
            ours &= by_us(&commit.author()) && by_us(&commit.committer());
            count += 1;
        }
        let files = changed(repository, base, head)?;
        let behind = changed(repository, base, tracked)?.keys().any(|file| files.contains_key(file));
        let (head, base) = (head.to_string(), base.to_string());
        branches.push(RemoteBranch { name, head, base, ours, single: count == 1, files, behind });
    }
    Ok(branches)
}

fn changed(
    repository: &git2::Repository,
    from: Oid,
    to: Oid,
) -> Result<BTreeMap<String, Option<Vec<u8>>>, RepositoryError> {
    let tree = |commit: Oid| repository.find_commit(commit)?.tree();
    let diff = repository.diff_tree_to_tree(Some(&tree(from)?), Some(&tree(to)?), None)?;
    let mut files = BTreeMap::new();
    for delta in diff.deltas() {
        let (old, new) = (delta.old_file(), delta.new_file());
        if let Some(path) = old.path().filter(|_| !new.exists()) {
            files.insert(path.to_string_lossy().into_owned(), None);
        }
        if let Some(path) = new.path().filter(|_| new.exists()) {
            let content = repository.find_blob(new.id()).map(|blob| blob.content().to_vec()).unwrap_or_default();
            files.insert(path.to_string_lossy().into_owned(), Some(content));
        }
    }
    Ok(files)
}

/// Commits without touching a working tree and pushes the branch.
pub(super) fn push(
    repository: &git2::Repository,
    settings: &RepositorySettings,
    push: &Push,
) -> Result<String, RepositoryError> {
    let base = repository.find_commit(Oid::from_str(&push.base)?)?;
    let mut update = git2::build::TreeUpdateBuilder::new();
    for (path, content) in &push.files {
        match content {
            Some(content) => update.upsert(path.as_str(), repository.blob(content)?, git2::FileMode::Blob),
            None => update.remove(path.as_str()),
        };
    }
    let tree = repository.find_tree(update.create_updated(repository, &base.tree()?)?)?;
    let author = Signature::now(&settings.author_name, &settings.author_email)?;
    let commit = repository.commit(None, &author, &author, &push.message, &tree, &[&base])?;
    repository.reference(&format!("refs/heads/{}", push.branch), commit, true, "trueup")?;
    send(repository, &push.branch, push.expected.as_deref(), &format!("+refs/heads/{0}:refs/heads/{0}", push.branch))?;
    Ok(commit.to_string())
}

/// Deletes a branch that is still where it was seen.
pub(super) fn delete(repository: &git2::Repository, branch: &str, expected: &str) -> Result<(), RepositoryError> {
    send(repository, branch, Some(expected), &format!(":refs/heads/{branch}"))
}

/// One push of one ref. libgit2 has no force-with-lease, so the remote's head is looked at right before; and it says
/// Ok where the server refused the ref, so only the server's own word for the ref counts.
fn send(
    repository: &git2::Repository,
    branch: &str,
    expected: Option<&str>,
    refspec: &str,
) -> Result<(), RepositoryError> {
    if !branch.starts_with(&format!("{BRANCH_ROOT}/")) {
        return Err(RepositoryError::NotOurs(branch.to_owned()));
    }
    let mut remote = repository.find_remote("origin")?;
    let wanted = format!("refs/heads/{branch}");
    {
        let connection = remote.connect_auth(Direction::Fetch, None, None)?;
        let head = connection.list()?.iter().find(|head| head.name() == wanted).map(|head| head.oid().to_string());
        if head.as_deref() != expected {
            return Err(RepositoryError::Moved(branch.to_owned()));
        }
    }
    let said: RefCell<Option<Option<String>>> = RefCell::new(None);
    let remarks = RefCell::new(Vec::new());
    let mut callbacks = RemoteCallbacks::new();
    callbacks.sideband_progress(|text| {
        let mut remarks = remarks.borrow_mut();
        let room = MAX_REMARKS.saturating_sub(remarks.len()).min(text.len());
        remarks.extend_from_slice(&text[..room]);
        true
    });
    callbacks.push_update_reference(|name, refusal| {
        if name == wanted {
            *said.borrow_mut() = Some(refusal.map(str::to_owned));
        }
        Ok(())
    });
    let mut options = PushOptions::new();
    options.remote_callbacks(callbacks);
    remote.push(&[refspec], Some(&mut options))?;
    drop(options);
    match said.into_inner() {
        Some(None) => Ok(()),
        Some(Some(refusal)) => {
            // the ref's own line often names a hook only; why it refused is what the server wrote beside it
            let remarks = String::from_utf8_lossy(&remarks.into_inner()).into_owned();
            let lines =
                std::iter::once(&*refusal).chain(remarks.lines().map(str::trim).filter(|line| !line.is_empty()));
            let refusal = lines.collect::<Vec<_>>().join(": ");
            Err(RepositoryError::Refused { branch: branch.to_owned(), refusal })
        }
        None => {
            Err(RepositoryError::Refused { branch: branch.to_owned(), refusal: "the server said nothing".to_owned() })
        }
    }
}
