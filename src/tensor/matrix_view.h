// A row-major matrix that somebody else owns. Rows are `stride` elements apart.
#pragma once

#include <cassert>
#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace hearth {

template <typename T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t stride = 0;

  MatrixView() = default;
  MatrixView(T* data_, std::size_t rows_, std::size_t columns_, std::size_t stride_ = 0)
      : data(data_), rows(rows_), columns(columns_), stride(stride_ == 0 ? columns_ : stride_) {}
  // A view of mutable elements serves wherever constant ones are read.
  template <typename U>
  requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>)
      MatrixView(const MatrixView<U>& other)  // NOLINT(google-explicit-constructor)
      : data(other.data), rows(other.rows), columns(other.columns), stride(other.stride) {}

  T* row(std::size_t index) const { return data + index * stride; }
  std::span<T> row_span(std::size_t index) const { return {row(index), columns}; }
  MatrixView rows_from(std::size_t first, std::size_t count) const {
    assert(first + count <= rows);
    return {row(first), count, columns, stride};
  }
  MatrixView columns_from(std::size_t first, std::size_t count) const {
    assert(first + count <= columns);
    return {data + first, rows, count, stride};
  }
};

// An owned float matrix whose memory grows and is then kept: activations between operators.
class MatrixBuffer {
 public:
  // Contents are unspecified after a call.
  MatrixView<float> resize(std::size_t rows, std::size_t columns) {
    if (storage_.size() < rows * columns) storage_.resize(rows * columns);
    return {storage_.data(), rows, columns};
  }

 private:
  std::vector<float> storage_;
};

}  // namespace hearth
