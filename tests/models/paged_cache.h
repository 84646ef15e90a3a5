// A key/value cache for tests: pages for every position of every sequence, handed out in a scattered order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/attention.h"
#include "models/decoder.h"

namespace hearth::models {

class PagedCache {
 public:
  PagedCache(const DecoderConfiguration& configuration, kernels::CacheType type, std::size_t sequences,
             std::size_t tokens) {
    const std::size_t pages = (tokens + kernels::kPageTokens - 1) / kernels::kPageTokens;
    const auto groups = static_cast<std::size_t>(configuration.layer_group_count());
    for ([[maybe_unused]] const LayerConfiguration& layer : configuration.layers) {
      kernels::PagedCacheView view;
      view.type = type;
      view.heads = static_cast<std::size_t>(configuration.key_value_heads);
      view.head_dimension = static_cast<std::size_t>(configuration.head_dimension);
      view.page_stride = view.page_bytes();
      const std::size_t bytes = pages * sequences * view.page_bytes();
      view.keys = memory_.emplace_back(bytes).data();
      view.values = memory_.emplace_back(bytes).data();
      layers_.push_back(view);
    }
    for (std::size_t s = 0; s < sequences; ++s) {
      std::vector<const std::int32_t*> pointers;
      for (std::size_t g = 0; g < groups; ++g) {
        std::vector<std::int32_t> table;
        // Sequences interleaved, each group's pages in the other direction.
        for (std::size_t p = 0; p < pages; ++p)
          table.push_back(static_cast<std::int32_t>((g % 2 == 0 ? p : pages - 1 - p) * sequences + s));
        tables_.push_back(std::move(table));
        pointers.push_back(tables_.back().data());
      }
      pointers_.push_back(std::move(pointers));
    }
  }

  std::span<const kernels::PagedCacheView> layers() const { return layers_; }
  BatchRow row(std::size_t sequence, std::int32_t token, std::int32_t position,
               bool wants_logits = true) const {
    return {token, position, pointers_[sequence].data(), wants_logits};
  }

 private:
  std::vector<std::vector<std::byte>> memory_;
  std::vector<kernels::PagedCacheView> layers_;
  std::vector<std::vector<std::int32_t>> tables_;
  std::vector<std::vector<const std::int32_t*>> pointers_;
};

// The logits of the rows that want them, row by row.
inline std::vector<float> run_rows(kernels::ExecutionContext& context, Decoder& decoder,
                                   const PagedCache& cache, std::span<const BatchRow> rows) {
  const auto wanted = static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(), [](const BatchRow& row) { return row.wants_logits; }));
  const auto vocabulary = static_cast<std::size_t>(decoder.configuration().vocabulary);
  std::vector<float> logits(wanted * vocabulary);
  decoder.forward(context, rows, cache.layers(), {logits.data(), wanted, vocabulary});
  return logits;
}

// One text as one sequence, in batches of `batch` rows; logits of all positions.
inline std::vector<float> run_text(kernels::ExecutionContext& context, Decoder& decoder,
                                   std::span<const std::int32_t> tokens, std::size_t batch) {
  const PagedCache cache(decoder.configuration(), context.numerics().key_value_cache, 1, tokens.size());
  std::vector<float> logits;
  for (std::size_t first = 0; first < tokens.size(); first += batch) {
    std::vector<BatchRow> rows;
    for (std::size_t i = first; i < std::min(first + batch, tokens.size()); ++i)
      rows.push_back(cache.row(0, tokens[i], static_cast<std::int32_t>(i)));
    const std::vector<float> part = run_rows(context, decoder, cache, rows);
    logits.insert(logits.end(), part.begin(), part.end());
  }
  return logits;
}

}  // namespace hearth::models
