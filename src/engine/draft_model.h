// Drafts tokens with a model (Leviathan et al. 2023): a second, smaller one of the same vocabulary, or the
// first layers of the model itself with its output on top (early exit; Zhang et al. 2023, "Draft & Verify").
//
// Each guess is sampled as the sequence samples, with the same random number: the likelier that both models
// choose the same token. The first layers write the keys and values that the whole model writes, to its own
// cache. A second model has a cache of its own and reads what it has not read yet when it is to draft, at
// most a batch in a step; what it read of a draft that was rejected is written over.
// Non-goals: deciding between it and look-up. Thread-safety: none; use it while holding the turn to compute.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/batch_sampler.h"
#include "engine/engine_options.h"
#include "engine/key_value_cache.h"
#include "engine/sequence.h"
#include "models/decoder.h"

namespace hearth::engine {

class DraftModel {
 public:
  // `second`: the draft model; null: the first options.speculation.draft_layers layers of `decoder`, which
  // share `cache`. `sampler` is the engine's own.
  DraftModel(kernels::ExecutionContext& context, models::Decoder& decoder, KeyValueCache& cache,
             models::Decoder* second, const EngineOptions& options, BatchSampler& sampler);

  // Of its own cache; 0 where it has none.
  std::int64_t total_pages() const { return own_cache_ ? own_cache_->total_pages() : 0; }
  std::int64_t free_pages() const { return own_cache_ ? own_cache_->available_pages() : 0; }

  // As KeyValueCache::forget.
  void forget(std::uint64_t owner) {
    if (own_cache_) own_cache_->forget(owner);
  }

  void admit(Sequence& sequence) { sequence.use_draft_model(own_cache_ ? &*own_cache_ : nullptr); }

  // Whether its next guess for the sequence is worth its own time and a row of `least_chance`, and more than
  // that of look-up, which is right with `look_up_chance`.
  bool pays(Sequence& sequence, float least_chance, float look_up_chance) const;
  // Drafts at most `most` tokens in all, evenly, and for each sequence while it pays.
  void draft(std::span<Sequence* const> sequences, std::int64_t most, float least_chance);

 private:
  struct Drafting {
    Sequence* sequence;
    std::int64_t most;      // tokens that it may still draft
    float all_hold = 1.0f;  // the chance that what is drafted comes true
  };
  // Adds what of the sequence and its draft was not read yet; false where the batch cannot hold all of it, or
  // the cache has no page left.
  bool add_rows(Sequence& sequence);
  bool worth_its_time(float chance, float least_chance) const {
    return always_ || chance >= least_chance + cost_;
  }

  kernels::ExecutionContext& context_;
  models::Decoder& decoder_;
  BatchSampler& sampler_;
  std::optional<KeyValueCache> own_cache_;
  std::span<const kernels::PagedCacheView> layers_;
  float cost_;  // time of a step of one row, as a part of the whole model's: by the weights that it reads
  const std::size_t batch_rows_;
  const bool always_;
  std::vector<models::BatchRow> rows_;  // of the pass in work
  std::vector<BatchSampler::Row> sampled_;
};

}  // namespace hearth::engine
