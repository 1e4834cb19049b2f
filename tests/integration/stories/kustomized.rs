use std::path::Path;
use std::process::Command;

use super::WEB;
use crate::support::cluster::Way;
use crate::support::servers::tools;
use crate::support::world::{Setting, World};

const SOURCE: &str = "sources: [{name: shop, path: shop/prod, renderer: kustomize, environment: production, owns: {namespaces: [NAMESPACE]}}]\n";
const ADOPT: &str = "policies: [policies.yaml]\n";
const POLICY: &str = "remediation_policies:\n- {name: adopt, match_criteria: {severity: [info, low, medium, high, critical]}, action_type: adopt_live, approval_required: true}\n";
const BASE: &str = "resources: [web.yaml]\nconfigMapGenerator:\n- name: settings\n  literals:\n  - COLOUR=blue # as the brand wants it\n";

/// One base, three environments in three namespaces; only production is in this cluster.
fn world(name: &str, config: &str) -> World {
    let overlay = |namespace: &str| format!("resources: [../base]\nnamespace: {namespace}\nnamePrefix: eu-\n");
    let web =
        WEB.replace("          env:\n", "          envFrom: [{configMapRef: {name: settings}}]\n          env:\n");
    let files = [
        ("shop/base/kustomization.yaml", BASE),
        ("shop/base/web.yaml", &web),
        ("shop/dev/kustomization.yaml", &overlay("shop-dev")),
        ("shop/staging/kustomization.yaml", &overlay("shop-staging")),
        ("shop/prod/kustomization.yaml", &overlay("NAMESPACE")),
    ];
    World::new(&Setting { name, files: &files, config, ..Setting::default() })
}

/// What an environment comes to on `main`, built as a pipeline does.
fn built(world: &World, environment: &str) -> String {
    let folder = tempfile::tempdir().expect("folder");
    world.remote.check_out(folder.path());
    build(&folder.path().join("shop").join(environment))
}

fn build(folder: &Path) -> String {
    let run = Command::new(tools().join("kustomize")).arg("build").arg(folder).output().expect("kustomize starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("UTF-8")
}

fn deliver(world: &World) {
    world.cluster.deliver(Way::ClientSide, &world.namespace, &built(world, "prod"));
}

/// Somebody scales production: it is restored by a patch of production, and the other two environments come to the very
/// same bytes as before. The next drift extends the patch.
#[test]
fn restoring_one_environment_leaves_the_others_alone() {
    let world = world("three", SOURCE);
    deliver(&world);
    assert_eq!(world.scan(), (0, vec![]));
    let others = ["dev", "staging"].map(|environment| built(&world, environment));
    for (number, lines) in [(1, 6 + 2), (2, 2)] {
        world.kubectl(&["scale", "deployment/eu-web", "--replicas=9"]);
        let drift = "Deployment/eu-web spec.replicas cluster_drift by kubectl (person)";
        assert_eq!(world.scan(), (1, vec![drift.to_owned()]));
        assert_eq!(world.run(), ["Deployment/eu-web created"]);
        let branch = world.remote.branches().remove(0);
        let changed = world.remote.changed_lines(&branch);
        assert_eq!(changed.len(), lines, "{changed:#?}");
        assert!(changed.last().is_some_and(|line| line.starts_with("+    trueup.dev/restore: ")), "{changed:#?}");
        world.remote.merge(&branch);
        world.set_state(number, "merged");
        assert_eq!(["dev", "staging"].map(|environment| built(&world, environment)), others);
        deliver(&world);
        assert_eq!(world.scan(), (0, vec![]));
        assert_eq!(world.kubectl(&["get", "deployment/eu-web", "-o", "jsonpath={.spec.replicas}"]), "2");
    }
}

/// The content of a generated ConfigMap is adopted: its name changes with it, the old one is neither missing nor
/// undeclared, and what waits for the delivery is clean once that has applied it.
#[test]
fn a_generated_config_map_is_one_resource() {
    let world = world("hashed", &format!("{SOURCE}{ADOPT}"));
    std::fs::write(world.path("policies.yaml"), POLICY).expect("write");
    deliver(&world);
    let old = world.kubectl(&["get", "configmap", "-o", "name"]);
    let old = old.lines().find(|name| name.contains("settings")).expect("ConfigMap").to_owned();
    let others = ["dev", "staging"].map(|environment| built(&world, environment));
    world.kubectl(&["patch", &old, "-p", r#"{"data":{"COLOUR":"red"}}"#]);
    let name = old.trim_start_matches("configmap/");
    let drift = format!("ConfigMap/{name} data.COLOUR cluster_drift by kubectl-patch (person)");
    assert_eq!(world.scan(), (1, vec![drift]));
    assert_eq!(world.run(), [format!("ConfigMap/{name} created")]);
    let (_, text) = world.pull_requests().remove(0);
    assert!(text.contains("it is named by its content") && text.contains("configMapRef.name: "), "{text}");
    let branch = world.remote.branches().remove(0);
    world.remote.merge(&branch);
    world.set_state(1, "merged");
    assert_eq!(["dev", "staging"].map(|environment| built(&world, environment)), others);
    let (code, waiting) = world.scan();
    assert_eq!((code, waiting.len()), (0, 2), "{waiting:#?}");
    assert!(waiting.iter().all(|item| item.contains(" unsynced")), "{waiting:#?}");
    deliver(&world);
    assert_eq!(world.scan(), (0, vec![]));
}
