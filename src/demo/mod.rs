//! `trueup demo`: the whole job on made-up data, with real parts. A bare Git remote with an ML platform's config
//! repository, a snapshot recorded from a real cluster that people have changed by hand, and the `local` forge.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;

use crate::adapters::progress::Progress;
use crate::adapters::report::{self, Format, Options};
use crate::config::{self, Locations};
use crate::domain::outcome::{Outcome, RunReport};
use crate::run::{Extent, cycle};

/// The files of the demo's repository.
const REPOSITORY: &[(&str, &str)] = &[
    ("README.md", include_str!("repository/README.md")),
    ("apps/recommender/deployment.yaml", include_str!("repository/apps/recommender/deployment.yaml")),
    ("apps/recommender/service.yaml", include_str!("repository/apps/recommender/service.yaml")),
    ("apps/recommender/config.yaml", include_str!("repository/apps/recommender/config.yaml")),
    ("apps/training/training.yaml", include_str!("repository/apps/training/training.yaml")),
    ("apps/training/credentials.yaml", include_str!("repository/apps/training/credentials.yaml")),
    ("apps/gateway/gateway.yaml", include_str!("repository/apps/gateway/gateway.yaml")),
    ("apps/batch-scorer/batch-scorer.yaml", include_str!("repository/apps/batch-scorer/batch-scorer.yaml")),
];
/// Recorded by `tests/demo/record.sh`.
const CLUSTER: &str = include_str!("cluster.jsonl");
const CONFIG: &str = include_str!("trueup.yaml");

/// Runs the demo in `folder` and tells what happened. `program` is how this program was called, for what to try next.
pub async fn demo(
    folder: &Path,
    program: &str,
    format: Format,
    options: &Options,
    now: Timestamp,
    progress: &Progress,
) -> anyhow::Result<String> {
    let config_file = set_up(folder, now).context("setting the demo up")?;
    let locations = Locations { file: Some(config_file.clone()), ..Locations::default() };
    let loaded = config::load(&locations, &|_| None).map_err(|problems| {
        anyhow::anyhow!(
            "the demo's config: {}",
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        )
    })?;
    let report = cycle(&loaded.config, Extent::Publish, now, progress).await?;
    Ok(match format {
        Format::Table => tell(&report, folder, program, &config_file, options),
        Format::Json | Format::Markdown => report::render(&report, format, options),
    })
}

fn set_up(folder: &Path, now: Timestamp) -> anyhow::Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    if fs::read_dir(folder)?.next().is_some() {
        anyhow::bail!("{} is not empty; name a new folder", folder.display());
    }
    create_remote(&folder.join("remote.git"), now)?;
    fs::write(folder.join("cluster.jsonl"), CLUSTER)?;
    let config_file = folder.join("trueup.yaml");
    fs::write(&config_file, CONFIG)?;
    Ok(config_file)
}

fn create_remote(path: &Path, now: Timestamp) -> Result<(), git2::Error> {
    let repository =
        git2::Repository::init_opts(path, git2::RepositoryInitOptions::new().bare(true).initial_head("main"))?;
    let empty = repository.find_tree(repository.treebuilder(None)?.write()?)?;
    let mut update = git2::build::TreeUpdateBuilder::new();
    for (file, text) in REPOSITORY {
        update.upsert(*file, repository.blob(text.as_bytes())?, git2::FileMode::Blob);
    }
    let tree = repository.find_tree(update.create_updated(&repository, &empty)?)?;
    let author = git2::Signature::new("Ada", "ada@company.example", &git2::Time::new(now.as_second(), 0))?;
    repository.commit(Some("refs/heads/main"), &author, &author, "ml-platform: all services\n", &tree, &[])?;
    Ok(())
}

fn tell(report: &RunReport, folder: &Path, program: &str, config_file: &Path, options: &Options) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "A config repository and a cluster that people have changed by hand, both made for this demo in\n  {}\n",
        folder.display()
    );
    text.push_str(&report::render(report, Format::Table, options));
    let shown = report.units.iter().find(|unit| unit.outcome == Outcome::Created);
    if let Some((unit, proposal)) = shown.and_then(|unit| Some((unit, unit.proposal.as_ref()?))) {
        let _ = writeln!(text, "\n── the first of the pull requests ──────────────────────────────────────────────\n");
        let _ = writeln!(text, "branch  {}\ncommit", proposal.branch);
        for line in unit.diff.lines() {
            let _ = writeln!(text, "  {line}");
        }
        let _ = writeln!(text, "\ntitle   {}\nbody\n", proposal.title);
        for line in proposal.body.lines().filter(|line| !line.starts_with("<!--")) {
            let _ = writeln!(text, "  {line}");
        }
    }
    let (folder, config) = (folder.display(), config_file.display());
    let _ = write!(
        text,
        "\n── where to look, what to try ──────────────────────────────────────────────────\n\n\
         every pull request as a file     {folder}/pull-requests\n\
         every branch                     git -C {folder}/remote.git branch --list 'auto-remediation/*'\n\
         run it again: nothing new        {program} run -c {config}\n\
         what is tolerated and ignored    {program} scan -c {config} --all\n\
         the same for programs            {program} scan -c {config} -o json\n\
         your own two folders             {program} diff --declared manifests/ --live <(kubectl get deploy -A -o yaml --show-managed-fields)\n"
    );
    text
}
