"""hearth.yaml: checked, weighed against the command line, and read again by a running server."""

import os
import pty
import signal
import time

import openai
import pytest

from conftest import MODEL, PROGRAM, Hearth, run_hearth

HELLO = [{"role": "user", "content": "Tell a story."}]


def rows(result):
    """Setting to value and origin, as --check-config prints them."""
    assert result.returncode == 0, result.stderr
    return {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}


def check(path, *arguments, home=None):
    return run_hearth("serve", "--check-config", "--config", str(path), *arguments, home=home)


def test_a_good_file_is_shown_setting_by_setting(models, tmp_path):
    file = tmp_path / "good.yaml"
    file.write_text("service:\n  port: 8080\n  idle_time: 90s\ninference: {threads: 3}\n")
    shown = rows(check(file, "--port", "9090"))
    assert shown["service.port"] == ["9090", "--port"]
    assert shown["service.idle_time"] == ["90s", f"{file}:3:14"]
    assert shown["inference.threads"] == ["3", f"{file}:4:22"]
    assert shown["service.host"] == ["127.0.0.1", "default"]


def test_the_file_in_the_home_is_read_unless_another_is_named(models, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("service: {port: 3}\n")
    assert rows(run_hearth("serve", "--check-config", home=tmp_path))["service.port"] == ["11777", "default"]
    (tmp_path / "hearth.yaml").write_text("service: {port: 2}\n")
    assert rows(run_hearth("serve", "--check-config", home=tmp_path))["service.port"][0] == "2"
    assert rows(check(other, home=tmp_path))["service.port"][0] == "3"


def test_all_that_is_wrong_is_told_at_once(models, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("service:\n  prot: 80\n  port: 99999\ninference: {threads: many}\n")
    for result in (check(file), run_hearth("serve", "--port", "0", "--config", str(file))):
        assert result.returncode == 1
        assert result.stdout == ""
        for part in (f"{file}:2:3: ", "did you mean `port`?", f"{file}:3:9: ", "0 to 65535", "99999", f"{file}:4:22: "):
            assert part in result.stderr


def test_a_file_that_is_not_there_and_a_wrong_option_are_told_apart(models, tmp_path):
    result = check(tmp_path / "absent.yaml")
    assert (result.returncode, "absent.yaml" in result.stderr) == (1, True)
    assert run_hearth("serve", "--check-config", "--port", "99999").returncode == 2


def wait_for(hearth, text):
    for _ in range(1200):
        if text in hearth.errors():
            return
        time.sleep(0.1)
    raise AssertionError(f"the log does not say '{text}': {hearth.errors()}")


def tokens(hearth):
    answer = hearth.client().chat.completions.create(model=MODEL, messages=HELLO, extra_body={"ignore_eos": True})
    return answer.usage.completion_tokens


@pytest.fixture
def configured(models, tmp_path):
    """A server and the function that writes its file and sends SIGHUP."""
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store")
    file = tmp_path / "hearth.yaml"

    def write(text):
        file.write_text(text)
        hearth.process.send_signal(signal.SIGHUP)

    file.write_text(f"models: {{preload: ['{MODEL}']}}\nsampling: {{max_tokens: 200}}\n")
    hearth = Hearth("--config", str(file))
    yield hearth, write
    assert hearth.stop() == 0, hearth.errors()


def test_sighup_changes_what_begins_and_leaves_what_runs(configured):
    hearth, write = configured
    assert hearth.client().models.retrieve(MODEL).state == "loaded"
    stream = iter(hearth.client().chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True},
        extra_body={"ignore_eos": True}))
    next(stream)
    write(f"models: {{preload: ['{MODEL}']}}\nsampling: {{max_tokens: 3}}\nservice: {{body_size: 1KiB}}\n")
    wait_for(hearth, "changed: service.body_size, sampling.max_tokens")
    assert tokens(hearth) == 3
    with pytest.raises(openai.APIStatusError) as caught:
        hearth.client().chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x" * 2000}])
    assert caught.value.status_code == 413
    assert list(stream)[-1].usage.completion_tokens == 200


def test_a_reload_that_is_refused_changes_nothing(configured):
    hearth, write = configured
    good = f"models: {{preload: ['{MODEL}']}}\n"
    write(good + "sampling: {max_tokens: 4}\n")
    wait_for(hearth, "changed: sampling.max_tokens")
    write(good + "sampling: {max_tokens: 5}\nservice: {workers: 3}\ninference: {threads: 1}\n")
    wait_for(hearth, "a restart is needed to change inference.threads, service.workers")
    assert tokens(hearth) == 4
    write(good + "sampling: {max_tokens: 6, temperature: secret}\n")
    wait_for(hearth, "stays as it is: line 2:40 sampling.temperature")
    assert tokens(hearth) == 4
    assert "secret" not in hearth.errors()
    write(good + "sampling: {max_tokens: 7, top_k: 1}\n")
    wait_for(hearth, "changed: sampling.top_k, sampling.max_tokens")
    assert tokens(hearth) == 7


def test_public_prefixes_are_read_again(configured, tmp_path):
    hearth, write = configured
    good = f"models: {{preload: ['{MODEL}']}}\nsampling: {{max_tokens: 3}}\n"
    (tmp_path / "instructions").write_text("Answer in one word, and be sure of it. " * 10)
    write(good + f"cache:\n  public_prefixes:\n    - {tmp_path / 'instructions'}\n")
    wait_for(hearth, "changed: cache.public_prefixes, sampling.max_tokens")
    assert tokens(hearth) == 3
    write(good + f"cache:\n  public_prefixes: [{tmp_path / 'absent'}]\n")
    wait_for(hearth, "stays as it is: cache.public_prefixes does not go with the others")
    assert tokens(hearth) == 3


def test_a_model_beyond_the_memory_fraction_is_refused_with_both_numbers(models, tmp_path):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store")
    file = tmp_path / "hearth.yaml"
    file.write_text(f"models: {{default: '{MODEL}'}}\n"
                    "inference: {memory_fraction: 0.01, parallel: 64, context: 8192}\n")
    result = run_hearth("serve", "--port", "0", "--config", str(file))
    assert result.returncode == 1
    assert result.stderr.count(" GB") >= 2
    assert "inference.memory_fraction" in result.stderr


def test_the_server_ends_with_its_terminal(models, tmp_path):
    process, terminal = pty.fork()
    if process == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it would be right to stay
        os.execve(PROGRAM, [PROGRAM, "serve", "--port", "0"], {**os.environ, "HEARTH_HOME": str(tmp_path)})
    greeting = b""
    while b"Ctrl-C" not in greeting:
        greeting += os.read(terminal, 4096)
    os.close(terminal)
    for _ in range(600):
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            assert os.waitstatus_to_exitcode(status) == 0
            return
        time.sleep(0.1)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    raise AssertionError("the server outlived its terminal")


def test_a_model_is_found_under_its_other_names(home):
    (home / "hearth.yaml").write_text(f"models: {{aliases: {{gpt-4o: '{MODEL}', nothing: 'nobody:1b'}}}}\n")
    hearth = Hearth("--context", "512", home=home)
    try:
        client = hearth.client()
        raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO, max_tokens=4)
        assert raw.parse().model == "gpt-4o"
        assert raw.headers["x-hearth-model"] == MODEL
        assert {"gpt-4o", MODEL} <= {model.id for model in client.models.list()}
        assert client.models.retrieve("gpt-4o").alias_of == MODEL
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model="nothing", messages=HELLO)
    finally:
        assert hearth.stop() == 0
