//! Which kustomizations of a repository read a file: an edit of it changes what each of them comes to, whether or not
//! trueup knows who delivers that.

use std::collections::{BTreeMap, BTreeSet};

use super::{Kustomization, NAMES, folder_of, is_remote, named};
use crate::domain::candidates::Files;

/// Kustomizations after which no more are looked at.
const MOST: usize = 5_000;

/// Every kustomization of a repository, and what it takes in.
#[derive(Debug, Default)]
pub struct Readers {
    /// The files and folders that each takes in.
    takes: BTreeMap<String, BTreeSet<String>>,
    /// The other way round: who takes in a file or folder.
    takers: BTreeMap<String, Vec<String>>,
    /// Addresses that may lead back into this repository, each with who takes it in.
    remote: Vec<(String, String)>,
    /// Those that could not be read, or name what is not followed, so that they may take in anything.
    unknown: BTreeSet<String>,
}

/// What one kustomization takes in.
#[derive(Debug, Default)]
struct Takes {
    /// Files and folders.
    paths: BTreeSet<String>,
    /// Addresses, which may lead back into this repository.
    remote: Vec<String>,
    /// Whether it could not be read, or names what is not followed, so that it may take in anything.
    unknown: bool,
}

impl Readers {
    /// Reads every kustomization.
    pub fn of(files: &dyn Files) -> Result<Self, String> {
        let mut readers = Self::default();
        let links = files.links();
        for file in files.list()?.iter().chain(&links) {
            let name = file.rsplit('/').next().unwrap_or_default();
            if NAMES.contains(&name) && !readers.takes.contains_key(folder_of(file)) {
                if readers.takes.len() == MOST {
                    return Err(format!("there are more than {MOST} kustomizations"));
                }
                readers.add(folder_of(file).to_owned(), Takes::of(files, folder_of(file), &links));
            }
        }
        Ok(readers)
    }

    fn add(&mut self, folder: String, takes: Takes) {
        for path in &takes.paths {
            self.takers.entry(path.clone()).or_default().push(folder.clone());
        }
        self.remote.extend(takes.remote.into_iter().map(|address| (address, folder.clone())));
        if takes.unknown {
            self.unknown.insert(folder.clone());
        }
        self.takes.insert(folder, takes.paths);
    }

    /// A kustomization that reads a file and does not belong to the source `own`: neither is it a part of that source, nor
    /// does it have the file only by taking the source in.
    pub fn other(&self, own: &str, file: &str) -> Option<&str> {
        let parts = self.parts(own);
        let is_other = |folder: &&str| !parts.contains(*folder);
        // what nobody can read may read the parts of a source, but hardly those of its own folder
        let is_own = folder_of(file).strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let unknown = self.unknown.iter().map(String::as_str).filter(|_| !is_own).find(is_other);
        if unknown.is_some() {
            return unknown;
        }
        let its_own = self.takes.get_key_value(folder_of(file)).map(|(folder, _)| &**folder);
        let its_own = its_own.filter(|_| NAMES.iter().any(|name| file.ends_with(name)));
        let mut waiting: Vec<&str> = self.who_names(file).chain(its_own).collect();
        let mut seen = BTreeSet::new();
        while let Some(folder) = waiting.pop() {
            if folder == own || !seen.insert(folder) {
                continue;
            }
            let is_end = |address: &str| {
                let before = address.strip_suffix(folder);
                !folder.is_empty() && before.is_some_and(|before| before.ends_with('/'))
            };
            waiting.extend(self.who_names(folder));
            waiting.extend(self.remote.iter().filter(|(address, _)| is_end(address)).map(|(_, taker)| &**taker));
        }
        seen.into_iter().find(is_other)
    }

    fn who_names(&self, path: &str) -> impl Iterator<Item = &str> {
        self.takers.get(path).into_iter().flatten().map(String::as_str)
    }

    /// The kustomizations that one is made of, itself included.
    fn parts(&self, own: &str) -> BTreeSet<&str> {
        let mut parts = BTreeSet::new();
        let mut waiting = vec![own];
        while let Some((folder, paths)) = waiting.pop().and_then(|folder| self.takes.get_key_value(folder)) {
            if parts.insert(&**folder) {
                waiting.extend(paths.iter().map(String::as_str).filter(|path| self.takes.contains_key(*path)));
            }
        }
        parts
    }
}

impl Takes {
    fn of(files: &dyn Files, folder: &str, links: &[String]) -> Self {
        let Ok(Some(kustomization)) = Kustomization::read(files, folder) else {
            return Self { unknown: true, ..Self::default() };
        };
        let is_link = |path: &str| {
            let leads =
                |link: &String| path.strip_prefix(&**link).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            links.iter().any(leads)
        };
        let mut takes = Self::default();
        for (_, path) in named(&kustomization.root) {
            if is_remote(path) {
                takes.remote.push(path.split('?').next().unwrap_or_default().trim_end_matches('/').to_owned());
            } else if let Some(path) = kustomization.inside(path) {
                takes.unknown |= is_link(&path);
                takes.paths.insert(path);
            }
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "a link";

    impl Files for BTreeMap<String, String> {
        fn read(&self, path: &str) -> Result<Option<String>, String> {
            match self.get(path) {
                Some(text) if text == LINK => Ok(None),
                text => Ok(text.cloned()),
            }
        }

        fn links(&self) -> Vec<String> {
            self.iter().filter(|(_, text)| *text == LINK).map(|(path, _)| path.clone()).collect()
        }

        fn list(&self) -> Result<Vec<String>, String> {
            Ok(self.iter().filter(|(_, text)| *text != LINK).map(|(path, _)| path.clone()).collect())
        }
    }

    /// Thousands of kustomizations, each above the next, are followed without looking at all of them at every step.
    #[test]
    fn long_chains_are_followed() {
        let folder = |number: usize| format!("k{number:04}");
        let kustomization = |number| {
            let text = format!("resources: [../{}, web.yaml]\n", folder(number + 1));
            (format!("{}/kustomization.yaml", folder(number)), text)
        };
        let readers = Readers::of(&(0..MOST).map(kustomization).collect::<BTreeMap<_, _>>()).expect("readable");
        let last = folder(MOST - 1);
        for _ in 0..100 {
            assert_eq!(readers.other(&last, &format!("{last}/web.yaml")), None);
            assert_eq!(readers.other("apps", &format!("{last}/web.yaml")), Some("k0000"));
        }
    }

    /// Who else reads a file, through any number of kustomizations; what cannot be read may read anything.
    #[test]
    fn files_of_others_are_known() {
        let tree = [
            ("base/kustomization.yaml", "resources: [web.yaml, ../lib]\n"),
            ("base/web.yaml", ""),
            ("lib/Kustomization", "resources: [lib.yaml]\n"),
            ("lib/lib.yaml", ""),
            ("prod/patch.yaml", ""),
            ("prod/kustomization.yaml", "resources: [../base]\npatches: [{path: patch.yaml}]\n"),
        ];
        let dev = ("dev/kustomization.yml", "bases: [../base/]\n");
        for (more, file, other) in [
            (vec![], "base/web.yaml", None),
            (vec![], "prod/patch.yaml", None),
            (vec![], "prod/kustomization.yaml", None),
            (vec![dev], "base/web.yaml", Some("dev")),
            (vec![dev], "lib/lib.yaml", Some("dev")),
            (vec![dev], "base/kustomization.yaml", Some("dev")),
            (vec![dev], "prod/patch.yaml", None),
            // it has the file only through the source
            (vec![("all/kustomization.yaml", "resources: [../prod]\n")], "base/web.yaml", None),
            (vec![("all/kustomization.yaml", "resources: [../prod, ../lib]\n")], "base/web.yaml", None),
            (vec![("all/kustomization.yaml", "resources: [../prod, ../lib]\n")], "lib/lib.yaml", Some("all")),
            (vec![("x/kustomization.yaml", "resources: [../prod/patch.yaml]\n")], "base/web.yaml", None),
            (vec![("x/kustomization.yaml", "resources: [gone.yaml]\n")], "base/web.yaml", None),
            (vec![("x/kustomization.yaml", "")], "base/web.yaml", None),
            (vec![("x/kustomization.yaml", "resources: [y/z]\n"), ("x/y", LINK)], "base/web.yaml", Some("x")),
            (vec![("x/kustomization.yaml", "resources: [y/z]\n"), ("x/y", LINK)], "prod/patch.yaml", None),
            (vec![("x/kustomization.yaml", "resources: [\n")], "base/web.yaml", Some("x")),
            (vec![("x/kustomization.yaml", LINK)], "base/web.yaml", Some("x")),
            (
                vec![("x/kustomization.yaml", "resources: ['https://h/org/repo//base?ref=main']\n")],
                "base/web.yaml",
                Some("x"),
            ),
            (vec![("x/kustomization.yaml", "resources: ['https://h/org/database']\n")], "base/web.yaml", None),
            (vec![("kustomization.yaml", "resources: [base]\n")], "base/web.yaml", Some("")),
        ] {
            let files = tree.iter().chain(&more).map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
            let readers = Readers::of(&files.collect::<BTreeMap<_, _>>()).expect("readable");
            assert_eq!(readers.other("prod", file), other, "{more:?} {file}");
        }
    }
}
