// GGUF metadata after llama.cpp's conventions: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, and
// what that page leaves to the architecture (defaults, window patterns, attention scales) as llama.cpp's
// converter and loader have it.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "base/error.h"
#include "models/configuration_readers.h"

namespace hearth::models {
namespace {

constexpr std::string_view kArchitectures[] = {"llama",  "qwen2",  "qwen3", "qwen2moe", "qwen3moe",
                                               "gemma2", "gemma3", "phi3",  "falcon"};

// The keys of one architecture: "llama.block_count" is asked for as "block_count".
class Keys {
 public:
  Keys(const formats::GgufMetadata& metadata, std::string architecture)
      : metadata_(metadata), prefix_(std::move(architecture) + ".") {}

  std::string name(std::string_view key) const { return prefix_ + std::string(key); }
  const formats::GgufMetadata& metadata() const { return metadata_; }
  bool contains(std::string_view key) const { return metadata_.contains(name(key)); }

  std::int32_t integer(std::string_view key, std::int32_t otherwise) const {
    return metadata_.find_i32(name(key)).value_or(otherwise);
  }
  std::int32_t require_integer(std::string_view key) const {
    const std::uint32_t value = metadata_.require_u32(name(key));
    if (value > std::numeric_limits<std::int32_t>::max())
      throw Error(ErrorKind::kCorruptData,
                  fmt::format("{}: {} is {}, beyond any model", metadata_.source(), name(key), value));
    return static_cast<std::int32_t>(value);
  }
  float number(std::string_view key, float otherwise) const {
    return metadata_.find_f32(name(key)).value_or(otherwise);
  }
  bool flag(std::string_view key, bool otherwise) const {
    return metadata_.find_bool(name(key)).value_or(otherwise);
  }

  // A number that some files give once and others layer by layer, which must then agree.
  std::optional<std::int32_t> uniform_integer(std::string_view key) const {
    const formats::GgufValue* value = metadata_.find(name(key));
    if (value == nullptr) return std::nullopt;
    if (value->type != formats::GgufType::kArray) return require_integer(key);
    const std::vector<std::int32_t> values = metadata_.require_i32_array(name(key));
    if (values.empty() || std::any_of(values.begin(), values.end(),
                                      [&](std::int32_t other) { return other != values.front(); }))
      throw Error(ErrorKind::kUnsupported,
                  fmt::format("{}: {} differs from layer to layer", metadata_.source(), name(key)),
                  "models whose layers have different shapes are not supported");
    return values.front();
  }

 private:
  const formats::GgufMetadata& metadata_;
  std::string prefix_;
};

bool is_gemma(std::string_view architecture) { return architecture == "gemma2" || architecture == "gemma3"; }

void refuse_what_is_not_here(const Keys& keys, std::string_view architecture) {
  if (!keys.flag("attention.causal", true))
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{}: the model attends in both directions", keys.metadata().source()),
                "it makes embeddings, not text");
  for (const std::string_view key : {"attention.max_alibi_bias", "attention.clamp_kqv"})
    if (keys.number(key, 0.0f) != 0.0f)
      throw Error(ErrorKind::kUnsupported, fmt::format("{}: {} is set, which is not supported",
                                                       keys.metadata().source(), keys.name(key)));
  // Falcon's fused rows come in an order of their own; older files of the llama family name others.
  const auto layout = keys.metadata().find_string(keys.name("tensor_data_layout"));
  if (architecture == "falcon" && layout && *layout != "jploski")
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{}: unknown tensor data layout \"{}\"", keys.metadata().source(), *layout));
}

void read_shapes(const Keys& keys, const formats::ModelFiles& files, DecoderConfiguration& c) {
  set_layer_count(c, keys.require_integer("block_count"), files);
  c.width = keys.require_integer("embedding_length");
  c.hidden_width = keys.uniform_integer("feed_forward_length").value_or(0);
  c.trained_context = keys.require_integer("context_length");
  const auto heads = keys.uniform_integer("attention.head_count");
  if (!heads) keys.metadata().require_u32(keys.name("attention.head_count"));  // throws
  c.heads = *heads;
  c.key_value_heads = keys.uniform_integer("attention.head_count_kv").value_or(c.heads);
  c.head_dimension = keys.integer("attention.key_length", c.heads > 0 ? c.width / c.heads : 0);
  const std::int32_t value_length = keys.integer("attention.value_length", c.head_dimension);
  if (value_length != c.head_dimension)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{}: keys have {} and values {} elements a head", keys.metadata().source(),
                            c.head_dimension, value_length),
                "only models with one head size are supported");
  const TensorEntry& embedding = files.require("token_embd.weight");
  if (embedding.shape.size() != 2 || embedding.shape[0] > std::numeric_limits<std::int32_t>::max())
    throw Error(ErrorKind::kCorruptData, fmt::format("tensor {} has the shape {}, not [vocabulary, width]",
                                                     embedding.name, to_string(embedding.shape)));
  c.vocabulary = static_cast<std::int32_t>(embedding.shape[0]);
}

void read_rope_scaling(const Keys& keys, RopeConfiguration& rope) {
  const std::string_view kind =
      keys.metadata().find_string(keys.name("rope.scaling.type")).value_or("linear");
  rope.factor = keys.number("rope.scaling.factor", keys.number("rope.scale_linear", 1.0f));
  if (rope.factor == 0.0f) rope.factor = 1.0f;  // old converters' way to say "none"
  if (kind == "linear") {
    if (rope.factor != 1.0f) rope.scaling = RopeScaling::kLinear;
  } else if (kind == "yarn") {
    rope.scaling = RopeScaling::kYarn;
    rope.beta_fast = keys.number("rope.scaling.yarn_beta_fast", rope.beta_fast);
    rope.beta_slow = keys.number("rope.scaling.yarn_beta_slow", rope.beta_slow);
    rope.mscale_all_dimensions = keys.number("rope.scaling.yarn_log_multiplier", 0.0f);
    if (rope.mscale_all_dimensions != 0.0f) rope.mscale = 1.0f;
    rope.attention_factor = keys.number("rope.scaling.yarn_attn_factor", rope.attention_factor);
  } else if (kind == "none" || kind == "longrope") {
    rope.factor = 1.0f;  // long rope is known by its tensors
  } else {
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{}: rope scaling \"{}\" is not known", keys.metadata().source(), kind),
                "known are none, linear, yarn and longrope");
  }
}

void read_rope(const Keys& keys, const formats::ModelFiles& files, DecoderConfiguration& c) {
  RopeConfiguration& rope = c.rope;
  rope.base = keys.number("rope.freq_base", c.architecture == "gemma3" ? 1e6f : 10000.0f);
  rope.dimensions = keys.integer("rope.dimension_count", c.head_dimension);
  rope.original_context = keys.integer("rope.scaling.original_context_length", c.trained_context);
  rope.attention_factor = keys.number("rope.scaling.attn_factor", 0.0f);
  read_rope_scaling(keys, rope);
  const TensorEntry* long_factors = files.find("rope_factors_long.weight");
  const TensorEntry* short_factors = files.find("rope_factors_short.weight");
  if (long_factors != nullptr && short_factors != nullptr) {
    rope.scaling = RopeScaling::kLong;
    rope.long_factors = read_float_vector(*long_factors);
    rope.short_factors = read_float_vector(*short_factors);
    if (rope.original_context > 0)
      rope.factor = static_cast<float>(c.trained_context) / static_cast<float>(rope.original_context);
  }
  if (const TensorEntry* divisors = files.find("rope_freqs.weight"))
    rope.frequency_divisors = read_float_vector(*divisors);
  // Rows of the llama family come in pairs over the whole head; that order leaves no room for a rest.
  if (c.architecture == "llama" && rope.dimensions != c.head_dimension)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{}: {} of {} elements of a head are rotary", keys.metadata().source(),
                            rope.dimensions, c.head_dimension),
                "files of the architecture \"llama\" must turn whole heads");
}

void read_windows(const Keys& keys, DecoderConfiguration& c) {
  const std::int32_t window = keys.integer("attention.sliding_window", c.architecture == "gemma2" ? 4096 : 0);
  if (window <= 0) return;
  // Of every `period` layers the last sees everything; an array says it layer by layer.
  std::int32_t period = c.architecture == "gemma2" ? 2 : c.architecture == "gemma3" ? 6 : 0;
  std::vector<bool> pattern;
  const std::string key = keys.name("attention.sliding_window_pattern");
  if (const formats::GgufValue* value = keys.metadata().find(key)) {
    if (value->type == formats::GgufType::kArray)
      pattern = keys.metadata().find_bool_array(key).value();
    else
      period = keys.require_integer("attention.sliding_window_pattern");
  }
  if (!pattern.empty() && pattern.size() != c.layers.size())
    throw Error(ErrorKind::kCorruptData,
                fmt::format("{}: {} has {} elements for {} layers", keys.metadata().source(), key,
                            pattern.size(), c.layers.size()));
  const bool local_rope = c.architecture == "gemma3" || keys.contains("rope.freq_base_swa");
  if (local_rope) {
    c.local_rope.base = keys.number("rope.freq_base_swa", 10000.0f);
    c.local_rope.dimensions = c.rope.dimensions;
  }
  for (std::size_t i = 0; i < c.layers.size(); ++i) {
    const bool windowed =
        !pattern.empty() ? pattern[i] : period <= 0 || static_cast<std::int32_t>(i) % period < period - 1;
    c.layers[i].window = windowed ? window : 0;
    c.layers[i].uses_local_rope = windowed && local_rope;
  }
}

void read_experts(const Keys& keys, const formats::ModelFiles& files, DecoderConfiguration& c) {
  ExpertConfiguration& experts = c.experts;
  experts.count = keys.integer("expert_count", 0);
  if (experts.count == 0) return;
  experts.used = keys.integer("expert_used_count", 0);
  const bool mixtral = c.architecture == "llama";
  const std::int32_t default_width =
      mixtral || experts.used <= 0 ? c.hidden_width : c.hidden_width / experts.used;
  experts.hidden_width = keys.integer("expert_feed_forward_length", default_width);
  experts.normalise_weights = keys.flag("expert_weights_norm", c.architecture != "qwen2moe");
  if (c.architecture == "qwen2moe")
    experts.shared_hidden_width = keys.integer("expert_shared_feed_forward_length", c.hidden_width);
  const float weights_scale = keys.number("expert_weights_scale", 1.0f);
  constexpr std::int32_t kSoftmax = 1;
  if ((weights_scale != 0.0f && weights_scale != 1.0f) ||
      keys.integer("expert_gating_func", kSoftmax) != kSoftmax)
    throw Error(
        ErrorKind::kUnsupported,
        fmt::format("{}: experts are weighted in a way that is not supported", keys.metadata().source()));
  for (std::size_t i = 0; i < c.layers.size(); ++i)
    c.layers[i].has_experts = files.find(fmt::format("blk.{}.ffn_gate_inp.weight", i)) != nullptr;
}

float attention_scale(const Keys& keys, const DecoderConfiguration& c) {
  const float scale = keys.number("attention.scale", 0.0f);
  if (scale != 0.0f) return scale;
  // The 27B models of Gemma 2 and 3 scale by width / heads; files say so by their number of layers alone.
  const bool gemma_27b = (c.architecture == "gemma2" && c.layers_count == 46) ||
                         (c.architecture == "gemma3" && c.layers_count == 62);
  const std::int32_t elements = gemma_27b ? c.width / c.heads : c.head_dimension;
  return static_cast<float>(1.0 / std::sqrt(elements));
}

void read_biases(const formats::ModelFiles& files, DecoderConfiguration& c) {
  const auto has = [&](std::string_view name) { return files.find(name) != nullptr; };
  c.query_key_value_bias = c.architecture == "qwen2" || c.architecture == "qwen2moe" ||
                           has("blk.0.attn_q.bias") || has("blk.0.attn_qkv.bias");
  c.attention_output_bias = has("blk.0.attn_output.bias");
  c.feed_forward_bias = has("blk.0.ffn_down.bias");
}

}  // namespace

DecoderConfiguration read_gguf_configuration(const formats::GgufMetadata& metadata,
                                             const formats::ModelFiles& files) {
  DecoderConfiguration c;
  c.architecture = metadata.require_string("general.architecture");
  if (std::find(std::begin(kArchitectures), std::end(kArchitectures), c.architecture) ==
      std::end(kArchitectures))
    throw_unknown_architecture(c.architecture);
  const Keys keys(metadata, c.architecture);
  refuse_what_is_not_here(keys, c.architecture);
  read_shapes(keys, files, c);
  read_rope(keys, files, c);
  read_windows(keys, c);
  read_experts(keys, files, c);
  read_biases(files, c);
  number_layer_groups(c);

  const bool falcon = c.architecture == "falcon";
  c.norm = falcon ? NormKind::kLayer : NormKind::kRms;
  c.norm_epsilon = metadata.require_f32(
      keys.name(falcon ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"));
  c.parallel_residual = falcon;
  c.separate_parallel_norm = falcon && files.find("blk.0.attn_norm_2.weight") != nullptr;
  c.gated = !falcon;
  c.query_key_norm = c.architecture == "qwen3" || c.architecture == "qwen3moe" || c.architecture == "gemma3";
  c.post_norms = is_gemma(c.architecture);
  if (falcon) c.activation = kernels::Activation::kGeluErf;
  if (is_gemma(c.architecture)) {
    c.activation = kernels::Activation::kGeluTanh;
    c.embedding_scale = std::sqrt(static_cast<float>(c.width));
    c.attention_soft_cap = keys.number("attn_logit_softcapping", c.architecture == "gemma2" ? 50.0f : 0.0f);
    c.final_soft_cap = keys.number("final_logit_softcapping", c.architecture == "gemma2" ? 30.0f : 0.0f);
  }
  c.tied_embeddings = files.find("output.weight") == nullptr;
  if (c.heads > 0) c.attention_scale = attention_scale(keys, c);
  validate(c);
  return c;
}

}  // namespace hearth::models
