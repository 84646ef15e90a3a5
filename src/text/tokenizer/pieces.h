// A text on its way through the pre-tokenizers: the pieces that the model will tokenize one by one.
// Internal to src/text/tokenizer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

struct Piece {
  std::uint32_t begin, end;  // bytes of the text; kMaximumTextBytes keeps them in range
};

struct Pieces {
  std::string text;  // valid UTF-8
  std::vector<Piece> pieces;
  bool begins_text;  // byte 0 is the beginning of the whole text, not of what follows an added token

  Pieces(std::string whole, bool at_text_start)
      : text(std::move(whole)),
        pieces{{0, static_cast<std::uint32_t>(text.size())}},
        begins_text(at_text_start) {}
  std::string_view view(const Piece& piece) const {
    return std::string_view(text).substr(piece.begin, piece.end - piece.begin);
  }
};

}  // namespace hearth::text
