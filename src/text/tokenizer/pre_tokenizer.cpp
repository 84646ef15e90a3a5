#include "text/tokenizer/pre_tokenizer.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "text/tokenizer/byte_alphabet.h"
#include "text/tokenizer/character_class.h"

namespace hearth::text {
namespace {

constexpr std::size_t kMaximumPiecesBytes = std::size_t{1} << 31;  // a Piece counts with 32 bits

struct Segment {
  Piece piece;
  bool is_match;
};

// The pieces that a list of alternating segments becomes.
void join_segments(std::vector<Segment>& segments, SplitBehavior behavior, std::vector<Piece>& out) {
  if (behavior == SplitBehavior::kMergedWithNext) std::ranges::reverse(segments);
  const std::size_t first = out.size();
  bool after_match = false;
  for (const auto& [piece, is_match] : segments) {
    const bool has_previous = out.size() > first;
    bool joins = false;
    if (behavior == SplitBehavior::kContiguous) joins = has_previous && is_match == after_match;
    if (behavior == SplitBehavior::kMergedWithPrevious || behavior == SplitBehavior::kMergedWithNext)
      joins = has_previous && is_match && !after_match;
    if (joins && behavior == SplitBehavior::kMergedWithNext)
      out.back().begin = piece.begin;
    else if (joins)
      out.back().end = piece.end;
    else if (!is_match || behavior != SplitBehavior::kRemoved)
      out.push_back(piece);
    after_match = is_match;
  }
  if (behavior == SplitBehavior::kMergedWithNext)
    std::reverse(out.begin() + static_cast<std::ptrdiff_t>(first), out.end());
}

void split(Pieces& pieces, const Matcher& matcher, SplitBehavior behavior, bool invert) {
  std::vector<Piece> out;
  out.reserve(pieces.pieces.size());
  std::vector<Segment> segments;
  for (const Piece& piece : pieces.pieces) {
    const std::string_view text = pieces.view(piece);
    segments.clear();
    const auto add = [&](std::size_t begin, std::size_t end, bool is_match) {
      if (begin == end) return;
      segments.push_back(
          {{static_cast<std::uint32_t>(piece.begin + begin), static_cast<std::uint32_t>(piece.begin + end)},
           is_match != invert});
    };
    std::size_t settled = 0;
    Match match{0, 0};
    for (std::size_t from = 0; matcher.find(text, from, match);) {
      add(settled, match.begin, false);
      add(match.begin, match.end, true);
      settled = from = match.end;
      if (match.begin == match.end) {  // an empty match still has to get on
        if (from >= text.size()) break;
        from += decode_utf8(text, from).bytes;
      }
    }
    add(settled, text.size(), false);
    join_segments(segments, behavior, out);
  }
  pieces.pieces = std::move(out);
}

class Split final : public PreTokenizer {
 public:
  Split(std::unique_ptr<const Matcher> matcher, SplitBehavior behavior, bool invert)
      : matcher_(std::move(matcher)), behavior_(behavior), invert_(invert) {}
  void apply(Pieces& pieces) const override { split(pieces, *matcher_, behavior_, invert_); }

 private:
  std::unique_ptr<const Matcher> matcher_;
  SplitBehavior behavior_;
  bool invert_;
};

// Replaces the text of every piece by what `rewrite(text, index)` appends.
template <typename Rewrite>
void rewrite_pieces(Pieces& pieces, const Rewrite& rewrite) {
  std::string text;
  text.reserve(pieces.text.size() + pieces.text.size() / 4);
  for (std::size_t i = 0; i < pieces.pieces.size(); ++i) {
    Piece& piece = pieces.pieces[i];
    const auto begin = static_cast<std::uint32_t>(text.size());
    rewrite(pieces.view(piece), i, text);
    piece = {begin, static_cast<std::uint32_t>(text.size())};
  }
  if (text.size() > kMaximumPiecesBytes)
    throw Error(ErrorKind::kPayloadTooLarge, "the tokenizer's rules make the text longer than 2 GiB",
                "tokenize it in parts");
  pieces.text = std::move(text);
}

class ByteLevel final : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_pattern)
      : add_prefix_space_(add_prefix_space),
        words_(use_pattern ? make_pattern_matcher(kGpt2Pattern) : nullptr) {}

  void apply(Pieces& pieces) const override {
    if (add_prefix_space_) {
      rewrite_pieces(pieces, [](std::string_view piece, std::size_t, std::string& out) {
        if (!piece.starts_with(' ')) out.push_back(' ');
        out.append(piece);
      });
    }
    if (words_) split(pieces, *words_, SplitBehavior::kIsolated, false);
    rewrite_pieces(pieces, [](std::string_view piece, std::size_t, std::string& out) {
      for (const char byte : piece) append_utf8(out, letter_of(static_cast<std::uint8_t>(byte)));
    });
  }

 private:
  bool add_prefix_space_;
  std::unique_ptr<const Matcher> words_;
};

class Metaspace final : public PreTokenizer {
 public:
  Metaspace(std::string replacement, Prepend prepend, bool split_words)
      : replacement_(replacement),
        prepend_(prepend),
        words_(split_words ? make_literal_matcher(std::move(replacement)) : nullptr) {}

  void apply(Pieces& pieces) const override {
    const bool first_is_start =
        pieces.begins_text && !pieces.pieces.empty() && pieces.pieces.front().begin == 0;
    pieces.begins_text = first_is_start;
    rewrite_pieces(pieces, [&](std::string_view piece, std::size_t index, std::string& out) {
      const bool wanted =
          prepend_ == Prepend::kAlways || (prepend_ == Prepend::kFirst && index == 0 && first_is_start);
      if (wanted && !piece.starts_with(' ') && !piece.starts_with(replacement_)) out += replacement_;
      for (const char byte : piece) {
        if (byte == ' ')
          out += replacement_;
        else
          out.push_back(byte);
      }
    });
    if (words_) split(pieces, *words_, SplitBehavior::kMergedWithNext, false);
  }

 private:
  std::string replacement_;
  Prepend prepend_;
  std::unique_ptr<const Matcher> words_;
};

class WhitespaceMatcher final : public Matcher {
 public:
  bool find(std::string_view text, std::size_t from, Match& match) const override {
    std::uint8_t kind = 0;
    std::size_t end = from;
    while (end < text.size()) {
      const DecodedCodePoint c = decode_utf8(text, end);
      const std::uint8_t next = classes_of(c.value) & (kWhiteSpace | kWordCharacter);
      if (end > from && next != kind) break;
      kind = next;
      end += c.bytes;
      if (kind & kWhiteSpace) from = end;
    }
    match = {from, end};
    return from < end;
  }
};

}  // namespace

std::unique_ptr<const PreTokenizer> make_split(std::unique_ptr<const Matcher> matcher, SplitBehavior behavior,
                                               bool invert) {
  return std::make_unique<Split>(std::move(matcher), behavior, invert);
}

std::unique_ptr<const PreTokenizer> make_byte_level(bool add_prefix_space, bool use_pattern) {
  return std::make_unique<ByteLevel>(add_prefix_space, use_pattern);
}

std::unique_ptr<const PreTokenizer> make_metaspace(std::string replacement, Prepend prepend,
                                                   bool split_words) {
  return std::make_unique<Metaspace>(std::move(replacement), prepend, split_words);
}

std::unique_ptr<const Matcher> make_whitespace_matcher() { return std::make_unique<WhitespaceMatcher>(); }

bool is_white_space(char32_t c) { return has_class(c, kWhiteSpace); }

bool is_number(char32_t c) {
  return has_class(c, kNumber) || (c >= 0x11DE0 && c <= 0x11DE9) || (c >= 0x16FF4 && c <= 0x16FF6);
}

bool is_bert_punctuation(char32_t c) {
  if (c < 0x80) return has_class(c, kPunctuation | kSymbol);
  if (c == 0x166D || c == 0x111C9) return true;  // punctuation until later versions reclassified them
  if (!has_class(c, kPunctuation)) return false;
  UVersionInfo since;
  u_charAge(static_cast<UChar32>(c), since);
  return since[0] >= 1 && since[0] <= 8;  // 0: younger than ICU's data
}

}  // namespace hearth::text
