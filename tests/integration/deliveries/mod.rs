//! From drift to clean on the real API server, for each renderer and each way of delivery: drift made by hand, pull
//! request, merge, delivery, and what is told where a delivery cannot do it.

mod application;

use trueup::domain::source::Renderer;

use crate::support::cluster::Way;
use crate::support::git::MAIN;
use crate::support::world::{Setting, World};

/// How a pipeline delivers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Delivery {
    /// `kubectl apply`.
    ClientSide,
    /// `kubectl apply --server-side --force-conflicts`.
    Forced,
    /// `kubectl apply --server-side`, which stops where another manager owns a field.
    Unforced,
    /// `helm upgrade --install`.
    Release,
}

impl Delivery {
    /// Its name in the configuration.
    fn tool(self) -> &'static str {
        match self {
            Self::ClientSide => "kubectl_apply",
            Self::Forced | Self::Unforced => "server_side_apply",
            Self::Release => "helm",
        }
    }

    /// Delivers what `main` holds; how the tool complains where it cannot.
    fn deliver(self, renderer: Renderer, world: &World) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("folder");
        world.remote.check_out(folder.path());
        if self == Self::Release {
            let folder = folder.path().display();
            let values = format!("-f {folder}/shop/production.yaml");
            let line =
                format!("helm upgrade --install web {folder}/shop/web -n {} {values} >/dev/null", world.namespace);
            world.cluster.shell(&line);
            return Ok(String::new());
        }
        let manifests = application::rendered(renderer, folder.path(), &world.namespace);
        let args: &[&str] = match self {
            Self::ClientSide => &["apply"],
            Self::Forced => &["apply", "--server-side", "--force-conflicts"],
            Self::Unforced | Self::Release => &["apply", "--server-side"],
        };
        world.cluster.try_kubectl(&[&["-n", &world.namespace], args, &["-f", "-"]].concat(), &manifests, &[])
    }
}

/// A world whose policy asks for this action, whatever drifts.
fn world(renderer: Renderer, delivery: Delivery, action: &str) -> World {
    let files = application::files(renderer);
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let config = format!("{}policies: [policy.yaml]\n", application::source(renderer, delivery.tool()));
    let name = format!("{renderer}-{}", delivery.tool().replace('_', "-"));
    let world = World::new(&Setting { name: &name, files: &files, config: &config, ..Setting::default() });
    let policy = format!("remediation_policies:\n- {{name: p, match_criteria: {{}}, action_type: {action}}}\n");
    std::fs::write(world.path("policy.yaml"), policy).expect("write");
    world
}

/// Merges every pull request, one after the other as a reviewer does, and yields what they changed. One that conflicts with
/// another that was merged is made anew by the next run.
fn merge_all(world: &World) -> Vec<String> {
    let mut changed = Vec::new();
    while let Some(branch) = world.remote.branches().pop() {
        changed.extend(world.remote.changed_lines(&branch));
        let texts = world.pull_requests();
        let number = texts.iter().rposition(|(_, text)| text.contains(&format!("branch: {branch}\n")));
        world.remote.merge(&branch);
        world.set_state(number.expect("its pull request") + 1, "merged");
        world.run();
    }
    changed.sort();
    changed
}

const MEMORY: &str = "spec.template.spec.containers[name=web].resources.limits.memory";

/// Values that Git declares are changed and an object is deleted by hand; the pull requests are merged and delivered.
fn restored(renderer: Renderer, delivery: Delivery) {
    let world = world(renderer, delivery, "restore_from_baseline");
    let deliver = || delivery.deliver(renderer, &world);
    deliver().expect("delivered");
    assert_eq!(world.scan(), (0, vec![]), "{renderer} {delivery:?}");

    world.cluster.edit(&world.namespace, "deployment/web", "s/memory: 512Mi/memory: 2Gi/");
    world.kubectl(&["patch", "configmap", "settings", "-p", r#"{"data":{"currency":"USD"}}"#]);
    world.kubectl(&["delete", "service", "web"]);
    let drift = vec![
        "ConfigMap/settings data.currency cluster_drift by kubectl-patch (person)".to_owned(),
        format!("Deployment/web {MEMORY} cluster_drift by kubectl-edit (person)"),
        "Service/web  missing".to_owned(),
    ];
    assert_eq!(world.scan(), (1, drift), "{renderer} {delivery:?}");
    assert_eq!(world.run(), ["ConfigMap/settings created", "Deployment/web created", "Service/web created"]);
    let changed = merge_all(&world);
    assert_eq!(changed.iter().filter(|line| line.contains("trueup.dev/restore: ")).count(), 3, "{changed:#?}");
    let delivered = deliver();
    assert_eq!(delivered.is_err(), delivery == Delivery::Unforced, "{renderer} {delivery:?}: {delivered:?}");
    if delivery == Delivery::Unforced {
        // the text of every proposal says so, and which command does it
        for (_, text) in world.pull_requests() {
            assert!(text.contains("--force-conflicts"), "{text}");
        }
        Delivery::Forced.deliver(renderer, &world).expect("delivered");
    }
    assert_eq!(world.scan(), (0, vec![]), "{renderer} {delivery:?}");
    assert_eq!(world.run(), [] as [&str; 0]);
}

/// A chart has a key for the mark and none for the host network: the pull request does the one, and says how a person does
/// the other.
#[test]
fn what_no_value_sets_is_left_to_a_person() {
    let world = world(Renderer::Helm, Delivery::ClientSide, "restore_from_baseline");
    let deliver = || Delivery::ClientSide.deliver(Renderer::Helm, &world).expect("delivered");
    deliver();
    world.kubectl(&["scale", "deployment/web", "--replicas=5"]);
    world.kubectl(&["patch", "deployment", "web", "-p", r#"{"spec":{"template":{"spec":{"hostNetwork":true}}}}"#]);
    let report = world.trueup(&["run", "-o", "json"]).exits(0).json();
    let unit = &report["units"][0];
    assert_eq!(unit["outcome"], "created", "{report:#}");
    let leftover = unit["leftovers"][0].as_str().expect("leftover");
    assert!(leftover.starts_with("spec.template.spec.hostNetwork: "), "{leftover}");
    let branch = world.remote.branches().remove(0);
    let changed = world.remote.changed_lines(&branch);
    assert!(changed.iter().all(|line| !line.contains("hostNetwork")), "{changed:?}");

    world.remote.merge(&branch);
    deliver();
    let path = "spec.template.spec.hostNetwork";
    let (_, drift) = world.scan();
    assert!(drift.contains(&format!("Deployment/web {path} live_only by kubectl-patch (person)")), "{drift:?}");
    assert!(!drift.iter().any(|item| item.contains("spec.replicas")), "{drift:?}");
    world.cluster.shell(unit["commands"][0].as_str().expect("command"));
    assert_eq!(world.scan(), (0, vec![]));
}

const DISCOUNT: &str = "\
apiVersion: shop.company.example/v1
kind: Discount
metadata:
  name: summer
  annotations: {{- toYaml .Values.discount.annotations | nindent 4 }}
spec: {percent: 20}
";

/// Helm compares the releases of custom kinds and not the live object: what somebody changed stays after the upgrade, and
/// the command beside the pull request puts it back.
#[test]
fn what_helm_leaves_comes_back_by_the_command() {
    let world = world(Renderer::Helm, Delivery::Release, "restore_from_baseline");
    let crd = include_str!("../../data/charts/shop/crds/discounts.yaml");
    world.cluster.deliver(Way::ServerSide("kubectl"), &world.namespace, crd);
    world.kubectl(&["wait", "--for=condition=Established", "crd/discounts.shop.company.example", "--timeout=60s"]);
    let values = world.remote.file(MAIN, "shop/web/values.yaml") + "discount:\n  annotations: {}\n";
    world.remote.commit(MAIN, &[("shop/web/templates/discount.yaml", DISCOUNT), ("shop/web/values.yaml", &values)]);
    let deliver = || Delivery::Release.deliver(Renderer::Helm, &world).expect("delivered");
    deliver();
    assert_eq!(world.scan(), (0, vec![]));

    world.kubectl(&["patch", "discount", "summer", "--type=merge", "-p", r#"{"spec":{"percent":90}}"#]);
    let report = world.trueup(&["run", "-o", "json"]).exits(0).json();
    let unit = &report["units"][0];
    assert_eq!(unit["outcome"], "created", "{report:#}");
    merge_all(&world);
    deliver();
    assert_eq!(
        world.scan(),
        (1, vec!["Discount/summer spec.percent cluster_drift by kubectl-patch (person)".to_owned()])
    );

    let checkout = tempfile::tempdir().expect("folder");
    world.remote.check_out(checkout.path());
    let command = unit["commands"][0].as_str().expect("command");
    world.cluster.shell(&format!("cd {} && {command}", checkout.path().display()));
    assert_eq!(world.scan(), (0, vec![]));
}

/// Live values come into Git, at the place where this environment has its own.
fn adopted(renderer: Renderer, delivery: Delivery, lines: &[&str]) {
    let world = world(renderer, delivery, "adopt_live");
    let deliver = || delivery.deliver(renderer, &world).expect("delivered");
    deliver();
    assert_eq!(world.scan(), (0, vec![]), "{renderer} {delivery:?}");

    world.kubectl(&["scale", "deployment/web", "--replicas=5"]);
    world.kubectl(&["set", "image", "deployment/web", "web=registry.company.example/web:1.5.0"]);
    world.cluster.edit(&world.namespace, "deployment/web", "s/memory: 512Mi/memory: 2Gi/");
    world.kubectl(&["patch", "configmap", "settings", "-p", r#"{"data":{"currency":"CHF"}}"#]);
    assert_eq!(world.run(), ["ConfigMap/settings created", "Deployment/web created"]);
    let changed = merge_all(&world);
    assert_eq!(changed, lines, "{renderer} {delivery:?}");
    // what is live is what Git says now, before and after it is delivered
    assert_eq!(world.scan(), (0, vec![]), "{renderer} {delivery:?}");
    Delivery::deliver(if delivery == Delivery::Unforced { Delivery::Forced } else { delivery }, renderer, &world)
        .expect("delivered");
    assert_eq!(world.scan(), (0, vec![]), "{renderer} {delivery:?}");
}

const APPLIED: [Delivery; 3] = [Delivery::ClientSide, Delivery::Forced, Delivery::Unforced];

/// Plain manifests go from drift to clean, and a delivery without force is told what it needs.
#[test]
fn manifests_are_restored() {
    APPLIED.into_iter().for_each(|delivery| restored(Renderer::Plain, delivery));
}

/// Overlays over a shared base go from drift to clean; the mark goes into the overlay.
#[test]
fn overlays_are_restored() {
    APPLIED.into_iter().for_each(|delivery| restored(Renderer::Kustomize, delivery));
}

/// Charts go from drift to clean by the keys of their values, however they are delivered.
#[test]
fn charts_are_restored() {
    APPLIED.into_iter().chain([Delivery::Release]).for_each(|delivery| restored(Renderer::Helm, delivery));
}

/// Jinja templates go from drift to clean.
#[test]
fn templates_are_restored() {
    APPLIED.into_iter().for_each(|delivery| restored(Renderer::Jinja, delivery));
}

/// Live values come into manifests, comments stay.
#[test]
fn live_values_come_into_manifests() {
    let lines = [
        "+            limits: {memory: 2Gi}",
        "+          image: \"registry.company.example/web:1.5.0\"",
        "+  currency: CHF",
        "+  replicas: 5 # one for each zone",
        "-            limits: {memory: 512Mi}",
        "-          image: \"registry.company.example/web:1.4.2\"",
        "-  currency: EUR",
        "-  replicas: 2 # one for each zone",
    ];
    APPLIED.into_iter().for_each(|delivery| adopted(Renderer::Plain, delivery, &lines));
}

/// Live values come into the patches and fields of the overlay, the base stays.
#[test]
fn live_values_come_into_overlays() {
    let lines = [
        "+          resources: {limits: {memory: 2Gi}} # as measured",
        "+        value: CHF",
        "+    newTag: 1.5.0 # released on Monday",
        "+  - {name: web, count: 5}",
        "-          resources: {limits: {memory: 512Mi}} # as measured",
        "-        value: EUR",
        "-    newTag: 1.4.2 # released on Monday",
        "-  - {name: web, count: 2}",
    ];
    APPLIED.into_iter().for_each(|delivery| adopted(Renderer::Kustomize, delivery, &lines));
}

const VALUES: [&str; 8] = [
    "+  currency: CHF",
    "+  memory: 2Gi",
    "+  replicas: 5 # one for each zone",
    "+  tag: 1.5.0",
    "-  currency: EUR",
    "-  memory: 512Mi",
    "-  replicas: 2 # one for each zone",
    "-  tag: 1.4.2",
];

/// Live values come into the values of a chart.
#[test]
fn live_values_come_into_the_values_of_a_chart() {
    APPLIED.into_iter().chain([Delivery::Release]).for_each(|delivery| adopted(Renderer::Helm, delivery, &VALUES));
}

/// Live values come into the values of templates, also where they are a part of a text.
#[test]
fn live_values_come_into_the_values_of_templates() {
    APPLIED.into_iter().for_each(|delivery| adopted(Renderer::Jinja, delivery, &VALUES));
}
