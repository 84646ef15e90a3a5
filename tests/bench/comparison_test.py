"""The decisions of bench/compare and bench/regression, on figures made up for the purpose."""

import dataclasses
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from comparison import limits, regression, results, rows

PREFILL = dataclasses.replace(next(row for row in rows.ROWS if row.key == "prefill-512-smollm2"), target_peer="")
START = next(row for row in rows.ROWS if row.kind == "start")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([100, 101, 102], [97, 98, 99], "slower"),
        ([100, 101, 102], [103, 104, 105], "faster"),
        # One run that reaches the other's worst is enough to stand for noise, however far the medians are apart.
        ([100, 150, 150], [80, 80, 100], "same"),
        ([100, 101, 102], [60, 60, 101], "same"),
        ([100, 101, 102], [100, 101, 102], "same"),
        ([80, 80, 100], [100, 150, 150], "same"),
    ],
)
def test_a_build_is_slower_only_where_its_best_is_worse_than_the_others_worst(old, new, expected):
    assert regression.verdict(old, new) == expected


def run_regression(monkeypatch, speeds, *arguments):
    """bench/regression over builds whose n-th run takes the n-th speed; returns its exit code and the runs' order."""
    order, left = [], {name: list(values) for name, values in speeds.items()}

    def measure(programs, hearth, model, work, threads):
        order.append(hearth)
        return left[hearth].pop(0)

    monkeypatch.setattr(regression, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["regression", "old", "new", *arguments])
    return regression.main(), order


def test_one_slower_kind_of_work_fails_the_new_build(monkeypatch, capsys):
    fine = [100, 101, 102]
    code, order = run_regression(
        monkeypatch, {"old": fine * 3, "new": [*fine, 90, 91, 92, *fine]}, "--rounds", "3")
    assert code == 1
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["same", "SLOWER", "same"]
    assert order[:6] == ["old", "new", "new", "old", "old", "new"]


def test_a_faster_build_and_noise_pass(monkeypatch):
    code, _ = run_regression(
        monkeypatch, {"old": [100, 101, 102] * 3, "new": [120, 121, 122, 50, 60, 100, 99, 100, 101]}, "--rounds", "3")
    assert code == 0


def test_too_few_rounds_are_refused(monkeypatch):
    with pytest.raises(SystemExit):
        run_regression(monkeypatch, {}, "--rounds", "2")


def measured(row, perplexities, samples):
    return {
        "perplexity": {row.model: perplexities}, "samples": {row.key: samples},
        "work": {row.model: {"layer_products": 100, "head_products": 20, "weight_bytes": 60, "cache_bytes": 2}},
        "repetitions": {},
    }  # fmt: skip


def test_the_best_correct_peer_counts():
    data = measured(PREFILL, {"Hearth": 18.4, "slow": 18.39, "wrong": 109.4},
                    {"Hearth": [3, 2, 40], "slow": [0.5], "slow, flags": [1, 0.75], "wrong": [9]})
    data["repetitions"] = {PREFILL.key: [{"prefill_tok_s": rate, "decode_tok_s": 1000, "read_bytes_per_second": 50,
                                          "int8_operations_per_second": limit}
                                         for rate, limit in ((2.7, 900), (4, 800), (9, 100))]}  # fmt: skip
    found = results.outcome(PREFILL, data)
    assert (found.ours, found.peer, found.theirs) == (3, "slow, flags", 0.875)
    assert found.ratio == pytest.approx(3 / 0.875)
    assert found.others["wrong (wrong)"] == 9
    assert found.meets_target is False
    assert found.share == pytest.approx(4 / (800 / (2 * 100)))  # the middle of 0.6, 1 and 18


def test_a_machine_that_changes_its_speed_changes_no_ratio():
    rounds = {"Hearth": [2, 40, 30], "peer": [1, 20, 10]}
    found = results.outcome(PREFILL, measured(PREFILL, {"Hearth": 18.4, "peer": 18.4}, rounds))
    assert (found.ours, found.theirs, found.ratio, found.target_ratio) == (30, 10, 2, 2)


def test_a_target_may_be_about_one_peer():
    row = dataclasses.replace(PREFILL, target=3, target_peer="slow")
    data = measured(row, {"Hearth": 18.4, "slow": 18.39, "quick": 18.39},
                    {"Hearth": [3], "slow": [0.5], "slow, flags": [1], "quick": [2]})
    found = results.outcome(row, data)
    assert (found.peer, found.ratio, found.target_ratio, found.meets_target) == ("quick", 1.5, 3, True)
    del data["samples"][row.key]["slow"], data["samples"][row.key]["slow, flags"]
    assert results.outcome(row, data).meets_target is None


def test_less_is_better_for_time_and_memory():
    data = measured(START, {"Hearth": 1.81, "peer": 1.81}, {"Hearth": [0.5], "peer": [2], "peer, other": [1]})
    found = results.outcome(START, data)
    assert (found.peer, found.ratio, found.meets_target) == ("peer, other", 0.5, True)
    assert results.outcome(dataclasses.replace(START, most=0.5), data).meets_target is False


def test_a_peer_without_a_perplexity_does_not_count():
    found = results.outcome(PREFILL, measured(PREFILL, {"Hearth": 18.4}, {"Hearth": [3], "peer": [1]}))
    assert found.ratio is None and found.meets_target is None and found.share is None


@pytest.mark.parametrize(("value", "ours", "right"), [
    (18.391, None, True), (18.57, None, True), (18.58, None, False), (18.58, 18.45, True), (109.4, 18.4, False),
    (18.145, 18.373, True), (17.9, 18.373, False),
])  # fmt: skip
def test_perplexity_near_ours_or_the_known_one(value, ours, right):
    assert results.same_perplexity(value, rows.SMOLLM2, ours) is right


def test_limits_of_decoding():
    data = measured(PREFILL, {}, {})
    work = data["work"][PREFILL.model]
    found = {"int8_operations_per_second": 900, "read_bytes_per_second": 120}
    alone = dataclasses.replace(PREFILL, kind="decode", prompt=10, limit="bandwidth")
    together = dataclasses.replace(alone, sequences=16, limit="int8")
    assert limits.limit_of(alone, work, found) == 120 / (60 + 10 * 2)
    assert limits.limit_of(together, work, found) == 900 / (2 * (100 + 20))


def test_work_of_a_model_file():
    """The tiny Llama of tests/data/models, all in 16 bits: 2 layers, 32 wide, 4 heads and 2 of keys and values, 16 wide."""
    layers = 2 * (2 * 32 * 4 * 16 + 2 * 32 * 2 * 16 + 3 * 32 * 56)
    head = 32 * 96
    assert limits.work_of(ROOT / "tests/data/models/llama/model.gguf") == {
        "layer_products": layers, "head_products": head, "weight_bytes": 2 * (layers + head),
        "cache_bytes": 2 * 2 * 2 * 2 * 16,
    }  # fmt: skip


def test_resuming_refuses_figures_of_another_setting(tmp_path):
    file = tmp_path / "results.json"
    first = results.Results(file, {"threads": 2}, resume=True)
    first.samples(PREFILL, "Hearth").append(5)
    first.save()
    assert results.Results(file, {"threads": 2}, resume=True).samples(PREFILL, "Hearth") == [5]
    assert results.Results(file, {"threads": 2}, resume=False).samples(PREFILL, "Hearth") == []
    with pytest.raises(SystemExit, match="another threads"):
        results.Results(file, {"threads": 1}, resume=True)
