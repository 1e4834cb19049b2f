//! YAML as the real kubectl reads it: every spelling goes through `kubectl create --dry-run=client` and through trueup,
//! and both have to come to the same JSON. The values stand in the `data` of a ConfigMap, which kubectl passes on as it
//! read it, whatever its type.

use serde_json::{Value, json};
use trueup::domain::yaml::{Node, read_documents};

use crate::support::cluster::cluster;

/// Plain, quoted and tagged scalars, each the value of a key.
pub(crate) const VALUES: &[&str] = &[
    // whole numbers
    "0",
    "-0",
    "+0",
    "1",
    "+1",
    "-1",
    "007",
    "0644",
    "-0644",
    "+0644",
    "08",
    "09",
    "0o644",
    "0O17",
    "-0o17",
    "0o8",
    "0x1F",
    "0X1f",
    "-0x1f",
    "+0x1f",
    "0x",
    "0xZ",
    "0x_1",
    "0b101",
    "0B11",
    "-0b11",
    "+0b1",
    "0b2",
    "0b",
    "1_000",
    "1__0",
    "_1",
    "1_",
    "0_7",
    "0x_f",
    "+-1",
    "--1",
    "-",
    "+",
    "2147483648",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "0xFFFFFFFFFFFFFFFF",
    "100000000000000000000",
    // fractions
    "1.0",
    "1.10",
    "-1.5",
    "+1.5",
    "0.5",
    ".5",
    "-.5",
    "+.5",
    "1.",
    "-1.",
    ".",
    "..",
    "1.2.3",
    "1_0.5",
    "1.5_0",
    "08.5",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "-1e3",
    "1.5e3",
    "1.e3",
    ".5e1",
    "1e",
    "e1",
    "1e400",
    "1e-400",
    "-1e400",
    "1e20",
    "1e21",
    "1e22",
    "123456789.123456789",
    "0.1",
    "0.000001",
    "0.0000001",
    "1e-7",
    "-0.0",
    "6.02e23",
    "12e03",
    "685_230.15",
    "1_e3",
    "1e1_0",
    "0x1p3",
    "1f",
    "1.5m",
    "0.30000000000000004",
    // booleans and what looks like one
    "y",
    "Y",
    "yes",
    "Yes",
    "YES",
    "yEs",
    "n",
    "N",
    "no",
    "No",
    "NO",
    "nO",
    "on",
    "On",
    "ON",
    "oN",
    "off",
    "Off",
    "OFF",
    "oFF",
    "true",
    "True",
    "TRUE",
    "tRUE",
    "false",
    "False",
    "FALSE",
    "fALSE",
    "t",
    "f",
    // null
    "",
    "~",
    "null",
    "Null",
    "NULL",
    "nULL",
    "nil",
    "none",
    "\"\"",
    "''",
    "\"~\"",
    "'null'",
    "~x",
    // times and other texts
    "2024-01-01",
    "2024-1-1",
    "2024-01-01T10:00:00Z",
    "2024-01-01t10:00:00.5+01:00",
    "2024-01-01 10:00:00",
    "12:30",
    "12:30:45",
    "190:20:30",
    "1:2",
    "190:20:30.15",
    "500m",
    "1Gi",
    "0.5Gi",
    "1.2.3.4",
    "10.0.0.0/8",
    "=",
    "<<",
    "<",
    "nan",
    "inf",
    "infinity",
    "Infinity",
    "NaN",
    "-nan",
    ".Inf.",
    "a b  c",
    "a#b",
    "a #b",
    "☃",
    "é",
    "日本語",
    // tags
    "!!str 5",
    "!!str yes",
    "!!str",
    "!!str ~",
    "!!str 2024-01-01",
    "!!int 5",
    "!!int \"5\"",
    "!!int 0x1f",
    "!!int '0644'",
    "!!float 5",
    "!!float \"1e3\"",
    "!!float 1.5",
    "!!bool yes",
    "!!bool \"on\"",
    "!!null ~",
    "!!null \"\"",
    "!!binary aGVsbG8=",
    "!!binary \"aGVs bG8=\"",
    "!!timestamp 2024-01-01",
    "!own 5",
    "!own yes",
    "! 12",
    "! yes",
    // quotes
    "\"5\"",
    "'5'",
    "\"yes\"",
    "'it''s'",
    "\"a\\tb\\n\"",
    "\"\\x41\\u00e9\\U0001F600\"",
    "\"\\0\"",
    "\"\\e\\a\\b\"",
    "\"\\N\\_\\L\\P\"",
    "'\\n'",
    "\"a\\\n    b\"",
    "\"a\n\n    b\"",
    "'a\n    b'",
    "a\n    b",
    "\"tab\there\"",
    // flow
    "\"\\\"\\\\\"",
    "[]",
    "{}",
    "[1, 1.0, yes, ~, '1']",
    "{a: 1, yes: no}",
    "[a, b,]",
    "{a, b: }",
    "[a: 1]",
    "{\"a\":1}",
    "[[], {}]",
    "{a: [0o7, 1e3]}",
];

/// Scalars that are keys.
pub(crate) const KEYS: &[&str] = &[
    "y",
    "Yes",
    "no",
    "on",
    "OFF",
    "true",
    "False",
    "\"yes\"",
    "'on'",
    "0644",
    "0o7",
    "0x1f",
    "1_000",
    "1",
    "-1",
    "1.0",
    "1.10",
    "1e3",
    "1e30",
    "0.5",
    "100000.0",
    "1000000.0",
    "1234567.5",
    "0.00001",
    "0.1",
    "16777217.0",
    "2024-01-01",
    "12:30",
    "null",
    "~",
    "\"null\"",
    "!!str 5",
    "!!str yes",
    "!!binary aGVsbG8=",
    "\"a\\tb\"",
    "a b",
    "? c",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    ".5",
    ".inf",
    ".nan",
    "\"\"",
    "<",
    "=",
    "é",
    "[a]",
    "{a: 1}",
];

/// Lines that stand below `data:`.
pub(crate) const CONSTRUCTS: &[&str] = &[
    // block scalars with every chomping indicator
    "  a: |\n    x\n    y\n",
    "  a: |-\n    x\n    y\n\n",
    "  a: |+\n    x\n\n\n",
    "  a: >\n    x\n    y\n\n    z\n",
    "  a: >-\n    x\n    y\n",
    "  a: >+\n    x\n\n\n",
    "  a: |2\n      x\n    y\n",
    "  a: |2-\n      x\n",
    "  a: |+2\n      x\n\n",
    "  a: >\n    x\n      y\n    z\n",
    "  a: |\n\n    x\n",
    "  a: |\n  b: 1\n",
    "  a: |+\n\n\n  b: 1\n",
    "  a: |-\n    x\n  # comment\n  b: 1\n",
    "  a: | # why\n    x # no comment\n",
    "  a: >\n    x  \n    y\n",
    "  a: |\n    x",
    "  a: |+\n    x",
    "  a: >-\n\n    x\n\n    y\n\n",
    // CRLF
    "  a: x\r\n  b: 1\r\n",
    "  a: |\r\n    x\r\n    y\r\n",
    "  a: \"x\r\n    y\"\r\n",
    "  a: yes\r\n  b: ~\r\n",
    "  a: >\r\n    x\r\n    y\r\n",
    // line ends of old
    "  a: 1\r  b: 2\r",
    "  a: 1 # c\r  b: 2\n",
    "  a: |\r    x\r    y\r  b: 1\n",
    "  a: \"x\r    y\"\n",
    "  a: # c\r  - b # d\r  - e\n",
    // duplicate keys
    "  a: 1\n  a: 2\n",
    "  a: {b: 1}\n  a: {c: 2}\n",
    "  a: 1\n  b: 2\n  \"a\": 3\n",
    // not `1` and `"1"`: of two keys that only become the same text, kubectl takes one by chance
    "  1: a\n  0x1: b\n",
    "  a: {b: 1, b: 2}\n",
    // anchors and merge keys
    "  a: &x 1\n  b: *x\n",
    "  a: &x {k: 1}\n  b: *x\n",
    "  a: &x [1, 2]\n  b: [*x, *x]\n",
    "  a: &x 1\n  b: &x 2\n  c: *x\n",
    "  &k a: 1\n  b: {*k : 2}\n",
    "  a: &x yes\n  b: *x\n",
    "  a: &x {k: 1}\n  b:\n    <<: *x\n    q: 2\n",
    "  a: &x {k: 1}\n  b:\n    k: 3\n    <<: *x\n",
    "  a: &x {k: 1}\n  b:\n    <<: *x\n    k: 3\n",
    "  a: &x {k: 1}\n  b: &y {k: 2, l: 3}\n  c:\n    <<: [*x, *y]\n",
    "  b: {<<: {k: 1}, l: 2}\n",
    "  b: {l: 2, <<: [{k: 1, l: 3}, {k: 5, m: 6}]}\n",
    "  \"<<\": {k: 1}\n",
    "  a: &x {k: 1}\n  b:\n    <<: *x\n    <<: {k: 2, z: 1}\n",
    "  b:\n    !!merge <<: {k: 1}\n",
    "  b:\n    !!merge \"<<\": {k: 1}\n",
    "  b:\n    !!str <<: {k: 1}\n",
    "  !!merge a: 1\n",
    "  a: &x {n: &y {k: 1}}\n  b: {<<: *x, o: *y}\n",
    // what is no plain map
    "  - 1\n  - yes\n",
    "  ? a\n  : 1\n",
    "  ? a\n",
    "  ? |\n    a\n  : 1\n",
    "  a:\n  - 1\n  -\n  - - 2\n    - 3\n",
    "  a:\n    # only a comment\n  b: 1\n",
    "  a:\n  - b: 1\n    c: 2\n  - {d: 3}\n",
    "  a: !!set {x, y}\n",
    "  a: !!omap [x: 1]\n",
    "  a: !!seq [1]\n  b: !!map {c: 1}\n",
    "  a: !own {b: 1}\n",
    "  a: - b\n",
    "  a: b: c\n",
    "  a: 'x\n",
    "  a: [1\n",
    "  a: *none\n",
    "  a: &x [*x]\n",
    "  <<: 5\n",
    "  a: {<<: [1]}\n",
    "\ta: 1\n",
    "  a:\t1\n",
    "  a: 1\t# c\n",
    "  a: 1\n   b: 2\n",
    "  a: @x\n",
    "  a: `x\n",
    "  a: %x\n",
    "  a: \"\\q\"\n",
    "  a: .inf\n",
    "  a: -.Inf\n",
    "  a: .nan\n",
    "  a: !!int x\n",
    "  a: !!int 1.5\n",
    "  a: !!float x\n",
    "  a: !!bool 1\n",
    "  a: !!null x\n",
    "  a: !!binary \"*\"\n",
    "  a: !!binary gIGC\n",
    "  a: !!binary |\n    aGVs\n    bG8=\n",
    "  a: \u{7}\n",
    "  a: \"\u{7f}\"\n",
];

/// Whole files.
const FILES: &[&str] = &[
    "---\n{A}---\n{B}",
    "{A}---\n---\n{B}",
    "{A}---\n# nothing\n---\n{B}",
    "# head\n---\n{A}...\n---\n{B}",
    "{A}--- # why\n{B}",
    "{A}\n---\n\n",
    "---\n---\n{A}",
    "{A}---\nnull\n---\n{B}",
    "\u{feff}{A}",
    "---   \n{A}",
    "{A}...\n",
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: yes}}\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}, \"data\": {\"a\": 1.0, \"b\": 1e3, \"c\": \"\\ud83d\\ude00\"}}\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}, \"data\": {\"a\": 1, \"a\": 2}}\n",
    "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: 0644}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {b: on}}\n",
    "apiVersion: v1\nkind: ConfigMapList\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: 0644}}\n",
    "apiVersion: v1\nkind: List\nitems: []\n---\n{A}",
    "{A}---\r\n{B}",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: |\n    x\n    ---\n    y\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: |\n---\n{B}",
];

/// Lines below `data:` that kubectl refuses and trueup reads, and what it reads: newer YAML than go-yaml knows. Nothing is
/// hidden by that: what was written is compared, and since no kubectl can have applied it, it shows as drift.
const MORE_THAN_KUBECTL: &[(&str, &str)] = &[
    ("  a: \"\\/\"\n", "/"),
    ("  a: \"\\ud83d\\ude00\"\n", "😀"),
    ("  a: |\n    \tx\n", "\tx\n"),
    ("  a: !!timestamp x\n", "x"),
    ("  a: x\u{85}y\n", "x\u{85}y"),
    ("  a: x\u{2028}y\n", "x\u{2028}y"),
];

/// Lines that kubectl reads and trueup refuses with an error, so that the object counts as unknown.
const LESS_THAN_KUBECTL: &[&str] = &["  a: \u{feff}x\n"];

fn manifest(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{data}")
}

/// Name and data of everything that kubectl reads from a text.
pub(crate) fn by_kubectl(text: &str) -> Result<Vec<Value>, String> {
    let args = ["create", "--dry-run=client", "-o", "json", "--validate=false", "-f", "-"];
    let said = cluster().try_kubectl(&args, text, &[])?;
    let objects = serde_json::Deserializer::from_str(&said).into_iter::<Value>().map(|object| object.expect("JSON"));
    Ok(objects.flat_map(items).map(|object| essence(&object)).collect())
}

/// The same by trueup.
fn by_trueup(text: &str) -> Result<Vec<Value>, String> {
    let documents = read_documents(text).map_err(|error| error.to_string())?;
    let roots = documents.iter().filter_map(|document| document.root.as_ref()).map(Node::to_json);
    Ok(roots.flat_map(items).map(|object| essence(&object)).collect())
}

fn items(object: Value) -> Vec<Value> {
    match object.get("items") {
        Some(items) => items.as_array().expect("items").clone(),
        None => vec![object],
    }
}

fn essence(object: &Value) -> Value {
    json!([object["metadata"]["name"], object["data"]])
}

/// Demands that both readers make the same of every text, or both refuse it; says how many they read.
fn check(texts: impl IntoIterator<Item = String>) -> usize {
    let (mut read, mut differences) = (0, String::new());
    for text in texts {
        let (kubectl, trueup) = (by_kubectl(&text), by_trueup(&text));
        match (&kubectl, &trueup) {
            (Ok(kubectl), Ok(trueup)) if kubectl == trueup => read += 1,
            (Err(_), Err(_)) => {}
            _ => differences.push_str(&format!("{text:?}\n  kubectl: {kubectl:?}\n  trueup:  {trueup:?}\n")),
        }
    }
    assert!(differences.is_empty(), "{differences}");
    read
}

/// Scalars of every look mean to trueup what they mean to kubectl.
#[test]
fn values_are_what_kubectl_reads() {
    let read = check(VALUES.iter().map(|value| manifest(&format!("  v: {value}\n"))));
    assert!(read > 200, "{read} of {}", VALUES.len());
}

/// So do keys: numbers, booleans and what else becomes a text.
#[test]
fn keys_are_what_kubectl_reads() {
    let read = check(KEYS.iter().map(|key| manifest(&format!("  {key}: v\n"))));
    assert!(read > 35, "{read} of {}", KEYS.len());
}

/// Block scalars, line ends, duplicate keys, anchors, merge keys, tags, and what is no YAML.
#[test]
fn constructs_are_what_kubectl_reads() {
    let read = check(CONSTRUCTS.iter().map(|lines| manifest(lines)));
    assert!(read > 60, "{read} of {}", CONSTRUCTS.len());
}

/// Files of several documents, empty ones among them, lists and JSON.
#[test]
fn files_are_what_kubectl_reads() {
    let (a, b) = (manifest("  a: 0644\n"), manifest("  b: on\n").replace("name: a", "name: b"));
    let read = check(FILES.iter().map(|file| file.replace("{A}", &a).replace("{B}", &b)));
    assert!(read > 12, "{read} of {}", FILES.len());
}

/// The known differences are these and no others: none of them can hide drift.
#[test]
fn known_differences_hide_nothing() {
    for (lines, expected) in MORE_THAN_KUBECTL {
        let text = manifest(lines);
        assert!(by_kubectl(&text).is_err(), "{text:?}");
        assert_eq!(by_trueup(&text), Ok(vec![json!(["a", {"a": expected}])]), "{text:?}");
    }
    for lines in LESS_THAN_KUBECTL {
        let text = manifest(lines);
        assert!(by_kubectl(&text).is_ok() && by_trueup(&text).is_err(), "{text:?}");
    }
    let whole = manifest("  a: 1\n");
    for text in [format!("%YAML 1.1\n---\n{whole}"), "--- {metadata: {name: a}, data: {a: 1}}\n".to_owned()] {
        assert!(by_kubectl(&text).is_err(), "{text:?}");
        assert_eq!(by_trueup(&text), Ok(vec![json!(["a", {"a": 1}])]), "{text:?}");
    }
}
