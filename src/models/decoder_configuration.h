// Everything in which the decoder's architectures differ, as plain values, and how to read it from a model's
// files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/model_files.h"
#include "kernels/elementwise.h"

namespace hearth::models {

enum class NormKind { kRms, kLayer };
enum class RopeScaling { kNone, kLinear, kLlama3, kYarn, kLong };

struct RopeConfiguration {
  float base = 10000.0f;
  std::int32_t dimensions = 0;  // of each head that turn; the rest pass unchanged
  RopeScaling scaling = RopeScaling::kNone;
  float factor = 1.0f;
  std::int32_t original_context = 0;  // tokens
  float attention_factor = 0.0f;      // multiplies cosine and sine; 0: by the scaling's own rule
  // llama3
  float low_frequency_factor = 1.0f, high_frequency_factor = 4.0f;
  // yarn
  float beta_fast = 32.0f, beta_slow = 1.0f;
  bool truncate = true;  // rounds the bounds of the ramp outwards to whole dimensions
  float mscale = 0.0f, mscale_all_dimensions = 0.0f;  // count where both are set
  // One divisor per frequency: long rope's, chosen by the configured context, and those that a GGUF file
  // brings (rope_freqs).
  std::vector<float> short_factors, long_factors, frequency_divisors;

  bool operator==(const RopeConfiguration&) const = default;
};

struct ExpertConfiguration {
  std::int32_t count = 0;  // 0: every feed-forward is dense
  std::int32_t used = 0;   // per token
  std::int32_t hidden_width = 0;
  bool normalise_weights = true;
  std::int32_t shared_hidden_width = 0;  // Qwen2-MoE's shared expert, gated by a sigmoid; 0: none

  bool operator==(const ExpertConfiguration&) const = default;
};

// What may differ from layer to layer.
struct LayerConfiguration {
  std::int32_t window = 0;  // a token sees itself and the window - 1 before; 0: the whole context
  bool uses_local_rope = false;
  bool has_experts = false;
  std::int32_t group = 0;  // layers of one group share a page table and have one window

  bool operator==(const LayerConfiguration&) const = default;
};

struct DecoderConfiguration {
  std::string architecture;  // GGUF's name: "llama", "qwen2", "gemma3" ...
  std::int32_t layers_count = 0, width = 0, hidden_width = 0, vocabulary = 0;
  std::int32_t heads = 0, key_value_heads = 0, head_dimension = 0;
  std::int32_t trained_context = 0;  // tokens

  NormKind norm = NormKind::kRms;
  float norm_epsilon = 1e-5f;
  bool query_key_norm = false;          // per head, before rope (Qwen3, Gemma 3)
  bool post_norms = false;              // after attention and after feed-forward, before the residual (Gemma)
  bool parallel_residual = false;       // attention and feed-forward read the same input (Falcon)
  bool separate_parallel_norm = false;  // ... each with a norm of its own (Falcon 40B)
  bool query_key_value_bias = false, attention_output_bias = false, feed_forward_bias = false;
  bool gated = true;  // activation(gate) * up, else activation(up) alone
  kernels::Activation activation = kernels::Activation::kSilu;
  float embedding_scale = 1.0f;
  float attention_scale = 0.0f;                            // multiplies query . key
  float attention_soft_cap = 0.0f, final_soft_cap = 0.0f;  // 0: none
  bool tied_embeddings = false;                            // the head is the token embedding

  RopeConfiguration rope, local_rope;  // local_rope: windowed layers of Gemma 3
  ExpertConfiguration experts;
  std::vector<LayerConfiguration> layers;

  std::int32_t query_width() const { return heads * head_dimension; }
  std::int32_t key_value_width() const { return key_value_heads * head_dimension; }
  std::int32_t layer_group_count() const;
  // Bytes of key/value cache for one page of kernels::kPageTokens tokens in all layers of `group`.
  std::size_t page_bytes(std::int32_t group, kernels::CacheType cache_type) const;

  bool operator==(const DecoderConfiguration&) const = default;
};

// Reads GGUF metadata or a Hugging Face config.json. Throws kUnsupported naming the architecture and the
// known ones, kCorruptData naming the key with a value that is missing or absurd.
DecoderConfiguration read_decoder_configuration(const formats::ModelFiles& files);

// GGUF's names, then the model types of Hugging Face that differ from them.
std::vector<std::string> known_architectures();

}  // namespace hearth::models
