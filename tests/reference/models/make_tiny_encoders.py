#!/usr/bin/env python3
"""Makes the tiny random text encoders of tests/data/models and what transformers gives for them.

usage: make_tiny_encoders.py [NAME ...]

`bert_embedder` is saved by sentence-transformers itself and has a tokenizer; its texts' embeddings are what that
library gives. The others are tokens in, numbers out. Weights are random halves, norms and biases too, scaled until
attention is peaked and outputs of different texts differ: a mistaken field shows.

Needs torch, transformers, sentence-transformers and safetensors.
"""

import json
import pathlib
import shutil
import sys

import torch
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Normalize, Pooling, Transformer
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast
from transformers import XLMRobertaConfig, XLMRobertaForSequenceClassification, XLMRobertaModel

OUT = pathlib.Path(__file__).parents[2] / "data" / "models"
LENGTHS = [1, 2, 7, 31, 33, 18]  # tokens of the texts of one batch
WORDS = "the a cat dog house river stone sits runs on in near by big small old new bird fish tree green red".split()
TEXTS = ["the big cat sits on the old stone", "a dog", "the river runs by the green tree near the house",
         "cats and dogs", "birds!", "a small fish in a new red river, near the stones"]  # fmt: skip
PAIRS = [("the cat", "a big cat sits on a stone"), ("river", "the dog runs"), ("old tree", "near the house, by the tree"),
         ("fish", "a")]  # fmt: skip
# No size is a multiple of what vectors have.
ODD = dict(vocab_size=64, hidden_size=36, num_hidden_layers=2, num_attention_heads=3, intermediate_size=58,
           max_position_embeddings=48, layer_norm_eps=1e-3)
EVEN = ODD | dict(hidden_size=64, num_attention_heads=2, intermediate_size=96, num_hidden_layers=3)


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)

    def normal(shape, deviation):
        return torch.randn(shape, generator=generator) * deviation

    for name, parameter in model.named_parameters():
        shape = parameter.shape
        if "LayerNorm" in name:
            value = normal(shape, 0.3) if name.endswith("bias") else torch.rand(shape, generator=generator) + 0.5
        elif name.endswith("bias"):
            value = normal(shape, 0.3)
        elif "embeddings" in name:
            value = normal(shape, 0.7)
        elif ".query." in name or ".key." in name:
            value = normal(shape, 2.0 / shape[-1] ** 0.5)
        else:
            value = normal(shape, 1.5 / shape[-1] ** 0.5)
        parameter.data.copy_(value.half().float())
    return model.eval()


def tokenizer():
    letters = sorted({c for text in WORDS for c in text})
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "!", ",", *WORDS, "##s", *letters][: ODD["vocab_size"]]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    return BertTokenizerFast(tokenizer_object=BertWordPieceTokenizer(vocabulary)._tokenizer, model_max_length=40)


def random_tokens(seed, lowest=3):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(lowest, ODD["vocab_size"], (n,), generator=generator) for n in LENGTHS]


def spread(outputs):
    """How far apart the outputs of different texts are, as a part of their size."""
    outputs = torch.stack(outputs)
    return ((outputs - outputs.mean(0)).norm(dim=-1).mean() / outputs.norm(dim=-1).mean()).item()


def save(folder, model, expected):
    folder.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder)
    save_file({k: v.contiguous() for k, v in expected.items()}, folder / "expected.safetensors")


def tokens_and(texts, **outputs):
    return {"lengths": torch.tensor([len(t) for t in texts], dtype=torch.int32), "tokens": torch.cat(texts).int()} | outputs


def bert_embedder(folder):
    source = folder.with_suffix(".source")
    randomise(BertModel(BertConfig(**ODD), add_pooling_layer=False), 7).save_pretrained(source)
    tokenizer().save_pretrained(source)
    transformer = Transformer(str(source), max_seq_length=40)
    width = ODD["hidden_size"]
    whole = SentenceTransformer(modules=[transformer, Pooling(width, pooling_mode="mean"), Normalize()], device="cpu")
    embeddings = torch.tensor(whole.encode(TEXTS))
    tokens = [torch.tensor(whole.tokenizer(text)["input_ids"]) for text in TEXTS]
    whole.save(str(folder))
    shutil.rmtree(source)
    (folder / "README.md").unlink(missing_ok=True)
    (folder / "texts.json").write_text(json.dumps(TEXTS))
    save_file(tokens_and(tokens, outputs=embeddings), folder / "expected.safetensors")
    return spread(list(embeddings))


def roberta_embedder(folder):
    model = randomise(XLMRobertaModel(XLMRobertaConfig(**EVEN, pad_token_id=1, type_vocab_size=1), add_pooling_layer=False), 3)
    texts = random_tokens(4)
    with torch.no_grad():
        outputs = [model(t[None]).last_hidden_state[0, 0] for t in texts]
    save(folder, model, tokens_and(texts, outputs=torch.stack(outputs)))
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    (folder / "modules.json").write_text(json.dumps(
        [{"idx": i, "name": str(i), "path": path, "type": "sentence_transformers.models." + name}
         for i, (path, name) in enumerate(modules)]))  # fmt: skip
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(
        {"word_embedding_dimension": 64, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False,
         "pooling_mode_max_tokens": False}))  # fmt: skip
    (folder / "config_sentence_transformers.json").write_text(json.dumps(
        {"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": None}))  # fmt: skip
    return spread(outputs)


def bert_reranker(folder):
    model = randomise(BertForSequenceClassification(BertConfig(**EVEN, num_labels=1)), 11)
    words = tokenizer()
    encoded = [words(a, b) for a, b in PAIRS]
    with torch.no_grad():
        outputs = [model(**words(a, b, return_tensors="pt")).logits[0] for a, b in PAIRS]
    second = torch.tensor([e["token_type_ids"].index(1) for e in encoded], dtype=torch.int32)
    texts = [torch.tensor(e["input_ids"]) for e in encoded]
    save(folder, model, tokens_and(texts, second=second, outputs=torch.stack(outputs)))
    words.save_pretrained(folder)
    (folder / "texts.json").write_text(json.dumps(PAIRS))
    return spread(outputs)


def roberta_reranker(folder):
    config = XLMRobertaConfig(**ODD, pad_token_id=1, type_vocab_size=1, num_labels=3)
    model = randomise(XLMRobertaForSequenceClassification(config), 13)
    texts = random_tokens(6)
    with torch.no_grad():
        outputs = [model(t[None]).logits[0] for t in texts]
    save(folder, model, tokens_and(texts, outputs=torch.stack(outputs)))
    return spread(outputs)


MAKERS = {f.__name__: f for f in (bert_embedder, roberta_embedder, bert_reranker, roberta_reranker)}

if __name__ == "__main__":
    for name in sys.argv[1:] or MAKERS:
        print(f"{name}: spread {MAKERS[name](OUT / name):.3f}")
        for path in (OUT / name).rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
