// Rows divided among the team, or done at once where that is not worth waking it. Private to src/kernels.
#pragma once

#include <cstddef>

#include "kernels/execution_context.h"

namespace hearth::kernels {

// About the work, in elements, that takes as long as a call of the team.
inline constexpr std::size_t kSmallWork = 8192;

template <typename Function>
void for_each_row(ExecutionContext& context, std::size_t rows, std::size_t elements_per_row, Function f) {
  if (rows < 2 || rows * elements_per_row <= kSmallWork) {
    for (std::size_t row = 0; row < rows; ++row) f(row);
    return;
  }
  context.team().for_each_part(rows, 1, [&](int /*member*/, std::size_t first, std::size_t last) {
    for (std::size_t row = first; row < last; ++row) f(row);
  });
}

}  // namespace hearth::kernels
