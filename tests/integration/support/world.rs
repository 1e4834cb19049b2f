//! A story's world: a config repository, a namespace in the real cluster, a configuration, and the program itself in an
//! environment of its own. When it ends, nothing that the program wrote may hold one of its secrets.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::cli::{Desk, Invocation, Ran};
use super::cluster::{Account, Cluster, Way, cluster};
use super::remote::Remote;

/// The one verb that trueup needs.
pub(crate) const LIST_EVERYTHING: &str = r#"[{apiGroups: ["*"], resources: ["*"], verbs: [list]}]"#;

/// What a world is made of.
pub(crate) struct Setting<'a> {
    /// The first part of the namespace's name.
    pub(crate) name: &'a str,
    /// Files of the repository. `NAMESPACE` in them stands for the namespace.
    pub(crate) files: &'a [(&'a str, &'a str)],
    /// What trueup may do, as RBAC rules.
    pub(crate) rules: &'a str,
    /// Whether it may do that in every namespace, and looks at all of them.
    pub(crate) everywhere: bool,
    /// A cluster of its own; else the one of all tests.
    pub(crate) in_cluster: Option<&'static Cluster>,
    /// Further keys of the section `cluster`.
    pub(crate) cluster: &'a str,
    /// Further sections of the configuration; `sources` replaces the usual one.
    pub(crate) config: &'a str,
}

impl Default for Setting<'_> {
    fn default() -> Self {
        Self {
            name: "story",
            files: &[],
            rules: LIST_EVERYTHING,
            everywhere: false,
            in_cluster: None,
            cluster: "",
            config: "",
        }
    }
}

/// A story's world.
pub(crate) struct World {
    pub(crate) cluster: &'static Cluster,
    pub(crate) namespace: String,
    pub(crate) remote: Remote,
    pub(crate) account: Account,
    desk: Desk,
    canaries: Vec<String>,
    said: RefCell<String>,
}

impl World {
    /// Makes the repository, the namespace and the account; nothing is applied yet.
    pub(crate) fn new(setting: &Setting<'_>) -> Self {
        let cluster = setting.in_cluster.unwrap_or_else(cluster);
        let namespace = cluster.namespace(setting.name);
        let desk = Desk::new();
        let canary = |name: &str| format!("canary-{name}-{:016x}", rand::random::<u64>());
        let (in_git, live, token) = (canary("git"), canary("live"), canary("token"));
        let secret = |name: &str, value: &str| {
            format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {{password: {value}}}\n")
        };
        let named = |text: &str| text.replace("NAMESPACE", &namespace);
        let own = secret("canary", &in_git);
        let files: Vec<_> = setting.files.iter().map(|(path, text)| (*path, named(text))).collect();
        let files = files.iter().map(|(path, text)| (*path, text.as_str()));
        let files: Vec<_> = std::iter::once(("apps/canary.yaml", own.as_str())).chain(files).collect();
        let remote = Remote::new(&desk.path(""), &files);
        cluster.deliver(Way::ClientSide, &namespace, &secret("canary-live", &live));
        let account = cluster.account(&namespace, "trueup", setting.rules, setting.everywhere);
        let scope = if setting.everywhere { String::new() } else { format!("\n  namespaces: [{namespace}]") };
        let sources = "sources: [{name: apps, path: apps, namespace: NAMESPACE, environment: production}]\n";
        let config = format!(
            "cluster:\n  name: {namespace}\n  kubeconfig: kubeconfig{scope}\n  {}\n\
             repository: {{url: remote.git, cache: cache, token_env: CONFIG_TOKEN}}\n\
             forge: {{local: {{folder: pull-requests}}}}\n\
             proposals: {{reviewers: [ada], team_reviewers: [platform], labels: [drift, prod]}}\n{}{}\n",
            setting.cluster,
            if setting.config.contains("sources:") { "" } else { sources },
            setting.config,
        );
        desk.write("trueup.yaml", &named(&config));
        desk.write("kubeconfig", &cluster.kubeconfig(&account.token));
        let canaries = vec![in_git, live, token, account.token.clone()];
        Self { cluster, namespace, remote, account, desk, canaries, said: RefCell::default() }
    }

    /// A new secret, which nothing that the program writes may hold.
    pub(crate) fn canary(&mut self, name: &str) -> String {
        let canary = format!("canary-{name}-{:016x}", rand::random::<u64>());
        self.canaries.push(canary.clone());
        canary
    }

    /// A file of this world's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.desk.path(name)
    }

    /// Edits the configuration.
    pub(crate) fn configure(&self, edit: impl FnOnce(String) -> String) {
        let config = std::fs::read_to_string(self.path("trueup.yaml")).expect("configuration");
        let edited = edit(config.clone());
        assert_ne!(edited, config, "the edit changes nothing");
        self.desk.write("trueup.yaml", &edited);
    }

    /// Gives the program another account than its own.
    pub(crate) fn become_account(&mut self, account: Account) {
        self.canaries.push(account.token.clone());
        self.desk.write("kubeconfig", &self.cluster.kubeconfig(&account.token));
        self.account = account;
    }

    /// Puts the API server behind another address, such as a proxy's.
    pub(crate) fn reach_cluster_at(&self, address: &str) {
        let kubeconfig = super::servers::kubeconfig(address, None, &self.account.token);
        self.desk.write("kubeconfig", &kubeconfig);
    }

    /// Applies what `main` declares, as a delivery by `kubectl apply` does.
    pub(crate) fn deliver(&self) {
        self.cluster.deliver(Way::ClientSide, &self.namespace, &self.remote.manifests());
    }

    /// kubectl in this world's namespace, as a person uses it.
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        self.cluster.kubectl(&[&["-n", &self.namespace], args].concat())
    }

    /// The program, ready to be started in this world's folder.
    pub(crate) fn invocation(&self, args: &[&str]) -> Invocation {
        self.desk.trueup(args).env("CONFIG_TOKEN", &self.canaries[2])
    }

    /// Runs the program to its end.
    pub(crate) fn trueup(&self, args: &[&str]) -> Ran {
        let ran = self.invocation(args).run();
        self.heard(&ran.everything());
        ran
    }

    /// Keeps what the program said for the search for secrets.
    pub(crate) fn heard(&self, text: &str) {
        self.said.borrow_mut().push_str(text);
    }

    /// `trueup scan`, its exit code and what it found.
    pub(crate) fn scan(&self) -> (i32, Vec<String>) {
        let ran = self.trueup(&["scan", "-o", "json"]);
        (ran.code.expect("it ended by itself"), ran.items())
    }

    /// `trueup run`, which has to complete, and what came of each unit: `web created`.
    pub(crate) fn run(&self) -> Vec<String> {
        self.trueup(&["run", "-o", "json"]).exits(0).outcomes()
    }

    /// The pull request files, by name.
    pub(crate) fn pull_requests(&self) -> Vec<(PathBuf, String)> {
        let Ok(entries) = std::fs::read_dir(self.path("pull-requests")) else { return Vec::new() };
        let mut files: Vec<_> = entries.map(|entry| entry.expect("entry").path()).collect();
        files.sort();
        let read = |path: PathBuf| std::fs::read_to_string(&path).map(|text| (path, text)).expect("a text");
        files.into_iter().map(read).collect()
    }

    /// Edits the state of a pull request, as a person does who closes or merges it.
    pub(crate) fn set_state(&self, number: usize, state: &str) {
        let (path, text) = self.pull_requests().swap_remove(number - 1);
        assert!(text.contains("\nstate: open\n"), "{text}");
        std::fs::write(path, text.replace("\nstate: open\n", &format!("\nstate: {state}\n"))).expect("write");
    }

    /// Everything outside of the process that a run may change: refs, and the pull request files with their times.
    pub(crate) fn footprint(&self) -> String {
        let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified()).expect("time");
        let files =
            self.pull_requests().into_iter().map(|(path, text)| format!("{path:?} {:?}\n{text}", modified(&path)));
        format!("{}{}", self.remote.refs(), files.collect::<String>())
    }

    fn look_for_secrets(&self) {
        let mut texts = vec![("its output".to_owned(), self.said.borrow().clone())];
        // these hold the secrets by right: they are Git's own, or the credentials
        let left_out = ["work/remote.git", "work/cache", "work/kubeconfig"];
        let is_left_out = |path: &Path| left_out.iter().any(|name| path.ends_with(name));
        let mut folders = vec![self.path("..").canonicalize().expect("folder")];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()) {
                if path.is_dir() && !is_left_out(&path) {
                    folders.push(path);
                } else if path.is_file() && !is_left_out(&path) {
                    let bytes = std::fs::read(&path).expect("readable");
                    texts.push((path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned()));
                }
            }
        }
        texts.extend(self.remote.branches().into_iter().map(|branch| {
            let added = self.remote.added_by(&branch);
            (branch, added)
        }));
        for (place, text) in &texts {
            for canary in &self.canaries {
                let encoded = STANDARD.encode(canary);
                let found = text.contains(canary.as_str()) || text.contains(encoded.trim_end_matches('='));
                assert!(!found, "the secret {canary} is in {place}:\n{text}");
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.look_for_secrets();
        }
    }
}

impl Ran {
    /// What counts: `Deployment/web spec.replicas changed by kubectl (person)`, `Deployment/web spec.… [rule]`.
    pub(crate) fn items(&self) -> Vec<String> {
        let report = self.json();
        let mut items: Vec<_> = report["items"].as_array().expect("items").iter().map(told).collect();
        items.sort();
        items
    }

    /// What came of each unit: `Deployment/web created`.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let report = self.json();
        let told = |unit: &Value| format!("{} {}", name(&unit["resource"]), text(&unit["outcome"]));
        let mut outcomes: Vec<_> = report["units"].as_array().expect("units").iter().map(told).collect();
        outcomes.sort();
        outcomes
    }

    /// What could not be read or done, with its place: `apps/web.yaml:3: …`.
    pub(crate) fn problems(&self) -> Vec<String> {
        let report = self.json();
        let told = |problem: &Value| {
            let place = problem["file"].as_str().map(|file| format!("{file}:{}: ", problem["line"]));
            format!("{}{}", place.unwrap_or_default(), text(&problem["message"]))
        };
        report["problems"].as_array().expect("problems").iter().map(told).collect()
    }
}

fn told(item: &Value) -> String {
    let start = format!("{} {}", name(&item["resource"]), text(&item["path"]));
    if let Some(rule) = item["rule"].as_str() {
        return format!("{start} [{rule}]");
    }
    let by = item.get("changed_by").map(|by| format!(" by {} ({})", text(&by["manager"]), text(&by["class"])));
    format!("{start} {}{}", text(&item["verdict"]), by.unwrap_or_default())
}

fn name(resource: &Value) -> String {
    format!("{}/{}", text(&resource["kind"]), text(&resource["name"]))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
