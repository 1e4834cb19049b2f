//! Paths in a repository, as files name each other.

/// A path below `folder` as one relative to the repository; none where it leaves that.
pub fn inside(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if path.starts_with('/') {
        return None;
    }
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dots are resolved, and nothing leaves the repository.
    #[test]
    fn paths_stay_inside() {
        for (folder, path, expected) in [
            ("a/b", "../c.yaml", Some("a/c.yaml")),
            ("a", "./x//y.yaml", Some("a/x/y.yaml")),
            ("", "x.yaml", Some("x.yaml")),
            ("a", "../../x", None),
            ("a", "/etc/passwd", None),
        ] {
            assert_eq!(inside(folder, path).as_deref(), expected, "{folder} {path}");
        }
    }
}
