#include "kernels/rope.h"

#include "kernels/kernel_test.h"

namespace hearth::kernels::test {
namespace {

class RopeTest : public PerIsa {
 protected:
  ThreadTeam team_{2};
  ExecutionContext context_{team_, {}, GetParam()};
};
HEARTH_FOR_EVERY_ISA(RopeTest);

RopeTable table_of(std::size_t dimensions, double base) {
  RopeTable table;
  for (std::size_t i = 0; i < dimensions / 2; ++i)
    table.inverse_frequencies.push_back(static_cast<float>(
        1.0 / std::pow(base, 2.0 * static_cast<double>(i) / static_cast<double>(dimensions))));
  return table;
}

TEST_P(RopeTest, AnglesAreExactToFloatAMillionPositionsOn) {
  RopeTable table = table_of(64, 10000);
  table.magnitude = 1.25f;
  std::vector<std::int32_t> positions{0, 1, 2, 511, 8191, 65537, 999999, 1000000};
  for (int i = 0; i < 100; ++i) positions.push_back(i * 9973);
  std::vector<float> angles(positions.size() * 64);
  rope_angles(context_, table, positions, {angles.data(), positions.size(), 64});
  for (std::size_t r = 0; r < positions.size(); ++r) {
    for (std::size_t i = 0; i < 32; ++i) {
      const double angle = static_cast<float>(positions[r]) * table.inverse_frequencies[i];
      EXPECT_NEAR(angles[r * 64 + i], 1.25 * std::cos(angle), 2e-7);
      EXPECT_NEAR(angles[r * 64 + 32 + i], 1.25 * std::sin(angle), 2e-7);
    }
  }
}

TEST_P(RopeTest, TurnsTheFirstDimensionsOfEveryHead) {
  Random random(13);
  for (const std::size_t dimensions : {2, 8, 20, 32, 64, 96}) {
    const std::size_t rows = 9, heads = 3, head_dimension = dimensions + 4;
    std::vector<std::int32_t> positions;
    for (std::size_t r = 0; r < rows; ++r) positions.push_back(static_cast<std::int32_t>(r * 37));
    std::vector<float> angles(rows * dimensions);
    rope_angles(context_, table_of(dimensions, 500), positions, {angles.data(), rows, dimensions});
    const std::vector<float> before = random_floats(random, rows * heads * head_dimension);
    std::vector<float> x = before;
    apply_rope(context_, {x.data(), rows, heads * head_dimension}, head_dimension,
               {angles.data(), rows, dimensions});
    const std::size_t half = dimensions / 2;
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t h = 0; h < heads; ++h) {
        const std::size_t start = (r * heads + h) * head_dimension;
        for (std::size_t i = 0; i < half; ++i) {
          const double a = before[start + i], b = before[start + half + i];
          const double c = angles[r * dimensions + i], s = angles[r * dimensions + half + i];
          EXPECT_NEAR(x[start + i], a * c - b * s, 1e-6);
          EXPECT_NEAR(x[start + half + i], b * c + a * s, 1e-6);
        }
        for (std::size_t i = dimensions; i < head_dimension; ++i)
          EXPECT_EQ(x[start + i], before[start + i]) << "past the rotary dimensions";
      }
    }
  }
}

}  // namespace
}  // namespace hearth::kernels::test
