// Text that remembers, for every character, whether the template (trusted) or somebody else (untrusted) wrote
// it.
//
// Every operation on strings is built from append and substring, so that the origin of a character can only
// be carried along, never invented. Characters that an operation makes up (padding, digits of a number,
// quotes of a JSON string) are untrusted unless a function says otherwise. Positions: bytes where a parameter
// is called so, else characters (Unicode code points, as in Python). The bytes are valid UTF-8 as long as
// only valid UTF-8 and whole characters are put in. Thread-safety: a value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "text/text_span.h"

namespace hearth::text::jinja {

class TaggedText {
 public:
  TaggedText() = default;
  TaggedText(std::string_view bytes, bool trusted) { append(bytes, trusted); }

  void append(std::string_view bytes, bool trusted);
  void append(const TaggedText& other) { append(other, 0, other.size()); }
  // The bytes [begin, end) of `other`, with their origins; begin <= end <= other.size().
  void append(const TaggedText& other, std::size_t begin, std::size_t end);

  TaggedText substring(std::size_t begin_byte, std::size_t end_byte) const;

  const std::string& bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  bool trusted_at(std::size_t byte) const;
  bool wholly_trusted() const { return runs_.empty() || (runs_.size() == 1 && runs_[0].trusted); }

  // In characters.
  std::size_t length() const;
  // The byte where character number `character` begins; size() when there are no more than that many.
  std::size_t byte_of(std::size_t character) const;

  // Neighbouring spans differ in origin; none is empty.
  std::vector<TextSpan> spans() const;

  // Calls visit(bytes of the character, code point, trusted) for each character in order.
  template <typename Visit>
  void for_each_character(Visit&& visit) const {
    std::size_t run = 0;
    for (std::size_t at = 0; at < bytes_.size();) {
      while (runs_[run].end <= at) ++run;
      const DecodedCodePoint decoded = decode_utf8(bytes_, at);
      visit(std::string_view(bytes_).substr(at, decoded.bytes), decoded.value, runs_[run].trusted);
      at += decoded.bytes;
    }
  }

 private:
  struct Run {
    std::size_t end;  // byte; begins where the run before it ends
    bool trusted;
  };
  std::string bytes_;
  std::vector<Run> runs_;  // cover bytes_ without gaps; neighbours differ in `trusted`
};

// Whitespace as Python's str.isspace and str.strip know it.
bool is_python_space(char32_t code_point);

}  // namespace hearth::text::jinja
