use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::domain::baseline::Baselines;
use crate::domain::delivery_rules::DeliveryRules;
use crate::domain::drift::ignore::IgnoreRule;
use crate::domain::drift::scan::{Declared, KindScan, ScanResult, ScanRules, Scope, join};
use crate::domain::drift::{ChangedBy, ManagerClass};
use crate::domain::opaque::{Opaque, Products, application};
use crate::domain::ownership::{ManagerClasses, ManagerRule};
use crate::domain::resource::{GroupKind, Manifest, ResourceId};
use crate::domain::schema::Schemas;
use crate::domain::source::Owns;

/// A source that owns what `owns` says; none where it says nothing.
fn source(name: &str, owns: Option<Owns>) -> Source {
    Source { owns, ..Source::plain(name, name) }
}

/// `owns` of these namespaces, this selector (none where empty) and these kinds.
fn owns(namespaces: &[&str], selector: &str, kinds: &[&str]) -> Owns {
    let group_kind = |text: &&str| {
        let (group, kind) = text.rsplit_once('/').unwrap_or(("", text));
        GroupKind::new(group, kind)
    };
    Owns {
        namespaces: namespaces.iter().map(|name| (*name).to_owned()).collect(),
        selector: (!selector.is_empty()).then(|| selector.parse().expect("selector")),
        kinds: kinds.iter().map(group_kind).collect(),
    }
}

/// An object from `KIND namespace/name` (`/name` without a namespace), with `more` laid over it.
fn object(text: &str, more: Value) -> Value {
    let (kind, place) = text.split_once(' ').expect("kind and name");
    let (group, kind) = kind.rsplit_once('/').unwrap_or(("", kind));
    let (namespace, name) = place.split_once('/').expect("namespace/name");
    let api_version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = Value::from(namespace);
    }
    let Value::Object(more) = more else { return object };
    for (key, value) in more {
        match (key.as_str(), value) {
            ("metadata", Value::Object(fields)) => {
                fields.into_iter().for_each(|(key, value)| object["metadata"][key] = value);
            }
            (key, value) => object[key] = value,
        }
    }
    object
}

fn manifest(source: &str, text: &str, more: Value) -> Manifest {
    let object = object(text, more);
    Manifest::new(ResourceId::of(&object).expect("named"), source, None, &object)
}

/// A live object; `metadata.managedFields` goes where the adapter puts it.
fn live(text: &str, more: Value) -> LiveObject {
    let mut object = object(text, more);
    let managed = object["metadata"].as_object_mut().expect("metadata").remove("managedFields");
    let managed_fields = managed.map(|managed| serde_json::value::to_raw_value(&managed).expect("JSON"));
    LiveObject { id: ResourceId::of(&object).expect("named"), object, managed_fields }
}

/// What is known of one world: sources, what they declare, names that the API server gives.
struct World {
    sources: Vec<Source>,
    manifests: Vec<Manifest>,
    generate_names: Vec<ResourceId>,
    rules: ScanRules,
    opaque: Vec<Opaque>,
}

impl World {
    fn new(sources: Vec<Source>, manifests: Vec<Manifest>) -> Self {
        let rule = |manager: &str, class| ManagerRule { manager: manager.to_owned(), subresource: None, class };
        let managers = ManagerClasses {
            rules: vec![
                rule("kubectl-*", ManagerClass::Person),
                rule("kube-controller-manager", ManagerClass::Controller),
            ],
        };
        let rules = ScanRules { managers, default_threshold: 0.1, ..ScanRules::default() };
        Self { sources, manifests, generate_names: Vec::new(), rules, opaque: Vec::new() }
    }

    /// Everything that a scan of these live objects, one list for each kind, comes to.
    fn scan(&self, objects: Vec<LiveObject>) -> ScanResult {
        let (schemas, baselines, scope) = (Schemas::default(), Baselines::default(), Scope::default());
        let delivery_rules = DeliveryRules::default();
        let context = ScanContext {
            schemas: &schemas,
            rules: &self.rules,
            baselines: &baselines,
            sources: &self.sources,
            delivery_rules: &delivery_rules,
            cluster: "c",
            stable_masks: true,
            foreign_masks: false,
            scope: &scope,
        };
        let declared = Declared::new(&self.manifests, &scope);
        let estate = Estate::new(&self.sources, &self.manifests, &self.generate_names);
        let estate = estate.map(|estate| estate.beside(&self.opaque));
        let search = estate.as_ref().map(|estate| Search::new(estate, context));
        let mut lists: BTreeMap<_, Vec<LiveObject>> = BTreeMap::new();
        for object in objects {
            let kind = crate::domain::resource::VersionedKind::new(
                object.object["apiVersion"].as_str().expect("apiVersion"),
                &*object.id.kind.kind,
            );
            lists.entry(kind).or_default().push(object);
        }
        let kinds: BTreeSet<_> = lists.keys().chain(declared.kinds()).cloned().collect();
        let scans = kinds.into_iter().map(|kind| {
            let mut scan = KindScan::new(declared.of(&kind), search, context);
            lists.remove(&kind).unwrap_or_default().into_iter().for_each(|object| scan.observe(object));
            (kind.clone(), Some(scan.finish()))
        });
        join(&declared, scans.collect::<Vec<_>>(), true, &context)
    }

    /// The undeclared objects that are told, and those that are ignored.
    fn found(&self, objects: Vec<LiveObject>) -> (Vec<String>, Vec<String>) {
        let result = self.scan(objects);
        let told = result.items.iter().filter(|item| item.is_undeclared()).map(|item| item.resource.to_string());
        let ignored = result.ignored.iter().map(|aside| aside.resource.to_string());
        (told.collect(), ignored.collect())
    }
}

/// A scope of namespaces, labels and kinds: which live objects lie in it.
#[test]
fn scopes() {
    let shop = json!({"metadata": {"labels": {"part-of": "shop"}}});
    for (scope, object, more, expected) in [
        (owns(&["shop"], "", &[]), "ConfigMap shop/a", json!({}), true),
        (owns(&["shop"], "", &[]), "ConfigMap shops/a", json!({}), false),
        (owns(&["team-*", "shop"], "", &[]), "ConfigMap team-x/a", json!({}), true),
        // the kinds that the source declares, and no others
        (owns(&["shop"], "", &[]), "Secret shop/a", json!({}), false),
        (owns(&["shop"], "", &["Secret"]), "Secret shop/a", json!({}), true),
        (owns(&["shop"], "", &["Secret"]), "ConfigMap shop/a", json!({}), false),
        (owns(&["shop"], "", &["apps/Deployment"]), "apps/Deployment shop/a", json!({}), true),
        (owns(&["shop"], "", &["apps/Deployment"]), "x.io/Deployment shop/a", json!({}), false),
        // both have to fit
        (owns(&["shop"], "part-of=shop", &[]), "ConfigMap shop/a", json!({}), false),
        (owns(&["shop"], "part-of=shop", &[]), "ConfigMap shop/a", shop.clone(), true),
        (owns(&["shop"], "part-of=shop", &[]), "ConfigMap other/a", shop.clone(), false),
        (owns(&[], "part-of=shop", &[]), "ConfigMap other/a", shop.clone(), true),
        (owns(&[], "part-of=shop", &[]), "ConfigMap other/a", json!({}), false),
        // objects without a namespace count by their labels alone
        (owns(&["*"], "", &["Namespace"]), "Namespace /shop", json!({}), false),
        (owns(&["shop"], "part-of=shop", &["Namespace"]), "Namespace /shop", shop.clone(), true),
        (owns(&["shop"], "part-of=shop", &["Namespace"]), "Namespace /shop", json!({}), false),
        (owns(&["*"], "!none", &["Namespace"]), "Namespace /shop", json!({}), true),
    ] {
        let shown = format!("{scope:?} {object} {more}");
        let manifests = vec![manifest("apps", "ConfigMap shop/declared", json!({}))];
        let world = World::new(vec![source("apps", Some(scope))], manifests);
        assert_eq!(!world.found(vec![live(object, more)]).0.is_empty(), expected, "{shown}");
    }
}

/// Without `owns` nothing is undeclared; what any source declares, in whatever way, is not either.
#[test]
fn what_any_source_declares_is_declared() {
    let everything = || Some(owns(&["*"], "", &["ConfigMap", "Pod", "autoscaling/HorizontalPodAutoscaler"]));
    let manifests = vec![
        manifest("apps", "ConfigMap shop/a", json!({})),
        manifest("infra", "ConfigMap /anywhere", json!({})),
        manifest("infra", "autoscaling/HorizontalPodAutoscaler shop/web", json!({"apiVersion": "autoscaling/v2"})),
    ];
    let mut world = World::new(vec![source("apps", everything()), source("infra", None)], manifests);
    world.generate_names = vec![ResourceId::new(GroupKind::new("", "Pod"), Some("shop"), "run-")];
    let objects = || {
        let generated = |prefix: &str| json!({"metadata": {"generateName": prefix}});
        vec![
            live("ConfigMap shop/a", json!({})),
            live("ConfigMap team/anywhere", json!({})),
            live("ConfigMap team/a", json!({})),
            live("autoscaling/HorizontalPodAutoscaler shop/web", json!({})),
            live("Pod shop/run-x2v5k", generated("run-")),
            live("Pod team/run-x2v5k", generated("run-")),
            live("Pod shop/walk-x2v5k", generated("walk-")),
        ]
    };
    let told = ["ConfigMap team/a", "Pod team/run-x2v5k", "Pod shop/walk-x2v5k"].map(str::to_owned).to_vec();
    assert_eq!(world.found(objects()), (told, vec![]));
    world.sources[0].owns = None;
    assert_eq!(world.found(objects()), (vec![], vec![]));
}

/// Whatever belongs to something else, and earlier generations of what is declared, are no drift.
#[test]
fn what_is_explained() {
    let kinds = ["ConfigMap", "Secret", "Pod", "PersistentVolumeClaim", "apps/StatefulSet", "apps/ReplicaSet"];
    let templates = json!({"spec": {"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}});
    let manifests = vec![
        manifest("apps", "ConfigMap shop/settings-7f9k2m4h5b", json!({})),
        manifest("apps", "apps/StatefulSet shop/db", templates.clone()),
        manifest("apps", "helm.toolkit.fluxcd.io/HelmRelease flux/shop", json!({})),
        manifest("apps", "Secret shop/owner", json!({})),
    ];
    let world = World::new(vec![source("apps", Some(owns(&["*"], "", &kinds)))], manifests);
    let owner = |kind: &str, name: &str, controller: bool| json!({"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": kind, "name": name, "uid": "u", "controller": controller}]}});
    let managed = |managers: &[(&str, &str)]| {
        let entry = |(manager, subresource): &(&str, &str)| json!({"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": {}});
        json!({"metadata": {"managedFields": managers.iter().map(entry).collect::<Vec<_>>()}})
    };
    let release = |name: &str| json!({"metadata": {"labels": {"helm.toolkit.fluxcd.io/name": name, "helm.toolkit.fluxcd.io/namespace": "flux"}}});
    for (object, more, told, ignored) in [
        ("ConfigMap shop/settings-8g9k2m4h5b", json!({}), false, true),
        ("ConfigMap shop/settings-8g9k2m4h5", json!({}), true, false),
        ("ConfigMap shop/settings-8g9k2m4h5a", json!({}), true, false),
        ("ConfigMap shop/others-8g9k2m4h5b", json!({}), true, false),
        ("ConfigMap team/settings-8g9k2m4h5b", json!({}), true, false),
        ("Secret shop/settings-8g9k2m4h5b", json!({}), true, false),
        ("PersistentVolumeClaim shop/data-db-0", json!({}), false, false),
        ("PersistentVolumeClaim shop/data-db-12", json!({}), false, false),
        ("PersistentVolumeClaim shop/data-db-x", json!({}), true, false),
        ("PersistentVolumeClaim shop/data-db-", json!({}), true, false),
        ("PersistentVolumeClaim shop/logs-db-0", json!({}), true, false),
        ("PersistentVolumeClaim team/data-db-0", json!({}), true, false),
        ("Pod shop/a", owner("Any", "of-nobody", true), false, false),
        ("Pod shop/a", owner("Any", "of-nobody", false), true, false),
        ("Pod shop/a", owner("Secret", "owner", false), false, false),
        ("Pod team/a", owner("Secret", "owner", false), true, false),
        ("Pod shop/a", json!({"metadata": {"ownerReferences": "none"}}), true, false),
        ("Pod shop/a", json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}), false, true),
        ("ConfigMap shop/a", managed(&[("kube-controller-manager", "")]), false, false),
        ("ConfigMap shop/a", managed(&[("kube-controller-manager", ""), ("kubectl-edit", "")]), true, false),
        ("ConfigMap shop/a", managed(&[("kubectl-create", ""), ("kube-controller-manager", "status")]), true, false),
        ("ConfigMap shop/a", managed(&[("anybody", "status")]), true, false),
        ("ConfigMap shop/a", release("shop"), false, false),
        ("ConfigMap shop/a", release("other"), true, false),
    ] {
        let shown = format!("{object} {more}");
        let (items, asides) = world.found(vec![live(object, more)]);
        assert_eq!((items.len(), asides.len()), (usize::from(told), usize::from(ignored)), "{shown}");
    }
    // what goes with an object that is told itself is no news
    let by_hand = vec![
        live("apps/StatefulSet shop/mine", templates),
        live("PersistentVolumeClaim shop/data-mine-0", json!({})),
        live("PersistentVolumeClaim team/data-mine-0", json!({})),
        live("Secret shop/mine", json!({})),
        live("Pod shop/of-mine", owner("Secret", "mine", false)),
        live("Pod shop/of-itself", owner("Pod", "of-itself", false)),
        live("Pod shop/ring-a", owner("Pod", "ring-b", false)),
        live("Pod shop/ring-b", owner("Pod", "ring-a", false)),
    ];
    let mut told = world.found(by_hand).0;
    told.sort();
    let expected = [
        "PersistentVolumeClaim team/data-mine-0",
        "Pod shop/of-itself",
        "Pod shop/ring-a",
        "Pod shop/ring-b",
        "Secret shop/mine",
        "StatefulSet shop/mine",
    ];
    assert_eq!(told, expected);
}

/// The first row that fits wins; one that counts overrules what else would explain an object.
#[test]
fn rows_decide() {
    let row = |kind: &str, name: &str, treatment| ObjectRule {
        kinds: owns(&[], "", &[kind]).kinds,
        namespaces: Vec::new(),
        names: vec![name.to_owned()],
        label: None,
        annotation: None,
        types: Vec::new(),
        treatment,
        reason: None,
    };
    let mut world = World::new(vec![source("apps", Some(owns(&["*"], "", &["ConfigMap", "x.io/Report"])))], vec![]);
    world.rules.unmanaged.rows = vec![
        row("ConfigMap", "counts-*", Treatment::Drift),
        row("ConfigMap", "shown-*", Treatment::Ignored),
        row("*/*", "hidden-*", Treatment::Skipped),
        row("ConfigMap", "other", Treatment::Ignored),
        ObjectRule { names: Vec::new(), ..row("x.io/*", "", Treatment::Skipped) },
    ];
    let controlled = json!({"metadata": {"ownerReferences": [{"controller": true}]}});
    let (told, ignored) = world.found(vec![
        live("ConfigMap shop/counts-1", controlled.clone()),
        live("ConfigMap shop/other", controlled),
        live("ConfigMap shop/shown-1", json!({})),
        live("ConfigMap shop/hidden-1", json!({})),
        live("x.io/Report shop/a", json!({})),
    ]);
    assert_eq!(told, ["ConfigMap shop/counts-1"]);
    assert_eq!(ignored, ["ConfigMap shop/shown-1"]);
    let skipped = |kind: &str| world.rules.unmanaged.skip_kind(&owns(&[], "", &[kind]).kinds[0]);
    assert_eq!([skipped("x.io/Report"), skipped("ConfigMap"), skipped("y.io/Report")], [true, false, false]);
}

/// An item says which source owns the object and who made it, and nothing of what is in it.
#[test]
fn items_tell_the_maker() {
    let sources = vec![
        source("first", Some(owns(&["team"], "", &["Secret"]))),
        source("apps", Some(owns(&["*"], "", &["Secret"]))),
    ];
    let world = World::new(sources, vec![]);
    let entry = |manager: &str, subresource: &str, time: &str| json!({"manager": manager, "operation": "Update", "subresource": subresource, "time": time, "fieldsV1": {}});
    let secret = json!({"data": {"password": "masked"}, "metadata": {"labels": {"a": "b"}, "managedFields": [
        entry("helm", "", "2026-01-01T00:00:00Z"),
        entry("kubectl-label", "", "2026-01-03T00:00:00Z"),
        entry("kubectl-create", "", "2026-01-02T00:00:00Z"),
        entry("kubectl-scale", "scale", "2025-01-01T00:00:00Z"),
    ]}});
    let result = world.scan(vec![live("Secret shop/a", secret), live("Secret team/b", json!({}))]);
    let told: Vec<_> = result.items.iter().map(|item| (&*item.source, &item.live, item.confidence)).collect();
    let present = Some(json!("present"));
    let expected = [("apps", &present, Confidence::Confirmed), ("first", &present, Confidence::Potential)];
    assert_eq!(told, expected);
    let item = &result.items[0];
    let by = ChangedBy {
        manager: "kubectl-create".to_owned(),
        class: ManagerClass::Person,
        operation: "Update".to_owned(),
        subresource: None,
        at: Some("2026-01-02T00:00:00Z".to_owned()),
    };
    assert_eq!((item.changed_by.as_ref(), &item.labels[..]), (Some(&by), &[("a".to_owned(), "b".to_owned())][..]));
    assert_eq!((item.verdict, item.drift, item.aspect), (Verdict::LiveOnly, DriftKind::Structural, Aspect::Presence));
    assert!(!format!("{item:?}").contains("masked"));
}

/// However much there is, a bounded part of it is told, with a word about the rest; what rules ignore takes no place.
#[test]
fn what_is_told_is_bounded() {
    let mut world = World::new(vec![source("apps", Some(owns(&["*"], "", &["ConfigMap"])))], vec![]);
    world.rules.ignore = vec![IgnoreRule { name: Some("quiet-*".to_owned()), ..IgnoreRule::default() }];
    let objects = || {
        let quiet = (0..300).map(|number| live(&format!("ConfigMap shop/quiet-{number}"), json!({})));
        quiet.chain((0..500).map(|number| live(&format!("ConfigMap shop/a-{number:03}"), json!({}))))
    };
    let result = world.scan(objects().collect());
    assert_eq!((result.items.len(), result.ignored.len()), (MOST, MOST));
    assert_eq!(result.items[MOST - 1].resource.name, format!("a-{:03}", MOST - 1));
    let problems: Vec<_> = result.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(problems, ["300 more of ConfigMap in the scope of apps are declared by no source"]);
    assert_eq!(world.scan(objects().take(300 + MOST).collect()).problems, []);
}

/// What an Application of Git delivers is its own business unless a source renders it; what something opaque delivers is
/// ignored with its reason, and what it does not mark is told.
#[test]
fn products_of_delivery_tools_are_not_undeclared() {
    let apps = || source("apps", Some(owns(&["shop"], "", &["ConfigMap"])));
    let app = |name: &str, path: &str| {
        manifest("apps", &format!("argoproj.io/Application argocd/{name}"), json!({"spec": {"source": {"path": path}}}))
    };
    let tracked = |name: &str| {
        let id = format!("{name}:/ConfigMap:shop/{name}");
        live(
            &format!("ConfigMap shop/{name}"),
            json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": id}}}),
        )
    };
    let lives = || ["elsewhere", "here", "gone", "closed"].map(tracked).into_iter().collect();
    let manifests = vec![app("elsewhere", "other"), app("here", "./apps/web"), app("closed", "apps")];
    let mut world = World::new(vec![apps()], manifests);
    let (told, _) = world.found(lives());
    assert_eq!(told, ["ConfigMap shop/here", "ConfigMap shop/gone", "ConfigMap shop/closed"]);
    world.opaque.push(Opaque {
        resource: ResourceId::new(application(), Some("argocd"), "closed"),
        place: None,
        reason: String::new(),
        help: String::new(),
        products: Products::Marked,
    });
    let (told, ignored) = world.found(lives());
    assert_eq!(told, ["ConfigMap shop/here", "ConfigMap shop/gone"]);
    assert_eq!(ignored, ["ConfigMap shop/closed"]);
}
