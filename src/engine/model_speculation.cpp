#include "engine/model_speculation.h"

#include <algorithm>

namespace hearth::engine {
namespace {

// As for look-up: half of what is known is of the last eleven guesses.
constexpr float kLearningRate = 0.0625f;
// What is not tried is slowly believed in again. So a model whose guesses do not pay makes one in about fifty
// tokens, and is back at once where the text has become easier.
constexpr float kRecoveryRate = 1.0f / 512;

}  // namespace

void ModelSpeculation::learn(bool right) { chance_ += ((right ? 1.0f : 0.0f) - chance_) * kLearningRate; }

void ModelSpeculation::rest() { chance_ += (1.0f - chance_) * kRecoveryRate; }

void ModelSpeculation::differs_at(std::size_t position) {
  computed_ = std::min(computed_, static_cast<std::int64_t>(position));
}

}  // namespace hearth::engine
