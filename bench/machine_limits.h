// What this machine can do at most, measured: integer dot products from registers, reads from memory.
#pragma once

#include "base/thread_team.h"
#include "kernels/isa.h"

namespace hearth::bench {

// 8-bit multiplications and additions a second, two for each product, all threads of the team together; of
// the instructions that `isa` multiplies with.
double int8_peak(ThreadTeam& team, kernels::Isa isa);

// Bytes a second that all threads together read from memory far larger than the caches.
double read_bandwidth(ThreadTeam& team);

}  // namespace hearth::bench
