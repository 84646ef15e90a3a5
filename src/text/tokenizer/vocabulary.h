// The tokens of a tokenizer: spelling and type by id, id by spelling.
//
// One arena, one offset and one type per token, and a hash table of ids: about 20 bytes per token beside its
// text. Internal to src/text/tokenizer. Thread-safety: constant once built.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace hearth::text {

inline constexpr TokenId kNoToken = -1;

// The numbers are those of GGUF.
enum class TokenType : std::uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,  // "<0x0A>"
};

class Vocabulary {
 public:
  void reserve(std::size_t tokens, std::size_t text_bytes);
  // The next id. Throws kCorruptData where the texts together pass 2 GiB.
  TokenId append(std::string_view text, TokenType type);
  // After the last append and before the first find. Of equal texts an ordinary one is found first, then the
  // lower id; empty texts are never found.
  void build_index();

  std::size_t size() const { return types_.size(); }
  bool contains(TokenId id) const { return id >= 0 && static_cast<std::size_t>(id) < size(); }
  std::string_view text(TokenId id) const {
    const auto i = static_cast<std::size_t>(id);
    return std::string_view(arena_).substr(ends_[i], ends_[i + 1] - ends_[i]);
  }
  TokenType type(TokenId id) const { return types_[static_cast<std::size_t>(id)]; }
  void set_type(TokenId id, TokenType type) { types_[static_cast<std::size_t>(id)] = type; }
  bool is_control(TokenId id) const {
    return type(id) == TokenType::kControl || type(id) == TokenType::kUnknown;
  }
  // What plain text may become: normal, user-defined and unused tokens.
  bool is_ordinary(TokenId id) const { return !is_control(id) && type(id) != TokenType::kByte; }

  TokenId find(std::string_view text) const;           // kNoToken where there is none
  TokenId find_ordinary(std::string_view text) const;  // kNoToken also where the token is not ordinary
  TokenId find_byte(std::uint8_t byte) const;          // "<0x0A>", as a byte token
  std::size_t longest_text() const { return longest_; }

 private:
  std::string arena_;
  std::vector<std::uint32_t> ends_ = {0};
  std::vector<TokenType> types_;
  std::vector<TokenId> slots_;  // a power of two, linear probing
  std::size_t longest_ = 0;
};

// "<0x0A>": the spelling of a byte token.
bool spells_byte(std::string_view text);

// A hash that a hostile file cannot aim at: seeded anew in every process.
std::uint64_t hash_bytes(std::string_view bytes);
std::uint64_t hash_pair(TokenId left, TokenId right);
// The size of an open-addressing table that is at most two thirds full.
std::size_t table_size_for(std::size_t entries);

}  // namespace hearth::text
