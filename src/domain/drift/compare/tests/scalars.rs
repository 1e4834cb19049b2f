//! Values in other spellings: compared by the type of the field, exactly.

use super::catalogue::{Row, check};

/// The same amount, as a container's memory limit.
#[rustfmt::skip]
const SAME_AMOUNT: &[(&str, &str)] = &[
    ("1.0", "1"), ("1.5", "1500m"), (".1", "100m"), ("0.1", "100m"), ("1000m", "1"), ("2000m", "2"), ("1000", "1k"), ("1000k", "1M"),
    ("1024Mi", "1Gi"), ("1.5Gi", "1536Mi"), ("0.5Gi", "512Mi"), ("1048576Ki", "1Gi"), ("2048Gi", "2Ti"), ("0.5Ki", "512"),
    ("1000000m", "1k"), ("1.5e3", "1500"), ("1e1", "10"), ("1e-1", "100e-3"), ("1E3", "1000"), ("0Gi", "0"), ("-0", "0"), ("+2Gi", "2Gi"),
    ("008", "8"), ("\"1.500\"", "1500m"), ("134217728", "128Mi"), ("1e6", "1M"), ("1048576", "1Mi"), ("0.25Gi", "256Mi"),
    ("1.1Gi", "1181116006400m"), ("0.3Gi", "322122547200m"), ("0.1m", "1m"), ("100.5m", "101m"), ("1500u", "2m"), ("1n", "1m"),
    ("1000000n", "1m"), ("250M", "250000k"), ("1P", "1000T"), ("1Ei", "1024Pi"), ("\" 1Gi\"", "1Gi"), ("8Ei", "9223372036854775807"),
];

/// Another amount, however alike it looks.
#[rustfmt::skip]
const OTHER_AMOUNT: &[(&str, &str)] = &[
    ("1Gi", "1G"), ("1Mi", "1M"), ("100m", "100M"), ("1", "1k"), ("1", "2"), ("512Mi", "513Mi"), ("1e3", "1e4"), ("0", "1"), ("1Ki", "1000"),
    ("1E", "1Ei"), ("1", "-1"), ("0.5", "0.5Ki"), ("900m", "1"), ("2m", "1m"),
];

/// Quantities are exact numbers, however they are written.
#[test]
fn amounts_are_compared_as_numbers() {
    let texts = |declared: &str, live: &str| {
        let field = |amount: &str| &*format!("resources: {{limits: {{memory: {amount}}}}}").leak();
        (field(declared), field(live))
    };
    let rows = |table: &[(&str, &str)], expected: &'static str| -> Vec<Row> {
        table.iter().map(|(declared, live)| texts(declared, live)).map(|(a, b)| ("container", a, b, expected)).collect()
    };
    check(&rows(SAME_AMOUNT, ""));
    check(&rows(OTHER_AMOUNT, "changed APP.resources.limits.memory"));
    // as numbers, as the API server never sends them but a snapshot may
    check(&[("container", "resources: {limits: {cpu: 0.1}}", "resources: {limits: {cpu: 100m}}", "")]);
}

#[rustfmt::skip]
const BY_TYPE: &[Row] = &[
    // quantities wherever the schema says so
    ("ResourceQuota", "spec: {hard: {requests.cpu: '1000m', pods: 100}}", "spec: {hard: {requests.cpu: '1', pods: '100'}}", ""),
    ("PersistentVolume", "spec: {capacity: {storage: 1.5Gi}}", "spec: {capacity: {storage: 1536Mi}}", ""),
    ("LimitRange", "spec: {limits: [{type: Pod, max: {cpu: 2000m}}]}", "spec: {limits: [{type: Pod, max: {cpu: '2'}}]}", ""),
    ("template", "volumes: [{name: v, emptyDir: {sizeLimit: 0.5Gi}}]", "volumes: [{name: v, emptyDir: {sizeLimit: 512Mi}}]", ""),
    ("autoscaling/v2/HorizontalPodAutoscaler", "spec: {maxReplicas: 3, metrics: [{type: External, external: {metric: {name: q}, target: {type: Value, value: 1.5}}}]}",
        "spec: {maxReplicas: 3, metrics: [{type: External, external: {metric: {name: q}, target: {type: Value, value: 1500m}}}]}", ""),
    // and nowhere else: by the field's name nothing is guessed
    ("ConfigMap", "data: {memory: 1000m}", "data: {memory: '1'}", "changed data.memory"),
    ("ConfigMap", "data: {timeout: 60m}", "data: {timeout: 1h0m0s}", "changed data.timeout"),
    ("container", "args: [1024Mi]", "args: [1Gi]", "changed APP.args[0]"),
    ("container", "env: [{name: M, value: 1024Mi}]", "env: [{name: M, value: 1Gi}]", "changed APP.env[name=M].value"),
    ("Service", "metadata: {annotations: {size: 1Gi}}", "metadata: {annotations: {size: 1024Mi}}", "changed metadata.annotations.size"),
    // numbers or texts
    ("Service", "spec: {ports: [{port: 80, targetPort: 8080}]}", "spec: {ports: [{port: 80, targetPort: 8080}]}", ""),
    ("Service", "spec: {ports: [{port: 80, targetPort: http}]}", "spec: {ports: [{port: 80, targetPort: web}]}", "changed spec.ports[port=80,protocol=TCP].targetPort"),
    ("policy/v1/PodDisruptionBudget", "spec: {minAvailable: 1}", "spec: {minAvailable: '1'}", ""),
    ("policy/v1/PodDisruptionBudget", "spec: {minAvailable: 50%}", "spec: {minAvailable: 50%}", ""),
    ("policy/v1/PodDisruptionBudget", "spec: {minAvailable: 50%}", "spec: {minAvailable: 50}", "changed spec.minAvailable"),
    ("apps/v1/Deployment", "spec: {strategy: {rollingUpdate: {maxSurge: 1}}}", "spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 25%}}}", ""),
    // numbers, octal and not
    ("template", "volumes: [{name: v, secret: {secretName: s, defaultMode: 0400}}]", "volumes: [{name: v, secret: {secretName: s, defaultMode: 256}}]", ""),
    ("template", "volumes: [{name: v, configMap: {name: s, defaultMode: 0o644}}]", "volumes: [{name: v, configMap: {name: s, defaultMode: 420}}]", ""),
    ("template", "volumes: [{name: v, configMap: {name: s, defaultMode: 0644}}]", "volumes: [{name: v, configMap: {name: s, defaultMode: 0640}}]", "changed POD.volumes[name=v].configMap.defaultMode"),
    ("apps/v1/Deployment", "spec: {replicas: 0x10}", "spec: {replicas: 16}", ""),
    ("apps/v1/Deployment", "spec: {replicas: 1e1}", "spec: {replicas: 10}", ""),
    // yes and no
    ("template", "hostNetwork: yes", "hostNetwork: true", ""),
    ("container", "securityContext: {privileged: on}", "securityContext: {privileged: true}", ""),
    // base64
    ("ConfigMap", "binaryData: {a: \"YWFh\\nYmJi\\n\"}", "binaryData: {a: YWFhYmJi}", ""),
    ("ConfigMap", "binaryData: {a: YWFh}", "binaryData: {a: YWFi}", "changed binaryData.a"),
    ("admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration", "webhooks: [{name: a, clientConfig: {caBundle: \"YWFh\\nYmJi\\n\"}}]", "webhooks: [{name: a, clientConfig: {caBundle: YWFhYmJi}}]", ""),
    ("Secret", "data: {a: \"YWFh\\nYmJi\\n\"}", "data: {a: YWFhYmJi}", ""),
    ("Secret", "data: {a: YWFh}", "data: {a: YWFi}", "changed data.a"),
    // stringData is written into data, where it wins
    ("Secret", "stringData: {a: aaa}", "data: {a: YWFh}", ""),
    ("Secret", "stringData: {a: aaa}\ndata: {a: Yg==, b: Yg==}", "data: {a: YWFh, b: Yg==}", ""),
    ("Secret", "stringData: {a: bbb}", "data: {a: YWFh}", "changed data.a"),
    ("Secret", "stringData: {a: ''}", "data: {a: ''}", ""),
    ("Secret", "data: {a: YWFh}", "data: {a: YWFh, b: YWFh}", "added data.b"),
    ("Secret", "stringData: {a: aaa, b: bbb}", "data: {a: YWFh}", "removed data.b"),
    // points in time
    ("coordination.k8s.io/v1/Lease", "spec: {renewTime: '2024-01-01T01:00:00.000000+01:00'}", "spec: {renewTime: '2024-01-01T00:00:00.000000Z'}", ""),
    ("coordination.k8s.io/v1/Lease", "spec: {renewTime: '2024-01-01T00:00:00.000000Z'}", "spec: {renewTime: '2024-01-01T00:00:01.000000Z'}", "changed spec.renewTime"),
    // custom kinds: operators write back what their types make of it
    ("company.example/v1/Backup", "spec: {timeout: 60m}", "spec: {timeout: 1h0m0s}", ""),
    ("company.example/v1/Backup", "spec: {every: 90s}", "spec: {every: 1m30s}", ""),
    ("company.example/v1/Backup", "spec: {every: 0.5h}", "spec: {every: 30m0s}", ""),
    ("company.example/v1/Backup", "spec: {every: '0'}", "spec: {every: 0s}", ""),
    ("company.example/v1/Backup", "spec: {every: 90s}", "spec: {every: 91s}", "changed spec.every"),
    ("company.example/v1/Backup", "spec: {every: daily}", "spec: {every: weekly}", "changed spec.every"),
    ("company.example/v1/Backup", "spec: {size: 1024Mi}", "spec: {size: 1Gi}", ""),
    ("company.example/v1/Backup", "spec: {size: 1Gi}", "spec: {size: 1G}", "changed spec.size"),
    ("company.example/v1/Backup", "spec: {port: 80}", "spec: {port: '80'}", ""),
    ("company.example/v1/Backup", "spec: {ratio: 2.0}", "spec: {ratio: 2}", ""),
    ("company.example/v1/Backup", "spec: {ratio: 2.0}", "spec: {ratio: 2.5}", "changed spec.ratio"),
    ("company.example/v1/Backup", "spec: {extra: {ratio: 2.0, deep: {list: [1, two]}}}", "spec: {extra: {ratio: 2, deep: {list: [1, two]}}}", ""),
    ("company.example/v1/Backup", "spec: {extra: {a: 1}}", "spec: {extra: {a: '1'}}", "changed spec.extra.a"),
    ("nowhere.example/v1/Unheard", "spec: {timeout: 60m, n: 1.0}", "spec: {timeout: 1h0m0s, n: 1}", ""),
    ("nowhere.example/v1/Unheard", "spec: {a: 1}", "spec: {a: 2}", "changed spec.a"),
];

/// Other spellings are the same value where the type says so, and nowhere else.
#[test]
fn values_are_compared_by_the_type_of_the_field() {
    check(BY_TYPE);
}
