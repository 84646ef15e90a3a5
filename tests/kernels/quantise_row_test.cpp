#include "kernels/quantise_row.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <vector>

#include "kernels/packed_matrix.h"

namespace hearth::kernels {
namespace {

// Of a file that tests/reference/make_quantised_rows.py made: a JSON header, then the tensors in order of
// their names, "blocks" and "floats".
struct Reference {
  static constexpr std::size_t kRows = 6, kColumns = 64, kRowBytes = 68;
  std::vector<std::byte> blocks;
  std::vector<float> floats;

  Reference() : blocks(kRows * kRowBytes), floats(kRows * kColumns) {
    const auto path = std::filesystem::path(HEARTH_TEST_DATA) / "kernels" / "quantised_rows.safetensors";
    std::FILE* file = std::fopen(path.c_str(), "rb");
    if (file == nullptr) throw std::runtime_error("no " + path.string());
    const auto bytes = static_cast<long>(blocks.size() + floats.size() * sizeof(float));
    std::fseek(file, -bytes, SEEK_END);
    std::vector<std::byte> all(static_cast<std::size_t>(bytes));
    if (std::fread(all.data(), 1, all.size(), file) != all.size()) throw std::runtime_error("short file");
    std::fclose(file);
    // Larger elements come first in the file.
    std::memcpy(floats.data(), all.data(), floats.size() * sizeof(float));
    std::memcpy(blocks.data(), all.data() + floats.size() * sizeof(float), blocks.size());
  }
};

TEST(QuantiseRow, GivesTheBytesOfTheReference) {
  const Reference reference;
  std::vector<std::byte> out(Reference::kRowBytes);
  for (std::size_t row = 0; row < Reference::kRows; ++row) {
    quantise_row_q8_0(std::span(reference.floats).subspan(row * Reference::kColumns, Reference::kColumns),
                      out);
    EXPECT_EQ(std::memcmp(out.data(), reference.blocks.data() + row * out.size(), out.size()), 0)
        << "row " << row;
  }
}

TEST(QuantiseRow, WhatIsNotFiniteMakesItsBlockNanAndNoOther) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<float> x(64, 0.5f), back(64);
    x[7] = bad;
    std::vector<std::byte> out(68);
    quantise_row_q8_0(x, out);
    dequantize_row(ElementType::kQ8_0, out, back);
    EXPECT_TRUE(std::isnan(back[0]));
    EXPECT_NEAR(back[63], 0.5f, 1e-3f);
  }
}

// The inverse of so small a scale is infinite.
TEST(QuantiseRow, TheSmallestNumbersBecomeZero) {
  std::vector<float> x(32, 1e-40f), back(32, 1.0f);
  std::vector<std::byte> out(34);
  quantise_row_q8_0(x, out);
  dequantize_row(ElementType::kQ8_0, out, back);
  for (const float value : back) EXPECT_EQ(value, 0.0f);
}

}  // namespace
}  // namespace hearth::kernels
