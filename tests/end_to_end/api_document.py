"""The server's OpenAPI document, and the routes that its sources add."""

import copy
import json
import re
import urllib.request

from conftest import ROOT


def routes():
    """(method, path) of every route of both listeners; a path that ends in `*` takes whatever follows."""
    found = set()
    for path in (ROOT / "src/server").rglob("*.cpp"):
        if "supervision" not in path.parts:  # a front that hands everything on
            text = path.read_text()
            found |= set(re.findall(r'router\.add\(\s*"([A-Z]+)",\s*"([^"]+)"', text))
            found |= {("POST", name) for name in re.findall(r'add_once\(\s*"([^"]+)"', text)}
    assert len(found) > 20
    return found


def fetch(server, **headers):
    request = urllib.request.Request(server.address + "/openapi.json", headers=headers)
    with urllib.request.urlopen(request, timeout=300) as answer:
        return json.load(answer)


def _at(document, reference):
    for part in reference.removeprefix("#/").split("/"):
        document = document[part]
    return document


def resolve(document, schema):
    """Without a reference at its top."""
    while "$ref" in schema:
        schema = {**_at(document, schema["$ref"]), **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def request_schemas(document):
    """(path, schema) of each request's body."""
    for path, item in document["paths"].items():
        if body := item.get("post", {}).get("requestBody"):
            yield path, resolve(document, body["content"]["application/json"]["schema"])


def operations():
    """(path, method) of each, as the sources have them."""
    found = []
    for path in sorted((ROOT / "src/server/openapi").glob("*.json")):
        for route, item in json.loads(path.read_text()).get("paths", {}).items():
            found += [(route, method) for method in item if method in ("get", "post", "delete")]
    return found


def with_closed_answers(document):
    """A copy in which an answer may have no field that is not described."""
    document = copy.deepcopy(document)
    seen = set()

    def close(node):
        if isinstance(node, list):
            for item in node:
                close(item)
        if not isinstance(node, dict):
            return
        target = node.get("$ref")
        if target and target not in seen:
            seen.add(target)
            close(_at(document, target))
        if "properties" in node:
            node.setdefault("additionalProperties", False)
        for item in node.values():
            close(item)

    for item in document["paths"].values():
        for operation in item.values():
            if isinstance(operation, dict):
                close(operation["responses"])
    return document
