// The small tokenizers of tests/data/tokenizers as a tokenizer.json or as GGUF metadata.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "text/tokenizer.h"

namespace hearth::test {

// `base` ("byte_level", ...) with the members of `patch`: as cases.json describes a tokenizer.json.
nlohmann::json patched_tokenizer(const std::string& base,
                                 const nlohmann::json& patch = nlohmann::json::object());
std::shared_ptr<const text::Tokenizer> tokenizer_from(const nlohmann::json& tokenizer_json);

// The same vocabulary in a GGUF file. `options`: `model`, `pre` and the flags of tokenizer.ggml, and `types`,
// which overrides the types of some tokens.
std::string gguf_bytes_of(const std::string& base, const nlohmann::json& patch,
                          const nlohmann::json& options);
std::shared_ptr<const text::Tokenizer> tokenizer_from_gguf(const std::string& bytes);

}  // namespace hearth::test
