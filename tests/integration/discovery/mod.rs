//! Sources that objects of Flux and Argo CD name, through the real kustomize and helm: what is rendered, what is opaque,
//! and where a change is made.

mod argo_cd;
mod flux;
mod live;

use serde_json::{Value, json};

use crate::kustomize::DEPLOYMENT;
use crate::support::cli::Desk;
use crate::support::git::{ALICE, Bare, MAIN};

/// A config repository of these files, beside these live objects, with a section `discover`. `REMOTE` in files stands for
/// the repository's address.
fn desk(files: &[(&str, &str)], discover: &str, live: &[Value]) -> Desk {
    let desk = Desk::new();
    let remote = desk.path("remote.git").display().to_string();
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.replace("REMOTE", &remote))).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    Bare::init(desk.path("remote.git")).commit(MAIN, &files, ALICE);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": live});
    desk.write("live.json", &list.to_string());
    let config = format!(
        "cluster: {{name: test, snapshot: live.json}}\nrepository: {{url: remote.git, cache: cache}}\ndiscover: {discover}\n\
         forge: {{local: {{folder: pull-requests}}}}\n"
    );
    desk.write("trueup.yaml", &config);
    desk
}

fn report(desk: &Desk, command: &str, code: i32) -> Value {
    desk.trueup([command, "-o", "json"]).run().exits(code).json()
}

fn live_deployment(name: &str, namespace: &str, replicas: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]}}}})
}

/// An object without anything in it.
fn empty(api_version: &str, kind: &str, name: &str, more: Value) -> Value {
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "other"}});
    more.as_object().into_iter().flatten().for_each(|(key, value)| object[key] = value.clone());
    object
}

/// A snapshot of kubectl's holds no HPA unless there is one.
fn no_autoscaler() -> Value {
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"});
    let spec = json!({"maxReplicas": 2, "minReplicas": 1, "scaleTargetRef": target});
    empty("autoscaling/v2", "HorizontalPodAutoscaler", "other", json!({"spec": spec}))
}

/// One line for each entry of a list of the report.
fn lines(report: &Value, list: &str, line: impl Fn(&Value) -> String) -> Vec<String> {
    report[list].as_array().map(Vec::as_slice).unwrap_or_default().iter().map(line).collect()
}

fn name(resource: &Value) -> String {
    let text = |key: &str| resource[key].as_str().unwrap_or_default();
    format!("{} {}/{}", text("kind"), text("namespace"), text("name"))
}

/// What counts: `Deployment shop/web spec.replicas cluster_drift`.
fn items(report: &Value) -> Vec<String> {
    let line = |item: &Value| {
        let text = |key: &str| item[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", name(&item["resource"]), text("path"), text("verdict"))
    };
    let mut items = lines(report, "items", line);
    items.sort();
    items
}

fn problems(report: &Value) -> Vec<String> {
    lines(report, "problems", |problem| {
        let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        format!("{}: {}", text("file"), text("message"))
    })
}

fn opaque(report: &Value) -> Vec<String> {
    lines(report, "opaque", |one| {
        format!(
            "{} ({}): {}",
            name(&one["resource"]),
            one["file"].as_str().unwrap_or_default(),
            one["reason"].as_str().unwrap_or_default()
        )
    })
}

fn sources(report: &Value) -> Vec<String> {
    lines(report, "sources", |one| {
        let text = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let paused = one["paused"].as_str().map(|paused| format!(": {paused}")).unwrap_or_default();
        format!("{} {} {}{paused}", text("name"), text("renderer"), text("path"))
    })
}

/// What came of each unit, and the files of its proposal.
fn units(report: &Value) -> Vec<String> {
    lines(report, "units", |unit| {
        let outcome = unit["outcome"].as_str().unwrap_or_default();
        format!("{} {outcome} {}", name(&unit["resource"]), unit["proposal"]["files"])
    })
}
