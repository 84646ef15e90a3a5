#include "tensor/tensor_entry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace hearth {

std::string to_string(const Shape& shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace hearth
