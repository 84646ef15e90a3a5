#include "engine/draft_model.h"

#include <algorithm>

#include "base/log.h"
#include "engine/model.h"

namespace hearth::engine {

DraftModel::DraftModel(kernels::ExecutionContext& context, models::Decoder& decoder, KeyValueCache& cache,
                       models::Decoder* second, const EngineOptions& options, BatchSampler& sampler)
    : context_(context),
      decoder_(second != nullptr ? *second : decoder),
      sampler_(sampler),
      batch_rows_(static_cast<std::size_t>(options.batch_rows)),
      always_(options.speculation.always_draft) {
  if (second != nullptr) {
    own_cache_.emplace(second->configuration(), options.numerics.key_value_cache, cache_size(options));
    layers_ = own_cache_->layers();
  } else {
    layers_ = cache.layers().first(static_cast<std::size_t>(options.speculation.draft_layers));
  }
  cost_ = static_cast<float>(decoder_.bytes_read_for_a_row(layers_.size())) /
          static_cast<float>(decoder.bytes_read_for_a_row(cache.layers().size()));
  if (!worth_its_time(1, least_chance_worth_a_row(1)))
    log_warning(
        "the draft will not be used: its step takes {:.0f}% of the model's own, which no guess is worth",
        100 * cost_);
}

bool DraftModel::pays(Sequence& sequence, float least_chance, float look_up_chance) const {
  const ModelSpeculation* speculation = sequence.model_speculation();
  return speculation != nullptr && speculation->chance() >= look_up_chance &&
         worth_its_time(speculation->chance(), std::max(least_chance, look_up_chance));
}

void DraftModel::draft(std::span<Sequence* const> sequences, std::int64_t most, float least_chance) {
  std::vector<Drafting> drafting, complete;
  auto left = static_cast<std::int64_t>(sequences.size());
  for (Sequence* sequence : sequences) {
    const std::int64_t share = std::min(most / left--, sequence->most_drafted());
    most -= share;
    if (share > 0) drafting.push_back({sequence, share});
  }
  while (!drafting.empty()) {
    rows_.clear();
    sampled_.clear();
    complete.clear();
    for (const Drafting& one : drafting) {
      if (!add_rows(*one.sequence)) continue;
      complete.push_back(one);
      sampled_.push_back({one.sequence, one.sequence->tokens_and_draft().size()});
    }
    decoder_.forward(context_, rows_, layers_, sampler_.logits(sampled_.size()));
    sampler_.sample(sampled_);
    drafting.clear();
    for (std::size_t i = 0; i < complete.size(); ++i) {
      Drafting one = complete[i];
      ModelSpeculation& speculation = *one.sequence->model_speculation();
      if (sampled_[i].failure) {  // a model that gives what is not a number is of no use as a draft
        speculation.learn(false);
        continue;
      }
      one.sequence->draft_by_model(sampled_[i].token);
      one.all_hold *= speculation.chance();
      if (--one.most > 0 && !one.sequence->ends_with(sampled_[i].token) &&
          worth_its_time(one.all_hold * speculation.chance(), least_chance))
        drafting.push_back(one);
    }
  }
}

bool DraftModel::add_rows(Sequence& sequence) {
  ModelSpeculation& speculation = *sequence.model_speculation();
  SequencePages& pages = own_cache_ ? *speculation.own_pages() : sequence.pages();
  const std::span<const std::int32_t> tokens = sequence.tokens_and_draft();
  // The first layers have also read what the whole model has.
  const std::int64_t first =
      own_cache_ ? speculation.computed() : std::max(speculation.computed(), sequence.computed());
  const auto room = static_cast<std::int64_t>(batch_rows_ - rows_.size());
  const std::int64_t end = std::min(first + room, static_cast<std::int64_t>(tokens.size()));
  const bool complete = end == static_cast<std::int64_t>(tokens.size());
  // Pages behind the draft are kept: it may be rejected from its first token on.
  if (!pages.prepare(std::min(first, sequence.computed()), end)) return false;
  for (std::int64_t position = first; position < end; ++position)
    rows_.push_back({.token = tokens[static_cast<std::size_t>(position)],
                     .position = static_cast<std::int32_t>(position),
                     .page_tables = pages.tables(),
                     .wants_logits = complete && position + 1 == end});
  speculation.set_computed(end);
  return complete;
}

}  // namespace hearth::engine
