#include "text/model_template.h"

#include <utility>

#include "base/error.h"
#include "formats/huggingface_directory.h"
#include "text/default_template.h"

namespace hearth::text {
namespace {

// tokenizer_config.json holds one template, or several by name.
std::optional<std::string> template_from_configuration(const nlohmann::json& configuration) {
  const auto found = configuration.find("chat_template");
  if (found == configuration.end()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  if (!found->is_array()) return std::nullopt;
  for (const nlohmann::json& one : *found) {
    if (one.is_object() && one.value("name", nlohmann::json()) == "default" && one.contains("template") &&
        one["template"].is_string())
      return one["template"].get<std::string>();
  }
  return std::nullopt;
}

std::optional<std::string> find_source(const formats::ModelFiles& files) {
  if (const formats::GgufFile* gguf = files.gguf()) {
    if (const auto source = gguf->metadata().find_string("tokenizer.chat_template"))
      return std::string(*source);
    return std::nullopt;
  }
  if (files.huggingface() == nullptr) return std::nullopt;
  const formats::HuggingFaceDirectory& directory = *files.huggingface();
  if (auto source = directory.read_text("chat_template.jinja")) return source;
  const auto configuration = directory.read_json("tokenizer_config.json");
  return configuration && configuration->is_object() ? template_from_configuration(*configuration)
                                                     : std::nullopt;
}

std::optional<std::string> text_of(const Tokenizer& tokenizer, TokenId id) {
  if (id < 0) return std::nullopt;
  return tokenizer.token_bytes(id);
}

}  // namespace

ChatTemplate::Options template_options(const Tokenizer& tokenizer) {
  ChatTemplate::Options options;
  options.bos_token = text_of(tokenizer, tokenizer.bos());
  options.eos_token = text_of(tokenizer, tokenizer.eos());
  if (auto unknown = text_of(tokenizer, tokenizer.unknown())) options.other_tokens["unk_token"] = *unknown;
  if (auto padding = text_of(tokenizer, tokenizer.padding())) options.other_tokens["pad_token"] = *padding;
  return options;
}

ChatTemplate model_chat_template(const formats::ModelFiles& files, const Tokenizer& tokenizer) {
  std::optional<std::string> source = find_source(files);
  if (!source) {
    const auto is_control = [&](std::string_view text) {
      const std::optional<TokenId> id = tokenizer.find(text);
      return id && tokenizer.is_control(*id);
    };
    if (const auto family = family_of_vocabulary(is_control)) source = default_template_for(*family);
  }
  if (!source)
    throw Error(ErrorKind::kUnsupported,
                "this model brings no chat template: it is a base model, which continues text and knows no "
                "conversation",
                "use /v1/completions or `hearth run --raw`, or choose an instruction-tuned model");
  return ChatTemplate::parse(std::move(*source), template_options(tokenizer));
}

}  // namespace hearth::text
