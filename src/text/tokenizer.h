// Text to token ids and back, for every tokenizer that the models use: byte-level BPE, SentencePiece BPE,
// Unigram and WordPiece, read from GGUF metadata or from a Hugging Face tokenizer.json.
//
// Meaning follows the reference implementations: `tokenizers` (tokenizer.json, byte-level BPE, WordPiece),
// SentencePiece (GGUF "llama" and "t5"), the pre-tokenizer names of GGUF as llama.cpp defines them.
// Papers: BPE, Sennrich et al. 2016; Unigram, Kudo 2018; WordPiece, Schuster and Nakajima 2012.
// Non-goals: training, offsets of tokens in the text, pairs of sentences, truncation and padding.
//
// Control tokens. A control token (GGUF types control and unknown, `special` in tokenizer.json, and every
// token that ends a turn by its well-known name) comes out of trusted text alone: text that a user, a tool or
// a document wrote stays text whatever it looks like, and no merge ends in a control token's id. Added tokens
// that are not control (`<think>`, runs of spaces) match in every text, as in the reference.
// Invalid UTF-8 is replaced by U+FFFD before anything else (each maximal ill-formed part by one).
//
// Ownership: a Tokenizer keeps no view of the files it was read from. Thread-safety: constant, all calls are
// safe from any thread. Time: linear in the text, but for the heap's logarithm. Errors: reading throws
// kCorruptData or kUnsupported naming the field; encoding throws kPayloadTooLarge beyond kMaximumTextBytes,
// and kUnsupported where a tokenizer.json's own regular expression exceeds its match limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/text_span.h"

namespace hearth::formats {
class GgufMetadata;
struct E5Contents;
class ModelFiles;
}  // namespace hearth::formats

namespace hearth::text {

using TokenId = std::int32_t;

inline constexpr std::size_t kMaximumTextBytes = std::size_t{1} << 28;

enum class TokenizerKind { kByteLevelBpe, kSentencePieceBpe, kUnigram, kWordPiece };
std::string_view name_of(TokenizerKind kind);  // "byte-level BPE"

struct EncodeOptions {
  bool add_special =
      true;  // BOS, EOS, [CLS], [SEP] as the model wants them; a BOS already there stays single
  bool parse_special = false;  // the whole text is trusted: only for what the caller itself wrote
};

class Tokenizer {
 public:
  static std::shared_ptr<const Tokenizer> from_model(const formats::ModelFiles& files);
  // A GGUF's metadata alone, as of a file that holds nothing but a vocabulary.
  static std::shared_ptr<const Tokenizer> from_gguf(const formats::GgufMetadata& metadata);
  static std::shared_ptr<const Tokenizer> from_e5(const formats::E5Contents& contents);
  // `configuration` is tokenizer_config.json, an empty object where there is none; `end_ids` are the ends of
  // generation that config.json and generation_config.json name.
  static std::shared_ptr<const Tokenizer> from_json(
      std::string_view tokenizer_json, const nlohmann::json& configuration = nlohmann::json::object(),
      std::span<const TokenId> end_ids = {});
  ~Tokenizer();

  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options = {}) const;

  // What a chat template rendered. The spans are tokenized as one text, so that a word may cross their
  // borders exactly as in the reference; but a control token counts only where all of it is trusted text
  // without a gap. `options.parse_special` does not apply: each span says whether it is trusted.
  std::vector<TokenId> encode_spans(std::span<const TextSpan> spans, const EncodeOptions& options = {}) const;

  // The bytes that the token stands for, without any rule about its neighbours: " the", a part of a
  // character, the name of a control token. Empty for an id that does not exist.
  std::string token_bytes(TokenId id) const;
  // The whole text; see text/detokenizer.h for the rules. Equal to the streamed text.
  std::string decode(std::span<const TokenId> ids, bool show_control = false) const;

  TokenizerKind kind() const;
  std::string_view pre_tokenizer() const;  // GGUF's name ("qwen2"), or "tokenizer.json"
  std::size_t vocabulary_size() const;     // ids are 0 … size-1

  bool adds_bos() const;  // encode() puts bos() first
  bool adds_eos() const;
  TokenId bos() const;  // -1 where there is none; so for the next ones
  TokenId eos() const;
  TokenId eot() const;  // end of turn
  TokenId unknown() const;
  TokenId padding() const;
  bool is_end_of_generation(TokenId id) const;
  const std::vector<TokenId>& end_of_generation_ids() const;  // ascending
  bool is_control(TokenId id) const;                          // also for the unknown token
  bool is_hidden(TokenId id) const;  // control tokens that no text shows: all but those of is_answer_mark()

  // As the vocabulary spells it ("Ġthe", "▁the", "<|im_end|>"); empty for an id that does not exist.
  std::string_view token_text(TokenId id) const;
  // By that spelling; control tokens too.
  std::optional<TokenId> find(std::string_view token_text) const;

  // Whether decoding drops one space at the start of a text (SentencePiece's dummy prefix).
  bool strips_leading_space() const;

 private:
  struct Parts;
  explicit Tokenizer(std::unique_ptr<const Parts> parts);
  std::unique_ptr<const Parts> parts_;
  friend struct TokenizerBuilder;
};

}  // namespace hearth::text
