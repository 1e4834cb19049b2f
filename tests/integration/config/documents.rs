//! What the documents show of policies and baselines loads as they show it.

use super::with_file;

/// The YAML blocks of a document that hold this key at their top.
fn blocks(document: &str, key: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("{}/{document}", env!("CARGO_MANIFEST_DIR"))).expect(document);
    let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned());
    blocks.filter(|block| block.lines().any(|line| line.starts_with(key))).collect()
}

/// The policy of `policies/README.md`.
#[test]
fn policies() {
    let shown = blocks("policies/README.md", "remediation_policies:");
    assert_eq!(shown.len(), 1);
    assert_eq!(with_file("policies", "p.yaml", &shown[0]), "valid");
}

/// The baselines of `baselines/README.md`.
#[test]
fn baselines() {
    let shown = blocks("baselines/README.md", "match:");
    assert_eq!(shown.len(), 2);
    for block in shown {
        assert_eq!(with_file("baselines", "b.yaml", &block), "valid", "{block}");
    }
}
