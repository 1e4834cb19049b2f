//! One real cluster for the whole test process, a namespace of its own for each test, and kubectl.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Once, OnceLock};

use serde_json::Value;

use super::servers::{Servers, kubeconfig, tools};

/// The cluster.
pub(crate) struct Cluster {
    servers: Servers,
    controllers: bool,
}

/// What a cluster without controllers has that others have not: classes that admission picks where none is declared.
/// In the cluster of all tests they would meet the objects of others.
const PICKED_CLASSES: &str = "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: picked, annotations: {storageclass.kubernetes.io/is-default-class: \"true\"}}
provisioner: company.example/disks
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: picked, annotations: {ingressclass.kubernetes.io/is-default-class: \"true\"}}
spec: {controller: company.example/ingress}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: picked}
value: 5
globalDefault: true
";

/// Who a program is to the API server.
pub(crate) struct Account {
    /// As the audit log names it.
    pub(crate) user: String,
    /// Its bearer token.
    pub(crate) token: String,
}

/// How a manifest reaches the cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// `kubectl create`.
    Create,
    /// `kubectl apply`.
    ClientSide,
    /// `kubectl apply --server-side` under this field manager.
    ServerSide(&'static str),
}

/// The cluster, started by whoever asks first.
pub(crate) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster { servers: Servers::start(true), controllers: true })
}

/// A cluster of its own without kube-controller-manager, whose admission picks classes.
pub(crate) fn cluster_without_controllers() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let cluster = Cluster { servers: Servers::start(false), controllers: false };
        cluster.kubectl_with(&["apply", "-f", "-"], PICKED_CLASSES, &[]);
        cluster
    })
}

/// Another cluster that no test has touched, for what is true of all that a cluster holds.
pub(crate) fn untouched_cluster() -> &'static Cluster {
    Box::leak(Box::new(Cluster { servers: Servers::start(true), controllers: true }))
}

impl Cluster {
    /// Address of the API server.
    pub(crate) fn address(&self) -> &str {
        &self.servers.address
    }

    /// The certificate of its authority.
    pub(crate) fn authority(&self) -> std::path::PathBuf {
        self.servers.folder.join("ca.crt")
    }

    /// A kubeconfig for this token, by the API server's own address.
    pub(crate) fn kubeconfig(&self, token: &str) -> String {
        kubeconfig(self.address(), Some(&self.authority()), token)
    }

    /// Runs kubectl as administrator; it has to succeed.
    pub(crate) fn kubectl<S: AsRef<OsStr>>(&self, args: &[S]) -> String {
        self.kubectl_with(args, "", &[])
    }

    /// Runs kubectl with this standard input and these variables; it has to succeed.
    pub(crate) fn kubectl_with<S: AsRef<OsStr>>(&self, args: &[S], input: &str, env: &[(&str, &str)]) -> String {
        let shown: Vec<_> = args.iter().map(|arg| arg.as_ref().to_string_lossy()).collect();
        let done = self.try_kubectl(args, input, env);
        done.unwrap_or_else(|said| panic!("kubectl {}: {said}\n{input}", shown.join(" ")))
    }

    /// Runs kubectl: what it prints, or how it complains.
    pub(crate) fn try_kubectl<S: AsRef<OsStr>>(
        &self,
        args: &[S],
        input: &str,
        env: &[(&str, &str)],
    ) -> Result<String, String> {
        let mut kubectl = self
            .as_administrator(&tools().join("kubectl"))
            .args(args)
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl starts");
        kubectl.stdin.take().expect("piped").write_all(input.as_bytes()).expect("kubectl reads");
        let done = kubectl.wait_with_output().expect("kubectl ends");
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        Ok(String::from_utf8(done.stdout).expect("UTF-8"))
    }

    /// Runs a command line that trueup gave, as a person with a shell does.
    pub(crate) fn shell(&self, line: &str) {
        let done = self.as_administrator("/bin/sh".as_ref()).args(["-c", line]).output().expect("/bin/sh starts");
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn as_administrator(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", tools().display()))
            .env("HOME", &self.servers.folder)
            .env("KUBECONFIG", self.servers.folder.join("admin.kubeconfig"));
        command
    }

    /// A new namespace with a name of its own, once its ServiceAccount is there.
    pub(crate) fn namespace(&self, hint: &str) -> String {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let name = format!("{hint}-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.create_namespace(&name);
        if self.controllers {
            self.kubectl(&["-n", &name, "wait", "--for=create", "serviceaccount/default", "--timeout=120s"]);
        } else {
            self.kubectl(&["-n", &name, "create", "serviceaccount", "default"]);
        }
        name
    }

    /// A namespace of this name. Applied and not created: kubectl sends a request again that a busy server was slow to
    /// answer, and would then find what it had made itself.
    pub(crate) fn create_namespace(&self, name: &str) {
        let manifest = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
        self.kubectl_with(&["apply", "--server-side", "-f", "-"], &manifest, &[]);
    }

    /// The namespaces that `deploy/` names, its own with the labels it has there; for all tests that deploy.
    pub(crate) fn namespaces_of_the_deployment(&self) {
        static MADE: Once = Once::new();
        MADE.call_once(|| {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/base/namespace.yaml");
            self.kubectl(&["apply".as_ref(), "-f".as_ref(), file.as_os_str()]);
            self.create_namespace("team-a");
        });
    }

    /// Delivers manifests into a namespace.
    pub(crate) fn deliver(&self, way: Way, namespace: &str, manifests: &str) {
        let manager =
            if let Way::ServerSide(manager) = way { format!("--field-manager={manager}") } else { String::new() };
        let args: &[&str] = match way {
            Way::Create => &["create"],
            Way::ClientSide => &["apply"],
            Way::ServerSide(_) => &["apply", "--server-side", "--force-conflicts", &manager],
        };
        let args: Vec<_> = args.iter().chain(&["-n", namespace, "-f", "-"]).copied().collect();
        self.kubectl_with(&args, manifests, &[]);
    }

    /// What a person does in `kubectl edit`, here by a sed script.
    pub(crate) fn edit(&self, namespace: &str, object: &str, script: &str) {
        let folder = tempfile::tempdir().expect("folder");
        let editor = folder.path().join("editor");
        std::fs::write(&editor, format!("#!/bin/sh\nexec sed -i -e {} \"$1\"\n", quoted(script))).expect("write");
        // by sh and not by itself: a file that was written a moment ago may still be busy
        let editor = format!("/bin/sh {}", editor.display());
        self.kubectl_with(&["-n", namespace, "edit", object], "", &[("EDITOR", &editor)]);
    }

    /// An object as the API server has it.
    pub(crate) fn get(&self, namespace: &str, object: &str) -> Value {
        let text = self.kubectl(&["-n", namespace, "get", object, "-o", "json", "--show-managed-fields"]);
        serde_json::from_str(&text).expect("JSON")
    }

    /// A ServiceAccount that may do what `rules` (a YAML list of RBAC rules) say: in its namespace, or everywhere.
    pub(crate) fn account(&self, namespace: &str, name: &str, rules: &str, everywhere: bool) -> Account {
        let kind = if everywhere { "ClusterRole" } else { "Role" };
        let role = format!("{namespace}-{name}");
        let rules = serde_json::to_string(&serde_yaml::from_str::<Value>(rules).expect("rules")).expect("JSON");
        let manifests = format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}}}\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {role}}}\nrules: {rules}\n---\n\
             apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}Binding\nmetadata: {{name: {role}}}\n\
             roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: {role}}}\n\
             subjects: [{{kind: ServiceAccount, namespace: {namespace}, name: {name}}}]\n"
        );
        self.deliver(Way::ClientSide, namespace, &manifests);
        self.account_of(namespace, name)
    }

    /// A ServiceAccount that is there already.
    pub(crate) fn account_of(&self, namespace: &str, name: &str) -> Account {
        let token = self.kubectl(&["-n", namespace, "create", "token", name, "--duration=2h"]).trim().to_owned();
        Account { user: format!("system:serviceaccount:{namespace}:{name}"), token }
    }

    /// What a user did, as the API server's audit log has it.
    pub(crate) fn audit(&self, user: &str) -> Vec<Value> {
        let log = std::fs::read_to_string(self.servers.folder.join("audit.jsonl")).expect("audit log");
        let entries = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        entries.filter(|entry| entry["user"]["username"] == user).collect()
    }
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
