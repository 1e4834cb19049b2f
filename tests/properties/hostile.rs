//! Files and objects that were made to hurt: none of them ends the program. What takes time with the square of its size
//! would keep these tests running for minutes, and what recurses with it would overflow the stack.

use serde_json::{Value, json};
use trueup::domain::drift::compare::{Rules, compare};
use trueup::domain::field_path::{FieldPath, PathPattern};
use trueup::domain::ownership::ManagerClasses;
use trueup::domain::quantity::{Quantity, parse_duration};
use trueup::domain::resource::{LiveObject, ResourceId};
use trueup::domain::schema::Schemas;
use trueup::domain::yaml::{read_documents, repeated_keys};

const SIZE: usize = 60_000;

/// What is repeated up to that size.
const REPEATED: &[&str] = &[
    "[",
    "{",
    "[]",
    "{}",
    "- ",
    "? ",
    "? - ",
    ": ",
    "- ? ",
    "[{",
    "{[",
    "[a: ",
    "{a: ",
    "&a ",
    "*a ",
    "!!str ",
    "!",
    "'",
    "\"",
    "|\n",
    ">\n ",
    "---\n",
    "--- ",
    "...\n",
    "# c\n",
    "#",
    "\n",
    "\r",
    "\t",
    "\0",
    "\u{feff}",
    "%YAML 1.1\n",
    "a: b\n",
    "a:\n ",
    "<<: {}\n",
    "<<: *a\n",
    "- - - -\n",
    "a\n",
    "a: &a\n",
    "? a\n",
    "- &a [",
    "'\n",
    "\"\\\n",
    "- |+\n\n",
    ",",
    "@",
    "`",
    "\u{2028}",
    "\u{85}",
    "a: |\n  x\n",
    "- a: - b\n",
    "[,",
    "é: é\n",
    "a: 'x\n",
    "\\",
    "~: ~\n",
];

/// Nesting without end, aliases in aliases, anchors, long lines, many documents, no characters at all.
#[test]
fn files_are_read() {
    let mut chain = "a0: &a0 {x: 1}\n".to_owned();
    let mut merges = "a0: &a0 {x: 1}\n".to_owned();
    for level in 1..3_000 {
        chain += &format!("a{level}: &a{level} {{x: *a{}}}\n", level - 1);
        merges += &format!("a{level}: &a{level} {{<<: *a{}, k{level}: 1}}\n", level - 1);
    }
    let keys: String = (0..6_000).map(|index| format!("key{index}: {index}\n")).collect();
    let texts = [
        ("chain", chain),
        ("merges", merges),
        ("keys", keys),
        ("digits", format!("a: {}\n", "9".repeat(SIZE))),
        ("fraction", format!("a: 0.{}\n", "3".repeat(SIZE))),
        ("underscores", format!("a: 1{}\n", "_".repeat(SIZE))),
        ("binary", format!("a: !!binary {}\n", "QUJD".repeat(SIZE / 4))),
        ("one line", format!("a: [{}]\n", "x, ".repeat(SIZE / 3))),
        ("many aliases", format!("a: &a x\nb: [{}]\n", "*a, ".repeat(SIZE / 4))),
        ("anchors", (0..6_000).map(|index| format!("- &a{index} x\n")).collect()),
        ("anchor of many", format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(3_000), "*a,".repeat(3_000))),
        ("same anchor", format!("{}- *a\n", "- &a x\n".repeat(SIZE / 7))),
    ];
    let repeated = REPEATED.iter().map(|part| (*part, part.repeat(SIZE / part.len())));
    for (what, text) in texts.into_iter().chain(repeated) {
        let read = read_documents(&text);
        assert_eq!(read.is_ok(), repeated_keys(&text).is_ok() && read.is_ok(), "{what}");
    }
}

fn compared(declared: &Value, live: &Value, managed_fields: Option<&Value>) -> usize {
    let live = LiveObject {
        id: ResourceId::of(live).expect("it has a name"),
        object: live.clone(),
        managed_fields: managed_fields.map(|fields| serde_json::value::to_raw_value(fields).expect("JSON")),
    };
    let (schemas, managers) = (Schemas::default(), ManagerClasses::default());
    compare(declared, &live, &Rules { schemas: &schemas, managers: &managers, delivery_manager: None })
        .differences
        .len()
}

/// Lists with so many items, in any order, alike or not, owned one by one.
#[test]
fn objects_are_compared() {
    let count = 8_000;
    let pod = |field: &str, items: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {field: items}});
    let role = |verbs: Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "a"}, "rules": [{"verbs": verbs}]});
    let custom = |items: Value| json!({"apiVersion": "a.b/v1", "kind": "C", "metadata": {"name": "a"}, "spec": items});
    let named = |from: usize, image: &str| -> Value {
        (from..from + count).map(|index| json!({"name": format!("c{index}"), "image": image})).collect()
    };
    let reversed = |items: Value| -> Value { items.as_array().expect("list").iter().rev().cloned().collect() };
    let words = |from: usize| -> Value { (from..from + count).map(|index| format!("w{index}")).collect() };
    let finalizers =
        |from: usize| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "finalizers": words(from)}});
    let tolerations = |from: usize| -> Value {
        (from..from + count)
            .map(|index| json!({"key": "node.kubernetes.io/not-ready", "value": index.to_string()}))
            .collect()
    };
    let same: Value = (0..count).map(|_| json!({"name": "a", "image": "b"})).collect();
    let owned: serde_json::Map<_, _> =
        (0..count).map(|index| (format!("k:{{\"name\":\"c{index}\"}}"), json!({".": {}}))).collect();
    let owner = json!([{"manager": "m", "operation": "Update", "fieldsV1": {"f:spec": {"f:containers": owned}}}]);
    for (what, declared, live, owner, found) in [
        ("changed", pod("containers", named(0, "a")), pod("containers", named(0, "b")), None, count),
        ("reversed", pod("initContainers", named(0, "a")), pod("initContainers", reversed(named(0, "a"))), None, 1),
        ("disjoint", pod("containers", named(0, "a")), pod("containers", named(count, "a")), None, 2 * count),
        ("added", pod("containers", json!([])), pod("containers", named(0, "a")), Some(&owner), count),
        ("without keys", pod("containers", same.clone()), pod("containers", same), None, 0),
        ("members", finalizers(0), finalizers(count), None, count),
        ("words", role(words(0)), role(reversed(words(0))), None, 0),
        ("other words", role(words(0)), role(words(count)), None, count),
        ("tolerations", pod("tolerations", tolerations(0)), pod("tolerations", reversed(tolerations(0))), None, 0),
        ("other tolerations", pod("tolerations", tolerations(0)), pod("tolerations", tolerations(count)), None, count),
        ("unknown kind", custom(named(0, "a")), custom(reversed(named(0, "b"))), None, count),
    ] {
        assert_eq!(compared(&declared, &live, owner), found, "{what}");
    }
}

/// Patterns of many `**`, long paths, long numbers.
#[test]
fn texts_are_read() {
    let pattern: PathPattern = ["**"; 40].join(".a.").parse().expect("a pattern");
    let path: FieldPath = ["a"; 39].join(".").parse().expect("a path");
    let other: FieldPath = ["a", "b"].repeat(200).join(".").parse().expect("a path");
    assert!(pattern.covers(&path) && !pattern.matches(&FieldPath::fields(["a"; 38])));
    assert!(!"**.a.**.a.**.c".parse::<PathPattern>().expect("a pattern").covers(&other));
    for text in ["9", ".", "1.", "1h", "e", "-", "0", "1e9", "Ki"].map(|part| part.repeat(SIZE / part.len())) {
        assert!(Quantity::parse(&text).is_none() || parse_duration(&text).is_none());
        drop(text.parse::<FieldPath>());
    }
}
