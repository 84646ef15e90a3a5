#include "text/tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "text/tokenizer/character_class.h"

namespace hearth::text {
namespace {

constexpr std::size_t kMaximumTokenBytes = 1024;

// The character that ends right before `end`, which is not 0.
DecodedCodePoint character_before(std::string_view text, std::size_t end) {
  std::size_t begin = end - 1;
  while (begin > 0 && (text[begin] & 0xC0) == 0x80) --begin;
  return decode_utf8(text, begin);
}

bool is_amid_word(std::string_view text, std::size_t begin, std::size_t end) {
  return (begin > 0 && has_class(character_before(text, begin).value, kWordCharacter)) ||
         (end < text.size() && has_class(decode_utf8(text, end).value, kWordCharacter));
}

std::size_t white_space_begin(std::string_view text, std::size_t end, std::size_t limit) {
  while (end > limit) {
    const DecodedCodePoint c = character_before(text, end);
    if (!has_class(c.value, kWhiteSpace)) break;
    end -= c.bytes;
  }
  return std::max(end, limit);
}

std::size_t white_space_end(std::string_view text, std::size_t begin) {
  while (begin < text.size()) {
    const DecodedCodePoint c = decode_utf8(text, begin);
    if (!has_class(c.value, kWhiteSpace)) break;
    begin += c.bytes;
  }
  return begin;
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::vector<std::pair<std::string_view, std::int32_t>> keys;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (tokens_[i].text.size() > kMaximumTokenBytes)
      throw Error(
          ErrorKind::kUnsupported,
          fmt::format("the added token {} (\"{}\") has {} bytes, at most {} are allowed", tokens_[i].id,
                      printable(tokens_[i].text), tokens_[i].text.size(), kMaximumTokenBytes));
    keys.emplace_back(tokens_[i].text, static_cast<std::int32_t>(i));
  }
  trie_ = ByteTrie(std::move(keys));
}

std::vector<AddedTokens::Found> AddedTokens::find(std::string_view text,
                                                  std::span<const TrustedRange> trusted) const {
  std::vector<Found> found;
  if (tokens_.empty()) return found;
  std::size_t settled = 0;  // the end of the last one found
  auto range = trusted.begin();
  for (std::size_t begin = 0; begin < text.size();) {
    while (range != trusted.end() && range->end <= begin) ++range;
    const std::size_t trusted_end = range != trusted.end() && range->begin <= begin ? range->end : begin;
    const AddedToken* token = nullptr;
    std::size_t end = begin;
    ByteTrie::Node node = ByteTrie::kRoot;
    for (std::size_t i = begin; i < text.size();) {
      node = trie_.child(node, text[i++]);
      if (node == ByteTrie::kNone) break;
      if (trie_.value(node) == ByteTrie::kNoValue) continue;
      const AddedToken& candidate = tokens_[static_cast<std::size_t>(trie_.value(node))];
      if (candidate.is_control && i > trusted_end) continue;
      token = &candidate;
      end = i;
    }
    if (token == nullptr) {
      ++begin;
      continue;
    }
    if (token->single_word && is_amid_word(text, begin, end)) {
      begin = end;
      continue;
    }
    const std::size_t from = token->strips_left ? white_space_begin(text, begin, settled) : begin;
    settled = token->strips_right ? white_space_end(text, end) : end;
    found.push_back({from, settled, token->id});
    begin = settled;
  }
  return found;
}

}  // namespace hearth::text
