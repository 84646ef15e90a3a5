#include "text/tokenizer/score_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/utf8.h"

namespace hearth::text {
namespace {

constexpr std::size_t kJoinBits = std::size_t{1}
                                  << 21;  // 256 KiB; the largest vocabularies set one bit in five

}  // namespace

ScoreModel::ScoreModel(const Vocabulary& vocabulary, std::span<const float> scores, TokenId unknown)
    : vocabulary_(vocabulary), unknown_(unknown), ranks_(vocabulary.size()), joins_(kJoinBits / 64) {
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (!std::isfinite(scores[i]))
      throw Error(ErrorKind::kCorruptData, fmt::format("the score of token {} is no number", i));
  std::vector<TokenId> by_score(vocabulary.size());
  std::iota(by_score.begin(), by_score.end(), 0);
  const auto score = [&](TokenId id) { return scores[static_cast<std::size_t>(id)]; };
  std::ranges::sort(by_score, [&](TokenId a, TokenId b) { return score(a) > score(b); });
  std::uint32_t rank = 0;
  for (std::size_t i = 0; i < by_score.size(); ++i) {
    if (i > 0 && score(by_score[i]) != score(by_score[i - 1])) ++rank;
    ranks_[static_cast<std::size_t>(by_score[i])] = rank;
  }
  for (std::size_t byte = 0; byte < bytes_.size(); ++byte)
    bytes_[byte] = vocabulary.find_byte(static_cast<std::uint8_t>(byte));
  for (TokenId id = 0; vocabulary.contains(id); ++id) {
    const std::string_view text = vocabulary.text(id);
    if (!vocabulary.is_ordinary(id) || text.empty()) continue;
    DecodedCodePoint left = decode_utf8(text, 0);
    for (std::size_t i = left.bytes; i < text.size();) {
      const DecodedCodePoint right = decode_utf8(text, i);
      const std::size_t bit = join_bit(left.value, right.value);
      joins_[bit / 64] |= std::uint64_t{1} << (bit % 64);
      i += right.bytes;
      left = right;
    }
  }
}

std::size_t ScoreModel::join_bit(char32_t left, char32_t right) {
  const std::uint64_t pair = (std::uint64_t{left} << 32) | right;
  return (pair * 0x9E3779B97F4A7C15) >> 43;
}

bool ScoreModel::may_join(char32_t left, char32_t right) const {
  const std::size_t bit = join_bit(left, right);
  return (joins_[bit / 64] >> (bit % 64)) & 1;
}

void ScoreModel::append(TokenId id, const Splits& splits, std::vector<TokenId>& out) const {
  const auto split = splits.find(id);
  if (split == splits.end()) return out.push_back(id);
  append(split->second.first, splits, out);
  append(split->second.second, splits, out);
}

void ScoreModel::encode(const Pieces& pieces, std::vector<TokenId>& out) const {
  PairMerger merger;
  Splits splits;
  std::string_view text;
  bool after_unknown = false;

  const auto look_up = [&](const PairMerger::Symbol& left, const PairMerger::Symbol& right, TokenId& merged) {
    const TokenId id = vocabulary_.find_ordinary(text.substr(left.begin, left.size + right.size));
    if (id == kNoToken) return PairMerger::kNone;
    if (vocabulary_.type(id) == TokenType::kUnused && left.id != kNoToken && right.id != kNoToken)
      splits[id] = {left.id, right.id};
    merged = id;
    return ranks_[static_cast<std::size_t>(id)];
  };
  const auto visit = [&](const PairMerger::Symbol& symbol) {
    if (symbol.id != kNoToken) {
      append(symbol.id, splits, out);
      after_unknown = false;
      return;
    }
    const std::string_view character = text.substr(symbol.begin, symbol.size);
    const auto token_of = [this](char byte) { return bytes_[static_cast<std::uint8_t>(byte)]; };
    if (std::ranges::none_of(character, [&](char byte) { return token_of(byte) == kNoToken; })) {
      for (const char byte : character) out.push_back(token_of(byte));
      after_unknown = false;
    } else if (unknown_ != kNoToken) {
      if (!after_unknown) out.push_back(unknown_);
      after_unknown = true;
    }
  };

  for (const Piece& piece : pieces.pieces) {
    text = pieces.view(piece);
    after_unknown = false;
    char32_t before = 0;
    for (std::size_t i = 0; i < text.size();) {
      const DecodedCodePoint c = decode_utf8(text, i);
      // No token lies across this place, so what is before it is settled: short lists instead of one long
      // one.
      if (i > 0 && !may_join(before, c.value)) {
        merger.merge(look_up);
        merger.for_each(visit);
        merger.clear();
      }
      merger.add(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(c.bytes),
                 vocabulary_.find_ordinary(text.substr(i, c.bytes)));
      before = c.value;
      i += c.bytes;
    }
    merger.merge(look_up);
    merger.for_each(visit);
    merger.clear();
  }
}

}  // namespace hearth::text
