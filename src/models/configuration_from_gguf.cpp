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

void read_shapes(const Keys& keys, const formats::ModelFiles& files, DecoderConfiguration& out) {
  set_layer_count(out, keys.require_integer("block_count"), files);
  out.width = keys.require_integer("embedding_length");
  out.hidden_width = keys.uniform_integer("feed_forward_length").value_or(0);
  out.trained_context = keys.require_integer("context_length");
  const auto heads = keys.uniform_integer("attention.head_count");
  if (!heads) keys.metadata().require_u32(keys.name("attention.head_count"));  // throws
  out.heads = *heads;
  out.key_value_heads = keys.uniform_integer("attention.head_count_kv").value_or(out.heads);
  out.head_dimension = keys.integer("attention.key_length", out.heads > 0 ? out.width / out.heads : 0);
  const std::int32_t value_length = keys.integer("attention.value_length", out.head_dimension);
  if (value_length != out.head_dimension)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{}: keys have {} and values {} elements a head", keys.metadata().source(),
                            out.head_dimension, value_length),
                "only models with one head size are supported");
  const TensorEntry& embedding = files.require("token_embd.weight");
  if (embedding.shape.size() != 2 || embedding.shape[0] > std::numeric_limits<std::int32_t>::max())
    throw Error(ErrorKind::kCorruptData, fmt::format("tensor {} has the shape {}, not [vocabulary, width]",
                                                     embedding.name, to_string(embedding.shape)));
  out.vocabulary = static_cast<std::int32_t>(embedding.shape[0]);
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

void read_rope(const Keys& keys, const formats::ModelFiles& files, DecoderConfiguration& out) {
  RopeConfiguration& rope = out.rope;
  rope.base = keys.number("rope.freq_base", out.architecture == "gemma3" ? 1e6f : 10000.0f);
  rope.dimensions = keys.integer("rope.dimension_count", out.head_dimension);
  rope.original_context = keys.integer("rope.scaling.original_context_length", out.trained_context);
  rope.attention_factor = keys.number("rope.scaling.attn_factor", 0.0f);
  read_rope_scaling(keys, rope);
  const TensorEntry* long_factors = files.find("rope_factors_long.weight");
  const TensorEntry* short_factors = files.find("rope_factors_short.weight");
  if (long_factors != nullptr && short_factors != nullptr) {
    rope.scaling = RopeScaling::kLong;
    rope.long_factors = read_float_vector(*long_factors);
    rope.short_factors = read_float_vector(*short_factors);
    if (rope.original_context > 0)
      rope.factor = static_cast<float>(out.trained_context) / static_cast<float>(rope.original_context);
  }
  if (const TensorEntry* divisors = files.find("rope_freqs.weight"))
    rope.frequency_divisors = read_float_vector(*divisors);
  // Rows of the llama family come in pairs over the whole head; that order leaves no room for a rest.
  if (out.architecture == "llama" && rope.dimensions != out.head_dimension)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{}: {} of {} elements of a head are rotary", keys.metadata().source(),
                            rope.dimensions, out.head_dimension),
                "files of the architecture \"llama\" must turn whole heads");
}

void read_windows(const Keys& keys, DecoderConfiguration& out) {
  const std::int32_t window =
      keys.integer("attention.sliding_window", out.architecture == "gemma2" ? 4096 : 0);
  if (window <= 0) return;
  // Of every `period` layers the last sees everything; an array says it layer by layer.
  std::int32_t period = out.architecture == "gemma2" ? 2 : out.architecture == "gemma3" ? 6 : 0;
  std::vector<bool> pattern;
  const std::string key = keys.name("attention.sliding_window_pattern");
  if (const formats::GgufValue* value = keys.metadata().find(key)) {
    if (value->type == formats::GgufType::kArray)
      pattern = keys.metadata().find_bool_array(key).value();
    else
      period = keys.require_integer("attention.sliding_window_pattern");
  }
  if (!pattern.empty() && pattern.size() != out.layers.size())
    throw Error(ErrorKind::kCorruptData,
                fmt::format("{}: {} has {} elements for {} layers", keys.metadata().source(), key,
                            pattern.size(), out.layers.size()));
  const bool local_rope = out.architecture == "gemma3" || keys.contains("rope.freq_base_swa");
  if (local_rope) {
    out.local_rope.base = keys.number("rope.freq_base_swa", 10000.0f);
    out.local_rope.dimensions = out.rope.dimensions;
  }
  for (std::size_t i = 0; i < out.layers.size(); ++i) {
    const bool windowed =
        !pattern.empty() ? pattern[i] : period <= 0 || static_cast<std::int32_t>(i) % period < period - 1;
    out.layers[i].window = windowed ? window : 0;
    out.layers[i].uses_local_rope = windowed && local_rope;
  }
}

void read_experts(const Keys& keys, const formats::ModelFiles& files, DecoderConfiguration& out) {
  ExpertConfiguration& experts = out.experts;
  experts.count = keys.integer("expert_count", 0);
  if (experts.count == 0) return;
  experts.used = keys.integer("expert_used_count", 0);
  const bool mixtral = out.architecture == "llama";
  const std::int32_t default_width =
      mixtral || experts.used <= 0 ? out.hidden_width : out.hidden_width / experts.used;
  experts.hidden_width = keys.integer("expert_feed_forward_length", default_width);
  experts.normalise_weights = keys.flag("expert_weights_norm", out.architecture != "qwen2moe");
  if (out.architecture == "qwen2moe")
    experts.shared_hidden_width = keys.integer("expert_shared_feed_forward_length", out.hidden_width);
  const float weights_scale = keys.number("expert_weights_scale", 1.0f);
  constexpr std::int32_t kSoftmax = 1;
  if ((weights_scale != 0.0f && weights_scale != 1.0f) ||
      keys.integer("expert_gating_func", kSoftmax) != kSoftmax)
    throw Error(
        ErrorKind::kUnsupported,
        fmt::format("{}: experts are weighted in a way that is not supported", keys.metadata().source()));
  for (std::size_t i = 0; i < out.layers.size(); ++i)
    out.layers[i].has_experts = files.find(fmt::format("blk.{}.ffn_gate_inp.weight", i)) != nullptr;
}

float attention_scale(const Keys& keys, const DecoderConfiguration& out) {
  const float scale = keys.number("attention.scale", 0.0f);
  if (scale != 0.0f) return scale;
  // The 27B models of Gemma 2 and 3 scale by width / heads; files say so by their number of layers alone.
  const bool gemma_27b = (out.architecture == "gemma2" && out.layers_count == 46) ||
                         (out.architecture == "gemma3" && out.layers_count == 62);
  const std::int32_t elements = gemma_27b ? out.width / out.heads : out.head_dimension;
  return static_cast<float>(1.0 / std::sqrt(elements));
}

void read_biases(const formats::ModelFiles& files, DecoderConfiguration& out) {
  const auto has = [&](std::string_view name) { return files.find(name) != nullptr; };
  out.query_key_value_bias = out.architecture == "qwen2" || out.architecture == "qwen2moe" ||
                             has("blk.0.attn_q.bias") || has("blk.0.attn_qkv.bias");
  out.attention_output_bias = has("blk.0.attn_output.bias");
  out.feed_forward_bias = has("blk.0.ffn_down.bias");
}

}  // namespace

DecoderConfiguration read_gguf_configuration(const formats::GgufMetadata& metadata,
                                             const formats::ModelFiles& files) {
  DecoderConfiguration out;
  out.architecture = metadata.require_string("general.architecture");
  if (std::find(std::begin(kArchitectures), std::end(kArchitectures), out.architecture) ==
      std::end(kArchitectures))
    throw_unknown_architecture(out.architecture);
  const Keys keys(metadata, out.architecture);
  refuse_what_is_not_here(keys, out.architecture);
  read_shapes(keys, files, out);
  read_rope(keys, files, out);
  read_windows(keys, out);
  read_experts(keys, files, out);
  read_biases(files, out);
  number_layer_groups(out);

  const bool falcon = out.architecture == "falcon";
  out.norm = falcon ? NormKind::kLayer : NormKind::kRms;
  out.norm_epsilon = metadata.require_f32(
      keys.name(falcon ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"));
  out.parallel_residual = falcon;
  out.separate_parallel_norm = falcon && files.find("blk.0.attn_norm_2.weight") != nullptr;
  out.gated = !falcon;
  out.query_key_norm =
      out.architecture == "qwen3" || out.architecture == "qwen3moe" || out.architecture == "gemma3";
  out.post_norms = is_gemma(out.architecture);
  if (falcon) out.activation = kernels::Activation::kGeluErf;
  if (is_gemma(out.architecture)) {
    out.activation = kernels::Activation::kGeluTanh;
    out.embedding_scale = std::sqrt(static_cast<float>(out.width));
    out.attention_soft_cap =
        keys.number("attn_logit_softcapping", out.architecture == "gemma2" ? 50.0f : 0.0f);
    out.final_soft_cap = keys.number("final_logit_softcapping", out.architecture == "gemma2" ? 30.0f : 0.0f);
  }
  out.tied_embeddings = files.find("output.weight") == nullptr;
  if (out.heads > 0) out.attention_scale = attention_scale(keys, out);
  validate(out);
  return out;
}

}  // namespace hearth::models
