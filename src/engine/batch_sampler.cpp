#include "engine/batch_sampler.h"

#include <bit>
#include <cassert>

namespace hearth::engine {
namespace {

// FNV-1a over the bits of each number: a different row has a different digest, but by a rare chance.
std::uint64_t digest_of(std::span<const float> logits) {
  std::uint64_t digest = 0xcbf29ce484222325;
  for (const float logit : logits) digest = (digest ^ std::bit_cast<std::uint32_t>(logit)) * 0x100000001b3;
  return digest;
}

}  // namespace

BatchSampler::BatchSampler(ThreadTeam& team, std::int32_t vocabulary)
    : team_(team),
      vocabulary_(static_cast<std::size_t>(vocabulary)),
      members_(static_cast<std::size_t>(team.size())) {}

MatrixView<float> BatchSampler::logits(std::size_t rows) {
  return logits_ = buffer_.resize(rows, vocabulary_);
}

void BatchSampler::sample(std::span<Row> rows) {
  assert(rows.size() <= logits_.rows);
  team_.for_each_part(rows.size(), 1, [&](int member, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      try {
        sample(rows[i], logits_.row_span(i), members_[static_cast<std::size_t>(member)]);
      } catch (...) {
        rows[i].failure = std::current_exception();
      }
    }
  });
}

void BatchSampler::sample(Row& row, std::span<float> logits, Member& member) {
  const GenerationRequest& request = row.sequence->request();
  if (request.observe_logits) row.digest = digest_of(logits);
  const bool is_ranked = row.is_ranked && request.log_probabilities;
  if (row.is_known) {
    row.token = request.prompt[row.history];
  } else {
    if (is_ranked) member.logits.assign(logits.begin(), logits.end());  // sampling changes them
    row.token = member.sampler.sample(
        logits, {row.sequence->tokens_and_draft().first(row.history), request.prompt.size()},
        request.sampling, request.seed, request.choice, row.sequence->mask(row.history).get());
  }
  if (is_ranked)
    row.ranking = rank_tokens(row.is_known ? logits : std::span<float>(member.logits), row.token,
                              *request.log_probabilities);
}

}  // namespace hearth::engine
