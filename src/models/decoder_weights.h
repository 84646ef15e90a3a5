// The decoder's weights, and how they come out of a model's files.
//
// Loading goes tensor by tensor: packed, then the source pages are given back, so that memory peaks near the
// size of the file. Every tensor's shape is checked against the configuration before memory is taken for it.
// Tensors that the configuration has no use for are left alone.
// Errors: kCorruptData naming a tensor that is missing or of the wrong shape (expected and found), and what
// kernels::PackedMatrix::pack throws.
#pragma once

#include <functional>
#include <vector>

#include "formats/model_files.h"
#include "kernels/packed_matrix.h"
#include "models/decoder_configuration.h"

namespace hearth::models {

struct LinearWeights {
  kernels::PackedMatrix weight;
  std::vector<float> bias;  // may be empty
};

struct NormWeights {
  std::vector<float> weight, bias;  // bias: layer norms only
};

struct FeedForwardWeights {
  LinearWeights gate, up, down;  // gate: gated ones only
};

struct LayerWeights {
  NormWeights attention_norm, feed_forward_norm, post_attention_norm, post_feed_forward_norm;
  std::vector<float> query_norm, key_norm;
  LinearWeights query, key, value, attention_output;
  FeedForwardWeights feed_forward;  // where the layer has no experts
  LinearWeights router;
  std::vector<FeedForwardWeights> experts;
  FeedForwardWeights shared_expert;
  LinearWeights shared_switch;  // one row
};

struct DecoderWeights {
  kernels::PackedMatrix token_embedding;
  kernels::PackedMatrix output;  // empty where it is the token embedding
  NormWeights output_norm;
  std::vector<LayerWeights> layers;
};

// One matrix as the decoder wants it, of some rows of a tensor in the file.
struct MatrixSource {
  const TensorEntry* entry;
  std::size_t rows, columns;
  std::function<std::size_t(std::size_t row)> source_row;  // where row `row` lies in the tensor
  std::span<const std::byte> row_bytes(std::size_t row) const;
};

// Makes the matrices: packs them (load_weights) or only measures them (the memory plan).
using MatrixMaker = std::function<kernels::PackedMatrix(const MatrixSource&)>;
// Called when the last matrix of a tensor has been made.
using EntryDone = std::function<void(const TensorEntry&)>;

DecoderWeights read_weights(const DecoderConfiguration& configuration, const formats::ModelFiles& files,
                            const MatrixMaker& make, const EntryDone& done);

// Bytes held by packed matrices and vectors.
std::size_t weight_bytes(const DecoderWeights& weights);
// Of those, what a row alone reads in the first layers and the output; of a mixture the experts in use.
std::size_t bytes_read_for_a_row(const DecoderWeights& weights, const DecoderConfiguration& configuration,
                                 std::size_t layers);

DecoderWeights load_weights(
    kernels::ExecutionContext& context, const DecoderConfiguration& configuration,
    const formats::ModelFiles& files,
    const std::function<void(std::size_t bytes_done, std::size_t bytes_total)>& progress);

}  // namespace hearth::models
