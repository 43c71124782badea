"""Checks recorded calls and answers of a sandbox against the service models of botocore.

    shapes.py RECORD...

Prints every violation, and how much was checked. Exits with 1 if there is a violation or nothing was checked.
"""

import json
import re
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections import Counter

import botocore.session

SESSION = botocore.session.get_session()
MODELS = {name: SESSION.get_service_model(name) for name in ("ec2", "iam", "sts", "eks", "kms", "logs", "ecr", "ssm")}
# Signed by another name than its model has.
MODELS["servicequotas"] = SESSION.get_service_model("service-quotas")
MODELS["tagging"] = SESSION.get_service_model("resourcegroupstaggingapi")

# What every service may answer, beside the errors that the model lists for an operation.
COMMON = {
    "iam": {"Throttling", "ServiceFailure", "ServiceUnavailable", "AccessDenied", "ExpiredToken", "ValidationError", "InvalidInput"},
    "sts": {"Throttling", "InternalFailure", "ServiceUnavailable", "AccessDenied", "ExpiredToken", "ValidationError"},
    "eks": {"ThrottlingException", "AccessDeniedException", "ExpiredTokenException", "ServerException",
            "ServiceUnavailableException", "InvalidParameterException"},
}
# What all services of this protocol share; each refuses arguments by a code of its own.
SHARED = {"ThrottlingException", "AccessDeniedException", "ExpiredTokenException", "InternalFailure", "ServiceUnavailable",
          "SerializationException"}
for name, refusal in (("kms", "ValidationException"), ("logs", "InvalidParameterException"),
                      ("ecr", "InvalidParameterException"), ("service-quotas", "IllegalArgumentException"),
                      ("resourcegroupstaggingapi", "InvalidParameterException"), ("ssm", "ValidationException")):
    COMMON[name] = SHARED | {refusal}

# What the documentation says and the enumeration of the model does not: an attached internet gateway is `available`,
# and states of VPC endpoints are in small letters.
BEYOND_MODEL = {
    ("InternetGateway", "AttachmentStatus", "available"),
    ("VpcEndpoint", "State", "available"),
    ("VpcEndpoint", "State", "pending"),
    ("VpcEndpoint", "State", "deleting"),
}

# Errors that EKS gives although the model does not list them for the call: while one Fargate profile is made or goes, there
# is no other.
BEYOND_ERRORS = {("eks", "CreateFargateProfile", "ResourceInUseException")}

TIMESTAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
violations = []


def report(where, text):
    violations.append(f"{where}: {text}")


def check_scalar(shape, text, where):
    kind = shape.type_name
    if kind == "boolean" and text not in ("true", "false"):
        report(where, f"{text!r} is not a boolean")
    elif kind in ("integer", "long") and not re.match(r"^-?\d+$", text):
        report(where, f"{text!r} is not a number")
    elif kind == "timestamp" and not TIMESTAMP.match(text):
        report(where, f"{text!r} is not a moment")
    elif kind == "string":
        check_enum(shape, text, where)


def check_enum(shape, text, where):
    known = any(part in where and (shape.name, text) == (name, value) for part, name, value in BEYOND_MODEL)
    if shape.enum and text not in shape.enum and not known:
        report(where, f"{text!r} is not one of {shape.enum}")


def check_required(shape, present, where):
    for name in shape.required_members:
        if name not in present:
            report(where, f"required member {name} is missing")


# Answers in XML

def local(element):
    return element.tag.split("}")[-1]


def check_xml(shape, element, where):
    if shape.type_name == "structure":
        members = {m.serialization.get("name", name): (name, m) for name, m in shape.members.items()}
        present = set()
        for child in element:
            found = members.get(local(child))
            if found is None:
                report(where, f"unknown member {local(child)}")
                continue
            present.add(found[0])
            check_xml(found[1], child, f"{where}.{local(child)}")
        check_required(shape, present, where)
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        for at, child in enumerate(element):
            if local(child) != item:
                report(where, f"list element {local(child)} instead of {item}")
            check_xml(shape.member, child, f"{where}[{at}]")
    elif shape.type_name == "map":
        report(where, "a map that the checker does not know")
    else:
        if len(element):
            report(where, f"members in a {shape.type_name}")
        check_scalar(shape, element.text or "", where)


def check_query_answer(model, operation, call, where):
    root = ElementTree.fromstring(call["answer"])
    if call["status"] >= 300:
        code = next(e.text for e in root.iter() if local(e) == "Code")
        if not any(local(e) == "Message" for e in root.iter()):
            report(where, "an error without a message")
        check_error(model, operation, code, where)
        return
    if local(root) != f"{operation.name}Response":
        report(where, f"root element {local(root)}")
    if model.metadata["protocol"] == "ec2":
        ids = [child for child in root if local(child) == "requestId"]
        if len(ids) != 1:
            report(where, "no request id")
        for child in ids:
            root.remove(child)
        # Some calls answer `return` although their model has no output.
        if operation.output_shape is None or "Return" not in operation.output_shape.members:
            for child in [child for child in root if local(child) == "return"]:
                root.remove(child)
        if operation.output_shape is None:
            for child in root:
                report(where, f"unknown member {local(child)}")
        else:
            check_xml(operation.output_shape, root, where)
        return
    parts = {local(child): child for child in root}
    if "ResponseMetadata" not in parts:
        report(where, "no response metadata")
    if operation.output_shape is not None:
        wrapper = operation.output_shape.serialization["resultWrapper"]
        if wrapper not in parts:
            report(where, f"no {wrapper}")
        else:
            check_xml(operation.output_shape, parts[wrapper], where)
    elif set(parts) - {"ResponseMetadata"}:
        report(where, f"unknown members {sorted(parts)}")


def check_error(model, operation, code, where):
    service = model.service_name
    if service == "ec2":
        return  # the model lists no errors
    listed = {s.metadata.get("error", {}).get("code", s.name) for s in operation.error_shapes}
    listed |= {s.name for s in operation.error_shapes}
    if code not in listed | COMMON[service] and (service, operation.name, code) not in BEYOND_ERRORS:
        report(where, f"the model lists no error {code}")


# Parameters of query calls

def query_name(model, name, member):
    serialization = member.serialization
    if model.metadata["protocol"] != "ec2":
        return serialization.get("name", name)
    if "queryName" in serialization:
        return serialization["queryName"]
    if "name" in serialization:
        return serialization["name"][0].upper() + serialization["name"][1:]
    return name


def check_parameter(model, shape, segments, value, where):
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if segments and query_name(model, name, member) == segments[0]:
                return check_parameter(model, member, segments[1:], value, where)
        return report(where, "unknown parameter")
    if shape.type_name == "list":
        if model.metadata["protocol"] != "ec2" and not shape.serialization.get("flattened"):
            if not segments or segments[0] != shape.member.serialization.get("name", "member"):
                return report(where, "not a list")
            segments = segments[1:]
        if not segments or not segments[0].isdigit():
            return report(where, "no number in a list")
        return check_parameter(model, shape.member, segments[1:], value, where)
    if segments:
        return report(where, "members in a scalar")
    return check_scalar(shape, value, where)


def check_query_request(model, operation, call, where):
    form = call["query"] if call["method"] == "GET" else call["body"]
    given = urllib.parse.parse_qsl(form, keep_blank_values=True)
    given = [(k, v) for k, v in given if k not in ("Action", "Version") and not k.startswith("X-Amz-")]
    shape = operation.input_shape
    for key, value in given:
        if shape is None:
            report(f"{where} {key}", "unknown parameter")
        else:
            check_parameter(model, shape, key.split("."), value, f"{where} {key}")
    if shape is not None and call["status"] and call["status"] < 300:
        present = {key.split(".")[0] for key, _ in given}
        for name in shape.required_members:
            if query_name(model, name, shape.members[name]) not in present:
                report(where, f"required parameter {name} is missing")


# JSON

def check_json(shape, value, where):
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return report(where, "not an object")
        members = {m.serialization.get("name", name): (name, m) for name, m in shape.members.items()}
        for name, part in value.items():
            if name not in members:
                report(where, f"unknown member {name}")
            else:
                check_json(members[name][1], part, f"{where}.{name}")
        check_required(shape, {members[n][0] for n in value if n in members}, where)
    elif kind == "list":
        if not isinstance(value, list):
            return report(where, "not a list")
        for at, part in enumerate(value):
            check_json(shape.member, part, f"{where}[{at}]")
    elif kind == "map":
        if not isinstance(value, dict):
            return report(where, "not a map")
        for name, part in value.items():
            check_json(shape.value, part, f"{where}.{name}")
    elif kind == "boolean":
        if not isinstance(value, bool):
            report(where, f"{value!r} is not a boolean")
    elif kind in ("integer", "long"):
        if isinstance(value, bool) or not isinstance(value, int):
            report(where, f"{value!r} is not a number")
    elif kind in ("double", "float"):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            report(where, f"{value!r} is not a number")
    elif kind == "timestamp":
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            report(where, f"{value!r} is not a moment")
    elif not isinstance(value, str):
        report(where, f"{value!r} is not a text")
    else:
        check_enum(shape, value, where)


def check_rest_request(operation, call, where):
    shape = operation.input_shape
    located = {name: m for name, m in shape.members.items() if m.serialization.get("location")}
    names = {m.serialization["name"]: m for m in located.values() if m.serialization["location"] == "querystring"}
    for key, _ in urllib.parse.parse_qsl(call["query"], keep_blank_values=True):
        if key not in names:
            report(where, f"unknown query parameter {key}")
    body = json.loads(call["body"] or "{}")
    members = {m.serialization.get("name", n): (n, m) for n, m in shape.members.items() if n not in located}
    for name, part in body.items():
        if name not in members:
            report(where, f"unknown member {name}")
        else:
            check_json(members[name][1], part, f"{where}.{name}")
    if call["status"] and call["status"] < 300:
        present = {members[n][0] for n in body if n in members} | set(located)
        check_required(shape, present, where)


def check_rest_answer(model, operation, call, where):
    if operation.output_shape is None and call["status"] < 300:
        if call["answer"]:
            report(where, "a body, although there is no output")
        return None
    answer = json.loads(call["answer"])
    if call["status"] >= 300:
        if not isinstance(answer.get("message"), str):
            report(where, "an error without a message")
        return check_error(model, operation, answer.get("__type"), where)
    return check_json(operation.output_shape, answer, where)


def check(call):
    model = MODELS[call["service"]]
    operation = model.operation_model(call["operation"])
    where = f"{call['service']} {call['operation']}"
    query = model.metadata["protocol"] in ("ec2", "query")
    # A refused call may well be wrong: that is what tests send on purpose.
    if call["status"] and call["status"] < 300:
        (check_query_request(model, operation, call, f"{where} request") if query
         else check_rest_request(operation, call, f"{where} request"))
    # An answer that was made wrong on purpose is not judged.
    on_purpose = [fault for fault in (call["fault"] or "").split("+") if fault in ("error", "unknown_members")]
    if call["answer"] is not None and not on_purpose:
        (check_query_answer(model, operation, call, f"{where} answer") if query
         else check_rest_answer(model, operation, call, f"{where} answer"))


def main(paths):
    counts = Counter()
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                call = json.loads(line)
                if call["service"] not in MODELS or call["status"] == 501:
                    continue
                check(call)
                counts[f"{call['service']} {call['operation']}"] += 1
    for text, times in sorted(Counter(violations).items()):
        print(f"{times} x {text}")
    print(f"{sum(counts.values())} calls of {len(counts)} operations checked, {len(violations)} violations")
    return 1 if violations or not counts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
