#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/greatest_logit.h"
#include "engine/random.h"

namespace hearth::engine {
namespace {

void check(bool good, const char* field, double value, const char* allowed) {
  if (!good)
    throw Error(ErrorKind::kInvalidArgument, fmt::format("{} is {}, allowed is {}", field, value, allowed))
        .with_field(field);
}

// Calls function(token, count) for each distinct token.
template <typename Function>
void for_each_distinct(std::span<const std::int32_t> tokens, std::vector<std::int32_t>& sorted,
                       Function function) {
  sorted.assign(tokens.begin(), tokens.end());
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size();) {
    std::size_t end = i;
    while (end < sorted.size() && sorted[end] == sorted[i]) ++end;
    function(sorted[i], static_cast<float>(end - i));
    i = end;
  }
}

void forbid_others(const constraint::TokenMask& mask, std::span<float> logits) {
  constexpr std::size_t kBits = 64;
  bool any = false;
  for (std::size_t w = 0; w < mask.words().size(); ++w) {
    const std::uint64_t word = mask.words()[w];
    any = any || word != 0;
    if (word == ~std::uint64_t{0}) continue;
    const auto part = logits.subspan(w * kBits, std::min(kBits, logits.size() - w * kBits));
    for (std::size_t i = 0; i < part.size(); ++i)
      if ((word >> i & 1) == 0) part[i] = -std::numeric_limits<float>::infinity();
  }
  if (!any)
    throw Error(ErrorKind::kUnsupported,
                "no token of this model can continue the text as the constraint on it wants",
                "use a simpler schema or grammar");
}

}  // namespace

void validate(const SamplingOptions& o, std::int32_t vocabulary) {
  check(o.temperature >= 0 && o.temperature <= 100, "temperature", o.temperature, "0 to 100");
  check(o.top_k >= 0, "top_k", o.top_k, "0 (all) or more");
  check(o.top_p > 0 && o.top_p <= 1, "top_p", o.top_p, "more than 0, up to 1");
  check(o.min_p >= 0 && o.min_p <= 1, "min_p", o.min_p, "0 to 1");
  check(o.repetition_penalty > 0 && o.repetition_penalty <= 100, "repetition_penalty", o.repetition_penalty,
        "more than 0, up to 100");
  check(std::abs(o.presence_penalty) <= 2, "presence_penalty", o.presence_penalty, "-2 to 2");
  check(std::abs(o.frequency_penalty) <= 2, "frequency_penalty", o.frequency_penalty, "-2 to 2");
  check(o.penalty_window >= -1, "penalty_window", o.penalty_window, "-1 (all) or more");
  for (const auto& [token, bias] : o.logit_bias) {
    check(token >= 0 && token < vocabulary, "logit_bias", token, "a token id of the vocabulary");
    check(std::abs(bias) <= 100, "logit_bias", bias, "-100 to 100");
  }
}

void Sampler::apply_penalties(std::span<float> logits, const SamplingHistory& history,
                              const SamplingOptions& options) {
  const std::size_t window =
      options.penalty_window < 0 ? history.tokens.size() : static_cast<std::size_t>(options.penalty_window);
  const std::size_t first = history.tokens.size() - std::min(window, history.tokens.size());
  if (options.repetition_penalty != 1.0f) {
    for_each_distinct(history.tokens.subspan(first), sorted_, [&](std::int32_t token, float) {
      float& logit = logits[static_cast<std::size_t>(token)];
      logit = logit > 0 ? logit / options.repetition_penalty : logit * options.repetition_penalty;
    });
  }
  if (options.presence_penalty != 0.0f || options.frequency_penalty != 0.0f) {
    // As the OpenAI API defines them: over the whole output, not over the prompt.
    for_each_distinct(history.tokens.subspan(history.prompt_tokens), sorted_,
                      [&](std::int32_t token, float count) {
                        logits[static_cast<std::size_t>(token)] -=
                            options.presence_penalty + options.frequency_penalty * count;
                      });
  }
}

std::int32_t Sampler::sample(std::span<float> logits, const SamplingHistory& history,
                             const SamplingOptions& options, std::uint64_t seed, std::int32_t choice,
                             const constraint::TokenMask* mask) {
  if (mask != nullptr) forbid_others(*mask, logits);
  for (const auto& [token, bias] : options.logit_bias) logits[static_cast<std::size_t>(token)] += bias;
  apply_penalties(logits, history, options);

  const auto [best, greatest, all_numbers] = find_greatest(logits);
  if (!all_numbers || !std::isfinite(greatest))
    throw Error(ErrorKind::kInternal, "the model's logits are not finite numbers",
                "the model file may be damaged: check it with `hearth show`, or pull it again");
  if (options.temperature == 0.0f) return best;

  // What is less likely than e^-30 of the best one could be drawn once in 10^13 tokens; leaving it out first
  // keeps the rest cheap.
  const float inverse_temperature = 1.0f / options.temperature;
  constexpr float kNegligible = -30.0f;
  candidates_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const float value = (logits[i] - greatest) * inverse_temperature;
    if (value >= kNegligible) candidates_.push_back({value, static_cast<std::int32_t>(i)});
  }
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.value > b.value || (a.value == b.value && a.token < b.token);
  };
  const auto top_k = static_cast<std::size_t>(options.top_k);
  if (top_k > 0 && top_k < candidates_.size()) {
    std::nth_element(candidates_.begin(), candidates_.begin() + options.top_k, candidates_.end(), better);
    candidates_.resize(top_k);
  }
  std::sort(candidates_.begin(), candidates_.end(), better);

  double total = 0;
  for (Candidate& c : candidates_) total += c.value = std::exp(c.value);
  double kept = 0;
  std::size_t count = 0;
  while (count < candidates_.size()) {
    if (count > 0 && (kept >= options.top_p * total || candidates_[count].value < options.min_p)) break;
    kept += candidates_[count++].value;
  }
  double point = uniform_random(seed, static_cast<std::uint32_t>(choice), history.tokens.size()) * kept;
  for (std::size_t i = 0; i < count; ++i) {
    point -= candidates_[i].value;
    if (point < 0) return candidates_[i].token;
  }
  return candidates_[count - 1].token;
}

}  // namespace hearth::engine
