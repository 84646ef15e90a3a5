"""bench/soak: its account finds what does not fit. Whole soaks run in tests/end_to_end/soak_test.py."""

import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from serving import accounting
from serving.mixed_clients import Seen
from serving.soak import Outcome, Sample

TEXT = "/v1/completions"
USAGE = {"prompt_tokens": 7, "completion_tokens": 5}
SEEN = [Seen(TEXT, "plain", 200, "req_1", usage=USAGE, most_tokens=5), Seen(TEXT, "bad", 400, "req_2"),
        Seen(TEXT, "leaves", left=True, most_tokens=9)]  # fmt: skip


def metrics(tokens=5, **counts):
    lines = [f'hearth_requests_total{{method="POST",route="{TEXT}",status="{status[1:]}"}} {count}'
             for status, count in ({"_200": 1, "_400": 1, "_499": 1} | counts).items()]  # fmt: skip
    return "\n".join([*lines, 'hearth_requests_total{method="GET",route="/health",status="200"} 8',
                      f'hearth_completion_tokens_total{{model="m"}} {tokens}'])  # fmt: skip


def line(identity, status=200, **fields):
    return json.dumps({"message": "request", "id": identity, "status": status, **fields})


@pytest.mark.parametrize(
    ("counts", "complaints"),
    [
        ({}, 0),
        # Who left without a status may have been answered a moment before.
        ({"_200": 2, "_499": 0}, 0),
        ({"_499": 2}, 2),  # more than were sent, and more than can have left
        ({"_400": 0, "_200": 2}, 1),
        ({"_504": 1, "_499": 0}, 0),
        ({"_500": 1, "_499": 0}, 1),
    ],
)
def test_statuses_are_those_that_clients_saw(counts, complaints):
    assert len([*accounting.check_statuses(SEEN, metrics(**counts))]) == complaints


@pytest.mark.parametrize(("tokens", "fits"), [(4, False), (5, True), (14, True), (15, False)])
def test_tokens_are_those_received_and_at_most_what_those_who_left_asked_for(tokens, fits):
    assert (not [*accounting.check_tokens(SEEN, metrics(tokens))]) is fits


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        ([line("req_1", **USAGE), line("req_2", 400), line("req_3", 499)], True),
        ([line("req_1", **USAGE)], False),
        ([line("req_1", **USAGE), line("req_2", 400), line("req_2", 400)], False),
        ([line("req_1", **USAGE), line("req_2", 413)], False),
        ([line("req_1", prompt_tokens=7, completion_tokens=4), line("req_2", 400)], False),
    ],
)
def test_the_log_has_each_request_once_as_its_client_saw_it(lines, fits):
    assert (not [*accounting.check_log(SEEN, lines)]) is fits


def test_what_still_goes_on_is_told_by_name():
    text = 'hearth_sequences_running{model="m"} 1\nhearth_sequences_waiting{model="m"} 0\nhearth_requests_in_progress 1\n'
    assert accounting.busy(text) == {"hearth_sequences_running": 1}


def test_growth_is_what_is_never_given_back():
    assert accounting.growth([10, 90, 10, 50, 10, 70, 10, 80]) == 0
    assert accounting.growth([10, 12, 14, 16, 18, 20, 22, 24]) == 12
    assert accounting.slope([0, 1, 2], [5, 7, 9]) == pytest.approx(2)


def test_the_report_says_what_is_wrong():
    samples = [Sample(float(second), 1 << 20, 9, second) for second in range(20)]
    assert [*Outcome(SEEN, samples, []).lines()][-1] == "Everything is accounted for."
    told = [*Outcome(SEEN, samples, ["a stream was cut"]).lines()]
    assert "WRONG: a stream was cut" in told and "slope +0.00 MiB an hour" in "\n".join(told)
