// All that a Tokenizer consists of, as its readers put it together. Internal to src/text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "text/tokenizer/added_tokens.h"
#include "text/tokenizer/normalizer.h"
#include "text/tokenizer/pre_tokenizer.h"
#include "text/tokenizer/token_model.h"
#include "text/tokenizer/vocabulary.h"

namespace hearth::text {

// How the spelling of a normal token becomes bytes.
struct Decoding {
  bool byte_letters = false;        // GPT-2's alphabet
  std::string space_marker;         // "▁": stands for a space
  std::string continuation_prefix;  // "##": a token without it begins with a space
  bool strips_leading_space = false;
};

struct Tokenizer::Parts {
  TokenizerKind kind = TokenizerKind::kByteLevelBpe;
  std::string pre_tokenizer_name;
  Vocabulary vocabulary;
  AddedTokens added;             // matched in the text as it is
  AddedTokens added_normalized;  // matched after the normalisers; none of them control
  Normalizers normalizers;
  PreTokenizers pre_tokenizers;
  std::unique_ptr<const TokenModel> model;  // refers to `vocabulary`
  Decoding decoding;
  std::vector<TokenId> prefix, suffix;  // what add_special puts around a text
  bool adds_bos = false, adds_eos = false;
  TokenId bos = kNoToken, eos = kNoToken, eot = kNoToken, unknown = kNoToken, padding = kNoToken;
  std::vector<TokenId> end_of_generation;  // ascending

  Parts() = default;
  Parts(const Parts&) = delete;
};

struct TokenizerBuilder {
  using Parts = Tokenizer::Parts;
  // Fills eot and end_of_generation from eos, `named` (what the files name) and the well-known spellings,
  // which become control tokens; checks that no special id lies outside the vocabulary. Before the model is
  // made.
  static void find_ends(Parts& parts, std::vector<TokenId> named);
  static std::shared_ptr<const Tokenizer> finish(std::unique_ptr<Parts> parts);
};

}  // namespace hearth::text
