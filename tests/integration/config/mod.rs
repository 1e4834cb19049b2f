//! The configuration: every kind of mistake is told with its place and what to do, all of them at once; what ships
//! loads; the example is complete.

mod documents;
mod environment;
mod example;
mod layers;
mod mistakes;
mod mistakes_beside;
mod shipped;

use std::path::Path;

use trueup::config::{self, Loaded, Locations};
use trueup::domain::problem::Problem;

/// The least that a configuration says.
const LEAST: &str = "repository: {url: https://git.example/config.git}\nsources: [{name: apps, path: apps}]\n";

/// Writes these files (`trueup.yaml` among them) to a folder and loads the configuration with these variables.
fn load(folder: &Path, files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Loaded, Vec<Problem>> {
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        std::fs::write(path, text).expect("write");
    }
    let locations = Locations { file: Some(folder.join("trueup.yaml")), ..Locations::default() };
    config::load(&locations, &|name| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
}

/// Everything that is wrong with these files, a line each, as the program prints it; `valid` where nothing is.
fn problems_of(files: &[(&str, &str)], variables: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("folder");
    let lines: Vec<_> = match load(folder.path(), files, variables) {
        Ok(loaded) if loaded.warnings.is_empty() => return "valid".to_owned(),
        Ok(loaded) => loaded.warnings.iter().map(|warning| format!("warning: {warning}")).collect(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    lines.join("\n").replace(&format!("{}/", folder.path().display()), "")
}

/// What is wrong with a `trueup.yaml`.
fn problems(yaml: &str) -> String {
    problems_of(&[("trueup.yaml", yaml)], &[])
}

/// What is wrong with these lines added (from line 3 on) to a configuration that is right.
fn with(yaml: &str) -> String {
    problems(&format!("{LEAST}{yaml}"))
}

/// What is wrong with a file that the configuration names under `key`.
fn with_file(key: &str, name: &str, text: &str) -> String {
    problems_of(&[("trueup.yaml", &format!("{LEAST}{key}: {name}\n")), (name, text)], &[])
}
