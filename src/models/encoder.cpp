#include "models/encoder.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include "kernels/elementwise.h"
#include "kernels/encoder_attention.h"
#include "kernels/linear.h"
#include "kernels/routing.h"

namespace hearth::models {

using kernels::ExecutionContext;
using Rows = MatrixView<float>;

struct Encoder::Implementation {
  Implementation(ExecutionContext& context, const formats::ModelFiles& files, EncoderPrecision precision,
                 const std::function<void(std::size_t, std::size_t)>& progress)
      : configuration(read_encoder_configuration(files)),
        weights(load_encoder_weights(context, configuration, files, precision, progress)) {}

  void run(ExecutionContext& context, std::span<const EncoderText> texts, Rows out);
  Rows embed(ExecutionContext& context, std::span<const EncoderText> texts);
  void run_layer(ExecutionContext& context, const EncoderLayerWeights& layer, Rows x);
  void run_head(ExecutionContext& context, Rows x, std::size_t texts, Rows out);
  Rows table(std::vector<float>& rows) const {
    const auto width = static_cast<std::size_t>(configuration.width);
    return {rows.data(), rows.size() / width, width};
  }
  void add_normalised(ExecutionContext& context, Rows x, Rows change, const NormWeights& norm) const {
    kernels::add(context, x, change, x);
    kernels::layer_norm(context, x, norm.weight, norm.bias, configuration.norm_epsilon, x);
  }

  const EncoderConfiguration configuration;
  EncoderWeights weights;

  // Of the batch in work.
  MatrixBuffer residual, query, key, value, projected, hidden, pooled, dense;
  std::vector<std::int32_t> tokens, positions, types;
  std::vector<std::size_t> ends;
};

std::unique_ptr<Encoder> Encoder::load(ExecutionContext& context, const formats::ModelFiles& files,
                                       EncoderPrecision precision,
                                       const std::function<void(std::size_t, std::size_t)>& progress) {
  return std::unique_ptr<Encoder>(
      new Encoder(std::make_unique<Implementation>(context, files, precision, progress)));
}

Encoder::Encoder(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
Encoder::~Encoder() = default;

const EncoderConfiguration& Encoder::configuration() const { return implementation_->configuration; }

void Encoder::run(ExecutionContext& context, std::span<const EncoderText> texts, MatrixView<float> out) {
  implementation_->run(context, texts, out);
}

void Encoder::Implementation::run(ExecutionContext& context, std::span<const EncoderText> texts, Rows out) {
  assert(out.rows == texts.size() && out.columns == static_cast<std::size_t>(configuration.output_width()));
  if (texts.empty()) return;
  const Rows x = embed(context, texts);
  for (const EncoderLayerWeights& layer : weights.layers) run_layer(context, layer, x);
  if (configuration.classes > 0) return run_head(context, x, texts.size(), out);
  kernels::pool(context, configuration.pooling, x, ends, out);
  if (configuration.normalise) kernels::normalise_length(context, out, out);
}

Rows Encoder::Implementation::embed(ExecutionContext& context, std::span<const EncoderText> texts) {
  tokens.clear();
  positions.clear();
  types.clear();
  ends.clear();
  for (const EncoderText& text : texts) {
    assert(!text.tokens.empty() &&
           text.tokens.size() <= static_cast<std::size_t>(configuration.maximum_tokens));
    for (std::size_t i = 0; i < text.tokens.size(); ++i) {
      tokens.push_back(text.tokens[i]);
      positions.push_back(configuration.first_position + static_cast<std::int32_t>(i));
      types.push_back(i >= text.second && configuration.token_types > 1 ? 1 : 0);
    }
    ends.push_back(tokens.size());
  }
  const auto width = static_cast<std::size_t>(configuration.width);
  const Rows x = residual.resize(tokens.size(), width), more = projected.resize(tokens.size(), width);
  kernels::unpack_rows(context, weights.tokens, tokens, x);
  kernels::gather_rows(context, table(weights.types), types, more);
  kernels::add(context, x, more, x);
  kernels::gather_rows(context, table(weights.positions), positions, more);
  add_normalised(context, x, more, weights.embedding_norm);
  return x;
}

void Encoder::Implementation::run_layer(ExecutionContext& context, const EncoderLayerWeights& layer, Rows x) {
  const Rows q = query.resize(x.rows, x.columns), k = key.resize(x.rows, x.columns),
             v = value.resize(x.rows, x.columns), change = projected.resize(x.rows, x.columns);
  const std::array<kernels::LinearOutput, 3> outputs{{{layer.query.weight, layer.query.bias, q},
                                                      {layer.key.weight, layer.key.bias, k},
                                                      {layer.value.weight, layer.value.bias, v}}};
  kernels::linear(context, x, outputs);
  const auto heads = static_cast<std::size_t>(configuration.heads);
  const float scale = 1.0f / std::sqrt(static_cast<float>(x.columns / heads));
  kernels::encoder_attention(context, {.heads = heads, .scale = scale}, q, k, v, ends, q);
  kernels::linear(context, q, layer.attention_output.weight, layer.attention_output.bias, change);
  add_normalised(context, x, change, layer.attention_norm);

  const Rows up = hidden.resize(x.rows, static_cast<std::size_t>(configuration.hidden_width));
  kernels::linear(context, x, layer.up.weight, layer.up.bias, up);
  kernels::activate(context, configuration.activation, up, up);
  kernels::linear(context, up, layer.down.weight, layer.down.bias, change);
  add_normalised(context, x, change, layer.output_norm);
}

void Encoder::Implementation::run_head(ExecutionContext& context, Rows x, std::size_t texts, Rows out) {
  const Rows first = pooled.resize(texts, x.columns), inner = dense.resize(texts, x.columns);
  kernels::pool(context, kernels::Pooling::kFirst, x, ends, first);
  kernels::linear(context, first, weights.head_dense.weight, weights.head_dense.bias, inner);
  kernels::soft_cap(context, inner, 1.0f, inner);  // the hyperbolic tangent
  kernels::linear(context, inner, weights.head_output.weight, weights.head_output.bias, out);
}

// Rows between operators, and what products and attention take for themselves: activations in 8 bits with
// their scales, keys and values of the longest text for each thread.
std::size_t planned_encoder_memory(kernels::Isa isa, const formats::ModelFiles& files,
                                   EncoderPrecision precision, std::size_t batch_tokens) {
  const EncoderConfiguration configuration = read_encoder_configuration(files);
  const auto width = static_cast<std::size_t>(configuration.width),
             hidden = static_cast<std::size_t>(configuration.hidden_width);
  const std::size_t rows = std::max(batch_tokens, static_cast<std::size_t>(configuration.maximum_tokens));
  const std::size_t row_floats = 5 * width + hidden + std::max(width, hidden) * 3 / 4 + 64;
  constexpr std::size_t kScratchBytes = std::size_t{4} << 20;
  return planned_encoder_bytes(isa, configuration, files, precision) + rows * row_floats * sizeof(float) +
         kScratchBytes;
}

}  // namespace hearth::models
