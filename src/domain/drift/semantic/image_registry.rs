//! `image-registry-changed`: a container runs an image from another registry than the declared one, or was added and
//! runs one from a registry that no declared container of the object uses.
//!
//! Registries carry the trust: what was scanned and signed in one says nothing about another.

use serde_json::Value;

use super::pod::{Image, paired};
use super::{Meaning, Pair};
use crate::domain::drift::Aspect;

pub(super) fn check(pair: &Pair<'_>) -> Vec<Meaning> {
    let containers = paired(pair.declared, pair.live, &pair.resource.kind);
    let known: Vec<&str> = containers
        .iter()
        .flat_map(|(declared, _)| declared)
        .map(|declared| Image::parse(declared.image()).registry)
        .collect();
    let mut found = Vec::new();
    for (declared, live) in &containers {
        let image = Image::parse(live.image());
        let before = declared.as_ref().map(|declared| Image::parse(declared.image()).registry);
        let strange = match before {
            Some(before) => before != image.registry,
            None => !known.contains(&image.registry),
        };
        if !strange || live.image().is_empty() {
            continue;
        }
        let path = live.path.field("image");
        found.push(Meaning {
            rule: "image-registry-changed",
            aspect: Aspect::ImagePolicy,
            declared: before.map(Value::from),
            live: Some(Value::from(image.registry)),
            sentence: match before {
                Some(before) => format!("container {} pulls from {} instead of {before}", live.name, image.registry),
                None => {
                    format!("added container {} pulls from {}, which Git does not use here", live.name, image.registry)
                }
            },
            caused_by: pair.causes(&path),
            path,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::domain::drift::semantic::tests::check;

    /// Another registry is told, another tag or path on the same one is not; an unwritten registry is docker.io.
    #[test]
    fn registries_are_compared() {
        for (declared, live, expected) in [
            (
                "gcr.io/a/web:v1",
                "ghcr.io/a/web:v1",
                "image-registry-changed: container web pulls from ghcr.io instead of gcr.io",
            ),
            ("gcr.io/a/web:v1", "gcr.io/b/web:v2", ""),
            ("docker.io/nginx:1.25", "nginx:1.25", ""),
        ] {
            let spec = |image: &str| json!({"containers": [{"name": "web", "image": image}]});
            assert_eq!(check(&spec(declared), &spec(live), &["containers[name=web].image"]).join("\n"), expected);
        }
    }
}
