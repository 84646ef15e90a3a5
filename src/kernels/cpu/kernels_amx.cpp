// The kernels of one instruction set. Compiled with that set's flags (../CMakeLists.txt), the only file that
// is.
#define HEARTH_ISA_NAMESPACE isa_amx
#define HEARTH_ISA_TABLE kAmxKernels
#define HEARTH_TILES
#include "kernels/cpu/vector_avx512.h"
//
#include "kernels/cpu/matrix_tiles_amx.h"
//
#include "kernels/cpu/kernels_template.h"
