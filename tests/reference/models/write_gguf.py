"""Writes a Hugging Face folder as a float16 GGUF file by the conventions of llama.cpp's converter.

Independent of the product: names come from the gguf package's own table; the reordering of rotary rows, of
Falcon's fused tensor and of expert tensors, Gemma's norm weights + 1 and the metadata keys are restated here.
Two keys go beyond that converter, because it has no other way to say it: attention.scale where Gemma's query
scalar is not the head size, and the windows of Mistral and Qwen2.
"""

import json
import math

import gguf
import numpy as np
from safetensors.numpy import load_file

ARCHITECTURES = {"llama": "llama", "mistral": "llama", "mixtral": "llama", "qwen2": "qwen2", "qwen3": "qwen3",
                 "qwen2_moe": "qwen2moe", "qwen3_moe": "qwen3moe", "gemma2": "gemma2", "gemma3_text": "gemma3",
                 "phi3": "phi3", "falcon": "falcon"}


def interleave(rows, heads):
    """Rotary rows from half-split order to pairs, as files of the llama family have them."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def falcon_rows(fused, heads, groups, size):
    """From groups of (queries, key, value) to all queries, all keys, all values."""
    parts = fused.reshape(groups, heads // groups + 2, size, *fused.shape[1:])
    pick = [parts[:, :-2], parts[:, [-2]], parts[:, [-1]]]
    return np.concatenate([p.reshape(-1, *fused.shape[1:]) for p in pick])


def merged_experts(tensors, layers):
    """Stacks per-expert matrices, under the names that the gguf package's table knows."""
    out = dict(tensors)
    for layer in range(layers):
        for kind, prefix in (("w1", "block_sparse_moe"), ("w2", "block_sparse_moe"), ("w3", "block_sparse_moe"),
                             ("gate_proj", "mlp"), ("up_proj", "mlp"), ("down_proj", "mlp")):
            stack = []
            while (n := f"model.layers.{layer}.{prefix}.experts.{len(stack)}.{kind}.weight") in out:
                stack.append(out.pop(n))
            if stack:
                new = f"layers.{layer}.feed_forward.experts.{kind}" if kind[0] == "w" else \
                    f"model.layers.{layer}.mlp.experts.{kind}"
                out[new + ".weight"] = np.stack(stack)
    return out


OLD_EXPERTS = {"w1": "ffn_gate", "w2": "ffn_down", "w3": "ffn_up"}


def write_gguf(folder, path, merge_experts=True):
    config = json.loads((folder / "config.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    kind = config["model_type"]
    arch = ARCHITECTURES[kind]
    writer = gguf.GGUFWriter(path, arch)
    heads = config["num_attention_heads"]
    layers = config["num_hidden_layers"]
    size = config.get("head_dim") or config["hidden_size"] // heads
    write_metadata(writer, config, arch, heads, layers, size)
    write_rope(writer, config, arch, size)

    if merge_experts:
        tensors = merged_experts(tensors, layers)
    names = [gguf.get_tensor_name_map(next(a for a, n in gguf.MODEL_ARCH_NAMES.items() if n == table), layers)
             for table in (arch, "llama")]  # llama's table for the dense layers of expert models
    kv = kv_heads(config)
    for name, data in tensors.items():
        data = data.astype(np.float32)
        if arch == "llama" and ("q_proj" in name or "k_proj" in name):
            data = interleave(data, heads if "q_proj" in name else kv)
        if "query_key_value" in name:
            data = falcon_rows(data, heads, kv, size)
        if kind.startswith("gemma") and name.endswith("norm.weight"):
            data = data + 1
        new = None
        if ".experts." in name and name.split(".")[-3].isdigit():
            parts = name.split(".")
            new = f"blk.{parts[2]}.{OLD_EXPERTS[parts[-2]]}.{parts[-3]}.weight"
        for table in names:
            new = new or table.get_name(name, try_suffixes=(".weight", ".bias"))
        if new is None:
            raise SystemExit(f"{path}: no GGUF name for {name}")
        data = data.squeeze()
        router = new.endswith("ffn_gate_inp.weight")
        writer.add_tensor(new, data if data.ndim == 1 or router else data.astype(np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def kv_heads(config):
    if config["model_type"] == "falcon":
        return config["num_kv_heads"] if config["new_decoder_architecture"] or not config["multi_query"] else 1
    return config["num_key_value_heads"]


def write_metadata(writer, config, arch, heads, layers, size):
    kind = config["model_type"]
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_block_count(layers)
    writer.add_context_length(2048 if kind == "falcon" else config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config.get("intermediate_size") or 4 * config["hidden_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads(config))
    if kind == "falcon":
        writer.add_tensor_data_layout("jploski")
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    else:
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if config.get("head_dim") is not None and kind not in ("falcon", "phi3"):
        writer.add_key_length(size)
        writer.add_value_length(size)
    if arch == "llama":
        writer.add_vocab_size(config["vocab_size"])
        writer.add_rope_dimension_count(size)
    if kind == "gemma2":
        writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
    if kind in ("gemma2", "gemma3_text"):
        writer.add_final_logit_softcapping(config["final_logit_softcapping"])
        writer.add_attention_scale(config["query_pre_attn_scalar"] ** -0.5)
    experts = config.get("num_local_experts") or config.get("num_experts")
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config["num_experts_per_tok"])
        if config.get("moe_intermediate_size"):
            writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
        if config.get("shared_expert_intermediate_size"):
            writer.add_expert_shared_feed_forward_length(config["shared_expert_intermediate_size"])
        if kind == "qwen2_moe" and config["norm_topk_prob"]:
            writer.add_expert_weights_norm(True)
    window = config.get("sliding_window")
    if kind.startswith("qwen") and not config.get("use_sliding_window"):
        window = None
    if window:
        writer.add_sliding_window(window)
        types = config.get("layer_types")
        if types and kind != "gemma2":
            writer.add_sliding_window_pattern([t == "sliding_attention" for t in types])


def write_rope(writer, config, arch, size):
    rope = config["rope_parameters"]
    if "sliding_attention" in rope:
        writer.add_rope_freq_base_swa(rope["sliding_attention"]["rope_theta"])
        rope = rope["full_attention"]
    writer.add_rope_freq_base(rope["rope_theta"])
    kind = rope["rope_type"]
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(kind))
        writer.add_rope_scaling_factor(rope["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        if "attention_factor" in rope:
            writer.add_rope_scaling_yarn_attn_factor(rope["attention_factor"])
        if "beta_fast" in rope:
            writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
            writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
        if "mscale_all_dim" in rope:
            writer.add_rope_scaling_yarn_log_mul(rope["mscale_all_dim"])
    if kind == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_divisors(rope, size))
    if arch == "phi3":
        original = config["original_max_position_embeddings"]
        scale = config["max_position_embeddings"] / original
        writer.add_rope_dimension_count(int(rope["partial_rotary_factor"] * config["hidden_size"])
                                        // config["num_attention_heads"])
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))
        writer.add_tensor("rope_factors_long.weight", np.array(rope["long_factor"], np.float32))
        writer.add_tensor("rope_factors_short.weight", np.array(rope["short_factor"], np.float32))


def llama3_divisors(rope, size):
    original = rope["original_max_position_embeddings"]
    low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
    divisors = []
    for i in range(0, size, 2):
        wavelength = np.float32(2 * math.pi) * np.float32(rope["rope_theta"] ** (i / size))
        if wavelength < original / high:
            divisors.append(1.0)
        elif wavelength > original / low:
            divisors.append(factor)
        else:
            smooth = (original / wavelength - low) / (high - low)
            divisors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(divisors, np.float32)
