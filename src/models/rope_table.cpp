#include "models/rope_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace hearth::models {
namespace {

// How much Llama 3.1 stretches a wave: not at all where it is short against the original context, by the
// whole factor where it is long, smoothly between. Rounded to float as GGUF files keep it (rope_freqs), so
// that both formats give the same angles.
double llama3_divisor(const RopeConfiguration& rope, double frequency) {
  const double waves = rope.original_context * frequency / (2 * std::numbers::pi);
  const double low = rope.low_frequency_factor, high = rope.high_frequency_factor;
  if (waves > high) return 1.0;
  if (waves < low) return rope.factor;
  const double smooth = (waves - low) / (high - low);
  return static_cast<float>(1.0 / ((1.0 - smooth) / rope.factor + smooth));
}

// The dimension that turns `rotations` times within the original context.
double yarn_correction_dimension(const RopeConfiguration& rope, double rotations) {
  return rope.dimensions * std::log(rope.original_context / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(static_cast<double>(rope.base)));
}

struct YarnRamp {
  double low, high;
  // 0: keep the frequency, 1: divide it by the factor.
  double at(double index) const { return std::clamp((index - low) / (high - low), 0.0, 1.0); }
};

YarnRamp yarn_ramp(const RopeConfiguration& rope) {
  double low = yarn_correction_dimension(rope, rope.beta_fast);
  double high = yarn_correction_dimension(rope, rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, rope.dimensions - 1.0);
  if (low == high) high += 0.001;
  return {low, high};
}

double yarn_magnitude(double factor, double mscale) {
  return factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double magnitude(const RopeConfiguration& rope) {
  if (rope.attention_factor > 0.0f) return rope.attention_factor;
  if (rope.scaling == RopeScaling::kYarn) {
    if (rope.mscale > 0.0f && rope.mscale_all_dimensions > 0.0f)
      return yarn_magnitude(rope.factor, rope.mscale) /
             yarn_magnitude(rope.factor, rope.mscale_all_dimensions);
    return yarn_magnitude(rope.factor, 1.0);
  }
  if (rope.scaling == RopeScaling::kLong && rope.factor > 1.0f)
    return std::sqrt(1.0 + std::log(rope.factor) / std::log(static_cast<double>(rope.original_context)));
  return 1.0;
}

}  // namespace

kernels::RopeTable make_rope_table(const RopeConfiguration& rope, std::int32_t context_tokens) {
  kernels::RopeTable table;
  table.magnitude = static_cast<float>(magnitude(rope));
  const bool beyond_original = context_tokens > rope.original_context;
  const YarnRamp ramp = rope.scaling == RopeScaling::kYarn ? yarn_ramp(rope) : YarnRamp{0, 1};
  for (std::int32_t i = 0; i < rope.dimensions / 2; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const double frequency = std::pow(static_cast<double>(rope.base), -2.0 * i / rope.dimensions);
    double scaled = frequency;
    switch (rope.scaling) {
      case RopeScaling::kNone:
        break;
      case RopeScaling::kLinear:
        scaled = frequency / rope.factor;
        break;
      case RopeScaling::kLlama3:
        scaled = frequency / llama3_divisor(rope, frequency);
        break;
      case RopeScaling::kYarn:
        scaled = frequency * (ramp.at(i) / rope.factor + 1.0 - ramp.at(i));
        break;
      case RopeScaling::kLong:
        scaled = frequency / (beyond_original ? rope.long_factors[index] : rope.short_factors[index]);
        break;
    }
    if (!rope.frequency_divisors.empty()) scaled /= rope.frequency_divisors[index];
    table.inverse_frequencies.push_back(static_cast<float>(scaled));
  }
  return table;
}

}  // namespace hearth::models
