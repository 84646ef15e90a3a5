"""Independent tokenizers for the vocabularies of GGUF files: `tokenizers` for byte-level BPE, SentencePiece for its own.

Each function gives encode(text) -> ids, without BOS and EOS, control tokens staying text.
"""

import copy
import json
import pathlib

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES
QWEN2 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|" + SPACES


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def byte_letters():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)


def gpt2():
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


PRE_TOKENIZERS = {
    "gpt-2": gpt2,
    "llama-bpe": lambda: pre_tokenizers.Sequence([split(LLAMA3), byte_letters()]),
    "smollm": lambda: pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2()]),
    "qwen2": lambda: pre_tokenizers.Sequence([split(QWEN2), byte_letters()]),
}
NORMALIZERS = {"qwen2": normalizers.NFC}
WHOLE_WORDS_FIRST = {"llama-bpe"}  # a word that is a token is never merged from parts


def read_fields(path):
    reader = gguf.GGUFReader(path)
    names = ("tokens", "scores", "token_type", "merges", "pre", "model", "add_space_prefix")
    found = {}
    for name in names:
        field = reader.fields.get("tokenizer.ggml." + name)
        if field is not None:
            found[name] = field.contents()
    return found


def byte_level(fields):
    vocabulary = {token: i for i, token in enumerate(fields["tokens"])}
    merges = [tuple(merge.split(" ", 1)) for merge in fields["merges"]]
    name = fields["pre"]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=name in WHOLE_WORDS_FIRST))
    if name in NORMALIZERS:
        tokenizer.normalizer = NORMALIZERS[name]()
    tokenizer.pre_tokenizer = PRE_TOKENIZERS[name]()
    tokenizer.decoder = decoders.ByteLevel()
    for token, kind in zip(fields["tokens"], fields["token_type"]):
        if kind == CONTROL:
            tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False)])
        elif kind == USER_DEFINED:
            tokenizer.add_tokens([AddedToken(token, special=False, normalized=False)])
    tokenizer.encode_special_tokens = True
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def sentence_piece(fields, byte_fallback=True):
    proto = sentencepiece_model_pb2.ModelProto()
    for token, score, kind in zip(fields["tokens"], fields["scores"], fields["token_type"]):
        # A converted file may call <unk> control, but SentencePiece wants one unknown piece; and it spells the spaces
        # of user-defined tokens as they are in the text, where SentencePiece has its marker.
        kind = UNKNOWN if token == "<unk>" else int(kind)
        token = token.replace(" ", "▁") if kind == USER_DEFINED else token
        proto.pieces.add(piece=token, score=score, type=kind)
    trainer = proto.trainer_spec
    trainer.model_type = sentencepiece_model_pb2.TrainerSpec.BPE
    trainer.byte_fallback = byte_fallback
    trainer.vocab_size = len(proto.pieces)
    normalizer = proto.normalizer_spec
    normalizer.name = "identity"
    normalizer.add_dummy_prefix = bool(fields.get("add_space_prefix", True))
    normalizer.remove_extra_whitespaces = False
    normalizer.escape_whitespaces = True
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(proto.SerializeToString())
    return processor.EncodeAsIds


def word_piece(fields):
    """A GGUF file marks the beginning of a word where BERT marks its continuation."""

    def spelling(token, kind):
        if kind in (CONTROL, UNKNOWN):
            return token
        return token.removeprefix("▁") if token.startswith("▁") else "##" + token

    kinds = zip(fields["tokens"], fields["token_type"])
    vocabulary = {spelling(token, kind): i for i, (token, kind) in enumerate(kinds)}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


READERS = {"gpt2": byte_level, "llama": sentence_piece, "bert": word_piece}


def of_gguf(path):
    fields = read_fields(path)
    return READERS[fields["model"]](fields)


def without_special_pieces(whole):
    """The reference's Unigram model finds "<s>" in any text, even where special tokens are to stay text; SentencePiece
    does not, and neither do we."""
    if whole["model"]["type"] != "Unigram" or whole["post_processor"] is None:
        return whole
    whole = copy.deepcopy(whole)
    for i, token in enumerate(whole.pop("added_tokens")):
        whole["model"]["vocab"][token["id"]][0] = chr(0x10FFF0 + i)
    whole["added_tokens"] = []
    return whole


def of_json(path):
    whole = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_str(json.dumps(without_special_pieces(whole)))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids
