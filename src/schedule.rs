//! When cycles run: five-field crontab lines, time zones, jitter, shutdown, one cycle at a time.
//! The only reader of the clock.

mod cron_line;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use tracing::{error, info};

pub use cron_line::CronSchedule;

/// How long a running cycle may go on after it was told to stop; a pod is killed after thirty seconds.
const GRACE: Duration = Duration::from_secs(25);

/// When the daemon runs a cycle.
#[derive(Debug, Clone)]
pub struct ScheduleSettings {
    /// The crontab line as written.
    pub cron: String,
    /// IANA time zone.
    pub timezone: jiff::tz::TimeZone,
    /// Each cycle starts up to this much later, by chance.
    pub jitter: Duration,
}

/// The time, for callers that hand it on.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Runs `cycle` whenever the schedule says so, until `shutdown` comes. Cycles never overlap: a time that passes while
/// one runs is skipped. A cycle that panics is told and ends nothing. `cycle` reports its own errors.
pub async fn run<C: AsyncFnMut(Timestamp)>(
    settings: &ScheduleSettings,
    mut cycle: C,
    shutdown: impl Future<Output = ()>,
) -> Result<(), String> {
    let schedule = CronSchedule::parse(&settings.cron)?;
    let mut shutdown = Box::pin(shutdown);
    loop {
        let at = schedule.next_after(now(), &settings.timezone).ok_or("the schedule never comes round again")?;
        info!(%at, "waiting for the next cycle");
        tokio::select! {
            () = wait_until(at, jitter(settings.jitter)) => {}
            () = &mut shutdown => return Ok(()),
        }
        let mut running = Box::pin(AssertUnwindSafe(cycle(now())).catch_unwind());
        tokio::select! {
            done = &mut running => {
                if done.is_err() {
                    error!("the cycle panicked; the next one runs as planned");
                }
            }
            () = &mut shutdown => {
                info!("stopping once the running cycle is done");
                if tokio::time::timeout(GRACE, running).await.is_err() {
                    error!("the running cycle was cut off; the next run goes on where it stopped");
                }
                return Ok(());
            }
        }
    }
}

/// Sleeps in short steps, so that a machine that was suspended, or whose clock was set, still wakes in time.
async fn wait_until(at: Timestamp, later: Duration) {
    const STEP: Duration = Duration::from_secs(30);
    while let Ok(left) = Duration::try_from(at.duration_since(now())) {
        if left.is_zero() {
            break;
        }
        tokio::time::sleep(left.min(STEP)).await;
    }
    tokio::time::sleep(later).await;
}

fn jitter(most: Duration) -> Duration {
    most.mul_f64(rand::random::<f64>())
}

/// Comes when the process is asked to end: SIGTERM or SIGINT.
pub async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
