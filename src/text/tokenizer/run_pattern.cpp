#include "text/tokenizer/run_pattern.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <utility>

#include "base/utf8.h"
#include "text/tokenizer/character_class.h"

namespace hearth::text {
namespace {

bool take_text(std::string_view& from, std::string_view text) {
  if (!from.starts_with(text)) return false;
  from.remove_prefix(text.size());
  return true;
}

std::uint8_t take_class(std::string_view& pattern) {
  static constexpr std::array<std::pair<std::string_view, std::uint8_t>, 6> kClasses = {{
      {R"(\p{L})", kLetter},
      {R"(\p{M})", kMark},
      {R"(\p{N})", kNumber},
      {R"(\p{P})", kPunctuation},
      {R"(\p{S})", kSymbol},
      {R"(\s)", kWhiteSpace},
  }};
  for (const auto& [name, classes] : kClasses)
    if (take_text(pattern, name)) return classes;
  return 0;
}

// A literal character inside brackets, perhaps escaped.
std::optional<char32_t> take_character(std::string_view& pattern) {
  static constexpr std::array<std::pair<char, char32_t>, 3> kControls = {
      {{'r', '\r'}, {'n', '\n'}, {'t', '\t'}}};
  if (pattern.empty() || pattern.front() == ']' || pattern.front() == '[' || pattern.starts_with("&&"))
    return std::nullopt;
  if (take_text(pattern, "\\")) {
    if (pattern.empty()) return std::nullopt;
    const char escaped = pattern.front();
    pattern.remove_prefix(1);
    for (const auto& [letter, control] : kControls)
      if (escaped == letter) return control;
    const bool is_word = (escaped >= '0' && escaped <= '9') || (escaped >= 'a' && escaped <= 'z') ||
                         (escaped >= 'A' && escaped <= 'Z') || escaped < 0;
    return is_word ? std::nullopt : std::optional<char32_t>(escaped);
  }
  const DecodedCodePoint c = decode_utf8(pattern, 0);
  pattern.remove_prefix(c.bytes);
  return c.valid ? std::optional(c.value) : std::nullopt;
}

// {2}, {1,3}, + or nothing.
bool take_quantifier(std::string_view& pattern, std::size_t& least, std::size_t& most) {
  const auto take_number = [&](std::size_t& number) {
    if (pattern.empty() || pattern.front() < '1' || pattern.front() > '9') return false;
    number = static_cast<std::size_t>(pattern.front() - '0');
    pattern.remove_prefix(1);
    return true;
  };
  least = most = 1;
  if (take_text(pattern, "+")) {
    most = std::numeric_limits<std::size_t>::max();
    return true;
  }
  if (!take_text(pattern, "{")) return true;
  if (!take_number(least)) return false;
  most = least;
  if (take_text(pattern, ",") && !take_number(most)) return false;
  return take_text(pattern, "}");
}

enum class Lead { kNone, kSpace, kWhiteSpace };

class RunMatcher final : public Matcher {
 public:
  RunMatcher(Lead lead, CharacterSet set, std::size_t least, std::size_t most)
      : lead_(lead), set_(std::move(set)), least_(least), most_(most) {}

  bool find(std::string_view text, std::size_t from, Match& match) const override {
    while (from < text.size()) {
      const DecodedCodePoint first = decode_utf8(text, from);
      const std::size_t next = from + first.bytes;
      if (is_lead(first.value) && next < text.size() && set_.contains(decode_utf8(text, next).value)) {
        match = {from, run_end(text, next).first};
        return true;
      }
      if (set_.contains(first.value)) {
        const auto [end, count] = run_end(text, from);
        if (count >= least_) {
          match = {from, end};
          return true;
        }
      }
      from = next;
    }
    return false;
  }

 private:
  bool is_lead(char32_t c) const {
    if (lead_ == Lead::kSpace) return c == ' ';
    return lead_ == Lead::kWhiteSpace && has_class(c, kWhiteSpace);
  }
  std::pair<std::size_t, std::size_t> run_end(std::string_view text, std::size_t position) const {
    std::size_t count = 0;
    while (position < text.size() && count < most_) {
      const DecodedCodePoint c = decode_utf8(text, position);
      if (!set_.contains(c.value)) break;
      position += c.bytes;
      ++count;
    }
    return {position, count};
  }

  Lead lead_;  // an optional character before the run; only where least_ is 1
  CharacterSet set_;
  std::size_t least_, most_;
};

}  // namespace

std::optional<CharacterSet> CharacterSet::take(std::string_view& pattern) {
  CharacterSet set;
  if (set.classes_ = take_class(pattern); set.classes_ != 0) return set;
  if (!take_text(pattern, "[")) return std::nullopt;
  set.negated_ = take_text(pattern, "^");
  do {
    if (!set.take_item(pattern)) return std::nullopt;
  } while (!take_text(pattern, "]"));
  std::ranges::sort(set.ranges_, {}, &Range::first);
  std::vector<Range> apart;
  for (const Range& range : set.ranges_) {
    if (apart.empty() || range.first > apart.back().last)
      apart.push_back(range);
    else
      apart.back().last = std::max(apart.back().last, range.last);
  }
  set.ranges_ = std::move(apart);
  return set;
}

bool CharacterSet::take_item(std::string_view& pattern) {
  if (const std::uint8_t classes = take_class(pattern); classes != 0) {
    classes_ |= classes;
    return !pattern.starts_with("-");
  }
  const auto first = take_character(pattern);
  if (!first) return false;
  auto last = first;
  if (pattern.starts_with("-") && !pattern.starts_with("-]")) {
    pattern.remove_prefix(1);
    last = take_character(pattern);
    if (!last || *last < *first) return false;
  }
  ranges_.push_back({*first, *last});
  return true;
}

bool CharacterSet::contains(char32_t c) const {
  bool found = classes_ != 0 && has_class(c, classes_);
  if (!found) {
    const auto after = std::ranges::upper_bound(ranges_, c, {}, &Range::first);
    found = after != ranges_.begin() && std::prev(after)->last >= c;
  }
  return found != negated_;
}

std::unique_ptr<const Matcher> make_run_matcher(std::string_view pattern) {
  Lead lead = Lead::kNone;
  if (take_text(pattern, " ?"))
    lead = Lead::kSpace;
  else if (take_text(pattern, R"(\s?)"))
    lead = Lead::kWhiteSpace;

  const std::string_view atom_begin = pattern;
  std::optional<CharacterSet> set = CharacterSet::take(pattern);
  if (!set) return nullptr;
  const std::string_view atom = atom_begin.substr(0, atom_begin.size() - pattern.size());
  std::size_t least = 1, most = 1;
  if (!take_quantifier(pattern, least, most)) return nullptr;
  while (most == least && take_text(pattern, atom)) most = ++least;  // [0-9][0-9][0-9]
  if (!pattern.empty() || most < least || (lead != Lead::kNone && least != 1)) return nullptr;
  return std::make_unique<RunMatcher>(lead, std::move(*set), least, most);
}

}  // namespace hearth::text
