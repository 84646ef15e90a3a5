// Counter-based random numbers: Philox-4x32-10 (Salmon et al. 2011). The same (seed, choice, position) always
// gives the same number, so an answer can be replayed and does not depend on what else runs.
#pragma once

#include <cstdint>

namespace hearth::engine {

// Uniform in [0, 1), 53 bits.
double uniform_random(std::uint64_t seed, std::uint32_t choice, std::uint64_t position);

}  // namespace hearth::engine
