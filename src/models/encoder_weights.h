// An encoder's weights, and how they come out of a model's files: as models/decoder_weights.h, tensor by
// tensor, every shape checked before memory is taken for it.
// Errors: kCorruptData naming a tensor that is missing or of the wrong shape, and what
// kernels::PackedMatrix::pack throws.
#pragma once

#include <functional>
#include <vector>

#include "models/decoder_weights.h"
#include "models/encoder_configuration.h"

namespace hearth::models {

// In what matrices that the file has in floats are kept. With 8 bits products run on integers, several times
// as fast; matrices whose rows are no multiple of 32 stay as they are.
enum class EncoderPrecision { kAsStored, kEightBits };

struct EncoderLayerWeights {
  LinearWeights query, key, value, attention_output, up, down;
  NormWeights attention_norm, output_norm;
};

struct EncoderWeights {
  kernels::PackedMatrix tokens;
  std::vector<float> positions, types;  // rows of the model's width
  NormWeights embedding_norm;
  std::vector<EncoderLayerWeights> layers;
  LinearWeights head_dense, head_output;  // of cross-encoders
};

EncoderWeights load_encoder_weights(kernels::ExecutionContext& context,
                                    const EncoderConfiguration& configuration,
                                    const formats::ModelFiles& files, EncoderPrecision precision,
                                    const std::function<void(std::size_t done, std::size_t total)>& progress);

// Bytes that loading will hold.
std::size_t planned_encoder_bytes(kernels::Isa isa, const EncoderConfiguration& configuration,
                                  const formats::ModelFiles& files, EncoderPrecision precision);

}  // namespace hearth::models
