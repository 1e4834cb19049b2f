//! `trueup daemon`: it waits, it runs, it survives a failed cycle, and it ends when it is asked to.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::eventually;
use crate::support::proxy::{Fault, Proxy};
use crate::support::world::{Setting, World};

const EVERY_MINUTE: &str = "schedule: {cron: \"* * * * *\", timezone: Europe/Berlin}\n";

const SETTINGS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {currency: EUR}\n";

/// A running daemon; killed where the test fails.
struct Daemon<'w> {
    world: &'w World,
    process: Child,
}

impl<'w> Daemon<'w> {
    fn start(world: &'w World) -> Self {
        let file = |name: &str| std::fs::File::create(world.path(name)).expect("file");
        let mut command = world.invocation(&["daemon", "-o", "json"]).into_command();
        command.stdin(Stdio::null()).stdout(file("daemon.out")).stderr(file("daemon.log"));
        Self { world, process: command.spawn().expect("trueup starts") }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.world.path("daemon.log")).expect("log")
    }

    /// How often it has said that it waits.
    fn waits(&self) -> usize {
        self.log().matches("waiting for the next cycle").count()
    }

    fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("asked").is_none()
    }

    /// Asks it to end as Kubernetes does, and yields its exit code, what it printed, and how long that took.
    fn end(mut self) -> (Option<i32>, String, Duration) {
        let begin = Instant::now();
        let pid = self.process.id().to_string();
        assert!(Command::new("/bin/sh").args(["-c", "kill -TERM $0", &pid]).status().expect("/bin/sh").success());
        let status = self.process.wait().expect("it ends");
        let printed = std::fs::read_to_string(self.world.path("daemon.out")).expect("output");
        (status.code(), printed, begin.elapsed())
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn world(name: &str) -> World {
    let files = [("apps/settings.yaml", SETTINGS)];
    let world = World::new(&Setting { name, files: &files, config: EVERY_MINUTE, ..Setting::default() });
    world.deliver();
    world.kubectl(&["patch", "configmap", "settings", "-p", r#"{"data":{"currency":"USD"}}"#]);
    world
}

/// Asked to end while it waits, it ends at once and well.
#[test]
fn it_ends_while_it_waits() {
    let world = world("waiting");
    let daemon = Daemon::start(&world);
    eventually(|| (daemon.waits() == 1).then_some(()));
    let (code, printed, took) = daemon.end();
    // the minute may have come round in between, so the cycle is allowed to have run
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?} {printed}");
}

/// A cycle that fails is told and ends nothing: the next one does its work. Asked to end in the middle of that one, the
/// daemon brings it to its end: the pull request is there and the report is whole.
#[test]
fn it_survives_a_failed_cycle_and_ends_after_the_running_one() {
    let world = world("running");
    let bring_back = world.remote.vanish();
    let proxy = Proxy::start(world.cluster, |address| {
        if address.contains("/configmaps?") {
            std::thread::sleep(Duration::from_secs(3));
        }
        Fault::None
    });
    world.reach_cluster_at(&proxy.address);
    let mut daemon = Daemon::start(&world);
    eventually(|| (daemon.waits() == 2).then_some(()));
    assert!(daemon.is_running());
    let log = daemon.log();
    assert!(log.contains("the cycle failed, the next one runs as planned: repository: "), "{log}");

    bring_back();
    eventually(|| (proxy.asked("/configmaps?") == 1).then_some(()));
    assert_eq!(world.pull_requests(), [], "the cycle is at its lists");
    let (code, printed, took) = daemon.end();
    assert_eq!(code, Some(0), "{printed}");
    assert!(took < Duration::from_secs(20), "{took:?}");
    let report: serde_json::Value = serde_json::from_str(&printed).expect("one whole report");
    assert_eq!(report["units"][0]["outcome"], "created");
    assert_eq!((world.pull_requests().len(), world.remote.branches().len()), (1, 1));
}
