// What the fuzzers share: touching what a parser gave, so that a sanitizer sees a span that points elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tensor/tensor_entry.h"

namespace hearth::fuzz {

inline std::span<const std::byte> input(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

// Refusing is right; every other exception reaches the fuzzing engine as a crash.
template <typename Work>
void ignore_errors(Work&& work) {
  try {
    work();
  } catch (const Error&) {
  }
}

inline void use_bytes(std::span<const std::byte> bytes) {
  volatile unsigned sum = 0;
  for (const std::byte byte : bytes) sum = sum + std::to_integer<unsigned>(byte);
}

inline void use_text(std::string_view text) { use_bytes(std::as_bytes(std::span(text))); }

// A tensor's bytes must be as many as its shape and type ask for.
inline void use_tensors(std::span<const TensorEntry> tensors) {
  for (const TensorEntry& tensor : tensors) {
    use_text(tensor.name);
    use_bytes(tensor.bytes);
    std::size_t size =
        tensor.shape.empty() ? row_bytes(tensor.type, 1) : row_bytes(tensor.type, tensor.shape.back());
    for (std::size_t i = 0; i + 1 < tensor.shape.size(); ++i) size *= tensor.shape[i];
    if (size != tensor.bytes.size()) __builtin_trap();
  }
}

}  // namespace hearth::fuzz
