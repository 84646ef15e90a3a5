#include "text/tokenizer/normalizer.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "text/tokenizer/byte_alphabet.h"
#include "text/tokenizer/pre_tokenizer.h"

namespace hearth::text {
namespace {

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char byte) { return static_cast<unsigned char>(byte) < 0x80; });
}

// The reference's data are of old versions; characters younger than them are unassigned there.
bool assigned_by_unicode(int version, char32_t c) {
  UVersionInfo since;
  u_charAge(static_cast<UChar32>(c), since);
  return since[0] >= 1 && since[0] <= version;
}

// Replaces every code point by what `map(code point, out)` appends.
template <typename Map>
void map_characters(std::string& text, const Map& map) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (std::size_t i = 0; i < text.size();) {
    const DecodedCodePoint c = decode_utf8(text, i);
    map(c.value, out);
    i += c.bytes;
  }
  text = std::move(out);
}

void check(UErrorCode status, const char* what) {
  if (U_FAILURE(status))
    throw Error(ErrorKind::kInternal, fmt::format("ICU: {}: {}", what, u_errorName(status)));
}

class UnicodeNormalizer final : public Normalizer {
 public:
  explicit UnicodeNormalizer(UnicodeForm form) : filtered_(instance(form), known()) {}

  void apply(std::string& text) const override {
    if (is_ascii(text)) return;
    std::string out;
    icu::StringByteSink<std::string> sink(&out, static_cast<std::int32_t>(text.size()));
    UErrorCode status = U_ZERO_ERROR;
    filtered_.normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink,
                            nullptr, status);
    check(status, "normalising a text");
    text = std::move(out);
  }

 private:
  static const icu::Normalizer2& instance(UnicodeForm form) {
    const bool composes = form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;
    const bool compatible = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* found = icu::Normalizer2::getInstance(
        nullptr, compatible ? "nfkc" : "nfc", composes ? UNORM2_COMPOSE : UNORM2_DECOMPOSE, status);
    check(status, "the normalisation data");
    return *found;
  }
  static const icu::UnicodeSet& known() {
    static const icu::UnicodeSet set = [] {
      UErrorCode status = U_ZERO_ERROR;
      icu::UnicodeSet made(icu::UnicodeString("[:Age=9.0:]"), status);
      check(status, "the characters of Unicode 9");
      made.freeze();
      return made;
    }();
    return set;
  }
  icu::FilteredNormalizer2 filtered_;
};

void append_lowercase(char32_t c, std::string& out) {
  if (c == 0x130)
    out += "i\u0307";  // the one letter whose lower case is two
  else
    append_utf8(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
}

// The blocks that BERT's own code lists, with the gap that the reference has before U+2B920.
bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

// The reference has the categories of Unicode 8; four marks have changed theirs since.
bool is_nonspacing_mark(char32_t c) {
  if (c == 0x1734) return true;
  if (c == 0x1885 || c == 0x1886 || c == 0xA9BD || c == 0x111C9) return false;
  return u_charType(static_cast<UChar32>(c)) == U_NON_SPACING_MARK && assigned_by_unicode(8, c);
}

// Unicode 9; three characters have changed their category since.
bool is_mark(char32_t c) {
  if (c == 0x1CF2 || c == 0x1CF3) return true;
  return c != 0x111C9 && (U_GET_GC_MASK(static_cast<UChar32>(c)) & U_GC_M_MASK) != 0 &&
         assigned_by_unicode(9, c);
}

bool is_control_character(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  const std::uint32_t category = U_GET_GC_MASK(static_cast<UChar32>(c));
  return (category & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0 && assigned_by_unicode(8, c);
}

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const BertOptions& options) : options_(options), decompose_(UnicodeForm::kNfd) {}

  void apply(std::string& text) const override {
    if (options_.clean_text || options_.handle_chinese_chars) {
      map_characters(text, [this](char32_t c, std::string& out) {
        if (options_.clean_text && (c == 0 || c == kReplacementCharacter || is_control_character(c))) return;
        const bool chinese = options_.handle_chinese_chars && is_chinese(c);
        if (chinese) out.push_back(' ');
        append_utf8(out, options_.clean_text && is_white_space(c) ? U' ' : c);
        if (chinese) out.push_back(' ');
      });
    }
    if (options_.strip_accents && !is_ascii(text)) {
      decompose_.apply(text);
      map_characters(text, [](char32_t c, std::string& out) {
        if (!is_nonspacing_mark(c)) append_utf8(out, c);
      });
    }
    if (options_.lowercase) map_characters(text, append_lowercase);
  }

 private:
  BertOptions options_;
  UnicodeNormalizer decompose_;
};

class CharacterMapping final : public Normalizer {
 public:
  explicit CharacterMapping(void (*map)(char32_t, std::string&)) : map_(map) {}
  void apply(std::string& text) const override { map_characters(text, map_); }

 private:
  void (*map_)(char32_t, std::string&);
};

class ByteLetters final : public Normalizer {
 public:
  void apply(std::string& text) const override { text = to_byte_letters(text); }
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(std::string& text) const override {
    std::size_t begin = text.size(), end = 0;  // of what is no white space
    for (std::size_t i = 0; i < text.size();) {
      const DecodedCodePoint c = decode_utf8(text, i);
      if (!is_white_space(c.value)) {
        begin = std::min(begin, i);
        end = i + c.bytes;
      }
      i += c.bytes;
    }
    if (right_) text.erase(end);
    if (left_) text.erase(0, std::min(begin, text.size()));
  }

 private:
  bool left_, right_;
};

class PrependText final : public Normalizer {
 public:
  explicit PrependText(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(std::string& text) const override {
    if (!text.empty()) text.insert(0, prefix_);
  }

 private:
  std::string prefix_;
};

class Replace final : public Normalizer {
 public:
  Replace(std::unique_ptr<const Matcher> matcher, std::string content)
      : matcher_(std::move(matcher)), content_(std::move(content)) {}
  void apply(std::string& text) const override {
    std::string out;
    std::size_t settled = 0;
    Match match{0, 0};
    for (std::size_t from = 0; matcher_->find(text, from, match);) {
      out.append(text, settled, match.begin - settled).append(content_);
      settled = from = match.end;
      if (match.begin == match.end) {
        if (from >= text.size()) break;
        from += decode_utf8(text, from).bytes;
      }
      check_normalized_size(out.size());
    }
    out.append(text, settled);
    text = std::move(out);
  }

 private:
  std::unique_ptr<const Matcher> matcher_;
  std::string content_;
};

class CollapseSpaces final : public Normalizer {
 public:
  void apply(std::string& text) const override {
    std::string out;
    out.reserve(text.size());
    for (const char byte : text)
      if (byte != ' ' || (!out.empty() && out.back() != ' ')) out.push_back(byte);
    if (out.ends_with(' ')) out.pop_back();
    text = std::move(out);
  }
};

bool is_dropped_by_nmt(char32_t c) {
  return (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
}

bool is_space_by_nmt(char32_t c) {
  return c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
}

}  // namespace

void check_normalized_size(std::size_t bytes) {
  if (bytes > kMaximumNormalizedBytes)
    throw Error(
        ErrorKind::kPayloadTooLarge,
        fmt::format("the tokenizer's rules make the text longer than {} bytes", kMaximumNormalizedBytes),
        "tokenize it in parts");
}

std::unique_ptr<const Normalizer> make_unicode_normalizer(UnicodeForm form) {
  return std::make_unique<UnicodeNormalizer>(form);
}

std::unique_ptr<const Normalizer> make_bert_normalizer(const BertOptions& options) {
  return std::make_unique<BertNormalizer>(options);
}

std::unique_ptr<const Normalizer> make_lowercase() {
  return std::make_unique<CharacterMapping>(append_lowercase);
}

std::unique_ptr<const Normalizer> make_strip_accents() {
  return std::make_unique<CharacterMapping>([](char32_t c, std::string& out) {
    if (!is_mark(c)) append_utf8(out, c);
  });
}

std::unique_ptr<const Normalizer> make_strip(bool left, bool right) {
  return std::make_unique<Strip>(left, right);
}

std::unique_ptr<const Normalizer> make_prepend(std::string prefix) {
  return std::make_unique<PrependText>(std::move(prefix));
}

std::unique_ptr<const Normalizer> make_byte_letters() { return std::make_unique<ByteLetters>(); }

std::unique_ptr<const Normalizer> make_nmt() {
  return std::make_unique<CharacterMapping>([](char32_t c, std::string& out) {
    if (!is_dropped_by_nmt(c)) append_utf8(out, is_space_by_nmt(c) ? U' ' : c);
  });
}

std::unique_ptr<const Normalizer> make_replace(std::unique_ptr<const Matcher> matcher, std::string content) {
  return std::make_unique<Replace>(std::move(matcher), std::move(content));
}

std::unique_ptr<const Normalizer> make_collapse_spaces() { return std::make_unique<CollapseSpaces>(); }

}  // namespace hearth::text
