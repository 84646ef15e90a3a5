// What this machine can do at most, measured: integer dot products from registers, reads from memory. On a
// machine with neighbours it changes from one second to the next, so it is measured beside the work that it
// is compared with. Thread-safety: none. Throws kOutOfMemory.
#pragma once

#include "base/thread_team.h"
#include "kernels/isa.h"
#include "kernels/memory_block.h"

namespace hearth::kernels {

class MachineLimits {
 public:
  // Holds memory far larger than the caches.
  MachineLimits(ThreadTeam& team, Isa isa);

  struct Rates {
    // 8-bit multiplications and additions, two for each product, of the instructions that `isa` multiplies
    // with
    double int8_operations_per_second;
    double read_bytes_per_second;
  };
  // All threads of the team together, within a quarter of a second.
  Rates measure();

 private:
  double int8_operations_per_second();
  double read_bytes_per_second();

  ThreadTeam& team_;
  Isa isa_;
  MemoryBlock memory_;
};

}  // namespace hearth::kernels
