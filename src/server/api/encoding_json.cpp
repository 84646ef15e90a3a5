#include "server/api/encoding_json.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

static_assert(std::endian::native == std::endian::little, "base64 is of little-endian floats");

std::string quoted(const std::string& text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string base64_of(std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // the function writes a zero behind it
  const int length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

std::vector<float> shortened(std::span<const float> values) {
  double squares = 0;
  for (const float value : values) squares += double{value} * value;
  const double factor = squares > 0 ? 1 / std::sqrt(squares) : 0;
  std::vector<float> out;
  for (const float value : values) out.push_back(static_cast<float>(value * factor));
  return out;
}

}  // namespace

std::string embedding_document(const std::string& model, std::span<const float> values, std::size_t width,
                               std::size_t dimensions, bool base64, std::int64_t tokens) {
  std::string out = R"({"object":"list","data":[)";
  for (std::size_t i = 0; i * width < values.size(); ++i) {
    const auto row = values.subspan(i * width, width);
    const std::vector<float> few =
        dimensions < width ? shortened(row.first(dimensions)) : std::vector<float>{};
    const std::span<const float> wanted = few.empty() ? row : few;
    out += fmt::format(R"({}{{"object":"embedding","index":{},"embedding":)", i == 0 ? "" : ",", i);
    out += base64 ? '"' + base64_of(wanted) + '"' : fmt::format("[{}]", fmt::join(wanted, ","));
    out += '}';
  }
  return out +
         fmt::format(R"(],"model":{},"usage":{{"prompt_tokens":{},"total_tokens":{}}}}})", quoted(model),
                     tokens, tokens) +
         "\n";
}

std::vector<RankedDocument> rank(std::span<const double> scores, std::size_t most) {
  std::vector<RankedDocument> all;
  for (std::size_t i = 0; i < scores.size(); ++i) all.push_back({i, scores[i]});
  std::ranges::stable_sort(all, std::greater(), &RankedDocument::score);
  all.resize(std::min(all.size(), most));
  return all;
}

std::string rerank_document(const std::string& id, const std::string& model, std::string_view method,
                            const RerankRequest& request, std::span<const RankedDocument> results,
                            std::int64_t tokens) {
  json list = json::array();
  for (const RankedDocument& one : results) {
    json entry = {{"index", one.index}, {"relevance_score", one.score}};
    if (request.return_documents) entry["document"] = {{"text", request.documents[one.index]}};
    list.push_back(std::move(entry));
  }
  const json document = {{"id", id},
                         {"object", "list"},
                         {"model", model},
                         {"method", method},
                         {"results", std::move(list)},
                         {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace hearth::server
