//! Objects and changes of their manifests, with what the API server makes of them.

use serde_json::{Value, json};

/// A manifest as it is delivered, and merge patches of it with whether they are refused. `NAME` stands for the namespace.
type Case = (String, Vec<(Value, bool)>);

/// Every case.
pub(super) fn cases() -> Vec<Case> {
    [workloads(), pods_and_services(), volumes(), content_and_classes(), others()].concat()
}

fn spec(spec: Value) -> Value {
    json!({ "spec": spec })
}

fn selector() -> Value {
    spec(json!({"selector": {"matchLabels": {"b": "b"}}, "template": {"metadata": {"labels": {"b": "b"}}}}))
}

fn image(image: &str) -> Value {
    spec(json!({"template": {"spec": {"containers": [{"name": "a", "image": image}]}}}))
}

fn workload(kind: &str) -> String {
    format!(
        "{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: a}}, spec: {{selector: {{matchLabels: {{a: a}}}}, template: \
         {{metadata: {{labels: {{a: a}}}}, spec: {{containers: [{{name: a, image: 'a:1'}}]}}}}}}}}"
    )
}

fn volume(source: &str) -> String {
    let (name, _) = source.split_once(':').expect("a source");
    format!(
        "{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {}-NAME}}, spec: {{capacity: {{storage: 1Gi}}, \
         accessModes: [ReadWriteOnce], storageClassName: NAME, nodeAffinity: {{required: {{nodeSelectorTerms: [{{matchExpressions: \
         [{{key: a, operator: Exists}}]}}]}}}}, {source}}}}}",
        name.to_lowercase()
    )
}

/// Kinds that make pods.
fn workloads() -> Vec<Case> {
    vec![
        (
            workload("Deployment"),
            vec![(selector(), true), (image("a:2"), false), (spec(json!({"replicas": 3})), false)],
        ),
        (workload("DaemonSet"), vec![(selector(), true), (image("a:2"), false)]),
        (workload("ReplicaSet"), vec![(selector(), true), (image("a:2"), false)]),
        (
            "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {serviceName: a, selector: {matchLabels: {a: a}}, \
             template: {metadata: {labels: {a: a}}, spec: {containers: [{name: a, image: 'a:1'}]}}, volumeClaimTemplates: \
             [{metadata: {name: d}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}".to_owned(),
            vec![
                (selector(), true),
                (spec(json!({"serviceName": "b"})), true),
                (spec(json!({"podManagementPolicy": "Parallel"})), true),
                (
                    spec(json!({"volumeClaimTemplates": [{"metadata": {"name": "d"}, "spec": {"accessModes":
                        ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}}]})),
                    true,
                ),
                (image("a:2"), false),
                (spec(json!({"replicas": 0})), false),
                (spec(json!({"ordinals": {"start": 1}})), false),
                (spec(json!({"minReadySeconds": 3})), false),
                (spec(json!({"revisionHistoryLimit": 3})), false),
                (spec(json!({"updateStrategy": {"rollingUpdate": {"partition": 1}}})), false),
                (spec(json!({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}})), false),
            ],
        ),
        (
            "{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: mine}, data: {a: b}, revision: 1}".to_owned(),
            vec![(json!({"data": {"a": "c"}}), true), (json!({"revision": 2}), false)],
        ),
        (
            "{apiVersion: batch/v1, kind: Job, metadata: {name: a}, spec: {completionMode: Indexed, completions: 2, parallelism: 2, \
             template: {spec: {restartPolicy: Never, containers: [{name: a, image: 'a:1'}]}}}}".to_owned(),
            vec![
                (spec(json!({"selector": {"matchLabels": {"b": "b"}}})), true),
                (image("a:2"), true),
                (spec(json!({"completions": 3})), true),
                (spec(json!({"completions": 3, "parallelism": 3})), false),
                (spec(json!({"completionMode": "NonIndexed"})), true),
                (
                    spec(
                        json!({"podFailurePolicy": {"rules": [{"action": "Ignore", "onExitCodes": {"operator": "In", "values": [3]}}]}}),
                    ),
                    true,
                ),
                (spec(json!({"successPolicy": {"rules": [{"succeededCount": 1}]}})), true),
                (spec(json!({"backoffLimitPerIndex": 3})), true),
                (spec(json!({"managedBy": "company.example/jobs"})), true),
                (spec(json!({"backoffLimit": 3, "activeDeadlineSeconds": 99, "ttlSecondsAfterFinished": 9})), false),
            ],
        ),
        (
            "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: '0 0 1 1 *', jobTemplate: {spec: {template: \
             {spec: {restartPolicy: Never, containers: [{name: a, image: 'a:1'}]}}}}}}".to_owned(),
            vec![(spec(json!({"schedule": "1 0 1 1 *", "jobTemplate": {"spec": {"completions": 3}}})), false)],
        ),
    ]
}

/// Pods and Services.
fn pods_and_services() -> Vec<Case> {
    vec![
        (
            "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {activeDeadlineSeconds: 900, tolerations: [{key: a, operator: \
             Exists}], initContainers: [{name: i, image: 'a:1'}], containers: [{name: a, image: 'a:1'}]}}".to_owned(),
            vec![
                (spec(json!({"hostname": "b"})), true),
                (spec(json!({"containers": [{"name": "a", "image": "a:1", "command": ["b"]}]})), true),
                (spec(json!({"containers": [{"name": "a", "image": "a:2"}]})), false),
                (spec(json!({"initContainers": [{"name": "i", "image": "a:2"}]})), false),
                (spec(json!({"activeDeadlineSeconds": 800})), false),
                (spec(json!({"activeDeadlineSeconds": 1000})), true),
                (
                    spec(
                        json!({"tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}]}),
                    ),
                    false,
                ),
                (spec(json!({"tolerations": [{"key": "b", "operator": "Exists"}]})), true),
            ],
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}], selector: {a: a}}}".to_owned(),
            vec![
                (spec(json!({"clusterIP": "None"})), true),
                (spec(json!({"clusterIPs": ["None"]})), true),
                (spec(json!({"ipFamilies": ["IPv6"]})), true),
                (spec(json!({"ports": [{"port": 81}], "selector": {"b": "b"}, "type": "NodePort"})), false),
            ],
        ),
        (
            "{apiVersion: v1, kind: Service, metadata: {name: b}, spec: {type: LoadBalancer, loadBalancerClass: company.example/a, \
             ports: [{port: 80}], selector: {a: a}}}".to_owned(),
            vec![
                (spec(json!({"loadBalancerClass": "company.example/b"})), true),
                (spec(json!({"sessionAffinity": "ClientIP"})), false),
            ],
        ),
    ]
}

/// Classes, volumes and claims.
fn volumes() -> Vec<Case> {
    vec![
        (
            "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: NAME}, provisioner: company.example/p, parameters: \
             {a: b}, allowVolumeExpansion: true}".to_owned(),
            vec![
                (json!({"provisioner": "company.example/q"}), true),
                (json!({"parameters": {"a": "c"}}), true),
                (json!({"reclaimPolicy": "Retain"}), true),
                (json!({"volumeBindingMode": "WaitForFirstConsumer"}), true),
                (json!({"mountOptions": ["ro"]}), false),
            ],
        ),
        (
            "{apiVersion: v1, kind: PersistentVolume, metadata: {name: NAME}, spec: {capacity: {storage: 2Gi}, accessModes: \
             [ReadWriteOnce], storageClassName: NAME, claimRef: {namespace: NAME, name: bound}, hostPath: {path: /nowhere}}}".to_owned(),
            vec![
                (spec(json!({"hostPath": {"path": "/elsewhere"}})), true),
                (spec(json!({"volumeMode": "Block"})), true),
                (spec(json!({"persistentVolumeReclaimPolicy": "Delete", "mountOptions": ["ro"]})), false),
            ],
        ),
        (
            "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: bound}, spec: {accessModes: [ReadWriteOnce], \
             storageClassName: NAME, resources: {requests: {storage: 2Gi}}}}".to_owned(),
            vec![
                (spec(json!({"resources": {"requests": {"storage": "1Gi"}}})), true),
                (spec(json!({"resources": {"requests": {"storage": "3Gi"}}})), false),
                (spec(json!({"accessModes": ["ReadWriteMany"]})), true),
                (spec(json!({"storageClassName": "other"})), true),
                (spec(json!({"volumeMode": "Block"})), true),
                (spec(json!({"volumeName": "other"})), true),
                (spec(json!({"volumeAttributesClassName": "other"})), false),
            ],
        ),
        (
            "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: pending}, spec: {accessModes: [ReadWriteOnce], \
             storageClassName: no-such-class, resources: {requests: {storage: 2Gi}}}}".to_owned(),
            vec![
                (spec(json!({"resources": {"requests": {"storage": "3Gi"}}})), true),
                (json!({"metadata": {"labels": {"a": "b"}}}), false),
            ],
        ),
        (
            volume("csi: {driver: company.example, volumeHandle: a}"),
            vec![
                (spec(json!({"csi": {"volumeHandle": "b"}})), true),
                (spec(json!({"csi": {"controllerExpandSecretRef": {"name": "a", "namespace": "b"}}})), false),
                (
                    spec(
                        json!({"nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "b", "operator": "Exists"}]}]}}}),
                    ),
                    true,
                ),
            ],
        ),
        (volume("fc: {targetWWNs: [a], lun: 1}"), vec![(spec(json!({"fc": {"lun": 2}})), true)]),
        (
            volume("iscsi: {targetPortal: 10.0.0.1, iqn: iqn.2026-01.company.example:a, lun: 1}"),
            vec![(spec(json!({"iscsi": {"lun": 2}})), true)],
        ),
        (volume("local: {path: /nowhere}"), vec![(spec(json!({"local": {"path": "/elsewhere"}})), true)]),
        (volume("nfs: {server: a, path: /a}"), vec![(spec(json!({"nfs": {"path": "/b"}})), true)]),
    ]
}

/// Content, quotas and classes.
fn content_and_classes() -> Vec<Case> {
    vec![
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: sealed}, data: {a: b}, binaryData: {c: ZA==}, immutable: true}".to_owned(),
            vec![
                (json!({"data": {"a": "c"}}), true),
                (json!({"binaryData": {"c": "ZQ=="}}), true),
                (json!({"immutable": false}), true),
                (json!({"immutable": null}), true),
                (json!({"metadata": {"labels": {"a": "b"}}}), false),
            ],
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: open}, data: {a: b}}".to_owned(),
            vec![(json!({"data": {"a": "c"}, "immutable": true}), false)],
        ),
        (
            "{apiVersion: v1, kind: Secret, metadata: {name: sealed}, type: company.example/a, data: {a: Yg==}, immutable: true}".to_owned(),
            vec![
                (json!({"data": {"a": "Yw=="}}), true),
                (json!({"immutable": false}), true),
                (json!({"type": "company.example/b"}), true),
            ],
        ),
        (
            "{apiVersion: v1, kind: ResourceQuota, metadata: {name: a}, spec: {hard: {pods: 99}, scopes: [BestEffort]}}".to_owned(),
            vec![(spec(json!({"scopes": ["NotBestEffort"]})), true), (spec(json!({"hard": {"pods": 100}})), false)],
        ),
        (
            "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}, addressType: IPv4, endpoints: [], ports: []}".to_owned(),
            vec![(json!({"addressType": "IPv6"}), true), (json!({"ports": [{"name": "a", "port": 80}]}), false)],
        ),
        (
            "{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: NAME}, spec: {controller: company.example/a}}".to_owned(),
            vec![
                (spec(json!({"controller": "company.example/b"})), true),
                (spec(json!({"parameters": {"kind": "A", "name": "b"}})), false),
            ],
        ),
        (
            "{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: NAME}, handler: a}".to_owned(),
            vec![(json!({"handler": "b"}), true), (json!({"metadata": {"labels": {"a": "b"}}}), false)],
        ),
        (
            "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: NAME}, value: 5}".to_owned(),
            vec![
                (json!({"value": 6}), true),
                (json!({"preemptionPolicy": "Never"}), true),
                (json!({"description": "a"}), false),
            ],
        ),
    ]
}

/// Claims of devices, bindings, drivers, definitions, and kinds of which everything may change.
fn others() -> Vec<Case> {
    vec![
        (
            "{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, metadata: {name: a}, spec: {devices: {requests: [{name: a, exactly: \
             {deviceClassName: a}}]}}}".to_owned(),
            vec![(spec(json!({"devices": {"requests": [{"name": "a", "exactly": {"deviceClassName": "b"}}]}})), true)],
        ),
        (
            "{apiVersion: resource.k8s.io/v1, kind: ResourceClaimTemplate, metadata: {name: a}, spec: {spec: {devices: {requests: \
             [{name: a, exactly: {deviceClassName: a}}]}}}}".to_owned(),
            vec![(
                spec(json!({"spec": {"devices": {"requests": [{"name": "a", "exactly": {"deviceClassName": "b"}}]}}})),
                true,
            )],
        ),
        (
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: a}, roleRef: {apiGroup: \
             rbac.authorization.k8s.io, kind: Role, name: a}, subjects: [{kind: ServiceAccount, name: a, namespace: NAME}]}".to_owned(),
            vec![(json!({"roleRef": {"name": "b"}}), true), (json!({"subjects": []}), false)],
        ),
        (
            "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: NAME}, roleRef: {apiGroup: \
             rbac.authorization.k8s.io, kind: ClusterRole, name: no-such-role}}".to_owned(),
            vec![(json!({"roleRef": {"name": "b"}}), true), (json!({"metadata": {"labels": {"a": "b"}}}), false)],
        ),
        (
            "{apiVersion: storage.k8s.io/v1, kind: VolumeAttributesClass, metadata: {name: NAME}, driverName: company.example, \
             parameters: {a: b}}".to_owned(),
            vec![(json!({"driverName": "other.example"}), true), (json!({"parameters": {"a": "c"}}), true)],
        ),
        (
            "{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: NAME}, spec: {attachRequired: true}}".to_owned(),
            vec![
                (spec(json!({"attachRequired": false})), true),
                (spec(json!({"volumeLifecycleModes": ["Ephemeral"]})), true),
                (spec(json!({"storageCapacity": true})), false),
            ],
        ),
        (
            "{apiVersion: storage.k8s.io/v1, kind: VolumeAttachment, metadata: {name: NAME}, spec: {attacher: company.example, \
             nodeName: a, source: {persistentVolumeName: a}}}".to_owned(),
            vec![(spec(json!({"nodeName": "b"})), true)],
        ),
        (
            "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: parts.NAME.example}, spec: {group: \
             NAME.example, scope: Namespaced, names: {kind: Part, plural: parts}, versions: [{name: v1, served: true, storage: true, \
             schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}".to_owned(),
            vec![
                (spec(json!({"group": "other.example"})), true),
                (spec(json!({"scope": "Cluster"})), true),
                (spec(json!({"names": {"kind": "Other"}})), true),
                (spec(json!({"names": {"plural": "others"}})), true),
                (spec(json!({"names": {"shortNames": ["pt"]}})), false),
            ],
        ),
        (
            "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: a}, spec: {minAvailable: 1, selector: {matchLabels: \
             {a: a}}}}".to_owned(),
            vec![(spec(json!({"minAvailable": 2, "selector": {"matchLabels": {"b": "b"}}})), false)],
        ),
        (
            "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: a}, spec: {podSelector: {}}}".to_owned(),
            vec![(spec(json!({"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Egress"]})), false)],
        ),
    ]
}
