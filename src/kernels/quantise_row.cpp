#include "kernels/quantise_row.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/half.h"
#include "tensor/block_layout.h"

namespace hearth::kernels {

void quantise_row_q8_0(std::span<const float> x, std::span<std::byte> out) {
  constexpr std::size_t kElements = 32;
  assert(x.size() % kElements == 0 && out.size() == x.size() / kElements * sizeof(BlockQ8_0));
  for (std::size_t first = 0; first < x.size(); first += kElements) {
    const std::span<const float> values = x.subspan(first, kElements);
    float greatest = 0;
    bool finite = true;
    for (const float value : values) {
      finite &= std::isfinite(value);
      greatest = std::max(greatest, std::abs(value));
    }
    const float scale = finite ? greatest / 127.0f : std::numeric_limits<float>::quiet_NaN();
    const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
    BlockQ8_0 block{float_to_half(scale), {}};
    if (std::isfinite(inverse))
      for (std::size_t i = 0; i < kElements && finite; ++i)
        block.quants[i] =
            static_cast<std::int8_t>(std::clamp(std::round(values[i] * inverse), -127.0f, 127.0f));
    std::memcpy(out.data() + first / kElements * sizeof block, &block, sizeof block);
  }
}

}  // namespace hearth::kernels
