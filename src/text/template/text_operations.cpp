#include "text/template/text_operations.h"

#include <algorithm>

namespace hearth::text::jinja {
namespace {

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

// The start of the character that ends before `end`.
std::size_t previous_character(std::string_view bytes, std::size_t end) {
  std::size_t at = end - 1;
  while (at > 0 && (bytes[at] & 0xC0) == 0x80) --at;
  return at;
}

std::vector<TaggedText> split_at_whitespace(const TaggedText& text, Integer limit, Side from) {
  const std::string_view bytes = text.bytes();
  std::vector<ByteRange> words;
  bool in_word = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const DecodedCodePoint c = decode_utf8(bytes, at);
    if (is_python_space(c.value)) {
      in_word = false;
    } else if (in_word) {
      words.back().end = at + c.bytes;
    } else {
      words.push_back({at, at + c.bytes});
      in_word = true;
    }
    at += c.bytes;
  }
  // Past the limit the rest stays one part, spaces inside it included, but not those at its far end.
  if (limit >= 0 && static_cast<Integer>(words.size()) > limit + 1) {
    const auto cuts = static_cast<std::size_t>(limit);
    if (from == Side::kLeft) {
      words[cuts].end = bytes.size();
      words.resize(cuts + 1);
    } else {
      const std::size_t first_kept = words.size() - cuts;
      words[first_kept - 1].begin = 0;
      words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(first_kept - 1));
    }
  }
  std::vector<TaggedText> parts;
  for (const ByteRange& word : words) parts.push_back(text.substring(word.begin, word.end));
  return parts;
}

}  // namespace

TaggedText stripped(const TaggedText& text, Side side, const TaggedText* characters) {
  std::vector<char32_t> set;
  if (characters != nullptr) {
    characters->for_each_character([&](std::string_view, char32_t c, bool) { set.push_back(c); });
    std::sort(set.begin(), set.end());
  }
  const auto goes = [&](char32_t c) {
    return characters == nullptr ? is_python_space(c) : std::binary_search(set.begin(), set.end(), c);
  };
  const std::string_view bytes = text.bytes();
  std::size_t begin = 0, end = bytes.size();
  while (side != Side::kRight && begin < end) {
    const DecodedCodePoint c = decode_utf8(bytes, begin);
    if (!goes(c.value)) break;
    begin += c.bytes;
  }
  while (side != Side::kLeft && end > begin) {
    const std::size_t last = previous_character(bytes, end);
    if (!goes(decode_utf8(bytes, last).value)) break;
    end = last;
  }
  return text.substring(begin, end);
}

TaggedText replaced(Runtime& runtime, const TaggedText& text, const std::string& old,
                    const TaggedText& replacement, Integer count) {
  const std::string_view bytes = text.bytes();
  TaggedText out;
  std::size_t at = 0;
  while (count != 0) {
    std::size_t found = old.empty() ? at : bytes.find(old, at);
    if (found == std::string_view::npos) break;
    out.append(text, at, found);
    out.append(replacement);
    runtime.check_string_bytes(out.size());
    if (count > 0) --count;
    at = found + old.size();
    if (!old.empty()) continue;
    if (at == bytes.size()) return out;
    const std::size_t next = at + decode_utf8(bytes, at).bytes;
    out.append(text, at, next);
    at = next;
  }
  out.append(text, at, bytes.size());
  return out;
}

std::vector<TaggedText> split(Runtime& runtime, const TaggedText& text, const std::string* separator,
                              Integer limit, Side from) {
  if (separator == nullptr) return split_at_whitespace(text, limit, from);
  if (separator->empty()) runtime.fail("empty separator");
  const std::string_view bytes = text.bytes();
  std::vector<TaggedText> parts;
  if (from == Side::kLeft) {
    std::size_t at = 0;
    for (std::size_t found; limit != 0 && (found = bytes.find(*separator, at)) != std::string_view::npos;
         --limit) {
      parts.push_back(text.substring(at, found));
      at = found + separator->size();
    }
    parts.push_back(text.substring(at, bytes.size()));
    return parts;
  }
  std::size_t end = bytes.size();
  for (std::size_t found;
       limit != 0 && (found = bytes.substr(0, end).rfind(*separator)) != std::string_view::npos; --limit) {
    parts.push_back(text.substring(found + separator->size(), end));
    end = found;
  }
  parts.push_back(text.substring(0, end));
  std::reverse(parts.begin(), parts.end());
  return parts;
}

std::vector<TaggedText> split_lines(const TaggedText& text, bool kept) {
  const std::string_view bytes = text.bytes();
  std::vector<TaggedText> lines;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const DecodedCodePoint c = decode_utf8(bytes, at);
    std::size_t next = at + c.bytes;
    if (is_line_break(c.value)) {
      if (c.value == '\r' && next < bytes.size() && bytes[next] == '\n') ++next;
      lines.push_back(text.substring(begin, kept ? next : at));
      begin = next;
    }
    at = next;
  }
  if (begin < bytes.size()) lines.push_back(text.substring(begin, bytes.size()));
  return lines;
}

TaggedText joined(Runtime& runtime, const TaggedText& separator, const std::vector<TaggedText>& parts) {
  TaggedText out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out.append(separator);
    out.append(parts[i]);
    runtime.check_string_bytes(out.size());
  }
  return out;
}

TaggedText repeated(Runtime& runtime, const TaggedText& text, Integer times) {
  const std::size_t bytes = runtime.check_product(text.size(), times, runtime.limits().string_bytes);
  if (bytes == 0) return {};
  TaggedText out = text;
  while (out.size() < bytes) {
    const TaggedText half = out;  // doubling: a short text repeated often is one long copy in the end
    out.append(half, 0, std::min(half.size(), bytes - half.size()));
  }
  return out;
}

TaggedText html_escaped(const TaggedText& text) {
  TaggedText out;
  text.for_each_character([&](std::string_view bytes, char32_t c, bool trusted) {
    switch (c) {
      case '&':
        out.append("&amp;", trusted);
        break;
      case '<':
        out.append("&lt;", trusted);
        break;
      case '>':
        out.append("&gt;", trusted);
        break;
      case '\'':
        out.append("&#39;", trusted);
        break;
      case '"':
        out.append("&#34;", trusted);
        break;
      default:
        out.append(bytes, trusted);
    }
  });
  return out;
}

ByteRange character_range(const TaggedText& text, std::optional<Integer> start, std::optional<Integer> stop) {
  const auto length = static_cast<Integer>(text.length());
  const auto clamped = [length](Integer position) {
    if (position < 0) position += length;
    return static_cast<std::size_t>(std::clamp(position, Integer{0}, length));
  };
  // A start past the end stays past every stop, as in Python's find().
  const std::size_t begin = text.byte_of(clamped(start.value_or(0)));
  const std::size_t end = text.byte_of(clamped(stop.value_or(length)));
  return {begin, std::max(begin, end)};
}

std::vector<std::size_t> SliceBounds::indices() const {
  std::vector<std::size_t> all;
  for (Integer i = first; step > 0 ? i < last : i > last; i += step)
    all.push_back(static_cast<std::size_t>(i));
  return all;
}

SliceBounds slice_bounds(Runtime& runtime, std::size_t length, std::optional<Integer> start,
                         std::optional<Integer> stop, std::optional<Integer> step) {
  const auto size = static_cast<Integer>(length);
  // A longer step takes the same elements, and sums with it stay small.
  constexpr Integer kFar = Integer{1} << 62;
  const Integer by = std::clamp(step.value_or(1), -kFar, kFar);
  if (by == 0) runtime.fail("slice step cannot be zero");
  const Integer lowest = by > 0 ? 0 : -1, highest = by > 0 ? size : size - 1;
  const auto clamped = [&](Integer position) {
    if (position < 0) position += size;
    return std::clamp(position, lowest, highest);
  };
  const Integer first = start ? clamped(*start) : (by > 0 ? lowest : highest);
  const Integer last = stop ? clamped(*stop) : (by > 0 ? highest : lowest);
  return {first, last, by};
}

}  // namespace hearth::text::jinja
