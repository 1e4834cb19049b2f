//! The table of edits: what stands before, what is asked, and every byte that stands after; then the same as properties.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::Action::{Remove, Set};
use super::*;
use crate::domain::yaml::write;

const BASE: &str = r#"# Copyright 2026 ACME – licence header (ünïcode ✓)
# SPDX-License-Identifier: Apache-2.0

apiVersion: apps/v1
kind: Deployment
metadata:
  name: web # the name
  namespace: "prod"   # quoted ns
  labels:
    app: web
    app.kubernetes.io/name: 'web'
  annotations:
    # keep me
    team: "plat\u0066orm"
    note: 日本語 ✓ emoji 🚀
    quote: 'it''s'
spec:
  replicas: 3 # scaled by hand
  paused:
  strategy: {}
  template:
    spec:
      securityContext:
      nodeSelector: {disk: ssd, zone: a}
      containers:
        # main container
        - name: web
          image: nginx:1.25  # pinned
          args: ["--a", "--b"]
          resources:
            limits: {cpu: 100m, memory: 128Mi}
            requests:
              cpu: 100m
          env:
            - name: FOO
              value: "1"
            # second
            - name: BAR
              value: "2"

        # sidecar
        - name: sidecar
          image: envoy:v1
      volumes:
      - name: data
        emptyDir: {}
      - name: conf   # trailing
        configMap:
          name: web-conf
"#;
const MULTI: &str = "# header comment\n---\n# first doc\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a # a\ndata:\n  k: v\n# between docs\n---\n\n# second doc\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: b\nspec:\n  replicas: 1 # one\n---\n# only a comment\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: c\n...\n";
const ANCH: &str = "defaults: &defaults # anchor\n  replicas: 2\n  image: nginx:1.25\nlimits: &lim {cpu: 100m}\nweb:\n  <<: *defaults\n  name: web # c\n  resources: *lim\nworker:\n  <<: *defaults\n  name: worker\n";
const BLK: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cm\ndata:\n  script.sh: |\n    #!/bin/sh\n    # not a comment\n    echo \"hi: there\"\n\n    exit 0\n  other: x # tail\n  folded: >-\n    some long\n    folded text\n  last: |+\n    keep\n\n# end\n";
const FOUR: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n    name: p\n    labels:\n        a: b\nspec:\n    containers:\n        -   name: web\n            image: x\n";
const JSONY: &str =
    "{\n  \"apiVersion\": \"apps/v1\",\n  \"spec\": {\n    \"replicas\": 3,\n    \"paused\": false\n  }\n}\n";

const CRLF: &str =
    "# c\r\nmetadata:\r\n  name: a # x\r\n  labels:\r\n    k: 'v'\r\nspec:\r\n  list:\r\n  - a\r\n  - b\r\n";
const RESTORE: &str = r#"metadata.annotations["trueup.dev/restore"]"#;

/// Name, text before, document, path, action, and the replacements that make the text after.
type Case = (&'static str, &'static str, usize, &'static str, Action, &'static [(&'static str, &'static str)]);

#[rustfmt::skip]
#[allow(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    vec![
        ("int scalar + trailing comment", BASE, 0, "spec.replicas", Set(json!(5)), &[("replicas: 3 #", "replicas: 5 #")]),
        ("plain string + 2-space comment, list by merge key", BASE, 0, "spec.template.spec.containers[name=web].image", Set(json!("nginx:1.27")), &[("nginx:1.25", "nginx:1.27")]),
        ("double-quoted keeps quotes", BASE, 0, "metadata.namespace", Set(json!("staging")), &[("\"prod\"   #", "\"staging\"   #")]),
        ("single-quoted keeps quotes, key with dots", BASE, 0, r#"metadata.labels["app.kubernetes.io/name"]"#, Set(json!("api")), &[("'web'", "'api'")]),
        ("single-quoted with embedded quote", BASE, 0, "metadata.annotations.quote", Set(json!("don't")), &[("'it''s'", "'don''t'")]),
        ("double-quoted with escapes", BASE, 0, "metadata.annotations.team", Set(json!("a\"b\\c")), &[("\"plat\\u0066orm\"", "\"a\\\"b\\\\c\"")]),
        ("plain must become quoted (true)", BASE, 0, "metadata.labels.app", Set(json!("true")), &[("app: web\n", "app: \"true\"\n")]),
        ("plain must become quoted (contains ': ' and ' #')", BASE, 0, "metadata.labels.app", Set(json!("a: b #c")), &[("app: web\n", "app: \"a: b #c\"\n")]),
        ("unicode/emoji value", BASE, 0, "metadata.annotations.note", Set(json!("été 🚢")), &[("日本語 ✓ emoji 🚀", "été 🚢")]),
        ("list item scalar 2 levels, quoted", BASE, 0, "spec.template.spec.containers[name=web].env[name=BAR].value", Set(json!("3")), &[("value: \"2\"", "value: \"3\"")]),
        ("null value -> bool", BASE, 0, "spec.paused", Set(json!(true)), &[("paused:\n", "paused: true\n")]),
        ("plain multi-line scalar replaced", "a:\n  d: this is\n    multi line # c\n  e: 1\n", 0, "a.d", Set(json!("short")), &[("this is\n    multi line # c", "short # c")]),
        ("add key to nested map", BASE, 0, "metadata.labels.tier", Set(json!("fe")), &[("io/name: 'web'\n", "io/name: 'web'\n    tier: fe\n")]),
        ("add key needing quotes (8080)", BASE, 0, "metadata.labels.port", Set(json!("8080")), &[("io/name: 'web'\n", "io/name: 'web'\n    port: \"8080\"\n")]),
        ("add nested path, parents missing", BASE, 0, "spec.template.metadata.labels.app", Set(json!("web")), &[("          name: web-conf\n", "          name: web-conf\n    metadata:\n      labels:\n        app: web\n")]),
        ("add under empty null value", BASE, 0, "spec.template.spec.securityContext.runAsNonRoot", Set(json!(true)), &[("securityContext:\n", "securityContext:\n        runAsNonRoot: true\n")]),
        ("add under {}", BASE, 0, "spec.strategy.type", Set(json!("Recreate")), &[("strategy: {}\n", "strategy:\n    type: Recreate\n")]),
        ("add map value (several keys, order kept)", BASE, 0, "spec.template.spec.containers[name=sidecar].resources", Set(json!({"requests": {"memory": "1Gi", "cpu": "1"}, "limits": {"memory": "2Gi"}})), &[("image: envoy:v1\n", "image: envoy:v1\n          resources:\n            limits:\n              memory: 2Gi\n            requests:\n              cpu: \"1\"\n              memory: 1Gi\n")]),
        ("add key after nested list (blank line + comment follow)", BASE, 0, "spec.template.spec.containers[name=web].tty", Set(json!(true)), &[("value: \"2\"\n", "value: \"2\"\n          tty: true\n")]),
        ("add list value to map (env of 2nd container)", BASE, 0, "spec.template.spec.containers[name=sidecar].env", Set(json!([{"name": "A", "value": "b"}])), &[("image: envoy:v1\n", "image: envoy:v1\n          env:\n            - name: A\n              value: b\n")]),
        ("4-space file: add nested path", FOUR, 0, "metadata.annotations.x", Set(json!("yy")), &[("        a: b\n", "        a: b\n    annotations:\n        x: yy\n")]),
        ("map -> other map (emptyDir {} -> hostPath)", BASE, 0, "spec.template.spec.volumes[name=data].emptyDir", Set(json!({"medium": "Memory"})), &[("emptyDir: {}\n", "emptyDir:\n          medium: Memory\n")]),
        ("replace flow list wholesale", BASE, 0, "spec.template.spec.containers[name=web].args", Set(json!(["--c"])), &[("[\"--a\", \"--b\"]", "[\"--c\"]")]),
        ("block map -> scalar", BASE, 0, "spec.template.spec.containers[name=web].resources", Set(json!(null)), &[ ("resources:\n            limits: {cpu: 100m, memory: 128Mi}\n            requests:\n              cpu: 100m\n", "resources: null\n")]),
        ("set in flow map", BASE, 0, "spec.template.spec.containers[name=web].resources.limits.cpu", Set(json!("200m")), &[("{cpu: 100m,", "{cpu: 200m,")]),
        ("add key to flow map", BASE, 0, "spec.template.spec.nodeSelector.arch", Set(json!("amd64")), &[("zone: a}", "zone: a, arch: amd64}")]),
        ("remove first key of flow map", BASE, 0, "spec.template.spec.nodeSelector.disk", Remove, &[("{disk: ssd, zone: a}", "{zone: a}")]),
        ("remove last key of flow map", BASE, 0, "spec.template.spec.nodeSelector.zone", Remove, &[("{disk: ssd, zone: a}", "{disk: ssd}")]),
        ("append to flow seq", BASE, 0, "spec.template.spec.containers[name=web].args[2]", Set(json!("--c")), &[("\"--b\"]", "\"--b\", \"--c\"]")]),
        ("JSON-style multi-line: set", JSONY, 0, "spec.replicas", Set(json!(4)), &[(": 3,", ": 4,")]),
        ("JSON-style multi-line: add key", JSONY, 0, "spec.x", Set(json!("yy")), &[("\"paused\": false\n", "\"paused\": false,\n    \"x\": \"yy\"\n")]),
        ("remove key with trailing comment", BASE, 0, "spec.replicas", Remove, &[("  replicas: 3 # scaled by hand\n", "")]),
        ("remove key with own leading comment", BASE, 0, "metadata.annotations.team", Remove, &[("    # keep me\n    team: \"plat\\u0066orm\"\n", "")]),
        ("remove nested block map", BASE, 0, "spec.template.spec.containers[name=web].resources", Remove, &[("          resources:\n            limits: {cpu: 100m, memory: 128Mi}\n            requests:\n              cpu: 100m\n", "")]),
        ("remove only key of a map", BASE, 0, "spec.template.spec.containers[name=web].resources.requests.cpu", Remove, &[("requests:\n              cpu: 100m\n", "requests: {}\n")]),
        ("remove first key of list-item map", BASE, 0, "spec.template.spec.containers[name=sidecar].name", Remove, &[("- name: sidecar\n          image", "- image")]),
        ("append to indented block seq (map item)", BASE, 0, "spec.template.spec.containers[2]", Set(json!({"name": "x", "image": "yy"})), &[("image: envoy:v1\n", "image: envoy:v1\n        - name: x\n          image: yy\n")]),
        ("append to non-indented block seq at EOF", BASE, 0, "spec.template.spec.volumes[2]", Set(json!({"name": "x", "emptyDir": {}})), &[("          name: web-conf\n", "          name: web-conf\n      - name: x\n        emptyDir: {}\n")]),
        ("remove first list item, comment of next kept", BASE, 0, "spec.template.spec.containers[name=web].env[name=FOO]", Remove, &[("            - name: FOO\n              value: \"1\"\n", "")]),
        ("remove middle/last item with leading comment", BASE, 0, "spec.template.spec.containers[name=web].env[name=BAR]", Remove, &[("            # second\n            - name: BAR\n              value: \"2\"\n", "")]),
        ("append to []", "a:\n  env: [] # none\n", 0, "a.env[0]", Set(json!("x")), &[("env: [] # none\n", "env: # none\n    - x\n")]),
        ("seq with wide dash (-   name) append", FOUR, 0, "spec.containers[1]", Set(json!({"name": "b", "image": "c"})), &[("            image: x\n", "            image: x\n        -   name: b\n            image: c\n")]),
        ("multi-doc: edit 2nd doc", MULTI, 1, "spec.replicas", Set(json!(2)), &[("replicas: 1 #", "replicas: 2 #")]),
        ("multi-doc: add key at end of 1st doc", MULTI, 0, "data.z", Set(json!("1z")), &[("  k: v\n", "  k: v\n  z: 1z\n")]),
        ("multi-doc: remove last key of 2nd doc", MULTI, 1, "spec", Remove, &[("spec:\n  replicas: 1 # one\n", "")]),
        ("doc start with comment on --- line", "--- # doc\na: 1\n--- # two\nb: 2\n", 1, "b", Set(json!(3)), &[("b: 2", "b: 3")]),
        ("unrelated edit in map with merge key", ANCH, 0, "web.name", Set(json!("web2")), &[("name: web #", "name: web2 #")]),
        ("override merged key must not touch the anchor", ANCH, 0, "web.replicas", Set(json!(7)), &[("  resources: *lim\n", "  resources: *lim\n  replicas: 7\n")]),
        ("replace alias value, anchor untouched", ANCH, 0, "web.resources", Set(json!("none")), &[("resources: *lim", "resources: none")]),
        ("sibling of literal block", BLK, 0, "data.other", Set(json!("yy")), &[("other: x #", "other: yy #")]),
        ("replace literal block, stays |", BLK, 0, r#"data["script.sh"]"#, Set(json!("#!/bin/sh\necho bye\n")), &[("    #!/bin/sh\n    # not a comment\n    echo \"hi: there\"\n\n    exit 0\n", "    #!/bin/sh\n    echo bye\n")]),
        ("replace folded >-", BLK, 0, "data.folded", Set(json!("new text")), &[(">-\n    some long\n    folded text\n", ">-\n    new text\n")]),
        ("add key after |+ block at end", BLK, 0, "data.nn", Set(json!("m")), &[("    keep\n\n# end\n", "    keep\n\n  nn: m\n# end\n")]),
        ("remove literal block key", BLK, 0, r#"data["script.sh"]"#, Remove, &[("  script.sh: |\n    #!/bin/sh\n    # not a comment\n    echo \"hi: there\"\n\n    exit 0\n", "")]),
        ("add multi-line string as block", BLK, 0, "data.new", Set(json!("a\nb\n")), &[("    keep\n\n# end\n", "    keep\n\n  new: |\n    a\n    b\n# end\n")]),
        ("CRLF set", CRLF, 0, "metadata.name", Set(json!("b")), &[("name: a #", "name: b #")]),
        ("CRLF add key", CRLF, 0, "metadata.labels.z", Set(json!("q")), &[("k: 'v'\r\n", "k: 'v'\r\n    z: q\r\n")]),
        ("CRLF remove key", CRLF, 0, "metadata.name", Remove, &[("  name: a # x\r\n", "")]),
        ("CRLF append nested map item at EOF", CRLF, 0, "spec.list[2]", Set(json!({"x": 1, "z": 2})), &[("  - b\r\n", "  - b\r\n  - x: 1\r\n    z: 2\r\n")]),
        ("no trailing newline: set last", "a: 1\nb: 2", 0, "b", Set(json!(3)), &[("b: 2", "b: 3")]),
        ("no trailing newline: add key", "a:\n  b: 2", 0, "a.c", Set(json!(3)), &[("b: 2", "b: 2\n  c: 3")]),
        ("tab before comment, trailing spaces", "a: 1\t# tab\nb: 2   \nc: 3\n", 0, "a", Set(json!(9)), &[("a: 1\t", "a: 9\t")]),
        ("BOM + unicode key", "\u{feff}# hi\nключ: знач # к\n", 0, "ключ", Set(json!("новое")), &[("знач", "новое")]),
        ("quoted keys", "\"spec\":\n  'replicas': 3\n", 0, "spec.replicas", Set(json!(4)), &[(": 3", ": 4")]),
        ("comment at column 0 inside map, add at end", "m:\n  a: 1\n# odd\n  b: 2\n# tail of m\nn: 1\n", 0, "m.c", Set(json!(3)), &[("  b: 2\n", "  b: 2\n  c: 3\n")]),
        ("kind List: items[1]", "kind: List\nitems:\n- kind: A\n  spec: {r: 1}\n- kind: B # b\n  spec:\n    r: 1\n", 0, "items[kind=B].spec.r", Set(json!(2)), &[("    r: 1\n", "    r: 2\n")]),
        ("list of image strings", "a:\n- nginx:1.25 # c\n- b:2\n", 0, "a[0]", Set(json!("nginx:1.27")), &[("nginx:1.25", "nginx:1.27")]),
        ("trailing comma over several lines", "a: {\n  x: 1, # c\n  y: 2, # d\n}\nb: 1\n", 0, "a.z", Set(json!(3)), &[("# d\n", "# d\n  z: 3,\n")]),
        ("flow list with comments, add", "a: [\n  x, # c\n  yy # d\n]\n", 0, "a[2]", Set(json!("zz")), &[("yy # d\n", "yy, # d\n  zz\n")]),
        ("flow list with comments, remove", "a: [\n  x, # c\n  yy, # d\n  zz\n]\n", 0, "a[1]", Remove, &[("  yy, # d\n", "")]),
        ("flow list with comments, remove the last", "a: [\n  x, # c\n  yy # d\n]\n", 0, "a[1]", Remove, &[("x, #", "x #"), ("  yy # d\n", "")]),
        ("empty value with comment, add two levels", "a:   # c\nb: 1\n", 0, "a.k.l", Set(json!(3)), &[("# c\n", "# c\n  k:\n    l: 3\n")]),
        ("bare dash", "a:\n-\n- b\n", 0, "a[0]", Set(json!("xx")), &[("-\n", "- xx\n")]),
        ("block scalar with indentation indicator", "a: |2 # why\n    two\n  x\nb: 1\n", 0, "a", Set(json!("new\nlines\n")), &[("|2 # why\n    two\n  x\n", "| # why\n  new\n  lines\n")]),
        ("block scalar keeps its own indentation", "l:\n  - p: |-\n        - a: 1\n\n        - b: 2\n    t: x\n", 0, "l[0].p", Set(json!("- a: 1\n\n- b: 3")), &[("b: 2", "b: 3")]),
        ("explicit key", "? a\n: 1\nb: 2\n", 0, "a", Set(json!(3)), &[(": 1", ": 3")]),
        ("block scalar at the end without line end", "a:\n  k: |\n    x\n    yy", 0, "a.z", Set(json!(1)), &[("yy", "yy\n  z: 1")]),
        ("value on the next line", "a:\n  b:\n    plain\nc: 1\n", 0, "a.b", Set(json!("xx")), &[("plain", "xx")]),
        ("remove the only item", "a: # why\n- x # c\nb: 1\n", 0, "a[0]", Remove, &[("a: # why\n- x # c\n", "a: [] # why\n")]),
        ("text of several lines before a comment", "a: x # c\nb: 1\n", 0, "a", Set(json!("l1\nl2\n")), &[("a: x", "a: \"l1\\nl2\\n\"")]),
        ("text with blank lines and blanks", "a: x\n", 0, "a", Set(json!("l1  \n\n l2\n\n")), &[("x\n", "|+\n  l1  \n\n   l2\n\n")]),
        ("map below the first key of an item", "a:\n  - b: 1\n    c: 2\n", 0, "a[0].b", Set(json!({"x": 1})), &[("b: 1", "b:\n      x: 1")]),
        ("item of a list in a list, first of its line", "a:\n- - x\n  - y\n", 0, "a[0][0]", Remove, &[("- - x\n  - y", "- - y")]),
        ("first key of an item, comment of the next stays", "a:\n- b: 1 # b\n  # on c\n  c: 2\n", 0, "a[0].b", Remove, &[("b: 1 # b\n  # on c", "# on c")]),
        ("licence stays", "# licence\na: 1\nb: 2\n", 0, "a", Remove, &[("a: 1\n", "")]),
        ("last line without line end", "a: 1\r\nb: 2", 0, "b", Remove, &[("\r\nb: 2", "")]),
        ("anchor that nobody uses", "a: &x 1 # c\nb: 2\n", 0, "a", Set(json!(3)), &[("&x 1", "&x 3")]),
        ("own tag follows the type", "a: !!str 5\nb: !!int \"5\"\n", 0, "b", Set(json!("x")), &[("!!int \"5\"", "\"x\"")]),
        ("annotations missing", "metadata:\n  name: a\n  labels: {x: y}\nspec: {}\n", 0, RESTORE, Set(json!("u-1")), &[("y}\n", "y}\n  annotations:\n    trueup.dev/restore: u-1\n")]),
        ("annotations there", "metadata:\n  annotations:\n    a: b\n  name: a\n", 0, RESTORE, Set(json!("u-1")), &[("a: b\n", "a: b\n    trueup.dev/restore: u-1\n")]),
        ("annotations empty", "metadata:\n  annotations: {} # none\n  name: a\n", 0, RESTORE, Set(json!("1")), &[("annotations: {} # none\n", "annotations: # none\n    trueup.dev/restore: \"1\"\n")]),
        ("annotations null", "metadata:\n  annotations:\n  name: a\n", 0, RESTORE, Set(json!("u-1")), &[("annotations:\n", "annotations:\n    trueup.dev/restore: u-1\n")]),
        ("annotations spelled null", "metadata:\n  annotations: ~ # none\n  name: a\n", 0, RESTORE, Set(json!("u-1")), &[("annotations: ~ # none\n", "annotations: # none\n    trueup.dev/restore: u-1\n")]),
        ("metadata in flow style", "metadata: {name: a} # m\nspec: {}\n", 0, RESTORE, Set(json!("u-1")), &[("{name: a}", "{name: a, annotations: {trueup.dev/restore: u-1}}")]),
        ("metadata in flow style, annotations empty", "metadata: {annotations: {}, name: a}\n", 0, RESTORE, Set(json!("u-1")), &[("annotations: {}", "annotations: {trueup.dev/restore: u-1}")]),
        ("metadata in flow style, annotations null", "metadata: {annotations: , name: a}\n", 0, RESTORE, Set(json!("u-1")), &[("annotations: ,", "annotations: {trueup.dev/restore: u-1} ,")]),
        ("JSON, an entry per line", "{\n    \"metadata\": {\n        \"name\": \"a\"\n    }\n}\n", 0, RESTORE, Set(json!("u-1")), &[("\"a\"\n", "\"a\",\n        \"annotations\": {\n            \"trueup.dev/restore\": \"u-1\"\n        }\n")]),
        ("JSON on one line", r#"{"metadata":{"name":"a"}}"#, 0, RESTORE, Set(json!("u-1")), &[(r#""a""#, r#""a", "annotations": {"trueup.dev/restore": "u-1"}"#)]),
        ("new item by its merge keys", "env:\n- name: A\n  value: b # c\n", 0, "env[name=B]", Set(json!({"value": "c", "name": "B"})), &[("# c\n", "# c\n- name: B\n  value: c\n")]),
        ("new item, list missing", "c:\n- name: web\n", 0, "c[name=web].env[name=B]", Set(json!({"value": "c", "name": "B"})), &[("web\n", "web\n  env:\n  - name: B\n    value: c\n")]),
        ("item by its default protocol", "ports:\n- port: 80\n- port: 80\n  protocol: UDP\n", 0, "ports[port=80,protocol=TCP].name", Set(json!("web")), &[("80\n", "80\n  name: web\n")]),
        ("member of a set", "finalizers: [a/b, c]\n", 0, r#"finalizers[="a/b"]"#, Remove, &[("a/b, ", "")]),
        ("new member of a set", "finalizers: [a/b]\n", 0, "finalizers[=c]", Set(json!("c")), &[("b]", "b, c]")]),
        ("whole list, only what differs", "args:\n- a # 1\n- b # 2\n- c # 3\n", 0, "args", Set(json!(["a", "x", "c"])), &[("- b", "- x")]),
        ("whole list, one gone from the middle", "args:\n- a # 1\n- b # 2\n- c # 3\n", 0, "args", Set(json!(["a", "c"])), &[("- b # 2\n", "")]),
        ("whole map, only what differs", "l: # l\n  cpu: 1 # 1\n  mem: 2Gi # 2\n  old: 1\n", 0, "l", Set(json!({"cpu": 1, "mem": "3Gi", "new": true})), &[("2Gi", "3Gi"), ("  old: 1\n", "  new: true\n")]),
        ("key as kubectl reads it", "yes: 1\n", 0, "true", Set(json!(2)), &[("1", "2")]),
        ("the last of a key counts", "a: 1\na: 2\n", 0, "a", Set(json!(3)), &[("2", "3")]),
        ("already so", "a: 0644\nb: 1.0\n", 0, "a", Set(json!(420)), &[]),
        ("whole fraction", "a: 1\n", 0, "a", Set(json!(2.0)), &[("1", "2")]),
    ]
}

fn edit(document: usize, path: &str, action: Action) -> Edit {
    Edit { document, list_item: None, path: path.parse().unwrap(), action }
}

/// Every edit gives exactly the bytes a reviewer would have written.
#[test]
fn edits_touch_only_the_bytes_they_mean() {
    for (name, before, document, path, action, replacements) in cases() {
        let after = replacements.iter().fold(before.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{name}: the text has no {from:?}");
            text.replacen(from, to, 1)
        });
        match apply(before, &edit(document, path, action)) {
            Ok(text) => assert_eq!(text, after, "{name}\n{text}"),
            Err(error) => panic!("{name}: {error:?}"),
        }
    }
}

/// An item of a `kind: List` is edited at its own path.
#[test]
fn items_of_a_list_object_are_edited() {
    let text = "kind: List\nitems:\n- kind: A\n  spec: {r: 1}\n- kind: B # b\n  spec:\n    r: 1\n";
    let edit = Edit { list_item: Some(1), ..edit(0, "spec.r", Set(json!(2))) };
    assert_eq!(apply(text, &edit).unwrap(), text.replace("    r: 1", "    r: 2"));
}

/// What cannot be done without harm is refused with its reason.
#[test]
fn refusals_name_their_reason() {
    let shared = "a: &x {k: 1}\nb: *x\nc:\n  <<: *x\nd: [*x]\n";
    for (text, document, path, action, reason) in [
        ("a: [1\n", 0, "a", Remove, "Unreadable"),
        ("a: 1\n", 1, "a", Remove, "NotFound"),
        ("a: 1\n", 0, "b", Remove, "NotFound"),
        ("a: 1\n", 0, "a.b", Set(json!(1)), "NotFound"),
        ("a: [1]\n", 0, "a[2]", Set(json!(1)), "NotFound"),
        ("a: {k: 1}\n", 0, "a[0]", Set(json!(1)), "NotFound"),
        ("a: [{name: x}]\n", 0, "a[name=y].v", Set(json!(1)), "NotFound"),
        ("a: [{name: x}]\n", 0, "a[name=y]", Set(json!({"name": "z"})), "NotFound"),
        ("a: [{name: x}, {name: x}]\n", 0, "a[name=x].v", Set(json!(1)), "NotFound"),
        ("a: 'b: 1'\n", 0, "a::b", Set(json!(1)), "NotFound"),
        (shared, 0, "b.k", Set(json!(2)), "Shared"),
        (shared, 0, "a.k", Set(json!(2)), "Shared"),
        (shared, 0, "a", Set(json!(2)), "Shared"),
        (shared, 0, "a", Remove, "Shared"),
        (shared, 0, "c.k", Remove, "Shared"),
        (shared, 0, "d[0].k", Set(json!(2)), "Shared"),
        ("a: 1\n", 0, "a", Remove, "Unverified"),
        ("a: 1\n", 0, "a", Set(json!(12_345_678_901_234_567_890_u64)), "Unverified"),
    ] {
        let refusal = format!("{:?}", apply(text, &edit(document, path, action.clone())));
        assert!(refusal.starts_with(&format!("Err({reason}")), "{text} {path} {action:?}: {refusal}");
    }
}

fn arbitrary_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(Value::Null),
        "[a-z][a-z0-9./:-]{0,8}".prop_map(Value::from),
        "(yes|0644|1e3|~|a: b|x #y|- z|\\[q|'|\"|\u{e9}\u{1F680}|1_0|<<|\\*a| s |)".prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from),
        "[a-z \t\n#:'-]{0,12}".prop_map(Value::from),
    ]
}

fn arbitrary_value() -> impl Strategy<Value = Value> {
    arbitrary_scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,3}|a\\.b/c|yes|1|- x", inner, 0..4)
                .prop_map(|map| Value::Object(Map::from_iter(map))),
        ]
    })
}

/// A text for a value in one of many styles, with comments that say on which line they stand.
fn arbitrary_text() -> impl Strategy<Value = (String, Value)> {
    let entries = prop::collection::btree_map("[a-z]{1,4}", arbitrary_value(), 1..5);
    (entries, 0..3_usize, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(map, style, crlf, open, documents)| {
            let value = Value::Object(Map::from_iter(map));
            let layout = |indent, list_indent| write::Layout { eol: "\n", indent, list_indent };
            let mut text = match style {
                0 => write::after_key(&value, 0, &layout(2, 0)),
                1 => write::after_key(&value, 0, &layout(4, 2)),
                _ => format!("\n{}", write::json_lines(&value, 0, &layout(2, 2))),
            };
            text = format!("# top{text}{}", if open { "" } else { "\n" });
            if documents {
                text = format!("x: 1 # first\n---\n{text}");
            }
            let text = if crlf { text.replace('\n', "\r\n") } else { text };
            // without a final line end a block scalar may have one newline less
            let value = values(&text).unwrap().pop().unwrap();
            (text, value)
        },
    )
}

/// The spots of all values in some data, each with its path.
fn paths(value: &Value, path: &FieldPath, all: &mut Vec<FieldPath>) {
    let below: Vec<(Step, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (Step::Field(key.clone()), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (Step::Index(index), item)).collect(),
        _ => Vec::new(),
    };
    for (step, value) in below {
        all.push(path.join(step.clone()));
        paths(value, &path.join(step), all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// In every style and layout a value can be set, added and removed, comments stay, and setting twice is setting once.
    #[test]
    fn any_value_can_be_set_and_removed(
        (text, value) in arbitrary_text(), new in arbitrary_value(), pick in any::<prop::sample::Index>(),
    ) {
        let document = usize::from(text.starts_with("x: 1"));
        let mut all = Vec::new();
        paths(&value, &FieldPath::root(), &mut all);
        let path = pick.get(&all).clone();
        let comments = text.matches("# top").count() + text.matches("# first").count();

        let set = Edit { document, list_item: None, path: path.clone(), action: Set(new.clone()) };
        let once = apply(&text, &set).map_err(|error| TestCaseError::fail(format!("set {path} {new}: {error:?}\n{text}")))?;
        prop_assert_eq!(apply(&once, &set).unwrap(), once.clone());
        prop_assert_eq!(once.matches("# top").count() + once.matches("# first").count(), comments);
        let data = values(&once).unwrap();
        prop_assert_eq!(path.get(&data[document]), Some(&new));

        let added = Edit { path: path.parent().unwrap().field("new.key/x"), ..set.clone() };
        if path.parent().unwrap().get(&value).is_some_and(Value::is_object) {
            let text = apply(&text, &added).map_err(|error| TestCaseError::fail(format!("add {path} {new}: {error:?}\n{text}")))?;
            let removed = apply(&text, &Edit { action: Remove, ..added }).unwrap();
            prop_assert_eq!(&values(&removed).unwrap()[document], &value);
        }

        let removed = apply(&text, &Edit { action: Remove, ..set });
        if all.len() > 1 && value.as_object().is_some_and(|map| map.len() > 1) {
            prop_assert!(removed.is_ok(), "remove {path}: {removed:?}\n{text}");
        }
    }

    /// Setting a plain scalar and setting it back gives the same bytes, and so does setting what is there.
    #[test]
    fn set_and_set_back_is_nothing(value in -99..99_i32, word in "[a-z]{3}x", other in "[a-z]{3}x", comment in " {1,3}# [a-z]{0,5}|") {
        let text = format!("# c\r\na:\r\n  num: {value}{comment}\r\n  w: '{word}'{comment}");
        for (path, old, new) in [("a.num", json!(value), json!(i64::from(value) + 1)), ("a.w", json!(word), json!(other))] {
            prop_assert_eq!(apply(&text, &edit(0, path, Set(old.clone()))).unwrap(), text.clone());
            let there = apply(&text, &edit(0, path, Set(new))).unwrap();
            prop_assert_eq!(apply(&there, &edit(0, path, Set(old))).unwrap(), text.clone());
        }
    }

    /// No text whatever makes the reader or the editor panic, and what is edited reads as meant or is refused.
    #[test]
    fn nothing_panics(text in "[ab:\\- \n#&*!|>\\[\\]{},?'\"\t\u{feff}<.~0-9\r]{0,60}", remove in any::<bool>()) {
        if let Ok(documents) = values(&text) {
            for (document, value) in documents.iter().enumerate() {
                let mut all = Vec::new();
                paths(value, &FieldPath::root(), &mut all);
                for path in all {
                    let action = if remove { Remove } else { Set(json!({"k": ["v"]})) };
                    let _ = apply(&text, &Edit { document, list_item: None, path, action });
                }
            }
        }
    }
}
