// Tokenizers out of GGUF metadata (`tokenizer.ggml.*`), with the defaults that llama.cpp gives what is
// missing.

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "formats/gguf.h"
#include "text/tokenizer/bpe_model.h"
#include "text/tokenizer/named_pre_tokenizers.h"
#include "text/tokenizer/parts.h"
#include "text/tokenizer/score_model.h"
#include "text/tokenizer/unigram_model.h"
#include "text/tokenizer/word_piece_model.h"

namespace hearth::text {
namespace {

using formats::GgufMetadata;

constexpr std::string_view kSpaceMarker = "▁";
constexpr std::string_view kKey = "tokenizer.ggml.";

class GgufReader {
 public:
  explicit GgufReader(const GgufMetadata& metadata)
      : metadata_(metadata), parts_(std::make_unique<TokenizerBuilder::Parts>()) {}

  std::shared_ptr<const Tokenizer> read() {
    const std::string_view model = metadata_.require_string(key("model"));
    if (model == "gpt2")
      prepare_byte_level();
    else if (model == "llama")
      prepare_sentence_piece();
    else if (model == "t5")
      prepare_unigram();
    else if (model == "bert")
      prepare_word_piece();
    else
      throw Error(ErrorKind::kUnsupported,
                  fmt::format("{}: the tokenizer model \"{}\" is not supported", metadata_.source(),
                              printable(model)),
                  "supported are gpt2, llama, t5 and bert");
    read_vocabulary();
    read_special_ids();
    make_model();
    read_added_tokens();
    read_surroundings();
    return TokenizerBuilder::finish(std::move(parts_));
  }

 private:
  static std::string key(std::string_view name) { return std::string(kKey).append(name); }

  TokenId special(std::string_view name, TokenId otherwise = kNoToken) const {
    const auto id = metadata_.find_u32(key(name));
    const auto size = static_cast<TokenId>(parts_->vocabulary.size());
    // Files in use name ids past the end for tokens that the model does not have.
    if (id && *id < static_cast<std::uint32_t>(size)) return static_cast<TokenId>(*id);
    return otherwise < size ? otherwise : kNoToken;
  }
  bool flag(std::string_view name, bool otherwise) const {
    return metadata_.find_bool(key(name)).value_or(otherwise);
  }

  void prepare_byte_level() {
    const std::string_view name = metadata_.find_string(key("pre")).value_or("default");
    named_ = find_pre_tokenizer(name);
    if (named_ == nullptr)
      throw Error(
          ErrorKind::kUnsupported,
          fmt::format("{}: the pre-tokenizer \"{}\" is not supported", metadata_.source(), printable(name)),
          "supported are " + pre_tokenizer_names());
    parts_->kind = TokenizerKind::kByteLevelBpe;
    parts_->pre_tokenizer_name = name;
    if (named_->composes) parts_->normalizers.push_back(make_unicode_normalizer(UnicodeForm::kNfc));
    for (const std::string_view pattern : named_->patterns)
      parts_->pre_tokenizers.push_back(make_split(make_pattern_matcher(pattern), SplitBehavior::kIsolated));
    parts_->pre_tokenizers.push_back(make_byte_level(false, false));
    parts_->decoding.byte_letters = true;
    parts_->adds_bos = named_->adds_bos;
  }

  void mark_spaces(bool add_space_prefix) {
    if (add_space_prefix) parts_->normalizers.push_back(make_prepend(std::string(kSpaceMarker)));
    parts_->normalizers.push_back(make_replace(make_literal_matcher(" "), std::string(kSpaceMarker)));
    parts_->decoding.space_marker = kSpaceMarker;
    parts_->decoding.strips_leading_space = add_space_prefix;
  }

  void prepare_sentence_piece() {
    parts_->kind = TokenizerKind::kSentencePieceBpe;
    parts_->pre_tokenizer_name = "default";
    mark_spaces(flag("add_space_prefix", true));
    parts_->adds_bos = true;
    default_bos_ = 1;
    default_eos_ = 2;
    default_unknown_ = 0;
  }

  void prepare_unigram() {
    parts_->kind = TokenizerKind::kUnigram;
    parts_->pre_tokenizer_name = "default";
    if (const formats::GgufValue* map = metadata_.find(key("precompiled_charsmap"))) {
      const bool is_bytes =
          map->type == formats::GgufType::kArray &&
          (map->element_type == formats::GgufType::kU8 || map->element_type == formats::GgufType::kI8);
      if (!is_bytes)
        throw Error(ErrorKind::kCorruptData,
                    fmt::format("{}: {} is {}, an array of bytes is needed", metadata_.source(), map->key,
                                formats::describe_type(*map)));
      if (!map->bytes.empty())
        parts_->normalizers.push_back(make_character_map(
            {reinterpret_cast<const char*>(map->bytes.data()), map->bytes.size()}, /*by_grapheme=*/false));
    }
    if (flag("remove_extra_whitespaces", false)) parts_->normalizers.push_back(make_collapse_spaces());
    mark_spaces(flag("add_space_prefix", false));
    parts_->adds_eos = true;
    default_eos_ = 1;
    default_unknown_ = 2;
  }

  void prepare_word_piece() {
    parts_->kind = TokenizerKind::kWordPiece;
    parts_->pre_tokenizer_name = metadata_.find_string(key("pre")).value_or("default");
    BertOptions options;
    options.lowercase = flag("normalizer.lowercase", true);
    options.strip_accents = flag("normalizer.strip_accents", options.lowercase);
    parts_->normalizers.push_back(make_bert_normalizer(options));
    parts_->pre_tokenizers.push_back(
        make_split(make_character_matcher(is_white_space), SplitBehavior::kRemoved));
    parts_->pre_tokenizers.push_back(
        make_split(make_character_matcher(is_bert_punctuation), SplitBehavior::kIsolated));
    parts_->decoding.space_marker = kSpaceMarker;
    parts_->decoding.strips_leading_space = true;
    parts_->adds_bos = true;
    adds_separator_ = true;
    default_bos_ = 101;
    default_unknown_ = 100;
    default_separator_ = 102;
  }

  void read_vocabulary() {
    const std::vector<std::string_view> tokens = metadata_.require_string_array(key("tokens"));
    const auto types = metadata_.find_i32_array(key("token_type"));
    check_count("token_type", types ? types->size() : tokens.size(), tokens.size());
    if (tokens.empty())
      throw Error(ErrorKind::kCorruptData, fmt::format("{}: the vocabulary is empty", metadata_.source()));
    const auto type_of = [&](std::size_t i) {
      const std::int32_t type = types ? (*types)[i] : 1;
      const bool known = type >= 1 && type <= 6 && (type != 6 || spells_byte(tokens[i]));
      return known ? static_cast<TokenType>(type) : TokenType::kNormal;
    };
    const std::size_t bytes =
        std::accumulate(tokens.begin(), tokens.end(), std::size_t{0},
                        [](std::size_t sum, std::string_view t) { return sum + t.size(); });
    parts_->vocabulary.reserve(tokens.size(), bytes);
    for (std::size_t i = 0; i < tokens.size(); ++i) parts_->vocabulary.append(tokens[i], type_of(i));
    parts_->vocabulary.build_index();
  }

  void check_count(std::string_view name, std::size_t count, std::size_t tokens) const {
    if (count == tokens) return;
    throw Error(ErrorKind::kCorruptData, fmt::format("{}: {} has {} entries for {} tokens",
                                                     metadata_.source(), key(name), count, tokens));
  }

  void read_special_ids() {
    parts_->bos = special("bos_token_id", special("cls_token_id", default_bos_));
    parts_->eos = special("eos_token_id", default_eos_);
    parts_->eot = special("eot_token_id");
    parts_->unknown = special("unknown_token_id", default_unknown_);
    parts_->padding = special("padding_token_id");
    for (const TokenId id : {parts_->bos, parts_->eos, parts_->eot, special("eom_token_id")}) {
      // Old files call all their tokens normal. An id that is wrong must not take a word from the language,
      // though.
      if (id == kNoToken || parts_->vocabulary.type(id) != TokenType::kNormal) continue;
      const std::string_view text = parts_->vocabulary.text(id);
      if (text.size() > 2 && text.front() == '<' && text.back() == '>')
        parts_->vocabulary.set_type(id, TokenType::kControl);
    }
    std::vector<TokenId> named = {parts_->eot, special("eom_token_id")};
    if (const auto ids = metadata_.find_i32_array(key("eos_token_ids")))
      named.insert(named.end(), ids->begin(), ids->end());
    TokenizerBuilder::find_ends(*parts_, std::move(named));
  }

  void make_model() {
    const Vocabulary& vocabulary = parts_->vocabulary;
    switch (parts_->kind) {
      case TokenizerKind::kByteLevelBpe:
        parts_->model = make_byte_level_model();
        break;
      case TokenizerKind::kSentencePieceBpe: {
        const std::vector<float> scores = metadata_.require_f32_array(key("scores"));
        check_count("scores", scores.size(), vocabulary.size());
        parts_->model = std::make_unique<ScoreModel>(vocabulary, scores, parts_->unknown);
        break;
      }
      case TokenizerKind::kUnigram: {
        const std::vector<float> scores = metadata_.require_f32_array(key("scores"));
        check_count("scores", scores.size(), vocabulary.size());
        parts_->model =
            std::make_unique<UnigramModel>(vocabulary, std::vector<double>(scores.begin(), scores.end()),
                                           parts_->unknown, /*byte_fallback=*/true);
        break;
      }
      case TokenizerKind::kWordPiece:
        parts_->model = std::make_unique<WordPieceModel>(
            vocabulary, parts_->unknown,
            WordPieceOptions{.word_prefix = std::string(kSpaceMarker), .continuation_prefix = ""});
        break;
    }
  }

  std::unique_ptr<const TokenModel> make_byte_level_model() const {
    const std::vector<std::string_view> lines = metadata_.require_string_array(key("merges"));
    std::vector<Merge> merges;
    merges.reserve(lines.size());
    for (const std::string_view line : lines) {
      const std::size_t space = line.find(' ', 1);
      if (space == line.npos || space + 1 == line.size())
        throw Error(ErrorKind::kCorruptData,
                    fmt::format("{}: merge {} (\"{}\") is not two tokens with a space between",
                                metadata_.source(), merges.size(), printable(line)));
      merges.push_back({line.substr(0, space), line.substr(space + 1)});
    }
    return std::make_unique<BpeModel>(parts_->vocabulary, merges,
                                      BpeOptions{.ignore_merges = named_->ignore_merges});
  }

  void read_added_tokens() {
    // Phi-3's turn markers swallow the line break after them; GGUF files have no field to say so.
    const bool is_phi3 = parts_->kind == TokenizerKind::kSentencePieceBpe &&
                         metadata_.find_string("general.architecture").value_or("") == "phi3";
    const Vocabulary& vocabulary = parts_->vocabulary;
    // SentencePiece finds user-defined tokens after it has marked the spaces; the files spell them with
    // spaces.
    const bool marks_first = parts_->kind == TokenizerKind::kSentencePieceBpe;
    const auto mark = make_replace(make_literal_matcher(" "), std::string(kSpaceMarker));
    std::vector<AddedToken> added, normalized;
    for (TokenId id = 0; vocabulary.contains(id); ++id) {
      const bool is_control = vocabulary.is_control(id);
      if (!is_control && vocabulary.type(id) != TokenType::kUserDefined) continue;
      AddedToken token{.id = id, .text = std::string(vocabulary.text(id)), .is_control = is_control};
      const bool begins_text = token.text == "<s>" || token.text == "<unk>" || token.text == "<|endoftext|>";
      token.strips_right = is_phi3 && is_control && !begins_text;
      if (is_control || !marks_first) {
        added.push_back(std::move(token));
        continue;
      }
      mark->apply(token.text);
      normalized.push_back(std::move(token));
    }
    parts_->added = AddedTokens(std::move(added));
    parts_->added_normalized = AddedTokens(std::move(normalized));
  }

  void read_surroundings() {
    parts_->adds_bos = flag("add_bos_token", parts_->adds_bos) && parts_->bos != kNoToken;
    parts_->adds_eos = flag("add_eos_token", parts_->adds_eos) && parts_->eos != kNoToken;
    const TokenId separator =
        special("seperator_token_id", special("separator_token_id", default_separator_));
    if (parts_->adds_bos) parts_->prefix.push_back(parts_->bos);
    if (parts_->adds_eos) parts_->suffix.push_back(parts_->eos);
    const bool has_separator = !parts_->suffix.empty() && parts_->suffix.back() == separator;
    if (flag("add_sep_token", adds_separator_) && separator != kNoToken && !has_separator)
      parts_->suffix.push_back(separator);
  }

  const GgufMetadata& metadata_;
  std::unique_ptr<TokenizerBuilder::Parts> parts_;
  const NamedPreTokenizer* named_ = nullptr;  // of byte-level BPE
  TokenId default_bos_ = kNoToken, default_eos_ = kNoToken, default_unknown_ = kNoToken,
          default_separator_ = kNoToken;
  bool adds_separator_ = false;
};

}  // namespace

std::shared_ptr<const Tokenizer> Tokenizer::from_gguf(const formats::GgufMetadata& metadata) {
  return GgufReader(metadata).read();
}

}  // namespace hearth::text
