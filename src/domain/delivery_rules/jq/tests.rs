use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::delivery_rules::pointer::Token;

fn object() -> Value {
    json!({
        "metadata": {"labels": {"app": "web", "a.b/c": "1"}, "annotations": null},
        "spec": {
            "replicas": 3,
            "template": {"spec": {
                "containers": [
                    {"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                    {"name": "istio-proxy", "image": "istio:1"},
                ],
                "volumes": [],
            }},
        },
        "webhooks": [{"name": "one", "clientConfig": {"caBundle": "x"}}, {"name": "two"}],
    })
}

fn select(text: &str) -> Vec<String> {
    let expression = PathExpression::parse(text).unwrap_or_else(|message| panic!("{text} {message}"));
    let places = expression.select(&object()).expect("within its budget");
    let step = |token: &Token| match token {
        Token::Key(name) => format!("/{name}"),
        Token::Index(at) => format!("/{at}"),
    };
    places.iter().map(|place| place.0.iter().map(step).collect()).collect()
}

/// Argo CD's own examples, and the ways in which people select fields. What jq would refuse on this object selects
/// nothing: Argo CD takes nothing out of it then.
#[test]
fn places_are_selected() {
    let containers = "/spec/template/spec/containers";
    let c = |rest: &str| format!("{containers}{rest}");
    for (expression, expected) in [
        (".spec.replicas", vec!["/spec/replicas".to_owned()]),
        (".spec.template.spec.initContainers[] | select(.name == \"injected-init-container\")", vec![]),
        (".spec.template.spec.containers[] | select(.name == \"istio-proxy\")", vec![c("/1")]),
        (
            ".webhooks[]?.clientConfig.caBundle",
            vec!["/webhooks/0/clientConfig/caBundle".into(), "/webhooks/1/clientConfig/caBundle".into()],
        ),
        (".nothing[]?.clientConfig.caBundle", vec![]),
        (".nothing[].clientConfig.caBundle", vec![]),
        (".spec.nothing.below", vec!["/spec/nothing/below".into()]),
        (".metadata.labels[\"a.b/c\"]", vec!["/metadata/labels/a.b/c".into()]),
        (".metadata.labels.\"a.b/c\"", vec!["/metadata/labels/a.b/c".into()]),
        (".metadata.labels.app, .spec.replicas", vec!["/metadata/labels/app".into(), "/spec/replicas".into()]),
        (".spec.template.spec.containers[0].image", vec![c("/0/image")]),
        (".spec.template.spec.containers[-1].image", vec![c("/1/image")]),
        (".spec.template.spec.containers[7].image", vec![c("/7/image")]),
        (
            ".spec.template.spec.containers[].env[]? | select(.name | test(\"^b$\"; \"i\")) | .value",
            vec![c("/0/env/1/value")],
        ),
        (".spec.template.spec.containers[] | select(.name | startswith(\"istio\")) | .image", vec![c("/1/image")]),
        (
            ".spec.template.spec.containers[] | select(.name != \"web\" and (.image | contains(\"istio\")))",
            vec![c("/1")],
        ),
        (".spec.template.spec.containers[] | select(.name == \"x\" or .env == null).image", vec![c("/1/image")]),
        (".spec.template.spec.containers[] | select(any(.env[]?; .name == \"A\")) | .env", vec![c("/0/env")]),
        (".spec.template.spec.containers[] | select([.env[]?] | length == 0 | not)", vec![c("/0")]),
        (".spec.template.spec.containers[] | select(.name | IN(\"a\", \"web\"))", vec![c("/0")]),
        (
            ".spec.template.spec.containers[] | if .name == \"web\" then .env else .image end",
            vec![c("/0/env"), c("/1/image")],
        ),
        (".spec | select(.replicas > 2) | .replicas", vec!["/spec/replicas".into()]),
        (".spec | select(.replicas < 2) | .replicas", vec![]),
        (
            ".. | select(type == \"object\" and has(\"caBundle\"))? | .caBundle",
            vec!["/webhooks/0/clientConfig/caBundle".into()],
        ),
        (".. | .caBundle?  | select(. != null)", vec!["/webhooks/0/clientConfig/caBundle".into()]),
        (".metadata.annotations // .metadata.labels", vec!["/metadata/labels".into()]),
        (".metadata.annotations | select(. != null) | .x", vec![]),
        (
            ".metadata.labels | .[\"app\", \"zone\"]",
            vec!["/metadata/labels/app".into(), "/metadata/labels/zone".into()],
        ),
        (
            ".spec.replicas as $count | .spec.template.spec.containers[] | select($count == 3) | .image",
            vec![c("/0/image"), c("/1/image")],
        ),
        ("getpath([\"spec\", \"replicas\"])", vec!["/spec/replicas".into()]),
        ("first(.webhooks[]) | .name", vec!["/webhooks/0/name".into()]),
        ("try error(\"x\") catch .", vec![]),
        (".spec | length", vec![]),
        ("empty", vec![]),
        (".", vec![String::new()]),
    ] {
        assert_eq!(select(expression), expected, "{expression}");
    }
}

/// What cannot be read or is not evaluated is refused when the rule is read, with what it is about.
#[test]
fn what_is_not_understood_is_refused() {
    let deep = format!("{}.a{}", "(".repeat(33), ")".repeat(33));
    let long = format!(".{}", "a".repeat(1000));
    for (expression, message) in [
        (".a[", "no jq expression"),
        (".a |", "no jq expression"),
        ("", "no jq expression"),
        ("def f: f; f", "`def`"),
        ("reduce .[] as $x (0; .)", "`reduce`"),
        ("range(10)", "`range/1`"),
        (".a | map(f)", "`f/0`"),
        (".a = 1", "`=`"),
        (".a[1:2]", "`[from:to]`"),
        (".a + 1", "`+`"),
        ("input", "`input/0`"),
        ("env.HOME", "`env/0`"),
        (&deep, "brackets"),
        (&".|".repeat(70), "operator"),
        (&long, "longer than"),
    ] {
        let refusal = PathExpression::parse(expression).expect_err(expression);
        assert!(refusal.contains(message), "{expression}: {refusal}");
    }
}

/// An expression that would never end, or grow without end, ends with its budget.
#[test]
fn nothing_takes_for_ever() {
    let many = "(.,.)|".repeat(40);
    let deep = format!("{}.", "[.,.]|".repeat(40));
    for expression in [
        "recurse(.)",
        "recurse([.])",
        &format!("{many}empty"),
        &deep,
        &format!("{many}try error catch ."),
        "..|..|..|..|..|..|..|..|..|..|..|..|..|..|..|..",
    ] {
        let refusal = PathExpression::parse(expression).expect("parses").select(&object());
        assert_eq!(refusal.err().as_deref(), Some("takes too long"), "{expression}");
    }
}

/// The deepest texts that are read need no more than half of a small stack.
#[test]
fn texts_cannot_exhaust_the_stack() {
    let texts = [
        "(",
        "[",
        "{",
        "-",
        "try ",
        "if ",
        ".a|",
        ".[",
        "..|",
        "\"\\(",
        "reduce ",
        "label $a|",
        "def f:",
        ".a as $b|",
        ",",
        ".",
    ];
    let probe = move || {
        for part in texts {
            for tail in ["", "."] {
                // as often as it is let through, or too often
                let text = format!("{}{tail}", part.repeat(((LONGEST - 1) / part.len()).min(2 * DEEPEST)));
                if let Ok(expression) = PathExpression::parse(&text) {
                    let _ = expression.select(&object());
                }
            }
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(probe).expect("a thread").join().expect("no overflow");
}

proptest! {
    /// No text makes the parser or the evaluation panic.
    #[test]
    fn no_text_panics(parts in proptest::collection::vec(prop_oneof![
        Just("."), Just("[]"), Just("["), Just("]"), Just("("), Just(")"), Just("|"), Just(","), Just("?"), Just("//"),
        Just("select"), Just("a"), Just("..\""), Just("\""), Just("\\("), Just("$x"), Just(" as "), Just("-1"), Just("=="),
        Just(" and "), Just("if "), Just(" then "), Just(" end "), Just("{"), Just("}"), Just(":"), Just(";"), Just("first"), Just("@base64"),
    ], 0..20)) {
        if let Ok(expression) = PathExpression::parse(&parts.concat()) {
            let _ = expression.select(&object());
        }
    }
}
