#include "server/api/log_probabilities.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/utf8.h"

namespace hearth::server {

using engine::TokenLogProbability;
using json = nlohmann::ordered_json;

namespace {

constexpr std::int64_t kMostOfCompletions = 5;

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// Bytes that are no character as escapes.
std::string spelled(std::string_view bytes) {
  std::string text;
  for (std::size_t position = 0; position < bytes.size();) {
    const DecodedCodePoint c = decode_utf8(bytes, position);
    const std::string_view own = bytes.substr(position, c.bytes);
    if (is_valid_utf8(own))
      text += own;
    else
      for (const char byte : own) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    position += c.bytes;
  }
  return text;
}

json number(const TokenLogProbability& token) {
  if (!token.log_probability) return nullptr;
  return std::max(*token.log_probability, -9999.0f);
}

json described(const TokenLogProbability& token) {
  json bytes = nullptr;
  if (!token.is_hidden) {
    bytes = json::array();
    for (const char byte : token.bytes) bytes.push_back(static_cast<unsigned char>(byte));
  }
  return {{"token", spelled(token.bytes)}, {"logprob", number(token)}, {"bytes", std::move(bytes)}};
}

// As the older API spells them.
std::string spelled_in_text(const TokenLogProbability& token) {
  return is_valid_utf8(token.bytes) ? token.bytes : "bytes:" + spelled(token.bytes);
}

}  // namespace

std::optional<std::int32_t> read_chat_log_probabilities(FieldReader& body) {
  const bool wanted = body.boolean("logprobs").value_or(false);
  const auto likeliest = body.integer("top_logprobs", 0, engine::kMostLikeliest);
  if (wanted) return static_cast<std::int32_t>(likeliest.value_or(0));
  if (likeliest.value_or(0) > 0)
    throw Error(ErrorKind::kInvalidArgument, "`top_logprobs` is allowed only where `logprobs` is true.")
        .with_field("top_logprobs");
  return std::nullopt;
}

std::optional<std::int32_t> read_text_log_probabilities(FieldReader& body) {
  const auto likeliest = body.integer("logprobs", 0, kMostOfCompletions);
  return likeliest ? std::optional(static_cast<std::int32_t>(*likeliest)) : std::nullopt;
}

json token_log_probabilities(LogProbabilities tokens) {
  json all = json::array();
  for (const engine::TokenLogProbabilities& token : tokens) {
    json one = described(token.chosen);
    one["top_logprobs"] = json::array();
    for (const TokenLogProbability& likely : token.likeliest)
      one["top_logprobs"].push_back(described(likely));
    all.push_back(std::move(one));
  }
  return all;
}

json chat_log_probabilities(LogProbabilities tokens) {
  return {{"content", token_log_probabilities(tokens)}, {"refusal", nullptr}};
}

json text_log_probabilities(LogProbabilities tokens, std::int32_t likeliest, std::size_t& characters) {
  json names = json::array(), own = json::array(), top = json::array(), offsets = json::array();
  for (const engine::TokenLogProbabilities& token : tokens) {
    const std::string& bytes = token.chosen.bytes;
    names.push_back(spelled_in_text(token.chosen));
    own.push_back(number(token.chosen));
    // The token itself is always among them.
    json beside = token.chosen.log_probability ? json::object() : json(nullptr);
    for (const TokenLogProbability& likely : token.likeliest)
      beside[spelled_in_text(likely)] = number(likely);
    if (token.chosen.log_probability) beside[spelled_in_text(token.chosen)] = number(token.chosen);
    top.push_back(std::move(beside));
    // A token that goes on with a character begins where that does.
    const bool goes_on = !bytes.empty() && continues_character(bytes.front()) && characters > 0;
    offsets.push_back(goes_on ? characters - 1 : characters);
    if (!token.chosen.is_hidden)
      characters += static_cast<std::size_t>(
          std::ranges::count_if(bytes, [](char byte) { return !continues_character(byte); }));
  }
  return {{"tokens", std::move(names)},
          {"token_logprobs", std::move(own)},
          {"top_logprobs", likeliest > 0 ? std::move(top) : json(nullptr)},
          {"text_offset", std::move(offsets)}};
}

}  // namespace hearth::server
