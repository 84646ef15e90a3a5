// The middle of what repetitions of a measurement gave.
#pragma once

#include <algorithm>
#include <cassert>
#include <vector>

namespace hearth::cli {

inline double median(std::vector<double> values) {
  assert(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace hearth::cli
