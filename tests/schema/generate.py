#!/usr/bin/env python3
"""Writes src/domain/schema/generated.rs, the compact table of the built-in kinds, from a real API server's OpenAPI v3.

Usage: tests/schema/generate.py KUBECTL KUBECONFIG [OUTPUT]
       KUBECTL     a kubectl, for example the one in the folder that tests/cluster/build.sh prints
       KUBECONFIG  of a server of the wanted version with only built-in kinds (no CRDs)
Run it again for a newer Kubernetes after raising the pins in tests/cluster, then `cargo fmt` is not needed: the file
is marked as generated and skipped by rustfmt. Only the standard library is used.
"""
import json
import re
import subprocess
import sys

KUBECTL, KUBECONFIG = sys.argv[1:3]
OUTPUT = sys.argv[3] if len(sys.argv) > 3 else "src/domain/schema/generated.rs"
# groups whose objects nobody declares
SKIPPED = {"authentication.k8s.io", "authorization.k8s.io", "events.k8s.io"}
LEAVES = ["Any", "Bool", "Bytes", "Duration", "IntOrString", "Integer", "Number", "Quantity", "Text", "Time"]
SPECIAL = {
    "resource.Quantity": "Quantity",
    "intstr.IntOrString": "IntOrString",
    "meta/v1.Time": "Time",
    "meta/v1.MicroTime": "Time",
    "meta/v1.Duration": "Duration",
}


def raw(path):
    return json.loads(subprocess.check_output([KUBECTL, "--kubeconfig", KUBECONFIG, "get", "--raw", path]))


def short(name):
    """io.k8s.api.core.v1.PodSpec -> core/v1.PodSpec; what has no version keeps package and name."""
    parts = name.split(".")
    if len(parts) >= 3 and re.fullmatch(r"v\d+((alpha|beta)\d+)?", parts[-2]):
        return f"{parts[-3]}/{parts[-2]}.{parts[-1]}"
    return ".".join(parts[-2:])


schemas, kinds, namespaced = {}, {}, set()
index = raw("/openapi/v3")["paths"]
for path in sorted(index):
    parts = path.split("/")
    if path != "api/v1" and not (len(parts) == 3 and parts[0] == "apis" and parts[1] not in SKIPPED):
        continue
    document = raw("/openapi/v3/" + path)
    schemas.update(document["components"]["schemas"])
    for url, operations in document["paths"].items():
        gvk = operations.get("post", {}).get("x-kubernetes-group-version-kind")
        if not gvk or "{name}" in url:
            continue
        key = (gvk["group"], gvk["version"], gvk["kind"])
        kinds.setdefault(key, None)
        if "/namespaces/{namespace}/" in url:
            namespaced.add(key)
for name, schema in schemas.items():
    for gvk in schema.get("x-kubernetes-group-version-kind", []):
        key = (gvk["group"], gvk["version"], gvk["kind"])
        if key in kinds:
            kinds[key] = name

structs = {}


def ident(name):
    return re.sub(r"[^A-Za-z0-9]", "_", short(name)).upper()


def merge_keys(schema, item):
    keys = []
    for key in schema["x-kubernetes-list-map-keys"]:
        default = item.get("properties", {}).get(key, {}).get("default")
        keys.append(f'key!("{key}", {json.dumps(default)})' if default and isinstance(default, str) else f'key!("{key}")')
    return "[" + ", ".join(keys) + "]"


def target(schema):
    """Follows references; the name of the last one, the schema, and whether the field itself is atomic."""
    name, atomic = None, schema.get("x-kubernetes-map-type") == "atomic"
    while True:
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            schema = schemas[name]
        elif len(schema.get("allOf", [])) == 1 and "properties" not in schema:
            schema = schema["allOf"][0]
        else:
            return name, schema, atomic or schema.get("x-kubernetes-map-type") == "atomic"
        atomic = atomic or schema.get("x-kubernetes-map-type") == "atomic"


def shape(schema):
    name, schema, atomic = target(schema)
    if name and short(name) in SPECIAL:
        return SPECIAL[short(name)]
    kind = schema.get("type")
    if "properties" in schema and name:
        struct(name)
        return f"s!({ident(name)})"
    if kind == "array":
        inner = shape(schema["items"])
        if schema.get("x-kubernetes-list-type") == "map":
            return f"keyed!({merge_keys(schema, target(schema['items'])[1])}, {inner})"
        return f"set!({inner})" if schema.get("x-kubernetes-list-type") == "set" else f"list!({inner})"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"{'atomic_map' if atomic else 'map'}!({shape(schema['additionalProperties'])})"
    if kind == "string":
        return {"byte": "Bytes", "date-time": "Time"}.get(schema.get("format"), "Text")
    return {"boolean": "Bool", "integer": "Integer", "number": "Number"}.get(kind, "Any")


def struct(name, root=False):
    if name in structs:
        return
    structs[name] = None
    schema = schemas[name]
    fields = []
    for field in sorted(schema["properties"]):
        if root and field == "status" or field == "managedFields":
            continue
        fields.append(f'f!("{field}", {shape(schema["properties"][field])})')
    atomic = "true" if schema.get("x-kubernetes-map-type") == "atomic" else "false"
    structs[name] = f'pub(super) static {ident(name)}: Struct = st!("{short(name)}", {atomic}, [{", ".join(fields)}]);'


rows = []
for key in sorted(kinds):
    group, version, kind = key
    if kinds[key] is None or group in SKIPPED:
        continue
    struct(kinds[key], root=True)
    api_version = f"{group}/{version}" if group else version
    rows.append((api_version, kind, f'("{api_version}", "{kind}", &{ident(kinds[key])}, {str(key in namespaced).lower()})'))
# a kind that is also part of another one (a PersistentVolumeClaim in a StatefulSet) has one entry, without status
version = raw("/version")["gitVersion"]
with open(OUTPUT, "w") as out:
    out.write(f"// @generated by tests/schema/generate.py from the OpenAPI v3 documents of Kubernetes {version}; do not edit.\n")
    out.write("//! Types of the built-in kinds. `status` and `managedFields` are left out: neither is ever declared.\n\n")
    used = [name for name in LEAVES if any(re.search(rf"\b{name}[,)]", body) for body in structs.values())]
    out.write(f"use super::Shape::{{{', '.join(used)}}};\n")
    out.write("use super::Struct;\nuse super::table::{atomic_map, f, key, keyed, list, map, s, set, st};\n\n")
    out.write("/// The built-in kinds by `apiVersion` and `kind`, sorted: their type and whether they are namespaced.\n")
    out.write("pub(super) static KINDS: &[(&str, &str, &Struct, bool)] = &[\n")
    out.writelines(f"    {row},\n" for _, _, row in sorted(rows))
    out.write("];\n\n/// Every type, sorted by name.\npub(super) static TYPES: &[&Struct] = &[\n")
    out.writelines(f"    &{ident(name)},\n" for name in sorted(structs, key=short))
    out.write("];\n\n")
    out.writelines(structs[name] + "\n" for name in sorted(structs))
print(f"{len(rows)} kinds, {len(structs)} types, Kubernetes {version}", file=sys.stderr)
