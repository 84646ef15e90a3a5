#include "text/tokenizer/bpe_model.h"

#include "base/error.h"
#include "base/printable.h"
#include "base/utf8.h"
#include "text/tokenizer/pair_merger.h"

namespace hearth::text {

BpeModel::BpeModel(const Vocabulary& vocabulary, std::span<const Merge> merges, const BpeOptions& options)
    : vocabulary_(vocabulary), options_(options) {
  slots_.assign(table_size_for(merges.size()), {kNoToken, kNoToken, PairMerger::kNone});
  merged_.reserve(merges.size());
  std::string joined;
  for (const Merge& merge : merges) {
    joined.assign(merge.left).append(merge.right);
    const TokenId left = vocabulary.find(merge.left), right = vocabulary.find(merge.right);
    const TokenId token = vocabulary.find(joined);
    if (left == kNoToken || right == kNoToken || token == kNoToken)
      throw Error(
          ErrorKind::kCorruptData,
          fmt::format(
              "merge {} of the tokenizer (\"{}\" with \"{}\") names a token that the vocabulary lacks",
              merged_.size(), printable(merge.left), printable(merge.right)));
    // Converted SentencePiece vocabularies have merges like "</" with "s>": plain text must not end there.
    if (vocabulary.is_ordinary(left) && vocabulary.is_ordinary(right) && vocabulary.is_ordinary(token))
      insert(left, right, static_cast<std::uint32_t>(merged_.size()));
    merged_.push_back(token);
  }
  for (char32_t c = 0; c < low_.size(); ++c) {
    std::string text;
    append_utf8(text, c);
    low_[c] = vocabulary.find_ordinary(text);
  }
}

void BpeModel::insert(TokenId left, TokenId right, std::uint32_t rank) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash_pair(left, right) & mask;
  while (slots_[slot].rank != PairMerger::kNone) {
    // A pair that comes again counts by its first rank in GGUF files; a tokenizer.json has none twice.
    if (slots_[slot].left == left && slots_[slot].right == right) return;
    slot = (slot + 1) & mask;
  }
  slots_[slot] = {left, right, rank};
}

std::uint32_t BpeModel::look_up(TokenId left, TokenId right, TokenId& merged) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash_pair(left, right) & mask; slots_[slot].rank != PairMerger::kNone;
       slot = (slot + 1) & mask) {
    const Slot& found = slots_[slot];
    if (found.left != left || found.right != right) continue;
    merged = merged_[found.rank];
    return found.rank;
  }
  return PairMerger::kNone;
}

TokenId BpeModel::token_of_character(char32_t code_point, std::string_view text) const {
  return code_point < low_.size() ? low_[code_point] : vocabulary_.find_ordinary(text);
}

bool BpeModel::append_bytes(std::string_view character, std::vector<TokenId>& out) const {
  if (!options_.byte_fallback) return false;
  const std::size_t before = out.size();
  for (const char byte : character) {
    out.push_back(vocabulary_.find_byte(static_cast<std::uint8_t>(byte)));
    if (out.back() != kNoToken) continue;
    out.resize(before);
    return false;
  }
  return true;
}

void BpeModel::encode(const Pieces& pieces, std::vector<TokenId>& out) const {
  PairMerger merger;
  std::vector<TokenId> bytes;
  const auto look_up_pair = [this](const PairMerger::Symbol& left, const PairMerger::Symbol& right,
                                   TokenId& merged) { return look_up(left.id, right.id, merged); };
  for (const Piece& piece : pieces.pieces) {
    const std::string_view text = pieces.view(piece);
    if (options_.ignore_merges) {
      if (const TokenId whole = vocabulary_.find_ordinary(text); whole != kNoToken) {
        out.push_back(whole);
        continue;
      }
    }
    merger.clear();
    bool after_unknown = false;
    for (std::size_t i = 0; i < text.size();) {
      const DecodedCodePoint c = decode_utf8(text, i);
      const std::string_view character = text.substr(i, c.bytes);
      i += c.bytes;
      if (const TokenId id = token_of_character(c.value, character); id != kNoToken) {
        merger.add(0, 0, id);
        after_unknown = false;
        continue;
      }
      bytes.clear();
      if (append_bytes(character, bytes)) {
        for (const TokenId id : bytes) merger.add(0, 0, id);
      } else if (options_.unknown != kNoToken) {
        if (!after_unknown || !options_.fuse_unknown) merger.add(0, 0, options_.unknown);
        after_unknown = true;
      }
    }
    merger.merge(look_up_pair);
    merger.for_each([&](const PairMerger::Symbol& symbol) { out.push_back(symbol.id); });
  }
}

}  // namespace hearth::text
