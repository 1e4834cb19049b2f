//! Who owns a field decides where Git says nothing. The source's delivery is `gitops`; `argocd-controller` and
//! `kubectl-create` are what it was before, `*-controller-manager` and `cert-manager-*` are controllers.

use serde_json::{Value, json};

use super::catalogue::{compared, differences, object, yaml};
use crate::domain::drift::Confidence;
use crate::domain::schema::Schemas;

/// A kind, what is declared, what is live, who owns what (`manager operation: fields`, a line each) and what is found.
type Row = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const CLASS: &str = "{f:spec: {f:ingressClassName: {}}}";
const PULL: &str = "{f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"a\"}': {f:imagePullPolicy: {}}}}}}}";
const WHOLE: &str = "{f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"a\"}': {f:imagePullPolicy: {}, f:terminationMessagePath: {}}}}}}}";
const PORT: &str = "{f:spec: {f:ports: {'k:{\"port\":80,\"protocol\":\"TCP\"}': {f:nodePort: {}}}}}";
const ELSEWHERE: &str = "{f:metadata: {f:labels: {f:a: {}}}}";
const BUNDLE: &str = "{f:webhooks: {'k:{\"name\":\"a\"}': {f:clientConfig: {f:caBundle: {}}}}}";

const INGRESS: &str = "networking.k8s.io/v1/Ingress";
const HOOK: &str = "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration";

/// What the API server, admission or a controller picks where nobody chose.
#[rustfmt::skip]
const PICKED: &[Row] = &[
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("gitops Apply", ELSEWHERE)], ""),
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("kube-controller-manager Update", CLASS)], ""),
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("kubectl-edit Update", CLASS)], "added spec.ingressClassName by kubectl-edit"),
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("some-operator Update", CLASS)], "added spec.ingressClassName by some-operator"),
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("gitops Apply", CLASS)], "added spec.ingressClassName by gitops"),
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("gitops Update", CLASS)], ""),
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("kubectl-create Update", CLASS)], ""),
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("argocd-controller Apply", CLASS)], "added spec.ingressClassName by argocd-controller"),
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("before-first-apply Update", CLASS)], ""),
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("ancient-changes Update", CLASS)], ""),
    (INGRESS, "spec: {}", "spec: {ingressClassName: nginx}", &[("kubectl-edit Update", ELSEWHERE)], ""),
    (INGRESS, "spec: {ingressClassName: a}", "spec: {ingressClassName: b}", &[("gitops Apply", CLASS)], "changed spec.ingressClassName by gitops"),
    // declared as nothing, the delivery owns what is picked
    (INGRESS, "spec: {ingressClassName: ''}", "spec: {ingressClassName: nginx}", &[("gitops Apply", CLASS)], ""),
    (INGRESS, "spec: {ingressClassName: ''}", "spec: {ingressClassName: nginx}", &[("gitops Apply", CLASS), ("k Update", CLASS)], "added spec.ingressClassName by k"),
    ("Service", "spec: {ports: [{port: 80}]}", "spec: {clusterIP: 10.0.0.9, ports: [{port: 80, nodePort: 30080}]}", &[("gitops Apply", ELSEWHERE)], ""),
    ("Service", "spec: {ports: [{port: 80}]}", "spec: {clusterIP: 10.0.0.9, ports: [{port: 80, nodePort: 30080}]}", &[("kubectl-patch Update", PORT)], "added spec.ports[port=80,protocol=TCP].nodePort by kubectl-patch"),
    ("PersistentVolumeClaim", "spec: {}", "spec: {volumeName: pv-1}", &[("kube-controller-manager Update", "{f:spec: {f:volumeName: {}}}")], ""),
    ("PersistentVolumeClaim", "spec: {}", "spec: {volumeName: pv-1}", &[("kubectl-edit Update", "{f:spec: {f:volumeName: {}}}")], "added spec.volumeName by kubectl-edit"),
    // certificates: injectors that are known, nobody, and somebody
    (HOOK, "webhooks: [{name: a, clientConfig: {}}]", "webhooks: [{name: a, clientConfig: {caBundle: YQ==}}]", &[("cert-manager-cainjector Update", BUNDLE)], ""),
    (HOOK, "webhooks: [{name: a, clientConfig: {}}]", "webhooks: [{name: a, clientConfig: {caBundle: YQ==}}]", &[("gitops Apply", ELSEWHERE)], ""),
    (HOOK, "webhooks: [{name: a, clientConfig: {}}]", "webhooks: [{name: a, clientConfig: {caBundle: YQ==}}]", &[("kubectl-edit Update", BUNDLE)], "added webhooks[name=a].clientConfig.caBundle by kubectl-edit"),
    (HOOK, "webhooks: [{name: a, clientConfig: {}}]", "webhooks: [{name: a, clientConfig: {caBundle: YQ==}}]", &[("certgen Update", BUNDLE)], ""),
    (HOOK, "webhooks: [{name: a, clientConfig: {}}]", "webhooks: [{name: a, clientConfig: {caBundle: YQ==}}]", &[("gitops Apply", BUNDLE)], "added webhooks[name=a].clientConfig.caBundle by gitops"),
    // the two pull policies that a default may have been
    ("container", "", "imagePullPolicy: Always", &[("kubectl-patch Update", PULL)], "added APP.imagePullPolicy by kubectl-patch"),
    ("container", "", "imagePullPolicy: Always", &[("gitops Update", PULL)], ""),
    ("container", "", "imagePullPolicy: Always", &[("kubectl-create Update", PULL)], ""),
    ("container", "", "imagePullPolicy: Always", &[("pipeline Update", PULL)], "added APP.imagePullPolicy by pipeline"),
    ("container", "", "imagePullPolicy: Always\nterminationMessagePath: /dev/termination-log", &[("pipeline Update", WHOLE)], ""),
    ("container", "", "imagePullPolicy: Always\nterminationMessagePath: /dev/termination-log", &[("pipeline Update", WHOLE), ("k9s Update", PULL)], "added APP.imagePullPolicy by k9s"),
    ("container", "", "imagePullPolicy: Always", &[("gitops Apply", ELSEWHERE)], ""),
    ("container", "", "imagePullPolicy: Always", &[("gitops Apply", PULL)], "added APP.imagePullPolicy by gitops"),
    ("container", "", "imagePullPolicy: IfNotPresent", &[("kubectl-patch Update", PULL)], ""),
    // finalizers and owners are written by operators of any name
    ("ConfigMap", "", "metadata: {finalizers: [a/b]}", &[("some-operator Update", "{f:metadata: {f:finalizers: {'.': {}, 'v:\"a/b\"': {}}}}")], ""),
    ("ConfigMap", "", "metadata: {finalizers: [a/b]}", &[("kubectl-edit Update", "{f:metadata: {f:finalizers: {'.': {}, 'v:\"a/b\"': {}}}}")], "added metadata.finalizers[=a/b] by kubectl-edit"),
    ("ConfigMap", "metadata: {finalizers: [c/d]}", "metadata: {finalizers: [a/b, c/d]}", &[("kubectl-edit Update", "{f:metadata: {f:finalizers: {'v:\"a/b\"': {}}}}")], "added metadata.finalizers[=a/b] by kubectl-edit"),
    ("ConfigMap", "metadata: {finalizers: [c/d]}", "metadata: {finalizers: [a/b, c/d]}", &[("gitops Apply", "{f:metadata: {f:finalizers: {'v:\"c/d\"': {}}}}")], ""),
    // below a part that is owned as one, its owner wrote the part and not the field
    ("apps/v1/StatefulSet", "spec: {volumeClaimTemplates: [{metadata: {name: d}}]}", "spec: {volumeClaimTemplates: [{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: d}, status: {phase: Pending}}]}", &[("kubectl-edit Update", "{f:spec: {f:volumeClaimTemplates: {}}}")], ""),
];

/// The same for what no table knows.
#[rustfmt::skip]
const ADDED: &[Row] = &[
    ("container", "", "env: [{name: A, value: a}]", &[("kubectl-set Update", "{f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"a\"}': {f:env: {'.': {}, 'k:{\"name\":\"A\"}': {'.': {}, f:name: {}, f:value: {}}}}}}}}}")], "added APP.env[name=A] by kubectl-set"),
    ("container", "", "env: [{name: A, value: a}]", &[("gitops Apply", ELSEWHERE)], ""),
    ("container", "", "env: [{name: A, value: a}]", &[], "added APP.env[name=A]"),
    ("container", "", "ports: [{containerPort: 53, protocol: UDP}]", &[("k Update", "{f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"a\"}': {f:ports: {'k:{\"containerPort\":53,\"protocol\":\"UDP\"}': {f:containerPort: {}}}}}}}}}")], "added APP.ports[containerPort=53,protocol=UDP] by k"),
    ("container", "", "ports: [{containerPort: 53, protocol: UDP}]", &[("k Update", "{f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"a\"}': {f:ports: {'k:{\"containerPort\":53,\"protocol\":\"TCP\"}': {f:containerPort: {}}}}}}}}}")], ""),
    ("ConfigMap", "", "metadata: {labels: {app.kubernetes.io/name: a}}", &[("k Update", "{f:metadata: {f:labels: {f:app.kubernetes.io/name: {}}}}")], "added metadata.labels[\"app.kubernetes.io/name\"] by k"),
    ("ConfigMap", "", "data: {a: b}", &[("k Update status", "{f:data: {f:a: {}}}")], ""),
    ("ConfigMap", "", "data: {a: b}", &[("gitops Update", "{f:data: {f:a: {}}}"), ("k Update", "{f:data: {f:a: {}}}")], "added data.a by k"),
    ("ConfigMap", "", "data: {a: b}", &[("ancient-changes Update", "{f:data: {f:a: {}}}")], "added data.a by ancient-changes"),
    // an atomic map is its writer's as a whole: a rollout that turns a Service to one of its sets
    ("Service", "spec: {selector: {app: a}}", "spec: {selector: {app: a, rollouts-pod-template-hash: x}}", &[("kube-controller-manager Update", "{f:spec: {f:selector: {}}}")], ""),
    ("Service", "spec: {selector: {app: a}}", "spec: {selector: {app: a, canary: x}}", &[("kubectl-edit Update", "{f:spec: {f:selector: {}}}")], "added spec.selector.canary by kubectl-edit"),
    // a part that was empty when it was written owns nothing of what came into it later
    ("container", "", "resources: {limits: {cpu: '1'}}", &[("gitops Apply", "{f:spec: {f:template: {f:spec: {f:containers: {'k:{\"name\":\"a\"}': {f:resources: {}}}}}}}")], ""),
    // written at another version of the kind, the field has another path
    ("autoscaling/v2/HorizontalPodAutoscaler", "spec: {maxReplicas: 3}", "spec: {maxReplicas: 3, minReplicas: 1, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]}",
        &[("kubectl-edit Update autoscaling/v1", "{f:spec: {f:targetCPUUtilizationPercentage: {}}}")], "added spec.metrics"),
    ("autoscaling/v2/HorizontalPodAutoscaler", "spec: {maxReplicas: 3}", "spec: {maxReplicas: 3, minReplicas: 1, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]}",
        &[("gitops Apply", "{f:spec: {f:maxReplicas: {}}}")], ""),
];

fn check(rows: &[Row]) {
    let schemas = Schemas::default();
    for (kind, declared, live, owners, expected) in rows {
        let (declared, live) = (object(kind, declared), owned(object(kind, live), owners));
        let found = differences(&schemas, &declared, &live).join("; ");
        assert_eq!(found, *expected, "{kind}: {declared} against {live}");
    }
}

fn owned(mut live: Value, owners: &[(&str, &str)]) -> Value {
    let entries: Vec<Value> = owners.iter().map(|(head, fields)| entry(&live, head, fields)).collect();
    if !entries.is_empty() {
        live["metadata"]["managedFields"] = Value::from(entries);
    }
    live
}

/// `manager operation`, then a subresource or another version.
fn entry(live: &Value, head: &str, fields: &str) -> Value {
    let mut words = head.split(' ');
    let (manager, operation, further) = (words.next(), words.next(), words.next());
    let version = further.filter(|word| word.contains('/'));
    json!({"manager": manager, "operation": operation, "fieldsType": "FieldsV1", "fieldsV1": yaml(fields),
        "apiVersion": version.map_or(live["apiVersion"].clone(), Value::from), "time": "2024-01-01T00:00:00Z",
        "subresource": further.filter(|word| !word.contains('/'))})
}

/// Picked values are drift where a person, an applying delivery or an unknown manager owns them.
#[test]
fn what_is_picked_is_told_from_what_somebody_chose() {
    check(PICKED);
}

/// Additions are drift by their owner; paths are looked up as managedFields write them.
#[test]
fn what_is_added_belongs_to_somebody() {
    check(ADDED);
}

/// What one delivery owns may be a default of the API server's, or of a writer that is told apart no more; what it
/// applied, or somebody else wrote, is certain.
#[test]
fn certainty_follows_from_ownership() {
    use Confidence::{Confirmed, Potential};
    let fields = "{f:data: {f:a: {}}}";
    for (owners, expected) in [
        (vec![], Potential),
        (vec![("gitops Update", fields)], Potential),
        (vec![("before-first-apply Update", fields)], Potential),
        (vec![("ancient-changes Update", fields)], Potential),
        (vec![("gitops Apply", fields)], Confirmed),
        (vec![("kubectl-edit Update", fields)], Confirmed),
        (vec![("some-operator Update", fields)], Confirmed),
        (vec![("gitops Update", fields), ("kubectl-edit Update", fields)], Confirmed),
        (vec![("gitops Update", fields), ("ancient-changes Update", fields)], Potential),
        (vec![("gitops Update", fields), ("kube-controller-manager Update", fields)], Potential),
    ] {
        let live = owned(object("ConfigMap", "data: {a: b}"), &owners);
        let found = compared(&Schemas::default(), &object("ConfigMap", ""), &live);
        let found: Vec<_> = found.iter().map(|difference| difference.confidence).collect();
        assert_eq!(found, [expected], "{owners:?}");
    }
}
