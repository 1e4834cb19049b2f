mod argo_cd;
mod flux;

use serde_json::json;

use super::*;
use crate::domain::drift::compare::{Rules, compare};
use crate::domain::ownership::ManagerClasses;
use crate::domain::resource::{LiveObject, Manifest};
use crate::domain::schema::Schemas;
use crate::domain::source::Delivery;

const REPOSITORY: &str = "https://github.com/company/config.git";

/// What of a pair is left and what is set aside, one line each, then what was complained about.
fn sift(tool: DeliveryTool, objects: &[Value], declared: &Value, live: &Value) -> Vec<String> {
    let objects: Vec<_> = objects.iter().map(|object| live_rule(object.clone())).collect();
    sift_with(tool, &objects, BTreeSet::new(), declared, live)
}

fn live_rule(object: Value) -> RuleObject {
    RuleObject { id: ResourceId::of(&object).expect("named"), object, origin: None }
}

fn sift_with(
    tool: DeliveryTool,
    objects: &[RuleObject],
    unread: BTreeSet<Tool>,
    declared: &Value,
    live: &Value,
) -> Vec<String> {
    let (rules, warnings) = DeliveryRules::read(objects, REPOSITORY, unread);
    let source = Source { delivery: Delivery { tool, manager: None }, ..Source::plain("shop", "apps/shop") };
    let manifest = Manifest::new(ResourceId::of(declared).expect("named"), "shop", None, declared);
    let mut object = live.clone();
    let managed = object["metadata"].as_object_mut().and_then(|metadata| metadata.remove("managedFields"));
    let managed_fields = managed.map(|managed| serde_json::value::to_raw_value(&managed).expect("JSON"));
    let live = LiveObject { id: ResourceId::of(&object).expect("named"), object, managed_fields };
    let (schemas, managers) = (Schemas::default(), ManagerClasses::default());
    let compare_rules = Rules { schemas: &schemas, managers: &managers, delivery_manager: None };
    let again = |declared: &Value, live: &LiveObject| compare(declared, live, &compare_rules).differences;
    let subject = Subject { manifest: &manifest, declared, live: &live, source: Some(&source) };
    let sifted = rules.sift(&subject, again(declared, &live), again);
    let kept = sifted.kept.iter();
    let kept = kept.map(|difference| format!("{} {} {}", difference.confidence, difference.change, difference.path));
    let set_aside = sifted.set_aside.iter().map(|(path, reason)| format!("{path}: {reason}"));
    let problems = warnings.iter().chain(&sifted.problems).map(|problem| format!("! {}", problem.message));
    kept.chain(set_aside).chain(problems).collect()
}

fn application(mut spec: Value) -> Value {
    spec["source"] = json!({"repoURL": "git@github.com:company/config", "path": "./apps/shop/"});
    json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd"}, "spec": spec})
}

/// An Application with one rule.
fn ignoring(rule: Value) -> Value {
    application(json!({"ignoreDifferences": [rule]}))
}

fn deployment(change: impl FnOnce(&mut Value)) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
        "spec": {"replicas": 2, "minReadySeconds": 3, "template": {"spec": {
            "containers": [{"name": "web", "image": "web:1", "args": ["a", "b"], "env": [{"name": "A", "value": "1"}]}],
            "tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}],
        }}},
    });
    change(&mut object);
    object
}

fn as_it_is(_: &mut Value) {}

fn scaled(object: &mut Value) {
    object["spec"]["replicas"] = json!(5);
}

/// What cannot be read of a rule is a warning with its place; the rest of it counts.
#[test]
fn broken_rules_are_warnings() {
    let broken = application(json!({"ignoreDifferences": [
        {"group": "apps", "jsonPointers": ["/spec/x"]},
        {"group": "apps", "kind": "Deployment", "jsonPointers": ["spec/replicas", "", "/spec/replicas"],
            "jqPathExpressions": [".spec[", "range(3)"]},
        {"group": "[", "kind": "*", "jsonPointers": ["/spec"]},
        "no rule", 7,
    ]}));
    let origin = Origin { file: "argocd/shop.yaml".to_owned(), document: 0, line: 3, list_item: None };
    let rule = RuleObject { origin: Some(origin), ..live_rule(broken) };
    let found = sift_with(DeliveryTool::ArgoCd, &[rule], BTreeSet::new(), &deployment(as_it_is), &deployment(scaled));
    let source = "Argo CD ignores it: Application argocd/shop (argocd/shop.yaml:3), spec.ignoreDifferences[1]";
    assert_eq!(found[0], format!("spec.replicas: {source}.jsonPointers[2]"));
    let expected = [
        "spec.ignoreDifferences[0]: has no `kind`",
        "spec.ignoreDifferences[1].jsonPointers[0]: is no JSON pointer: it has to begin with `/`",
        "spec.ignoreDifferences[1].jsonPointers[1]: points at the whole object",
        "spec.ignoreDifferences[1].jqPathExpressions[0]: is no jq expression",
        "spec.ignoreDifferences[1].jqPathExpressions[1]: uses `range/1`, which trueup does not evaluate",
        "spec.ignoreDifferences[2]: `[` is no pattern",
        "spec.ignoreDifferences[3]: has no `kind`",
        "spec.ignoreDifferences[4]: has no `kind`",
    ];
    assert_eq!(found.len(), expected.len() + 1, "{found:#?}");
    for (line, expected) in found[1..].iter().zip(expected) {
        assert!(line.starts_with(&format!("! Application argocd/shop, {expected}")), "{line}");
    }
}

/// Of an Application in the cluster and in Git the one in the cluster counts: it is what Argo CD acts on.
#[test]
fn the_cluster_knows_better() {
    let rule = |pointer: &str| ignoring(json!({"group": "apps", "kind": "Deployment", "jsonPointers": [pointer]}));
    let origin = Origin { file: "argocd/shop.yaml".to_owned(), document: 0, line: 1, list_item: None };
    let mut in_git = RuleObject { origin: Some(origin), ..live_rule(rule("/spec/replicas")) };
    in_git.id.namespace = None;
    let objects = [in_git, live_rule(rule("/spec/minReadySeconds"))];
    let found = sift_with(DeliveryTool::ArgoCd, &objects, BTreeSet::new(), &deployment(as_it_is), &deployment(scaled));
    assert_eq!(found, ["confirmed changed spec.replicas"]);
}

/// Where the rules of a tool could not be read, drift of what it delivers is potential and said to be; other drift, and
/// drift of an object whose rules are known from elsewhere, is not touched.
#[test]
fn unread_rules_make_drift_uncertain() {
    let (declared, live) = (deployment(as_it_is), deployment(scaled));
    let sift = |tool, known: &[RuleObject]| sift_with(tool, known, BTreeSet::from([Tool::ArgoCd]), &declared, &live);
    let found = sift(DeliveryTool::ArgoCd, &[]);
    assert_eq!((found.len(), found[0].as_str()), (2, "potential changed spec.replicas"));
    assert!(found[1].contains("its Application may not be listed"), "{found:?}");
    for tool in [DeliveryTool::Unknown, DeliveryTool::Flux] {
        assert_eq!(sift(tool, &[]), ["confirmed changed spec.replicas"], "{tool}");
    }
    let known = [live_rule(application(json!({})))];
    assert_eq!(sift(DeliveryTool::ArgoCd, &known), ["confirmed changed spec.replicas"]);
}

/// What is kept of an object yields the same rules, and holds neither a chart's values nor a password in an address.
#[test]
fn essentials_are_enough() {
    let mut object = ignoring(json!({"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}));
    object["spec"]["source"]["repoURL"] = json!("https://ada:canary@github.com/company/config");
    object["spec"]["source"]["helm"] = json!({"values": "password: canary"});
    object["spec"]["sources"] =
        json!([{"repoURL": "https://canary@charts.example/a@b", "helm": {"parameters": ["canary"]}}]);
    object["metadata"]["annotations"] = json!({"last-applied": "canary"});
    object["spec"]["values"] = json!({"password": "canary"});
    let kept = essentials(&object);
    assert!(!kept.to_string().contains("canary"), "{kept}");
    let sift = |object| sift(DeliveryTool::ArgoCd, &[object], &deployment(as_it_is), &deployment(scaled));
    let found = sift(kept);
    assert!(found.len() == 1 && found[0].contains("ignores it"), "{found:?}");
    assert_eq!(found, sift(object));
}
