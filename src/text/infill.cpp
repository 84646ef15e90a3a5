#include "text/infill.h"

#include <array>

#include "base/error.h"

namespace hearth::text {
namespace {

struct Kind {
  // Newer and older key of GGUF.
  std::array<const char*, 2> keys;
  // Of one model in the same place of each list.
  std::array<std::string_view, 8> spellings;
};

constexpr Kind kBefore{{"tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.prefix_token_id"},
                       {"<|fim_prefix|>", "<fim_prefix>", "<fim-prefix>", "<｜fim▁begin｜>", "▁<PRE>",
                        "<PRE>", "<|code_prefix|>", "<|prefix|>"}};
constexpr Kind kAfter{{"tokenizer.ggml.fim_suf_token_id", "tokenizer.ggml.suffix_token_id"},
                      {"<|fim_suffix|>", "<fim_suffix>", "<fim-suffix>", "<｜fim▁hole｜>", "▁<SUF>", "<SUF>",
                       "<|code_suffix|>", "<|suffix|>"}};
constexpr Kind kMiddle{{"tokenizer.ggml.fim_mid_token_id", "tokenizer.ggml.middle_token_id"},
                       {"<|fim_middle|>", "<fim_middle>", "<fim-middle>", "<｜fim▁end｜>", "▁<MID>", "<MID>",
                        "<|code_middle|>", "<|middle|>"}};

std::optional<TokenId> named(const formats::GgufMetadata& metadata, const Tokenizer& tokenizer,
                             const Kind& kind) {
  for (const char* key : kind.keys)
    // Files in use name ids past the end for tokens that the model does not have.
    if (const auto id = metadata.find_u32(key); id && *id < tokenizer.vocabulary_size())
      return static_cast<TokenId>(*id);
  return std::nullopt;
}

}  // namespace

std::optional<InfillTokens> find_infill_tokens(const formats::GgufMetadata* metadata,
                                               const Tokenizer& tokenizer) {
  if (metadata != nullptr) {
    const auto before = named(*metadata, tokenizer, kBefore);
    const auto after = named(*metadata, tokenizer, kAfter);
    const auto middle = named(*metadata, tokenizer, kMiddle);
    if (before && after && middle) return InfillTokens{*before, *after, *middle};
  }
  for (std::size_t i = 0; i < kBefore.spellings.size(); ++i) {
    const auto before = tokenizer.find(kBefore.spellings[i]);
    const auto after = tokenizer.find(kAfter.spellings[i]);
    const auto middle = tokenizer.find(kMiddle.spellings[i]);
    if (before && after && middle) return InfillTokens{*before, *after, *middle};
  }
  return std::nullopt;
}

std::vector<TokenId> encode_infill(const Tokenizer& tokenizer, const std::optional<InfillTokens>& tokens,
                                   std::string_view before, std::string_view after) {
  if (!tokens)
    throw Error(ErrorKind::kUnsupported, "this model was not trained to fill in the middle of a text",
                "leave `suffix` out, or choose a code model that was, as qwen2.5-coder:1.5b")
        .with_field("suffix");
  std::vector<TokenId> all;
  const auto add = [&](TokenId mark, std::string_view text) {
    all.push_back(mark);
    const std::vector<TokenId> encoded = tokenizer.encode(text, {.add_special = false});
    all.insert(all.end(), encoded.begin(), encoded.end());
  };
  if (tokenizer.adds_bos()) all.push_back(tokenizer.bos());
  add(tokens->before, before);
  add(tokens->after, after);
  all.push_back(tokens->middle);
  return all;
}

}  // namespace hearth::text
