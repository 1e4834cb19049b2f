//! `image-tag-mutable`: a container that Git pins (by digest or by a tag that stays) runs a tag that moves.
//!
//! The same reference may be another image after the next restart, so nobody knows what runs.

use serde_json::Value;

use super::pod::{Image, paired};
use super::{Meaning, Pair};
use crate::domain::drift::Aspect;

pub(super) fn check(pair: &Pair<'_>) -> Vec<Meaning> {
    let mut found = Vec::new();
    for (declared, live) in paired(pair.declared, pair.live, &pair.resource.kind) {
        let Some(declared) = declared else { continue };
        if live.image().is_empty()
            || !Image::parse(live.image()).is_mutable()
            || Image::parse(declared.image()).is_mutable()
        {
            continue;
        }
        let path = live.path.field("image");
        found.push(Meaning {
            rule: "image-tag-mutable",
            aspect: Aspect::ImagePolicy,
            declared: Some(Value::from("pinned")),
            live: Some(Value::from("mutable")),
            sentence: format!("container {} runs a tag that moves, Git pins its image", live.name),
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

    /// A pinned image that became `latest` is told; one that was mutable in Git already is not.
    #[test]
    fn mutable_tags_are_told() {
        for (declared, live, expected) in [
            ("a/web:v1", "a/web:latest", "image-tag-mutable: container web runs a tag that moves, Git pins its image"),
            ("a/web:v1", "a/web:v2", ""),
            ("a/web", "a/web:latest", ""),
        ] {
            let spec = |image: &str| json!({"containers": [{"name": "web", "image": image}]});
            assert_eq!(check(&spec(declared), &spec(live), &["containers[name=web].image"]).join("\n"), expected);
        }
    }
}
