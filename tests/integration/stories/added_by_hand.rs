use super::WEB;
use crate::support::world::{Setting, World};

/// A host network that Git never declared is answered by declaring the native default; merged and applied, it is gone,
/// and a pull request whose merge nobody noted is closed.
#[test]
fn an_added_field_is_neutralised() {
    let world = World::new(&Setting { name: "added", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    world.kubectl(&["patch", "deployment", "web", "-p", r#"{"spec":{"template":{"spec":{"hostNetwork":true}}}}"#]);
    let (code, drift) = world.scan();
    let path = "spec.template.spec.hostNetwork";
    assert_eq!(code, 1);
    assert!(drift.contains(&format!("Deployment/web {path} live_only by kubectl-patch (person)")), "{drift:#?}");
    let others: Vec<_> = drift.iter().filter(|item| !item.ends_with(']') && !item.contains(path)).collect();
    assert_eq!(others, [] as [&String; 0]);

    assert_eq!(world.run(), ["Deployment/web created"]);
    let branch = world.remote.branches().remove(0);
    let changed = world.remote.changed_lines(&branch);
    assert!(changed.contains(&"+      hostNetwork: false".to_owned()), "{changed:#?}");
    assert!(changed.iter().all(|line| line.starts_with('+')), "{changed:#?}");

    world.remote.merge(&branch);
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
    assert_eq!(world.run(), [] as [&str; 0]);
    let (_, text) = world.pull_requests().remove(0);
    assert!(text.contains("\nstate: closed\n"), "{text}");
}

/// An environment variable that Git never declared cannot be removed by Git: the report names the command that can, and
/// that command works.
#[test]
fn an_added_variable_needs_a_person() {
    let world = World::new(&Setting { name: "variable", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    world.kubectl(&["set", "env", "deployment/web", "DEBUG=1"]);
    let path = "spec.template.spec.containers[name=web].env[name=DEBUG]";
    let drift = vec![format!("Deployment/web {path} live_only by kubectl-set (person)")];
    let ran = world.trueup(&["run", "-o", "json"]);
    assert_eq!(ran.items(), drift);
    assert_eq!(ran.outcomes(), ["Deployment/web needs_person"]);
    assert_eq!((world.remote.branches(), world.pull_requests()), (vec![], vec![]));

    let report = ran.json();
    let command = report["units"][0]["commands"][0].as_str().expect("a command");
    world.cluster.shell(command);
    assert_eq!(world.scan(), (0, vec![]));
}

/// Scaled to zero where Git leaves the number to its default: found, though the API server records no owner of a zero.
#[test]
fn a_deployment_switched_off_is_found() {
    let unscaled = WEB.replace("  replicas: 2 # one for each zone\n", "");
    let world = World::new(&Setting { name: "off", files: &[("apps/web.yaml", &unscaled)], ..Setting::default() });
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
    world.kubectl(&["scale", "deployment/web", "--replicas=0"]);
    assert_eq!(world.scan(), (1, vec!["Deployment/web spec.replicas live_only".to_owned()]));
    assert_eq!(world.run(), ["Deployment/web created"]);
    let branch = world.remote.branches().remove(0);
    assert_eq!(world.remote.changed_lines(&branch), ["+  replicas: 1"]);
    world.remote.merge(&branch);
    world.deliver();
    assert_eq!(world.scan(), (0, vec![]));
}
