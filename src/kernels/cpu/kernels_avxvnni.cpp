// The kernels of one instruction set. Compiled with that set's flags (../CMakeLists.txt), the only file that
// is.
#define HEARTH_ISA_NAMESPACE isa_avxvnni
#define HEARTH_ISA_TABLE kAvxVnniKernels
#include "kernels/cpu/vector_avxvnni.h"
//
#include "kernels/cpu/kernels_template.h"
