"""pull, list, show and remove as a user meets them: output, exit codes, an interrupt and a hub."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time

import pytest

from conftest import PROGRAM, run_hearth

HUB = pathlib.Path(__file__).resolve().parents[1] / "store/hub_server.py"


def gguf(elements):
    """A GGUF file of one float tensor."""
    def text(value):
        return struct.pack("<Q", len(value)) + value

    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 1)
    head += text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    head += text(b"token_embd.weight") + struct.pack("<IQIQ", 1, elements, 0, 0)
    return head + bytes(-len(head) % 32) + os.urandom(4 * elements)


@pytest.fixture(scope="module")
def program():
    if not os.path.exists(PROGRAM):
        pytest.skip(f"{PROGRAM} is not built")


@pytest.fixture
def hub(tmp_path):
    folder = tmp_path / "served"
    (folder / "files").mkdir(parents=True)
    process = subprocess.Popen([sys.executable, str(HUB), str(folder)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    port = process.stdout.readline().split()[0]
    yield folder, f"http://127.0.0.1:{port}"
    process.stdin.close()
    process.wait(timeout=30)


def test_a_model_comes_and_goes(program, tmp_path):
    home, file = tmp_path / "home", tmp_path / "Tiny.gguf"
    file.write_bytes(gguf(1000))
    assert "hearth pull" in run_hearth("list", home=home).stdout
    assert not home.exists()

    pulled = run_hearth("pull", str(file), home=home)
    assert pulled.returncode == 0, pulled.stderr
    assert pulled.stderr == ""  # no progress bar: this is no terminal
    assert "unverified source" in pulled.stdout
    assert "hearth run tiny:latest" in pulled.stdout

    listed = json.loads(run_hearth("list", "--json", home=home).stdout)
    assert [model["name"] for model in listed["models"]] == ["tiny:latest"]
    shown = json.loads(run_hearth("show", "tiny", "--json", home=home).stdout)
    assert shown["contents"] == {"kind": "GGUF", "architecture": "llama", "parameters": 1000, "context": 0,
                                 "type_bytes": {"F32": 4000}}
    assert pathlib.Path(shown["path"]).read_bytes() == file.read_bytes()
    assert shown["digest"] in run_hearth("show", "tiny", home=home).stdout

    assert "removed" in run_hearth("remove", "tiny", home=home).stdout
    assert json.loads(run_hearth("list", "--json", home=home).stdout) == {"models": [], "unfinished": []}


def test_the_catalogue(program, tmp_path):
    models = json.loads(run_hearth("list", "--available", "--json", home=tmp_path).stdout)
    assert [model["name"] for model in models if model["default"]] == ["smollm2:135m"]
    assert "qwen2.5-coder:1.5b" in run_hearth("list", "--available", home=tmp_path).stdout


@pytest.mark.parametrize("arguments, status, words", [
    (["pull"], 2, "NAME"),
    (["pull", "x", "--no-such-option"], 2, "no-such-option"),
    (["pull", "smolm2"], 1, "did you mean smollm2:135m?"),
    (["pull", "a b"], 1, "is not a model name"),
    (["pull", "https://example.invalid/pytorch_model.bin"], 1, "pickle"),
    (["pull", "http://example.invalid/x.gguf"], 1, "not encrypted"),
    (["pull", "/no/such/file.gguf"], 1, "/no/such/file.gguf"),
    (["show", "smollm2"], 1, "hearth pull smollm2:135m"),
    (["remove", "nothing"], 1, "there is no model 'nothing'"),
])
def test_what_is_wrong_is_said(program, tmp_path, arguments, status, words):
    result = run_hearth(*arguments, home=tmp_path)
    assert result.returncode == status
    assert words in result.stdout + result.stderr


def test_an_interrupted_pull_goes_on(program, tmp_path, hub):
    folder, address = hub
    content = gguf(3_000_000)
    (folder / "files/m.gguf").write_bytes(content)
    (folder / "behaviour.json").write_text(json.dumps([{"path": "/files/", "delay": 0.02}]))
    home = tmp_path / "home"
    environment = dict(os.environ, HEARTH_HOME=str(home))
    pull = subprocess.Popen([PROGRAM, "pull", f"{address}/files/m.gguf"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=environment)
    for _ in range(2000):  # until the state on the disk tells of some bytes
        if any(done for state in home.rglob("*.state") for _, _, done in json.loads(state.read_text())["pieces"]):
            break
        time.sleep(0.05)
    pull.send_signal(signal.SIGINT)
    _, errors = pull.communicate(timeout=60)
    assert pull.returncode == 1
    assert "pulling m:latest was interrupted" in errors
    assert f"are kept, `hearth pull {address}/files/m.gguf` goes on from there" in errors
    assert "unfinished" in run_hearth("list", home=home).stdout

    (folder / "behaviour.json").write_text("[]")
    again = run_hearth("pull", f"{address}/files/m.gguf", "--json", home=home)
    assert again.returncode == 0, again.stderr
    record = json.loads(again.stdout)
    assert record["bytes_kept"] > 0
    assert pathlib.Path(record["path"]).read_bytes() == content


def test_a_hub_of_ones_own(program, tmp_path, hub, monkeypatch):
    folder, address = hub
    (folder / "hub/owner/tiny").mkdir(parents=True)
    (folder / "hub/owner/tiny.json").write_text(json.dumps(
        {"commit": "a" * 40, "card": {"license": "mit"}, "token": "hf_secret"}))
    (folder / "hub/owner/tiny/tiny-q4.gguf").write_bytes(gguf(500))
    monkeypatch.setenv("HF_ENDPOINT", address)
    refused = run_hearth("pull", "hf://owner/tiny/tiny-q4.gguf", home=tmp_path / "home")
    assert refused.returncode == 1
    assert "set HF_TOKEN" in refused.stderr
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pulled = run_hearth("pull", "hf://owner/tiny/tiny-q4.gguf", "--name", "mine:v1", "--json", home=tmp_path / "home")
    assert pulled.returncode == 0, pulled.stderr
    record = json.loads(pulled.stdout)
    assert (record["name"], record["verification"], record["licence"]) == ("mine:v1", "hub", "mit")
    assert "hf_secret" not in pulled.stdout + pulled.stderr + refused.stderr
