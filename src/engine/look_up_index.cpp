#include "engine/look_up_index.h"

#include <algorithm>
#include <bit>

namespace hearth::engine {

namespace {

std::size_t slots_for(std::size_t most_tokens) {
  return std::bit_ceil(std::max<std::size_t>(most_tokens, 1));
}

}  // namespace

LookUpIndex::LookUpIndex(std::size_t most_tokens) {
  for (auto& table : tables_) table.resize(slots_for(most_tokens));
}

std::size_t LookUpIndex::planned_bytes(std::size_t most_tokens) {
  return (kLongest - kShortest + 1) * slots_for(most_tokens) * sizeof(std::uint32_t);
}

std::size_t LookUpIndex::slot_of(std::span<const std::int32_t> ngram) const {
  std::uint64_t hash = 0;
  for (const std::int32_t token : ngram) {
    hash = (hash ^ static_cast<std::uint32_t>(token)) * 0x9e3779b97f4a7c15u;  // 2^64 divided by the golden
    hash ^= hash >> 32;                                                       // ratio: spreads every bit
  }
  return hash & (tables_[0].size() - 1);
}

void LookUpIndex::extend(std::span<const std::int32_t> tokens) {
  for (; size_ < tokens.size(); ++size_) {
    const bool goes_on = match_.length > 0 && tokens[match_.next] == tokens[size_];
    match_ = goes_on ? Match{match_.next + 1, match_.length + 1} : Match{};
    // A match that is followed already is kept: it is as long as any that the tables can tell.
    if (match_.length < kLongest) find(tokens, size_ + 1);
    insert(tokens, size_ + 1);
  }
}

void LookUpIndex::insert(std::span<const std::int32_t> tokens, std::size_t end) {
  for (std::size_t length = kShortest; length <= std::min(kLongest, end); ++length)
    tables_[length - kShortest][slot_of(tokens.subspan(end - length, length))] =
        static_cast<std::uint32_t>(end);
}

void LookUpIndex::find(std::span<const std::int32_t> tokens, std::size_t end) {
  for (std::size_t length = std::min(kLongest, end); length >= kShortest && length > match_.length;
       --length) {
    const auto ngram = tokens.subspan(end - length, length);
    const std::size_t next = tables_[length - kShortest][slot_of(ngram)];
    if (next == 0 || !std::ranges::equal(tokens.subspan(next - length, length), ngram)) continue;
    match_ = {next, length};
    return;
  }
}

}  // namespace hearth::engine
