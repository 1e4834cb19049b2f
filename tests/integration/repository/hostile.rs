//! A repository whose content means harm: nothing of it leaves the folder, and nothing of it runs.

use super::{folder, paths, settings, tree, update};
use crate::support::git::{ALICE, Bare, Entry, MAIN};

/// Symbolic links are not followed and not made; submodules are not fetched. Both are told, and the rest is there.
#[tokio::test]
async fn links_and_submodules() {
    let origin = Bare::with(&[("apps/web.yaml", "a: 1\n")]);
    let commit = origin.head(MAIN).expect("commit");
    let entries = [
        ("apps/passwd.yaml", Entry::Link("/etc/passwd")),
        ("apps/up", Entry::Link("../..")),
        ("vendor", Entry::Submodule(&commit)),
    ];
    origin.commit_entries(MAIN, &entries, ALICE);
    let cache = folder();
    let (checkout, problems) =
        update(settings(origin.path().display().to_string(), cache.path())).await.expect("cloned");
    assert_eq!(paths(&checkout.root), ["apps/web.yaml"]);
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:#?}");
    for (path, message) in [
        ("apps/passwd.yaml", "symbolic links are not followed"),
        ("apps/up", "symbolic"),
        ("vendor", "submodules are not fetched"),
    ] {
        assert!(told.iter().any(|told| told.contains(path) && told.contains(message)), "{path}: {told:#?}");
    }
}

/// Tree entries that Git itself would never write: each is refused, with its name shown harmlessly, and nothing is written
/// anywhere else.
#[tokio::test]
async fn names_that_lead_out() {
    for name in ["..", ".", ".git", ".GIT", "a/b", "../escape", "/absolute", "back\\slash", "new\nline", "\u{1b}[31m"] {
        let origin = Bare::with(&[("kept.yaml", "a: 1\n")]);
        let blob = origin.git_with_input(&["hash-object", "-w", "--stdin"], b"evil\n");
        let kept = origin.git(&["rev-parse", "main:kept.yaml"]);
        let mut entries = [(name, &blob), ("kept.yaml", &kept)];
        entries.sort();
        let tree_of = |entries: &[(&str, &String)], mode: &str| {
            let mut raw = Vec::new();
            for (name, id) in entries {
                raw.extend_from_slice(
                    format!("{} {name}\0", if *name == "kept.yaml" { "100644" } else { mode }).as_bytes(),
                );
                raw.extend((0..40).step_by(2).map(|at| u8::from_str_radix(&id[at..at + 2], 16).expect("hex")));
            }
            origin.git_with_input(&["hash-object", "-w", "--literally", "-t", "tree", "--stdin"], &raw)
        };
        // as a file, and as a folder with a file in it
        let inner = tree_of(&[("inner", &blob)], "100644");
        let as_file = tree_of(&entries, "100644");
        let mut entries = [(name, &inner), ("kept.yaml", &kept)];
        entries.sort();
        for root in [as_file, tree_of(&entries, "40000")] {
            let commit = origin.git(&["commit-tree", &root, "-m", "evil"]);
            origin.git(&["update-ref", "refs/heads/main", &commit]);
            let cache = folder();
            match update(settings(origin.path().display().to_string(), cache.path())).await {
                Ok((checkout, problems)) => {
                    assert_eq!(paths(&checkout.root), ["kept.yaml"], "{name:?}");
                    assert_eq!(problems.len(), 1, "{name:?}: {problems:?}");
                    let told = problems[0].to_string();
                    assert!(told.contains("could lead out of the repository"), "{name:?}: {told}");
                }
                // Git on the way may refuse the object before us
                Err(error) => assert!(error.to_string().starts_with("git: "), "{name:?}: {error}"),
            }
            let around = paths(cache.path());
            let strays: Vec<_> =
                around.iter().filter(|path| path.contains("evil") || path.contains("escape")).collect();
            assert!(strays.is_empty(), "{name:?}: {strays:?}");
            assert!(!cache.path().join("inner").exists() && !cache.path().join("cache/inner").exists(), "{name:?}");
        }
    }
}

/// No filter, attribute or hook runs, not even one that somebody put into the clone: files are as they were committed.
#[tokio::test]
async fn nothing_runs() {
    let origin = Bare::with(&[
        (".gitattributes", "* filter=evil text eol=crlf ident working-tree-encoding=UTF-16\n*.txt export-ignore\n"),
        ("a.yaml", "id: $Id$\n"),
        ("b.txt", "kept\n"),
    ]);
    let cache = folder();
    update(settings(origin.path().display().to_string(), cache.path())).await.expect("cloned");
    let clone = cache.path().join("cache/repository.git");
    let witness = cache.path().join("witness");
    let script = format!("#!/bin/sh\ntouch {}\ncat\n", witness.display());
    let hooks = clone.join("hooks");
    std::fs::create_dir_all(&hooks).expect("hooks");
    let program = clone.join("evil");
    let names =
        ["post-checkout", "post-merge", "reference-transaction", "pre-push", "pre-commit", "fsmonitor-watchman"];
    for path in names.iter().map(|name| hooks.join(name)).chain([program.clone()]) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(&path, &script).expect("hook");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("hook");
    }
    let config = std::fs::read_to_string(clone.join("config")).expect("config");
    let evil = program.display();
    let more = format!(
        "[filter \"evil\"]\n\tsmudge = {evil}\n\tclean = {evil}\n\trequired = true\n[core]\n\tfsmonitor = {evil}\n"
    );
    std::fs::write(clone.join("config"), config + &more).expect("config");
    origin.commit(MAIN, &[("a.yaml", "id: $Id$ 2\n")], ALICE);
    let (checkout, problems) =
        update(settings(origin.path().display().to_string(), cache.path())).await.expect("fetched");
    assert_eq!(problems, []);
    let files = tree(&checkout.root);
    assert_eq!(files[1], ("a.yaml".to_owned(), "id: $Id$ 2\n".to_owned()));
    assert_eq!(files[2], ("b.txt".to_owned(), "kept\n".to_owned()));
    let handle = super::open(settings(origin.path().display().to_string(), cache.path()));
    let push = super::change(&checkout.commit, "a: 1\r\n", None);
    handle.expect("open").push(push).await.expect("pushed");
    assert_eq!(origin.file(super::BRANCH, "apps/web.yaml").as_deref(), Some("a: 1\r\n"));
    assert!(!witness.exists(), "something of the repository ran");
}
