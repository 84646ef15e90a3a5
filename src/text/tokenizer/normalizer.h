// The steps that change a text before it is cut into pieces, as `tokenizers` defines them.
// Internal to src/text/tokenizer. Thread-safety: constant; apply() is safe from any thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/tokenizer/matcher.h"

namespace hearth::text {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void apply(std::string& text) const = 0;  // valid UTF-8 before and after
};
using Normalizers = std::vector<std::unique_ptr<const Normalizer>>;

// Rules out of a file may make a text longer, but not without end. Throws kPayloadTooLarge.
inline constexpr std::size_t kMaximumNormalizedBytes = std::size_t{1} << 30;
void check_normalized_size(std::size_t bytes);

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };
// With the data of Unicode 9, which `tokenizers` has: younger characters stay as they are.
std::unique_ptr<const Normalizer> make_unicode_normalizer(UnicodeForm form);

struct BertOptions {
  bool clean_text = true;            // no control characters, one kind of space
  bool handle_chinese_chars = true;  // spaces around ideographs
  bool strip_accents = true;
  bool lowercase = true;
};
std::unique_ptr<const Normalizer> make_bert_normalizer(const BertOptions& options);

std::unique_ptr<const Normalizer> make_lowercase();
std::unique_ptr<const Normalizer> make_strip_accents();               // all marks
std::unique_ptr<const Normalizer> make_strip(bool left, bool right);  // white space
std::unique_ptr<const Normalizer> make_prepend(std::string prefix);   // not to an empty text
std::unique_ptr<const Normalizer> make_byte_letters();                // GPT-2's alphabet
std::unique_ptr<const Normalizer> make_nmt();                         // SentencePiece's nmt rules
std::unique_ptr<const Normalizer> make_replace(std::unique_ptr<const Matcher> matcher, std::string content);
// SentencePiece's remove_extra_whitespaces: no spaces at the ends, one at most within.
std::unique_ptr<const Normalizer> make_collapse_spaces();

// Each character that the table has becomes what stands beside it. The table is in rising order.
std::unique_ptr<const Normalizer> make_character_table(std::vector<std::pair<char32_t, std::string>> table);

// SentencePiece's precompiled character map: a double-array trie and the texts it leads to. Throws
// kCorruptData for a map that breaks its own format. `by_grapheme`: as `tokenizers` does, a whole grapheme of
// up to five bytes is replaced by what its shortest prefix maps to; else the longest match at each place, as
// in SentencePiece.
std::unique_ptr<const Normalizer> make_character_map(std::string_view map, bool by_grapheme);

}  // namespace hearth::text
