//! Quantities and durations as Kubernetes' own library reads them: some thousands of texts, each also given to
//! `resource.ParseQuantity` and `time.ParseDuration` (`tests/cluster/kubernetes/quantity`).

use std::io::Write as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use trueup::domain::quantity::{Quantity, format_duration, parse_duration};

use crate::support::servers::tools;

/// As many texts of this kind, the same ones in every run.
fn texts(count: usize, strategy: impl Strategy<Value = String>) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let text = |_| strategy.new_tree(&mut runner).expect("a text").current();
    (0..count).map(text).collect()
}

/// What Go makes of each text.
fn by_go(texts: &[String]) -> Vec<String> {
    let mut go = Command::new(tools().join("quantity"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("quantity starts");
    let mut input = go.stdin.take().expect("piped");
    let lines: String = texts.iter().map(|text| serde_json::to_string(text).expect("JSON") + "\n").collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let done = go.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads");
    let lines: Vec<_> = String::from_utf8(done.stdout).expect("UTF-8").lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), texts.len());
    lines
}

/// What is well formed, what nearly is, and what is at the edges.
fn quantity() -> impl Strategy<Value = String> {
    let sign = prop_oneof![4 => "", 1 => "[-+]"];
    let number = prop_oneof![
        6 => "[0-9]{1,4}",
        4 => "[0-9]{1,5}\\.[0-9]{0,12}",
        1 => "\\.[0-9]{1,17}",
        1 => "0{0,3}[0-9]{15,22}",
        1 => "(9223372036854775807|9223372036854775808|18446744073709551616|1024|1000)0{0,3}",
        1 => "[0-9.]{0,6}",
    ];
    let suffix = prop_oneof![
        6 => "[numkMGTPE]?",
        5 => "[KMGTPE]i",
        3 => "[eE][-+]?[0-9]{1,2}",
        1 => "[a-zA-Z]{1,3}",
        1 => "[eE][-+]?[0-9.]{0,3}",
    ];
    let blank = prop_oneof![12 => "", 1 => "[ \\n\\t]"];
    (blank.clone(), sign, number, suffix, blank).prop_map(|(a, b, c, d, e)| format!("{a}{b}{c}{d}{e}"))
}

/// Value, canonical spelling and the value in a resource list are exact, or both refuse the text.
#[test]
fn quantities_are_what_kubernetes_reads() {
    let texts = texts(20_000, quantity());
    let (mut read, mut differences) = (0, Vec::new());
    for (text, go) in texts.iter().zip(by_go(&texts)) {
        let trueup = Quantity::parse(text).map_or("-".to_owned(), |quantity| {
            format!("{} {quantity} {}", quantity.nanos(), quantity.rounded_to_milli().nanos())
        });
        // without digits it is zero or refused, by the unit
        if !text.trim().trim_start_matches(['+', '-', '.']).starts_with(|char: char| char.is_ascii_digit()) {
            continue;
        }
        // no machine has that much of anything: Kubernetes' own spelling of it loses its unit
        if go.split(' ').next().is_some_and(|nanos| nanos.len() > 29) {
            continue;
        }
        read += usize::from(go != "-");
        if go != trueup {
            differences.push(format!("{text:?}: Kubernetes {go}, trueup {trueup}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {}\n{}",
        differences.len(),
        texts.len(),
        differences[..differences.len().min(40)].join("\n")
    );
    assert!(read > 10_000, "{read} of {}", texts.len());
}

/// So are durations.
#[test]
fn durations_are_what_go_reads() {
    let part = "[0-9]{1,4}(\\.[0-9]{0,10})?(ns|us|µs|μs|ms|s|m|h|d|)";
    let strategy = (prop_oneof![5 => "", 1 => "[-+]"], proptest::collection::vec(part, 0..4));
    let texts = texts(5_000, strategy.prop_map(|(sign, parts)| format!("{sign}{}", parts.concat())));
    let asked: Vec<_> = texts.iter().map(|text| format!("duration {text}")).collect();
    let (mut read, mut differences) = (0, Vec::new());
    for (text, go) in texts.iter().zip(by_go(&asked)) {
        let trueup = parse_duration(text)
            .filter(|nanos| i64::try_from(*nanos).is_ok())
            .map_or("-".to_owned(), |nanos| format!("{nanos} {}", format_duration(nanos)));
        if trueup != go {
            differences.push(format!("{text:?}: Go {go}, trueup {trueup}"));
        }
        read += usize::from(go != "-");
    }
    assert!(differences.is_empty(), "{} of {}\n{}", differences.len(), texts.len(), differences.join("\n"));
    assert!(read > 1_500, "{read} of {}", texts.len());
}
