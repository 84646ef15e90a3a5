// Runs a loaded model without the scheduler: for measuring speed and perplexity.
// Thread-safety: none; it uses the model's context, so no engine may run on the same Model.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/key_value_cache.h"
#include "engine/model.h"

namespace hearth::engine {

class DirectRun {
 public:
  DirectRun(const Model& model, std::int32_t sequences);

  struct Row {
    std::int32_t sequence, token;
    bool wants_logits;
  };
  // Appends each row's token to its sequence. Logits of the rows that want them, in their order; valid until
  // the next call. Rows beyond options().batch_rows are an assert.
  MatrixView<const float> run(std::span<const Row> rows);
  // Empties a sequence.
  void reset(std::int32_t sequence);

 private:
  const Model& model_;
  KeyValueCache cache_;
  std::vector<SequencePages> pages_;
  std::vector<std::int64_t> lengths_;
  MatrixBuffer logits_;
};

}  // namespace hearth::engine
