//! What the double remembers: repositories, pull requests, identities. Everything that Git knows is asked of Git.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use super::app::App;
use super::faults::Fault;
use crate::support::git::Bare;

/// All of it.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) repositories: Vec<Repo>,
    pub(crate) tokens: BTreeMap<String, Token>,
    pub(crate) app: Option<App>,
    /// Messages that GitHub's description does not allow, and requests the double has no answer for.
    pub(crate) breaches: Vec<String>,
    /// What goes wrong next, by operation.
    pub(crate) faults: VecDeque<(String, Fault)>,
    pub(crate) requests: Vec<Request>,
    /// Old names of repositories, and where Git is sent from there.
    pub(crate) moved: BTreeMap<String, String>,
}

/// One request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// Of the API by GitHub's id, `pulls/create`; `graphql`; of Git `git-upload-pack` or `git-receive-pack`.
    pub(crate) operation: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    /// Whether it carried credentials of any kind.
    pub(crate) authorized: bool,
    /// Length of the reply.
    pub(crate) bytes: usize,
}

/// Who may do what where.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) login: String,
    /// `contents` → `write`
    pub(crate) permissions: BTreeMap<String, String>,
    /// Private repositories that it sees; all where None.
    pub(crate) repositories: Option<BTreeSet<String>>,
    pub(crate) expires: Option<Timestamp>,
}

impl Token {
    pub(crate) fn may(&self, permission: &str, level: &str) -> bool {
        self.permissions.get(permission).is_some_and(|given| given == level || given == "write")
    }

    pub(crate) fn is_app(&self) -> bool {
        self.login.ends_with("[bot]")
    }

    pub(crate) fn sees(&self, repository: &str) -> bool {
        self.repositories.as_ref().is_none_or(|names| names.contains(repository))
    }
}

/// One repository.
#[derive(Debug)]
pub(crate) struct Repo {
    pub(crate) id: u64,
    /// `owner/name`
    pub(crate) name: String,
    pub(crate) bare: Bare,
    pub(crate) private: bool,
    /// Whether drafts are to be had: not in private repositories of some plans.
    pub(crate) drafts: bool,
    pub(crate) allow_auto_merge: bool,
    /// Branches that only pull requests change, and whether checks they need are still running.
    pub(crate) protected: BTreeMap<String, Checks>,
    pub(crate) collaborators: BTreeSet<String>,
    pub(crate) teams: BTreeSet<String>,
    pub(crate) pulls: Vec<PullRequest>,
}

/// How the required checks of a protected branch stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    Running,
    Passed,
}

/// One pull request as the double has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PullRequest {
    pub(crate) number: u64,
    pub(crate) author: String,
    /// The repository that holds its branch: another one for a fork.
    pub(crate) head_repository: u64,
    pub(crate) head: String,
    /// Its commit as last seen; a branch that is gone leaves it behind.
    pub(crate) head_commit: String,
    pub(crate) base: String,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) draft: bool,
    pub(crate) closed_at: Option<String>,
    pub(crate) merged_at: Option<String>,
    pub(crate) merge_commit: Option<String>,
    pub(crate) reviewers: Vec<String>,
    pub(crate) teams: Vec<String>,
    /// Who has reviewed it.
    pub(crate) reviews: Vec<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) assignees: Vec<String>,
    pub(crate) auto_merge: bool,
    /// Author and text of each comment.
    pub(crate) comments: Vec<(String, String)>,
}

impl PullRequest {
    pub(crate) fn is_open(&self) -> bool {
        self.closed_at.is_none()
    }

    pub(crate) fn is_merged(&self) -> bool {
        self.merged_at.is_some()
    }

    pub(crate) fn node_id(&self, repository: u64) -> String {
        format!("PR_{repository}_{}", self.number)
    }
}

impl Repo {
    pub(crate) fn owner(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    pub(crate) fn pull(&mut self, number: u64) -> Option<&mut PullRequest> {
        self.pulls.iter_mut().find(|pull| pull.number == number)
    }
}

impl World {
    pub(crate) fn repository(&self, name: &str) -> Option<&Repo> {
        self.repositories.iter().find(|repository| repository.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn by_id(&self, id: u64) -> &Repo {
        self.repositories.iter().find(|repository| repository.id == id).expect("repositories are never removed")
    }

    pub(crate) fn by_id_mut(&mut self, id: u64) -> &mut Repo {
        self.repositories.iter_mut().find(|repository| repository.id == id).expect("repositories are never removed")
    }

    /// The token behind some text, if it is valid now.
    pub(crate) fn token(&self, text: &str) -> Option<&Token> {
        let now = Timestamp::now();
        self.tokens.get(text).filter(|token| token.expires.is_none_or(|expires| expires > now))
    }

    /// What GitHub does by itself when branches move: heads follow, and a pull request whose branch is gone is closed.
    pub(crate) fn follow_branches(&mut self, id: u64) {
        let heads: BTreeMap<u64, BTreeMap<String, String>> = self
            .by_id(id)
            .pulls
            .iter()
            .filter(|pull| pull.is_open())
            .map(|pull| pull.head_repository)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(|repository| (repository, self.by_id(repository).bare.heads()))
            .collect();
        let paths: BTreeMap<u64, String> =
            heads.keys().map(|id| (*id, self.by_id(*id).bare.path().display().to_string())).collect();
        let repository = self.by_id_mut(id);
        let bare = repository.bare.clone();
        for pull in repository.pulls.iter_mut().filter(|pull| pull.is_open()) {
            let head = heads[&pull.head_repository].get(&pull.head);
            match head {
                None => pull.closed_at = Some(now()),
                Some(head) if *head == pull.head_commit => {}
                Some(head) => {
                    if pull.head_repository != id {
                        bare.git(&["fetch", "--quiet", &paths[&pull.head_repository], head]);
                    }
                    bare.git(&["update-ref", &format!("refs/pull/{}/head", pull.number), head]);
                    pull.head_commit.clone_from(head);
                }
            }
        }
    }
}

/// The time as GitHub writes it.
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
