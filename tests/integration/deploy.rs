//! `deploy/`: every folder builds with the real kustomize, and what comes out is what the documents promise. `rbac.rs`
//! shows that a real API server takes it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser as _;
use serde_json::{Value, json};
use trueup::cli::Cli;
use trueup::config::{self, Locations};
use trueup::domain::resource::GroupKind;
use trueup::domain::scope::is_cluster_scoped;
use trueup::domain::yaml::read_documents;

use crate::support::cluster::cluster;
use crate::support::servers::tools;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const FOLDERS: [&str; 3] = ["deploy/base", "deploy/overlays/tenant", "deploy/overlays/daemon"];

/// What the real kustomize prints for a folder.
fn build_text(folder: &Path) -> String {
    let built = Command::new(tools().join("kustomize")).arg("build").arg(folder).output().expect("kustomize");
    let complaint = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success() && complaint.is_empty(), "{}: {complaint}", folder.display());
    String::from_utf8(built.stdout).expect("UTF-8")
}

/// The objects of a folder.
fn build(folder: &Path) -> Vec<Value> {
    let documents = read_documents(&build_text(folder)).expect("YAML");
    documents.iter().filter_map(|document| Some(document.root.as_ref()?.to_json())).collect()
}

fn rendered(folder: &str) -> Vec<Value> {
    build(&Path::new(ROOT).join(folder))
}

/// A folder of the repository together with an opt-in.
fn with_component(folder: &str, component: &str) -> Vec<Value> {
    let own = tempfile::tempdir().expect("folder");
    let up = "../".repeat(own.path().canonicalize().expect("path").components().count() - 1);
    let root = format!("{up}{}", ROOT.trim_start_matches('/'));
    let text = format!("resources: [{root}/{folder}]\ncomponents: [{root}/deploy/components/{component}]\n");
    std::fs::write(own.path().join("kustomization.yaml"), text).expect("write");
    build(own.path())
}

fn of_kind<'o>(objects: &'o [Value], kind: &str) -> Vec<&'o Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn one<'o>(objects: &'o [Value], kind: &str) -> &'o Value {
    let found = of_kind(objects, kind);
    assert_eq!(found.len(), 1, "{kind}");
    found[0]
}

/// The pod of the CronJob or the Deployment.
fn pod(objects: &[Value]) -> &Value {
    let job = of_kind(objects, "CronJob").first().map(|job| &job["spec"]["jobTemplate"]["spec"]["template"]["spec"]);
    job.unwrap_or_else(|| &one(objects, "Deployment")["spec"]["template"]["spec"])
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().expect("text").to_owned()).collect()
}

/// Every `group/resource` that the roles of these objects grant, each with `list` and nothing else.
fn granted(objects: &[Value]) -> BTreeSet<String> {
    let roles = of_kind(objects, "ClusterRole").into_iter().chain(of_kind(objects, "Role"));
    let mut granted = BTreeSet::new();
    for rule in roles.flat_map(|role| role["rules"].as_array().expect("rules")) {
        assert_eq!(rule["verbs"], json!(["list"]), "{rule}");
        assert!(rule.get("nonResourceURLs").is_none(), "{rule}");
        for group in texts(&rule["apiGroups"]) {
            granted.extend(texts(&rule["resources"]).iter().map(|resource| format!("{group}/{resource}")));
        }
    }
    assert!(!granted.is_empty() && !granted.iter().any(|right| right.contains('*')), "{granted:?}");
    granted
}

/// The built-in kinds as `group/resource`, and whether they have a namespace: those that the comparison has a schema of.
fn built_in() -> Vec<(String, bool)> {
    let table = std::fs::read_to_string(Path::new(ROOT).join("src/domain/schema/generated.rs")).expect("table");
    let rows =
        table.lines().filter_map(|line| line.strip_prefix("    (\"")).map(|row| row.split('"').collect::<Vec<_>>());
    let kinds = rows.filter(|row| row.len() > 3 && row[3].contains('&')).map(|row| {
        let kind = GroupKind::of(row[0], row[2]);
        let mut plural = kind.kind.to_lowercase();
        if plural.ends_with('s') && kind.kind != "Endpoints" {
            plural.push_str("es");
        } else if let Some(stem) = plural.strip_suffix('y') {
            plural = format!("{stem}ies");
        } else if kind.kind != "Endpoints" {
            plural.push('s');
        }
        (format!("{}/{plural}", kind.group), !is_cluster_scoped(&kind))
    });
    let kinds: Vec<_> = kinds.collect();
    assert!(kinds.len() > 50, "only {} kinds were found in the table", kinds.len());
    kinds
}

/// A kind that some clusters have, and that decides about the replicas of others.
const SCALED_OBJECTS: &str = "keda.sh/scaledobjects";

/// The rights are `list` on every built-in kind but Secrets and what only the cluster itself makes, and on what else
/// decides about replicas.
#[test]
fn the_cluster_role_lists_what_git_declares() {
    let not_declared = [
        "/bindings",
        "/events",
        "/nodes",
        "/secrets",
        "apps/controllerrevisions",
        "certificates.k8s.io/certificatesigningrequests",
        "coordination.k8s.io/leases",
        "networking.k8s.io/ipaddresses",
        "resource.k8s.io/resourceslices",
        "storage.k8s.io/csinodes",
        "storage.k8s.io/csistoragecapacities",
        "storage.k8s.io/volumeattachments",
    ];
    for left_out in not_declared {
        assert!(built_in().iter().any(|(resource, _)| resource == left_out), "{left_out} is no built-in kind");
    }
    let wanted = built_in().into_iter().map(|(resource, _)| resource);
    let wanted = wanted.filter(|resource| !not_declared.contains(&resource.as_str()));
    let wanted: BTreeSet<_> = wanted.chain([SCALED_OBJECTS.to_owned()]).collect();
    let base = rendered("deploy/base");
    assert_eq!(granted(&base), wanted);
    let binding = one(&base, "ClusterRoleBinding");
    assert_eq!(binding["roleRef"]["name"], one(&base, "ClusterRole")["metadata"]["name"]);
    assert_eq!(binding["subjects"], json!([{"kind": "ServiceAccount", "name": "trueup", "namespace": "trueup"}]));
}

/// A tenant has no rights on the cluster, and in its namespace those of the ClusterRole that a namespace can give.
#[test]
fn a_tenant_has_a_role_in_its_namespace() {
    let objects = rendered("deploy/overlays/tenant");
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        assert!(of_kind(&objects, kind).is_empty(), "{kind}");
    }
    let base = granted(&rendered("deploy/base"));
    let namespaced = built_in().into_iter().filter(|(_, namespaced)| *namespaced).map(|(resource, _)| resource);
    let namespaced = namespaced.chain([SCALED_OBJECTS.to_owned()]);
    assert_eq!(granted(&objects), namespaced.filter(|resource| base.contains(resource)).collect());
    let (role, binding) = (one(&objects, "Role"), one(&objects, "RoleBinding"));
    assert_eq!(role["metadata"]["namespace"], "team-a");
    assert_eq!(role["metadata"]["namespace"], binding["metadata"]["namespace"]);
    assert_eq!(binding["roleRef"]["name"], role["metadata"]["name"]);
    assert_eq!(binding["subjects"], json!([{"kind": "ServiceAccount", "name": "trueup", "namespace": "trueup"}]));
    let config = loaded(&objects);
    let trueup::adapters::cluster::LiveSettings::Cluster(cluster) = config.live else { panic!("a cluster") };
    assert_eq!(cluster.namespaces, ["team-a"]);
}

/// Secrets and the objects of delivery tools are opt-ins of their own: these rights more, for the same account.
#[test]
fn further_rights_are_opted_into() {
    let steering = [
        "argoproj.io/applications",
        "helm.toolkit.fluxcd.io/helmreleases",
        "kustomize.toolkit.fluxcd.io/kustomizations",
        "source.toolkit.fluxcd.io/gitrepositories",
    ];
    let opt_ins = [("secrets", &["/secrets"][..]), ("delivery-rules", &steering)];
    for (folder, (component, rights)) in FOLDERS.iter().flat_map(|folder| opt_ins.map(|opt_in| (folder, opt_in))) {
        let without = granted(&rendered(folder));
        let rights: BTreeSet<_> = rights.iter().map(|right| (*right).to_owned()).collect();
        assert!(without.is_disjoint(&rights), "{folder}");
        let objects = with_component(folder, component);
        assert_eq!(granted(&objects), &without | &rights, "{folder}");
        let bindings = of_kind(&objects, "ClusterRoleBinding");
        let name = format!("trueup-{component}");
        let binding = bindings.iter().find(|binding| binding["roleRef"]["name"] == *name).expect("binding");
        assert_eq!(binding["subjects"], json!([{"kind": "ServiceAccount", "name": "trueup", "namespace": "trueup"}]));
    }
}

/// Every fifteen minutes, never two at once, and a failed cycle is not tried for ever.
#[test]
fn the_cron_job() {
    for folder in ["deploy/base", "deploy/overlays/tenant"] {
        let objects = rendered(folder);
        let spec = &one(&objects, "CronJob")["spec"];
        assert_eq!((&spec["schedule"], &spec["concurrencyPolicy"]), (&json!("*/15 * * * *"), &json!("Forbid")));
        assert_eq!((&spec["successfulJobsHistoryLimit"], &spec["failedJobsHistoryLimit"]), (&json!(2), &json!(3)));
        let job = &spec["jobTemplate"]["spec"];
        assert_eq!(job["backoffLimit"], 1);
        assert!(job["activeDeadlineSeconds"].as_u64().expect("a deadline") < 15 * 60);
        assert!(spec["startingDeadlineSeconds"].as_u64().expect("a deadline") < 15 * 60);
        assert_eq!(pod(&objects)["restartPolicy"], "Never");
    }
}

/// The daemon is the base's pod with another command, one of it at a time.
#[test]
fn the_daemon_is_the_same_pod() {
    let (objects, base) = (rendered("deploy/overlays/daemon"), rendered("deploy/base"));
    assert!(of_kind(&objects, "CronJob").is_empty());
    let deployment = &one(&objects, "Deployment")["spec"];
    assert_eq!((&deployment["replicas"], &deployment["strategy"]), (&json!(1), &json!({"type": "Recreate"})));
    let labels = &deployment["template"]["metadata"]["labels"];
    assert_eq!(&deployment["selector"]["matchLabels"], labels);
    let (mut own, mut expected) = (pod(&objects).clone(), pod(&base).clone());
    assert_eq!(own["containers"][0]["args"][0], "daemon");
    own["containers"][0]["args"][0] = json!("run");
    expected.as_object_mut().expect("a pod").remove("restartPolicy");
    assert_eq!(own, expected);
    assert!(loaded(&objects).schedule.is_some());
}

/// Pods keep the restricted Pod Security Standard, which the namespace enforces, and can write only where they must.
#[test]
fn pods_are_restricted() {
    for folder in FOLDERS {
        let objects = rendered(folder);
        let labels = &one(&objects, "Namespace")["metadata"]["labels"];
        assert_eq!(labels["pod-security.kubernetes.io/enforce"], "restricted");
        let pod = pod(&objects);
        let security = &pod["securityContext"];
        assert_eq!(
            (&security["runAsNonRoot"], &security["seccompProfile"]["type"]),
            (&json!(true), &json!("RuntimeDefault"))
        );
        assert_ne!(security["runAsUser"], 0);
        for (field, value) in pod.as_object().expect("a pod") {
            assert!(!field.starts_with("host") || value == false, "{field}");
        }
        for container in pod["containers"].as_array().expect("containers") {
            let security = &container["securityContext"];
            assert_eq!(security["allowPrivilegeEscalation"], false);
            assert_eq!(security["readOnlyRootFilesystem"], true);
            assert_eq!(security["capabilities"], json!({"drop": ["ALL"]}));
            assert!(security.get("privileged").is_none());
            assert!(container["resources"]["limits"]["memory"].is_string());
        }
        let volumes = pod["volumes"].as_array().expect("volumes");
        let allowed =
            |volume: &Value| ["configMap", "secret", "emptyDir"].iter().any(|kind| volume.get(kind).is_some());
        assert!(volumes.iter().all(allowed), "{volumes:?}");
        let writable = pod["containers"][0]["volumeMounts"].as_array().expect("mounts").iter();
        let writable = writable.filter(|mount| mount["readOnly"] != true).map(|mount| &mount["mountPath"]);
        assert_eq!(writable.collect::<Vec<_>>(), ["/var/cache/trueup", "/tmp"]);
    }
}

/// Every object that another one names is there; only the Secret with the credentials is the user's to make.
#[test]
fn nothing_is_missing_but_the_credentials() {
    for folder in FOLDERS {
        let objects = rendered(folder);
        let has =
            |kind: &str, name: &Value| of_kind(&objects, kind).iter().any(|object| &object["metadata"]["name"] == name);
        let pod = pod(&objects);
        assert!(has("ServiceAccount", &pod["serviceAccountName"]));
        assert_eq!(pod["automountServiceAccountToken"], true);
        for volume in pod["volumes"].as_array().expect("volumes") {
            if let Some(name) = volume.pointer("/configMap/name") {
                assert!(has("ConfigMap", name), "{folder}: {name}");
            }
            assert!(volume.pointer("/secret/secretName").is_none_or(|name| name == "trueup-credentials"));
        }
        assert!(of_kind(&objects, "Secret").is_empty());
        for object in &objects {
            let kind =
                GroupKind::of(object["apiVersion"].as_str().expect("text"), object["kind"].as_str().expect("text"));
            let namespace = &object["metadata"]["namespace"];
            let own = ["Role", "RoleBinding"].contains(&kind.kind.as_str());
            assert!(
                is_cluster_scoped(&kind) == namespace.is_null()
                    && (own || namespace.is_null() || namespace == "trueup")
            );
        }
    }
}

/// Lays out what the pod's container finds under its mounts, below `folder`, and returns where its configuration is.
fn mounted(objects: &[Value], folder: &Path) -> PathBuf {
    let pod = pod(objects);
    let container = &pod["containers"][0];
    let here = |path: &str| folder.join(path.trim_start_matches('/'));
    for mount in container["volumeMounts"].as_array().expect("mounts") {
        let target = here(mount["mountPath"].as_str().expect("path"));
        std::fs::create_dir_all(&target).expect("folder");
        let volumes = pod["volumes"].as_array().expect("volumes");
        let volume = volumes.iter().find(|volume| volume["name"] == mount["name"]).expect("the volume of a mount");
        if let Some(name) = volume.pointer("/configMap/name") {
            let map =
                of_kind(objects, "ConfigMap").into_iter().find(|map| &map["metadata"]["name"] == name).expect("map");
            for (key, text) in map["data"].as_object().expect("data") {
                // absolute paths of the container are paths below the folder here
                let text = text.as_str().expect("text").replace("/etc/trueup", &here("/etc/trueup").to_string_lossy());
                std::fs::write(target.join(key), text).expect("write");
            }
        }
        if volume.get("secret").is_some() {
            for key in ["token", "mask-key"] {
                std::fs::write(target.join(key), format!("the-{key}")).expect("write");
            }
        }
    }
    let args = std::iter::once("trueup".to_owned()).chain(texts(&container["args"]));
    let cli = Cli::try_parse_from(args).expect("the arguments of the container are right");
    let config = match cli.command {
        trueup::cli::Command::Run(args) => args.config,
        trueup::cli::Command::Daemon(args) => args.config,
        other => panic!("{other:?}"),
    };
    here(&config.config.to_string_lossy())
}

/// The configuration as the container loads it, with its mounts and its environment.
fn loaded(objects: &[Value]) -> config::Config {
    let folder = tempfile::tempdir().expect("folder");
    let file = mounted(objects, folder.path());
    let variables = pod(objects)["containers"][0]["env"].as_array().expect("variables").clone();
    let env = |name: &str| {
        let variable = variables.iter().find(|variable| variable["name"] == name)?;
        variable["value"].as_str().map(str::to_owned)
    };
    let locations = Locations { file: Some(file), ..Locations::default() };
    let loaded = config::load(&locations, &env).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(loaded.warnings, []);
    loaded.config
}

/// The configuration loads from the mounts; policies and baselines are the repository's, the clone lies on the volume.
#[test]
fn the_configuration_loads_in_the_pod() {
    for folder in FOLDERS {
        let objects = rendered(folder);
        let config = loaded(&objects);
        assert_eq!(config.policies.iter().filter(|policy| policy.name == "resource_limits_drift").count(), 1);
        assert!(config.policies.len() >= 6 && config.baselines.documents.len() >= 12);
        assert!(config.repository.cache.starts_with("/var/cache/trueup"));
        assert!(config.repository.token.is_some() && config.secret_key.is_some() && config.forge.is_some());
        let maps = of_kind(&objects, "ConfigMap");
        let policies = maps.iter().find(|map| map["data"].get("default.yaml").is_some()).expect("policies");
        for (name, text) in policies["data"].as_object().expect("data") {
            let own = std::fs::read_to_string(Path::new(ROOT).join("policies").join(name)).expect("file");
            assert_eq!(text.as_str(), Some(&*own), "{name}");
        }
    }
}

/// The documents name the keys of the Secret that the pod asks for, and no others.
#[test]
fn the_readme_names_the_keys_of_the_secret() {
    let readme = std::fs::read_to_string(Path::new(ROOT).join("deploy/README.md")).expect("deploy/README.md");
    let named = readme.split("--from-literal=").skip(1).map(|rest| rest.split('=').next().unwrap_or_default());
    let named: BTreeSet<_> = named.collect();
    assert_eq!(named, BTreeSet::from(["token", "mask-key", "webhook-url"]));
    let base = rendered("deploy/base");
    let webhook = pod(&base)["containers"][0]["env"].as_array().expect("variables");
    let webhook = webhook.iter().find(|variable| variable["name"] == "ALERT_WEBHOOK_URL").expect("variable");
    assert_eq!(
        webhook["valueFrom"]["secretKeyRef"],
        json!({"name": "trueup-credentials", "key": "webhook-url", "optional": true})
    );
    let maps = of_kind(&base, "ConfigMap");
    let text = maps.iter().find_map(|map| map["data"].get("trueup.yaml")?.as_str()).expect("configuration");
    let asked = text.split("/etc/trueup/credentials/").skip(1).map(|rest| rest.lines().next().unwrap_or_default());
    assert_eq!(asked.collect::<BTreeSet<_>>(), BTreeSet::from(["token", "mask-key"]));
}

/// A real API server takes every folder as it is, and warns of nothing: no unknown field, no pod that the restricted
/// standard of its namespace would turn away.
#[test]
fn an_api_server_accepts_it() {
    let cluster = cluster();
    cluster.namespaces_of_the_deployment();
    let checked = ["apply", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"];
    for folder in FOLDERS {
        let said = cluster.kubectl_with(&checked, &build_text(&Path::new(ROOT).join(folder)), &[]);
        assert!(
            said.lines().count() > 6 && said.lines().all(|line| line.contains("(server dry run)")),
            "{folder}: {said}"
        );
    }
}
