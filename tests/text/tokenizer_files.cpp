#include "text/tokenizer_files.h"

#include <span>
#include <vector>

#include "formats/gguf.h"
#include "formats/gguf_writer.h"
#include "text/random_text.h"

namespace hearth::test {
namespace {

using nlohmann::json;

struct GgufVocabulary {
  std::vector<std::string> tokens;
  std::vector<float> scores;
  std::vector<std::int32_t> types;
};

// The tokens of a tokenizer.json in the order of their ids, or those of sentence_piece.json.
GgufVocabulary vocabulary_of(const json& source) {
  GgufVocabulary vocabulary;
  const auto add = [&](const std::string& token, float score, std::int32_t type) {
    vocabulary.tokens.push_back(token);
    vocabulary.scores.push_back(score);
    vocabulary.types.push_back(type);
  };
  if (source.contains("pieces")) {
    for (const json& piece : source["pieces"]) add(piece[0], piece[1], piece[2]);
    return vocabulary;
  }
  const json& vocab = source["model"]["vocab"];
  if (vocab.is_array()) {
    for (const json& entry : vocab) add(entry[0], entry[1], 1);
  } else {
    for (std::size_t i = 0; i < vocab.size(); ++i) add("", 0, 1);
    for (const auto& [token, id] : vocab.items()) vocabulary.tokens[id.get<std::size_t>()] = token;
  }
  for (const json& token : source["added_tokens"]) {
    const auto id = token["id"].get<std::size_t>();
    while (vocabulary.tokens.size() <= id) add("", 0, 1);
    vocabulary.tokens[id] = token["content"];
    vocabulary.types[id] = token["special"].get<bool>() ? 3 : 4;
  }
  return vocabulary;
}

// As converters to GGUF do it: words begin with the space marker, continuations lose their "##".
void spell_as_bert(GgufVocabulary& vocabulary) {
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    std::string& token = vocabulary.tokens[i];
    if (vocabulary.types[i] != 1) continue;
    if (token.starts_with("##"))
      token.erase(0, 2);
    else
      token.insert(0, "▁");
  }
}

// As converters do it: the spaces of user-defined tokens are spaces.
void spell_spaces(GgufVocabulary& vocabulary) {
  static const std::string kMarker = "▁";
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i)
    if (vocabulary.types[i] == 4)
      for (std::size_t at; (at = vocabulary.tokens[i].find(kMarker)) != std::string::npos;)
        vocabulary.tokens[i].replace(at, kMarker.size(), " ");
}

std::string decode_base64(const std::string& text) {
  static const std::string kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = (bits << 6) | static_cast<std::uint32_t>(kDigits.find(c));
    if ((count += 6) >= 8) bytes.push_back(static_cast<char>(bits >> (count -= 8)));
  }
  return bytes;
}

}  // namespace

json patched_tokenizer(const std::string& base, const json& patch) {
  json whole = read_tokenizer_data(base + ".json");
  for (const auto& [member, value] : patch.items()) {
    if (member == "model") {
      whole["model"].update(value);
      continue;
    }
    json changed = value;
    if (member == "normalizer" && value.contains("normalizers"))
      for (json& step : changed["normalizers"])
        if (step == "BASE") step = whole["normalizer"];
    whole[member] = changed;
  }
  return whole;
}

std::shared_ptr<const text::Tokenizer> tokenizer_from(const json& tokenizer_json) {
  return text::Tokenizer::from_json(tokenizer_json.dump());
}

std::string gguf_bytes_of(const std::string& base, const json& patch, const json& options) {
  const json source = patched_tokenizer(base, patch);
  GgufVocabulary vocabulary = vocabulary_of(source);
  const json types = options.value("types", json::object());
  for (const auto& [id, type] : types.items()) vocabulary.types[std::stoul(id)] = type;
  const auto model = options["model"].get<std::string>();
  if (model == "bert") spell_as_bert(vocabulary);
  if (model == "llama") spell_spaces(vocabulary);

  formats::GgufWriter writer;
  const std::string prefix = "tokenizer.ggml.";
  writer.set_string("general.architecture", options.value("architecture", "llama"));
  for (const auto& [key, value] : options.items()) {
    if (value.is_string() && key != "architecture") writer.set_string(prefix + key, value.get<std::string>());
    if (value.is_boolean()) writer.set_bool(prefix + key, value.get<bool>());
    if (value.is_number()) writer.set_u32(prefix + key, value.get<std::uint32_t>());
  }
  writer.set_string_array(prefix + "tokens", vocabulary.tokens);
  writer.set_i32_array(prefix + "token_type", vocabulary.types);
  if (model == "llama" || model == "t5") writer.set_f32_array(prefix + "scores", vocabulary.scores);
  if (model == "gpt2") {
    std::vector<std::string> merges;
    for (const json& merge : source["model"]["merges"])
      merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    writer.set_string_array(prefix + "merges", merges);
  }
  const std::string map =
      model == "t5" ? decode_base64(source["normalizer"]["precompiled_charsmap"].get<std::string>()) : "";
  if (!map.empty())
    writer.set_value({.key = "tokenizer.ggml.precompiled_charsmap",
                      .type = formats::GgufType::kArray,
                      .element_type = formats::GgufType::kU8,
                      .count = map.size(),
                      .bytes = std::as_bytes(std::span(map))});
  if (model == "t5") {
    writer.set_u32(prefix + "unknown_token_id", 0);
    writer.set_u32(prefix + "bos_token_id", 1);
    writer.set_u32(prefix + "eos_token_id", 2);
  }
  if (model == "bert") {
    writer.set_u32(prefix + "unknown_token_id", 1);
    writer.set_u32(prefix + "cls_token_id", 2);
    writer.set_u32(prefix + "seperator_token_id", 3);
  }
  return writer.to_bytes();
}

std::shared_ptr<const text::Tokenizer> tokenizer_from_gguf(const std::string& bytes) {
  const formats::GgufContents contents = formats::parse_gguf(std::as_bytes(std::span(bytes)), "test.gguf");
  return text::Tokenizer::from_gguf(contents.metadata);
}

}  // namespace hearth::test
