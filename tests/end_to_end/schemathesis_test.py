"""schemathesis sends what the OpenAPI document describes and what it forbids: nothing fails in the server, and each answer,
whole or streamed, is one that the document has.

The long form (./test --all) sends thousands of requests.
"""

import json
import os
import urllib.request

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, assume, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import api_document
from conftest import MODEL, Hearth

LONG = "HEARTH_TEST_ALL" in os.environ
CASES = 150 if LONG else 10  # of each operation with a body, once as described and once not
SEED = int(os.environ.get("HEARTH_SCHEMATHESIS_SEED", "1"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]
SETTINGS = """
sampling:
  max_tokens: 3
responses:
  store: true
  directory: {directory}
"""
# What makes an answer long, the most that is allowed, and what is asked for instead, so that there are many answers.
LONG_ANSWERS = {"max_tokens": (10**6, 3), "max_completion_tokens": (10**6, 3), "max_output_tokens": (10**6, 3), "n": (16, 2)}
sent = {}


class Api:
    def __init__(self, settings_file):
        self.server = Hearth("--config", settings_file, "--context", "512", "--admin-port", "0", "--model", MODEL)
        self.document = api_document.fetch(self.server)
        closed = api_document.with_closed_answers(self.document)
        self.schema = schemathesis.openapi.from_dict(closed)
        self.components = {"components": closed["components"]}

    def address_of(self, operation):
        is_admin = "servers" in self.document["paths"][operation.path]
        return self.server.metrics.removesuffix("/metrics") if is_admin else self.server.address

    def stored_response(self):
        """The id of one that is there."""
        body = json.dumps({"input": "x", "max_output_tokens": 1}).encode()
        request = urllib.request.Request(self.server.address + "/v1/responses", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)["id"]

    def check_events(self, operation, response):
        """Of a stream: each is as the document says."""
        described = operation.definition.raw["responses"]["200"]["content"]["text/event-stream"]["x-event-data"]
        validator = jsonschema.Draft202012Validator({**self.components, **described})
        for line in response.text.splitlines():
            if line.startswith("data: ") and line != "data: [DONE]":
                validator.validate(json.loads(line.removeprefix("data: ")))


@pytest.fixture(scope="module")
def api(models, tmp_path_factory):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    path = tmp_path_factory.mktemp("schemathesis") / "hearth.yaml"
    path.write_text(SETTINGS.format(directory=path.with_name("responses")))
    found = Api(path)
    yield found
    print(f"{sum(sent.values())} requests: {dict(sorted(sent.items()))}")
    assert found.server.stop() == 0, found.server.errors()


def tame(api, case):
    """Most requests are for what there is, and for short answers."""
    # HTTP has no spaces around a header's value.
    assume(all(value == value.strip() for value in (case.headers or {}).values() if isinstance(value, str)))
    if "response_id" in (case.path_parameters or {}) and len(case.path_parameters["response_id"]) % 3:
        case.path_parameters["response_id"] = api.stored_response()
    body = case.body
    if not isinstance(body, dict):
        return
    if isinstance(body.get("model"), str) and 1 <= len(body["model"]) <= 256 and len(body["model"]) % 4:
        del body["model"]
    for name, (allowed, few) in LONG_ANSWERS.items():
        if isinstance(body.get(name), int) and few < body[name] <= allowed:
            body[name] = few


def cases():
    """(path, method, mode): what takes no body cannot be wrong."""
    for path, method in api_document.operations():
        for mode in GenerationMode:
            if method == "post" or mode.is_positive:
                yield pytest.param(path, method, mode, id=f"{method} {path} {mode.value}")


@pytest.mark.parametrize("path,method,mode", [*cases()])
def test_answers_are_as_described(api, path, method, mode):
    operation = api.schema[path][method]

    @seed(SEED)
    @settings(max_examples=CASES if operation.body else 5, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck), verbosity=Verbosity.quiet)
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case):
        tame(api, case)
        response = case.call(base_url=api.address_of(operation), timeout=300)
        sent[response.status_code] = sent.get(response.status_code, 0) + 1
        streamed = response.headers.get("content-type", [""])[0].startswith("text/event-stream")
        checks = [check for check in CHECKS if not (streamed and check is response_schema_conformance)]
        if mode.is_negative:
            checks.append(negative_data_rejection)
        case.validate_response(response, checks=checks)
        if streamed:
            api.check_events(operation, response)

    send()
