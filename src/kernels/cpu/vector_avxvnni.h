// The small vector layer over AVX2 with AVX-VNNI (processors since 2021 that have no AVX-512). Included only
// by kernels_avxvnni.cpp.
#pragma once

#include "kernels/cpu/vector_avx2_common.h"

namespace hearth::kernels::HEARTH_ISA_NAMESPACE {
namespace {

inline Ints dot_product(Ints sums, Ints codes, Ints x) { return _mm256_dpbusd_avx_epi32(sums, codes, x); }

}  // namespace
}  // namespace hearth::kernels::HEARTH_ISA_NAMESPACE

#include "kernels/cpu/vector_vnni.h"
