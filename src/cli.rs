//! The command line: what can be asked, with an environment variable for every option, and what the exit code says.
//! It only describes; `main.rs` does.

mod edit;

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use edit::EditArgs;

use crate::adapters::report::{Format, Options};
use crate::domain::outcome::RunReport;
use crate::domain::problem::Level;

const ABOUT: &str = "Keeps a Kubernetes cluster and its Git config repository true to each other.

trueup compares what the config repository declares with what the cluster holds, and turns what matters into pull \
requests. It reads the cluster with `list` and nothing else.";

const EXIT_CODES: &str = "\
Exit codes of scan, plan and diff, as `kubectl diff` has them:
  0  nothing found, or only what Git has changed a moment ago and the delivery has not applied yet
  1  drift found
  2  wrong usage or configuration, or the command failed: there is no result
  3  something could not be read: the report is printed, but it is not the whole truth (drift or not)
snapshot ends with 3 too if a kind could not be read.
run and daemon end with 0 when the cycle was completed, whatever it found, and with 2 when it was not.

Start with `trueup demo`: it needs no cluster, no repository and no configuration.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "trueup", version, about = "Keeps a Kubernetes cluster and its Git config repository true to each other",
    long_about = ABOUT, after_help = EXIT_CODES, propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How to talk about it.
    #[command(flatten)]
    pub talk: Talk,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show on a made-up cluster and repository what trueup finds and proposes
    ///
    /// Writes a small config repository and a snapshot of a cluster that has drifted from it, runs a whole cycle over
    /// them and prints the report. Nothing else is read or written.
    #[command(after_help = "Example:\n  trueup demo --keep /tmp/trueup-demo")]
    Demo(DemoArgs),
    /// Find drift between the config repository and the cluster
    ///
    /// Reads the repository and the cluster, compares them, and prints what drifted, how much it matters and who
    /// changed it. Changes nothing anywhere.
    #[command(
        after_help = "Example:\n  trueup scan --config trueup.yaml --output json | jq '.items[] | select(.severity == \"critical\")'\n\nExits with 0 if nothing was found, 1 on drift, 2 on errors, 3 if the result is incomplete."
    )]
    Scan(ScanArgs),
    /// Find drift and show the pull requests that would be opened
    ///
    /// Like scan, and then works out the edits and proves each one by rendering the repository again. Prints the
    /// proposals with their diffs, and for everything else why there is none. Pushes and opens nothing.
    #[command(
        after_help = "Example:\n  trueup plan --live snapshot.json --output markdown > plan.md\n\nExits with 0 if nothing was found, 1 on drift, 2 on errors, 3 if the result is incomplete."
    )]
    Plan(ScanArgs),
    /// Run one cycle: find drift, open and update pull requests, send alerts
    ///
    /// What a CronJob calls. Pushes branches under `auto-remediation/` only, opens, updates and closes its own pull
    /// requests only, and never merges.
    #[command(
        after_help = "Example:\n  trueup run --config /config/trueup.yaml --dry-run\n\nExits with 0 when the cycle was completed, whatever it found, and with 2 when it was not."
    )]
    Run(RunArgs),
    /// Run a cycle whenever the configured schedule says so
    ///
    /// One cycle at a time; a signal (TERM, INT) lets the running one come to an end.
    #[command(after_help = "Example:\n  trueup daemon --config trueup.yaml --log-format json")]
    Daemon(ScanArgs),
    /// Compare manifests with a dump of live objects, without cluster, repository or configuration
    ///
    /// Dump the live side with `kubectl get … -o yaml --show-managed-fields`: without that flag kubectl leaves out who
    /// owns which field, and what was added by hand can only be guessed at.
    #[command(
        after_help = "Example:\n  kubectl get deploy,svc,cm -n payments -o yaml --show-managed-fields > live.yaml\n  trueup diff --declared apps/payments --live live.yaml --namespace payments\n\nExits with 0 if nothing was found, 1 on drift, 2 on errors, 3 if the result is incomplete."
    )]
    Diff(DiffArgs),
    /// Save what the cluster holds, for scan, plan and diff to read with --live
    ///
    /// Secrets are masked before anything is written; under the configured key the masks can be compared later.
    #[command(
        after_help = "Example:\n  trueup snapshot --config trueup.yaml -o snapshot.json\n  trueup scan --live snapshot.json"
    )]
    Snapshot(SnapshotArgs),
    /// Edit one field of a manifest in place, touching only the bytes it means
    ///
    /// The editor that writes trueup's pull requests: comments, quotes and layout stay, and the result is read again
    /// before it is written. Prints what changed as a unified diff; nothing where it is so already.
    #[command(
        after_help = "Example:\n  trueup edit apps/web.yaml spec.replicas 3\n  trueup edit apps/web.yaml --add metadata.labels.team ads --resource deployment/web\n  trueup edit apps/web.yaml --remove spec.paused\n\nExits with 0 if the file is as asked for, and with 2 if it was left alone."
    )]
    Edit(EditArgs),
    /// Print completions for a shell
    #[command(after_help = "Example:\n  trueup completions bash > /etc/bash_completion.d/trueup")]
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// How to talk: options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Talking")]
pub struct Talk {
    /// When to colour the report; `auto` does on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, env = "TRUEUP_COLOR", value_enum, default_value_t, value_name = "WHEN")]
    pub color: Color,
    /// Log more: once for details and how long each stage took, twice for everything; the table also says since which
    /// commit Git declares each value
    #[arg(short, long, global = true, env = "TRUEUP_VERBOSE", action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Log errors only and show no progress; the report is printed all the same
    #[arg(short, long, global = true, env = "TRUEUP_QUIET", value_parser = BoolishValueParser::new(), conflicts_with = "verbose")]
    pub quiet: bool,
    /// Least level that is logged, where neither --verbose nor --quiet says [default: info for run and daemon, else warn]
    #[arg(long, global = true, env = "LOG_LEVEL", value_enum, ignore_case = true, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
    /// How log lines (on standard error) are written
    #[arg(long, global = true, env = "TRUEUP_LOG_FORMAT", value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// Where the configuration is, and what the command line says instead of it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigArgs {
    /// The configuration
    #[arg(short, long, env = "TRUEUP_CONFIG", default_value = "trueup.yaml", value_name = "FILE")]
    pub config: PathBuf,
    /// Read the live side from a saved snapshot or a `kubectl get -o yaml` dump instead of a cluster;
    /// --context and --kubeconfig then mean nothing
    #[arg(long, env = "TRUEUP_LIVE", value_name = "FILE")]
    pub live: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, env = "TRUEUP_CONTEXT", value_name = "NAME")]
    pub context: Option<String>,
    /// Kubeconfig file [default: KUBECONFIG, ~/.kube/config, then the pod's own account]
    #[arg(long, env = "TRUEUP_KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Environment of the sources, which weighs scores and routes policies
    #[arg(long, env = "TRUEUP_ENVIRONMENT", value_name = "NAME")]
    pub environment: Option<String>,
}

/// How the report is written.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Report")]
pub struct ReportArgs {
    /// Form of the report
    #[arg(short, long, env = "TRUEUP_OUTPUT", value_enum, default_value_t, value_name = "FORM")]
    pub output: Format,
    /// Show what was tolerated and ignored too
    #[arg(long, env = "TRUEUP_ALL", value_parser = BoolishValueParser::new())]
    pub all: bool,
}

/// Options of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Folder for the demo's files, kept afterwards [default: a new one among the temporary files]
    #[arg(long, env = "TRUEUP_DEMO_KEEP", value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// How the report is written.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Options of `scan`, `plan` and `daemon`.
#[derive(Debug, Clone, Args)]
pub struct ScanArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How the report is written.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Options of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Do everything but push, open, update, close and alert
    #[arg(long, env = "TRUEUP_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// How the report is written.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Options of `diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// Manifests: a file, or a folder with all below it
    #[arg(long, env = "TRUEUP_DECLARED", value_name = "PATH")]
    pub declared: PathBuf,
    /// Live objects: what `kubectl get … -o yaml --show-managed-fields` or `trueup snapshot` wrote
    #[arg(long, env = "TRUEUP_LIVE", value_name = "PATH")]
    pub live: PathBuf,
    /// Namespace for manifests that name none
    #[arg(short, long, env = "TRUEUP_NAMESPACE", value_name = "NAME")]
    pub namespace: Option<String>,
    /// Schemas of custom resources: a file or folder of CustomResourceDefinitions, or of documents of
    /// the API server's /openapi/v3
    #[arg(long, env = "TRUEUP_SCHEMAS", value_name = "PATH")]
    pub schemas: Option<PathBuf>,
    /// How the report is written.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Options of `snapshot`.
#[derive(Debug, Clone, Args)]
pub struct SnapshotArgs {
    /// File to write
    #[arg(short, long, env = "TRUEUP_SNAPSHOT", value_name = "FILE")]
    pub output: PathBuf,
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// When the report is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether to colour, given whether the output is a terminal and the values of NO_COLOR and TERM.
    pub fn wanted(self, is_terminal: bool, no_color: Option<&str>, term: Option<&str>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && no_color.is_none_or(str::is_empty) && term != Some("dumb"),
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object for each line.
    Json,
}

/// Least level that is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What needs a look.
    #[value(alias = "warning")]
    Warn,
    /// What was done.
    Info,
    /// How it was done.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Cli {
    /// The level that --verbose, --quiet, --log-level and the command ask for, in this order.
    pub fn level(&self) -> LogLevel {
        match (self.talk.quiet, self.talk.verbose, self.talk.log_level) {
            (true, _, _) => LogLevel::Error,
            (false, 0, Some(level)) => level,
            (false, 0, None) => match self.command {
                Command::Run(_) | Command::Daemon(_) => LogLevel::Info,
                _ => LogLevel::Warn,
            },
            (false, 1, _) => LogLevel::Debug,
            (false, _, _) => LogLevel::Trace,
        }
    }

    /// Filter directives for the log. The level is trueup's own; libraries only speak up when something is wrong,
    /// because at lower levels they write down addresses. kube is silent: it writes down whole bodies (Secrets) as
    /// warnings, and every attempt that failed as an error, which the report tells once and in better words.
    pub fn log_filter(&self) -> String {
        let libraries = if self.level() == LogLevel::Error { "error" } else { "warn" };
        format!("{libraries},trueup={},kube_client=off", self.level().name())
    }
}

impl ReportArgs {
    /// What the report writer needs: `width` only for a terminal.
    pub fn options(&self, width: Option<usize>, color: bool) -> Options {
        Options { width, color, all: self.all, details: false }
    }
}

/// How a command came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// There is no result.
    Failed,
    /// There is a result.
    Finished {
        /// Whether drift was found.
        drift: bool,
        /// Whether everything could be read.
        complete: bool,
    },
}

impl Ending {
    /// The ending of a run that came to a report.
    pub fn of(report: &RunReport) -> Self {
        let complete = report.problems.iter().all(|problem| problem.level < Level::Error);
        Self::Finished { drift: report.has_drift(), complete }
    }
}

/// The exit code, see the help of the program.
pub fn exit_code(command: &Command, ending: Ending) -> u8 {
    let Ending::Finished { drift, complete } = ending else { return 2 };
    match command {
        Command::Scan(_) | Command::Plan(_) | Command::Diff(_) if complete => u8::from(drift),
        Command::Scan(_) | Command::Plan(_) | Command::Diff(_) => 3,
        Command::Snapshot(_) if !complete => 3,
        Command::Snapshot(_)
        | Command::Run(_)
        | Command::Daemon(_)
        | Command::Demo(_)
        | Command::Edit(_)
        | Command::Completions { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Cli {
        Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    const COMMANDS: [&str; 9] = [
        "trueup demo",
        "trueup scan",
        "trueup plan",
        "trueup run",
        "trueup daemon",
        "trueup diff --declared a --live b",
        "trueup snapshot -o f",
        "trueup edit f a 1",
        "trueup completions bash",
    ];

    /// The promise that scripts build on: every command with every ending.
    #[test]
    fn exit_codes() {
        let endings = [
            Ending::Finished { drift: false, complete: true },
            Ending::Finished { drift: true, complete: true },
            Ending::Finished { drift: false, complete: false },
            Ending::Finished { drift: true, complete: false },
            Ending::Failed,
        ];
        let expected = [
            [0, 0, 0, 0, 2],
            [0, 1, 3, 3, 2],
            [0, 1, 3, 3, 2],
            [0, 0, 0, 0, 2],
            [0, 0, 0, 0, 2],
            [0, 1, 3, 3, 2],
            [0, 0, 3, 3, 2],
            [0, 0, 0, 0, 2],
            [0, 0, 0, 0, 2],
        ];
        for (line, codes) in COMMANDS.iter().zip(expected) {
            assert_eq!(endings.map(|ending| exit_code(&parse(line).command, ending)), codes, "{line}");
        }
    }

    /// Every option but those of an edit has an environment variable, every command an example, and clap finds no contradiction.
    #[test]
    fn every_option_has_an_environment_variable() {
        let mut cli = Cli::command();
        cli.build();
        cli.clone().debug_assert();
        for command in cli.get_subcommands().filter(|command| command.get_name() != "help") {
            assert!(command.get_after_help().is_some(), "{} has no example", command.get_name());
            for option in command.get_arguments().filter(|arg| !arg.is_positional()) {
                let name = option.get_id().as_str();
                if matches!(name, "help" | "version") || command.get_name() == "edit" {
                    continue;
                }
                let env = option.get_env().and_then(|env| env.to_str()).unwrap_or_default();
                assert!(env.starts_with("TRUEUP_") || env == "LOG_LEVEL", "{} --{name}: {env:?}", command.get_name());
            }
        }
    }

    /// What decides the log level, and that kube's bodies never get in.
    #[test]
    fn log_levels() {
        let cases = [
            ("trueup scan --log-level INFO", "warn,trueup=info,kube_client=off"),
            ("trueup scan --log-level Warning", "warn,trueup=warn,kube_client=off"),
            ("trueup scan -v --log-level error", "warn,trueup=debug,kube_client=off"),
            ("trueup -vv scan", "warn,trueup=trace,kube_client=off"),
            ("trueup scan -q", "error,trueup=error,kube_client=off"),
        ];
        for (line, filter) in cases {
            assert_eq!(parse(line).log_filter(), filter, "{line}");
        }
    }

    /// NO_COLOR counts as soon as it is not empty, and what the user asks for counts more.
    #[test]
    fn colour() {
        let cases = [
            (Color::Auto, true, None, None, true),
            (Color::Auto, false, None, None, false),
            (Color::Auto, true, Some("1"), None, false),
            (Color::Auto, true, Some(""), Some("xterm"), true),
            (Color::Auto, true, None, Some("dumb"), false),
            (Color::Always, false, Some("1"), Some("dumb"), true),
            (Color::Never, true, None, None, false),
        ];
        for (color, is_terminal, no_color, term, expected) in cases {
            assert_eq!(
                color.wanted(is_terminal, no_color, term),
                expected,
                "{color:?} {is_terminal} {no_color:?} {term:?}"
            );
        }
    }
}
