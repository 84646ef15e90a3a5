#include "models/decoder.h"

#include <fmt/format.h>

#include <array>
#include <cassert>

#include "kernels/elementwise.h"
#include "kernels/linear.h"
#include "kernels/rope.h"
#include "kernels/routing.h"
#include "models/configuration_readers.h"
#include "models/decoder_buffers.h"
#include "models/decoder_weights.h"
#include "models/feed_forward.h"
#include "models/rope_table.h"

namespace hearth::models {

using kernels::ExecutionContext;
using Rows = MatrixView<float>;

struct Decoder::Implementation {
  Implementation(ExecutionContext& context, const formats::ModelFiles& files, DecoderConfiguration given,
                 const LoadOptions& options)
      : configuration(std::move(given)),
        weights(load_weights(context, configuration, files, options.progress)),
        buffers(configuration),
        feed_forward(configuration, buffers) {
    const std::int32_t tokens =
        options.context_tokens > 0 ? options.context_tokens : configuration.trained_context;
    rope = make_rope_table(configuration.rope, tokens);
    for (const LayerConfiguration& layer : configuration.layers) uses_local_rope |= layer.uses_local_rope;
    if (uses_local_rope) local_rope = make_rope_table(configuration.local_rope, tokens);
  }

  void forward(ExecutionContext& context, std::span<const BatchRow> rows,
               std::span<const kernels::PagedCacheView> caches, Rows logits);
  std::string find_not_finite(ExecutionContext& context, const BatchRow& row,
                              std::span<const kernels::PagedCacheView> caches);
  void begin(ExecutionContext& context, std::span<const BatchRow> rows);
  Rows embed(ExecutionContext& context, std::size_t rows);
  // Runs one layer on `residual`; after the last of `caches` only the rows whose logits are wanted are left
  // in it.
  void run_layer(ExecutionContext& context, std::size_t index, std::span<const BatchRow> rows,
                 std::span<const kernels::PagedCacheView> caches, Rows& residual);
  void keep_wanted_rows(ExecutionContext& context, Rows& residual, Rows& normed, Rows& query);
  void normalise(ExecutionContext& context, const NormWeights& norm, Rows x, Rows out) const;

  DecoderConfiguration configuration;
  DecoderWeights weights;
  DecoderBuffers buffers;
  FeedForward feed_forward;
  kernels::RopeTable rope, local_rope;
  bool uses_local_rope = false;

  // Of the batch in work.
  std::vector<std::int32_t> tokens, positions, wanted;
  std::vector<kernels::CacheRow> cache_rows;
  Rows angles, local_angles;
};

std::unique_ptr<Decoder> Decoder::load(ExecutionContext& context, const formats::ModelFiles& files,
                                       const LoadOptions& options) {
  return load(context, files, read_decoder_configuration(files), options);
}

std::unique_ptr<Decoder> Decoder::load(ExecutionContext& context, const formats::ModelFiles& files,
                                       DecoderConfiguration configuration, const LoadOptions& options) {
  validate(configuration);
  return std::unique_ptr<Decoder>(
      new Decoder(std::make_unique<Implementation>(context, files, std::move(configuration), options)));
}

Decoder::Decoder(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
Decoder::~Decoder() = default;

const DecoderConfiguration& Decoder::configuration() const { return implementation_->configuration; }
std::size_t Decoder::weight_bytes() const { return models::weight_bytes(implementation_->weights); }

std::size_t Decoder::bytes_read_for_a_row(std::size_t layers) const {
  return models::bytes_read_for_a_row(implementation_->weights, implementation_->configuration, layers);
}

void Decoder::forward(ExecutionContext& context, std::span<const BatchRow> rows,
                      std::span<const kernels::PagedCacheView> layers, MatrixView<float> logits) {
  implementation_->forward(context, rows, layers, logits);
}

std::string Decoder::find_not_finite(ExecutionContext& context, const BatchRow& row,
                                     std::span<const kernels::PagedCacheView> layers) {
  return implementation_->find_not_finite(context, row, layers);
}

void Decoder::Implementation::forward(ExecutionContext& context, std::span<const BatchRow> rows,
                                      std::span<const kernels::PagedCacheView> caches, Rows logits) {
  assert(!caches.empty() && caches.size() <= configuration.layers.size());
  if (rows.empty()) return;
  begin(context, rows);
  Rows residual = embed(context, rows.size());
  for (std::size_t i = 0; i < caches.size(); ++i) run_layer(context, i, rows, caches, residual);
  if (wanted.empty()) return;

  const Rows normed = buffers.get(Buffer::kNormed, residual.rows);
  normalise(context, weights.output_norm, residual, normed);
  const Rows out = logits.rows_from(0, normed.rows);
  kernels::linear(context, normed, configuration.tied_embeddings ? weights.token_embedding : weights.output,
                  {}, out);
  if (configuration.final_soft_cap != 0.0f)
    kernels::soft_cap(context, out, configuration.final_soft_cap, out);
}

std::string Decoder::Implementation::find_not_finite(ExecutionContext& context, const BatchRow& row,
                                                     std::span<const kernels::PagedCacheView> caches) {
  BatchRow alone = row;
  alone.wants_logits = true;
  const std::span rows(&alone, 1);
  begin(context, rows);
  Rows residual = embed(context, 1);
  if (!kernels::is_finite(residual)) return "the token embedding";
  for (std::size_t i = 0; i < caches.size(); ++i) {
    run_layer(context, i, rows, caches, residual);
    if (!kernels::is_finite(residual)) return fmt::format("layer {} of {}", i, caches.size());
  }
  return "the output layer";
}

Rows Decoder::Implementation::embed(ExecutionContext& context, std::size_t rows) {
  Rows residual = buffers.get(Buffer::kResidual, rows);
  kernels::unpack_rows(context, weights.token_embedding, tokens, residual);
  if (configuration.embedding_scale != 1.0f)
    kernels::scale(context, residual, configuration.embedding_scale, residual);
  return residual;
}

void Decoder::Implementation::begin(ExecutionContext& context, std::span<const BatchRow> rows) {
  tokens.clear();
  positions.clear();
  wanted.clear();
  for (const BatchRow& row : rows) {
    assert(row.token >= 0 && row.token < configuration.vocabulary);
    if (row.wants_logits) wanted.push_back(static_cast<std::int32_t>(tokens.size()));
    tokens.push_back(row.token);
    positions.push_back(row.position);
  }
  angles = buffers.get(Buffer::kAngles, rows.size());
  kernels::rope_angles(context, rope, positions, angles);
  if (!uses_local_rope) return;
  local_angles = buffers.get(Buffer::kLocalAngles, rows.size());
  kernels::rope_angles(context, local_rope, positions, local_angles);
}

void Decoder::Implementation::run_layer(ExecutionContext& context, std::size_t index,
                                        std::span<const BatchRow> rows,
                                        std::span<const kernels::PagedCacheView> caches, Rows& residual) {
  const kernels::PagedCacheView& cache = caches[index];
  const LayerWeights& layer = weights.layers[index];
  const LayerConfiguration& kind = configuration.layers[index];
  const auto head = static_cast<std::size_t>(configuration.head_dimension);
  cache_rows.clear();
  for (const BatchRow& row : rows) cache_rows.push_back({row.position, row.page_tables[kind.group]});

  Rows normed = buffers.get(Buffer::kNormed, residual.rows);
  normalise(context, layer.attention_norm, residual, normed);
  Rows query = buffers.get(Buffer::kQuery, residual.rows);
  const Rows key = buffers.get(Buffer::kKey, residual.rows);
  const Rows value = buffers.get(Buffer::kValue, residual.rows);
  const std::array<kernels::LinearOutput, 3> outputs{{{layer.query.weight, layer.query.bias, query},
                                                      {layer.key.weight, layer.key.bias, key},
                                                      {layer.value.weight, layer.value.bias, value}}};
  kernels::linear(context, normed, outputs);
  if (configuration.query_key_norm) {
    kernels::rms_norm(context, query, layer.query_norm, configuration.norm_epsilon, query);
    kernels::rms_norm(context, key, layer.key_norm, configuration.norm_epsilon, key);
  }
  const Rows turn = kind.uses_local_rope ? local_angles : angles;
  kernels::apply_rope(context, query, head, turn);
  kernels::apply_rope(context, key, head, turn);
  kernels::store_keys_values(context, key, value, cache_rows, cache);

  const bool last = index + 1 == caches.size();
  if (last && wanted.empty()) return;
  if (last && wanted.size() < residual.rows) keep_wanted_rows(context, residual, normed, query);

  const Rows attended = buffers.get(Buffer::kAttended, residual.rows);
  const kernels::AttentionOptions options{static_cast<std::size_t>(configuration.heads),
                                          configuration.attention_scale, configuration.attention_soft_cap,
                                          kind.window};
  kernels::attention(context, options, query, cache_rows, cache, attended);
  const Rows projected = buffers.get(Buffer::kProjected, residual.rows);
  kernels::linear(context, attended, layer.attention_output.weight, layer.attention_output.bias, projected);
  if (configuration.post_norms) normalise(context, layer.post_attention_norm, projected, projected);

  if (configuration.separate_parallel_norm) {
    normed = buffers.get(Buffer::kFeedForwardIn, residual.rows);
    normalise(context, layer.feed_forward_norm, residual, normed);
  } else if (!configuration.parallel_residual) {
    kernels::add(context, residual, projected, residual);
    normalise(context, layer.feed_forward_norm, residual, normed);
  }
  const Rows down = buffers.get(Buffer::kDown, residual.rows);
  if (kind.has_experts)
    feed_forward.mixture(context, layer, normed, down);
  else
    feed_forward.dense(context, layer.feed_forward, normed, down);
  if (configuration.post_norms) normalise(context, layer.post_feed_forward_norm, down, down);
  if (configuration.parallel_residual) kernels::add(context, down, projected, down);
  kernels::add(context, residual, down, residual);
}

void Decoder::Implementation::keep_wanted_rows(ExecutionContext& context, Rows& residual, Rows& normed,
                                               Rows& query) {
  const auto keep = [&](Rows& all, Buffer buffer) {
    const Rows kept = buffers.get(buffer, wanted.size());
    kernels::gather_rows(context, all, wanted, kept);
    all = kept;
  };
  keep(residual, Buffer::kKeptResidual);
  keep(query, Buffer::kKeptQuery);
  if (configuration.parallel_residual && !configuration.separate_parallel_norm)
    keep(normed, Buffer::kFeedForwardIn);
  else
    normed = normed.rows_from(0, wanted.size());  // written anew before it is read
  std::size_t kept = 0;
  for (const std::int32_t row : wanted) cache_rows[kept++] = cache_rows[static_cast<std::size_t>(row)];
  cache_rows.resize(kept);
}

void Decoder::Implementation::normalise(ExecutionContext& context, const NormWeights& norm, Rows x,
                                        Rows out) const {
  if (configuration.norm == NormKind::kRms)
    kernels::rms_norm(context, x, norm.weight, configuration.norm_epsilon, out);
  else
    kernels::layer_norm(context, x, norm.weight, norm.bias, configuration.norm_epsilon, out);
}

}  // namespace hearth::models
