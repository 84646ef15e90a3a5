// Tokenizers out of tokenizer.json, the format of the `tokenizers` library, with what tokenizer_config.json
// adds.

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "text/tokenizer/bpe_model.h"
#include "text/tokenizer/json_steps.h"
#include "text/tokenizer/parts.h"
#include "text/tokenizer/unigram_model.h"
#include "text/tokenizer/word_piece_model.h"

namespace hearth::text {
namespace {

using nlohmann::json;

[[noreturn]] void corrupt(std::string_view what) {
  throw Error(ErrorKind::kCorruptData, fmt::format("tokenizer.json: {}", what));
}

class JsonReader {
 public:
  JsonReader(json root, const json& configuration, std::span<const TokenId> end_ids)
      : root_(std::move(root)),
        configuration_(configuration),
        end_ids_(end_ids.begin(), end_ids.end()),
        parts_(std::make_unique<TokenizerBuilder::Parts>()) {}

  std::shared_ptr<const Tokenizer> read() {
    if (!root_.is_object()) corrupt("it is no object");
    model_ = take("model");
    if (!model_.is_object()) corrupt("\"model\" is no object");
    type_ = model_type();
    parts_->pre_tokenizer_name = "tokenizer.json";
    read_normalizers(take("normalizer"), parts_->normalizers);
    read_pre_tokenizers(take("pre_tokenizer"), parts_->pre_tokenizers);
    read_decoder(take("decoder"), parts_->decoding);
    read_vocabulary();
    read_post_processor(take("post_processor"), parts_->prefix, parts_->suffix);
    for (const TokenId id : parts_->prefix) check_id(id);
    for (const TokenId id : parts_->suffix) check_id(id);
    read_special_ids();
    TokenizerBuilder::find_ends(*parts_, std::move(end_ids_));
    make_model();
    read_added_tokens();
    return TokenizerBuilder::finish(std::move(parts_));
  }

 private:
  json take(const char* field) {
    const auto found = root_.find(field);
    return found == root_.end() ? json() : std::move(*found);
  }

  std::string model_type() const {
    if (model_.contains("type")) return json_text(model_, "type");
    // Old files do not say.
    if (model_.contains("merges")) return "BPE";
    if (model_.contains("max_input_chars_per_word")) return "WordPiece";
    return model_.contains("unk_id") ? "Unigram" : "";
  }

  struct Entry {
    TokenId id;
    std::string_view text;
  };

  // The texts stay in `model_` and `added_`.
  void read_vocabulary() {
    added_ = take("added_tokens");
    if (!added_.is_null() && !added_.is_array()) corrupt("\"added_tokens\" is no array");
    const auto vocab = model_.find("vocab");
    if (vocab == model_.end() || !vocab->is_structured()) corrupt("the model has no vocabulary");
    std::vector<Entry> entries;
    entries.reserve(vocab->size() + added_.size());
    if (vocab->is_object()) {
      for (const auto& [text, id] : vocab->get_ref<const json::object_t&>())
        entries.push_back({read_id(id), text});
    } else {
      for (const json& pair : *vocab) {
        if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_number())
          corrupt(fmt::format("entry {} of the vocabulary is not a text with its score", entries.size()));
        entries.push_back({static_cast<TokenId>(entries.size()), pair[0].get_ref<const std::string&>()});
        scores_.push_back(pair[1].get<double>());
      }
    }
    for (const json& token : added_) {
      const auto content = token.is_object() ? token.find("content") : token.end();
      if (!token.is_object() || content == token.end() || !content->is_string() || !token.contains("id"))
        corrupt("an added token has no id or no content");
      entries.push_back({read_id(token["id"]), content->get_ref<const std::string&>()});
    }
    append_in_order(entries);
  }

  static TokenId read_id(const json& id) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > 0x7FFFFFFF)
      corrupt("a token's id is no small number");
    return id.get<TokenId>();
  }

  void append_in_order(std::vector<Entry>& entries) {
    std::ranges::sort(entries, {}, &Entry::id);
    // Ids may leave gaps, but not such that they alone fill the memory.
    if (!entries.empty() && static_cast<std::size_t>(entries.back().id) > 8 * entries.size() + 65536)
      corrupt(fmt::format("id {} is far beyond the {} tokens there are", entries.back().id, entries.size()));
    const bool has_bytes = json_flag(model_, "byte_fallback", false);
    Vocabulary& vocabulary = parts_->vocabulary;
    for (const Entry& entry : entries) {
      if (vocabulary.contains(entry.id)) {
        if (vocabulary.text(entry.id) != entry.text)
          corrupt(fmt::format("id {} is both \"{}\" and \"{}\"", entry.id,
                              printable(vocabulary.text(entry.id)), printable(entry.text)));
        continue;
      }
      while (!vocabulary.contains(entry.id - 1) && entry.id > 0) vocabulary.append("", TokenType::kUnused);
      vocabulary.append(entry.text,
                        has_bytes && spells_byte(entry.text) ? TokenType::kByte : TokenType::kNormal);
    }
    vocabulary.build_index();
    for (const json& token : added_)
      vocabulary.set_type(read_id(token["id"]),
                          json_flag(token, "special", false) ? TokenType::kControl : TokenType::kUserDefined);
  }

  void check_id(TokenId id) const {
    if (!parts_->vocabulary.contains(id)) corrupt(fmt::format("token {} does not exist", id));
  }

  // A token that tokenizer_config.json names by its text: plain, or an object with `content`.
  TokenId configured(const char* field) const {
    const auto value = configuration_.find(field);
    if (value == configuration_.end()) return kNoToken;
    if (value->is_string()) return parts_->vocabulary.find(value->get_ref<const std::string&>());
    return value->is_object() ? parts_->vocabulary.find(json_text(*value, "content")) : kNoToken;
  }

  void read_special_ids() {
    TokenizerBuilder::Parts& parts = *parts_;
    parts.bos = configured("bos_token");
    parts.eos = configured("eos_token");
    parts.padding = configured("pad_token");
    if (parts.bos == kNoToken && !parts.prefix.empty()) parts.bos = parts.prefix.front();
    if (parts.eos == kNoToken && !parts.suffix.empty()) parts.eos = parts.suffix.back();
    // An explicit wish in tokenizer_config.json goes before the template, as in transformers.
    const auto wish = [&](const char* field, TokenId id, std::vector<TokenId>& ids) {
      const auto value = configuration_.find(field);
      if (value == configuration_.end() || !value->is_boolean() || id == kNoToken) return;
      std::erase(ids, id);
      if (value->get<bool>()) ids.insert(&ids == &parts.prefix ? ids.begin() : ids.end(), id);
    };
    wish("add_bos_token", parts.bos, parts.prefix);
    wish("add_eos_token", parts.eos, parts.suffix);
    parts.adds_bos = parts.bos != kNoToken && !parts.prefix.empty() && parts.prefix.front() == parts.bos;
    parts.adds_eos = parts.eos != kNoToken && !parts.suffix.empty() && parts.suffix.back() == parts.eos;

    if (type_ == "Unigram") {
      const auto id = model_.find("unk_id");
      if (id != model_.end() && !id->is_null()) parts.unknown = read_id(*id);
    } else if (const std::string text = json_text(model_, "unk_token"); !text.empty()) {
      parts.unknown = parts.vocabulary.find(text);
      if (parts.unknown == kNoToken)
        corrupt(fmt::format("the unknown token \"{}\" does not exist", printable(text)));
    }
    if (parts.unknown == kNoToken) return;
    check_id(parts.unknown);
    if (!parts.vocabulary.is_control(parts.unknown))
      parts.vocabulary.set_type(parts.unknown, TokenType::kUnknown);
  }

  void make_model() {
    const Vocabulary& vocabulary = parts_->vocabulary;
    if (type_ == "BPE") {
      parts_->kind =
          parts_->decoding.byte_letters ? TokenizerKind::kByteLevelBpe : TokenizerKind::kSentencePieceBpe;
      parts_->model = make_bpe();
    } else if (type_ == "Unigram") {
      parts_->kind = TokenizerKind::kUnigram;
      // Added tokens have no score; they match before the model sees the text.
      std::vector<double> scores(vocabulary.size(), 0.0);
      if (scores_.size() > scores.size()) corrupt("the vocabulary of a Unigram model is no array");
      std::ranges::copy(scores_, scores.begin());
      parts_->model = std::make_unique<UnigramModel>(vocabulary, std::move(scores), parts_->unknown,
                                                     json_flag(model_, "byte_fallback", false));
    } else if (type_ == "WordPiece") {
      parts_->kind = TokenizerKind::kWordPiece;
      WordPieceOptions options;
      options.continuation_prefix = json_text(model_, "continuing_subword_prefix", "##");
      const auto most = model_.find("max_input_chars_per_word");
      if (most != model_.end() && most->is_number_unsigned())
        options.maximum_word_characters = most->get<std::size_t>();
      parts_->model = std::make_unique<WordPieceModel>(vocabulary, parts_->unknown, options);
    } else {
      throw Error(ErrorKind::kUnsupported,
                  fmt::format("tokenizer.json: the model \"{}\" is not supported", printable(type_)),
                  "supported are BPE, Unigram and WordPiece");
    }
  }

  std::unique_ptr<const TokenModel> make_bpe() const {
    for (const char* field : {"continuing_subword_prefix", "end_of_word_suffix"})
      if (!json_text(model_, field).empty())
        throw Error(ErrorKind::kUnsupported,
                    fmt::format("tokenizer.json: BPE with \"{}\" is not supported", field));
    const auto lines = model_.find("merges");
    if (lines == model_.end() || !lines->is_array()) corrupt("the BPE model has no merges");
    std::vector<Merge> merges;
    merges.reserve(lines->size());
    for (const json& line : *lines) merges.push_back(read_merge(line, merges.size()));
    return std::make_unique<BpeModel>(parts_->vocabulary, merges,
                                      BpeOptions{.ignore_merges = json_flag(model_, "ignore_merges", false),
                                                 .byte_fallback = json_flag(model_, "byte_fallback", false),
                                                 .fuse_unknown = json_flag(model_, "fuse_unk", false),
                                                 .unknown = parts_->unknown});
  }

  // "l r", or ["l", "r"].
  static Merge read_merge(const json& line, std::size_t index) {
    if (line.is_array() && line.size() == 2 && line[0].is_string() && line[1].is_string())
      return {line[0].get_ref<const std::string&>(), line[1].get_ref<const std::string&>()};
    if (line.is_string()) {
      const std::string_view text = line.get_ref<const std::string&>();
      const std::size_t space = text.find(' ', 1);
      if (space != text.npos && space + 1 < text.size())
        return {text.substr(0, space), text.substr(space + 1)};
    }
    corrupt(fmt::format("merge {} is not two tokens", index));
  }

  void read_added_tokens() {
    std::vector<AddedToken> plain, normalized;
    const Vocabulary& vocabulary = parts_->vocabulary;
    for (const json& token : added_) {
      AddedToken added{.id = read_id(token["id"]),
                       .text = json_text(token, "content"),
                       .single_word = json_flag(token, "single_word", false),
                       .strips_left = json_flag(token, "lstrip", false),
                       .strips_right = json_flag(token, "rstrip", false)};
      added.is_control = vocabulary.is_control(added.id);
      // Control tokens are found in the text as it is, also where the file says otherwise: after normalising
      // nobody could tell any more which part of the text is trusted.
      if (added.is_control || !json_flag(token, "normalized", !json_flag(token, "special", false))) {
        plain.push_back(std::move(added));
        continue;
      }
      for (const auto& normalizer : parts_->normalizers) normalizer->apply(added.text);
      normalized.push_back(std::move(added));
    }
    parts_->added = AddedTokens(std::move(plain));
    parts_->added_normalized = AddedTokens(std::move(normalized));
  }

  json root_, model_, added_;
  const json& configuration_;
  std::vector<TokenId> end_ids_;
  std::unique_ptr<TokenizerBuilder::Parts> parts_;
  std::string type_;
  std::vector<double> scores_;  // Unigram
};

}  // namespace

std::shared_ptr<const Tokenizer> Tokenizer::from_json(std::string_view tokenizer_json,
                                                      const json& configuration,
                                                      std::span<const TokenId> end_ids) {
  JsonLimits limits;
  limits.maximum_bytes = std::size_t{128} << 20;
  return JsonReader(parse_json(tokenizer_json, "tokenizer.json", limits), configuration, end_ids).read();
}

}  // namespace hearth::text
