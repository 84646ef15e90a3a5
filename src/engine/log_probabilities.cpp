#include "engine/log_probabilities.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "engine/greatest_logit.h"

namespace hearth::engine {
namespace {

// The logarithm of what the softmax divides by.
double log_total(std::span<const float> logits, float greatest) {
  double total = 0;
  for (const float logit : logits) total += std::exp(static_cast<double>(logit - greatest));
  return greatest + std::log(total);
}

bool is_likelier(const RankedToken& a, const RankedToken& b) { return a.log_probability > b.log_probability; }

}  // namespace

double log_probability(std::span<const float> logits, std::int32_t token) {
  return logits[static_cast<std::size_t>(token)] - log_total(logits, find_greatest(logits).value);
}

Ranking rank_tokens(std::span<const float> logits, std::int32_t chosen, std::int32_t most_likeliest) {
  const GreatestLogit greatest = find_greatest(logits);
  if (!greatest.all_numbers || !std::isfinite(greatest.value))
    throw Error(ErrorKind::kInternal, "the model's logits are not finite numbers");
  const auto most = std::min(static_cast<std::size_t>(most_likeliest), logits.size());
  Ranking ranking;
  std::vector<RankedToken>& likeliest = ranking.likeliest;
  for (std::size_t i = 0; i < logits.size() && most > 0; ++i) {
    const RankedToken one{static_cast<std::int32_t>(i), logits[i]};
    if (likeliest.size() == most) {
      if (!is_likelier(one, likeliest.back())) continue;
      likeliest.pop_back();
    }
    likeliest.insert(std::upper_bound(likeliest.begin(), likeliest.end(), one, is_likelier), one);
  }
  const double total = log_total(logits, greatest.value);
  const auto normalise = [&](float logit) { return static_cast<float>(logit - total); };
  for (RankedToken& one : likeliest) one.log_probability = normalise(one.log_probability);
  ranking.chosen = {chosen, normalise(logits[static_cast<std::size_t>(chosen)])};
  return ranking;
}

void HeldLogProbabilities::add(TokenLogProbabilities token, std::size_t begin, std::size_t end) {
  held_.push_back({std::move(token), begin, end});
}

std::vector<TokenLogProbabilities> HeldLogProbabilities::take(std::size_t sent) {
  const auto first_kept = std::ranges::find_if(held_, [&](const Held& held) { return held.end > sent; });
  std::vector<TokenLogProbabilities> taken;
  for (auto held = held_.begin(); held != first_kept; ++held) taken.push_back(std::move(held->token));
  held_.erase(held_.begin(), first_kept);
  return taken;
}

std::vector<TokenLogProbabilities> HeldLogProbabilities::take_last(std::size_t length) {
  std::erase_if(held_, [&](const Held& held) { return held.begin >= length && held.end > length; });
  return take(held_.empty() ? 0 : held_.back().end);
}

}  // namespace hearth::engine
