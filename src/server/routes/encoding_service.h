// `POST /v1/embeddings` and `POST /v1/rerank`: from a body to an answer, by a text encoder.
//
// Body, tokens and admission come before the status line, as for completions. A cross-encoder ranks by
// reading query and document together; with a model that makes embeddings, documents are ranked by how near
// they are to the query, and the answer says so. When the client leaves, what was not computed yet never is.
// Thread-safety: the handlers run on their connections' strands; parsing and tokenizing on the worker threads
// given.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include "server/routes/completion_service.h"

namespace hearth::server {

class EncodingService {
 public:
  // All of it must outlive the service.
  EncodingService(ModelProvider& models, CompletionService& completions, boost::asio::thread_pool& workers,
                  std::shared_ptr<Metrics> metrics)
      : models_(models), completions_(completions), workers_(workers), metrics_(std::move(metrics)) {}

  boost::asio::awaitable<void> embeddings(Exchange& exchange);
  boost::asio::awaitable<void> rerank(Exchange& exchange);

 private:
  using Inputs = std::vector<engine::EncoderInput>;
  boost::asio::awaitable<std::shared_ptr<ServedModel>> acquire(Exchange& exchange, std::string id);
  // The numbers, and the tokens that they took; nothing where the client is gone.
  boost::asio::awaitable<std::optional<engine::EncodingResult>> encode(Exchange& exchange,
                                                                       std::shared_ptr<ServedModel> model,
                                                                       Inputs inputs, std::string_view field);

  ModelProvider& models_;
  CompletionService& completions_;
  boost::asio::thread_pool& workers_;
  const std::shared_ptr<Metrics> metrics_;
};

}  // namespace hearth::server
