// How an answer is to be generated, as the fields shared by chat and plain completions say it.
//
// What a caller leaves out stays empty here and becomes the server's default, else the model's own when the
// model is known. Fields
// that change an answer's meaning and that nothing here can do yet are refused by name (kUnsupported), never
// skipped. Thread-safety: values and free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "constraint/compiler.h"
#include "engine/request.h"
#include "server/api/field_reader.h"
#include "server/options.h"

namespace hearth::server {

inline constexpr std::int32_t kMostChoices = 16;           // `n`
inline constexpr std::size_t kMostStopStrings = 16;        // `stop`
inline constexpr std::size_t kLongestStopString = 512;     // bytes
inline constexpr std::size_t kMostLogitBiases = 4096;      // `logit_bias`
inline constexpr std::int32_t kMostNewTokens = 1'000'000;  // `max_tokens`; the context bounds it further

// A field that is added has to say its part in answer_key() (server/serving/answer_key.cpp).
struct GenerationParameters {
  std::optional<float> temperature, top_p, min_p;
  std::optional<std::int32_t> top_k;
  std::optional<float> repetition_penalty, presence_penalty, frequency_penalty;
  std::vector<std::pair<std::int32_t, float>> logit_bias;
  std::optional<std::int32_t> maximum_tokens;
  std::vector<std::string> stop;
  std::optional<constraint::Source> output;  // `response_format`, or `grammar`, an extension
  std::int64_t seed = 0;                     // the effective one: drawn at random when the caller gave none
  bool seed_given = false;
  std::optional<engine::Priority> priority;  // `service_tier`
  std::int32_t choices = 1;
  bool stream = false;
  bool include_usage = false;  // a last chunk with the counts
  bool ignore_end = false;     // `ignore_eos`, an extension for benchmarks
  // As engine::GenerationRequest has them.
  std::optional<std::int32_t> log_probabilities;
  bool prompt_log_probabilities = false, prompt_only = false, continues_text = false;
  // `best_of`: of the choices only so many are shown, the likeliest; 0: all.
  std::int32_t shown_choices = 0;

  // For what the caller left out.
  void use_defaults(const SamplingDefaults& defaults);
  // Throws kInvalidArgument where more is asked than is allowed.
  engine::Priority priority_within(engine::Priority highest) const;
  engine::SamplingOptions sampling_over(engine::SamplingOptions defaults) const;
};

// Reads the shared fields out of a request's body. `maximum_tokens_names` in order of preference.
GenerationParameters read_generation_parameters(FieldReader& body,
                                                const std::vector<std::string>& maximum_tokens_names,
                                                std::int64_t least_tokens = 1);

}  // namespace hearth::server
