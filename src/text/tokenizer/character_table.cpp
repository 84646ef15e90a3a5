#include <algorithm>

#include "base/utf8.h"
#include "text/tokenizer/normalizer.h"

namespace hearth::text {
namespace {

class CharacterTable final : public Normalizer {
 public:
  explicit CharacterTable(std::vector<std::pair<char32_t, std::string>> table) : table_(std::move(table)) {}

  void apply(std::string& text) const override {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
      const DecodedCodePoint decoded = decode_utf8(text, at);
      const auto found =
          std::ranges::lower_bound(table_, decoded.value, {}, &decltype(table_)::value_type::first);
      if (found != table_.end() && found->first == decoded.value)
        out += found->second;
      else
        out.append(text, at, decoded.bytes);
      check_normalized_size(out.size());
      at += decoded.bytes;
    }
    text = std::move(out);
  }

 private:
  const std::vector<std::pair<char32_t, std::string>> table_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_character_table(std::vector<std::pair<char32_t, std::string>> table) {
  return std::make_unique<CharacterTable>(std::move(table));
}

}  // namespace hearth::text
