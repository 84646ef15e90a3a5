// A named tensor inside a file: where its bytes lie and how to read them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tensor/element_type.h"

namespace hearth {

// Slowest dimension first, as numpy prints it: a matrix is {rows, columns}. GGUF's reversed order is turned
// by the reader.
using Shape = std::vector<std::uint64_t>;

struct TensorEntry {
  std::string name;
  ElementType type = ElementType::kF32;
  Shape shape;
  std::span<const std::byte> bytes;  // exactly the tensor's data, inside the file's map

  std::uint64_t element_count() const {
    std::uint64_t count = 1;
    for (const std::uint64_t extent : shape) count *= extent;
    return count;
  }
};

std::string to_string(const Shape& shape);  // "[576, 1536]"

}  // namespace hearth
