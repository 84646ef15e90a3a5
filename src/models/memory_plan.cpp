#include "models/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "models/cache_pages.h"
#include "models/decoder_buffers.h"
#include "models/decoder_weights.h"

namespace hearth::models {
namespace {

std::size_t planned_weight_bytes(const DecoderConfiguration& configuration, const formats::ModelFiles& files,
                                 kernels::Isa isa) {
  std::size_t bytes = 0;
  const DecoderWeights vectors = read_weights(
      configuration, files,
      [&](const MatrixSource& source) {
        bytes += kernels::PackedMatrix::planned_bytes(isa, source.entry->type, source.rows, source.columns);
        return kernels::PackedMatrix();
      },
      [](const TensorEntry&) {});
  return bytes + weight_bytes(vectors);  // no matrix among them
}

std::size_t planned_cache_bytes(const DecoderConfiguration& configuration, kernels::CacheType type,
                                const CacheSize& size) {
  std::size_t bytes = 0;
  for (std::int32_t group = 0; group < configuration.layer_group_count(); ++group)
    bytes += static_cast<std::size_t>(cache_pages(group_window(configuration, group), size)) *
             configuration.page_bytes(group, type);
  return bytes;
}

// Activations as quantised for the integer products: 8 bits each and a float scale for every 32.
std::size_t quantised_row_bytes(std::size_t columns) { return columns + columns / 32 * sizeof(float) + 64; }

}  // namespace

std::array<std::size_t, kBufferCount> buffer_columns(const DecoderConfiguration& configuration) {
  const auto size = [](std::int32_t count) { return static_cast<std::size_t>(count); };
  const std::size_t width = size(configuration.width);
  const bool any_experts = std::any_of(configuration.layers.begin(), configuration.layers.end(),
                                       [](const LayerConfiguration& l) { return l.has_experts; });
  const bool any_local = std::any_of(configuration.layers.begin(), configuration.layers.end(),
                                     [](const LayerConfiguration& l) { return l.uses_local_rope; });
  std::size_t hidden = size(configuration.hidden_width);
  if (any_experts)
    hidden = std::max(
        {hidden, size(configuration.experts.hidden_width), size(configuration.experts.shared_hidden_width)});

  std::array<std::size_t, kBufferCount> columns{};
  const auto set = [&](Buffer buffer, std::size_t count) {
    columns[static_cast<std::size_t>(buffer)] = count;
  };
  for (const Buffer buffer :
       {Buffer::kResidual, Buffer::kKeptResidual, Buffer::kNormed, Buffer::kProjected, Buffer::kDown})
    set(buffer, width);
  if (configuration.parallel_residual) set(Buffer::kFeedForwardIn, width);
  for (const Buffer buffer : {Buffer::kQuery, Buffer::kKeptQuery, Buffer::kAttended})
    set(buffer, size(configuration.query_width()));
  set(Buffer::kKey, size(configuration.key_value_width()));
  set(Buffer::kValue, size(configuration.key_value_width()));
  set(Buffer::kAngles, size(configuration.rope.dimensions));
  if (any_local) set(Buffer::kLocalAngles, size(configuration.local_rope.dimensions));
  if (configuration.gated) set(Buffer::kGate, hidden);
  set(Buffer::kUp, hidden);
  if (any_experts) {
    const std::size_t slots =
        size(configuration.experts.used) + (configuration.experts.shared_hidden_width > 0 ? 1 : 0);
    set(Buffer::kRouter, size(configuration.experts.count));
    set(Buffer::kSwitch, 1);
    set(Buffer::kExpertIn, width);
    set(Buffer::kExpertOut, slots * width);
  }
  return columns;
}

MemoryPlan plan_memory(const formats::ModelFiles& files, const MemoryRequest& request) {
  const DecoderConfiguration configuration = read_decoder_configuration(files);
  const CacheSize size{
      .sequences = std::max(request.sequences, 1),
      .context_tokens = request.context_tokens > 0 ? request.context_tokens : configuration.trained_context,
      .batch_rows = std::max(request.batch_rows, 1),
      .tokens = request.cache_tokens};
  const auto rows = static_cast<std::size_t>(size.batch_rows);
  const auto logit_rows = request.logit_rows > 0 ? static_cast<std::size_t>(request.logit_rows)
                                                 : static_cast<std::size_t>(size.sequences);

  const auto columns = buffer_columns(configuration);
  const std::size_t all_columns = std::accumulate(columns.begin(), columns.end(), std::size_t{0});
  const std::size_t widest = std::max(*std::max_element(columns.begin(), columns.end()),
                                      static_cast<std::size_t>(configuration.width));

  MemoryPlan plan;
  plan.weights = planned_weight_bytes(configuration, files, request.isa);
  plan.key_value_cache = planned_cache_bytes(configuration, request.numerics.key_value_cache, size);
  plan.activations = rows * (all_columns * sizeof(float) + quantised_row_bytes(widest));
  plan.logits = logit_rows * static_cast<std::size_t>(configuration.vocabulary) * sizeof(float);
  return plan;
}

}  // namespace hearth::models
