//! Pull requests as Markdown files, one each: `<number>.md` with a head of `name: value` lines between two `---`, then
//! the body. A person closes or merges one by editing `state:` to `closed` or `merged`, and merges the branch with git.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{ForgeError, LocalSettings, Published};
use crate::domain::proposal::{KnownProposal, Proposal, ProposalState};

const AUTOCLOSED: &str = " - autoclosed";

/// A folder of pull requests.
#[derive(Debug)]
pub struct Local {
    folder: PathBuf,
}

/// One file taken apart.
struct File {
    head: Vec<(String, String)>,
    body: String,
}

impl Local {
    /// Uses a folder, which is made when it is needed.
    pub fn new(settings: &LocalSettings) -> Self {
        Self { folder: settings.folder.clone() }
    }

    pub(super) fn find(&self, prefix: &str) -> Result<Vec<KnownProposal>, ForgeError> {
        let mut known = Vec::new();
        for number in self.numbers()? {
            let path = self.path(number);
            let text = std::fs::read_to_string(&path).map_err(|error| unavailable(&path, &error))?;
            let Some(file) = File::parse(&text) else {
                return Err(ForgeError::Unavailable(format!("{} has no head between two `---` lines", path.display())));
            };
            if !file.get("branch").starts_with(prefix) {
                continue;
            }
            let state = match file.get("state") {
                "open" => ProposalState::Open,
                "merged" => ProposalState::Merged,
                "closed" => ProposalState::Closed,
                other => {
                    let message = format!("{}: the state `{other}` is none of open, merged, closed", path.display());
                    return Err(ForgeError::Unavailable(message));
                }
            };
            let changed = std::fs::metadata(&path).and_then(|meta| meta.modified()).ok();
            let changed = changed.and_then(|time| jiff::Timestamp::try_from(time).ok()).map(|time| time.to_string());
            known.push(KnownProposal {
                number,
                url: path.display().to_string(),
                branch: file.get("branch").to_owned(),
                state,
                title: file.get("title").to_owned(),
                labels: file.get("labels").split(", ").filter(|label| !label.is_empty()).map(str::to_owned).collect(),
                closed_at: changed.filter(|_| state != ProposalState::Open),
                closed_by_us: file.get("title").ends_with(AUTOCLOSED),
                body: file.body,
            });
        }
        known.reverse();
        Ok(known)
    }

    pub(super) fn open(&self, proposal: &Proposal, base: &str) -> Result<Published, ForgeError> {
        std::fs::create_dir_all(&self.folder).map_err(|error| unavailable(&self.folder, &error))?;
        let number = self.numbers()?.last().map_or(1, |last| last + 1);
        let mut file = File { head: Vec::new(), body: proposal.body.clone() };
        for (name, value) in [
            ("number", number.to_string()),
            ("branch", proposal.branch.clone()),
            ("base", base.to_owned()),
            ("state", "open".to_owned()),
        ] {
            file.set(name, &value);
        }
        file.describe(proposal);
        self.write(number, &file)?;
        Ok(self.published(number, true))
    }

    pub(super) fn update(&self, known: &KnownProposal, proposal: &Proposal) -> Result<Published, ForgeError> {
        let path = self.path(known.number);
        let text = std::fs::read_to_string(&path).map_err(|error| unavailable(&path, &error))?;
        let mut file =
            File::parse(&text).ok_or_else(|| ForgeError::Unavailable(format!("{} has no head", path.display())))?;
        file.describe(proposal);
        file.body.clone_from(&proposal.body);
        let changed = file.to_text() != text;
        if changed {
            self.write(known.number, &file)?;
        }
        Ok(self.published(known.number, changed))
    }

    pub(super) fn close(&self, known: &KnownProposal, comment: &str) -> Result<(), ForgeError> {
        let path = self.path(known.number);
        let text = std::fs::read_to_string(&path).map_err(|error| unavailable(&path, &error))?;
        let mut file =
            File::parse(&text).ok_or_else(|| ForgeError::Unavailable(format!("{} has no head", path.display())))?;
        file.set("state", "closed");
        file.set("title", &format!("{}{AUTOCLOSED}", known.title));
        file.set("closed", comment);
        self.write(known.number, &file)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:04}.md"))
    }

    fn published(&self, number: u64, changed: bool) -> Published {
        Published { number, url: self.path(number).display().to_string(), changed, remarks: Vec::new() }
    }

    fn numbers(&self) -> Result<Vec<u64>, ForgeError> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unavailable(&self.folder, &error)),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| unavailable(&self.folder, &error))?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.strip_suffix(".md")?.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A reader sees the old file or the new one, never half of one.
    fn write(&self, number: u64, file: &File) -> Result<(), ForgeError> {
        let path = self.path(number);
        let wrong = |error: &std::io::Error| unavailable(&path, error);
        let mut new = tempfile::NamedTempFile::new_in(&self.folder).map_err(|error| wrong(&error))?;
        new.write_all(file.to_text().as_bytes()).map_err(|error| wrong(&error))?;
        new.persist(&path).map_err(|error| wrong(&error.error))?;
        Ok(())
    }
}

impl File {
    fn parse(text: &str) -> Option<Self> {
        let (head, body) = text.strip_prefix("---\n")?.split_once("\n---\n\n")?;
        let line = |line: &str| {
            line.split_once(": ")
                .or(line.strip_suffix(':').map(|name| (name, "")))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        Some(Self { head: head.lines().filter_map(line).collect(), body: body.to_owned() })
    }

    fn get(&self, name: &str) -> &str {
        self.head.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Values are kept on one line: a line end in one would make a line of its own.
    fn set(&mut self, name: &str, value: &str) {
        let value = value.replace(['\n', '\r'], " ");
        match self.head.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.head.push((name.to_owned(), value)),
        }
    }

    fn describe(&mut self, proposal: &Proposal) {
        self.set("title", &proposal.title);
        self.set("reviewers", &proposal.reviewers.join(", "));
        self.set("team_reviewers", &proposal.team_reviewers.join(", "));
        self.set("assignees", &proposal.assignees.join(", "));
        self.set("labels", &proposal.labels.join(", "));
        self.set("draft", &proposal.draft.to_string());
    }

    fn to_text(&self) -> String {
        let mut text = String::from("---\n");
        for (name, value) in &self.head {
            let _ = writeln!(text, "{name}: {value}");
        }
        let _ = write!(text, "---\n\n{}", self.body);
        text
    }
}

fn unavailable(path: &Path, error: &std::io::Error) -> ForgeError {
    ForgeError::Unavailable(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn proposal(body: &str) -> Proposal {
        Proposal {
            branch: "auto-remediation/prod/apps/web-1".to_owned(),
            title: "restore\nstate: merged".to_owned(),
            body: body.to_owned(),
            message: String::new(),
            files: BTreeMap::new(),
            reviewers: vec!["ada".to_owned()],
            team_reviewers: Vec::new(),
            assignees: Vec::new(),
            labels: vec!["drift".to_owned(), "prod".to_owned()],
            draft: false,
            auto_merge: false,
        }
    }

    /// Opened, found by its prefix, updated only if it differs, closed by us; a hostile title adds no line to the head.
    #[test]
    fn the_life_of_a_pull_request() {
        let folder = tempfile::tempdir().expect("folder");
        let forge = Local::new(&LocalSettings { folder: folder.path().join("new") });
        let all = || forge.find("auto-remediation/prod/").expect("find");
        assert!(all().is_empty());
        forge.open(&proposal("body\n---\n\nmore"), "main").expect("open");
        let known = all().remove(0);
        assert_eq!(
            (known.state, known.labels.len(), known.body.as_str()),
            (ProposalState::Open, 2, "body\n---\n\nmore")
        );
        assert!(!forge.update(&known, &proposal("body\n---\n\nmore")).expect("update").changed);
        assert!(forge.update(&known, &proposal("other")).expect("update").changed);
        forge.close(&known, "gone").expect("close");
        let known = all().remove(0);
        assert_eq!((known.state, known.closed_by_us, known.body.as_str()), (ProposalState::Closed, true, "other"));
        assert!(forge.find("auto-remediation/other/").expect("find").is_empty());
    }

    /// What a person wrote wrongly is told, and never taken for "there is none".
    #[test]
    fn a_broken_file_is_an_error() {
        let folder = tempfile::tempdir().expect("folder");
        let forge = Local::new(&LocalSettings { folder: folder.path().to_path_buf() });
        for text in ["no head", "---\nbranch: auto-remediation/a\nstate: done\n---\n\n"] {
            std::fs::write(folder.path().join("0001.md"), text).expect("write");
            assert!(forge.find("auto-remediation/").is_err(), "{text}");
        }
    }
}
