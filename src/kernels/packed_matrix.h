// A weight matrix in the layout that the chosen instruction set wants.
//
// Repacked once, at load; it stores no more bits per weight than the file's type does, and there is no second
// copy. Shape: `rows` output features x `columns` input features, as in a file. Ownership: holds its part of
// a WeightMemory, first touched by the computing threads. Thread-safety: immutable after packing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "kernels/execution_context.h"
#include "kernels/weight_memory.h"
#include "tensor/element_type.h"
#include "tensor/matrix_view.h"

namespace hearth::kernels {

class PackedMatrix {
 public:
  // Where row `r` of the result comes from: the bytes of one row of the file's type (row_bytes(type, columns)
  // of them). This is how fused Q/K/V tensors are divided and rotary rows are reordered without a second
  // copy.
  using RowSource = std::function<std::span<const std::byte>(std::size_t row)>;

  PackedMatrix();
  PackedMatrix(PackedMatrix&&) noexcept;
  PackedMatrix& operator=(PackedMatrix&&) noexcept;
  ~PackedMatrix();

  // Any weight type of element_type.h. Throws kUnsupported for others, kOutOfMemory when memory is short.
  static PackedMatrix pack(ExecutionContext& context, WeightMemory& memory, ElementType type,
                           std::size_t rows, std::size_t columns, const RowSource& source);

  bool empty() const { return rows_ == 0; }
  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  ElementType type() const { return type_; }
  std::size_t bytes() const;  // memory held
  // Bytes that pack() will hold for such a matrix, for the memory plan.
  static std::size_t planned_bytes(Isa isa, ElementType type, std::size_t rows, std::size_t columns);

  struct Storage;
  const Storage& storage() const { return *storage_; }  // for src/kernels only

 private:
  ElementType type_ = ElementType::kF32;
  std::size_t rows_ = 0, columns_ = 0;
  std::unique_ptr<Storage> storage_;
};

// out.row(i) = row rows[i] of the matrix in float: embedding look-up, tests, training. rows[i] must be <
// w.rows(). Exactly the values that the file's type stands for.
void unpack_rows(ExecutionContext& context, const PackedMatrix& matrix, std::span<const std::int32_t> rows,
                 MatrixView<float> out);

// Plain conversion of one row of a file's type to float, the reference for everything above. Also I8..F64.
void dequantize_row(ElementType type, std::span<const std::byte> row, std::span<float> out);

}  // namespace hearth::kernels
