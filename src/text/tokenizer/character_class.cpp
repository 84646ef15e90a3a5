#include "text/tokenizer/character_class.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace hearth::text {
namespace {

constexpr std::uint8_t kLetterOfWord = kLetter | kWordCharacter;
constexpr std::uint8_t kMarkOfWord = kMark | kWordCharacter;
constexpr std::uint8_t kDigitOfWord = kNumber | kWordCharacter;

struct Range {
  char32_t first, last;
  std::uint8_t classes;
};

// Assigned in Unicode 15.1 and 16.0; made by tests/reference/tokenizers/unicode_ranges.py.
constexpr Range kNewRanges[] = {
    {0x897, 0x897, kMarkOfWord},       {0x1B4E, 0x1B4F, kPunctuation},    {0x1B7F, 0x1B7F, kPunctuation},
    {0x1C89, 0x1C8A, kLetterOfWord},   {0x2427, 0x2429, kSymbol},         {0x2FFC, 0x2FFF, kSymbol},
    {0x31E4, 0x31E5, kSymbol},         {0x31EF, 0x31EF, kSymbol},         {0xA7CB, 0xA7CD, kLetterOfWord},
    {0xA7DA, 0xA7DC, kLetterOfWord},   {0x105C0, 0x105F3, kLetterOfWord}, {0x10D40, 0x10D49, kDigitOfWord},
    {0x10D4A, 0x10D65, kLetterOfWord}, {0x10D69, 0x10D6D, kMarkOfWord},   {0x10D6E, 0x10D6E, kPunctuation},
    {0x10D6F, 0x10D85, kLetterOfWord}, {0x10D8E, 0x10D8F, kSymbol},       {0x10EC2, 0x10EC4, kLetterOfWord},
    {0x10EFC, 0x10EFC, kMarkOfWord},   {0x11380, 0x11389, kLetterOfWord}, {0x1138B, 0x1138B, kLetterOfWord},
    {0x1138E, 0x1138E, kLetterOfWord}, {0x11390, 0x113B5, kLetterOfWord}, {0x113B7, 0x113B7, kLetterOfWord},
    {0x113B8, 0x113C0, kMarkOfWord},   {0x113C2, 0x113C2, kMarkOfWord},   {0x113C5, 0x113C5, kMarkOfWord},
    {0x113C7, 0x113CA, kMarkOfWord},   {0x113CC, 0x113D0, kMarkOfWord},   {0x113D1, 0x113D1, kLetterOfWord},
    {0x113D2, 0x113D2, kMarkOfWord},   {0x113D3, 0x113D3, kLetterOfWord}, {0x113D4, 0x113D5, kPunctuation},
    {0x113D7, 0x113D8, kPunctuation},  {0x113E1, 0x113E2, kMarkOfWord},   {0x116D0, 0x116E3, kDigitOfWord},
    {0x11BC0, 0x11BE0, kLetterOfWord}, {0x11BE1, 0x11BE1, kPunctuation},  {0x11BF0, 0x11BF9, kDigitOfWord},
    {0x11F5A, 0x11F5A, kMarkOfWord},   {0x13460, 0x143FA, kLetterOfWord}, {0x16100, 0x1611D, kLetterOfWord},
    {0x1611E, 0x1612F, kMarkOfWord},   {0x16130, 0x16139, kDigitOfWord},  {0x16D40, 0x16D6C, kLetterOfWord},
    {0x16D6D, 0x16D6F, kPunctuation},  {0x16D70, 0x16D79, kDigitOfWord},  {0x18CFF, 0x18CFF, kLetterOfWord},
    {0x1CC00, 0x1CCEF, kSymbol},       {0x1CCF0, 0x1CCF9, kDigitOfWord},  {0x1CD00, 0x1CEB3, kSymbol},
    {0x1E5D0, 0x1E5ED, kLetterOfWord}, {0x1E5EE, 0x1E5EF, kMarkOfWord},   {0x1E5F0, 0x1E5F0, kLetterOfWord},
    {0x1E5F1, 0x1E5FA, kDigitOfWord},  {0x1E5FF, 0x1E5FF, kPunctuation},  {0x1F8B2, 0x1F8BB, kSymbol},
    {0x1F8C0, 0x1F8C1, kSymbol},       {0x1FA89, 0x1FA89, kSymbol},       {0x1FA8F, 0x1FA8F, kSymbol},
    {0x1FABE, 0x1FABE, kSymbol},       {0x1FAC6, 0x1FAC6, kSymbol},       {0x1FADC, 0x1FADC, kSymbol},
    {0x1FADF, 0x1FADF, kSymbol},       {0x1FAE9, 0x1FAE9, kSymbol},       {0x1FBCB, 0x1FBEF, kSymbol},
    {0x2EBF0, 0x2EE5D, kLetterOfWord},
};

std::uint8_t classes_by_icu(char32_t code_point) {
  const auto c = static_cast<UChar32>(code_point);
  const std::uint32_t category = U_GET_GC_MASK(c);
  std::uint8_t classes = 0;
  if (category & U_GC_L_MASK) classes |= kLetter;
  if (category & U_GC_M_MASK) classes |= kMark;
  if (category & U_GC_N_MASK) classes |= kNumber;
  if (category & U_GC_P_MASK) classes |= kPunctuation;
  if (category & U_GC_S_MASK) classes |= kSymbol;
  if (u_hasBinaryProperty(c, UCHAR_WHITE_SPACE)) classes |= kWhiteSpace;
  if (u_hasBinaryProperty(c, UCHAR_ALPHABETIC) || u_hasBinaryProperty(c, UCHAR_JOIN_CONTROL) ||
      (category & (U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)))
    classes |= kWordCharacter;
  return classes;
}

// Blocks of 256 code points, equal ones shared: 40 KB instead of a megabyte, and one load instead of ICU's
// calls.
class Table {
 public:
  Table() {
    for (std::size_t b = 0; b < kBlocks; ++b) {
      std::array<std::uint8_t, kBlock> block{};
      const auto first = static_cast<char32_t>(b * kBlock);
      // Planes 4 to 13 are unassigned, 15 and 16 for private use: no classes.
      if (first < 0x40000 || (first >= 0xE0000 && first < 0xF0000))
        for (char32_t i = 0; i < kBlock; ++i) block[i] = classes_by_icu(first + i);
      for (const Range& range : kNewRanges)
        for (char32_t c = std::max(range.first, first); c <= range.last && c < first + kBlock; ++c)
          block[c - first] = range.classes;
      std::size_t known = 0;
      while (known < blocks_.size() && blocks_[known] != block) ++known;
      if (known == blocks_.size()) blocks_.push_back(block);
      index_[b] = static_cast<std::uint16_t>(known);
    }
  }
  std::uint8_t operator[](char32_t c) const { return blocks_[index_[c / kBlock]][c % kBlock]; }

 private:
  static constexpr char32_t kBlock = 256;
  static constexpr std::size_t kBlocks = 0x110000 / kBlock;
  std::array<std::uint16_t, kBlocks> index_{};
  std::vector<std::array<std::uint8_t, kBlock>> blocks_;
};

}  // namespace

std::uint8_t classes_of(char32_t code_point) {
  static const Table table;
  return code_point < 0x110000 ? table[code_point] : 0;
}

}  // namespace hearth::text
