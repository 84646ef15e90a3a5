// What Python's str methods do, on tagged text: every character of a result keeps its origin.
// Positions are bytes. No function here allocates more than its result, whose size the caller checks.
// Thread-safety: free functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "text/template/runtime.h"
#include "text/template/tagged_text.h"

namespace hearth::text::jinja {

enum class Side { kLeft, kRight, kBoth };

// Without the characters of `characters` at the sides; without whitespace where it is null.
TaggedText stripped(const TaggedText& text, Side side, const TaggedText* characters);

// At most `count` replacements; all where it is negative. An empty `old` matches between all characters.
TaggedText replaced(Runtime& runtime, const TaggedText& text, const std::string& old,
                    const TaggedText& replacement, Integer count);

// `separator` may be null: any run of whitespace, and no empty parts. At most `limit` cuts, from the side
// given (kLeft or kRight); all where it is negative.
std::vector<TaggedText> split(Runtime& runtime, const TaggedText& text, const std::string* separator,
                              Integer limit, Side from);

// Lines at the boundaries that Python's splitlines knows. Breaks are `kept` or dropped.
std::vector<TaggedText> split_lines(const TaggedText& text, bool kept);

TaggedText joined(Runtime& runtime, const TaggedText& separator, const std::vector<TaggedText>& parts);

TaggedText repeated(Runtime& runtime, const TaggedText& text, Integer times);

// & < > " ' as entities.
TaggedText html_escaped(const TaggedText& text);

// The part between two positions in characters, as Python's text[start:stop] takes them: negative ones count
// from the end, and nothing is out of range.
struct ByteRange {
  std::size_t begin, end;
};
ByteRange character_range(const TaggedText& text, std::optional<Integer> start, std::optional<Integer> stop);

// Python's slice.indices(): [start:stop:step] of `length` elements, with every bound inside.
struct SliceBounds {
  Integer first, last, step;  // `last` is not taken itself
  std::vector<std::size_t> indices() const;
};
SliceBounds slice_bounds(Runtime& runtime, std::size_t length, std::optional<Integer> start,
                         std::optional<Integer> stop, std::optional<Integer> step);

}  // namespace hearth::text::jinja
