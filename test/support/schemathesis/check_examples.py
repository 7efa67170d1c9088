"""Checks every example of an OpenAPI document against its schema; prints a line for each that does not fit."""

import json
import sys

import jsonschema_rs

document = json.load(sys.stdin)
root = {"components": document["components"]}
found = 0


def check(where, schema, example):
    global found
    found += 1
    # References are written from the document's root.
    validator = jsonschema_rs.Draft202012Validator({**root, "allOf": [schema]}, validate_formats=True)
    for error in validator.iter_errors(example):
        print(f"{where}: {error.message}")


for path, methods in document["paths"].items():
    for method, operation in methods.items():
        where = f"{method.upper()} {path}"
        contents = [("body", operation.get("requestBody", {}).get("content", {}))]
        contents += [(status, answer.get("content", {})) for status, answer in operation["responses"].items()]
        for name, content in contents:
            for media_type, described in content.items():
                if "schema" in described:
                    check(f"{where} {name} {media_type}", described["schema"], described["example"])
        for parameter in operation["parameters"]:
            for example in parameter["schema"].get("examples", []):
                check(f"{where} {parameter['name']}", parameter["schema"], example)
for name, schema in document["components"]["schemas"].items():
    for example in schema.get("examples", []):
        check(name, schema, example)
print(f"{found} examples", file=sys.stderr)
