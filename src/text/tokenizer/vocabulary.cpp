#include "text/tokenizer/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>

#include "base/error.h"

namespace hearth::text {
namespace {

constexpr std::uint64_t kMultiplier = 0x9FB21C651E98DF25;

std::uint64_t seed() {
  static const std::uint64_t value = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
  }();
  return value;
}

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

bool spells_byte(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  return text.size() == 6 && text.starts_with("<0x") && is_digit(text[3]) && is_digit(text[4]) &&
         text[5] == '>';
}

std::uint64_t hash_bytes(std::string_view bytes) {
  std::uint64_t hash = seed() ^ bytes.size();
  while (bytes.size() > 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = mix(hash ^ word, kMultiplier);
    bytes.remove_prefix(8);
  }
  std::uint64_t word = 0;
  if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
  return mix(hash ^ word, kMultiplier);
}

std::uint64_t hash_pair(TokenId left, TokenId right) {
  return mix(
      seed() ^ ((std::uint64_t{static_cast<std::uint32_t>(left)} << 32) | static_cast<std::uint32_t>(right)),
      kMultiplier);
}

std::size_t table_size_for(std::size_t entries) { return std::bit_ceil(entries + entries / 2 + 1); }

void Vocabulary::reserve(std::size_t tokens, std::size_t text_bytes) {
  arena_.reserve(text_bytes);
  ends_.reserve(tokens + 1);
  types_.reserve(tokens);
}

TokenId Vocabulary::append(std::string_view text, TokenType type) {
  if (text.size() > (std::size_t{1} << 31) - arena_.size())
    throw Error(ErrorKind::kCorruptData, "the tokens of the vocabulary have more than 2 GiB of text");
  arena_.append(text);
  ends_.push_back(static_cast<std::uint32_t>(arena_.size()));
  types_.push_back(type);
  longest_ = std::max(longest_, text.size());
  return static_cast<TokenId>(types_.size() - 1);
}

void Vocabulary::build_index() {
  slots_.assign(table_size_for(size()), kNoToken);
  const std::size_t mask = slots_.size() - 1;
  for (TokenId id = 0; contains(id); ++id) {
    const std::string_view token = text(id);
    if (token.empty()) continue;
    std::size_t slot = hash_bytes(token) & mask;
    while (slots_[slot] != kNoToken && text(slots_[slot]) != token) slot = (slot + 1) & mask;
    if (slots_[slot] == kNoToken || (!is_ordinary(slots_[slot]) && is_ordinary(id))) slots_[slot] = id;
  }
}

TokenId Vocabulary::find(std::string_view token) const {
  if (token.size() > longest_ || token.empty()) return kNoToken;
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash_bytes(token) & mask;
  while (slots_[slot] != kNoToken && text(slots_[slot]) != token) slot = (slot + 1) & mask;
  return slots_[slot];
}

TokenId Vocabulary::find_ordinary(std::string_view token) const {
  const TokenId id = find(token);
  return id != kNoToken && is_ordinary(id) ? id : kNoToken;
}

TokenId Vocabulary::find_byte(std::uint8_t byte) const {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  const char name[] = {'<', '0', 'x', kDigits[byte >> 4], kDigits[byte & 15], '>'};
  const TokenId id = find({name, sizeof name});
  return id != kNoToken && type(id) == TokenType::kByte ? id : kNoToken;
}

}  // namespace hearth::text
