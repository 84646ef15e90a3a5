// Choosing and combining experts in a mixture-of-experts layer (Shazeer et al. 2017; Mixtral, Qwen-MoE).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/execution_context.h"
#include "tensor/matrix_view.h"

namespace hearth::kernels {

struct ExpertChoice {
  std::int32_t expert;
  float weight;
};

// Softmax over the experts' logits [tokens, experts], then the `count` greatest per token (ties: the lower
// expert), in falling order of weight; with `normalise` their weights are divided by their sum. out holds
// tokens * count.
void choose_experts(ExecutionContext& context, MatrixView<const float> router_logits, std::size_t count,
                    bool normalise, std::span<ExpertChoice> out);

// out.row(i) = x.row(rows[i])
void gather_rows(ExecutionContext& context, MatrixView<const float> x, std::span<const std::int32_t> rows,
                 MatrixView<float> out);

// out.row(t) = sum over j < count, in the order of j, of choices[t * count + j].weight *
// expert_out.row(slots[t * count
// + j]). `slots` says in which row of expert_out the result for that choice lies.
void combine_experts(ExecutionContext& context, MatrixView<const float> expert_out,
                     std::span<const ExpertChoice> choices, std::span<const std::int32_t> slots,
                     std::size_t count, MatrixView<float> out);

}  // namespace hearth::kernels
