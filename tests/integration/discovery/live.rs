//! Objects in a real cluster: listed where that is allowed, and unknown where it is not.

use super::sources;
use crate::stories::delivery_rules::install_kinds;
use crate::stories::{SETTINGS, WEB};
use crate::support::cluster::Way;
use crate::support::world::{Setting, World};

const CONFIG: &str =
    "sources: []\ndiscover: {from: [cluster], tools: [flux], namespaces: [NAMESPACE], environment: production}\n";
const KUSTOMIZATION: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: config}
spec: {url: REMOTE, ref: {branch: main}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps}
spec:
  path: ./apps
  targetNamespace: NAMESPACE
  sourceRef: {kind: GitRepository, name: config}
  postBuild: {substituteFrom: [{kind: ConfigMap, name: vars}, {kind: Secret, name: more-vars, optional: true}], substitute: {currency: EUR}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: vars}
data: {other: \"1\"}
";
const SEALED: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: sealed}
data: {other: \"${other}\"}
";

fn world(name: &str, rules: Option<&str>) -> World {
    install_kinds();
    let settings = SETTINGS.replace("EUR", "${currency}");
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", &settings), ("apps/sealed.yaml", SEALED)];
    let usual = Setting { name, files: &files, config: CONFIG, ..Setting::default() };
    let world = World::new(&Setting { rules: rules.unwrap_or(usual.rules), ..usual });
    let delivered = world.remote.manifests().replace("${currency}", "EUR").replace("${other}", "unknown");
    world.cluster.deliver(Way::ServerSide("kustomize-controller"), &world.namespace, &delivered);
    let remote = world.path("remote.git").display().to_string();
    let objects = KUSTOMIZATION.replace("REMOTE", &remote).replace("NAMESPACE", &world.namespace);
    world.cluster.deliver(Way::ClientSide, &world.namespace, &objects);
    world
}

/// A Kustomization of the cluster names the source: drift made by hand is restored in the file that declares it, whether
/// it is suspended is told, an object with a variable that a Secret may set is opaque, and a snapshot yields the same.
#[test]
fn a_live_kustomization_names_its_source() {
    let world = world("flux-source", None);
    let ran = world.trueup(&["scan", "-o", "json"]).exits(0);
    assert_eq!((ran.items(), ran.problems()), (vec![], vec![]), "{}", ran.json());
    let source = format!("kustomization-{}-apps kustomize apps", world.namespace);
    assert_eq!(sources(&ran.json()), std::slice::from_ref(&source));
    assert_eq!(
        super::opaque(&ran.json()),
        [format!("ConfigMap {}/sealed (apps/sealed.yaml): it takes a variable from a Secret", world.namespace)]
    );

    world.kubectl(&["scale", "deployment/web", "--replicas=5"]);
    world.kubectl(&["patch", "configmap", "sealed", "-p", r#"{"data":{"other":"2"}}"#]);
    world.kubectl(&["patch", "kustomization", "apps", "--type=merge", "-p", r#"{"spec":{"suspend":true}}"#]);
    let expected = vec!["Deployment/web spec.replicas cluster_drift by kubectl (person)".to_owned()];
    let ran = world.trueup(&["scan", "-o", "json"]).exits(1);
    assert_eq!(ran.items(), expected);
    let paused = format!("{source}: Kustomization {}/apps is suspended", world.namespace);
    assert_eq!(sources(&ran.json()), std::slice::from_ref(&paused));
    world.trueup(&["snapshot", "-o", "cluster.jsonl"]).exits(0);
    let ran = world.trueup(&["scan", "-o", "json", "--live", "cluster.jsonl"]).exits(1);
    assert_eq!((ran.items(), sources(&ran.json())), (expected, vec![paused]));

    assert_eq!(world.run(), ["Deployment/web created"]);
    let (_, text) = world.pull_requests().remove(0);
    assert!(text.contains("apps/web.yaml") && text.contains("is suspended"), "{text}");
}

/// Where the objects may not be listed their sources are unknown: that is told with what to do, nothing is missing, and
/// no pull request of before is closed.
#[test]
fn what_may_not_be_listed_is_unknown() {
    let mut world = world("flux-forbidden", None);
    world.kubectl(&["scale", "deployment/web", "--replicas=5"]);
    assert_eq!(world.run(), ["Deployment/web created"]);
    world.kubectl(&["scale", "deployment/web", "--replicas=3"]);
    let rules = r#"[{apiGroups: ["", apps, autoscaling], resources: ["*"], verbs: [list]}]"#;
    let account = world.cluster.account(&world.namespace, "blind", rules, false);
    world.become_account(account);
    world.trueup(&["scan", "-o", "json"]).exits(3);
    let ran = world.trueup(&["run", "-o", "json"]).exits(0);
    let problems = ran.problems();
    assert!(
        problems[0].starts_with("listing kustomize.toolkit.fluxcd.io/v1 Kustomization is forbidden"),
        "{problems:#?}"
    );
    assert!(ran.json()["problems"][0]["help"].as_str().expect("help").contains("deploy/components/delivery-rules"));
    assert_eq!(
        (ran.items(), sources(&ran.json()), ran.json()["closed"].as_array().map(Vec::len)),
        (vec![], vec![], Some(0))
    );
    assert!(world.pull_requests()[0].1.contains("\nstate: open\n"));
}
