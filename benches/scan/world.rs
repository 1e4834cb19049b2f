//! What the bench scans: namespaces of declared and undeclared objects on the real API server, and for each of them a
//! remote, the same files for kubectl, and a configuration.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use kube::client::Body;

use super::cluster::cluster;
use super::on_loopback;

/// Whose field manager the objects are delivered by.
pub(crate) const DELIVERY: &str = "argocd-controller";
/// Requests under way while the objects are delivered.
const AT_ONCE: usize = 16;

/// One namespace and what belongs to it.
pub(crate) struct World {
    /// Declared objects.
    pub(crate) declared: usize,
    /// Live objects of the same kinds that nobody declares.
    pub(crate) undeclared: usize,
    pub(crate) namespace: String,
    /// Where the programs run.
    pub(crate) folder: PathBuf,
}

impl World {
    /// Delivers the objects and writes the files below `parent`.
    pub(crate) fn make(parent: &Path, kubeconfig: &Path, declared: usize, undeclared: usize) -> Self {
        let namespace = format!("bench-{declared}-{undeclared}");
        let folder = parent.join(&namespace);
        let apps: Vec<App> = (0..declared / 3).map(|index| App::new(&format!("app-{index:05}"), false)).collect();
        write_repository(&folder, &namespace, kubeconfig, &apps);
        cluster().create_namespace(&namespace);
        let crowd = (0..undeclared / 3).map(|index| App::new(&format!("crowd-{index:05}"), true));
        deliver(kubeconfig, &namespace, apps.into_iter().chain(crowd));
        Self { declared: declared / 3 * 3, undeclared: undeclared / 3 * 3, namespace, folder }
    }

    /// Waits until the controllers have done their part.
    pub(crate) fn settle(&self) {
        let started = Instant::now();
        loop {
            let sets = cluster().kubectl(&["-n", &self.namespace, "get", "replicasets", "-o", "name"]);
            if sets.lines().count() >= self.declared / 3 {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(1200), "the controllers did not come to rest");
            std::thread::sleep(Duration::from_secs(2));
        }
    }
}

/// The remote of a plain folder, and the configuration that scans it.
fn write_repository(folder: &Path, namespace: &str, kubeconfig: &Path, apps: &[App]) {
    let manifests = folder.join("apps");
    std::fs::create_dir_all(&manifests).expect("folder");
    for app in apps {
        let text = app.objects.each_ref().map(|(_, text)| text.as_str()).join("---\n");
        std::fs::write(manifests.join(format!("{}.yaml", app.name)), text).expect("write");
    }
    let config = format!(
        "cluster: {{name: bench, kubeconfig: {:?}, namespaces: [{namespace}]}}\n\
         repository: {{url: remote.git, cache: cache}}\n\
         sources:\n  - {{name: apps, path: apps, namespace: {namespace}, delivery: {{tool: argo_cd}}}}\n",
        kubeconfig.display().to_string()
    );
    std::fs::write(folder.join("trueup.yaml"), config).expect("write");
    let git = |args: &[&str]| {
        let done = Command::new("git").args(args).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").status();
        assert!(done.expect("git starts").success(), "git {args:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "apps"]);
    git(&["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "apps"]);
    git(&["clone", "-q", "--bare", ".", "remote.git"]);
}

/// Applies the objects server-side, many at once: kubectl would take an hour.
fn deliver(kubeconfig: &Path, namespace: &str, apps: impl Iterator<Item = App>) {
    on_loopback(kubeconfig, async |client| {
        let requests = apps.flat_map(|app| {
            let name = app.name;
            app.objects.map(|(resources, text)| (format!("{resources}/{name}"), text))
        });
        let applied = futures::stream::iter(requests).map(Ok).try_for_each_concurrent(AT_ONCE, |(resource, text)| {
            let (prefix, name) = resource.split_once("/namespaced/").expect("a resource");
            let address = format!("{prefix}/namespaces/{namespace}/{name}?fieldManager={DELIVERY}&force=true");
            let request = http::Request::patch(address)
                .header("Content-Type", "application/apply-patch+yaml")
                .header("Accept", "application/json")
                .body(Body::from(text.into_bytes()))
                .expect("request");
            let client = client.clone();
            async move {
                let response = client.send(request).await.map_err(|error| error.to_string())?;
                let status = response.status();
                let body = response.into_body().collect_bytes().await.map_err(|error| error.to_string())?;
                if status.is_success() { Ok(()) } else { Err(String::from_utf8_lossy(&body).into_owned()) }
            }
        });
        applied.await.expect("the API server takes the object");
    });
}

/// A Deployment, a Service and a ConfigMap of the size that real ones have.
struct App {
    name: String,
    /// Where each belongs, and its manifest.
    objects: [(&'static str, String); 3],
}

impl App {
    /// An idle one is left alone by the controllers.
    fn new(name: &str, idle: bool) -> Self {
        let objects = [
            ("/apis/apps/v1/namespaced/deployments", deployment(name, idle)),
            ("/api/v1/namespaced/services", service(name, idle)),
            ("/api/v1/namespaced/configmaps", config_map(name)),
        ];
        Self { name: name.to_owned(), objects }
    }
}

fn deployment(name: &str, idle: bool) -> String {
    let mut env = String::new();
    for index in 0..12 {
        let _ = writeln!(env, "        - {{name: SETTING_{index}, value: \"value of setting {index} of {name}\"}}");
    }
    let paused = if idle { "  paused: true\n" } else { "" };
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels: {{app: {name}, team: platform}}\nspec:\n{paused}  \
         replicas: 1\n  selector:\n    matchLabels: {{app: {name}}}\n  template:\n    metadata:\n      labels: {{app: {name}, team: platform}}\n    \
         spec:\n      securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}\n      containers:\n      - name: web\n        \
         image: registry.example/{name}:1.4.2\n        ports:\n        - {{name: http, containerPort: 8080}}\n        env:\n{env}        \
         resources:\n          requests: {{cpu: 100m, memory: 128Mi}}\n          limits: {{cpu: \"1\", memory: 512Mi}}\n        \
         readinessProbe:\n          httpGet: {{path: /ready, port: http}}\n          periodSeconds: 5\n        volumeMounts:\n        \
         - {{name: config, mountPath: /etc/app}}\n      volumes:\n      - name: config\n        configMap: {{name: {name}}}\n"
    )
}

fn service(name: &str, idle: bool) -> String {
    let selector = if idle { "clusterIP: None".to_owned() } else { format!("selector: {{app: {name}}}") };
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  labels: {{app: {name}}}\nspec:\n  {selector}\n  ports:\n  \
         - {{name: http, port: 80, targetPort: http}}\n"
    )
}

fn config_map(name: &str) -> String {
    let mut data = String::new();
    for index in 0..8 {
        let _ = writeln!(data, "  setting.{index}: \"a value that is as long as most of them are, {index}\"");
    }
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels: {{app: {name}}}\ndata:\n{data}")
}
