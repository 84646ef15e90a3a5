#include "text/tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "formats/e5_file.h"
#include "formats/huggingface_directory.h"
#include "formats/model_files.h"
#include "text/answer_marks.h"
#include "text/detokenizer.h"
#include "text/tokenizer/byte_alphabet.h"
#include "text/tokenizer/parts.h"

namespace hearth::text {
namespace {

// Tokens that end a turn or a text in the models in use, whatever their file says of them.
constexpr std::string_view kEndOfTurn[] = {
    "<|eot_id|>",
    "<|im_end|>",
    "<|end|>",
    "<end_of_turn>",
    "<|eot|>",
    "<|end_of_turn|>",
    "<|END_OF_TURN_TOKEN|>",
    "<EOT>",
    "_<EOT>",
    "[EOT]",
    "<end_of_utterance>",
};
constexpr std::string_view kEndOfText[] = {
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "</s>",
    "<eos>",
    "<｜end▁of▁sentence｜>",
    "<|return|>",
    "<|call|>",
    // Behind what fills a gap comes padding, or the next file.
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
};

}  // namespace

std::string_view name_of(TokenizerKind kind) {
  switch (kind) {
    case TokenizerKind::kByteLevelBpe:
      return "byte-level BPE";
    case TokenizerKind::kSentencePieceBpe:
      return "SentencePiece BPE";
    case TokenizerKind::kUnigram:
      return "Unigram";
    case TokenizerKind::kWordPiece:
      return "WordPiece";
  }
  return "";
}

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::~Tokenizer() = default;

void TokenizerBuilder::find_ends(Parts& parts, std::vector<TokenId> named) {
  Vocabulary& vocabulary = parts.vocabulary;
  std::vector<TokenId>& ends = parts.end_of_generation;
  const auto add_well_known = [&](std::string_view spelling, bool also_user_defined, TokenId& first) {
    const TokenId id = vocabulary.find(spelling);
    if (id == kNoToken) return;
    // Files in use call such tokens normal or user-defined by mistake; but Gemma's "</s>" ends struck text in
    // HTML, and only by its type can that be told.
    const bool unmistakable = spelling.starts_with("<|") || spelling.starts_with("<｜");
    if (!vocabulary.is_control(id) && !unmistakable &&
        !(also_user_defined && vocabulary.type(id) == TokenType::kUserDefined))
      return;
    vocabulary.set_type(id, TokenType::kControl);
    if (first == kNoToken) first = id;
    ends.push_back(id);
  };
  TokenId ignored = kNoToken;
  for (const std::string_view spelling : kEndOfTurn) add_well_known(spelling, true, parts.eot);
  for (const std::string_view spelling : kEndOfText) add_well_known(spelling, false, ignored);
  named.push_back(parts.eos);
  for (const TokenId id : named)
    if (vocabulary.contains(id)) ends.push_back(id);
  std::ranges::sort(ends);
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
}

std::shared_ptr<const Tokenizer> TokenizerBuilder::finish(std::unique_ptr<Parts> parts) {
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(parts)));
}

std::shared_ptr<const Tokenizer> Tokenizer::from_model(const formats::ModelFiles& files) {
  if (const formats::GgufFile* gguf = files.gguf()) return from_gguf(gguf->metadata());
  if (const formats::E5File* e5 = files.e5()) return from_e5(e5->contents());
  const formats::HuggingFaceDirectory& directory = *files.huggingface();
  const auto text = directory.read_text("tokenizer.json");
  if (!text)
    throw Error(ErrorKind::kUnsupported, fmt::format("{} holds no tokenizer.json", directory.path().string()),
                "save the tokenizer as tokenizer.json, as the transformers library does, or use a GGUF file");
  std::vector<TokenId> ends;
  const auto add_ends = [&](const nlohmann::json& configuration) {
    const auto add = [&](const nlohmann::json& id) {
      if (id.is_number_integer()) ends.push_back(id.get<TokenId>());
    };
    const auto value = configuration.find("eos_token_id");
    if (value == configuration.end()) return;
    add(*value);
    if (value->is_array()) std::ranges::for_each(*value, add);
  };
  add_ends(directory.config());
  if (const auto generation = directory.read_json("generation_config.json");
      generation && generation->is_object())
    add_ends(*generation);
  const auto configuration = directory.read_json("tokenizer_config.json");
  return from_json(
      *text, configuration && configuration->is_object() ? *configuration : nlohmann::json::object(), ends);
}

namespace {

struct JoinedSpans {
  std::string text;
  std::vector<TrustedRange> trusted;
};

// Invalid UTF-8 is mended span by span: two halves of a character with different origins stay two halves.
JoinedSpans join(std::span<const TextSpan> spans) {
  std::size_t bytes = 0;
  for (const TextSpan& span : spans) bytes += span.text.size();
  if (bytes > kMaximumTextBytes)
    throw Error(
        ErrorKind::kPayloadTooLarge,
        fmt::format("the text has {} bytes, at most {} can be tokenized at once", bytes, kMaximumTextBytes));
  JoinedSpans joined;
  joined.text.reserve(bytes);
  for (const TextSpan& span : spans) {
    const std::size_t begin = joined.text.size();
    if (is_valid_utf8(span.text))
      joined.text += span.text;
    else
      joined.text += replace_invalid_utf8(span.text);
    if (!span.trusted || joined.text.size() == begin) continue;
    if (!joined.trusted.empty() && joined.trusted.back().end == begin)
      joined.trusted.back().end = joined.text.size();
    else
      joined.trusted.push_back({begin, joined.text.size()});
  }
  return joined;
}

// Calls text(begin, end) and token(id) for what lies between the added tokens and for them, in order.
template <typename Text, typename Token>
void walk(std::string_view whole, const std::vector<AddedTokens::Found>& found, const Text& text,
          const Token& token) {
  std::size_t settled = 0;
  for (const AddedTokens::Found& one : found) {
    if (settled < one.begin) text(settled, one.begin);
    token(one.id);
    settled = one.end;
  }
  if (settled < whole.size()) text(settled, whole.size());
}

}  // namespace

std::vector<TokenId> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  const TextSpan whole[] = {{std::string(text), options.parse_special}};
  return encode_spans(whole, options);
}

std::vector<TokenId> Tokenizer::encode_spans(std::span<const TextSpan> spans,
                                             const EncodeOptions& options) const {
  const JoinedSpans joined = join(spans);
  std::vector<TokenId> ids;
  const auto push = [&](TokenId id) { ids.push_back(id); };
  const auto encode_pieces = [&](std::string text, bool at_start) {
    Pieces pieces(std::move(text), at_start);
    for (const auto& pre_tokenizer : parts_->pre_tokenizers) pre_tokenizer->apply(pieces);
    parts_->model->encode(pieces, ids);
  };
  const auto encode_text = [&](std::size_t begin, std::size_t end) {
    std::string text = joined.text.substr(begin, end - begin);
    for (const auto& normalizer : parts_->normalizers) {
      normalizer->apply(text);
      check_normalized_size(text.size());
    }
    const auto found = parts_->added_normalized.find(text, {});
    if (found.empty()) {
      if (!text.empty()) encode_pieces(std::move(text), begin == 0);
      return;
    }
    walk(
        text, found,
        [&](std::size_t from, std::size_t to) {
          encode_pieces(text.substr(from, to - from), begin == 0 && from == 0);
        },
        push);
  };
  walk(joined.text, parts_->added.find(joined.text, joined.trusted), encode_text, push);

  if (options.add_special) {
    const std::vector<TokenId>& prefix = parts_->prefix;
    const bool has_prefix =
        ids.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), ids.begin());
    if (!has_prefix) ids.insert(ids.begin(), prefix.begin(), prefix.end());
    ids.insert(ids.end(), parts_->suffix.begin(), parts_->suffix.end());
  }
  return ids;
}

std::string Tokenizer::token_bytes(TokenId id) const {
  const Vocabulary& vocabulary = parts_->vocabulary;
  if (!vocabulary.contains(id)) return {};
  const std::string_view text = vocabulary.text(id);
  if (vocabulary.is_control(id)) return std::string(text);
  if (vocabulary.type(id) == TokenType::kByte) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'A' + 10; };
    return std::string(1, static_cast<char>(digit(text[3]) * 16 + digit(text[4])));
  }
  const Decoding& decoding = parts_->decoding;
  if (decoding.byte_letters)
    return vocabulary.type(id) == TokenType::kUserDefined ? std::string(text) : from_byte_letters(text);
  std::string bytes;
  const std::string& prefix = decoding.continuation_prefix;
  std::size_t begin = 0;
  if (!prefix.empty()) {
    if (text.starts_with(prefix))
      begin = prefix.size();
    else
      bytes = " ";
  }
  const std::string& marker = decoding.space_marker;
  while (begin < text.size()) {
    if (!marker.empty() && text.substr(begin).starts_with(marker)) {
      bytes.push_back(' ');
      begin += marker.size();
    } else {
      bytes.push_back(text[begin++]);
    }
  }
  return bytes;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool show_control) const {
  IncrementalDetokenizer detokenizer(*this, {.show_control = show_control});
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text + detokenizer.flush();
}

TokenizerKind Tokenizer::kind() const { return parts_->kind; }
std::string_view Tokenizer::pre_tokenizer() const { return parts_->pre_tokenizer_name; }
std::size_t Tokenizer::vocabulary_size() const { return parts_->vocabulary.size(); }
bool Tokenizer::adds_bos() const { return parts_->adds_bos; }
bool Tokenizer::adds_eos() const { return parts_->adds_eos; }
TokenId Tokenizer::bos() const { return parts_->bos; }
TokenId Tokenizer::eos() const { return parts_->eos; }
TokenId Tokenizer::eot() const { return parts_->eot; }
TokenId Tokenizer::unknown() const { return parts_->unknown; }
TokenId Tokenizer::padding() const { return parts_->padding; }
bool Tokenizer::strips_leading_space() const { return parts_->decoding.strips_leading_space; }

bool Tokenizer::is_end_of_generation(TokenId id) const {
  return std::ranges::binary_search(parts_->end_of_generation, id);
}
const std::vector<TokenId>& Tokenizer::end_of_generation_ids() const { return parts_->end_of_generation; }

bool Tokenizer::is_control(TokenId id) const {
  return parts_->vocabulary.contains(id) && parts_->vocabulary.is_control(id);
}

bool Tokenizer::is_hidden(TokenId id) const { return is_control(id) && !is_answer_mark(token_text(id)); }

std::string_view Tokenizer::token_text(TokenId id) const {
  return parts_->vocabulary.contains(id) ? parts_->vocabulary.text(id) : std::string_view{};
}

std::optional<TokenId> Tokenizer::find(std::string_view token_text) const {
  const TokenId id = parts_->vocabulary.find(token_text);
  return id == kNoToken ? std::nullopt : std::optional(id);
}

}  // namespace hearth::text
