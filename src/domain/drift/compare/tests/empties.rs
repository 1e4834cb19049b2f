//! Nothing in its many spellings: null, empty, zero, false, and where each of them means something.

use super::catalogue::{Row, check};

/// Declared as nothing, and gone or filled in live.
#[rustfmt::skip]
const NOTHING: &[Row] = &[
    // what the API server drops
    ("container", "env: [{name: A, value: ''}]", "env: [{name: A}]", ""),
    ("container", "stdin: false\ntty: null\nworkingDir: ''", "", ""),
    ("container", "args: []\ncommand: []\nenv: []\nenvFrom: []\nvolumeMounts: []\nports: []", "", ""),
    ("container", "volumeMounts: [{name: v, mountPath: /v, readOnly: false, subPath: ''}]", "volumeMounts: [{name: v, mountPath: /v}]", ""),
    ("container", "ports: [{containerPort: 80, name: '', hostPort: 0}]", "ports: [{containerPort: 80, protocol: TCP}]", ""),
    ("container", "readinessProbe: {grpc: {port: 9090}, initialDelaySeconds: 0}", "readinessProbe: {grpc: {port: 9090, service: ''}, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3}", ""),
    ("template", "hostNetwork: false\nhostPID: false\nnodeSelector: {}\nimagePullSecrets: []\ninitContainers: []\nvolumes: []", "", ""),
    ("template", "priorityClassName: ''\ntolerations: []\nhostAliases: []", "", ""),
    ("Service", "spec: {clusterIP: '', loadBalancerSourceRanges: [], externalIPs: [], ports: [{port: 80, nodePort: 0, name: ''}]}",
        "spec: {clusterIP: 10.0.0.7, clusterIPs: [10.0.0.7], ports: [{port: 80, targetPort: 80, protocol: TCP, nodePort: 30001}]}", ""),
    ("Service", "spec: {sessionAffinity: '', type: ''}", "spec: {sessionAffinity: None, type: ClusterIP}", ""),
    ("ConfigMap", "metadata: {labels: {}, annotations: {}}\ndata: {}\nbinaryData: {}", "", ""),
    ("ConfigMap", "metadata: {creationTimestamp: null, namespace: ''}\nimmutable: false", "metadata: {creationTimestamp: '2024-01-01T00:00:00Z'}\nimmutable: false", ""),
    ("ConfigMap", "data: {a: ''}", "data: {a: ''}", ""),
    ("networking.k8s.io/v1/NetworkPolicy", "spec: {podSelector: {}, ingress: [], egress: [], policyTypes: [Ingress, Egress]}", "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}", ""),
    ("rbac.authorization.k8s.io/v1/Role", "rules: []", "rules: null", ""),
    ("rbac.authorization.k8s.io/v1/Role", "", "rules: null", ""),
    ("rbac.authorization.k8s.io/v1/RoleBinding", "roleRef: {kind: Role, name: a, apiGroup: rbac.authorization.k8s.io}\nsubjects: [{kind: ServiceAccount, name: a, apiGroup: ''}]",
        "roleRef: {kind: Role, name: a, apiGroup: rbac.authorization.k8s.io}\nsubjects: [{kind: ServiceAccount, name: a}]", ""),
    ("apiextensions.k8s.io/v1/CustomResourceDefinition", "spec: {preserveUnknownFields: false, names: {kind: A, plural: as, shortNames: [], categories: []}, versions: [{name: v1, deprecated: false}]}",
        "spec: {conversion: {strategy: None}, names: {kind: A, plural: as, singular: a, listKind: AList}, versions: [{name: v1}]}", ""),
    ("admissionregistration.k8s.io/v1/MutatingWebhookConfiguration", "webhooks: [{name: a, clientConfig: {url: 'https://a', caBundle: ''}}]", "webhooks: [{name: a, clientConfig: {url: 'https://a'}}]", ""),
    ("scheduling.k8s.io/v1/PriorityClass", "value: 0\nglobalDefault: false\ndescription: ''", "value: 0\npreemptionPolicy: PreemptLowerPriority", ""),
    // what it takes for "not set" and fills in
    ("container", "imagePullPolicy: ''", "imagePullPolicy: IfNotPresent", ""),
    ("container", "terminationMessagePolicy: ''\nterminationMessagePath: ''", "terminationMessagePolicy: File\nterminationMessagePath: /dev/termination-log", ""),
    ("container", "livenessProbe: {httpGet: {port: 80, scheme: ''}, timeoutSeconds: 0, periodSeconds: 0}", "livenessProbe: {httpGet: {port: 80, scheme: HTTP, path: /}, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3}", ""),
    ("container", "ports: [{containerPort: 80, protocol: ''}]", "ports: [{containerPort: 80, protocol: TCP}]", ""),
    ("Service", "spec: {ports: [{port: 80, protocol: '', targetPort: 0}]}", "spec: {ports: [{port: 80, protocol: TCP, targetPort: 80}]}", ""),
    ("template", "restartPolicy: ''\ndnsPolicy: ''\nschedulerName: ''", "restartPolicy: Always\ndnsPolicy: ClusterFirst\nschedulerName: default-scheduler", ""),
    ("flowcontrol.apiserver.k8s.io/v1/FlowSchema", "spec: {matchingPrecedence: 0}", "spec: {matchingPrecedence: 1000}", ""),
    ("ReplicationController", "spec: {selector: {}, template: {metadata: {labels: {app: a}}}}", "spec: {replicas: 1, selector: {app: a}, template: {metadata: {labels: {app: a}}}}", ""),
    // what it adds where nothing is meant
    ("batch/v1/CronJob", "spec: {jobTemplate: {spec: {template: {spec: {}}}}}", "spec: {jobTemplate: {metadata: {creationTimestamp: null}, spec: {template: {metadata: {}, spec: {restartPolicy: Always}}}}}", ""),
    ("discovery.k8s.io/v1/EndpointSlice", "endpoints: [{addresses: [10.0.0.1]}]", "endpoints: [{addresses: [10.0.0.1], conditions: {}}]", ""),
    ("template", "volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {}}}}]", "volumes: [{name: v, ephemeral: {volumeClaimTemplate: {metadata: {creationTimestamp: null}, spec: {volumeMode: Filesystem}}}}]", ""),
    ("container", "resources: {}\nsecurityContext: {}", "", ""),
    ("container", "", "resources: {}", ""),
    ("template", "securityContext: {}\naffinity: {}\ndnsConfig: {}", "", ""),
    ("template", "volumes: [{name: v}]", "volumes: [{name: v, emptyDir: {}}]", ""),
    ("ConfigMap", "status: {}", "", ""),
    ("apps/v1/Deployment", "status: {replicas: 1}", "status: {replicas: 3}", ""),
    // null in a map is "" after a create and absent after a client-side apply
    ("ConfigMap", "data: {a: null}", "data: {a: ''}", ""),
    ("ConfigMap", "data: {a: null}", "", ""),
    ("ConfigMap", "data: {a: null}", "data: {a: b}", "added data.a"),
    ("ConfigMap", "metadata: {labels: {a: null}}", "metadata: {labels: {a: ''}}", ""),
    ("template", "nodeSelector: null\nsecurityContext: null", "", ""),
    // custom kinds: null and the schema's default
    ("company.example/v1/Backup", "spec: {retain: null}", "spec: {retain: 7}", ""),
    ("company.example/v1/Backup", "spec: {target: {}}", "spec: {target: {bucket: backups, encrypted: true}}", ""),
    ("company.example/v1/Backup", "", "spec: {retain: 7, timeout: 30m, target: {bucket: backups, encrypted: true}}", ""),
    ("company.example/v1/Backup", "spec: {owner: null}", "spec: {owner: null}", ""),
    ("company.example/v1/Backup", "spec: {owner: null}", "spec: {owner: nobody}", ""),
    ("company.example/v1/Backup", "spec: {hooks: [], zones: [], extra: {}}", "", ""),
];

/// Where zero, false or empty is a value like another.
#[rustfmt::skip]
const SOMETHING: &[Row] = &[
    ("template", "automountServiceAccountToken: false", "automountServiceAccountToken: false", ""),
    ("template", "automountServiceAccountToken: false", "", "removed POD.automountServiceAccountToken"),
    ("template", "automountServiceAccountToken: false", "automountServiceAccountToken: true", "changed POD.automountServiceAccountToken"),
    ("template", "terminationGracePeriodSeconds: 0", "terminationGracePeriodSeconds: 30", "changed POD.terminationGracePeriodSeconds"),
    ("template", "enableServiceLinks: false", "enableServiceLinks: true", "changed POD.enableServiceLinks"),
    ("template", "", "terminationGracePeriodSeconds: 0", "added POD.terminationGracePeriodSeconds"),
    ("template", "", "enableServiceLinks: false", "added POD.enableServiceLinks"),
    ("container", "securityContext: {runAsUser: 0}", "", "removed APP.securityContext"),
    ("container", "securityContext: {allowPrivilegeEscalation: false}", "securityContext: {}", "removed APP.securityContext.allowPrivilegeEscalation"),
    ("container", "", "securityContext: {runAsUser: 0}", "added APP.securityContext.runAsUser"),
    ("container", "securityContext: {privileged: false}", "", ""),
    ("container", "securityContext: {privileged: true}", "", "removed APP.securityContext"),
    ("container", "securityContext: {privileged: false}", "securityContext: {privileged: true}", "changed APP.securityContext.privileged"),
    ("template", "hostNetwork: true", "", "removed POD.hostNetwork"),
    ("apps/v1/Deployment", "spec: {replicas: 0}", "spec: {replicas: 1}", "changed spec.replicas"),
    ("apps/v1/Deployment", "spec: {revisionHistoryLimit: 0}", "spec: {revisionHistoryLimit: 10}", "changed spec.revisionHistoryLimit"),
    ("apps/v1/Deployment", "", "spec: {replicas: 0}", "added spec.replicas"),
    ("apps/v1/Deployment", "", "spec: {minReadySeconds: 0, paused: false}", ""),
    ("batch/v1/Job", "spec: {ttlSecondsAfterFinished: 0}", "spec: {}", "removed spec.ttlSecondsAfterFinished"),
    ("batch/v1/Job", "spec: {backoffLimit: 0}", "spec: {backoffLimit: 6}", "changed spec.backoffLimit"),
    ("policy/v1/PodDisruptionBudget", "spec: {minAvailable: 0}", "spec: {}", "removed spec.minAvailable"),
    ("policy/v1/PodDisruptionBudget", "spec: {minAvailable: 0}", "spec: {minAvailable: 1}", "changed spec.minAvailable"),
    ("PersistentVolumeClaim", "spec: {storageClassName: ''}", "spec: {storageClassName: gold}", "changed spec.storageClassName"),
    ("Service", "spec: {ports: [{port: 80, targetPort: 0}]}", "spec: {ports: [{port: 80, targetPort: 8080, protocol: TCP}]}", "added spec.ports[port=80,protocol=TCP].targetPort"),
    ("apps/v1/Deployment", "spec: {selector: {}}", "spec: {selector: {matchLabels: {a: b}}}", "added spec.selector.matchLabels"),
    ("networking.k8s.io/v1/NetworkPolicy", "spec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}", "spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{}]}", "removed spec.ingress[0].from"),
    ("container", "env: [{name: A, value: ''}]", "env: [{name: A, value: x}]", "added APP.env[name=A].value"),
    ("container", "env: [{name: A, value: ''}]", "", "removed APP.env"),
    ("ConfigMap", "data: {a: ''}", "data: {}", "removed data.a"),
    ("ConfigMap", "", "data: {a: ''}", "added data.a"),
    ("ConfigMap", "immutable: true", "", "removed immutable"),
    ("ConfigMap", "", "metadata: {labels: {a: ''}}", "added metadata.labels.a"),
    ("container", "livenessProbe: {httpGet: {port: 80}, periodSeconds: 0}", "livenessProbe: {httpGet: {port: 80}, periodSeconds: 60}", "added APP.livenessProbe.periodSeconds"),
    ("storage.k8s.io/v1/CSIDriver", "spec: {attachRequired: false}", "spec: {attachRequired: true}", "changed spec.attachRequired"),
    ("storage.k8s.io/v1/CSIDriver", "spec: {}", "spec: {attachRequired: false, podInfoOnMount: false}", "added spec.attachRequired"),
    ("company.example/v1/Backup", "spec: {retain: 0}", "spec: {retain: 7}", "changed spec.retain"),
    ("company.example/v1/Backup", "spec: {target: {encrypted: false}}", "spec: {target: {bucket: backups, encrypted: true}}", "changed spec.target.encrypted"),
    ("company.example/v1/Backup", "", "spec: {target: {bucket: backups, encrypted: false}}", "added spec.target.encrypted"),
    ("company.example/v1/Backup", "spec: {paused: true}", "spec: {retain: 7}", "removed spec.paused"),
];

/// What the API server drops, fills in or adds where nothing is meant is no drift.
#[test]
fn nothing_is_nothing_however_it_is_written() {
    check(NOTHING);
}

/// A zero, false or "" that the API server keeps is told from its absence and from a default.
#[test]
fn a_zero_that_counts_is_a_value() {
    check(SOMETHING);
}
