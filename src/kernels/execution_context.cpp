#include "kernels/execution_context.h"

#include "kernels/cpu/kernel_table.h"
#include "kernels/read_ahead.h"
#include "kernels/workspace.h"

namespace hearth::kernels {

const KernelTable& kernel_table(Isa isa) {
  switch (isa) {
    case Isa::kAmx:
      return kAmxKernels;
    case Isa::kAvx512:
      return kAvx512Kernels;
    case Isa::kAvx512Bf16:
      return kAvx512Bf16Kernels;
    case Isa::kAvxVnni:
      return kAvxVnniKernels;
    case Isa::kAvx2:
      return kAvx2Kernels;
    case Isa::kBaseline:
      break;
  }
  return kBaselineKernels;
}

ExecutionContext::ExecutionContext(ThreadTeam& team, Numerics numerics, Isa isa)
    : team_(team),
      numerics_(numerics),
      isa_(isa),
      kernels_(kernel_table(isa)),
      workspace_(std::make_unique<Workspace>()),
      read_ahead_(std::make_unique<ReadAhead>()) {}

ExecutionContext::~ExecutionContext() = default;

}  // namespace hearth::kernels
