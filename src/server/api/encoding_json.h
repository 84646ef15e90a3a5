// The documents that /v1/embeddings and /v1/rerank answer with. Thread-safety: free functions on values.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "server/api/encoding_request.h"

namespace hearth::server {

// `values`: rows of `width` numbers, one for each input. Where `dimensions` is less than the width, the first
// so many of each, brought to the length 1. As text, because a tree of that many numbers would take many
// times the memory.
std::string embedding_document(const std::string& model, std::span<const float> values, std::size_t width,
                               std::size_t dimensions, bool base64, std::int64_t tokens);

struct RankedDocument {
  std::size_t index;  // in the request
  double score;
};
// The best first, ties in the request's order; no more than the request wants.
std::vector<RankedDocument> rank(std::span<const double> scores, std::size_t most);

// `method`: "cross_encoder", or "embedding_similarity" where a model that was not trained to rank did it.
std::string rerank_document(const std::string& id, const std::string& model, std::string_view method,
                            const RerankRequest& request, std::span<const RankedDocument> results,
                            std::int64_t tokens);

}  // namespace hearth::server
