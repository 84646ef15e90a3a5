#include "constraint/vocabulary.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "constraint/automaton.h"

namespace hearth::constraint {
namespace {

// Of a text of plain characters; nothing where it holds anything else.
std::optional<std::size_t> plain_length(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    const DecodedCodePoint c = decode_utf8(text, i);
    if (!c.valid || c.value < 0x20 || c.value == '"' || c.value == '\\') return std::nullopt;
    i += c.bytes;
  }
  return count;
}

// `tokens` are sorted by their bytes.
Vocabulary::Trie make_trie(const Vocabulary& vocabulary, std::vector<TokenId> tokens) {
  Vocabulary::Trie trie;
  std::vector<std::uint32_t> open;  // the nodes of the bytes of the last token
  std::string_view last;
  const auto close_to = [&](std::size_t depth) {
    for (; open.size() > depth; open.pop_back())
      trie.nodes[open.back()].behind = static_cast<std::uint32_t>(trie.nodes.size());
  };
  for (std::uint32_t i = 0; i < tokens.size(); ++i) {
    const std::string_view bytes = vocabulary.bytes(tokens[i]);
    const auto shared = static_cast<std::size_t>(std::ranges::mismatch(last, bytes).in1 - last.begin());
    close_to(shared);
    for (std::size_t depth = shared; depth < bytes.size(); ++depth) {
      open.push_back(static_cast<std::uint32_t>(trie.nodes.size()));
      trie.nodes.push_back({.behind = 0,
                            .first_token = i,
                            .depth = static_cast<std::uint16_t>(depth + 1),
                            .byte = static_cast<std::uint8_t>(bytes[depth])});
    }
    last = bytes;
  }
  close_to(0);
  trie.contents.resize(trie.nodes.size());
  std::vector<ByteCategories> below(kLongestToken + 2);  // of each depth: of the nodes since their parent's
  for (std::size_t i = trie.nodes.size(); i-- > 0;) {
    const Vocabulary::Trie::Node& node = trie.nodes[i];
    trie.contents[i] = kCategoryOf[node.byte] | std::exchange(below[node.depth + 1U], 0);
    below[node.depth] |= trie.contents[i];
  }
  trie.nodes.push_back(
      {.behind = 0, .first_token = static_cast<std::uint32_t>(tokens.size()), .depth = 0, .byte = 0});
  trie.tokens = std::move(tokens);
  return trie;
}

Vocabulary::Tokens tokens_of(const text::Tokenizer& tokenizer, std::size_t size) {
  Vocabulary::Tokens tokens{.bytes = std::vector<std::string>(size),
                            .ends = {},
                            .controls = {},
                            .strips_leading_space = tokenizer.strips_leading_space()};
  for (const TokenId token : tokenizer.end_of_generation_ids())
    if (static_cast<std::size_t>(token) < size) tokens.ends.push_back(token);
  for (std::size_t i = 0; i < size; ++i) {
    const auto token = static_cast<TokenId>(i);
    if (!tokenizer.is_hidden(token))
      tokens.bytes[i] = tokenizer.token_bytes(token);
    else if (!std::ranges::binary_search(tokens.ends, token))
      tokens.controls.push_back(token);
  }
  return tokens;
}

}  // namespace

bool TokenMask::none() const {
  return std::ranges::all_of(words_, [](std::uint64_t word) { return word == 0; });
}

Vocabulary::Vocabulary(const text::Tokenizer& tokenizer, std::size_t size)
    : Vocabulary(tokens_of(tokenizer, size)) {}

Vocabulary::Vocabulary(const Tokens& tokens)
    : strips_leading_space_(tokens.strips_leading_space), ends_(tokens.ends), controls_(tokens.controls) {
  std::vector<TokenId> all;
  for (const std::string& bytes : tokens.bytes) {
    const auto token = static_cast<TokenId>(begins_.size());
    begins_.push_back(static_cast<std::uint32_t>(bytes_.size()));
    if (bytes.empty() || bytes.size() > kLongestToken || std::ranges::binary_search(ends_, token)) continue;
    bytes_ += bytes;
    all.push_back(token);
  }
  begins_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  std::ranges::stable_sort(all, {}, [this](TokenId token) { return bytes(token); });

  plain_.assign(PlainCharacters::kFew + 2, TokenMask(size()));
  std::vector<TokenId> longer_than_few, not_plain;
  for (const TokenId token : all) {
    const auto length = plain_length(bytes(token));
    longest_ = std::max(longest_, static_cast<std::uint32_t>(bytes(token).size()));
    longest_plain_ = std::max(longest_plain_, length.value_or(0));
    for (std::size_t most = length.value_or(plain_.size()); most < plain_.size(); ++most)
      plain_[most].allow(token);
    if (length) plain_.back().allow(token);
    if (!length || *length > PlainCharacters::kFew) longer_than_few.push_back(token);
    if (!length) not_plain.push_back(token);
  }
  all_ = make_trie(*this, std::move(all));
  longer_than_few_ = make_trie(*this, std::move(longer_than_few));
  not_plain_ = make_trie(*this, std::move(not_plain));
}

std::string_view Vocabulary::bytes(TokenId token) const {
  const auto i = static_cast<std::size_t>(token);
  if (token < 0 || i >= size()) return {};
  return std::string_view(bytes_).substr(begins_[i], begins_[i + 1] - begins_[i]);
}

Vocabulary::Parts Vocabulary::parts(PlainCharacters plain) const {
  if (plain.exactly) return {plain_[plain.count], not_plain_};
  if (plain.count >= longest_plain_) return {plain_.back(), not_plain_};
  if (plain.count >= PlainCharacters::kFew) return {plain_[PlainCharacters::kFew], longer_than_few_};
  return {plain_[plain.count], all_};
}

}  // namespace hearth::constraint
