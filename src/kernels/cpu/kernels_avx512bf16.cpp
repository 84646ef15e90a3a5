// The kernels of one instruction set. Compiled with that set's flags (../CMakeLists.txt), the only file that
// is.
#define HEARTH_ISA_NAMESPACE isa_avx512bf16
#define HEARTH_ISA_TABLE kAvx512Bf16Kernels
#include "kernels/cpu/vector_avx512.h"
//
#include "kernels/cpu/kernels_template.h"
