// What the tensors of one model are called and how they are laid out: the one place that knows the difference
// between GGUF and Hugging Face files, and between architectures, as far as weights go.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "models/decoder_configuration.h"

namespace hearth::models {

// Rows of a fused query/key/value tensor: all queries, then all keys, then all values; or, as Falcon has it
// in Hugging Face files, for each key/value head its queries, its key, its value.
enum class FusedLayout { kNone, kConcatenated, kGrouped };

// Names without ".weight" and ".bias". "{layer}" and "{expert}" stand for numbers. An empty name: the file
// has no such tensor by itself (see fused_layout, fused_gate_up).
struct TensorNames {
  std::string token_embedding, output, output_norm;

  std::string attention_norm, feed_forward_norm, post_attention_norm, post_feed_forward_norm;
  std::string query_norm, key_norm;
  std::string query, key, value, query_key_value, attention_output;
  std::string gate, up, down, gate_up;  // gate_up: the gate's rows, then the up's

  std::string router;
  // All experts in one tensor [experts, rows, columns], or one tensor for each.
  std::string merged_gate, merged_up, merged_down, merged_gate_up;
  std::string expert_gate, expert_up, expert_down;
  std::string shared_gate, shared_up, shared_down, shared_switch;  // switch: one row, through a sigmoid

  FusedLayout fused_layout = FusedLayout::kNone;
  bool fused_gate_up = false;
  bool merged_experts = false;
  // Rows of queries and keys come in rotary pairs (0, 1), (2, 3) instead of halves.
  bool interleaved_rotary_rows = false;
  // Gemma's Hugging Face files hold norm weights less one.
  float norm_weight_offset = 0.0f;
};

TensorNames tensor_names(const DecoderConfiguration& configuration, const formats::ModelFiles& files);

// "blk.{layer}.ffn_gate" -> "blk.3.ffn_gate"
std::string with_numbers(std::string_view name, std::size_t layer, std::size_t expert = 0);

}  // namespace hearth::models
