//! Live objects that no source declares: what people made by hand is found, what every cluster makes by itself is not.

use std::fmt::Write as _;

use serde_json::Value;

use crate::support::cluster::{Way, untouched_cluster};
use crate::support::eventually;
use crate::support::world::{LIST_EVERYTHING, Setting, World};

/// A configuration whose only source owns what `owns` says.
fn owning(owns: &str) -> String {
    format!("sources: [{{name: apps, path: apps, namespace: NAMESPACE, environment: production, owns: {owns}}}]\n")
}

/// A new cluster in which a source owns every object of every kind that can be listed shows what this test made and
/// nothing else: by ownership and table, and by the table alone.
#[test]
fn a_new_cluster_holds_nothing_undeclared() {
    let cluster = untouched_cluster();
    let kinds: Vec<(String, String)> = cluster
        .kubectl(&["api-resources", "--verbs=list", "--no-headers"])
        .lines()
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [.., api_version, _, kind] = words[..] else { panic!("{line}") };
            let group = api_version.split_once('/').map_or("", |(group, _)| group);
            let resource = if group.is_empty() { words[0].to_owned() } else { format!("{}.{group}", words[0]) };
            (if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") }, resource)
        })
        .collect();
    assert!(kinds.len() > 50, "{kinds:?}");
    let listed = kinds.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>().join(", ");
    let config = owning(&format!("{{namespaces: [\"*\"], selector: \"!nobody\", kinds: [{listed}]}}"));
    let setting =
        Setting { name: "new", everywhere: true, in_cluster: Some(cluster), config: &config, ..Setting::default() };
    let world = World::new(&setting);
    world.deliver();
    // every controller has had its turn
    eventually(|| {
        let has = |kind: &str, name: &str| {
            cluster.kubectl(&["get", kind, "-A", "--field-selector", &format!("metadata.name={name}")]).lines().count()
                > 4
        };
        (has("configmap", "kube-root-ca.crt") && has("serviceaccount", "default")).then_some(())
    });
    let account = format!("{}-trueup", world.namespace);
    let mut made = vec![
        format!("ClusterRole/{account}  live_only by kubectl-client-side-apply (delivery)"),
        format!("ClusterRoleBinding/{account}  live_only by kubectl-client-side-apply (delivery)"),
        // an object of which only the name was given records no maker
        format!("Namespace/{}  live_only", world.namespace),
        "Secret/canary-live  live_only by kubectl-client-side-apply (delivery)".to_owned(),
        "ServiceAccount/trueup  live_only by kubectl-client-side-apply (delivery)".to_owned(),
    ];
    let ran = world.trueup(&["scan", "-o", "json"]).exits(1);
    let mut items = ran.items();
    items.sort();
    assert_eq!((items, ran.problems()), (made.clone(), vec![]));
    let report = ran.json();
    assert!(report["summary"]["live"].as_u64().expect("a count") > 200, "{}", report["summary"]);

    // what kubectl prints has no managedFields
    let resources = kinds.iter().map(|(_, resource)| resource.as_str()).collect::<Vec<_>>().join(",");
    std::fs::write(world.path("live.json"), cluster.kubectl(&["get", &resources, "-A", "-o", "json"])).expect("write");
    let ran = world.trueup(&["scan", "--live", "live.json", "-o", "json"]);
    made.iter_mut().for_each(|item| item.truncate(item.find(" by ").unwrap_or(item.len())));
    let mut items = ran.items();
    items.sort();
    assert_eq!(items, made);
    // it holds this world's secrets by right
    std::fs::remove_file(world.path("live.json")).expect("remove");
    let potential = |item: &Value| item["confidence"] == "potential" && item["changed_by"].is_null();
    assert!(ran.json()["items"].as_array().expect("items").iter().all(potential));
}

/// What people make and what controllers make of it.
const BY_HAND: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: mine}
data: {a: b}
---
apiVersion: v1
kind: Secret
metadata: {name: mine}
stringData: {password: SECRET}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: mine}
spec:
  replicas: 2
  selector: {matchLabels: {app: mine}}
  template:
    metadata: {labels: {app: mine}}
    spec: {containers: [{name: app, image: registry.company.example/app:1}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: mine}
spec:
  serviceName: mine
  selector: {matchLabels: {set: mine}}
  template:
    metadata: {labels: {set: mine}}
    spec: {containers: [{name: app, image: registry.company.example/app:1}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: mine}
spec:
  schedule: '* * * * *'
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: app, image: registry.company.example/app:1}]}
---
apiVersion: v1
kind: Service
metadata: {name: mine}
spec: {selector: {app: mine}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: mine}
---
apiVersion: v1
kind: Secret
metadata: {name: token-of-mine, annotations: {kubernetes.io/service-account.name: mine}}
type: kubernetes.io/service-account-token
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: mine}
rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]
---
apiVersion: v1
kind: Pod
metadata: {name: mine}
spec: {containers: [{name: app, image: registry.company.example/app:1}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: left-alone, annotations: {argocd.argoproj.io/compare-options: IgnoreExtraneous}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: kept, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}
";

/// Of what people make by hand the top is told, each with its maker; what controllers make of it is not, and what is
/// marked to be left alone is ignored.
#[test]
fn what_people_make_is_found() {
    let kinds = "ConfigMap, Secret, Service, ServiceAccount, Pod, Endpoints, PersistentVolumeClaim, Event, \
        apps/Deployment, apps/ReplicaSet, apps/StatefulSet, apps/ControllerRevision, batch/CronJob, batch/Job, \
        discovery.k8s.io/EndpointSlice, rbac.authorization.k8s.io/Role, rbac.authorization.k8s.io/RoleBinding";
    let config = owning(&format!("{{namespaces: [NAMESPACE], kinds: [{kinds}]}}"));
    let mut world = World::new(&Setting { name: "by-hand", config: &config, ..Setting::default() });
    world.deliver();
    let own = [
        "Role/NAME  live_only by kubectl-client-side-apply (delivery)",
        "RoleBinding/NAME  live_only by kubectl-client-side-apply (delivery)",
        "Secret/canary-live  live_only by kubectl-client-side-apply (delivery)",
        "ServiceAccount/trueup  live_only by kubectl-client-side-apply (delivery)",
    ]
    .map(|item| item.replace("NAME", &format!("{}-trueup", world.namespace)));
    let scan = |world: &World| {
        let (code, mut items) = world.scan();
        items.sort();
        (code, items)
    };
    assert_eq!(scan(&world), (1, own.to_vec()));

    let secret = world.canary("by-hand");
    world.cluster.deliver(Way::Create, &world.namespace, &BY_HAND.replace("SECRET", &secret));
    let there = |what: &str| world.kubectl(&["get", what, "-o", "name"]).lines().count();
    eventually(|| {
        let made = there("pods") >= 5 && there("jobs") >= 1 && there("pvc") == 1 && there("endpointslices") == 1;
        made.then_some(())
    });
    let by_hand = ["ConfigMap", "CronJob", "Deployment", "Pod", "Role", "Secret", "Service", "StatefulSet"];
    let by_hand = by_hand.map(|kind| format!("{kind}/mine  live_only by kubectl-create (delivery)"));
    let mut expected: Vec<_> = own.into_iter().chain(by_hand).collect();
    // an object of which only the name was given records no maker
    expected.push("ServiceAccount/mine  live_only".to_owned());
    expected.sort();
    assert_eq!(scan(&world), (1, expected));

    let report = world.trueup(&["scan", "--all", "-o", "json"]).json();
    let mut ignored: Vec<_> = report["ignored"].as_array().expect("ignored").iter().collect();
    ignored.sort_by_key(|aside| aside["resource"]["name"].to_string());
    let names: Vec<_> = ignored.iter().map(|aside| aside["resource"]["name"].as_str().expect("name")).collect();
    assert_eq!(names, ["kept", "left-alone"]);
    assert!(ignored[1]["reason"].as_str().expect("reason").contains("IgnoreExtraneous"));
    let table = world.trueup(&["scan", "--all"]).exits(1).stdout;
    assert!(table.contains("ConfigMap") && table.contains("(whole resource)  (it is marked"), "{table}");
}

/// A source that cannot be rendered may declare anything: nothing is called undeclared until it can, in one sentence.
#[test]
fn what_could_not_be_rendered_may_declare_it() {
    let config = "sources:\n  - {name: apps, path: apps, namespace: NAMESPACE, owns: {namespaces: [NAMESPACE]}}\n  - {name: other, path: other, namespace: NAMESPACE}\n";
    let files = [("other/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")];
    let world = World::new(&Setting { name: "unrendered", config, files: &files, ..Setting::default() });
    world.deliver();
    world.cluster.deliver(Way::ClientSide, &world.namespace, files[0].1);
    assert_eq!(world.scan().1, ["Secret/canary-live  live_only by kubectl-client-side-apply (delivery)"]);
    world.remote.commit("main", &[("other/b.yaml", "a: [\n")]);
    let ran = world.trueup(&["scan", "-o", "json"]).exits(3);
    assert_eq!(ran.items(), [] as [&str; 0]);
    let problems = ran.problems();
    let told: Vec<_> = problems.iter().filter(|problem| problem.contains("no source declares: other could")).collect();
    assert_eq!((problems.len(), told.len()), (2, 1), "{problems:#?}");
}

/// An owned kind that may not be listed is an error and no silence; one that the API server does not have is a warning.
#[test]
fn a_kind_that_cannot_be_listed_is_told() {
    let rules = r#"[{apiGroups: [""], resources: [secrets], verbs: [list]}]"#;
    let config = owning("{namespaces: [NAMESPACE], kinds: [Secret, ConfigMap, x.company.example/Any]}");
    let world = World::new(&Setting { name: "unlisted", rules, config: &config, ..Setting::default() });
    world.deliver();
    let ran = world.trueup(&["scan", "-o", "json"]).exits(3);
    assert_eq!(ran.items(), ["Secret/canary-live  live_only by kubectl-client-side-apply (delivery)"]);
    let problems = ran.problems().join("\n");
    assert!(problems.contains("listing v1 ConfigMap is forbidden"), "{problems}");
    assert!(problems.contains("apps owns Any.x.company.example, and the API server has no such kind"), "{problems}");
    assert_eq!(problems.lines().count(), 2, "{problems}");
}

/// From the scan to a run: no edit of Git, the command that deletes the object, and the snapshot that shows the same.
#[test]
fn undeclared_objects_are_left_to_a_person() {
    let files = [("apps/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")];
    let config = owning("{namespaces: [NAMESPACE], kinds: [ConfigMap, rbac.authorization.k8s.io/Role]}");
    let setting = Setting { name: "to-a-person", files: &files, config: &config, ..Setting::default() };
    let world = World::new(&setting);
    world.deliver();
    world.kubectl(&["delete", "role", &format!("{}-trueup", world.namespace), "--wait=false"]);
    world.cluster.account(&world.namespace, "lister", LIST_EVERYTHING, true);
    let lister = world.cluster.account_of(&world.namespace, "lister");
    let mut world = world;
    world.become_account(lister);
    assert_eq!(world.scan(), (0, vec![]));

    world.kubectl(&["create", "configmap", "by-hand", "--from-literal=a=b"]);
    world.kubectl(&["create", "role", "by-hand", "--verb=list", "--resource=pods"]);
    world.kubectl(&["annotate", "configmap/by-hand", "note=1"]);
    let told = [
        "ConfigMap/by-hand  live_only by kubectl-annotate (person)",
        "Role/by-hand  live_only by kubectl-create (delivery)",
    ]
    .map(str::to_owned);
    assert_eq!(world.scan(), (1, told.to_vec()));
    world.trueup(&["snapshot", "-o", "cluster.jsonl"]).exits(0);
    assert_eq!(world.trueup(&["scan", "--live", "cluster.jsonl", "-o", "json"]).exits(1).items(), told);

    let planned = world.trueup(&["plan", "-o", "json"]).exits(1);
    assert_eq!(planned.outcomes(), ["ConfigMap/by-hand needs_person", "Role/by-hand needs_person"]);
    let before = world.footprint();
    let ran = world.trueup(&["run", "-o", "json"]).exits(0);
    assert_eq!(ran.outcomes(), planned.outcomes());
    assert_eq!(world.footprint(), before);
    let report = ran.json();
    let units = report["units"].as_array().expect("units");
    assert!(
        units.iter().all(|unit| unit["leftovers"][0].as_str().is_some_and(|text| text.contains("add its manifest")))
    );
    let expected = format!("kubectl -n {} delete configmap/by-hand", world.namespace);
    let commands: Vec<_> = units.iter().map(|unit| unit["commands"][0].as_str().expect("a command")).collect();
    assert!(commands.contains(&&*expected), "{commands:?}");
    for form in ["table", "markdown"] {
        let text = world.trueup(&["plan", "-o", form]).exits(1).stdout;
        assert!(text.contains("delete configmap/by-hand"), "{text}");
        assert!(text.contains("(not declared)") && text.contains("(present)"), "{text}");
    }
    commands.into_iter().for_each(|command| world.cluster.shell(command));
    assert_eq!(world.scan(), (0, vec![]));
}

/// A manifest without a name is neither missing nor undeclared, however often it was run; an earlier generation of what
/// kustomize generates is ignored.
#[test]
fn generated_names_are_declared() {
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: migrate-}\nspec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a:1}]}}}\n";
    let kustomization = |value: &str| {
        format!("namespace: NAMESPACE\nconfigMapGenerator: [{{name: settings, literals: [a={value}]}}]\n")
    };
    let first = kustomization("1");
    let files = [("jobs/migrate.yaml", job), ("built/kustomization.yaml", first.as_str())];
    let mut config = String::from("sources:\n");
    for (name, renderer) in [("apps", "plain"), ("jobs", "plain"), ("built", "kustomize")] {
        let owns = if name == "apps" { "" } else { "owns: {namespaces: [NAMESPACE], kinds: [batch/Job, ConfigMap]}" };
        writeln!(config, "  - {{name: {name}, path: {name}, renderer: {renderer}, namespace: NAMESPACE, {owns}}}")
            .expect("text");
    }
    let world = World::new(&Setting { name: "generated", files: &files, config: &config, ..Setting::default() });
    world.deliver();
    let build = |value: &str| {
        std::fs::create_dir_all(world.path("built")).expect("folder");
        let text = kustomization(value).replace("NAMESPACE", &world.namespace);
        std::fs::write(world.path("built/kustomization.yaml"), text).expect("write");
        world.kubectl(&["apply", "-k", world.path("built").to_str().expect("UTF-8")]);
    };
    build("1");
    for _ in 0..2 {
        world.cluster.deliver(Way::Create, &world.namespace, job);
    }
    assert_eq!(world.scan(), (0, vec![]));

    build("2");
    let second = kustomization("2").replace("NAMESPACE", &world.namespace);
    world.remote.commit("main", &[("built/kustomization.yaml", &second)]);
    let ran = world.trueup(&["scan", "--all", "-o", "json"]).exits(0);
    let report = ran.json();
    let ignored = report["ignored"].as_array().expect("ignored");
    assert_eq!(ignored.len(), 1, "{ignored:#?}");
    assert!(ignored[0]["reason"].as_str().expect("reason").contains("earlier generation"), "{ignored:#?}");
}
