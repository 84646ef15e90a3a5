// Patterns of one character class, such as `\p{N}{1,3}`, `[\r\n]`, `\s?\p{L}+` or `[0-9][0-9][0-9]`: what the
// pre-tokenizers of DeepSeek, Falcon, StarCoder and SmolLM are made of. Internal to src/text/tokenizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "text/tokenizer/matcher.h"

namespace hearth::text {

// [a-z\p{N}], [^\s], \p{L}
class CharacterSet {
 public:
  // Reads one from the front of `pattern` and takes it off; nothing where it is written otherwise.
  static std::optional<CharacterSet> take(std::string_view& pattern);
  bool contains(char32_t c) const;

 private:
  struct Range {
    char32_t first, last;
  };
  bool take_item(std::string_view& pattern);
  std::uint8_t classes_ = 0;
  std::vector<Range> ranges_;  // sorted and apart
  bool negated_ = false;
};

// Null where the pattern has another form.
std::unique_ptr<const Matcher> make_run_matcher(std::string_view pattern);

}  // namespace hearth::text
