//! The ignore rule that comes with each item of a report.

use std::collections::BTreeSet;

use serde_json::Value;

use super::remote;
use crate::support::cli::Desk;

fn items(report: &Value) -> Vec<Value> {
    report["items"].as_array().expect("items").clone()
}

fn identity(item: &Value) -> String {
    format!("{} {} {}", item["resource"], item["path"], item["rule"])
}

/// Put into the configuration, the rule of an item silences that item, and with it at most the meanings that nothing else
/// causes; whatever it silenced is told under `ignored`.
#[test]
fn the_rule_of_each_item_silences_exactly_it() {
    let desk = Desk::new();
    desk.trueup(["demo", "--keep", "demo"]).run().exits(0);
    let config = std::fs::read_to_string(desk.path("demo/trueup.yaml")).expect("the demo's config");
    let before = items(&desk.trueup(["scan", "-c", "demo/trueup.yaml", "-o", "json"]).run().exits(1).json());
    for item in &before {
        desk.write("demo/trueup.yaml", &format!("{config}\nignore: [{}]\n", item["ignore_rule"]));
        let after = desk.trueup(["scan", "-c", "demo/trueup.yaml", "-o", "json", "--all"]).run().json();
        let left: BTreeSet<_> = items(&after).iter().map(identity).collect();
        let gone: BTreeSet<_> = before.iter().map(identity).filter(|item| !left.contains(item)).collect();
        let caused = |other: &&Value| {
            let causes = other["caused_by"].as_array().map(Vec::as_slice).unwrap_or_default();
            other["resource"] == item["resource"]
                && !causes.is_empty()
                && causes.iter().all(|cause| *cause == item["path"])
        };
        let with_it = before.iter().filter(caused).filter(|_| item["rule"].is_null()).map(identity);
        assert_eq!(gone, with_it.chain([identity(item)]).collect(), "{}", item["ignore_rule"]);
        let told = after["ignored"].as_array().expect("ignored").iter();
        assert!(told.into_iter().any(|aside| aside["resource"] == item["resource"] && aside["path"] == item["path"]));
    }
}

/// A warning about a misspelt field stays under every rule but the one that names it.
#[test]
fn warnings_are_silenced_by_name() {
    let desk = Desk::new();
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: b}\ndata: {a: b}\n";
    remote(&desk, &[("apps/map.yaml", &format!("{map}dta: {{}}\n"))]);
    desk.write("live.yaml", map);
    let warnings = |ignore: &str| {
        let config = "cluster: {snapshot: live.yaml}\nrepository: {url: remote.git, cache: cache}\nsources: [{name: apps, path: apps}]\n";
        desk.write("trueup.yaml", &format!("{config}ignore: [{ignore}]\n"));
        desk.trueup(["scan", "-o", "json"]).run().exits(0).json()["summary"]["warnings"].as_u64()
    };
    assert_eq!(warnings("{path: dta}"), Some(1));
    assert_eq!(warnings("{path: dta, rule: unknown_field}"), Some(0));
    assert_eq!(warnings("{rule: unknown_field, name: other}"), Some(1));
}
