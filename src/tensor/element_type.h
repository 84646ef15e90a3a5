// The element types that model files hold, and their sizes. No arithmetic here.
//
// A quantised type stores a row as blocks of `block_elements` values in `block_bytes` bytes; the struct of
// each block is in block_layout.h. Numbers and layouts follow the GGUF specification and ggml's block
// formats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hearth {

enum class ElementType : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kI8,
  kI16,
  kI32,
  kI64,
  kF64,  // only as plain data, never as weights
};

struct ElementTypeInfo {
  std::string_view name;  // "Q4_K"
  std::uint32_t gguf_id;  // the number that stands for it in a GGUF file
  std::uint32_t block_elements;
  std::uint32_t block_bytes;
  bool is_weight;  // may be the weight of a matrix multiplication
  bool is_quantised;
};

const ElementTypeInfo& element_type_info(ElementType type);
inline std::string_view name_of(ElementType type) { return element_type_info(type).name; }

// Throws kUnsupported, naming the type ("IQ2_XXS", or its number where it has no known name), when it is not
// one of ours. `tensor` is for the message.
ElementType element_type_from_gguf(std::uint32_t gguf_id, std::string_view tensor);

// The bytes of one row. Throws kCorruptData when `elements` is not a multiple of the type's block or
// overflows.
std::size_t row_bytes(ElementType type, std::size_t elements);

}  // namespace hearth
