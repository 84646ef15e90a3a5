#include "engine/direct_run.h"

#include <cassert>
#include <memory>
#include <mutex>

namespace hearth::engine {
DirectRun::DirectRun(const Model& model, std::int32_t sequences)
    : model_(model),
      cache_(model.decoder().configuration(), model.options().numerics.key_value_cache,
             {.sequences = sequences,
              .context_tokens = model.options().context_tokens,
              .batch_rows = model.options().batch_rows,
              .tokens = 0}),
      lengths_(static_cast<std::size_t>(sequences)) {
  for (std::int32_t i = 0; i < sequences; ++i) pages_.emplace_back(cache_);
}

void DirectRun::reset(std::int32_t sequence) {
  const auto s = static_cast<std::size_t>(sequence);
  std::destroy_at(&pages_[s]);
  std::construct_at(&pages_[s], cache_);
  lengths_[s] = 0;
}

MatrixView<const float> DirectRun::run(std::span<const Row> rows) {
  assert(static_cast<std::int32_t>(rows.size()) <= model_.options().batch_rows);
  std::vector<std::int64_t> ends = lengths_;
  std::size_t sampled = 0;
  for (const Row& row : rows) {
    ++ends[static_cast<std::size_t>(row.sequence)];
    sampled += row.wants_logits ? 1 : 0;
  }
  for (std::size_t s = 0; s < pages_.size(); ++s) {
    [[maybe_unused]] const bool fits = pages_[s].prepare(lengths_[s], ends[s]);
    assert(fits && "every sequence has its whole context");
  }
  std::vector<models::BatchRow> batch;
  batch.reserve(rows.size());
  for (const Row& row : rows) {
    const auto s = static_cast<std::size_t>(row.sequence);
    batch.push_back({.token = row.token,
                     .position = static_cast<std::int32_t>(lengths_[s]++),
                     .page_tables = pages_[s].tables(),
                     .wants_logits = row.wants_logits});
  }
  const auto vocabulary = static_cast<std::size_t>(model_.decoder().configuration().vocabulary);
  const MatrixView<float> logits = logits_.resize(sampled, vocabulary);
  const std::lock_guard turn(model_.compute().turn());
  model_.decoder().forward(model_.context(), batch, cache_.layers(), logits);
  return logits;
}

}  // namespace hearth::engine
