#include "kernels/rope.h"

#include <cassert>
#include <cmath>

#include "kernels/cpu/kernel_table.h"
#include "kernels/row_work.h"

namespace hearth::kernels {

void rope_angles(ExecutionContext& context, const RopeTable& table, std::span<const std::int32_t> positions,
                 MatrixView<float> out) {
  assert(out.rows == positions.size() && out.columns == table.dimensions());
  const std::size_t half = table.inverse_frequencies.size();
  // The product is rounded to float as in the models' training code; its cosine and sine are then exact to
  // float, also a million positions on.
  constexpr std::size_t kCostOfAngle = 32;  // in elements of a plain loop
  for_each_row(context, positions.size(), half * kCostOfAngle, [&](std::size_t row) {
    float* cosines = out.row(row);
    float* sines = cosines + half;
    for (std::size_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(positions[row]) * table.inverse_frequencies[i];
      cosines[i] = static_cast<float>(std::cos(static_cast<double>(angle))) * table.magnitude;
      sines[i] = static_cast<float>(std::sin(static_cast<double>(angle))) * table.magnitude;
    }
  });
}

void apply_rope(ExecutionContext& context, MatrixView<float> x, std::size_t head_dimension,
                MatrixView<const float> angles) {
  assert(x.rows == angles.rows && head_dimension > 0 && x.columns % head_dimension == 0);
  assert(angles.columns <= head_dimension && angles.columns % 2 == 0);
  const std::size_t half = angles.columns / 2;
  for_each_row(context, x.rows, x.columns, [&](std::size_t row) {
    for (std::size_t first = 0; first < x.columns; first += head_dimension)
      context.kernels().rope(x.row(row) + first, angles.row(row), angles.row(row) + half, half);
  });
}

}  // namespace hearth::kernels
