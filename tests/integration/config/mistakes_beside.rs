//! Mistakes in the files that `trueup.yaml` names: policies, baselines, thresholds and tables.

use insta::assert_snapshot;

use super::{LEAST, problems_of, with_file};

/// Policy files.
#[test]
fn policies() {
    let policy = |text: &str| with_file("policies", "p.yaml", text);
    assert_snapshot!(policy("policies: []\n"), @"
    p.yaml:1: `remediation_policies` is missing (a policy file holds one list of this name)
    p.yaml:1: unknown key `policies` (known are `remediation_policies`)
    ");
    assert_snapshot!(policy("remediation_policies:\n  - match_criteria: {}\n"), @"
    p.yaml:2: `action_type` is missing (restore_from_baseline, update_to_standard, adopt_live, alert_and_track or ignore)
    p.yaml:2: `remediation_policies[0].name` is missing
    ");
    assert_snapshot!(policy("remediation_policies:\n  - {name: a, action_type: restore}\n"), @"p.yaml:2: `remediation_policies[0].action_type`: `restore` is none of its values (known are `restore_from_baseline`, `update_to_standard`, `alert_and_track`, `adopt_live`, `ignore`)");
    assert_snapshot!(policy("remediation_policies:\n  - name: a\n    action_type: ignore\n    match_criteria:\n      resource-type: deployment\n      severity: [medium, severe]\n      path: 'a..b'\n      labels: {team: [a]}\n      min_age_minutes: soon\n"), @r#"
    p.yaml:5: unknown key `resource-type` in `remediation_policies[0].match_criteria` (did you mean `resource_type`?)
    p.yaml:6: `remediation_policies[0].match_criteria.severity`: `severe` is none of its values (known are `info`, `low`, `medium`, `high`, `critical`)
    p.yaml:7: `remediation_policies[0].match_criteria.path`: expected a field name, quote it as `["a.b/c"]` at column 3 of the field path `a..b`
    p.yaml:8: `remediation_policies[0].match_criteria.labels.team` has to be a text, not a list
    p.yaml:9: `remediation_policies[0].match_criteria.min_age_minutes` has to be a whole number, not a text
    "#);
    assert_snapshot!(policy("remediation_policies:\n  - {name: a, action_type: update_to_standard}\n  - {name: b, action_type: update_to_standard, standard_value: 5}\n"), @"
    p.yaml:2: update_to_standard needs `standard_value`
    p.yaml:3: `remediation_policies[1].standard_value`: has to be a mapping of fields and their values
    ");
    assert_snapshot!(policy("remediation_policies:\n  - {name: a, action_type: ignore}\n  - name: a\n    action_type: ignore\n"), @"p.yaml:3: `remediation_policies[1].name`: `a` names another policy already (decisions are told by name: rename one of them)");
    assert_snapshot!(policy("remediation_policies:\n  - {name: a, action_type: ignore, max_attempts: 0, approval_required: 1, draft: no}\n"), @"
    p.yaml:2: `remediation_policies[0].approval_required` has to be true or false, not a number
    p.yaml:2: `remediation_policies[0].max_attempts`: has to be a whole number from 1 to 100
    ");
    assert_snapshot!(policy("remediation_policies: {name: a}\n"), @"p.yaml:1: `remediation_policies` has to be a list, not a mapping");
    assert_snapshot!(policy("remediation_policies: [\n"), @"p.yaml:1: unclosed bracket '[' (mend the YAML)");
    assert_snapshot!(policy("remediation_policies: []\n---\nremediation_policies: []\n"), @"p.yaml:3: a second document (keep the configuration in one document)");
    assert_snapshot!(problems_of(&[("trueup.yaml", &format!("{LEAST}policies: [p.yaml, q.yaml]\n")), ("p.yaml", "remediation_policies: []\n")], &[]), @"q.yaml: cannot be read: entity not found");
}

/// A name that two files use.
#[test]
fn policy_names_across_files() {
    let one = "remediation_policies:\n  - {name: a, action_type: ignore}\n";
    let files = [("trueup.yaml", &*format!("{LEAST}policies: [p.yaml, q.yaml]\n")), ("p.yaml", one), ("q.yaml", one)];
    assert_snapshot!(problems_of(&files, &[]), @"q.yaml:2: `remediation_policies[0].name`: `a` names another policy already (decisions are told by name: rename one of them)");
}

/// Baselines.
#[test]
fn baselines() {
    let baseline = |text: &str| with_file("baselines", "b.yaml", text);
    assert_snapshot!(baseline("expect: {spec: {replicas: 3}}\n"), @"b.yaml:1: `match` is missing (say which objects it is for; an empty `match` would be for all of them)");
    assert_snapshot!(baseline("match: {}\nexpect: {spec: {replicas: 3}}\n"), @"b.yaml:1: `match` names nothing (give kind, namespace, name, labels, environment or service)");
    assert_snapshot!(baseline("match: {kind: Deployment}\n"), @"b.yaml:1: `expect` is missing (give the part of the object that was approved)");
    assert_snapshot!(baseline("match: {kind: Deployment}\nexpect: [1]\n"), @"b.yaml:2: `expect`: has to be a mapping (give the part of the object that was approved)");
    assert_snapshot!(baseline("match: {kinds: Deployment, labels: {app: {a: b}}}\nexpect: {}\nexpected: {}\n"), @"
    b.yaml:1: `match.labels.app` has to be a text, not a mapping
    b.yaml:1: `match` names nothing (give kind, namespace, name, labels, environment or service)
    b.yaml:1: unknown key `kinds` in `match` (did you mean `kind`?)
    b.yaml:3: unknown key `expected` (did you mean `expect`?)
    ");
    assert_snapshot!(baseline("apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 3}\n"), @"b.yaml:1: a manifest without `metadata.name` is the baseline of no object (name it, or say with `match` which objects it is for and put the rest under `expect`)");
    assert_snapshot!(baseline("match: {kind: Deployment}\nexpect: {}\n---\n- a list\n"), @"
    b.yaml:4: `match` is missing (say which objects it is for; an empty `match` would be for all of them)
    b.yaml:4: the file has to be a mapping, not a list
    ");
    assert_snapshot!(baseline("apiVersion: v1\nkind: Secret\nmetadata: {name: db}\ndata: {password: aHVudGVyMg==}\n"), @"b.yaml:1: the content of a Secret is no baseline (take the Secret out of the baselines; its labels and annotations can be named with `match` and `expect`)");
    assert_snapshot!(baseline("match: [\n"), @"b.yaml:1: unclosed bracket '['");
    assert_snapshot!(problems_of(&[("trueup.yaml", &format!("{LEAST}baselines: nowhere\n"))], &[]), @"nowhere: cannot be read: entity not found");
    assert_eq!(
        baseline("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"),
        "valid"
    );
}

/// Problems of every file of a folder of baselines come at once, and a folder of thresholds is no baseline.
#[test]
fn a_folder_of_baselines() {
    let files = [
        ("trueup.yaml", &*format!("{LEAST}baselines: b\nthresholds: b/thresholds.yaml\n")),
        ("b/thresholds.yaml", "default: 0.2\n"),
        ("b/environments/production.yaml", "match: {kind: Deployment}\n"),
        ("b/services/web.yml", "match: {}\nexpect: {}\n"),
        ("b/notes.txt", "no YAML: [\n"),
    ];
    assert_snapshot!(problems_of(&files, &[]), @"
    b/environments/production.yaml:1: `expect` is missing (give the part of the object that was approved)
    b/services/web.yml:1: `match` names nothing (give kind, namespace, name, labels, environment or service)
    ");
}

/// Thresholds in a file of their own, flat or under `thresholds`.
#[test]
fn thresholds() {
    let file = |text: &str| with_file("thresholds", "t.yaml", text);
    assert_snapshot!(file("default: 2\n'spec.[': 0.1\nspec.replicas: [0.1]\n"), @r#"
    t.yaml:1: the threshold of `default` has to be a number from 0 to 1
    t.yaml:2: expected a field name, quote it as `["a.b/c"]` at column 6 of the field path `spec.[`
    t.yaml:3: the threshold of `spec.replicas` has to be a number from 0 to 1
    "#);
    assert_snapshot!(file("thresholds: {default: 0.1}\nother: 1\n"), @"t.yaml:2: unknown key `other` (known are `thresholds`)");
    assert_snapshot!(file("- 0.1\n"), @"t.yaml:1: the file has to be a mapping, not a list");
    assert_eq!(file("default: 0.1\nspec.replicas: 0\n"), "valid");
    assert_eq!(file("thresholds: {default: 0.1}\n"), "valid");
}

/// Tables of managers and categories, and the numbers behind scores.
#[test]
fn tables() {
    assert_snapshot!(with_file("managers", "m.yaml", "managers:\n  - {manager: bot}\n  - {class: person}\n  - {manager: bot, class: robot}\n  - {manager: bot, class: person, sub_resource: scale}\n"), @"
    m.yaml:2: `class` is missing (person, delivery, controller or unknown)
    m.yaml:3: `managers[1].manager` is missing
    m.yaml:4: `managers[2].class`: `robot` is none of its values (known are `person`, `delivery`, `controller`, `unknown`)
    m.yaml:5: unknown key `sub_resource` in `managers[3]` (did you mean `subresource`?)
    ");
    assert_snapshot!(with_file("categories", "c.yaml", "categories:\n  - {pattern: '(', category: model}\n  - {pattern: x, category: modle}\n  - {pattern: y}\n"), @"
    c.yaml:2: `categories[0].pattern`: is no regular expression
    c.yaml:3: `categories[1].category`: `modle` is none of its values (did you mean `model`?)
    c.yaml:4: `category` is missing (infrastructure, application, model or data)
    ");
    assert_snapshot!(with_file("scoring", "s.yaml", "aspects: {replica: 0.5, labels: high}\nseverities: {severe: 0.9}\ninfo: {paths: ['a..b']}\nweights: {}\n"), @r#"
    s.yaml:1: `labels` has to be a number from 0 to 10
    s.yaml:1: `replica` is no drift type
    s.yaml:2: `severe` is no severity
    s.yaml:3: `info.paths`: expected a field name, quote it as `["a.b/c"]` at column 3 of the field path `a..b`
    s.yaml:4: unknown key `weights` (known are `aspects`, `rules`, `environments`, `severities`, `info`)
    "#);
}
