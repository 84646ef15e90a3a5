"""The servers under load: how each is started for a row, and the process itself."""

import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import typing

from comparison.hearth import Hearth
from comparison.llama_cpp import LlamaCpp
from comparison.programs import MeasurementError
from comparison.server_measurement import free_port, wait_until_healthy
from comparison.vllm import CACHE_GIB, Vllm
from serving.certificates import make_certificate

# For answers that still run, and for a model to be given back.
STOP_SECONDS = 60


@dataclasses.dataclass(frozen=True)
class Contender:
    """A server with its options. `command` makes the words that start it for a row and a model file; {port} stands for
    the port. A name is the engine's, or begins with it and a comma."""

    name: str
    command: typing.Callable
    variables: typing.Callable = lambda row: None  # of its environment; None: ours


def contenders(engines):
    """Of each engine of bench/compare, its ways to serve; the best one counts."""
    return [contender for engine in engines for contender in WAYS[type(engine)](engine)]


def _hearth(engine):
    def command(*extra):
        return lambda row, path: [engine.program, "serve", "--model", path, "--port", "{port}", "--threads",
                                  engine.threads, "--parallel", row.slots, "--context", row.context, *extra]

    return [Contender("Hearth", command()), Contender("Hearth, no look-up", command("--speculate", 0))]


def _llama_cpp(engine):
    def command(*extra):
        return lambda row, path: [engine.folder / "llama-server", "-m", path, "--port", "{port}", "-t", engine.threads,
                                  "-tb", engine.threads, "-np", row.slots, "-c", row.slots * row.context, *extra]

    return [Contender("llama.cpp", command()), Contender("llama.cpp, flash attention", command("-fa", "on"))]


def _vllm(engine):
    def command(row, path):
        return [*engine.python, "-m", "vllm.entrypoints.openai.api_server", "--model", engine.model(pathlib.Path(path)),
                "--port", "{port}", "--dtype", "bfloat16", "--max-model-len", row.context, "--max-num-seqs", row.slots]

    def variables(row):
        # A GiB holds 37,000 tokens of Qwen, and more of SmolLM2.
        return engine.variables(max(CACHE_GIB, -(-row.slots * row.context // 16384)))

    return [Contender("vLLM", command, variables)]


WAYS = {Hearth: _hearth, LlamaCpp: _llama_cpp, Vllm: _vllm}


class Server:
    """A running server, which stands still but within awake(): all servers of a row run side by side, and none shall take
    time from the one that is measured. A context manager, whose end stops it."""

    def __init__(self, contender, row, path):
        self.name = contender.name
        self._made_of = contender, row, path
        port = free_port()
        self.address = f"{'https' if row.tls else 'http'}://127.0.0.1:{port}"
        words = [str(word).replace("{port}", str(port)) for word in contender.command(row, path)]
        self._folder = tempfile.TemporaryDirectory()
        if row.kind == "slow":
            words += _slow_options(row, pathlib.Path(self._folder.name))
        # In a process group of its own, with whatever it starts.
        self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, env=contender.variables(row), start_new_session=True)

    def __enter__(self):
        try:
            wait_until_healthy(self._process, self.address)
        except RuntimeError as error:
            self.__exit__()
            raise MeasurementError(str(error)) from error
        self._signal(signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)  # also to what it started and left behind
        self._process.wait()
        self._folder.cleanup()

    @contextlib.contextmanager
    def awake(self):
        self._signal(signal.SIGCONT)
        try:
            yield self
        finally:
            self._signal(signal.SIGSTOP)

    def twin(self):
        """Another of the same, not yet entered."""
        return Server(*self._made_of)

    def resident_bytes(self):
        """Of the process and those that it started."""
        return sum(resident_bytes(process) for process in processes_of(self._process.pid))

    def open_files(self):
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # user and system

    def _signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _slow_options(row, folder):
    """Of Hearth: a crowd may wait and stall as long as the measurement takes."""
    file = folder / "hearth.yaml"
    file.write_text(f"inference: {{queue_limit: {2 * row.streams}}}\n"
                    f"service: {{connections: {2 * row.streams}, stalled_write_time: 24h, queue_time: 24h}}\n")
    certificate, key = make_certificate(folder) if row.tls else (None, None)
    return ["--config", str(file), *(["--tls-certificate", str(certificate), "--tls-key", str(key)] if row.tls else [])]


def processes_of(group):
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(int(folder.name)) == group:
                found.append(int(folder.name))
    return found


def resident_bytes(process):
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{process}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0
    return int(found[1]) * 1024 if found else 0
