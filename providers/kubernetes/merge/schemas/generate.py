#!/usr/bin/env python3
"""Makes kubernetes.json.gz, the schemas of the Kubernetes minors that Strata knows without a cluster.

    providers/kubernetes/merge/schemas/generate.py            write the file
    providers/kubernetes/merge/schemas/generate.py --check    fail when the file is not what would be written

The source is the module k8s.io/kubernetes of each version below (Apache-2.0, see NOTICE): its published OpenAPI v3
documents, one for each group and version. Only what says something of types, identity and addresses is kept; a model
that is the same in several minors is kept once. The Go toolchain fetches the modules and checks them.
"""

import gzip
import json
import pathlib
import subprocess
import sys

VERSIONS = ["1.31.14", "1.32.13", "1.33.13", "1.34.4", "1.35.4", "1.36.4"]
OUT = pathlib.Path(__file__).parent / "kubernetes.json.gz"
FORMAT = 1

# What is kept of a model, of a property and of what they are made of.
KEPT = [
    "$ref", "additionalProperties", "allOf", "default", "enum", "format", "items", "properties", "required", "type",
    "x-kubernetes-group-version-kind", "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-patch-merge-key", "x-kubernetes-patch-strategy",
    "x-kubernetes-preserve-unknown-fields",
]
# Kinds of requests, not of objects: every group declares them again.
REQUESTS = {"DeleteOptions", "WatchEvent"}


def reduced(schema):
    """A schema without its words. A default of an empty object says nothing that the type does not."""
    if not isinstance(schema, dict):
        return schema
    kept = {key: schema[key] for key in KEPT if key in schema}
    if kept.get("default") == {}:
        del kept["default"]
    if "x-kubernetes-list-type" in kept:
        kept.pop("x-kubernetes-patch-strategy", None)
        kept.pop("x-kubernetes-patch-merge-key", None)
    for key in ("items", "additionalProperties"):
        if key in kept:
            kept[key] = reduced(kept[key])
    if "properties" in kept:
        kept["properties"] = {name: reduced(kept["properties"][name]) for name in sorted(kept["properties"])}
    if "allOf" in kept:
        kept["allOf"] = [reduced(part) for part in kept["allOf"]]
        if len(kept["allOf"]) == 1 and list(kept["allOf"][0]) == ["$ref"]:
            kept["$ref"] = kept.pop("allOf")[0]["$ref"]
    if "$ref" in kept:
        kept["$ref"] = kept["$ref"].rsplit("/", 1)[-1]
    kinds = kept.get("x-kubernetes-group-version-kind")
    if kinds and kinds[0]["kind"] in REQUESTS:
        del kept["x-kubernetes-group-version-kind"]
    return kept


def resources(document):
    """Where the objects of each kind are: plural, scope and subresources, from the paths of a document."""
    found = {}
    for path, item in document.get("paths", {}).items():
        steps = path.strip("/").split("/")
        steps = steps[2:] if steps[0] == "api" else steps[3:]
        namespaced = steps[:2] == ["namespaces", "{namespace}"] and len(steps) > 2
        steps = steps[2:] if namespaced else steps
        if len(steps) < 2 or steps[0] == "watch" or steps[1] != "{name}":
            continue
        if len(steps) == 2 and "get" in item:
            kind = item["get"]["x-kubernetes-group-version-kind"]
            found[steps[0]] = {
                "group": kind["group"], "version": kind["version"], "kind": kind["kind"],
                "plural": steps[0], "namespaced": namespaced, "subresources": [],
            }
        elif len(steps) == 3 and steps[0] in found:
            found[steps[0]]["subresources"].append(steps[2])
    for resource in found.values():
        resource["subresources"].sort()
    return list(found.values())


def documents(version):
    """The OpenAPI v3 documents of a version, fetched as a Go module."""
    module = f"k8s.io/kubernetes@v{version}"
    answer = subprocess.run(["go", "mod", "download", "-json", module], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        sys.exit(f"{module}: {answer.stdout}{answer.stderr}")
    directory = pathlib.Path(json.loads(answer.stdout)["Dir"]) / "api/openapi-spec/v3"
    for path in sorted(directory.glob("api*_openapi.json")):
        yield json.loads(path.read_text())


def made():
    """The content of the file."""
    models, index, minors = [], {}, {}
    for version in VERSIONS:
        minor = {"version": version, "models": {}, "resources": []}
        for document in documents(version):
            for name, model in sorted(document.get("components", {}).get("schemas", {}).items()):
                text = json.dumps(reduced(model), separators=(",", ":"))
                if text not in index:
                    index[text] = len(models)
                    models.append(json.loads(text))
                minor["models"].setdefault(name, index[text])
                if minor["models"][name] != index[text]:
                    sys.exit(f"{version}: two documents differ in {name}")
            minor["resources"].extend(resources(document))
        minor["resources"].sort(key=lambda resource: (resource["group"], resource["version"], resource["plural"]))
        minors[".".join(version.split(".")[:2])] = minor
    content = json.dumps({"format": FORMAT, "models": models, "minors": minors}, separators=(",", ":"))
    return content.encode()


def main():
    content = made()
    if "--check" in sys.argv:
        if not OUT.exists() or gzip.decompress(OUT.read_bytes()) != content:
            sys.exit(f"{OUT} is not current; run {sys.argv[0]}")
        return
    OUT.write_bytes(gzip.compress(content, 9, mtime=0))
    print(f"{OUT}: {OUT.stat().st_size} bytes, {len(content)} unpacked")


if __name__ == "__main__":
    main()
