//! Progress on standard error: one line that says which stage runs and how far it is. Only for work that lasts, only on
//! a terminal, and never in the way of log lines.

use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

/// How long a run stays without a progress line; most are over by then.
const PATIENCE: Duration = Duration::from_millis(500);

/// The progress line of a run; clones share it.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    wanted: bool,
}

impl Progress {
    /// A line that appears if standard error is a terminal and `wanted` (not `--quiet`, not JSON logs).
    pub fn new(wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar, wanted: wanted && io::stderr().is_terminal() }
    }

    /// Starts a stage whose amount of work is not known, `scanning the cluster`.
    pub fn stage(&self, name: &'static str) {
        self.bar.set_style(style("{spinner} {msg} {pos:>7} {elapsed}"));
        self.bar.unset_length();
        self.start(name);
    }

    /// Starts a stage of `total` steps.
    pub fn steps(&self, name: &'static str, total: usize) {
        self.bar.set_style(style("{spinner} {msg} [{bar:30}] {pos}/{len} {elapsed}"));
        self.bar.set_length(total as u64);
        self.start(name);
    }

    /// Counts steps that are done.
    pub fn done(&self, steps: usize) {
        self.bar.inc(steps as u64);
        self.appear();
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn start(&self, name: &'static str) {
        self.bar.set_position(0);
        self.bar.set_message(name);
        self.appear();
    }

    fn appear(&self) {
        if self.wanted && self.bar.is_hidden() && self.bar.elapsed() >= PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.enable_steady_tick(Duration::from_millis(120));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// Standard error for log lines, which first takes the progress line away.
#[derive(Debug)]
pub struct LogWriter<'p>(&'p Progress);

impl Write for LogWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.bar.suspend(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl<'p> MakeWriter<'p> for Progress {
    type Writer = LogWriter<'p>;

    fn make_writer(&'p self) -> LogWriter<'p> {
        LogWriter(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The templates parse, a line that nobody wants never shows, and the counts are kept all the same.
    #[test]
    fn an_unwanted_line_stays_hidden() {
        for template in ["{spinner} {msg} {pos:>7} {elapsed}", "{spinner} {msg} [{bar:30}] {pos}/{len} {elapsed}"] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
        let progress = Progress::new(false);
        progress.steps("rendering", 3);
        progress.clone().done(2);
        assert_eq!((progress.bar.position(), progress.bar.length(), progress.bar.is_hidden()), (2, Some(3), true));
        progress.stage("scanning");
        assert_eq!((progress.bar.position(), progress.bar.length()), (0, None));
        progress.finish();
    }
}
