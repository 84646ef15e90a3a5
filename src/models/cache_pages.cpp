#include "models/cache_pages.h"

#include <algorithm>

#include "kernels/attention.h"

namespace hearth::models {

std::int64_t pages_for(std::int64_t tokens) {
  constexpr std::int64_t kPage = kernels::kPageTokens;
  return (tokens + kPage - 1) / kPage;
}

std::int64_t sequence_pages(std::int32_t window, std::int64_t tokens, std::int32_t batch_rows) {
  if (window == 0) return pages_for(tokens);
  // One chunk of the prompt and the window before it, each end inside a page.
  return std::min(pages_for(tokens), pages_for(std::int64_t{window} + batch_rows) + 1);
}

std::int64_t cache_pages(std::int32_t window, const CacheSize& size) {
  const std::int64_t full = pages_for(size.context_tokens);
  const std::int64_t pages = size.tokens > 0 ? pages_for(size.tokens) : full * size.sequences;
  if (window == 0) return pages;
  // As many sequences as can be full.
  const std::int64_t sequences = std::min<std::int64_t>(size.sequences, (pages + full - 1) / full);
  return sequences * sequence_pages(window, size.context_tokens, size.batch_rows);
}

std::int32_t group_window(const DecoderConfiguration& configuration, std::int32_t group) {
  std::int32_t window = 0;
  for (const LayerConfiguration& layer : configuration.layers)
    if (layer.group == group) window = std::max(window, layer.window);
  return window;
}

}  // namespace hearth::models
