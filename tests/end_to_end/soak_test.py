"""The short form of bench/soak: mixed clients, and an account of every request."""

import os
import pathlib
import sys

import pytest

from conftest import MODEL, PROGRAM

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from serving.soak import SoakedServer, soak

SECONDS = 600 if "HEARTH_TEST_ALL" in os.environ else 15


def test_every_request_of_a_mixed_load_is_accounted_for(models):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    with SoakedServer(PROGRAM) as server:
        # Within seconds the cache is still filling: only the long form weighs.
        weighs = SECONDS > 60 and not {"ASAN_OPTIONS", "TSAN_OPTIONS"} & {*os.environ}
        outcome = soak(server, SECONDS, clients=8, weighs=weighs)
    assert not outcome.wrong, "\n".join(outcome.lines())
    assert {one.kind for one in outcome.seen} == {"plain", "leaves", "slow", "bad"}
    assert any(one.left for one in outcome.seen) and any(one.usage for one in outcome.seen)
