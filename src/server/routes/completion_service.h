// `POST /v1/chat/completions`, `/v1/completions` and `/v1/responses` of OpenAI's API, `POST /v1/messages` of
// Anthropic's: from a body to an answer or a stream of one.
//
// Body, template, tokens and admission come before the status line, so that whatever can be refused is
// refused with a status of its own. When the client leaves, its sequences are cancelled at once.
// Thread-safety: the handlers run on their connections' strands; parsing and tokenizing on the worker threads
// given.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include "server/api/answer_format.h"
#include "server/api/chat_request.h"
#include "server/network/exchange.h"
#include "server/serving/caller_limits.h"
#include "server/serving/model_provider.h"
#include "server/serving/response_cache.h"
#include "server/serving/response_store.h"

namespace hearth::server {

class CompletionService {
 public:
  // Models and workers must outlive the service; without a cache every answer is computed, without
  // a store none is stored.
  CompletionService(ModelProvider& models, boost::asio::thread_pool& workers,
                    std::shared_ptr<Metrics> metrics, std::shared_ptr<ResponseCache> cache,
                    std::shared_ptr<ResponseStore> store)
      : models_(models),
        workers_(workers),
        metrics_(std::move(metrics)),
        cache_(std::move(cache)),
        store_(std::move(store)) {}

  boost::asio::awaitable<void> chat(Exchange& exchange);
  boost::asio::awaitable<void> text(Exchange& exchange);
  boost::asio::awaitable<void> messages(Exchange& exchange);
  boost::asio::awaitable<void> responses(Exchange& exchange);
  boost::asio::awaitable<void> count_message_tokens(Exchange& exchange);

  // For every route that a model answers. Before any work: what is wrong with the request counts too.
  // Nothing: it is refused and answered.
  boost::asio::awaitable<std::optional<CallerLimits::Admission>> admit(Exchange& exchange);
  // Throws where the request names no model and there is none.
  std::string model_or_default(std::string id) const;
  // The model, loaded if need be; null: the client is gone.
  boost::asio::awaitable<std::shared_ptr<ServedModel>> acquire(Exchange& exchange, const std::string& id);
  void take_tokens(Exchange& exchange, std::int64_t count);

 private:
  struct Job;
  static Job chat_job(AnswerKind kind, ChatCompletionRequest request);
  boost::asio::awaitable<void> serve(Exchange& exchange, Job job);
  boost::asio::awaitable<void> answer(Exchange& exchange, Job& job);
  boost::asio::awaitable<void> stream(Exchange& exchange, Job& job);
  // Stores an answer, where it is to be; nothing, or why it cannot be.
  boost::asio::awaitable<std::optional<Error>> store(const Job& job, const nlohmann::ordered_json& response);

  ModelProvider& models_;
  boost::asio::thread_pool& workers_;
  // The engine's last events may outlive the server.
  const std::shared_ptr<Metrics> metrics_;
  const std::shared_ptr<ResponseCache> cache_;
  const std::shared_ptr<ResponseStore> store_;
  const std::shared_ptr<CallerLimits> callers_ = std::make_shared<CallerLimits>();
};

}  // namespace hearth::server
