#!/usr/bin/env python3
"""Makes tests/data/tokenizers: small tokenizers of every kind, and what the reference libraries make of random text.

Needs tokenizers, sentencepiece, protobuf and gguf. Without arguments it makes the small tokenizers and their cases;
with MODEL files (GGUF or tokenizer.json) it adds their digests to models.json, under the file's name.
"""

import base64
import copy
import json
import pathlib
import sys
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

import references
from random_text import BLOCK, DATA, digests, random_text
from references import BYTE, CONTROL, NORMAL, UNKNOWN, UNUSED, USER_DEFINED

CORPUS = (pathlib.Path(__file__).parent / "corpus.txt").read_text(encoding="utf-8")
COUNT = 500
MODEL_COUNT = 10_000
SEED = 20


def write(name, value):
    text = json.dumps(value, ensure_ascii=True, indent=None, separators=(",", ":"))
    (DATA / name).write_text(text + "\n", encoding="utf-8")


def corpus_lines():
    return CORPUS.split("\n") * 3 + [random_text(99, i) for i in range(400)]


# ---- the small tokenizers ----


def added(token_id, content, special=False, **flags):
    token = {"id": token_id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": special}  # fmt: skip
    return token | flags


def make_byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=640, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())  # fmt: skip
    tokenizer.train_from_iterator(corpus_lines(), trainer)
    base = json.loads(tokenizer.to_str())
    size = len(base["model"]["vocab"])
    base["pre_tokenizer"] = None
    base["decoder"] = BYTE_LETTERS
    base["added_tokens"] = [
        added(size, "<|endoftext|>", special=True),
        added(size + 1, "<|im_start|>", special=True),
        added(size + 2, "<|im_end|>", special=True),
        added(size + 3, "<tool_call>"),
    ]
    return base


def train_sentence_piece(model_type, **options):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "corpus.txt"
        path.write_text(CORPUS * 3, encoding="utf-8")
        prefix = str(pathlib.Path(folder) / "model")
        sentencepiece.SentencePieceTrainer.Train(
            input=str(path), model_prefix=prefix, model_type=model_type, minloglevel=2, num_threads=1, **options)
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(pathlib.Path(prefix + ".model").read_bytes())
        return proto


def make_sentence_piece():
    proto = train_sentence_piece("bpe", vocab_size=1000, character_coverage=0.98, byte_fallback=True, split_digits=True,
                                 normalization_rule_name="identity", remove_extra_whitespaces=False,
                                 allow_whitespace_only_pieces=True, user_defined_symbols=["<table>", "▁▁▁"],
                                 control_symbols=["<start_of_turn>", "<end_of_turn>"])  # fmt: skip
    return {"pieces": [[p.piece, p.score, p.type] for p in proto.pieces]}


def merges_of(pieces):
    """All pairs of tokens that make a token, by falling score: how a list of merges says what scores say."""
    ids = {piece: i for i, (piece, _, kind) in enumerate(pieces) if kind in (NORMAL, USER_DEFINED)}
    pairs = []
    for piece, i in ids.items():
        for cut in range(1, len(piece)):
            if piece[:cut] in ids and piece[cut:] in ids:
                pairs.append((-pieces[i][1], piece[:cut], piece[cut:]))
    pairs.sort(key=lambda pair: pair[0])
    return [[left, right] for _, left, right in pairs]


def make_llama(sentence_piece):
    pieces = sentence_piece["pieces"]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(i, text, special=kind != USER_DEFINED) for i, (text, _, kind) in enumerate(pieces)
                         if kind in (CONTROL, UNKNOWN, USER_DEFINED)],
        "normalizer": None, "pre_tokenizer": None, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": {text: i for i, (text, _, _) in enumerate(pieces)}, "merges": merges_of(pieces)},
    }  # fmt: skip


def make_unigram():
    proto = train_sentence_piece("unigram", vocab_size=800, character_coverage=0.98, hard_vocab_limit=False,
                                 normalization_rule_name="nmt_nfkc")  # fmt: skip
    pieces = [[p.piece, p.score] for p in proto.pieces]
    types = [p.type for p in proto.pieces]
    charsmap = base64.b64encode(proto.normalizer_spec.precompiled_charsmap).decode()
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(i, pieces[i][0], special=True) for i, kind in enumerate(types) if kind != NORMAL],
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": charsmap},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                                      {"Sequence": {"id": "A", "type_id": 0}},
                                      {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                           "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
                           "special_tokens": {name: {"id": name, "ids": [i], "tokens": [name]}
                                              for i, name in ((1, "<s>"), (2, "</s>"))}},
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": 0, "vocab": pieces, "byte_fallback": False},
    }, proto  # fmt: skip


def make_word_piece():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=800, show_progress=False,
                                        special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])  # fmt: skip
    tokenizer.train_from_iterator(CORPUS.split("\n") * 3, trainer)
    base = json.loads(tokenizer.to_str())
    base["decoder"] = {"type": "WordPiece", "prefix": "##", "cleanup": False}
    base["post_processor"] = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    return base


# ---- the cases ----


BASE = "BASE"  # in a list of normalizers: the base's own


class Cases:
    def __init__(self):
        self.cases = []

    def add(self, name, encode, count=COUNT, **fields):
        self.cases.append({
            "name": name, **fields, "count": count,
            "examples": [[random_text(SEED, i), encode(random_text(SEED, i))] for i in range(3)],
            "digests": digests(encode, SEED, count)})  # fmt: skip
        print(f"{name}: {count} texts")

    def json(self, name, base_name, base, patch=None, gguf=None, **fields):
        """A tokenizer.json: `base` with the members of `patch`; perhaps the same out of a GGUF file."""
        whole = copy.deepcopy(base)
        for member, value in (patch or {}).items():
            if member == "model":
                whole["model"].update(value)
            elif member == "normalizer":
                steps = value.get("normalizers", [value])
                whole[member] = {"type": "Sequence",
                                 "normalizers": [base["normalizer"] if step == BASE else step for step in steps]}
            else:
                whole[member] = value
        for trusted in (False, True) if fields.pop("both", False) else (False,):
            tokenizer = Tokenizer.from_str(json.dumps(whole if trusted else references.without_special_pieces(whole)))
            tokenizer.encode_special_tokens = not trusted
            special = fields.get("special", False)
            encode = lambda text: tokenizer.encode(text, add_special_tokens=special).ids  # noqa: B023, E731
            self.add(name + ("_trusted" if trusted else ""), encode, base=base_name, patch=patch or {}, gguf=gguf,
                     trusted=trusted, **fields)  # fmt: skip


def splits(*patterns):
    steps = [{"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
             for pattern in patterns]  # fmt: skip
    return {"type": "Sequence", "pretokenizers": [*steps, BYTE_LETTERS]}


BYTE_LETTERS = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
GPT2 = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
QWEN35 = (references.CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"
          + references.SPACES)  # fmt: skip
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
GPT4O = "|".join([
    r"[^\r\n\p{L}\p{N}]?" + UPPER + "*" + LOWER + "+" + references.CONTRACTIONS + "?",
    r"[^\r\n\p{L}\p{N}]?" + UPPER + "+" + LOWER + "*" + references.CONTRACTIONS + "?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", references.SPACES])  # fmt: skip
TEKKEN = "|".join([r"[^\r\n\p{L}\p{N}]?" + UPPER + "*" + LOWER + "+", r"[^\r\n\p{L}\p{N}]?" + UPPER + "+" + LOWER + "*",
                   r"\p{N}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", references.SPACES])  # fmt: skip
DEEPSEEK_V3 = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"""
               r" ?[\p{P}\p{S}]+[\r\n]*|" + references.SPACES)  # fmt: skip
IDEOGRAPHS = "[一-龥ࠀ-一가-퟿]+"
# The letters with case, as DeepSeek's own tokenizer.json lists them; escaped, for an editor that composes characters
# would change U+1F7D, U+2126 and others.
CASED = (
    "A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF"
    "\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5"
    "\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA"
    "\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45"
    "\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE"
    "\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC"
    "\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139"
    "\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3"
    "\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06"
    "\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A\U00010400-\U0001044F\U000104B0-\U000104D3"
    "\U000104D8-\U000104FB\U00010C80-\U00010CB2\U00010CC0-\U00010CF2\U000118A0-\U000118DF"
    "\U0001E900-\U0001E943"
)


def pattern_cases(cases, base):
    """Every pre-tokenizer that GGUF files name: the same out of both formats."""
    digits = {"type": "Digits", "individual_digits": True}
    single_digits = {"type": "Sequence", "pretokenizers": [digits, GPT2]}
    named = {
        "gpt-2": GPT2,
        "llama-bpe": splits(references.LLAMA3),
        "qwen2": splits(references.QWEN2),
        "qwen35": splits(QWEN35),
        "smollm": single_digits,
        "starcoder": single_digits,
        "deepseek-llm": splits(r"[\r\n]", rf"\s?[{CASED}]+", r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", IDEOGRAPHS, r"\p{N}+"),
        "deepseek-coder": splits(r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", IDEOGRAPHS, r"\p{N}"),
        "falcon": splits(r"[\p{P}\$\+<=>\^~\|`]+", GPT2_PATTERN, "[0-9][0-9][0-9]"),
        "deepseek-v3": splits(r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK_V3),
        "gpt-4o": splits(GPT4O),
        "tekken": splits(TEKKEN),
        "default": splits(r"[\p{P}\$\+<=>\^~\|]+", GPT2_PATTERN, r"\p{N}+", "[0-9][0-9][0-9]"),
    }
    for name, pre_tokenizer in named.items():
        patch = {"pre_tokenizer": pre_tokenizer}
        if name.startswith("qwen"):
            patch["normalizer"] = {"type": "NFC"}
        if name in ("llama-bpe", "tekken"):
            patch["model"] = {"ignore_merges": True}
        cases.json("pre_" + name, "byte_level", base, patch, gguf={"model": "gpt2", "pre": name}, both=name == "qwen2")


def step_cases(cases, base):
    """Pre-tokenizers and normalizers one by one."""
    pre = {
        "byte_level_prefix": [{**GPT2, "add_prefix_space": True}],
        "whitespace": [{"type": "Whitespace"}],
        "whitespace_split": [{"type": "WhitespaceSplit"}],
        "digits": [{"type": "Digits", "individual_digits": False}],
        "bert": [{"type": "BertPreTokenizer"}],
        "delimiter": [{"type": "CharDelimiterSplit", "delimiter": "e"}],
        "metaspace_first": [{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": True}],
        "metaspace_never": [{"type": "Metaspace", "replacement": "_", "prepend_scheme": "never", "split": True}],
    }
    for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
        pre["punctuation_" + behavior] = [{"type": "Punctuation", "behavior": behavior}]
        for invert in (False, True):
            split = {"type": "Split", "pattern": {"Regex": r"\s+|[aeiou]"}, "behavior": behavior, "invert": invert}
            pre[f"split_{behavior}_{'inverted' if invert else 'plain'}"] = [split]
    pre["split_literal"] = [{"type": "Split", "pattern": {"String": "in"}, "behavior": "Isolated", "invert": False}]
    for name, steps in pre.items():
        patch = {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [*steps, BYTE_LETTERS]}}
        cases.json("step_" + name, "byte_level", base, patch, count=200)
    texts = {
        "nfc": [{"type": "NFC"}], "nfd": [{"type": "NFD"}], "nfkc": [{"type": "NFKC"}], "nfkd": [{"type": "NFKD"}],
        "lowercase": [{"type": "Lowercase"}], "strip_accents": [{"type": "NFD"}, {"type": "StripAccents"}],
        "strip": [{"type": "Strip", "strip_left": True, "strip_right": True}],
        "strip_left": [{"type": "Strip", "strip_left": True, "strip_right": False}],
        "prepend": [{"type": "Prepend", "prepend": "▁"}],
        "replace_literal": [{"type": "Replace", "pattern": {"String": "e"}, "content": "EE"}],
        "replace_pattern": [{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}],
        "nmt": [{"type": "Nmt"}],
    }  # fmt: skip
    for name, steps in texts.items():
        patch = {"normalizer": {"type": "Sequence", "normalizers": steps}, "pre_tokenizer": GPT2}
        cases.json("normalizer_" + name, "byte_level", base, patch, count=200)
    patch = {"normalizer": {"type": "Sequence", "normalizers": [{"type": "ByteLevel"}]}, "pre_tokenizer": None}
    cases.json("normalizer_byte_level", "byte_level", base, patch, count=200)


def added_token_cases(cases, base):
    first = max(token["id"] for token in base["added_tokens"]) + 1
    special = base["added_tokens"] + [
        added(first, "[MASK]", special=True, lstrip=True),
        added(first + 1, "</s>", special=True, rstrip=True),
        added(first + 2, "the", single_word=True),
        added(first + 3, "in the", lstrip=True, rstrip=True),
        added(first + 4, "ii"),
        added(first + 5, "iiii"),
        added(first + 6, "\u1112\u1161\u11ab", normalized=True),  # composed: a syllable that the texts repeat
    ]
    patch = {"added_tokens": special, "pre_tokenizer": GPT2, "normalizer": {"type": "NFC"}}
    cases.json("added_tokens", "byte_level", base, patch, both=True)


def sentence_piece_case(cases, name, base, change=lambda pieces: pieces, **fields):
    pieces = change(copy.deepcopy(base["pieces"]))
    flags = {"add_space_prefix": fields.pop("add_space_prefix")}
    encode = references.sentence_piece({
        "tokens": [p.replace("▁", " ") if kind == USER_DEFINED else p for p, _, kind in pieces],
        "scores": [score for _, score, _ in pieces], "token_type": [kind for _, _, kind in pieces], **flags},
        byte_fallback=any(kind == BYTE for _, _, kind in pieces))  # fmt: skip
    types = {str(i): new[2] for i, (old, new) in enumerate(zip(base["pieces"], pieces)) if old[2] != new[2]}
    cases.add(name, encode, base="sentence_piece", gguf={"model": "llama", "types": types, **flags}, trusted=False)


def without_bytes(pieces):
    return [[text, score, UNUSED if kind == BYTE else kind] for text, score, kind in pieces]


def with_unused(pieces):
    long = [i for i, (text, _, kind) in enumerate(pieces) if kind == NORMAL and len(text) > 2]
    for i in long[::2]:
        pieces[i][2] = UNUSED
    return pieces


def llama_cases(cases, base):
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    old = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, replace]}
    new = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    gemma = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    cases.json("llama_prepend", "llama", base, {"normalizer": old}, both=True)
    cases.json("llama_metaspace", "llama", base, {"pre_tokenizer": new}, both=True)
    cases.json("llama_gemma", "llama", base, {"normalizer": replace, "pre_tokenizer": gemma})
    cases.json("llama_unknown", "llama", base, {"normalizer": old, "model": {"byte_fallback": False}})
    cases.json("llama_unknown_apart", "llama", base,
               {"normalizer": old, "model": {"byte_fallback": False, "fuse_unk": False}})  # fmt: skip


def unigram_cases(cases, base, proto):
    words = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, base["pre_tokenizer"]]}
    newer = {"type": "Sequence", "normalizers": [
        BASE, {"type": "Strip", "strip_left": False, "strip_right": True},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]}  # fmt: skip
    cases.json("unigram", "unigram", base, both=True)
    cases.json("unigram_surrounded", "unigram", base, special=True, count=100)
    cases.json("unigram_words", "unigram", base, {"pre_tokenizer": words})
    cases.json("unigram_stripped", "unigram", base, {"normalizer": newer}, count=200)
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(proto.SerializeToString())
    cases.add("unigram_t5", processor.EncodeAsIds, base="unigram", trusted=False,
              gguf={"model": "t5", "add_space_prefix": True, "remove_extra_whitespaces": True})  # fmt: skip


def word_piece_cases(cases, base):
    bert = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
            "lowercase": True}  # fmt: skip
    cases.json("word_piece", "word_piece", base, {"normalizer": bert}, gguf={"model": "bert"}, both=True)
    cases.json("word_piece_surrounded", "word_piece", base, special=True, count=100)
    for name, change in {
        "cased": {"lowercase": False}, "accents": {"strip_accents": False},
        "bare": {"clean_text": False, "handle_chinese_chars": False, "strip_accents": True, "lowercase": False},
    }.items():  # fmt: skip
        cases.json("word_piece_" + name, "word_piece", base, {"normalizer": bert | change})
    cases.json("word_piece_short", "word_piece", base, {"model": {"max_input_chars_per_word": 5}}, count=200)


def make_small():
    byte_level, sentence_piece, word_piece = make_byte_level(), make_sentence_piece(), make_word_piece()
    llama = make_llama(sentence_piece)
    unigram, proto = make_unigram()
    for name, base in {"byte_level": byte_level, "sentence_piece": sentence_piece, "word_piece": word_piece,
                       "llama": llama, "unigram": unigram}.items():  # fmt: skip
        write(name + ".json", base)
    cases = Cases()
    pattern_cases(cases, byte_level)
    step_cases(cases, byte_level)
    added_token_cases(cases, byte_level)
    sentence_piece_case(cases, "sentence_piece", sentence_piece, add_space_prefix=True)
    sentence_piece_case(cases, "sentence_piece_no_prefix", sentence_piece, add_space_prefix=False)
    sentence_piece_case(cases, "sentence_piece_unknown", sentence_piece,
                        without_bytes, add_space_prefix=True)  # fmt: skip
    sentence_piece_case(cases, "sentence_piece_unused", sentence_piece, with_unused, add_space_prefix=True)
    llama_cases(cases, llama)
    unigram_cases(cases, unigram, proto)
    word_piece_cases(cases, word_piece)
    write("cases.json", {"seed": SEED, "block": BLOCK, "cases": cases.cases})


def add_model(path):
    path = pathlib.Path(path)
    target = DATA / "models.json"
    known = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    is_json = path.suffix == ".json"
    encode = references.of_json(path) if is_json else references.of_gguf(path)
    name = f"{path.parent.name}/{path.name}" if is_json else path.name
    known[name] = {"seed": SEED, "count": MODEL_COUNT, "digests": digests(encode, SEED, MODEL_COUNT)}
    target.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{name}: {MODEL_COUNT} texts")


if __name__ == "__main__":
    if len(sys.argv) == 1:
        make_small()
    for argument in sys.argv[1:]:
        add_model(argument)
