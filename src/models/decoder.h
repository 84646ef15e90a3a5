// The decoder-only transformer: one implementation for every architecture in decoder_configuration.h,
// switched by a plain configuration struct. Runs a batch of rows, each one token of some sequence, over the
// paged key/value cache.
//
// Non-goals: sampling, scheduling, owning the cache.
// Thread-safety: forward() by one thread at a time; weights are immutable after loading.
// Errors: loading throws hearth::Error (kCorruptData, kUnsupported, kOutOfMemory) that names the tensor or
// the metadata key; forward() throws nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/model_files.h"
#include "kernels/attention.h"
#include "kernels/execution_context.h"
#include "models/decoder_configuration.h"

namespace hearth::models {

// One token to run. Rows of one sequence come in rising positions; a batch may hold many sequences.
struct BatchRow {
  std::int32_t token;
  std::int32_t position;
  // One page table per layer group (DecoderConfiguration::layer_group_count()), see kernels::CacheRow.
  const std::int32_t* const* page_tables;
  bool wants_logits;
};

struct LoadOptions {
  std::int32_t context_tokens =
      0;  // the configured context (chooses long rope's factors); 0: the model's own
  std::function<void(std::size_t bytes_done, std::size_t bytes_total)> progress;
};

class Decoder {
 public:
  // Repacks tensor by tensor, giving each tensor's source pages back at once.
  static std::unique_ptr<Decoder> load(kernels::ExecutionContext& context, const formats::ModelFiles& files,
                                       const LoadOptions& options = {});
  // The same with a configuration that the caller made or changed.
  static std::unique_ptr<Decoder> load(kernels::ExecutionContext& context, const formats::ModelFiles& files,
                                       DecoderConfiguration configuration, const LoadOptions& options = {});
  ~Decoder();

  const DecoderConfiguration& configuration() const;
  std::size_t weight_bytes() const;  // held after packing
  // Weights that a row alone reads in the first `layers` layers and the output: what a step takes of the
  // memory's speed.
  std::size_t bytes_read_for_a_row(std::size_t layers) const;

  // Runs the rows. `layers[i]` is layer i's cache. Logits of the rows with wants_logits, in their order, are
  // written to the first rows of `logits` [number of such rows, vocabulary]. With fewer `layers` than the
  // model has, only these run, and the logits are what the output makes of theirs (early exit): a guess at
  // the whole model's, while the keys and values stored are the whole model's own.
  void forward(kernels::ExecutionContext& context, std::span<const BatchRow> rows,
               std::span<const kernels::PagedCacheView> layers, MatrixView<float> logits);

  // Where a row's values stop being finite numbers, for the message of an error: "layer 3 of 12", "the token
  // embedding" or "the output layer". Runs the row once more; what it stores in the cache is what is there.
  std::string find_not_finite(kernels::ExecutionContext& context, const BatchRow& row,
                              std::span<const kernels::PagedCacheView> layers);

 private:
  struct Implementation;
  explicit Decoder(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace hearth::models
