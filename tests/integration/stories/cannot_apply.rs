use serde_json::Value;

use crate::support::cluster::{Way, cluster};
use crate::support::eventually;
use crate::support::world::{Setting, World};

/// Immutable settings.
const SEALED: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sealed}\ndata: {a: b}\nimmutable: true\n";

/// A policy that puts everything back, labels too.
const RESTORE: &str = "remediation_policies:\n- {name: restore, match_criteria: {severity: [low, medium, high, critical]}, action_type: restore_from_baseline, approval_required: true}\n";

/// A Deployment with another selector than Git's, as somebody made it anew by hand.
const OTHER: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: web, image: 'registry.company.example/web:1.4.2'}]}
";

/// The only unit of a run.
fn unit(world: &World) -> Value {
    let ran = world.trueup(&["run", "-o", "json"]).exits(0);
    let report = ran.json();
    let units = report["units"].as_array().expect("units");
    assert_eq!(units.len(), 1, "{report:#}");
    units[0].clone()
}

/// A selector that cannot be changed back is no pull request: the field is named with both values, and the command that
/// makes room for a new object works.
#[test]
fn a_selector_is_not_proposed() {
    let declared = OTHER.replace("other", "web");
    let files = [("apps/web.yaml", declared.as_str())];
    let config = "policies: [restore.yaml]\n";
    let world = World::new(&Setting { name: "selector", files: &files, config, ..Setting::default() });
    std::fs::write(world.path("restore.yaml"), RESTORE).expect("write");
    world.cluster.deliver(
        Way::ClientSide,
        &world.namespace,
        &world.remote.manifests().replace("app: web", "app: other"),
    );
    let unit = unit(&world);
    assert_eq!(unit["outcome"], "cannot_apply", "{unit:#}");
    let reason = unit["reason"].as_str().expect("a reason");
    let said =
        "spec.selector.matchLabels.app cannot be changed once the object exists; Git has web, the cluster has other";
    assert!(reason.contains(said), "{reason}");
    assert_eq!((world.remote.branches(), world.pull_requests()), (vec![], vec![]));
    let refused = world.cluster.try_kubectl(&["-n", &world.namespace, "apply", "-f", "-"], &declared, &[]);
    assert!(refused.expect_err("refused").contains("field is immutable"));

    world.cluster.shell(unit["commands"][0].as_str().expect("a command"));
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
}

/// A claim that was grown by hand does not shrink, and is not deleted to be made anew.
#[test]
fn a_claim_does_not_shrink() {
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  accessModes: [ReadWriteOnce]\n  \
                 storageClassName: NAMESPACE\n  resources:\n    requests: {storage: 1Gi}\n";
    let world = World::new(&Setting { name: "claim", files: &[("apps/claim.yaml", claim)], ..Setting::default() });
    let volume = format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {0}}}\nprovisioner: company.example/p\n\
         allowVolumeExpansion: true\n---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {0}}}\nspec:\n  capacity: \
         {{storage: 1Gi}}\n  accessModes: [ReadWriteOnce]\n  storageClassName: {0}\n  hostPath: {{path: /nowhere}}\n",
        world.namespace
    );
    world.cluster.deliver(Way::ClientSide, &world.namespace, &volume);
    world.deliver();
    world.kubectl(&["wait", "pvc/data", "--for=jsonpath={.status.phase}=Bound", "--timeout=120s"]);
    assert_eq!(world.scan(), (0, vec![]));
    world.kubectl(&["patch", "pvc", "data", "-p", r#"{"spec":{"resources":{"requests":{"storage":"2Gi"}}}}"#]);
    let unit = unit(&world);
    assert_eq!(unit["outcome"], "cannot_apply", "{unit:#}");
    assert!(unit["reason"].as_str().expect("a reason").contains("cannot shrink"), "{unit:#}");
    assert_eq!(unit["commands"], serde_json::json!([]));
    let refused =
        world.cluster.try_kubectl(&["-n", &world.namespace, "apply", "-f", "-"], &world.remote.manifests(), &[]);
    assert!(refused.expect_err("refused").contains("can not be less than"));
}

/// Immutable settings that were made anew with other content are adopted, or made anew once more.
#[test]
fn immutable_settings_are_not_proposed() {
    let world = World::new(&Setting { name: "sealed", files: &[("apps/sealed.yaml", SEALED)], ..Setting::default() });
    world.cluster.deliver(Way::ClientSide, &world.namespace, &world.remote.manifests().replace("a: b", "a: c"));
    let told = unit(&world);
    assert_eq!(told["outcome"], "cannot_apply", "{told:#}");
    assert!(told["leftovers"][0].as_str().expect("text").contains("adopt it"), "{told:#}");

    let adopt = "remediation_policies:\n- {name: adopt, match_criteria: {severity: [info, low, medium, high, critical]}, action_type: adopt_live, approval_required: true}\n";
    std::fs::write(world.path("adopt.yaml"), adopt).expect("write");
    world.configure(|config| format!("{config}policies: [adopt.yaml]\n"));
    assert_eq!(unit(&world)["outcome"], "created");
    world.remote.merge(&world.remote.branches().remove(0));
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
}

/// A standard of the wrong type is not proposed, one of the right type cures.
#[test]
fn a_standard_fits_its_field() {
    let files = [("apps/web.yaml", super::WEB)];
    let world = World::new(&Setting { name: "standard", files: &files, ..Setting::default() });
    let policy = |user: &str| {
        let policy = format!(
            "remediation_policies:\n  - name: security\n    match_criteria: {{drift_type: security_context}}\n    action_type: \
             update_to_standard\n    standard_value: {{run_as_non_root: true, run_as_user: {user}, fs_group: 2000, privileged: false}}\n    \
             approval_required: true\n"
        );
        std::fs::write(world.path("standard.yaml"), policy).expect("write");
    };
    policy("\"1000\"");
    world.configure(|config| format!("{config}policies: [standard.yaml]\n"));
    world.deliver();
    let privileged =
        r#"{"spec":{"template":{"spec":{"containers":[{"name":"web","securityContext":{"privileged":true}}]}}}}"#;
    world.kubectl(&["patch", "deployment", "web", "-p", privileged]);
    let told = unit(&world);
    assert_eq!(told["outcome"], "cannot_apply", "{told:#}");
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.contains("securityContext.runAsUser has to be a whole number, and would be a text"), "{reason}");

    policy("1000");
    let told = unit(&world);
    assert_eq!(told["outcome"], "created", "{told:#}");
    let (_, text) = world.pull_requests().remove(0);
    assert!(text.contains("**Pods restart** step by step"), "{text}");
    let branch = world.remote.branches().remove(0);
    let changed = world.remote.changed_lines(&branch);
    for line in ["runAsNonRoot: true", "runAsUser: 1000", "fsGroup: 2000", "privileged: false"] {
        assert!(changed.iter().any(|changed| changed.ends_with(line)), "{changed:#?}");
    }
    world.remote.merge(&branch);
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
}

/// Other tests have kinds of that name too.
const PARTS: &str = "parts.keeps.company.example";

/// A kind whose class stays what it was made with.
const CRD: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: parts.keeps.company.example}
spec:
  group: keeps.company.example
  scope: Namespaced
  names: {kind: Part, plural: parts}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                class: {type: string, x-kubernetes-validations: [{rule: self == oldSelf}]}
                mode: {type: string, enum: [fast, slow]}
                extra: {type: string}
";

/// What a custom kind's schema keeps is not proposed to be changed; a field that was added by hand goes by the command.
#[test]
fn a_custom_kind_keeps_what_its_schema_says() {
    cluster().kubectl_with(&["apply", "-f", "-"], CRD, &[]);
    cluster().kubectl(&["wait", "crd/parts.keeps.company.example", "--for=condition=Established", "--timeout=60s"]);
    eventually(|| {
        let index: Value = cluster().kubectl(&["get", "--raw", "/openapi/v3"]).parse().expect("JSON");
        index["paths"].get("apis/keeps.company.example/v1").map(drop)
    });
    let part =
        "apiVersion: keeps.company.example/v1\nkind: Part\nmetadata: {name: a}\nspec: {class: gold, mode: fast}\n";
    let world = World::new(&Setting { name: "keeps", files: &[("apps/part.yaml", part)], ..Setting::default() });
    world.deliver();
    std::fs::write(world.path("restore.yaml"), RESTORE).expect("write");
    world.configure(|config| format!("{config}policies: [restore.yaml]\n"));

    world.kubectl(&[
        "patch",
        PARTS,
        "a",
        "--type=merge",
        "-p",
        r#"{"spec":{"extra":"x"},"metadata":{"finalizers":["company.example/a"]}}"#,
    ]);
    let told = unit(&world);
    assert_eq!(
        (told["outcome"].as_str(), told["commands"].as_array().map(Vec::len)),
        (Some("needs_person"), Some(2)),
        "{told:#}"
    );
    for command in told["commands"].as_array().expect("commands") {
        world.cluster.shell(command.as_str().expect("a command"));
    }
    assert_eq!(world.scan(), (0, vec![]));

    world.kubectl(&["delete", PARTS, "a"]);
    world.cluster.deliver(Way::ClientSide, &world.namespace, &part.replace("gold", "iron"));
    let told = unit(&world);
    assert_eq!(told["outcome"], "cannot_apply", "{told:#}");
    let reason = told["reason"].as_str().expect("a reason");
    assert!(reason.contains("spec.class cannot be changed once it is set") && reason.contains("has gold"), "{reason}");
    let refused = world.cluster.try_kubectl(&["-n", &world.namespace, "apply", "-f", "-"], part, &[]);
    assert!(refused.is_err(), "the API server takes it");
}
