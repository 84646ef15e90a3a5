// The kernels of one instruction set. Compiled with that set's flags (../CMakeLists.txt), the only file that
// is.
#define HEARTH_ISA_NAMESPACE isa_baseline
#define HEARTH_ISA_TABLE kBaselineKernels
#include "kernels/cpu/vector_baseline.h"
//
#include "kernels/cpu/kernels_template.h"
