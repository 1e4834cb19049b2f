//! Sources that mean harm, for every renderer, through the program: each ends as one clear problem of that source or
//! does no harm, another source goes on, nothing hangs, nothing is left behind, and nothing of the operator is seen.

mod archives;
mod network;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::cli::Desk;
use crate::support::git::{ALICE, Bare, Entry, MAIN};

/// What no source may see.
const CANARY: &str = "canary-of-the-operator";
/// A source is stopped after a minute; more than that is the machine's load.
const SOON: Duration = Duration::from_secs(120);
const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fine, namespace: shop}\ndata: {k: v}\n";
/// What a harmless source declares.
const OTHER: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: shop}\ndata: {k: v}\n";
const CHART: &str = "apiVersion: v2\nname: bad\nversion: 0.1.0\n";

/// Files of a repository: their paths and what is there.
type Files<'f> = Vec<(&'f str, Entry<'f>)>;

fn file(text: &str) -> Entry<'_> {
    Entry::File(text.as_bytes())
}

/// Scans a hostile source `bad` beside a good one, as an operator with secrets in variables and in their home folder.
/// Yields the report, after it was seen that nothing else came of it.
fn scan(renderer: &str, files: &[(&str, Entry<'_>)]) -> Value {
    scan_beside(renderer, files, &[])
}

/// The same, with more objects live, which are all compared.
fn scan_beside(renderer: &str, files: &[(&str, Entry<'_>)], live: &[&str]) -> Value {
    let desk = Desk::new();
    let remote = Bare::init(desk.path("remote.git"));
    remote.commit(MAIN, &[("good/fine.yaml", MAP)], ALICE);
    remote.commit_entries(MAIN, files, ALICE);
    let all: Vec<Value> = [MAP].iter().chain(live).map(|text| serde_yaml::from_str(text).expect("YAML")).collect();
    desk.write("live.json", &json!({"apiVersion": "v1", "kind": "List", "items": all}).to_string());
    desk.write(
        "trueup.yaml",
        &format!(
            "cluster: {{name: test, snapshot: live.json}}\nrepository: {{url: remote.git, cache: cache}}\n\
             sources:\n- {{name: good, path: good}}\n- {{name: bad, path: bad, renderer: {renderer}}}\n"
        ),
    );
    for place in [".kube/config", ".config/helm/repositories.yaml", ".netrc"] {
        desk.write(&format!("../home/{place}"), &format!("# {CANARY}\n"));
    }
    let ran = desk.trueup(["scan", "-o", "json"]);
    let ran = ["CANARY", "HELM_PLUGINS", "HELM_NAMESPACE", "KUSTOMIZE_PLUGIN_HOME", "XDG_CONFIG_HOME", "GIT_ASKPASS"]
        .into_iter()
        .fold(ran, |ran, name| ran.env(name, CANARY));
    let ran = ran.env("KUBECONFIG", desk.path("../home/.kube/config")).run();
    assert!(ran.took < SOON, "took {:?}", ran.took);
    assert!(!ran.everything().contains(CANARY), "{}", ran.everything());
    let report = ran.json();
    assert_eq!(report["summary"]["compared"], 1 + live.len(), "the other source goes on: {report}");
    let left = std::fs::read_dir(desk.path("cache")).expect("cache").map(|entry| entry.expect("entry").file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?} was left behind");
    // what was killed gives its memory back before it is gone
    let begun = Instant::now();
    while !processes_below(&desk.path("")).is_empty() && begun.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(processes_below(&desk.path("")), Vec::<String>::new(), "programs go on");
    report
}

/// The command lines of processes that work in a folder.
fn processes_below(folder: &Path) -> Vec<String> {
    let folder = folder.canonicalize().expect("folder");
    let processes = std::fs::read_dir("/proc").expect("/proc").filter_map(Result::ok).map(|entry| entry.path());
    let inside = processes
        .filter(|process| std::fs::read_link(process.join("cwd")).is_ok_and(|place| place.starts_with(&folder)));
    inside.filter_map(|process| std::fs::read_to_string(process.join("cmdline")).ok()).collect()
}

/// The problems of a report, each with its place.
fn problems(report: &Value) -> Vec<String> {
    let told = |problem: &Value| {
        let line = problem["line"].as_u64().map(|line| format!(":{line}")).unwrap_or_default();
        let text = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        format!("{}{line}: {}", text("file"), text("message"))
    };
    report["problems"].as_array().expect("problems").iter().map(told).collect()
}

/// Demands that a source is one problem, that begins so, and that nothing of it is said to be missing.
#[track_caller]
fn refused(renderer: &str, files: &[(&str, Entry<'_>)], expected: &str) {
    let report = scan(renderer, files);
    let told = problems(&report);
    assert!(told.len() == 1 && told[0].starts_with(expected), "{told:#?} is not one {expected:?}");
    assert!(told[0].len() < 600, "{told:?} is long");
    assert_eq!(report["items"], json!([]), "{report}");
}

/// Files for a kustomization.
fn kustomization<'f>(text: &'f str, more: &[(&'f str, &'f str)]) -> Files<'f> {
    let files = [("bad/kustomization.yaml", text), ("bad/other.yaml", OTHER)];
    files.iter().chain(more).map(|(path, text)| (*path, file(text))).collect()
}

/// Files for a chart.
fn chart<'f>(template: &'f str, more: &[(&'f str, &'f str)]) -> Files<'f> {
    let files = [("bad/Chart.yaml", CHART), ("bad/templates/a.yaml", template)];
    files.iter().chain(more).map(|(path, text)| (*path, file(text))).collect()
}

fn template(text: &str) -> Files<'_> {
    vec![("bad/a.yaml.j2", file(text))]
}

/// Ten to the ninth values by way of nine aliases.
fn alias_bomb(start: &str) -> String {
    let mut text = format!("{start}\ndata:\n  a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..9 {
        text += &format!("  a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(","));
    }
    text
}

/// Aliases that come to more than any machine holds.
#[test]
fn alias_bombs() {
    let map = alias_bomb("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}");
    let bare = alias_bomb("a: 1");
    let named = format!("{CHART}{bare}");
    let use_them = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {k: \"{{ data }}\"}\n";
    let too_much = "the aliases of this file expand to too much";
    for (renderer, files, expected) in [
        ("plain", vec![("bad/a.yaml", file(&map))], format!("bad/a.yaml:5: {too_much}")),
        ("kustomize", kustomization(&bare, &[]), format!("bad/kustomization.yaml:3: {too_much}")),
        (
            "kustomize",
            kustomization("resources: [a.yaml]\n", &[("bad/a.yaml", &map)]),
            format!("bad/a.yaml:5: {too_much}"),
        ),
        ("helm", chart(MAP, &[("bad/values.yaml", &bare)]), format!("bad/values.yaml:3: {too_much}")),
        (
            "helm",
            vec![("bad/Chart.yaml", file(&named)), ("bad/templates/a.yaml", file(MAP))],
            format!("bad/Chart.yaml:6: {too_much}"),
        ),
        ("helm", chart(&map, &[]), "bad/templates/a.yaml: ".to_owned()),
        ("jinja", template(&map), format!("bad/a.yaml.j2:5: {too_much}")),
        (
            "jinja, jinja: {values: [bad/v.yaml]}",
            vec![("bad/a.yaml.j2", file(use_them)), ("bad/v.yaml", file(&bare))],
            format!("bad/v.yaml:3: {too_much}"),
        ),
    ] {
        refused(renderer, &files, &expected);
    }
}

/// Lists in lists in lists.
#[test]
fn deep_nesting() {
    let map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: deep}}\ndata: {}{}\n",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let values = format!("a: {}\n", "{a: ".repeat(5_000));
    let built = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: deep}\ndata: {{ repeat 50000 \"[\" }}\n";
    let looped = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: deep}\ndata: {{ '[' * 50000 }}\n";
    for (renderer, files, expected) in [
        ("plain", vec![("bad/a.yaml", file(&map))], "bad/a.yaml:4: "),
        ("kustomize", kustomization(&values, &[]), "bad/kustomization.yaml:1: "),
        ("kustomize", kustomization("resources: [a.yaml]\n", &[("bad/a.yaml", &map)]), "bad/a.yaml:4: "),
        ("helm", chart(MAP, &[("bad/values.yaml", &values)]), "bad/values.yaml:1: "),
        ("helm", chart(built, &[]), "bad/templates/a.yaml: "),
        ("jinja", template(looped), "bad/a.yaml.j2:4: "),
    ] {
        refused(renderer, &files, expected);
    }
}

/// Loops, recursion and output without end, besides what the tests of each renderer have.
#[test]
fn endless_work() {
    let gigabyte = "{{ range until 1024 }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a{{ . }}}\ndata: {k: {{ repeat 1048576 \"x\" }}}\n{{ end }}";
    let own_text = "{{ define \"t\" }}{{ tpl \"{{ include \\\"t\\\" . }}\" . }}{{ end }}{{ include \"t\" . }}";
    let doubled = "{{ $x := \"xxxxxxxxxxxxxxxx\" }}{{ range until 40 }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}";
    let printed = "{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}";
    for (renderer, files, expected) in [
        ("helm", chart(gigabyte, &[]), "bad: helm was stopped "),
        ("helm", chart(own_text, &[]), "bad"),
        ("helm", chart(doubled, &[]), "bad: helm was stopped when it wanted more than 4096 MiB of memory"),
        ("kustomize", kustomization("resources: [.]\n", &[]), "bad: kustomize: "),
        (
            "kustomize",
            kustomization("resources: [../other]\n", &[("other/kustomization.yaml", "resources: [../bad]\n")]),
            "bad: kustomize: ",
        ),
        ("jinja", template(printed), "bad/a.yaml.j2:1: the template takes too long or writes too much"),
    ] {
        refused(renderer, &files, expected);
    }
}

/// Folders that take each other in twice: two to the twentieth part of work.
#[test]
fn doubling_folders() {
    let texts: Vec<_> = (0..20)
        .flat_map(|level| {
            let resources = format!("namePrefix: L{level}\nresources: [../x{}, ../y{}]\n", level + 1, level + 1);
            ["x", "y"].map(|side| (format!("bad/{side}{level}/kustomization.yaml"), resources.replace('L', side)))
        })
        .chain(["x20", "y20"].map(|name| {
            (format!("bad/{name}/kustomization.yaml"), format!("namePrefix: {name}\nresources: [fine.yaml]\n"))
        }))
        .chain(["x20", "y20"].map(|name| (format!("bad/{name}/fine.yaml"), MAP.to_owned())))
        .collect();
    let mut files = kustomization("resources: [x0, y0]\n", &[]);
    files.extend(texts.iter().map(|(path, text)| (path.as_str(), file(text))));
    refused("kustomize", &files, "bad: kustomize was stopped ");
}

/// Links, in every place where a file or folder may stand.
#[test]
fn links() {
    let link = "symbolic links are not followed";
    for (renderer, path, to) in [
        ("plain", "bad/passwd.yaml", "/etc/passwd"),
        ("plain", "bad/etc", "/etc"),
        ("plain", "bad/up", "../.."),
        ("kustomize", "bad/more.yaml", "/etc/hosts"),
        ("kustomize", "bad/base", "/etc"),
        ("helm", "bad/templates/b.yaml", "/etc/passwd"),
        ("helm", "bad/charts", "/usr/share"),
        ("jinja", "bad/b.yaml.j2", "/etc/passwd"),
    ] {
        let mut files = match renderer {
            "kustomize" => kustomization("resources: [other.yaml]\n", &[]),
            "helm" => chart("", &[]),
            _ => vec![("bad/k.txt", file(""))],
        };
        files.push((path, Entry::Link(to)));
        let told = problems(&scan(renderer, &files));
        assert!(told.len() == 1 && told[0].starts_with(&format!("{path}: {link}")), "{renderer} {path}: {told:?}");
    }
}

/// Files outside of the repository, by name.
#[test]
fn files_outside() {
    let get = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: shop}\ndata: {k: \"{{ .Files.Get \"/etc/passwd\" }}{{ .Files.Get \"../../good/fine.yaml\" }}{{ (.Files.Glob \"/etc/*\").AsConfig | trimAll \"{}\" }}v\"}\n";
    let leaves = "cannot include the file: the path leaves its folder or is not in its plain form";
    for (renderer, files, expected) in [
        (
            "kustomize",
            kustomization("resources: [/etc/hosts]\n", &[]),
            "bad/kustomization.yaml:1: `/etc/hosts` is not in the repository",
        ),
        (
            "kustomize",
            kustomization("configMapGenerator: [{name: x, files: [/etc/passwd]}]\n", &[]),
            "bad/kustomization.yaml:1: `/etc/passwd` is not in the repository",
        ),
        (
            "kustomize",
            kustomization("configMapGenerator: [{name: x, envs: [../../../../etc/hosts]}]\n", &[]),
            "bad/kustomization.yaml:1: ",
        ),
        (
            "kustomize",
            kustomization(
                "generators: [g.yaml]\n",
                &[(
                    "bad/g.yaml",
                    "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: g}\nfiles: [/etc/passwd]\n",
                )],
            ),
            "bad/g.yaml:4: `/etc/passwd` is not in the repository",
        ),
        ("jinja", template("{% include '/etc/passwd' %}"), &*format!("bad/a.yaml.j2:1: {leaves}")),
        ("jinja", template("{% include '../../../../../../etc/passwd' %}"), &*format!("bad/a.yaml.j2:1: {leaves}")),
        ("jinja", template("{% import 'file:///etc/passwd' as x %}"), &*format!("bad/a.yaml.j2:1: {leaves}")),
    ] {
        refused(renderer, &files, expected);
    }
    // helm gives nothing for them
    let report = scan_beside("helm", &chart(get, &[]), &[OTHER]);
    assert_eq!((problems(&report), &report["items"]), (vec![], &json!([])), "{report}");
}

/// Variables, home folder and cluster of the operator, and the network's names.
#[test]
fn nothing_of_the_operator() {
    let asks = |what: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x, namespace: shop}}\ndata: {{k: {what}}}\n")
    };
    let (env, expanded, debug) =
        (asks("{{ env \"CANARY\" }}"), asks("{{ expandenv \"$CANARY\" }}"), asks("{{ debug() }}"));
    let (own, lookup) = (asks("{{ environ.CANARY }}"), asks("{{ lookup('env', 'CANARY') }}"));
    for (renderer, files, expected) in [
        ("helm", chart(&env, &[]), "bad/templates/a.yaml:4: helm: function … not defined"),
        ("helm", chart(&expanded, &[]), "bad/templates/a.yaml:4: helm: function … not defined"),
        ("jinja", template(&own), "bad/a.yaml.j2:4: "),
        ("jinja", template(&debug), "bad/a.yaml.j2:4: "),
        ("jinja", template(&lookup), "bad/a.yaml.j2:4: "),
    ] {
        refused(renderer, &files, expected);
    }
    // a cluster is not asked, names are not looked up, and the namespace is the source's
    let asked = asks(
        "\"{{ lookup \"v1\" \"Namespace\" \"\" \"\" }}{{ getHostByName \"localhost\" }}{{ .Release.Namespace }}\"",
    );
    let live = asks("\"map[]default\"");
    let report = scan_beside("helm", &chart(&asked, &[]), &[&live]);
    assert_eq!((problems(&report), &report["items"]), (vec![], &json!([])), "{report}");
}

/// Programs that a source names.
#[test]
fn programs_of_the_source() {
    let script = "#!/bin/sh\necho canary-of-the-operator\n";
    let function = |annotation: &str| {
        format!(
            "apiVersion: v1\nkind: Any\nmetadata:\n  name: g\n  annotations:\n    config.kubernetes.io/function: |\n      {annotation}\n"
        )
    };
    let exec = function("exec: {path: ./run.sh}");
    let container = function("container: {image: example.com/x}");
    let starlark = function("starlark: {path: ./run.sh, name: x}");
    let plugin = "apiVersion: someteam.example.com/v1\nkind: Any\nmetadata: {name: g}\n";
    for (list, text) in [
        ("generators", &*exec),
        ("generators", &container),
        ("transformers", &exec),
        ("validators", &exec),
        ("transformers", &starlark),
        ("generators", plugin),
    ] {
        let kustomize = format!("resources: [other.yaml]\n{list}: [g.yaml]\n");
        let files = kustomization(&kustomize, &[("bad/g.yaml", text), ("bad/run.sh", script)]);
        refused("kustomize", &files, "bad: kustomize: ");
    }
    let charts = "helmCharts:\n- {name: x, repo: \"https://charts.example\"}\n";
    refused(
        "kustomize",
        &kustomization(charts, &[]),
        "bad/kustomization.yaml:2: charts are not inflated inside of kustomize",
    );
    let inflated = "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: g}\nname: x\nrepo: https://127.0.0.1:1\n";
    refused(
        "kustomize",
        &kustomization("generators: [g.yaml]\n", &[("bad/g.yaml", inflated)]),
        "bad/g.yaml:1: charts are not inflated inside of kustomize",
    );
    // helm finds neither plugins nor post-renderers in a chart
    let plugin = "name: p\nversion: 0.1.0\nhooks: {}\ncommand: ./run.sh\n";
    let more = [
        ("bad/.local/share/helm/plugins/p/plugin.yaml", plugin),
        ("bad/plugins/p/plugin.yaml", plugin),
        ("bad/run.sh", script),
    ];
    assert_eq!(problems(&scan("helm", &chart("", &more))), Vec::<String>::new());
}

/// Ten thousand files and the longest names that there are do no harm.
#[test]
fn many_files_and_long_names() {
    let long = "n".repeat(250);
    let deep = format!("bad/{}/x.txt", ["d"; 60].join("/"));
    let mut paths: Vec<String> = (0..10_000).map(|at| format!("bad/many/f{at}.txt")).collect();
    paths.extend([format!("bad/{long}.txt"), format!("bad/{long}/{long}/x.txt"), deep]);
    let mut files: Files<'_> = paths.iter().map(|path| (path.as_str(), file("x"))).collect();
    files.extend(kustomization("resources: [other.yaml]\n", &[]));
    for renderer in ["kustomize", "jinja", "helm"] {
        if renderer == "helm" {
            files.extend(chart(OTHER, &[]));
        }
        let report = scan_beside(renderer, &files, &[OTHER]);
        assert_eq!((problems(&report), &report["items"]), (vec![], &json!([])), "{renderer}: {report}");
    }
}

/// A pipe that nobody writes to, and a device, among the files of a folder.
#[test]
fn pipes_and_devices() {
    let desk = Desk::new();
    desk.write("declared/fine.yaml", MAP);
    desk.write("live/fine.yaml", MAP);
    let made = std::process::Command::new("mkfifo").arg(desk.path("declared/pipe.yaml")).status();
    assert!(made.expect("mkfifo").success());
    std::os::unix::fs::symlink("/dev/zero", desk.path("declared/zero.yaml")).expect("link");
    let ran = desk.trueup(["diff", "--declared", "declared", "--live", "live", "-o", "json"]).run();
    assert!(ran.took < SOON, "took {:?}", ran.took);
    let mut told = problems(&ran.exits(3).json());
    told.sort();
    assert_eq!(
        told,
        [
            "declared/pipe.yaml: this is no ordinary file",
            "declared/zero.yaml: the path is a symlink, which is not followed"
        ]
    );
}
