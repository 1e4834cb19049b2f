use super::*;
use crate::domain::ownership::ManagerClasses;
use crate::domain::resource::ResourceId;
use crate::domain::schema::Schemas;
use crate::domain::yaml::read_documents;
use crate::domain::yaml::write::to_yaml;

fn live(yaml: &str) -> LiveObject {
    let object = yaml_value(yaml);
    LiveObject { id: ResourceId::of(&object).expect("named"), object, managed_fields: None }
}

fn yaml_value(text: &str) -> Value {
    read_documents(text).expect("YAML")[0].root.as_ref().expect("a document").to_json()
}

fn with_rules<T>(act: impl FnOnce(&Rules<'_>) -> T) -> T {
    let (schemas, managers) = (Schemas::default(), ManagerClasses::default());
    act(&Rules { schemas: &schemas, managers: &managers, delivery_manager: None })
}

fn adopted(yaml: &str) -> Result<String, String> {
    let live = live(yaml);
    let api_version = live.object["apiVersion"].as_str().expect("a version").to_owned();
    with_rules(|rules| manifest_of(&live, &api_version, rules)).map(|manifest| to_yaml(&manifest))
}

const LIVE: &str = "
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
  uid: 1234
  resourceVersion: '5'
  generation: 3
  creationTimestamp: 2026-01-01T00:00:00Z
  labels: {app: web, kustomize.toolkit.fluxcd.io/name: apps}
  annotations: {deployment.kubernetes.io/revision: '3', note: 'yes'}
spec:
  replicas: 2
  progressDeadlineSeconds: 600
  revisionHistoryLimit: 10
  selector: {matchLabels: {app: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}
  template:
    metadata:
      annotations: {kubectl.kubernetes.io/restartedAt: 2026-01-01T00:00:00Z}
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: nginx:1.25
          imagePullPolicy: IfNotPresent
          terminationMessagePath: /dev/termination-log
          terminationMessagePolicy: File
          args: [--port, '80']
          env: [{name: A, value: '1'}, {name: B, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: metadata.name}}}]
          ports: [{containerPort: 80, protocol: TCP}]
          resources: {limits: {memory: 1Gi}}
          livenessProbe: {httpGet: {path: /, port: 80, scheme: HTTP}, failureThreshold: 3, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1}
      dnsPolicy: ClusterFirst
      restartPolicy: Always
      schedulerName: default-scheduler
      securityContext: {}
      terminationGracePeriodSeconds: 30
      volumes: [{name: tmp, emptyDir: {}}, {name: c, configMap: {name: c, defaultMode: 420}}]
status: {replicas: 2}
";

/// Of a live object only what somebody meant is a manifest.
#[test]
fn a_manifest_is_cleaned() {
    insta::assert_snapshot!(adopted(LIVE).expect("a manifest"), @r#"
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: web
      annotations:
        note: "yes"
      labels:
        app: web
      namespace: shop
    spec:
      replicas: 2
      selector:
        matchLabels:
          app: web
      template:
        metadata:
          labels:
            app: web
        spec:
          containers:
          - name: web
            args:
            - --port
            - "80"
            env:
            - name: A
              value: "1"
            - name: B
              valueFrom:
                fieldRef:
                  fieldPath: metadata.name
            image: nginx:1.25
            livenessProbe:
              httpGet:
                port: 80
            ports:
            - containerPort: 80
              protocol: TCP
            resources:
              limits:
                memory: 1Gi
          volumes:
          - name: tmp
            emptyDir: {}
          - name: c
            configMap:
              name: c
    "#);
}

/// Allocated fields and defaults of list items are left out.
#[test]
fn what_was_allocated_is_left_out() {
    let service = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.0.0.7
  clusterIPs: [10.0.0.7]
  internalTrafficPolicy: Cluster
  ipFamilies: [IPv4]
  ipFamilyPolicy: SingleStack
  ports: [{name: http, port: 80, protocol: TCP, targetPort: 8080}]
  selector: {app: web}
  sessionAffinity: None
  type: ClusterIP
";
    insta::assert_snapshot!(adopted(service).expect("a manifest"), @r"
    apiVersion: v1
    kind: Service
    metadata:
      name: web
      namespace: shop
    spec:
      ports:
      - name: http
        port: 80
        protocol: TCP
        targetPort: 8080
      selector:
        app: web
    ");
}

/// Claim templates and rules are lists that are one value; they are cleaned inside too.
#[test]
fn lists_that_are_one_value_are_cleaned() {
    let set = "
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  podManagementPolicy: OrderedReady
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: 'pg:1'}]}}
  volumeClaimTemplates:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, volumeMode: Filesystem}
      status: {phase: Pending}
";
    insta::assert_snapshot!(adopted(set).expect("a manifest"), @r"
    apiVersion: apps/v1
    kind: StatefulSet
    metadata:
      name: db
      namespace: shop
    spec:
      selector:
        matchLabels:
          app: db
      serviceName: db
      template:
        metadata:
          labels:
            app: db
        spec:
          containers:
          - name: db
            image: pg:1
      volumeClaimTemplates:
      - metadata:
          name: data
        spec:
          accessModes:
          - ReadWriteOnce
          resources:
            requests:
              storage: 1Gi
    ");
    let role = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: r, namespace: shop}
rules: [{apiGroups: [''], resources: [pods], verbs: [get, list]}]
";
    insta::assert_snapshot!(adopted(role).expect("a manifest"), @r#"
    apiVersion: rbac.authorization.k8s.io/v1
    kind: Role
    metadata:
      name: r
      namespace: shop
    rules:
    - apiGroups:
      - ""
      resources:
      - pods
      verbs:
      - get
      - list
    "#);
}

/// Secrets, what is owned and what is going are not adopted.
#[test]
fn not_everything_is_adopted() {
    for (yaml, part) in [
        ("{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: Yg==}}", "never written into Git"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, ownerReferences: [{kind: X, name: y}]}}", "owns it"),
        ("{apiVersion: v1, kind: ConfigMap, metadata: {name: a, deletionTimestamp: x}}", "being deleted"),
        (
            "{apiVersion: shop.example/v1, kind: Till, metadata: {name: a}, spec: {auth: {password: x}, secretRef: {name: y}}}",
            "password looks like a credential",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, binaryData: {password: eA==}}",
            "password looks like a credential",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {db.password: x}}",
            "db.password looks like a credential",
        ),
    ] {
        assert!(adopted(yaml).expect_err("refused").contains(part), "{yaml}");
    }
}

/// A list item comes without its defaults, a changed list as it is.
#[test]
fn parts_are_cleaned() {
    let live = live(LIVE);
    let mut declared = with_rules(|rules| manifest_of(&live, "apps/v1", rules)).expect("a manifest");
    let container = "spec.template.spec.containers[name=web]";
    for (path, expected) in [
        (container.to_owned(), "args:"),
        (format!("{container}.env[name=B]"), "name: B\nvalueFrom:\n  fieldRef:\n    fieldPath: metadata.name\n"),
        (format!("{container}.ports[containerPort=80,protocol=TCP]"), "containerPort: 80\nprotocol: TCP\n"),
        (format!("{container}.args"), "- --port\n- \"80\"\n"),
        ("spec.template.spec.volumes[name=c]".to_owned(), "name: c\nconfigMap:\n  name: c\n"),
        ("spec.replicas".to_owned(), "2\n"),
    ] {
        let path: FieldPath = path.parse().expect("path");
        let mut without = declared.clone();
        FieldChange::remove(path.clone()).apply(&mut without).expect("it is there");
        let value = with_rules(|rules| value_of(&without, &live, &path, rules)).expect("a value");
        assert!(to_yaml(&value).contains(expected), "{path}: {}", to_yaml(&value));
        assert!(!to_yaml(&value).contains("terminationMessagePath"));
    }
    declared["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["--port"]);
    let path: FieldPath = format!("{container}.args").parse().expect("path");
    let value = with_rules(|rules| value_of(&declared, &live, &path, rules));
    assert_eq!(value, Ok(json!(["--port", "80"])));
    assert!(with_rules(|rules| value_of(&declared, &live, &"spec.paused".parse().expect("path"), rules)).is_err());
}

/// A credential that is written out is not taken over, where one is found may be.
#[test]
fn credentials_stay_where_they_are() {
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: x, env: [{name: NAME, value: VALUE}]}]}}";
    for (name, value, adopted) in [
        ("DB_PASSWORD", "hunter2", false),
        ("GITHUB_TOKEN", "hunter2", false),
        ("aws-secret-access-key", "hunter2", false),
        ("DB_PASSWORD", "''", true),
        ("DB_PASSWORD_FILE", "/run/p", true),
        ("TOKENIZER", "/m", true),
        ("MAX_TOKENS", "'5'", true),
        ("LOG_LEVEL", "debug", true),
    ] {
        let live = live(&pod.replace("NAME", name).replace("VALUE", value));
        let declared =
            yaml_value("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a, image: x}]}}");
        let path: FieldPath = format!("spec.containers[name=a].env[name={name}]").parse().expect("path");
        let value = with_rules(|rules| value_of(&declared, &live, &path, rules));
        assert_eq!(value.is_ok(), adopted, "{name}: {value:?}");
        assert!(value.err().is_none_or(|reason| !reason.contains("hunter2")));
    }
}
