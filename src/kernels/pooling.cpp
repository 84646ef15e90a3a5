#include "kernels/pooling.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "kernels/cpu/kernel_table.h"
#include "kernels/elementwise.h"
#include "kernels/row_work.h"

namespace hearth::kernels {

void pool(ExecutionContext& context, Pooling pooling, MatrixView<const float> x,
          std::span<const std::size_t> ends, MatrixView<float> out) {
  assert(out.rows == ends.size() && out.columns == x.columns && (ends.empty() || ends.back() == x.rows));
  if (ends.empty()) return;
  const KernelTable& kernels = context.kernels();
  for_each_row(context, ends.size(), x.rows / ends.size() * x.columns, [&](std::size_t text) {
    const std::size_t first = text == 0 ? 0 : ends[text - 1];
    assert(ends[text] > first);
    std::copy_n(x.row(first), x.columns, out.row(text));
    if (pooling == Pooling::kFirst) return;
    for (std::size_t row = first + 1; row < ends[text]; ++row)
      kernels.add(out.row(text), x.row(row), x.columns, out.row(text));
    kernels.scale(out.row(text), 1.0f / static_cast<float>(ends[text] - first), x.columns, out.row(text));
  });
}

// The root of the mean square is the length over the root of the width.
void normalise_length(ExecutionContext& context, MatrixView<const float> x, MatrixView<float> out) {
  const auto width = static_cast<float>(x.columns);
  const std::vector<float> weight(x.columns, 1.0f / std::sqrt(width));
  constexpr float kLeastLength = 1e-12f;
  rms_norm(context, x, weight, kLeastLength * kLeastLength / width, out);
}

}  // namespace hearth::kernels
