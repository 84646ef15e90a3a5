"""Answers that are given again, by the real program; and that a crash leaves nothing of them on disk."""

import os
import signal

import pytest

from conftest import MODEL, Hearth


def serve(models, tmp_path, text):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    configuration = tmp_path / "hearth.yaml"
    configuration.write_text(text)
    return Hearth("--context", "512", "--config", str(configuration))


def ask(server, **more):
    answer = server.client().chat.completions.with_raw_response.create(
        model=MODEL, max_tokens=12, messages=[{"role": "user", "content": "Name a river."}], **more)
    return answer.headers.get("x-hearth-cache"), answer.parse()


def test_a_repeated_question_is_answered_from_the_cache(models, tmp_path):
    hearth = serve(models, tmp_path, "cache:\n  responses_size: 1MiB\n")
    try:
        for more in ({"temperature": 0}, {"temperature": 1, "seed": 5, "n": 2}):
            first, computed = ask(hearth, **more)
            second, kept = ask(hearth, **more)
            assert (first, second) == ("miss", "hit")
            assert [one.message.content for one in kept.choices] == [one.message.content for one in computed.choices]
            assert kept.usage.total_tokens == computed.usage.total_tokens
            assert kept.usage.prompt_tokens_details.cached_tokens == kept.usage.prompt_tokens
            assert kept.id != computed.id
            # As if there were no cache.
            third, again = ask(hearth, extra_headers={"Cache-Control": "no-store"}, **more)
            assert third is None
            assert [one.message.content for one in again.choices] == [one.message.content for one in computed.choices]
        assert ask(hearth, temperature=1)[0] is None
    finally:
        assert hearth.stop() == 0
    assert "response_cache=hit" in hearth.errors()


@pytest.mark.parametrize("wanted", [False, True])
def test_a_crash_writes_no_memory_unless_it_is_wanted(models, tmp_path, wanted):
    hearth = serve(models, tmp_path, f"service:\n  core_dumps: {str(wanted).lower()}\n")
    with open(f"/proc/{hearth.process.pid}/limits", encoding="ascii") as file:
        soft = next(line for line in file if line.startswith("Max core file size")).split()[4]
    with open("/proc/self/limits", encoding="ascii") as file:
        own = next(line for line in file if line.startswith("Max core file size")).split()[4]
    hearth.process.send_signal(signal.SIGABRT)
    _, status = os.waitpid(hearth.process.pid, 0)
    if wanted:
        assert soft == own
    else:
        assert soft in ("0", "1")
        assert not os.WCOREDUMP(status)
