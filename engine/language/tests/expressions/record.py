#!/usr/bin/env python3
"""Records what Terraform makes of the expressions of expressions.txt, one a line, and of heredocs.txt, between dashes.

Run it with terraform on the PATH; it writes recorded.json. With --check it writes nothing, and says what
differs from what is recorded, in much less time: errors are only asked whether they still are. Each entry has the expression and either its value (as JSON) and its type (as
the language spells types), or the first lines of the error. `terraform console` is asked in batches; a batch
that fails is halved. What goes over several lines, which the console does not take, stands in outputs of a
configuration.
"""

import base64
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BATCH = 60
# The console leaves files of its own where it runs.
WORK = Path(tempfile.mkdtemp()) / "files"


def console(expression):
    run = subprocess.run(
        ["terraform", "console"],
        input=expression + "\n",
        capture_output=True,
        text=True,
        cwd=WORK,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "TF_CLI_ARGS": "", "NO_COLOR": "1", "HOME": "/nonexistent"},
    )
    if run.returncode == 0:
        return run.stdout, None
    text = re.sub(r"\x1b\[[0-9;]*m", "", run.stderr)
    lines = [line.strip("│╷╵ ").strip() for line in text.splitlines()]
    start = next((i for i, line in enumerate(lines) if line.startswith("Error:")), 0)
    return None, " ".join(line for line in lines[start:] if line)[:300]


def decoded(text):
    """The value in what the console printed: quoted Base64 of JSON, which needs no unescaping."""
    match = re.fullmatch(r'"([A-Za-z0-9+/=]*)"\s*', text)
    if match is None:
        raise ValueError(text)
    return json.loads(base64.b64decode(match[1]))


def parse_type(text):
    """Reads the console's spelling of a type and returns the language's."""
    tokens = re.findall(r'"(?:[^"\\]|\\.)*"|[^\s:,(){}\[\]]+|[:,(){}\[\]]', text)
    at = 0

    def take(wanted=None):
        nonlocal at
        token = tokens[at]
        if wanted is not None and token != wanted:
            raise ValueError(f"{token} in place of {wanted} in {text}")
        at += 1
        return token

    def read():
        name = take()
        if name in ("list", "set", "map"):
            take("(")
            element = read()
            if tokens[at] == ",":
                take(",")
            take(")")
            return (name, element)
        if name == "tuple":
            take("("), take("[")
            elements = []
            while tokens[at] != "]":
                elements.append(read())
                if tokens[at] == ",":
                    take(",")
            take("]"), take(")")
            return elements
        if name == "object":
            take("("), take("{")
            members = {}
            while tokens[at] != "}":
                key = []
                while tokens[at] != ":":
                    key.append(take())
                take(":")
                members[" ".join(key).strip('"')] = read()
                if tokens[at] == ",":
                    take(",")
            take("}"), take(")")
            return members
        return {"dynamic": "any"}.get(name, name)

    return read()


def spelled(ty):
    if isinstance(ty, list):
        return "tuple([" + ", ".join(map(spelled, ty)) + "])"
    if isinstance(ty, dict):
        if not ty:
            return "object({})"
        members = sorted(ty.items(), key=lambda item: item[0].encode())
        return "object({ " + ", ".join(f"{key} = {spelled(value)}" for key, value in members) + " })"
    if isinstance(ty, tuple):
        return f"{ty[0]}({spelled(ty[1])})"
    return ty


def record(expressions):
    """Values and types of a batch, in order."""
    if not expressions:
        return []
    values, error = console("nonsensitive(base64encode(jsonencode([" + ", ".join(f"jsonencode({e})" for e in expressions) + "])))")
    if error is not None and len(expressions) > 1:
        half = len(expressions) // 2
        return record(expressions[:half]) + record(expressions[half:])
    if error is not None:
        return [{"expression": expressions[0], "error": console(expressions[0])[1] or error}]
    types, error = console("type([" + ", ".join(expressions) + "])")
    if error is not None:
        raise SystemExit(f"no type of {expressions}: {error}")
    try:
        values = decoded(values)
    except ValueError:
        if len(expressions) > 1:
            half = len(expressions) // 2
            return record(expressions[:half]) + record(expressions[half:])
        return [{"expression": expressions[0], "unknown": True}]
    types = parse_type(types)
    if len(types) != len(expressions):
        raise SystemExit(f"{len(types)} types of {len(expressions)} expressions")
    return [
        {"expression": e, "value": value, "type": spelled(ty)}
        for e, value, ty in zip(expressions, values, types)
    ]


def refused(expressions):
    """Whether expressions that were errors still are: `can` asks for many at once, and does not catch every kind."""
    answers, error = console("base64encode(jsonencode([" + ", ".join(f"can(jsonencode({e}))" for e in expressions) + "]))")
    if error is not None and len(expressions) > 1:
        half = len(expressions) // 2
        return refused(expressions[:half]) + refused(expressions[half:])
    if error is not None:
        return [{"expression": expressions[0], "error": error}]
    found = []
    for expression, can in zip(expressions, decoded(answers)):
        found += record([expression]) if can else [{"expression": expression, "error": True}]
    return found


def outputs(expressions):
    """Values and types of expressions over several lines."""
    directory = WORK.parent / "outputs"
    directory.mkdir()
    blocks = [f'output "v{n}" {{\n  value = {e}\n}}\n' for n, e in enumerate(expressions)]
    (directory / "main.tf").write_text("".join(blocks), encoding="utf-8")
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"}
    for command in (["init"], ["apply", "-auto-approve"]):
        subprocess.run(["terraform", *command], cwd=directory, env=environment, capture_output=True, check=True)
    shown = subprocess.run(["terraform", "output", "-json"], cwd=directory, env=environment, capture_output=True, check=True)
    found = json.loads(shown.stdout)
    compact = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return [
        {"expression": e, "value": compact(found[f"v{n}"]["value"]), "type": spelled(of_json(found[f"v{n}"]["type"]))}
        for n, e in enumerate(expressions)
    ]


def of_json(ty):
    """A type in the spelling of outputs as parse_type returns it."""
    if isinstance(ty, str):
        return ty
    kind, inner = ty
    if kind == "tuple":
        return [of_json(element) for element in inner]
    if kind == "object":
        return {name: of_json(member) for name, member in inner.items()}
    return (kind, of_json(inner))


def differences(recorded):
    """What differs from recorded.json, leaving out what is compressed and the versions' own words for errors."""
    before = {entry["expression"]: entry for entry in json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))["results"]}
    plain = lambda entry: {key: value if key != "error" else True for key, value in (entry or {}).items()}
    return [entry for entry in recorded if plain(entry) != plain(before.pop(entry["expression"], None))] + list(before.values())


def main():
    lines = (HERE / "expressions.txt").read_text(encoding="utf-8").splitlines()
    expressions = [line for line in lines if line and not line.startswith("# ")]
    recorded, errors = [], []
    shutil.copytree(HERE / "files", WORK)
    if "--check" in sys.argv:
        known = json.loads((HERE / "recorded.json").read_text(encoding="utf-8"))["results"]
        were_errors = {entry["expression"] for entry in known if "error" in entry}
        errors = [e for e in expressions if e in were_errors]
        expressions = [e for e in expressions if e not in were_errors]
    for work, part in ((record, expressions), (refused, errors)):
        for start in range(0, len(part), BATCH):
            recorded += work(part[start : start + BATCH])
            print(f"{len(recorded)} of {len(expressions) + len(errors)}", file=sys.stderr)
    recorded += outputs((HERE / "heredocs.txt").read_text(encoding="utf-8").rstrip("\n").split("\n----\n"))
    if "--check" in sys.argv:
        found = differences(recorded)
        shutil.rmtree(WORK.parent)
        sys.exit("\n".join(map(str, found)) or None)
    version = subprocess.run(["terraform", "version"], capture_output=True, text=True).stdout.splitlines()[0]
    with open(HERE / "recorded.json", "w", encoding="utf-8") as out:
        out.write('{"recorded_from": %s, "results": [\n' % json.dumps(version))
        out.write(",\n".join(json.dumps(entry, ensure_ascii=True) for entry in recorded))
        out.write("\n]}\n")
    shutil.rmtree(WORK.parent)


if __name__ == "__main__":
    main()
