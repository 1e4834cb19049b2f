//! The files of a checkout with edits laid over them, so that a candidate can be rendered without writing it anywhere.
//! Never follows a symlink and never leaves its root.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::candidates::Files;
use crate::domain::discovery::RepositoryFiles;
use crate::domain::problem::{Place, Problem};

/// Bytes after which a file is no manifest any more.
const MAX_FILE_BYTES: u64 = 128 << 20;
/// Folders in folders after which no more are looked into.
const MAX_DEPTH: usize = 64;

/// The id that Git gives to the content of a file.
pub type BlobId = [u8; 20];

/// A folder on disk and the files that differ from it.
#[derive(Debug, Clone, Default)]
pub struct SourceTree {
    /// The checkout's root (or any folder).
    pub root: PathBuf,
    /// New content by path relative to the root, with `/`; none for a deleted file.
    pub overlay: BTreeMap<String, Option<Vec<u8>>>,
    /// What Git says of the files on disk, by path.
    pub blobs: Arc<BTreeMap<String, BlobId>>,
    /// What Git has and is not on disk: links and submodules.
    pub links: Arc<BTreeSet<String>>,
    /// Folder in which manifests are kept between runs; none where they are not.
    pub kept: Option<PathBuf>,
}

/// The files below a folder, and what stood in the way of listing them.
#[derive(Debug, Default)]
pub struct Listing {
    /// Paths relative to the root, with `/`, sorted.
    pub files: Vec<String>,
    /// What could not be looked into.
    pub problems: Vec<Problem>,
    /// Symlinks that are no problem of manifests; they are left out.
    pub links: Vec<String>,
}

impl Files for SourceTree {
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        self.read_text(path).map_err(|problem| problem.to_string())
    }

    /// What Git knows and what lies over it; where there is no Git, what is found.
    fn list(&self) -> Result<Vec<String>, String> {
        let mut files: BTreeSet<String> = self.blobs.keys().cloned().collect();
        if files.is_empty() {
            files.extend(self.files("").files);
        }
        for (path, content) in &self.overlay {
            if content.is_some() {
                files.insert(path.clone())
            } else {
                files.remove(path)
            };
        }
        Ok(files.into_iter().collect())
    }

    fn links(&self) -> Vec<String> {
        self.links.iter().cloned().collect()
    }
}

impl RepositoryFiles for SourceTree {
    fn text(&self, file: &str) -> Option<String> {
        self.read_text(file).ok().flatten()
    }

    fn has_folder(&self, folder: &str) -> bool {
        folder.is_empty() || self.is_folder(folder)
    }

    fn below(&self, folder: &str) -> Vec<String> {
        if self.has_folder(folder) { self.files(folder).files } else { Vec::new() }
    }
}

impl SourceTree {
    /// Every file below `folder` (or `folder` itself if it is a file), without what lies in folders that begin with a
    /// dot. An empty `folder` is the root.
    pub fn files(&self, folder: &str) -> Listing {
        let folder = folder.trim_end_matches('/');
        let mut listing = Listing::default();
        let mut files = BTreeSet::new();
        match self.locate(folder) {
            Err(problem) => listing.problems.push(problem),
            Ok(path) => match fs::symlink_metadata(&path) {
                Ok(kind) if kind.is_dir() => walk(&path, folder, MAX_DEPTH, &mut files, &mut listing),
                Ok(kind) if kind.is_file() => {
                    files.insert(folder.to_owned());
                }
                Ok(_) => listing.problems.push(not_a_file(folder)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => listing.problems.push(unreadable(folder, &error)),
            },
        }
        for (path, content) in &self.overlay {
            let below = path
                .strip_prefix(folder)
                .is_some_and(|rest| folder.is_empty() || rest.is_empty() || rest.starts_with('/'));
            let hidden = path.get(folder.len()..).is_some_and(|rest| rest.split('/').rev().skip(1).any(is_hidden));
            match content {
                Some(_) if below && !hidden => {
                    files.insert(path.clone());
                }
                Some(_) => {}
                None => {
                    files.remove(path);
                }
            }
        }
        if files.is_empty() && listing.problems.is_empty() && !self.is_folder(folder) {
            let problem = Problem::error("there is no such file or folder").at(Place::file(shown(folder)));
            listing.problems.push(problem.help("correct the path in the config or on the command line"));
        }
        listing.files = files.into_iter().collect();
        listing
    }

    /// The content of a file; none if there is no such file.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Problem> {
        let on_disk = self.locate(path)?;
        if let Some(content) = self.overlay.get(path) {
            return Ok(content.clone());
        }
        let kind = match fs::symlink_metadata(&on_disk) {
            Ok(kind) => kind,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(error) => return Err(unreadable(path, &error)),
        };
        if kind.is_dir() {
            return Ok(None);
        }
        if !kind.is_file() {
            return Err(not_a_file(path));
        }
        if kind.len() > MAX_FILE_BYTES {
            let message = format!("the file has more than {} MiB", MAX_FILE_BYTES >> 20);
            return Err(Problem::error(message).at(Place::file(path)).help("split it or move it out of the source"));
        }
        fs::read(&on_disk).map(Some).map_err(|error| unreadable(path, &error))
    }

    /// The id of a file's content; none for one that Git does not know as it is here.
    pub(super) fn blob(&self, path: &str) -> Option<BlobId> {
        self.blobs.get(path).copied().filter(|_| !self.overlay.contains_key(path))
    }

    /// The content of a file as text; none if there is no such file.
    pub fn read_text(&self, path: &str) -> Result<Option<String>, Problem> {
        let Some(content) = self.read(path)? else { return Ok(None) };
        String::from_utf8(content).map(Some).map_err(|_| {
            Problem::error("the file is not UTF-8").at(Place::file(path)).help("save it as UTF-8 without other bytes")
        })
    }

    /// Whether there is a folder of this name.
    pub fn is_folder(&self, path: &str) -> bool {
        let prefix = format!("{path}/");
        self.overlay.iter().any(|(file, content)| content.is_some() && file.starts_with(&prefix))
            || self.locate(path).is_ok_and(|path| path.is_dir())
    }

    /// Puts files into another folder, by their names there: a second name on disk, or the content that is laid over it.
    pub fn lay_out(&self, files: &BTreeMap<String, String>, folder: &Path) -> std::io::Result<()> {
        for (name, path) in files {
            let to = folder.join(name);
            fs::create_dir_all(to.parent().unwrap_or(folder))?;
            match self.overlay.get(path) {
                Some(content) => fs::write(&to, content.as_deref().unwrap_or_default())?,
                None => {
                    let from = self.root.join(path);
                    fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop))?;
                }
            }
        }
        Ok(())
    }

    /// Where a path lies on disk, if every part of it is an ordinary name and none is a symlink.
    fn locate(&self, path: &str) -> Result<PathBuf, Problem> {
        let mut on_disk = self.root.clone();
        for part in path.split('/').filter(|part| !path.is_empty() || !part.is_empty()) {
            if matches!(part, "" | "." | "..") || part.contains(['\\', '\0']) {
                let problem = Problem::error("the path leaves its folder or is not in its plain form");
                return Err(problem.at(Place::file(path)).help("write it relative to the repository, without `..`"));
            }
            on_disk.push(part);
            if fs::symlink_metadata(&on_disk).is_ok_and(|kind| kind.is_symlink()) {
                return Err(symlink(path));
            }
        }
        Ok(on_disk)
    }
}

fn walk(folder: &Path, name: &str, depth: usize, files: &mut BTreeSet<String>, listing: &mut Listing) {
    let entries = match fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => return listing.problems.push(unreadable(name, &error)),
    };
    for entry in entries {
        let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}/{part}") };
        let raw = entry.file_name();
        let Some(part) = raw.to_str() else {
            let place = Place::file(below(&raw.to_string_lossy()));
            listing.problems.push(Problem::error("the file name is not UTF-8").at(place).help("rename it"));
            continue;
        };
        let path = below(part);
        match entry.file_type() {
            Err(error) => listing.problems.push(unreadable(&path, &error)),
            Ok(kind) if kind.is_symlink() => {
                // a link that can declare nothing is nobody's problem
                if is_manifest(part) || fs::metadata(entry.path()).is_ok_and(|target| target.is_dir()) {
                    listing.problems.push(symlink(&path));
                } else {
                    listing.links.push(path);
                }
            }
            Ok(kind) if kind.is_dir() && is_hidden(part) => {}
            Ok(kind) if kind.is_dir() && depth == 0 => {
                listing.problems.push(Problem::error("the folders are nested too deep").at(Place::file(path)));
            }
            Ok(kind) if kind.is_dir() => walk(&entry.path(), &path, depth - 1, files, listing),
            Ok(kind) if kind.is_file() => {
                files.insert(path);
            }
            Ok(_) if is_manifest(part) => listing.problems.push(not_a_file(&path)),
            Ok(_) => {}
        }
    }
}

/// Whether a file may hold manifests, by its name.
pub(super) fn is_manifest(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|known| extension == *known))
}

/// Whether a folder is left out, by its name.
pub(super) fn is_hidden(folder: &str) -> bool {
    folder.starts_with('.')
}

fn shown(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

pub(super) fn symlink(path: &str) -> Problem {
    let problem = Problem::error("the path is a symlink, which is not followed").at(Place::file(path));
    problem.help("replace it by the file it points to")
}

fn not_a_file(path: &str) -> Problem {
    Problem::error("this is no ordinary file").at(Place::file(path)).help("replace it by a file or remove it")
}

fn unreadable(path: &str, error: &std::io::Error) -> Problem {
    Problem::error(format!("cannot be read: {error}")).at(Place::file(shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(overlay: &[(&str, Option<&str>)]) -> (tempfile::TempDir, SourceTree) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["a/x.yaml", "a/b/y.yml", "a/.hidden/z.yaml", "c.json", ".github/w.yaml", "ab/n.yaml"] {
            fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            fs::write(root.join(path), path).unwrap();
        }
        let overlay = overlay.iter().map(|(path, text)| ((*path).to_owned(), text.map(|text| text.into()))).collect();
        let tree = SourceTree { root: root.to_owned(), overlay, ..SourceTree::default() };
        (folder, tree)
    }

    /// Files come sorted, edits lie over them, folders with a dot are left out.
    #[test]
    fn listing_sees_the_overlay() {
        let edits =
            [("a/new/q.yaml", Some("q")), ("a/x.yaml", None), ("a/.h/r.yaml", Some("")), ("c.json", Some("new"))];
        let (_folder, tree) = tree(&edits);
        assert_eq!(tree.files("a").files, ["a/b/y.yml", "a/new/q.yaml"]);
        assert_eq!(tree.files("").files, ["a/b/y.yml", "a/new/q.yaml", "ab/n.yaml", "c.json"]);
        assert_eq!(tree.files("c.json").files, ["c.json"]);
        assert_eq!(tree.read("c.json").unwrap().unwrap(), b"new");
        assert_eq!(tree.read("a/x.yaml").unwrap(), None);
        assert_eq!(tree.files("nowhere").problems.len(), 1);
    }

    /// Symlinks, paths that leave the root and names that are no text are refused with their place.
    #[cfg(unix)]
    #[test]
    fn nothing_leads_out_of_the_root() {
        use std::os::unix::ffi::OsStrExt as _;
        let (folder, tree) = tree(&[("../out.yaml", Some("x"))]);
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("a/passwd.yaml")).unwrap();
        std::os::unix::fs::symlink("/etc", folder.path().join("a/etc")).unwrap();
        fs::write(folder.path().join("a").join(std::ffi::OsStr::from_bytes(b"\xff.yaml")), "").unwrap();
        let listing = tree.files("a");
        assert_eq!(listing.files, ["a/b/y.yml", "a/x.yaml"]);
        assert_eq!(listing.problems.len(), 3, "{:?}", listing.problems);
        for path in
            ["../out.yaml", "/etc/passwd", "a/../c.json", "a/passwd.yaml", "a/etc/passwd", "./c.json", "a//x.yaml"]
        {
            assert!(tree.read(path).is_err(), "{path}");
        }
    }

    /// What is no file, and what is too large for one of manifests, is refused without a look inside.
    #[cfg(unix)]
    #[test]
    fn special_and_huge_files_are_refused() {
        let (folder, tree) = tree(&[]);
        let _listener = std::os::unix::net::UnixListener::bind(folder.path().join("a/socket.yaml")).unwrap();
        fs::File::create(folder.path().join("a/huge.yaml")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        for (path, expected) in
            [("a/socket.yaml", "this is no ordinary file"), ("a/huge.yaml", "the file has more than 128 MiB")]
        {
            assert_eq!(tree.read(path).unwrap_err().message, expected);
        }
        let told: Vec<_> = tree.files("a").problems.into_iter().map(|problem| problem.message).collect();
        assert_eq!(told, ["this is no ordinary file"]);
    }
}
