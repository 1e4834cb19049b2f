//! When cycles run: five-field crontab lines, time zones, jitter, shutdown, one cycle at a time.
//! The only reader of the clock.

use std::time::Duration;

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
