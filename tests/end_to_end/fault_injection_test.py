"""Broken, slow and hostile clients against the built program: each is answered clearly or its connection is closed, never
with 500, and the next request works; in the end nothing is left of them.

The long form (./test --all) adds random damage and goes over everything again, to see whether memory grows.
"""

import collections
import json
import os
import random
import time

import pytest

import fault_cases as cases
from conftest import MODEL, Hearth
from raw_http import Figures, connect, leave, post, read_answers, talk, wait_for, wait_for_rest

LONG = "HEARTH_TEST_ALL" in os.environ
# Sanitizers keep what is freed for a while.
WEIGHED = not {"ASAN_OPTIONS", "TSAN_OPTIONS"} & {*os.environ}
MOST_GROWTH_BYTES = 48 * 2**20
STREAM = {"prompt": "Count", "max_tokens": 500, "ignore_eos": True, "stream": True}


def check_next(server):
    """The request after: it works."""
    (answer,) = talk(server, post(cases.TEXT, cases.GOOD))
    assert answer.status == 200, answer.body
    assert json.loads(answer.body)["usage"]["completion_tokens"] == 1


def resident(server):
    return wait_for_rest(server).sum("process_resident_memory_bytes")


@pytest.fixture(scope="module")
def server(models, tmp_path_factory):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    settings = tmp_path_factory.mktemp("faults") / "hearth.yaml"
    settings.write_text(cases.SETTINGS)
    hearth = Hearth("--config", settings, "--model", MODEL, "--admin-port", "0", "--log-format", "json")
    # All pages of the cache are touched once, and a large body was there: from here on memory stays.
    for start in range(4):
        talk(hearth, post(cases.TEXT, {"prompt": [start + 10] * 500, "max_tokens": 1}))
    send_bodies(hearth)
    before = wait_for_rest(hearth)
    yield hearth
    after = wait_for_rest(hearth)
    assert after.sum("process_open_fds") <= before.sum("process_open_fds")
    grown = after.sum("process_resident_memory_bytes") - before.sum("process_resident_memory_bytes")
    assert not WEIGHED or grown < MOST_GROWTH_BYTES, grown
    assert 'status="500"' not in after.text
    assert hearth.stop() == 0, hearth.errors()
    assert "unexpected" not in hearth.errors() and "Sanitizer" not in hearth.errors(), hearth.errors()


def check_refusal(answer, statuses):
    """It says why, to a program as to a person."""
    assert answer.status in statuses, answer.body
    assert answer.headers["x-request-id"].startswith("req_")
    if answer.status >= 400:
        assert answer.error["message"] and answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("name", cases.MESSAGES)
def test_a_message_that_is_no_plain_http(server, name):
    sent, statuses = cases.MESSAGES[name]
    found = talk(server, sent)
    if found:
        check_refusal(found[0], statuses)
    else:
        assert cases.CLOSED in statuses
    check_next(server)


@pytest.mark.parametrize("start", [b"", cases.HEAD, cases.HEAD + b"Content-Length: 100\r\n\r\n", cases.CHUNKED + b"64\r\n"])
def test_a_client_that_sends_byte_by_byte_is_not_waited_for(server, start):
    (answer,) = talk(server, start, *[b"x"] * 30, pause=0.05)
    check_refusal(answer, {408})
    check_next(server)


def send_bodies(server):
    for name, body in cases.BODIES.items():
        for path in cases.BOTH:
            (answer,) = talk(server, post(path, body))
            assert answer.status == 400, (name, path, answer.body)
            check_refusal(answer, {400})


def test_a_body_that_is_no_request(server):
    send_bodies(server)
    check_next(server)


def ask(server, path, **fields):
    good = cases.GOOD if path == cases.TEXT else cases.GOOD_CHAT
    (answer,) = talk(server, post(path, good | fields))
    return answer


def check_named(answer, field, value):
    shown = (field, repr(value)[:80], answer.body)
    assert answer.status == 400, shown
    assert (answer.error["param"] or "").startswith(field), shown
    assert answer.error["message"] and len(answer.body) < 4096, shown


@pytest.mark.parametrize("field", cases.NUMBERS)
def test_numbers_out_of_range_are_refused_by_name(server, field):
    routes, whole, least, most = cases.NUMBERS[field]
    for path in routes:
        for value in cases.VALUES:
            answer = ask(server, path, **{field: value})
            if cases.is_allowed(whole, least, most, value):
                assert answer.status == 200, (value, answer.body)
            else:
                check_named(answer, field, value)
        for value in ("1", "", True, [], [1], {}, {"a": 1}):
            check_named(ask(server, path, **{field: value}), field, value)
        assert ask(server, path, **{field: None}).status == 200
    check_next(server)


@pytest.mark.parametrize("field", cases.OTHERS)
def test_wrong_types_and_too_much_are_refused_by_name(server, field):
    routes, values = cases.OTHERS[field]
    for path in routes:
        for value in values:
            check_named(ask(server, path, **{field: value}), field, value)
            if not LONG:
                continue
            check_next(server)
    check_next(server)


@pytest.mark.parametrize("path", cases.BOTH)
def test_unknown_fields_are_told(server, path):
    answer = ask(server, path, **{f"field{number}\x00\r\nX: y": [[{}]] for number in range(3000)})
    assert answer.status == 200
    assert "field1" in answer.headers["x-hearth-ignored"] and len(answer.headers["x-hearth-ignored"]) < 2048
    check_next(server)


def test_models_that_cannot_be(server):
    for name in ("\x00", "a\x00b", "../" * 80, "smollm2:135m\n", "\u202e", "x" * 256):
        answer = ask(server, cases.TEXT, model=name)
        assert (answer.status, answer.error["param"]) == (404, "model"), name
    check_next(server)


def test_pipelined_requests_are_answered_in_order_until_one_is_broken(server):
    good, bad = post(cases.TEXT, cases.GOOD), post(cases.TEXT, {"prompt": 1})
    found = talk(server, good + bad + good + b"GET / HTTP/9.9\r\n\r\n" + good, answers=9)
    assert [answer.status for answer in found] == [200, 400, 200, 400]
    found = talk(server, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 500, answers=500)
    assert [answer.status for answer in found] == [200] * 500
    check_next(server)


def leave_after(server, sent, condition, abruptly):
    raw = connect(server)
    raw.sendall(sent)
    condition(raw)
    leave(raw, abruptly)


ASKED = post(cases.TEXT, STREAM)
PLAIN = post(cases.TEXT, STREAM | {"stream": False})
STAGES = {
    "after connecting": b"", "in the first line": ASKED[:9], "in the headers": ASKED[:50], "in the body": ASKED[:-9],
    "in a chunk": cases.CHUNKED + b"1000\r\nabc", "before the first token": ASKED, "before the answer": PLAIN,
    "behind a pipeline": PLAIN + ASKED * 100,
}  # fmt: skip


@pytest.mark.parametrize("abruptly", [False, True])
@pytest.mark.parametrize("stage", STAGES)
def test_a_client_that_leaves(server, stage, abruptly):
    for wait in (0, 0.01, 0.1):
        leave_after(server, STAGES[stage], lambda raw: time.sleep(wait), abruptly)
    check_next(server)
    wait_for_rest(server)


@pytest.mark.parametrize("abruptly", [False, True])
def test_a_client_that_leaves_in_a_stream(server, abruptly):
    def first_text(raw):
        seen = b""
        while b'"text"' not in seen:
            seen += (more := raw.recv(4096))
            assert more

    leave_after(server, ASKED, first_text, abruptly)
    check_next(server)
    wait_for_rest(server)


@pytest.mark.parametrize("abruptly", [False, True])
def test_clients_that_leave_the_queue(server, abruptly):
    running = [connect(server) for _ in range(2)]
    for raw in running:
        raw.sendall(ASKED)
    wait_for(lambda: Figures(server).sum("hearth_sequences_running") == 2)
    queued = [connect(server) for _ in range(8)]
    for number, raw in enumerate(queued):
        raw.sendall(ASKED if number % 2 else PLAIN)
    wait_for(lambda: Figures(server).sum("hearth_sequences_waiting") == 8)
    for raw in queued:
        leave(raw, abruptly)
    wait_for(lambda: not Figures(server).sum("hearth_sequences_waiting"))
    assert Figures(server).sum("hearth_sequences_running") == 2, "those before them are not disturbed"
    for raw in running:
        leave(raw, abruptly)
    check_next(server)
    wait_for_rest(server)


@pytest.mark.parametrize("sent", [ASKED, PLAIN, ASKED[:40], b""])
def test_a_client_that_says_it_sends_no_more(server, sent):
    with connect(server) as raw:
        raw.sendall(sent)
        raw.shutdown(1)
        while raw.recv(1 << 16):
            pass  # until the server closes
    check_next(server)
    wait_for_rest(server)


def test_more_than_the_queue_holds_is_refused(server):
    crowd = [connect(server) for _ in range(90)]
    for raw in crowd:
        raw.sendall(ASKED)
    # Streams that wait have their status at once, as refusals have: nobody of them reads to the end of anything.
    heads = [raw.recv(1 << 16).decode() for raw in crowd]
    statuses = collections.Counter(int(head.split()[1]) for head in heads)
    assert {*statuses} in ({200, 429}, {200, 503}), statuses
    assert all("\r\nRetry-After: " in head for head in heads if " 200 " not in head.split("\r\n")[0])
    for raw in crowd:
        leave(raw, abruptly=True)
    wait_for_rest(server)
    check_next(server)


def damaged(source):
    """A good request with a few bytes of it changed, missing or doubled."""
    text = bytearray(source.choice([ASKED, PLAIN, cases.CHUNKED + cases.CHUNK + b"0\r\n\r\n", post(cases.CHAT, cases.GOOD_CHAT)]))
    for _ in range(source.randint(1, 4)):
        at = source.randrange(len(text))
        kind = source.randrange(3)
        text[at : at + (kind > 0)] = bytes([source.randrange(256)] * (kind < 2))
    return bytes(text)


@pytest.mark.skipif(not LONG, reason="the long form: ./test --all")
def test_random_damage(server):
    source = random.Random(1)
    for number in range(3000):
        raw = connect(server)
        raw.sendall(damaged(source))
        raw.shutdown(1)
        for answer in read_answers(raw, 1):
            assert answer.status < 500, answer.body
        raw.close()
        if number % 50 == 0:
            check_next(server)


@pytest.mark.skipif(not LONG, reason="the long form: ./test --all")
def test_memory_is_the_same_after_every_round(server):
    sizes = []
    for _ in range(8):
        for sent, statuses in cases.MESSAGES.values():
            if 408 not in statuses:
                talk(server, sent)
        send_bodies(server)
        for field, (routes, values) in cases.OTHERS.items():
            for path in routes:
                for value in values:
                    ask(server, path, **{field: value})
        sizes.append(resident(server))
    assert not WEIGHED or sizes[-1] - sizes[2] < 2**23, sizes


@pytest.mark.parametrize("round", range(5 if LONG else 1))
def test_killed_under_load_and_started_again(models, round):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    hearth = Hearth("--model", MODEL, "--admin-port", "0", "--context", "1024")
    port = hearth.address.rsplit(":", 1)[1]
    crowd = [connect(hearth) for _ in range(12)]
    for number, raw in enumerate(crowd):
        raw.sendall(PLAIN if number % 4 == 0 else ASKED)
    wait_for(lambda: Figures(hearth).sum("hearth_engine_steps_total") > 5 + 20 * round)
    hearth.process.kill()
    hearth.process.wait()
    for raw in crowd:
        # Cut short, and it shows: the last chunk is missing, as is the end that a whole stream has.
        assert not read_answers(raw, 1)
        raw.close()
    again = Hearth("--model", MODEL, "--admin-port", "0", "--context", "1024", port=port)
    try:
        assert again.address == hearth.address
        check_next(again)
        wait_for_rest(again)
    finally:
        assert again.stop() == 0, again.errors()
