//! Native defaults: what the API server fills in where an object of a built-in kind says nothing.
//!
//! They come from Kubernetes' `defaults.go` files, since OpenAPI names only two dozen of them. A default of any
//! supported version counts. `tests/integration/defaults.rs` holds each row against objects of a real API server.

use serde_json::{Map, Value, json};

use self::Default::{Allocated, Bool, Computed, Int, Json, Text, UnsetComputed, UnsetInt};

/// What a field is where nobody sets it.
#[derive(Debug, Clone, Copy)]
pub enum Default {
    /// A text; "" is as good as absent.
    Text(&'static str),
    /// A whole number; an explicit zero is kept.
    Int(i64),
    /// A whole number; zero is as good as absent.
    UnsetInt(i64),
    /// True or false; an explicit false is kept.
    Bool(bool),
    /// A list or object, as JSON.
    Json(&'static str),
    /// Depends on the other fields; an explicit zero is kept.
    Computed(fn(&Site<'_>) -> Option<Value>),
    /// Depends on the other fields; zero is as good as absent.
    UnsetComputed(fn(&Site<'_>) -> Option<Value>),
    /// Whatever the API server, admission or a controller picks, unless ownership tells that somebody chose it; zero
    /// and "" are as good as absent.
    Allocated,
}

/// The object that holds a field, as declared (`None` where that is absent too) and the kind of the whole.
#[derive(Debug, Clone, Copy)]
pub struct Site<'v> {
    /// The whole declared object.
    pub root: &'v Value,
    /// The declared object that holds the field.
    pub declared: Option<&'v Map<String, Value>>,
}

impl<'v> Site<'v> {
    /// A declared sibling of the field.
    pub fn get(&self, field: &str) -> Option<&'v Value> {
        self.declared.and_then(|declared| declared.get(field)).filter(|value| !value.is_null())
    }

    fn text(&self, field: &str) -> &'v str {
        self.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    fn copy(&self, field: &str) -> Option<Value> {
        self.get(field).cloned()
    }
}

/// Every row: type, field, default. For tests that hold the table against an API server.
pub fn rows() -> impl Iterator<Item = (&'static str, &'static str, Default)> {
    TABLE.iter().copied()
}

/// The default of a field of a built-in type.
pub fn find(part: &str, field: &str) -> Option<Default> {
    let index = TABLE.binary_search_by(|row| (row.0, row.1).cmp(&(part, field))).ok()?;
    Some(TABLE[index].2)
}

impl Default {
    /// The default as a value; none where it is allocated or nothing is filled in.
    pub fn value(self, site: &Site<'_>) -> Option<Value> {
        match self {
            Text(text) => Some(Value::from(text)),
            Int(number) | UnsetInt(number) => Some(Value::from(number)),
            Bool(value) => Some(Value::from(value)),
            Json(text) => serde_json::from_str(text).ok(),
            Computed(compute) | UnsetComputed(compute) => compute(site),
            Allocated => None,
        }
    }

    /// Whether the API server takes this declared value for "not set".
    pub fn is_unset_by(self, declared: &Value) -> bool {
        match (self, declared) {
            (_, Value::Array(items)) => items.is_empty(),
            (Text(_) | Computed(_) | UnsetComputed(_) | Allocated, Value::String(text)) => text.is_empty(),
            (UnsetInt(_) | UnsetComputed(_) | Allocated, Value::Number(number)) => number.as_i64() == Some(0),
            _ => false,
        }
    }
}

/// Whether a live value is a default that the field may have had when the object was created, although the fields it
/// depends on have changed since. Where somebody chose it, that says nothing (see [`crate::domain::ownership`]).
pub fn may_have_been(part: &str, field: &str, live: &Value) -> bool {
    part == "core/v1.Container"
        && field == "imagePullPolicy"
        && matches!(live.as_str(), Some("Always" | "IfNotPresent"))
}

/// The value that a live-only map entry gets from another field: a Pod's requests from its limits, the defaults of a
/// LimitRange from its bounds, the labels of a Job from its template.
pub fn entry<'v>(part: &str, field: &str, key: &str, site: &Site<'v>) -> Option<&'v Value> {
    let kind = site.root.get("kind").and_then(Value::as_str);
    let other = |name: &str| site.get(name).and_then(|map| map.get(key));
    match (part, field) {
        ("core/v1.ResourceRequirements", "requests") if kind == Some("Pod") => other("limits"),
        ("core/v1.LimitRangeItem", "default") => other("max"),
        ("core/v1.LimitRangeItem", "defaultRequest") => {
            other("default").or_else(|| other("min")).or_else(|| other("max"))
        }
        ("meta/v1.ObjectMeta", "labels")
            if matches!(kind, Some("Job" | "ReplicationController"))
                && site.get("labels").and_then(Value::as_object).is_none_or(Map::is_empty) =>
        {
            site.root.pointer("/spec/template/metadata/labels")?.get(key)
        }
        _ => None,
    }
}

fn pull_policy(site: &Site<'_>) -> Option<Value> {
    let image = if site.get("image").is_some() { site.text("image") } else { site.text("reference") };
    let last = image.rsplit('/').next().unwrap_or(image);
    let latest = !image.contains('@') && matches!(last.split_once(':'), None | Some((_, "latest")));
    Some(Value::from(if latest { "Always" } else { "IfNotPresent" }))
}

fn completions(site: &Site<'_>) -> Option<Value> {
    site.get("parallelism").is_none().then(|| json!(1))
}

fn backoff_limit(site: &Site<'_>) -> Option<Value> {
    Some(json!(if site.get("backoffLimitPerIndex").is_some() { i32::MAX } else { 6 }))
}

fn pod_replacement(site: &Site<'_>) -> Option<Value> {
    Some(json!(if site.get("podFailurePolicy").is_some() { "Failed" } else { "TerminatingOrFailed" }))
}

fn policy_types(site: &Site<'_>) -> Option<Value> {
    let egress = site.get("egress").and_then(Value::as_array).is_some_and(|rules| !rules.is_empty());
    Some(if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) })
}

fn subject_group(site: &Site<'_>) -> Option<Value> {
    matches!(site.text("kind"), "User" | "Group").then(|| json!("rbac.authorization.k8s.io"))
}

fn session_affinity(site: &Site<'_>) -> Option<Value> {
    (site.text("sessionAffinity") == "ClientIP").then(|| json!({"clientIP": {"timeoutSeconds": 10800}}))
}

fn controller_selector(site: &Site<'_>) -> Option<Value> {
    site.get("template")?.pointer("/metadata/labels").cloned()
}

fn pod_account(site: &Site<'_>, alias: &str) -> Option<Value> {
    let is_pod = site.root.get("kind").and_then(Value::as_str) == Some("Pod");
    site.copy(alias).or_else(|| is_pod.then(|| json!("default")))
}

/// On the host's network a port is the host's own; API servers before 1.28 say so in templates too.
fn host_port(site: &Site<'_>) -> Option<Value> {
    let specs = ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/template/spec"];
    let on_host = |spec: &&str| site.root.pointer(&format!("{spec}/hostNetwork")) == Some(&Value::Bool(true));
    specs.iter().any(on_host).then(|| site.copy("containerPort")).flatten()
}

/// The API server copies a Pod's AppArmor annotation into the field that replaced it.
fn app_armor(site: &Site<'_>) -> Option<Value> {
    let is_pod = site.root.get("kind").and_then(Value::as_str) == Some("Pod");
    let annotations = site.root.pointer("/metadata/annotations").and_then(Value::as_object).filter(|_| is_pod)?;
    let profile =
        annotations.iter().find(|(name, _)| name.starts_with("container.apparmor.security.beta.kubernetes.io/"));
    match profile?.1.as_str()? {
        "runtime/default" => Some(json!({"type": "RuntimeDefault"})),
        "unconfined" => Some(json!({"type": "Unconfined"})),
        other => Some(json!({"type": "Localhost", "localhostProfile": other.strip_prefix("localhost/")?})),
    }
}

fn device_count(site: &Site<'_>) -> Option<Value> {
    matches!(site.text("allocationMode"), "" | "ExactCount").then(|| json!(1))
}

fn singular(site: &Site<'_>) -> Option<Value> {
    Some(Value::from(site.text("kind").to_lowercase()))
}

fn list_kind(site: &Site<'_>) -> Option<Value> {
    Some(Value::from(format!("{}List", site.text("kind"))))
}

const SCALE_UP: &str = r#"{"policies":[{"periodSeconds":15,"type":"Pods","value":4},{"periodSeconds":15,"type":"Percent","value":100}],"selectPolicy":"Max","stabilizationWindowSeconds":0}"#;
const SCALE_DOWN: &str = r#"{"policies":[{"periodSeconds":15,"type":"Percent","value":100}],"selectPolicy":"Max"}"#;
const CPU_80: &str =
    r#"[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]"#;

/// Type, field, default; sorted for the search in [`find`].
#[rustfmt::skip]
const TABLE: &[(&str, &str, Default)] = &[
    ("admissionregistration/v1.MatchResources", "matchPolicy", Text("Equivalent")),
    ("admissionregistration/v1.MatchResources", "namespaceSelector", Json(r#"{}"#)),
    ("admissionregistration/v1.MatchResources", "objectSelector", Json(r#"{}"#)),
    ("admissionregistration/v1.MutatingAdmissionPolicySpec", "failurePolicy", Text("Fail")),
    ("admissionregistration/v1.MutatingWebhook", "failurePolicy", Text("Fail")),
    ("admissionregistration/v1.MutatingWebhook", "matchPolicy", Text("Equivalent")),
    ("admissionregistration/v1.MutatingWebhook", "namespaceSelector", Json(r#"{}"#)),
    ("admissionregistration/v1.MutatingWebhook", "objectSelector", Json(r#"{}"#)),
    ("admissionregistration/v1.MutatingWebhook", "reinvocationPolicy", Text("Never")),
    ("admissionregistration/v1.MutatingWebhook", "timeoutSeconds", Int(10)),
    ("admissionregistration/v1.NamedRuleWithOperations", "scope", Text("*")),
    ("admissionregistration/v1.RuleWithOperations", "scope", Text("*")),
    ("admissionregistration/v1.ServiceReference", "port", Int(443)),
    ("admissionregistration/v1.ValidatingAdmissionPolicySpec", "failurePolicy", Text("Fail")),
    ("admissionregistration/v1.ValidatingWebhook", "failurePolicy", Text("Fail")),
    ("admissionregistration/v1.ValidatingWebhook", "matchPolicy", Text("Equivalent")),
    ("admissionregistration/v1.ValidatingWebhook", "namespaceSelector", Json(r#"{}"#)),
    ("admissionregistration/v1.ValidatingWebhook", "objectSelector", Json(r#"{}"#)),
    ("admissionregistration/v1.ValidatingWebhook", "timeoutSeconds", Int(10)),
    ("admissionregistration/v1.WebhookClientConfig", "caBundle", Allocated),
    ("apiextensions/v1.CustomResourceDefinitionNames", "listKind", Computed(list_kind)),
    ("apiextensions/v1.CustomResourceDefinitionNames", "singular", Computed(singular)),
    ("apiextensions/v1.CustomResourceDefinitionSpec", "conversion", Json(r#"{"strategy":"None"}"#)),
    ("apiextensions/v1.ServiceReference", "port", Int(443)),
    ("apiextensions/v1.WebhookClientConfig", "caBundle", Allocated),
    ("apiregistration/v1.APIServiceSpec", "caBundle", Allocated),
    ("apiregistration/v1.ServiceReference", "port", Int(443)),
    ("apps/v1.DaemonSetSpec", "revisionHistoryLimit", Int(10)),
    ("apps/v1.DaemonSetSpec", "updateStrategy", Json(r#"{"type":"RollingUpdate","rollingUpdate":{"maxSurge":0,"maxUnavailable":1}}"#)),
    ("apps/v1.DaemonSetUpdateStrategy", "rollingUpdate", Json(r#"{"maxSurge":0,"maxUnavailable":1}"#)),
    ("apps/v1.DaemonSetUpdateStrategy", "type", Text("RollingUpdate")),
    ("apps/v1.DeploymentSpec", "progressDeadlineSeconds", Int(600)),
    ("apps/v1.DeploymentSpec", "replicas", Int(1)),
    ("apps/v1.DeploymentSpec", "revisionHistoryLimit", Int(10)),
    ("apps/v1.DeploymentSpec", "strategy", Json(r#"{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"}}"#)),
    ("apps/v1.DeploymentStrategy", "rollingUpdate", Json(r#"{"maxSurge":"25%","maxUnavailable":"25%"}"#)),
    ("apps/v1.DeploymentStrategy", "type", Text("RollingUpdate")),
    ("apps/v1.ReplicaSetSpec", "replicas", Int(1)),
    ("apps/v1.RollingUpdateDaemonSet", "maxSurge", Int(0)),
    ("apps/v1.RollingUpdateDaemonSet", "maxUnavailable", Int(1)),
    ("apps/v1.RollingUpdateDeployment", "maxSurge", Text("25%")),
    ("apps/v1.RollingUpdateDeployment", "maxUnavailable", Text("25%")),
    ("apps/v1.RollingUpdateStatefulSetStrategy", "maxUnavailable", Int(1)),
    ("apps/v1.RollingUpdateStatefulSetStrategy", "partition", Int(0)),
    ("apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy", "whenDeleted", Text("Retain")),
    ("apps/v1.StatefulSetPersistentVolumeClaimRetentionPolicy", "whenScaled", Text("Retain")),
    ("apps/v1.StatefulSetSpec", "persistentVolumeClaimRetentionPolicy", Json(r#"{"whenDeleted":"Retain","whenScaled":"Retain"}"#)),
    ("apps/v1.StatefulSetSpec", "podManagementPolicy", Text("OrderedReady")),
    ("apps/v1.StatefulSetSpec", "replicas", Int(1)),
    ("apps/v1.StatefulSetSpec", "revisionHistoryLimit", Int(10)),
    ("apps/v1.StatefulSetSpec", "updateStrategy", Json(r#"{"type":"RollingUpdate","rollingUpdate":{"partition":0}}"#)),
    ("apps/v1.StatefulSetUpdateStrategy", "rollingUpdate", Json(r#"{"partition":0}"#)),
    ("apps/v1.StatefulSetUpdateStrategy", "type", Text("RollingUpdate")),
    ("autoscaling/v1.HorizontalPodAutoscalerSpec", "minReplicas", Int(1)),
    ("autoscaling/v1.HorizontalPodAutoscalerSpec", "targetCPUUtilizationPercentage", Int(80)),
    ("autoscaling/v2.HPAScalingRules", "policies", Allocated),
    ("autoscaling/v2.HPAScalingRules", "selectPolicy", Text("Max")),
    ("autoscaling/v2.HPAScalingRules", "stabilizationWindowSeconds", Int(0)),
    ("autoscaling/v2.HorizontalPodAutoscalerBehavior", "scaleDown", Json(SCALE_DOWN)),
    ("autoscaling/v2.HorizontalPodAutoscalerBehavior", "scaleUp", Json(SCALE_UP)),
    ("autoscaling/v2.HorizontalPodAutoscalerSpec", "metrics", Json(CPU_80)),
    ("autoscaling/v2.HorizontalPodAutoscalerSpec", "minReplicas", Int(1)),
    ("batch/v1.CronJobSpec", "concurrencyPolicy", Text("Allow")),
    ("batch/v1.CronJobSpec", "failedJobsHistoryLimit", Int(1)),
    ("batch/v1.CronJobSpec", "successfulJobsHistoryLimit", Int(3)),
    ("batch/v1.CronJobSpec", "suspend", Bool(false)),
    ("batch/v1.JobSpec", "backoffLimit", Computed(backoff_limit)),
    ("batch/v1.JobSpec", "completionMode", Text("NonIndexed")),
    ("batch/v1.JobSpec", "completions", Computed(completions)),
    ("batch/v1.JobSpec", "manualSelector", Bool(false)),
    ("batch/v1.JobSpec", "parallelism", Int(1)),
    ("batch/v1.JobSpec", "podReplacementPolicy", Computed(pod_replacement)),
    ("batch/v1.JobSpec", "selector", Allocated),
    ("batch/v1.JobSpec", "suspend", Bool(false)),
    ("batch/v1.PodFailurePolicyOnPodConditionsPattern", "status", Text("True")),
    ("core/v1.AzureDiskVolumeSource", "cachingMode", Text("ReadWrite")),
    ("core/v1.AzureDiskVolumeSource", "fsType", Text("ext4")),
    ("core/v1.AzureDiskVolumeSource", "kind", Text("Shared")),
    ("core/v1.AzureDiskVolumeSource", "readOnly", Bool(false)),
    ("core/v1.ConfigMapVolumeSource", "defaultMode", Int(420)),
    ("core/v1.Container", "imagePullPolicy", Computed(pull_policy)),
    ("core/v1.Container", "terminationMessagePath", Text("/dev/termination-log")),
    ("core/v1.Container", "terminationMessagePolicy", Text("File")),
    ("core/v1.ContainerPort", "hostPort", UnsetComputed(host_port)),
    ("core/v1.ContainerPort", "protocol", Text("TCP")),
    ("core/v1.DownwardAPIVolumeSource", "defaultMode", Int(420)),
    ("core/v1.EndpointPort", "protocol", Text("TCP")),
    ("core/v1.GRPCAction", "service", Text("")),
    ("core/v1.HTTPGetAction", "path", Text("/")),
    ("core/v1.HTTPGetAction", "scheme", Text("HTTP")),
    ("core/v1.HostPathVolumeSource", "type", Text("")),
    ("core/v1.ISCSIPersistentVolumeSource", "iscsiInterface", Text("default")),
    ("core/v1.ISCSIVolumeSource", "iscsiInterface", Text("default")),
    ("core/v1.ImageVolumeSource", "pullPolicy", Computed(pull_policy)),
    ("core/v1.Namespace", "spec", Json(r#"{"finalizers":["kubernetes"]}"#)),
    ("core/v1.NamespaceSpec", "finalizers", Json(r#"["kubernetes"]"#)),
    ("core/v1.ObjectFieldSelector", "apiVersion", Text("v1")),
    ("core/v1.PersistentVolumeClaim", "apiVersion", Text("v1")),
    ("core/v1.PersistentVolumeClaim", "kind", Text("PersistentVolumeClaim")),
    ("core/v1.PersistentVolumeClaim", "status", Allocated),
    ("core/v1.PersistentVolumeClaimSpec", "dataSource", Computed(|site| site.copy("dataSourceRef"))),
    ("core/v1.PersistentVolumeClaimSpec", "dataSourceRef", Computed(|site| site.copy("dataSource"))),
    ("core/v1.PersistentVolumeClaimSpec", "storageClassName", Allocated),
    ("core/v1.PersistentVolumeClaimSpec", "volumeMode", Text("Filesystem")),
    ("core/v1.PersistentVolumeClaimSpec", "volumeName", Allocated),
    ("core/v1.PersistentVolumeSpec", "claimRef", Allocated),
    ("core/v1.PersistentVolumeSpec", "persistentVolumeReclaimPolicy", Text("Retain")),
    ("core/v1.PersistentVolumeSpec", "volumeMode", Text("Filesystem")),
    ("core/v1.PodSpec", "dnsPolicy", Text("ClusterFirst")),
    ("core/v1.PodSpec", "enableServiceLinks", Bool(true)),
    ("core/v1.PodSpec", "imagePullSecrets", Allocated),
    ("core/v1.PodSpec", "nodeName", Allocated),
    ("core/v1.PodSpec", "overhead", Allocated),
    ("core/v1.PodSpec", "preemptionPolicy", Allocated),
    ("core/v1.PodSpec", "priority", Allocated),
    ("core/v1.PodSpec", "priorityClassName", Allocated),
    ("core/v1.PodSpec", "restartPolicy", Text("Always")),
    ("core/v1.PodSpec", "schedulerName", Text("default-scheduler")),
    ("core/v1.PodSpec", "serviceAccount", Computed(|site| pod_account(site, "serviceAccountName"))),
    ("core/v1.PodSpec", "serviceAccountName", Computed(|site| pod_account(site, "serviceAccount"))),
    ("core/v1.PodSpec", "terminationGracePeriodSeconds", Int(30)),
    ("core/v1.Probe", "failureThreshold", UnsetInt(3)),
    ("core/v1.Probe", "periodSeconds", UnsetInt(10)),
    ("core/v1.Probe", "successThreshold", UnsetInt(1)),
    ("core/v1.Probe", "timeoutSeconds", UnsetInt(1)),
    ("core/v1.ProjectedVolumeSource", "defaultMode", Int(420)),
    ("core/v1.RBDPersistentVolumeSource", "keyring", Text("/etc/ceph/keyring")),
    ("core/v1.RBDPersistentVolumeSource", "pool", Text("rbd")),
    ("core/v1.RBDPersistentVolumeSource", "user", Text("admin")),
    ("core/v1.RBDVolumeSource", "keyring", Text("/etc/ceph/keyring")),
    ("core/v1.RBDVolumeSource", "pool", Text("rbd")),
    ("core/v1.RBDVolumeSource", "user", Text("admin")),
    ("core/v1.ReplicationControllerSpec", "replicas", Int(1)),
    ("core/v1.ReplicationControllerSpec", "selector", Computed(controller_selector)),
    ("core/v1.ResourceFieldSelector", "divisor", Text("0")),
    ("core/v1.ScaleIOPersistentVolumeSource", "fsType", Text("xfs")),
    ("core/v1.ScaleIOPersistentVolumeSource", "storageMode", Text("ThinProvisioned")),
    ("core/v1.ScaleIOVolumeSource", "fsType", Text("xfs")),
    ("core/v1.ScaleIOVolumeSource", "storageMode", Text("ThinProvisioned")),
    ("core/v1.Secret", "type", Text("Opaque")),
    ("core/v1.SecretVolumeSource", "defaultMode", Int(420)),
    ("core/v1.SecurityContext", "appArmorProfile", Computed(app_armor)),
    ("core/v1.ServiceAccountTokenProjection", "expirationSeconds", Int(3600)),
    ("core/v1.ServicePort", "nodePort", Allocated),
    ("core/v1.ServicePort", "protocol", Text("TCP")),
    ("core/v1.ServicePort", "targetPort", UnsetComputed(|site| site.copy("port"))),
    ("core/v1.ServiceSpec", "allocateLoadBalancerNodePorts", Bool(true)),
    ("core/v1.ServiceSpec", "clusterIP", Allocated),
    ("core/v1.ServiceSpec", "clusterIPs", Allocated),
    ("core/v1.ServiceSpec", "externalTrafficPolicy", Text("Cluster")),
    ("core/v1.ServiceSpec", "healthCheckNodePort", Allocated),
    ("core/v1.ServiceSpec", "internalTrafficPolicy", Text("Cluster")),
    ("core/v1.ServiceSpec", "ipFamilies", Allocated),
    ("core/v1.ServiceSpec", "ipFamilyPolicy", Allocated),
    ("core/v1.ServiceSpec", "sessionAffinity", Text("None")),
    ("core/v1.ServiceSpec", "sessionAffinityConfig", Computed(session_affinity)),
    ("core/v1.ServiceSpec", "type", Text("ClusterIP")),
    ("core/v1.Volume", "emptyDir", Json(r#"{}"#)),
    ("discovery/v1.EndpointPort", "name", Text("")),
    ("discovery/v1.EndpointPort", "protocol", Text("TCP")),
    ("flowcontrol/v1.FlowSchemaSpec", "matchingPrecedence", UnsetInt(1000)),
    ("flowcontrol/v1.LimitedPriorityLevelConfiguration", "lendablePercent", Int(0)),
    ("flowcontrol/v1.LimitedPriorityLevelConfiguration", "nominalConcurrencyShares", Int(30)),
    ("flowcontrol/v1.QueuingConfiguration", "handSize", UnsetInt(8)),
    ("flowcontrol/v1.QueuingConfiguration", "queueLengthLimit", UnsetInt(50)),
    ("flowcontrol/v1.QueuingConfiguration", "queues", UnsetInt(64)),
    ("meta/v1.ObjectMeta", "finalizers", Allocated),
    ("meta/v1.ObjectMeta", "namespace", Allocated),
    ("meta/v1.ObjectMeta", "ownerReferences", Allocated),
    ("networking/v1.IngressClassParametersReference", "scope", Text("Cluster")),
    ("networking/v1.IngressSpec", "ingressClassName", Allocated),
    ("networking/v1.NetworkPolicyPort", "protocol", Text("TCP")),
    ("networking/v1.NetworkPolicySpec", "policyTypes", Computed(policy_types)),
    ("rbac/v1.RoleRef", "apiGroup", Text("rbac.authorization.k8s.io")),
    ("rbac/v1.Subject", "apiGroup", Computed(subject_group)),
    ("resource/v1.DeviceSubRequest", "allocationMode", Text("ExactCount")),
    ("resource/v1.DeviceSubRequest", "count", UnsetComputed(device_count)),
    ("resource/v1.DeviceToleration", "operator", Text("Equal")),
    ("resource/v1.ExactDeviceRequest", "allocationMode", Text("ExactCount")),
    ("resource/v1.ExactDeviceRequest", "count", UnsetComputed(device_count)),
    ("scheduling/v1.PriorityClass", "preemptionPolicy", Text("PreemptLowerPriority")),
    ("storage/v1.CSIDriverSpec", "attachRequired", Bool(true)),
    ("storage/v1.CSIDriverSpec", "fsGroupPolicy", Text("ReadWriteOnceWithFSType")),
    ("storage/v1.CSIDriverSpec", "podInfoOnMount", Bool(false)),
    ("storage/v1.CSIDriverSpec", "requiresRepublish", Bool(false)),
    ("storage/v1.CSIDriverSpec", "seLinuxMount", Bool(false)),
    ("storage/v1.CSIDriverSpec", "storageCapacity", Bool(false)),
    ("storage/v1.CSIDriverSpec", "volumeLifecycleModes", Json(r#"["Persistent"]"#)),
    ("storage/v1.StorageClass", "reclaimPolicy", Text("Delete")),
    ("storage/v1.StorageClass", "volumeBindingMode", Text("Immediate")),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The table is sorted, or half of it would never be found; its JSON reads; and its types are in the schema.
    #[test]
    fn the_table_is_sound() {
        let keys: Vec<_> = TABLE.iter().map(|row| (row.0, row.1)).collect();
        assert!(keys.is_sorted());
        for row in TABLE {
            if let Json(text) = row.2 {
                assert!(serde_json::from_str::<Value>(text).is_ok(), "{}.{}", row.0, row.1);
            }
        }
    }
}
