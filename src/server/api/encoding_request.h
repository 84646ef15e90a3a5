// A request for embeddings or for a ranking: from the bytes of an HTTP body to a validated plain struct.
//
// OpenAI's `POST /v1/embeddings`, and `POST /v1/rerank` as Jina and Cohere have it. Everything that can be
// checked without a model is checked here. Extensions: `input_type` ("query" or "document") puts the model's
// own prompt before the texts, `truncate` leaves out the end of what is too long, which else is an error.
// Errors are hearth::Error with the field's path and what is allowed. Thread-safety: free functions on
// values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "server/network/request_body.h"

namespace hearth::server {

inline constexpr std::size_t kMostTexts = 2048;  // of one request, as OpenAI has it

enum class InputType { kPlain, kQuery, kDocument };

struct EmbeddingRequest {
  std::string model;  // empty: the server's default
  std::vector<TextOrTokens> inputs;
  InputType input_type = InputType::kPlain;  // kPlain where there are tokens
  bool base64 = false;                       // else numbers
  std::optional<std::int32_t> dimensions;    // the first so many, brought to the length 1 again
  bool truncate = false;
  std::vector<std::string> ignored;  // names of fields without effect
  std::optional<Error> unknown;      // what strict_requests answers (server/api/known_fields.h)
};

struct RerankRequest {
  std::string model;
  std::string query;
  std::vector<std::string> documents;
  std::size_t most_results = 0;
  bool return_documents = false;
  bool truncate = false;
  std::vector<std::string> ignored;
  std::optional<Error> unknown;
};

EmbeddingRequest parse_embedding_request(std::string_view body);
RerankRequest parse_rerank_request(std::string_view body);

}  // namespace hearth::server
