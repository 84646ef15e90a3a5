"""The prefix cache's tier on disk: over restarts, after kill -9, removed by its verb, and nothing legible in it."""

import json
import re
import urllib.request

import pytest

from conftest import MODEL, Hearth, run_hearth

CANARY = "xylocanary7f3a"
# Some pages of tokens.
QUESTION = [{"role": "user", "content": f"{CANARY}: " + "The quick brown fox jumps over the lazy dog. " * 20}]


@pytest.fixture
def file(models, tmp_path):
    (tmp_path / "key").write_text("5a" * 32 + "\n")
    settings = tmp_path / "hearth.yaml"
    settings.write_text(f"cache:\n  disk_directory: {tmp_path / 'pages'}\n  disk_key_file: {tmp_path / 'key'}\n"
                        "  disk_wait: 1h\n")
    return settings


def start(file):
    return Hearth("--model", MODEL, "--config", str(file), "--admin-port", "0")


def ask(hearth):
    """The answer and how many tokens of its prompt were known."""
    answer = hearth.client().chat.completions.create(
        model=MODEL, messages=QUESTION, max_tokens=8, temperature=0, seed=1)
    return answer.choices[0].message.content, answer.usage.prompt_tokens_details.cached_tokens


def metric(hearth, name):
    with urllib.request.urlopen(hearth.metrics) as page:
        return float(re.search(rf"^{name} (\S+)$", page.read().decode(), re.MULTILINE)[1])


def test_a_restart_forgets_nothing_and_clearing_forgets_all(file, tmp_path):
    hearth = start(file)
    first, known = ask(hearth)
    assert known == 0
    running = run_hearth("cache", "clear", "--config", str(file))
    assert running.returncode == 1
    assert "another process uses" in running.stderr
    assert hearth.stop() == 0
    files = [path for path in (tmp_path / "pages").rglob("*") if path.is_file() and path.name != "lock"]
    assert len(files) >= 5
    for path in files:
        assert CANARY.encode() not in path.read_bytes()
    assert CANARY not in hearth.errors()

    hearth = start(file)
    again, known = ask(hearth)
    assert (again, known >= 5 * 32) == (first, True)
    assert metric(hearth, "hearth_disk_cache_hits_total") == known / 32
    assert metric(hearth, "hearth_disk_cache_files") == len(files)
    assert metric(hearth, "hearth_disk_cache_bytes") == sum(path.stat().st_size for path in files)
    hearth.process.kill()
    hearth.process.wait()

    # Others' pages stay; a rest of a killed process goes.
    half = files[0].with_name("0" * 64 + ".tmp")
    half.write_bytes(b"half")
    hearth = start(file)
    assert not half.exists()
    assert ask(hearth) == (first, known)
    assert hearth.stop() == 0
    assert json.loads(run_hearth("cache", "clear", "--tenant", "nobody", "--config", str(file), "--json").stdout) == {
        "files": 0, "bytes": 0, "responses": 0}
    removed = json.loads(run_hearth("cache", "clear", "--tenant", "default", "--config", str(file), "--json").stdout)
    assert removed["files"] >= len(files)
    assert [path.name for path in (tmp_path / "pages").rglob("*")] == ["lock"]

    hearth = start(file)
    assert ask(hearth) == (first, 0)
    assert hearth.stop() == 0
    # Another key: nothing can be read, and nothing is wrong.
    (tmp_path / "key").write_text("5b" * 32)
    hearth = start(file)
    assert ask(hearth) == (first, 0)
    assert hearth.stop() == 0
    assert run_hearth("cache", "clear", "--config", str(file)).returncode == 0


def test_a_tenants_cache_is_cleared_while_the_server_runs(file, tmp_path):
    def pages():
        return [path for path in (tmp_path / "pages").rglob("*") if path.is_file() and path.name != "lock"]

    def clear(hearth, tenant):
        port = hearth.metrics.split(":")[-1].split("/")[0]
        result = run_hearth("cache", "clear", "--tenant", tenant, "--admin-port", port, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    hearth = start(file)
    first, _ = ask(hearth)
    assert hearth.stop() == 0
    hearth = start(file)
    assert ask(hearth)[1] > 0
    assert clear(hearth, "nobody") == {"pages": 0, "files": 0, "answers": 0, "responses": 0}
    written = len(pages())
    removed = clear(hearth, "default")
    assert removed["pages"] >= 5
    assert removed["files"] == written
    assert not pages()
    assert ask(hearth) == (first, 0)
    assert ask(hearth)[1] > 0
    assert hearth.stop() == 0
    assert len(pages()) >= 5
    assert run_hearth("cache", "clear", "--tenant", "default", "--admin-port", "1").returncode == 1
    assert run_hearth("cache", "clear", "--admin-port", "1").returncode == 2


def test_what_cannot_be_used_is_told_at_the_start(file, tmp_path):
    (tmp_path / "key").write_text("not a key")
    result = run_hearth("serve", "--port", "0", "--config", str(file))
    assert result.returncode == 1
    assert "64 hexadecimal digits" in result.stderr
    assert "not a key" not in result.stderr
    file.write_text("cache: {disk_key_file: key}\n")
    result = run_hearth("serve", "--check-config", "--config", str(file))
    assert result.returncode == 1
    assert "cache.disk_directory" in result.stderr
    assert run_hearth("cache", "clear", "--config", str(tmp_path / "absent")).returncode == 1
