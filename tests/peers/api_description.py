"""Fetches the OpenAPI description from a service and holds the answers of its GET operations against it, by the
JSON Schema implementation of python's jsonschema. SOCKET REQUEST SERIAL"""
import http.client
import json
import re
import socket
import sys

import jsonschema

path, request, serial = sys.argv[1:4]


class Local(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(20)
        self.sock.connect(path)


def get(target):
    connection = Local("localhost")
    connection.request("GET", target)
    response = connection.getresponse()
    return response.status, response.getheader("Content-Type"), json.loads(response.read())


def inlined(schema, document):
    """With the references resolved, because the registry API of jsonschema differs between its versions."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            found = document
            for part in schema["$ref"].lstrip("#/").split("/"):
                found = found[part]
            return inlined(found, document)
        return {key: inlined(value, document) for key, value in schema.items()}
    if isinstance(schema, list):
        return [inlined(value, document) for value in schema]
    return schema


status, kind, document = get("/api/v1/openapi.json")
assert status == 200 and kind == "application/json", (status, kind)
assert document["openapi"].startswith("3.1."), document["openapi"]
for name, schema in document["components"]["schemas"].items():
    jsonschema.Draft202012Validator.check_schema(schema)

values = {"id": request, "serial": serial, "ca": "Api%20Root", "name": "WebServer", "client_transaction": "polled-1"}
first_challenge = {"id": "1"}
seen, identifiers = 0, set()
for template, item in document["paths"].items():
    for method, operation in item.items():
        assert operation["operationId"] not in identifiers, "an operationId stands twice"
        identifiers.add(operation["operationId"])
        wanted = set(re.findall(r"\{(\w+)\}", template))
        described = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
        assert wanted == described, (template, wanted, described)
        if method != "get":
            continue
        known = values | first_challenge if template.startswith("/api/v1/challenges/") else values
        target = re.sub(r"\{(\w+)\}", lambda m: known[m.group(1)], template)
        status, kind, answer = get(target)
        if template.endswith("/status") and status == 503:
            status_schema = operation["responses"]["default"]["content"]["application/problem+json"]["schema"]
        else:
            assert status == 200, (target, status, answer)
            status_schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(inlined(status_schema, document)).validate(answer)
        seen += 1
    status, kind, answer = get(template.replace("{", "").replace("}", "") + "/nothing/here")
    assert status in (400, 404) and kind == "application/problem+json", (template, status, kind)
    jsonschema.Draft202012Validator(inlined(document["components"]["schemas"]["Problem"], document)).validate(answer)
print(f"{len(identifiers)} operations described, {seen} answers checked")
assert seen >= 12
