// The steps that cut a text into pieces before the model sees it, as `tokenizers` defines them.
// Internal to src/text/tokenizer. Thread-safety: constant; apply() is safe from any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/tokenizer/matcher.h"
#include "text/tokenizer/pieces.h"

namespace hearth::text {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual void apply(Pieces& pieces) const = 0;
};
using PreTokenizers = std::vector<std::unique_ptr<const PreTokenizer>>;

// What becomes of a match: a piece of its own, nothing, part of a neighbour, or one piece with matches beside
// it.
enum class SplitBehavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

// `invert`: what is between the matches counts as the match.
std::unique_ptr<const PreTokenizer> make_split(std::unique_ptr<const Matcher> matcher, SplitBehavior behavior,
                                               bool invert = false);

// Each byte becomes its letter of GPT-2's alphabet. `use_pattern`: cuts by GPT-2's pattern first.
std::unique_ptr<const PreTokenizer> make_byte_level(bool add_prefix_space, bool use_pattern);

enum class Prepend { kNever, kFirst, kAlways };
// SentencePiece's spaces: ' ' becomes `replacement`, which is also put in front; `split` cuts before each.
std::unique_ptr<const PreTokenizer> make_metaspace(std::string replacement, Prepend prepend, bool split);

// Characters that pre-tokenizers cut at.
bool is_white_space(char32_t c);
bool is_number(char32_t c);            // N of Unicode 17, as Digits has it
bool is_bert_punctuation(char32_t c);  // ASCII symbols, and P as of Unicode 8, which the reference has

// Runs of \w and runs of other characters that are no white space: `\w+|[^\w\s]+`.
std::unique_ptr<const Matcher> make_whitespace_matcher();

}  // namespace hearth::text
