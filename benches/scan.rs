//! `make bench`: what a scan costs beside what a user would pick instead, on a real API server, in one run.
//!
//! Three contestants, interleaved, medians: the whole `trueup scan` process (repository on disk, already cloned), a raw
//! paged LIST of the same kinds whose bodies are thrown away, and `kubectl diff --server-side`. Ratios count, not times.
//!
//! TRUEUP_BENCH_APPS    how many of each kind (500: 1,500 objects)
//! TRUEUP_BENCH_ROUNDS  rounds (9)

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench does I/O"
)]

#[allow(dead_code)]
#[path = "../tests/integration/support/cluster.rs"]
mod cluster;
#[path = "../tests/integration/support/servers.rs"]
mod servers;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cluster::{Way, cluster};
use futures::{StreamExt as _, TryStreamExt as _};
use kube::client::Body;
use nix::sys::resource::{UsageWho, getrusage};

const PAGE_SIZE: usize = 500;
const NAMESPACE: &str = "bench";
const LISTS: [&str; 4] = [
    "/apis/apps/v1/deployments",
    "/api/v1/services",
    "/api/v1/configmaps",
    "/apis/autoscaling/v2/horizontalpodautoscalers",
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["measure", program, ..] => measure(program, &args[2..]),
        ["raw-list", kubeconfig] => raw_list(Path::new(kubeconfig)),
        _ if words.contains(&"--bench") => bench(),
        // `cargo test --all-targets` starts it too
        _ => {}
    }
}

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What one run of a program took.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
    peak_mib: f64,
}

/// Runs one program and tells what it took, in seconds and MiB. A process of its own, since the system adds up the
/// peaks of all children of one.
fn measure(program: &str, args: &[String]) {
    let started = Instant::now();
    let status = Command::new(program).args(args).stdout(Stdio::null()).status().expect("the program starts");
    let wall = started.elapsed();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).expect("usage");
    let seconds = |time: nix::sys::time::TimeVal| {
        Duration::new(time.tv_sec().unsigned_abs(), 0).as_secs_f64() + time.tv_usec() as f64 / 1e6
    };
    let cpu = seconds(used.user_time()) + seconds(used.system_time());
    println!("{} {} {} {}", status.code().unwrap_or(-1), wall.as_secs_f64(), cpu, used.max_rss() as f64 / 1024.0);
}

/// A command that is measured.
struct Contestant {
    name: &'static str,
    command: Vec<String>,
    costs: Vec<Cost>,
}

impl Contestant {
    fn new(name: &'static str, program: &Path, args: &[&str]) -> Self {
        let command = std::iter::once(program.display().to_string()).chain(args.iter().map(|&arg| arg.to_owned()));
        Self { name, command: command.collect(), costs: Vec::new() }
    }

    fn run(&mut self, folder: &Path, kubeconfig: &Path) {
        let measured = Command::new(std::env::current_exe().expect("this program"))
            .arg("measure")
            .args(&self.command)
            .current_dir(folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", folder)
            .env("KUBECONFIG", kubeconfig)
            .stderr(Stdio::inherit())
            .output()
            .expect("this program starts");
        let text = String::from_utf8(measured.stdout).expect("numbers");
        let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        assert_eq!(numbers[0], 0.0, "{} found drift or failed", self.name);
        self.costs.push(Cost { wall: numbers[1], cpu: numbers[2], peak_mib: numbers[3] });
    }

    fn median(&self, part: impl Fn(&Cost) -> f64) -> f64 {
        let mut parts: Vec<f64> = self.costs.iter().map(part).collect();
        parts.sort_by(f64::total_cmp);
        parts[parts.len() / 2]
    }
}

fn bench() {
    let (apps, rounds) = (number("TRUEUP_BENCH_APPS", 500), number("TRUEUP_BENCH_ROUNDS", 9));
    let folder = tempfile::tempdir().expect("folder");
    let manifests = write_world(folder.path(), apps);
    let kubeconfig = folder.path().join("kubeconfig");
    eprintln!("starting the API server and applying {} objects", 3 * apps);
    cluster().create_namespace(NAMESPACE);
    cluster().deliver(Way::ServerSide("argocd-controller"), NAMESPACE, &manifests);
    std::fs::write(&kubeconfig, cluster().kubectl(&["config", "view", "--raw", "--flatten"])).expect("write");
    settle(apps);
    let this = std::env::current_exe().expect("this program");
    let kubeconfig_text = kubeconfig.display().to_string();
    let mut contestants = [
        Contestant::new("raw paged LIST", &this, &["raw-list", &kubeconfig_text]),
        Contestant::new("trueup scan", Path::new(env!("CARGO_BIN_EXE_trueup")), &["scan", "-c", "trueup.yaml"]),
        Contestant::new(
            "kubectl diff --server-side",
            &servers::tools().join("kubectl"),
            &["diff", "--server-side", "--field-manager=argocd-controller", "-n", NAMESPACE, "-R", "-f", "apps"],
        ),
    ];
    for round in 0..=rounds {
        for contestant in &mut contestants {
            contestant.run(folder.path(), &kubeconfig);
            if round == 0 {
                // the first round fills caches: the clone, the API server's watch cache
                contestant.costs.clear();
            }
        }
        eprintln!("round {round} of {rounds}");
    }
    print!("{}", table(&contestants, apps, rounds));
}

fn table(contestants: &[Contestant], apps: usize, rounds: usize) -> String {
    let (list, scan) = (&contestants[0], &contestants[1]);
    let mut text = format!("{} objects, {rounds} rounds, medians\n\n", 3 * apps);
    let _ = writeln!(text, "{:28} {:>9} {:>9} {:>9} {:>14}", "", "wall s", "CPU s", "peak MiB", "wall ÷ LIST");
    for contestant in contestants {
        let wall = contestant.median(|cost| cost.wall);
        let _ = writeln!(
            text,
            "{:28} {wall:9.3} {:9.3} {:9.1} {:14.2}",
            contestant.name,
            contestant.median(|cost| cost.cpu),
            contestant.median(|cost| cost.peak_mib),
            wall / list.median(|cost| cost.wall),
        );
    }
    let ratio = |a: &Contestant, b: &Contestant, part: fn(&Cost) -> f64| a.median(part) / b.median(part);
    let _ = writeln!(
        text,
        "\ntrueup scan takes {:.2} times the raw LIST (CPU {:.2}), and is {:.0} times faster than kubectl diff (CPU {:.0})",
        ratio(scan, list, |cost| cost.wall),
        ratio(scan, list, |cost| cost.cpu),
        ratio(&contestants[2], scan, |cost| cost.wall),
        ratio(&contestants[2], scan, |cost| cost.cpu),
    );
    text
}

/// Waits until the controllers have done their part and the API server is at rest.
fn settle(apps: usize) {
    let started = Instant::now();
    loop {
        let sets = cluster().kubectl(&["-n", NAMESPACE, "get", "replicasets", "-o", "name"]);
        if sets.lines().count() >= apps {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(600), "the controllers did not come to rest");
        std::thread::sleep(Duration::from_secs(2));
    }
    std::thread::sleep(Duration::from_secs(20));
}

/// A remote with the manifests, the same files for kubectl, and a configuration. Yields all manifests as one text.
fn write_world(folder: &Path, apps: usize) -> String {
    let mut all = String::new();
    let put = |path: PathBuf, text: &str| {
        std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        std::fs::write(path, text).expect("write");
    };
    for index in 0..apps {
        let text = app(&format!("app-{index:05}"));
        put(folder.join(format!("apps/app-{index:05}.yaml")), &text);
        all.push_str(&text);
    }
    put(folder.join("trueup.yaml"), CONFIG);
    let git = |args: &[&str]| {
        let done = Command::new("git").args(args).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").status();
        assert!(done.expect("git starts").success(), "git {args:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "apps"]);
    git(&["-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "apps"]);
    git(&["clone", "-q", "--bare", ".", "remote.git"]);
    all
}

const CONFIG: &str = "\
cluster: {name: bench, kubeconfig: kubeconfig}
repository: {url: remote.git, cache: cache}
sources:
  - {name: apps, path: apps, namespace: bench, delivery: {tool: argo_cd}}
";

/// A Deployment, a Service and a ConfigMap of the size that real ones have.
fn app(name: &str) -> String {
    let mut env = String::new();
    for index in 0..12 {
        let _ = writeln!(env, "        - {{name: SETTING_{index}, value: \"value of setting {index} of {name}\"}}");
    }
    let mut data = String::new();
    for index in 0..8 {
        let _ = writeln!(data, "  setting.{index}: \"a value that is as long as most of them are, {index}\"");
    }
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels: {{app: {name}, team: platform}}\nspec:\n  \
         replicas: 1\n  selector:\n    matchLabels: {{app: {name}}}\n  template:\n    metadata:\n      labels: {{app: {name}, team: platform}}\n    \
         spec:\n      securityContext: {{runAsNonRoot: true, seccompProfile: {{type: RuntimeDefault}}}}\n      containers:\n      - name: web\n        \
         image: registry.example/{name}:1.4.2\n        ports:\n        - {{name: http, containerPort: 8080}}\n        env:\n{env}        \
         resources:\n          requests: {{cpu: 100m, memory: 128Mi}}\n          limits: {{cpu: \"1\", memory: 512Mi}}\n        \
         readinessProbe:\n          httpGet: {{path: /ready, port: http}}\n          periodSeconds: 5\n        volumeMounts:\n        \
         - {{name: config, mountPath: /etc/app}}\n      volumes:\n      - name: config\n        configMap: {{name: {name}}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  labels: {{app: {name}}}\nspec:\n  selector: {{app: {name}}}\n  ports:\n  \
         - {{name: http, port: 80, targetPort: http}}\n---\n\
         apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels: {{app: {name}}}\ndata:\n{data}---\n"
    )
}

/// Lists the kinds that the scan lists, with its page size, as many at once and in the same encoding, and keeps nothing.
fn raw_list(kubeconfig: &Path) {
    rustls::crypto::aws_lc_rs::default_provider().install_default().expect("no other provider");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).expect("kubeconfig");
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default()).await;
        let client = kube::Client::try_from(config.expect("config")).expect("client");
        let lists = LISTS.iter().map(|path| list(&client, path));
        futures::stream::iter(lists).buffer_unordered(LISTS.len()).collect::<Vec<_>>().await;
    });
}

async fn list(client: &kube::Client, path: &str) {
    let mut next = String::new();
    loop {
        let address = format!("{path}?limit={PAGE_SIZE}{next}");
        let request = http::Request::get(address)
            .header("Accept", "application/json")
            .header("User-Agent", "bench")
            .body(Body::empty());
        let response = client.send(request.expect("request")).await.expect("answer");
        assert!(response.status().is_success(), "{path}: {}", response.status());
        // the token of the next page stands before the items
        let mut head: Vec<u8> = Vec::new();
        let mut body = http_body_util::BodyDataStream::new(response.into_body());
        while let Some(chunk) = body.try_next().await.expect("body") {
            if head.len() < 4096 {
                head.extend_from_slice(&chunk[..chunk.len().min(4096)]);
            }
        }
        let head = String::from_utf8_lossy(&head);
        let token = head.split_once("\"continue\":\"").and_then(|(_, rest)| rest.split('"').next());
        match token.filter(|token| !token.is_empty()) {
            Some(token) => next = format!("&continue={}", token.replace('=', "%3D")),
            None => return,
        }
    }
}
