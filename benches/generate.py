#!/usr/bin/env python3
"""Writes the same project for Strata and for Terraform: N trivial resources in clusters of 20 that refer to each other.

    generate.py strata|terraform DIR COUNT [--state]

With --state, a Terraform state is written that has everything applied already; it counts only if `terraform plan` on it
says "No changes", which compare.py checks.
"""
import json
import pathlib
import sys
import uuid

CLUSTER = 20
FILES = 50


def name(index):
    return f"r{index // CLUSTER}_{index % CLUSTER}"


def block(kind, index):
    """One resource: every one but the first of its cluster refers to the one before and to the first."""
    place = index % CLUSTER
    if place == 0:
        value = f'    note  = "cluster {index // CLUSTER}"\n'
    else:
        value = (
            f"    first = {kind}.{name(index - place)}.id\n"
            f"    after = {kind}.{name(index - 1)}.id\n"
        )
    return f'resource "{kind}" "{name(index)}" {{\n  input = {{\n    index = {index}\n{value}  }}\n}}\n'


def write_project(tool, directory, count):
    kind, suffix = {"strata": ("strata_data", "strata.hcl"), "terraform": ("terraform_data", "tf")}[tool]
    directory.mkdir(parents=True, exist_ok=True)
    per_file = -(-count // FILES)
    for file in range(FILES):
        indices = range(file * per_file, min((file + 1) * per_file, count))
        text = "\n".join(block(kind, index) for index in indices)
        if text:
            (directory / f"part{file:02}.{suffix}").write_text(text)
    if tool == "strata":
        (directory / "project.strata.hcl").write_text('project {\n  name = "bench"\n}\n')


def identity(index):
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name(index)))


def instance(index):
    place = index % CLUSTER
    value, types = {"index": index}, {"index": "number"}
    if place == 0:
        value["note"], types["note"] = f"cluster {index // CLUSTER}", "string"
        needs = []
    else:
        value["first"], types["first"] = identity(index - place), "string"
        value["after"], types["after"] = identity(index - 1), "string"
        needs = [f"terraform_data.{name(other)}" for other in range(index - place, index)]
    typed = {"value": value, "type": ["object", types]}
    attributes = {"id": identity(index), "input": typed, "output": typed, "triggers_replace": None}
    return {
        "mode": "managed",
        "type": "terraform_data",
        "name": name(index),
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [
            {"schema_version": 0, "attributes": attributes, "sensitive_attributes": [], "dependencies": needs}
        ],
    }


def write_state(directory, count):
    state = {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": 1,
        "lineage": str(uuid.uuid5(uuid.NAMESPACE_OID, "bench")),
        "outputs": {},
        "resources": [instance(index) for index in range(count)],
        "check_results": None,
    }
    (directory / "terraform.tfstate").write_text(json.dumps(state))


def main():
    tool, directory, count = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    write_project(tool, directory, count)
    if "--state" in sys.argv[4:]:
        write_state(directory, count)


if __name__ == "__main__":
    main()
