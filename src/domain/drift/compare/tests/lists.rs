//! Lists: by merge keys, as sets, as one value; in which of them the order counts.

use super::catalogue::{Row, check};

#[rustfmt::skip]
const KEYED: &[Row] = &[
    ("template", "containers: [{name: a, image: 'a:1'}, {name: b, image: 'b:1'}]", "containers: [{name: b, image: 'b:1'}, {name: a, image: 'a:1'}]", ""),
    ("template", "containers: [{name: a, image: 'a:1'}]", "containers: [{name: a, image: 'a:1'}, {name: b, image: 'b:1'}]", "added POD.containers[name=b]"),
    ("template", "containers: [{name: a, image: 'a:1'}, {name: b, image: 'b:1'}]", "containers: [{name: a, image: 'a:1'}]", "removed POD.containers[name=b]"),
    ("template", "containers: [{name: a, image: 'a:1'}]", "containers: [{name: b, image: 'a:1'}]", "added POD.containers[name=b]; removed APP"),
    ("container", "env: [{name: A, value: '1'}, {name: B, value: '2'}]", "env: [{name: B, value: '2'}, {name: A, value: '1'}]", ""),
    ("container", "env: [{name: A, value: '1'}]", "env: [{name: A, value: '2'}]", "changed APP.env[name=A].value"),
    ("container", "env: [{name: A, value: '1'}]", "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]", "added APP.env[name=A].valueFrom.fieldRef.fieldPath; removed APP.env[name=A].value"),
    // the key's default is filled in before items are told apart
    ("container", "ports: [{containerPort: 53}, {containerPort: 53, protocol: UDP}]", "ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53, protocol: TCP}]", ""),
    ("container", "ports: [{containerPort: 53}]", "ports: [{containerPort: 53, protocol: UDP}]", "added APP.ports[containerPort=53,protocol=UDP]; removed APP.ports[containerPort=53,protocol=TCP]"),
    ("container", "ports: [{containerPort: 80, name: http}]", "ports: [{containerPort: 80, name: web, protocol: TCP}]", "changed APP.ports[containerPort=80,protocol=TCP].name"),
    ("Service", "spec: {ports: [{port: 53, name: a}, {port: 53, name: b, protocol: UDP}]}", "spec: {ports: [{port: 53, name: b, protocol: UDP, targetPort: 53}, {port: 53, name: a, protocol: TCP, targetPort: 53}]}", ""),
    ("container", "volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /b}]", "volumeMounts: [{name: v, mountPath: /b}, {name: v, mountPath: /a}]", ""),
    ("container", "volumeMounts: [{name: v, mountPath: /a}]", "volumeMounts: [{name: w, mountPath: /a}]", "changed APP.volumeMounts[mountPath=/a].name"),
    ("template", "topologySpreadConstraints: [{topologyKey: z, maxSkew: 1, whenUnsatisfiable: DoNotSchedule}, {topologyKey: z, maxSkew: 2, whenUnsatisfiable: ScheduleAnyway}]",
        "topologySpreadConstraints: [{topologyKey: z, maxSkew: 2, whenUnsatisfiable: ScheduleAnyway}, {topologyKey: z, maxSkew: 1, whenUnsatisfiable: DoNotSchedule}]", ""),
    ("template", "imagePullSecrets: [{name: a}, {name: b}]", "imagePullSecrets: [{name: b}, {name: a}]", ""),
    ("template", "hostAliases: [{ip: 10.0.0.1, hostnames: [a]}]", "hostAliases: [{ip: 10.0.0.1, hostnames: [b]}]", "changed POD.hostAliases[ip=10.0.0.1].hostnames[0]"),
    ("ServiceAccount", "secrets: [{name: a}]", "secrets: [{name: a}, {name: x-token-abcde}, {name: x-dockercfg-abcde}]", ""),
    ("ServiceAccount", "secrets: [{name: a}]", "secrets: [{name: a}, {name: b}]", "added secrets[name=b]"),
    ("admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration", "webhooks: [{name: a}, {name: b}]", "webhooks: [{name: b}, {name: a}]", ""),
    ("company.example/v1/Backup", "spec: {hooks: [{name: a}, {name: b, when: After}]}", "spec: {hooks: [{name: b, when: After}, {name: a, when: Before}]}", ""),
    ("company.example/v1/Backup", "spec: {hooks: [{name: a}]}", "spec: {hooks: [{name: a, when: After}]}", "added spec.hooks[name=a].when"),
    // two items of one name were legal once: then the list is compared as it stands
    ("container", "env: [{name: A, value: '1'}, {name: A, value: '2'}]", "env: [{name: A, value: '1'}, {name: A, value: '2'}]", ""),
    ("container", "env: [{name: A, value: '1'}, {name: A, value: '2'}]", "env: [{name: A, value: '1'}, {name: A, value: '3'}]", "changed APP.env[1].value"),
    // the order counts where a variable refers to another, and for what is started one after the other
    ("container", "env: [{name: A, value: '1'}, {name: B, value: $(A)2}]", "env: [{name: B, value: $(A)2}, {name: A, value: '1'}]", "changed APP.env"),
    ("container", "env: [{name: A, value: '1'}, {name: B, value: $(A)2}]", "env: [{name: A, value: '1'}, {name: B, value: $(A)2}]", ""),
    ("template", "initContainers: [{name: a, image: 'a:1'}, {name: b, image: 'b:1'}]", "initContainers: [{name: b, image: 'b:1'}, {name: a, image: 'a:1'}]", "changed POD.initContainers"),
    ("template", "initContainers: [{name: a, image: 'a:1'}, {name: b, image: 'b:1'}]", "initContainers: [{name: a, image: 'a:1'}, {name: b, image: 'b:2'}]", "changed POD.initContainers[name=b].image"),
];

#[rustfmt::skip]
const SETS_AND_WHOLES: &[Row] = &[
    // sets
    ("company.example/v1/Backup", "spec: {zones: [a, b]}", "spec: {zones: [b, a]}", ""),
    ("company.example/v1/Backup", "spec: {zones: [a, b]}", "spec: {zones: [a, c]}", "added spec.zones[=c]; removed spec.zones[=b]"),
    ("storage.k8s.io/v1/CSIDriver", "spec: {volumeLifecycleModes: [Persistent, Ephemeral]}", "spec: {volumeLifecycleModes: [Ephemeral, Persistent]}", ""),
    ("ConfigMap", "metadata: {finalizers: [a.example/x]}", "metadata: {finalizers: [b.example/y, a.example/x]}", ""),
    ("ConfigMap", "metadata: {finalizers: [a.example/x]}", "metadata: {finalizers: []}", "removed metadata.finalizers[=a.example/x]"),
    // one value, in order
    ("container", "args: [a, b]", "args: [b, a]", "changed APP.args[0]; changed APP.args[1]"),
    ("container", "args: [a, b]", "args: [a]", "changed APP.args"),
    ("container", "command: [a]", "command: [a, b]", "changed APP.command"),
    ("company.example/v1/Backup", "spec: {steps: [a, b]}", "spec: {steps: [b, a]}", "changed spec.steps[0]; changed spec.steps[1]"),
    ("container", "envFrom: [{configMapRef: {name: a}}, {secretRef: {name: b}}]", "envFrom: [{secretRef: {name: b}}, {configMapRef: {name: a}}]",
        "added APP.envFrom[0].secretRef; added APP.envFrom[1].configMapRef; removed APP.envFrom[0].configMapRef; removed APP.envFrom[1].secretRef"),
    ("networking.k8s.io/v1/Ingress", "spec: {rules: [{host: a}]}", "spec: {rules: [{host: b}]}", "changed spec.rules[0].host"),
    ("apps/v1/StatefulSet", "spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {resources: {requests: {storage: 1024Mi}}}}]}",
        "spec: {volumeClaimTemplates: [{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: d, creationTimestamp: null}, spec: {volumeMode: Filesystem, resources: {requests: {storage: 1Gi}}}, status: {phase: Pending}}]}", ""),
    ("apps/v1/StatefulSet", "spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {resources: {requests: {storage: 1Gi}}}}]}",
        "spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {resources: {requests: {storage: 2Gi}}}}]}", "changed spec.volumeClaimTemplates[0].spec.resources.requests.storage"),
    // defaults reach into them
    ("networking.k8s.io/v1/NetworkPolicy", "spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}", "spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: 80, protocol: TCP}]}]}", ""),
    ("networking.k8s.io/v1/NetworkPolicy", "spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}", "spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: 80, protocol: UDP}]}]}", "added spec.ingress[0].ports[0].protocol"),
    ("template", "volumes: [{name: v, projected: {sources: [{downwardAPI: {items: [{path: a, fieldRef: {fieldPath: metadata.name}}]}}, {serviceAccountToken: {path: t}}]}}]",
        "volumes: [{name: v, projected: {defaultMode: 420, sources: [{downwardAPI: {items: [{path: a, fieldRef: {apiVersion: v1, fieldPath: metadata.name}}]}}, {serviceAccountToken: {path: t, expirationSeconds: 3600}}]}}]", ""),
    ("admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration", "webhooks: [{name: a, rules: [{operations: [CREATE]}]}]", "webhooks: [{name: a, rules: [{operations: [CREATE], scope: '*'}]}]", ""),
    ("autoscaling/v2/HorizontalPodAutoscaler", "spec: {maxReplicas: 3, behavior: {scaleDown: {policies: [{type: Pods, value: 1, periodSeconds: 60}]}}}",
        "spec: {minReplicas: 1, maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}], behavior: {scaleUp: {stabilizationWindowSeconds: 0, selectPolicy: Max, policies: [{type: Pods, value: 4, periodSeconds: 15}, {type: Percent, value: 100, periodSeconds: 15}]}, scaleDown: {selectPolicy: Max, policies: [{type: Pods, value: 1, periodSeconds: 60}]}}}", ""),
    // whose order means nothing
    ("rbac.authorization.k8s.io/v1/Role", "rules: [{apiGroups: ['', apps], resources: [pods], verbs: [get, list]}]", "rules: [{apiGroups: [apps, ''], resources: [pods], verbs: [list, get]}]", ""),
    ("rbac.authorization.k8s.io/v1/Role", "rules: [{apiGroups: [''], verbs: [get]}, {apiGroups: [apps], verbs: [list]}]", "rules: [{apiGroups: [apps], verbs: [list]}, {apiGroups: [''], verbs: [get]}]", ""),
    ("rbac.authorization.k8s.io/v1/Role", "rules: [{apiGroups: [''], verbs: [get]}]", "rules: [{apiGroups: [''], verbs: [get, list]}]", "changed rules[0].verbs"),
    ("rbac.authorization.k8s.io/v1/RoleBinding", "roleRef: {kind: Role, name: a}\nsubjects: [{kind: User, name: a}, {kind: Group, name: b}]",
        "roleRef: {kind: Role, name: a, apiGroup: rbac.authorization.k8s.io}\nsubjects: [{kind: Group, name: b, apiGroup: rbac.authorization.k8s.io}, {kind: User, name: a, apiGroup: rbac.authorization.k8s.io}]", ""),
    ("rbac.authorization.k8s.io/v1/RoleBinding", "roleRef: {kind: Role, name: a}\nsubjects: [{kind: User, name: a}, {kind: User, name: b}]",
        "roleRef: {kind: Role, name: a, apiGroup: rbac.authorization.k8s.io}\nsubjects: [{kind: User, name: a, apiGroup: rbac.authorization.k8s.io}, {kind: User, name: c, apiGroup: rbac.authorization.k8s.io}]", "changed subjects[1].name"),
    ("rbac.authorization.k8s.io/v1/RoleBinding", "roleRef: {kind: Role, name: a}\nsubjects: [{kind: User, name: a}, {kind: User, name: a}]",
        "roleRef: {kind: Role, name: a, apiGroup: rbac.authorization.k8s.io}\nsubjects: [{kind: User, name: b}, {kind: User, name: a}]", "changed subjects[0].name"),
    ("networking.k8s.io/v1/NetworkPolicy", "spec: {podSelector: {}, ingress: [{ports: [{port: 80}, {port: 443}]}]}", "spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: 443, protocol: TCP}, {port: 80, protocol: TCP}]}]}", ""),
    ("container", "securityContext: {capabilities: {drop: [NET_RAW, ALL]}}", "securityContext: {capabilities: {drop: [ALL, NET_RAW]}}", ""),
    ("container", "securityContext: {capabilities: {drop: [ALL]}}", "securityContext: {capabilities: {drop: [ALL], add: [NET_ADMIN]}}", "added APP.securityContext.capabilities.add"),
    ("template", "tolerations: [{key: a, operator: Exists}, {key: b, operator: Exists}]", "tolerations: [{key: b, operator: Exists}, {key: a, operator: Exists}]", ""),
    ("template", "tolerations: [{key: a, operator: Exists}]", "tolerations: [{key: a, operator: Exists}, {operator: Exists}]", "changed POD.tolerations"),
    ("PersistentVolumeClaim", "spec: {accessModes: [ReadWriteOnce, ReadOnlyMany]}", "spec: {accessModes: [ReadOnlyMany, ReadWriteOnce]}", ""),
    ("Service", "spec: {externalIPs: [192.0.2.1, 192.0.2.2]}", "spec: {externalIPs: [192.0.2.2, 192.0.2.1], externalTrafficPolicy: Cluster}", ""),
    ("autoscaling/v2/HorizontalPodAutoscaler", "spec: {maxReplicas: 2, metrics: [{type: Resource, resource: {name: cpu}}, {type: Resource, resource: {name: memory}}]}",
        "spec: {maxReplicas: 2, minReplicas: 1, metrics: [{type: Resource, resource: {name: memory}}, {type: Resource, resource: {name: cpu}}]}", ""),
    // what every Pod is given
    ("pod", "tolerations: [{key: gpu, operator: Exists}]", "tolerations: [{key: gpu, operator: Exists}, {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300}, {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 300}]", ""),
    ("template", "tolerations: []", "tolerations: [{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300}]", "added POD.tolerations"),
];

/// Items are found by their keys in any order, except where the order decides.
#[test]
fn items_are_told_apart_by_their_keys() {
    check(KEYED);
}

/// Sets have no order, whole lists have one unless it means nothing.
#[test]
fn sets_and_whole_lists() {
    check(SETS_AND_WHOLES);
}
