#include "text/tokenizer/named_pre_tokenizers.h"

#include <algorithm>

#include "text/tokenizer/matcher.h"

namespace hearth::text {
namespace {

#define HEARTH_CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define HEARTH_SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"

// The letters of the scripts that have upper and lower case.
#define HEARTH_CASED                                                                                                                                                            \
  "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-"                        \
  "ἕἘ-"                                                                                                                                                                     \
  "Ἕἠ-"                                                                                                                                                                     \
  "ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼ"                                                                             \
  "ℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-" \
  "𐑏𐒰-"                                                                                                                                                                   \
  "𐓓𐓘-"                                                                                                                                                                   \
  "𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"

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
