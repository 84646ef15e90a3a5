#include "tensor/matrix_view.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "tensor/tensor_entry.h"

namespace hearth {
namespace {

class MatrixViewTest : public testing::Test {
 protected:
  MatrixViewTest() : values_(12) { std::iota(values_.begin(), values_.end(), 0); }
  std::vector<int> values_;
};

TEST_F(MatrixViewTest, RowsAreOneAfterTheOther) {
  const MatrixView<int> view(values_.data(), 3, 4);
  EXPECT_EQ(view.stride, 4u);
  EXPECT_EQ(view.row(2)[3], 11);
  EXPECT_EQ(view.row_span(1).front(), 4);
  EXPECT_EQ(view.row_span(1).size(), 4u);
}

TEST_F(MatrixViewTest, PartsShareTheMemory) {
  const MatrixView<int> view(values_.data(), 3, 4);
  const MatrixView<int> part = view.rows_from(1, 2).columns_from(1, 2);
  EXPECT_EQ(part.rows, 2u);
  EXPECT_EQ(part.columns, 2u);
  EXPECT_EQ(part.row(0)[0], 5);
  EXPECT_EQ(part.row(1)[1], 10);
  part.row(1)[1] = 99;
  EXPECT_EQ(values_[10], 99);
  const MatrixView<const int> constant = part;
  EXPECT_EQ(constant.row(1)[1], 99);
}

TEST(MatrixBuffer, KeepsItsMemoryWhenItShrinks) {
  MatrixBuffer buffer;
  const MatrixView<float> large = buffer.resize(10, 20);
  const MatrixView<float> small = buffer.resize(2, 3);
  EXPECT_EQ(small.data, large.data);
  EXPECT_EQ(small.rows, 2u);
  EXPECT_EQ(small.stride, 3u);
}

TEST(TensorEntry, ShapesAreCountedAndShown) {
  TensorEntry entry;
  entry.shape = {576, 1536};
  EXPECT_EQ(entry.element_count(), 576u * 1536u);
  EXPECT_EQ(to_string(entry.shape), "[576, 1536]");
  EXPECT_EQ(TensorEntry{}.element_count(), 1u);
  EXPECT_EQ(to_string({}), "[]");
}

}  // namespace
}  // namespace hearth
