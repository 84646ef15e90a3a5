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


def test_bench_says_what_each_kind_of_speculation_gains(models, tmp_path):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    question = tmp_path / "question.txt"
    question.write_text("Say hello.")
    path = json.loads(run_hearth("show", MODEL, "--json").stdout)["path"]
    for draft, kinds in ([], ["plain", "look-up"]), (["--draft", path], ["plain", "look-up", "draft", "both"]):
        result = run_hearth("bench", MODEL, "--speculation", str(question), "--generate", "8", "--repetitions", "1",
                            "--json", *draft, *(["--always-draft"] if draft else []))
        assert result.returncode == 0, result.stderr
        report = json.loads(result.stdout)
        assert [kind["name"] for kind in report["kinds"]] == kinds
        assert report["ratio"] == report["kinds"][-1]["ratio"]
        if draft:  # the model itself is always right
            assert report["kinds"][2]["accepted_tokens"] == report["kinds"][2]["drafted_tokens"] > 0


def test_a_draft_is_in_the_plan(models):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    plan = {name: json.loads(run_hearth("plan", MODEL, *options, "--json").stdout)
            for name, options in {"none": ["--speculate", "0"], "layers": ["--draft-layers", "3"],
                                  "model": ["--draft", MODEL]}.items()}
    assert plan["none"]["look_up_bytes"] == plan["layers"]["draft_model_bytes"] == 0
    assert plan["model"]["draft_model_bytes"] > plan["model"]["weights_bytes"]
    assert plan["model"]["total_bytes"] - plan["model"]["draft_model_bytes"] == plan["layers"]["total_bytes"]
    both = run_hearth("plan", MODEL, "--draft-layers", "3", "--draft", MODEL)
    assert both.returncode == 2
