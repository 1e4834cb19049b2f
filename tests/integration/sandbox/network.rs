//! Addresses that a source names: nobody is asked, not even on this machine, where no proxy stands in between.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{CHART, MAP, chart, file, kustomization, refused, template};

/// A server that counts who comes.
fn listen() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    (address, calls)
}

/// Remote parts are refused at the line that names them, before anything runs.
#[test]
fn remote_parts_are_refused() {
    let (address, calls) = listen();
    let plugin =
        |rest: &str| format!("apiVersion: builtin\nmetadata: {{name: g}}\n{}\n", rest.replace("ADDRESS", &address));
    let kustomize = |line: &str| line.replace("ADDRESS", &address);
    for line in [
        "resources: [\"http://ADDRESS/x.yaml\"]",
        "resources: [\"http://ADDRESS/org/repo?ref=v1\"]",
        "resources: [\"http://ADDRESS/org/repo//deploy?ref=v1\"]",
        "resources: [\"git::http://ADDRESS/org/repo\"]",
        "resources: [\"ssh://git@ADDRESS/org/repo\"]",
        "resources: [\"github.com/org/repo?ref=v1\"]",
        "resources: [\"git@github.com:org/repo\"]",
        "resources: [\"file:///etc/hosts\"]",
        "bases: [\"http://ADDRESS/org/repo\"]",
        "components: [\"http://ADDRESS/org/repo\"]",
        "crds: [\"http://ADDRESS/crd.json\"]",
        "configurations: [\"http://ADDRESS/c.yaml\"]",
        "transformers: [\"http://ADDRESS/t.yaml\"]",
        "generators: [\"http://ADDRESS/t.yaml\"]",
        "openapi: {path: \"http://ADDRESS/o.json\"}",
        "patches: [{path: \"http://ADDRESS/p.yaml\"}]",
        "patchesStrategicMerge: [\"http://ADDRESS/p.yaml\"]",
        "replacements: [{path: \"http://ADDRESS/r.yaml\"}]",
        "configMapGenerator: [{name: x, files: [\"http://ADDRESS/f\"]}]",
        "secretGenerator: [{name: x, envs: [\"http://ADDRESS/f\"]}]",
    ] {
        refused("kustomize", &kustomization(&kustomize(line), &[]), "bad/kustomization.yaml:1: `");
    }
    for text in [
        "kind: ConfigMapGenerator\nfiles: [\"k=http://ADDRESS/f\"]",
        "kind: PatchTransformer\npath: http://ADDRESS/p.yaml",
        "kind: PatchStrategicMergeTransformer\npaths: [\"http://ADDRESS/p.yaml\"]",
        "kind: ReplacementTransformer\nreplacements: [{path: \"http://ADDRESS/p.yaml\"}]",
    ] {
        let list = if text.contains("Generator") { "generators" } else { "transformers" };
        let whole = format!("resources: [other.yaml]\n{list}: [g.yaml]\n");
        refused("kustomize", &kustomization(&whole, &[("bad/g.yaml", &plugin(text))]), "bad/g.yaml:4: `");
    }
    let schema = format!("{{\"$ref\": \"http://{address}/schema.json\"}}");
    let depends = format!(
        "{CHART}dependencies:\n- {{name: x, version: 1.x, repository: \"http://{address}\"}}\n- {{name: z, version: 1.x, repository: \"oci://{address}\"}}\n"
    );
    refused(
        "helm",
        &chart(MAP, &[("bad/values.schema.json", &schema), ("bad/values.yaml", "a: 1\n")]),
        "bad/values.schema.json: the schema of the values refers to `http://",
    );
    let files = vec![("bad/Chart.yaml", file(&depends)), ("bad/templates/a.yaml", file(MAP))];
    let told = super::problems(&super::scan("helm", &files));
    assert_eq!(
        told,
        ["x", "z"].map(|name| format!(
            "bad/Chart.yaml:{}: the chart depends on `{name}`, which is not in its charts/",
            if name == "x" { 5 } else { 6 }
        ))
    );
    refused(
        "jinja",
        &template(&format!("{{% include 'http://{address}/x' %}}")),
        "bad/a.yaml.j2:1: cannot include the file",
    );
    assert_eq!(calls.load(Ordering::SeqCst), 0, "somebody was asked");
}
