//! What the API server, controllers and tools fill in where Git says nothing, told by the tables alone: these live
//! objects have no `managedFields`.

use super::catalogue::{Row, check};

#[rustfmt::skip]
const DEPENDS: &[Row] = &[
    // the pull policy follows from the image
    ("template", "containers: [{name: a, image: nginx}]", "containers: [{name: a, image: nginx, imagePullPolicy: Always}]", ""),
    ("template", "containers: [{name: a, image: 'nginx:1'}]", "containers: [{name: a, image: 'nginx:1', imagePullPolicy: IfNotPresent}]", ""),
    ("template", "containers: [{name: a, image: 'host:5000/a/b'}]", "containers: [{name: a, image: 'host:5000/a/b', imagePullPolicy: Always}]", ""),
    ("template", "containers: [{name: a, image: 'nginx:1'}]", "containers: [{name: a, image: 'nginx:1', imagePullPolicy: Never}]", "added APP.imagePullPolicy"),
    ("container", "imagePullPolicy: Always", "imagePullPolicy: IfNotPresent", "changed APP.imagePullPolicy"),
    // an explicit default is what is there
    ("template", "restartPolicy: Always\ndnsPolicy: ClusterFirst\nterminationGracePeriodSeconds: 30", "restartPolicy: Always\ndnsPolicy: ClusterFirst\nterminationGracePeriodSeconds: 30\nschedulerName: default-scheduler\nsecurityContext: {}", ""),
    ("apps/v1/Deployment", "spec: {replicas: 1, progressDeadlineSeconds: 600, revisionHistoryLimit: 10}", "spec: {replicas: 1, progressDeadlineSeconds: 600, revisionHistoryLimit: 10, strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}}", ""),
    ("apps/v1/Deployment", "spec: {strategy: {type: Recreate}}", "spec: {strategy: {type: Recreate}}", ""),
    ("apps/v1/Deployment", "spec: {strategy: {rollingUpdate: {maxSurge: 0}}}", "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, maxUnavailable: 25%}}}", ""),
    ("apps/v1/Deployment", "spec: {}", "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 50%, maxUnavailable: 25%}}}", "added spec.strategy.rollingUpdate.maxSurge"),
    ("apps/v1/StatefulSet", "spec: {updateStrategy: {type: RollingUpdate}}", "spec: {updateStrategy: {type: RollingUpdate}}", ""),
    ("apps/v1/StatefulSet", "spec: {}", "spec: {updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}}", "added spec.updateStrategy.rollingUpdate.partition"),
    ("apps/v1/DaemonSet", "spec: {}", "spec: {updateStrategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}, revisionHistoryLimit: 10}", ""),
    ("batch/v1/Job", "spec: {}", "spec: {parallelism: 1, completions: 1, backoffLimit: 6, completionMode: NonIndexed, suspend: false, podReplacementPolicy: TerminatingOrFailed}", ""),
    ("batch/v1/Job", "spec: {parallelism: 2}", "spec: {parallelism: 2, completions: 1}", "added spec.completions"),
    ("batch/v1/Job", "spec: {backoffLimitPerIndex: 1}", "spec: {backoffLimitPerIndex: 1, backoffLimit: 2147483647}", ""),
    ("batch/v1/Job", "spec: {podFailurePolicy: {rules: []}}", "spec: {podFailurePolicy: {rules: []}, podReplacementPolicy: Failed}", ""),
    ("batch/v1/Job", "spec: {template: {metadata: {labels: {app: a}}}}", "metadata: {labels: {app: a, controller-uid: u, job-name: x, batch.kubernetes.io/controller-uid: u, batch.kubernetes.io/job-name: x}}\nspec: {selector: {matchLabels: {batch.kubernetes.io/controller-uid: u}}, template: {metadata: {labels: {app: a, controller-uid: u, job-name: x}}}}", ""),
    ("ReplicationController", "spec: {template: {metadata: {labels: {app: a}}}}", "metadata: {labels: {app: a}}\nspec: {selector: {app: a}, replicas: 1, template: {metadata: {labels: {app: a}}}}", ""),
    ("networking.k8s.io/v1/NetworkPolicy", "spec: {podSelector: {}, egress: [{}]}", "spec: {podSelector: {}, egress: [{}], policyTypes: [Ingress, Egress]}", ""),
    ("networking.k8s.io/v1/NetworkPolicy", "spec: {podSelector: {}}", "spec: {podSelector: {}, policyTypes: [Ingress, Egress]}", "added spec.policyTypes"),
    ("Service", "spec: {sessionAffinity: ClientIP}", "spec: {sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 10800}}}", ""),
    ("Service", "spec: {type: LoadBalancer}", "spec: {type: LoadBalancer, allocateLoadBalancerNodePorts: true, externalTrafficPolicy: Cluster, internalTrafficPolicy: Cluster}", ""),
    ("Service", "spec: {type: LoadBalancer}", "spec: {type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 31000}", "added spec.externalTrafficPolicy"),
    ("pod", "containers: [{name: a, resources: {limits: {cpu: 1}}}]", "containers: [{name: a, resources: {limits: {cpu: '1'}, requests: {cpu: '1'}}}]", ""),
    ("container", "resources: {limits: {cpu: 1}}", "resources: {limits: {cpu: '1'}, requests: {cpu: '1'}}", "added APP.resources.requests.cpu"),
    ("LimitRange", "spec: {limits: [{type: Container, max: {cpu: 2}}]}", "spec: {limits: [{type: Container, max: {cpu: '2'}, default: {cpu: '2'}, defaultRequest: {cpu: '2'}}]}", ""),
    // two names of one thing
    ("template", "serviceAccountName: a", "serviceAccountName: a\nserviceAccount: a", ""),
    ("template", "serviceAccount: a", "serviceAccountName: a\nserviceAccount: a", ""),
    ("template", "serviceAccountName: a", "serviceAccountName: b\nserviceAccount: b", "added POD.serviceAccount; changed POD.serviceAccountName"),
    ("pod", "containers: []", "containers: []\nserviceAccountName: default\nserviceAccount: default", ""),
    ("template", "containers: []", "containers: []\nserviceAccountName: admin\nserviceAccount: admin", "added POD.serviceAccount; added POD.serviceAccountName"),
    ("PersistentVolumeClaim", "spec: {dataSource: {kind: PersistentVolumeClaim, name: a}}", "spec: {dataSource: {kind: PersistentVolumeClaim, name: a}, dataSourceRef: {kind: PersistentVolumeClaim, name: a}}", ""),
    ("PersistentVolumeClaim", "spec: {dataSourceRef: {kind: PersistentVolumeClaim, name: a}}", "spec: {dataSource: {kind: PersistentVolumeClaim, name: a}, dataSourceRef: {kind: PersistentVolumeClaim, name: a}}", ""),
    // both versions of one kind, each by its own
    ("autoscaling/v1/HorizontalPodAutoscaler", "spec: {maxReplicas: 3}", "spec: {minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 80}", ""),
    ("autoscaling/v1/HorizontalPodAutoscaler", "spec: {maxReplicas: 3, targetCPUUtilizationPercentage: 70}", "metadata: {annotations: {autoscaling.alpha.kubernetes.io/conditions: '[]', autoscaling.alpha.kubernetes.io/current-metrics: '[]'}}\nspec: {minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 70}", ""),
    ("autoscaling/v1/HorizontalPodAutoscaler", "spec: {maxReplicas: 3}", "spec: {minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 50}", "added spec.targetCPUUtilizationPercentage"),
    ("autoscaling/v2/HorizontalPodAutoscaler", "spec: {maxReplicas: 3}", "spec: {minReplicas: 1, maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]}", ""),
    ("autoscaling/v2/HorizontalPodAutoscaler", "spec: {maxReplicas: 3}", "spec: {minReplicas: 1, maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]}", "added spec.metrics"),
];

#[rustfmt::skip]
const WRITTEN: &[Row] = &[
    // of every object
    ("ConfigMap", "", "metadata: {uid: u, resourceVersion: '1', generation: 2, selfLink: /a, creationTimestamp: '2024-01-01T00:00:00Z', namespace: n, deletionTimestamp: '2024-01-01T00:00:00Z', deletionGracePeriodSeconds: 0, ownerReferences: [{uid: u, kind: A, name: a, apiVersion: v1}], finalizers: [foregroundDeletion]}\nstatus: {a: b}", ""),
    ("Namespace", "", "metadata: {labels: {kubernetes.io/metadata.name: x}}\nspec: {finalizers: [kubernetes]}", ""),
    // annotations and labels of controllers and tools
    ("apps/v1/Deployment", "", "metadata: {annotations: {deployment.kubernetes.io/revision: '3', kubectl.kubernetes.io/last-applied-configuration: '{}', kubernetes.io/change-cause: a}}", ""),
    ("apps/v1/ReplicaSet", "", "metadata: {annotations: {deployment.kubernetes.io/desired-replicas: '1', deployment.kubernetes.io/max-replicas: '2', rollout.argoproj.io/desired-replicas: '1'}}", ""),
    ("apps/v1/DaemonSet", "", "metadata: {annotations: {deprecated.daemonset.template.generation: '1'}}", ""),
    ("PersistentVolumeClaim", "", "metadata: {annotations: {pv.kubernetes.io/bind-completed: 'yes', pv.kubernetes.io/bound-by-controller: 'yes', volume.kubernetes.io/selected-node: n, volume.kubernetes.io/storage-provisioner: p}}", ""),
    ("ConfigMap", "", "metadata: {annotations: {argocd.argoproj.io/tracking-id: a, meta.helm.sh/release-name: r, meta.helm.sh/release-namespace: n}, labels: {app.kubernetes.io/managed-by: Helm, app.kubernetes.io/instance: r}}", ""),
    ("ConfigMap", "", "metadata: {labels: {kustomize.toolkit.fluxcd.io/name: a, kustomize.toolkit.fluxcd.io/namespace: b, helm.toolkit.fluxcd.io/name: c}}", ""),
    ("ConfigMap", "", "metadata: {annotations: {objectset.rio.cattle.io/id: a, field.cattle.io/projectId: b, cloud.google.com/neg-status: c, config.kubernetes.io/origin: d}}", ""),
    ("ConfigMap", "", "metadata: {annotations: {reconcile.fluxcd.io/requestedAt: t}}", ""),
    ("Service", "", "metadata: {annotations: {cloud.google.com/neg: '{}', autopilot.gke.io/resource-adjustment: '{}', openshift.io/host.generated: 'true'}}", ""),
    ("pod", "", "", ""),
    ("ConfigMap", "", "metadata: {annotations: {note: temporary}}", "added metadata.annotations.note"),
    ("ConfigMap", "", "metadata: {labels: {app.kubernetes.io/managed-by: somebody}}", "added metadata.labels[\"app.kubernetes.io/managed-by\"]"),
    ("apps/v1/Deployment", "", "spec: {template: {metadata: {annotations: {kubectl.kubernetes.io/restartedAt: t}}}}", "added spec.template.metadata.annotations[\"kubectl.kubernetes.io/restartedAt\"]"),
    // what is declared counts, whoever else may write it
    ("ConfigMap", "metadata: {labels: {app.kubernetes.io/instance: a}}", "metadata: {labels: {app.kubernetes.io/instance: b}}", "changed metadata.labels[\"app.kubernetes.io/instance\"]"),
    ("ConfigMap", "metadata: {annotations: {meta.helm.sh/release-name: r}}", "", "removed metadata.annotations[\"meta.helm.sh/release-name\"]"),
    // allocated
    ("Service", "spec: {ports: [{port: 80}]}", "spec: {clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ipFamilies: [IPv4], ipFamilyPolicy: SingleStack, ports: [{port: 80, nodePort: 30000}]}", ""),
    ("Service", "spec: {clusterIP: 10.0.0.1}", "spec: {clusterIP: 10.0.0.2}", "changed spec.clusterIP"),
    ("PersistentVolumeClaim", "spec: {accessModes: [ReadWriteOnce]}", "spec: {accessModes: [ReadWriteOnce], storageClassName: gold, volumeName: pv-1, volumeMode: Filesystem}", ""),
    ("PersistentVolume", "spec: {capacity: {storage: 1Gi}}", "spec: {capacity: {storage: 1Gi}, claimRef: {name: a}, persistentVolumeReclaimPolicy: Retain, volumeMode: Filesystem}", ""),
    ("networking.k8s.io/v1/Ingress", "spec: {}", "spec: {ingressClassName: nginx}", ""),
    ("networking.k8s.io/v1/Ingress", "metadata: {annotations: {kubernetes.io/ingress.class: nginx}}", "metadata: {annotations: {kubernetes.io/ingress.class: nginx}}", ""),
    ("admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration", "webhooks: [{name: a, clientConfig: {url: 'https://a'}}]", "webhooks: [{name: a, clientConfig: {url: 'https://a', caBundle: YQ==}}]", ""),
    ("apiregistration.k8s.io/v1/APIService", "spec: {service: {name: a, namespace: b}}", "spec: {service: {name: a, namespace: b, port: 443}, caBundle: YQ==}", ""),
    // of Pods alone
    ("pod", "containers: [{name: a}]", "nodeName: node-1\npriority: 0\npreemptionPolicy: PreemptLowerPriority\nenableServiceLinks: true\npriorityClassName: picked\nimagePullSecrets: [{name: a}]\ncontainers: [{name: a, volumeMounts: [{name: kube-api-access-1, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}]}]\nvolumes: [{name: kube-api-access-1, projected: {defaultMode: 420}}]", ""),
    ("template", "containers: []", "containers: []\nnodeName: node-1\npriorityClassName: high", "added POD.nodeName; added POD.priorityClassName"),
    ("container", "", "env: [{name: STAKATER_SETTINGS_CONFIGMAP, value: hash}]", ""),
    // of aggregated roles
    ("rbac.authorization.k8s.io/v1/ClusterRole", "aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}\nrules: []", "aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}\nrules: [{apiGroups: [''], verbs: [get]}]", ""),
    ("rbac.authorization.k8s.io/v1/ClusterRole", "rules: []", "rules: [{apiGroups: [''], verbs: [get]}]", "added rules"),
    ("apiextensions.k8s.io/v1/CustomResourceDefinition", "spec: {names: {kind: Thing, plural: things}}", "spec: {names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}, conversion: {strategy: None}}\nstatus: {conditions: []}", ""),
];

/// Defaults that depend on other fields, in each of their branches, and other names of one thing.
#[test]
fn what_follows_from_other_fields() {
    check(DEPENDS);
}

/// What tools, controllers and the API server write is no drift where Git says nothing; what is declared counts.
#[test]
fn what_tools_and_controllers_write() {
    check(WRITTEN);
}
