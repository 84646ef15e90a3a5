"""bench/load: its arithmetic on made-up times, and whole rounds against a small server that makes up its answers."""

import dataclasses
import json
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from comparison.hearth import Hearth
from comparison.llama_cpp import LlamaCpp
from comparison.vllm import Vllm
from serving import figures, load, report, rows
from serving.client import Answer
from serving.events import EventReader
from serving.loads import Round
from serving.prompts import Prompts
from serving.servers import Contender, contenders, processes_of
from serving.slow import whole_text

FAKE = pathlib.Path(__file__).with_name("fake_completion_server.py")
CLOSED = next(row for row in rows.ROWS if row.key == "clients-16-smollm2")
LONG = next(row for row in rows.ROWS if row.kind == "long")
SLOW = next(row for row in rows.ROWS if row.kind == "slow")
OVERLOAD = next(row for row in rows.ROWS if row.kind == "overload")
SETTING = {"machine": {"processors": 2, "vendor": "a", "features": [], "caches": {}}, "versions": {}, "left_out": {},
           "quick": True}  # fmt: skip


@pytest.mark.parametrize(
    ("values", "part", "expected"),
    [
        ([5], 99, 5),
        ([3, 1, 2], 50, 2),
        ([1, 2, 3, 4], 50, 2.5),
        (list(range(101)), 90, 90),
        ([0, 10], 99, 9.9),
    ],
)
def test_a_percentile_lies_between_its_neighbours(values, part, expected):
    assert figures.percentile(values, part) == pytest.approx(expected)


def test_tokens_of_one_step_are_one_piece_in_gaps_but_each_counts_for_the_time_per_token():
    answer = Answer(start=1, end=5, status=200, arrivals=[2, 2.0001, 2.0002, 3, 4.5], new_tokens=5)
    assert figures.gaps(answer.arrivals) == pytest.approx([1, 1.5])
    assert figures.first_token(answer) == 1
    assert figures.each_token(answer) == pytest.approx(2.5 / 4)
    assert figures.each_token(dataclasses.replace(answer, new_tokens=1)) is None


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        ([1, 2, 3, 4, 5, 9, 10], 4),
        # The silence that the prompt's arrival falls into, and the one that still lasts at its first token.
        ([1, 2, 3, 8, 9, 10], 5),
        ([1, 2, 3, 4, 5, 6, 20], 14),
        ([1, 2, 3, 4, 5], 5),
        # A long gap after the prompt's answer has begun is not its fault.
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 90], 1),
    ],
)
def test_a_stall_is_the_longest_gap_around_the_long_prompt_by_the_median_before(arrivals, expected):
    assert figures.stall(arrivals, 4.5 if 4 in arrivals else 3.5, 10) == pytest.approx(expected)


def test_throughput_counts_what_came_between_two_times_in_tokens():
    # Two tokens an event, as the finished answer says; what never ended counts too.
    answers = [Answer(0, 9, 200, arrivals=[1, 2, 3, 4], new_tokens=8), Answer(0, 0, 200, arrivals=[3, 4, 5, 6])]
    assert figures.tokens_per_second(answers, 2, 4) == pytest.approx(4 * 2 / 2)
    assert figures.tokens_per_second(answers[1:], 2, 4) == 0


def a_round(seconds, first, step):
    arrivals = [first + step * number for number in range(3)]
    return Round(seconds, 0.1, [Answer(0, arrivals[-1], 200, arrivals=arrivals, prompt_tokens=9, new_tokens=3)])


def test_speeds_are_medians_of_rounds_and_times_are_of_all_answers():
    found = figures.figures_of("closed", [a_round(1, 1, 0.1), a_round(3, 2, 0.1), a_round(2, 6, 0.3)])
    assert found["speed"] == 1.5
    assert found["first_p50"] == 2
    assert found["token_p99"] == pytest.approx(0.296)


def test_the_opening_counts_for_speed_and_not_for_times():
    one = a_round(2, 1, 0.1)
    one.opening = a_round(2, 50, 0.1).answers
    found = figures.figures_of("closed", [one])
    assert (found["speed"], found["first_p99"]) == (3, 1)


def test_the_best_peer_is_the_best_in_that_figure_and_never_ourselves():
    measured = {
        "Hearth": {"speed": 30, "first_p50": 1},
        "Hearth, no look-up": {"speed": 99, "first_p50": 0.1},
        "one": {"speed": 10, "first_p50": 2},
        "two": {"speed": 20, "first_p50": 4},
    }
    assert figures.best_peer("speed", measured) == ("two", 20)
    assert figures.best_peer("first_p50", measured) == ("one", 2)
    assert figures.best_peer("gap_p50", measured) is None
    assert report.target_cells(rows.Target("speed", 2, True), measured)[-2:] == ["1.50×", "≥ 2× the peer ✗"]
    assert report.target_cells(rows.Target("first_p50", 0.5, True), measured)[-2:] == ["0.50×", "≤ 0.5× the peer ✓"]
    alone = {"Hearth": measured["Hearth"]}
    assert report.target_cells(rows.Target("speed", 2, True), alone)[2:] == ["–", "–", "–", "≥ 2× the peer"]


@pytest.mark.parametrize(("value", "met"), [(0.95, True), (0.9, True), (0.89, False)])
def test_more_is_better_of_throughput(value, met):
    assert figures.meets(rows.Target("of_peak", 0.9), value) is met
    assert figures.meets(rows.Target("stall", 0.9), value) is (value <= 0.9)


EVENTS = [b'{"a": 1}', b"two\nlines", "schön".encode(), b"[DONE]"]
STREAM = b": comment\n\ndata: {\"a\": 1}\n\nevent: x\r\ndata:two\r\ndata: lines\r\n\r\n" + \
    "data: schön\n\ndata: [DONE]\n\n".encode()  # fmt: skip


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_the_same_however_their_bytes_are_cut(size):
    reader = EventReader()
    assert [data for at in range(0, len(STREAM), size) for data in reader.feed(STREAM[at:at + size])] == EVENTS


def test_an_event_without_its_end_is_none():
    assert list(EventReader().feed(b"data: half")) == []


def test_prompts_differ_but_are_the_same_for_every_server():
    one, same, other = Prompts(1), Prompts(1), Prompts(2)
    first = [one.next(20) for _ in range(50)]
    assert first == [same.next(20) for _ in range(50)]
    assert len({*first, *(other.next(20) for _ in range(50))}) == 100
    assert all(len(prompt.split()) == 20 for prompt in first)
    begun = [Prompts(seed, 30).next(5).split() for seed in (1, 2)]
    assert begun[0][:30] == begun[1][:30] and begun[0][30:] != begun[1][30:]


def test_every_server_gets_the_same_slots_threads_and_room_for_each(tmp_path, monkeypatch):
    monkeypatch.setattr(Hearth, "__init__", lambda self: self.__dict__.update(program="hearth", threads=3))
    monkeypatch.setattr(Vllm, "model", lambda self, path: tmp_path)
    engines = [Hearth(), LlamaCpp(None, 3, None, tmp_path), Vllm(None, 3, None, tmp_path / "bin" / "python", tmp_path)]
    servers = {server.name: server for server in contenders(engines)}
    assert list(servers) == ["Hearth", "Hearth, no look-up", "llama.cpp", "llama.cpp, flash attention", "vLLM"]
    assert LONG.slots == 9 and LONG.context >= LONG.long_prompt and LONG.context >= LONG.prompt + LONG.generate

    def options(name):
        words = servers[name].command(LONG, "file")
        return dict(zip(words, words[1:]))

    for name, slots, context in (("Hearth", "--parallel", "--context"), ("Hearth, no look-up", "--parallel", "--context"),
                                 ("vLLM", "--max-num-seqs", "--max-model-len")):  # fmt: skip
        assert (options(name)[slots], options(name)[context]) == (9, LONG.context)
        assert options(name)["--port"] == "{port}"
    for name in ("llama.cpp", "llama.cpp, flash attention"):
        # One room for all slots, which it divides.
        assert (options(name)["-np"], options(name)["-c"]) == (9, 9 * LONG.context)
        assert (options(name)["-t"], options(name)["-tb"]) == (3, 3)
    assert options("Hearth")["--threads"] == 3
    assert servers["vLLM"].variables(LONG)["OMP_NUM_THREADS"] == "3"
    assert int(servers["vLLM"].variables(LONG)["VLLM_CPU_KVCACHE_SPACE"]) * 37_000 >= 9 * LONG.context


def run(row, tmp_path, name="Hearth", slots=100, seconds=0.001, status="503", rounds=1):
    measured = load.Load([Contender(name, fake(slots, seconds, status))], {row.model: tmp_path})
    measured.run(row, rounds)
    return measured


def fake(slots, seconds, status):
    return lambda row, path: [sys.executable, FAKE, "{port}", slots, seconds, status]


def test_clients_ask_one_after_another_and_the_first_round_does_not_count(tmp_path):
    row = dataclasses.replace(rows.quick(CLOSED), requests=2, prefix=10)
    measured = run(row, tmp_path, rounds=2)
    assert not measured.failures
    rounds = measured.rounds[row.key]["Hearth"]
    assert [(len(one.opening), len(one.answers)) for one in rounds] == [(row.clients, 2 * row.clients)] * 2
    for answer in rounds[0].answers:
        # The fake counts a token for each word, and one more: the words for a token are learnt without that one.
        assert (answer.status, answer.new_tokens, answer.prompt_tokens) == (200, row.generate, row.prompt + 10 + 1)
        assert len(answer.arrivals) >= 1
    assert rounds[0].seconds > 0
    told = report.text([row], measured, SETTING)
    assert "Hearth" in told and "16 clients, common prefix of 400 of smollm2:135m" in told
    json.dumps(load.as_json(measured, SETTING))


def test_servers_take_turns_and_are_gone_at_the_end(tmp_path, monkeypatch):
    seen, started = [], []
    real = load.Server.__enter__
    monkeypatch.setattr(load.Server, "__enter__", lambda self: started.append(self._process) or real(self))
    both = [Contender(name, fake(9, 0.001, "503")) for name in ("Hearth", "peer")]
    measured = load.Load(both, {CLOSED.model: tmp_path}, seen.append)
    measured.run(rows.quick(CLOSED), 2)
    # The round before the first goes backwards, and the second too.
    assert [line.split(", ")[2].split(":")[0] for line in seen] == ["Hearth", "peer", "peer", "Hearth"]
    assert len(started) == 2
    assert all(process.poll() is not None and not processes_of(process.pid) for process in started)
    assert "peer" in report.target_cells(CLOSED.targets[0], {
        who: figures.figures_of("closed", rounds) for who, rounds in measured.rounds[CLOSED.key].items()})  # fmt: skip


def test_a_long_prompt_comes_among_streams_and_ends_them(tmp_path):
    row = dataclasses.replace(rows.quick(LONG), clients=2, generate=100_000)
    measured = run(row, tmp_path, seconds=0.003)
    assert not measured.failures
    (done,) = measured.rounds[row.key]["Hearth"]
    assert done.numbers["stall"] > 0 and done.numbers["delay"] > 0
    assert [answer.end == 0 for answer in done.answers] == [False, False, True, True]


def test_a_stream_that_ends_too_early_is_no_measurement(tmp_path):
    row = dataclasses.replace(rows.quick(LONG), clients=2, generate=3)
    measured = run(row, tmp_path, seconds=0.003)
    assert "a stream ended before" in measured.failures[row.key, "Hearth"]
    assert not measured.rounds.get(row.key)


def test_overload_counts_refusals(tmp_path):
    row = rows.quick(OVERLOAD)
    measured = run(row, tmp_path, slots=row.clients, seconds=0.01, status="429")
    assert not measured.failures
    (done,) = measured.rounds[row.key]["Hearth"]
    counted = figures.statuses(done.answers)
    assert counted[429] > 0 and counted[200] > 0
    assert figures.figures_of("overload", [done])["wrong"] == 0
    assert done.numbers["resident_start_bytes"] > 1_000_000 and 0.5 < done.numbers["resident"] < 2
    assert figures.figures_of("overload", [done])["refused_p99"] > 0
    assert OVERLOAD.seconds >= 300 and OVERLOAD.overload == 4
    told = report.text([row], measured, SETTING)
    assert f"Retry-After in {counted[429]} of {counted[429]} refusals" in told


def test_a_refusal_that_does_not_say_when_to_come_again_is_wrong():
    answers = [Answer(0, 0.2, 429, retry_after=True), Answer(0, 0.4, 503), Answer(0), Answer(0, 1, 200)]
    found = figures.figures_of("overload", [Round(1, 0.1, answers)])
    assert found["wrong"] == 1
    assert found["refused_p99"] == pytest.approx(0.398)


def test_overload_knows_wrong_statuses(tmp_path):
    row = rows.quick(OVERLOAD)
    measured = run(row, tmp_path, slots=row.clients, seconds=0.01, status="500")
    assert figures.figures_of("overload", measured.rounds[row.key]["Hearth"])["wrong"] > 0


def test_a_stream_that_is_cut_and_a_server_that_does_not_start_are_failures(tmp_path):
    row = rows.quick(CLOSED)
    assert "stream cut" in run(row, tmp_path, status="cut").failures[row.key, "Hearth"]
    measured = load.Load([Contender("Hearth", lambda row, path: ["false"])], {row.model: tmp_path})
    measured.run(row, 1)
    assert "did not come up" in measured.failures[row.key, "Hearth"]
    told = report.text([row], measured, SETTING)
    assert "Failed: clients-16-smollm2: Hearth" in told and "Not measured: 16 clients of smollm2:135m" in told


def test_a_slow_readers_answer_counts_only_whole():
    events = [{"choices": [{"text": "a"}]}, {"choices": [{"text": "b"}]}, {"choices": [], "usage": {"completion_tokens": 2}}]
    assert whole_text([*events, "[DONE]"], 2) == "ab"
    for wrong in ([], events, [*events[:2], "[DONE]"], [*events[:2], {"error": {"message": "stopping"}}]):
        assert whole_text(wrong, 2) is None
    assert whole_text([*events, "[DONE]"], 3) is None


def test_slow_readers_are_for_our_own_server_alone(tmp_path):
    measured = run(rows.quick(SLOW), tmp_path, name="peer")
    assert not measured.rounds and not measured.failures


def test_a_slow_rows_figures_are_its_memory_and_the_time_beside_it():
    one = Round(1, 0.1, [Answer(0, 1, 200)], {"stream_bytes": 50 * 1024, "beside": 1.05, "alone": 0.2})
    found = figures.figures_of("slow", [one])
    measured = {"Hearth": found}
    memory, time = (report.target_cells(target, measured) for target in SLOW.targets)
    assert memory[1] == "50 KiB" and memory[-1] == "≤ 100 KiB ✓"
    assert time[1] == "1.05×" and time[-1].endswith("✓")
