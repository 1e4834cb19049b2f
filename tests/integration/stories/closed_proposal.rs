use super::WEB;
use crate::support::world::{Setting, World};

/// A proposal that a person closed is not made again, until the drift is another one.
#[test]
fn what_a_person_closed_stays_closed() {
    let world = World::new(&Setting { name: "closed", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    assert_eq!(world.run(), ["Deployment/web created"]);
    world.set_state(1, "closed");
    let before = world.footprint();
    assert_eq!(world.run(), ["Deployment/web rejected_by_reviewer"]);
    assert_eq!(world.footprint(), before);

    world.kubectl(&["scale", "deployment/web", "--replicas=6"]);
    assert_eq!(world.run(), ["Deployment/web created"]);
    assert_eq!(world.pull_requests().len(), 2);
}
