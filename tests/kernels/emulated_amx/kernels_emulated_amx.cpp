// The kernels of AMX with tiles in plain loops; see CMakeLists.txt.
#define HEARTH_ISA_NAMESPACE isa_amx
#define HEARTH_ISA_TABLE kAmxKernels
#define HEARTH_TILES
#include "kernels/cpu/vector_avx512.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

// As in matrix_tiles_amx.h, from what Intel's manual says of TDPBSUD.
struct MatrixTiles {
  static void begin(int /*columns*/) {}
  static void end() {}

  template <int kColumns, int kPanels>
  static void multiply(const std::int8_t* codes, const std::uint8_t* const (&weights)[kPanels],
                       std::int32_t* out) {
    for (int panel = 0; panel < kPanels; ++panel)
      for (int row = 0; row < 16; ++row)
        for (int lane = 0; lane < 16; ++lane) {
          std::int32_t sum = 0;
          for (int k = 0; k < kColumns; ++k)
            sum += codes[row * kChunkColumns + k] * weights[panel][k / 4 * 64 + lane * 4 + k % 4];
          out[(panel * 16 + row) * 16 + lane] = sum;
        }
  }
};

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE

#include "kernels/cpu/kernels_template.h"
