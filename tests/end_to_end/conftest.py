"""Starts the real program for the tests of its servers.

HEARTH_PROGRAM names it (else build/release/hearth), HEARTH_HOME holds smollm2:135m; ./test sets both.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading

import openai
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("HEARTH_PROGRAM", str(ROOT / "build/release/hearth"))
MODEL = "smollm2:135m"


class Hearth:
    """A running `hearth serve` on a free port, or the one given."""

    def __init__(self, *arguments, home=None, port=0):
        self.log = tempfile.TemporaryFile(mode="w+")
        environment = dict(os.environ)
        if home:
            environment["HEARTH_HOME"] = str(home)
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", str(port), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment)
        self.address, self.metrics, self.greeting = None, None, ""
        for line in self.process.stdout:
            self.greeting += line
            if match := re.match(r"Hearth is at (https?://\S+)", line):
                self.address = match[1]
            if match := re.match(r"Metrics are at (http://\S+)", line):
                self.metrics = match[1]
            if line.startswith("Ctrl-C"):
                break
        if not self.address:
            self.process.wait(timeout=30)
            raise RuntimeError(f"hearth serve ended with {self.process.returncode}: {self.errors()}")
        # Nobody reads further lines, but the pipe must not fill.
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def errors(self):
        # Seeking would move the place where the program writes, too.
        return os.pread(self.log.fileno(), 1 << 24, 0).decode()

    def client(self, key="none"):
        return openai.OpenAI(base_url=self.address + "/v1", api_key=key, max_retries=0, timeout=300)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)


def run_hearth(*arguments, home=None):
    environment = dict(os.environ)
    if home:
        environment["HEARTH_HOME"] = str(home)
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env=environment, timeout=120, check=False)


def make_key(home, *arguments):
    """Its text."""
    result = run_hearth("key", "create", *arguments, home=home)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture(scope="session")
def models():
    """The names in the store."""
    if not os.path.exists(PROGRAM):
        pytest.skip(f"{PROGRAM} is not built")
    listed = json.loads(run_hearth("list", "--json").stdout)
    rows = listed if isinstance(listed, list) else listed["models"]
    return [row["name"] for row in rows]


@pytest.fixture
def home(models, tmp_path):
    """A HEARTH_HOME of its own, whose models are those of the tests."""
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    shared = os.environ.get("HEARTH_HOME", os.path.expanduser("~/.hearth"))
    shutil.copytree(os.path.join(shared, "models"), tmp_path / "models", symlinks=True, copy_function=os.symlink,
                    ignore=lambda folder, names: ["locks", "partial"] if folder.endswith("models") else [])
    return tmp_path


@pytest.fixture(scope="session")
def server(models):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    hearth = Hearth("--context", "2048")
    yield hearth
    assert hearth.stop() == 0, hearth.errors()


@pytest.fixture(scope="session")
def client(server):
    return server.client()


@pytest.fixture(scope="session")
def encoder(models):
    """A tiny model that makes embeddings, and no other."""
    hearth = Hearth("--model", str(ROOT / "tests" / "data" / "models" / "bert_embedder"))
    yield hearth
    assert hearth.stop() == 0, hearth.errors()
