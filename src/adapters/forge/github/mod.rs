//! Pull requests on GitHub and GitHub Enterprise: found by branch, opened once, brought up to date, closed.

mod client;
mod people;

use std::time::Duration;

use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ForgeError, Published};
use crate::domain::proposal::{KnownProposal, Proposal, ProposalState};
use client::Client;

/// How trueup marks what it closed itself, so that it is not taken for a reviewer's "no".
const AUTOCLOSED: &str = " - autoclosed";

/// Which repository, and as whom.
#[derive(Debug, Clone)]
pub struct GitHubSettings {
    /// `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise server.
    pub base_url: String,
    /// `owner/name`.
    pub repository: String,
    /// The identity.
    pub access: GitHubAccess,
    /// Seconds after which a silent server is given up.
    pub timeout_seconds: u64,
    /// Between two writes; GitHub asks for a second.
    pub write_pause: Duration,
}

/// The identity that opens pull requests.
#[derive(Debug, Clone)]
pub enum GitHubAccess {
    /// A token of a person or a machine user.
    Token(SecretString),
    /// An installation of a GitHub App.
    App {
        /// The App's id.
        app: u64,
        /// The installation's id.
        installation: u64,
        /// RSA key in PEM form.
        private_key: SecretString,
    },
}

/// One repository.
#[derive(Debug)]
pub struct GitHub {
    client: Client,
    base_url: String,
    repository: String,
    /// Its name as GitHub has it now: writes to an old name are refused.
    now_called: tokio::sync::OnceCell<String>,
}

/// What trueup reads of a pull request.
#[derive(Debug, Deserialize)]
struct Pull {
    number: u64,
    html_url: String,
    node_id: String,
    state: String,
    title: String,
    body: Option<String>,
    closed_at: Option<String>,
    merged_at: Option<String>,
    head: End,
    labels: Vec<Label>,
    #[serde(default)]
    assignees: Vec<Value>,
    #[serde(default)]
    requested_reviewers: Vec<Value>,
    #[serde(default)]
    requested_teams: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct End {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    /// None where the fork is gone.
    repo: Option<RepositoryName>,
}

#[derive(Debug, Deserialize)]
struct RepositoryName {
    full_name: String,
}

#[derive(Debug, Deserialize)]
struct Label {
    name: String,
}

impl GitHub {
    /// Makes ready; nothing is asked yet.
    pub fn new(settings: &GitHubSettings) -> Result<Self, ForgeError> {
        Ok(Self {
            client: Client::new(settings)?,
            base_url: settings.base_url.clone(),
            repository: settings.repository.clone(),
            now_called: tokio::sync::OnceCell::new(),
        })
    }

    /// github.com's API is at `api.github.com`, that of an Enterprise server at its own host.
    pub(super) fn serves(&self, url: &str) -> bool {
        let host = |url: &str| {
            let uri = url.parse::<http::Uri>().ok()?;
            Some((uri.scheme()?.clone(), uri.authority()?.as_str().trim_start_matches("api.").to_owned()))
        };
        host(url).is_some() && host(url) == host(&self.base_url)
    }

    pub(super) async fn git_token(&self) -> Result<SecretString, ForgeError> {
        self.client.token().await
    }

    async fn full_name(&self) -> Result<&str, ForgeError> {
        let ask = || async {
            let repository = self.client.get(&format!("/repos/{}", self.repository)).await?;
            let name = repository["full_name"].as_str();
            name.map(str::to_owned).ok_or_else(|| ForgeError::Unavailable("GitHub named no repository".to_owned()))
        };
        self.now_called.get_or_try_init(ask).await.map(String::as_str)
    }

    async fn route(&self, rest: &str) -> Result<String, ForgeError> {
        Ok(format!("/repos/{}/{rest}", self.full_name().await?))
    }

    pub(super) async fn find(&self, prefix: &str, branches: &[String]) -> Result<Vec<KnownProposal>, ForgeError> {
        let open = self.client.list(&self.route("pulls?state=open").await?).await?;
        let mut pulls = self.own(open, |branch| branch.starts_with(prefix)).await?;
        for branch in branches {
            pulls.extend(self.history(branch, "closed").await?);
        }
        pulls.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        Ok(pulls.into_iter().map(Pull::known).collect())
    }

    /// The pull requests of one branch.
    async fn history(&self, branch: &str, state: &str) -> Result<Vec<Pull>, ForgeError> {
        let owner = self.full_name().await?.split('/').next().unwrap_or_default().to_owned();
        let route = self.route(&format!("pulls?state={state}&head={owner}:{branch}")).await?;
        self.own(self.client.list(&route).await?, |head| head == branch).await
    }

    /// Only branches of this repository count: a fork may name its branch as it likes, and GitHub's filter may yield others.
    async fn own(&self, pulls: Vec<Value>, wanted: impl Fn(&str) -> bool) -> Result<Vec<Pull>, ForgeError> {
        let name = self.full_name().await?;
        let mut own = Vec::new();
        for pull in pulls {
            let pull = Pull::read(pull)?;
            let here = pull.head.repo.as_ref().is_some_and(|repository| repository.full_name == name);
            if here && wanted(&pull.head.branch) {
                own.push(pull);
            }
        }
        Ok(own)
    }

    pub(super) async fn open(&self, proposal: &Proposal, base: &str) -> Result<Published, ForgeError> {
        let mut remarks = Vec::new();
        let pull = match self.create(proposal, base, proposal.draft).await {
            Err(ForgeError::Refused(message)) if proposal.draft && message.to_lowercase().contains("draft") => {
                remarks.push(format!("opened ready for review, because drafts were refused: {message}"));
                self.create(proposal, base, false).await?
            }
            created => created?,
        };
        remarks.extend(self.complete(&pull, proposal).await?);
        if proposal.auto_merge {
            remarks.extend(self.auto_merge(&pull).await?);
        }
        Ok(Published { number: pull.number, url: pull.html_url, changed: true, remarks })
    }

    /// Opens it, unless it turns out to be there: an answer that was lost, or another run.
    async fn create(&self, proposal: &Proposal, base: &str, draft: bool) -> Result<Pull, ForgeError> {
        let body = json!({
            "title": proposal.title, "body": proposal.body, "head": proposal.branch, "base": base, "draft": draft,
        });
        let route = self.route("pulls").await?;
        let mut failure = match self.client.write(Method::POST, &route, &body).await {
            Ok(pull) => return Pull::read(pull),
            Err(failure) => failure,
        };
        for last in [false, true] {
            let may_be_there = match &failure {
                ForgeError::Unavailable(_) => true,
                ForgeError::Refused(message) => message.contains("already exists"),
                ForgeError::Limited(_) => false,
            };
            if !may_be_there {
                break;
            }
            if let Some(pull) = self.history(&proposal.branch, "open").await?.pop() {
                return Ok(pull);
            }
            if last {
                break;
            }
            match self.client.write(Method::POST, &route, &body).await {
                Ok(pull) => return Pull::read(pull),
                Err(again) => failure = again,
            }
        }
        Err(failure)
    }

    pub(super) async fn update(&self, known: &KnownProposal, proposal: &Proposal) -> Result<Published, ForgeError> {
        let route = self.route(&format!("pulls/{}", known.number)).await?;
        let pull = Pull::read(self.client.get(&route).await?)?;
        // GitHub keeps text with the line ends of a browser
        let same = |ours: &str, theirs: &str| ours.trim() == theirs.replace("\r\n", "\n").trim();
        let current =
            same(&proposal.title, &pull.title) && same(&proposal.body, pull.body.as_deref().unwrap_or_default());
        if !current {
            let text = json!({ "title": proposal.title, "body": proposal.body });
            self.client.write(Method::PATCH, &route, &text).await?;
        }
        let lacks_label = proposal.labels.iter().any(|label| !pull.has_label(label));
        // labels come last when it is opened: where they are, people have been asked, and have answered as they like
        let remarks = if lacks_label { self.complete(&pull, proposal).await? } else { Vec::new() };
        Ok(Published { number: pull.number, url: pull.html_url, changed: !current || lacks_label, remarks })
    }

    /// People, then labels. What cannot be had is a remark; a forge that fails or asks for a pause is an error.
    async fn complete(&self, pull: &Pull, proposal: &Proposal) -> Result<Vec<String>, ForgeError> {
        let mut remarks = self.involve(pull, proposal).await?;
        let labels: Vec<_> = proposal.labels.iter().filter(|label| !pull.has_label(label)).collect();
        if !labels.is_empty() {
            let route = self.route(&format!("issues/{}/labels", pull.number)).await?;
            match self.client.write(Method::POST, &route, &json!({ "labels": labels })).await {
                Err(ForgeError::Refused(message)) => remarks.push(format!("its labels were refused: {message}")),
                done => drop(done?),
            }
        }
        Ok(remarks)
    }

    pub(super) async fn close(&self, known: &KnownProposal, comment: &str) -> Result<(), ForgeError> {
        let title = format!("{}{AUTOCLOSED}", known.title.trim_end_matches(AUTOCLOSED));
        let route = self.route(&format!("pulls/{}", known.number)).await?;
        // closed first: a comment whose close got lost would be written again by every run
        self.client.write(Method::PATCH, &route, &json!({ "state": "closed", "title": title })).await?;
        let route = self.route(&format!("issues/{}/comments", known.number)).await?;
        self.client.write(Method::POST, &route, &json!({ "body": comment })).await?;
        Ok(())
    }

    /// Asks GitHub to merge once its checks pass. <https://docs.github.com/en/graphql/reference/mutations#enablepullrequestautomerge>
    async fn auto_merge(&self, pull: &Pull) -> Result<Option<String>, ForgeError> {
        let query = "mutation($id: ID!, $head: GitObjectID!) { enablePullRequestAutoMerge(input: {pullRequestId: $id, \
                     expectedHeadOid: $head}) { pullRequest { number } } }";
        let body = json!({ "query": query, "variables": { "id": pull.node_id, "head": pull.head.sha } });
        match self.client.mutate(&body).await {
            Ok(answer) => {
                let refused = answer["errors"].as_array().filter(|errors| !errors.is_empty());
                let message = refused.and_then(|errors| errors[0]["message"].as_str());
                Ok(refused.map(|_| format!("auto-merge was refused: {}", message.unwrap_or("no reason given"))))
            }
            Err(ForgeError::Refused(message)) => Ok(Some(format!("auto-merge was refused: {message}"))),
            Err(error) => Err(error),
        }
    }
}

impl Pull {
    fn read(value: Value) -> Result<Self, ForgeError> {
        serde_json::from_value(value).map_err(|error| {
            ForgeError::Unavailable(format!("GitHub sent a pull request that cannot be read: {error}"))
        })
    }

    fn has_label(&self, name: &str) -> bool {
        self.labels.iter().any(|label| label.name.eq_ignore_ascii_case(name))
    }

    fn known(self) -> KnownProposal {
        let state = match (&self.merged_at, self.state.as_str()) {
            (Some(_), _) => ProposalState::Merged,
            (None, "open") => ProposalState::Open,
            (None, _) => ProposalState::Closed,
        };
        KnownProposal {
            number: self.number,
            url: self.html_url,
            branch: self.head.branch,
            state,
            closed_by_us: self.title.ends_with(AUTOCLOSED),
            title: self.title,
            body: self.body.unwrap_or_default().replace("\r\n", "\n"),
            labels: self.labels.into_iter().map(|label| label.name).collect(),
            closed_at: self.merged_at.or(self.closed_at),
        }
    }
}
