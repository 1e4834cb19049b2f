//! What ships: tables, policies, baselines.

use serde_json::Value;
use trueup::adapters::progress::Progress;
use trueup::config::Config;
use trueup::domain::drift::{DriftItem, Severity};
use trueup::run::DiffRequest;

use super::LEAST;
use crate::support::cli::Desk;

fn root(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Loads a configuration with these lines added; nothing about it may be worth a word.
fn config(yaml: &str) -> Config {
    let folder = tempfile::tempdir().expect("folder");
    let loaded = super::load(folder.path(), &[("trueup.yaml", &format!("{LEAST}{yaml}"))], &[]);
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(loaded.warnings, []);
    loaded.config
}

/// The compiled-in tables and policies read without a problem: named as files they are the same as not named at all.
/// (As files their problems are told; compiled in they could not be.)
#[test]
fn tables_and_policies() {
    let shipped = config("");
    let named = config(&format!(
        "policies: [{}, {}]\nscoring: {}\n",
        root("policies/ml-platform.yaml"),
        root("policies/default.yaml"),
        root("policies/scoring.yaml")
    ));
    assert!(shipped.policies.len() >= 6);
    assert_eq!(format!("{:?}", named.policies), format!("{:?}", shipped.policies));
    assert_eq!(format!("{:?}", named.scoring), format!("{:?}", shipped.scoring));
    assert_eq!(shipped.scoring.severities.len(), 3);
    // tables are put before the shipped ones, so that each rule is there twice
    let twice = config(&format!(
        "managers: {}\ncategories: {}\nunmanaged: {}\n",
        root("policies/managers.yaml"),
        root("policies/categories.yaml"),
        root("policies/unmanaged.yaml")
    ));
    assert_eq!(twice.scan.managers.rules.len(), 2 * shipped.scan.managers.rules.len());
    assert_eq!(twice.scan.categories.len(), 2 * shipped.scan.categories.len());
    assert_eq!(twice.scan.unmanaged.rows.len(), 2 * shipped.scan.unmanaged.rows.len());
    assert!(shipped.scan.unmanaged.rows.len() > 30);
    assert!(shipped.scan.managers.rules.len() > 20 && shipped.scan.categories.len() >= 5);
}

/// Each manager that clusters are known to have is what it is to a source whose delivery nobody named (as seen by one
/// that Argo CD delivers, the other deliveries are somebody's tools).
#[test]
fn field_managers_are_classified() {
    use trueup::domain::drift::ManagerClass::{Controller, Delivery, Person, Unknown};
    let managers = config("").scan.managers;
    for (names, subresource, operation, class, beside_argo_cd) in [
        (KUBECTL, None, "Update", Person, Person),
        (PEOPLE, None, "Update", Person, Person),
        ("kubectl k9s", Some("scale"), "Update", Person, Person),
        ("kubectl", None, "Apply", Delivery, Person),
        ("kubectl-client-side-apply kubectl-create kubectl-last-applied", None, "Update", Delivery, Person),
        (DELIVERIES, None, "Apply", Delivery, Unknown),
        (DELIVERIES, None, "Update", Delivery, Unknown),
        ("argocd-controller", None, "Apply", Delivery, Delivery),
        ("argocd-controller", None, "Update", Delivery, Delivery),
        (CONTROLLERS, None, "Update", Controller, Controller),
        ("kube-controller-manager keda-operator", Some("scale"), "Update", Controller, Controller),
        ("kubectl-edit anybody", Some("status"), "Update", Controller, Controller),
        ("manager some-operator before-first-apply ancient-changes", None, "Update", Unknown, Unknown),
    ] {
        for name in names.split_whitespace() {
            let of = |delivery| managers.classify(name, subresource, operation, delivery);
            assert_eq!(of(None), class, "{name} {subresource:?} {operation}");
            assert_eq!(
                of(Some("argocd-controller")),
                beside_argo_cd,
                "{name} {subresource:?} {operation} with Argo CD"
            );
        }
    }
}

const KUBECTL: &str = "kubectl-edit kubectl-patch kubectl-replace kubectl-label kubectl-annotate kubectl-set kubectl-rollout \
    kubectl-run kubectl-expose kubectl-autoscale kubectl-taint";

const PEOPLE: &str = "kubectl oc oc-edit k9s node-fetch Mozilla dashboard dashboard-api octant rancher OpenAPI-Generator \
    argocd-server flux curl";

const DELIVERIES: &str = "argocd-application-controller kustomize-controller helm-controller helm Helm kluctl kluctl-cli \
    fleetagent kapp kapp-server-side-apply tanka Terraform HashiCorp pulumi-kubernetes pulumi-resource-kubernetes \
    flux-client-side-apply";

const CONTROLLERS: &str = "kube-controller-manager cloud-controller-manager kube-scheduler kubelet kube-apiserver \
    clusterrole-aggregation-controller cert-manager-cainjector cert-manager-certificates-issuing cainjector kube-webhook-certgen pilot-discovery \
    linkerd-destination kyverno kyverno-background-controller gatekeeper vpa-updater vpa-admission-controller \
    cluster-autoscaler karpenter keda-operator rollouts-controller argo-rollouts argocd-applicationset-controller flagger \
    source-controller notification-controller image-automation-controller image-reflector-controller \
    nginx-ingress-controller external-dns";

/// Every weight of `scoring.yaml` belongs to something that exists, and everything that exists has a weight.
#[test]
fn every_aspect_and_rule_is_weighed() {
    let scoring = config("").scoring;
    for aspect in trueup::domain::drift::Aspect::ALL {
        assert!(scoring.aspects.iter().any(|(known, _)| known == aspect), "{aspect} has no weight");
    }
    let rules: Vec<_> = demo_items(&[]).iter().filter_map(|item| Some(item["rule"].as_str()?.to_owned())).collect();
    assert!(rules.len() > 3, "{rules:?}");
    for rule in rules {
        assert!(scoring.rules.iter().any(|(known, _)| *known == rule), "{rule} has no weight");
    }
}

/// The items of the demo's cycle as the program reports them, with these lines added to its configuration.
fn demo_items(lines: &[String]) -> Vec<Value> {
    let desk = Desk::new();
    desk.trueup(["demo", "--keep", "demo"]).run().exits(0);
    let text = std::fs::read_to_string(desk.path("demo/trueup.yaml")).expect("configuration");
    desk.write("demo/trueup.yaml", &(text + &lines.concat()));
    let ran = desk.trueup(["scan", "-c", "demo/trueup.yaml", "-o", "json"]).run().exits(1);
    assert_eq!(ran.stderr, "");
    let mut items = ran.json()["items"].as_array().expect("items").clone();
    // each demo commits a repository of its own
    items.iter_mut().filter_map(Value::as_object_mut).for_each(|item| drop(item.remove("declared_by")));
    items
}

/// A drift item of a Deployment.
fn drifted_deployment() -> DriftItem {
    let request = DiffRequest {
        declared: root("src/demo/repository/apps").into(),
        live: root("src/demo/cluster.jsonl").into(),
        namespace: None,
        schemas: None,
    };
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    let (defaults, progress) = (trueup::config::defaults(), Progress::new(false));
    let report = runtime.block_on(trueup::run::diff(&request, &defaults, trueup::schedule::now(), &progress));
    let items = report.expect("a report").items;
    items.into_iter().find(|item| item.resource.kind.kind == "Deployment").expect("an item")
}

/// The shipped baselines and thresholds load, and change nothing about a repository that has not selected them.
#[test]
fn baselines_match_nothing_until_selected() {
    let lines =
        [format!("baselines: {}\n", root("baselines")), format!("thresholds: {}\n", root("baselines/thresholds.yaml"))];
    assert_eq!(demo_items(&lines), demo_items(&[]));
    assert!(config(&lines.concat()).baselines.documents.len() >= 12);
}

/// A label selects a profile: then Git is held against its numbers, those of the source document.
#[test]
fn a_label_selects_a_profile() {
    use trueup::domain::resource::{GroupKind, ResourceId};
    let baselines = config(&format!("baselines: {}\n", root("baselines"))).baselines;
    let effective = |group: &str, kind: &str, profile: &str| {
        let id = ResourceId::new(GroupKind::new(group, kind), Some("ml"), "x");
        baselines.effective(
            &id,
            &[("trueup.dev/profile".to_owned(), profile.to_owned())],
            Some("production"),
            None,
            "c",
        )
    };
    for (profile, least, most, size, class) in [
        ("minimal", 1, 2, "10Gi", "standard"),
        ("production_like", 2, 10, "100Gi", "ssd"),
        ("high_availability", 3, 50, "1Ti", "premium-ssd"),
    ] {
        let spec = |group: &str, kind: &str| effective(group, kind, profile).expect("selected")["spec"].clone();
        let scaler = spec("autoscaling", "HorizontalPodAutoscaler");
        assert_eq!(scaler, serde_json::json!({"minReplicas": least, "maxReplicas": most}), "{profile}");
        assert_eq!(spec("apps", "Deployment"), serde_json::json!({"replicas": least}), "{profile}");
        assert_eq!(spec("apps", "StatefulSet"), serde_json::json!({"replicas": least}), "{profile}");
        let claim = serde_json::json!({"storageClassName": class, "resources": {"requests": {"storage": size}}});
        assert_eq!(spec("", "PersistentVolumeClaim"), claim, "{profile}");
    }
    assert_eq!(effective("apps", "Deployment", "none"), None);
}

/// The three policies of the source document decide as it means: limits are restored, a weakened security context is
/// brought to the standard, a critical image is told to two channels; and only for deployments and their severities.
#[test]
fn the_given_policies_decide() {
    use trueup::domain::drift::Aspect;
    use trueup::domain::policy::ActionType;
    use trueup::domain::policy::decide::decide;
    let policies = config(&format!("policies: {}\n", root("policies/ml-platform.yaml"))).policies;
    let mut item = drifted_deployment();
    let mut decided = |aspect: Aspect, severity: Severity| {
        (item.aspect, item.severity) = (aspect, severity);
        let decision = decide(&policies, &item, None, None);
        (decision.action, decision.policy_name)
    };
    let rows = [
        (
            Aspect::ResourceLimits,
            "resource_limits_drift",
            ActionType::RestoreFromBaseline,
            &[Severity::Medium, Severity::High][..],
        ),
        (
            Aspect::SecurityContext,
            "security_context_violation",
            ActionType::UpdateToStandard,
            &[Severity::High, Severity::Critical],
        ),
        (Aspect::ImagePolicy, "image_policy_violation", ActionType::AlertAndTrack, &[Severity::Critical]),
    ];
    for (aspect, name, action, severities) in rows {
        for severity in Severity::ALL {
            let expected = severities.contains(severity).then(|| (Some(action), Some(name.to_owned())));
            assert_eq!(decided(aspect, *severity), expected.unwrap_or_default(), "{aspect} {severity}");
        }
    }
    item.resource.kind.kind = "StatefulSet".to_owned();
    (item.aspect, item.severity) = (Aspect::ResourceLimits, Severity::High);
    assert_eq!(decide(&policies, &item, None, None).action, None);
    assert_eq!((policies[0].max_attempts, policies[0].approval_required), (Some(3), false));
    let standard = serde_json::json!({"run_as_non_root": true, "run_as_user": 1000, "fs_group": 2000});
    assert_eq!((policies[1].standard_value.as_ref(), policies[1].approval_required), (Some(&standard), true));
    assert_eq!(policies[2].alert_channels, ["security_team", "platform_team"]);
}

/// They are the source document's, word for word but for the comment above them.
#[test]
fn the_given_policies_are_the_documents() {
    let text = std::fs::read_to_string(root("policies/ml-platform.yaml")).expect("file");
    let names: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("- name: ")).collect();
    assert_eq!(names, ["\"resource_limits_drift\"", "\"security_context_violation\"", "\"image_policy_violation\""]);
    for phrase in [
        "severity: [\"medium\", \"high\"]",
        "max_attempts: 3",
        "fs_group: 2000",
        "alert_channels: [\"security_team\", \"platform_team\"]",
    ] {
        assert!(text.contains(phrase), "{phrase}");
    }
}
