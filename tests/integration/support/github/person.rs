//! A repository in the hands of its people: they push, merge, close, edit and review, and change the settings.

use std::sync::Arc;

use super::pulls;
use super::server::Shared;
use super::state::{Checks, PullRequest, Repo, now};
use crate::support::git::{Bare, MAIN};

/// One repository.
pub(crate) struct Repository {
    shared: Arc<Shared>,
    id: u64,
    bare: Bare,
}

impl Repository {
    pub(crate) fn new(shared: Arc<Shared>, id: u64, bare: Bare) -> Self {
        Self { shared, id, bare }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Repo) -> T) -> T {
        let mut world = self.shared.world();
        world.follow_branches(self.id);
        change(world.by_id_mut(self.id))
    }

    fn change_pull<T>(&self, number: u64, change: impl FnOnce(&mut PullRequest) -> T) -> T {
        self.change(|repository| {
            let pull = repository.pull(number).unwrap_or_else(|| panic!("there is no pull request {number}"));
            change(pull)
        })
    }

    /// `owner/name`
    pub(crate) fn name(&self) -> String {
        self.change(|repository| repository.name.clone())
    }

    /// Its address for Git.
    pub(crate) fn git_url(&self) -> String {
        format!("{}/{}.git", self.shared.address, self.name())
    }

    /// Its Git repository.
    pub(crate) fn bare(&self) -> &Bare {
        &self.bare
    }

    /// Its pull requests, oldest first.
    pub(crate) fn pull_requests(&self) -> Vec<PullRequest> {
        self.change(|repository| repository.pulls.clone())
    }

    /// One of them.
    pub(crate) fn pull_request(&self, number: u64) -> PullRequest {
        self.change_pull(number, |pull| pull.clone())
    }

    /// Somebody commits a file to a branch.
    pub(crate) fn push_file(&self, branch: &str, path: &str, text: &str, author: &str) -> String {
        self.bare.commit(branch, &[(path, text)], author)
    }

    /// A person opens a pull request from a branch of this repository or of a fork.
    pub(crate) fn open_by_person(&self, login: &str, from: &Self, branch: &str) -> u64 {
        let new = PullRequest {
            number: 0,
            author: login.to_owned(),
            head_repository: from.id,
            head: branch.to_owned(),
            head_commit: from.bare.head(branch).expect("the branch was pushed"),
            base: MAIN.to_owned(),
            title: format!("Change of {login}"),
            body: None,
            draft: false,
            closed_at: None,
            merged_at: None,
            merge_commit: None,
            reviewers: Vec::new(),
            teams: Vec::new(),
            reviews: Vec::new(),
            labels: Vec::new(),
            assignees: Vec::new(),
            auto_merge: false,
            comments: Vec::new(),
        };
        let opened = pulls::open(&mut self.shared.world(), self.id, new);
        opened.unwrap_or_else(|reply| panic!("GitHub would not open it: {}", reply.body))
    }

    /// A person merges a pull request: a merge commit on its base. The branch stays, unless it is deleted.
    pub(crate) fn merge(&self, number: u64) -> String {
        let merged = self.change_pull(number, |pull| pulls::merge_commit(&self.bare, pull));
        merged.unwrap_or_else(|| panic!("the pull request {number} cannot be merged"))
    }

    /// A person closes a pull request without merging it.
    pub(crate) fn close(&self, number: u64) {
        self.change_pull(number, |pull| pull.closed_at = Some(now()));
    }

    /// A person edits title and body in the browser, which sends the line ends of a form.
    pub(crate) fn edit(&self, number: u64, title: &str, body: &str) {
        self.change_pull(number, |pull| {
            title.clone_into(&mut pull.title);
            pull.body = Some(body.replace('\n', "\r\n"));
        });
    }

    /// A person reviews, and so is no longer asked to.
    pub(crate) fn review(&self, number: u64, login: &str) {
        self.change_pull(number, |pull| {
            pull.reviewers.retain(|asked| asked != login);
            pull.reviews.push(login.to_owned());
        });
    }

    /// A person takes all reviewers off the list.
    pub(crate) fn dismiss_reviewers(&self, number: u64) {
        self.change_pull(number, |pull| pull.reviewers.clear());
    }

    /// Deletes a branch, as the button below a merged pull request does.
    pub(crate) fn delete_branch(&self, branch: &str) {
        self.bare.git(&["update-ref", "-d", &format!("refs/heads/{branch}")]);
    }

    /// A new name; the old one leads on, for reads.
    pub(crate) fn rename(&self, new: &str) {
        let old = self.name();
        let mut world = self.shared.world();
        world.moved.insert(old, new.to_owned());
        world.by_id_mut(self.id).name = new.to_owned();
    }

    /// Every push is refused from now on.
    pub(crate) fn refuse_pushes(&self, reason: &str) {
        std::fs::write(self.bare.path().join("refused"), format!("{reason}\n")).expect("written");
    }

    /// Everybody may read.
    pub(crate) fn make_public(&self) {
        self.change(|repository| repository.private = false);
    }

    /// Drafts are not to be had.
    pub(crate) fn refuse_drafts(&self) {
        self.change(|repository| repository.drafts = false);
    }

    /// Pull requests may merge themselves, once the checks that `main` asks for have passed.
    pub(crate) fn allow_auto_merge(&self, checks: Checks) {
        self.change(|repository| {
            repository.allow_auto_merge = true;
            repository.protected.insert(MAIN.to_owned(), checks);
        });
    }

    /// Pull requests could merge themselves, but no branch asks for checks.
    pub(crate) fn allow_auto_merge_only(&self) {
        self.change(|repository| repository.allow_auto_merge = true);
    }

    /// `main` changes through pull requests only.
    pub(crate) fn protect(&self) {
        self.change(|repository| repository.protected.insert(MAIN.to_owned(), Checks::Passed));
    }
}
