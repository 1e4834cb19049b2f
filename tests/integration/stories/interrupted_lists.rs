use super::WEB;
use crate::support::proxy::{Fault, Proxy};
use crate::support::world::{Setting, World};

/// Three ConfigMaps, so that pages of two make a list of several pages.
const MANY: &str = "\
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {k: v}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: b}, data: {k: v}}
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {k: v}}
";

/// A world with one drift, read through a proxy in small pages.
fn world(name: &str) -> World {
    let files = [("apps/web.yaml", WEB), ("apps/many.yaml", MANY)];
    // requests are counted, so only what is declared is listed
    let config = "delivery_rules: {from: [repository]}\n";
    let world = World::new(&Setting { name, files: &files, cluster: "page_size: 2", config, ..Setting::default() });
    world.deliver();
    world.kubectl(&["patch", "configmap", "c", "-p", r#"{"data":{"k":"w"}}"#]);
    world
}

const DRIFT: &str = "ConfigMap/c data.k cluster_drift by kubectl-patch (person)";

fn is_later_page(address: &str) -> bool {
    address.contains("/configmaps?") && address.contains("continue=")
}

/// Lists through a rule that spoils single requests, and what came of it.
fn scan_through(
    name: &str,
    rule: impl FnMut(&str) -> Fault + Send + 'static,
) -> (i32, Vec<String>, Vec<String>, Proxy) {
    let world = world(name);
    let proxy = Proxy::start(world.cluster, rule);
    world.reach_cluster_at(&proxy.address);
    let ran = world.trueup(&["scan", "-o", "json"]);
    (ran.code.expect("it ended by itself"), ran.items(), ran.problems(), proxy)
}

/// A rule that spoils the first `times` requests that `fits`.
fn first(times: usize, fits: impl Fn(&str) -> bool + Send + 'static, fault: Fault) -> impl FnMut(&str) -> Fault + Send {
    let mut left = times;
    move |address| {
        if left > 0 && fits(address) {
            left -= 1;
            return fault;
        }
        Fault::None
    }
}

/// A list whose token expires in the middle is started again, and nothing is seen twice or lost.
#[test]
fn an_expired_list_is_started_again() {
    let (code, items, problems, proxy) =
        scan_through("expired", first(1, is_later_page, Fault::Refuse(410, "Expired")));
    assert_eq!((code, items, problems), (1, vec![DRIFT.to_owned()], vec![]));
    // first page, 410, and the whole list: `kube-root-ca.crt` makes four ConfigMaps, two pages
    assert_eq!(proxy.asked("/configmaps?"), 4);
}

/// A list whose token always expires is given up: its kind is unknown, and nothing of it missing.
#[test]
fn a_list_that_always_expires_is_unknown() {
    let (code, items, problems, _) =
        scan_through("expires", first(usize::MAX, is_later_page, Fault::Refuse(410, "Expired")));
    assert_eq!((code, items), (3, vec![]));
    assert!(problems.len() == 1 && problems[0].contains("v1 ConfigMap failed: the list expired"), "{problems:#?}");
}

/// A page that breaks off is asked for again.
#[test]
fn a_page_that_breaks_off_is_asked_for_again() {
    let (code, items, problems, proxy) = scan_through("cut", first(2, is_later_page, Fault::CutOff));
    assert_eq!((code, items, problems), (1, vec![DRIFT.to_owned()], vec![]));
    assert_eq!(proxy.asked("/configmaps?"), 4);
}

/// Half a page that claims to be whole makes the kind unknown: what is not in it is not missing.
#[test]
fn half_a_page_is_no_list() {
    for (name, fault) in [("half", Fault::Half), ("cuts", Fault::CutOff)] {
        let (code, items, problems, _) = scan_through(name, first(usize::MAX, is_later_page, fault));
        assert_eq!((code, items), (3, vec![]), "{problems:#?}");
        assert!(problems.len() == 1 && problems[0].contains("listing v1 ConfigMap failed"), "{problems:#?}");
    }
}

/// A busy or stumbling API server is asked again, at any stage: discovery and lists.
#[test]
fn a_busy_server_is_asked_again() {
    for (name, fault) in [
        ("busy", Fault::Refuse(429, "TooManyRequests")),
        ("stumble", Fault::Refuse(500, "InternalError")),
        ("gone-for-a-moment", Fault::Refuse(503, "ServiceUnavailable")),
    ] {
        let (code, items, problems, _) = scan_through(name, first(2, |address| address.contains("/api/v1"), fault));
        assert_eq!((code, items, problems), (1, vec![DRIFT.to_owned()], vec![]), "{name}");
    }
}

/// An API server that never gets over it makes the kind unknown; a run proposes and closes nothing about it.
#[test]
fn a_server_that_stays_broken_changes_nothing() {
    let world = world("stays-broken");
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    assert_eq!(world.run(), ["ConfigMap/c created", "Deployment/web created"]);
    let before = world.footprint();
    let proxy = Proxy::start(world.cluster, |address| match address.contains("/configmaps?") {
        true => Fault::Refuse(500, "InternalError"),
        false => Fault::None,
    });
    world.reach_cluster_at(&proxy.address);
    assert_eq!(world.run(), ["Deployment/web unchanged"]);
    assert_eq!(world.footprint(), before);
}
