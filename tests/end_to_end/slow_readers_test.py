"""Many streams that are read slowly or not at all, with TLS and without: all served, none held up, little memory; new
certificates while one runs; and what the server says of a wrong one."""

import pathlib
import signal
import ssl
import sys
import time
import urllib.request

import pytest

from conftest import MODEL, Hearth, run_hearth

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from comparison.server_measurement import any_certificate
from serving.certificates import make_certificate
from serving.servers import resident_bytes
from serving.slow import SlowReader, whole_text

# Tokens enough that no answer fits into the buffers of the system, even where most of them come several at a time.
READERS, TOKENS = 60, 128
# A stream costs a third of this; the rest is for what a small process takes at any time.
MOST_BYTES_EACH = 300 * 1024


def get(address, path="/health"):
    with urllib.request.urlopen(address + path, timeout=300, context=any_certificate()) as answer:
        return answer.read().decode()


def value(hearth, name):
    return sum(float(line.split()[-1]) for line in get(hearth.metrics, "").splitlines()
               if line.startswith(name) and line[len(name)] in " {")  # fmt: skip


def wait_until(condition):
    """A machine may stand still for minutes, so it is generous."""
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never came")


@pytest.fixture(params=[False, True], ids=["plain", "tls"])
def hearth(request, models, tmp_path):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    file = tmp_path / "hearth.yaml"
    file.write_text("inference: {prefix_cache: false}\nservice: {stalled_write_time: 1h}\n")
    arguments = ["--model", MODEL, "--admin-port", "0", "--context", "512", "--parallel", "4", "--config", str(file)]
    if request.param:
        certificate, key = make_certificate(tmp_path)
        arguments += ["--tls-certificate", str(certificate), "--tls-key", str(key)]
    running = Hearth(*arguments)
    yield running
    assert running.stop() == 0, running.errors()


def test_slow_readers_hold_up_nobody_and_get_everything(hearth):
    prompts = [f"Stream {number} tells of rivers:" for number in range(READERS)]
    first = []
    for prompt in prompts[:8]:  # the cache's pages, and what else is taken once
        first.append(SlowReader(hearth.address, prompt, TOKENS))
        first[-1].read_all()
    before = resident_bytes(hearth.process.pid)
    crowd = [SlowReader(hearth.address, prompt, TOKENS) for prompt in prompts]
    # All are computed although nobody reads, and then have no pages any more.
    wait_until(lambda: value(hearth, "hearth_completion_tokens_total") == (len(first) + READERS) * TOKENS)
    wait_until(lambda: value(hearth, "hearth_sequences_running") == value(hearth, "hearth_sequences_waiting") == 0)
    assert value(hearth, "hearth_connections_open") >= READERS
    assert (resident_bytes(hearth.process.pid) - before) / READERS < MOST_BYTES_EACH
    for reader in crowd:
        reader.sip()
    assert get(hearth.address)
    for reader in crowd:
        reader.read_all()
    texts = [whole_text(reader.events(), TOKENS) for reader in crowd]
    assert None not in texts
    assert texts[:8] == [whole_text(reader.events(), TOKENS) for reader in first]


@pytest.fixture
def certified(models, tmp_path):
    file = tmp_path / "hearth.yaml"
    certificate, key = make_certificate(tmp_path)
    file.write_text(f"service: {{tls_certificate: '{certificate}', tls_key: '{key}'}}\n")
    return file, certificate, key


def subject(hearth):
    host, port = hearth.address.removeprefix("https://").split(":")
    return ssl.get_server_certificate((host, int(port)))


def test_sighup_reads_the_certificate_again_or_changes_nothing(certified, tmp_path):
    file, certificate, key = certified
    hearth = Hearth("--config", str(file), "--model", MODEL, "--context", "512")

    def reload(text):
        seen = hearth.errors().count(text)
        hearth.process.send_signal(signal.SIGHUP)
        wait_until(lambda: hearth.errors().count(text) > seen)

    try:
        assert hearth.address.startswith("https://")
        old = subject(hearth)
        stream = SlowReader(hearth.address, "Once", 400)
        new_certificate, new_key = make_certificate(tmp_path, "new")
        certificate.write_bytes(new_certificate.read_bytes())
        reload("the configuration stays as it is")
        assert subject(hearth) == old
        key.write_bytes(new_key.read_bytes())
        reload("the configuration was read again")
        assert subject(hearth) == new_certificate.read_text()
        file.write_text("service: {}\n")
        reload("a restart is needed to change service.tls_certificate")
        assert subject(hearth) == new_certificate.read_text()
        stream.read_all()
        assert whole_text(stream.events(), 400) is not None
    finally:
        assert hearth.stop() == 0, hearth.errors()


def test_a_wrong_certificate_is_told_by_file_and_setting(certified, tmp_path):
    file, certificate, _ = certified
    _, other = make_certificate(tmp_path, "other")
    file.write_text(f"service: {{tls_certificate: '{certificate}', tls_key: '{other}'}}\n")
    for check in (["--check-config"], []):
        result = run_hearth("serve", "--port", "0", "--config", str(file), *check)
        assert result.returncode == 1
        assert f"{other} is not the key of the certificate in {certificate}" in result.stderr
        assert f"{file}:1:" in result.stderr and "service.tls_key" in result.stderr
    result = run_hearth("serve", "--port", "0", "--tls-certificate", str(certificate))
    assert result.returncode == 1
    assert "--tls-key" in result.stderr
