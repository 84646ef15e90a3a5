#include "text/tokenizer/unigram_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"

namespace hearth::text {
namespace {

constexpr double kUnknownPenalty = 10.0;  // SentencePiece's constant
constexpr TokenId kNotReached = -2;

ByteTrie trie_of(const Vocabulary& vocabulary) {
  std::vector<std::pair<std::string_view, std::int32_t>> keys;
  for (TokenId id = 0; vocabulary.contains(id); ++id)
    if (vocabulary.is_ordinary(id) && vocabulary.type(id) != TokenType::kUnused)
      keys.emplace_back(vocabulary.text(id), id);
  return ByteTrie(std::move(keys));
}

}  // namespace

UnigramModel::UnigramModel(const Vocabulary& vocabulary, std::vector<double> scores, TokenId unknown,
                           bool byte_fallback)
    : vocabulary_(vocabulary),
      scores_(std::move(scores)),
      unknown_(unknown),
      byte_fallback_(byte_fallback),
      unknown_score_(0),
      trie_(trie_of(vocabulary)) {
  for (std::size_t i = 0; i < scores_.size(); ++i)
    if (!std::isfinite(scores_[i]))
      throw Error(ErrorKind::kCorruptData, fmt::format("the score of token {} is no number", i));
  if (!scores_.empty()) unknown_score_ = std::ranges::min(scores_) - kUnknownPenalty;
}

void UnigramModel::find_best_ways(std::string_view text, std::vector<Arrival>& arrivals) const {
  arrivals.assign(text.size() + 1, {0, 0, kNotReached});
  const auto offer = [&](std::size_t place, const Arrival& way) {
    Arrival& best = arrivals[place];
    if (best.id == kNotReached || way.score > best.score) best = way;
  };
  for (std::size_t begin = 0; begin < text.size();) {
    const double score = arrivals[begin].score;
    const std::size_t next = begin + decode_utf8(text, begin).bytes;
    bool character_known = false;
    ByteTrie::Node node = ByteTrie::kRoot;
    for (std::size_t end = begin; end < text.size();) {
      node = trie_.child(node, text[end++]);
      if (node == ByteTrie::kNone) break;
      const TokenId id = trie_.value(node);
      if (id == ByteTrie::kNoValue) continue;
      offer(end, {score + scores_[static_cast<std::size_t>(id)], static_cast<std::uint32_t>(begin), id});
      if (end == next) character_known = true;
    }
    if (!character_known) offer(next, {score + unknown_score_, static_cast<std::uint32_t>(begin), kNoToken});
    begin = next;
  }
}

void UnigramModel::append_unknown(std::string_view text, std::vector<TokenId>& out) const {
  const std::size_t before = out.size();
  for (const char byte : text) {
    const TokenId id = byte_fallback_ ? vocabulary_.find_byte(static_cast<std::uint8_t>(byte)) : kNoToken;
    if (id == kNoToken) {
      out.resize(before);
      if (unknown_ != kNoToken) out.push_back(unknown_);
      return;
    }
    out.push_back(id);
  }
}

void UnigramModel::encode(const Pieces& pieces, std::vector<TokenId>& out) const {
  std::vector<Arrival> arrivals;
  std::vector<std::pair<std::uint32_t, TokenId>> way;  // ends and ids, last first
  for (const Piece& piece : pieces.pieces) {
    const std::string_view text = pieces.view(piece);
    find_best_ways(text, arrivals);
    way.clear();
    for (auto place = static_cast<std::uint32_t>(text.size()); place > 0; place = arrivals[place].begin)
      way.emplace_back(place, arrivals[place].id);
    std::uint32_t begin = 0;
    for (std::size_t i = way.size(); i-- > 0;) {
      if (way[i].second != kNoToken) {
        out.push_back(way[i].second);
      } else {
        if (i > 0 && way[i - 1].second == kNoToken) continue;  // the run of unknown characters goes on
        append_unknown(text.substr(begin, way[i].first - begin), out);
      }
      begin = way[i].first;
    }
  }
}

}  // namespace hearth::text
