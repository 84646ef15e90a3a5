#!/usr/bin/env python3
"""Writes the seeds of the tokenizer's fuzzer into tests/fuzz/corpus/tokenizer: small tokenizers, each with a text.

Every model, normalizer, pre_tokenizer, decoder and post_processor comes once. Needs the gguf package.
"""

import base64
import json
import pathlib
import struct
import tempfile

import gguf

CORPUS = pathlib.Path(__file__).resolve().parents[2] / "fuzz" / "corpus" / "tokenizer"
TEXT = "Hello  wörld\n\n it's 1234! <s>中文🦙 ab"
LETTERS = "abcdeHhlorwit'1234!Ġ Ċ"


def bpe(**options):
    vocab = {letter: i for i, letter in enumerate(dict.fromkeys(LETTERS))}
    for token in ("ll", "llo", "Ġw", "<unk>", "<0x41>", "<0xC3>", "<0xB6>"):
        vocab[token] = len(vocab)
    return {"type": "BPE", "vocab": vocab, "merges": ["l l", "ll o", ["Ġ", "w"]]} | options


def added(token_id, content, **flags):
    return {"id": token_id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True} | flags  # fmt: skip


def charsmap():
    """A double array with one key, "ö", that leads to "o"."""
    units = [0] * 1024
    first, second = "ö".encode()
    units[0] = 1 << 10
    place = 1 ^ first
    units[place] = (2 << 10) | first
    place ^= 2
    place ^= second
    units[place] = (4 << 10) | 0x100 | second
    units[place ^ 4] = 0x80000000
    trie = b"".join(struct.pack("<I", unit) for unit in units)
    return base64.b64encode(struct.pack("<I", len(trie)) + trie + b"o\0").decode()


def json_seeds():
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    sequence = [{"type": name} for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "Strip")]
    yield "byte_level", {"model": bpe(), "pre_tokenizer": byte_level, "decoder": byte_level,
                         "added_tokens": [added(40, "<s>", rstrip=True), added(41, "it", special=False, single_word=True),
                                          added(42, "ab", special=False, normalized=True, lstrip=True)]}  # fmt: skip
    yield "normalizers", {"model": bpe(unk_token="<unk>", fuse_unk=True),
                          "normalizer": {"type": "Sequence", "normalizers": sequence}}  # fmt: skip
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}
    yield "fallback", {"model": bpe(byte_fallback=True, ignore_merges=True), "pre_tokenizer": metaspace,
                       "normalizer": {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"},
                       "decoder": {"type": "Sequence", "decoders": [
                           {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                           {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}}  # fmt: skip
    splits = [{"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": False}
              for pattern, behavior in ((r"\s+(?!\S)|(?i:'s)", "Isolated"), (r"\p{N}{1,3}", "MergedWithNext"),
                                        (r"\s?[!-/:-~]+", "Contiguous"), (r"\s+$", "Removed"))]  # fmt: skip
    others = [{"type": "Digits", "individual_digits": True}, {"type": "Punctuation", "behavior": "MergedWithPrevious"},
              {"type": "WhitespaceSplit"}, {"type": "Whitespace"}, {"type": "CharDelimiterSplit", "delimiter": "o"}]  # fmt: skip
    yield "splits", {"model": bpe(), "pre_tokenizer": {"type": "Sequence", "pretokenizers": splits + others}}
    pieces = [["<unk>", 0.0], ["<s>", 0.0], ["▁", -2.0], ["l", -3.0], ["ll", -2.5], ["o", -3.0], ["▁it", -4.0]]
    yield "unigram", {"model": {"type": "Unigram", "unk_id": 0, "vocab": pieces}, "pre_tokenizer": metaspace,
                      "normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap()},
                      "decoder": metaspace, "added_tokens": [added(1, "<s>")],
                      "post_processor": {"type": "TemplateProcessing", "single": [
                          {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                          "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}}  # fmt: skip
    words = {token: i for i, token in enumerate(["[UNK]", "[CLS]", "[SEP]", "h", "##e", "##l", "it", "'", "s", "中"])}
    yield "word_piece", {"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": words,
                                   "max_input_chars_per_word": 20},
                         "normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
                         "decoder": {"type": "WordPiece", "prefix": "##"},
                         "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}}  # fmt: skip


def gguf_seed(model, pre, tokens, types, scores=None, merges=None, charsmap_bytes=None):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "seed.gguf"
        writer = gguf.GGUFWriter(path, "llama")
        writer.add_tokenizer_model(model)
        writer.add_tokenizer_pre(pre)
        writer.add_token_list(tokens)
        writer.add_token_types(types)
        if scores:
            writer.add_token_scores(scores)
        if merges:
            writer.add_token_merges(merges)
        if charsmap_bytes:
            writer.add_precompiled_charsmap(charsmap_bytes)
        writer.add_bos_token_id(1)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        return path.read_bytes()


def gguf_seeds():
    vocab = bpe()["vocab"]
    merges = ["l l", "ll o", "Ġ w"]
    for pre in ("llama-bpe", "qwen2", "deepseek-llm", "falcon"):
        yield "gguf_" + pre, gguf_seed("gpt2", pre, list(vocab), [1] * len(vocab), merges=merges)
    pieces = ["<unk>", "<s>", "</s>", "<0x41>", "▁", "l", "ll", "o", "▁it", "user"]
    types = [2, 3, 3, 6, 1, 1, 1, 1, 5, 4]
    scores = [0.0, 0.0, 0.0, 0.0, -1.0, -2.0, -3.0, -4.0, -5.0, 0.0]
    yield "gguf_llama", gguf_seed("llama", "default", pieces, types, scores=scores)
    yield "gguf_t5", gguf_seed("t5", "default", pieces, types, scores=scores,
                               charsmap_bytes=base64.b64decode(charsmap()))  # fmt: skip
    yield "gguf_bert", gguf_seed("bert", "default", ["[PAD]", "[CLS]", "▁it", "l", "▁'"], [3, 3, 1, 1, 1])


if __name__ == "__main__":
    CORPUS.mkdir(parents=True, exist_ok=True)
    for name, tokenizer in json_seeds():
        text = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
        (CORPUS / (name + ".json")).write_bytes(text.encode() + b"\0" + TEXT.encode())
    for name, data in gguf_seeds():
        (CORPUS / name).write_bytes(data)
