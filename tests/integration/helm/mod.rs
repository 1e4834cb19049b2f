//! Helm sources through the real helm: what is rendered, what is refused, and where a change of the values is made.

mod deliveries;
mod edits;
mod refusals;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::servers::tools;

/// The files of a chart in `tests/data/charts`, below `charts/`.
fn chart(name: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/charts").join(name);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(&root).expect("below").to_string_lossy().into_owned();
                found.push((format!("charts/{name}/{below}"), std::fs::read(&path).expect("file")));
            }
        }
    }
    found
}

/// The shop, with one of the charts that it depends on vendored as a folder and the other as an archive, and the values
/// of two environments.
fn shop() -> Vec<(String, Vec<u8>)> {
    let mut files = chart("shop");
    let folder = tempfile::tempdir().expect("folder");
    let metrics = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/charts/metrics");
    helm(&["package", &metrics.to_string_lossy(), "-d", &folder.path().to_string_lossy()], folder.path());
    let archive = "metrics-2.1.0.tgz";
    let packed = std::fs::read(folder.path().join(archive)).expect("packed");
    files.push((format!("charts/shop/charts/{archive}"), packed));
    for (path, text) in [
        ("envs/common.yaml", "# both environments\nsettings:\n  theme: dark # as the brand wants it\n"),
        ("envs/blue.yaml", "# blue\nreplicaCount: 3 # two zones and a spare\n"),
        ("envs/green.yaml", "# green\n"),
    ] {
        files.push((path.to_owned(), text.as_bytes().to_vec()));
    }
    files
}

/// The two sources of the shop.
fn sources(namespace: &str) -> String {
    let of = |name: &str, crds: bool| {
        format!(
            "- {{name: {name}, path: charts/shop, renderer: helm, namespace: {namespace}, environment: {name},\n   \
             helm: {{values: [envs/common.yaml, envs/{name}.yaml], kube_version: v1.36.3, api_versions: [policy/v1/PodDisruptionBudget], include_crds: {crds}}}}}\n"
        )
    };
    format!("sources:\n{}{}", of("blue", true), of("green", false))
}

/// Runs helm as a person does; it has to succeed.
fn helm(args: &[&str], folder: &Path) -> String {
    let run =
        Command::new(tools().join("helm")).args(args).current_dir(folder).env_clear().env("HOME", folder).output();
    let run = run.expect("helm starts");
    assert!(run.status.success(), "helm {args:?}: {}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("UTF-8")
}

/// The shop of an environment as a pipeline renders it, from a checkout.
fn rendered(checkout: &Path, name: &str, namespace: &str) -> String {
    let own = format!("envs/{name}.yaml");
    let args = ["template", name, "charts/shop", "--namespace", namespace, "--include-crds", "--no-hooks"];
    let values = ["--values", "envs/common.yaml", "--values", &own];
    let versions = ["--kube-version", "v1.36.3", "--api-versions", "policy/v1/PodDisruptionBudget"];
    helm(&[&args[..], &values, &versions].concat(), checkout)
}

/// Writes files below a folder.
fn lay_out(files: &[(String, Vec<u8>)], folder: &Path) {
    for (path, content) in files {
        let path: PathBuf = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        std::fs::write(path, content).expect("write");
    }
}

/// What could not be read, with its place.
fn problems(report: &Value) -> Vec<String> {
    let told = |problem: &Value| {
        let line = problem["line"].as_u64().map(|line| format!(":{line}")).unwrap_or_default();
        let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        format!("{}{line}: {}", text("file"), text("message"))
    };
    report["problems"].as_array().expect("problems").iter().map(told).collect()
}
