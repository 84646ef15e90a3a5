#include "kernels/encoder_attention.h"

#include <algorithm>
#include <cassert>
#include <numbers>

#include "kernels/cpu/kernel_table.h"
#include "kernels/workspace.h"

namespace hearth::kernels {

void encoder_attention(ExecutionContext& context, const EncoderAttentionOptions& options,
                       MatrixView<const float> query, MatrixView<const float> key,
                       MatrixView<const float> value, std::span<const std::size_t> ends,
                       MatrixView<float> out) {
  if (ends.empty()) return;
  assert(options.heads > 0 && query.columns % options.heads == 0 && ends.back() == query.rows);
  assert(key.rows == query.rows && value.rows == query.rows && out.rows == query.rows);
  assert(key.columns == query.columns && value.columns == query.columns && out.columns == query.columns);
  const std::size_t dimension = query.columns / options.heads;
  std::size_t longest = 0;
  for (std::size_t i = 0, first = 0; i < ends.size(); first = ends[i++]) {
    assert(ends[i] >= first);
    longest = std::max(longest, ends[i] - first);
  }
  const std::size_t scratch_floats = encoder_scratch_floats(longest, dimension);
  auto* scratch = context.workspace().get<float>(
      Workspace::kScratch, scratch_floats * static_cast<std::size_t>(context.team().size()));
  const std::size_t units = ends.size() * options.heads;
  context.team().for_each_part(units, 1, [&](int member, std::size_t first_unit, std::size_t last_unit) {
    for (std::size_t unit = first_unit; unit < last_unit; ++unit) {
      const std::size_t text = unit / options.heads, column = unit % options.heads * dimension;
      const std::size_t first = text == 0 ? 0 : ends[text - 1];
      if (first == ends[text]) continue;
      EncoderAttentionTask task{};
      task.query = query.row(first) + column;
      task.key = key.row(first) + column;
      task.value = value.row(first) + column;
      task.out = out.row(first) + column;
      task.query_stride = query.stride;
      task.key_stride = key.stride;
      task.value_stride = value.stride;
      task.out_stride = out.stride;
      task.tokens = ends[text] - first;
      task.head_dimension = dimension;
      task.factor = options.scale * std::numbers::log2e_v<float>;
      task.scratch = scratch + static_cast<std::size_t>(member) * scratch_floats;
      context.kernels().attend_encoder(task);
    }
  });
}

}  // namespace hearth::kernels
