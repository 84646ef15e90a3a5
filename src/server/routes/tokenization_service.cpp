#include "server/routes/tokenization_service.h"

#include <fmt/format.h>

#include <utility>

#include "base/utf8.h"
#include "server/api/chat_request.h"
#include "server/api/known_fields.h"
#include "server/network/request_body.h"
#include "server/serving/on_worker.h"

namespace hearth::server {

namespace net = boost::asio;
using json = nlohmann::ordered_json;

namespace {

const text::Tokenizer& tokenizer_of(const ServedModel& model) {
  if (const text::Tokenizer* tokenizer = model.tokenizer()) return *tokenizer;
  throw Error(ErrorKind::kUnsupported, fmt::format("`{}` does not show its tokens.", model.id()))
      .with_field("model");
}

std::vector<std::int32_t> tokens_of(const ServedModel& model, FieldReader& body) {
  if (body.value("messages") != nullptr) return model.tokenize_chat(read_chat_fields(body).prompt);
  auto text = body.string("content");
  bool add_special = body.boolean("add_special").value_or(false);
  if (!text) {
    const json& prompt = body.required("prompt", "the text; or `content`, or `messages`");
    if (!prompt.is_string()) throw_wrong_type("prompt", "a string", prompt);
    text = prompt.get<std::string>();
    add_special = body.boolean("add_special_tokens").value_or(true);
  }
  return tokenizer_of(model).encode(*text, {.add_special = add_special});
}

json tokenized(const ServedModel& model, FieldReader& body) {
  const auto tokens = tokens_of(model, body);
  json shown = tokens;
  if (body.boolean("with_pieces").value_or(false)) {
    shown = json::array();
    for (const std::int32_t token : tokens) {
      const std::string bytes = tokenizer_of(model).token_bytes(token);
      // A part of a character is told by its bytes.
      json piece = bytes;
      if (!is_valid_utf8(bytes)) {
        piece = json::array();
        for (const char byte : bytes) piece.push_back(static_cast<unsigned char>(byte));
      }
      shown.push_back({{"id", token}, {"piece", std::move(piece)}});
    }
  }
  return {{"tokens", std::move(shown)}, {"count", tokens.size()}};
}

json detokenized(const ServedModel& model, FieldReader& body) {
  const json& given = body.required("tokens", "an array of token ids");
  if (!given.is_array()) throw_wrong_type("tokens", "an array of token ids", given);
  const auto size = static_cast<std::int64_t>(tokenizer_of(model).vocabulary_size());
  std::vector<std::int32_t> tokens;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string path = fmt::format("tokens[{}]", i);
    if (!given[i].is_number_integer()) throw_wrong_type(path, "a token id", given[i]);
    if (given[i] < 0 || given[i] >= size)
      throw Error(ErrorKind::kInvalidArgument,
                  fmt::format("`{}` is not in the vocabulary of {}.", path, size))
          .with_field(path);
    tokens.push_back(given[i].get<std::int32_t>());
  }
  const std::string text = tokenizer_of(model).decode(tokens, /*show_control=*/true);
  return {{"content", text}, {"prompt", text}};
}

json rendered(const ServedModel& model, FieldReader& body) {
  return {{"prompt", model.render_chat(read_chat_fields(body).prompt)}};
}

}  // namespace

net::awaitable<void> TokenizationService::answer(Exchange& exchange, Work work) {
  const auto admission = co_await completions_.admit(exchange);
  if (!admission) co_return;
  auto document = co_await on_worker(workers_, [body = exchange.body()] { return parse_body(body); });
  FieldReader body(document);
  const auto model = co_await completions_.acquire(exchange, completions_.model_or_default(read_model(body)));
  if (!model) co_return;
  auto run = [&] { return work(*model, body); };
  const json result = co_await on_worker(workers_, std::move(run));
  std::vector<std::string> ignored;
  const auto unknown = sort_unread(body, RequestKind::kTokens, ignored);
  if (unknown && exchange.options().strict_requests) throw *unknown;
  Response response = json_response(result);
  if (!ignored.empty()) response.headers.emplace_back("x-hearth-ignored", ignored_header(ignored));
  co_await exchange.respond(std::move(response));
}

net::awaitable<void> TokenizationService::tokenize(Exchange& exchange) { return answer(exchange, tokenized); }
net::awaitable<void> TokenizationService::detokenize(Exchange& exchange) {
  return answer(exchange, detokenized);
}
net::awaitable<void> TokenizationService::apply_template(Exchange& exchange) {
  return answer(exchange, rendered);
}

}  // namespace hearth::server
