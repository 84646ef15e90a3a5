// Bytes as lower-case hexadecimal digits, two for each. Thread-safety: a free function.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace hearth {

std::string to_hex(std::span<const std::byte> bytes);

}  // namespace hearth
