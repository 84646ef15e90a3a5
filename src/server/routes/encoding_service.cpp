#include "server/routes/encoding_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "server/api/encoding_json.h"
#include "server/api/encoding_request.h"
#include "server/serving/on_worker.h"

namespace hearth::server {

namespace net = boost::asio;

namespace {

const std::string& prompt_of(const models::EncoderConfiguration& configuration, InputType type) {
  static const std::string none;
  return type == InputType::kQuery      ? configuration.query_prompt
         : type == InputType::kDocument ? configuration.document_prompt
                                        : none;
}

std::vector<engine::EncoderInput> tokenize(const engine::Embedder& embedder,
                                           const EmbeddingRequest& request) {
  const std::string& prompt = prompt_of(embedder.configuration(), request.input_type);
  std::vector<engine::EncoderInput> inputs;
  for (const TextOrTokens& input : request.inputs) {
    const auto* text = std::get_if<std::string>(&input);
    inputs.push_back(text ? embedder.tokenize(prompt + *text)
                          : embedder.with_special(std::get<std::vector<std::int32_t>>(input)));
    if (request.truncate) embedder.truncate(inputs.back());
  }
  return inputs;
}

// Pairs for a cross-encoder; else the query, then the documents.
std::vector<engine::EncoderInput> tokenize(const engine::Embedder& embedder, const RerankRequest& request) {
  const models::EncoderConfiguration& configuration = embedder.configuration();
  const bool pairs = configuration.classes > 0;
  std::vector<engine::EncoderInput> inputs;
  if (!pairs) inputs.push_back(embedder.tokenize(configuration.query_prompt + request.query));
  for (const std::string& document : request.documents) {
    inputs.push_back(pairs ? embedder.tokenize_pair(request.query, document)
                           : embedder.tokenize(configuration.document_prompt + document));
    if (request.truncate) embedder.truncate(inputs.back());
  }
  return inputs;
}

double cosine(std::span<const float> a, std::span<const float> b) {
  double product = 0, a_squares = 0, b_squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    product += double{a[i]} * b[i];
    a_squares += double{a[i]} * a[i];
    b_squares += double{b[i]} * b[i];
  }
  return a_squares > 0 && b_squares > 0 ? product / std::sqrt(a_squares * b_squares) : 0;
}

std::vector<double> scores_of(const models::EncoderConfiguration& configuration,
                              std::span<const float> values) {
  std::vector<double> scores;
  if (configuration.classes > 0) {
    for (const float logit : values) scores.push_back(1 / (1 + std::exp(-double{logit})));
    return scores;
  }
  const auto width = static_cast<std::size_t>(configuration.width);
  for (std::size_t first = width; first < values.size(); first += width)
    scores.push_back(cosine(values.first(width), values.subspan(first, width)));
  return scores;
}

Response answer(std::string body, const std::string& model, const std::vector<std::string>& ignored) {
  Response response{
      200,
      {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}, {"x-hearth-model", model}},
      std::move(body)};
  if (!ignored.empty()) response.headers.emplace_back("x-hearth-ignored", ignored_header(ignored));
  return response;
}

// Between the embedder's thread and the connection's.
struct Delivery {
  std::mutex mutex;
  std::optional<engine::EncodingResult> result;
};

}  // namespace

net::awaitable<std::shared_ptr<ServedModel>> EncodingService::acquire(Exchange& exchange, std::string id) {
  if (id.empty()) id = models_.default_encoder();
  if (id.empty())
    throw Error(ErrorKind::kNotFound, "There is no model for this yet.",
                "get one with `hearth pull minilm:l6`")
        .with_field("model");
  auto model = co_await completions_.acquire(exchange, id);
  if (model && model->embedder() == nullptr)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("`{}` writes text and makes no embeddings.", model->id()),
                "`hearth pull minilm:l6` gets a model that does")
        .with_field("model");
  co_return model;
}

net::awaitable<std::optional<engine::EncodingResult>> EncodingService::encode(
    Exchange& exchange, std::shared_ptr<ServedModel> model, Inputs inputs, std::string_view field) {
  const auto context = exchange.context();
  const auto meter =
      std::make_shared<GenerationMeter>(metrics_, model->id(), exchange.received(), [](std::int64_t) {});
  exchange.set_meter(meter);
  const std::size_t texts = inputs.size();
  std::int64_t tokens = 0;
  for (const engine::EncoderInput& input : inputs) tokens += std::ssize(input.tokens);
  const auto delivery = std::make_shared<Delivery>();
  const auto count = meter->watch([](const engine::GenerationEvent&) {}, /*counts_prompt=*/true);
  try {
    model->embedder()->submit(
        {.context = context,
         .inputs = std::move(inputs),
         .priority = std::max(engine::Priority::kNormal, exchange.options().highest_priority)},
        [delivery, count, metrics = metrics_, id = model->id(), texts,
         wake = exchange.waker()](engine::EncodingResult result) {
          engine::GenerationEvent event;
          event.finish = result.error ? engine::FinishReason::kError : engine::FinishReason::kStop;
          event.usage.prompt_tokens = static_cast<std::int32_t>(result.tokens);
          event.usage.queue_seconds = result.queue_seconds;
          count(event);
          metrics->texts_encoded(id, result.error ? 0 : texts, result.tokens);
          {
            const std::lock_guard lock(delivery->mutex);
            delivery->result = std::move(result);
          }
          wake();
        });
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kOverloaded) metrics_->request_refused("queue");
    if (error.kind() == ErrorKind::kOverloaded) throw;
    throw Error(error).with_field(std::string(field));
  }
  completions_.take_tokens(exchange, tokens);
  exchange.drop_body();
  for (;;) {
    if (exchange.client_gone()) co_return std::nullopt;
    if (exchange.must_end()) {
      context->cancelled = true;
      throw Error(ErrorKind::kOverloaded, "The server is stopping.", "try again");
    }
    {
      const std::lock_guard lock(delivery->mutex);
      if (delivery->result) {
        if (delivery->result->error) throw *delivery->result->error;
        co_return std::move(*delivery->result);
      }
    }
    co_await exchange.wakeup().wait_until(Wakeup::Time::max());
  }
}

net::awaitable<void> EncodingService::embeddings(Exchange& exchange) {
  const auto admission = co_await completions_.admit(exchange);
  if (!admission) co_return;
  auto parse = [body = exchange.body()] { return parse_embedding_request(body); };
  const EmbeddingRequest request = co_await on_worker(workers_, std::move(parse));
  if (request.unknown && exchange.options().strict_requests) throw *request.unknown;
  const auto model = co_await acquire(exchange, request.model);
  if (!model) co_return;
  const models::EncoderConfiguration& configuration = model->embedder()->configuration();
  if (configuration.classes > 0)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("`{}` ranks documents and makes no embeddings.", model->id()),
                "ask it at /v1/rerank")
        .with_field("model");
  const std::int32_t dimensions = request.dimensions.value_or(configuration.width);
  if (dimensions > configuration.width)
    throw Error(
        ErrorKind::kInvalidArgument,
        fmt::format("`dimensions` is {}; this model's embeddings have {}.", dimensions, configuration.width))
        .with_field("dimensions");
  auto work = [&] { return tokenize(*model->embedder(), request); };
  Inputs inputs = co_await on_worker(workers_, std::move(work));
  const auto result = co_await encode(exchange, model, std::move(inputs), "input");
  if (!result) co_return;
  auto write = [&] {
    return embedding_document(model->id(), result->values, static_cast<std::size_t>(configuration.width),
                              static_cast<std::size_t>(dimensions), request.base64, result->tokens);
  };
  std::string document = co_await on_worker(workers_, std::move(write));
  co_await exchange.respond(answer(std::move(document), model->id(), request.ignored));
}

net::awaitable<void> EncodingService::rerank(Exchange& exchange) {
  const auto admission = co_await completions_.admit(exchange);
  if (!admission) co_return;
  auto parse = [body = exchange.body()] { return parse_rerank_request(body); };
  const RerankRequest request = co_await on_worker(workers_, std::move(parse));
  if (request.unknown && exchange.options().strict_requests) throw *request.unknown;
  const auto model = co_await acquire(exchange, request.model);
  if (!model) co_return;
  const models::EncoderConfiguration& configuration = model->embedder()->configuration();
  if (configuration.classes > 1)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("`{}` tells {} classes apart; a ranking needs one score.", model->id(),
                            configuration.classes))
        .with_field("model");
  auto work = [&] { return tokenize(*model->embedder(), request); };
  Inputs inputs = co_await on_worker(workers_, std::move(work));
  const auto result = co_await encode(exchange, model, std::move(inputs), "documents");
  if (!result) co_return;
  const auto results = rank(scores_of(configuration, result->values), request.most_results);
  const std::string& request_id = exchange.context()->request_id;
  std::string document = rerank_document("rerank-" + request_id.substr(request_id.find('_') + 1), model->id(),
                                         configuration.classes > 0 ? "cross_encoder" : "embedding_similarity",
                                         request, results, result->tokens);
  co_await exchange.respond(answer(std::move(document), model->id(), request.ignored));
}

}  // namespace hearth::server
