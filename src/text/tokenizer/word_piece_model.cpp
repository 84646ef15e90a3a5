#include "text/tokenizer/word_piece_model.h"

#include <algorithm>
#include <utility>

namespace hearth::text {
namespace {

ByteTrie trie_of(const Vocabulary& vocabulary) {
  std::vector<std::pair<std::string_view, std::int32_t>> keys;
  for (TokenId id = 0; vocabulary.contains(id); ++id)
    if (vocabulary.is_ordinary(id)) keys.emplace_back(vocabulary.text(id), id);
  return ByteTrie(std::move(keys));
}

}  // namespace

WordPieceModel::WordPieceModel(const Vocabulary& vocabulary, TokenId unknown, const WordPieceOptions& options)
    : unknown_(unknown),
      word_prefix_(options.word_prefix),
      maximum_word_characters_(options.maximum_word_characters),
      trie_(trie_of(vocabulary)),
      word_start_(trie_.walk(ByteTrie::kRoot, options.word_prefix)),
      continuation_start_(trie_.walk(ByteTrie::kRoot, options.continuation_prefix)) {}

bool WordPieceModel::append_word(std::string_view word, std::vector<TokenId>& out) const {
  const auto continues = [](char byte) { return (byte & 0xC0) == 0x80; };
  if (word.size() - static_cast<std::size_t>(std::ranges::count_if(word, continues)) >
      maximum_word_characters_)
    return false;
  for (std::size_t begin = 0; begin < word.size();) {
    ByteTrie::Node node = begin == 0 ? word_start_ : continuation_start_;
    // A continuation must not be taken for the beginning of a word because the text has the marker itself.
    const bool looks_like_start =
        begin > 0 && !word_prefix_.empty() && word.substr(begin).starts_with(word_prefix_);
    if (looks_like_start) return false;
    TokenId longest = kNoToken;
    std::size_t longest_end = begin;
    for (std::size_t end = begin; node != ByteTrie::kNone && end < word.size();) {
      node = trie_.child(node, word[end++]);
      if (node == ByteTrie::kNone || trie_.value(node) == ByteTrie::kNoValue) continue;
      longest = trie_.value(node);
      longest_end = end;
    }
    if (longest == kNoToken) return false;
    out.push_back(longest);
    begin = longest_end;
  }
  return true;
}

void WordPieceModel::encode(const Pieces& pieces, std::vector<TokenId>& out) const {
  for (const Piece& piece : pieces.pieces) {
    const std::size_t before = out.size();
    if (append_word(pieces.view(piece), out)) continue;
    out.resize(before);
    if (unknown_ != kNoToken) out.push_back(unknown_);
  }
}

}  // namespace hearth::text
