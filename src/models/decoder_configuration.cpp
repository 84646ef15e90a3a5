#include "models/decoder_configuration.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "formats/huggingface_directory.h"
#include "kernels/attention.h"
#include "kernels/packed_matrix.h"
#include "models/configuration_readers.h"
#include "models/encoder_configuration.h"

namespace hearth::models {
namespace {

// Far beyond any model; keeps every product of two of them inside 64 bits.
constexpr std::int32_t kMaximumWidth = 1 << 24;
constexpr std::int32_t kMaximumHeadDimension = 4096;
constexpr std::int32_t kMaximumExperts = 4096;

[[noreturn]] void throw_absurd(std::string_view field, const std::string& found, std::string_view allowed) {
  throw Error(ErrorKind::kCorruptData,
              fmt::format("the model's configuration has {} = {}; allowed: {}", field, found, allowed),
              "the file is damaged or made by a faulty converter");
}

void require_range(std::string_view field, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high)
    throw_absurd(field, std::to_string(value), fmt::format("{} to {}", low, high));
}

void require_positive(std::string_view field, float value) {
  if (!std::isfinite(value) || value <= 0) throw_absurd(field, fmt::format("{}", value), "above 0");
}

void require_not_negative(std::string_view field, float value) {
  if (!std::isfinite(value) || value < 0) throw_absurd(field, fmt::format("{}", value), "0 or above");
}

void validate_factors(std::string_view field, const std::vector<float>& factors, std::size_t count) {
  if (factors.size() != count)
    throw_absurd(fmt::format("the number of {}", field), std::to_string(factors.size()),
                 fmt::format("{}, half the rotary dimensions", count));
  for (const float factor : factors) require_positive(field, factor);
}

void validate_rope(const RopeConfiguration& rope, std::int32_t head_dimension) {
  if (!(rope.base > 1.0f) || !std::isfinite(rope.base))
    throw_absurd("rope base", fmt::format("{}", rope.base), "above 1");
  require_range("rope dimensions", rope.dimensions, 2, head_dimension);
  if (rope.dimensions % 2 != 0) throw_absurd("rope dimensions", std::to_string(rope.dimensions), "even");
  require_positive("rope factor", rope.factor);
  require_not_negative("rope attention factor", rope.attention_factor);
  const std::size_t frequencies = static_cast<std::size_t>(rope.dimensions) / 2;
  if (!rope.frequency_divisors.empty())
    validate_factors("rope frequency divisors", rope.frequency_divisors, frequencies);
  if (rope.scaling == RopeScaling::kNone || rope.scaling == RopeScaling::kLinear) return;
  require_range("rope original context", rope.original_context, 2, INT32_MAX);
  if (rope.scaling == RopeScaling::kLong) {
    validate_factors("rope short factors", rope.short_factors, frequencies);
    validate_factors("rope long factors", rope.long_factors, frequencies);
  }
  if (rope.scaling == RopeScaling::kLlama3) {
    require_positive("rope low frequency factor", rope.low_frequency_factor);
    if (!(rope.high_frequency_factor > rope.low_frequency_factor) ||
        !std::isfinite(rope.high_frequency_factor))
      throw_absurd("rope high frequency factor", fmt::format("{}", rope.high_frequency_factor),
                   "above the low frequency factor");
  }
  if (rope.scaling == RopeScaling::kYarn) {
    require_positive("rope beta fast", rope.beta_fast);
    require_positive("rope beta slow", rope.beta_slow);
    require_not_negative("rope mscale", rope.mscale);
    require_not_negative("rope mscale of all dimensions", rope.mscale_all_dimensions);
  }
}

void validate_experts(const ExpertConfiguration& experts) {
  if (experts.count == 0) return;
  require_range("expert count", experts.count, 1, kMaximumExperts);
  require_range("experts used", experts.used, 1, experts.count);
  require_range("expert hidden width", experts.hidden_width, 1, kMaximumWidth);
  require_range("shared expert hidden width", experts.shared_hidden_width, 0, kMaximumWidth);
}

}  // namespace

std::int32_t DecoderConfiguration::layer_group_count() const {
  std::int32_t count = 0;
  for (const LayerConfiguration& layer : layers) count = std::max(count, layer.group + 1);
  return count;
}

std::size_t DecoderConfiguration::page_bytes(std::int32_t group, kernels::CacheType cache_type) const {
  const auto members = static_cast<std::size_t>(std::count_if(
      layers.begin(), layers.end(), [group](const LayerConfiguration& l) { return l.group == group; }));
  return members * 2 * static_cast<std::size_t>(key_value_heads) *
         kernels::cache_head_bytes(cache_type, static_cast<std::size_t>(head_dimension));
}

DecoderConfiguration read_decoder_configuration(const formats::ModelFiles& files) {
  if (files.gguf() != nullptr) return read_gguf_configuration(files.gguf()->metadata(), files);
  if (is_encoder(files))
    throw Error(ErrorKind::kUnsupported,
                fmt::format("{} is a text encoder: it writes no text", files.path().filename().string()),
                "`hearth embed` and `hearth serve` use it for embeddings");
  return read_huggingface_configuration(files.huggingface()->config(), files);
}

std::vector<std::string> known_architectures() {
  return {"llama", "qwen2",  "qwen3",   "qwen2moe", "qwen3moe",  "gemma2",    "gemma3",
          "phi3",  "falcon", "mistral", "mixtral",  "qwen2_moe", "qwen3_moe", "gemma3_text"};
}

void throw_unknown_architecture(std::string_view architecture) {
  std::string known;
  for (const std::string& name : known_architectures()) known += (known.empty() ? "" : ", ") + name;
  throw Error(ErrorKind::kUnsupported,
              fmt::format("the model's architecture \"{}\" is not known", architecture),
              "known are: " + known);
}

void set_layer_count(DecoderConfiguration& configuration, std::int64_t count,
                     const formats::ModelFiles& files) {
  require_range("number of layers", count, 1, static_cast<std::int64_t>(files.tensors().size()));
  configuration.layers_count = static_cast<std::int32_t>(count);
  configuration.layers.assign(static_cast<std::size_t>(count), {});
}

void number_layer_groups(DecoderConfiguration& configuration) {
  std::set<std::int32_t> windows;
  for (const LayerConfiguration& layer : configuration.layers) windows.insert(layer.window);
  for (LayerConfiguration& layer : configuration.layers)
    layer.group = static_cast<std::int32_t>(std::distance(windows.begin(), windows.find(layer.window)));
}

void validate(const DecoderConfiguration& configuration) {
  require_range("width", configuration.width, 1, kMaximumWidth);
  require_range("vocabulary", configuration.vocabulary, 1, kMaximumWidth);
  require_range("attention heads", configuration.heads, 1, 1 << 16);
  require_range("key/value heads", configuration.key_value_heads, 1, configuration.heads);
  if (configuration.heads % configuration.key_value_heads != 0)
    throw_absurd("attention heads", std::to_string(configuration.heads),
                 fmt::format("a multiple of the {} key/value heads", configuration.key_value_heads));
  require_range("head dimension", configuration.head_dimension, 2, kMaximumHeadDimension);
  require_range("query width", std::int64_t{configuration.heads} * configuration.head_dimension, 1,
                kMaximumWidth);
  require_range("context", configuration.trained_context, 1, INT32_MAX);
  if (!(configuration.norm_epsilon >= 0.0f && configuration.norm_epsilon < 1.0f))
    throw_absurd("norm epsilon", fmt::format("{}", configuration.norm_epsilon), "0 to 1");
  require_positive("embedding scale", configuration.embedding_scale);
  require_positive("attention scale", configuration.attention_scale);
  require_not_negative("attention soft cap", configuration.attention_soft_cap);
  require_not_negative("final soft cap", configuration.final_soft_cap);
  if (configuration.separate_parallel_norm && !configuration.parallel_residual)
    throw_absurd("separate parallel norm", "true", "false where the residual is not parallel");
  if (configuration.layers.size() != static_cast<std::size_t>(configuration.layers_count))
    throw_absurd("number of layers", std::to_string(configuration.layers_count),
                 std::to_string(configuration.layers.size()));
  validate_experts(configuration.experts);
  validate_rope(configuration.rope, configuration.head_dimension);
  for (const LayerConfiguration& layer : configuration.layers) {
    require_range("window", layer.window, 0, INT32_MAX);
    if (layer.uses_local_rope) validate_rope(configuration.local_rope, configuration.head_dimension);
    if (layer.has_experts)
      require_range("expert count", configuration.experts.count, 1, kMaximumExperts);
    else
      require_range("feed-forward width", configuration.hidden_width, 1, kMaximumWidth);
  }
}

std::vector<float> read_float_vector(const TensorEntry& entry) {
  std::vector<float> values(entry.element_count());
  kernels::dequantize_row(entry.type, entry.bytes, values);
  return values;
}

}  // namespace hearth::models
