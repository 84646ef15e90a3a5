// Floats to the bytes of a file's quantised type, the way back from dequantize_row() of packed_matrix.h. So a
// model whose file is in floats can run on 8-bit integers. Q8_0 alone, rounded as ggml's reference rounds it:
// scale = max|x| / 127 of 32 values, codes to the nearest, halves away from zero. Non-goals: other types,
// search for better scales. Thread-safety: a free function.
#pragma once

#include <cstddef>
#include <span>

namespace hearth::kernels {

// x.size() is a multiple of 32; out has row_bytes(kQ8_0, x.size()) bytes. Infinity or NaN makes the values of
// its block NaN.
void quantise_row_q8_0(std::span<const float> x, std::span<std::byte> out);

}  // namespace hearth::kernels
