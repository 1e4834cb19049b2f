//! Charts in archives: bombs, names that lead out, and what is no archive.

use std::path::Path;
use std::process::Command;

use super::{Entry, MAP, chart, problems, refused, scan};

/// Packs a folder with the machine's `tar`, each file below the name that `rename` (an expression of sed) gives it.
fn packed(folder: &Path, rename: &str) -> Vec<u8> {
    let archive = folder.join("../x-0.1.0.tgz");
    let made = Command::new("tar")
        .args(["--absolute-names", "--transform", rename, "-czf"])
        .arg(&archive)
        .args(["-C", &folder.to_string_lossy(), "."])
        .status();
    assert!(made.expect("tar").success());
    std::fs::read(archive).expect("archive")
}

/// A chart that is laid out on disk with one more file.
fn laid_out(name: &str, content: &[u8]) -> tempfile::TempDir {
    let place = tempfile::tempdir().expect("folder");
    let folder = place.path().join("chart");
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
    std::fs::write(path, content).expect("file");
    std::fs::write(folder.join("Chart.yaml"), "apiVersion: v2\nname: x\nversion: 0.1.0\n").expect("file");
    place
}

/// Each is one problem, and nothing is written outside.
#[test]
fn archives_that_mean_harm() {
    let below = "s,^\\.,x,";
    let zeros = vec![b' '; 120 << 20];
    let (bomb, many) = (laid_out("templates/big.yaml", &zeros), laid_out("files/big.txt", &zeros[..50 << 20]));
    let outside = laid_out("escape.yaml", MAP.as_bytes());
    let schema = laid_out("values.schema.json", br#"{"properties": {"a": {"$ref": "http://127.0.0.1:9/x.json"}}}"#);
    for (archive, expected) in [
        (packed(&bomb.path().join("chart"), below), "bad/charts/x-0.1.0.tgz: the archive unpacks to more than 100 MiB"),
        (packed(&many.path().join("chart"), below), "bad: helm: "),
        (packed(&outside.path().join("chart"), "s,^\\./escape,../../../escape,;s,^\\.,x,"), "bad: helm: "),
        (
            packed(&schema.path().join("chart"), below),
            "bad/charts/x-0.1.0.tgz: a schema in the archive refers to `http://",
        ),
        (b"no archive".to_vec(), "bad: helm: "),
        (vec![], "bad: helm: "),
    ] {
        let mut files = chart("", &[]);
        files.push(("bad/charts/x-0.1.0.tgz", Entry::File(&archive)));
        refused("helm", &files, expected);
    }
    // helm takes the first part of a name for the chart's, and keeps the rest to itself
    let absolute = packed(&outside.path().join("chart"), "s,^\\./escape,/tmp/trueup-escape,;s,^\\.,x,");
    let mut files = chart("", &[]);
    files.push(("bad/charts/x-0.1.0.tgz", Entry::File(&absolute)));
    assert_eq!(problems(&scan("helm", &files)), Vec::<String>::new());
    assert!(!Path::new("/tmp/trueup-escape.yaml").exists());
}

/// A harmless one is rendered.
#[test]
fn an_archive_is_rendered() {
    let fine = laid_out("templates/a.yaml", MAP.replace("name: fine", "name: packed").as_bytes());
    let archive = packed(&fine.path().join("chart"), "s,^\\.,x,");
    let mut files = chart("", &[]);
    files.push(("bad/charts/x-0.1.0.tgz", Entry::File(&archive)));
    let report = scan("helm", &files);
    assert_eq!(problems(&report), Vec::<String>::new());
    assert_eq!(report["items"][0]["resource"]["name"], "packed", "{report}");
}
