#include "text/tokenizer/json_steps.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "base/utf8.h"

namespace hearth::text {
namespace {

using nlohmann::json;

// No tokenizer in use has more than a dozen; each costs a pass over the text.
constexpr std::size_t kMaximumSteps = 64;
constexpr std::size_t kMaximumTextBytes = 256;  // of a prefix or replacement

[[noreturn]] void unsupported(std::string_view part, std::string_view what) {
  throw Error(ErrorKind::kUnsupported,
              fmt::format("tokenizer.json: {} \"{}\" is not supported", part, printable(what)));
}

[[noreturn]] void wrong_kind(const char* field, const char* wanted) {
  throw Error(ErrorKind::kCorruptData, fmt::format("tokenizer.json: \"{}\" is not {}", field, wanted));
}

const json& member(const json& object, const char* field) {
  static const json kNull;
  const auto found = object.is_object() ? object.find(field) : object.end();
  return object.is_object() && found != object.end() ? *found : kNull;
}

std::string short_text(const json& object, const char* field, std::string_view otherwise = {}) {
  std::string text = json_text(object, field, otherwise);
  if (text.size() > kMaximumTextBytes)
    throw Error(ErrorKind::kUnsupported,
                fmt::format("tokenizer.json: \"{}\" has {} bytes, at most {} are allowed", field, text.size(),
                            kMaximumTextBytes));
  return text;
}

// Calls read(step) for a step, or for each of a Sequence.
template <typename Read>
void for_each_step(const json& step, const char* list_field, const Read& read) {
  if (step.is_null()) return;
  if (json_text(step, "type") != "Sequence") return read(step);
  const json& list = member(step, list_field);
  if (!list.is_array()) wrong_kind(list_field, "an array");
  for (const json& one : list) for_each_step(one, list_field, read);
}

std::unique_ptr<const Matcher> read_pattern(const json& step) {
  const json& pattern = member(step, "pattern");
  if (pattern.is_string()) return make_literal_matcher(pattern.get<std::string>());
  if (member(pattern, "Regex").is_string()) return make_pattern_matcher(json_text(pattern, "Regex"));
  if (member(pattern, "String").is_string()) return make_literal_matcher(json_text(pattern, "String"));
  wrong_kind("pattern", "{\"Regex\": …} or {\"String\": …}");
}

SplitBehavior read_behavior(const json& step) {
  static constexpr std::pair<std::string_view, SplitBehavior> kBehaviors[] = {
      {"Isolated", SplitBehavior::kIsolated},
      {"Removed", SplitBehavior::kRemoved},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  };
  const std::string name = json_text(step, "behavior", "Isolated");
  for (const auto& [known, behavior] : kBehaviors)
    if (name == known) return behavior;
  unsupported("the behavior", name);
}

std::string decode_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    std::uint32_t digit;
    if (c >= 'A' && c <= 'Z')
      digit = static_cast<std::uint32_t>(c - 'A');
    else if (c >= 'a' && c <= 'z')
      digit = static_cast<std::uint32_t>(c - 'a' + 26);
    else if (c >= '0' && c <= '9')
      digit = static_cast<std::uint32_t>(c - '0' + 52);
    else if (c == '+')
      digit = 62;
    else if (c == '/')
      digit = 63;
    else
      wrong_kind("precompiled_charsmap", "base64");
    bits = (bits << 6) | digit;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>((bits >> count) & 0xFF));
  }
  return bytes;
}

std::unique_ptr<const Normalizer> read_normalizer(const json& step) {
  const std::string type = json_text(step, "type");
  if (type == "NFC") return make_unicode_normalizer(UnicodeForm::kNfc);
  if (type == "NFD") return make_unicode_normalizer(UnicodeForm::kNfd);
  if (type == "NFKC") return make_unicode_normalizer(UnicodeForm::kNfkc);
  if (type == "NFKD") return make_unicode_normalizer(UnicodeForm::kNfkd);
  if (type == "Lowercase") return make_lowercase();
  if (type == "StripAccents") return make_strip_accents();
  if (type == "Strip")
    return make_strip(json_flag(step, "strip_left", true), json_flag(step, "strip_right", true));
  if (type == "Prepend") return make_prepend(short_text(step, "prepend"));
  if (type == "Replace") return make_replace(read_pattern(step), short_text(step, "content"));
  if (type == "Nmt") return make_nmt();
  if (type == "ByteLevel") return make_byte_letters();
  if (type == "Precompiled")
    return make_character_map(decode_base64(json_text(step, "precompiled_charsmap")), /*by_grapheme=*/true);
  if (type == "BertNormalizer") {
    BertOptions options;
    options.clean_text = json_flag(step, "clean_text", true);
    options.handle_chinese_chars = json_flag(step, "handle_chinese_chars", true);
    options.lowercase = json_flag(step, "lowercase", true);
    options.strip_accents = json_flag(step, "strip_accents", options.lowercase);
    return make_bert_normalizer(options);
  }
  unsupported("the normalizer", type);
}

Prepend read_prepend(const json& step) {
  const bool old_flag = json_flag(step, "add_prefix_space", true);
  const std::string scheme = json_text(step, "prepend_scheme", old_flag ? "always" : "never");
  if (scheme == "always") return Prepend::kAlways;
  if (scheme == "first") return Prepend::kFirst;
  if (scheme == "never") return Prepend::kNever;
  unsupported("the prepend_scheme", scheme);
}

std::string read_replacement(const json& step) {
  std::string replacement = json_text(step, "replacement", "▁");
  if (replacement.empty() || decode_utf8(replacement, 0).bytes != replacement.size())
    wrong_kind("replacement", "one character");
  return replacement;
}

void read_pre_tokenizer(const json& step, PreTokenizers& out) {
  const auto add_split = [&](std::unique_ptr<const Matcher> matcher, SplitBehavior behavior,
                             bool invert = false) {
    out.push_back(make_split(std::move(matcher), behavior, invert));
  };
  const std::string type = json_text(step, "type");
  if (type == "ByteLevel") {
    out.push_back(
        make_byte_level(json_flag(step, "add_prefix_space", true), json_flag(step, "use_regex", true)));
  } else if (type == "Metaspace") {
    out.push_back(make_metaspace(read_replacement(step), read_prepend(step), json_flag(step, "split", true)));
  } else if (type == "Split") {
    add_split(read_pattern(step), read_behavior(step), json_flag(step, "invert", false));
  } else if (type == "Digits") {
    add_split(make_character_matcher(is_number), json_flag(step, "individual_digits", false)
                                                     ? SplitBehavior::kIsolated
                                                     : SplitBehavior::kContiguous);
  } else if (type == "Punctuation") {
    add_split(make_character_matcher(is_bert_punctuation), read_behavior(step));
  } else if (type == "Whitespace") {
    add_split(make_whitespace_matcher(), SplitBehavior::kRemoved, true);
  } else if (type == "WhitespaceSplit") {
    add_split(make_character_matcher(is_white_space), SplitBehavior::kRemoved);
  } else if (type == "CharDelimiterSplit") {
    add_split(make_literal_matcher(json_text(step, "delimiter")), SplitBehavior::kRemoved);
  } else if (type == "BertPreTokenizer") {
    add_split(make_character_matcher(is_white_space), SplitBehavior::kRemoved);
    add_split(make_character_matcher(is_bert_punctuation), SplitBehavior::kIsolated);
  } else {
    unsupported("the pre_tokenizer", type);
  }
}

TokenId read_id(const json& id) {
  if (!id.is_number_unsigned() || id.get<std::uint64_t>() > 0x7FFFFFFF) wrong_kind("id", "a token id");
  return id.get<TokenId>();
}

void read_template(const json& step, std::vector<TokenId>& prefix, std::vector<TokenId>& suffix) {
  const json& single = member(step, "single");
  if (!single.is_array()) wrong_kind("single", "an array");
  std::vector<TokenId>* side = &prefix;
  for (const json& part : single) {
    if (part.is_object() && part.contains("Sequence")) {
      side = &suffix;
      continue;
    }
    const std::string name = json_text(member(part, "SpecialToken"), "id");
    const json& ids = member(member(member(step, "special_tokens"), name.c_str()), "ids");
    if (!ids.is_array()) wrong_kind("special_tokens", "complete");
    for (const json& id : ids) side->push_back(read_id(id));
  }
}

// {"cls": ["[CLS]", 101]}
TokenId read_pair_id(const json& step, const char* field) {
  const json& pair = member(step, field);
  if (!pair.is_array() || pair.size() != 2) wrong_kind(field, "a token and its id");
  return read_id(pair[1]);
}

}  // namespace

bool json_flag(const json& object, const char* field, bool otherwise) {
  const json& value = member(object, field);
  if (value.is_null()) return otherwise;
  if (!value.is_boolean()) wrong_kind(field, "true or false");
  return value.get<bool>();
}

std::string json_text(const json& object, const char* field, std::string_view otherwise) {
  const json& value = member(object, field);
  if (value.is_null()) return std::string(otherwise);
  if (!value.is_string()) wrong_kind(field, "a string");
  return value.get<std::string>();
}

void read_normalizers(const json& step, Normalizers& out) {
  for_each_step(step, "normalizers", [&](const json& one) {
    out.push_back(read_normalizer(one));
    if (out.size() > kMaximumSteps) unsupported("the normalizer", "Sequence of more than 64");
  });
}

void read_pre_tokenizers(const json& step, PreTokenizers& out) {
  for_each_step(step, "pretokenizers", [&](const json& one) {
    read_pre_tokenizer(one, out);
    if (out.size() > kMaximumSteps) unsupported("the pre_tokenizer", "Sequence of more than 64");
  });
}

void read_decoder(const json& step, Decoding& out) {
  for_each_step(step, "decoders", [&](const json& one) {
    const std::string type = json_text(one, "type");
    if (type == "ByteLevel") {
      out.byte_letters = true;
    } else if (type == "Metaspace") {
      out.space_marker = read_replacement(one);
      out.strips_leading_space = read_prepend(one) != Prepend::kNever;
    } else if (type == "WordPiece") {
      out.continuation_prefix = short_text(one, "prefix", "##");
      out.strips_leading_space = true;
    } else if (type == "Replace" && json_text(one, "content") == " ") {
      out.space_marker = short_text(member(one, "pattern"), "String");
    } else if (type == "Strip" && json_text(one, "content") == " ") {
      out.strips_leading_space = true;
    } else if (type != "ByteFallback" && type != "Fuse") {
      unsupported("the decoder", type);
    }
  });
}

void read_post_processor(const json& step, std::vector<TokenId>& prefix, std::vector<TokenId>& suffix) {
  for_each_step(step, "processors", [&](const json& one) {
    const std::string type = json_text(one, "type");
    if (type == "TemplateProcessing") {
      read_template(one, prefix, suffix);
    } else if (type == "BertProcessing" || type == "RobertaProcessing") {
      prefix.push_back(read_pair_id(one, "cls"));
      suffix.push_back(read_pair_id(one, "sep"));
    } else if (type != "ByteLevel") {
      unsupported("the post_processor", type);
    }
  });
}

}  // namespace hearth::text
