//! What cannot be rendered is one clear problem of its source, and nothing of it is said to be missing.

use std::time::Instant;

use serde_json::{Value, json};

use super::problems;
use crate::support::cli::Desk;
use crate::support::git::{ALICE, Bare, Entry, MAIN};

/// A scan of one source whose chart is in `web`.
fn scan(entries: &[(&str, Entry<'_>)], source: &str, path: Option<&str>) -> Value {
    let desk = Desk::new();
    Bare::init(desk.path("remote.git")).commit_entries(MAIN, entries, ALICE);
    desk.write("live.json", &json!({"apiVersion": "v1", "kind": "List", "items": []}).to_string());
    let config = format!(
        "cluster: {{name: test, snapshot: live.json}}\nrepository: {{url: remote.git, cache: cache}}\n\
         sources: [{{name: web, path: web, renderer: helm{source}}}]\n"
    );
    desk.write("trueup.yaml", &config);
    let mut run = desk.trueup(["scan", "-o", "json"]);
    if let Some(path) = path {
        run = run.env("PATH", path);
    }
    let report = run.run().exits(3).json();
    assert_eq!(report["items"], json!([]), "{report}");
    let left = std::fs::read_dir(desk.path("cache")).expect("cache").map(|entry| entry.expect("entry").file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains(".helm-")), "a folder was left behind");
    report
}

fn chart<'e>(template: &'e str, more: &[(&'e str, &'e str)]) -> Vec<(&'e str, Entry<'e>)> {
    let files = [("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n"), ("web/templates/a.yaml", template)];
    files.iter().chain(more).map(|(path, text)| (*path, Entry::File(text.as_bytes()))).collect()
}

/// Each mistake is told once, at its file and line.
#[test]
fn mistakes_are_told_at_their_line() {
    let fine = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let needs = "apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies:\n- name: redis\n  version: 1.x\n  repository: https://127.0.0.1:1\n";
    for (template, more, source, expected) in [
        (
            "\n\n{{ .Values.a.b }}\n",
            &[][..],
            "",
            "web/templates/a.yaml:3: helm: executing … at <.Values.a.b>: nil pointer evaluating interface {}.b",
        ),
        ("{{ if }}\n", &[], "", "web/templates/a.yaml:1: helm: missing value for if"),
        ("{{ required \"name the host\" .Values.host }}\n", &[], "", "web/templates/a.yaml:1: helm: name the host"),
        (
            "a: b: c\n",
            &[],
            "",
            "web/templates/a.yaml: helm: error converting YAML to JSON: yaml: mapping values are not allowed in this context",
        ),
        (fine, &[("web/values.yaml", "a: 1\nb: [\n")], "", "web/values.yaml:2: unclosed bracket '['"),
        (fine, &[("prod.yaml", "a: {\n")], ", helm: {values: [prod.yaml]}", "prod.yaml:1: unclosed bracket '{'"),
        (
            fine,
            &[("prod.yaml", "\t- a\n")],
            ", helm: {values: [prod.yaml]}",
            "prod.yaml: helm: error converting YAML to JSON: yaml: found character that cannot start any token",
        ),
        (fine, &[], ", helm: {values: [gone.yaml]}", "gone.yaml: there is no such values file"),
        (
            fine,
            &[("web/Chart.yaml", needs)],
            "",
            "web/Chart.yaml:5: the chart depends on `redis`, which is not in its charts/",
        ),
        (
            "apiVersion: v1\nkind: ConfigMap\n",
            &[],
            "",
            "web/templates/a.yaml: the ConfigMap has no `metadata.name` (line 1 of what it renders to)",
        ),
    ] {
        let told = problems(&scan(&chart(template, more), source, None));
        assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?} is not {expected}");
    }
}

/// A value in what a chart says is not repeated.
#[test]
fn what_a_chart_says_about_its_values_is_left_out() {
    let values = ("web/values.yaml", "password: hunter2\n");
    for template in [
        "{{ fail (printf \"the password %s is too short\" .Values.password) }}",
        "{{ .Values.password | mustFromJson }}",
        "{{ .Values.password | fromYaml | toString | mustRegexMatch \"[\" }}",
        "{{ tpl \"{{ hunter2 }}\" . }}",
        "{{ int64 .Values.password | divf \"hunter2\" }}{{ fail .Values.password }}",
    ] {
        let report = scan(&chart(template, &[values]), "", None);
        assert_eq!(problems(&report).len(), 1, "{report}");
        assert!(!report.to_string().contains("hunter2"), "{template}: {report}");
    }
}

/// Loops and bombs end as one problem, soon.
#[test]
fn hostile_charts_end_as_one_problem() {
    for (template, expected) in [
        ("{{ define \"l\" }}{{ include \"l\" . }}{{ end }}{{ include \"l\" . }}", "web/templates/a.yaml:1: helm: "),
        ("{{ range until 2000000000 }}x{{ end }}", "web: helm"),
        ("x: {{ repeat 2000000000 \"0123456789\" }}", "web: helm"),
    ] {
        let begun = Instant::now();
        let told = problems(&scan(&chart(template, &[]), "", None));
        assert!(told.len() == 1 && told[0].starts_with(expected) && told[0].len() < 500, "{told:?} is not {expected}");
        assert!(begun.elapsed().as_secs() < 100, "{expected} took {:?}", begun.elapsed());
    }
}

/// Without helm on the PATH the source is unknown, and the problem says what to do.
#[test]
fn without_helm_nothing_is_said() {
    let report = scan(&chart("", &[]), "", Some("/nonexistent"));
    assert_eq!(problems(&report), ["web: helm is not installed"]);
}
