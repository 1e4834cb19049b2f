use super::*;

/// The examples of Argo CD's documentation: by group and kind, by name and namespace, by JSON pointer, by jq.
#[test]
fn fields_are_ignored() {
    let rule = |rest: Value| {
        let mut rule = json!({"group": "apps", "kind": "Deployment"});
        rule.as_object_mut().expect("map").extend(rest.as_object().expect("map").clone());
        rule
    };
    let pointers = || json!(["/spec/replicas"]);
    let source = "Argo CD ignores it: Application argocd/shop, spec.ignoreDifferences[0]";
    let by_pointer = format!("spec.replicas: {source}.jsonPointers[0]");
    let by_jq = format!("spec.replicas: {source}.jqPathExpressions[0]");
    let kept = "confirmed changed spec.replicas".to_owned();
    let dependent = ".spec | select(.minReadySeconds == 3) | .replicas";
    for (rule, expected) in [
        (rule(json!({"jsonPointers": pointers()})), &by_pointer),
        (json!({"group": "*", "kind": "*", "jsonPointers": pointers()}), &by_pointer),
        (rule(json!({"name": "web", "namespace": "default", "jsonPointers": pointers()})), &by_pointer),
        (rule(json!({"name": "guestbook", "jsonPointers": pointers()})), &kept),
        (rule(json!({"namespace": "other", "jsonPointers": pointers()})), &kept),
        (json!({"kind": "Deployment", "jsonPointers": pointers()}), &kept),
        (rule(json!({"jsonPointers": ["/spec/minReadySeconds"]})), &kept),
        (rule(json!({"jqPathExpressions": [".spec.replicas"]})), &by_jq),
        (rule(json!({"jqPathExpressions": [dependent]})), &by_jq),
        (rule(json!({"jsonPointers": ["/spec"]})), &by_pointer),
    ] {
        let found = sift(DeliveryTool::ArgoCd, &[ignoring(rule.clone())], &deployment(as_it_is), &deployment(scaled));
        assert_eq!(found, [expected.as_str()], "{rule}");
    }
    let both = deployment(|object| {
        scaled(object);
        object["spec"]["minReadySeconds"] = json!(9);
    });
    let rules = [ignoring(rule(json!({"jsonPointers": pointers()})))];
    let found = sift(DeliveryTool::ArgoCd, &rules, &deployment(as_it_is), &both);
    assert_eq!(found, ["confirmed changed spec.minReadySeconds", by_pointer.as_str()]);
}

/// Pointers count items as they stand on each side, an added item is covered by a pointer to it or to its list, and one
/// that is covered in part only still counts.
#[test]
fn items_of_lists_are_found_on_both_sides() {
    let containers = "/spec/template/spec/containers";
    let pod = |spec: &'static str, value: Value| deployment(|object| object["spec"]["template"]["spec"][spec] = value);
    let web = |field: &'static str, value: Value| {
        deployment(|object| object["spec"]["template"]["spec"]["containers"][0][field] = value)
    };
    let with_sidecar = || {
        let own = deployment(as_it_is)["spec"]["template"]["spec"]["containers"][0].clone();
        pod("containers", json!([{"name": "sidecar", "image": "s:1"}, own]))
    };
    let sidecar = format!(".{}[] | select(.name == \"sidecar\")", containers[1..].replace('/', "."));
    let pointer = |pointer: String| json!({"jsonPointers": [pointer]});
    let expression = |expression: String| json!({"jqPathExpressions": [expression]});
    let added = "potential added spec.template.spec.containers[name=sidecar]";
    let turned_round = deployment(|object| {
        object["spec"]["template"]["spec"]["tolerations"].as_array_mut().expect("list").reverse();
        scaled(object);
    });
    let own = "spec.template.spec.containers[name=web]";
    for (mut rule, live, kept) in [
        (pointer(format!("{containers}/0/image")), web("image", json!("web:2")), None),
        (expression(sidecar.clone()), with_sidecar(), None),
        (pointer(containers.to_owned()), with_sidecar(), None),
        (pointer(format!("{containers}/0")), with_sidecar(), None),
        (pointer(format!("{containers}/1")), with_sidecar(), Some(added.to_owned())),
        (expression(format!("{sidecar} | .image")), with_sidecar(), Some(added.to_owned())),
        (pointer(format!("{containers}/-1/args/0")), web("args", json!(["x", "b"])), None),
        // the second argument differs as well, whatever number it has without the first one
        (
            pointer(format!("{containers}/0/args/0")),
            web("args", json!(["x", "y"])),
            Some(format!("confirmed changed {own}.args[1]")),
        ),
        // a list whose order means nothing is not told for having lost another item on each side
        (
            pointer("/spec/template/spec/tolerations/0".to_owned()),
            turned_round,
            Some("confirmed changed spec.replicas".to_owned()),
        ),
        (
            pointer("/metadata/labels/a.b~1c~0d".to_owned()),
            deployment(|object| object["metadata"]["labels"]["a.b/c~d"] = json!("x")),
            None,
        ),
        (pointer(format!("{containers}/0/env")), web("env", json!([])), None),
        // without their keys the items are compared by their numbers, and still are the same ones
        (
            pointer(format!("{containers}/0/name")),
            web("image", json!("web:2")),
            Some(format!("confirmed changed {own}.image")),
        ),
    ] {
        (rule["group"], rule["kind"]) = (json!("apps"), json!("Deployment"));
        let found = sift(DeliveryTool::ArgoCd, &[ignoring(rule.clone())], &deployment(as_it_is), &live);
        let (aside, rest): (Vec<_>, Vec<_>) = found.into_iter().partition(|line| line.contains(": Argo CD ignores it"));
        assert_eq!(rest, Vec::from_iter(kept.clone()), "{rule}");
        assert!(kept.is_some() || !aside.is_empty(), "{rule}");
    }
}

/// Fields that a trusted manager wrote, changed or added; nobody owns what was removed, so that counts.
#[test]
fn managers_are_trusted() {
    let live = deployment(|object| {
        scaled(object);
        object["spec"]["template"]["spec"]["hostNetwork"] = json!(true);
        object["metadata"]["labels"] = json!({});
        let fields = json!({"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:hostNetwork": {}}}}});
        object["metadata"]["managedFields"] = json!([{"manager": "scaler", "operation": "Update",
            "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": fields}]);
    });
    let trusting = |manager: &str| ignoring(json!({"group": "*", "kind": "*", "managedFieldsManagers": [manager]}));
    let source = "Argo CD ignores it: Application argocd/shop, spec.ignoreDifferences[0].managedFieldsManagers[0]";
    let expected = [
        "confirmed removed metadata.labels.app".to_owned(),
        format!("spec.replicas: {source}"),
        format!("spec.template.spec.hostNetwork: {source}"),
    ];
    let sift = |manager| sift(DeliveryTool::ArgoCd, &[trusting(manager)], &deployment(as_it_is), &live);
    assert_eq!(sift("scaler"), expected);
    assert!(sift("scal*").iter().all(|line| line.starts_with("confirmed ")));
}

/// `argocd-cm`: by group and kind, for all, and the older form; for whatever Argo CD delivers.
#[test]
fn settings_are_for_all() {
    let settings = |key: &str, text: &str| {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"},
            "data": {key: text}})
    };
    let pointers = "jsonPointers:\n- /spec/replicas\n";
    let old = "apps/Deployment:\n  ignoreDifferences: |\n    jsonPointers:\n    - /spec/replicas\n";
    let key = |rest: &str| format!("resource.customizations{rest}");
    let (argo, unknown, flux) = (DeliveryTool::ArgoCd, DeliveryTool::Unknown, DeliveryTool::Flux);
    for (key, text, tool, place) in [
        (key(".ignoreDifferences.apps_Deployment"), pointers, argo, Some("")),
        (key(".ignoreDifferences.all"), pointers, argo, Some("")),
        (key(""), old, argo, Some(" apps/Deployment")),
        (key(".ignoreDifferences.apps_StatefulSet"), pointers, argo, None),
        (key(".ignoreResourceUpdates.all"), pointers, argo, None),
        (key(".ignoreDifferences.all"), pointers, unknown, None),
        (key(".ignoreDifferences.all"), pointers, flux, None),
    ] {
        let found = sift(tool, &[settings(&key, text)], &deployment(as_it_is), &deployment(scaled));
        let source = "Argo CD ignores it: ConfigMap argocd/argocd-cm, data";
        let expected = match place {
            Some(place) => format!("spec.replicas: {source}[{key:?}]{place}.jsonPointers[0]"),
            None => "confirmed changed spec.replicas".to_owned(),
        };
        assert_eq!(found, [expected], "{key} {tool}");
    }
}

/// An Application's rules are for its own objects: by its mark on them, else by the folder that it delivers.
#[test]
fn an_application_speaks_for_its_own() {
    let own = ignoring(json!({"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}));
    let from = |url: &str, path: &str| {
        let mut object = own.clone();
        object["spec"]["source"] = json!({"repoURL": url, "path": path});
        object
    };
    let one_of_two = || {
        let mut object = own.clone();
        let other = json!({"repoURL": "https://charts.example", "chart": "redis"});
        object["spec"]["sources"] = json!([other, object["spec"]["source"]]);
        object["spec"]["source"] = Value::Null;
        object
    };
    let marked = |field: &'static str, name: &'static str, value: &'static str| {
        deployment(move |object| {
            scaled(object);
            object["metadata"][field][name] = json!(value);
        })
    };
    let tracked = |id: &'static str| marked("annotations", "argocd.argoproj.io/tracking-id", id);
    let labelled = |name: &'static str| marked("labels", "app.kubernetes.io/instance", name);
    let bare = || deployment(scaled);
    let (argo, unknown) = (DeliveryTool::ArgoCd, DeliveryTool::Unknown);
    for (application, tool, live, is_own) in [
        (own.clone(), argo, bare(), true),
        (one_of_two(), argo, bare(), true),
        (own.clone(), unknown, bare(), false),
        (own.clone(), DeliveryTool::KubectlApply, tracked("shop:apps/Deployment:default/web"), false),
        (own.clone(), unknown, tracked("shop:apps/Deployment:default/web"), true),
        (own.clone(), unknown, tracked("argocd_shop:apps/Deployment:default/web"), true),
        (own.clone(), unknown, tracked("team_shop:apps/Deployment:default/web"), false),
        (own.clone(), argo, tracked("other:apps/Deployment:default/web"), false),
        (own.clone(), unknown, labelled("shop"), true),
        // charts set this label too, and mean something else
        (own.clone(), argo, labelled("a-chart"), true),
        (from("https://github.com/company/other", "apps/shop"), argo, bare(), false),
        (
            from("https://github.com/company/other", "apps/shop"),
            argo,
            tracked("shop:apps/Deployment:default/web"),
            true,
        ),
        (from("ssh://git@GitHub.com:22/company/config.git", "apps"), argo, bare(), true),
        (from("https://user@github.com/company/config", "apps/sho"), argo, bare(), false),
        (from("https://github.com/company/config", "."), argo, bare(), true),
    ] {
        let found = sift(tool, &[application], &deployment(as_it_is), &live);
        let is_aside = found.iter().any(|line| line.starts_with("spec.replicas: "));
        assert_eq!(is_aside, is_own, "{tool} {live} {found:?}");
    }
}

/// The annotation of an object, in both forms, only from Git, and Argo CD's hooks, which it does not compare.
#[test]
fn annotations_are_heeded() {
    let annotated = |name: &str, value: &str| {
        let (name, value) = (name.to_owned(), value.to_owned());
        deployment(|object| object["metadata"]["annotations"] = json!({name: value}))
    };
    let key = "argocd.argoproj.io/ignore-differences";
    let place = |rest: &str| format!("annotation {key}.{rest}[0]");
    for (declared, expected) in [
        (annotated(key, "/spec/replicas, /metadata/labels/version"), place("jsonPointers")),
        (annotated(key, "jsonPointers:\n- /spec/replicas"), place("jsonPointers")),
        (annotated(key, "jqPathExpressions: [.spec.replicas]"), place("jqPathExpressions")),
        (annotated("argocd.argoproj.io/hook", "PreSync"), "annotation argocd.argoproj.io/hook".to_owned()),
        (annotated("argocd.argoproj.io/compare-options", "IgnoreExtraneous"), "changed spec.replicas".to_owned()),
    ] {
        let mut live = declared.clone();
        scaled(&mut live);
        for tool in [DeliveryTool::ArgoCd, DeliveryTool::Unknown] {
            let found = sift(tool, &[], &declared, &live);
            assert!(found.len() == 1 && found[0].ends_with(&expected), "{found:?}");
        }
        assert_eq!(sift(DeliveryTool::Flux, &[], &declared, &live), ["confirmed changed spec.replicas"]);
    }
    let mut live = annotated(key, "jsonPointers: [spec]\njqPathExpressions: [.a[]");
    scaled(&mut live);
    let found = sift(DeliveryTool::ArgoCd, &[], &annotated(key, "jsonPointers: [spec]"), &live);
    assert!(
        found
            .iter()
            .any(|line| line.starts_with(&format!("! Deployment default/web, {}: is no", place("jsonPointers"))))
    );
}

/// The label that Argo CD tracks by is its own to write, for Applications that are known; any other value counts.
#[test]
fn the_tracking_label_is_argo_cds() {
    let labelled = |key: &str, value: &str| {
        let (key, value) = (key.to_owned(), value.to_owned());
        deployment(move |object| object["metadata"]["labels"][key] = json!(value))
    };
    let instance = "app.kubernetes.io/instance";
    let set_aside =
        |key: &str| format!("metadata.labels[\"{key}\"]: Argo CD tracks it by this label, for Application shop");
    let counts = format!("confirmed changed metadata.labels[\"{instance}\"]");
    for (tool, live, expected) in [
        (DeliveryTool::ArgoCd, "shop", set_aside(instance)),
        (DeliveryTool::Unknown, "shop", set_aside(instance)),
        (DeliveryTool::Flux, "shop", counts.clone()),
        (DeliveryTool::ArgoCd, "other", counts),
    ] {
        let found = sift(tool, &[application(json!({}))], &labelled(instance, "web"), &labelled(instance, live));
        assert_eq!(found, [expected], "{tool} {live}");
    }
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"},
        "data": {"application.instanceLabelKey": "own.io/app"}});
    let objects = [application(json!({})), settings];
    let found = sift(DeliveryTool::ArgoCd, &objects, &labelled("own.io/app", "web"), &labelled("own.io/app", "shop"));
    assert_eq!(found, [set_aside("own.io/app")]);
}
