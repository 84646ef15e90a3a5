// Samples the rows of one forward pass, shared among the compute threads. Owns the logits.
// Thread-safety: none; use it while holding the turn to compute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <vector>

#include "base/thread_team.h"
#include "engine/sampler.h"
#include "engine/sequence.h"
#include "tensor/matrix_view.h"

namespace hearth::engine {

class BatchSampler {
 public:
  BatchSampler(ThreadTeam& team, std::int32_t vocabulary);

  // Where a forward pass writes; valid until the next call.
  MatrixView<float> logits(std::size_t rows);

  struct Row {
    const Sequence* sequence;
    std::size_t history;  // tokens of the sequence and its draft that come before
    std::int32_t token = 0;
    std::exception_ptr failure = nullptr;
    std::uint64_t digest = 0;  // of the logits, where somebody observes them
  };
  // Row i of the logits, as its sequence wants it sampled, gives rows[i].token or rows[i].failure.
  void sample(std::span<Row> rows);

 private:
  ThreadTeam& team_;
  const std::size_t vocabulary_;
  MatrixBuffer buffer_;
  MatrixView<float> logits_;
  std::vector<Sampler> samplers_;  // one per member of the team
};

}  // namespace hearth::engine
