// The small vector layer over AVX2 with AVX-VNNI (processors since 2021 that have no AVX-512). Included only
// by kernels_avxvnni.cpp.
#pragma once

#include "kernels/cpu/vector_avx2_common.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

// vpdpbusd adds four unsigned x signed products into 32 bits exactly, whatever the codes.
constexpr bool kSignedWideCodes = false;
constexpr int partial_steps(int /*maximum_code*/) { return 8; }
using Partial = Ints;
inline Partial partial_start(Ints sum) { return sum; }
template <int kMaximumCode>
inline Partial partial_add(Partial p, Ints codes, Ints x) {
  return _mm256_dpbusd_avx_epi32(p, codes, x);
}
inline Ints partial_finish(Ints /*sum*/, Partial p) { return p; }

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE
