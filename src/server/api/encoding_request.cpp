#include "server/api/encoding_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "server/api/known_fields.h"

namespace hearth::server {

using json = nlohmann::ordered_json;

namespace {

constexpr std::int64_t kMostDimensions = 65536;

Error invalid(const std::string& field, std::string message) {
  return Error(ErrorKind::kInvalidArgument, std::move(message)).with_field(field);
}

// Cohere's and e5's names for the two count as well.
InputType read_input_type(FieldReader& body) {
  const auto type = body.string("input_type");
  if (!type) return InputType::kPlain;
  if (*type == "query" || *type == "search_query") return InputType::kQuery;
  if (*type == "document" || *type == "search_document" || *type == "passage") return InputType::kDocument;
  throw invalid("input_type", "`input_type` must be \"query\" or \"document\".");
}

// "text", or {"text": "text"}.
std::string read_document(const json& document, const std::string& path) {
  if (document.is_string()) return document.get<std::string>();
  if (!document.is_object()) throw_wrong_type(path, "a string or an object with `text`", document);
  FieldReader fields(document, path);
  const auto text = fields.string("text");
  if (!text) throw invalid(path + ".text", fmt::format("`{}.text` is missing: the document.", path));
  return *text;
}

}  // namespace

EmbeddingRequest parse_embedding_request(std::string_view text) {
  const json document = parse_body(text);
  FieldReader body(document);
  EmbeddingRequest request;
  request.model = read_model(body);
  request.inputs = read_texts(body, "input", kMostTexts);
  request.input_type = read_input_type(body);
  const bool has_tokens = std::ranges::any_of(request.inputs, [](const TextOrTokens& input) {
    return std::holds_alternative<std::vector<std::int32_t>>(input);
  });
  if (has_tokens && request.input_type != InputType::kPlain)
    throw invalid("input_type", "`input_type` is for texts; `input` holds tokens.");
  const std::string format = body.string("encoding_format").value_or("float");
  if (format != "float" && format != "base64")
    throw invalid("encoding_format", "`encoding_format` must be \"float\" or \"base64\".");
  request.base64 = format == "base64";
  if (const auto dimensions = body.integer("dimensions", 1, kMostDimensions))
    request.dimensions = static_cast<std::int32_t>(*dimensions);
  request.truncate = body.boolean("truncate").value_or(false);
  request.unknown = sort_unread(body, RequestKind::kEmbeddings, request.ignored);
  return request;
}

RerankRequest parse_rerank_request(std::string_view text) {
  const json document = parse_body(text);
  FieldReader body(document);
  RerankRequest request;
  request.model = read_model(body);
  const json& query = body.required("query", "what the documents are ranked by");
  if (!query.is_string()) throw_wrong_type("query", "a string", query);
  request.query = query.get<std::string>();
  const json& documents = body.required("documents", "an array of texts");
  if (!documents.is_array()) throw_wrong_type("documents", "an array of texts", documents);
  if (documents.empty() || documents.size() > kMostTexts)
    throw invalid("documents",
                  fmt::format("`documents` must hold 1 to {}, but holds {}.", kMostTexts, documents.size()));
  for (std::size_t i = 0; i < documents.size(); ++i)
    request.documents.push_back(read_document(documents[i], fmt::format("documents[{}]", i)));
  const auto most = body.integer("top_n", 1, std::int64_t{1} << 31);
  request.most_results = std::min(static_cast<std::size_t>(most.value_or(kMostTexts)), documents.size());
  request.return_documents = body.boolean("return_documents").value_or(false);
  request.truncate = body.boolean("truncate").value_or(false);
  request.unknown = sort_unread(body, RequestKind::kRerank, request.ignored);
  return request;
}

}  // namespace hearth::server
