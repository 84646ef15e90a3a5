"""Watching a server: what its log says of a request, and that nothing of its content is left anywhere."""

import json
import os
import re
import socket
import urllib.error
import urllib.request

import pytest

from conftest import MODEL, Hearth, make_key, run_hearth

CANARY = "xylocanary7f3a"


def get(address, path=""):
    with urllib.request.urlopen(address + path, timeout=60) as answer:
        return answer.read().decode()


def post(server, body, path="/v1/chat/completions", **headers):
    """Status and headers."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(server.address + path, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            answer.read()
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        error.read()
        return error.code, error.headers


def question(text="Hello.", **more):
    return {"model": MODEL, "max_tokens": 4, "messages": [{"role": "user", "content": text}], **more}


def test_the_log_has_one_line_for_each_request(home):
    hearth = Hearth("--log-format", "json", "--admin-port", "0", home=home)
    try:
        asked = [post(hearth, question(ignore_eos=True)), post(hearth, question(ignore_eos=True, stream=True)),
                 post(hearth, {"model": "absent"}), post(hearth, b"{"), post(hearth, question(), path="/nothing?at=all")]
        assert [status for status, _ in asked] == [200, 200, 400, 400, 404]
        ids = [headers["x-request-id"] for _, headers in asked]
        assert len(set(ids)) == 5
    finally:
        assert hearth.stop() == 0
    lines = [json.loads(line) for line in hearth.errors().splitlines()]
    assert sum(line["message"] == "request" for line in lines) == 5
    requests = {line["id"]: line for line in lines if line["message"] == "request"}
    assert set(requests) == set(ids)
    for identity in ids[:2]:
        line = requests[identity]
        assert (line["method"], line["route"], line["status"]) == ("POST", "/v1/chat/completions", 200)
        assert line["model"] == MODEL
        assert line["completion_tokens"] == 4
        assert line["prompt_tokens"] > 4
        assert 0 < line["first_token_seconds"] <= line["seconds"]
    for identity, status, route in zip(ids[2:], (400, 400, 404), ("/v1/chat/completions",) * 2 + ("other",)):
        assert (requests[identity]["status"], requests[identity]["route"]) == (status, route)
        assert "model" not in requests[identity]


def test_tokens_in_the_metrics_are_those_of_the_answers(home):
    hearth = Hearth("--model", MODEL, "--admin-port", "0", home=home)
    try:
        assert json.loads(get(hearth.address, "/ready"))["status"] == "ready"
        usage = [hearth.client().chat.completions.create(**question(text)).usage for text in ("One.", "Two, three.")]
        metrics = get(hearth.metrics)

        def value(series):
            return float(re.search(rf"^{re.escape(series)} (\S+)$", metrics, re.MULTILINE)[1])

        label = f'{{model="{MODEL}"}}'
        assert value("hearth_prompt_tokens_total" + label) == sum(one.prompt_tokens for one in usage)
        assert value("hearth_completion_tokens_total" + label) == sum(one.completion_tokens for one in usage)
        assert value("hearth_engine_rows_total" + label) >= sum(
            one.total_tokens - one.prompt_tokens_details.cached_tokens - 1 for one in usage)  # fmt: skip
        assert value("hearth_cache_pages" + label) > 0
        assert value("hearth_memory_planned_bytes" + label) > value("process_resident_memory_bytes") / 10
    finally:
        assert hearth.stop() == 0


def leave_traces(hearth):
    """Requests with the canary in every place that a client can write to; some are refused."""
    said = f"Repeat this word: {CANARY}"
    post(hearth, question(said), path=f"/v1/chat/completions?key={CANARY}", Authorization=f"Bearer {CANARY}")
    post(hearth, question("Hello.", messages=[{"role": "system", "content": said}, {"role": "user", "content": "Go."}]))
    post(hearth, question(said, stream=True, user=CANARY, stop=[CANARY]))
    post(hearth, question(model=CANARY))
    post(hearth, {"model": MODEL, "prompt": said, "max_tokens": 2}, path="/v1/completions")
    post(hearth, question(said * 2000))  # too long
    post(hearth, question(said, response_format={"type": CANARY}))
    post(hearth, {**question(said), CANARY: CANARY, "temperature": CANARY})
    post(hearth, ('{"model": "' + CANARY).encode())
    post(hearth, CANARY.encode() + b"\xff")
    post(hearth, question(said), path=f"/{CANARY}")
    for path in (f"/v1/models/{CANARY}", f"/web/{CANARY}", f"/health?{CANARY}"):
        try:
            get(hearth.address, path)
        except urllib.error.HTTPError:
            pass
    host, port = hearth.address.removeprefix("http://").split(":")
    for line in (f"{CANARY} / HTTP/1.1\r\nHost: localhost\r\n\r\n", f"GET / HTTP/1.1\r\nHost: {CANARY}\r\n\r\n",
                 f"GET / HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {CANARY}\r\nOrigin: http://{CANARY}\r\n\r\n",
                 f"GET / HTTP/1.1\r\n{CANARY}\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=60) as raw:
            raw.sendall(line.encode())
            assert b"x-request-id: req_" in raw.recv(65536)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_nothing_of_a_request_is_left_anywhere(home, log_format):
    hearth = Hearth("--log-format", log_format, "--admin-port", "0", home=home)
    try:
        leave_traces(hearth)
        metrics = get(hearth.metrics)
    finally:
        hearth.process.kill()
        hearth.process.wait(timeout=60)
    log = hearth.errors()
    assert len(re.findall("req_[0-9a-f]{24}", log)) > 15
    assert 'hearth_requests_total{method="POST",route="/v1/chat/completions",status="200"}' in metrics
    for name, text in (("log", log), ("metrics", metrics)):
        assert CANARY not in text, name
    for folder, _, names in os.walk(home):
        for name in names:
            path = os.path.join(folder, name)
            assert CANARY not in path
            if not os.path.islink(path):  # the others are the models of all tests
                with open(path, "rb") as file:
                    assert CANARY.encode() not in file.read(), path


def test_no_key_is_left_anywhere(home):
    """Neither of keys that are good, nor of those that are not: revoked, wrong, of another scope, in wrong places."""
    (home / "hearth.yaml").write_text(f"service:\n  audit_file: {home}/audit.jsonl\n")
    user, watcher, revoked = (make_key(home, "--scopes", scope) for scope in ("inference", "metrics", "inference"))
    wrong = user[:-8] + "01234567"
    assert run_hearth("key", "revoke", revoked.split("_")[1], home=home).returncode == 0
    hearth = Hearth("--log-format", "json", "--admin-port", "0", home=home)
    try:
        for key, status in ((user, 200), (watcher, 403), (revoked, 401), (wrong, 401)):
            assert post(hearth, question(), Authorization=f"Bearer {key}")[0] == status
            assert post(hearth, question(), **{"x-api-key": key})[0] == status
            post(hearth, question(), Authorization=f"Basic {key}")
            post(hearth, question(user=key), Authorization=f"Bearer {user}", **{"x-api-key": key})
            post(hearth, question(), path=f"/v1/chat/completions?key={key}")
            post(hearth, question(), path=f"/{key}", Authorization=f"Bearer {key}")
        request = urllib.request.Request(hearth.metrics, headers={"x-api-key": watcher})
        with urllib.request.urlopen(request, timeout=60) as answer:
            metrics = answer.read().decode()
    finally:
        hearth.process.kill()
        hearth.process.wait(timeout=60)
    places = {"log": hearth.errors(), "metrics": metrics, "list": run_hearth("key", "list", "--json", home=home).stdout}
    for folder, _, names in os.walk(home):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                with open(path, "rb") as file:
                    places[path] = file.read().decode("utf-8", "replace")
    assert "unauthenticated" not in places["metrics"] and '"status":401' in places["log"]
    assert user.split("_")[1] in places[str(home / "audit.jsonl")]  # the id is no secret
    for key in (user, watcher, revoked, wrong):
        for name, text in places.items():
            assert key.split("_")[2][:16] not in text, name


def test_administration_beyond_this_machine_is_refused(models):
    result = run_hearth("serve", "--port", "0", "--admin-port", "0", "--admin-host", "0.0.0.0",
                        "--allow-unauthenticated")
    assert result.returncode == 1
    assert "--admin-host 0.0.0.0" in result.stderr


def test_wrong_options_of_administration_are_wrong_usage(models):
    for arguments in (["--admin-port", "70000"], ["--log-format", "xml"], ["--admin-port", "0", "--admin-socket", "x"]):
        assert run_hearth("serve", "--port", "0", *arguments).returncode == 2, arguments
    alone = run_hearth("serve", "--port", "0", "--admin-host", "127.0.0.1")  # the port might stand in a file
    assert alone.returncode == 1 and "service.admin_port" in alone.stderr
