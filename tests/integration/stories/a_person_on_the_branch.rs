use super::WEB;
use crate::support::world::{Setting, World};

/// Once a person has committed to the branch it is theirs: not pushed over, and not closed when the drift is gone.
#[test]
fn a_branch_with_a_persons_commit_is_left_alone() {
    let world = World::new(&Setting { name: "review", files: &[("apps/web.yaml", WEB)], ..Setting::default() });
    world.deliver();
    world.kubectl(&["scale", "deployment/web", "--replicas=4"]);
    assert_eq!(world.run(), ["Deployment/web created"]);
    let branch = world.remote.branches().remove(0);
    let other = world.remote.file(&branch, "apps/web.yaml").replace("replicas: 2", "replicas: 3");
    world.remote.commit(&branch, &[("apps/web.yaml", &other)]);
    let before = world.footprint();
    assert_eq!(world.run(), ["Deployment/web edited_by_person"]);
    assert_eq!(world.footprint(), before);

    world.kubectl(&["scale", "deployment/web", "--replicas=2"]);
    assert_eq!(world.run(), [] as [&str; 0]);
    assert_eq!(world.footprint(), before);
}
