"""`hearth serve` as a process: starting, stopping, and what can be wrong at the start."""

import json
import os
import pathlib
import socket
import urllib.request

import openai
import pytest

from conftest import MODEL, Hearth, run_hearth

LARGE = "qwen2.5-coder:1.5b"


def get(address, path):
    with urllib.request.urlopen(address + path, timeout=30) as answer:
        return answer.read()


def test_a_port_in_use_is_named(models):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        result = run_hearth("serve", "--port", port)
    assert result.returncode == 1
    assert port in result.stderr
    assert "in use" in result.stderr
    assert "--port" in result.stderr


def test_without_a_model_it_starts_and_says_how_to_get_one(models, tmp_path):
    hearth = Hearth(home=tmp_path)
    try:
        assert "hearth pull" in hearth.greeting
        assert b"hearth pull" in get(hearth.address, "/")
        assert json.loads(get(hearth.address, "/v1/models"))["data"] == []
        with pytest.raises(openai.NotFoundError) as caught:
            hearth.client().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x"}])
        assert "hearth pull" in str(caught.value)
    finally:
        assert hearth.stop() == 0


def test_a_model_that_is_not_there_ends_the_start(models, tmp_path):
    result = run_hearth("serve", "--port", "0", "--model", "absent:1b", home=tmp_path)
    assert result.returncode == 1
    assert "absent:1b" in result.stderr


def test_a_damaged_model_file_ends_the_start_with_a_reason(models, tmp_path):
    file = tmp_path / "damaged.gguf"
    file.write_bytes(b"GGUF" + b"\xff" * 1000)
    result = run_hearth("serve", "--port", "0", "--model", str(file))
    assert result.returncode == 1
    assert "damaged.gguf" in result.stderr


def test_beyond_this_machine_it_must_be_told_to_listen(models):
    result = run_hearth("serve", "--port", "0", "--host", "0.0.0.0")
    assert result.returncode == 1
    assert "--allow-unauthenticated" in result.stderr


def test_wrong_options_are_wrong_usage(models):
    for arguments in (["--port", "70000"], ["--port", "x"], ["--parallel", "0"], ["--nonsense"]):
        assert run_hearth("serve", *arguments).returncode == 2, arguments


def test_a_signal_lets_what_runs_finish(server):
    hearth = Hearth("--model", MODEL)
    stream = hearth.client().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "Count."}], max_tokens=8, stream=True,
        extra_body={"ignore_eos": True})
    chunks = iter(stream)
    next(chunks)
    hearth.process.terminate()
    rest = list(chunks)
    assert rest[-1].choices[0].finish_reason == "length"
    assert hearth.process.wait(timeout=60) == 0
    with pytest.raises(openai.APIConnectionError):
        hearth.client().models.list()


def test_a_model_file_is_served_by_its_path(models):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store")
    path = json.loads(run_hearth("show", MODEL, "--json").stdout)["path"]
    hearth = Hearth("--model", path)
    try:
        name = pathlib.Path(path).name
        client = hearth.client()
        assert client.models.retrieve(name).state == "loaded"
        answer = client.chat.completions.create(model=name, messages=[{"role": "user", "content": "Hi."}], max_tokens=2)
        assert answer.choices[0].message.content
    finally:
        assert hearth.stop() == 0


@pytest.mark.skipif(not os.environ.get("HEARTH_TEST_ALL"), reason="needs the larger model: ./test --all")
def test_peak_memory_of_the_larger_model_is_as_planned(models):
    if LARGE not in models:
        pytest.skip(f"{LARGE} is not in the store")
    plan = json.loads(run_hearth("plan", LARGE, "--context", "4096", "--json").stdout)
    size = sum(file["size"] for file in json.loads(run_hearth("show", LARGE, "--json").stdout)["files"])
    hearth = Hearth("--model", LARGE, "--context", "4096")
    try:
        hearth.client().chat.completions.create(
            model=LARGE, messages=[{"role": "user", "content": "river " * 3000}], max_tokens=4)
        status = pathlib.Path(f"/proc/{hearth.process.pid}/status").read_text()
        peak = int(next(line for line in status.split("\n") if line.startswith("VmHWM")).split()[1]) * 1024
        assert peak <= (size + plan["key_value_cache_bytes"]) * 1.15
    finally:
        hearth.stop()


def test_help_has_an_example():
    result = run_hearth("serve", "--help")
    assert result.returncode == 0
    assert "hearth serve --model" in result.stdout
