// The matrices of activations that one forward pass needs: one table for the decoder, which allocates them,
// and the memory plan, which counts them.
#pragma once

#include <array>
#include <cstddef>

#include "models/decoder_configuration.h"
#include "tensor/matrix_view.h"

namespace hearth::models {

enum class Buffer {
  kResidual,       // width: what runs through all layers
  kKeptResidual,   // width: its rows that go on after the last layer's keys and values are stored
  kNormed,         // width: the input of attention, then of the feed-forward
  kFeedForwardIn,  // width: the feed-forward's, where both read the same residual
  kQuery,          // query width
  kKeptQuery,      // query width
  kKey,            // key/value width
  kValue,          // key/value width
  kAttended,       // query width
  kAngles,         // rotary dimensions
  kLocalAngles,    // rotary dimensions
  kProjected,      // width: what attention adds
  kGate,           // the widest feed-forward's hidden width
  kUp,             // the same
  kDown,           // width: what the feed-forward adds
  kRouter,         // experts
  kSwitch,         // 1
  kExpertIn,       // width
  kExpertOut,      // width for each expert that a token uses, the shared one included
  kCount,
};
inline constexpr std::size_t kBufferCount = static_cast<std::size_t>(Buffer::kCount);

// Columns for each row of the batch; 0: not needed.
std::array<std::size_t, kBufferCount> buffer_columns(const DecoderConfiguration& configuration);

// Owned by one decoder; grows to the largest batch seen.
class DecoderBuffers {
 public:
  explicit DecoderBuffers(const DecoderConfiguration& configuration)
      : columns_(buffer_columns(configuration)) {}

  MatrixView<float> get(Buffer buffer, std::size_t rows) {
    const auto index = static_cast<std::size_t>(buffer);
    return buffers_[index].resize(rows, columns_[index]);
  }
  // The same memory with fewer columns.
  MatrixView<float> get(Buffer buffer, std::size_t rows, std::size_t columns) {
    return {get(buffer, rows).data, rows, columns};
  }

 private:
  std::array<std::size_t, kBufferCount> columns_;
  std::array<MatrixBuffer, kBufferCount> buffers_;
};

}  // namespace hearth::models
