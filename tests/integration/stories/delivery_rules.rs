use std::sync::Once;

use super::{SETTINGS, WEB};
use crate::support::cluster::cluster;
use crate::support::world::{Setting, World};

/// Installs the kinds as their tools name them, with a structural schema that takes anything.
pub(crate) fn install_kinds() {
    static MADE: Once = Once::new();
    MADE.call_once(|| {
        for (group, version, kind, plural) in [
            ("argoproj.io", "v1alpha1", "Application", "applications"),
            ("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations"),
            ("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases"),
            ("source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories"),
        ] {
            let crd = format!(
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {plural}.{group}}}\n\
                 spec:\n  group: {group}\n  scope: Namespaced\n  names: {{kind: {kind}, plural: {plural}}}\n  versions:\n\
                 \x20 - name: {version}\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}\n"
            );
            cluster().kubectl_with(&["apply", "-f", "-"], &crd, &[]);
            cluster().kubectl(&["wait", "--for=condition=Established", &format!("crd/{plural}.{group}"), "--timeout=60s"]);
        }
    });
}

const ARGO_CD: &str = "\
sources: [{name: apps, path: apps, namespace: NAMESPACE, environment: production, delivery: {tool: argo_cd, manager: kubectl-client-side-apply}}]
delivery_rules: {from: [cluster], argocd_namespace: NAMESPACE}
";

const APPLICATION: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop}
spec:
  project: default
  source: {repoURL: REMOTE, path: apps}
  ignoreDifferences:
    - {group: apps, kind: Deployment, jsonPointers: [/spec/replicas]}
    - group: apps
      kind: Deployment
      jqPathExpressions: ['.spec.template.spec.containers[] | select(.name == \"sidecar\")', '.spec[']
    - {group: '*', kind: ConfigMap, managedFieldsManagers: [kubectl-patch]}
";

const ARGO_CD_SETTINGS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm}
data:
  resource.customizations.ignoreDifferences.apps_Deployment: |
    jsonPointers: [/metadata/labels/zone]
";

/// By hand: what Argo CD is told to ignore in five ways, and what it is not.
fn change_by_hand(world: &World) {
    world.kubectl(&["scale", "deployment/web", "--replicas=5"]);
    world.kubectl(&["label", "deployment/web", "zone=a"]);
    world.kubectl(&["patch", "configmap", "settings", "-p", r#"{"data":{"currency":"USD","added":"1"}}"#]);
    let sidecar = r#"{"spec":{"template":{"spec":{"containers":[{"name":"sidecar","image":"proxy:1"}]}}}}"#;
    world.kubectl(&["patch", "deployment", "web", "-p", sidecar]);
    world.kubectl(&["set", "env", "deployment/web", "-c", "web", "LOG_LEVEL=debug"]);
}

const COUNTS: &str = "Deployment/web spec.template.spec.containers[name=web].env[name=LOG_LEVEL].value cluster_drift by kubectl-set (person)";

fn argo_cd_world<'a>(name: &'a str, config: &'a str, rules: Option<&'a str>) -> World {
    install_kinds();
    let files = [("apps/web.yaml", WEB), ("apps/settings.yaml", SETTINGS)];
    let usual = Setting { name, files: &files, config, ..Setting::default() };
    let world = World::new(&Setting { rules: rules.unwrap_or(usual.rules), ..usual });
    world.deliver();
    world
}

fn application(world: &World) -> String {
    APPLICATION.replace("REMOTE", &world.path("remote.git").display().to_string())
}

/// Paths and reasons of what was set aside by a delivery tool.
fn set_aside(world: &World, args: &[&str]) -> Vec<String> {
    let report = world.trueup(&[&["scan", "--all", "-o", "json"], args].concat()).json();
    let told = |one: &serde_json::Value| {
        format!("{}: {}", one["path"].as_str().expect("path"), one["reason"].as_str().expect("reason"))
    };
    let mut told: Vec<_> = report["ignored"].as_array().expect("ignored").iter().map(told).collect();
    told.retain(|told| told.contains(": Argo CD ") || told.contains(": Flux "));
    told.sort();
    told
}

/// What a live Application and Argo CD's settings ignore is set aside with its source; the rest is told, a broken
/// expression is a warning, and a snapshot yields the same.
#[test]
fn what_argo_cd_ignores_is_set_aside() {
    let world = argo_cd_world("argo-cd", ARGO_CD, None);
    world.cluster.deliver(crate::support::cluster::Way::ClientSide, &world.namespace, &application(&world));
    world.cluster.deliver(crate::support::cluster::Way::ClientSide, &world.namespace, ARGO_CD_SETTINGS);
    assert_eq!(world.scan(), (0, vec![]));
    change_by_hand(&world);
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(1), vec![COUNTS.to_owned()]));
    assert_eq!(ran.json()["items"][0]["confidence"], "confirmed");
    let problems = ran.problems();
    let broken = format!(
        "Application {}/shop, spec.ignoreDifferences[1].jqPathExpressions[1]: is no jq expression",
        world.namespace
    );
    assert!(problems.len() == 1 && problems[0].starts_with(&broken), "{problems:#?}");

    let application = format!("Argo CD ignores it: Application {}/shop, spec.ignoreDifferences", world.namespace);
    let settings = format!("Argo CD ignores it: ConfigMap {}/argocd-cm, data", world.namespace);
    let expected = [
        format!("data.added: {application}[2].managedFieldsManagers[0]"),
        format!("data.currency: {application}[2].managedFieldsManagers[0]"),
        format!(
            "metadata.labels.zone: {settings}[\"resource.customizations.ignoreDifferences.apps_Deployment\"].jsonPointers[0]"
        ),
        format!("spec.replicas: {application}[0].jsonPointers[0]"),
        format!("spec.template.spec.containers[name=sidecar]: {application}[1].jqPathExpressions[0]"),
    ];
    assert_eq!(set_aside(&world, &[]), expected);

    world.trueup(&["snapshot", "-o", "cluster.jsonl"]).exits(0);
    world.reach_cluster_at("http://127.0.0.1:1");
    assert_eq!(set_aside(&world, &["--live", "cluster.jsonl"]), expected);
}

/// Without the right to list Applications the drift is told as potential: an error where the configuration asks for
/// them, and else a warning, only where Argo CD delivers.
#[test]
fn rules_that_may_not_be_read_are_told() {
    let rules = r#"[{apiGroups: ["", apps, autoscaling], resources: ["*"], verbs: [list]}]"#;
    let world = argo_cd_world("no-rules", ARGO_CD, Some(rules));
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items()), (Some(3), vec![]));
    assert!(
        ran.problems()[0].starts_with("listing argoproj.io/v1alpha1 Application is forbidden"),
        "{:#?}",
        ran.problems()
    );

    world.configure(|config| config.replace("from: [cluster], ", ""));
    assert_eq!(world.scan(), (0, vec![]));
    world.kubectl(&["scale", "deployment/web", "--replicas=5"]);
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.code, ran.items().len()), (Some(1), 1));
    assert_eq!(ran.json()["items"][0]["confidence"], "potential");
    let problems = ran.problems();
    assert!(problems.len() == 1 && problems[0].contains("its Application may not be listed"), "{problems:#?}");

    world.configure(|config| config.replace("tool: argo_cd", "tool: kubectl_apply"));
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!((ran.json()["items"][0]["confidence"].as_str(), ran.problems()), (Some("confirmed"), vec![]));
}

/// Rules in the repository need no right at all, whether a source declares them or they lie beside the sources.
#[test]
fn rules_in_the_repository_need_no_right() {
    let rules = r#"[{apiGroups: ["", apps, autoscaling], resources: ["*"], verbs: [list]}]"#;
    let config = ARGO_CD.replace("from: [cluster]", "from: [repository], folders: [argocd]");
    let world = argo_cd_world("in-git", &config, Some(rules));
    world.remote.commit("main", &[("argocd/shop.yaml", &application(&world)), ("argocd/cm.yaml", ARGO_CD_SETTINGS)]);
    change_by_hand(&world);
    assert_eq!(world.scan(), (1, vec![COUNTS.to_owned()]));
    let told = set_aside(&world, &[]);
    assert_eq!(told.len(), 5, "{told:#?}");
    assert!(
        told[3].ends_with("Application shop (argocd/shop.yaml:1), spec.ignoreDifferences[0].jsonPointers[0]"),
        "{told:#?}"
    );
}

const FLUX: &str = "\
sources: [{name: apps, path: apps, namespace: NAMESPACE, environment: production, delivery: {tool: flux, manager: kubectl-client-side-apply}}]
delivery_rules: {from: [cluster]}
";

const STEERED: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps}
spec:
  path: ./elsewhere
  sourceRef: {kind: GitRepository, name: config}
  ignore: [{paths: [/spec/replicas], target: {kind: Deployment}}]
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: chart}
spec:
  driftDetection: {mode: enabled, ignore: [{paths: [/data/currency]}]}
";

/// What Flux ignores: rules of the Kustomization and the HelmRelease that an object is labelled with, and marks on the
/// object itself, which need no right. A missing object counts unless Flux would not create it either.
#[test]
fn what_flux_ignores_is_set_aside() {
    install_kinds();
    let marked = |name: &str, mark: &str| {
        let mark = format!("metadata:\n  name: {name}\n  annotations: {{kustomize.toolkit.fluxcd.io/{mark}}}\n");
        SETTINGS.replace("metadata:\n  name: settings\n", &mark)
    };
    let (once, paused, merged) =
        (marked("once", "ssa: IfNotPresent"), marked("paused", "reconcile: disabled"), marked("merged", "ssa: Merge"));
    let files = [
        ("apps/web.yaml", WEB),
        ("apps/settings.yaml", SETTINGS),
        ("apps/once.yaml", &once),
        ("apps/paused.yaml", &paused),
        ("apps/merged.yaml", &merged),
    ];
    let world = World::new(&Setting { name: "flux", files: &files, config: FLUX, ..Setting::default() });
    world.deliver();
    world.cluster.deliver(crate::support::cluster::Way::ClientSide, &world.namespace, STEERED);
    let label = |object: &str, tool: &str, name: &str| {
        let labels = [
            format!("{tool}.toolkit.fluxcd.io/name={name}"),
            format!("{tool}.toolkit.fluxcd.io/namespace={}", world.namespace),
        ];
        world.kubectl(&["label", object, &labels[0], &labels[1]]);
    };
    label("deployment/web", "kustomize", "apps");
    label("configmap/settings", "helm", "chart");
    assert_eq!(world.scan(), (0, vec![]));

    world.kubectl(&["scale", "deployment/web", "--replicas=5"]);
    for name in ["settings", "once", "paused", "merged"] {
        world.kubectl(&["patch", "configmap", name, "-p", r#"{"data":{"currency":"USD","added":"1"}}"#]);
    }
    let by = "by kubectl-patch (person)";
    let counts = [
        format!("ConfigMap/merged data.currency cluster_drift {by}"),
        format!("ConfigMap/settings data.added live_only {by}"),
    ];
    assert_eq!(world.scan(), (1, counts.to_vec()));
    let told = set_aside(&world, &[]);
    let expected = [
        "data.added: Flux creates it and then leaves it alone: kustomize.toolkit.fluxcd.io/ssa: IfNotPresent"
            .to_owned(),
        "data.added: Flux keeps what others add: kustomize.toolkit.fluxcd.io/ssa: Merge".to_owned(),
        "data.added: Flux leaves it alone: kustomize.toolkit.fluxcd.io/reconcile: disabled".to_owned(),
        "data.currency: Flux creates it and then leaves it alone: kustomize.toolkit.fluxcd.io/ssa: IfNotPresent"
            .to_owned(),
        format!(
            "data.currency: Flux ignores it: HelmRelease {}/chart, spec.driftDetection.ignore[0].paths[0]",
            world.namespace
        ),
        "data.currency: Flux leaves it alone: kustomize.toolkit.fluxcd.io/reconcile: disabled".to_owned(),
        format!("spec.replicas: Flux ignores it: Kustomization {}/apps, spec.ignore[0].paths[0]", world.namespace),
    ];
    assert_eq!(told, expected);

    world.kubectl(&["delete", "configmap", "once", "paused"]);
    let missing = [counts[0].clone(), "ConfigMap/once  missing".to_owned(), counts[1].clone()];
    assert_eq!(world.scan(), (1, missing.to_vec()));
}
