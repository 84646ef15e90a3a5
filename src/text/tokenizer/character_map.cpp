#include <unicode/brkiter.h>
#include <unicode/utext.h>

#include <bit>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "text/tokenizer/normalizer.h"

namespace hearth::text {
namespace {

static_assert(std::endian::native == std::endian::little, "the map's units are little-endian");

// Darts-clone's double array, as SentencePiece writes it: a unit has its label in the low 8 bits, bit 31 for
// a leaf, bit 8 for "has a leaf", and its offset above bit 10, shifted by 8 where bit 9 is set.
class DoubleArray {
 public:
  explicit DoubleArray(std::string_view bytes) : units_(bytes.size() / 4) {
    if (!units_.empty()) std::memcpy(units_.data(), bytes.data(), units_.size() * 4);
  }

  // Calls visit(value, length) for every key that `text` begins with, the shortest first, until it says stop.
  template <typename Visit>
  void for_each_prefix(std::string_view text, const Visit& visit) const {
    std::size_t place = 0;
    if (units_.empty()) return;
    place ^= offset(units_[0]);
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      if (byte == 0) return;
      place ^= byte;
      if (place >= units_.size()) return;
      const std::uint32_t unit = units_[place];
      if ((unit & 0x800000FF) != byte) return;
      place ^= offset(unit);
      if (!(unit & 0x100)) continue;
      if (place >= units_.size()) return;
      if (!visit(units_[place] & 0x7FFFFFFF, i + 1)) return;
    }
  }

 private:
  static std::size_t offset(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200) >> 6); }
  std::vector<std::uint32_t> units_;
};

struct CharacterMapParts {
  std::string_view units, texts;
};

CharacterMapParts parts_of(std::string_view map) {
  std::uint32_t bytes = 0;
  if (map.size() >= sizeof bytes) std::memcpy(&bytes, map.data(), sizeof bytes);
  if (map.size() < sizeof bytes || bytes > map.size() - sizeof bytes || bytes % 4 != 0)
    throw Error(
        ErrorKind::kCorruptData,
        fmt::format("the tokenizer's character map says that its trie has {} bytes, but it has {} in all",
                    bytes, map.size()));
  return {map.substr(sizeof bytes, bytes), map.substr(sizeof bytes + bytes)};
}

class CharacterMap final : public Normalizer {
 public:
  CharacterMap(const CharacterMapParts& parts, bool by_grapheme)
      : trie_(parts.units), texts_(parts.texts), by_grapheme_(by_grapheme) {
    if (!is_valid_utf8(texts_))
      throw Error(ErrorKind::kCorruptData,
                  "the tokenizer's character map leads to text that is not valid UTF-8");
  }

  void apply(std::string& text) const override {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    if (by_grapheme_)
      map_graphemes(text, out);
    else
      map_longest(text, out);
    text = std::move(out);
  }

 private:
  // A text of the map ends at a zero byte; a place amid a character (a hostile map) gives nothing.
  std::string_view mapped(std::uint32_t place) const {
    if (place >= texts_.size() || (texts_[place] & 0xC0) == 0x80) return {};
    return std::string_view(texts_).substr(place, texts_.find('\0', place) - place);
  }

  void map_longest(std::string_view text, std::string& out) const {
    for (std::size_t i = 0; i < text.size();) {
      std::size_t length = 0;
      std::uint32_t place = 0;
      trie_.for_each_prefix(text.substr(i), [&](std::uint32_t value, std::size_t bytes) {
        place = value;
        length = bytes;
        return true;
      });
      // A key that ends amid a character (a hostile map) is no match.
      const bool whole = i + length >= text.size() || (text[i + length] & 0xC0) != 0x80;
      if (length == 0 || !whole) {
        length = decode_utf8(text, i).bytes;
        out.append(text.substr(i, length));
      } else {
        out.append(mapped(place));
        check_normalized_size(out.size());
      }
      i += length;
    }
  }

  bool append_shortest(std::string_view part, std::string& out) const {
    bool found = false;
    trie_.for_each_prefix(part, [&](std::uint32_t place, std::size_t) {
      out.append(mapped(place));
      check_normalized_size(out.size());
      found = true;
      return false;
    });
    return found;
  }

  void map_grapheme(std::string_view grapheme, std::string& out) const {
    if (grapheme.size() < 6 && append_shortest(grapheme, out)) return;
    for (std::size_t i = 0; i < grapheme.size();) {
      const std::string_view character = grapheme.substr(i, decode_utf8(grapheme, i).bytes);
      if (!append_shortest(character, out)) out.append(character);
      i += character.size();
    }
  }

  void map_graphemes(std::string_view text, std::string& out) const {
    UErrorCode status = U_ZERO_ERROR;
    UText view = UTEXT_INITIALIZER;
    utext_openUTF8(&view, text.data(), static_cast<std::int64_t>(text.size()), &status);
    const std::unique_ptr<icu::BreakIterator> graphemes(
        icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
    if (U_SUCCESS(status)) graphemes->setText(&view, status);
    if (U_FAILURE(status))
      throw Error(ErrorKind::kInternal, fmt::format("ICU: finding graphemes: {}", u_errorName(status)));
    std::int32_t begin = graphemes->first();
    for (std::int32_t end = graphemes->next(); end != icu::BreakIterator::DONE; end = graphemes->next()) {
      map_grapheme(text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)), out);
      begin = end;
    }
    utext_close(&view);
  }

  DoubleArray trie_;
  std::string texts_;
  bool by_grapheme_;
};

}  // namespace

std::unique_ptr<const Normalizer> make_character_map(std::string_view map, bool by_grapheme) {
  return std::make_unique<CharacterMap>(parts_of(map), by_grapheme);
}

}  // namespace hearth::text
