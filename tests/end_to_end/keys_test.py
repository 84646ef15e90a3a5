"""Keys by the real program: who gets in, what they share, what the audit says of them."""

import concurrent.futures
import json
import os
import re
import resource
import signal
import subprocess
import time
import urllib.error
import urllib.request

import openai
import pytest

import api_document
from conftest import MODEL, PROGRAM, Hearth, make_key, run_hearth

PROMPT = "List the rivers of Europe, from the longest to the shortest, each with the seas that they reach. " * 4


def status_of(address, path, method="GET", body=None, **headers):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address + path, data, {"Content-Type": "application/json", **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            answer.read()
            return answer.status
    except urllib.error.HTTPError as error:
        error.read()
        return error.code


def key_id(key):
    return key.split("_")[1]


def complete(hearth, key, prompt=PROMPT, **more):
    return hearth.client(key).chat.completions.create(
        model=MODEL, max_tokens=4, temperature=0, messages=[{"role": "user", "content": prompt}], **more)


def cached_tokens(answer):
    return answer.usage.prompt_tokens_details.cached_tokens


def audit_of(home):
    return [json.loads(line) for line in (home / "audit.jsonl").read_text().splitlines()]


def with_audit(home):
    (home / "hearth.yaml").write_text(f"service:\n  audit_file: {home}/audit.jsonl\n")


def test_without_a_key_only_the_pages_and_health_are_reached(home):
    """Every route there is, of both listeners; every method; once a key exists."""
    make_key(home)
    hearth = Hearth("--admin-port", "0", home=home)
    admin = hearth.metrics.removesuffix("/metrics")
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    try:
        page = urllib.request.urlopen(hearth.address + "/", timeout=60).read().decode()
        assets = re.findall(r'"(/web/[^"]+)"', page)
        script = urllib.request.urlopen(hearth.address + "/web/app.js", timeout=60).read().decode()
        assets += ["/web/" + name for name in re.findall(r"from '\./([\w.]+)'", script)]
        assert len(assets) > 15
        for path in ("/", "/live", "/health", "/ready", "/favicon.ico", *assets):
            assert status_of(hearth.address, path) == 200, path
        for path in ("/live", "/health", "/ready", *assets):
            assert status_of(admin, path) == 200, path
        routes = {path.replace("*", "default/cache" if "tenants" in path else MODEL) for _, path in api_document.routes()}
        closed = {path for path in routes if not path.startswith("/web/")} - {"/", "/live", "/health", "/ready", "/favicon.ico"}
        assert len(closed) > 14
        for path in (*closed, "/nothing", "/v1/", "/web", "/healthy", "/openapi", "/openapi.json/"):
            for address in (hearth.address, admin):
                for method in methods:
                    assert status_of(address, path, method) == 401, (address, method, path)
    finally:
        assert hearth.stop() == 0


def test_keys_made_and_revoked_count_at_the_next_request(home):
    hearth = Hearth(home=home)
    try:
        complete(hearth, "none")
        key, other = make_key(home), make_key(home, "--tenant", "other", "--expires", "1h")
        with pytest.raises(openai.AuthenticationError) as refused:
            complete(hearth, "none")
        assert refused.value.code == "invalid_api_key" and refused.value.request_id.startswith("req_")
        complete(hearth, key)
        complete(hearth, other)
        assert run_hearth("key", "revoke", key_id(key), home=home).returncode == 0
        with pytest.raises(openai.AuthenticationError):
            complete(hearth, key)
        complete(hearth, other)
        with pytest.raises(openai.PermissionDeniedError) as forbidden:
            complete(hearth, make_key(home, "--scopes", "metrics,admin"))
        assert forbidden.value.code == "missing_scope"
        assert status_of(hearth.address, "/v1/models", Authorization=f"Bearer {other}", **{"x-api-key": key}) == 401
        assert status_of(hearth.address, "/v1/models", Authorization=f"Bearer {other}", **{"x-api-key": other}) == 200
    finally:
        assert hearth.stop() == 0
    listed = {row["id"]: row for row in json.loads(run_hearth("key", "list", "--json", home=home).stdout)}
    assert listed[key_id(key)]["state"] == "revoked"
    assert listed[key_id(other)]["state"] == "active" and listed[key_id(other)]["tenant"] == "other"
    assert "secret" not in json.dumps(list(listed.values()))
    assert key_id(other) in run_hearth("key", "list", home=home).stdout


def test_no_tenant_gets_anothers_cached_tokens(home):
    (home / "hearth.yaml").write_text(
        f"cache:\n  responses_size: 1MiB\n  disk_directory: {home}/prefixes\n  disk_wait: 30s\n")
    a, also_a, b = make_key(home, "--tenant", "a"), make_key(home, "--tenant", "a"), make_key(home, "--tenant", "b")
    no_store = {"extra_headers": {"Cache-Control": "no-store"}}  # of whole answers, which would hide the rest
    hearth = Hearth("--context", "1024", home=home)
    try:
        first = complete(hearth, a, **no_store)
        assert cached_tokens(first) == 0
        assert cached_tokens(complete(hearth, also_a, **no_store)) > 64
        of_b = complete(hearth, b, **no_store)
        assert cached_tokens(of_b) == 0
        assert of_b.choices[0].message.content == first.choices[0].message.content
        # Nor a whole answer.
        assert cached_tokens(complete(hearth, a, PROMPT + "Go.")) < cached_tokens(complete(hearth, a, PROMPT + "Go."))
        raw = hearth.client(b).chat.completions.with_raw_response.create(
            model=MODEL, max_tokens=4, temperature=0, messages=[{"role": "user", "content": PROMPT + "Go."}])
        assert raw.headers["x-hearth-cache"] == "miss"
    finally:
        assert hearth.stop() == 0
    # Nor what is on disk, where a finds its own again.
    hearth = Hearth("--context", "1024", home=home)
    try:
        other = PROMPT.replace("rivers", "cities")
        assert cached_tokens(complete(hearth, b, other, **no_store)) == 0
        assert cached_tokens(complete(hearth, a, **no_store)) > 64
    finally:
        assert hearth.stop() == 0


def test_the_front_of_a_supervised_server_asks_too(home):
    with_audit(home)
    key = make_key(home)
    hearth = Hearth("--supervise", "--admin-port", "0", home=home)
    try:
        for path in ("/v1/models", "/nothing"):
            assert status_of(hearth.address, path) == 401
        assert status_of(hearth.address, "/health") == 200
        complete(hearth, key)
        with pytest.raises(openai.AuthenticationError):
            complete(hearth, "none")
        assert status_of(hearth.metrics.removesuffix("/metrics"), "/metrics") == 401
    finally:
        assert hearth.stop() == 0
    entries = [(entry["http"]["response"]["status_code"], entry.get("user", {}).get("id"))
               for entry in audit_of(home) if entry["event"]["action"] == "request"]
    # Once each, whichever process it was.
    assert sorted(entries, key=str) == sorted([(401, None)] * 4 + [(200, key_id(key))], key=str)
    assert run_hearth("audit", "verify", home=home).returncode == 0


def test_listening_beyond_this_machine_needs_a_key(home):
    refused = run_hearth("serve", "--host", "0.0.0.0", "--port", "0", home=home)
    assert refused.returncode == 1
    assert "hearth key create" in refused.stderr and "--allow-unauthenticated" in refused.stderr
    make_key(home)
    hearth = Hearth("--host", "0.0.0.0", home=home)
    try:
        address = hearth.address.replace("0.0.0.0", "127.0.0.1")
        assert status_of(address, "/v1/models") == 401
    finally:
        assert hearth.stop() == 0


def test_a_damaged_key_file_keeps_the_server_from_starting(home):
    make_key(home)
    (home / "keys.json").write_text("{}")
    refused = run_hearth("serve", "--port", "0", home=home)
    assert refused.returncode == 1 and "keys.json" in refused.stderr


def test_wrong_wishes_for_a_key_are_refused(home):
    for arguments in (["--tenant", "a/b"], ["--scopes", "all"], ["--expires", "yesterday"], ["--expires", "2001-01-01"]):
        assert run_hearth("key", "create", *arguments, home=home).returncode == 1, arguments
    assert run_hearth("key", "revoke", "0123456789abcdef", home=home).returncode == 1
    assert not (home / "keys.json").exists()


def test_the_tenants_cache_is_cleared_with_a_key_of_administration(home):
    user, admin = make_key(home), make_key(home, "--scopes", "admin")
    hearth = Hearth("--admin-port", "0", home=home)
    port = hearth.metrics.removesuffix("/metrics").rsplit(":", 1)[1]
    try:
        for key, code in ((None, 1), (user, 1), (admin, 0)):
            environment = {**os.environ, "HEARTH_HOME": str(home), **({"HEARTH_API_KEY": key} if key else {})}
            result = subprocess.run([PROGRAM, "cache", "clear", "--tenant", "default", "--admin-port", port],
                                    env=environment, capture_output=True, text=True, timeout=60, check=False)
            assert result.returncode == code, result.stderr
    finally:
        assert hearth.stop() == 0


def test_the_audit_says_who_did_what(home):
    with_audit(home)
    key = make_key(home, "--tenant", "legal")
    hearth = Hearth("--context", "1024", home=home)
    try:
        answer = complete(hearth, key)
        list(complete(hearth, key, stream=True))
        with pytest.raises(openai.AuthenticationError):
            complete(hearth, "none")
        with pytest.raises(openai.NotFoundError):
            hearth.client(key).models.retrieve("absent")
        status_of(hearth.address, "/")
    finally:
        assert hearth.stop() == 0
    assert run_hearth("key", "revoke", key_id(key), home=home).returncode == 0
    created, asked, streamed, denied, absent, revoked = audit_of(home)
    assert (created["event"]["action"], created["user"]["target"]["id"]) == ("key-created", key_id(key))
    assert (revoked["event"]["action"], revoked["user"]["target"]["id"]) == ("key-revoked", key_id(key))
    for entry in (asked, streamed):
        assert entry["user"]["id"] == key_id(key) and entry["organization"]["id"] == "legal"
        assert (entry["http"]["request"]["method"], entry["url"]["path"]) == ("POST", "/v1/chat/completions")
        assert entry["http"]["response"]["status_code"] == 200 and entry["event"]["outcome"] == "success"
        assert entry["hearth"]["model"] == MODEL and entry["event"]["duration"] > 0
        assert entry["hearth"]["prompt_tokens"] == answer.usage.prompt_tokens
        assert entry["hearth"]["completion_tokens"] == answer.usage.completion_tokens
    assert streamed["hearth"]["cached_tokens"] > 0
    assert denied["event"]["type"] == ["denied"] and "user" not in denied
    assert (absent["event"]["outcome"], absent["http"]["response"]["status_code"]) == ("failure", 404)
    identities = {entry["http"]["request"]["id"] for entry in (asked, streamed, denied, absent)}
    assert len(identities) == 4 and all(identity in hearth.errors() for identity in identities)
    text = (home / "audit.jsonl").read_text()
    assert "rivers" not in text and "absent" not in text

    verified = run_hearth("audit", "verify", "--json", home=home)
    assert json.loads(verified.stdout)["entries"] == 6
    noted = json.loads(verified.stdout)["last_sha256"]
    assert run_hearth("audit", "verify", "--noted", noted, home=home).returncode == 0
    lines = text.splitlines(keepends=True)
    (home / "audit.jsonl").write_text("".join(lines[:-1]))
    assert run_hearth("audit", "verify", home=home).returncode == 0
    assert run_hearth("audit", "verify", "--noted", noted, home=home).returncode == 1
    (home / "audit.jsonl").write_text("".join(lines[:2] + lines[3:]))
    broken = run_hearth("audit", "verify", str(home / "audit.jsonl"), home=home)
    assert broken.returncode == 1 and "audit.jsonl:3:" in broken.stderr


def test_the_audit_goes_on_after_kill_9(home):
    with_audit(home)
    key = make_key(home)
    hearth = Hearth(home=home)
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as clients:
            asked = [clients.submit(status_of, hearth.address, "/v1/models", "GET", None, **{"x-api-key": key})
                     for _ in range(200)]
            asked[100].result()
            hearth.process.send_signal(signal.SIGKILL)
            answered = sum(one.exception() is None for one in asked)
    finally:
        hearth.process.wait(timeout=60)
    assert answered > 50
    # And as if it had been in the midst of a line.
    with open(home / "audit.jsonl", "ab") as file:
        file.write(b'{"@timestamp":"2026-')
    hearth = Hearth(home=home)
    try:
        assert status_of(hearth.address, "/v1/models", **{"x-api-key": key}) == 200
    finally:
        assert hearth.stop() == 0
    summary = json.loads(run_hearth("audit", "verify", "--json", home=home).stdout)
    assert summary["torn"] == 1 and not summary["ends_torn"]
    # What was answered is there, but for the last of each connection, which were answered a moment before.
    assert summary["entries"] >= answered - 8


def wait_until(is_so, seconds=30):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_full_disk_is_said(home):
    """A limit on the size of files stands for it."""
    with_audit(home)
    key = make_key(home)
    hearth = Hearth(home=home)
    try:
        assert status_of(hearth.address, "/v1/models", **{"x-api-key": key}) == 200
        wait_until(lambda: any(entry["http"]["response"]["status_code"] == 200 for entry in audit_of(home)[1:]))
        size = os.path.getsize(home / "audit.jsonl")
        unlimited = resource.prlimit(hearth.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(hearth.process.pid, resource.RLIMIT_FSIZE, (size + 100, unlimited[1]))
        assert status_of(hearth.address, "/v1/models", **{"x-api-key": key}) == 200
        wait_until(lambda: status_of(hearth.address, "/v1/models", **{"x-api-key": key}) == 500)
        assert status_of(hearth.address, "/v1/models", **{"x-api-key": key}) == 500
        assert status_of(hearth.address, "/health") == 200
        resource.prlimit(hearth.process.pid, resource.RLIMIT_FSIZE, unlimited)
        assert status_of(hearth.address, "/v1/models", **{"x-api-key": key}) == 200
    finally:
        assert hearth.stop() == 0
    assert "audit" in hearth.errors()
    assert run_hearth("audit", "verify", home=home).returncode == 0
    statuses = [entry["http"]["response"]["status_code"] for entry in audit_of(home)[1:]]
    assert set(statuses) == {200}  # what was refused for it is in the log
