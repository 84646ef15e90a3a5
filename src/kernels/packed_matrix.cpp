#include "kernels/packed_matrix.h"

#include <cassert>

#include "base/error.h"
#include "kernels/packed_layout.h"
#include "kernels/packed_storage.h"

namespace hearth::kernels {

PackedMatrix::PackedMatrix() = default;
PackedMatrix::PackedMatrix(PackedMatrix&&) noexcept = default;
PackedMatrix& PackedMatrix::operator=(PackedMatrix&&) noexcept = default;
PackedMatrix::~PackedMatrix() = default;

PackedMatrix PackedMatrix::pack(ExecutionContext& context, WeightMemory& memory, ElementType type,
                                std::size_t rows, std::size_t columns, const RowSource& source) {
  if (!element_type_info(type).is_weight)
    throw Error(ErrorKind::kUnsupported, fmt::format("{} is not a type of weights", hearth::name_of(type)));
  const std::size_t bytes_per_row = row_bytes(type, columns);

  PackedMatrix matrix;
  matrix.type_ = type;
  matrix.rows_ = rows;
  matrix.columns_ = columns;
  matrix.storage_ = std::make_unique<Storage>();
  Storage& storage = *matrix.storage_;
  storage.kernels = &context.kernels();
  storage.interleave = static_cast<std::size_t>(context.kernels().interleave);
  storage.panels = (rows + storage.interleave - 1) / storage.interleave;
  storage.panel_bytes = storage.interleave * bytes_per_row;
  storage.chunk_bytes = storage.interleave * row_bytes(type, kLayoutChunkColumns);
  storage.bytes = storage.panels * storage.panel_bytes;
  storage.memory = memory.take(storage.bytes);

  std::vector<const std::byte*> sources(storage.panels * storage.interleave, nullptr);
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<const std::byte> bytes = source(row);
    if (bytes.size() != bytes_per_row)
      throw Error(ErrorKind::kCorruptData,
                  fmt::format("row {} of a {} matrix has {} bytes instead of {}", row, hearth::name_of(type),
                              bytes.size(), bytes_per_row));
    sources[row] = bytes.data();
  }
  context.team().for_each_part(storage.panels, 1, [&](int /*member*/, std::size_t first, std::size_t last) {
    for (std::size_t panel = first; panel < last; ++panel)
      pack_panel(type, columns, std::span(sources).subspan(panel * storage.interleave, storage.interleave),
                 storage.memory.get() + panel * storage.panel_bytes);
  });
  return matrix;
}

std::size_t PackedMatrix::bytes() const { return storage_ == nullptr ? 0 : storage_->bytes; }

std::size_t PackedMatrix::planned_bytes(Isa isa, ElementType type, std::size_t rows, std::size_t columns) {
  const auto interleave = static_cast<std::size_t>(kernel_table(isa).interleave);
  return (rows + interleave - 1) / interleave * interleave * row_bytes(type, columns);
}

void unpack_rows(ExecutionContext& context, const PackedMatrix& matrix, std::span<const std::int32_t> rows,
                 MatrixView<float> out) {
  assert(out.rows == rows.size() && out.columns == matrix.columns());
  const PackedMatrix::Storage& storage = matrix.storage();
  const std::size_t bytes = storage.panel_bytes / storage.interleave;
  const auto members = static_cast<std::size_t>(context.team().size());
  std::vector<std::byte> file_rows(members * bytes);
  context.team().for_each_part(rows.size(), 1, [&](int member, std::size_t first, std::size_t last) {
    const std::span<std::byte> file_row(file_rows.data() + static_cast<std::size_t>(member) * bytes, bytes);
    for (std::size_t i = first; i < last; ++i) {
      const auto row = static_cast<std::size_t>(rows[i]);
      assert(row < matrix.rows());
      unpack_row(matrix.type(), matrix.columns(), storage.interleave, row % storage.interleave,
                 storage.memory.get() + row / storage.interleave * storage.panel_bytes, file_row.data());
      dequantize_row(matrix.type(), file_row, out.row_span(i));
    }
  });
}

}  // namespace hearth::kernels
