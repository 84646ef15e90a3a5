"""What the machine can do at most, and how much of that a model's token needs.

A limit of a row is the speed that the machine's peak would give if nothing else took time: 8-bit products of all weights
that a token meets (attention is not counted), or the bytes of weights and cache that decoding one token reads. What the
machine can do changes with its neighbours from one second to the next, so `hearth bench --limits` measures it beside each
repetition, and the share of a row is the median of the repetitions' shares.
"""

import pathlib
import statistics

from comparison.gguf_header import read_header

SHOWN_FEATURES = ["avx2", "avx_vnni", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16"]


def work_of(path):
    """Of one token: the products of all layers' matrices and those of the output layer, which prefill does for the last
    token only; the bytes of weights that decoding reads; the bytes of cache for each token of context, at 16 bits."""
    metadata, every = read_header(path)
    tensors = {name: tensor for name, tensor in every.items() if len(tensor.shape) > 1}
    head = tensors.get("output.weight", tensors["token_embd.weight"])
    layers = [tensor for name, tensor in tensors.items() if name.startswith("blk.")]

    def field(name, default=None):
        return metadata.get(f"{metadata['general.architecture']}.{name}", default)

    heads = field("attention.head_count")
    dimension = field("attention.key_length", field("embedding_length") // heads)
    return {
        "layer_products": sum(tensor.elements for tensor in layers),
        "head_products": head.elements,
        "weight_bytes": sum(tensor.bytes for tensor in [*layers, head]),
        "cache_bytes": 2 * 2 * field("block_count") * field("attention.head_count_kv", heads) * dimension,
    }


def limit_of(row, work, limits):
    """Tokens a second at the machine's peak; None where the row has no such limit."""
    if row.limit == "int8":
        products = work["layer_products"] + (work["head_products"] if row.kind == "decode" else 0)
        return limits["int8_operations_per_second"] / (2 * products)
    if row.limit == "bandwidth":
        return limits["read_bytes_per_second"] / (work["weight_bytes"] + row.prompt * work["cache_bytes"])
    return None


def share_of(row, work, repetitions):
    """The median part of its limit that the row's work reached; None where it has no limit or none was measured."""
    figure = "prefill_tok_s" if row.kind == "prefill" else "decode_tok_s"
    shares = [one[figure] / limit for one in repetitions if (limit := limit_of(row, work, one))]
    return statistics.median(shares) if shares else None


def describe_machine():
    """By what matters for speed, not by name."""
    cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
    lines = [line.split(":", 1) for line in cpuinfo.splitlines() if ":" in line]
    values = {key.strip(): value.strip() for key, value in lines}
    caches = pathlib.Path("/sys/devices/system/cpu/cpu0/cache")
    return {
        "vendor": values["vendor_id"],
        "processors": sum(key.strip() == "processor" for key, _ in lines),
        "features": [name for name in SHOWN_FEATURES if name in values["flags"].split()],
        "caches": {(folder / "level").read_text().strip(): (folder / "size").read_text().strip()
                   for folder in sorted(caches.glob("index[23]"))},
    }  # fmt: skip
