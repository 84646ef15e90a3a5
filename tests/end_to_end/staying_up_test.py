"""Staying up: signals, systemd's protocols and units, and the process in front of a crashing one."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

from conftest import MODEL, PROGRAM, ROOT, Hearth

CLIENTS = 16


@pytest.fixture
def has_model(models):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store")


def wait_until(condition, what):
    for _ in range(3000):
        if result := condition():
            return result
        time.sleep(0.1)
    raise AssertionError(f"waited too long for {what}")


class Stream:
    """A streamed answer as its bytes say it, read by hand: a client library would hide how it ended."""

    def __init__(self, address, tokens=64):
        host = address.removeprefix("http://")
        self.connection = http.client.HTTPConnection(host, timeout=300)
        body = {"model": MODEL, "messages": [{"role": "user", "content": "Tell a story."}], "stream": True,
                "max_tokens": tokens, "ignore_eos": True}
        self.connection.request("POST", "/v1/chat/completions", json.dumps(body),
                                {"Content-Type": "application/json"})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def first_text(self):
        while b'"content":"' not in (line := self.answer.readline()) or b'"content":""' in line:
            assert line, "the stream ended before its first text"

    def ending(self):
        """`finished`, `error` or `refused`. Anything else fails; so does a broken chunk (IncompleteRead)."""
        rest = self.answer.read().decode()
        self.connection.close()
        if self.status == 503:
            assert self.answer.getheader("Retry-After") and "error" in json.loads(rest)
            return "refused"
        assert self.status == 200, rest
        events = rest.strip().split("\n\n")
        if events[-1] == "data: [DONE]":
            return "finished"
        assert "error" in json.loads(events[-1].removeprefix("data: ")), events[-3:]
        assert '"finish_reason":"' not in rest
        return "error"


def get(address, path):
    try:
        with urllib.request.urlopen(address + path, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_what_is_not_done_in_time_ends_with_an_error_and_new_work_is_refused(has_model, tmp_path):
    file = tmp_path / "hearth.yaml"
    file.write_text("service: {drain_time: 3s}\n")
    # More than any machine computes in that time.
    hearth = Hearth("--model", MODEL, "--config", str(file), "--speculate", "0")
    stream = Stream(hearth.address, tokens=3900)
    stream.first_text()
    hearth.process.terminate()
    wait_until(lambda: get(hearth.address, "/ready") == (503, b'{"status":"stopping"}\n'), "stopping")
    assert Stream(hearth.address).ending() == "refused"
    assert stream.ending() == "error"
    assert hearth.process.wait(timeout=60) == 0


def test_a_second_signal_ends_at_once(has_model, tmp_path):
    file = tmp_path / "hearth.yaml"
    file.write_text("service: {drain_time: 1h}\n")
    hearth = Hearth("--model", MODEL, "--config", str(file))
    stream = Stream(hearth.address, tokens=4000)
    stream.first_text()
    hearth.process.terminate()
    wait_until(lambda: get(hearth.address, "/ready")[0] == 503, "stopping")
    hearth.process.send_signal(signal.SIGHUP)  # no meaning any more
    assert get(hearth.address, "/health")[0] == 200
    hearth.process.terminate()
    assert hearth.process.wait(timeout=60) == -signal.SIGTERM


class NotifySocket:
    def __init__(self, path, monkeypatch):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(300)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))

    def wait_for(self, start):
        """The next message that begins so, and those before it."""
        before = []
        while not (message := self.socket.recv(4096).decode()).startswith(start):
            before.append(message)
        return message, before


@pytest.mark.parametrize("supervise", [[], ["--supervise"]])
def test_the_service_manager_hears_what_it_does(models, tmp_path, monkeypatch, supervise):
    notified = NotifySocket(tmp_path / "notify", monkeypatch)
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    hearth = Hearth(*supervise, home=tmp_path)
    assert hearth.address in notified.wait_for("READY=1")[0]
    for _ in range(3):
        notified.wait_for("WATCHDOG=1")
    hearth.process.send_signal(signal.SIGHUP)
    notified.wait_for("RELOADING=1")
    _, between = notified.wait_for("READY=1")
    assert all(message == "WATCHDOG=1" for message in between)
    hearth.process.terminate()
    notified.wait_for("STOPPING=1")
    assert hearth.process.wait(timeout=60) == 0


def tool(name):
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed")
    return path


def test_systemd_socket_activate_starts_it(models, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    process = subprocess.Popen(
        [tool("systemd-socket-activate"), "-l", address, "--fdname=public", "-E", f"HEARTH_HOME={tmp_path}",
         PROGRAM, "serve"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        def answered():
            try:
                return get(f"http://{address}", "/health")[0]
            except OSError:  # socket-activate itself is not there yet
                return None
        assert wait_until(answered, "the first answer") == 200
        assert process.stdout.readline() == f"Hearth is at http://{address}\n"
    finally:
        process.terminate()
    assert process.wait(timeout=60) == 0


def test_the_units_are_as_systemd_wants_them(tmp_path):
    units = []
    for name in ("hearth.service", "hearth.socket"):
        text = (ROOT / "deploy/systemd" / name).read_text()
        assert "/usr/local/bin/hearth " in text or name.endswith(".socket")
        units.append(tmp_path / name)
        units[-1].write_text(text.replace("/usr/local/bin/hearth ", "/bin/true "))  # must be there to be verified
    result = subprocess.run([tool("systemd-analyze"), "verify", *map(str, units)], capture_output=True, text=True,
                            timeout=120, check=False)
    complaints = [line for line in result.stderr.splitlines() if "hearth" in line]
    assert (result.returncode, complaints) == (0, []), result.stderr


class Activated:
    """Starts hearth with a listening socket of its own, as systemd would."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def start(self, *arguments):
        number = self.socket.fileno()
        script = f'export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=public; exec "$@" 3<&{number}'
        return subprocess.Popen(["bash", "-c", script, "bash", PROGRAM, "serve", *arguments], pass_fds=[number],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("supervise", [[], ["--supervise"]])
def test_a_restart_refuses_no_connection_and_ends_every_stream(has_model, supervise, tmp_path):
    file = tmp_path / "hearth.yaml"
    file.write_text("service: {drain_time: 1s}\n")
    arguments = ["--model", MODEL, "--config", str(file), *supervise]
    activated = Activated()
    process = activated.start(*arguments)
    endings = [[] for _ in range(CLIENTS)]
    enough = threading.Event()

    def ask(number):
        while not enough.is_set():
            endings[number].append(Stream(activated.address, tokens=24).ending())

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(ask, number) for number in range(CLIENTS)]
        try:
            wait_until(lambda: any("finished" in own for own in endings), "the first answer")
            process.terminate()
            assert process.wait(timeout=300) == 0
            before = [len(own) for own in endings]
            process = activated.start(*arguments)
            wait_until(lambda: all("finished" in own[count:] for own, count in zip(endings, before)) or
                       any(client.done() for client in clients), "answers of the new process")
        finally:
            enough.set()
            if process.poll() is not None:  # else clients would wait for ever
                process = activated.start(*arguments)
            concurrent.futures.wait(clients)
            process.terminate()
    for client in clients:
        client.result()
    assert process.wait(timeout=300) == 0


def child_of(process):
    """The process that computes; nothing while there is none."""
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        if children := (task / "children").read_text().split():
            return int(children[0])
    return None


@pytest.fixture
def supervised(has_model):
    hearth = Hearth("--supervise", "--model", MODEL, "--admin-port", "0")
    yield hearth
    if hearth.process.poll() is None:
        assert hearth.stop() == 0, hearth.errors()


def test_a_crash_ends_streams_with_an_error_and_the_next_requests_work(supervised):
    for _ in range(2):
        first = child_of(supervised.process)
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            streams = list(pool.map(lambda _: Stream(supervised.address, tokens=500), range(CLIENTS)))
            streams[0].first_text()
            os.kill(first, signal.SIGKILL)
            after = pool.submit(lambda: Stream(supervised.address).ending())  # no connection is refused
            endings = [stream.ending() for stream in streams]
            assert set(endings) <= {"error", "refused"} and "error" in endings
            assert after.result() in ("finished", "refused", "error")
        wait_until(lambda: get(supervised.address, "/ready")[0] == 200, "readiness")
        assert Stream(supervised.address).ending() == "finished"
        assert child_of(supervised.process) != first
        assert b"hearth_" in get(supervised.metrics, "")[1]
    assert "crashed: signal 9" in supervised.errors()


def test_a_process_that_keeps_crashing_is_given_up(supervised):
    last = None
    while supervised.process.poll() is None:
        child = child_of(supervised.process)
        if child and child != last:
            last = child
            os.kill(child, signal.SIGKILL)
        time.sleep(0.02)
    assert supervised.process.returncode == 1
    assert "crashed more than 5 times" in supervised.errors()


def test_the_end_of_the_front_is_the_end_of_what_computes(supervised):
    child = child_of(supervised.process)
    supervised.process.kill()
    supervised.process.wait(timeout=60)
    wait_until(lambda: not os.path.exists(f"/proc/{child}"), "the child's end")


def test_a_start_that_fails_is_not_tried_again(models, tmp_path):
    with pytest.raises(RuntimeError) as caught:
        Hearth("--supervise", "--model", "absent:1b", home=tmp_path)
    assert "absent:1b" in str(caught.value)
    assert "did not start: exit code 1" in str(caught.value)


def test_settings_are_read_again_on_both_sides(has_model, tmp_path):
    file = tmp_path / "hearth.yaml"
    file.write_text("sampling: {max_tokens: 2}\n")
    hearth = Hearth("--supervise", "--model", MODEL, "--config", str(file))
    try:
        file.write_text("sampling: {max_tokens: 3}\nservice: {body_size: 1KiB}\n")
        hearth.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "changed: service.body_size, sampling.max_tokens" in hearth.errors(), "the reload")

        def ask(content):
            body = json.dumps({"messages": [{"role": "user", "content": content}], "ignore_eos": True}).encode()
            return get_with_body(hearth.address, body)
        assert ask("Hi.")[1]["usage"]["completion_tokens"] == 3
        wait_until(lambda: ask("x" * 2000)[0] == 413, "the front's own limit")
    finally:
        assert hearth.stop() == 0, hearth.errors()


def get_with_body(address, body):
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=300)
    connection.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())
