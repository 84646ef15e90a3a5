// A text encoder of the BERT family (Devlin et al. 2019): texts to embeddings (Reimers & Gurevych 2019), or,
// as a cross-encoder, pairs of texts to the numbers of its head.
//
// Texts of different lengths lie one behind the other without padding, and what comes out for one of them
// does not depend on the others, bit for bit. Non-goals: tokens, queues. Thread-safety: run() by one thread
// at a time; weights are immutable after loading. Errors: loading throws hearth::Error (kCorruptData,
// kUnsupported, kOutOfMemory) that names the tensor or the field; run() throws nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "models/encoder_configuration.h"
#include "models/encoder_weights.h"

namespace hearth::models {

struct EncoderText {
  // 1 to maximum_tokens of them, special ones included, each in the vocabulary.
  std::span<const std::int32_t> tokens;
  // Where the second of a pair begins, for models that tell the two apart; tokens.size() where it is no pair.
  std::size_t second = 0;
};

class Encoder {
 public:
  static std::unique_ptr<Encoder> load(
      kernels::ExecutionContext& context, const formats::ModelFiles& files, EncoderPrecision precision,
      const std::function<void(std::size_t done, std::size_t total)>& progress = {});
  ~Encoder();

  const EncoderConfiguration& configuration() const;

  // out [texts, configuration().output_width()]: embeddings, or the head's numbers.
  void run(kernels::ExecutionContext& context, std::span<const EncoderText> texts, MatrixView<float> out);

 private:
  struct Implementation;
  explicit Encoder(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

// All that loading and running with at most `batch_tokens` in one run takes, in bytes.
std::size_t planned_encoder_memory(kernels::Isa isa, const formats::ModelFiles& files,
                                   EncoderPrecision precision, std::size_t batch_tokens);

}  // namespace hearth::models
