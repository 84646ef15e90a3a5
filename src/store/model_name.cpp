#include "store/model_name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "base/error.h"
#include "base/printable.h"

namespace hearth::store {
namespace {

constexpr std::size_t kMaximumPartLength = 80;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

std::string valid_part(std::string_view part, std::string_view whole) {
  std::string folded(part);
  std::transform(folded.begin(), folded.end(), folded.begin(), lower);
  const bool valid = !folded.empty() && folded.size() <= kMaximumPartLength &&
                     is_letter_or_digit(folded[0]) && std::all_of(folded.begin(), folded.end(), [](char c) {
                       return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
                     });
  if (!valid)
    throw Error(
        ErrorKind::kInvalidArgument, fmt::format("'{}' is not a model name", printable(whole)),
        "a name looks like smollm2:135m: letters, digits, '.', '_' and '-'; a path to a file contains a "
        "'/' or ends in .gguf")
        .with_field("name");
  return folded;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

ModelName parse_model_name(std::string_view text) {
  const std::size_t colon = text.find(':');
  ModelName result;
  result.name = valid_part(text.substr(0, colon), text);
  if (colon != std::string_view::npos) result.tag = valid_part(text.substr(colon + 1), text);
  return result;
}

std::string name_part_from(std::string_view text) {
  std::string result;
  for (char c : text) {
    c = lower(c);
    if (!is_letter_or_digit(c) && c != '.' && c != '_') c = '-';
    if (result.empty() && !is_letter_or_digit(c)) continue;
    result += c;
    if (result.size() == kMaximumPartLength) break;
  }
  return result.empty() ? "model" : result;
}

std::vector<std::string> closest_names(std::string_view wanted, const std::vector<std::string>& known,
                                       std::size_t maximum) {
  const std::string_view bounded = wanted.substr(0, 2 * kMaximumPartLength);
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const std::string& name : known) {
    // A name typed without its tag, or with another tag, is near whatever the tag's length.
    const std::string_view stem = std::string_view(name).substr(0, name.find(':'));
    const std::string_view wanted_stem = bounded.substr(0, bounded.find(':'));
    const std::size_t distance = std::min(edit_distance(bounded, name), edit_distance(wanted_stem, stem));
    const bool contains = wanted_stem.size() >= 3 && stem.find(wanted_stem) != std::string_view::npos;
    if (contains || distance <= std::max<std::size_t>(2, bounded.size() / 3))
      ranked.emplace_back(distance, name);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> result;
  for (std::size_t i = 0; i < std::min(maximum, ranked.size()); ++i) result.push_back(ranked[i].second);
  return result;
}

std::string suggestion_text(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  std::string text = "did you mean ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text + "?";
}

}  // namespace hearth::store
