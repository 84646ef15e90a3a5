"""An independent float32 reference: decoder models out of GGUF files, in plain numpy.

    python tests/reference/models/numpy_decoder.py MODEL.gguf TOKENS.i32 LOGITS.npy [--chunk 512] [--context N]

Weights are dequantised by the gguf package. TOKENS.i32 holds raw little-endian int32 ids, cut into chunks that
are run as separate texts; LOGITS.npy gets float32 [tokens, vocabulary]. Works layer by layer over all chunks,
so that one layer's weights are in memory at a time. `--verify` runs the tiny models of tests/data/models and
compares with the logits that the transformers package gave for them.
"""

import argparse
import math
import sys
from pathlib import Path

import gguf
import numpy as np


class Model:
    def __init__(self, path, context=None):
        self.reader = gguf.GGUFReader(path)
        self.tensors = {t.name: t for t in self.reader.tensors}
        self.arch = self.field("general.architecture", absolute=True)
        self.layers = self.field("block_count")
        self.width = self.field("embedding_length")
        self.heads = self.field("attention.head_count")
        self.kv_heads = self.field("attention.head_count_kv", self.heads)
        self.size = self.field("attention.key_length", self.width // self.heads)
        self.context = context or self.field("context_length")
        self.falcon = self.arch == "falcon"
        self.gemma = self.arch in ("gemma2", "gemma3")
        self.epsilon = self.field("attention.layer_norm_epsilon" if self.falcon
                                  else "attention.layer_norm_rms_epsilon")

    def field(self, key, otherwise=None, absolute=False):
        found = self.reader.get_field(key if absolute else f"{self.arch}.{key}")
        return otherwise if found is None else found.contents()

    def has(self, name):
        return name in self.tensors

    def get(self, name, otherwise=None):
        """The tensor in float32, slowest dimension first; `otherwise` where the file has none."""
        if name not in self.tensors:
            return otherwise
        tensor = self.tensors[name]
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        return np.asarray(values, np.float32).reshape(tensor.shape[::-1])

    def norm(self, x, name):
        weight = self.get(name + ".weight")
        if self.falcon:
            x = x - x.mean(-1, keepdims=True)
            return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.epsilon) * weight + self.get(name + ".bias")
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.epsilon) * weight

    def linear(self, x, name):
        out = x @ self.get(name + ".weight").T
        bias = self.get(name + ".bias")
        return out if bias is None else out + bias

    # Where a layer's attention looks, and how it turns.
    def window(self, layer):
        window = self.field("attention.sliding_window", 0)
        pattern = self.field("attention.sliding_window_pattern", {"gemma2": 2, "gemma3": 6}.get(self.arch, 0))
        if isinstance(pattern, (list, tuple)):
            return window if pattern[layer] else 0
        return window if pattern == 0 or layer % pattern < pattern - 1 else 0

    def frequencies(self, layer):
        """(angles per position, magnitude)"""
        dims = self.field("rope.dimension_count", self.size)
        exponents = np.arange(0, dims, 2, dtype=np.float64) / dims
        if self.arch == "gemma3" and self.window(layer):
            return self.field("rope.freq_base_swa", 10000.0) ** -exponents, 1.0
        base = self.field("rope.freq_base", 10000.0)
        frequencies = base ** -exponents
        magnitude = self.field("rope.scaling.attn_factor", 1.0)
        kind = self.field("rope.scaling.type", "linear")
        factor = self.field("rope.scaling.factor", 0) or 1.0
        original = self.field("rope.scaling.original_context_length", self.field("context_length"))
        if kind == "linear":
            frequencies = frequencies / factor
        elif kind == "yarn":
            def turns(rotations):
                return dims * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(base))
            low = max(math.floor(turns(self.field("rope.scaling.yarn_beta_fast", 32.0))), 0)
            high = min(math.ceil(turns(self.field("rope.scaling.yarn_beta_slow", 1.0))), dims - 1)
            ramp = np.clip((np.arange(dims // 2) - low) / max(high - low, 0.001), 0, 1)
            frequencies = frequencies / factor * ramp + frequencies * (1 - ramp)
            scale = 0.1 * math.log(factor) + 1
            every = self.field("rope.scaling.yarn_log_multiplier", 0)
            if every:
                scale /= 0.1 * every * math.log(factor) + 1
            magnitude *= self.field("rope.scaling.yarn_attn_factor", scale)
        long, short = self.get("rope_factors_long.weight"), self.get("rope_factors_short.weight")
        if long is not None:
            frequencies = frequencies / (long if self.context > original else short)
        divisors = self.get("rope_freqs.weight")
        return (frequencies if divisors is None else frequencies / divisors), magnitude

    def turn(self, x, positions, frequencies, magnitude):
        """x [tokens, heads, size]"""
        angles = positions[:, None] * frequencies[None]
        cos, sin = (np.cos(angles) * magnitude)[:, None], (np.sin(angles) * magnitude)[:, None]
        dims = 2 * len(frequencies)
        out = x.copy()
        if self.arch == "llama":  # pairs
            a, b = x[..., 0:dims:2], x[..., 1:dims:2]
            out[..., 0:dims:2], out[..., 1:dims:2] = a * cos - b * sin, b * cos + a * sin
        else:  # halves
            a, b = x[..., :dims // 2], x[..., dims // 2:dims]
            out[..., :dims // 2], out[..., dims // 2:dims] = a * cos - b * sin, b * cos + a * sin
        return out.astype(np.float32)

    def attention_scale(self):
        scale = self.field("attention.scale", 0.0)
        if scale:
            return scale
        large = (self.arch, self.layers) in (("gemma2", 46), ("gemma3", 62))
        return 1 / math.sqrt(self.width // self.heads if large else self.size)

    def attention(self, x, layer, chunks):
        block = f"blk.{layer}."
        if self.has(block + "attn_qkv.weight"):
            q, k, v = np.split(self.linear(x, block + "attn_qkv"),
                               [self.heads * self.size, (self.heads + self.kv_heads) * self.size], -1)
        else:
            q, k, v = (self.linear(x, block + "attn_" + n) for n in "qkv")
        q = q.reshape(len(x), self.heads, self.size)
        k = k.reshape(len(x), self.kv_heads, self.size)
        v = v.reshape(len(x), self.kv_heads, self.size)
        if self.has(block + "attn_q_norm.weight"):
            q, k = self.rms(q, block + "attn_q_norm"), self.rms(k, block + "attn_k_norm")
        frequencies, magnitude = self.frequencies(layer)
        window, scale, cap = self.window(layer), self.attention_scale(), self.field("attn_logit_softcapping", 0.0)
        out = np.empty((len(x), self.heads * self.size), np.float32)
        for first, end in chunks:
            positions = np.arange(end - first)
            turned_q = self.turn(q[first:end], positions, frequencies, magnitude)
            turned_k = self.turn(k[first:end], positions, frequencies, magnitude)
            distance = positions[:, None] - positions[None]
            hidden = (distance < 0) | (distance >= window if window else False)
            for head in range(self.heads):
                source = head * self.kv_heads // self.heads
                scores = turned_q[:, head] @ turned_k[:, source].T * np.float32(scale)
                if cap:
                    scores = cap * np.tanh(scores / cap)
                scores = np.where(hidden, -np.inf, scores)
                weights = np.exp(scores - scores.max(-1, keepdims=True))
                weights = (weights / weights.sum(-1, keepdims=True)).astype(np.float32)
                out[first:end, head * self.size:(head + 1) * self.size] = weights @ v[first:end, source]
        return self.linear(out, block + "attn_output")

    def rms(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.epsilon) * self.get(name + ".weight")

    def activation(self, x):
        if self.falcon:
            return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)).astype(np.float32))
        if self.gemma:
            return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)))
        return x / (1 + np.exp(-x))

    def feed_forward(self, x, layer):
        block = f"blk.{layer}."
        if self.has(block + "ffn_gate_inp.weight"):
            return self.experts(x, block)
        up = self.linear(x, block + "ffn_up")
        if self.falcon:
            up = self.activation(up)
        elif self.arch == "phi3":
            gate, up = np.split(up, 2, -1)
            up = self.activation(gate) * up
        else:
            up = self.activation(self.linear(x, block + "ffn_gate")) * up
        return self.linear(up, block + "ffn_down")

    def expert(self, block, kind, e):
        merged = self.get(f"{block}ffn_{kind}_exps.weight")
        return self.get(f"{block}ffn_{kind}.{e}.weight") if merged is None else merged[e]

    def experts(self, x, block):
        router = x @ self.get(block + "ffn_gate_inp.weight").T
        chances = np.exp(router - router.max(-1, keepdims=True))
        chances /= chances.sum(-1, keepdims=True)
        chosen = np.argsort(-chances, axis=-1, kind="stable")[:, :self.field("expert_used_count")]
        weights = np.take_along_axis(chances, chosen, -1)
        if self.field("expert_weights_norm", self.arch != "qwen2moe"):
            weights = weights / weights.sum(-1, keepdims=True)
        out = np.zeros_like(x)
        for e in range(self.field("expert_count")):
            rows, place = np.nonzero(chosen == e)
            if len(rows):
                gate, up, down = (self.expert(block, kind, e) for kind in ("gate", "up", "down"))
                hidden = self.activation(x[rows] @ gate.T) * (x[rows] @ up.T)
                out[rows] += weights[rows, place][:, None] * (hidden @ down.T)
        if self.has(block + "ffn_up_shexp.weight"):
            gate, up, down = (self.get(f"{block}ffn_{kind}_shexp.weight") for kind in ("gate", "up", "down"))
            switch = 1 / (1 + np.exp(-(x @ self.get(block + "ffn_gate_inp_shexp.weight").reshape(-1, 1))))
            out += switch * ((self.activation(x @ gate.T) * (x @ up.T)) @ down.T)
        return out

    def hidden(self, tokens, chunk, report=False):
        chunks = [(i, min(i + chunk, len(tokens))) for i in range(0, len(tokens), chunk)]
        x = self.get("token_embd.weight")[tokens]
        if self.gemma:
            x = x * np.float32(math.sqrt(self.width))
        for layer in range(self.layers):
            block = f"blk.{layer}."
            if self.falcon:
                for_ffn = self.norm(x, block + "attn_norm")
                two = self.has(block + "attn_norm_2.weight")
                for_attention = self.norm(x, block + "attn_norm_2") if two else for_ffn
                x = x + self.attention(for_attention, layer, chunks) + self.feed_forward(for_ffn, layer)
            else:
                added = self.attention(self.norm(x, block + "attn_norm"), layer, chunks)
                x = x + (self.norm(added, block + "post_attention_norm") if self.gemma else added)
                added = self.feed_forward(self.norm(x, block + "ffn_norm"), layer)
                x = x + (self.norm(added, block + "post_ffw_norm") if self.gemma else added)
            x = x.astype(np.float32)
            if report:
                print(f"layer {layer + 1}/{self.layers}", file=sys.stderr)
        return self.norm(x, "output_norm").astype(np.float32)

    def logits(self, hidden, out=None):
        head = self.get("output.weight")
        head = self.get("token_embd.weight") if head is None else head
        cap = self.field("final_logit_softcapping", 0.0)
        out = np.empty((len(hidden), len(head)), np.float32) if out is None else out
        for first in range(0, len(hidden), 256):
            part = hidden[first:first + 256] @ head.T
            out[first:first + 256] = cap * np.tanh(part / cap) if cap else part
        return out


def verify():
    from safetensors.numpy import load_file
    data = Path(__file__).resolve().parents[2] / "data" / "models"
    worst = 0.0
    for path in sorted(data.glob("*/*.gguf")):
        expected = load_file(path.parent / "expected.safetensors")
        for prefix in ("", "short_"):
            if prefix + "tokens" not in expected:
                continue
            tokens = expected[prefix + "tokens"]
            model = Model(path, context=len(tokens) if prefix else None)
            logits = model.logits(model.hidden(tokens, len(tokens)))
            reference = expected[prefix + "logits"]
            error = np.abs(logits - reference).max() / reference.std()
            worst = max(worst, error)
            print(f"{path.relative_to(data)} {prefix}: largest error / deviation {error:.2e}")
    raise SystemExit(worst > 1e-4)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", nargs="?")
    parser.add_argument("tokens", nargs="?")
    parser.add_argument("logits", nargs="?")
    parser.add_argument("--chunk", type=int, default=512)
    parser.add_argument("--context", type=int)
    parser.add_argument("--verify", action="store_true")
    arguments = parser.parse_args()
    if arguments.verify:
        verify()
    model = Model(arguments.model, arguments.context)
    tokens = np.fromfile(arguments.tokens, np.int32)
    hidden = model.hidden(tokens, arguments.chunk, report=True)
    shape = (len(tokens), model.tensors["token_embd.weight"].shape[1])
    out = np.lib.format.open_memmap(arguments.logits, mode="w+", dtype=np.float32, shape=tuple(map(int, shape)))
    model.logits(hidden, out)
    out.flush()


if __name__ == "__main__":
    main()
