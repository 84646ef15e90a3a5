// The functions of one instruction set, and the plain structs that they work on.
//
// Private to src/kernels. The operators (../*.cpp) divide the work and own all memory; a kernel does a part
// of it on one thread. Only plain data crosses this border: a file compiled for an instruction set must not
// instantiate templates or inline functions that the linker could merge with another file's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cache_type.h"
#include "kernels/cpu/encoder_attention_task.h"

namespace hearth::kernels {

// Columns that are decoded and multiplied at a time: one block of the K types, eight of the others.
inline constexpr int kChunkColumns = 256;
inline constexpr int kBlockColumns = 32;
inline constexpr int kChunkBlocks = kChunkColumns / kBlockColumns;
// Sanitizers make the unrolled tiles take minutes to compile; the result does not depend on the tiles'
// height, so their builds use low ones.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

// Most rows of activations that one decoded panel serves before the next is decoded: their sums stay in the
// second-level cache.
inline constexpr std::size_t kTokenBlock = 512;
// Rows of activations up to which reading the weights takes longer than multiplying them.
inline constexpr std::size_t kFewRows = 3;
// Bytes of ProductTask::scratch: the sums of a token block, for 2 panels of 16 floats or one of 16 doubles;
// twice that for gate and up.
inline constexpr std::size_t kProductScratchBytes = 2 * kTokenBlock * 128;

// How the part of a weight that is not scale * code enters a dot product: through sums of the activations'
// codes. One 32-bit value per block of 32 columns, or per 16 where `halves`.
struct OffsetRecipe {
  // Float: scale * sum, or the sum alone where `by_chunk`; else int: -(sum << zero_shift), what the integer
  // sum starts from.
  bool minimum;
  bool halves;     // per 16 columns
  int zero_shift;  // w = scale * (code - 2^zero_shift); -1: nothing to correct
  bool by_chunk;   // the activations have one scale for a whole chunk
};
inline constexpr int kMaximumRecipes = 4;

// Activations in 8 bits. A unit is the part of one row inside one chunk; unit (chunk, row) has index
// chunk * rows + row.
struct QuantisedActivations {
  std::int8_t* codes;  // [unit][256], in [-127, 127] where the scale is a number; zero past the row
  float* scales;  // [unit][8], all the same where the recipes are by_chunk; NaN where NaN or infinity was
  void* offsets[kMaximumRecipes];  // [unit][16] of 32 bits each, by recipe; the first 8 where not `halves`
  OffsetRecipe recipes[kMaximumRecipes];  // all by_chunk or none
  int recipe_count;
};

// Of the codes of a chunk, by 16 columns and by 32; what lies behind the first 8 of these is not used.
struct CodeSums {
  alignas(64) std::int32_t of_16[2 * kChunkBlocks];
  alignas(64) std::int32_t of_32[2 * kChunkBlocks];
};

struct QuantiseTask {
  const float* x;
  std::size_t stride, columns, rows;
  QuantisedActivations out;
};

// A packed matrix times all rows of activations.
struct ProductTask {
  const std::uint8_t* packed;  // panels of `interleave` rows
  std::size_t panel_bytes, chunk_bytes;
  std::size_t columns, rows;  // of the matrix
  const float* bias;          // [rows] or null
  float* out;
  std::size_t out_stride, tokens;
  std::size_t first_token, last_token;  // [first, last): the rows to multiply, at most kTokenBlock
  // For multiply_int8:
  const std::int8_t* codes;
  const float* scales;
  const void* offsets;
  // For multiply_float:
  const float* x;
  std::size_t x_stride;
  void* scratch;  // kProductScratchBytes, 64-byte aligned
  // The thread goes through the panels up to read_end, and then reads on at read_next (null: nobody knows).
  const std::uint8_t *read_end, *read_next;
};

struct ProductKernels {
  OffsetRecipe recipe;
  // Panels [first, last). multiply_int8 is null for F32, F16 and BF16.
  void (*multiply_int8)(const ProductTask& task, std::size_t first, std::size_t last);
  void (*multiply_float)(const ProductTask& task, std::size_t first, std::size_t last);
  // up.out = activation(gate) * up, for two matrices of this type and the same shape; `activation` is one of
  // elementwise.h. Null where multiply_int8 is.
  void (*multiply_gated_int8)(const ProductTask& gate, const ProductTask& up, int activation,
                              std::size_t first, std::size_t last);
};

// Pages of a segment: the softmax starts anew at every multiple of this many pages, and the segments' states
// are merged in rising order. So a long context can be divided among threads without changing the result, and
// what is done once for a query and segment costs little.
inline constexpr int kSegmentPages = 8;

// Keys of one head in pages [first_page, last_page) of a segment.
struct SegmentKeys {
  const void* keys = nullptr;  // in page 0; null: none
  const std::int32_t* page_table = nullptr;
  std::int32_t first_page = 0, last_page = 0;
};

// One key/value head of rows of one sequence, over pages of one segment.
struct AttentionTask {
  const void* queries;      // by pack_query: query row * group + head of the group
  std::size_t rows, group;  // group: query heads that share the key/value head
  const std::int32_t* positions;
  std::size_t head_dimension;
  float soft_cap;
  std::int32_t window;
  const void* keys;  // of this head in page 0
  const void* values;
  CacheType type;
  std::size_t page_bytes;  // from one page to the next
  const std::int32_t* page_table;
  std::int32_t first_page, last_page;  // [first, last), in positions / kPageTokens
  SegmentKeys next;                    // what is read after this segment, asked for meanwhile
  // Out, for each query: attention_state_floats(head_dimension) floats: the weighted sum of the values, then
  // the greatest score and the sum of the weights.
  float* states;
  float* scratch;  // attention_scratch_floats(...)
};

// Head dimensions are padded to whole groups of 16 in states and scratch.
inline constexpr std::size_t padded_head(std::size_t head_dimension) {
  return (head_dimension + 15) / 16 * 16;
}
inline constexpr std::size_t attention_state_floats(std::size_t head_dimension) {
  return padded_head(head_dimension) + 16;
}
inline constexpr std::size_t attention_scratch_floats(std::size_t head_dimension, std::size_t queries) {
  return (padded_head(head_dimension) + queries) * kSegmentPages * 32;
}

// The keys and queries of an 8-bit cache are turned by a Hadamard matrix, as in QuaRot (Ashkboos et al.
// 2024): their products stay what they were, times rotation_size(), but a key's few great values, as Qwen's
// biases make them, are spread over all dimensions, and the steps of its codes become fine. The matrix acts
// on groups of this many dimensions: the greatest power of two that divides the head; below 16 nothing is
// turned.
inline constexpr std::size_t rotation_size(std::size_t head_dimension) {
  return head_dimension % 16 == 0 ? (head_dimension & (~head_dimension + 1)) : 1;
}

struct KernelTable {
  const char* compiled_for;     // said by the compiler's own macros, not by the file's name
  int interleave;               // rows of a panel
  ProductKernels products[15];  // by ElementType, F32 to IQ4_XS

  void (*quantise)(const QuantiseTask& task, std::size_t first_unit, std::size_t last_unit);

  // On one row of n floats; out may be x.
  void (*rms_norm)(const float* x, const float* weight, float epsilon, std::size_t n, float* out);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float epsilon, std::size_t n,
                     float* out);
  void (*silu)(const float* x, std::size_t n, float* out);
  void (*gelu_tanh)(const float* x, std::size_t n, float* out);
  void (*gelu_erf)(const float* x, std::size_t n, float* out);
  // activation(gate) * up
  void (*gated_silu)(const float* gate, const float* up, std::size_t n, float* out);
  void (*gated_gelu_tanh)(const float* gate, const float* up, std::size_t n, float* out);
  void (*gated_gelu_erf)(const float* gate, const float* up, std::size_t n, float* out);
  void (*add)(const float* x, const float* y, std::size_t n, float* out);
  void (*scale)(const float* x, float factor, std::size_t n, float* out);
  void (*scale_add)(const float* x, float factor, std::size_t n, float* out);  // out += x * factor
  void (*soft_cap)(const float* x, float cap, std::size_t n, float* out);
  void (*exponential)(const float* x, std::size_t n, float* out);
  void (*to_half)(const float* x, std::size_t n, std::uint16_t* out);
  void (*to_bfloat)(const float* x, std::size_t n, std::uint16_t* out);
  // Codes in [-127, 127], nearest to x / scale, ties to even; gives the scale, max|x| / 127. With NaN or
  // infinity in x the scale is NaN and the codes are 0.
  float (*to_codes)(const float* x, std::size_t n, std::int8_t* out);
  // One head: out, which is not x, becomes the Hadamard transform of each group of rotation_size(n), not
  // normalised.
  void (*rotate)(const float* x, std::size_t n, float* out);
  // One head: turns elements i and i + half by cosines[i], sines[i], for i < half.
  void (*rope)(float* x, const float* cosines, const float* sines, std::size_t half);

  // Puts one query times `factor` to its place among the `queries` of a task. Scores are to come out as
  // logarithms to the base 2; with a soft cap as natural ones. `packed` has padded_head(dimension)
  // floats for each query.
  void (*pack_query)(CacheType type, const float* query, std::size_t dimension, float factor,
                     std::size_t index, std::size_t queries, void* packed);
  void (*attend)(const AttentionTask& task);
  // merge folds `count` states of a later segment into `states`; finish writes one head: sum / weights.
  void (*merge_attention)(float* states, const float* later, std::size_t count, std::size_t head_dimension);
  void (*finish_attention)(const float* state, std::size_t head_dimension, float* out);
  void (*attend_encoder)(const EncoderAttentionTask& task);
};

// Defined one each in kernels_baseline.cpp, kernels_avx2.cpp, kernels_avxvnni.cpp,
// kernels_avx512.cpp, kernels_avx512bf16.cpp, kernels_amx.cpp.
extern const KernelTable kBaselineKernels, kAvx2Kernels, kAvxVnniKernels, kAvx512Kernels, kAvx512Bf16Kernels,
    kAmxKernels;

}  // namespace hearth::kernels
