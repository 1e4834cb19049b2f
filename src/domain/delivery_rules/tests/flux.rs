use super::*;

/// Flux's marks, in any case, as annotation or label, each with what the controller would do.
#[test]
fn marks_are_heeded() {
    let reconcile = "kustomize.toolkit.fluxcd.io/reconcile";
    let ssa = "kustomize.toolkit.fluxcd.io/ssa";
    let detection = "helm.toolkit.fluxcd.io/driftDetection";
    let (nothing, additions, everything) = (0, 1, 2);
    for (field, name, value, in_git, set_aside, leaves_missing) in [
        ("annotations", reconcile, "disabled", true, everything, true),
        ("labels", reconcile, "Disabled", true, everything, true),
        ("annotations", reconcile, "disabled", false, everything, false),
        ("annotations", reconcile, "enabled", true, nothing, false),
        ("annotations", ssa, "Ignore", true, everything, true),
        ("annotations", ssa, "IfNotPresent", true, everything, false),
        ("annotations", ssa, "IfNotPresent", false, nothing, false),
        ("annotations", ssa, "Merge", true, additions, false),
        ("annotations", ssa, "Override", true, nothing, false),
        ("annotations", detection, "disabled", true, everything, true),
        ("labels", detection, "disabled", true, everything, true),
        ("annotations", detection, "disabled", false, nothing, false),
    ] {
        let mark = |object: &mut Value| object["metadata"][field][name] = json!(value);
        let declared = deployment(|object| {
            if in_git {
                mark(object);
            }
        });
        let live = deployment(|object| {
            mark(object);
            scaled(object);
            object["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
        });
        let found = sift(DeliveryTool::Flux, &[], &declared, &live);
        let aside = found.iter().filter(|line| line.starts_with("spec.") && line.contains(": Flux ")).count();
        assert_eq!(aside, set_aside, "{name}: {value} {found:?}");
        let leaves = DeliveryRules::default().leaves_missing(&declared, None).is_some();
        assert_eq!(leaves, leaves_missing, "{name}: {value}");
        let others = sift(DeliveryTool::ArgoCd, &[], &declared, &live);
        assert!(others.iter().all(|line| !line.contains(": Flux ")), "{name}: {value} {others:?}");
    }
}

/// The examples of Flux's documentation, for releases and Kustomizations, each for what it delivers.
#[test]
fn fields_are_ignored() {
    let kustomization = |rules: Value| {
        json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "apps", "namespace": "flux-system"},
            "spec": {"path": "./apps/shop", "sourceRef": {"kind": "GitRepository", "name": "config"}, "ignore": rules}})
    };
    let release = |rules: Value| {
        json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "podinfo", "namespace": "default"},
            "spec": {"driftDetection": {"mode": "enabled", "ignore": rules}}})
    };
    let marked = |field: &'static str, prefix: &'static str, name: &'static str, namespace: &'static str| {
        deployment(move |object| {
            scaled(object);
            object["metadata"][field][format!("{prefix}name")] = json!(name);
            object["metadata"][field][format!("{prefix}namespace")] = json!(namespace);
        })
    };
    let kustomized = |namespace| marked("labels", "kustomize.toolkit.fluxcd.io/", "apps", namespace);
    let released = || marked("labels", "helm.toolkit.fluxcd.io/", "podinfo", "default");
    let by_helm = || marked("annotations", "meta.helm.sh/release-", "podinfo", "default");
    let replicas = || json!([{"paths": ["/spec/replicas"]}]);
    let of_kind = |kind: &str| json!([{"paths": ["/spec/replicas"], "target": {"kind": kind}}]);
    let whole = || json!([{"paths": [""], "target": {"name": "we.*"}}]);
    let (flux, helm, unknown) = (DeliveryTool::Flux, DeliveryTool::Helm, DeliveryTool::Unknown);
    let of_release = "Flux ignores it: HelmRelease default/podinfo, spec.driftDetection.ignore[0].paths[0]";
    let of_kustomization = "Flux ignores it: Kustomization flux-system/apps, spec.ignore[0].paths[0]";
    for (rule, tool, live, expected) in [
        (release(replicas()), flux, released(), Some(of_release)),
        (release(of_kind("Deployment")), helm, released(), Some(of_release)),
        (release(of_kind("StatefulSet")), helm, released(), None),
        (release(whole()), unknown, released(), Some(of_release)),
        (release(replicas()), helm, by_helm(), Some(of_release)),
        (release(replicas()), helm, deployment(scaled), None),
        (release(replicas()), DeliveryTool::ArgoCd, released(), None),
        (kustomization(of_kind("Deployment")), flux, kustomized("flux-system"), Some(of_kustomization)),
        (kustomization(whole()), unknown, kustomized("flux-system"), Some(of_kustomization)),
        (kustomization(replicas()), flux, kustomized("team"), None),
        (kustomization(replicas()), flux, deployment(scaled), Some(of_kustomization)),
        (kustomization(replicas()), unknown, deployment(scaled), None),
    ] {
        let found = sift(tool, std::slice::from_ref(&rule), &deployment(as_it_is), &live);
        let aside = found.iter().find_map(|line| line.strip_prefix("spec.replicas: "));
        assert_eq!(aside, expected, "{tool} {rule} {found:?}");
    }
}
