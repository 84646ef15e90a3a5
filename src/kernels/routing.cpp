#include "kernels/routing.h"

#include <algorithm>
#include <cassert>

#include "kernels/cpu/kernel_table.h"
#include "kernels/row_work.h"

namespace hearth::kernels {
namespace {

// The `chosen.size()` greatest weights in falling order; they are set to -1 in `weights`. A NaN is never
// greater, so it is chosen last and makes the token's result NaN.
void take_greatest(std::span<float> weights, std::span<ExpertChoice> chosen) {
  for (ExpertChoice& choice : chosen) {
    std::size_t best = weights.size();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == -1.0f) continue;
      if (best == weights.size() || weights[i] > weights[best]) best = i;
    }
    choice = {static_cast<std::int32_t>(best), weights[best]};
    weights[best] = -1.0f;
  }
}

}  // namespace

void choose_experts(ExecutionContext& context, MatrixView<const float> router_logits, std::size_t count,
                    bool normalise, std::span<ExpertChoice> out) {
  assert(count > 0 && count <= router_logits.columns && out.size() == router_logits.rows * count);
  std::vector<float> weights(router_logits.columns);
  for (std::size_t row = 0; row < router_logits.rows; ++row) {
    const std::span<const float> logits = router_logits.row_span(row);
    const float greatest = *std::max_element(logits.begin(), logits.end());
    for (std::size_t i = 0; i < logits.size(); ++i) weights[i] = logits[i] - greatest;
    context.kernels().exponential(weights.data(), weights.size(), weights.data());
    float sum = 0;
    for (const float weight : weights) sum += weight;
    for (float& weight : weights) weight /= sum;
    const std::span<ExpertChoice> chosen = out.subspan(row * count, count);
    take_greatest(weights, chosen);
    if (!normalise) continue;
    float chosen_sum = 0;
    for (const ExpertChoice& choice : chosen) chosen_sum += choice.weight;
    for (ExpertChoice& choice : chosen) choice.weight /= chosen_sum;
  }
}

void gather_rows(ExecutionContext& context, MatrixView<const float> x, std::span<const std::int32_t> rows,
                 MatrixView<float> out) {
  assert(out.rows == rows.size() && out.columns == x.columns);
  for_each_row(context, rows.size(), x.columns, [&](std::size_t row) {
    assert(static_cast<std::size_t>(rows[row]) < x.rows);
    std::copy_n(x.row(static_cast<std::size_t>(rows[row])), x.columns, out.row(row));
  });
}

void combine_experts(ExecutionContext& context, MatrixView<const float> expert_out,
                     std::span<const ExpertChoice> choices, std::span<const std::int32_t> slots,
                     std::size_t count, MatrixView<float> out) {
  assert(choices.size() == out.rows * count && slots.size() == choices.size());
  assert(expert_out.columns == out.columns && count > 0);
  const KernelTable& kernels = context.kernels();
  for_each_row(context, out.rows, count * out.columns, [&](std::size_t row) {
    for (std::size_t j = row * count; j < (row + 1) * count; ++j) {
      assert(static_cast<std::size_t>(slots[j]) < expert_out.rows);
      const float* x = expert_out.row(static_cast<std::size_t>(slots[j]));
      const auto add_scaled = j == row * count ? kernels.scale : kernels.scale_add;
      add_scaled(x, choices[j].weight, out.columns, out.row(row));
    }
  });
}

}  // namespace hearth::kernels
