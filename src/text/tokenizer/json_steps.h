// The parts of a tokenizer.json around its model: normalizer, pre_tokenizer, post_processor and decoder.
// All throw kUnsupported for a type or an option that is not known, naming it, and kCorruptData for a field
// of the wrong kind. Internal to src/text/tokenizer. Thread-safety: free functions.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer/parts.h"

namespace hearth::text {

// Typed access with the field's name in the error. A missing field or null gives `otherwise`.
bool json_flag(const nlohmann::json& object, const char* field, bool otherwise);
std::string json_text(const nlohmann::json& object, const char* field, std::string_view otherwise = {});

void read_normalizers(const nlohmann::json& step, Normalizers& out);
void read_pre_tokenizers(const nlohmann::json& step, PreTokenizers& out);
void read_decoder(const nlohmann::json& step, Decoding& out);
// The ids that a text on its own gets around it.
void read_post_processor(const nlohmann::json& step, std::vector<TokenId>& prefix,
                         std::vector<TokenId>& suffix);

}  // namespace hearth::text
