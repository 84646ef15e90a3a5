// Causal attention over a paged key/value cache, grouped queries (Ainslie et al. 2023), online softmax
// (Milakov & Gimelshein 2018).
//
// Keys and values are read only after rounding to the cache type, in blocks at absolute positions merged in
// rising order: the result for a row is the same alone, in a batch, or behind a cached prefix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/cache_type.h"
#include "kernels/execution_context.h"
#include "tensor/matrix_view.h"

namespace hearth::kernels {

// Tokens per page of the cache: a whole number of attention blocks, small enough that a short chat wastes
// little.
inline constexpr std::size_t kPageTokens = 32;

// One layer's keys and values for all pages, in `type`; the engine owns the memory. Page p and head h start
// at byte p * page_stride + h * head_bytes() of both. From there, values lie [slot][d], keys [d][slot]: so
// the scores of a page come out side by side, without a sum across a vector. In bfloat16 they lie in pairs,
// as the processor multiplies them: values [slot / 2][d, padded to a multiple of 16][slot % 2], keys [d /
// 2][slot][d % 2]; attention then rounds queries and weights to bfloat16 too. In 8 bits these are codes in
// [-127, 127] of the rotated keys (kernels/cpu/kernel_table.h) and of the values, and the slots' scales,
// floats, lie behind them: one for each token's row, which so is rounded alike whatever its neighbours are
// and whenever it is written.
struct PagedCacheView {
  std::byte* keys = nullptr;
  std::byte* values = nullptr;
  CacheType type = CacheType::kF16;
  std::size_t heads = 0;  // key/value heads
  std::size_t head_dimension = 0;
  std::size_t page_stride = 0;  // bytes from a page to the next, at least page_bytes()

  std::size_t head_bytes() const { return cache_head_bytes(type, head_dimension); }
  std::size_t page_bytes() const { return heads * head_bytes(); }
};

// Where one row of the batch lives: page_table[p / kPageTokens] is the page of position p, valid for every
// position that the row's window can see.
struct CacheRow {
  std::int32_t position;
  const std::int32_t* page_table;
};

// Writes keys and values [tokens, heads * head_dimension] of each row to its position. In 8 bits a row of a
// head that holds NaN or infinity becomes NaN throughout.
void store_keys_values(ExecutionContext& context, MatrixView<const float> keys,
                       MatrixView<const float> values, std::span<const CacheRow> rows,
                       const PagedCacheView& cache);

struct AttentionOptions {
  std::size_t query_heads = 0;  // a multiple of the cache's heads
  float scale = 1.0f;           // multiplies query . key
  float soft_cap = 0.0f;        // scores become cap * tanh(score / cap) before the mask; 0 means none
  std::int32_t window = 0;      // a row sees its own and the window - 1 positions before; 0 means all
};

// out.row(i) = attention of queries.row(i) over positions [.., rows[i].position]; both [tokens, query_heads *
// head_dimension]. The rows' own keys and values must be stored already.
void attention(ExecutionContext& context, const AttentionOptions& options, MatrixView<const float> queries,
               std::span<const CacheRow> rows, const PagedCacheView& cache, MatrixView<float> out);

}  // namespace hearth::kernels
