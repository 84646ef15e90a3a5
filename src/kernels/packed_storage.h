// What a PackedMatrix holds. Private to src/kernels.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/cpu/kernel_table.h"
#include "kernels/packed_matrix.h"

namespace hearth::kernels {

struct PackedMatrix::Storage {
  std::shared_ptr<std::byte> memory;
  std::size_t bytes = 0;
  std::size_t interleave = 0;   // rows of a panel
  std::size_t panel_bytes = 0;  // interleave * bytes of a row
  std::size_t chunk_bytes = 0;  // a panel's bytes of a whole chunk of columns
  std::size_t panels = 0;       // the last one filled up with rows of zeros
  const KernelTable* kernels = nullptr;
};

}  // namespace hearth::kernels
