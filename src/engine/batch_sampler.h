// Samples the rows of one forward pass, shared among the compute threads. Owns the logits.
// Thread-safety: none; use it while holding the turn to compute.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
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
    // Nothing is sampled: what follows is known, the next of the prompt.
    bool is_known = false;
    bool is_ranked = false;  // `ranking` is wanted, where the request wants log probabilities
    std::int32_t token = 0;
    std::exception_ptr failure = nullptr;
    std::optional<Ranking> ranking = std::nullopt;
    std::uint64_t digest = 0;  // of the logits, where somebody observes them
  };
  // Row i of the logits, as its sequence wants it sampled, gives rows[i].token or rows[i].failure.
  void sample(std::span<Row> rows);

 private:
  ThreadTeam& team_;
  const std::size_t vocabulary_;
  MatrixBuffer buffer_;
  MatrixView<float> logits_;
  // Of each member of the team.
  struct Member {
    Sampler sampler;
    std::vector<float> logits;  // as the model gave them
  };
  void sample(Row& row, std::span<float> logits, Member& member);
  std::vector<Member> members_;
};

}  // namespace hearth::engine
