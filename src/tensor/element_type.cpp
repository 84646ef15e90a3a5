#include "tensor/element_type.h"

#include "base/error.h"
#include "tensor/block_layout.h"

namespace hearth {
namespace {

constexpr ElementTypeInfo kTypes[] = {
    {"F32", 0, 1, 4, true, false},
    {"F16", 1, 1, 2, true, false},
    {"BF16", 30, 1, 2, true, false},
    {"Q4_0", 2, 32, sizeof(BlockQ4_0), true, true},
    {"Q4_1", 3, 32, sizeof(BlockQ4_1), true, true},
    {"Q5_0", 6, 32, sizeof(BlockQ5_0), true, true},
    {"Q5_1", 7, 32, sizeof(BlockQ5_1), true, true},
    {"Q8_0", 8, 32, sizeof(BlockQ8_0), true, true},
    {"Q2_K", 10, 256, sizeof(BlockQ2_K), true, true},
    {"Q3_K", 11, 256, sizeof(BlockQ3_K), true, true},
    {"Q4_K", 12, 256, sizeof(BlockQ4_K), true, true},
    {"Q5_K", 13, 256, sizeof(BlockQ5_K), true, true},
    {"Q6_K", 14, 256, sizeof(BlockQ6_K), true, true},
    {"IQ4_NL", 20, 32, sizeof(BlockIQ4_NL), true, true},
    {"IQ4_XS", 23, 256, sizeof(BlockIQ4_XS), true, true},
    {"I8", 24, 1, 1, false, false},
    {"I16", 25, 1, 2, false, false},
    {"I32", 26, 1, 4, false, false},
    {"I64", 27, 1, 8, false, false},
    {"F64", 28, 1, 8, false, false},
};

// Types that exist in the wild and that we do not read yet: named, so that the message helps.
constexpr struct {
  std::uint32_t gguf_id;
  std::string_view name;
} kForeign[] = {
    {9, "Q8_1"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"},
    {19, "IQ1_S"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {29, "IQ1_M"},  {34, "TQ1_0"},
    {35, "TQ2_0"}, {39, "MXFP4"}, {40, "NVFP4"},
};

}  // namespace

const ElementTypeInfo& element_type_info(ElementType type) { return kTypes[static_cast<int>(type)]; }

ElementType element_type_from_gguf(std::uint32_t gguf_id, std::string_view tensor) {
  for (std::size_t i = 0; i < std::size(kTypes); ++i)
    if (kTypes[i].gguf_id == gguf_id) return static_cast<ElementType>(i);
  std::string name = fmt::format("number {}", gguf_id);
  for (const auto& foreign : kForeign)
    if (foreign.gguf_id == gguf_id) name = foreign.name;
  throw Error(ErrorKind::kUnsupported,
              fmt::format("tensor '{}' has element type {}, which is not supported", tensor, name),
              "use a file in F32, F16, BF16, Q4_0 to Q8_0, Q2_K to Q6_K, IQ4_NL or IQ4_XS");
}

std::size_t row_bytes(ElementType type, std::size_t elements) {
  const ElementTypeInfo& info = element_type_info(type);
  if (elements % info.block_elements != 0)
    throw Error(ErrorKind::kCorruptData,
                fmt::format("a row of {} elements is no whole number of {} blocks of {}", elements, info.name,
                            info.block_elements));
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(elements / info.block_elements, std::size_t{info.block_bytes}, &bytes))
    throw Error(ErrorKind::kCorruptData,
                fmt::format("a row of {} {} elements is absurdly long", elements, info.name));
  return bytes;
}

}  // namespace hearth
