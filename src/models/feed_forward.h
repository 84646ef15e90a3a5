// The feed-forward of one layer: dense (Shazeer 2020, "GLU variants improve transformer"), or a mixture of
// experts (Shazeer et al. 2017; Mixtral; Qwen-MoE with its shared expert).
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/routing.h"
#include "models/decoder_buffers.h"
#include "models/decoder_weights.h"

namespace hearth::models {

// Holds scratch memory; one per decoder. Refers to the configuration and the buffers, which must outlive it.
class FeedForward {
 public:
  FeedForward(const DecoderConfiguration& configuration, DecoderBuffers& buffers)
      : configuration_(configuration), buffers_(buffers) {}

  void dense(kernels::ExecutionContext& context, const FeedForwardWeights& weights, MatrixView<float> in,
             MatrixView<float> out);
  void mixture(kernels::ExecutionContext& context, const LayerWeights& layer, MatrixView<float> in,
               MatrixView<float> out);

 private:
  void assign_slots(std::size_t tokens);
  void add_shared_choice(kernels::ExecutionContext& context, const LayerWeights& layer, MatrixView<float> in);

  const DecoderConfiguration& configuration_;
  DecoderBuffers& buffers_;
  std::vector<kernels::ExpertChoice> choices_, routed_;
  std::vector<std::int32_t> slots_, slot_rows_, first_slot_, next_slot_;
};

}  // namespace hearth::models
