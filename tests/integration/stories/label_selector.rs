use super::{SETTINGS, WEB};
use crate::support::world::{Setting, World};

const MONITORED: &str = "labels: {app: web, drift-monitoring: enabled}";

/// With a label selector only labelled objects are read and compared; one that lost its label by hand looks like one
/// that is gone, and is told as no more than that.
#[test]
fn only_what_is_selected_is_compared() {
    let web = WEB.replacen("labels: {app: web}", MONITORED, 1);
    let files = [("apps/web.yaml", &*web), ("apps/settings.yaml", SETTINGS)];
    let selector = "label_selector: drift-monitoring=enabled";
    let world = World::new(&Setting { name: "selected", files: &files, cluster: selector, ..Setting::default() });
    world.deliver();
    world.kubectl(&["patch", "configmap", "settings", "-p", r#"{"data":{"currency":"USD"}}"#]);
    assert_eq!(world.scan(), (0, vec![]));
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    assert_eq!(world.scan(), (1, vec!["Deployment/web spec.replicas cluster_drift by kubectl (person)".to_owned()]));

    // an autoscaler need not carry the label to decide about replicas
    world.kubectl(&["autoscale", "deployment/web", "--min=3", "--max=9", "--cpu=70%"]);
    assert_eq!(world.scan(), (0, vec![]));

    world.kubectl(&["label", "deployment/web", "drift-monitoring-"]);
    let ran = world.trueup(&["scan", "-o", "json"]);
    assert_eq!(ran.items(), ["Deployment/web  missing"]);
    assert_eq!(ran.json()["items"][0]["confidence"], "potential");
}
