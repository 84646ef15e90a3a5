#include "text/template/tagged_text.h"

#include <algorithm>

namespace hearth::text::jinja {

void TaggedText::append(std::string_view bytes, bool trusted) {
  if (bytes.empty()) return;
  bytes_ += bytes;
  if (!runs_.empty() && runs_.back().trusted == trusted) {
    runs_.back().end = bytes_.size();
  } else {
    runs_.push_back({bytes_.size(), trusted});
  }
}

void TaggedText::append(const TaggedText& other, std::size_t begin, std::size_t end) {
  auto run = std::upper_bound(other.runs_.begin(), other.runs_.end(), begin,
                              [](std::size_t at, const Run& candidate) { return at < candidate.end; });
  const std::string_view all = other.bytes_;
  while (begin < end) {
    const std::size_t stop = std::min(end, run->end);
    append(all.substr(begin, stop - begin), run->trusted);
    begin = stop;
    ++run;
  }
}

TaggedText TaggedText::substring(std::size_t begin_byte, std::size_t end_byte) const {
  TaggedText part;
  part.append(*this, begin_byte, end_byte);
  return part;
}

bool TaggedText::trusted_at(std::size_t byte) const {
  const auto run = std::upper_bound(runs_.begin(), runs_.end(), byte,
                                    [](std::size_t at, const Run& candidate) { return at < candidate.end; });
  return run != runs_.end() && run->trusted;
}

std::size_t TaggedText::length() const {
  // Every byte but a continuation byte (10xxxxxx) begins a character.
  return static_cast<std::size_t>(
      std::count_if(bytes_.begin(), bytes_.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
}

std::size_t TaggedText::byte_of(std::size_t character) const {
  std::size_t at = 0;
  for (; at < bytes_.size(); ++at) {
    if ((bytes_[at] & 0xC0) == 0x80) continue;
    if (character == 0) return at;
    --character;
  }
  return at;
}

std::vector<TextSpan> TaggedText::spans() const {
  std::vector<TextSpan> spans;
  spans.reserve(runs_.size());
  std::size_t begin = 0;
  for (const Run& run : runs_) {
    spans.push_back({bytes_.substr(begin, run.end - begin), run.trusted});
    begin = run.end;
  }
  return spans;
}

bool is_python_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

}  // namespace hearth::text::jinja
