//! `make bench`: what a scan costs beside what a user would pick instead, on a real API server, in one run.
//!
//! In worlds of several sizes: the whole `trueup scan` process (repository on disk, already cloned), a raw paged LIST
//! of the same kinds whose bodies are thrown away, and `kubectl diff --server-side`. All interleaved, medians; memory is
//! the highest of all rounds. Ratios count, not times.
//!
//! TRUEUP_BENCH_OBJECTS     declared objects of each world (300,1500,10000)
//! TRUEUP_BENCH_UNDECLARED  objects that nobody declares, beside 1,500 declared ones (50000; 0 leaves this world out)
//! TRUEUP_BENCH_ROUNDS      rounds (9)

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
#[path = "scan/raw_list.rs"]
mod raw_list;
#[path = "../tests/integration/support/servers.rs"]
mod servers;
#[path = "scan/table.rs"]
mod table;
#[path = "scan/world.rs"]
mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cluster::cluster;
use nix::sys::resource::{UsageWho, getrusage};
use world::World;

/// Beyond this, a run of kubectl diff takes longer than everything else together.
const LARGEST_FOR_KUBECTL: usize = 1_500;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words[..] {
        ["measure", program, ..] => measure(program, &args[2..]),
        ["raw-list", kubeconfig, namespace] => raw_list::raw_list(Path::new(kubeconfig), namespace),
        _ if words.contains(&"--bench") => bench(),
        // `cargo test --all-targets` starts it too
        _ => {}
    }
}

fn setting(name: &str, default: &str) -> Vec<usize> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    text.split(',').map(|number| number.trim().parse().expect("a number")).collect()
}

fn bench() {
    let sizes = setting("TRUEUP_BENCH_OBJECTS", "300,1500,10000");
    let (undeclared, rounds) = (setting("TRUEUP_BENCH_UNDECLARED", "50000")[0], setting("TRUEUP_BENCH_ROUNDS", "9")[0]);
    let folder = tempfile::tempdir().expect("folder");
    let kubeconfig = folder.path().join("kubeconfig");
    eprintln!("starting the API server and applying {} objects", sizes.iter().sum::<usize>() + undeclared);
    std::fs::write(&kubeconfig, cluster().kubectl(&["config", "view", "--raw", "--flatten"])).expect("write");
    let crowded = (undeclared > 0).then_some((1_500, undeclared));
    let wanted = sizes.into_iter().map(|declared| (declared, 0)).chain(crowded);
    let worlds: Vec<World> =
        wanted.map(|(declared, undeclared)| World::make(folder.path(), &kubeconfig, declared, undeclared)).collect();
    worlds.iter().for_each(World::settle);
    // and the API server too
    std::thread::sleep(Duration::from_secs(20));
    let mut contestants: Vec<Contestant> =
        worlds.iter().flat_map(|world| Contestant::all_of(world, &kubeconfig)).collect();
    for round in 0..=rounds {
        for contestant in &mut contestants {
            contestant.run(&kubeconfig);
            if round == 0 {
                // the first round fills caches: the clone, the API server's watch cache
                contestant.costs.clear();
            }
        }
        eprintln!("round {round} of {rounds}");
    }
    print!("{}", table::table(&worlds, &contestants, rounds));
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

/// Who is measured.
#[derive(Clone, Copy, PartialEq)]
enum Who {
    RawList,
    Scan,
    /// A scan that has never seen the files.
    FirstScan,
    KubectlDiff,
}

/// A command that is measured in one world.
struct Contestant {
    who: Who,
    namespace: String,
    folder: PathBuf,
    command: Vec<String>,
    costs: Vec<Cost>,
}

impl Contestant {
    fn all_of(world: &World, kubeconfig: &Path) -> Vec<Self> {
        let this = std::env::current_exe().expect("this program");
        let trueup = Path::new(env!("CARGO_BIN_EXE_trueup"));
        let kubectl = servers::tools().join("kubectl");
        let kubeconfig = kubeconfig.display().to_string();
        let manager = format!("--field-manager={}", world::DELIVERY);
        let scan = ["scan", "-c", "trueup.yaml"];
        let diff = ["diff", "--server-side", &manager, "-n", &world.namespace, "-R", "-f", "apps"];
        let mut all = vec![
            Self::new(Who::RawList, world, &this, &["raw-list", &kubeconfig, &world.namespace]),
            Self::new(Who::Scan, world, trueup, &scan),
            Self::new(Who::FirstScan, world, trueup, &scan),
        ];
        if world.undeclared == 0 && world.declared <= LARGEST_FOR_KUBECTL {
            all.push(Self::new(Who::KubectlDiff, world, &kubectl, &diff));
        }
        all
    }

    fn new(who: Who, world: &World, program: &Path, args: &[&str]) -> Self {
        let command = std::iter::once(program.display().to_string()).chain(args.iter().map(|&arg| arg.to_owned()));
        let (namespace, folder) = (world.namespace.clone(), world.folder.clone());
        Self { who, namespace, folder, command: command.collect(), costs: Vec::new() }
    }

    fn run(&mut self, kubeconfig: &Path) {
        if self.who == Who::FirstScan {
            let _ = std::fs::remove_dir_all(self.folder.join("cache/manifests"));
        }
        let measured = Command::new(std::env::current_exe().expect("this program"))
            .arg("measure")
            .args(&self.command)
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.folder)
            .env("KUBECONFIG", kubeconfig)
            .stderr(Stdio::inherit())
            .output()
            .expect("this program starts");
        let text = String::from_utf8(measured.stdout).expect("numbers");
        let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().expect("a number")).collect();
        assert_eq!(numbers[0], 0.0, "{:?} found drift or failed", self.command);
        self.costs.push(Cost { wall: numbers[1], cpu: numbers[2], peak_mib: numbers[3] });
    }

    fn median(&self, part: impl Fn(&Cost) -> f64) -> f64 {
        let mut parts: Vec<f64> = self.costs.iter().map(part).collect();
        parts.sort_by(f64::total_cmp);
        parts[parts.len() / 2]
    }

    fn wall(&self) -> f64 {
        self.median(|cost| cost.wall)
    }

    fn cpu(&self) -> f64 {
        self.median(|cost| cost.cpu)
    }

    fn peak_mib(&self) -> f64 {
        self.costs.iter().map(|cost| cost.peak_mib).fold(0.0, f64::max)
    }
}

/// Does something with a client of the API server.
fn on_loopback<R>(kubeconfig: &Path, act: impl AsyncFnOnce(kube::Client) -> R) -> R {
    // installed already where this is not the first time
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).expect("kubeconfig");
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default()).await;
        let client = kube::Client::try_from(config.expect("config")).expect("client");
        act(client).await
    })
}
