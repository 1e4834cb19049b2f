//! The program: arguments in, exit code out. Everything it does is in the library.

#![allow(clippy::disallowed_methods, reason = "reads NO_COLOR and TERM")]

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};
use tracing_subscriber::EnvFilter;
use trueup::adapters::progress::Progress;
use trueup::adapters::report;
use trueup::cli::{Cli, Command, Ending, LogFormat, ReportArgs, exit_code};
use trueup::domain::outcome::RunReport;
use trueup::domain::printable;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    let progress = Progress::new(!cli.talk.quiet && cli.talk.log_format == LogFormat::Text);
    start_log(&cli, &progress);
    let ending = start(&cli, &progress);
    progress.finish();
    let ending = ending.unwrap_or_else(|error| {
        tell(&cli, &error);
        Ending::Failed
    });
    ExitCode::from(exit_code(&cli.command, ending))
}

fn start(cli: &Cli, progress: &Progress) -> anyhow::Result<Ending> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| anyhow::anyhow!("another TLS provider is installed already"))?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the runtime could not be started")?;
    runtime.block_on(dispatch(cli, progress))
}

// WIRE: each command calls its function of `trueup::run`, finishes the progress line and hands the report to `print`:
//     Command::Scan(args) => print(cli, &args.report, &trueup::run::scan(&args.config, progress).await?),
async fn dispatch(cli: &Cli, _progress: &Progress) -> anyhow::Result<Ending> {
    match &cli.command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "trueup", &mut script);
            write_out(&script)?;
            Ok(Ending::Finished { drift: false, complete: true })
        }
        Command::Demo(_) => anyhow::bail!("demo is not wired yet"),
        Command::Scan(_) => anyhow::bail!("scan is not wired yet"),
        Command::Plan(_) => anyhow::bail!("plan is not wired yet"),
        Command::Run(_) => anyhow::bail!("run is not wired yet"),
        Command::Daemon(_) => anyhow::bail!("daemon is not wired yet"),
        Command::Diff(_) => anyhow::bail!("diff is not wired yet"),
        Command::Snapshot(_) => anyhow::bail!("snapshot is not wired yet"),
    }
}

/// Prints a report and says how its command ended.
#[expect(dead_code, reason = "no command makes a report yet")]
fn print(cli: &Cli, args: &ReportArgs, run: &RunReport) -> anyhow::Result<Ending> {
    let stdout = io::stdout();
    let width = terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0));
    let (no_color, term) = (std::env::var("NO_COLOR").ok(), std::env::var("TERM").ok());
    let color = cli.talk.color.wanted(stdout.is_terminal(), no_color.as_deref(), term.as_deref());
    write_out(report::render(run, args.output, &args.options(width, color)).as_bytes())?;
    Ok(Ending::of(run))
}

/// Writes to standard output; a reader that has gone away (`| head`) is no error.
fn write_out(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("standard output could not be written"),
    }
}

fn start_log(cli: &Cli, progress: &Progress) {
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(cli.log_filter()))
        .with_ansi(io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
        .with_target(false)
        .with_writer(progress.clone());
    match cli.talk.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().with_target(true).init(),
    }
}

/// Says why a command failed: as a log line where logs are read by programs, else in plain words.
fn tell(cli: &Cli, error: &anyhow::Error) {
    if cli.talk.log_format == LogFormat::Json {
        tracing::error!("{error:#}");
        return;
    }
    let text: Vec<String> = format!("{error:#}").lines().map(|line| printable::visible(line).into_owned()).collect();
    let _ = writeln!(io::stderr(), "error: {}", text.join("\n"));
}
