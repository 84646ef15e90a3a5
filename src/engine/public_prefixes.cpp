#include "engine/public_prefixes.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/error.h"
#include "kernels/attention.h"

namespace hearth::engine {
namespace {

using Tokens = PublicPrefixes::Tokens;

// What goes on behind the text, in two ways that have no beginning in common: the tokens that both have are
// the text's own.
constexpr const char* kOneEnd = "1";
constexpr const char* kOtherEnd = "?";

Tokens common(const std::function<Tokens(const char* end)>& tokenize) {
  Tokens one = tokenize(kOneEnd);
  const Tokens other = tokenize(kOtherEnd);
  one.erase(std::ranges::mismatch(one, other).in1, one.end());
  return one;
}

}  // namespace

void PublicPrefixes::replace(std::vector<Tokens> prefixes) {
  const std::lock_guard lock(mutex_);
  prefixes_.swap(prefixes);
}

std::int64_t PublicPrefixes::pages_of(std::span<const std::int32_t> tokens) const {
  constexpr auto kPage = static_cast<std::size_t>(kernels::kPageTokens);
  const std::lock_guard lock(mutex_);
  std::size_t most = 0;
  for (const Tokens& prefix : prefixes_) {
    const std::size_t whole = prefix.size() / kPage * kPage;
    if (whole > most && whole <= tokens.size() &&
        std::equal(tokens.begin(), tokens.begin() + whole, prefix.begin()))
      most = whole;
  }
  return static_cast<std::int64_t>(most / kPage);
}

std::vector<Tokens> tokenize_public_texts(const std::vector<std::string>& texts,
                                          const text::Tokenizer& tokenizer, const text::ChatTemplate* chat,
                                          std::chrono::local_seconds now) {
  using Json = nlohmann::ordered_json;
  const auto message = [](const char* role, std::string content) {
    return Json{{"role", role}, {"content", std::move(content)}};
  };
  const auto tokenize = [&](Json messages) {
    text::ChatRequest request;
    request.now = now;
    request.messages = std::move(messages);
    return tokenizer.encode_spans(chat->render(request), {.add_special = true});
  };
  std::vector<Tokens> all;
  for (const std::string& text : texts) {
    all.push_back(
        common([&](const char* end) { return tokenizer.encode(text + end, {.add_special = true}); }));
    if (chat == nullptr) continue;
    all.push_back(
        common([&](const char* end) { return tokenize(Json::array({message("user", text + end)})); }));
    try {
      all.push_back(common([&](const char* end) {
        return tokenize(Json::array({message("system", text + end), message("user", end)}));
      }));
      all.push_back(common([&](const char* end) {
        return tokenize(Json::array({message("system", text), message("user", end)}));
      }));
    } catch (const Error& error) {
      // A template that takes no system message: its chats have no such beginning.
      if (error.kind() != ErrorKind::kInvalidArgument) throw;
    }
  }
  return all;
}

}  // namespace hearth::engine
