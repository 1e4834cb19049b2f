//! Changes that people make by hand, with the tools they use: each is found at its path, with what is known of its
//! author, and nothing else is found.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::cluster::Way;
use crate::support::world::{Setting, World};

/// One change by hand.
struct Change {
    /// The template of [`manifest`] that is changed, and a name of its own: `deployment/memory`.
    object: &'static str,
    how: How,
    /// What is found, without the object's name. `POD` and `APP` stand for the paths of the pod and its container.
    finds: &'static [&'static str],
}

enum How {
    /// `kubectl edit` with this sed script.
    Edit(&'static str),
    /// `kubectl patch` as kubectl merges by default.
    Patch(&'static str),
    /// `kubectl patch --type=json`, the only one that removes.
    Json(&'static str),
    /// `kubectl patch` by another program, such as k9s.
    By(&'static str, &'static str),
    /// kubectl with these words; `OBJECT` and `NAME` stand for the object.
    Words(&'static str),
}
use How::{By, Edit, Json, Patch, Words};

/// Told, and never acted on.
const RESTARTED: &str =
    r#"spec.template.metadata.annotations["kubectl.kubernetes.io/restartedAt"] live_only by kubectl-rollout (person)"#;

#[rustfmt::skip]
const CHANGES: &[Change] = &[
    // one declared value
    Change { object: "deployment/memory", how: Edit("s/memory: 512Mi/memory: 1Gi/"),
        finds: &["APP.resources.limits.memory cluster_drift by kubectl-edit (person)"] },
    Change { object: "deployment/scaled", how: Words("scale OBJECT --replicas=5"),
        finds: &["spec.replicas cluster_drift by kubectl (person)"] },
    Change { object: "deployment/image", how: Words("set image OBJECT app=registry.company.example/app:1.1"),
        finds: &["APP.image cluster_drift by kubectl-set (person)"] },
    Change { object: "deployment/registry", how: Words("set image OBJECT app=docker.io/somebody/app:latest"),
        finds: &["APP.image [image-registry-changed]", "APP.image [image-tag-mutable]", "APP.image cluster_drift by kubectl-set (person)"] },
    Change { object: "deployment/k9s", how: By("k9s", r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"registry.company.example/app:1.2"}]}}}}"#),
        finds: &["APP.image cluster_drift by k9s (person)"] },
    Change { object: "deployment/lens", how: By("node-fetch", r#"{"spec":{"replicas":4}}"#),
        finds: &["spec.replicas cluster_drift by node-fetch (person)"] },
    Change { object: "deployment/stranger", how: By("some-operator", r#"{"spec":{"replicas":4}}"#),
        finds: &["spec.replicas cluster_drift by some-operator (unknown)"] },
    Change { object: "deployment/variable", how: Words("set env OBJECT LOG_LEVEL=debug"),
        finds: &["APP.env[name=LOG_LEVEL].value cluster_drift by kubectl-set (person)"] },
    Change { object: "deployment/label", how: Words("label --overwrite OBJECT tier=back"),
        finds: &["metadata.labels.tier cluster_drift by kubectl-label (person)"] },
    Change { object: "deployment/probe", how: Edit("s/periodSeconds: 20/periodSeconds: 300/"),
        finds: &["APP.livenessProbe.periodSeconds cluster_drift by kubectl-edit (person)"] },
    Change { object: "deployment/argument", how: Edit("s/--verbose=false/--verbose=true/"),
        finds: &["APP.args[1] cluster_drift by kubectl-edit (person)"] },

    // what Git left to its default
    Change { object: "deployment/grace", how: Patch(r#"{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":1}}}}"#),
        finds: &["POD.terminationGracePeriodSeconds live_only by kubectl-patch (person)"] },
    Change { object: "deployment/recreate", how: Patch(r#"{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}"#),
        finds: &["spec.strategy.type live_only by kubectl-patch (person)"] },
    Change { object: "deployment/history", how: Patch(r#"{"spec":{"revisionHistoryLimit":0}}"#),
        finds: &["spec.revisionHistoryLimit live_only by kubectl-patch (person)"] },
    Change { object: "deployment/links", how: Patch(r#"{"spec":{"template":{"spec":{"enableServiceLinks":false}}}}"#),
        finds: &["POD.enableServiceLinks live_only by kubectl-patch (person)"] },
    Change { object: "deployment/paused", how: Words("rollout pause OBJECT"),
        finds: &["spec.paused live_only by kubectl-rollout (person)"] },
    Change { object: "deployment/pull", how: Patch(r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","imagePullPolicy":"Never"}]}}}}"#),
        finds: &["APP.imagePullPolicy live_only by kubectl-patch (person)"] },
    Change { object: "deployment/pull-always", how: Patch(r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","imagePullPolicy":"Always"}]}}}}"#),
        finds: &["APP.imagePullPolicy live_only by kubectl-patch (person)"] },

    // what admission or a controller picks where nobody says so
    Change { object: "ingress/class", how: Patch(r#"{"spec":{"ingressClassName":"other"}}"#), finds: &["spec.ingressClassName live_only by kubectl-patch (person)"] },
    Change { object: "persistentvolumeclaim/class", how: Patch(r#"{"spec":{"storageClassName":"other"}}"#), finds: &["spec.storageClassName live_only by kubectl-patch (person)"] },
    Change { object: "configmap/finalizer", how: Patch(r#"{"metadata":{"finalizers":["company.example/keep"]}}"#),
        finds: &["metadata.finalizers[=company.example/keep] live_only by kubectl-patch (person)"] },

    // additions
    Change { object: "deployment/host", how: Patch(r#"{"spec":{"template":{"spec":{"hostNetwork":true}}}}"#),
        finds: &["POD [security-context-weakened]", "POD.hostNetwork live_only by kubectl-patch (person)"] },
    Change { object: "deployment/privileged", how: Patch(r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","securityContext":{"privileged":true}}]}}}}"#),
        finds: &["APP.securityContext.privileged live_only by kubectl-patch (person)", "POD [security-context-weakened]"] },
    Change { object: "deployment/root", how: Patch(r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","securityContext":{"runAsUser":0}}]}}}}"#),
        finds: &["APP.securityContext.runAsUser live_only by kubectl-patch (person)", "POD [security-context-relaxed]"] },
    Change { object: "deployment/container", how: By("k9s", r#"{"spec":{"template":{"spec":{"containers":[{"name":"debug","image":"registry.company.example/debug:1","resources":{"limits":{"memory":"1Gi"}}}]}}}}"#),
        finds: &["POD.containers[name=debug] live_only by k9s (person)"] },
    Change { object: "deployment/added-variable", how: Words("set env OBJECT DEBUG=1"),
        finds: &["APP.env[name=DEBUG] live_only by kubectl-set (person)"] },
    Change { object: "deployment/volume", how: Patch(r#"{"spec":{"template":{"spec":{"volumes":[{"name":"cache","emptyDir":{}}]}}}}"#),
        finds: &["POD.volumes[name=cache] live_only by kubectl-patch (person)"] },
    Change { object: "deployment/node", how: Patch(r#"{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}"#),
        finds: &["POD.nodeSelector.disk live_only by kubectl-patch (person)"] },
    Change { object: "deployment/toleration", how: Patch(r#"{"spec":{"template":{"spec":{"tolerations":[{"operator":"Exists"}]}}}}"#),
        finds: &["POD.tolerations live_only by kubectl-patch (person)"] },
    Change { object: "deployment/datagram", how: Json(r#"[{"op":"add","path":"/spec/template/spec/containers/0/ports/-","value":{"containerPort":8080,"protocol":"UDP"}}]"#),
        finds: &["APP.ports[containerPort=8080,protocol=UDP] live_only by kubectl-patch (person)"] },
    Change { object: "deployment/command", how: Patch(r#"{"spec":{"template":{"spec":{"containers":[{"name":"app","command":["sleep","1d"]}]}}}}"#),
        finds: &["APP.command live_only by kubectl-patch (person)"] },
    Change { object: "deployment/added-label", how: Words("label OBJECT team=shop"),
        finds: &["metadata.labels.team live_only by kubectl-label (person)"] },
    Change { object: "deployment/annotation", how: Words("annotate OBJECT note=temporary"),
        finds: &["metadata.annotations.note live_only by kubectl-annotate (person)"] },
    Change { object: "deployment/restarted", how: Words("rollout restart OBJECT"),
        finds: &[RESTARTED] },
    Change { object: "deployment/cpu", how: Words("set resources OBJECT -c app --limits=cpu=2"),
        finds: &["APP.resources.limits.cpu live_only by kubectl-set (person)"] },

    // removals leave no author
    Change { object: "deployment/no-variable", how: Words("set env OBJECT LOG_LEVEL-"), finds: &["APP.env[name=LOG_LEVEL] missing"] },
    Change { object: "deployment/no-probe", how: Json(r#"[{"op":"remove","path":"/spec/template/spec/containers/0/livenessProbe"}]"#),
        finds: &["APP.livenessProbe missing"] },
    Change { object: "deployment/no-limit", how: Json(r#"[{"op":"remove","path":"/spec/template/spec/containers/0/resources/limits"}]"#),
        finds: &["APP.resources.limits.memory missing"] },
    Change { object: "deployment/no-annotation", how: Words("annotate OBJECT owner-"), finds: &["metadata.annotations.owner missing"] },
    Change { object: "deployment/gone", how: Words("delete OBJECT"), finds: &[" missing"] },

    // other kinds
    Change { object: "configmap/value", how: Patch(r#"{"data":{"currency":"USD"}}"#), finds: &["data.currency cluster_drift by kubectl-patch (person)"] },
    Change { object: "configmap/added", how: Patch(r#"{"data":{"beta":"on"}}"#), finds: &["data.beta live_only by kubectl-patch (person)"] },
    Change { object: "configmap/removed", how: Json(r#"[{"op":"remove","path":"/data/currency"}]"#), finds: &["data.currency missing"] },
    Change { object: "secret/value", how: Patch(r#"{"stringData":{"password":"changed"}}"#), finds: &["data.password cluster_drift by kubectl-patch (person)"] },
    Change { object: "service/selector", how: Words("set selector OBJECT app=other"), finds: &["spec.selector.app cluster_drift by kubectl-set (person)"] },
    Change { object: "service/port", how: Patch(r#"{"spec":{"ports":[{"name":"debug","port":6060}]}}"#),
        finds: &["spec.ports[port=6060,protocol=TCP] live_only by kubectl-patch (person)"] },
    Change { object: "service/exposed", how: Patch(r#"{"spec":{"type":"NodePort"}}"#), finds: &["spec.type live_only by kubectl-patch (person)"] },
    Change { object: "cronjob/schedule", how: Edit("s/0 3 \\* \\* \\*/0 4 * * */"), finds: &["spec.schedule cluster_drift by kubectl-edit (person)"] },
    Change { object: "cronjob/suspended", how: Patch(r#"{"spec":{"suspend":true}}"#), finds: &["spec.suspend live_only by kubectl-patch (person)"] },
    Change { object: "statefulset/scaled", how: Words("scale OBJECT --replicas=1"), finds: &["spec.replicas cluster_drift by kubectl (person)"] },
    Change { object: "horizontalpodautoscaler/bounds", how: Patch(r#"{"spec":{"maxReplicas":50}}"#), finds: &["spec.maxReplicas cluster_drift by kubectl-patch (person)"] },
    Change { object: "poddisruptionbudget/budget", how: Patch(r#"{"spec":{"minAvailable":0}}"#), finds: &["spec.minAvailable cluster_drift by kubectl-patch (person)"] },
    Change { object: "networkpolicy/opened", how: Patch(r#"{"spec":{"ingress":[{}]}}"#), finds: &["spec.ingress[0].from missing by kubectl-patch (person)"] },
    Change { object: "ingress/host", how: Edit("s/shop.company.example/test.company.example/"), finds: &["spec.rules[0].host cluster_drift by kubectl-edit (person)"] },
    Change { object: "role/verbs", how: Json(r#"[{"op":"replace","path":"/rules/0/verbs","value":["*"]}]"#), finds: &["rules[0].verbs cluster_drift by kubectl-patch (person)"] },
    Change { object: "serviceaccount/token", how: Patch(r#"{"automountServiceAccountToken":true}"#),
        finds: &["automountServiceAccountToken cluster_drift by kubectl-patch (person)"] },
];

/// What is nobody's drift, whoever does it.
#[rustfmt::skip]
const HARMLESS: &[Change] = &[
    Change { object: "deployment/there-and-back", how: Words("scale OBJECT --replicas=2"), finds: &[] },
    Change { object: "deployment/other-spelling", how: Edit("s/memory: 512Mi/memory: 524288Ki/"), finds: &[] },
    Change { object: "deployment/explicit-default", how: Patch(r#"{"spec":{"revisionHistoryLimit":10,"template":{"spec":{"dnsPolicy":"ClusterFirst"}}}}"#), finds: &[] },
    Change { object: "deployment/exposed", how: Words("expose OBJECT --port=80 --name=undeclared"), finds: &[] },
];

fn manifest(kind: &str, name: &str) -> String {
    let (api_version, kind, rest) = match kind {
        "deployment" | "statefulset" => {
            let (kind, service) = if kind == "deployment" { ("Deployment", "") } else { ("StatefulSet", "serviceName: app, ") };
            let container = "{name: app, image: \"registry.company.example/app:1.0\", args: [serve, \"--verbose=false\"], \
                ports: [{containerPort: 8080}], env: [{name: LOG_LEVEL, value: info}, {name: LANG, value: C}], \
                resources: {requests: {memory: 256Mi}, limits: {memory: 512Mi}}, \
                livenessProbe: {httpGet: {port: 8080, path: /live}, periodSeconds: 20}}";
            let spec = format!(
                "spec: {{{service}replicas: 2, selector: {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, \
                 spec: {{containers: [{container}]}}}}}}"
            );
            ("apps/v1", kind, spec)
        }
        "configmap" => ("v1", "ConfigMap", "data: {currency: EUR, language: de}".to_owned()),
        "secret" => ("v1", "Secret", "stringData: {user: shop, password: first}".to_owned()),
        "service" => ("v1", "Service", "spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}".to_owned()),
        "cronjob" => (
            "batch/v1",
            "CronJob",
            "spec: {schedule: \"0 3 * * *\", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: \"a:1\"}]}}}}}".to_owned(),
        ),
        "horizontalpodautoscaler" => (
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            "spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nobody}, minReplicas: 2, maxReplicas: 5}".to_owned(),
        ),
        "persistentvolumeclaim" => (
            "v1",
            "PersistentVolumeClaim",
            "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}".to_owned(),
        ),
        "poddisruptionbudget" => ("policy/v1", "PodDisruptionBudget", "spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}".to_owned()),
        "networkpolicy" => (
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: front}}}]}]}".to_owned(),
        ),
        "ingress" => (
            "networking.k8s.io/v1",
            "Ingress",
            "spec: {rules: [{host: shop.company.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}".to_owned(),
        ),
        "role" => (
            "rbac.authorization.k8s.io/v1",
            "Role",
            "rules: [{apiGroups: [\"\"], resources: [pods], verbs: [get, list]}]".to_owned(),
        ),
        "serviceaccount" => ("v1", "ServiceAccount", "automountServiceAccountToken: false".to_owned()),
        other => panic!("no template for {other}"),
    };
    format!(
        "apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}, labels: {{tier: front}}, annotations: {{owner: shop}}}}\n{rest}\n---\n"
    )
}

fn parts(change: &Change) -> (&'static str, &'static str) {
    change.object.split_once('/').expect("kind/name")
}

fn make(world: &World, change: &Change) {
    let (object, name) = (change.object, parts(change).1);
    match change.how {
        Edit(script) => world.cluster.edit(&world.namespace, object, script),
        Patch(patch) => drop(world.kubectl(&["patch", object, "-p", patch])),
        Json(patch) => drop(world.kubectl(&["patch", object, "--type=json", "-p", patch])),
        By(manager, patch) => drop(world.kubectl(&["patch", object, "--field-manager", manager, "-p", patch])),
        Words(words) => {
            let words: Vec<_> =
                words.split(' ').map(|word| word.replace("OBJECT", object).replace("NAME", name)).collect();
            world.kubectl(&words.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

/// Delivers one object for each change, makes the changes, and holds what is found against what each should yield.
fn check(name: &str, way: Way, delivery: &str) {
    let all = || CHANGES.iter().chain(HARMLESS);
    let manifests: String = all().map(parts).map(|(kind, name)| manifest(kind, name)).collect();
    let config =
        format!("sources: [{{name: apps, path: apps, namespace: NAMESPACE, delivery: {{tool: {delivery}}}}}]\n");
    let setting = Setting { name, files: &[("apps/all.yaml", &manifests)], config: &config, ..Setting::default() };
    let world = World::new(&setting);
    world.cluster.deliver(way, &world.namespace, &world.remote.manifests());
    assert_eq!(world.scan(), (0, vec![]));
    all().for_each(|change| make(&world, change));

    let (code, found) = world.scan();
    assert_eq!(code, 1);
    let pod = "spec.template.spec";
    let expected: BTreeSet<String> = CHANGES
        .iter()
        .flat_map(|change| {
            let (kind, name) = parts(change);
            let text = manifest(kind, name);
            let kind = text.split("\nkind: ").nth(1).and_then(|rest| rest.lines().next()).expect("a kind").to_owned();
            change.finds.iter().map(move |found| {
                format!("{kind}/{name} {found}")
                    .replace("APP", &format!("{pod}.containers[name=app]"))
                    .replace("POD", pod)
            })
        })
        .collect();
    let found: BTreeSet<String> = found.into_iter().collect();
    let (lost, extra): (Vec<_>, Vec<_>) =
        (expected.difference(&found).collect(), found.difference(&expected).collect());
    assert_eq!((lost, extra), (vec![], vec![]), "not found, and found although nothing was done");
    let report = world.trueup(&["scan", "-o", "json"]).json();
    let restarted = |item: &&Value| item["path"].as_str().is_some_and(|path| path.contains("restartedAt"));
    let restarted = report["items"].as_array().expect("items").iter().find(restarted).expect("it was told");
    assert_eq!(restarted["severity"], "info");
}

/// Delivered by `kubectl apply`: the delivery owns every default, and what people do is found all the same.
#[test]
fn changes_after_a_client_side_apply_are_found() {
    check("hand", Way::ClientSide, "kubectl_apply");
}

/// Delivered by server-side apply under Argo CD's name.
#[test]
fn changes_after_a_server_side_apply_are_found() {
    check("hand-server", Way::ServerSide("argocd-controller"), "argo_cd");
}
