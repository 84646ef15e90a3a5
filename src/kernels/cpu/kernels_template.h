// The table of the instruction set whose file includes this, after its vector header.
#pragma once

#include "kernels/cpu/attention_template.h"
#include "kernels/cpu/encoder_attention_template.h"
#include "kernels/cpu/product_float_template.h"
#include "kernels/cpu/product_int8_template.h"
#include "kernels/cpu/quantise_template.h"

namespace hearth::kernels {
namespace HEARTH_ISA_NAMESPACE {
namespace {

template <typename Source>
constexpr ProductKernels dense() {
  return {{false, false, -1, false}, nullptr, multiply_float<Source>, nullptr};
}
template <typename F>
constexpr ProductKernels quantised() {
  return {F::recipe(), multiply_int8<F>, multiply_float<Quantised<F>>, multiply_gated_int8<F>};
}

}  // namespace

constexpr KernelTable kTable = {
#if defined(__AMX_INT8__) && defined(__AVX512VNNI__)
    .compiled_for = "amx",
#elif defined(__AVX512VNNI__) && defined(__AVX512F__) && defined(__AVX512BF16__)
    .compiled_for = "avx512bf16",
#elif defined(__AVX512VNNI__) && defined(__AVX512F__)
    .compiled_for = "avx512",
#elif defined(__AVXVNNI__) && defined(__AVX2__) && defined(__FMA__)
    .compiled_for = "avxvnni",
#elif defined(__AVX2__) && defined(__FMA__)
    .compiled_for = "avx2",
#else
    .compiled_for = "baseline",
#endif
    .interleave = kLanes,
    .products = {dense<DenseF32>(), dense<DenseF16>(), dense<DenseBF16>(), quantised<FormatQ4_0>(),
                 quantised<FormatQ4_1>(), quantised<FormatQ5_0>(), quantised<FormatQ5_1>(),
                 quantised<FormatQ8_0>(), quantised<FormatQ2_K>(), quantised<FormatQ3_K>(),
                 quantised<FormatQ4_K>(), quantised<FormatQ5_K>(), quantised<FormatQ6_K>(),
                 quantised<FormatIQ4_NL>(), quantised<FormatIQ4_XS>()},
    .quantise = quantise,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .silu = activate<Silu>,
    .gelu_tanh = activate<GeluTanh>,
    .gelu_erf = activate<GeluErf>,
    .gated_silu = gated<Silu>,
    .gated_gelu_tanh = gated<GeluTanh>,
    .gated_gelu_erf = gated<GeluErf>,
    .add = add_rows,
    .scale = scale_row,
    .scale_add = scale_add_row,
    .soft_cap = soft_cap_row,
    .exponential = exponential_row,
    .to_half = to_16_bits<store_half>,
    .to_bfloat = to_16_bits<store_bfloat>,
    .to_codes = to_codes,
    .rotate = rotate,
    .rope = rope,
    .pack_query = pack_query,
    .attend = attend,
    .merge_attention = merge_attention,
    .finish_attention = finish_attention,
    .attend_encoder = attend_encoder,
};

}  // namespace HEARTH_ISA_NAMESPACE

const KernelTable HEARTH_ISA_TABLE = HEARTH_ISA_NAMESPACE::kTable;

}  // namespace hearth::kernels
