#include "engine/batch_sampler.h"

#include <cassert>

namespace hearth::engine {

BatchSampler::BatchSampler(ThreadTeam& team, std::int32_t vocabulary)
    : team_(team),
      vocabulary_(static_cast<std::size_t>(vocabulary)),
      samplers_(static_cast<std::size_t>(team.size())) {}

MatrixView<float> BatchSampler::logits(std::size_t rows) {
  return logits_ = buffer_.resize(rows, vocabulary_);
}

void BatchSampler::sample(std::span<Row> rows) {
  assert(rows.size() <= logits_.rows);
  team_.run([&](int member) {
    for (auto i = static_cast<std::size_t>(member); i < rows.size();
         i += static_cast<std::size_t>(team_.size())) {
      Row& row = rows[i];
      const GenerationRequest& request = row.sequence->request();
      try {
        row.token = samplers_[static_cast<std::size_t>(member)].sample(
            logits_.row_span(i), {row.sequence->tokens_and_draft().first(row.history), request.prompt.size()},
            request.sampling, request.seed, request.choice);
      } catch (...) {
        row.failure = std::current_exception();
      }
    }
  });
}

}  // namespace hearth::engine
