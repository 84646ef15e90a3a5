"""Embeddings and rankings through the real program: the official client, the verb, and chats beside them."""

import json
import math
import subprocess
import urllib.request

import openai
import pytest

from conftest import MODEL, PROGRAM, ROOT, Hearth

TINY = ROOT / "tests" / "data" / "models" / "bert_embedder"
TEXTS = json.loads((TINY / "texts.json").read_text())


@pytest.fixture(scope="module")
def encoder(models):
    hearth = Hearth("--model", str(TINY), "--admin-port", "0")
    yield hearth
    assert hearth.stop() == 0, hearth.errors()


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def post(hearth, path, **fields):
    request = urllib.request.Request(hearth.address + path, json.dumps(fields).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def embeddings(hearth, **options):
    return hearth.client().embeddings.create(**{"model": "bert_embedder", "input": TEXTS, **options})


def test_the_client_gets_what_the_verb_prints(encoder):
    # The client asks for base64 of its own accord.
    answer = embeddings(encoder)
    printed = subprocess.run([PROGRAM, "embed", str(TINY)], input="\n".join(TEXTS), capture_output=True, text=True,
                             timeout=120, check=True).stdout.splitlines()  # fmt: skip
    assert [entry.index for entry in answer.data] == list(range(len(TEXTS)))
    for entry, line in zip(answer.data, printed, strict=True):
        assert cosine(entry.embedding, json.loads(line)) > 0.999999
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > len(TEXTS) * 3
    plain = embeddings(encoder, encoding_format="float")
    for entry, same in zip(plain.data, answer.data, strict=True):
        assert entry.embedding == pytest.approx(same.embedding)


def test_alone_or_with_others_an_embedding_is_the_same(encoder):
    together = embeddings(encoder)
    assert [embeddings(encoder, input=text).data[0].embedding for text in TEXTS] == [e.embedding for e in together.data]


def test_too_long_is_an_error_that_says_how_long(encoder):
    with pytest.raises(openai.BadRequestError) as error:
        embeddings(encoder, input=["cat " * 100])
    assert error.value.code == "context_length_exceeded"
    assert "102" in error.value.message and "40" in error.value.message
    assert len(embeddings(encoder, input="cat " * 100, extra_body={"truncate": True}).data[0].embedding) == 36


def test_ranking_by_embeddings_says_so(encoder):
    answer = post(encoder, "/v1/rerank", query="the cat", documents=["red river", "the cat", "a bird"], top_n=2)
    assert answer["method"] == "embedding_similarity"
    assert [one["index"] for one in answer["results"]][0] == 1
    assert len(answer["results"]) == 2


def test_what_was_encoded_is_counted_and_nothing_of_it_is_logged(encoder):
    embeddings(encoder, input="stone redstone")
    with urllib.request.urlopen(encoder.metrics, timeout=30) as answer:
        metrics = answer.read().decode()
    assert 'hearth_encoded_texts_total{model="bert_embedder"}' in metrics
    assert 'route="/v1/embeddings"' in metrics
    assert "redstone" not in metrics + encoder.errors()


def test_chats_and_embeddings_get_on_beside_each_other(models):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    hearth = Hearth("--model", str(TINY), "--context", "1024")
    try:
        question = [{"role": "user", "content": "Write a long story about rivers."}]
        options = dict(model=MODEL, messages=question, max_tokens=48, seed=5)
        alone = hearth.client().chat.completions.create(**options).choices[0].message.content
        pieces = []
        for chunk in hearth.client().chat.completions.create(**options, stream=True):
            pieces += [choice.delta.content or "" for choice in chunk.choices]
            if len(pieces) < 20:
                assert len(embeddings(hearth).data) == len(TEXTS)
        assert "".join(pieces) == alone
    finally:
        assert hearth.stop() == 0, hearth.errors()


def test_a_model_that_writes_is_named_where_embeddings_are_wanted(encoder, models):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    with pytest.raises(openai.BadRequestError, match="writes text"):
        embeddings(encoder, model=MODEL)
    with pytest.raises(openai.BadRequestError, match="makes embeddings"):
        encoder.client().chat.completions.create(model="bert_embedder", messages=[{"role": "user", "content": "hi"}])
