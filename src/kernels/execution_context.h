// What every operator runs in: the device's kernels, the thread team and scratch memory.
//
// Operators are free functions on views; they hold no state and know no model. One arithmetic per instruction
// set: the result for one row never depends on the other rows of the call or on the number of threads (see
// docs/architecture.md, "Reproducible").
// Thread-safety: one operator at a time per context; the engine's compute thread owns it.
#pragma once

#include <memory>

#include "base/thread_team.h"
#include "kernels/cache_type.h"
#include "kernels/isa.h"

namespace hearth::kernels {

struct KernelTable;  // the function pointers of one instruction set, see kernels/cpu/kernel_table.h
const KernelTable& kernel_table(Isa isa);

// How exact the arithmetic is. The defaults serve; the checking mode {kF32, kF32} is for comparison with
// references.
struct Numerics {
  enum class Activations { kInt8, kF32 };
  Activations activations = Activations::kInt8;  // of matrix products with quantised weights
  CacheType key_value_cache = CacheType::kBf16;
  static Numerics checking() { return {Activations::kF32, CacheType::kF32}; }
};

// Grow-only memory for one operator's intermediate values, and the order of matrix products; private to
// src/kernels.
class Workspace;
class ReadAhead;

class ExecutionContext {
 public:
  explicit ExecutionContext(ThreadTeam& team, Numerics numerics = {}, Isa isa = selected_isa());
  ~ExecutionContext();
  ExecutionContext(const ExecutionContext&) = delete;
  ExecutionContext& operator=(const ExecutionContext&) = delete;

  ThreadTeam& team() const { return team_; }
  const Numerics& numerics() const { return numerics_; }
  Isa isa() const { return isa_; }
  const KernelTable& kernels() const { return kernels_; }
  Workspace& workspace() { return *workspace_; }
  ReadAhead& read_ahead() { return *read_ahead_; }

 private:
  ThreadTeam& team_;
  Numerics numerics_;
  Isa isa_;
  const KernelTable& kernels_;
  std::unique_ptr<Workspace> workspace_;
  std::unique_ptr<ReadAhead> read_ahead_;
};

}  // namespace hearth::kernels
