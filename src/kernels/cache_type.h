// How the key/value cache holds its numbers, and the bytes that they take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hearth::kernels {

enum class CacheType : std::uint8_t {
  kF32,   // as computed: the checking mode
  kBf16,  // as attention multiplies them: the default
  kF16,   // finer steps than bf16 and slower, in as much memory
  kQ8,    // 8 bits: each token's row of a head in steps of its greatest magnitude / 127
};

std::string_view name_of(CacheType type);  // "f32", "bf16", "f16", "q8"
std::optional<CacheType> cache_type_named(std::string_view name);

// Keys, or values, of one head in one page.
std::size_t cache_head_bytes(CacheType type, std::size_t head_dimension);

}  // namespace hearth::kernels
