// The tiny random models of tests/data/models and the logits that the transformers package gives for them
// (tests/reference/models/make_tiny_models.py makes both).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "models/paged_cache.h"

namespace hearth::models {

inline const char* const kTinyModels[] = {
    "llama",    "llama_linear", "llama3",     "llama_yarn", "mistral",        "mixtral",
    "qwen2",    "qwen2_window", "qwen2_yarn", "qwen2moe",   "qwen2moe_mixed", "qwen3",
    "qwen3moe", "gemma2",       "gemma3",     "phi3",       "falcon_7b",      "falcon_40b",
};

struct Expected {
  std::vector<std::int32_t> tokens;
  std::vector<float> logits;
};

inline std::filesystem::path tiny_model(const std::string& name) {
  return std::filesystem::path(HEARTH_TEST_DATA) / "models" / name;
}

template <typename Number>
std::vector<Number> numbers_of(const TensorEntry& entry) {
  std::vector<Number> values(entry.bytes.size() / sizeof(Number));
  std::memcpy(values.data(), entry.bytes.data(), entry.bytes.size());
  return values;
}

// `prefix` "short_" is the text within Phi-3's original context.
inline Expected expected_of(const std::string& name, const std::string& prefix = "") {
  const formats::SafetensorsFiles file(tiny_model(name) / "expected.safetensors");
  return {numbers_of<std::int32_t>(file.tensors().require(prefix + "tokens")),
          numbers_of<float>(file.tensors().require(prefix + "logits"))};
}

inline double deviation(std::span<const float> values) {
  double sum = 0, squares = 0;
  for (const float value : values) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  const double mean = sum / static_cast<double>(values.size());
  return std::sqrt(squares / static_cast<double>(values.size()) - mean * mean);
}

// The largest difference as a part of the expected values' standard deviation; infinite for NaN.
inline double error_of_logits(std::span<const float> found, std::span<const float> expected) {
  if (found.size() != expected.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double difference = std::abs(static_cast<double>(found[i]) - expected[i]);
    if (std::isnan(difference)) return INFINITY;
    largest = std::max(largest, difference);
  }
  return largest / deviation(expected);
}

}  // namespace hearth::models
