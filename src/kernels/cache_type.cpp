#include "kernels/cache_type.h"

#include "kernels/attention.h"
#include "kernels/cpu/kernel_table.h"

namespace hearth::kernels {
namespace {

constexpr CacheType kTypes[] = {CacheType::kF32, CacheType::kBf16, CacheType::kF16, CacheType::kQ8};

}  // namespace

std::string_view name_of(CacheType type) {
  switch (type) {
    case CacheType::kF32:
      return "f32";
    case CacheType::kBf16:
      return "bf16";
    case CacheType::kF16:
      return "f16";
    case CacheType::kQ8:
      return "q8";
  }
  return "f32";
}

std::optional<CacheType> cache_type_named(std::string_view name) {
  for (const CacheType type : kTypes)
    if (name_of(type) == name) return type;
  return std::nullopt;
}

std::size_t cache_head_bytes(CacheType type, std::size_t head_dimension) {
  switch (type) {
    case CacheType::kF32:
      return kPageTokens * head_dimension * sizeof(float);
    case CacheType::kBf16:
      return kPageTokens * padded_head(head_dimension) * sizeof(std::uint16_t);
    case CacheType::kF16:
      return kPageTokens * head_dimension * sizeof(std::uint16_t);
    case CacheType::kQ8:
      return kPageTokens * (head_dimension + sizeof(float));
  }
  return 0;
}

}  // namespace hearth::kernels
