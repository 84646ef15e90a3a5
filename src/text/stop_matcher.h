// Ends a text at stop strings that may lie across several tokens.
//
// The match that is complete first wins; of those complete at the same byte the longest, so that the text
// ends before all of them. Text that may be the beginning of a stop string is held back until that is
// settled. The answer depends on the text alone, not on how it was cut into pieces. Cost: one step per byte
// and stop string. Thread-safety: one thread at a time. Empty stop strings never match.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

class StopMatcher {
 public:
  explicit StopMatcher(const std::vector<std::string>& stop_strings);

  // More text; gives what may be shown now. After a match: what lies before it, and from then on nothing.
  std::string push(std::string_view text);
  // The end of the text: what was held back.
  std::string flush();

  bool stopped() const { return stopped_; }
  const std::string& matched() const { return matched_; }  // the stop string, empty while there is none

 private:
  // One stop string in the manner of Knuth, Morris and Pratt.
  struct Pattern {
    std::string text;
    std::vector<std::size_t> border;  // border[i]: the longest proper border of the first i+1 bytes
    std::size_t matched = 0;          // bytes of it that the text ends with
  };
  std::vector<Pattern> patterns_;
  std::string held_;
  std::string matched_;
  bool stopped_ = false;
};

}  // namespace hearth::text
