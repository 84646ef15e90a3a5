// "Did you mean ...?"
// Thread-safety: a free function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hearth {

// The one of `names` that takes the fewest changed, missing, additional or swapped letters to become
// `written`; empty where none takes less than half of its letters.
std::string nearest_name(std::string_view written, const std::vector<std::string>& names);

}  // namespace hearth
