"""`hearth bench` as bench/compare calls it."""

import json

import pytest
from conftest import MODEL, run_hearth


@pytest.mark.parametrize("warm_up", [[], ["--no-warm-up"]])
def test_bench_reports_both_speeds_of_several_sequences(models, warm_up):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    result = run_hearth("bench", MODEL, "--prompt", "66", "--generate", "4", "--batch", "3", "--repetitions", "1",
                        *warm_up, "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["prefill_tok_s"] > 0 and report["decode_tok_s"] > 0
    assert (report["prompt"], report["generate"], report["batch"], report["repetitions"]) == (66, 4, 3, 1)
