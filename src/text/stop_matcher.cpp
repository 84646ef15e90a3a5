#include "text/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace hearth::text {

StopMatcher::StopMatcher(const std::vector<std::string>& stop_strings) {
  for (const std::string& stop : stop_strings) {
    if (stop.empty()) continue;
    Pattern pattern{stop, std::vector<std::size_t>(stop.size(), 0), 0};
    std::size_t border = 0;
    for (std::size_t i = 1; i < stop.size(); ++i) {
      while (border > 0 && stop[i] != stop[border]) border = pattern.border[border - 1];
      if (stop[i] == stop[border]) ++border;
      pattern.border[i] = border;
    }
    patterns_.push_back(std::move(pattern));
  }
}

std::string StopMatcher::push(std::string_view text) {
  if (stopped_) return {};
  for (const char byte : text) {
    held_.push_back(byte);
    const Pattern* longest = nullptr;
    for (Pattern& pattern : patterns_) {
      std::size_t& matched = pattern.matched;
      while (matched > 0 && pattern.text[matched] != byte) matched = pattern.border[matched - 1];
      if (pattern.text[matched] == byte) ++matched;
      if (matched < pattern.text.size()) continue;
      if (longest == nullptr || pattern.text.size() > longest->text.size()) longest = &pattern;
    }
    if (longest == nullptr) continue;
    stopped_ = true;
    matched_ = longest->text;
    held_.resize(held_.size() - matched_.size());
    return std::exchange(held_, {});
  }
  std::size_t keep = 0;
  for (const Pattern& pattern : patterns_) keep = std::max(keep, pattern.matched);
  std::string ready = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return ready;
}

std::string StopMatcher::flush() {
  for (Pattern& pattern : patterns_) pattern.matched = 0;
  return std::exchange(held_, {});
}

}  // namespace hearth::text
