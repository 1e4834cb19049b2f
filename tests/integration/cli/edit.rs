//! `trueup edit`, by hand.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use crate::support::cli::Desk;

const FILE: &str = "\
# the shop
apiVersion: v1
kind: Service
metadata: {name: web} # in every zone
spec:
  ports:
  - port: 80
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2 # one for each zone
  template:
    spec:
      containers:
      - name: web
        image: \"r.example/web:1\" # pinned
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}
- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {k: v}}
";

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write("web.yaml", FILE);
    desk
}

/// Only the bytes that are meant change, in the document that is meant, and the diff shows them.
#[test]
fn edits_in_place() {
    for (args, from, to) in [
        (&["spec.replicas", "3"][..], "replicas: 2 #", "replicas: 3 #"),
        (&["spec.template.spec.containers[name=web].image", "r.example/web:2"], "web:1\"", "web:2\""),
        (&["spec.ports[port=80].port", "8080"], "port: 80\n", "port: 8080\n"),
        (&["--remove", "spec.replicas"], "  replicas: 2 # one for each zone\n", ""),
        (
            &["--add", "spec.paused", "yes", "--resource", "deployment/web"],
            "1\" # pinned\n",
            "1\" # pinned\n  paused: true\n",
        ),
        (&["--add", "spec.type", "NodePort", "--document", "0"], "port: 80\n", "port: 80\n  type: NodePort\n"),
        (&["data.k", "-5", "--text", "--resource", "ConfigMap/b"], "b}, data: {k: v}", "b}, data: {k: \"-5\"}"),
        (&["items[0].data.k", "w"], "a}, data: {k: v}", "a}, data: {k: w}"),
        (
            &["spec.replicas", "{a: [b]}"],
            "replicas: 2 # one for each zone",
            "replicas: # one for each zone\n    a:\n    - b",
        ),
    ] {
        let desk = desk();
        let expected = FILE.replacen(from, to, 1);
        let dry = desk.trueup(["edit", "web.yaml", "--dry-run"].iter().chain(args)).run().exits(0);
        assert_eq!(std::fs::read_to_string(desk.path("web.yaml")).expect("file"), FILE, "{args:?}");
        let ran = desk.trueup(["edit", "web.yaml"].iter().chain(args)).run().exits(0);
        assert_eq!(std::fs::read_to_string(desk.path("web.yaml")).expect("file"), expected, "{args:?}");
        assert!(ran.stdout.starts_with("--- a/web.yaml\n+++ b/web.yaml\n@@ "), "{}", ran.stdout);
        assert_eq!(dry.stdout, ran.stdout);
    }
}

/// What cannot be done leaves the file alone and says where and what to do.
#[test]
fn refusals() {
    for (args, expected) in [
        (&["spec.nothing", "1"][..], "web.yaml: `spec.nothing` is not there; --add adds it"),
        (&["--remove", "spec.nothing"], "web.yaml: `spec.nothing` is not there"),
        (
            &["metadata.name", "x"],
            "`metadata.name` makes sense in 4 documents; name one with --document or --resource: document 0 (Service web), document 1 (Deployment",
        ),
        (&["spec.nothing", "1", "--document", "1"], "web.yaml:9: `spec.nothing` is not there; --add adds it"),
        (&["spec.replicas", "1", "--document", "7"], "it holds no such document; it has document 0 (Service web)"),
        (&["spec.replicas", "1", "--resource", "job/web"], "it holds no such document"),
        (&["spec.replicas", "1", "--resource", "web"], "--resource takes KIND/NAME"),
        (&["spec..replicas", "1"], "expected a field name"),
        (&["spec.replicas", "[1"], "the value is no YAML"),
        (&["spec.replicas"], "<VALUE>"),
    ] {
        let desk = desk();
        let ran = desk.trueup(["edit", "web.yaml"].iter().chain(args)).run().exits(2);
        assert!(ran.stderr.contains(expected), "{args:?}: {}", ran.stderr);
        assert_eq!(std::fs::read_to_string(desk.path("web.yaml")).expect("file"), FILE);
    }
}

/// Files that are none, or hold nothing that could be edited, are told apart, and nothing hangs.
#[test]
fn odd_files() {
    let desk = Desk::new();
    desk.write("bad.yaml", "a: 1\nb: [\n");
    desk.write("empty.yaml", "");
    desk.write("comment.yaml", "# nothing yet\n---\n");
    desk.write("folder/a.yaml", "a: 1\n");
    std::fs::write(desk.path("latin.yaml"), b"a: \xe9\n").expect("file");
    std::fs::write(desk.path("null.yaml"), b"a: 1\0\n").expect("file");
    let read_only = desk.write("read-only.yaml", "a: 1\n");
    std::fs::set_permissions(&read_only, std::fs::Permissions::from_mode(0o444)).expect("mode");
    std::fs::File::create(desk.path("huge.yaml")).expect("file").set_len(1 << 40).expect("a sparse file");
    symlink("nowhere.yaml", desk.path("dangling.yaml")).expect("link");
    let made = std::process::Command::new("mkfifo").arg(desk.path("pipe")).status();
    assert!(made.expect("mkfifo").success());
    for (file, expected) in [
        ("none.yaml", "none.yaml cannot be read: No such file"),
        ("dangling.yaml", "dangling.yaml cannot be read: No such file"),
        ("folder", "folder cannot be read: it is a folder; name a file in it"),
        ("pipe", "pipe cannot be read: it is no ordinary file"),
        ("/dev/zero", "/dev/zero cannot be read: it is no ordinary file"),
        ("huge.yaml", "huge.yaml cannot be read: it has more than 128 MiB"),
        ("latin.yaml", "latin.yaml cannot be read: it is not UTF-8"),
        ("null.yaml", "null.yaml is no YAML that kubectl could read: line 1: "),
        ("bad.yaml", "bad.yaml is no YAML that kubectl could read: line "),
        ("empty.yaml", "empty.yaml: there is nothing in it to edit"),
        ("comment.yaml", "comment.yaml: there is nothing in it to edit"),
        ("read-only.yaml", "read-only.yaml cannot be written: it is read-only"),
    ] {
        let ran = desk.trueup(["edit", file, "a", "2", "--add"]).run().exits(2);
        assert!(ran.stderr.contains(expected), "{file}: {}", ran.stderr);
    }
    let ran = desk.trueup(["edit", "folder/a.yaml", "", "2"]).run().exits(2);
    assert!(ran.stderr.contains("the path is empty: name a field or list item"), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(desk.path("")).expect("folder").count(), 10, "something was left behind");
}

/// An edit that changes nothing prints nothing, a link stays a link, and a file keeps its mode.
#[test]
fn files_stay_what_they_are() {
    let desk = desk();
    let file = desk.path("web.yaml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("mode");
    symlink(&file, desk.path("link.yaml")).expect("link");
    assert_eq!(desk.trueup(["edit", "link.yaml", "spec.replicas", "2"]).run().exits(0).stdout, "");
    desk.trueup(["edit", "link.yaml", "spec.replicas", "3"]).run().exits(0);
    assert!(desk.path("link.yaml").symlink_metadata().expect("link").is_symlink());
    assert_eq!(file.metadata().expect("file").permissions().mode() & 0o777, 0o640);
    assert!(std::fs::read_to_string(file).expect("file").contains("replicas: 3 #"));
}

/// The content of a Secret is not printed, neither when it is edited nor beside an edit.
#[test]
fn secrets_are_not_shown() {
    let desk = Desk::new();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData:\n  password: hunter2\n";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  k: v\n";
    desk.write("both.yaml", &format!("{secret}---\n{map}"));
    let first = desk.trueup(["edit", "both.yaml", "stringData.password", "hunter3"]).run().exits(0);
    assert_eq!(first.stdout, "both.yaml: stringData.password changed (the content of a Secret is not shown)\n");
    desk.write("both.yaml", &format!("{map}---\n{secret}"));
    let beside = desk.trueup(["edit", "both.yaml", "data.k", "w"]).run().exits(0);
    assert!(beside.stdout.contains("+  k: w\n") && !beside.stdout.contains("hunter"), "{}", beside.stdout);
}
