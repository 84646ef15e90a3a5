// The pre-tokenizers that GGUF files name in `tokenizer.ggml.pre`: lists of patterns, applied one after the
// other. Names and aliases as llama.cpp reads them; patterns as the models' own tokenizer.json files have
// them. Internal to src/text/tokenizer.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hearth::text {

struct NamedPreTokenizer {
  std::span<const std::string_view> patterns;
  bool ignore_merges = false;  // a word that is a token as a whole is that token
  bool adds_bos = false;       // where the file does not say
  bool composes = false;       // NFC first
};

// Null for a name that is not known.
const NamedPreTokenizer* find_pre_tokenizer(std::string_view name);
std::string pre_tokenizer_names();  // "default, gpt-2, ...", for a hint

}  // namespace hearth::text
