//! The program: arguments in, exit code out. Everything it does is in the library.

#![allow(clippy::disallowed_methods, reason = "reads NO_COLOR and TERM")]

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;
use trueup::adapters::progress::Progress;
use trueup::adapters::report::{self, Options};
use trueup::cli::{
    Cli, Command, ConfigArgs, DemoArgs, EditArgs, Ending, LogFormat, LogLevel, ReportArgs, ScanArgs, exit_code,
};
use trueup::config::{self, Config, Locations};
use trueup::demo::demo;
use trueup::domain::outcome::RunReport;
use trueup::domain::printable;
use trueup::run::{self, DiffRequest, EditRequest, Extent, Target, Wish};
use trueup::schedule;

/// Millions of small values are made and dropped on several threads, which costs a fifth of a scan with the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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

async fn dispatch(cli: &Cli, progress: &Progress) -> anyhow::Result<Ending> {
    match &cli.command {
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "trueup", &mut script);
            write_out(&script)?;
            Ok(Ending::Finished { drift: false, complete: true })
        }
        Command::Edit(args) => {
            write_out(run::edit(&edit_request(args)?)?.as_bytes())?;
            Ok(Ending::Finished { drift: false, complete: true })
        }
        Command::Demo(args) => run_demo(cli, args, progress).await,
        Command::Scan(args) => cycle(cli, &args.config, &args.report, Extent::Scan, progress).await,
        Command::Plan(args) => cycle(cli, &args.config, &args.report, Extent::Plan, progress).await,
        Command::Run(args) => {
            let extent = if args.dry_run { Extent::Plan } else { Extent::Publish };
            cycle(cli, &args.config, &args.report, extent, progress).await
        }
        Command::Daemon(args) => daemon(cli, args, progress).await,
        Command::Diff(args) => {
            let request = DiffRequest {
                declared: args.declared.clone(),
                live: args.live.clone(),
                namespace: args.namespace.clone(),
                schemas: args.schemas.clone(),
            };
            let report = run::diff(&request, &config::defaults(), schedule::now(), progress).await?;
            print(cli, &args.report, &report)
        }
        Command::Snapshot(args) => {
            let config = load(&args.config)?;
            let problems = run::snapshot(&config, &args.output, schedule::now(), progress).await?;
            let complete = problems.is_empty();
            for problem in problems {
                tracing::error!("{problem}");
            }
            Ok(Ending::Finished { drift: false, complete })
        }
    }
}

fn edit_request(args: &EditArgs) -> anyhow::Result<EditRequest> {
    let target = match (args.document, &args.resource) {
        (Some(document), _) => Target::Document(document),
        (None, Some(resource)) => {
            let (kind, name) = resource.split_once('/').context("--resource takes KIND/NAME: deployment/web")?;
            Target::Resource { kind: kind.to_owned(), name: name.to_owned() }
        }
        (None, None) => Target::Any,
    };
    let (path, wish) = match (&args.remove, &args.path, &args.value) {
        (Some(path), _, _) => (path, Wish::Remove),
        (None, Some(path), Some(text)) => {
            let value = run::written_value(text, args.text)?;
            (path, if args.add { Wish::Add(value) } else { Wish::Set(value) })
        }
        _ => anyhow::bail!("give PATH and VALUE, or --remove PATH"),
    };
    Ok(EditRequest { file: args.file.clone(), path: path.clone(), wish, target, dry_run: args.dry_run })
}

/// Loads the configuration, or tells everything that is wrong with it.
fn load(args: &ConfigArgs) -> anyhow::Result<Config> {
    let locations = Locations {
        file: Some(args.config.clone()),
        snapshot: args.live.clone(),
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
        environment: args.environment.clone(),
    };
    match config::load(&locations, &|name| std::env::var(name).ok()) {
        Ok(loaded) => {
            for warning in loaded.warnings {
                tracing::warn!("{warning}");
            }
            Ok(loaded.config)
        }
        Err(problems) => {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            let count = if lines.len() == 1 { "a problem".to_owned() } else { format!("{} problems", lines.len()) };
            anyhow::bail!("the configuration has {count}\n{}", lines.join("\n"))
        }
    }
}

async fn cycle(
    cli: &Cli,
    config: &ConfigArgs,
    report: &ReportArgs,
    extent: Extent,
    progress: &Progress,
) -> anyhow::Result<Ending> {
    let config = load(config)?;
    let done = run::cycle(&config, extent, schedule::now(), progress).await?;
    print(cli, report, &done)
}

async fn daemon(cli: &Cli, args: &ScanArgs, progress: &Progress) -> anyhow::Result<Ending> {
    let config = load(&args.config)?;
    let settings =
        config.schedule.clone().context("the configuration has no `schedule`; give `schedule: {cron: …}`")?;
    let each = async |now| match run::cycle(&config, Extent::Publish, now, progress).await {
        Ok(report) => drop(print(cli, &args.report, &report)),
        Err(error) => tracing::error!("the cycle failed, the next one runs as planned: {error:#}"),
    };
    schedule::run(&settings, each, schedule::asked_to_stop()).await.map_err(|error| anyhow::anyhow!(error))?;
    Ok(Ending::Finished { drift: false, complete: true })
}

async fn run_demo(cli: &Cli, args: &DemoArgs, progress: &Progress) -> anyhow::Result<Ending> {
    let temporary =
        tempfile::Builder::new().prefix("trueup-demo-").tempdir().context("a temporary folder could not be made")?;
    let folder = match &args.keep {
        Some(folder) => folder.clone(),
        // kept on purpose: the demo says where to look
        None => temporary.keep(),
    };
    // as it was called: `cargo run` puts nothing on the PATH
    let program = std::env::args().next().unwrap_or_else(|| "trueup".to_owned());
    let options = options(cli, &args.report);
    let text = demo(&folder, &program, args.report.output, &options, schedule::now(), progress).await?;
    write_out(text.as_bytes())?;
    Ok(Ending::Finished { drift: false, complete: true })
}

fn options(cli: &Cli, args: &ReportArgs) -> Options {
    let stdout = io::stdout();
    let width = terminal_size::terminal_size_of(&stdout).map(|(width, _)| usize::from(width.0));
    let (no_color, term) = (std::env::var("NO_COLOR").ok(), std::env::var("TERM").ok());
    let color = cli.talk.color.wanted(stdout.is_terminal(), no_color.as_deref(), term.as_deref());
    Options { details: cli.talk.verbose > 0, ..args.options(width, color) }
}

/// Prints a report and says how its command ended.
fn print(cli: &Cli, args: &ReportArgs, run: &RunReport) -> anyhow::Result<Ending> {
    write_out(report::render(run, args.output, &options(cli, args)).as_bytes())?;
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
    // from --verbose on, every stage says how long it took
    let spans = if cli.level() >= LogLevel::Debug { FmtSpan::CLOSE } else { FmtSpan::NONE };
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(cli.log_filter()))
        .with_span_events(spans)
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
