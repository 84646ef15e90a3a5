// Prompts for filling a gap in a text ("fill in the middle", Bavarian et al. 2022): special tokens tell the
// model what comes before the gap and what after it, in this order, and it goes on with what lies between.
//
// The tokens are those that GGUF metadata names, else those of the well-known spellings in the vocabulary
// (Qwen, Code Llama, StarCoder, DeepSeek, CodeGemma, Granite). Non-goals: models that want the text after the
// gap first (Codestral). Thread-safety: free functions.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "formats/gguf.h"
#include "text/tokenizer.h"

namespace hearth::text {

struct InfillTokens {
  TokenId before, after, middle;
};

// Nothing where the model was not trained to. `metadata` is null where the model is no GGUF file.
std::optional<InfillTokens> find_infill_tokens(const formats::GgufMetadata* metadata,
                                               const Tokenizer& tokenizer);

// Neither text becomes a control token. Throws kUnsupported without `tokens`, else what encoding throws.
std::vector<TokenId> encode_infill(const Tokenizer& tokenizer, const std::optional<InfillTokens>& tokens,
                                   std::string_view before, std::string_view after);

}  // namespace hearth::text
