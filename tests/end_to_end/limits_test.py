"""Many callers on one server: their limits, their shares, their priorities."""

import re
import signal
import threading
import time
import urllib.request

import openai
import pytest

from conftest import MODEL, Hearth

HELLO = [{"role": "user", "content": "Tell a story."}]
CLIENT_1, CLIENT_2 = ({"X-Forwarded-For": f"192.0.2.{i}"} for i in (1, 2))


class Limited:
    def __init__(self, tmp_path):
        self.file = tmp_path / "hearth.yaml"
        self.write("requests_per_minute: 2")
        self.hearth = Hearth("--config", str(self.file), "--admin-port", "0", "--parallel", "1")

    def write(self, limits):
        self.file.write_text(f"models: {{preload: ['{MODEL}']}}\nservice: {{trusted_proxies: [127.0.0.1]}}\n"
                             f"limits: {{{limits}}}\n")

    def reload(self, limits):
        before = self.hearth.errors().count("was read again")
        self.write(limits)
        self.hearth.process.send_signal(signal.SIGHUP)
        until(lambda: self.hearth.errors().count("was read again") > before)

    def ask(self, headers, tokens=3, **more):
        return self.hearth.client().chat.completions.with_raw_response.create(
            model=MODEL, messages=HELLO, max_tokens=tokens, extra_headers=headers,
            extra_body={"ignore_eos": True}, **more)

    def metric(self, series):
        with urllib.request.urlopen(self.hearth.metrics, timeout=30) as answer:
            found = re.search(rf"^{re.escape(series)} (\S+)$", answer.read().decode(), re.M)
        return float(found[1])


def until(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to pass")


@pytest.fixture
def limited(models, tmp_path):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store")
    server = Limited(tmp_path)
    yield server
    assert server.hearth.stop() == 0, server.hearth.errors()


def test_a_caller_beyond_its_limit_waits_and_others_do_not(limited):
    with pytest.raises(openai.RateLimitError) as refused:
        for _ in range(100):
            limited.ask(CLIENT_1)
    assert "2 requests a minute (limits.requests_per_minute)" in refused.value.message
    assert 1 <= int(refused.value.response.headers["retry-after"]) <= 30
    limited.ask(CLIENT_2)
    assert limited.metric('hearth_requests_refused_total{limit="requests_per_minute"}') == 1
    limited.reload("tokens_per_minute: 1")
    limited.ask(CLIENT_1, 60)
    with pytest.raises(openai.RateLimitError) as refused:
        limited.ask(CLIENT_1)
    assert "limits.tokens_per_minute" in refused.value.message
    limited.reload("requests_per_minute: 0")
    limited.ask(CLIENT_1)


def test_one_request_does_not_wait_behind_anothers_many(limited):
    limited.reload("requests_per_minute: 0")
    ended = []

    def ask(name, headers, **more):
        limited.ask(headers, 120, **more)
        ended.append(name)

    threads = [threading.Thread(target=ask, args=("low", CLIENT_2), kwargs={"service_tier": "flex"})]
    threads += [threading.Thread(target=ask, args=("many", CLIENT_1)) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: limited.metric(f'hearth_sequences_waiting{{model="{MODEL}"}}') >= 6)
    ask("one", CLIENT_2)
    ended_before = ended.index("one")
    for thread in threads:
        thread.join()
    assert ended_before <= 4  # what had its place already, what was as little served, and what ended meanwhile
    assert len(ended) == 10


def test_no_priority_above_what_is_allowed(limited):
    with pytest.raises(openai.BadRequestError) as refused:
        limited.ask(CLIENT_1, service_tier="priority")
    assert refused.value.param == "service_tier"
    limited.reload("highest_priority: high")
    limited.ask(CLIENT_1, service_tier="priority")
