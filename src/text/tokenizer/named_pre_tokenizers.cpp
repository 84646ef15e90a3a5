#include "text/tokenizer/named_pre_tokenizers.h"

#include <algorithm>

#include "text/tokenizer/matcher.h"

namespace hearth::text {
namespace {

#define HEARTH_CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define HEARTH_SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"

// The letters of the scripts that have upper and lower case, as DeepSeek's tokenizer.json lists them.
// Escaped, for an editor that composes characters would change U+1F7D, U+2126 and others.
#define HEARTH_CASED                                                                                \
  "A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF"      \
  "\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5" \
  "\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA"     \
  "\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45"     \
  "\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE"       \
  "\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC"     \
  "\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139"  \
  "\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3" \
  "\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF\uFB00-\uFB06"     \
  "\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A\U00010400-\U0001044F\U000104B0-\U000104D3"               \
  "\U000104D8-\U000104FB\U00010C80-\U00010CB2\U00010CC0-\U00010CF2\U000118A0-\U000118DF"            \
  "\U0001E900-\U0001E943"

#define HEARTH_UPPER R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])"
#define HEARTH_LOWER R"([\p{Ll}\p{Lm}\p{Lo}\p{M}])"
#define HEARTH_CAPITALISED(SUFFIX)                                                                       \
  R"([^\r\n\p{L}\p{N}]?)" HEARTH_UPPER "*" HEARTH_LOWER "+" SUFFIX R"(|[^\r\n\p{L}\p{N}]?)" HEARTH_UPPER \
  "+" HEARTH_LOWER "*" SUFFIX

constexpr std::string_view kGpt2[] = {kGpt2Pattern};
constexpr std::string_view kDefault[] = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2Pattern, R"(\p{N}+)",
                                         "[0-9][0-9][0-9]"};
constexpr std::string_view kLlama3[] = {
    HEARTH_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" HEARTH_SPACES};
constexpr std::string_view kQwen2[] = {
    HEARTH_CONTRACTIONS R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)" HEARTH_SPACES};
constexpr std::string_view kQwen35[] = {
    HEARTH_CONTRACTIONS
    R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" HEARTH_SPACES};
constexpr std::string_view kSingleDigits[] = {R"(\p{N})", kGpt2Pattern};
constexpr std::string_view kFalcon[] = {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2Pattern, "[0-9][0-9][0-9]"};
constexpr std::string_view kDeepSeekCoder[] = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                               "[一-龥ࠀ-一가-퟿]+", R"(\p{N})"};
constexpr std::string_view kDeepSeekLlm[] = {
    R"([\r\n])", R"(\s?[)" HEARTH_CASED "]+", R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)",
    R"(\s+$)",   "[一-龥ࠀ-一가-퟿]+",  R"(\p{N}+)"};
constexpr std::string_view kDeepSeekV3[] = {
    R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)" HEARTH_SPACES};
constexpr std::string_view kGpt4o[] = {
    HEARTH_CAPITALISED(HEARTH_CONTRACTIONS "?") R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" HEARTH_SPACES};
constexpr std::string_view kTekken[] = {
    HEARTH_CAPITALISED("") R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" HEARTH_SPACES};

struct Entry {
  std::string_view name;
  NamedPreTokenizer pre_tokenizer;
};

constexpr NamedPreTokenizer kAsLlama3 = {kLlama3, true, true, false};
constexpr NamedPreTokenizer kAsGpt2 = {kGpt2};
constexpr NamedPreTokenizer kAsQwen2 = {kQwen2};
constexpr NamedPreTokenizer kAsStarCoder = {kSingleDigits};
constexpr NamedPreTokenizer kAsGpt4o = {kGpt4o};
constexpr NamedPreTokenizer kAsDeepSeekV3 = {kDeepSeekV3};

constexpr Entry kEntries[] = {
    {"default", {kDefault}},
    {"gpt-2", kAsGpt2},
    {"phi-2", kAsGpt2},
    {"mpt", kAsGpt2},
    {"olmo", kAsGpt2},
    {"jais", kAsGpt2},
    {"trillion", kAsGpt2},
    {"granite-docling", kAsGpt2},
    {"exaone4", kAsGpt2},
    {"gigachat", kAsGpt2},
    {"a.x-4.0", kAsGpt2},
    {"mellum", kAsGpt2},
    {"modern-bert", kAsGpt2},
    {"roberta-bpe", kAsGpt2},
    {"jina-es", kAsGpt2},
    {"jina-de", kAsGpt2},
    {"jina-v1-en", kAsGpt2},
    {"jina-v2-es", kAsGpt2},
    {"jina-v2-de", kAsGpt2},
    {"jina-v2-code", kAsGpt2},
    {"llama-bpe", kAsLlama3},
    {"llama3", kAsLlama3},
    {"llama-v3", kAsLlama3},
    {"falcon3", kAsLlama3},
    {"falcon-h1", kAsLlama3},
    {"pixtral", kAsLlama3},
    {"midm-2.0", kAsLlama3},
    {"lfm2", kAsLlama3},
    {"jina-v5-nano", kAsLlama3},
    {"dbrx", {kLlama3}},
    {"smaug-bpe", {kLlama3}},
    {"chatglm-bpe", {kLlama3}},
    {"glm4", {kLlama3}},
    // Qwen's own tokenizer.json composes (NFC) before it cuts.
    {"qwen2", {kQwen2, false, false, true}},
    {"deepseek-r1-qwen", kAsQwen2},
    {"stablelm2", kAsQwen2},
    {"hunyuan", kAsQwen2},
    {"megrez", kAsQwen2},
    {"kormo", kAsQwen2},
    {"f2llmv2", kAsQwen2},
    {"solar-open", kAsQwen2},
    {"grok-2", kAsQwen2},
    {"qwen35", {kQwen35, false, false, true}},
    {"starcoder", kAsStarCoder},
    {"smollm", kAsStarCoder},
    {"refact", kAsStarCoder},
    {"command-r", kAsStarCoder},
    {"codeshell", kAsStarCoder},
    {"exaone", kAsStarCoder},
    {"minerva-7b", kAsStarCoder},
    {"mellum2", kAsStarCoder},
    {"falcon", {kFalcon}},
    {"deepseek-coder", {kDeepSeekCoder}},
    {"deepseek-llm", {kDeepSeekLlm}},
    {"deepseek-v3", kAsDeepSeekV3},
    {"hunyuan-dense", kAsDeepSeekV3},
    {"joyai-llm", kAsDeepSeekV3},
    {"gpt-4o", kAsGpt4o},
    {"llama4", kAsGpt4o},
    {"kanana2", kAsGpt4o},
    {"talkie", kAsGpt4o},
    {"minimax-m2", kAsGpt4o},
    {"tekken", {kTekken, true, true, false}},
};

}  // namespace

const NamedPreTokenizer* find_pre_tokenizer(std::string_view name) {
  const auto* entry = std::ranges::find(kEntries, name, &Entry::name);
  return entry == std::end(kEntries) ? nullptr : &entry->pre_tokenizer;
}

std::string pre_tokenizer_names() {
  std::string names;
  for (const Entry& entry : kEntries) names.append(names.empty() ? "" : ", ").append(entry.name);
  return names;
}

}  // namespace hearth::text
