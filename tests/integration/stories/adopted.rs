use super::{SETTINGS, WEB};
use crate::support::cluster::Way;
use crate::support::world::{Setting, World};

/// A policy that takes into Git whatever is live.
const ADOPT: &str = "remediation_policies:\n- {name: adopt, match_criteria: {severity: [info, low, medium, high, critical]}, action_type: adopt_live, approval_required: true}\n";

/// A world whose policies are asked in place of the shipped ones.
fn adopting(setting: &Setting<'_>) -> World {
    let config = format!("policies: [adopt.yaml]\n{}", setting.config);
    let world = World::new(&Setting { config: &config, ..*setting });
    std::fs::write(world.path("adopt.yaml"), ADOPT).expect("write");
    world
}

/// A variable and a port that somebody added are written as a person would have written them; merged and applied, Git and
/// the cluster agree.
#[test]
fn added_items_are_adopted() {
    let world = adopting(&Setting { name: "items", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    world.kubectl(&["set", "env", "deployment/web", "DEBUG=1"]);
    let ports = r#"{"spec":{"template":{"spec":{"containers":[{"name":"web","ports":[{"containerPort":8080}]}]}}}}"#;
    world.kubectl(&["patch", "deployment", "web", "-p", ports]);
    assert_eq!(world.run(), ["Deployment/web created"]);
    let branch = world.remote.branches().remove(0);
    let changed = world.remote.changed_lines(&branch);
    assert_eq!(
        changed,
        [
            "+            - {name: DEBUG, value: \"1\"}",
            "+          ports:",
            "+            - containerPort: 8080",
            "+              protocol: TCP",
        ]
    );
    let (_, text) = world.pull_requests().remove(0);
    assert!(text.contains("Git then has the live values") && !text.contains("Pods restart"), "{text}");
    world.remote.merge(&branch);
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
}

/// What people made by hand in a namespace that a source owns.
const BY_HAND: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: mine, labels: {app: mine}}
spec:
  replicas: 2
  selector: {matchLabels: {app: mine}}
  template:
    metadata: {labels: {app: mine}}
    spec:
      containers:
        - name: app
          image: registry.company.example/app:1
          env: [{name: MODE, value: \"on\"}]
          ports: [{containerPort: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: mine}
spec: {selector: {app: mine}, ports: [{port: 80, targetPort: 8080}]}
";

/// A Deployment and a Service that nobody declares get manifests beside the others and entries in the kustomization;
/// merged and applied, nothing is left to do. A Secret stays where it is.
#[test]
fn undeclared_objects_are_adopted_into_a_kustomization() {
    let owns = "sources: [{name: apps, path: env, renderer: kustomize, environment: production, \
                owns: {namespaces: [NAMESPACE], kinds: [apps/Deployment, Service, Secret]}}]\n";
    let files = [
        (
            "env/kustomization.yaml",
            "# production\nnamespace: NAMESPACE\nresources:\n  - web-deployment.yaml # the shop\n",
        ),
        ("env/web-deployment.yaml", WEB),
    ];
    let world = adopting(&Setting { name: "whole", files: &files, config: owns, ..Setting::default() });
    let web = WEB.to_owned();
    world.cluster.deliver(Way::ClientSide, &world.namespace, &web);
    assert_eq!(world.scan().0, 1, "the canary's Secret is nobody's");
    world.cluster.deliver(Way::Create, &world.namespace, BY_HAND);
    let ran = world.trueup(&["run", "-o", "json"]).exits(0);
    let outcomes = ran.outcomes();
    let taken = world.trueup(&["snapshot", "-o", "live.json"]);
    assert_eq!(taken.code, Some(0), "{}", taken.everything());
    let planned = world.trueup(&["plan", "--live", "live.json", "-o", "json"]).outcomes();
    assert_eq!(planned, ["Deployment/mine planned", "Secret/canary-live needs_person", "Service/mine planned"]);
    assert_eq!(
        outcomes,
        ["Deployment/mine created", "Secret/canary-live needs_person", "Service/mine created"],
        "{:#}",
        ran.json()["units"]
    );
    for branch in world.remote.branches() {
        let changed = world.remote.changed_lines(&branch);
        let entry = if branch.contains("deployment") { "mine-deployment.yaml" } else { "mine-service.yaml" };
        assert!(changed.contains(&format!("+  - {entry}")), "{changed:#?}");
        let noise = ["uid", "clusterIP", "terminationMessagePath", "nodePort", "last-applied", "namespace", "status"];
        assert!(!changed.iter().any(|line| noise.iter().any(|noise| line.contains(noise))), "{changed:#?}");
        if branch.contains("deployment") {
            assert!(changed.contains(&"+          value: \"on\"".to_owned()), "{changed:#?}");
            world.remote.merge(&branch);
        }
    }
    // the other one is brought up to date with what was merged
    let outcomes = world.run();
    assert_eq!(outcomes, ["Secret/canary-live needs_person", "Service/mine updated"]);
    world.remote.merge(&world.remote.branches().remove(0));
    let folder = tempfile::tempdir().expect("folder");
    world.remote.check_out(folder.path());
    world.kubectl(&["apply", "-k", &folder.path().join("env").to_string_lossy()]);
    assert_eq!(
        world.scan(),
        (1, vec!["Secret/canary-live  live_only by kubectl-client-side-apply (delivery)".to_owned()])
    );
}

/// An object that is gone from the cluster is taken out of Git: its document alone, with what others say beside it kept.
#[test]
fn a_missing_object_is_withdrawn() {
    let both = format!("{WEB}---\n# how it looks\n{SETTINGS}");
    let files = [("apps/web.yaml", both.as_str())];
    let world = adopting(&Setting { name: "gone", files: &files, ..Setting::default() });
    world.deliver();
    world.kubectl(&["delete", "configmap", "settings"]);
    assert_eq!(world.scan(), (1, vec!["ConfigMap/settings  missing".to_owned()]));
    assert_eq!(world.run(), ["ConfigMap/settings created"]);
    let (_, text) = world.pull_requests().remove(0);
    assert!(text.contains("take ConfigMap") && text.contains("present → (absent)"), "{text}");
    let branch = world.remote.branches().remove(0);
    let changed = world.remote.changed_lines(&branch);
    assert!(changed.iter().all(|line| line.starts_with('-')) && changed.len() == 9, "{changed:#?}");
    world.remote.merge(&branch);
    assert_eq!(world.scan(), (0, vec![]));
    assert_eq!(world.run(), [] as [&str; 0]);
}

/// With the only document of a file goes the file, and its entry in the kustomization.
#[test]
fn a_missing_file_leaves_its_kustomization() {
    let config = "sources: [{name: apps, path: env, renderer: kustomize, namespace: NAMESPACE}]\n";
    let files = [
        (
            "env/kustomization.yaml",
            "namespace: NAMESPACE\nresources:\n  - web.yaml\n  - settings.yaml # how it looks\n",
        ),
        ("env/web.yaml", WEB),
        ("env/settings.yaml", SETTINGS),
    ];
    let world = adopting(&Setting { name: "leaving", files: &files, config, ..Setting::default() });
    world.cluster.deliver(Way::ClientSide, &world.namespace, WEB);
    assert_eq!(world.run(), ["ConfigMap/settings created"]);
    let branch = world.remote.branches().remove(0);
    world.remote.merge(&branch);
    let folder = tempfile::tempdir().expect("folder");
    world.remote.check_out(folder.path());
    assert!(!folder.path().join("env/settings.yaml").exists());
    let text = std::fs::read_to_string(folder.path().join("env/kustomization.yaml")).expect("text");
    assert_eq!(text, format!("namespace: {}\nresources:\n  - web.yaml\n", world.namespace));
    assert_eq!(world.scan(), (0, vec![]));
    assert_eq!(world.run(), [] as [&str; 0]);
}
