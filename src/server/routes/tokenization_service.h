// `POST /tokenize`, `/detokenize` and `/apply-template`: what a model's tokenizer and template make of a
// text, without running the model. Bodies as llama.cpp's server has them (`content`, `add_special`,
// `with_pieces`) and as vLLM has them (`prompt`, `add_special_tokens`, `messages`). Thread-safety: as
// CompletionService.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include "server/routes/completion_service.h"

namespace hearth::server {

class TokenizationService {
 public:
  // All of it must outlive the service.
  TokenizationService(CompletionService& completions, boost::asio::thread_pool& workers)
      : completions_(completions), workers_(workers) {}

  boost::asio::awaitable<void> tokenize(Exchange& exchange);
  boost::asio::awaitable<void> detokenize(Exchange& exchange);
  boost::asio::awaitable<void> apply_template(Exchange& exchange);

 private:
  using Work = nlohmann::ordered_json (*)(const ServedModel& model, FieldReader& body);
  boost::asio::awaitable<void> answer(Exchange& exchange, Work work);

  CompletionService& completions_;
  boost::asio::thread_pool& workers_;
};

}  // namespace hearth::server
